//! Tokens that a function hands on: to others of the project, and in place of an empty parameter.

use super::super::code::{Body, Found, Scope};
use super::Secret;
use super::callees::{callee, parameter};
use super::schemes::{asked_for, depends_of};
use super::secrets::{Origin, credential, follow, is_used_as_token};
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{Resolve, Value};

/// Functions of the project that a token is handed through.
const MAX_CALLS: u32 = 2;

/// The other value of a parameter that is replaced where it is empty: `token = token or request.cookies.get("token")`.
pub(super) fn replaced(body: &Body<'_, '_, '_>, name: &str, depth: u32) -> Option<Origin> {
    let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
    body.bindings(name).into_iter().flatten().find_map(|value| {
        let ExprKind::BoolOp { and: false, values } = &value.kind else { return None };
        let (first, others) = values.split_first()?;
        is_it(first).then(|| others.iter().find_map(|other| follow(body, other, depth + 1))).flatten()
    })
}

/// The parameter that an expression is, where the function hands it to one of the project that takes it for a token.
pub(super) fn origin(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Origin> {
    let param = body.param(expr.as_name()?)?;
    let passes = asked_for(body, param).is_none() && is_passed_as_token(body, &is_variable(&param.name.name), 0);
    passes.then_some(Origin { what: Secret::Token, range: param.range, credential: false })
}

/// Whether an expression is a parameter that a dependency of the project fills with the caller's token, wherever that
/// takes it from.
pub(super) fn is_by_dependency(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let param = body.traced(expr).as_name().and_then(|name| body.param(name));
    let Some(depends) = param.and_then(|param| depends_of(body, param)) else { return false };
    let Some(Value::Function(function)) = &depends.dependency else { return false };
    let function = body.interpreter.current(function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    let mut given = returned(&function.def.body);
    given.retain(|value| !matches!(value.kind, ExprKind::None));
    !given.is_empty() && given.into_iter().all(|value| credential(&inner, value).is_some())
}

/// Whether a variable is given to a library as a token, here or in a function of the project that it is handed to: it is a JWT.
pub(super) fn reaches_library(body: &Body<'_, '_, '_>, name: &str) -> bool {
    is_used_as_token(body, name) || is_passed_as_token(body, &is_variable(name), 0)
}

/// Whether a field of what a parameter holds is given to a function of the project that gives it to a library as a token.
pub(super) fn field_reaches_library(body: &Body<'_, '_, '_>, object: &str, field: &str) -> bool {
    let is_it = |given: &Expr| match &given.kind {
        ExprKind::Attribute { value, name } => {
            name.name == field && value.as_name().is_some_and(|found| found == object)
        }
        _ => false,
    };
    is_passed_as_token(body, &is_it, 0)
}

fn is_variable(name: &str) -> impl Fn(&Expr) -> bool {
    move |given| given.as_name().is_some_and(|found| found == name)
}

/// Whether something is given to a function of the project that gives it to a library as a token.
fn is_passed_as_token(body: &Body<'_, '_, '_>, is_it: &dyn Fn(&Expr) -> bool, depth: u32) -> bool {
    depth < MAX_CALLS
        && body.calls().iter().filter_map(Found::call).any(|(func, args)| {
            let Some(at) = args.iter().position(|arg| is_it(&arg.value)) else { return false };
            let Some(function) = callee(body, func) else { return false };
            let function = body.interpreter.current(&function);
            let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
            parameter(&function, args, at).map(|param| &param.name.name).is_some_and(|param| {
                is_used_as_token(&inner, param) || is_passed_as_token(&inner, &is_variable(param), depth + 1)
            })
        })
}
