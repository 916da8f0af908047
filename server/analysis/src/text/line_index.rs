//! Line starts of a text, and positions in the three encodings of LSP 3.17.

use super::TextRange;

/// Unit of a column: LSP 3.17 `PositionEncodingKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositionEncoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, the protocol's default.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A zero-based line and column, the column in some [`PositionEncoding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineCol {
    /// Zero-based line.
    pub line: u32,
    /// Zero-based column in the encoding's units.
    pub col: u32,
}

/// Line starts of one text. Lines end at `\n`, `\r\n` or a lone `\r`, as in
/// LSP 3.17 (form feed and the Unicode separators are ordinary characters).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<u32>,
    len: u32,
}

impl LineIndex {
    /// Indexes `text` in one pass.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = Vec::with_capacity(bytes.len() / 32 + 1);
        starts.push(0);
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
                continue;
            }
            starts.push(at as u32 + 1);
        }
        Self { starts, len: bytes.len() as u32 }
    }

    /// Number of lines; a text without a line break has one.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// Byte range of a zero-based line without its line break.
    pub fn line_range(&self, line: u32, text: &str) -> TextRange {
        let start = self.starts.get(line as usize).copied().unwrap_or(self.len);
        let next = self.starts.get(line as usize + 1).copied().unwrap_or(self.len);
        let content = TextRange::new(start, next).slice(text).trim_end_matches(['\r', '\n']);
        TextRange::new(start, start + content.len() as u32)
    }

    /// Zero-based line of a byte offset.
    pub fn line(&self, offset: u32) -> u32 {
        (self.starts.partition_point(|&start| start <= offset) as u32).saturating_sub(1)
    }

    /// Line and column of a byte offset. An offset inside a character counts
    /// as the start of that character; one behind the text as its end.
    pub fn line_col(&self, offset: u32, text: &str, encoding: PositionEncoding) -> LineCol {
        let mut offset = offset.min(self.len);
        while !text.is_char_boundary(offset as usize) {
            offset -= 1;
        }
        let line = self.line(offset);
        let start = self.starts[line as usize];
        let before = TextRange::new(start, offset).slice(text);
        let col = match encoding {
            PositionEncoding::Utf8 => before.len(),
            PositionEncoding::Utf16 if before.is_ascii() => before.len(),
            PositionEncoding::Utf16 => before.encode_utf16().count(),
            PositionEncoding::Utf32 => before.chars().count(),
        };
        LineCol { line, col: col as u32 }
    }

    /// Byte offset of a line and column. A column behind the end of its line
    /// is the end of the line (LSP 3.17, `Position`); a line behind the text
    /// is the end of the text.
    pub fn offset(&self, position: LineCol, text: &str, encoding: PositionEncoding) -> u32 {
        if position.line as usize >= self.starts.len() {
            return self.len;
        }
        let range = self.line_range(position.line, text);
        let line = range.slice(text);
        let mut left = position.col as usize;
        for (at, c) in line.char_indices() {
            if left == 0 {
                return range.start + at as u32;
            }
            let width = match encoding {
                PositionEncoding::Utf8 => c.len_utf8(),
                PositionEncoding::Utf16 => c.len_utf16(),
                PositionEncoding::Utf32 => 1,
            };
            if width > left {
                return range.start + at as u32;
            }
            left -= width;
        }
        range.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_in_every_encoding() {
        let text = "a\r\nbé😀c\rd\n\u{c}e\u{2028}f";
        let index = LineIndex::new(text);
        assert_eq!(index.line_count(), 4);
        for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32] {
            for (at, c) in text.char_indices().filter(|(_, c)| !matches!(c, '\r' | '\n')) {
                let position = index.line_col(at as u32, text, encoding);
                assert_eq!(index.offset(position, text, encoding), at as u32, "{c:?} {encoding:?}");
            }
        }
        let emoji = text.find('c').unwrap_or(0) as u32;
        assert_eq!(index.line_col(emoji, text, PositionEncoding::Utf8).col, 7);
        assert_eq!(index.line_col(emoji, text, PositionEncoding::Utf16).col, 4);
        assert_eq!(index.line_col(emoji, text, PositionEncoding::Utf32).col, 3);
    }

    #[test]
    fn clamps_what_lies_outside() {
        let index = LineIndex::new("ab\ncd");
        let far = |line, col| index.offset(LineCol { line, col }, "ab\ncd", PositionEncoding::Utf16);
        assert_eq!(far(0, 99), 2);
        assert_eq!(far(9, 0), 5);
    }
}
