//! Open documents: what the client says their text is.

use ropey::Rope;
use tower_lsp::lsp_types::{Position, Range, TextDocumentContentChangeEvent, Url};

use authlens_analysis::text::PositionEncoding;

/// One open document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) uri: Url,
    pub(super) version: i32,
    pub(super) rope: Rope,
    /// Whether the analysis has not seen the text yet.
    pub(super) dirty: bool,
}

impl Document {
    pub(super) fn new(uri: Url, version: i32, text: &str) -> Self {
        Self { uri, version, rope: Rope::from_str(text), dirty: true }
    }

    /// Applies the changes of one `didChange`, in their order.
    pub(super) fn change(
        &mut self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: PositionEncoding,
    ) {
        self.version = version;
        self.dirty = true;
        for change in changes {
            let Some(Range { start, end }) = change.range else {
                self.rope = Rope::from_str(&change.text);
                continue;
            };
            let (start, end) = (char_at(&self.rope, start, encoding), char_at(&self.rope, end, encoding));
            // A range that ends before it starts is taken the right way round.
            let (start, end) = (start.min(end), start.max(end));
            self.rope.remove(start..end);
            self.rope.insert(start, &change.text);
        }
    }
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
}
