//! Claims that a function insists on: whoever's token has none of that name is turned away before the function ends.

use super::super::code::{Around, Body};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, positional};
use crate::text::TextRange;

/// Whether a function turns everybody away whose token lacks the claim that is read at a place.
pub(super) fn is_needed(body: &Body<'_, '_, '_>, read: TextRange) -> bool {
    let reads = body.find(&|expr| expr.range == read);
    let Some(found) = reads.first().filter(|found| is_none_where_missing(found.expr)) else { return false };
    let variable = match &found.stmt.kind {
        StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(|value| value.range == read) => {
            let name = assign.targets.first().and_then(Expr::as_name);
            name.filter(|name| body.bindings(name).len() == 1)
        }
        _ => None,
    };
    turns_away_without(body, &|expr| expr.range == read || (variable.is_some() && expr.as_name() == variable))
}

/// Whether a function turns everybody away for whom there is nothing in what `is_it` picks.
pub(super) fn turns_away_without(body: &Body<'_, '_, '_>, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    let is_always = |stmt: &Stmt, around: &Around<'_>| {
        around.iter().all(|(outer, block)| is_entered_always(outer, *block)) && !ends_before(body, stmt)
    };
    body.statements().iter().any(|(stmt, around)| match &stmt.kind {
        StmtKind::If { test, body: taken, .. } => {
            is_true_without(test, is_it) && raises(taken) && is_always(stmt, around)
        }
        _ => false,
    })
}

/// Whether an expression is `None`, or true, where the claim is missing: `claims.get("org")`, `"org" not in claims`.
fn is_none_where_missing(read: &Expr) -> bool {
    match &read.kind {
        ExprKind::Call { args, .. } => {
            args.len() == 1 || positional(args, 1).is_some_and(|default| matches!(default.kind, ExprKind::None))
        }
        ExprKind::Compare { rest, .. } => matches!(rest.as_slice(), [(op, _)] if op == "not in"),
        _ => false,
    }
}

/// Whether a test is true of everybody whose token lacks the claim.
fn is_true_without(test: &Expr, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    match &test.kind {
        ExprKind::Not(inner) => is_it(inner) && !matches!(inner.kind, ExprKind::Compare { .. }),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if is_it(first) => {
                matches!(op.as_str(), "is" | "==") && matches!(second.kind, ExprKind::None)
            }
            _ => is_it(test),
        },
        ExprKind::BoolOp { and: false, values } => values.iter().any(|value| is_true_without(value, is_it)),
        _ => false,
    }
}

/// Whether whoever comes to a statement comes to what stands in that block of it, too, and what is raised there is not forgotten.
fn is_entered_always(stmt: &Stmt, block: usize) -> bool {
    match &stmt.kind {
        StmtKind::Try { handlers, .. } => block == 0 && handlers.iter().all(|handler| raises(&handler.body)),
        StmtKind::With { .. } => true,
        _ => false,
    }
}

/// Whether the function may have ended before a statement.
fn ends_before(body: &Body<'_, '_, '_>, stmt: &Stmt) -> bool {
    let is_end = |kind: &StmtKind| matches!(kind, StmtKind::Return(_));
    body.statements().iter().any(|(other, _)| is_end(&other.kind) && other.range.start < stmt.range.start)
}

/// Whether a block always ends by raising something.
fn raises(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| matches!(last.kind, StmtKind::Raise { .. }))
}
