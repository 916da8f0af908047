//! Open documents: what the client says their text is.
//!
//! Helix 25.01 hands each change to a task of its own, so that changes of fast
//! typing arrive out of order. Their versions tell the right one: changes of
//! late are kept with the text before them, and made again in order when an
//! earlier one turns up.

use std::collections::VecDeque;

use ropey::Rope;
use tower_lsp::lsp_types::{Position, Range, TextDocumentContentChangeEvent, Url};

use authlens_analysis::text::PositionEncoding;

use crate::workspace;

/// The path under which the analysis knows a document.
pub(super) fn path_of(uri: &Url) -> String {
    match uri.to_file_path() {
        Ok(path) => workspace::slashed(&path),
        // A document that has no file is analysed alone.
        Err(()) => format!("/{}/{}.py", uri.scheme(), uri.path().trim_matches('/')),
    }
}

/// Changes that one may overtake.
const KEPT: usize = 64;

/// One open document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) uri: Url,
    /// The highest version that arrived.
    pub(super) version: i32,
    pub(super) rope: Rope,
    /// Changes of late, by version.
    late: VecDeque<Late>,
    /// Whether the analysis has not seen the text yet.
    pub(super) dirty: bool,
}

/// A change with the text before it. Texts share what they have in common.
#[derive(Debug)]
struct Late {
    version: i32,
    before: Rope,
    changes: Vec<TextDocumentContentChangeEvent>,
}

impl Document {
    pub(super) fn new(uri: Url, version: i32, text: &str) -> Self {
        Self { uri, version, rope: Rope::from_str(text), late: VecDeque::new(), dirty: true }
    }

    /// Applies the changes of one `didChange`, in their order, and before those
    /// of higher versions that have arrived already.
    pub(super) fn change(
        &mut self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: PositionEncoding,
    ) {
        self.dirty = true;
        let overtaken = self.late.partition_point(|late| late.version <= version);
        if overtaken == 0 && self.late.len() == KEPT {
            // Nobody is overtaken by that many: the client counts anew.
            self.late.clear();
        }
        self.version = self.late.back().map_or(version, |last| last.version.max(version));
        let mut again = self.late.split_off(overtaken);
        if let Some(first) = again.front() {
            self.rope = first.before.clone();
        }
        again.push_front(Late { version, before: Rope::new(), changes });
        for mut late in again {
            late.before = self.rope.clone();
            for change in &late.changes {
                apply(&mut self.rope, change, encoding);
            }
            self.late.push_back(late);
        }
        while self.late.len() > KEPT {
            self.late.pop_front();
        }
    }
}

fn apply(rope: &mut Rope, change: &TextDocumentContentChangeEvent, encoding: PositionEncoding) {
    let Some(Range { start, end }) = change.range else {
        *rope = Rope::from_str(&change.text);
        return;
    };
    let (start, end) = (char_at(rope, start, encoding), char_at(rope, end, encoding));
    // A range that ends before it starts is taken the right way round.
    let (start, end) = (start.min(end), start.max(end));
    rope.remove(start..end);
    rope.insert(start, &change.text);
}

/// The character of a position; what lies outside is clamped, as LSP 3.17 says.
fn char_at(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let slice = rope.line(line);
    let mut length = slice.len_chars();
    while length > 0 && matches!(slice.char(length - 1), '\n' | '\r') {
        length -= 1;
    }
    let content = slice.slice(..length);
    let column = position.character as usize;
    let chars = match encoding {
        PositionEncoding::Utf32 => column.min(length),
        PositionEncoding::Utf16 => content.utf16_cu_to_char(column.min(content.len_utf16_cu())),
        PositionEncoding::Utf8 => content.byte_to_char(column.min(content.len_bytes())),
    };
    start + chars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(line: u32, from: u32, to: u32, text: &str) -> TextDocumentContentChangeEvent {
        let range = Range::new(Position::new(line, from), Position::new(line, to));
        TextDocumentContentChangeEvent { range: Some(range), range_length: None, text: text.into() }
    }

    #[test]
    fn edits_count_in_the_negotiated_unit() {
        let before = "a\r\n'é😀x'\nlast";
        for (encoding, from, to) in
            [(PositionEncoding::Utf8, 7, 8), (PositionEncoding::Utf16, 4, 5), (PositionEncoding::Utf32, 3, 4)]
        {
            let uri = Url::parse("file:///a.py").unwrap();
            let mut document = Document::new(uri, 1, before);
            document.change(2, vec![change(1, from, to, "yz"), change(9, 0, 0, "!"), change(2, 99, 99, "?")], encoding);
            assert_eq!(document.rope.to_string(), "a\r\n'é😀yz'\nlast!?", "{encoding:?}");
        }
    }

    #[test]
    fn changes_that_overtake_each_other_are_put_in_order() {
        let typed: Vec<_> = "current".chars().zip(0u32..).collect();
        for order in [[0, 1, 2, 3, 4, 5, 6], [0, 1, 5, 6, 2, 3, 4], [6, 5, 4, 3, 2, 1, 0], [1, 0, 3, 2, 6, 4, 5]] {
            let mut document = Document::new(Url::parse("file:///a.py").unwrap(), 0, "x = \n");
            for at in order {
                let (letter, column) = typed[at];
                let changes = vec![change(0, 4 + column, 4 + column, &letter.to_string())];
                document.change(1 + at as i32, changes, PositionEncoding::Utf8);
            }
            assert_eq!((document.rope.to_string().as_str(), document.version), ("x = current\n", 7), "{order:?}");
        }
    }

    #[test]
    fn versions_that_stay_or_begin_anew_are_taken_as_they_come() {
        let mut document = Document::new(Url::parse("file:///a.py").unwrap(), 0, "");
        for letter in ["a", "b", "c"] {
            document.change(0, vec![change(0, 999, 999, letter)], PositionEncoding::Utf16);
        }
        assert_eq!(document.rope.to_string(), "abc");
        for version in 1..=70 {
            document.change(version, vec![change(0, 999, 999, "-")], PositionEncoding::Utf16);
        }
        document.change(1, vec![change(0, 999, 999, "!")], PositionEncoding::Utf16);
        assert_eq!((document.rope.to_string().ends_with("-!"), document.version), (true, 1));
    }
}
