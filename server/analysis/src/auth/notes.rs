//! What a middleware's code says besides what it proves.

use smol_str::SmolStr;

use super::Proof;
use super::code::parts;
use super::middleware::PublicPrefix;
use crate::facts::python::idioms::{assigned, callees, http_status};
use crate::facts::python::tree::{Expr, ExprKind, Handler, Stmt, StmtKind, keyword, positional};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Paths of one middleware that are tried.
const MAX_PATHS: usize = 40;

/// What is put behind a path to see whether only its beginning counts.
const TAIL: &str = "zz\u{2026}";

/// Functions that a middleware calls are followed this far.
const MAX_DEPTH: u32 = 3;

/// Where a middleware lets `HTTPException` out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetOut {
    /// The `raise`, or the call of a function that raises.
    pub site: Site,
    /// The `raise` in that function.
    pub raised: Option<Site>,
}

/// Where a middleware of Starlette's `BaseHTTPMiddleware` kind raises
/// `HTTPException` and does not catch it, or calls what does: the exception handlers stand inside
/// of it, so the client gets a 500 (run on 0.165). Its own are the first.
pub(super) fn uncaught_rejections(resolve: &dyn Resolve, function: &FunctionRef) -> Vec<LetOut> {
    let mut found = LettingOut { resolve, seen: vec![function.site], found: Vec::new() }.of(function, 0);
    found.sort_by_key(|one| one.raised.is_some());
    found
}

/// Whether a middleware answers what the application inside of it raises: it
/// passes the request on in a `try` whose clause catches `HTTPException` and returns.
pub(super) fn answers_rejections(resolve: &dyn Resolve, function: &FunctionRef) -> bool {
    let Some(next) = function.def.params.last().map(|param| &param.name.name) else { return false };
    let calls_next = |block: &[Stmt]| callees(block).any(|callee| callee.as_name() == Some(next));
    let returns = |handler: &Handler| handler.body.iter().any(|stmt| matches!(stmt.kind, StmtKind::Return(Some(_))));
    let mut blocks: Vec<&[Stmt]> = vec![&function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if let StmtKind::Try { body, handlers, .. } = &stmt.kind
                && calls_next(body)
                && handlers.iter().any(|one| returns(one) && catches_http_exceptions(resolve, function, one))
            {
                return true;
            }
            blocks.extend(stmt.blocks());
        }
    }
    false
}

/// Whether every answer that a middleware makes itself says which other sites may read it:
/// `response.headers["Access-Control-Allow-Origin"] = origin`.
pub(super) fn names_origins(function: &FunctionRef) -> bool {
    let Some(next) = function.def.params.last().map(|param| &param.name.name) else { return false };
    let passes_on = |value: &Expr| {
        let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
        value.as_call().is_some_and(|(func, _)| func.as_name() == Some(next))
    };
    let (mut names, mut blocks) = (false, vec![&*function.def.body]);
    while let Some(block) = blocks.pop() {
        for (at, stmt) in block.iter().enumerate() {
            blocks.extend(stmt.blocks());
            let StmtKind::Return(Some(answer)) = &stmt.kind else { continue };
            let is_named = match answer.as_name() {
                Some(answer) => block[..at].iter().any(|stmt| sets_origin(stmt, answer)),
                None => answer.as_call().is_some_and(|(_, args)| keyword(args, "headers").is_some_and(has_origin)),
            };
            let is_passed_on = || match answer.as_name() {
                Some(answer) => {
                    let made = assigned(block, answer);
                    let made = if made.is_empty() { assigned(&function.def.body, answer) } else { made };
                    !made.is_empty() && made.into_iter().all(passes_on)
                }
                None => passes_on(answer),
            };
            if !is_named && !is_passed_on() {
                return false;
            }
            names |= is_named;
        }
    }
    names
}

/// Whether a statement, or one in it, says of an answer which other sites may read it.
fn sets_origin(stmt: &Stmt, answer: &str) -> bool {
    let sets = |target: &Expr| {
        let ExprKind::Subscript { value, index } = &target.kind else { return false };
        let ExprKind::Attribute { value: of, name } = &value.kind else { return false };
        name.name == "headers" && of.as_name().is_some_and(|of| of == answer) && is_origin(index)
    };
    let here = matches!(&stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(sets));
    here || stmt.blocks().into_iter().flatten().any(|stmt| sets_origin(stmt, answer))
}

fn has_origin(headers: &Expr) -> bool {
    let ExprKind::Dict(entries) = &headers.kind else { return false };
    entries.iter().any(|(key, _)| key.as_ref().is_some_and(is_origin))
}

/// Whether a text is the name of the header that says which sites may read an answer (Fetch, section 3.3.3).
fn is_origin(name: &Expr) -> bool {
    name.as_str().is_some_and(|name| name.eq_ignore_ascii_case("Access-Control-Allow-Origin"))
}

/// A search for what a function raises and does not catch, by itself or by what it calls.
struct LettingOut<'r> {
    resolve: &'r dyn Resolve,
    /// Functions that were looked into.
    seen: Vec<Site>,
    found: Vec<LetOut>,
}

impl LettingOut<'_> {
    fn of(mut self, function: &FunctionRef, depth: u32) -> Vec<LetOut> {
        self.block(function, &function.def.body, depth);
        self.found
    }

    fn block(&mut self, function: &FunctionRef, body: &[Stmt], depth: u32) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Raise { exc: Some(exc), .. } => self.raise(function, stmt, exc, depth),
                // Whoever calls decides by a flag whether anything is raised.
                StmtKind::If { test, .. } if depth > 0 && asks_for_flag(function, test) => {}
                StmtKind::If { body, or_else, .. }
                | StmtKind::For { body, or_else, .. }
                | StmtKind::While { body, or_else, .. } => {
                    self.calls(function, stmt, depth);
                    self.block(function, body, depth);
                    self.block(function, or_else, depth);
                }
                StmtKind::Try { body, handlers, or_else, finally } => {
                    if !handlers.iter().any(|handler| catches_http_exceptions(self.resolve, function, handler)) {
                        self.block(function, body, depth);
                    }
                    handlers.iter().for_each(|handler| self.block(function, &handler.body, depth));
                    self.block(function, or_else, depth);
                    self.block(function, finally, depth);
                }
                StmtKind::With { body, .. } => self.block(function, body, depth),
                StmtKind::Match { cases, .. } => cases.iter().for_each(|case| self.block(function, &case.body, depth)),
                _ => self.calls(function, stmt, depth),
            }
        }
    }

    fn raise(&mut self, function: &FunctionRef, stmt: &Stmt, exc: &Expr, depth: u32) {
        let (class, args) = exc.as_call().unwrap_or((exc, &[]));
        // Of a fault of the server's own the client is told as it was meant.
        let status = keyword(args, "status_code").or_else(|| positional(args, 0)).and_then(http_status);
        let is_own_fault = || status.is_some_and(|status| status >= 500);
        if is_http_exception(self.resolve, function, class) && (depth == 0 || !is_own_fault()) {
            self.found.push(LetOut { site: Site { range: stmt.range, ..function.site }, raised: None });
        }
    }

    /// Calls of functions of the project that let such an exception out.
    fn calls(&mut self, function: &FunctionRef, stmt: &Stmt, depth: u32) {
        let mut pending: Vec<(&Expr, bool)> = stmt.exprs().into_iter().map(|expr| (expr, false)).collect();
        while let Some((expr, is_awaited)) = pending.pop() {
            let awaits = matches!(expr.kind, ExprKind::Await(_));
            if matches!(expr.kind, ExprKind::Lambda { .. }) {
                continue;
            }
            pending.extend(expr.children().into_iter().map(|child| (child, awaits)));
            let Some((func, _)) = expr.as_call().filter(|_| depth < MAX_DEPTH) else { continue };
            let Some(called) = self.called(function, func) else { continue };
            if self.seen.contains(&called.site) || called.def.is_generator || called.def.is_async != is_awaited {
                continue;
            }
            let seen = self.seen.iter().copied().chain([called.site]).collect();
            let inner = LettingOut { resolve: self.resolve, seen, found: Vec::new() };
            let raised = inner.of(&called, depth + 1).first().map(|one| one.raised.unwrap_or(one.site));
            let site = Site { range: expr.range, ..function.site };
            self.found.extend(raised.map(|raised| LetOut { site, raised: Some(raised) }));
        }
    }

    /// The function of the project that is called: a method of the same object, too.
    fn called(&self, function: &FunctionRef, func: &Expr) -> Option<FunctionRef> {
        let own = match &func.kind {
            ExprKind::Attribute { value, name } if function.takes_receiver() => {
                let is_self = value.as_name() == function.def.params.first().map(|param| &param.name.name);
                function.class.as_ref().filter(|_| is_self).and_then(|class| self.resolve.method(class, &name.name))
            }
            _ => None,
        };
        let called = match own {
            Some(method) => FunctionRef::clone(&method),
            None => match self.resolve.eval(function, func) {
                Value::Function(called) => FunctionRef::clone(&called),
                Value::Bound(bound) => FunctionRef::clone(&bound.1),
                _ => return None,
            },
        };
        // What is put around a function may catch what it raises.
        called.def.decorators.is_empty().then(|| self.resolve.current(&called))
    }
}

/// Whether a condition asks for a parameter that is true or false where nobody says otherwise.
fn asks_for_flag(function: &FunctionRef, test: &Expr) -> bool {
    let is_flag = |name: &SmolStr| {
        let param = function.def.params.iter().find(|param| param.name.name == *name);
        param.is_some_and(|param| {
            param.default.as_ref().is_some_and(|default| matches!(default.kind, ExprKind::Bool(_)))
        })
    };
    let mut pending = vec![test];
    while let Some(expr) = pending.pop() {
        if expr.as_name().is_some_and(is_flag) {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

fn is_http_exception(resolve: &dyn Resolve, function: &FunctionRef, class: &Expr) -> bool {
    matches!(resolve.eval(function, class), Value::Package(path)
        if path.ends_with(".HTTPException") && (path.starts_with("fastapi") || path.starts_with("starlette")))
}

fn catches_http_exceptions(resolve: &dyn Resolve, function: &FunctionRef, handler: &Handler) -> bool {
    handler.types.is_empty()
        || handler.types.iter().any(|class| {
            class.as_name().is_some_and(|name| name == "Exception" || name == "BaseException")
                || is_http_exception(resolve, function, class)
        })
}

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
