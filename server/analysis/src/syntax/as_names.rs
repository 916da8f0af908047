//! What the grammar takes for words of the language where TypeScript has names.
//!
//! A member may be called `abstract` (`{ abstract?: string }`), and a type of another module may be named where it is
//! used, a list of them too (`import('./paper').Paper[]`). This walks over the bytes of a script. What stands in a
//! comment or a string is found as well: who asks looks into the tree what it is.

use std::ops::Range;

use memchr::memmem::find_iter;

/// Bytes of the name of a module that are looked at, at most.
const MAX_MODULE: usize = 1 << 10;

/// What a script has for names, in order.
pub(super) fn names(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let members =
        find_iter(bytes, "abstract").map(|at| at..at + "abstract".len()).filter(|word| is_member(bytes, word));
    let modules = find_iter(bytes, "import(").filter_map(|at| module(bytes, at));
    let mut found: Vec<_> = members.chain(modules).collect();
    found.sort_unstable_by_key(|name| name.start);
    found
}

/// Whether a word stands where a member is named, with its type or value behind it.
fn is_member(bytes: &[u8], word: &Range<usize>) -> bool {
    let (before, after) = (&bytes[..word.start], bytes[word.end..].trim_ascii_start());
    let after = after.strip_prefix(b"?").map_or(after, <[u8]>::trim_ascii_start);
    let begins = before.trim_ascii_end();
    let gap = &before[begins.len()..];
    after.first() == Some(&b':')
        && match begins.last() {
            Some(b'{' | b'(' | b',' | b';') => true,
            // A line of its own, behind a member without a semicolon or a comment.
            Some(b'}' | b']' | b')' | b'>' | b'\'' | b'"' | b'/') => gap.contains(&b'\n'),
            Some(byte) if is_of_word(*byte) => gap.contains(&b'\n') || !gap.is_empty() && begins.ends_with(b"readonly"),
            _ => false,
        }
}

/// `import('…')` at a place, with a type of that module behind it that has arguments or an index.
fn module(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if at > 0 && (is_of_word(bytes[at - 1]) || bytes[at - 1] == b'.') {
        return None;
    }
    let open = at + "import(".len();
    let quote = *bytes.get(open).filter(|byte| matches!(byte, b'\'' | b'"'))?;
    let name = &bytes[open + 1..bytes.len().min(open + 1 + MAX_MODULE)];
    let close = open + 1 + name.iter().position(|byte| *byte == quote || *byte == b'\n')?;
    let behind = bytes.get(close..)?.strip_prefix(&[quote, b')'])?;
    let length = behind.iter().take_while(|byte| is_of_word(**byte) || **byte == b'.').count();
    let (path, rest) = behind.split_at(length);
    (path.len() > 1 && path[0] == b'.' && matches!(rest.first(), Some(b'[' | b'<'))).then_some(at..close + 2)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_words_are_found() {
        for (text, expected) in [
            ("interface A { abstract?: string; b: import('./b').B[] }", &["abstract", "import('./b')"][..]),
            (
                "type A = { a: number\n  abstract: string\n  readonly abstract : string, abstract ?: B }",
                &["abstract"; 3],
            ),
            ("let x: import(\"./b\").ns.B<string>;", &["import(\"./b\")"]),
            ("a ? abstract : b; case abstract: x; f(abstract); abstract class A {}", &[]),
            ("const { b } = await import('./b'); import('./b').then(f); let x: import('./b').B;", &[]),
            ("import('./b", &[]),
            ("x.import('./b').c[0]; notAbstract: 1, { abstracts: 2 }", &[]),
            ("abstract:", &[]),
        ] {
            let found: Vec<&str> = names(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
