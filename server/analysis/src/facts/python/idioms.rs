//! What projects write in a handful of ways.

use super::tree::{Expr, ExprKind, Stmt};

/// The HTTP status that an expression names: `403`, `status.HTTP_403_FORBIDDEN`.
pub fn http_status(expr: &Expr) -> Option<i64> {
    let name = match &expr.kind {
        ExprKind::Int(code) => return Some(*code),
        ExprKind::Attribute { name, .. } => &name.name,
        ExprKind::Name(name) => name,
        _ => return None,
    };
    name.strip_prefix("HTTP_")?.split('_').next()?.parse().ok()
}

/// What the statements call, in no order; those of nested definitions left out.
pub fn callees(body: &[Stmt]) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut blocks = vec![body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut exprs = stmt.exprs();
            while let Some(expr) = exprs.pop() {
                found.extend(expr.as_call().map(|(callee, _)| callee));
                exprs.extend(expr.children());
            }
        }
    }
    found
}
