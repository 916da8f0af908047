//! Middlewares that let `HTTPException` out, by themselves or by what they call, and those that answer it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::raising::always_raises;
use super::tokens::callees::parameter;
use crate::facts::python::idioms::{assigned, callees, http_status};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Param, Spread, Stmt, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

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
