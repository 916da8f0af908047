//! A security scheme used alone: asking for the project's verifier instead.

use tree_sitter::Node;

use super::Fixer;
use super::Served;
use super::calls::{Guard as Asked, runs_later};
use super::guard::{fits, keep, on_registrations};
use super::imports::Imports;
use super::layout::replacement;
use super::signature::has_word;
use crate::auth::Proof;
use crate::auth::guard::{Guard, Weak};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::index::dependencies::called;
use crate::text::TextRange;
use crate::verdicts::{Verifier, candidates, handler_site};

/// Appends the fixes of a finding that stands where a scheme is asked for.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let resting: Vec<Served<'_>> = fixer.all_served().filter(|one| rests_on(fixer, one, diagnostic)).collect();
    let Some(first) = resting.first() else { return };
    let fitting = |verifier: &&Verifier| resting.iter().all(|one| fits(fixer, verifier, one));
    let mut verifiers = candidates(fixer.state, first.application, first.route).into_iter().filter(fitting).peekable();
    if verifiers.peek().is_none() {
        refusals.push(Refusal("the project has no dependency that verifies the caller and fits these routes".into()));
        return;
    }
    for verifier in verifiers.take(2) {
        match swap(fixer, diagnostic, verifier) {
            Ok(fix) => fixes.push(fix),
            // The handler goes on reading its token: the guard comes beside it.
            Err(refusal) => {
                let anchor = handler_site(&first.route.handler).unwrap_or(first.route.registration);
                let one_handler = resting.iter().all(|one| {
                    handler_site(&one.route.handler).unwrap_or(one.route.registration) == anchor && one.route.injects
                });
                if one_handler {
                    let anchor = fixer.state.sources.locate(anchor);
                    keep(on_registrations(fixer, anchor, &resting, verifier), fixes, refusals);
                } else if !refusals.contains(&refusal) {
                    refusals.push(refusal);
                }
            }
        }
    }
}

/// Whether the finding is about a scheme that this route asks for there.
fn rests_on(fixer: &Fixer<'_>, one: &Served<'_>, diagnostic: &Diagnostic) -> bool {
    let Guard::Open(Some(Weak::Dependency(index, Proof::ExtractsOnly))) = &one.judged.guard else { return false };
    one.route.dependencies.get(*index).is_some_and(|node| {
        called(&fixer.interpreter, &node.callable).is_none()
            && fixer.state.sources.locate(node.site) == diagnostic.location
    })
}

/// `Depends(scheme)` becomes `Depends(verifier)`, where nothing reads the value.
fn swap(fixer: &Fixer<'_>, diagnostic: &Diagnostic, verifier: &Verifier) -> Result<Fix, Refusal> {
    let refused = || Refusal("the scheme is not asked for in a way that can be edited".into());
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let (start, end) = (diagnostic.location.range.start as usize, diagnostic.location.range.end as usize);
    let root = source.root();
    let call = root.named_descendant_for_byte_range(start, end).filter(|node| node.kind() == "call");
    let call = call.ok_or_else(refused)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(refused)?;
    let argument = arguments.named_child(0).filter(|_| arguments.named_child_count() == 1).ok_or_else(refused)?;
    let argument = if argument.kind() == "keyword_argument" {
        argument.child_by_field_name("value").ok_or_else(refused)?
    } else {
        argument
    };
    let parameter = enclosing_parameter(call);
    if parameter.is_none() && !in_dependencies(call, &source.text) {
        return Err(Refusal("the scheme is asked for through a name that others may use".into()));
    }
    let at_import = (!runs_later(call)).then(|| call.start_byte());
    let mut imports = Imports::new(fixer, &source, at_import)?;
    let local = Asked::Existing(verifier).local(&mut imports)?;
    let mut edits = vec![replacement(argument.byte_range(), local)];
    if let Some(parameter) = parameter {
        edits.extend(retype(parameter, call, &source.text)?);
    }
    edits.extend(imports.edits());
    let title = format!("Ask for `{}` instead", verifier.name);
    fixer.checked(vec![(file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The parameter of a function that asks with this call.
fn enclosing_parameter(call: Node<'_>) -> Option<Node<'_>> {
    let mut current = call;
    for _ in 0..6 {
        current = current.parent()?;
        match current.kind() {
            "typed_parameter" | "default_parameter" | "typed_default_parameter" => return Some(current),
            "block" | "module" | "call" => return None,
            _ => {}
        }
    }
    None
}

fn in_dependencies(call: Node<'_>, text: &str) -> bool {
    let list = call.parent().filter(|parent| parent.kind() == "list");
    let keyword = list.and_then(|list| list.parent()).filter(|parent| parent.kind() == "keyword_argument");
    let name = keyword.and_then(|keyword| keyword.child_by_field_name("name"));
    name.is_some_and(|name| text.get(name.byte_range()) == Some("dependencies"))
}

/// Takes the type of the scheme's value away, if nothing reads the value.
fn retype(parameter: Node<'_>, call: Node<'_>, text: &str) -> Result<Vec<TextEdit>, Refusal> {
    let function = parameter.parent().and_then(|list| list.parent());
    let body = function.and_then(|function| function.child_by_field_name("body"));
    let name = parameter.child_by_field_name("name").or_else(|| parameter.named_child(0));
    let (Some(body), Some(name)) = (body, name) else { return Ok(Vec::new()) };
    let name = text.get(name.byte_range()).unwrap_or_default();
    if has_word(text.get(body.byte_range()).unwrap_or_default(), name) {
        return Err(Refusal(format!("the handler reads `{name}`, which would be something else")));
    }
    // `name: Type = Depends(…)`: the type was the scheme's.
    let ty = parameter.child_by_field_name("type").filter(|ty| ty.end_byte() <= call.start_byte());
    let colon = ty.filter(|_| parameter.kind() == "typed_default_parameter").and_then(|ty| ty.prev_sibling());
    let (Some(ty), Some(colon)) = (ty, colon) else { return Ok(Vec::new()) };
    let range = TextRange::new(colon.start_byte() as u32, call.start_byte() as u32);
    debug_assert!(ty.start_byte() >= colon.end_byte());
    Ok(vec![TextEdit { range, text: "=".to_owned() }])
}
