//! Which rows a route shows to whom they belong: what tells contents that everybody reads from what is private.
//!
//! Whoever wrote a post may change it, and everybody may read it. That changes are kept to the owner says nothing of who
//! reads, and neither does a list of one's own beside the list of all: were that kept to the caller's, both would be the
//! same. So reads are taken down apart. A row that was found beside one of the caller's by the same value of the client's
//! is a hint only: where the route goes on without that one, it asks for nothing.

use super::engine::Engine;
use super::models::Model;
use super::upkeep::only_reads;
use super::value::{Abs, Path, Predicate, Row};
use super::{Fault, Table, Use};
use crate::index::value::Site;

/// Rows that hang on each other that are looked through.
const MAX_ROOTS: u32 = 3;

/// Rows of a table that a route keeps to the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shown {
    /// The table.
    pub table: Site,
    /// What is done with them.
    pub how: How,
}

/// What a route does with rows of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// It gives out all that are the caller's, and asks for nothing else.
    ListsOwn,
    /// It gives them out, or looks at them before it gives out others.
    Reads,
    /// It changes them.
    Changes,
}

impl Engine<'_, '_> {
    /// A row of the caller's is known at an end of the handler.
    fn note_shown(&mut self, path: &Path, row: &Row, model: &Model, given: bool) {
        // A document is changed by its key, and read again to be given back.
        let is_changed = |other: &Row| other.touched && other.model.as_ref().is_some_and(|one| one.site == model.site);
        let how = match row.touched || path.rows.values().any(|other| is_changed(other)) {
            true => How::Changes,
            false if given && asks_for_owner_only(row, model) => How::ListsOwn,
            false if given || only_reads(self.route) => How::Reads,
            false => return,
        };
        let shown = Shown { table: model.site, how };
        if !self.data.shown.contains(&shown) {
            self.data.shown.push(shown);
        }
    }

    /// Takes down that a route keeps to the caller's rows of a table: now, or at the end if it never does otherwise.
    pub(super) fn note_scoped(&mut self, path: &Path, row: &Row, given: bool, table: Table, by_share: bool) {
        let is_hint = |asked: &Predicate| match &asked.value {
            Abs::Client(client) => !path.authorised.contains(client),
            _ => !self.narrows(path, asked, 0),
        };
        let all_hints = row.predicates.iter().all(is_hint);
        let is_sure = row.checked || by_share || !all_hints;
        if is_sure {
            if let Some(model) = row.model.clone() {
                self.note_shown(path, row, &model, given);
                if is_of_owner(row, &model) && !self.data.by_owner.contains(&model.site) {
                    self.data.by_owner.push(model.site);
                }
            }
            // Who compares, and goes on either way, has told callers apart, and turned nobody away: for what hangs on such a
            // row, too.
            let told = (row.checked && !by_share && all_hints).then_some(row.site);
            let root = if row.checked || by_share { None } else { self.compared_root(path, row, 0) };
            match (told, root) {
                (Some(site), _) => self.told_apart.push((site, table, row.usage())),
                (None, Some(site)) => self.hung.push((site, table, row.usage())),
                (None, None) => self.data.scoped.push((table, row.usage())),
            }
        } else {
            self.hints.push((table, row.usage()));
        }
    }

    /// The row that was compared with the caller, and is the caller's for no other reason, on which one hangs.
    fn compared_root(&self, path: &Path, row: &Row, depth: u32) -> Option<Site> {
        let narrowing = || row.predicates.iter().filter(|asked| self.narrows(path, asked, 0));
        let of_row = |asked: &Predicate| match &asked.value {
            Abs::Part(id, _) => path.rows.get(id),
            _ => None,
        };
        if depth > MAX_ROOTS || !narrowing().all(|asked| of_row(asked).is_some()) {
            return None;
        }
        let other = narrowing().find_map(of_row)?;
        let by_query = other.predicates.iter().any(|asked| self.narrows(path, asked, 0));
        match other.checked && !by_query {
            true => Some(other.site),
            false => self.compared_root(path, other, depth + 1),
        }
    }

    /// What was a hint counts where no row of that table is anybody's.
    pub(super) fn settle_hints(&mut self) {
        let hints = std::mem::take(&mut self.hints);
        let is_kept = |table: &Table| !self.data.faults.iter().any(|access| access.table.site == table.site);
        let kept: Vec<(Table, Use)> = hints.into_iter().filter(|(table, _)| is_kept(table)).collect();
        self.data.scoped.extend(kept);
        // Who compares, and goes on either way, has looked at nobody's right, and none too late.
        let faults = self.data.faults.iter();
        let open: Vec<(Site, Use)> = faults
            .filter(|access| matches!(access.fault, Fault::Unchecked | Fault::Unscoped))
            .map(|access| (access.site, access.usage))
            .collect();
        self.data
            .faults
            .retain(|access| access.fault != Fault::CheckedLate || !open.contains(&(access.site, Use::Changes)));
        let turned_away = std::mem::take(&mut self.told_apart).into_iter();
        let turned_away = turned_away.filter(|(site, _, usage)| !open.contains(&(*site, *usage)));
        let hung = std::mem::take(&mut self.hung).into_iter();
        let hung = hung.filter(|(root, ..)| !open.iter().any(|(site, _)| site == root));
        let turned_away: Vec<(Table, Use)> = turned_away.chain(hung).map(|(_, table, usage)| (table, usage)).collect();
        self.data.scoped.extend(turned_away);
    }
}

/// Whether it is the owner that rows were kept to the caller's by, and nothing that they hang on.
fn is_of_owner(row: &Row, model: &Model) -> bool {
    let is_owner = |asked: &Predicate| {
        let column = asked.column.as_ref().filter(|(of, _)| of.site == model.site && asked.equal);
        matches!(asked.value, Abs::Principal(_)) && column.is_some_and(|(_, name)| model.is_owner(name))
    };
    row.predicates.iter().any(is_owner) || row.compared.as_ref().is_some_and(|column| model.is_owner(column))
}

/// Whether rows were asked for by whose they are, and by nothing else.
fn asks_for_owner_only(row: &Row, model: &Model) -> bool {
    let is_owner = |asked: &Predicate| {
        let column = asked.column.as_ref().filter(|(of, _)| of.site == model.site);
        asked.equal && matches!(asked.value, Abs::Principal(_)) && column.is_some_and(|(_, name)| model.is_owner(name))
    };
    !row.predicates.is_empty() && row.predicates.iter().all(is_owner)
}
