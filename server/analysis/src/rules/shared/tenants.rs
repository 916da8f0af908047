//! Tables whose rows belong to what callers belong to, by what all routes do with them: a store, a company, a team.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::customs::{Custom, ask_the_same};
use super::everybody::is_of_everybody;
use crate::auth::guard::Guard;
use crate::data::{Access, Asking, Fault, Hang, KeptToTenant, RolesAsked, Table, Tenancy, Use, Within};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::rules::{State, for_each_served};
use crate::verdicts::handler_site;

/// Routes that keep to a tenant in some tables, where that says something of others.
const SEVERAL: u32 = 3;

/// Routes that keep to the rows of the caller's tenant, by one column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Tally<'s> {
    /// The table.
    pub(crate) table: &'s Table,
    /// The column.
    column: &'s SmolStr,
    /// Those that read no others.
    pub(crate) reads: u32,
    /// Those that change no others.
    pub(crate) changes: u32,
    /// Those that make rows of the caller's tenant.
    pub(crate) creates: u32,
    /// Where they do so.
    pub(crate) places: Vec<Site>,
}

impl<'s> Tally<'s> {
    fn of(table: &'s Table) -> Self {
        Self { table, column: &table.owner, reads: 0, changes: 0, creates: 0, places: Vec::new() }
    }

    /// Routes that keep to rows which are there.
    pub(crate) fn scoped(&self) -> u32 {
        self.reads + self.changes
    }

    /// A route keeps to the rows so.
    fn add(&mut self, usage: Use, place: Site) {
        match usage {
            Use::Reads => self.reads += 1,
            Use::Changes => self.changes += 1,
            Use::Creates => self.creates += 1,
        }
        self.places.push(place);
    }
}

/// What some routes do with tables.
#[derive(Default)]
struct Habits<'s> {
    /// Tables with their columns, and how often routes keep to a tenant by each.
    kept: FxHashMap<Site, BTreeMap<SmolStr, Tally<'s>>>,
    /// What such columns refer to, and how many routes keep to the caller's in any table.
    tenants: FxHashMap<SmolStr, u32>,
    /// Tables with their columns, and how many routes believe the client in each.
    claims: FxHashMap<(Site, SmolStr), u32>,
    /// How many routes keep to nobody's rows of a table.
    others: FxHashMap<Site, u32>,
}

impl<'s> Habits<'s> {
    fn add_kept(&mut self, kept: impl Iterator<Item = &'s KeptToTenant>) {
        // What a route changes it has read before.
        let rank = |usage: Use| match usage {
            Use::Creates => 0,
            Use::Reads => 1,
            Use::Changes => 2,
        };
        let mut of_route: BTreeMap<(Site, &SmolStr), &KeptToTenant> = BTreeMap::new();
        for kept in kept {
            let known = of_route.entry((kept.table.site, &kept.table.owner)).or_insert(kept);
            if rank(kept.usage) > rank(known.usage) {
                *known = kept;
            }
        }
        let mut tenants: BTreeSet<&SmolStr> = BTreeSet::new();
        for ((table, column), kept) in of_route {
            let refers = kept.table.hangs_on.iter().filter(|hang| hang.column == *column && kept.usage != Use::Creates);
            tenants.extend(refers.map(|hang| &hang.table));
            let columns = self.kept.entry(table).or_default();
            columns.entry(column.clone()).or_insert_with(|| Tally::of(&kept.table)).add(kept.usage, kept.site);
        }
        for tenant in tenants {
            *self.tenants.entry(tenant.clone()).or_default() += 1;
        }
    }

    fn add_others(&mut self, tenancy: &Tenancy) {
        let others = tenancy.others.iter().filter(|access| access.fault != Fault::TrustsClient);
        let tables = others.map(|access| access.table.site);
        for table in tables.collect::<FxHashSet<Site>>() {
            *self.others.entry(table).or_default() += 1;
        }
        let claims = tenancy.others.iter().filter(|access| access.fault == Fault::TrustsClient);
        let claims = claims.filter(|access| access.usage != Use::Creates);
        for claimed in claims.map(|access| (access.table.site, &access.table.owner)).collect::<FxHashSet<_>>() {
            *self.claims.entry((claimed.0, claimed.1.clone())).or_default() += 1;
        }
    }

    /// What they do in a table, and in all.
    fn within_right(&self, table: Site, column: &str) -> OfRight {
        let all = self.kept.values().flat_map(BTreeMap::values);
        OfRight {
            kept: self.kept.get(&table).and_then(|columns| columns.get(column)).map_or(0, Tally::scoped),
            others: self.others.get(&table).copied().unwrap_or_default(),
            kept_anywhere: all.map(Tally::scoped).sum(),
            others_anywhere: self.others.values().sum(),
        }
    }

    /// The column by which most routes keep to a tenant.
    fn column(&self, table: Site) -> Option<&Tally<'s>> {
        let columns = self.kept.get(&table)?;
        columns.values().rev().filter(|tally| tally.scoped() > 0).max_by_key(|tally| tally.scoped())
    }
}

/// What all routes do with rows of tenants: those for anybody who is signed in, and those that ask for a right, each right
/// for itself.
#[derive(Default)]
pub(crate) struct Tenants<'s> {
    all: Habits<'s>,
    of_rights: Vec<(&'s Route, &'s Within, Habits<'s>)>,
    /// Those of which the handler asks for one of several roles.
    of_roles: Vec<(&'s RolesAsked, Habits<'s>)>,
    /// How many routes touch rows of a table of which it is not known whose they are.
    unsure: FxHashMap<Site, u32>,
    /// Tables that routes give out to whoever asks.
    open: FxHashSet<Site>,
    /// Tables in which no route keeps to a tenant, although they refer to what tenants are by the tables of others: how
    /// many routes do there.
    referring: FxHashMap<Site, (Tally<'s>, u32)>,
}

/// How routes keep to tenants in the table of an access.
pub(crate) struct Usual<'t, 's> {
    /// The column.
    pub(crate) column: &'t str,
    /// The routes that do.
    pub(crate) tally: &'t Tally<'s>,
    /// How many do not, the one at hand included.
    pub(crate) others: u32,
    /// The same for routes that ask for the right of the one at hand.
    pub(crate) of_right: Option<OfRight>,
    /// How many keep to the same tenants in other tables, if none does in this one.
    pub(crate) elsewhere: Option<u32>,
}

/// What routes do that ask for one and the same right.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfRight {
    /// Those that keep to the caller's tenant in the table.
    pub(crate) kept: u32,
    /// Those that keep to nobody's there.
    pub(crate) others: u32,
    /// How often they keep to a tenant in any table.
    kept_anywhere: u32,
    /// How often they do not.
    others_anywhere: u32,
}

impl OfRight {
    /// Whether those who have the right have it in their own tenant only, as far as the other routes tell.
    pub(crate) fn is_within_tenant(&self) -> bool {
        self.kept > 1 && self.kept > self.others
            || self.kept_anywhere > 3 && self.kept_anywhere > 3 * self.others_anywhere
    }
}

impl<'s> Tenants<'s> {
    /// Goes through all routes.
    pub(crate) fn of(state: &'s State) -> Self {
        let mut found = Self::default();
        let mut seen = FxHashSet::default();
        let mut hanging: FxHashMap<Site, &Table> = FxHashMap::default();
        for_each_served(state, |_, route, judged| {
            // A handler that several applications serve counts once.
            if handler_site(&route.handler).is_some_and(|handler| !seen.insert(handler)) {
                return;
            }
            let tenants = &judged.data.tenants;
            if matches!(judged.guard, Guard::Open(_) | Guard::Public(_)) {
                let read = tenants.others.iter().filter(|access| access.usage == Use::Reads);
                found.open.extend(read.map(|access| access.table.site));
                return;
            }
            hanging.extend(judged.data.hanging.iter().map(|table| (table.site, table)));
            tenants.unsure.iter().for_each(|table| *found.unsure.entry(*table).or_default() += 1);
            found.all.add_others(tenants);
            // Whoever keeps to a tenant in spite of a right shows all the more whose the rows are.
            let of_right = judged.data.within.iter().flat_map(|within| &within.tenants.kept);
            found.all.add_kept(tenants.kept.iter().chain(of_right));
            for (tenancy, asking) in judged.data.tenancies() {
                if let Asking::Role(asked) = asking {
                    found.add_role(asked, tenancy);
                }
            }
            let Some(within) = &judged.data.within else { return };
            let at = found.right(route, within).unwrap_or_else(|| {
                found.of_rights.push((route, within, Habits::default()));
                found.of_rights.len() - 1
            });
            found.of_rights[at].2.add_kept(within.tenants.kept.iter());
            found.of_rights[at].2.add_others(&within.tenants);
        });
        found.refer(hanging.into_values());
        found
    }

    /// A route does that for those who have one of several roles.
    fn add_role(&mut self, asked: &'s RolesAsked, tenancy: &'s Tenancy) {
        let at = self.of_roles.iter().position(|(known, _)| *known == asked).unwrap_or_else(|| {
            self.of_roles.push((asked, Habits::default()));
            self.of_roles.len() - 1
        });
        self.of_roles[at].1.add_kept(tenancy.kept.iter());
        self.of_roles[at].1.add_others(tenancy);
    }

    /// Finds tables that refer to what tenants are.
    fn refer(&mut self, tables: impl Iterator<Item = &'s Table>) {
        let known = |table: &&Table| self.all.column(table.site).is_none();
        // What is kept to a tenant itself is none: whose it is, is asked of that.
        let is_kept = |hang: &&Hang| {
            let mut tallies = self.all.kept.values().flat_map(BTreeMap::values).filter(|tally| tally.scoped() > 0);
            tallies.any(|tally| tally.table.sql == hang.table || tally.table.name == hang.table)
        };
        let referring = tables.filter(known).filter_map(|table| {
            let routes = |hang: &&Hang| self.all.tenants.get(&hang.table).copied().unwrap_or_default();
            let hang = table
                .hangs_on
                .iter()
                .filter(|hang| !is_kept(hang))
                .max_by_key(routes)
                .filter(|hang| routes(hang) >= SEVERAL)?;
            Some((table.site, (Tally { column: &hang.column, ..Tally::of(table) }, routes(&hang))))
        });
        self.referring = referring.collect();
    }

    /// Whether whoever asks may read what an access reads.
    pub(crate) fn is_public(&self, access: &Access) -> bool {
        access.usage == Use::Reads && self.open.contains(&access.table.site)
    }

    /// The tables that are kept by tenants, by the column that most routes go by, with what routes do there.
    pub(crate) fn customs(&self) -> impl Iterator<Item = (&'s Table, Custom)> {
        let mut tables: Vec<&Tally<'s>> = self.all.kept.keys().filter_map(|table| self.all.column(*table)).collect();
        tables.sort_by_key(|tally| tally.table);
        tables.into_iter().map(|tally| {
            let (site, column) = (tally.table.site, tally.column);
            let count = |of: &FxHashMap<Site, u32>| of.get(&site).copied().unwrap_or_default();
            let custom = Custom {
                reads: tally.reads,
                changes: tally.changes,
                creates: tally.creates,
                claimed: self.all.claims.get(&(site, column.clone())).copied().unwrap_or_default(),
                others: count(&self.all.others),
                unsure: count(&self.unsure),
                ..Custom::default()
            };
            (tally.table, custom)
        })
    }

    /// The column by which routes keep to tenants in a table, and how many do.
    pub(crate) fn column(&self, table: Site) -> Option<(&str, u32)> {
        self.all.column(table).map(|tally| (tally.column.as_str(), tally.scoped()))
    }

    /// How routes keep to tenants in the table of an access.
    pub(crate) fn usual(
        &self,
        state: &State,
        route: &Route,
        asking: Asking<'_>,
        access: &Access,
    ) -> Option<Usual<'_, 's>> {
        let table = access.table.site;
        let (tally, elsewhere) = match (self.all.column(table), self.referring.get(&table)) {
            (Some(tally), _) => (tally, None),
            (None, Some((tally, routes))) => (tally, Some(*routes)),
            (None, None) => return None,
        };
        let column = tally.column.as_str();
        let others = self.all.others.get(&table).copied().unwrap_or_default();
        let habits = match asking {
            Asking::Right(within) if !is_of_everybody(state, route, within) => {
                Some(self.right(route, within).map(|at| &self.of_rights[at].2))
            }
            Asking::Role(asked) => {
                Some(self.of_roles.iter().find(|(known, _)| *known == asked).map(|(_, habits)| habits))
            }
            Asking::Nothing | Asking::Right(_) => None,
        };
        let of_right =
            habits.map(|habits| habits.map_or_else(OfRight::default, |habits| habits.within_right(table, column)));
        Some(Usual { column, tally, others, of_right, elsewhere })
    }

    fn right(&self, route: &Route, within: &Within) -> Option<usize> {
        self.of_rights.iter().position(|(known, of, _)| ask_the_same((known, of), (route, within)))
    }
}
