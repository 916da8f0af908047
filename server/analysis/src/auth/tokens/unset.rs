//! Credentials that are compared with a key: which header that is, and whether both may be nothing.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::super::keys::{self, What};
use super::key_source::environment;
use super::{ComparedHeader, ItemTokens, UnsetKey, secrets};
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Param, StmtKind, keyword, positional};
use crate::index::value::{Resolve, Site, Value};

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
        if !raises(branch) || !or_else.is_empty() {
            continue;
        }
        for (one, other) in compared_by(test) {
            let function = body.site(def.name.range);
            tokens.unset.extend(unset_key(body, test, one, other, function));
            tokens.unset.extend(unset_key(body, test, other, one, function));
        }
    }
}

/// The key that a credential is compared with in a condition, where both may be nothing.
fn unset_key(body: &Body<'_, '_, '_>, test: &Expr, given: &Expr, key: &Expr, function: Site) -> Option<UnsetKey> {
    let missing = || {
        let alone = matches!(test.kind, ExprKind::Compare { .. });
        alone && may_be_missing(body, given) && !is_asked_for(body, given, test)
    };
    let missing = missing();
    if !missing && !may_be_empty(body, given) {
        return None;
    }
    let (origin, source, what) = keys::may_be_unset(body.interpreter, body.scope, key)?;
    let empty = what == What::Empty;
    let holds = if empty { may_be_empty(body, given) } else { missing };
    holds.then_some(UnsetKey { site: body.site(key.range), function, origin, source, empty })
}

/// What a condition compares, where it holds for all that differs: in constant time, or with `!=`.
fn compared_by(test: &Expr) -> Vec<(&Expr, &Expr)> {
    match &test.kind {
        ExprKind::BoolOp { and: false, values } => values.iter().flat_map(compared_by).collect(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "!=" => vec![(first, second)],
            _ => Vec::new(),
        },
        ExprKind::Not(inner) => in_constant_time(inner).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What `compare_digest` compares.
pub(super) fn in_constant_time(expr: &Expr) -> Option<(&Expr, &Expr)> {
    let (func, args) = expr.as_call()?;
    let compares = last_name(func).is_some_and(|name| name == "compare_digest");
    Some((positional(args, 0)?, positional(args, 1)?)).filter(|_| compares)
}

/// Whether an expression is a credential of the request as it was sent, which nothing asks to hold anything.
fn may_be_empty(body: &Body<'_, '_, '_>, given: &Expr) -> bool {
    let given = match &given.kind {
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "encode" => value,
            _ => given,
        },
        _ => given,
    };
    let traced = body.traced(given);
    if !secrets::origin(body, traced).is_some_and(|origin| origin.what == super::Secret::Token) {
        return false;
    }
    let sent = match traced.as_name().and_then(|name| body.param(name)) {
        Some(param) => takes_any_text(body, param),
        None => reads_text(body, traced),
    };
    let names = [given, traced].map(Expr::as_name);
    sent && !names.into_iter().flatten().any(|name| is_asked_to_be_filled(body, name))
}

/// Whether a parameter takes a header or cookie, whatever it holds.
fn takes_any_text(body: &Body<'_, '_, '_>, param: &Param) -> bool {
    const BOUNDS: &[&str] = &["min_length", "pattern", "regex"];
    let bounded = param.default.iter().chain(&param.annotation).any(|expr| {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if expr.as_call().is_some_and(|(_, args)| BOUNDS.iter().any(|bound| keyword(args, bound).is_some())) {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    });
    !bounded && secrets::read_from(body, param).is_some_and(|from| matches!(from.as_str(), "Header" | "Cookie"))
}

/// `request.headers["X-Key"]`, `request.cookies.get("key")`.
fn reads_text(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let of_request = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => {
            matches!(name.name.as_str(), "headers" | "cookies") && secrets::is_request(body, value)
        }
        _ => false,
    };
    match &expr.kind {
        ExprKind::Subscript { value, .. } => of_request(value),
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, name } => name.name == "get" && of_request(value),
            _ => false,
        },
        _ => false,
    }
}

/// Whether anything of the body asks whether a variable holds a text that is not empty.
fn is_asked_to_be_filled(body: &Body<'_, '_, '_>, name: &SmolStr) -> bool {
    let is_it = |expr: &Expr| expr.as_name() == Some(name);
    let mut pending: Vec<&Expr> = Vec::new();
    for (stmt, _) in body.statements() {
        match &stmt.kind {
            StmtKind::If { test, .. } | StmtKind::While { test, .. } if is_it(test) => return true,
            StmtKind::Assert(test) if is_it(test) => return true,
            StmtKind::Match { subject, .. } if mentions(subject, name) => return true,
            _ => pending.extend(stmt.exprs()),
        }
    }
    while let Some(expr) = pending.pop() {
        let asks = match &expr.kind {
            ExprKind::BoolOp { values, .. } => values.iter().any(is_it),
            ExprKind::Not(inner) => is_it(inner),
            ExprKind::IfExp { test, .. } => is_it(test),
            ExprKind::Compare { first, rest } => {
                let literal = |expr: &Expr| expr.as_str().is_some() || matches!(expr.kind, ExprKind::Int(_));
                let literal = literal(first) || rest.iter().any(|(_, second)| literal(second));
                literal && mentions(expr, name)
            }
            ExprKind::Call { func, args } => {
                let asks =
                    last_name(func).is_some_and(|called| matches!(called.as_str(), "bool" | "len" | "all" | "any"));
                asks && args.iter().any(|arg| mentions(&arg.value, name))
            }
            _ => false,
        };
        if asks {
            return true;
        }
        pending.extend(expr.children());
    }
    body.bindings(name).len() > 1
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
        ExprKind::Not(inner) => in_constant_time(inner).and_then(|(one, other)| pair(one, other)).into_iter().collect(),
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
    if is_left_out_of_body(body, traced) {
        return true;
    }
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

/// Whether an expression is a secret in the body of a request, by its name, that a client may leave out: it is `None` then.
fn is_left_out_of_body(body: &Body<'_, '_, '_>, given: &Expr) -> bool {
    let ExprKind::Attribute { value, name } = &given.kind else { return false };
    let Some(param) = value.as_name().and_then(|name| body.param(name)) else { return false };
    let Some(annotation) = param.annotation.as_ref().filter(|_| param.default.is_none()) else { return false };
    let Some(Value::Class(class)) = secrets::signature(body, annotation) else { return false };
    let is_model = body.interpreter.package_bases(&class).iter().any(|base| base == "pydantic.BaseModel");
    let field = class.def.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(&name.name)) => {
            assign.value.as_ref()
        }
        _ => None,
    });
    is_model && secrets::names_secret(&name.name) && field.is_some_and(|default| gives_none(body, default))
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
    if let ExprKind::Attribute { name, .. } = &given.kind {
        return is_part_asked_for(body, &name.name, test);
    }
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

/// Whether another condition of the body is about a part of that name.
fn is_part_asked_for(body: &Body<'_, '_, '_>, name: &str, test: &Expr) -> bool {
    let is_it = |expr: &Expr| matches!(&expr.kind, ExprKind::Attribute { name: part, .. } if part.name == name);
    let is_elsewhere = |found: &Found<'_>| !test.range.contains_range(found.expr.range);
    body.find(&is_it).iter().any(is_elsewhere)
}
