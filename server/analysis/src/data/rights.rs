//! Routes that are only for callers who have some right.
//!
//! An administrator may touch what is anybody's, and usually a role says so. It
//! does not where other routes that ask for the same right keep to the caller's
//! own rows: so what a handler does is found out for those who have it, too, and
//! kept apart. Rules compare it among the routes that ask for the same.

use super::engine::Engine;
use super::names;
use super::value::{Path, Vars};
use super::{Access, Fault, RolesAsked, Table, Tenancy, Use};
use crate::index::value::Site;

/// Whose data a route touches for those who have the right that it asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Within {
    /// The dependencies that ask for it, by their places in the route's tree.
    pub asked: Vec<usize>,
    /// Whether those verify the caller themselves: where no other way leads in, it is a right of everybody.
    pub by_verifier: bool,
    /// The roles that those ask for, if that is all.
    pub roles: Option<RolesAsked>,
    /// Accesses at fault, if the right is none to touch what is anybody's.
    pub faults: Vec<Access>,
    /// Accesses to owned data that are the principal's.
    pub scoped: Vec<(Table, Use)>,
    /// What is done with rows that may belong to what the caller belongs to.
    pub tenants: Tenancy,
}

/// What the dependencies of a route did.
pub(super) struct Before {
    faults: Vec<Access>,
    scoped: Vec<(Table, Use)>,
    tenants: Tenancy,
    /// The roles that they ask for.
    roles: Option<RolesAsked>,
    /// Tables of rows that they fetched: the caller's are what gives it the right.
    looked_at: Vec<Site>,
}

impl Engine<'_, '_> {
    /// A dependency ended on a path: whoever goes on may have been asked for a right.
    pub(super) fn note_right(&mut self, index: usize, before: bool, path: &Path) {
        if path.privileged && !before && !self.rights.contains(&index) {
            self.rights.push(index);
        }
    }

    /// The handler is executed for whoever has the right that dependencies ask
    /// for on every path, as if it were none to touch what is anybody's. Gives
    /// what was found before.
    pub(super) fn enter_right(&mut self, paths: &mut [(Path, Vars)]) -> Option<Before> {
        if self.rights.is_empty() || !paths.iter().all(|(path, _)| path.privileged) {
            return None;
        }
        let mut looked_at: Vec<Site> = self.looked_up.iter().copied().collect();
        for (path, _) in paths {
            path.privileged = false;
            looked_at.extend(path.rows.values().filter_map(|row| row.model.as_ref()).map(|model| model.site));
        }
        self.in_right = true;
        Some(Before {
            faults: std::mem::take(&mut self.data.faults),
            scoped: std::mem::take(&mut self.data.scoped),
            tenants: std::mem::take(&mut self.data.tenants),
            roles: self.roles_asked(),
            looked_at,
        })
    }

    /// What was found since is only so within the right.
    pub(super) fn leave_right(&mut self, before: Option<Before>) {
        let Some(before) = before else { return };
        self.settle_choices();
        self.settle_hints();
        let mut faults = std::mem::replace(&mut self.data.faults, before.faults);
        let mut scoped = std::mem::replace(&mut self.data.scoped, before.scoped);
        let mut tenants = std::mem::replace(&mut self.data.tenants, before.tenants);
        tenants.settle();
        let by_verifier = self.rights.iter().all(|index| self.is_root(*index));
        // Whoever has a right makes rows for others, and changes the users themselves.
        let of_users =
            |access: &Access| names::is_user_table(&access.table.name) || names::is_user_table(&access.table.sql);
        faults.retain(|access| match access.fault {
            Fault::Unscoped | Fault::Unchecked => true,
            Fault::TrustsClient => by_verifier || access.usage != Use::Creates && !of_users(access),
            _ => false,
        });
        scoped.retain(|(table, _)| !before.looked_at.contains(&table.site));
        faults.sort_by_key(|access| (access.site, access.fault, access.entry));
        scoped.sort_unstable();
        scoped.dedup();
        self.in_right = false;
        self.data.within =
            Some(Within { asked: self.rights.clone(), by_verifier, roles: before.roles, faults, scoped, tenants });
    }
}
