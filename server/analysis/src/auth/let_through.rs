//! Which paths a middleware lets through, and where it takes them from.

use smol_str::SmolStr;

use super::Proof;
use super::code::parts;
use super::middleware::PublicPrefix;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Paths of one middleware that are tried.
const MAX_PATHS: usize = 40;

/// What is put behind a path to see whether only its beginning counts.
const TAIL: &str = "zz\u{2026}";

/// Which paths a middleware lets through.
pub(super) struct Passing {
    /// Paths in its code that let everything through that begins so.
    pub(super) prefixes: Vec<PublicPrefix>,
    /// One path that it lets through.
    pub(super) example: Option<SmolStr>,
}

/// Which paths a middleware lets through is tried out: `ask` tells what it proves of a path and method. `control` tells
/// that some route is verified at all.
pub(super) fn passing(
    resolve: &dyn Resolve,
    function: &FunctionRef,
    control: bool,
    ask: &dyn Fn(&str, &str) -> Proof,
) -> Passing {
    let passes = |path: &str| !matches!(ask(path, "GET"), Proof::Verifies | Proof::Unknown(_));
    let mut example = None;
    let found = paths_in(resolve, function).into_iter().take(MAX_PATHS).filter_map(|(path, site)| {
        let everything = path == "/" && !control && passes(&format!("/{TAIL}"));
        let whole = control && passes(&path);
        if whole && example.is_none() {
            example = Some(path.clone());
        }
        // A path that ends with a slash is meant as the whole folder.
        let by_beginning = whole && !path.ends_with('/') && passes(&format!("{path}{TAIL}"));
        (everything || by_beginning).then_some(PublicPrefix { path, site, everything })
    });
    let mut prefixes: Vec<PublicPrefix> = found.collect();
    // `/docs` says all that `/docs/oauth2-redirect` could.
    let shortest: Vec<SmolStr> = prefixes.iter().map(|prefix| prefix.path.clone()).collect();
    prefixes.retain(|prefix| {
        !shortest.iter().any(|other| other != &prefix.path && prefix.path.starts_with(other.as_str()))
    });
    // What guards one folder only lets all others through.
    let elsewhere = || passes(&format!("/{TAIL}")).then(|| SmolStr::new_static("/anything"));
    let example = example.or_else(|| if control { elsewhere() } else { None });
    Passing { prefixes, example }
}

/// Where a function reads the path of the address that Starlette makes of a request: `request.url.path`.
pub(super) fn address_read(function: &FunctionRef) -> Option<Site> {
    let of_address = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => {
            name.name == "path" && matches!(&value.kind, ExprKind::Attribute { name, .. } if name.name == "url")
        }
        _ => false,
    };
    let mut blocks: Vec<&[Stmt]> = vec![&function.def.body];
    let mut first: Option<&Expr> = None;
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                if of_address(expr) && first.is_none_or(|first| expr.range.start < first.range.start) {
                    first = Some(expr);
                }
                pending.extend(parts(expr));
            }
        }
    }
    first.map(|expr| Site { range: expr.range, ..function.site })
}

/// Paths in a middleware's code, in its class and in the lists that its tests name.
fn paths_in(resolve: &dyn Resolve, function: &FunctionRef) -> Vec<(SmolStr, Site)> {
    let mut paths: Vec<(SmolStr, Site)> = Vec::new();
    for stmt in &function.def.body {
        strings_of_stmt(stmt, function.site, &mut paths);
    }
    if let Some(class) = &function.class {
        for stmt in &class.def.body {
            if let StmtKind::Assign(assign) = &stmt.kind {
                assign.value.iter().for_each(|value| strings(value, class.site, &mut paths));
            }
        }
    }
    for name in names_of(&function.def.body) {
        let expr = Expr { range: function.def.name.range, kind: ExprKind::Name(name) };
        if let Value::List(values) = resolve.eval(function, &expr) {
            paths.extend(values.iter().filter_map(|value| match value {
                Value::Str(path) => Some((path.clone(), function.site)),
                _ => None,
            }));
        }
    }
    paths.retain(|(path, _)| path.starts_with('/'));
    paths.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    paths.dedup_by(|a, b| a.0 == b.0);
    paths
}

fn strings_of_stmt(stmt: &Stmt, site: Site, found: &mut Vec<(SmolStr, Site)>) {
    let mut pending = vec![stmt];
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Expr(value) | StmtKind::Return(Some(value)) => strings(value, site, found),
            StmtKind::Assign(assign) => assign.value.iter().for_each(|value| strings(value, site, found)),
            StmtKind::If { test, body, or_else } => {
                strings(test, site, found);
                pending.extend(body.iter().chain(or_else));
            }
            StmtKind::For { iter, body, or_else, .. } => {
                strings(iter, site, found);
                pending.extend(body.iter().chain(or_else));
            }
            StmtKind::While { test, body, or_else } => {
                strings(test, site, found);
                pending.extend(body.iter().chain(or_else));
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                pending.extend(body.iter().chain(or_else).chain(finally));
                pending.extend(handlers.iter().flat_map(|handler| &handler.body));
            }
            StmtKind::With { body, .. } => pending.extend(body),
            _ => {}
        }
    }
}

fn strings(expr: &Expr, site: Site, found: &mut Vec<(SmolStr, Site)>) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        if let ExprKind::Str(text) = &expr.kind {
            found.push((text.clone(), Site { range: expr.range, ..site }));
        }
        pending.extend(expr.children());
    }
}

/// Names that the tests of a body mention.
fn names_of(body: &[Stmt]) -> Vec<SmolStr> {
    let mut names = Vec::new();
    let mut pending: Vec<&Stmt> = body.iter().collect();
    while let Some(stmt) = pending.pop() {
        let (tests, inner): (Vec<&Expr>, Vec<&Stmt>) = match &stmt.kind {
            StmtKind::If { test, body, or_else } => (vec![test], body.iter().chain(or_else).collect()),
            StmtKind::For { iter, body, .. } => (vec![iter], body.iter().collect()),
            StmtKind::Assign(assign) => (assign.value.iter().collect(), Vec::new()),
            StmtKind::Try { body, .. } | StmtKind::With { body, .. } => (Vec::new(), body.iter().collect()),
            _ => continue,
        };
        pending.extend(inner);
        let mut exprs = tests;
        while let Some(expr) = exprs.pop() {
            names.extend(expr.as_name().cloned());
            exprs.extend(expr.children());
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}
