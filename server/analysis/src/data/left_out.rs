//! Conditions that the client decides about: `if scan_id: query = query.where(Log.scan_id == scan_id)`.
//!
//! Where what the client names was looked at, and rows are kept to the caller's by it, the code says itself that they are
//! somebody's. A client that names nothing must not get all of them for that.

use super::engine::Engine;
use super::value::{Abs, ClientId, Path, Predicate, Row};
use super::{Access, CHILDREN, Fault, LEFT_OUT};
use crate::facts::python::idioms::assigned;
use crate::index::value::{FunctionRef, Site};

/// What a route does with rows of tables where the client names something, and where it names nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Tables of rows that it keeps to the caller's by what the client named.
    kept: Vec<(Site, ClientId)>,
    /// Queries for anybody's rows where the client named nothing, with their tables.
    whole: Vec<(Site, Site, ClientId)>,
}

impl LeftOut {
    /// Rows of a table are kept to the caller's, as a column equals a value.
    pub(super) fn note_kept(&mut self, path: &Path, table: Site, value: &Abs) {
        if let Abs::Client(client) = value
            && path.sent.get(client) == Some(&true)
            && !self.kept.contains(&(table, *client))
        {
            self.kept.push((table, *client));
        }
    }

    /// Nothing keeps rows of a table to the caller's.
    pub(super) fn note_whole(&mut self, path: &Path, table: Site, row: &Row) {
        // What the code itself demands of the rows may be what lets everybody have them.
        let is_said = |asked: &Predicate| matches!(asked.value, Abs::Text(_) | Abs::Constant(_));
        if path.privileged || path.doubt || row.by_key || row.predicates.iter().any(is_said) {
            return;
        }
        // A client that names nothing at all may have been turned away.
        let mut unsent = path.sent.iter().filter(|(_, sent)| !**sent);
        if let (Some((client, _)), None) = (unsent.next(), unsent.next()) {
            let whole = (row.site, table, *client);
            if !self.whole.contains(&whole) {
                self.whole.push(whole);
            }
        }
    }

    /// Whether an access is to anybody's rows only as the client left out what would have kept them to the caller's.
    pub(super) fn is(&self, access: &Access) -> bool {
        access.fault == Fault::Unscoped
            && self.whole.iter().any(|(query, table, client)| {
                *query == access.site && *table == access.table.site && self.kept.contains(&(*table, *client))
            })
    }

    /// Forgets what was read of a handler where the client named nothing, but for some clients.
    fn keep(&mut self, is_kept: impl Fn(ClientId) -> bool) {
        self.whole.retain(|(_, _, client)| is_kept(*client));
    }

    /// What another execution of the same handler found counts, too.
    pub(super) fn extend(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.whole.extend(other.whole);
    }
}

impl Engine<'_, '_> {
    /// All rows of a table that hangs on others are at fault by themselves where the client only left something out. Not where
    /// the handler asks what callers may do, or puts something else in the place of what the client names: who names
    /// nothing may then be one who may have all, or get what is their own.
    pub(super) fn settle_left_out(&mut self, handler: &FunctionRef) {
        let asks = !self.data.asked.is_empty();
        let is_put = |client: ClientId| !assigned(&handler.def.body, &self.clients[client as usize].name).is_empty();
        let of_roles = self.data.by_role.iter_mut().map(|by| &mut by.tenants);
        for tenants in of_roles.chain([&mut self.data.tenants]) {
            tenants.left_out.keep(|client| !asks && !is_put(client));
        }
        let left_out = &self.data.tenants.left_out;
        for access in self.data.faults.iter_mut().filter(|access| access.detail == CHILDREN && left_out.is(access)) {
            access.detail = LEFT_OUT;
        }
    }
}
