//! Values that are the client's where it sends any, and the caller's own where not: `user_id or me.id`. What of both it is,
//! is told apart before the statement that takes it, as a condition in front of it would.

use super::engine::Engine;
use super::value::{Abs, ClientId, Path};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

impl Engine<'_, '_> {
    /// The two paths of a statement that takes what is the client's or the caller's own: on which the client sent it, and
    /// on which it did not.
    pub(super) fn told_by_sending(&mut self, path: &Path, stmt: &Stmt) -> Option<[Path; 2]> {
        let whole = whole(stmt)?;
        // That is no step of the handler's.
        let budget = self.budget;
        let client = self.sent_or_own(path, whole);
        self.budget = budget;
        let client = client?;
        Some([true, false].map(|sent| {
            let mut path = path.clone();
            path.sent.insert(client, sent);
            path
        }))
    }

    /// The value of the client's in an expression that is the caller's own where the client sent none, and of which is
    /// not known yet whether it did.
    fn sent_or_own(&mut self, path: &Path, expr: &Expr) -> Option<ClientId> {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            let parts = match &expr.kind {
                ExprKind::Lambda { .. } | ExprKind::Comprehension(_) => continue,
                ExprKind::BoolOp { and: false, values } => {
                    values.first().zip(values.get(1..).and_then(|rest| rest.last()))
                }
                ExprKind::IfExp { test, or_else, .. } => asked(test).map(|asked| (asked, &**or_else)),
                _ => None,
            };
            if let Some((sent, own)) = parts
                && let Some(own) = plain(own)
                && matches!(sent.kind, ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Call { .. })
                && matches!(self.eval(&mut path.clone(), own), Abs::Principal(_))
                && let Abs::Client(client) = self.eval(&mut path.clone(), sent)
                && !path.sent.contains_key(&client)
            {
                return Some(client);
            }
            pending.extend(expr.children());
        }
        None
    }
}

/// The expression that a statement is about.
fn whole(stmt: &Stmt) -> Option<&Expr> {
    match &stmt.kind {
        StmtKind::Expr(expr) | StmtKind::Return(Some(expr)) => Some(expr),
        StmtKind::For { iter, .. } => Some(iter),
        StmtKind::Assign(assign) => assign.value.as_ref(),
        _ => None,
    }
}

/// What a test asks of whether it is there: `x`, `x is not None`.
fn asked(test: &Expr) -> Option<&Expr> {
    match &test.kind {
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, Expr { kind: ExprKind::None, .. })] if op == "is not" || op == "!=" => Some(first),
            _ => None,
        },
        _ => Some(test),
    }
}

/// A name or attribute, in another form perhaps: `me.id`, `str(me.id)`.
fn plain(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Name(_) | ExprKind::Attribute { .. } => Some(expr),
        ExprKind::Call { func, args } => match args.as_slice() {
            [only] if func.as_name().is_some() => plain(&only.value),
            _ => None,
        },
        _ => None,
    }
}
