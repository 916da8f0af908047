//! Markdown as the reader of specifications needs it: headings, list items,
//! table rows, code blocks and lines of text, each with its place.

use crate::text::TextRange;

/// A piece of the text that knows where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    /// Offset of its first byte.
    pub(super) start: usize,
    /// The piece.
    pub(super) text: &'t str,
}

impl<'t> Piece<'t> {
    pub(super) fn range(self) -> TextRange {
        TextRange::new(self.start as u32, (self.start + self.text.len()) as u32)
    }

    /// A part of the piece that was sliced out of it.
    pub(super) fn part(self, text: &'t str) -> Self {
        let offset = (text.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Self { start: self.start + offset.min(self.text.len()), text }
    }

    fn trimmed(self) -> Self {
        self.part(self.text.trim())
    }
}

/// One block of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block<'t> {
    /// `## Title`.
    Heading { level: usize, title: Piece<'t> },
    /// A list item, without its bullet or number. `depth` is its indentation.
    Item { depth: usize, text: Piece<'t> },
    /// A row of a table with the cells of the table's header.
    Row { header: Vec<&'t str>, cells: Vec<Piece<'t>>, line: Piece<'t> },
    /// The lines of a code block.
    Code { language: &'t str, lines: Vec<Piece<'t>> },
    /// A line of running text. `depth` is its indentation.
    Text { depth: usize, text: Piece<'t> },
    /// An empty line.
    Blank,
}

/// Splits a text into blocks. Front matter and comments are left out.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut fence: Option<(&str, &str, Vec<Piece<'_>>)> = None;
    let mut header: Option<Vec<&str>> = None;
    let mut comment = false;
    let lines = lines(text);
    let mut at = front_matter(&lines);
    while let Some(&line) = lines.get(at) {
        at += 1;
        let content = line.trimmed();
        if let Some((mark, language, mut inside)) = fence.take() {
            let closes = content.text.starts_with(mark) && content.text.trim_matches(['`', '~']).is_empty();
            if closes {
                blocks.push(Block::Code { language, lines: inside });
            } else {
                inside.push(line.part(line.text.trim_end()));
                fence = Some((mark, language, inside));
            }
            continue;
        }
        if comment || content.text.starts_with("<!--") {
            comment = !content.text.contains("-->");
            continue;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| content.text.starts_with(mark)) {
            let language = content.text.trim_start_matches(['`', '~']).split_whitespace().next().unwrap_or("");
            fence = Some((mark, language, Vec::new()));
            continue;
        }
        if !content.text.starts_with('|') {
            header = None;
        } else if let Some(header) = &header {
            blocks.push(Block::Row { header: header.clone(), cells: cells(content), line: content });
            continue;
        } else if lines.get(at).is_some_and(|next| is_separator(next.text)) {
            header = Some(cells(content).iter().map(|cell| cell.text).collect());
            at += 1;
            continue;
        }
        blocks.push(plain(line));
    }
    // A code block that is never closed reaches to the end.
    if let Some((_, language, lines)) = fence {
        blocks.push(Block::Code { language, lines });
    }
    blocks
}

/// A line outside of code blocks and tables.
fn plain(line: Piece<'_>) -> Block<'_> {
    let content = line.part(line.text.trim_end());
    let quoted = content.text.trim_start().trim_start_matches('>').trim_start();
    let depth = content.text.len() - content.text.trim_start().len();
    if quoted.is_empty() {
        return Block::Blank;
    }
    let level = quoted.len() - quoted.trim_start_matches('#').len();
    if (1..=6).contains(&level) && quoted[level..].starts_with([' ', '\t']) {
        return Block::Heading { level, title: content.part(quoted[level..].trim().trim_end_matches('#').trim_end()) };
    }
    match item(quoted) {
        Some(text) => Block::Item { depth, text: content.part(text) },
        None => Block::Text { depth, text: content.part(quoted) },
    }
}

/// The text behind a bullet, a number or a check box.
fn item(text: &str) -> Option<&str> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = match digits {
        0 => text.strip_prefix(['-', '*', '+'])?,
        1..=3 => text[digits..].strip_prefix(['.', ')'])?,
        _ => return None,
    };
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let unchecked = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark));
    Some(unchecked.unwrap_or(rest).trim_start())
}

fn lines(text: &str) -> Vec<Piece<'_>> {
    let whole = Piece { start: 0, text };
    text.split_inclusive('\n').map(|line| whole.part(line.trim_end_matches(['\n', '\r']))).collect()
}

/// Number of lines of a front matter between `---` lines at the top.
fn front_matter(lines: &[Piece<'_>]) -> usize {
    if lines.first().is_none_or(|line| line.text.trim_end() != "---") {
        return 0;
    }
    lines.iter().skip(1).position(|line| line.text.trim_end() == "---").map_or(0, |end| end + 2)
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

/// The cells of a table row. A bar in code or behind a backslash separates nothing.
fn cells(row: Piece<'_>) -> Vec<Piece<'_>> {
    let inner = row.text.strip_prefix('|').unwrap_or(row.text);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let mut cells = Vec::new();
    let (mut start, mut code, mut escaped) = (0, false, false);
    for (at, c) in inner.char_indices() {
        match c {
            '`' => code = !code,
            '|' if !code && !escaped => {
                cells.push(row.part(inner[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
        escaped = c == '\\';
    }
    cells.push(row.part(inner[start..].trim()));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_block() {
        let text = "---\ntitle: x\n---\n# A\n> quoted\n\n- [ ] one\n  2. two\n<!-- hidden\n- no -->\n| a | `b|c` |\n|---|:-:|\n| 1 | x\\|y |\n```http\nGET /a\n  ```\nend\n~~~\nopen";
        let shown: Vec<String> = blocks(text)
            .iter()
            .map(|block| match block {
                Block::Heading { level, title } => format!("h{level} {}", title.text),
                Block::Item { depth, text } => format!("item{depth} {}", text.text),
                Block::Row { header, cells, .. } => {
                    format!("row {header:?} {:?}", cells.iter().map(|cell| cell.text).collect::<Vec<_>>())
                }
                Block::Code { language, lines } => format!("code {language} {}", lines.len()),
                Block::Text { text: piece, .. } => {
                    assert_eq!(piece.range().slice(text), piece.text);
                    format!("text {}", piece.text)
                }
                Block::Blank => String::new(),
            })
            .collect();
        let wanted = [
            "h1 A",
            "text quoted",
            "",
            "item0 one",
            "item2 two",
            "row [\"a\", \"`b|c`\"] [\"1\", \"x\\\\|y\"]",
            "code http 1",
            "text end",
            "code  1",
        ];
        assert_eq!(shown, wanted);
    }
}
