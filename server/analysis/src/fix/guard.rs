//! Asking for the project's own verifying dependency.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::calls::{Guard as Asked, Level, depends, guard_calls, runs_later};
use super::imports::Imports;
use super::signature::{Parameter, add_parameter, has_word};
use super::style::{Alias, asked_by, given_type, same};
use super::{Fixer, Served, auth_module, wider};
use crate::auth::guard::Guard;
use crate::facts::manifests::Version;
use crate::facts::python::file::Binding;
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, RouteKind};
use crate::index::dependencies::{Via, called, dependency_of};
use crate::index::modules::Module;
use crate::index::value::Value;
use crate::rules::{Verifier, candidates, handler_site};
use crate::vfs::FileId;

/// FastAPI that reads `Annotated`.
const ANNOTATED: Version = Version(0, 95, 0);
/// FastAPI that runs `dependencies=` for WebSockets.
const WEBSOCKET_DEPENDENCIES: Version = Version(0, 97, 0);
/// FastAPI that reads `type X = Annotated[…]`.
const TYPE_STATEMENTS: Version = Version(0, 128, 2);
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
    if verifiers.is_empty() {
        refusals.push(Refusal("the project has no dependency that verifies the caller and fits this route".into()));
        auth_module::fixes(fixer, &open, fixes, refusals);
        return;
    }
    let identity = needs_identity(fixer, diagnostic.location);
    for verifier in verifiers.iter().take(MAX_OFFERED) {
        let forms = if identity { [true, false] } else { [false, true] };
        for as_parameter in forms {
            if as_parameter && !gives_identity(fixer, verifier) {
                continue;
            }
            let fix = if as_parameter {
                parameter(fixer, diagnostic.location, &here, verifier)
            } else {
                on_registrations(fixer, diagnostic.location, &open, verifier)
            };
            keep(fix, fixes, refusals);
        }
    }
    for verifier in verifiers.iter().take(1) {
        wider::fixes(fixer, first, verifier, fixes);
    }
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
fn parameter(fixer: &Fixer<'_>, anchor: Location, here: &[Served<'_>], verifier: &Verifier) -> Result<Fix, Refusal> {
    if let Some(public) = here.iter().find(|one| matches!(one.judged.guard, Guard::Public(_))) {
        return Err(Refusal(format!("the handler also serves {}, which is public", public.route.path)));
    }
    let source = fixer.source(anchor.file)?;
    let text = &*source.text;
    let function = handler_node(source.tree.root_node(), anchor)
        .ok_or_else(|| Refusal("the handler is not defined where it is registered".into()))?;
    let name = free_name(fixer, text, function, here, verifier)?;
    let at_import = (!runs_later(function)).then(|| function.start_byte());
    let mut imports = Imports::new(fixer, &source, at_import)?;
    let parameter = ask(fixer, &mut imports, anchor.file, verifier)?;
    let mut edits = add_parameter(text, &source.layout, function, &name, &parameter)?;
    edits.extend(imports.edits());
    let title = format!("Take `{}` as a parameter", verifier.name);
    fixer.checked(vec![(anchor.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The definition whose name stands at a place.
fn handler_node(root: Node<'_>, anchor: Location) -> Option<Node<'_>> {
    let (start, end) = (anchor.range.start as usize, anchor.range.end as usize);
    let name = root.named_descendant_for_byte_range(start, end)?;
    name.parent().filter(|parent| parent.kind() == "function_definition" && name.kind() == "identifier")
}

/// `current_user`, unless that means something in the handler or its path;
/// then what other handlers call it.
fn free_name(
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

/// How a file asks for a verifier's value: by the project's alias, else in
/// the style of its other parameters.
fn ask(
    fixer: &Fixer<'_>,
    imports: &mut Imports<'_, '_>,
    file: FileId,
    verifier: &Verifier,
) -> Result<Parameter, Refusal> {
    let facts = fixer.state.sources.facts(file).ok_or_else(|| Refusal("the file can't be read".into()))?;
    let style = fixer.style();
    let readable =
        if fixer.runs_with(file, TYPE_STATEMENTS) { 2 } else { usize::from(fixer.runs_with(file, ANNOTATED)) };
    let usable = |alias: &&Alias| same(&alias.callable, &verifier.callable) && readable > usize::from(alias.statement);
    let mut aliases: Vec<&Alias> = style.aliases.iter().filter(usable).collect();
    aliases.sort_by_key(|alias| {
        alias.file != file && !matches!(facts.bindings.get(&alias.name), Some(Binding::ImportFrom(..)))
    });
    let mut refused = None;
    for alias in aliases {
        let is_it =
            |value: &Value| asked_by(&fixer.interpreter, value).is_some_and(|asked| same(&asked, &alias.callable));
        let count = imports.count();
        match imports.of_project(&alias.name, alias.file, &is_it) {
            Ok(local) => return Ok(Parameter::Annotated(local)),
            Err(refusal) => {
                imports.forget(count);
                refused.get_or_insert(refusal);
            }
        }
    }
    let depends = depends(imports)?;
    let local = Asked::Existing(verifier).local(imports)?;
    let count = imports.count();
    let ty = value_type(fixer, imports, verifier);
    if ty.is_none() {
        imports.forget(count);
    }
    match ty {
        Some(ty) if readable > 0 && style.annotates(facts) => {
            let annotated = imports.of_package(&["typing", "typing_extensions"], "Annotated")?;
            Ok(Parameter::Annotated(format!("{annotated}[{ty}, {depends}({local})]")))
        }
        ty => Ok(Parameter::Default(ty, format!("{depends}({local})"))),
    }
}

/// The type of a verifier's value, as it can be written in a file: its return
/// annotation, else what other handlers write. None is invented.
fn value_type(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, verifier: &Verifier) -> Option<String> {
    if let Value::Class(class) = &verifier.callable {
        let is_it = |value: &Value| same(value, &verifier.callable);
        return imports.of_project(&class.def.name.name, class.site.file, &is_it).ok();
    }
    let (function, _) = called(&fixer.interpreter, &verifier.callable)?;
    if let Some(returns) = &function.def.returns {
        let returns = if function.def.is_generator { yielded(returns)? } else { returns };
        return written(fixer, imports, function.site.file, returns);
    }
    for one in fixer.all_served() {
        let Value::Function(handler) = &one.route.handler else { continue };
        for node in &one.route.dependencies {
            if node.via != Via::Parameter || !same(&node.callable, &verifier.callable) {
                continue;
            }
            let param = handler.def.params.iter().find(|param| Some(&param.name.name) == node.parameter.as_ref());
            let count = imports.count();
            let ty = param.and_then(given_type).and_then(|ty| written(fixer, imports, handler.site.file, ty));
            if ty.is_some() {
                return ty;
            }
            imports.forget(count);
        }
    }
    None
}

/// `T` of `Iterator[T]` and `AsyncGenerator[T, None]`.
fn yielded(returns: &Expr) -> Option<&Expr> {
    let ExprKind::Subscript { index, .. } = &returns.kind else { return None };
    match &index.kind {
        ExprKind::Tuple(parts) => parts.first(),
        _ => Some(index),
    }
}

/// A type of file `home` as another file can write it, with the imports for it.
fn written(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, ty: &Expr) -> Option<String> {
    Some(match &ty.kind {
        ExprKind::None => "None".to_owned(),
        ExprKind::Ellipsis => "...".to_owned(),
        ExprKind::Name(name) => type_name(fixer, imports, home, name)?,
        ExprKind::Attribute { value, name } => {
            // `models.User` of a project module: the name itself is imported.
            let facts = fixer.state.sources.facts(home)?;
            let Some(Binding::ImportFrom(item, at)) = facts.bindings.get(value.as_name()?) else { return None };
            let import = facts.import_from(*item)?;
            let module = &import.names[*at as usize].name;
            let full =
                if import.module.is_empty() { module.to_string() } else { format!("{}.{module}", import.module) };
            let Module::File(file) = fixer.state.sources.resolve(home, import.level, &full) else { return None };
            type_name(fixer, imports, file, &name.name)?
        }
        ExprKind::Subscript { value, index } => {
            format!("{}[{}]", written(fixer, imports, home, value)?, written(fixer, imports, home, index)?)
        }
        ExprKind::Tuple(parts) => joined(fixer, imports, home, parts)?,
        ExprKind::List(parts) => format!("[{}]", joined(fixer, imports, home, parts)?),
        ExprKind::Binary { op, left, right } if op == "|" => {
            format!("{} | {}", written(fixer, imports, home, left)?, written(fixer, imports, home, right)?)
        }
        _ => return None,
    })
}

fn joined(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, parts: &[Expr]) -> Option<String> {
    let parts: Option<Vec<String>> = parts.iter().map(|part| written(fixer, imports, home, part)).collect();
    parts.map(|parts| parts.join(", "))
}

fn type_name(fixer: &Fixer<'_>, imports: &mut Imports<'_, '_>, home: FileId, name: &SmolStr) -> Option<String> {
    let facts = fixer.state.sources.facts(home)?;
    let value = fixer.interpreter.lookup(home, name);
    let is_it = |other: &Value| same(other, &value);
    match facts.bindings.get(name) {
        None => {
            let builtin = matches!(
                name.as_str(),
                "bool"
                    | "bytes"
                    | "dict"
                    | "float"
                    | "frozenset"
                    | "int"
                    | "list"
                    | "object"
                    | "set"
                    | "str"
                    | "tuple"
                    | "type"
            );
            (builtin && !imports.binds(name)).then(|| name.to_string())
        }
        Some(Binding::ImportFrom(item, at)) => {
            let import = facts.import_from(*item)?;
            let original = &import.names[*at as usize].name;
            match fixer.state.sources.resolve(home, import.level, &import.module) {
                Module::External(module) => imports.of_package(&[&module], original).ok(),
                Module::File(file) => match &value {
                    Value::Class(class) => imports.of_project(&class.def.name.name, class.site.file, &is_it).ok(),
                    _ => imports.of_project(original, file, &is_it).ok(),
                },
                Module::Namespace(_) | Module::Missing(_) => None,
            }
        }
        Some(Binding::Definition(_)) => imports.of_project(name, home, &is_it).ok(),
        Some(Binding::Import(..) | Binding::Computed) => None,
    }
}

/// Whether what a verifier returns can say who is calling.
fn gives_identity(fixer: &Fixer<'_>, verifier: &Verifier) -> bool {
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
    let Some(function) = handler_node(source.tree.root_node(), anchor) else { return false };
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
