//! Calls of which whoever asked gets nothing: what is done for its effect alone, and what only other services are sent.

use smol_str::SmolStr;

use super::called_function;
use crate::auth::code::mentions;
use crate::auth::sinks::{Sink, classify};
use crate::facts::python::idioms::{returned, uses};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};
use crate::text::TextRange;

/// Calls of one function that are looked at.
const MAX_CALLS: usize = 32;

/// The callees in a function's body that are functions of the project of whose calls whoever asked gets nothing.
pub(super) fn kept_back(interpreter: &Interpreter<'_>, function: &FunctionRef) -> Vec<TextRange> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut blocks = vec![&*function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let (call, name) = match &stmt.kind {
                StmtKind::Expr(expr) => (expr, None),
                StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
                    ([target], Some(value)) if target.as_name().is_some() => (value, target.as_name()),
                    _ => continue,
                },
                _ => continue,
            };
            let Some((callee, args)) = awaited(call).as_call() else { continue };
            looked_at += 1;
            if looked_at > MAX_CALLS {
                return found;
            }
            let is_sent_alone = || name.is_none_or(|name| is_only_sent(interpreter, function, name));
            if is_plain(interpreter, function, callee) && !fills(interpreter, function, args) && is_sent_alone() {
                found.push(callee.range);
            }
        }
    }
    found
}

fn awaited(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Await(inner) => inner,
        _ => expr,
    }
}

/// Whether a callee is a function of the project that is no method: an object may keep what its method makes.
fn is_plain(interpreter: &Interpreter<'_>, function: &FunctionRef, callee: &Expr) -> bool {
    called_function(interpreter, function, callee).is_some_and(|called| called.class.is_none())
}

/// Whether an argument may be the response, or something that the function reads afterwards: a call may write into it.
fn fills(interpreter: &Interpreter<'_>, function: &FunctionRef, args: &[Arg]) -> bool {
    let is_response = |name: &SmolStr| {
        let param = function.def.params.iter().find(|param| &param.name.name == name);
        param.is_some_and(|param| match &param.annotation {
            Some(ty) => {
                matches!(interpreter.eval_signature(function, ty), Value::Package(path) if path.ends_with("Response"))
            }
            None => true,
        })
    };
    let given = returned(&function.def.body);
    args.iter()
        .filter_map(|arg| arg.value.as_name())
        .any(|name| is_response(name) || given.iter().any(|given| mentions(given, name)))
}

/// Whether all that becomes of a variable is that it is sent to another service.
fn is_only_sent(interpreter: &Interpreter<'_>, function: &FunctionRef, name: &SmolStr) -> bool {
    let mut blocks = vec![&*function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let is_used = match &stmt.kind {
                StmtKind::Function(_) | StmtKind::Class(_) | StmtKind::Unknown => {
                    uses(std::slice::from_ref(stmt), name)
                }
                _ => looked_at(stmt, name).into_iter().any(|expr| is_kept(interpreter, function, expr, name)),
            };
            if is_used {
                return false;
            }
        }
    }
    true
}

/// The expressions of a statement, but for a test whether a variable holds anything, and for where it is assigned to.
fn looked_at<'s>(stmt: &'s Stmt, name: &SmolStr) -> Vec<&'s Expr> {
    let is_it = |expr: &Expr| expr.as_name() == Some(name);
    match &stmt.kind {
        StmtKind::Assign(assign) => {
            assign.value.iter().chain(assign.targets.iter().filter(|target| !is_it(target))).collect()
        }
        StmtKind::If { test, .. } => match &test.kind {
            ExprKind::Not(inner) if is_it(inner) => Vec::new(),
            _ if is_it(test) => Vec::new(),
            _ => vec![test],
        },
        _ => stmt.exprs(),
    }
}

/// Whether an expression uses a variable for anything but a request to another service.
fn is_kept(interpreter: &Interpreter<'_>, function: &FunctionRef, expr: &Expr, name: &SmolStr) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Name(used) if used == name => return true,
            // What these hold is not looked into.
            ExprKind::Unknown | ExprKind::Lambda { .. } | ExprKind::Yield(_) => return true,
            ExprKind::Comprehension(_) if mentions(expr, name) => return true,
            ExprKind::Call { func, .. } if sends(interpreter, function, func) => pending.push(func),
            _ => pending.extend(expr.children()),
        }
    }
    false
}

/// Whether a callee sends what it is given to another service.
fn sends(interpreter: &Interpreter<'_>, function: &FunctionRef, callee: &Expr) -> bool {
    matches!(interpreter.eval(function, callee), Value::Package(path) if classify(&path) == Sink::Forwards)
}
