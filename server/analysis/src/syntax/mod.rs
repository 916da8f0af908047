//! Parsers. The only module that knows how tree-sitter is set up.

mod as_names;
mod comments;
mod drawn;
pub mod mending;
mod names;
pub mod python;
pub mod typescript;
mod variance;

use std::cell::Cell;
use std::ops::ControlFlow;

use tree_sitter::{InputEdit, Language, Node, ParseOptions, Parser, Point, Tree};

use crate::text::TextRange;

/// Steps of a hundred operations that any parse may take. Nests of 50,000
/// brackets need 7,000. A clock would decide otherwise on a busy machine.
const MIN_STEPS: usize = 10_000;
/// Bytes for which there may be one more. Real files take one for 200 bytes,
/// at most one for 65.
const BYTES_PER_STEP: usize = 20;

/// Bytes that are handed to the parser at a time: how often it asks for some tells how far it looks ahead.
const CHUNK: usize = 1 << 10;
/// How often any parse may ask for bytes.
const MIN_READS: usize = 10_000;
/// How often more for each chunk of the text.
const READS_PER_CHUNK: usize = 32;

/// The languages that authlens reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grammar {
    /// Python.
    Python,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX, and JavaScript.
    Tsx,
}

impl Grammar {
    /// The grammar of a path by its extension; none for files without code.
    pub fn of_path(path: &str) -> Option<Self> {
        if path.ends_with(".py") { Some(Self::Python) } else { typescript::grammar(path) }
    }

    /// tree-sitter's description of the language.
    pub fn language(self) -> Language {
        match self {
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
        }
    }
}

/// Parses a text, with the edited tree of the text before it when there is
/// one. `None` when the parse takes too many steps.
pub fn parse(grammar: Grammar, text: &str, old: Option<&Tree>) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar.language()).ok()?;
    let mut steps = MIN_STEPS + text.len() / BYTES_PER_STEP;
    let reads = Cell::new(MIN_READS + text.len() / CHUNK * READS_PER_CHUNK);
    let mut count = |_: &tree_sitter::ParseState| {
        steps = steps.saturating_sub(1);
        if steps == 0 || reads.get() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let mut read = |offset: usize, _: Point| {
        reads.set(reads.get().saturating_sub(1));
        // Whoever looks too far ahead too often sees the end there.
        let bytes = bytes.get(offset..).filter(|_| reads.get() > 0).unwrap_or_default();
        &bytes[..bytes.len().min(CHUNK)]
    };
    let tree = parser.parse_with_options(&mut read, old, Some(ParseOptions::new().progress_callback(&mut count)));
    tree.filter(|_| reads.get() > 0)
}

/// The outermost ranges of `node` and below it that do not parse, in no order.
pub fn errors(node: Node<'_>) -> Vec<TextRange> {
    let (mut errors, mut pending) = (Vec::new(), vec![node]);
    while let Some(node) = pending.pop() {
        if node.is_error() || node.is_missing() {
            errors.push(TextRange::new(node.start_byte() as u32, node.end_byte() as u32));
        } else if node.has_error() {
            let mut cursor = node.walk();
            pending.extend(node.children(&mut cursor));
        }
    }
    errors
}

/// Tells a tree what changed between `before` and `after`, found as the text
/// between their common prefix and suffix, so that [`parse`] can reuse the rest.
pub fn edit(tree: &mut Tree, before: &str, after: &str) {
    let prefix = common_prefix(before.as_bytes(), after.as_bytes());
    let (old_tail, new_tail) = (&before.as_bytes()[prefix..], &after.as_bytes()[prefix..]);
    let suffix = common_suffix(old_tail, new_tail);
    let (old_end, new_end) = (before.len() - suffix, after.len() - suffix);
    tree.edit(&InputEdit {
        start_byte: prefix,
        old_end_byte: old_end,
        new_end_byte: new_end,
        start_position: point(before, prefix),
        old_end_position: point(before, old_end),
        new_end_position: point(after, new_end),
    });
}

/// Length of the common prefix of two byte strings.
pub fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const CHUNK: usize = 64;
    let mut at = 0;
    while a.len() >= at + CHUNK && b.len() >= at + CHUNK && a[at..at + CHUNK] == b[at..at + CHUNK] {
        at += CHUNK;
    }
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

/// Length of the common suffix of two byte strings.
pub fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    const CHUNK: usize = 64;
    let mut n = 0;
    while a.len() >= n + CHUNK
        && b.len() >= n + CHUNK
        && a[a.len() - n - CHUNK..a.len() - n] == b[b.len() - n - CHUNK..b.len() - n]
    {
        n += CHUNK;
    }
    let (a, b) = (&a[..a.len() - n], &b[..b.len() - n]);
    n + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

fn point(text: &str, offset: usize) -> Point {
    let before = &text.as_bytes()[..offset];
    let row = memchr::memchr_iter(b'\n', before).count();
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    Point { row, column: offset - line_start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_ends_are_found_at_every_length() {
        for n in [0usize, 1, 63, 64, 65, 200] {
            let a: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            let mut b = a.clone();
            b.push(1);
            assert_eq!(common_prefix(&a, &b), n);
            b.rotate_right(1);
            assert_eq!(common_suffix(&a, &b), n);
        }
    }

    #[test]
    fn an_edited_tree_equals_a_fresh_one() {
        let before = "import a\n\ndef f(x):\n    return x\n\n\ndef g(): pass\n";
        for (from, to) in [("x):", "x, y):"), ("import a", "import a, b"), ("g()", "g(é)"), ("return x", "")] {
            let after = before.replacen(from, to, 1);
            let mut tree = parse(Grammar::Python, before, None).unwrap_or_else(|| unreachable!());
            edit(&mut tree, before, &after);
            let edited = parse(Grammar::Python, &after, Some(&tree)).map(|t| t.root_node().to_sexp());
            let fresh = parse(Grammar::Python, &after, None).map(|t| t.root_node().to_sexp());
            assert_eq!(edited, fresh);
        }
    }

    #[test]
    fn every_grammar_loads() {
        for grammar in [Grammar::Python, Grammar::TypeScript, Grammar::Tsx] {
            assert!(parse(grammar, "", None).is_some(), "{grammar:?}");
        }
    }
}
