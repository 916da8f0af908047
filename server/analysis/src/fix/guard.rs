//! Asking for the project's own verifying dependency.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::asked_once;
use super::asking::ask;
use super::callers::may_be_refused;
use super::calls::{Guard as Asked, Level, guard_calls, runs_later};
use super::imports::Imports;
use super::left::{left_to_do, with_left};
use super::signature::{add_parameter, has_word};
use super::style::same;
use super::{Fixer, Served, auth_module, wider};
use crate::auth::guard::{Guard, reads};
use crate::auth::policy::Expectation;
use crate::auth::public::{is_delivery, is_internal, speaks_of_strangers};
use crate::facts::manifests::Version;
use crate::facts::python::tree::{ExprKind, Function, Stmt, StmtKind};
use crate::ide::{Applicability, Confidence, Diagnostic, Fix, Location, Refusal, RouteKind, Severity};
use crate::index::dependencies::{self, Via, called, dependency_of};
use crate::index::value::Value;
use crate::verdicts::{Verifier, candidates, handler_site};
use crate::vfs::FileId;

/// FastAPI that runs `dependencies=` for WebSockets.
const WEBSOCKET_DEPENDENCIES: Version = Version(0, 97, 0);
/// FastAPI whose security schemes work for WebSockets.
const SCHEMES_IN_WEBSOCKETS: Version = Version(0, 144, 0);

/// Verifiers that are offered for one route.
const MAX_OFFERED: usize = 3;

/// Names of parameters and columns that say whose something is.
const OWNERS: &[&str] = &[
    "user_id",
    "userid",
    "owner_id",
    "owner",
    "author_id",
    "creator_id",
    "created_by",
    "account_id",
    "customer_id",
    "current_user_id",
];

/// Appends the fixes of an open route: for each verifier as a parameter, or on
/// the decorator, whichever the handler needs first; then those that guard
/// more than this route.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let here = fixer.anchored(diagnostic.location);
    let open: Vec<Served<'_>> = here.iter().copied().filter(|one| one.judged.guard == Guard::Open(None)).collect();
    let Some(first) = open.first() else {
        // The finding may be about an application that authenticates nobody.
        let application = fixer.all_served().filter(|one| {
            one.judged.guard == Guard::Open(None)
                && fixer.state.sources.locate(one.application.site) == diagnostic.location
        });
        auth_module::fixes(fixer, &application.collect::<Vec<_>>(), fixes, refusals);
        return;
    };
    if open.iter().any(|one| !one.route.injects) {
        refusals.push(Refusal("Starlette runs no dependencies for this route".into()));
        return;
    }
    let fitting = |verifier: &&Verifier| open.iter().all(|one| fits(fixer, verifier, one));
    let verifiers: Vec<&Verifier> =
        candidates(fixer.state, first.application, first.route).into_iter().filter(fitting).collect();
    if verifiers.is_empty() && open.iter().any(|one| is_delivery(&one.route.path, &one.route.methods)) {
        refusals
            .push(Refusal("whoever delivers there has no user's token: verify what it signs its requests with".into()));
        return;
    }
    if verifiers.is_empty() {
        refusals.push(Refusal("the project has no dependency that verifies the caller and fits this route".into()));
        auth_module::fixes(fixer, &open, fixes, refusals);
        return;
    }
    let identity = needs_identity(fixer, diagnostic.location);
    // What is read may well be for everybody, unless more than one beside it is guarded, or somebody says so.
    let may_be_shown = diagnostic.confidence != Confidence::High && open.iter().any(|one| reads(one.route));
    // Whoever makes an account has none yet, it may be.
    let may_be_a_strangers = open.iter().any(|one| speaks_of_strangers(&one.route.path) || one.judged.data.makes_users);
    let refused =
        diagnostic.severity != Severity::Error || may_be_shown || may_be_a_strangers || may_be_refused(fixer, &open);
    let left = left_to_do(fixer, &open);
    for verifier in verifiers.iter().take(MAX_OFFERED) {
        let refused = refused
            || open.iter().any(|one| !is_usual(fixer, one, verifier))
            || open.iter().any(|one| is_for_fewer(fixer, one, verifier) || serves_guests(fixer, one));
        let forms = if identity { [true, false] } else { [false, true] };
        for as_parameter in forms {
            if as_parameter && !gives_identity(fixer, verifier) {
                continue;
            }
            let fix = if as_parameter {
                parameter(fixer, diagnostic.location, &here, verifier)
            } else {
                on_registrations(fixer, diagnostic.location, &open, verifier).map(|fix| {
                    match refused || left.is_some() {
                        true => Fix { applicability: Applicability::Unsafe, ..fix },
                        false => fix,
                    }
                })
            };
            let fix = fix.map(|fix| Fix { title: with_left(fix.title, left), ..fix });
            keep(fix, fixes, refusals);
        }
    }
    for verifier in verifiers.iter().take(1) {
        wider::fixes(fixer, first, verifier, fixes);
    }
}

/// Whether nothing else guards what is beside a route: its router, or where that
/// guards nothing, its application. Of several guards some may let fewer callers in.
fn is_usual(fixer: &Fixer<'_>, one: &Served<'_>, verifier: &Verifier) -> bool {
    let beside: Vec<Served<'_>> =
        fixer.all_served().filter(|other| other.application.router == one.application.router).collect();
    let asks = |other: &&Served<'_>| matches!(other.judged.guard, Guard::Guarded(_));
    let is_it = |node: &&dependencies::Node| same(&node.callable, &verifier.callable);
    let somewhere = |other: &Served<'_>| other.route.dependencies.iter().any(|node| is_it(&node));
    // What asks for it in turn may let fewer callers in.
    let itself = |other: &Served<'_>| {
        let mut direct = other.route.dependencies.iter().filter(|node| node.parent.is_none());
        direct.any(|node| is_it(&node))
    };
    let own: Vec<&Served<'_>> =
        beside.iter().filter(asks).filter(|other| other.route.router == one.route.router).collect();
    match own.as_slice() {
        [] => beside.iter().filter(asks).all(itself),
        // One route beside it says little where the application has other guards.
        [one] => itself(one) && beside.iter().filter(asks).all(somewhere),
        many => many.iter().all(|other| somewhere(other)) && many.iter().any(|other| itself(other)),
    }
}

/// Whether a route only reads, and a verifier asks for more than to be signed in: whoever is may be meant to read.
/// Nobody is below `/admin`.
fn is_for_fewer(fixer: &Fixer<'_>, one: &Served<'_>, verifier: &Verifier) -> bool {
    let asks = |other: &Served<'_>| {
        other.judged.data.within.is_some()
            && other
                .route
                .dependencies
                .iter()
                .any(|node| node.parent.is_none() && same(&node.callable, &verifier.callable))
    };
    let is_open = one.judged.expected == Expectation::Unstated && !is_internal(&one.route.path);
    reads(one.route) && is_open && fixer.all_served().any(|other| asks(&other))
}

/// Whether most routes beside one that do not turn strangers away serve them on purpose: this one may be meant to, too.
fn serves_guests(fixer: &Fixer<'_>, one: &Served<'_>) -> bool {
    let beside = fixer.all_served().filter(|other| other.route.router == one.route.router);
    let (mut guests, mut guarded) = (0, 0);
    for other in beside {
        guests += usize::from(other.judged.guard.serves_guests());
        guarded += usize::from(other.judged.guard.is_guarded());
    }
    guests > 0 && guests >= guarded
}

pub(super) fn keep(fix: Result<Fix, Refusal>, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    match fix {
        Ok(fix) => fixes.push(fix),
        Err(refusal) if !refusals.contains(&refusal) => refusals.push(refusal),
        Err(_) => {}
    }
}

/// Whether a route can ask for a verifier.
pub(super) fn fits(fixer: &Fixer<'_>, verifier: &Verifier, one: &Served<'_>) -> bool {
    let importable = matches!(verifier.callable, Value::Function(_) | Value::Class(_) | Value::Instance(_));
    let filled = verifier.needs.iter().all(|name| one.route.path.contains(&format!("{{{name}}}")));
    let socket = one.route.kind == RouteKind::WebSocket;
    importable && filled && !(socket && takes_request(fixer, one.route.registration.file, &verifier.callable, 0))
}

/// Whether a dependency, or one that it rests on, asks for the HTTP request:
/// FastAPI has none to give where a WebSocket connects.
fn takes_request(fixer: &Fixer<'_>, file: FileId, callable: &Value, depth: u32) -> bool {
    if let Value::Instance(scheme) = callable
        && matches!(&scheme.class, Value::Package(path) if path.starts_with("fastapi.security"))
    {
        return !fixer.runs_with(file, SCHEMES_IN_WEBSOCKETS);
    }
    let Some((function, skip)) = called(&fixer.interpreter, callable).filter(|_| depth < 8) else { return false };
    function.def.params.iter().skip(skip).any(|param| {
        if let Some((depends, ty)) = dependency_of(&fixer.interpreter, &function, param) {
            let inner = depends.dependency.clone().or(ty);
            return inner.is_some_and(|inner| takes_request(fixer, file, &fixer.interpreter.force(inner), depth + 1));
        }
        let ty = param.annotation.as_ref().map(|ty| fixer.interpreter.eval_signature(&function, ty));
        matches!(ty, Some(Value::Package(path)) if path.ends_with(".Request"))
    })
}

/// The guard on the registrations of a handler's open routes.
pub(super) fn on_registrations(
    fixer: &Fixer<'_>,
    anchor: Location,
    open: &[Served<'_>],
    verifier: &Verifier,
) -> Result<Fix, Refusal> {
    let calls = registrations(fixer, open)?;
    let ignored = |one: &Served<'_>| {
        let file = one.route.registration.file;
        one.route.kind == RouteKind::WebSocket && !fixer.runs_with(file, WEBSOCKET_DEPENDENCIES)
    };
    if open.iter().any(ignored) {
        return Err(Refusal("this FastAPI runs no `dependencies` for WebSockets".into()));
    }
    let elsewhere = |one: Served<'_>| {
        let site = handler_site(&one.route.handler).unwrap_or(one.route.registration);
        fixer.state.sources.locate(site) != anchor
    };
    let only_this = !calls.iter().any(|call| fixer.registered(*call).into_iter().any(elsewhere));
    let applicability = if only_this { Applicability::Safe } else { Applicability::Unsafe };
    let edits = guard_calls(fixer, Level::Registration, &calls, Asked::Existing(verifier))?;
    fixer.checked(edits, Vec::new(), format!("Guard the route with `{}`", verifier.name), applicability)
}

/// The calls that register routes, if none of them makes a public route too.
pub(super) fn registrations(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Result<Vec<Location>, Refusal> {
    let mut calls: Vec<Location> = open.iter().map(|one| fixer.state.sources.locate(one.route.registration)).collect();
    calls.sort_unstable();
    calls.dedup();
    for one in calls.iter().flat_map(|call| fixer.registered(*call)) {
        if let Guard::Public(reason) = &one.judged.guard {
            return Err(Refusal(format!("the same registration also makes {}: {reason}", one.route.path)));
        }
    }
    Ok(calls)
}

/// The guard as a parameter of the handler.
pub(super) fn parameter(
    fixer: &Fixer<'_>,
    anchor: Location,
    here: &[Served<'_>],
    verifier: &Verifier,
) -> Result<Fix, Refusal> {
    if let Some(public) = here.iter().find(|one| matches!(one.judged.guard, Guard::Public(_))) {
        return Err(Refusal(format!("the handler also serves {}, which is public", public.route.path)));
    }
    let source = fixer.source(anchor.file)?;
    let text = &*source.text;
    let function = handler_node(source.root(), anchor)
        .ok_or_else(|| Refusal("the handler is not defined where it is registered".into()))?;
    let name = free_name(fixer, text, function, here, verifier)?;
    let at_import = (!runs_later(function)).then(|| function.start_byte());
    let mut imports = Imports::new(fixer, &source, at_import)?;
    let parameter = ask(fixer, &mut imports, anchor.file, verifier)?;
    let mut edits = add_parameter(text, &source.layout, function, &name, &parameter)?;
    edits.extend(imports.edits());
    edits.extend(asked_once::taken_off(fixer, &source, function, here, verifier, &parameter));
    let title = format!("Take `{}` as a parameter", verifier.name);
    fixer.checked(vec![(anchor.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The definition whose name stands at a place.
pub(super) fn handler_node(root: Node<'_>, anchor: Location) -> Option<Node<'_>> {
    let (start, end) = (anchor.range.start as usize, anchor.range.end as usize);
    let name = root.named_descendant_for_byte_range(start, end)?;
    name.parent().filter(|parent| parent.kind() == "function_definition" && name.kind() == "identifier")
}

/// `current_user`, unless that means something in the handler or its path;
/// then what other handlers call it.
pub(super) fn free_name(
    fixer: &Fixer<'_>,
    text: &str,
    function: Node<'_>,
    here: &[Served<'_>],
    verifier: &Verifier,
) -> Result<String, Refusal> {
    let body = text.get(function.byte_range()).unwrap_or_default();
    let free = |name: &str| {
        let in_path = here.iter().any(|one| has_word(&one.route.path, name));
        !in_path && !has_word(body, name)
    };
    let mut names = vec![SmolStr::new_static("current_user")];
    names.extend(names_elsewhere(fixer, verifier));
    names.extend(["auth_user", "authenticated_user"].map(SmolStr::new_static));
    let name = names.into_iter().find(|name| free(name));
    name.map(|name| name.to_string()).ok_or_else(|| Refusal("no name is free for the parameter".into()))
}

/// What the project's handlers call the value of a verifier, the most frequent first.
fn names_elsewhere(fixer: &Fixer<'_>, verifier: &Verifier) -> Vec<SmolStr> {
    let mut names: Vec<SmolStr> = Vec::new();
    for one in fixer.all_served() {
        let nodes = one.route.dependencies.iter();
        let own = nodes.filter(|node| node.via == Via::Parameter && same(&node.callable, &verifier.callable));
        names.extend(own.filter_map(|node| node.parameter.clone()));
    }
    names.sort_unstable();
    let mut counted: Vec<(usize, SmolStr)> =
        names.chunk_by(|a, b| a == b).map(|chunk| (chunk.len(), chunk[0].clone())).collect();
    counted.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    counted.into_iter().map(|(_, name)| name).collect()
}

/// Whether what a verifier returns can say who is calling.
pub(super) fn gives_identity(fixer: &Fixer<'_>, verifier: &Verifier) -> bool {
    if matches!(verifier.callable, Value::Class(_)) {
        return true;
    }
    let Some((function, _)) = called(&fixer.interpreter, &verifier.callable) else { return false };
    let says_none = function.def.returns.as_ref().is_some_and(|ty| matches!(ty.kind, ExprKind::None));
    !says_none && (function.def.is_generator || returns_value(&function.def))
}

fn returns_value(def: &Function) -> bool {
    let mut pending: Vec<&Stmt> = def.body.iter().collect();
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Return(Some(value)) if !matches!(value.kind, ExprKind::None | ExprKind::Bool(_)) => return true,
            StmtKind::If { body, or_else, .. }
            | StmtKind::For { body, or_else, .. }
            | StmtKind::While { body, or_else, .. } => pending.extend(body.iter().chain(or_else)),
            StmtKind::With { body, .. } => pending.extend(body),
            StmtKind::Try { body, handlers, or_else, finally } => {
                pending.extend(body.iter().chain(or_else).chain(finally));
                pending.extend(handlers.iter().flat_map(|handler| &handler.body));
            }
            StmtKind::Match { cases, .. } => pending.extend(cases.iter().flat_map(|case| &case.body)),
            _ => {}
        }
    }
    false
}

/// Whether a handler works on what belongs to somebody: it takes an owner from
/// the client, or compares or sets one.
fn needs_identity(fixer: &Fixer<'_>, anchor: Location) -> bool {
    let Ok(source) = fixer.source(anchor.file) else { return false };
    let Some(function) = handler_node(source.root(), anchor) else { return false };
    let owner = |node: Node<'_>| source.text.get(node.byte_range()).is_some_and(|name| OWNERS.contains(&name));
    let mut cursor = function.walk();
    loop {
        let node = cursor.node();
        let parent = node.parent().map_or("", |parent| parent.kind());
        let named = match node.kind() {
            "identifier" => {
                matches!(
                    parent,
                    "parameters"
                        | "typed_parameter"
                        | "typed_default_parameter"
                        | "default_parameter"
                        | "keyword_argument"
                ) || parent == "attribute" && node.parent().is_some_and(|attribute| compared(attribute))
            }
            _ => false,
        };
        if named && owner(node) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || cursor.node() == function {
                return false;
            }
        }
    }
}

fn compared(attribute: Node<'_>) -> bool {
    attribute.parent().is_some_and(|parent| parent.kind() == "comparison_operator")
}
