//! Whose data it is: what is written of a request, conditions without effect, and what others are answered.

use tree_sitter::Node;

use super::guard::keep;
use super::layout::{Delimited, insertion, replacement};
use super::ownership::{Subject, handler, subject};
use super::{Fixer, Source};
use crate::data::{Fault, Use};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, TextEdit};

/// Appends the fix of a request model that may write the owner.
pub(super) fn mass_assignment(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    let fix = subject(fixer, diagnostic, Fault::MassAssigned).and_then(|subject| leave_out(fixer, &subject));
    keep(fix, fixes, refusals);
}

/// Appends the fix of a request model that may write what a user may do.
pub(super) fn privileges(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    keep(exclude_privileges(fixer, diagnostic.location), fixes, refusals);
}

/// What gives a user more is left out of what is copied.
fn exclude_privileges(fixer: &Fixer<'_>, at: Location) -> Result<Fix, Refusal> {
    let not_plain = || Refusal("what is copied is not plain".into());
    let served: Vec<_> = fixer.all_served().collect();
    let given = served.iter().flat_map(|served| &served.judged.data.faults);
    let given =
        given.filter(|access| access.fault == Fault::GivesPrivilege && fixer.state.sources.locate(access.entry) == at);
    let mut copied: Option<Location> = None;
    let mut fields: Vec<&str> = Vec::new();
    for client in given.filter_map(|access| access.client.as_ref()) {
        let from = fixer.state.sources.locate(client.site);
        if copied.is_some_and(|known| known != from) {
            return Err(not_plain());
        }
        copied = Some(from);
        fields.push(client.name.rsplit('.').next().unwrap_or(&client.name));
    }
    fields.sort_unstable();
    fields.dedup();
    let copied = copied.ok_or_else(not_plain)?;
    let source = fixer.source(copied.file)?;
    let call = node_at(&source, copied, "call").ok_or_else(not_plain)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(not_plain)?;
    let callee = call.child_by_field_name("function").and_then(|callee| text_of(&source, callee));
    let method = callee.and_then(|callee| callee.rsplit('.').next()).unwrap_or_default();
    let mut cursor = arguments.walk();
    let chosen = arguments.named_children(&mut cursor).any(|arg| {
        let name = arg.child_by_field_name("name").and_then(|name| text_of(&source, name));
        arg.kind() == "dictionary_splat" || matches!(name, Some("exclude" | "include"))
    });
    if chosen || !matches!(method, "model_dump" | "dict") {
        return Err(not_plain());
    }
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{field}\"")).collect();
    let edits = Delimited::of(&source.text, &source.layout, arguments)
        .insert(&[(arguments.named_child_count(), format!("exclude={{{}}}", quoted.join(", ")))]);
    let title = format!("Leave `{}` out of what is copied", fields.join("`, `"));
    fixer.checked(vec![(copied.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Appends the fix of a condition without effect.
pub(super) fn scope(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let fix = subject(fixer, diagnostic, Fault::Ineffective).and_then(|subject| take_effect(fixer, &subject));
    keep(fix, fixes, refusals);
}

/// Appends the fix of an answer with the wrong status.
pub(super) fn status(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(forbid(fixer, diagnostic.location), fixes, refusals);
}

/// The owner is left out of what is copied, or written over by the principal.
fn leave_out(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let access = subject.access;
    let not_plain = || Refusal("what is copied is not plain".into());
    let client = access.client.as_ref().ok_or_else(not_plain)?;
    let field = client.name.rsplit('.').next().unwrap_or(&client.name);
    let at = fixer.state.sources.locate(client.site);
    let source = fixer.source(at.file)?;
    inside(subject, at, &source)?;
    let call = node_at(&source, at, "call").ok_or_else(not_plain)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(not_plain)?;
    let method = call.child_by_field_name("function").and_then(|callee| text_of(&source, callee));
    let method = method.and_then(|callee| callee.rsplit('.').next()).unwrap_or_default();
    let end_of = |list: Node<'_>| list.named_child_count();
    let add = |list: Node<'_>, text: String| {
        Delimited::of(&source.text, &source.layout, list).insert(&[(end_of(list), text)])
    };
    let named = |list: Node<'_>, name: &str| {
        let mut cursor = list.walk();
        list.named_children(&mut cursor)
            .any(|arg| arg.child_by_field_name("name").and_then(|name| text_of(&source, name)) == Some(name))
    };
    let principal = &subject.principal;
    let creates = access.usage == Use::Creates;
    let (mut edits, title) = match method {
        "model_dump" | "dict" if !named(arguments, "exclude") && !named(arguments, "include") => {
            let mut edits = add(arguments, format!("exclude={{\"{field}\"}}"));
            let mut title = format!("Leave `{field}` out of what is copied");
            if creates {
                // `Model(**body.model_dump())`
                let constructor = call
                    .parent()
                    .filter(|parent| parent.kind() == "dictionary_splat")
                    .and_then(|splat| splat.parent())
                    .filter(|list| list.kind() == "argument_list")
                    .ok_or_else(not_plain)?;
                if named(constructor, field) {
                    return Err(not_plain());
                }
                edits.extend(add(constructor, format!("{field}={principal}")));
                title = format!("Take `{field}` from `{principal}`");
            }
            (edits, title)
        }
        "model_validate" | "from_orm" if creates && !named(arguments, "update") => {
            let edits = add(arguments, format!("update={{\"{field}\": {principal}}}"));
            (edits, format!("Take `{field}` from `{principal}`"))
        }
        _ => return Err(not_plain()),
    };
    edits.extend(subject.asked.iter().cloned());
    fixer.checked(vec![(at.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The condition is written so that the query has it.
fn take_effect(fixer: &Fixer<'_>, subject: &Subject<'_>) -> Result<Fix, Refusal> {
    let access = subject.access;
    let at = fixer.state.sources.locate(access.site);
    let source = fixer.source(at.file)?;
    let not_plain = || Refusal("the condition is not plain".into());
    let (edits, title) = match access.detail {
        "a narrowed query that is thrown away" => {
            let call = node_at(&source, at, "call").ok_or_else(not_plain)?;
            let text = text_of(&source, call).ok_or_else(not_plain)?;
            let variable: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let edits = vec![insertion(call.start_byte(), format!("{variable} = "))];
            (edits, format!("Assign the narrowed query to `{variable}`"))
        }
        "a comparison of two Python values" => {
            let comparison = node_at(&source, at, "comparison_operator").ok_or_else(not_plain)?;
            let (left, right) = (comparison.named_child(0), comparison.named_child(1));
            let (left, right) = left.zip(right).ok_or_else(not_plain)?;
            // What is not the principal becomes the column.
            let root = subject.principal.split(['.', '[']).next().unwrap_or_default();
            let is_principal =
                |node: Node<'_>| text_of(&source, node).is_some_and(|text| super::signature::has_word(text, root));
            let other = match (is_principal(left), is_principal(right)) {
                (true, false) => right,
                (false, true) => left,
                _ => return Err(not_plain()),
            };
            let column = format!("{}.{}", access.table.name, access.table.owner);
            let title = format!("Compare `{column}`");
            (vec![replacement(other.byte_range(), column)], title)
        }
        _ => {
            let root = source.root();
            let node = root.descendant_for_byte_range(at.range.start as usize, at.range.end as usize);
            let mut operators: Vec<Node<'_>> = Vec::new();
            let mut up = node;
            while let Some(node) = up {
                if node.kind() == "boolean_operator" {
                    operators.push(node);
                } else if node.kind() == "argument_list" {
                    break;
                } else if !operators.is_empty() {
                    return Err(not_plain());
                }
                up = node.parent();
            }
            let outermost = operators.last().copied().ok_or_else(not_plain)?;
            let mut edits: Vec<TextEdit> = Vec::new();
            let mut pending = vec![outermost];
            while let Some(node) = pending.pop() {
                let operator = node.child_by_field_name("operator").ok_or_else(not_plain)?;
                // The blank before the operator goes with it.
                let before = source.text[..operator.start_byte()].trim_end().len();
                edits.push(replacement(before..operator.end_byte(), ",".to_owned()));
                let mut cursor = node.walk();
                pending.extend(node.named_children(&mut cursor).filter(|child| child.kind() == "boolean_operator"));
            }
            (edits, "Demand each of the conditions".to_owned())
        }
    };
    fixer.checked(vec![(at.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// 403, or what the configuration says, instead of the status that is raised.
fn forbid(fixer: &Fixer<'_>, at: Location) -> Result<Fix, Refusal> {
    let source = fixer.source(at.file)?;
    let not_plain = || Refusal("the exception is not plain".into());
    let call = node_at(&source, at, "call").ok_or_else(not_plain)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(not_plain)?;
    let mut cursor = arguments.walk();
    let named = |arg: &Node<'_>| arg.child_by_field_name("name").and_then(|name| text_of(&source, name));
    let status = arguments.named_children(&mut cursor).find(|arg| named(arg) == Some("status_code"));
    let status = match status {
        Some(arg) => arg.child_by_field_name("value"),
        None => arguments.named_child(0).filter(|arg| arg.kind() != "keyword_argument"),
    };
    let status = status.ok_or_else(not_plain)?;
    let old = text_of(&source, status).unwrap_or_default();
    let right = fixer.state.ownership_status(at.file);
    let new = match old.rsplit_once("HTTP_") {
        Some((before, _)) => format!("{before}HTTP_{right}_{}", if right == 404 { "NOT_FOUND" } else { "FORBIDDEN" }),
        None => right.to_string(),
    };
    if old.contains("HTTP_") && !old.contains('.') {
        return Err(Refusal("the name of the status would have to be imported".into()));
    }
    let edits = vec![replacement(status.byte_range(), new)];
    fixer.checked(vec![(at.file, edits)], Vec::new(), format!("Raise {right}"), Applicability::Unsafe)
}

fn text_of<'t>(source: &'t Source, node: Node<'_>) -> Option<&'t str> {
    source.text.get(node.byte_range())
}

/// The node of a kind that stands exactly at a place.
fn node_at<'t>(source: &'t Source, at: Location, kind: &str) -> Option<Node<'t>> {
    let node = source.root().descendant_for_byte_range(at.range.start as usize, at.range.end as usize);
    let same =
        |node: &Node<'_>| node.start_byte() == at.range.start as usize && node.end_byte() == at.range.end as usize;
    std::iter::successors(node, Node::parent).take_while(same).find(|node| node.kind() == kind)
}

/// Whether a place is in the handler itself, where the principal has its name.
fn inside(subject: &Subject<'_>, at: Location, source: &Source) -> Result<(), Refusal> {
    let inside = at.file == subject.handler.file
        && handler(source, subject.handler)
            .is_ok_and(|function| function.byte_range().contains(&(at.range.start as usize)));
    if inside { Ok(()) } else { Err(Refusal("it does not stand in the handler".into())) }
}
