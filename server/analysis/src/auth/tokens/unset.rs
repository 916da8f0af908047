//! Credentials that are compared with a key: which header that is, and whether both may be nothing.

use smol_str::SmolStr;

use super::super::code::{Body, last_name, mentions};
use super::super::keys;
use super::key_source::environment;
use super::{ComparedHeader, ItemTokens, UnsetKey, secrets};
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Param, StmtKind, keyword, positional};
use crate::index::value::Value;

/// Finds comparisons that a request without a credential passes where nothing sets the key.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    for (stmt, _) in body.statements() {
        let StmtKind::If { test, body: branch, or_else } = &stmt.kind else { continue };
        if raises(branch) {
            let headers = compared_in(body, test).into_iter();
            let function = body.site(def.name.range);
            let compared = headers.map(|header| ComparedHeader { function, header, site: body.site(test.range) });
            tokens.compared.extend(compared);
        }
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

/// The headers that a condition compares with a key, if it holds for all others: `header != key`,
/// `not header or not compare_digest(header, key)`.
fn compared_in(body: &Body<'_, '_, '_>, test: &Expr) -> Vec<SmolStr> {
    let pair = |one, other| match environment(body, body.traced(other)) {
        Some(_) => header_of(body, one),
        None => environment(body, body.traced(one)).and_then(|_| header_of(body, other)),
    };
    match &test.kind {
        ExprKind::BoolOp { and: false, values } => values.iter().flat_map(|value| compared_in(body, value)).collect(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "!=" => pair(first, second).into_iter().collect(),
            _ => Vec::new(),
        },
        ExprKind::Not(inner) => {
            let Some((func, args)) = inner.as_call() else { return Vec::new() };
            let compares = last_name(func).is_some_and(|name| name == "compare_digest");
            match (positional(args, 0), positional(args, 1)) {
                (Some(one), Some(other)) if compares => pair(one, other).into_iter().collect(),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The header that an expression is, in small letters.
fn header_of(body: &Body<'_, '_, '_>, given: &Expr) -> Option<SmolStr> {
    let traced = body.traced(given);
    let name = match &traced.kind {
        ExprKind::Name(name) => of_parameter(body, body.param(name)?)?,
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" && is_headers(body, value) => {
                positional(args, 0)?.as_str()?.clone()
            }
            _ => return None,
        },
        ExprKind::Subscript { value, index } if is_headers(body, value) => index.as_str()?.clone(),
        _ => return None,
    };
    Some(SmolStr::new(name.to_ascii_lowercase()))
}

fn is_headers(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Attribute { value, name } if name.name == "headers" && secrets::is_request(body, value))
}

/// The header that FastAPI hands to a parameter, by itself or through a scheme.
fn of_parameter(body: &Body<'_, '_, '_>, param: &Param) -> Option<SmolStr> {
    let default = param.default.as_ref();
    if secrets::read_from(body, param).is_some_and(|from| from == "Header") {
        let alias = default.and_then(Expr::as_call).and_then(|(_, args)| keyword(args, "alias"));
        // What stands in an annotation may name it otherwise.
        let is_plain = default.and_then(Expr::as_call).is_some();
        return match alias {
            Some(alias) => alias.as_str().cloned(),
            None => is_plain.then(|| SmolStr::new(param.name.name.replace('_', "-"))),
        };
    }
    let Some(Value::Depends(depends)) = secrets::signature(body, default?) else { return None };
    let Some(Value::Instance(scheme)) = &depends.dependency else { return None };
    match (&scheme.class, scheme.args.get("name", None)) {
        (Value::Package(path), Some(Value::Str(name))) if path.ends_with("APIKeyHeader") => Some(name.clone()),
        _ => None,
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
