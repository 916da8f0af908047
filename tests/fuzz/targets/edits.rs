//! Edits of an open document, in three encodings, against a naive model.
#![no_main]

#[path = "../../../server/lsp/documents.rs"]
#[allow(dead_code, unreachable_pub, reason = "included for the edits")]
mod documents;

/// Paths play no part in edits.
mod workspace {
    pub(crate) fn slashed(path: &std::path::Path) -> String {
        path.to_string_lossy().into_owned()
    }
}

use authlens_analysis::text::{LineCol, LineIndex, PositionEncoding};
use documents::Document;
use libfuzzer_sys::fuzz_target;
use tower_lsp::lsp_types::{Position, Range, TextDocumentContentChangeEvent, Url};

fuzz_target!(|input: (&str, Vec<(u8, u8, u8, u8, &str)>, u8)| {
    let (text, edits, encoding) = input;
    let encoding = [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32][encoding as usize % 3];
    let Ok(uri) = Url::parse("file:///a.py") else { return };
    let mut document = Document::new(uri, 1, text);
    let mut model = text.to_owned();
    for (line, column, end_line, end_column, new) in edits {
        let at = |line: u8, column: u8| Position::new(u32::from(line), u32::from(column));
        let range = Range::new(at(line, column), at(end_line, end_column));
        let event = TextDocumentContentChangeEvent { range: Some(range), range_length: None, text: new.to_owned() };
        document.change(2, vec![event], encoding);
        let index = LineIndex::new(&model);
        let offset = |p: Position| index.offset(LineCol { line: p.line, col: p.character }, &model, encoding) as usize;
        let (start, end) = (offset(range.start), offset(range.end));
        model.replace_range(start.min(end)..start.max(end), new);
        assert_eq!(document.rope.to_string(), model);
    }
});
