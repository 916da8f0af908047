//! What functions of the project calls reach.

use std::sync::Arc;

use super::super::code::Body;
use super::super::keys;
use crate::facts::python::idioms::is_stub;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param};
use crate::index::value::{FunctionRef, Resolve, Value};

/// The function of the project that a callee is: by its value, or as a method
/// of an object of which only the class is known, as of a parameter by its annotation.
pub(super) fn callee(body: &Body<'_, '_, '_>, func: &Expr) -> Option<Arc<FunctionRef>> {
    match body.eval(func) {
        Value::Function(function) => Some(function),
        Value::Bound(bound) => Some(Arc::clone(&bound.1)),
        Value::Unknown(_) => method(body, func),
        _ => None,
    }
}

/// The same, and where that is only declared, the one function that stands behind it.
pub(super) fn implemented(body: &Body<'_, '_, '_>, func: &Expr) -> Option<Arc<FunctionRef>> {
    let called = callee(body, func)?;
    let Some(class) = called.class.as_ref().filter(|_| is_stub(&body.interpreter.current(&called).def)) else {
        return Some(called);
    };
    match &*body.interpreter.implementations(class, &called.def.name.name) {
        [(_, method)] => Some(Arc::clone(method)),
        _ => None,
    }
}

fn method(body: &Body<'_, '_, '_>, func: &Expr) -> Option<Arc<FunctionRef>> {
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    if body.is_nested() {
        return None;
    }
    match keys::object_of(body.interpreter, body.scope, value) {
        Value::Class(class) => body.interpreter.method(&class, &name.name),
        _ => None,
    }
}

/// The parameter of a function that takes an argument of a call.
pub(in crate::auth) fn parameter<'f>(function: &'f FunctionRef, args: &[Arg], at: usize) -> Option<&'f Param> {
    match &args.get(at)?.name {
        Some(named) => function.def.params.iter().find(|param| param.name.name == named.name),
        None => function.def.params.get(at + usize::from(function.takes_receiver())),
    }
}
