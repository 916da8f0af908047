//! Whom code lets pass an ownership check on purpose: some callers by what they may do, some rows by what they say of
//! themselves.
//!
//! `if me.role == "driver" and trip.driver_id != me.id: raise` turns drivers away, and nobody else: what others may do
//! was decided there. So does `if not report.is_public and report.created_by != me.id: raise` of rows. Neither has to
//! be compared with the caller beyond that.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::engine::Engine;
use super::names;
use super::privileges::is_high;
use super::roles::says;
use super::value::{Abs, ClientId, Path, RowId};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// What was compared with the caller.
#[derive(Default)]
pub(super) struct Compared {
    rows: BTreeSet<RowId>,
    clients: BTreeSet<ClientId>,
}

impl Compared {
    /// What is so on some of the paths, and was not before.
    pub(super) fn since<'p>(before: &Path, after: impl Iterator<Item = &'p Path>) -> Self {
        let mut compared = Self::default();
        for path in after {
            let was_checked = |id: &RowId| before.rows.get(id).is_some_and(|row| row.checked);
            let checked = path.rows.iter().filter(|(id, row)| row.checked && !was_checked(id));
            compared.rows.extend(checked.map(|(id, _)| *id));
            let named = path.authorised.iter().filter(|client| !before.authorised.contains(client));
            compared.clients.extend(named.copied());
        }
        compared
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.clients.is_empty()
    }
}

impl Engine<'_, '_> {
    /// Of a condition in several parts, of which one compares an owner with the caller: the paths that an earlier part
    /// has decided pass by that on purpose, if it asks what the caller may do, or what the row says of itself. Not where
    /// the owners are those for whom all parts hold: `if me.role == "admin" and note.owner_id == me.id: return True`
    /// says nothing of others.
    pub(super) fn exempt(&mut self, before: &Path, decided: &mut [(usize, Path)], parts: &[Expr]) {
        let compared = Compared::since(before, decided.iter().map(|(_, path)| path));
        if compared.is_empty() {
            return;
        }
        for (at, path) in decided {
            let asks = &parts[*at];
            if self.asks_authority(path, asks) {
                path.privileged = true;
            }
            let row = self.row_asked(path, asks).or_else(|| self.row_without(path, asks, &parts[*at + 1..]));
            if let Some(row) = row.filter(|row| compared.rows.contains(row))
                && let Some(row) = path.rows.get_mut(&row)
            {
                row.checked = true;
            }
        }
    }

    /// Whether an `if` narrows what is touched to the caller's for some callers only, by what they may do:
    /// `if me.role == "driver": query = query.where(Trip.driver_id == me.id)`. All others may touch the rest.
    pub(super) fn narrows_for_some(&mut self, path: &Path, test: &Expr, body: &[Stmt]) -> bool {
        is_one_of_many(test)
            && self.asks_authority(path, test)
            && body.iter().any(|stmt| self.uses_identity(path, stmt))
    }

    /// The row that a statement lets pass by what it says of itself, where what is left of the function says of all others
    /// whether they are the caller's: `if row.scope == "system": return True`, and then `return row.owner_id == me.id`.
    pub(super) fn lets_pass(&mut self, path: &Path, stmt: &Stmt, rest: &[Stmt]) -> Option<RowId> {
        let StmtKind::If { test, body, or_else } = &stmt.kind else { return None };
        let [Stmt { kind: StmtKind::Return(Some(said)), .. }] = body.as_slice() else { return None };
        let is_yes = |engine: &mut Self| {
            matches!(said.kind, ExprKind::Bool(true))
                || compared_in(said).into_iter().any(|side| engine.is_of_caller(path, side))
        };
        if !or_else.is_empty() || rest.is_empty() || !is_yes(self) {
            return None;
        }
        let row = self.row_asked(path, test)?;
        let mut pending: Vec<&Stmt> = rest.iter().collect();
        while let Some(stmt) = pending.pop() {
            if let StmtKind::Return(Some(said)) = &stmt.kind
                && self.compares_owner(path, row, said)
            {
                return Some(row);
            }
            pending.extend(stmt.blocks().into_iter().flatten());
        }
        None
    }

    /// Whether an expression compares whose a row is with who is calling.
    fn compares_owner(&mut self, path: &Path, row: RowId, expr: &Expr) -> bool {
        let sides = compared_in(expr);
        let is_owner = |engine: &mut Self, side: &Expr| match engine.eval(&mut path.clone(), side) {
            Abs::Part(id, column) if id == row => {
                let model = path.rows.get(&id).and_then(|row| row.model.as_ref());
                model.is_none_or(|model| model.is_owner(&column))
            }
            _ => false,
        };
        sides.iter().any(|side| is_owner(self, side)) && sides.iter().any(|side| self.is_of_caller(path, side))
    }

    /// Whether an expression is something that the caller is or has.
    fn is_of_caller(&mut self, path: &Path, expr: &Expr) -> bool {
        matches!(self.eval(&mut path.clone(), expr), Abs::Principal(_))
    }

    /// Whether a condition asks what the caller may do.
    fn asks_authority(&mut self, path: &Path, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::Not(inner) | ExprKind::Await(inner) => self.asks_authority(path, inner),
            ExprKind::Compare { first, rest } => {
                self.asks_authority(path, first) || rest.iter().any(|(_, value)| self.asks_authority(path, value))
            }
            ExprKind::Name(_) | ExprKind::Attribute { .. } => match self.eval(&mut path.clone(), test) {
                Abs::Principal(part) => names::is_authority(&part) && !names::is_standing(&part),
                _ => false,
            },
            _ => false,
        }
    }

    /// The row of which a condition asks something that is not its owner.
    fn row_asked(&mut self, path: &Path, test: &Expr) -> Option<RowId> {
        match &test.kind {
            ExprKind::Not(inner) => self.row_asked(path, inner),
            ExprKind::Compare { first, rest } => {
                self.row_asked(path, first).or_else(|| rest.iter().find_map(|(_, value)| self.row_asked(path, value)))
            }
            // `note.visibility`, `note["visibility"]`, `note.get("visibility")`.
            ExprKind::Attribute { .. } | ExprKind::Subscript { .. } | ExprKind::Call { .. } => {
                match self.eval(&mut path.clone(), test) {
                    Abs::Part(id, column) => {
                        let model = path.rows.get(&id)?.model.as_ref();
                        model.is_none_or(|model| !model.is_owner(&column)).then_some(id)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The row of which a condition asks whether a column says anything. Where no class says which columns there are, and
    /// that one is compared with the caller beyond, it is the owner, and a row without one is nobody else's:
    /// `if note["member_id"] and note["member_id"] != me.id: raise`.
    fn row_without(&mut self, path: &Path, test: &Expr, others: &[Expr]) -> Option<RowId> {
        if let ExprKind::Not(inner) = &test.kind {
            return self.row_without(path, inner, others);
        }
        let told = self.column_of_plain(path, test)?;
        let is_compared =
            others.iter().flat_map(compared_in).any(|side| self.column_of_plain(path, side) == Some(told.clone()));
        is_compared.then_some(told.0)
    }

    /// The row without a class, and the column of it, that an expression gives.
    fn column_of_plain(&mut self, path: &Path, expr: &Expr) -> Option<(RowId, SmolStr)> {
        if matches!(expr.kind, ExprKind::Compare { .. } | ExprKind::BoolOp { .. } | ExprKind::Await(_)) {
            return None;
        }
        let Abs::Part(id, column) = self.eval(&mut path.clone(), expr) else { return None };
        let model = path.rows.get(&id)?.model.as_ref()?;
        (!model.has_class()).then_some((id, column))
    }

    /// Whether a statement compares something with who is calling, or gives that to what it keeps.
    fn uses_identity(&mut self, path: &Path, stmt: &Stmt) -> bool {
        let mut pending: Vec<&Stmt> = vec![stmt];
        while let Some(stmt) = pending.pop() {
            pending.extend(stmt.blocks().into_iter().flatten());
            // What is done with it, and kept nowhere, may be a line in a log.
            let only_compares = matches!(stmt.kind, StmtKind::Expr(_) | StmtKind::Raise { .. });
            let uses = |expr: &Expr| match only_compares {
                true => compared_in(expr).into_iter().any(|side| self.holds_identity(path, side)),
                false => self.holds_identity(path, expr),
            };
            if stmt.exprs().into_iter().any(uses) {
                return true;
            }
        }
        false
    }

    /// Whether a part of an expression is who is calling.
    fn holds_identity(&self, path: &Path, expr: &Expr) -> bool {
        let is_caller = |name: &str| match path.vars.get(name) {
            Some(Abs::Principal(part)) => Some(part.is_empty() || names::is_identity(part)),
            Some(Abs::Object(id)) => path.objects.get(id).map(|object| object.principal),
            _ => None,
        };
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            let found = match &expr.kind {
                ExprKind::Name(name) => {
                    matches!(path.vars.get(name), Some(Abs::Principal(part)) if names::is_identity(part))
                }
                ExprKind::Attribute { value, name } if names::is_identity(&name.name) => {
                    value.as_name().and_then(|name| is_caller(name)).unwrap_or(false)
                }
                _ => false,
            };
            if found {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    }
}

/// Whether a test asks for some role, and for none of those that are called after having more rights than others.
fn is_one_of_many(test: &Expr) -> bool {
    let ExprKind::Compare { rest, .. } = &test.kind else { return false };
    !says(test, &is_high) && rest.iter().all(|(op, _)| matches!(op.as_str(), "==" | "is" | "in"))
}

/// All that comparisons in an expression compare.
fn compared_in(expr: &Expr) -> Vec<&Expr> {
    let (mut compared, mut pending) = (Vec::new(), vec![expr]);
    while let Some(expr) = pending.pop() {
        if let ExprKind::Compare { first, rest } = &expr.kind {
            compared.push(&**first);
            compared.extend(rest.iter().map(|(_, value)| value));
        }
        pending.extend(expr.children());
    }
    compared
}
