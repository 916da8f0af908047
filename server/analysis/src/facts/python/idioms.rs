//! What projects write in a handful of ways.

use super::tree::{Expr, ExprKind};

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
