//! Settings that code refuses to go on without, wherever it asks for them: `if not settings.secret: raise RuntimeError(…)`.

use smol_str::SmolStr;

use super::super::code::{Body, is_settings, last_name};
use super::super::keys;
use super::{ItemTokens, RefusedSetting};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::Value;

/// Finds conditions on settings that are missing, behind which a body raises what no caller is answered with.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for (stmt, _) in body.statements() {
        let StmtKind::If { test, body: branch, .. } = &stmt.kind else { continue };
        if !branch.iter().any(gives_up) {
            continue;
        }
        for asked in missing(test) {
            let ExprKind::Attribute { value, name } = &asked.kind else { continue };
            let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value) else { continue };
            if is_settings(body.interpreter, &class) {
                let classes = body.interpreter.linearised(&class);
                let refused =
                    classes.iter().map(|class| RefusedSetting { class: class.site, field: name.name.clone() });
                tokens.refused.extend(refused);
            }
        }
    }
}

/// Whether a statement ends the process, or raises what is no answer to a request.
fn gives_up(stmt: &Stmt) -> bool {
    let is_exit = |name: &SmolStr| matches!(name.as_str(), "exit" | "_exit");
    match &stmt.kind {
        StmtKind::Raise { exc: Some(raised), .. } => {
            let class = raised.as_call().map_or(raised, |(func, _)| func);
            last_name(class).is_some_and(|name| !name.contains("HTTPException"))
        }
        StmtKind::Expr(expr) => expr.as_call().and_then(|(func, _)| last_name(func)).is_some_and(is_exit),
        _ => false,
    }
}

/// What a condition says that it is missing, empty or too short.
fn missing(test: &Expr) -> Vec<&Expr> {
    match &test.kind {
        ExprKind::Not(inner) => vec![plain(inner)],
        ExprKind::BoolOp { values, .. } => values.iter().flat_map(missing).collect(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if matches!(op.as_str(), "is" | "==") && is_nothing(second) => vec![plain(first)],
            [(op, _)] if matches!(op.as_str(), "<" | "<=") => measured(first).into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn is_nothing(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::None) || expr.as_str().is_some_and(|text| text.is_empty())
}

/// `len(settings.secret)`
fn measured(expr: &Expr) -> Option<&Expr> {
    let (func, args) = expr.as_call()?;
    let is_length = func.as_name().is_some_and(|name| name == "len");
    positional(args, 0).filter(|_| is_length).map(plain)
}

/// `settings.secret` of `settings.secret.strip()`.
fn plain(expr: &Expr) -> &Expr {
    match expr.as_call() {
        Some((Expr { kind: ExprKind::Attribute { value, name }, .. }, [])) if name.name == "strip" => value,
        Some((Expr { kind: ExprKind::Attribute { value, name }, .. }, [])) if name.name == "get_secret_value" => value,
        _ => expr,
    }
}
