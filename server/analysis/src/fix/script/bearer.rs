//! `Bearer` and a value that is no token: waits for it, takes it out of what
//! holds it, or leaves where there is none.

use tree_sitter::Node;

use super::{
    around, async_around, free_name, function_around, insert_before, marked, semicolon, statement_around, text_of,
    unreadable,
};
use crate::fix::guard::keep;
use crate::fix::layout::replacement;
use crate::fix::{Fixer, Source};
use crate::frontend::locate;
use crate::frontend::outcome::Fault;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};

/// What happens where there is no token.
const LEAVE: &str = "throw new Error(\"not signed in\")";

/// Appends the fix of a text that sends no token.
pub(in crate::fix) fn fixes(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    let file = diagnostic.location.file;
    let bearers = fixer.state.frontend.outcome(file).into_iter().flat_map(|outcome| &outcome.bearers);
    let mut here = bearers.filter(|one| locate(&fixer.state.sources, one.place) == Some(diagnostic.location));
    let Some(fault) = here.find_map(|bearer| bearer.fault) else { return };
    let fix = fixer.source(file).and_then(|source| {
        let whole = marked(&source, diagnostic)?;
        let value = sent(whole)?;
        let (edits, title) = match fault {
            Fault::Promise => (waited(&source, value)?, "Wait for the token"),
            Fault::Object => (taken_out(&source, value)?, "Take the token out of the result"),
            Fault::Missing(_) => (guarded(&source, value)?, "Stop where there is no token"),
        };
        // What happens without a token is another thing than before.
        let applicability = if fault == Fault::Promise { Applicability::Safe } else { Applicability::Unsafe };
        fixer.checked_script(vec![(file, edits)], title.to_owned(), applicability)
    });
    keep(fix, fixes, refusals);
}

/// The value behind `Bearer`.
pub(super) fn sent(whole: Node<'_>) -> Result<Node<'_>, Refusal> {
    let mut cursor = whole.walk();
    let value = match whole.kind() {
        "template_string" => {
            let substitution = whole.named_children(&mut cursor).find(|child| child.kind() == "template_substitution");
            substitution.and_then(|substitution| substitution.named_child(0))
        }
        "binary_expression" => whole.child_by_field_name("right"),
        _ => None,
    };
    value.ok_or_else(|| Refusal("the value behind `Bearer` does not stand there".into()))
}

fn waited(source: &Source, value: Node<'_>) -> Result<Vec<TextEdit>, Refusal> {
    async_around(value)?;
    let written = format!("await {}", text_of(source, value));
    let in_template = value.parent().is_some_and(|parent| parent.kind() == "template_substitution");
    let written = if in_template { written } else { format!("({written})") };
    Ok(vec![replacement(value.byte_range(), written)])
}

/// Leaves before the statement where there is no token.
fn guarded(source: &Source, value: Node<'_>) -> Result<Vec<TextEdit>, Refusal> {
    if draws(source, value) {
        return Err(Refusal("a component would fail without a token: ask for a sign-in before it is drawn".into()));
    }
    let statement = statement_around(value)?;
    if is_met(source, value, statement) {
        return Err(Refusal(
            "what the code does about a request that fails would not run: test for the token there".into(),
        ));
    }
    let end = semicolon(source);
    let simple = plain(value);
    match simple.kind() {
        "identifier" | "member_expression" => {
            let tested = text_of(source, simple);
            Ok(vec![insert_before(source, statement, &[format!("if (!{tested}) {LEAVE}{end}")])])
        }
        "call_expression" => {
            let name = free_name(source, value, &["token", "accessToken", "bearerToken"])?;
            let lines =
                [format!("const {name} = {}{end}", text_of(source, simple)), format!("if (!{name}) {LEAVE}{end}")];
            Ok(vec![insert_before(source, statement, &lines), replacement(value.byte_range(), name)])
        }
        _ => Err(Refusal("the token is no variable, property or call".into())),
    }
}

/// Whether the request that a value goes with is met where it fails or ends: `fetch(…).catch(…).finally(…)`.
fn is_met(source: &Source, value: Node<'_>, statement: Node<'_>) -> bool {
    let ancestors = std::iter::successors(value.parent(), Node::parent);
    let mut inside = ancestors.take_while(|node| node.id() != statement.id());
    inside.any(|node| {
        let property = node.child_by_field_name("property").map(|property| text_of(source, property));
        node.kind() == "member_expression" && matches!(property, Some("catch" | "finally"))
    })
}

/// A value without parentheses and `!`.
fn plain(value: Node<'_>) -> Node<'_> {
    let mut at = value;
    while matches!(at.kind(), "parenthesized_expression" | "non_null_expression" | "as_expression") {
        let Some(inner) = at.named_child(0) else { break };
        at = inner;
    }
    at
}

/// `data` or the whole result of `authClient.token()`: takes `token` out of it.
fn taken_out(source: &Source, value: Node<'_>) -> Result<Vec<TextEdit>, Refusal> {
    let refused = || Refusal("where the result comes from does not stand in the function".into());
    if value.kind() != "identifier" {
        return Err(refused());
    }
    let name = text_of(source, value);
    let function = function_around(value).ok_or_else(refused)?;
    let (declaration, is_data) = declared(source, function, name).ok_or_else(refused)?;
    if !text_of(source, declaration).contains("await") {
        return Err(refused());
    }
    let holder = if is_data { name.to_owned() } else { format!("{name}.data") };
    let mut edits = vec![replacement(value.byte_range(), format!("{holder}.token"))];
    let before = &source.text[function.start_byte()..value.start_byte()];
    if !before.contains(&format!("!{holder}")) {
        if draws(source, value) {
            return Err(Refusal("a component would fail without a token".into()));
        }
        let statement = statement_around(value)?;
        let end = semicolon(source);
        edits.push(insert_before(source, statement, &[format!("if (!{holder}) {LEAVE}{end}")]));
    }
    Ok(edits)
}

/// Where a function declares a variable, and whether that is `data` of a result.
fn declared<'t>(source: &Source, function: Node<'t>, name: &str) -> Option<(Node<'t>, bool)> {
    let mut open = vec![function];
    while let Some(node) = open.pop() {
        if node.kind() == "variable_declarator" {
            let target = node.child_by_field_name("name")?;
            if target.kind() == "identifier" && text_of(source, target) == name {
                return Some((node, false));
            }
            if target.kind() == "object_pattern" {
                let mut cursor = target.walk();
                for part in target.named_children(&mut cursor) {
                    let (key, own) = match part.kind() {
                        "shorthand_property_identifier_pattern" => (part, part),
                        "pair_pattern" => (part.child_by_field_name("key")?, part.child_by_field_name("value")?),
                        _ => continue,
                    };
                    if text_of(source, own) == name {
                        return (text_of(source, key) == "data").then_some((node, true));
                    }
                }
            }
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    None
}

/// Whether the function around a value draws: it gives JSX.
fn draws(source: &Source, value: Node<'_>) -> bool {
    let Some(function) = function_around(value) else { return true };
    let _ = source;
    let mut open = vec![function];
    while let Some(node) = open.pop() {
        if node.kind() == "return_statement" {
            let mut cursor = node.walk();
            let given = node.named_children(&mut cursor).map(plain).next();
            if given.is_some_and(|given| given.kind().starts_with("jsx_")) {
                return true;
            }
        }
        let mut cursor = node.walk();
        let inner = node.named_children(&mut cursor).filter(|child| !super::FUNCTIONS.contains(&child.kind()));
        open.extend(inner.collect::<Vec<_>>());
    }
    around(value).next().is_none()
}

/// The value behind `Bearer` in a text at a node, for others to spell.
pub(super) fn spelled<'s>(source: &'s Source, whole: Node<'_>) -> Result<&'s str, Refusal> {
    let value = sent(whole)?;
    let text = source.text.get(value.byte_range()).ok_or_else(unreadable)?;
    Ok(text.trim())
}
