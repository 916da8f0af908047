//! Answers that caches on the way may keep and give to others: `Cache-Control: public`. Whoever says so means them for
//! everybody.

use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// The header.
const HEADER: &str = "cache-control";

/// Whether a handler says so of its answer.
pub(super) fn are_told_to_keep(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let mut blocks = vec![&handler.def.body[..]];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            if sets_header(interpreter, handler, stmt) {
                return true;
            }
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                if holds_header(interpreter, handler, expr) {
                    return true;
                }
                pending.extend(expr.children());
            }
        }
    }
    false
}

/// `response.headers["Cache-Control"] = "public, max-age=60"`
fn sets_header(interpreter: &Interpreter<'_>, handler: &FunctionRef, stmt: &Stmt) -> bool {
    let StmtKind::Assign(assign) = &stmt.kind else { return false };
    let names = |target: &Expr| matches!(&target.kind, ExprKind::Subscript { index, .. } if is_header(index));
    let is_public = |value: &Expr| is_public(interpreter, handler, value);
    assign.targets.iter().any(names) && assign.value.as_ref().is_some_and(is_public)
}

/// `{"Cache-Control": "public, max-age=60"}`
fn holds_header(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr) -> bool {
    let ExprKind::Dict(entries) = &expr.kind else { return false };
    entries.iter().any(|(key, value)| key.as_ref().is_some_and(is_header) && is_public(interpreter, handler, value))
}

fn is_header(name: &Expr) -> bool {
    name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(HEADER))
}

/// Whether a value of that header lets caches keep the answer for everybody.
fn is_public(interpreter: &Interpreter<'_>, handler: &FunctionRef, value: &Expr) -> bool {
    let says = |text: &str| text.split(',').any(|part| part.trim().eq_ignore_ascii_case("public"));
    match &value.kind {
        ExprKind::FString(parts) => parts.first().and_then(Expr::as_str).is_some_and(|text| says(text)),
        _ => matches!(interpreter.eval(handler, value), Value::Str(text) if says(&text)),
    }
}
