//! Where a parameter of a type says how it varies: `interface Box<in out T>` (TypeScript 4.7).
//!
//! This walks over the bytes of a script. What stands in a comment or a string is found as well: who asks looks into
//! the tree what it is.

use std::ops::Range;

use memchr::memchr_iter;

/// What may have parameters that vary.
const DECLARES: &[&[u8]] = &[b"class", b"interface", b"type"];

/// What says how a parameter varies.
const ANNOTATIONS: &[&[u8]] = &[b"in", b"out"];

/// Bytes of a list of parameters that are looked at, at most.
const MAX_LIST: usize = 8 << 10;

/// The annotations of a script, in order.
pub(super) fn annotations(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for open in memchr_iter(b'<', bytes).filter(|open| declares(&bytes[..*open])) {
        list(bytes, open + 1, &mut found);
    }
    found
}

/// Whether a name that is declared stands last, with the word that declares it.
fn declares(before: &[u8]) -> bool {
    let Some((before, _)) = last_word(before) else { return false };
    before.last().is_some_and(u8::is_ascii_whitespace)
        && last_word(before.trim_ascii_end()).is_some_and(|(_, word)| DECLARES.contains(&word))
}

fn last_word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.iter().rev().take_while(|byte| is_of_word(**byte)).count();
    (length > 0).then(|| bytes.split_at(bytes.len() - length))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

/// The annotations of the list of parameters that begins at a place.
fn list(bytes: &[u8], from: usize, found: &mut Vec<Range<usize>>) {
    let end = bytes.len().min(from + MAX_LIST);
    let (mut at, mut depth, mut begins) = (from, 0_usize, true);
    while at < end {
        match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b',' if depth == 0 => begins = true,
            b'>' if bytes[at - 1] == b'=' => {}
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' | b')' | b']' | b'}' if depth == 0 => return,
            b'>' | b')' | b']' | b'}' => depth -= 1,
            quote @ (b'"' | b'\'' | b'`') => match bytes[at + 1..end].iter().position(|byte| *byte == quote) {
                Some(length) => at += length + 1,
                None => return,
            },
            byte if is_of_word(byte) => {
                let length = bytes[at..end].iter().take_while(|byte| is_of_word(**byte)).count();
                let word = &bytes[at..at + length];
                // A name that is followed by nothing is the parameter's own.
                let another = bytes[at + length..end].iter().find(|byte| !byte.is_ascii_whitespace());
                let annotates = ANNOTATIONS.contains(&word) && another.is_some_and(|byte| is_of_word(*byte));
                if begins && annotates && !bytes[at + length..end].trim_ascii_start().starts_with(b"extends ") {
                    found.push(at..at + length);
                } else if word != b"const" {
                    begins = false;
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_of_parameters_are_found() {
        for (text, expected) in [
            ("interface A<in out T, out U = never> extends B<T> {}", &["in", "out", "out"][..]),
            ("export type A<\n  in T extends { a: (x: string) => T, in: 1 },\n  out U\n> = T;", &["in", "out"]),
            ("class A<const out T, U> {}", &["out"]),
            ("interface A<out, In> {}", &[]),
            ("interface A<out extends B, U = '>', in V> {}", &["in"]),
            ("for (const a in b) if (c <in d) type <out e", &[]),
            ("type A<T", &[]),
        ] {
            let found: Vec<&str> = annotations(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
