//! Asking for the project's own verifying dependency.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::imports::{Import, Imports};
use super::{checked, signature};
use crate::facts::python::tree::{ExprKind, StmtKind};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, State, TextEdit};
use crate::index::routes::{Application, Route};
use crate::index::value::Value;
use crate::rules::{Verifier, candidates, handler_site, with_interpreter};
use crate::syntax::{Grammar, parse};

/// Verifiers that are offered for one route.
const MAX_OFFERED: usize = 3;

/// Methods of routers that register a route as decorators.
const ROUTE_METHODS: &[&str] =
    &["get", "post", "put", "patch", "delete", "head", "options", "trace", "api_route", "websocket"];

/// Appends the fixes of an open route: each verifier on the decorator (safe:
/// the handler's signature stays) and as a parameter.
pub(super) fn fixes(state: &State, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let Some((application, route)) = reported(state, diagnostic) else { return };
    let candidates = candidates(state, application, &route.path);
    if candidates.is_empty() {
        refusals.push(Refusal("the project has no dependency that verifies the caller and fits this route".into()));
        return;
    }
    for verifier in candidates.into_iter().filter(|verifier| importable(&verifier.callable)).take(MAX_OFFERED) {
        for as_parameter in [false, true] {
            match insert(state, diagnostic, verifier, as_parameter) {
                Ok(fix) => fixes.push(fix),
                Err(refusal) if !refusals.contains(&refusal) => refusals.push(refusal),
                Err(_) => {}
            }
        }
    }
    if let Some(first) = fixes.first_mut() {
        first.preferred = true;
    }
}

/// The route that a finding is about.
fn reported<'s>(state: &'s State, diagnostic: &Diagnostic) -> Option<(&'s Application, &'s Route)> {
    state.table.applications.iter().find_map(|application| {
        let at = |route: &&Route| {
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            site.file == diagnostic.location.file && state.sources.locate(site) == diagnostic.location
        };
        application.routes.iter().find(at).map(|route| (application, route))
    })
}

fn importable(callable: &Value) -> bool {
    matches!(callable, Value::Function(_) | Value::Class(_) | Value::Instance(_))
}

fn insert(state: &State, diagnostic: &Diagnostic, verifier: &Verifier, as_parameter: bool) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let parsed = state.parsed(file).ok_or_else(|| Refusal("the file can't be read".into()))?;
    let text = &*parsed.text;
    let tree = parse(Grammar::Python, text, None).ok_or_else(|| Refusal("the file can't be parsed".into()))?;
    let range = diagnostic.location.range;
    let node = tree.root_node().descendant_for_byte_range(range.start as usize, range.end as usize);
    let node = node.ok_or_else(|| Refusal("the handler is gone".into()))?;
    let mut imports = Imports::new(state, file, text, tree.root_node());
    let mut edits = Vec::new();
    if as_parameter {
        let function = enclosing(node, "function_definition")
            .ok_or_else(|| Refusal("the handler is not defined at its registration".into()))?;
        let alias = alias(state, verifier);
        let bare = match &alias {
            Some((name, home)) => {
                let local = imports.need(name, *home)?;
                signature::Parameter::Annotated(local)
            }
            None => {
                let depends = depends(&mut imports)?;
                let local = imports.need(&verifier.name, verifier.file)?;
                signature::Parameter::Default(format!("{depends}({local})"))
            }
        };
        edits.extend(signature::add_parameter(text, function, &bare)?);
    } else {
        let depends = depends(&mut imports)?;
        let local = imports.need(&verifier.name, verifier.file)?;
        let calls = registrations(node, text);
        if calls.is_empty() {
            return Err(Refusal("the registration of this route can't be edited".into()));
        }
        for call in calls {
            edits.push(signature::add_to_dependencies(text, call, &format!("{depends}({local})"))?);
        }
    }
    edits.extend(imports.edits());
    let (title, applicability) = if as_parameter {
        (format!("Take `{}` as a parameter", verifier.name), Applicability::Unsafe)
    } else {
        (format!("Guard the route with `{}`", verifier.name), Applicability::Safe)
    };
    checked(file, text, edits, title, applicability)
}

/// How the file spells `Depends`.
fn depends(imports: &mut Imports<'_>) -> Result<String, Refusal> {
    if imports.binds_module("fastapi") && !imports.binds("Depends") {
        return Ok("fastapi.Depends".to_owned());
    }
    imports
        .need_external("Depends", &Import { module: "fastapi".into(), name: "Depends".into() })
        .map(|name| name.to_string())
}

/// The calls that register a handler: its route decorators, or the
/// `add_api_route(…)` that the finding stands at.
fn registrations<'t>(node: Node<'t>, text: &str) -> Vec<Node<'t>> {
    let method = |call: Node<'t>| {
        let function = call.child_by_field_name("function")?;
        let attribute = function.child_by_field_name("attribute")?;
        text.get(attribute.byte_range())
    };
    if let Some(decorated) = enclosing(node, "decorated_definition") {
        let mut cursor = decorated.walk();
        let decorators = decorated.named_children(&mut cursor).filter(|child| child.kind() == "decorator");
        let calls = decorators.filter_map(|decorator| decorator.named_child(0)).filter(|call| call.kind() == "call");
        return calls.filter(|call| method(*call).is_some_and(|name| ROUTE_METHODS.contains(&name))).collect();
    }
    let call = if node.kind() == "call" { Some(node) } else { enclosing(node, "call") };
    call.filter(|call| method(*call).is_some_and(|name| name.starts_with("add_api_"))).into_iter().collect()
}

/// The innermost node of a kind around `node`, not beyond a class or function body.
fn enclosing<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut current = node;
    for _ in 0..4 {
        if current.kind() == kind {
            return Some(current);
        }
        if current.kind() == "block" || current.kind() == "module" {
            return None;
        }
        current = current.parent()?;
    }
    None
}

/// A module-level `X = Annotated[…, Depends(verifier)]`, and the file it stands in.
fn alias(state: &State, verifier: &Verifier) -> Option<(SmolStr, crate::vfs::FileId)> {
    with_interpreter(state, |interpreter| {
        for (file, source) in state.sources.iter() {
            let Some(facts) = source.facts.as_ref().filter(|_| source.relevant && !source.test) else { continue };
            for item in &facts.items {
                let StmtKind::Assign(assign) = &item.placed.item.stmt.kind else { continue };
                let Some(name) = assign.targets.first().and_then(|target| target.as_name()) else { continue };
                let annotated =
                    assign.value.as_ref().is_some_and(|value| matches!(&value.kind, ExprKind::Subscript { .. }));
                if !annotated {
                    continue;
                }
                let Value::Annotated(value) = interpreter.lookup(file, name) else { continue };
                let asks = value.metadata.iter().any(|metadata| match metadata {
                    Value::Depends(depends) => depends.dependency.as_ref().is_some_and(|callable| {
                        crate::index::dependencies::called(interpreter, callable)
                            .is_some_and(|(function, _)| function.site == verifier.site)
                    }),
                    _ => false,
                });
                if asks {
                    return Some((name.clone(), file));
                }
            }
        }
        None
    })
}

/// One edit that inserts `text` at `offset`.
pub(super) fn insertion(offset: usize, text: String) -> TextEdit {
    TextEdit { range: crate::text::TextRange::empty(offset as u32), text }
}
