//! Small edits where code handles tokens: each takes the place that the finding marks.

use std::ops::Range;

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::{Layout, indentation, insertion, replacement};
use super::verifier::{argument, give};
use super::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, Severity, TextEdit};
use crate::rules::{leaky_auth_error, wrong_auth_status};

/// What stands in place of a secret that was logged.
pub(super) const REDACTED: &str = "[redacted]";

/// What a caller with a bad token is told.
const CONSTANT: &str = "\"Invalid or expired token\"";

/// The headers of a 401 that asks for a token.
const BY_BEARER: &str = "{\"WWW-Authenticate\": \"Bearer\"}";

/// Appends the fix of a secret in a log.
pub(super) fn logged(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    if fixer.state.sources.facts(diagnostic.location.file).is_none() {
        return keep(super::script::logged(fixer, diagnostic), fixes, refusals);
    }
    let title = "Leave the value out of the log";
    let narrow = edit(fixer, diagnostic, Applicability::Safe, title, |source, range| {
        let node = node_at(source, &range).ok_or_else(unreadable)?;
        let whole = std::iter::successors(Some(node), Node::parent)
            .take_while(|node| node.byte_range() == range || node.kind() == "interpolation")
            .find(|node| node.kind() == "interpolation");
        Ok(match whole {
            Some(whole) => interpolated(source, whole),
            None => vec![replacement(range, format!("\"{REDACTED}\""))],
        })
    });
    // Strings in strings may leave no quotes for it: then all of the expression goes.
    let fix = narrow.or_else(|refusal| {
        edit(fixer, diagnostic, Applicability::Safe, title, |source, range| {
            let node = node_at(source, &range).ok_or_else(unreadable)?;
            let mut around = std::iter::successors(Some(node), Node::parent);
            let whole = around.find(|node| node.kind() == "interpolation").ok_or(refusal)?;
            Ok(interpolated(source, whole))
        })
    });
    keep(fix, fixes, refusals);
}

/// Has a text say that something is left out where it showed it.
fn interpolated(source: &Source, interpolation: Node<'_>) -> Vec<TextEdit> {
    let mut edits = vec![replacement(interpolation.byte_range(), REDACTED.to_owned())];
    edits.extend(interpolation.parent().and_then(|text| no_longer_formatted(source, text)));
    edits
}

/// Takes the `f` from a text whose only interpolation goes, where no doubled brace needs it.
fn no_longer_formatted(source: &Source, text: Node<'_>) -> Option<TextEdit> {
    let mut cursor = text.walk();
    let interpolations = text.named_children(&mut cursor).filter(|node| node.kind() == "interpolation").count();
    let whole = source.text.get(text.byte_range())?;
    let prefix = whole.find(['"', '\''])?;
    let letter = whole.get(..prefix)?.find(['f', 'F'])?;
    let alone = interpolations == 1 && !whole.contains("{{") && !whole.contains("}}");
    let start = text.start_byte() + letter;
    alone.then(|| replacement(start..start + 1, String::new()))
}

/// Appends the fix of an answer that tells what a library says.
pub(super) fn told(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    if diagnostic.severity != Severity::Warning {
        return;
    }
    // The other texts of an exception of the project are its own.
    let wrapped = diagnostic.related.iter().any(|step| step.message == leaky_auth_error::WRAPPED);
    let applicability = if wrapped { Applicability::Unsafe } else { Applicability::Safe };
    keep(
        edit(fixer, diagnostic, applicability, "Answer with a constant text", |_, range| {
            Ok(vec![replacement(range, CONSTANT.to_owned())])
        }),
        fixes,
        refusals,
    );
}

/// Appends the fix of a status that is not 401.
pub(super) fn status(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    if diagnostic.related.iter().any(|step| step.message == wrong_auth_status::REPLACED) {
        return keep(let_pass(fixer, diagnostic), fixes, refusals);
    }
    keep(
        edit(fixer, diagnostic, Applicability::Unsafe, "Answer with 401", |source, range| {
            let written = source.text.get(range.clone()).unwrap_or_default();
            let status = if !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit()) {
                replacement(range.clone(), "401".to_owned())
            } else {
                match written.rsplit_once('.') {
                    Some((module, name)) if name.starts_with("HTTP_") && !written.contains('\n') => {
                        replacement(range.clone(), format!("{module}.HTTP_401_UNAUTHORIZED"))
                    }
                    _ => {
                        return Err(Refusal(
                            "the status is not written as a number or as a name of `fastapi.status`".into(),
                        ));
                    }
                }
            };
            let mut edits = vec![status];
            // A 401 has to say how to authenticate (RFC 9110, 15.5.2).
            let raised = node_at(source, &range)
                .and_then(|node| std::iter::successors(Some(node), Node::parent).find(|node| node.kind() == "call"));
            if let Some(call) = raised
                && let Some(callee) = call.child_by_field_name("function")
                && source.text.get(callee.byte_range()).is_some_and(|name| name.ends_with("HTTPException"))
                && let Some(arguments) = call.child_by_field_name("arguments")
                && argument(&source.text, arguments, "headers", Some(2)).is_none()
            {
                give(source, arguments, &[("headers", None, BY_BEARER.to_owned())], &mut edits)?;
            }
            Ok(edits)
        }),
        fixes,
        refusals,
    );
}

/// A clause before the one that answers refusals otherwise, which raises them again.
fn let_pass(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let Location { file, range } = diagnostic.location;
    let source = fixer.source(file)?;
    let text = &*source.text;
    let node = node_at(&source, &(range.start as usize..range.end as usize)).ok_or_else(unreadable)?;
    let mut around = std::iter::successors(Some(node), Node::parent);
    let clause = around.find(|node| node.kind() == "except_clause").ok_or_else(unreadable)?;
    let mut imports = Imports::new(fixer, &source, None)?;
    let exception = imports.of_package(&["fastapi", "fastapi.exceptions", "starlette.exceptions"], "HTTPException")?;
    let Layout { ending, unit, .. } = &source.layout;
    let indent = indentation(text, clause.start_byte());
    let passed = format!("except {exception}:{ending}{indent}{unit}raise{ending}{indent}");
    let mut edits = vec![insertion(clause.start_byte(), passed)];
    edits.extend(imports.edits());
    let title = format!("Let `{exception}` pass before this clause");
    fixer.checked(vec![(file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Appends the fix of an expiry that is not looked at.
pub(super) fn expiry(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    // What only signs out, or says in words that it takes expired tokens, may have to.
    let is_meant = diagnostic.severity == Severity::Info || speaks_of_expired(fixer, diagnostic);
    let applicability = if is_meant { Applicability::Unsafe } else { Applicability::Safe };
    keep(
        edit(fixer, diagnostic, applicability, "Have `exp` checked", |source, range| {
            let written = source.text.get(range.clone()).unwrap_or_default();
            let refused = || Refusal("the check is not switched off where it is given".into());
            let kept =
                written.strip_suffix("False").filter(|kept| kept.trim_end().ends_with(':')).ok_or_else(refused)?;
            Ok(vec![replacement(range.start + kept.len()..range.end, "True".to_owned())])
        }),
        fixes,
        refusals,
    );
}

/// Whether a comment or the documentation of the function around says something of expired tokens.
fn speaks_of_expired(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> bool {
    let Ok(source) = fixer.source(diagnostic.location.file) else { return false };
    let range = diagnostic.location.range;
    let node = node_at(&source, &(range.start as usize..range.end as usize));
    let mut around = std::iter::successors(node, Node::parent);
    let Some(function) = around.find(|node| node.kind() == "function_definition") else { return false };
    let is_words = |node: &Node<'_>| {
        let is_alone = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
        node.kind() == "comment" || (node.kind() == "string" && is_alone)
    };
    let mut pending = vec![function];
    while let Some(node) = pending.pop() {
        let text = source.text.get(node.byte_range()).unwrap_or_default();
        if is_words(&node) && text.to_ascii_lowercase().contains("expired") {
            return true;
        }
        let mut cursor = node.walk();
        pending.extend(node.children(&mut cursor));
    }
    false
}

/// Appends the fix of too much tolerance.
pub(super) fn leeway(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(
        edit(fixer, diagnostic, Applicability::Safe, "Tolerate 60 seconds", |source, range| {
            let node = node_at(source, &range);
            let value = match node.filter(|node| node.kind() == "pair") {
                Some(pair) => pair.child_by_field_name("value").ok_or_else(unreadable)?.byte_range(),
                None => range,
            };
            let written = source.text.get(value.clone()).unwrap_or_default();
            let new = match written.split_once('(') {
                Some((callee, _)) if callee.ends_with("timedelta") => format!("{callee}(seconds=60)"),
                _ => "60".to_owned(),
            };
            Ok(vec![replacement(value, new)])
        }),
        fixes,
        refusals,
    );
}

/// Appends the fix of `none` among algorithms.
pub(super) fn none_algorithm(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    keep(
        edit(fixer, diagnostic, Applicability::Safe, "Take `none` out of the list", |source, range| {
            let refused = || Refusal("`none` does not stand in a list with other algorithms".into());
            let element = node_at(source, &range).filter(|node| node.kind() == "string").ok_or_else(refused)?;
            let list = element.parent().filter(|list| matches!(list.kind(), "list" | "set")).ok_or_else(refused)?;
            let mut cursor = list.walk();
            let elements: Vec<Node<'_>> = list.named_children(&mut cursor).collect();
            let at = elements.iter().position(|node| node.id() == element.id()).ok_or_else(refused)?;
            let taken = match (at.checked_sub(1).and_then(|before| elements.get(before)), elements.get(at + 1)) {
                (Some(before), _) => before.end_byte()..element.end_byte(),
                (None, Some(after)) => element.start_byte()..after.start_byte(),
                (None, None) => return Err(refused()),
            };
            Ok(vec![replacement(taken, String::new())])
        }),
        fixes,
        refusals,
    );
}

/// Appends the fix of a key that may be missing.
pub(super) fn missing_key(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    let title = "Fail when the variable is missing";
    keep(
        edit(fixer, diagnostic, Applicability::Unsafe, title, |source, range| {
            let refused = || Refusal("the variable is not read with `os.getenv` there".into());
            let call = node_at(source, &range).filter(|node| node.kind() == "call").ok_or_else(refused)?;
            let argument = call.child_by_field_name("arguments").and_then(|list| list.named_child(0));
            let name = argument.filter(|node| node.kind() == "string").ok_or_else(refused)?;
            let name = source.text.get(name.byte_range()).unwrap_or_default();
            let callee = call.child_by_field_name("function").ok_or_else(unreadable)?;
            match source.text.get(callee.byte_range()).unwrap_or_default() {
                "os.getenv" | "os.environ.get" => Ok(vec![replacement(range, format!("os.environ[{name}]"))]),
                "environ.get" => Ok(vec![replacement(range, format!("environ[{name}]"))]),
                _ => {
                    let mut imports = Imports::new(fixer, source, None)?;
                    let environ = imports.of_package(&["os"], "environ")?;
                    let mut edits = vec![replacement(range, format!("{environ}[{name}]"))];
                    edits.extend(imports.edits());
                    Ok(edits)
                }
            }
        }),
        fixes,
        refusals,
    );
}

/// A fix that edits what the finding marks.
fn edit(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    applicability: Applicability,
    title: &str,
    edits: impl FnOnce(&std::rc::Rc<Source>, Range<usize>) -> Result<Vec<TextEdit>, Refusal>,
) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let range = diagnostic.location.range;
    let edits = edits(&source, range.start as usize..range.end as usize)?;
    fixer.checked(vec![(file, edits)], Vec::new(), title.to_owned(), applicability)
}

pub(super) fn node_at<'t>(source: &'t Source, range: &Range<usize>) -> Option<Node<'t>> {
    source.root().named_descendant_for_byte_range(range.start, range.end)
}

pub(super) fn unreadable() -> Refusal {
    Refusal("the code can't be read".into())
}
