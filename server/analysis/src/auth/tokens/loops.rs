//! What a loop goes through that hands out all that a request sent in its headers or cookies.

use super::super::code::{Body, mentions};
use super::Secret;
use super::secrets::{Origin, follow};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// All headers or cookies, where a variable is the value of each in turn:
/// `for name, value in request.headers.items()`. Where the loop asks which one it is, it may leave some out.
pub(super) fn each(body: &Body<'_, '_, '_>, expr: &Expr, name: &str, depth: u32) -> Option<Origin> {
    let loops = body.statements().iter().filter(|(stmt, _)| stmt.range.contains_range(expr.range));
    loops.filter_map(|(stmt, _)| one_by_one(body, stmt, name, depth)).last()
}

fn one_by_one(body: &Body<'_, '_, '_>, stmt: &Stmt, name: &str, depth: u32) -> Option<Origin> {
    let StmtKind::For { target, iter, body: block, .. } = &stmt.kind else { return None };
    let ExprKind::Attribute { value: map, name: method } = &iter.as_call()?.0.kind else { return None };
    let (key, value) = match (&target.kind, method.name.as_str()) {
        (ExprKind::Tuple(parts), "items") => (Some(parts.first()?.as_name()?), parts.get(1)?),
        (ExprKind::Name(_), "values") => (None, &**target),
        _ => return None,
    };
    let asked = key.is_some_and(|key| asks_about(block, key));
    if value.as_name().is_none_or(|value| value != name) || asked {
        return None;
    }
    follow(body, map, depth + 1).filter(|origin| matches!(origin.what, Secret::Headers | Secret::Cookies))
}

/// Whether a condition in a block is about a variable.
fn asks_about(block: &[Stmt], name: &str) -> bool {
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            let tested = match &stmt.kind {
                StmtKind::If { test, .. } | StmtKind::While { test, .. } => mentions(test, name),
                StmtKind::Match { subject, .. } => mentions(subject, name),
                _ => false,
            };
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                if matches!(&expr.kind, ExprKind::IfExp { test, .. } if mentions(test, name)) {
                    return true;
                }
                pending.extend(expr.children());
            }
            if tested {
                return true;
            }
            blocks.extend(stmt.blocks());
        }
    }
    false
}
