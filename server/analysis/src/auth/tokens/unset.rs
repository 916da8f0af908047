//! Credentials that are compared with a key, where both may be nothing.

use super::super::code::{Body, mentions};
use super::super::keys;
use super::{ItemTokens, UnsetKey, secrets};
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, keyword, positional};
use crate::index::value::Value;

/// Finds comparisons that a request without a credential passes where nothing sets the key.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    for (stmt, _) in body.statements() {
        let StmtKind::If { test, body: branch, or_else } = &stmt.kind else { continue };
        let ExprKind::Compare { first, rest } = &test.kind else { continue };
        let [(op, second)] = rest.as_slice() else { continue };
        if op != "!=" || !raises(branch) || !or_else.is_empty() {
            continue;
        }
        for (given, key) in [(&**first, second), (second, &**first)] {
            let is_nothing = may_be_missing(body, given) && !is_asked_for(body, given, test);
            if is_nothing && let Some((origin, source)) = keys::may_be_unset(body.interpreter, body.scope, key) {
                tokens.unset.push(UnsetKey {
                    site: body.site(key.range),
                    function: body.site(def.name.range),
                    origin,
                    source,
                });
            }
        }
    }
}

/// Whether an expression is a credential of the request, and `None` where there is none.
fn may_be_missing(body: &Body<'_, '_, '_>, given: &Expr) -> bool {
    let traced = body.traced(given);
    if !secrets::origin(body, traced).is_some_and(|origin| origin.what == super::Secret::Token) {
        return false;
    }
    if let Some(param) = traced.as_name().and_then(|name| body.param(name)) {
        return param.default.as_ref().is_some_and(|default| gives_none(body, default));
    }
    // `request.headers.get("X-Key")`
    traced.as_call().is_some_and(|(func, args)| {
        let gets = matches!(&func.kind, ExprKind::Attribute { name, .. } if name.name == "get");
        gets && args.len() == 1
    })
}

/// Whether the default of a parameter gives `None`: `None`, `Header(None)`, a scheme that raises nothing.
fn gives_none(body: &Body<'_, '_, '_>, default: &Expr) -> bool {
    if matches!(default.kind, ExprKind::None) {
        return true;
    }
    let Some((_, args)) = default.as_call() else { return false };
    let first = keyword(args, "default").or_else(|| positional(args, 0));
    if first.is_some_and(|first| matches!(first.kind, ExprKind::None)) {
        return true;
    }
    let Some(Value::Depends(depends)) = secrets::signature(body, default) else { return false };
    let Some(Value::Instance(scheme)) = &depends.dependency else { return false };
    matches!(scheme.class, Value::Package(_)) && matches!(scheme.args.get("auto_error", None), Some(Value::Bool(false)))
}

/// Whether another condition of the body is about what is given.
fn is_asked_for(body: &Body<'_, '_, '_>, given: &Expr, test: &Expr) -> bool {
    let Some(name) = given.as_name() else { return false };
    let asks = |other: &Expr| other.range != test.range && mentions(other, name);
    let by_statement = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, .. } | StmtKind::While { test, .. } => asks(test),
        StmtKind::Assert(test) => asks(test),
        StmtKind::Match { subject, .. } => asks(subject),
        _ => false,
    });
    by_statement || body.bindings(name).len() > 1
}
