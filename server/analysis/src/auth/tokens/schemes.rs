//! What a parameter is given that asks FastAPI for a security scheme, or for another dependency.

use std::sync::Arc;

use super::super::code::Body;
use super::super::sources::is_scheme;
use super::secrets::signature;
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, Param, Stmt, StmtKind};
use crate::index::value::{ClassRef, Depends, Resolve, Value};

/// What a parameter asks FastAPI for.
pub(super) enum Asked {
    /// A scheme: whether it gives what a caller signs in for, or a key of an API.
    Scheme { credential: bool },
    /// A scheme of the project's own that gives what a function made of the token.
    Claims,
    /// Another dependency.
    Other,
}

/// The `Depends` that fills a parameter.
pub(super) fn depends_of(body: &Body<'_, '_, '_>, param: &Param) -> Option<Arc<Depends>> {
    let depends = |value: Value| match value {
        Value::Depends(depends) => Some(depends),
        Value::Annotated(annotated) => annotated.metadata.iter().rev().find_map(|value| match value {
            Value::Depends(depends) => Some(Arc::clone(depends)),
            _ => None,
        }),
        _ => None,
    };
    let by_default = param.default.as_ref().and_then(|default| depends(signature(body, default)?));
    by_default.or_else(|| param.annotation.as_ref().and_then(|annotation| depends(signature(body, annotation)?)))
}

/// What a parameter asks FastAPI for; none where it asks for no dependency.
pub(super) fn asked_for(body: &Body<'_, '_, '_>, param: &Param) -> Option<Asked> {
    let depends = depends_of(body, param)?;
    let Some(Value::Instance(instance)) = &depends.dependency else { return Some(Asked::Other) };
    let scheme = match &instance.class {
        Value::Package(path) => Some(path.clone()),
        // The project's own schemes give what they are made to give.
        Value::Class(class) => match given(body, class) {
            Given::Token => body.interpreter.package_bases(class).into_iter().find(|base| is_scheme(base)),
            Given::Claims => return Some(Asked::Claims),
            Given::Other => None,
        },
        _ => None,
    };
    let Some(scheme) = scheme.filter(|scheme| is_scheme(scheme)) else { return Some(Asked::Other) };
    let named = instance.args.get("name", None);
    let is_key = scheme.ends_with("APIKeyHeader") || scheme.ends_with("APIKeyQuery");
    let authorizes = matches!(named, Some(Value::Str(name)) if name.eq_ignore_ascii_case("authorization"));
    Some(Asked::Scheme { credential: !is_key || authorizes })
}

/// What a scheme of the project's own gives.
enum Given {
    /// What the caller sent.
    Token,
    /// What a function made of that, which is hardly the token again.
    Claims,
    /// A dictionary of who is calling that it puts together.
    Other,
}

/// What a scheme of the project's own gives, by what its `__call__` returns.
fn given(body: &Body<'_, '_, '_>, class: &ClassRef) -> Given {
    let Some(call) = body.interpreter.method(class, "__call__") else { return Given::Token };
    let call = body.interpreter.current(&call);
    let mut pending: Vec<&Stmt> = call.def.body.iter().collect();
    while let Some(stmt) = pending.pop() {
        if let StmtKind::Return(Some(returned)) = &stmt.kind {
            if matches!(returned.kind, ExprKind::Dict(_)) {
                return Given::Other;
            }
            let made = match returned.as_name() {
                Some(name) => assigned(&call.def.body, name),
                None => vec![returned],
            };
            if made.into_iter().any(is_made_by_function) {
                return Given::Claims;
            }
        }
        pending.extend(stmt.blocks().into_iter().flatten());
    }
    Given::Token
}

/// Whether a value is what a function gives that is called by its name, or as a method of the object's own.
fn is_made_by_function(value: &Expr) -> bool {
    let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
    let Some((func, args)) = value.as_call() else { return false };
    // `jwt.decode(token, KEY)`, and not `token.decode()`.
    const FORMS: &[&str] = &["str", "strip", "split", "partition", "replace", "removeprefix", "encode", "get"];
    match &func.kind {
        ExprKind::Attribute { name, .. } if name.name == "decode" => !args.is_empty(),
        ExprKind::Name(name) => !FORMS.contains(&name.as_str()),
        ExprKind::Attribute { value, name } => value.as_name().is_some() && !FORMS.contains(&name.name.as_str()),
        _ => false,
    }
}
