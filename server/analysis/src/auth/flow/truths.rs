//! Comparisons with `True` and `False`: `if await is_valid(token) == False: raise`.
//!
//! What equals one of them is true or false itself. What does not may be anything, `None` among it, unless a function
//! gave it that gives nothing but truth values.

use super::Flow;
use crate::facts::python::idioms::{assigned, returned};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::value::FunctionRef;

impl Flow<'_, '_> {
    /// Whether an expression is true or false on the paths on which comparing it with a truth value comes to `truth`, if
    /// that is known.
    pub(super) fn truth_compared(&self, first: &Expr, op: &str, value: bool, truth: bool) -> Option<bool> {
        let equals = match op {
            "==" | "is" => truth,
            "!=" | "is not" => !truth,
            _ => return None,
        };
        match equals {
            true => Some(value),
            false => self.gives_truth(first).then_some(!value),
        }
    }

    /// Whether an expression, or what its variable is assigned, is a call of a function that gives nothing but `True`
    /// and `False`.
    fn gives_truth(&self, expr: &Expr) -> bool {
        let called = self.giver_of(expr);
        called.is_some_and(|called| {
            always_returns(&called.def.body) && returned(&called.def.body).into_iter().all(is_truth)
        })
    }

    /// Whether an expression, or what its variable is assigned, is a call of a function that may give something that is
    /// false, and not `None`: `return {}`. Whoever asks it for `None` takes that for what it gives to those who are known.
    pub(super) fn gives_other_than_none(&self, expr: &Expr) -> bool {
        let called = self.giver_of(expr);
        called.is_some_and(|called| returned(&called.def.body).into_iter().any(is_false_and_there))
    }

    /// The function of the project that an expression calls, or what its variable is assigned.
    fn giver_of(&self, expr: &Expr) -> Option<FunctionRef> {
        let function = self.function();
        let made = match expr.as_name() {
            Some(name) => match assigned(&function.def.body, name).as_slice() {
                [value] => value,
                _ => return None,
            },
            None => expr,
        };
        let call = match &made.kind {
            ExprKind::Await(inner) => inner,
            _ => made,
        };
        let called = call.as_call().and_then(|(callee, _)| self.called(function, callee))?;
        Some(self.judge.resolve.current(&called))
    }
}

/// Whether an expression is false, and not `None`.
fn is_false_and_there(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Bool(false) | ExprKind::Int(0) => true,
        ExprKind::Str(text) => text.is_empty(),
        ExprKind::Dict(entries) => entries.is_empty(),
        ExprKind::List(parts) | ExprKind::Tuple(parts) => parts.is_empty(),
        _ => false,
    }
}

/// Whether an expression is `True`, `False`, or a question.
fn is_truth(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Bool(_) | ExprKind::Not(_) | ExprKind::Compare { .. } => true,
        ExprKind::BoolOp { values, .. } => values.iter().all(is_truth),
        _ => false,
    }
}

/// Whether no path reaches the end of a block: each returns, or raises.
fn always_returns(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| match &last.kind {
        StmtKind::Return(Some(_)) | StmtKind::Raise { .. } => true,
        StmtKind::If { body, or_else, .. } => always_returns(body) && always_returns(or_else),
        StmtKind::With { body, .. } => always_returns(body),
        StmtKind::Try { body, handlers, or_else, .. } => {
            (always_returns(body) || always_returns(or_else))
                && handlers.iter().all(|handler| always_returns(&handler.body))
        }
        _ => false,
    })
}
