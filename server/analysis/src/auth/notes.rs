//! What a middleware's code says besides what it proves.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Proof;
use super::code::parts;
use super::middleware::PublicPrefix;
use super::raising::always_raises;
use super::tokens::callees::parameter;
use crate::facts::python::idioms::{assigned, callees, http_status};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Param, Spread, Stmt, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

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
pub(super) fn uncaught_rejections(
    resolve: &dyn Resolve,
    function: &FunctionRef,
    receiver: Option<&Value>,
) -> Vec<LetOut> {
    let class = receiver.and_then(class_of);
    let search = LettingOut {
        resolve,
        class,
        flags: Vec::new(),
        seen: vec![function.site],
        asked: Vec::new(),
        found: Vec::new(),
    };
    let mut found = search.of(function, 0);
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
    /// The class of the object whose method is looked into.
    class: Option<Arc<ClassRef>>,
    /// Parameters of the function at hand that may be flags.
    flags: Vec<SmolStr>,
    /// Functions that were looked into.
    seen: Vec<Site>,
    /// Texts that the conditions around ask for.
    asked: Vec<SmolStr>,
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
                StmtKind::If { test, body, or_else } => {
                    self.calls(function, stmt, depth);
                    let known = self.asked.len();
                    self.asked.extend(texts(test));
                    self.block(function, body, depth);
                    self.asked.truncate(known);
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
                StmtKind::With { items, .. } if items.iter().any(|(item, _)| self.suppresses(function, item)) => {}
                _ => {
                    self.calls(function, stmt, depth);
                    stmt.blocks().into_iter().for_each(|block| self.block(function, block, depth));
                }
            }
        }
    }

    /// `suppress(HTTPException)`
    fn suppresses(&self, function: &FunctionRef, item: &Expr) -> bool {
        item.as_call().is_some_and(|(func, args)| {
            matches!(self.resolve.eval(function, func), Value::Package(path) if path == "contextlib.suppress")
                && args.iter().any(|arg| is_caught_by(self.resolve, function, &arg.value))
        })
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
            let Some((func, args)) = expr.as_call().filter(|_| depth < MAX_DEPTH) else { continue };
            let Some((called, class)) = self.called(function, func) else { continue };
            if self.seen.contains(&called.site) || called.def.is_generator || called.def.is_async != is_awaited {
                continue;
            }
            let flags = flags_of(function, &self.flags, &called, args);
            let is_decided = is_flagged(&called, &flags) || self.asks_again(&called);
            if is_decided && !always_raises(self.resolve, function, &called, args) {
                continue;
            }
            let seen = self.seen.iter().copied().chain([called.site]).collect();
            let inner =
                LettingOut { resolve: self.resolve, class, flags, seen, asked: self.asked.clone(), found: Vec::new() };
            let raised = inner.of(&called, depth + 1).first().map(|one| one.raised.unwrap_or(one.site));
            let site = Site { range: expr.range, ..function.site };
            self.found.extend(raised.map(|raised| LetOut { site, raised: Some(raised) }));
        }
    }

    /// Whether a function asks for a text that was asked for where it is called.
    fn asks_again(&self, called: &FunctionRef) -> bool {
        let exprs = called.def.body.iter().flat_map(Stmt::all_exprs);
        exprs.filter_map(Expr::as_str).any(|text| self.asked.contains(text))
    }

    /// The function of the project that is called, a method of the same object among them, and the class of its object.
    fn called(&self, function: &FunctionRef, func: &Expr) -> Option<(FunctionRef, Option<Arc<ClassRef>>)> {
        let (called, class) = match &func.kind {
            ExprKind::Attribute { value, name } if is_receiver(function, value) => {
                let class = self.class.as_ref().or(function.class.as_ref())?;
                (self.resolve.method(class, &name.name)?, Some(Arc::clone(class)))
            }
            _ => match self.resolve.eval(function, func) {
                Value::Function(called) => (called, None),
                Value::Bound(bound) => (Arc::clone(&bound.1), class_of(&bound.0)),
                _ => return None,
            },
        };
        // What is put around a function may catch what it raises.
        called.def.decorators.is_empty().then(|| (self.resolve.current(&called), class))
    }
}

/// The class of an object.
fn class_of(object: &Value) -> Option<Arc<ClassRef>> {
    let Value::Instance(instance) = object else { return None };
    match &instance.class {
        Value::Class(class) => Some(Arc::clone(class)),
        _ => None,
    }
}

/// The texts in an expression.
fn texts(expr: &Expr) -> Vec<SmolStr> {
    let inner = expr.children().into_iter().flat_map(texts);
    expr.as_str().cloned().into_iter().chain(inner).collect()
}

fn is_receiver(function: &FunctionRef, expr: &Expr) -> bool {
    let receiver = function.def.params.first().filter(|_| function.takes_receiver());
    receiver.is_some_and(|receiver| expr.as_name() == Some(&receiver.name.name))
}

/// The parameters of a function of which a call does not say what the middleware found out: those that it leaves out, or fills
/// with what stands in the code or in its own object, or with such a parameter of its own.
fn flags_of(caller: &FunctionRef, own: &[SmolStr], called: &FunctionRef, args: &[Arg]) -> Vec<SmolStr> {
    let is_plain = args.iter().all(|arg| arg.spread == Spread::No);
    let given = (0..args.len()).filter(|at| is_plain && is_found_out(caller, own, &args[*at].value));
    let given: Vec<&Param> = given.filter_map(|at| parameter(called, args, at)).collect();
    let params = called.def.params.iter().skip(usize::from(called.takes_receiver()));
    params.filter(|param| !given.contains(param)).map(|param| param.name.name.clone()).collect()
}

fn is_found_out(function: &FunctionRef, flags: &[SmolStr], value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Name(name) => {
            let is_written = |value: &&Expr| {
                matches!(value.kind, ExprKind::Bool(_) | ExprKind::None | ExprKind::Str(_) | ExprKind::Int(_))
            };
            let made = assigned(&function.def.body, name);
            let is_own = !made.is_empty() || function.def.params.iter().any(|param| param.name.name == *name);
            is_own && !flags.contains(name) && !is_receiver(function, value) && !made.iter().any(is_written)
        }
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => is_found_out(function, flags, value),
        ExprKind::Call { .. } | ExprKind::Await(_) => true,
        _ => false,
    }
}

/// Whether such a parameter, or what its object holds, may decide what a function does: they are more than handed on.
fn is_flagged(function: &FunctionRef, flags: &[SmolStr]) -> bool {
    let is_flag = |expr: &Expr| match &expr.kind {
        ExprKind::Name(name) => flags.contains(name),
        ExprKind::Attribute { value, .. } => is_receiver(function, value),
        _ => false,
    };
    let mut blocks: Vec<&[Stmt]> = vec![&function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let is_test = matches!(stmt.kind, StmtKind::If { .. } | StmtKind::While { .. } | StmtKind::Assert(_));
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                match expr.as_call() {
                    Some((func, args)) => {
                        pending.extend(func.children());
                        pending.extend(args.iter().filter(|_| is_test).map(|arg| &arg.value));
                    }
                    None if is_flag(expr) => return true,
                    None => pending.extend(expr.children()),
                }
            }
        }
    }
    false
}

fn is_http_exception(resolve: &dyn Resolve, function: &FunctionRef, class: &Expr) -> bool {
    matches!(resolve.eval(function, class), Value::Package(path)
        if path.ends_with(".HTTPException") && (path.starts_with("fastapi") || path.starts_with("starlette")))
}

fn catches_http_exceptions(resolve: &dyn Resolve, function: &FunctionRef, handler: &Handler) -> bool {
    handler.types.is_empty() || handler.types.iter().any(|class| is_caught_by(resolve, function, class))
}

/// Whether who catches a class catches `HTTPException`.
fn is_caught_by(resolve: &dyn Resolve, function: &FunctionRef, class: &Expr) -> bool {
    class.as_name().is_some_and(|name| name == "Exception" || name == "BaseException")
        || is_http_exception(resolve, function, class)
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
