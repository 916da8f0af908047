//! Code that takes the page elsewhere: what it does afterwards is of no consequence, as nobody is there to see it.

use super::Session;
use crate::facts::typescript::tree::{Expr, ExprKind, Pattern, Stmt, StmtKind};
use crate::frontend::libraries::{is_address, is_departure};
use crate::frontend::value::Value;

/// Functions of functions that are looked into.
const MAX_DEPTH: u8 = 2;

impl Session<'_> {
    /// Whether statements take the page elsewhere, themselves or in a function that they call: `location.href = "/login"`.
    /// The routers of frameworks only show something else, and the code goes on.
    pub(super) fn leaves_page(&mut self, stmts: &[Stmt], depth: u8) -> bool {
        stmts.iter().any(|stmt| match &stmt.kind {
            StmtKind::Expr(expr) => self.takes_page_elsewhere(expr, depth),
            StmtKind::Block(stmts) => self.leaves_page(stmts, depth),
            _ => false,
        })
    }

    fn takes_page_elsewhere(&mut self, expr: &Expr, depth: u8) -> bool {
        match &expr.kind {
            ExprKind::Assign(assign) => match &assign.target {
                Pattern::Place(place) => {
                    let ExprKind::Member(member) = &place.kind else { return false };
                    matches!(self.quietly(&member.object), Value::Package(package)
                        if package.package.is_empty() && is_address(&package.path, &member.property))
                }
                _ => false,
            },
            ExprKind::Call(call) if matches!(call.callee.kind, ExprKind::Name(_) | ExprKind::Member(_)) => {
                match self.quietly(&call.callee) {
                    Value::Package(package) => package.package.is_empty() && is_departure(&package.path),
                    Value::Function(closure) if depth < MAX_DEPTH => {
                        self.leaves_page(&closure.function.body, depth + 1)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}
