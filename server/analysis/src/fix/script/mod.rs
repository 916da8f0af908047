//! Fixes in TypeScript and JavaScript.

mod bearer;
mod central;
mod endpoints;
mod imports;
mod logged;
mod plugins;
mod requests;
mod retries;
mod sent_token;
mod sessions;
mod spans;

pub(super) use bearer::fixes as bearer;
pub(super) use logged::logged;
pub(super) use requests::missing as missing_bearer;
pub(super) use sent_token::session_token;
pub(super) use spans::span;

use std::ops::Range;

use tree_sitter::Node;

use super::layout::{indentation, line_start};
use super::{Fixer, Source};
use crate::ide::FixKind;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, SourceChange, TextEdit};
use crate::rules::{
    jwt_not_issued, retry_on_auth_failure, rewrite_captures_auth, server_endpoint_without_session,
    session_read_without_headers, sign_out_keeps_token,
};
use crate::vfs::FileId;

/// Kinds of functions.
const FUNCTIONS: &[&str] = &[
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
];

/// Makes the only fix that findings of a rule have, or says why it can't.
pub(super) type OnlyFix = fn(&Fixer<'_>, &Diagnostic) -> Result<Fix, Refusal>;

/// The only fix in scripts that findings of a rule have.
pub(super) fn only_fix(rule: &str) -> Option<OnlyFix> {
    Some(match rule {
        rule if rule == jwt_not_issued::INFO.code => plugins::jwt,
        rule if rule == rewrite_captures_auth::INFO.code => requests::rewrite,
        rule if rule == session_read_without_headers::INFO.code => sessions::headers,
        rule if rule == sign_out_keeps_token::INFO.code => sessions::sign_out,
        rule if rule == server_endpoint_without_session::INFO.code => endpoints::session,
        rule if rule == retry_on_auth_failure::INFO.code => retries::retries,
        _ => return None,
    })
}

impl Fixer<'_> {
    /// A fix of scripts, if every edited text still parses afterwards.
    fn checked_script(
        &self,
        mut edits: Vec<(FileId, Vec<TextEdit>)>,
        title: String,
        applicability: Applicability,
    ) -> Result<Fix, Refusal> {
        for (file, edits) in &mut edits {
            edits.sort_by_key(|edit| edit.range);
            let source = self.source(*file)?;
            if self.state.parsed(*file).is_none_or(|parsed| !parsed.errors.is_empty()) {
                return Err(Refusal("the file does not parse".into()));
            }
            let after = super::apply(&source.text, edits);
            if source.instead(&after).is_none_or(|reading| reading.tree.root_node().has_error()) {
                return Err(Refusal("the file would not parse afterwards".into()));
            }
        }
        let change = SourceChange { edits, created: Vec::new() };
        Ok(Fix { title, applicability, kind: FixKind::Repair, preferred: false, change })
    }
}

/// What a finding marks.
fn marked<'t>(source: &'t Source, diagnostic: &Diagnostic) -> Result<Node<'t>, Refusal> {
    let range = diagnostic.location.range;
    node_at(source, range.start as usize..range.end as usize)
}

fn node_at(source: &Source, range: Range<usize>) -> Result<Node<'_>, Refusal> {
    source.root().named_descendant_for_byte_range(range.start, range.end).ok_or_else(unreadable)
}

fn unreadable() -> Refusal {
    Refusal("the code can't be read".into())
}

fn text_of<'s>(source: &'s Source, node: Node<'_>) -> &'s str {
    source.text.get(node.byte_range()).unwrap_or_default()
}

/// The nodes around one, innermost first.
fn around(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(node.parent(), Node::parent)
}

/// The function around a node.
fn function_around(node: Node<'_>) -> Option<Node<'_>> {
    around(node).find(|node| FUNCTIONS.contains(&node.kind()))
}

/// Whether a function is `async`; only there may `await` stand.
fn is_async(function: Node<'_>) -> bool {
    let mut cursor = function.walk();
    function.children(&mut cursor).any(|child| child.kind() == "async")
}

/// The async function around a node.
fn async_around(node: Node<'_>) -> Result<Node<'_>, Refusal> {
    function_around(node)
        .filter(|function| is_async(*function))
        .ok_or_else(|| Refusal("the function around it is not `async`, so that it can't wait for a token".into()))
}

/// The statement of a function that a node stands in; none where it is the
/// value of an arrow function.
fn statement_around(node: Node<'_>) -> Result<Node<'_>, Refusal> {
    let mut at = node;
    loop {
        let parent = at.parent().ok_or_else(unreadable)?;
        if parent.kind() == "statement_block" {
            return Ok(at);
        }
        if FUNCTIONS.contains(&parent.kind()) || matches!(parent.kind(), "program" | "switch_case" | "switch_default") {
            return Err(Refusal("there is no place for a statement before it".into()));
        }
        at = parent;
    }
}

/// Statements before a statement, on lines of their own.
fn insert_before(source: &Source, statement: Node<'_>, written: &[String]) -> TextEdit {
    let text = &*source.text;
    let start = statement.start_byte();
    let indent = indentation(text, start);
    let ending = source.layout.ending;
    let is_first_on_line = text[line_start(text, start)..start].trim().is_empty();
    let between = if is_first_on_line { format!("{ending}{indent}") } else { " ".to_owned() };
    let text = written.iter().map(|line| format!("{line}{between}")).collect();
    super::layout::replacement(start..start, text)
}

/// Whether statements of a text end in semicolons.
fn semicolon(source: &Source) -> &'static str {
    let lines = source.text.lines().map(str::trim_end);
    let (mut with, mut without) = (0, 0);
    for line in lines {
        match line.chars().next_back() {
            Some(';') => with += 1,
            Some(')' | '"' | '\'' | '`') => without += 1,
            _ => {}
        }
    }
    if with == 0 && without > 0 { "" } else { ";" }
}

/// The quotes that a text has most of.
fn quote(text: &str) -> char {
    if text.matches('\'').count() > text.matches('"').count() { '\'' } else { '"' }
}

/// The name of a variable that a function does not use.
fn free_name(source: &Source, node: Node<'_>, names: &[&str]) -> Result<String, Refusal> {
    let scope = function_around(node).map_or(&*source.text, |function| text_of(source, function));
    let is_used = |name: &str| {
        scope.match_indices(name).any(|(at, _)| {
            let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
            !is_letter(scope[..at].chars().next_back()) && !is_letter(scope[at + name.len()..].chars().next())
        })
    };
    let free = names.iter().find(|name| !is_used(name));
    free.map(|name| (*name).to_owned()).ok_or_else(|| Refusal("no name is free for the token".into()))
}
