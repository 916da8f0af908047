//! Scripts that the grammar does not take although they are right.
//!
//! A bare `&` in the text of an element of JSX, or in one of its quoted attributes, is the character itself.
//! The grammar takes it for the beginning of `&name;` and makes errors of it and of what is around. Such a text
//! is parsed with another byte in its place: ranges stay, and whoever lowers the tree reads the text itself.

use std::borrow::Cow;

use tree_sitter::{Node, Tree};

use super::drawn::bare_ampersands;
use super::{Grammar, edit, parse};

/// What stands for a bare `&` while the text is parsed: a character like any other where text is, an
/// error where code is.
const STAND_IN: char = '\\';

/// How a text was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The tree; its ranges are those of the text.
    pub tree: Tree,
    /// Where an `&` was read as something else, in order.
    ampersands: Vec<usize>,
}

/// Parses a text, with how the text before it was read when there is one. `None` when that takes too many
/// steps.
pub fn read(grammar: Grammar, text: &str, before: Option<(&Reading, &str)>) -> Option<Reading> {
    let ampersands = if grammar == Grammar::Tsx { bare_ampersands(text) } else { Vec::new() };
    let mended = read_with(grammar, text, ampersands, before)?;
    match mended.is_drawn() {
        true => Some(mended),
        // What was taken for text is code.
        false => read_with(grammar, text, Vec::new(), None),
    }
}

fn read_with(
    grammar: Grammar,
    text: &str,
    ampersands: Vec<usize>,
    before: Option<(&Reading, &str)>,
) -> Option<Reading> {
    let text = with_stand_ins(text, &ampersands);
    let old = before.map(|(reading, old)| {
        let mut tree = reading.tree.clone();
        edit(&mut tree, &with_stand_ins(old, &reading.ampersands), &text);
        tree
    });
    Some(Reading { tree: parse(grammar, &text, old.as_ref())?, ampersands })
}

fn with_stand_ins<'t>(text: &'t str, ampersands: &[usize]) -> Cow<'t, str> {
    if ampersands.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut read = String::with_capacity(text.len());
    let mut from = 0;
    for &at in ampersands {
        read.push_str(&text[from..at]);
        read.push(STAND_IN);
        from = at + 1;
    }
    read.push_str(&text[from..]);
    Cow::Owned(read)
}

impl Reading {
    /// Whether all that was read as something else is text that JSX draws.
    fn is_drawn(&self) -> bool {
        let root = self.tree.root_node();
        let node = |at: usize| root.descendant_for_byte_range(at, at + 1);
        self.ampersands.iter().all(|&at| {
            node(at).is_some_and(|node| node.kind() == "jsx_text" || node.parent().is_some_and(is_quoted_attribute))
        })
    }
}

fn is_quoted_attribute(node: Node<'_>) -> bool {
    node.kind() == "string" && node.parent().is_some_and(|parent| parent.kind() == "jsx_attribute")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "export function Page<T>({ a, b }: Props<T>) {\n  const both = a & b, ratio = (a) / b, pattern = /[<p>&]/;\n  // it's <p>a & b\n  if (a < b && a > b) return <Trans>Don't & do</Trans>;\n  return (\n    <div title=\"Q&A\" id='a&b' render={() => <b>x & y</b>}>\n      <p>Terms & conditions, R&D &amp; more & more</p>\n      {a && <a href=\"/x?a=1&b=2&c=3\">cd x && make {b & 1} & {`${a & b} & <i>`} go</a>}\n      <>P&L<br/>&</>\n    </div>\n  );\n}\nconst same = <U,>(x: U & T) => x;\n";

    fn scratch(text: &str) -> Reading {
        read(Grammar::Tsx, text, None).unwrap_or_else(|| unreachable!())
    }

    #[test]
    fn bare_ampersands_are_text() {
        let reading = scratch(PAGE);
        assert!(!reading.tree.root_node().has_error(), "{}", reading.tree.root_node().to_sexp());
        let read = with_stand_ins(PAGE, &reading.ampersands);
        let left: Vec<&str> = read.match_indices('&').map(|(at, _)| &read[at - 2..at + 2]).collect();
        assert_eq!(
            left,
            ["a & ", "p>&]", "a & ", "b &&", " && ", "D &a", "a &&", " && ", "b & ", "a & ", "} & ", "U & "]
        );
    }

    #[test]
    fn ampersands_of_code_stay() {
        for text in
            ["const x = a & & b;\n", "const x = \"a&b\" &;\n", "type F = <T>(a: T & A) => void;\n", "a & <b & c>;\n"]
        {
            assert!(scratch(text).ampersands.is_empty(), "{text}");
        }
    }

    /// Whatever is edited, the text is read as if it had been there at once.
    #[test]
    fn an_edited_text_is_read_like_a_fresh_one() {
        let edits = [
            ("Terms & conditions", "{terms & conditions}"),
            ("<p>Terms", "<p>{Terms"),
            ("Terms", "Rules"),
            ("R&D", "R&D;"),
            ("a & b,", "a,"),
            ("Q&A", "Q&A & more"),
            ("<>P&L<br/>&</>", ""),
            ("\"Q&A\"", "{\"Q&A\"}"),
            ("<p>Terms & conditions, R&D &amp; more & more</p>", "{`Terms & conditions, R&D &amp; more & more`}"),
        ];
        for (from, to) in edits {
            let after = PAGE.replacen(from, to, 1);
            assert_ne!(after, PAGE);
            for (one, other) in [(PAGE, &*after), (&*after, PAGE)] {
                let edited = read(Grammar::Tsx, other, Some((&scratch(one), one))).unwrap_or_else(|| unreachable!());
                let fresh = scratch(other);
                assert_eq!(edited.ampersands, fresh.ampersands, "{from} {to}");
                if !fresh.tree.root_node().has_error() {
                    assert_eq!(edited.tree.root_node().to_sexp(), fresh.tree.root_node().to_sexp(), "{from} {to}");
                }
            }
        }
    }
}
