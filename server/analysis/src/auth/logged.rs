//! Values that a handler only writes to a log: that somebody reads it changes nothing for the caller.

use super::code::{last_name, mentions};
use crate::facts::python::idioms::uses;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// Whether statements do anything with a variable but write it to a log, perhaps only where it holds something.
pub(super) fn is_looked_at(body: &[Stmt], name: &str) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Expr(expr) if logs(expr) => false,
        StmtKind::If { test, body, or_else } if only_logs(body) && only_logs(or_else) && is_quiet(test) => false,
        StmtKind::Function(_) | StmtKind::Class(_) => uses(std::slice::from_ref(stmt), name),
        _ => {
            let blocks = stmt.blocks();
            match blocks.is_empty() {
                true => uses(std::slice::from_ref(stmt), name),
                false => {
                    let own = stmt.exprs().into_iter().any(|expr| mentions(expr, name));
                    own || blocks.into_iter().any(|block| is_looked_at(block, name))
                }
            }
        }
    })
}

fn only_logs(block: &[Stmt]) -> bool {
    block.iter().all(|stmt| match &stmt.kind {
        StmtKind::Expr(expr) => logs(expr),
        StmtKind::Pass => true,
        StmtKind::If { test, body, or_else } => is_quiet(test) && only_logs(body) && only_logs(or_else),
        _ => false,
    })
}

/// Whether a test calls nothing, which might turn somebody away.
fn is_quiet(test: &Expr) -> bool {
    let mut pending = vec![test];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Call { .. } | ExprKind::Await(_) | ExprKind::Walrus { .. } => return false,
            _ => pending.extend(expr.children()),
        }
    }
    true
}

/// `logger.info("by %s", user)`, `print(user)`, of values that no call makes.
fn logs(expr: &Expr) -> bool {
    const METHODS: &[&str] = &["debug", "info", "warning", "warn", "error", "exception", "critical", "log"];
    let Some((func, args)) = expr.as_call() else { return false };
    let writes = match &func.kind {
        ExprKind::Name(name) => name == "print",
        ExprKind::Attribute { value, name } => {
            let receiver = last_name(value).map(|name| name.to_ascii_lowercase()).unwrap_or_default();
            let is_log = receiver.ends_with("logger") || matches!(receiver.as_str(), "log" | "logging" | "_log");
            is_log && METHODS.contains(&name.name.as_str())
        }
        _ => false,
    };
    writes && args.iter().all(|arg| is_quiet(&arg.value))
}
