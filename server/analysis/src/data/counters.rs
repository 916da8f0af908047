//! Counters of a row: `answer.likes += 1`, `post.views = post.views + 1`. Whoever
//! likes a row of somebody changes nothing that its owner wrote.

use crate::facts::python::tree::{Assign, AugAssign, Expr, ExprKind};

/// Whether a statement only counts: a column goes up or down by a number.
pub(super) fn counts_on(assign: &AugAssign) -> bool {
    matches!(assign.target.kind, ExprKind::Attribute { .. })
        && matches!(assign.op.as_str(), "+" | "-")
        && matches!(assign.value.kind, ExprKind::Int(_))
}

/// Whether a column is assigned what it holds itself, more or less by a number:
/// `answer.likes = max(0, answer.likes - 1)`.
pub(super) fn counts(assign: &Assign) -> bool {
    let ([target], Some(value)) = (assign.targets.as_slice(), &assign.value) else { return false };
    matches!(target.kind, ExprKind::Attribute { .. }) && mentions_column(value, target) && is_made_of(value, target)
}

fn mentions_column(expr: &Expr, column: &Expr) -> bool {
    is_same(expr, column) || expr.children().into_iter().any(|part| mentions_column(part, column))
}

/// Whether an expression holds nothing but a column, numbers, and what calculates with them.
fn is_made_of(expr: &Expr, column: &Expr) -> bool {
    if is_same(expr, column) {
        return true;
    }
    match &expr.kind {
        ExprKind::Int(_) => true,
        ExprKind::Binary { left, right, op } => {
            matches!(op.as_str(), "+" | "-") && is_made_of(left, column) && is_made_of(right, column)
        }
        ExprKind::BoolOp { and: false, values } => values.iter().all(|value| is_made_of(value, column)),
        ExprKind::IfExp { body, or_else, .. } => is_made_of(body, column) && is_made_of(or_else, column),
        ExprKind::Call { func, args } => {
            func.as_name().is_some_and(|name| matches!(name.as_str(), "max" | "min" | "int"))
                && args.iter().all(|arg| is_made_of(&arg.value, column))
        }
        _ => false,
    }
}

/// Whether two expressions are the same variable, or the same attribute of one.
fn is_same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Name(a), ExprKind::Name(b)) => a == b,
        (ExprKind::Attribute { value: a, name: of_a }, ExprKind::Attribute { value: b, name: of_b }) => {
            of_a.name == of_b.name && is_same(a, b)
        }
        _ => false,
    }
}
