//! Comments that speak to authlens.
//!
//! `# authlens: ignore[rule-a, rule-b] reason`, `# authlens: ignore reason`
//! (every rule), `# authlens: public reason` (this route is open on purpose).
//! In TypeScript they begin with `//` or stand between `/*` and `*/`. Behind what a comment says to another tool
//! (`# noqa  # authlens: …`) it may speak to authlens, too.

use memchr::memmem;
use smol_str::SmolStr;
use tree_sitter::Node;

use crate::text::{LineIndex, TextRange};

/// A comment that speaks to authlens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the last character.
    pub range: TextRange,
    /// Whether nothing but white space stands before it on its line.
    pub own_line: bool,
    /// What it says.
    pub kind: CommentKind,
}

impl Comment {
    /// First and last line, zero-based, that it speaks for: a trailing comment
    /// for its own line, one on a line of its own for the next line of code, and
    /// through decorators for the `def` below them.
    pub fn covered_lines(&self, text: &str, lines: &LineIndex) -> (u32, u32) {
        let own = lines.line(self.range.start);
        if !self.own_line {
            return (own, own);
        }
        let mut last = own;
        let mut nesting = 0i32;
        for line in own + 1..lines.line_count() {
            let source = lines.line_range(line, text).slice(text).trim();
            let is_comment = ["#", "//", "/*", "{/*"].iter().any(|start| source.starts_with(start));
            if nesting <= 0 && (source.is_empty() || is_comment) {
                continue;
            }
            last = line;
            let decorator = source.starts_with('@') || nesting > 0;
            nesting += source
                .chars()
                .map(|c| match c {
                    '(' | '[' | '{' => 1,
                    ')' | ']' | '}' => -1,
                    _ => 0,
                })
                .sum::<i32>();
            if !decorator {
                break;
            }
        }
        (own, last)
    }
}

/// What a comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentKind {
    /// Findings of these rules, or of all when empty, are accepted here.
    Ignore {
        /// Codes with their places.
        rules: Vec<(SmolStr, TextRange)>,
        /// Why; empty where nobody said it yet.
        reason: SmolStr,
    },
    /// The route is open on purpose.
    Public {
        /// Why.
        reason: SmolStr,
    },
    /// It speaks to authlens and can't be understood.
    Malformed {
        /// What is wrong with it.
        problem: &'static str,
    },
}

const MARKER: &str = "authlens:";

/// What stands for the reason in a comment that a fix writes. It is none.
pub const PLACEHOLDER: &str = "say why here";

/// All such comments of a file, in order; `is_comment` tells by the id of a
/// node's kind whether it is a comment.
pub(super) fn find_comments(text: &str, root: Node<'_>, is_comment: impl Fn(u16) -> bool) -> Vec<Comment> {
    let mut comments = Vec::new();
    for at in memmem::find_iter(text.as_bytes(), MARKER) {
        let node = root.descendant_for_byte_range(at, at + MARKER.len());
        let Some(node) = node.filter(|node| is_comment(node.kind_id())) else { continue };
        let source = text.get(node.byte_range()).unwrap_or_default();
        let Some(begins) = begins_at(source, at - node.start_byte()) else { continue };
        let start = (node.start_byte() + begins) as u32;
        let opening = &text[at..node.end_byte()];
        let line_start = text[..node.start_byte()].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        comments.push(Comment {
            range: TextRange::new(start, (node.start_byte() + source.trim_end().len()) as u32),
            // In JSX a comment stands in braces.
            own_line: matches!(text[line_start..node.start_byte()].trim(), "" | "{"),
            kind: parse_comment(said(opening), at as u32 + MARKER.len() as u32),
        });
    }
    comments
}

/// What other tools are told by comments.
const TOLD_TO_OTHERS: &[&str] = &[
    "noqa",
    "type:",
    "pyright:",
    "mypy:",
    "pylint:",
    "pragma:",
    "nosec",
    "nosemgrep",
    "fmt:",
    "ruff:",
    "flake8:",
    "isort:",
    "eslint-disable",
    "@ts-ignore",
    "@ts-expect-error",
    "biome-ignore",
    "prettier-ignore",
];

/// Where in a comment that part begins of which the marker at `marker` is the first word. Prose that mentions the marker
/// is only prose.
fn begins_at(source: &str, marker: usize) -> Option<usize> {
    let before = &source[..marker];
    if before.trim_start_matches(['#', '/', '*']).trim().is_empty() {
        return Some(0);
    }
    // What ends a comment would go with what is behind it.
    if source.starts_with("/*") {
        return None;
    }
    let others = before.trim_end().trim_end_matches(['#', '/', '*']);
    let told = others.trim_start_matches(['#', '/', '*']).trim_start();
    let begins = others.len();
    let is_apart = begins < before.trim_end().len() && others.ends_with([' ', '\t']);
    (is_apart && TOLD_TO_OTHERS.iter().any(|word| told.starts_with(word))).then_some(begins)
}

/// What a comment says behind the marker.
fn said(opening: &str) -> &str {
    let said = opening[MARKER.len()..].trim_end();
    said.strip_suffix("*/").unwrap_or(said).trim_end()
}

/// Parses what stands behind the marker, which begins at offset `start`.
fn parse_comment(said: &str, start: u32) -> CommentKind {
    let body = said.trim_start();
    let body_start = start + (said.len() - body.len()) as u32;
    let word_end = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
    let (word, rest) = body.split_at(word_end);
    match word {
        "public" => match reason(rest) {
            reason if reason.is_empty() => CommentKind::Malformed { problem: "a public route needs a reason" },
            reason => CommentKind::Public { reason },
        },
        "ignore" => match rest.strip_prefix('[') {
            None => CommentKind::Ignore { rules: Vec::new(), reason: reason(rest) },
            Some(list) => match list.split_once(']') {
                None => CommentKind::Malformed { problem: "the list of rules has no closing bracket" },
                Some((list, rest)) => {
                    let rules = rule_list(list, body_start + word_end as u32 + 1);
                    if rules.is_empty() {
                        return CommentKind::Malformed { problem: "the list of rules is empty" };
                    }
                    CommentKind::Ignore { rules, reason: reason(rest) }
                }
            },
        },
        _ => CommentKind::Malformed { problem: "expected `ignore` or `public`" },
    }
}

/// The reason behind what a comment asks for; empty where there is none.
fn reason(rest: &str) -> SmolStr {
    let said = rest.trim_start_matches(':').trim();
    if said.eq_ignore_ascii_case(PLACEHOLDER) { SmolStr::default() } else { said.into() }
}

fn rule_list(list: &str, start: u32) -> Vec<(SmolStr, TextRange)> {
    let mut rules = Vec::new();
    let mut at = start;
    for part in list.split(',') {
        let code = part.trim();
        let from = at + (part.len() - part.trim_start().len()) as u32;
        if !code.is_empty() {
            rules.push((SmolStr::new(code), TextRange::new(from, from + code.len() as u32)));
        }
        at += part.len() as u32 + 1;
    }
    rules
}
