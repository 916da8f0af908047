//! What a caller is answered who is not the owner.

use super::engine::Engine;
use super::value::{Path, Stranger};
use super::{Access, Fault, Use};
use crate::facts::python::idioms::http_status;
use crate::facts::python::tree::{Expr, Stmt, StmtKind, keyword, positional};
use crate::index::value::{Resolve, Value};

impl Engine<'_, '_> {
    /// An exception is raised because somebody else is the owner.
    pub(super) fn judge_rejection(&mut self, path: &Path, exception: &Expr) {
        if path.rows.values().any(|row| row.absent) {
            let site = self.site(exception);
            self.absences.insert(site);
        }
        // Nobody is answered any more; and whoever may touch what is others' is refused for something else.
        let Some(stranger) = path.stranger.clone().filter(|_| !self.in_later && !path.privileged) else { return };
        let Some((func, args)) = exception.as_call() else { return };
        let framework = match self.stack.last().map(|function| self.interpreter.eval(function, func)) {
            Some(Value::Package(package)) => package.ends_with("HTTPException"),
            _ => false,
        };
        let status = keyword(args, "status_code").or_else(|| positional(args, 0)).and_then(http_status);
        let Some(detail) = status.filter(|_| framework).and_then(shown) else { return };
        let site = self.site(exception);
        match stranger {
            Stranger::Owner(model) => self.fault(path, Fault::WrongStatus, Use::Reads, site, &model, None, detail),
            // What a function for errors raises is for others, too.
            Stranger::Named(function) => {
                let is_own = self.stack.last().is_some_and(|raising| raising.site == function);
                if is_own && !self.data.turned_away.contains(&(site, detail)) {
                    self.data.turned_away.push((site, detail));
                }
            }
        }
    }

    /// Where one statement answers for rows of others and for rows that there
    /// are none of, nobody can tell the two apart: as if the owner were in the query.
    pub(super) fn accept_hidden(&mut self) {
        let hidden = |access: &Access| access.detail == "404" && self.absences.contains(&access.site);
        self.data.faults.retain(|access| access.fault != Fault::WrongStatus || !hidden(access));
    }
}

/// A status that may be meant for strangers.
fn shown(status: i64) -> Option<&'static str> {
    match status {
        403 => Some("403"),
        404 => Some("404"),
        401 => Some("401"),
        400 => Some("400"),
        422 => Some("422"),
        500 => Some("500"),
        _ => None,
    }
}

/// Whether a statement raises 403 under a condition.
pub(super) fn asks_for_a_right(stmt: &Stmt) -> bool {
    matches!(&stmt.kind, StmtKind::If { body, .. } if forbids(body))
}

/// Whether a block ends with an exception.
pub(super) fn ends_by_raising(block: &[Stmt]) -> bool {
    matches!(block.last(), Some(Stmt { kind: StmtKind::Raise { .. }, .. }))
}

/// Whether a block does nothing but raise 403.
pub(super) fn forbids(block: &[Stmt]) -> bool {
    let Some(Stmt { kind: StmtKind::Raise { exc: Some(exc), .. }, .. }) = block.last() else { return false };
    let Some((_, args)) = exc.as_call() else { return false };
    keyword(args, "status_code").or_else(|| positional(args, 0)).and_then(http_status) == Some(403)
}
