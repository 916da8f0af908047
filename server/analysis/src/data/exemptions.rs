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
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, MatchCase, Stmt, StmtKind, positional};

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

impl Path {
    /// A row is let pass on purpose: nobody has to look whose it is.
    pub(super) fn pass_by(&mut self, row: RowId) {
        if let Some(row) = self.rows.get_mut(&row) {
            row.checked = true;
        }
    }
}

impl Engine<'_, '_> {
    /// Of a condition in several parts, of which one compares an owner with the caller: the paths that an earlier part
    /// has decided pass by that on purpose, if it asks what the caller may do, or what the row says of itself. Not where
    /// the owners are those for whom all parts hold: `if me.role == "admin" and note.owner_id == me.id: return True`
    /// says nothing of others.
    pub(super) fn exempt(&mut self, before: &Path, decided: &mut [(usize, Path)], parts: &[Expr]) {
        let compared = Compared::since(before, decided.iter().map(|(_, path)| path));
        // What was compared before is in a variable.
        let by_name = compared.is_empty();
        if by_name && !self.names_question(parts) {
            return;
        }
        for (at, path) in decided {
            let asks = &parts[*at];
            if !compared.is_empty() && self.asks_authority(path, asks) {
                path.privileged = true;
            }
            let row = match self.row_asked(path, asks) {
                None if !by_name => self.row_without(path, asks, &parts[*at + 1..]),
                row => row,
            };
            if let Some(row) = row
                && (compared.rows.contains(&row) || self.names_comparison(path, row, parts))
            {
                path.pass_by(row);
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

    /// The row that a statement lets pass by what it says of itself, where other statements of the block say of all others
    /// whether they are the caller's: `if row.scope == "system": return True`, and then `return row.owner_id == me.id`.
    pub(super) fn lets_pass(&mut self, path: &Path, block: &[Stmt], at: usize) -> Option<RowId> {
        let stmt = block.get(at)?;
        let test = match &stmt.kind {
            StmtKind::If { test, body, or_else } if or_else.is_empty() => match body.as_slice() {
                [Stmt { kind: StmtKind::Return(_), .. }] => &**test,
                _ => return None,
            },
            StmtKind::Return(Some(said)) => said,
            _ => return None,
        };
        let others = || block.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, stmt)| stmt);
        if !is_plain(test) || !others().any(compares_below) {
            return None;
        }
        let row = self.row_asked(path, test)?;
        others().any(|stmt| self.compares_owner_below(path, row, stmt)).then_some(row)
    }

    /// The row of which a condition asks what it says of itself, where one way on compares whose it is with who is calling
    /// and the other does not: that one is for everybody on purpose. Whether that is where the condition holds.
    pub(super) fn passes_by(
        &mut self,
        path: &Path,
        test: &Expr,
        body: &[Stmt],
        or_else: &[Stmt],
    ) -> Option<(RowId, bool)> {
        if !is_plain(test) || !body.iter().chain(or_else).any(compares_below) {
            return None;
        }
        let row = self.row_asked(path, test)?;
        let mut compares = |block: &[Stmt]| block.iter().any(|stmt| self.compares_owner_below(path, row, stmt));
        match (compares(body), compares(or_else)) {
            (true, false) => Some((row, false)),
            (false, true) => Some((row, true)),
            _ => None,
        }
    }

    /// Two conditions of which the second is all that stands behind the first are one, where one compares whose a row is
    /// with who is calling and the other asks what the row says of itself: `if a:` around `if b:` is `if a and b:`.
    pub(super) fn both<'s>(
        &mut self,
        path: &Path,
        test: &Expr,
        body: &'s [Stmt],
        or_else: &[Stmt],
    ) -> Option<(Expr, &'s [Stmt])> {
        let [Stmt { kind: StmtKind::If { test: second, body: inner, or_else: other }, .. }] = body else { return None };
        if !or_else.is_empty() || !other.is_empty() {
            return None;
        }
        let mut tells_apart = |asks: &Expr, compares: &Expr| {
            let is_asked = (is_plain(asks) || named(asks).is_some()) && !compared_in(compares).is_empty();
            is_asked && self.row_asked(path, asks).is_some_and(|row| self.compares_owner(path, row, compares))
        };
        let values = vec![test.clone(), Expr::clone(second)];
        let is_one = tells_apart(test, second) || tells_apart(second, test);
        is_one.then_some((Expr { range: test.range, kind: ExprKind::BoolOp { and: true, values } }, inner.as_slice()))
    }

    /// Whether `a or b` asks whether something is the caller's, or what the caller may do: what it gives is true or not then,
    /// whatever the last of it is (`row.owner_id == me.id or me.is_admin`).
    pub(super) fn asks_of_caller(&mut self, path: &Path, parts: &[Expr]) -> bool {
        let is_said = |part: &Expr| match &part.kind {
            ExprKind::Compare { .. } | ExprKind::Not(_) => true,
            ExprKind::Attribute { value, .. } => value.as_name().is_some(),
            ExprKind::Call { func, .. } => func.as_name().is_some_and(|name| name == "getattr"),
            _ => false,
        };
        let may_be = parts.iter().all(is_said) && parts.iter().any(|part| !compared_in(part).is_empty());
        may_be
            && parts.iter().all(|part| match compared_in(part).as_slice() {
                [] => self.is_of_caller(path, part),
                sides => sides.iter().any(|side| self.is_of_caller(path, side)),
            })
    }

    /// The row of which `match` asks what it says of itself, where one of the cases compares whose it is with who is calling.
    pub(super) fn told_apart(&mut self, path: &Path, subject: &Expr, cases: &[MatchCase]) -> Option<RowId> {
        let statements = || cases.iter().flat_map(|case| &case.body);
        if !is_plain(subject) || !statements().any(compares_below) {
            return None;
        }
        let row = self.row_asked(path, subject)?;
        statements().any(|stmt| self.compares_owner_below(path, row, stmt)).then_some(row)
    }

    /// Whether a statement, or one inside, compares whose a row is with who is calling.
    fn compares_owner_below(&mut self, path: &Path, row: RowId, stmt: &Stmt) -> bool {
        let mut pending = vec![stmt];
        while let Some(stmt) = pending.pop() {
            if stmt.exprs().into_iter().any(|expr| self.compares_owner(path, row, expr)) {
                return true;
            }
            pending.extend(stmt.blocks().into_iter().flatten());
        }
        false
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

    /// Whether one of the parts is a variable that holds whether two things are the same.
    fn names_question(&self, parts: &[Expr]) -> bool {
        let Some(function) = self.stack.last() else { return false };
        let mut held = parts.iter().filter_map(named).flat_map(|name| assigned(&function.def.body, name));
        held.any(|value| !compared_in(value).is_empty())
    }

    /// Whether one of the parts asks whether a row is the caller's, or is a variable that holds that:
    /// `is_own = row.owner_id == me.id`.
    fn names_comparison(&mut self, path: &Path, row: RowId, parts: &[Expr]) -> bool {
        let Some(function) = self.stack.last().cloned() else { return false };
        let held = parts.iter().filter_map(named).flat_map(|name| assigned(&function.def.body, name));
        let values: Vec<&Expr> = held.chain(parts).collect();
        values.into_iter().any(|value| self.compares_owner(path, row, value))
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
            _ if test.as_name().is_some() || part_of(test).is_some() => match self.eval(&mut path.clone(), test) {
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
            // `is_system = note.scope == "system"`
            ExprKind::Name(name) => {
                let function = self.stack.last()?.clone();
                match assigned(&function.def.body, name).as_slice() {
                    [value] if is_plain(value) => self.row_asked(path, value),
                    _ => None,
                }
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
            let found = match (expr.as_name(), part_of(expr)) {
                (Some(name), _) => {
                    matches!(path.vars.get(name), Some(Abs::Principal(part)) if names::is_identity(part))
                }
                (None, Some((whole, name))) if names::is_identity(name) => {
                    whole.as_name().and_then(|name| is_caller(name)).unwrap_or(false)
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

/// The part that an expression reads, and of what: `me.role`, `me["role"]`, `me.get("role")`.
fn part_of(expr: &Expr) -> Option<(&Expr, &SmolStr)> {
    match &expr.kind {
        ExprKind::Attribute { value, name } => Some((value, &name.name)),
        ExprKind::Subscript { value, index } => Some((value, index.as_str()?)),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" => Some((value, positional(args, 0)?.as_str()?)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a test asks for some role, and for none of those that are called after having more rights than others.
fn is_one_of_many(test: &Expr) -> bool {
    let ExprKind::Compare { rest, .. } = &test.kind else { return false };
    !says(test, &is_high) && rest.iter().all(|(op, _)| matches!(op.as_str(), "==" | "is" | "in"))
}

/// Whether a statement, or one inside, compares anything.
pub(super) fn compares_below(stmt: &Stmt) -> bool {
    let compares = |expr: &Expr| !compared_in(expr).is_empty();
    stmt.exprs().into_iter().any(compares) || stmt.blocks().into_iter().flatten().any(compares_below)
}

/// The variable that a part of a condition is, or the opposite of.
fn named(part: &Expr) -> Option<&SmolStr> {
    match &part.kind {
        ExprKind::Not(inner) => inner.as_name(),
        _ => part.as_name(),
    }
}

/// Whether a condition asks something by name, alone or compared with texts and numbers: `row.scope == "system"`,
/// `not row.get("hidden")`. What else it might call is not called for this.
fn is_plain(test: &Expr) -> bool {
    match &test.kind {
        ExprKind::Not(inner) => is_plain(inner),
        ExprKind::Compare { first, rest } => {
            let is_said = |side: &Expr| is_plain(side) || side.children().is_empty() || is_listed(side);
            is_said(first) && rest.iter().all(|(_, side)| is_said(side))
        }
        ExprKind::Attribute { value, .. } => value.as_name().is_some() || is_plain(value),
        ExprKind::Subscript { value, .. } => value.as_name().is_some(),
        ExprKind::Call { func, .. } => matches!(&func.kind, ExprKind::Attribute { value, name }
            if name.name == "get" && value.as_name().is_some()),
        _ => false,
    }
}

/// Whether an expression writes several texts or numbers out.
fn is_listed(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts)
        if parts.iter().all(|part| part.children().is_empty() || is_plain(part)))
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
