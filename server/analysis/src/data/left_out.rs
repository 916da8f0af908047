//! Conditions that the client decides about: `if scan_id: query = query.where(Log.scan_id == scan_id)`.
//!
//! Where what the client names was looked at, and rows are kept to the caller's by it, the code says itself that they are
//! somebody's. A client that names nothing must not get all of them for that.

use super::value::{Abs, ClientId, Path, Row};
use super::{Access, CHILDREN, Fault, LEFT_OUT, RouteData};
use crate::index::value::Site;

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
        if path.privileged || path.doubt || row.by_key {
            return;
        }
        let unsent = path.sent.iter().filter(|(_, sent)| !**sent).map(|(client, _)| (row.site, table, *client));
        for whole in unsent {
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

    /// What another execution of the same handler found counts, too.
    pub(super) fn extend(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.whole.extend(other.whole);
    }
}

impl RouteData {
    /// All rows of a table that hangs on others are at fault by themselves where the client only left something out.
    pub(super) fn settle_left_out(&mut self) {
        let left_out = &self.tenants.left_out;
        for access in self.faults.iter_mut().filter(|access| access.detail == CHILDREN && left_out.is(access)) {
            access.detail = LEFT_OUT;
        }
    }
}
