//! Texts that are not UTF-8.

use std::borrow::Cow;

/// How a text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// ISO-8859-1: every byte is the character of that number.
    Latin1,
    /// What Windows makes of it: characters in the place of control codes.
    Windows1252,
}

/// What Windows-1252 has for the bytes from 0x80 to 0x9F; five of them mean nothing.
const WINDOWS: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}',
    '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}',
    '\u{17E}', '\u{178}',
];

/// The text of a file, and how it is written. What is not UTF-8 is read where it is Python that names its encoding, as
/// PEP 263 says: without that, Python does not read it either.
pub(super) fn decode(bytes: Vec<u8>, is_python: bool) -> Option<(String, Encoding)> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Some((text, Encoding::Utf8)),
        Err(error) => error.into_bytes(),
    };
    let encoding = is_python.then(|| declared(&bytes)).flatten()?;
    let character = |byte: u8| match (encoding, byte) {
        (Encoding::Windows1252, 0x80..=0x9F) => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    Some((bytes.into_iter().map(character).collect(), encoding))
}

/// A text in an encoding; none when that lacks one of its characters.
pub(super) fn encode(text: &str, encoding: Encoding) -> Option<Cow<'_, [u8]>> {
    let byte = |character: char| match (encoding, WINDOWS.iter().position(|known| *known == character)) {
        (Encoding::Windows1252, Some(at)) => u8::try_from(at + 0x80).ok(),
        _ => u8::try_from(character).ok(),
    };
    match encoding {
        Encoding::Utf8 => Some(text.as_bytes().into()),
        _ => text.chars().map(byte).collect::<Option<Vec<u8>>>().map(Cow::from),
    }
}

/// The encoding that a comment in one of the first two lines names: `coding[:=]\s*([-\w.]+)`. The second one counts
/// where the first is no code.
fn declared(bytes: &[u8]) -> Option<Encoding> {
    let lines = bytes.split(|byte| *byte == b'\n').take(2);
    let comments = lines.map(<[u8]>::trim_ascii).take_while(|line| line.is_empty() || line.starts_with(b"#"));
    comments.map(String::from_utf8_lossy).find_map(|line| {
        let (_, behind) = line.split_once("coding")?;
        let name = behind.strip_prefix([':', '='])?.trim_start();
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
        match name[..end].to_ascii_lowercase().replace('_', "-").as_str() {
            "latin-1" | "latin1" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => Some(Encoding::Latin1),
            "cp1252" | "windows-1252" | "1252" => Some(Encoding::Windows1252),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_says_of_its_encoding_is_believed() {
        let cases: [(&[u8], Option<&str>); 5] = [
            (b"# -*- coding: latin-1 -*-\nx = '\xe9\x80'\n", Some("'\u{e9}\u{80}'")),
            (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\xe9\x80'\n", Some("'\u{e9}\u{20ac}'")),
            (b"x = '\xe9'\n# coding: latin-1\n", None),
            (b"\n\n# coding: latin-1\nx = '\xe9'\n", None),
            (b"# coding: shift-jis\nx = '\xe9'\n", None),
        ];
        for (bytes, holds) in cases {
            let read = decode(bytes.to_vec(), true);
            assert_eq!(
                read.as_ref().map(|(text, _)| holds.is_some_and(|part| text.contains(part))),
                holds.map(|_| true)
            );
            if let Some((text, encoding)) = read {
                assert_eq!(encode(&text, encoding).as_deref(), Some(bytes));
                assert_eq!(encode("\u{4e2d}", encoding), None);
            }
            assert_eq!(decode(bytes.to_vec(), false), None);
        }
    }
}
