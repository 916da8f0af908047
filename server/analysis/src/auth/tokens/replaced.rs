//! Refusals that a clause meant for everything else catches: the caller gets
//! its status instead of 401 or 403, or gets in.

use super::super::code::{Body, Scope};
use super::super::raising::always_raises;
use super::{Ignored, ItemTokens, Replaced, errors};
use crate::facts::python::idioms::{http_status, raised};
use crate::facts::python::tree::{Expr, ExprKind, Handler, Stmt, StmtKind, keyword, positional};
use crate::index::value::{FunctionRef, Resolve, Value};
use crate::text::TextRange;

/// Finds such clauses in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    for (stmt, _) in body.statements() {
        let StmtKind::Try { body: tried, handlers, .. } = &stmt.kind else { continue };
        let Some(handler) = handlers.iter().find(|handler| catches_refusals(body, handler)) else { continue };
        if !catches_all(body, handler) || passes_on(handler) {
            continue;
        }
        if only_tells(&handler.body) {
            if handler.body.iter().any(|stmt| raises(body, stmt)) || refuses_behind(&def.body, stmt) {
                continue;
            }
            let refused = own_refusal(body, tried);
            tokens.ignored.extend(refused.map(|(refused, proof)| Ignored {
                function: body.site(def.name.range),
                clause: body.site(errors::clause(handler)),
                refused,
                proof: body.site(proof),
            }));
            continue;
        }
        let answers = handler.body.iter().find_map(|stmt| errors::answer(body, stmt)?.status);
        let Some((status @ (400 | 404 | 422 | 500..=599), range)) = answers else { continue };
        let Some((refused, proof)) = refusal(body, tried) else { continue };
        tokens.replaced.push(Replaced {
            function: body.site(def.name.range),
            site: body.site(range),
            status,
            refused,
            proof: body.site(proof),
        });
    }
}

/// Whether what is raised somewhere is caught by a clause around, which answers in its own way.
pub(super) fn is_caught(body: &Body<'_, '_, '_>, around: &[(&Stmt, usize)]) -> bool {
    around.iter().any(|(stmt, block)| match &stmt.kind {
        StmtKind::Try { handlers, .. } if *block == 0 => {
            handlers.iter().find(|handler| catches_refusals(body, handler)).is_some_and(|handler| !passes_on(handler))
        }
        _ => false,
    })
}

/// Whether a clause catches `HTTPException`, as far as its classes are known.
fn catches_refusals(body: &Body<'_, '_, '_>, handler: &Handler) -> bool {
    let is_it = |value: &Value| match value {
        Value::Package(path) => path.ends_with("HTTPException"),
        // A class of the project is caught as what it extends, and nothing else is.
        Value::Class(class) => {
            let bases = body.interpreter.package_bases(class);
            bases.iter().any(|base| base == "?" || base.ends_with("HTTPException"))
        }
        _ => true,
    };
    let caught = |ty: &Expr| match body.eval(ty) {
        Value::List(values) => values.iter().any(is_it),
        value => is_it(&value),
    };
    catches_all(body, handler) || handler.types.iter().any(caught)
}

/// Whether a clause catches every exception.
fn catches_all(body: &Body<'_, '_, '_>, handler: &Handler) -> bool {
    let types = errors::types(body, handler);
    types.is_empty() || types.iter().any(|path| path == "builtins.Exception" || path == "builtins.BaseException")
}

/// Whether a clause lets something through: it raises what it caught, or asks what that is.
fn passes_on(handler: &Handler) -> bool {
    let mut blocks = vec![handler.body.as_slice()];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            let again = match &stmt.kind {
                StmtKind::Raise { exc: None, .. } => true,
                StmtKind::Raise { exc: Some(exc), .. } => {
                    exc.as_name().is_some_and(|name| Some(name) == handler.name.as_ref())
                }
                StmtKind::If { .. } | StmtKind::Match { .. } => true,
                _ => false,
            };
            if again {
                return true;
            }
            blocks.extend(stmt.blocks());
        }
    }
    false
}

/// Whether a block does nothing but call something, a log perhaps: what comes behind it is executed.
fn only_tells(block: &[Stmt]) -> bool {
    block.iter().all(|stmt| matches!(stmt.kind, StmtKind::Expr(_) | StmtKind::Pass))
}

/// Whether a function refuses behind a statement whoever does not pass another check: it raises in the end, and gives
/// something before that only in another `try`, which is one more way to verify.
fn refuses_behind(block: &[Stmt], stmt: &Stmt) -> bool {
    let Some(at) = block.iter().position(|own| own.range.contains_range(stmt.range)) else { return false };
    let Some((last, between)) = block[at + 1..].split_last() else { return false };
    let mut pending: Vec<&Stmt> = between.iter().collect();
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Return(_) => return false,
            StmtKind::Try { .. } => {}
            _ => pending.extend(stmt.blocks().into_iter().flatten()),
        }
    }
    matches!(last.kind, StmtKind::Raise { .. })
}

/// Whether a statement calls a function of the project that always raises.
fn raises(body: &Body<'_, '_, '_>, stmt: &Stmt) -> bool {
    let (StmtKind::Expr(expr), Scope::Function(caller)) = (&stmt.kind, body.scope) else { return false };
    let (call, is_awaited) = match &expr.kind {
        ExprKind::Await(call) => (&**call, true),
        _ => (expr, false),
    };
    let Some((func, args)) = call.as_call() else { return false };
    match body.eval(func) {
        Value::Function(function) => {
            function.def.is_async == is_awaited && always_raises(body.interpreter, caller, &function, args)
        }
        _ => false,
    }
}

/// A refusal with 401 or 403 that a block raises itself: the status, and where.
fn own_refusal(body: &Body<'_, '_, '_>, tried: &[Stmt]) -> Option<(u16, TextRange)> {
    let eval = |expr: &Expr| body.eval(expr);
    let caught = caught_inside(body, tried);
    let mut escaping =
        raised(tried).into_iter().filter(|raised| !caught.iter().any(|caught| caught.contains_range(raised.range)));
    escaping.find_map(|raised| Some((refuses(raised, &eval)?, raised.range)))
}

/// A refusal with 401 or 403 that a block raises itself, or a function of the
/// project that it calls: the status, and where.
fn refusal(body: &Body<'_, '_, '_>, tried: &[Stmt]) -> Option<(u16, TextRange)> {
    let own = own_refusal(body, tried);
    if own.is_some() {
        return own;
    }
    let caught = caught_inside(body, tried);
    let escapes = |range: TextRange| !caught.iter().any(|caught| caught.contains_range(range));
    let inside = TextRange { start: tried.first()?.range.start, end: tried.last()?.range.end };
    let calls = body.calls().iter().filter(|found| inside.contains_range(found.expr.range));
    calls.filter(|found| escapes(found.expr.range)).find_map(|found| {
        let (func, _) = found.call()?;
        let called: FunctionRef = match body.eval(func) {
            Value::Function(function) => body.interpreter.current(&function),
            _ => return None,
        };
        let eval = |expr: &Expr| body.interpreter.eval(&called, expr);
        let refused = raised(&called.def.body).into_iter().find_map(|raised| refuses(raised, &eval))?;
        Some((refused, found.expr.range))
    })
}

/// The blocks inside of a block of which another clause catches the refusals.
fn caught_inside(body: &Body<'_, '_, '_>, tried: &[Stmt]) -> Vec<TextRange> {
    let mut caught = Vec::new();
    let mut blocks = vec![tried];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if let StmtKind::Try { body: inner, handlers, .. } = &stmt.kind
                && handlers.iter().any(|handler| catches_refusals(body, handler) && !passes_on(handler))
                && let (Some(first), Some(last)) = (inner.first(), inner.last())
            {
                caught.push(TextRange { start: first.range.start, end: last.range.end });
            }
            blocks.extend(stmt.blocks());
        }
    }
    caught
}

/// The status, 401 or 403, of an `HTTPException` that is raised.
fn refuses(raised: &Expr, eval: &dyn Fn(&Expr) -> Value) -> Option<u16> {
    let (func, args) = raised.as_call()?;
    let status = keyword(args, "status_code").or_else(|| positional(args, 0)).and_then(http_status)?;
    let named = matches!(&func.kind, ExprKind::Name(_) | ExprKind::Attribute { .. });
    (named
        && matches!(status, 401 | 403)
        && matches!(eval(func), Value::Package(path) if path.ends_with("HTTPException")))
    .then_some(status as u16)
}
