//! Handlers that are not written yet: they do nothing, and answer with constants
//! and what the caller gave. Variables of a module that stay as they are written.

use super::code::{module_variable, parts};
use super::constant::done;
use crate::facts::python::tree::{Expr, ExprKind, Function, Param, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Site, Value};
use crate::text::TextRange;

/// Whether a handler takes nothing but data of the request, calls nothing, and
/// returns only what is written there, and what the caller gave.
pub(super) fn says_back(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let def = &handler.def;
    if def.params.is_empty() || def.is_generator || handler.takes_receiver() {
        return false;
    }
    let [Stmt { kind: StmtKind::Return(Some(answer)), .. }] = done(handler).as_slice() else { return false };
    // What is given back as it came may be there for what the framework makes of it.
    let is_whole = answer.as_name().is_some_and(|name| param_of(def, name).is_some());
    !is_whole
        && is_said(interpreter, handler, answer)
        && def.params.iter().all(|param| is_of_request(interpreter, handler, param))
}

fn param_of<'f>(def: &'f Function, name: &str) -> Option<&'f Param> {
    def.params.iter().find(|param| param.name.name == name)
}

/// Whether an expression is put together of literals, constants of the module and parameters.
fn is_said(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr) -> bool {
    let said = |part: &Expr| is_said(interpreter, handler, part);
    match &expr.kind {
        ExprKind::Name(name) => param_of(&handler.def, name).is_some() || stays(interpreter, handler, expr, name),
        ExprKind::FString(parts) | ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
            parts.iter().all(said)
        }
        ExprKind::Dict(entries) => entries.iter().all(|(key, value)| key.as_ref().is_some_and(said) && said(value)),
        ExprKind::Binary { left, right, .. } => said(left) && said(right),
        ExprKind::Unary(inner) | ExprKind::Not(inner) => said(inner),
        _ => is_plain_literal(expr),
    }
}

fn is_plain_literal(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Str(_) | ExprKind::Bytes | ExprKind::Int(_) | ExprKind::Number | ExprKind::Bool(_) | ExprKind::None
    )
}

/// Whether a parameter is known to be given by the request: by its type, and by what it is without one.
fn is_of_request(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let is_plain = |default: &Expr| match default.as_call() {
        Some((func, _)) => {
            matches!(interpreter.eval_signature(handler, func), Value::Package(path) if path.starts_with("fastapi."))
        }
        None => is_plain_literal(default) || matches!(default.kind, ExprKind::Ellipsis),
    };
    param.default.as_ref().is_none_or(is_plain)
        && param.annotation.as_ref().is_none_or(|annotation| is_data(interpreter, handler, annotation))
}

/// Whether a type is one of data that a request holds, and not of something that a dependency gives.
fn is_data(interpreter: &Interpreter<'_>, handler: &FunctionRef, annotation: &Expr) -> bool {
    const PACKAGES: &[&str] =
        &["builtins.", "typing.", "typing_extensions.", "datetime.", "uuid.", "decimal.", "fastapi.", "pydantic."];
    const BASES: &[&str] = &["pydantic.", "sqlmodel.", "enum."];
    let data = |part: &Expr| is_data(interpreter, handler, part);
    match &annotation.kind {
        ExprKind::Subscript { value, index } => data(value) && data(index),
        ExprKind::Binary { left, right, .. } => data(left) && data(right),
        ExprKind::List(parts) | ExprKind::Tuple(parts) => parts.iter().all(data),
        ExprKind::Call { func, .. } => data(func),
        ExprKind::Name(_) | ExprKind::Attribute { .. } => match interpreter.eval_signature(handler, annotation) {
            Value::Package(path) => PACKAGES.iter().any(|package| path.starts_with(package)),
            Value::Class(class) => {
                let bases = interpreter.package_bases(&class);
                bases.iter().any(|base| BASES.iter().any(|package| base.starts_with(package)))
            }
            _ => false,
        },
        ExprKind::Ellipsis => true,
        _ => is_plain_literal(annotation),
    }
}

/// Whether a name of the module holds what is written there whenever the handler gives it out.
/// A list may hold anything by then: unless nothing else of its module does more than to look for
/// something in it.
pub(super) fn stays(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr, name: &str) -> bool {
    if matches!(interpreter.eval(handler, expr), Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_)) {
        return true;
    }
    let file = handler.site.file;
    let Some(variable) = module_variable(interpreter, file, &name.into()).filter(|variable| variable.file == file)
    else {
        return false;
    };
    if !is_written(variable.value) || variable.value.children().is_empty() {
        return false;
    }
    let Some(facts) = interpreter.sources().facts(file) else { return false };
    // After an edit of any item something else may be done with it.
    for item in 0..facts.items.len() as u32 {
        interpreter.count_body(Site { file, item, range: TextRange::default() });
    }
    let others = facts.items.iter().enumerate().filter(|(item, _)| *item as u32 != variable.item);
    others.into_iter().all(|(item, placed)| {
        let own = (item as u32 == handler.site.item).then_some(handler.site.range);
        only_looks(&placed.placed.item.stmt, name, own)
    })
}

/// Whether an expression is a literal through and through.
fn is_written(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::List(_) | ExprKind::Tuple(_) | ExprKind::Set(_) => expr.children().into_iter().all(is_written),
        ExprKind::Dict(entries) => {
            entries.iter().all(|(key, value)| key.as_ref().is_some_and(is_written) && is_written(value))
        }
        _ => is_plain_literal(expr),
    }
}

/// Whether a statement does no more with a variable than to look for something in it. What
/// the handler does, whose name stands at `own` if that is in the statement, is known.
fn only_looks(stmt: &Stmt, name: &str, own: Option<TextRange>) -> bool {
    let below = |block: &[Stmt]| block.iter().all(|stmt| only_looks(stmt, name, own));
    match &stmt.kind {
        StmtKind::Function(def) if own == Some(def.name.range) => return true,
        StmtKind::Function(def) if !below(&def.body) => return false,
        StmtKind::Class(class) if !below(&class.body) => return false,
        _ => {}
    }
    stmt.exprs().into_iter().all(|expr| looks_only(expr, name)) && stmt.blocks().into_iter().all(below)
}

/// Whether an expression does no more with a variable than to look for something in it.
fn looks_only(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(found) => found != name,
        ExprKind::Lambda { .. } => false,
        ExprKind::Compare { first, rest } => {
            let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
            let is_sought = |op: &str, operand: &Expr| matches!(op, "in" | "not in") && is_it(operand);
            looks_only(first, name)
                && rest.iter().all(|(op, operand)| looks_only(operand, name) || is_sought(op, operand))
        }
        _ => parts(expr).into_iter().all(|part| looks_only(part, name)),
    }
}
