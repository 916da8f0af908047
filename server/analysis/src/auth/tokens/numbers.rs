//! Claims that are numbers: the ids of rows.

use std::sync::Arc;

use super::super::code::{Body, Scope, last_name};
use super::callees::callee;
use crate::facts::python::idioms::without_none;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};
use crate::index::value::{ClassRef, Resolve, Value};

/// Calls, variables and functions that a row is followed through.
const MAX_DEPTH: u32 = 5;

/// Whether a value is known to be a whole number.
pub(super) fn is_number(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let expr = body.traced(expr);
    match &expr.kind {
        ExprKind::Int(_) => true,
        ExprKind::Call { func, .. } => body.package(func).is_some_and(|path| path == "builtins.int"),
        ExprKind::Name(name) => {
            let annotation = body.param(name).and_then(|param| param.annotation.as_ref());
            annotation.is_some_and(|annotation| is_int(body, annotation))
        }
        ExprKind::Attribute { value, name } => {
            class_of(body, value, 0).is_some_and(|class| is_number_field(body, &class, &name.name))
        }
        _ => false,
    }
}

fn is_int(body: &Body<'_, '_, '_>, annotation: &Expr) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    let declared = body.interpreter.eval_signature(function, without_none(annotation));
    matches!(declared, Value::Package(path) if path == "builtins.int")
}

/// The class of the rows among which a value was found.
fn class_of(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> Option<Arc<ClassRef>> {
    if depth > MAX_DEPTH {
        return None;
    }
    match &value.kind {
        ExprKind::Await(inner) => class_of(body, inner, depth),
        ExprKind::Name(name) => match body.param(name) {
            Some(param) => {
                let Scope::Function(function) = body.scope else { return None };
                let annotation = without_none(param.annotation.as_ref()?);
                as_class(body.interpreter.eval_signature(function, annotation))
            }
            None => agreed(body.bindings(name).into_iter().flatten().map(|made| class_of(body, made, depth + 1))),
        },
        ExprKind::Call { func, args } => {
            if let Value::Class(class) = body.eval(func) {
                return Some(class);
            }
            let asked = last_name(func).is_some_and(|name| matches!(name.as_str(), "select" | "query" | "get"));
            let named = positional(args, 0).filter(|_| asked).and_then(|table| as_class(body.eval(table)));
            named.or_else(|| given_by(body, func, depth)).or_else(|| {
                // `db.query(User).filter(…).first()`, `db.exec(select(User)).first()`
                let of_receiver = match &func.kind {
                    ExprKind::Attribute { value, .. } => class_of(body, value, depth + 1),
                    _ => None,
                };
                let executes = last_name(func)
                    .is_some_and(|name| matches!(name.as_str(), "exec" | "execute" | "scalar" | "scalars"));
                of_receiver.or_else(|| class_of(body, positional(args, 0).filter(|_| executes)?, depth + 1))
            })
        }
        _ => None,
    }
}

/// The class of what a function of the project gives wherever it gives something.
fn given_by(body: &Body<'_, '_, '_>, func: &Expr, depth: u32) -> Option<Arc<ClassRef>> {
    let called = callee(body, func)?;
    let function = body.interpreter.current(&called);
    if let Some(declared) = &function.def.returns
        && let Some(class) = as_class(body.interpreter.eval_signature(&function, without_none(declared)))
    {
        return Some(class);
    }
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    let returned = inner.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(value) => value.as_ref(),
        _ => None,
    });
    let something = returned.filter(|value| !matches!(value.kind, ExprKind::None | ExprKind::Bool(_)));
    agreed(something.map(|value| class_of(&inner, value, depth + 1)))
}

fn as_class(value: Value) -> Option<Arc<ClassRef>> {
    match value {
        Value::Class(class) => Some(class),
        _ => None,
    }
}

/// The one class that all are.
fn agreed(mut classes: impl Iterator<Item = Option<Arc<ClassRef>>>) -> Option<Arc<ClassRef>> {
    let first = classes.next()??;
    classes.all(|class| class.is_some_and(|class| class.site == first.site)).then_some(first)
}

/// Whether a field of a class holds whole numbers: `id: int`, `Mapped[int]`, `Column(Integer, …)`.
fn is_number_field(body: &Body<'_, '_, '_>, class: &Arc<ClassRef>, field: &str) -> bool {
    let classes = body.interpreter.linearised(class);
    classes.iter().for_each(|class| body.interpreter.count_outline(class.site));
    let mut declared = classes.iter().flat_map(|class| class.def.body.iter()).filter_map(|stmt| match &stmt.kind {
        StmtKind::Assign(assign)
            if assign.targets.first().and_then(Expr::as_name).is_some_and(|name| name == field) =>
        {
            Some(assign)
        }
        _ => None,
    });
    let Some(assign) = declared.next() else { return false };
    if let Some(annotation) = &assign.annotation {
        let mut inner = without_none(annotation);
        if let ExprKind::Subscript { value, index } = &inner.kind
            && last_name(value).is_some_and(|name| name == "Mapped")
        {
            inner = without_none(index);
        }
        return inner.as_name().is_some_and(|name| name == "int");
    }
    let Some((func, args)) = assign.value.as_ref().and_then(Expr::as_call) else { return false };
    let is_column = last_name(func).is_some_and(|name| matches!(name.as_str(), "Column" | "mapped_column"));
    let is_integer = |kind: &Expr| {
        let kind = kind.as_call().map_or(kind, |(func, _)| func);
        last_name(kind).is_some_and(|name| matches!(name.as_str(), "Integer" | "BigInteger" | "SmallInteger"))
    };
    is_column && positional(args, 0).is_some_and(is_integer)
}
