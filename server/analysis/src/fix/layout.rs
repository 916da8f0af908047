//! How a file is laid out, and insertions into its comma-separated lists that
//! keep that layout.

use std::ops::Range;
use std::sync::Arc;

use tree_sitter::Node;

use crate::ide::TextEdit;
use crate::text::TextRange;

/// Longest line that an edit may make where the file has no longer one.
const LINE_LIMIT: usize = 88;
/// No line is made longer than this, whatever the file holds.
const MAX_LINE_LIMIT: usize = 120;
/// Lines above a limit that show that a project has a higher one.
const LONG_LINES: usize = 8;

/// The line limit that a project's files show: 88, 100 or 120.
pub(super) fn line_limit(texts: impl Iterator<Item = Arc<str>>) -> usize {
    let (mut above_88, mut above_100) = (0, 0);
    let widths = texts.flat_map(|text| text.lines().map(|line| line.chars().count()).collect::<Vec<_>>());
    for width in widths {
        match width {
            89..=100 => above_88 += 1,
            101..=MAX_LINE_LIMIT => above_100 += 1,
            _ => {}
        }
    }
    match (above_88 >= LONG_LINES, above_100 >= LONG_LINES) {
        (_, true) => MAX_LINE_LIMIT,
        (true, false) => 100,
        _ => LINE_LIMIT,
    }
}

/// The line ending that most lines of a text have.
pub(super) fn line_ending(text: &str) -> &'static str {
    let crlf = text.matches("\r\n").count();
    if crlf * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// Layout of one file.
#[derive(Debug)]
pub(super) struct Layout {
    /// The line ending that most lines have.
    pub(super) ending: &'static str,
    /// One level of indentation.
    pub(super) unit: String,
    /// Longest line that an edit should make.
    pub(super) limit: usize,
}

impl Layout {
    pub(super) fn of(text: &str) -> Self {
        let ending = line_ending(text);
        let mut unit = None;
        let mut opens = false;
        let mut limit = LINE_LIMIT;
        for line in text.lines() {
            let width = line.chars().count();
            if width > limit && width <= MAX_LINE_LIMIT && !line.contains("http") {
                limit = width;
            }
            let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
            if opens && !indent.is_empty() && unit.is_none() && indent.len() < line.len() {
                unit = Some(indent.to_owned());
            }
            opens = indent.is_empty() && line.trim_end().ends_with(':');
        }
        Self { ending, unit: unit.unwrap_or_else(|| "    ".to_owned()), limit }
    }
}

/// A comma-separated list in a text: parameters, arguments, list elements or
/// imported names.
pub(super) struct Delimited<'t> {
    text: &'t str,
    layout: &'t Layout,
    /// What stands between the delimiters.
    inner: Range<usize>,
    items: Vec<Range<usize>>,
    comments: Vec<Range<usize>>,
    /// Delimiters to add when the list is broken into lines.
    missing: (&'static str, &'static str),
}

impl<'t> Delimited<'t> {
    /// The list that a node with one-character delimiters holds.
    pub(super) fn of(text: &'t str, layout: &'t Layout, node: Node<'_>) -> Self {
        let mut cursor = node.walk();
        let (mut items, mut comments) = (Vec::new(), Vec::new());
        for child in node.named_children(&mut cursor) {
            if child.kind() == "comment" { &mut comments } else { &mut items }.push(child.byte_range());
        }
        Self {
            text,
            layout,
            inner: node.start_byte() + 1..node.end_byte().saturating_sub(1).max(node.start_byte() + 1),
            items,
            comments,
            missing: ("", ""),
        }
    }

    /// The names of a `from … import` statement.
    pub(super) fn of_names(text: &'t str, layout: &'t Layout, statement: Node<'_>, names: Vec<Range<usize>>) -> Self {
        let mut cursor = statement.walk();
        let mut inner = names.first().map_or(0, |n| n.start)..names.last().map_or(0, |n| n.end);
        let (mut comments, mut missing) = (Vec::new(), ("(", ")"));
        for child in statement.children(&mut cursor) {
            match child.kind() {
                "(" => {
                    inner.start = child.end_byte();
                    missing = ("", "");
                }
                ")" => inner.end = child.start_byte(),
                "comment" => comments.push(child.byte_range()),
                _ => {}
            }
        }
        Self { text, layout, inner, items: names, comments, missing }
    }

    /// Inserts entries: each goes before the item of its index, or behind the
    /// last item. Indices ascend.
    pub(super) fn insert(&self, entries: &[(usize, String)]) -> Vec<TextEdit> {
        let added: usize = entries.iter().map(|(_, entry)| entry.chars().count() + 2).sum();
        // All items on one line, which may be a line of their own.
        let items = self.items.first().map_or(0, |item| item.start)..self.items.last().map_or(0, |item| item.end);
        let one_row = !self.text[items.clone()].contains('\n');
        let too_long = line_width(self.text, items.end) + added > self.layout.limit;
        if one_row && too_long && items.end > 0 && self.comments.is_empty() {
            return vec![self.broken(entries)];
        }
        let mut edits = Vec::new();
        for slot in entries.chunk_by(|(a, _), (b, _)| a == b) {
            let at = slot[0].0;
            let written: Vec<&str> = slot.iter().map(|(_, entry)| entry.as_str()).collect();
            if at < self.items.len() {
                edits.push(self.before(at, &written));
            } else {
                edits.extend(self.behind(&written));
            }
        }
        edits
    }

    /// Text of all items, with entries among them.
    fn with(&self, entries: &[(usize, String)]) -> Vec<String> {
        let mut all = Vec::new();
        for at in 0..=self.items.len() {
            all.extend(entries.iter().filter(|(slot, _)| *slot == at).map(|(_, entry)| entry.clone()));
            all.extend(self.items.get(at).map(|item| self.text[item.clone()].to_owned()));
        }
        all
    }

    /// The list on lines of its own: all on one, if they fit, else one each.
    fn broken(&self, entries: &[(usize, String)]) -> TextEdit {
        let Layout { ending, unit, limit } = self.layout;
        let outer = indentation(self.text, self.inner.start);
        let items = self.with(entries);
        let joined = items.join(", ");
        let (open, close) = self.missing;
        // Formatters give imports a line each at once.
        let fits = open.is_empty()
            && self.missing_is_call()
            && columns(outer) + columns(unit) + joined.chars().count() <= *limit;
        let body = if fits {
            format!("{ending}{outer}{unit}{joined}{ending}{outer}")
        } else {
            let lines: String = items.iter().map(|item| format!("{ending}{outer}{unit}{item},")).collect();
            format!("{lines}{ending}{outer}")
        };
        TextEdit {
            range: TextRange::new(self.inner.start as u32, self.inner.end as u32),
            text: format!("{open}{body}{close}"),
        }
    }

    /// Whether the list follows a callee or a function's name, and is no list
    /// or import.
    fn missing_is_call(&self) -> bool {
        self.text[..self.inner.start].ends_with('(') && !self.text[..self.inner.start].ends_with("import (")
    }

    /// Whether an item shares its line with another, or may not have a line of its own.
    fn crowded(&self, at: usize) -> bool {
        if !self.missing.0.is_empty() {
            return true;
        }
        let broken = |a: &Range<usize>, b: &Range<usize>| self.text[a.end..b.start].contains('\n');
        let before = at.checked_sub(1).and_then(|before| self.items.get(before));
        let (item, next) = (&self.items[at], self.items.get(at + 1));
        before.is_some_and(|before| !broken(before, item)) || next.is_some_and(|next| !broken(item, next))
    }

    fn before(&self, at: usize, entries: &[&str]) -> TextEdit {
        let item = &self.items[at];
        if !first_on_line(self.text, item.start) || self.crowded(at) {
            return insertion(item.start, entries.iter().map(|entry| format!("{entry}, ")).collect());
        }
        // Comments above an item belong to it.
        let earlier = at.checked_sub(1).map_or(self.inner.start, |before| self.items[before].end);
        let above = self.comments.iter().find(|comment| {
            comment.start >= earlier && comment.end <= item.start && first_on_line(self.text, comment.start)
        });
        let start = above.map_or(item.start, |comment| comment.start);
        let line = format!(",{}{}", self.layout.ending, indentation(self.text, item.start));
        insertion(start, entries.iter().map(|entry| format!("{entry}{line}")).collect())
    }

    fn behind(&self, entries: &[&str]) -> Vec<TextEdit> {
        let Some(last) = self.items.last() else {
            return vec![insertion(self.inner.start, entries.join(", "))];
        };
        if !first_on_line(self.text, last.start) || self.crowded(self.items.len() - 1) {
            return vec![insertion(last.end, entries.iter().map(|entry| format!(", {entry}")).collect())];
        }
        let rest = &self.text[last.end..self.inner.end.max(last.end)];
        let line = format!("{}{}", self.layout.ending, indentation(self.text, last.start));
        let line_end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        if rest.trim_start().starts_with(',') {
            let written: String = entries.iter().map(|entry| format!("{line}{entry},")).collect();
            return vec![insertion(last.end + line_end, written)];
        }
        let written = entries.join(&format!(",{line}"));
        if rest[..line_end].trim().is_empty() {
            return vec![insertion(last.end, format!(",{line}{written}"))];
        }
        // A comment behind the last item: the comma goes before it.
        vec![insertion(last.end, ",".to_owned()), insertion(last.end + line_end, format!("{line}{written}"))]
    }
}

/// One edit that inserts `text` at `offset`.
pub(super) fn insertion(offset: usize, text: String) -> TextEdit {
    TextEdit { range: TextRange::empty(offset as u32), text }
}

/// One edit that puts `text` in the place of what stands in `range`.
pub(super) fn replacement(range: Range<usize>, text: String) -> TextEdit {
    TextEdit { range: TextRange::new(range.start as u32, range.end as u32), text }
}

/// The whole lines of a statement, when it shares none of them with another.
pub(super) fn own_lines(text: &str, statement: Range<usize>) -> Option<Range<usize>> {
    let end = line_after(text, statement.end);
    let behind = text[statement.end..end].trim();
    let alone = first_on_line(text, statement.start) && (behind.is_empty() || behind.starts_with('#'));
    alone.then(|| line_start(text, statement.start)..end)
}

/// Lines to take away, with the blank lines behind them where blank ones stand
/// before them too.
pub(super) fn with_blank_lines(text: &str, lines: Range<usize>) -> Range<usize> {
    let blank = |line: Option<&str>| line.is_none_or(|line| line.trim().is_empty());
    let mut end = lines.end;
    if blank(text[..lines.start].lines().next_back()) {
        while end < text.len() && blank(text[end..].lines().next()) {
            end = line_after(text, end);
        }
    }
    lines.start..end
}

/// The white space at the start of the line of `offset`.
pub(super) fn indentation(text: &str, offset: usize) -> &str {
    let line = &text[line_start(text, offset)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Where the line of `offset` begins, behind a byte order mark.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    text[..offset].rfind('\n').map_or(mark.min(offset), |at| at + 1)
}

/// Where the line after that of `offset` begins.
pub(super) fn line_after(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1)
}

/// Whether nothing but white space stands before `offset` in its line.
pub(super) fn first_on_line(text: &str, offset: usize) -> bool {
    text[line_start(text, offset)..offset].trim().is_empty()
}

fn line_width(text: &str, offset: usize) -> usize {
    let line = &text[line_start(text, offset)..line_after(text, offset)];
    columns(line.trim_end())
}

/// Columns of a line, tabs counted as four.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum()
}
