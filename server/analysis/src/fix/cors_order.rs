//! `CORSMiddleware` inside of a middleware that authenticates: adding it after that.

use std::ops::Range;

use tree_sitter::Node;

use super::Fixer;
use super::guard::keep;
use super::layout::{first_on_line, insertion, line_start, own_lines, replacement, with_blank_lines};
use super::signature::has_word;
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal};

/// Appends the fix of a CORS middleware that stands inside.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    if let Some(cors) = diagnostic.related.first() {
        keep(moved(fixer, diagnostic.location, cors.location), fixes, refusals);
    }
}

fn moved(fixer: &Fixer<'_>, authenticates: Location, cors: Location) -> Result<Fix, Refusal> {
    let refused = || Refusal("the two middlewares are not added by statements of one block".into());
    if authenticates.file != cors.file {
        return Err(refused());
    }
    let source = fixer.source(cors.file)?;
    let (text, ending) = (&*source.text, source.layout.ending);
    let statement_at = |at: Location| {
        let root = source.root();
        let node = root.named_descendant_for_byte_range(at.range.start as usize, at.range.end as usize)?;
        let mut above = std::iter::successors(Some(node), Node::parent);
        above.find(|node| node.parent().is_some_and(|parent| matches!(parent.kind(), "block" | "module")))
    };
    let moving = statement_at(cors).ok_or_else(refused)?;
    let target = statement_at(authenticates).ok_or_else(refused)?;
    let call = moving.named_child(0).filter(|call| adds_middleware(*call, text)).ok_or_else(refused)?;
    let called = target.named_child(0).is_some_and(|call| call.kind() == "call");
    let adds = target.kind() == "decorated_definition" || target.kind() == "expression_statement" && called;
    if moving.parent() != target.parent() || moving.start_byte() >= target.start_byte() || !adds {
        return Err(refused());
    }
    let lines = own_lines(text, moving.byte_range()).ok_or_else(refused)?;
    let behind = own_lines(text, target.start_byte()..target.end_byte()).ok_or_else(refused)?.end;
    let between = text.get(moving.end_byte()..target.end_byte()).ok_or_else(refused)?;
    if let Some(name) = reads(call, text).into_iter().find(|name| has_word(between, name)) {
        return Err(Refusal(format!("`{name}`, which `CORSMiddleware` is given, is used between the two")));
    }
    let start = comments_above(text, moving, lines.start);
    let taken = with_blank_lines(text, start..lines.end);
    let mut statement = text.get(start..lines.end).ok_or_else(refused)?.to_owned();
    if !text[..behind].ends_with('\n') {
        statement = format!("{ending}{}", statement.trim_end_matches(['\n', '\r']));
    } else if target.kind() == "decorated_definition" {
        let top = moving.parent().is_some_and(|parent| parent.kind() == "module");
        statement.insert_str(0, &ending.repeat(if top { 2 } else { 1 }));
    } else if start < lines.start {
        // A comment says what comes next, and not what stands above.
        statement.insert_str(0, ending);
    }
    let others = text.get(moving.end_byte()..target.start_byte()).unwrap_or_default();
    let only_these = !others.contains("add_middleware") && !others.contains(".middleware(");
    let edits = vec![replacement(taken, String::new()), insertion(behind, statement)];
    let applicability = if only_these { Applicability::Safe } else { Applicability::Unsafe };
    let title = "Add `CORSMiddleware` after the middleware that authenticates".to_owned();
    fixer.checked(vec![(cors.file, edits)], Vec::new(), title, applicability)
}

fn adds_middleware(call: Node<'_>, text: &str) -> bool {
    let function = call.child_by_field_name("function").filter(|_| call.kind() == "call");
    let name = function.and_then(|function| function.child_by_field_name("attribute"));
    name.is_some_and(|name| text.get(name.byte_range()) == Some("add_middleware"))
}

/// The names that the options of a call read.
fn reads<'t>(call: Node<'_>, text: &'t str) -> Vec<&'t str> {
    let Some(arguments) = call.child_by_field_name("arguments") else { return Vec::new() };
    let mut cursor = arguments.walk();
    // The first argument is the class.
    let options: Vec<Node<'_>> = arguments.named_children(&mut cursor).skip(1).collect();
    let mut names = Vec::new();
    let mut pending: Vec<Node<'_>> =
        options.into_iter().map(|option| option.child_by_field_name("value").unwrap_or(option)).collect();
    while let Some(node) = pending.pop() {
        if node.kind() == "identifier" {
            names.extend(text.get(node.byte_range()));
            continue;
        }
        if node.kind() == "attribute" {
            pending.extend(node.child_by_field_name("object"));
            continue;
        }
        let mut cursor = node.walk();
        pending.extend(node.named_children(&mut cursor));
    }
    names
}

/// Where the comments begin that stand right above a statement.
fn comments_above(text: &str, statement: Node<'_>, lines: usize) -> usize {
    let mut start = lines;
    let mut before = statement.prev_sibling();
    while let Some(comment) = before.filter(|node| node.kind() == "comment") {
        let range: Range<usize> = comment.byte_range();
        let touches = text[range.end..start].trim_matches(['\r', ' ', '\t']) == "\n";
        if !touches || !first_on_line(text, range.start) {
            break;
        }
        start = line_start(text, range.start);
        before = comment.prev_sibling();
    }
    start
}
