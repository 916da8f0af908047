//! Comparisons with `True` and `False`: `if await is_valid(token) == False: raise`.
//!
//! What equals one of them is true or false itself. What does not may be anything, `None` among it, unless a function
//! gave it that gives nothing but truth values.

use super::Flow;
use crate::facts::python::idioms::{assigned, returned};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

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
        let function = self.function();
        let made = match expr.as_name() {
            Some(name) => match assigned(&function.def.body, name).as_slice() {
                [value] => value,
                _ => return false,
            },
            None => expr,
        };
        let call = match &made.kind {
            ExprKind::Await(inner) => inner,
            _ => made,
        };
        let Some(called) = call.as_call().and_then(|(callee, _)| self.called(function, callee)) else { return false };
        let called = self.judge.resolve.current(&called);
        always_returns(&called.def.body) && returned(&called.def.body).into_iter().all(is_truth)
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
