//! How the routes of a project treat its tables: to whose rows they keep.

use rustc_hash::{FxHashMap, FxHashSet};

use super::everybody::is_of_everybody;
use super::tenants::Tenants;
use crate::auth::guard::Guard;
use crate::data::{Access, Fault, How, Shown, Table, Use, Within};
use crate::index::routes::Route;
use crate::index::same::same;
use crate::index::value::Site;
use crate::rules::{State, for_each_served};
use crate::verdicts::handler_site;

/// How routes use a table: how often the principal's own rows only, and how often not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Custom {
    /// Routes that read only the principal's rows.
    pub(crate) reads: u32,
    /// Routes that change only the principal's rows.
    pub(crate) changes: u32,
    /// Routes that narrow either to whom the client names.
    pub(crate) claimed: u32,
    /// Routes that make rows of the principal's.
    pub(crate) creates: u32,
    /// Routes that do either with anybody's.
    pub(crate) others: u32,
    /// Routes that show rows to the principal only whose they are.
    pub(crate) shown: u32,
    /// Of those, routes that list all that are the principal's, and ask for nothing else.
    pub(crate) lists: u32,
    /// Routes that change rows only for the principal whose they are.
    pub(crate) kept_changes: u32,
    /// Routes that list anybody's rows.
    pub(crate) open_lists: u32,
    /// Of those, routes that ask for nothing that the client would have to send.
    pub(crate) lists_of_all: u32,
    /// Routes that show anybody's row to whoever names it.
    pub(crate) open_rows: u32,
    /// Of the others, routes that only look whether there is such a row.
    pub(crate) looks: u32,
    /// Routes of which it is not known whose rows they touch.
    pub(crate) unsure: u32,
    /// Routes that keep to the principal's by the column of the owner.
    pub(crate) by_owner: u32,
    /// Whether only routes count that ask for one and the same right.
    pub(crate) of_right: bool,
}

impl Custom {
    /// Routes that keep to the principal's rows.
    pub(crate) fn scoped(&self) -> u32 {
        self.reads + self.changes
    }

    /// Whether no route reads or changes other rows than the principal's, and several do those.
    pub(crate) fn is_private(&self) -> bool {
        self.scoped() > 2 && self.others + self.claimed + self.unsure == 0
    }

    /// Whether several routes keep to the principal's rows, and others only look whether there is one.
    pub(crate) fn is_kept_but_for_looks(&self) -> bool {
        self.scoped() > 1 && self.others == self.looks && self.claimed + self.unsure == 0
    }

    /// Whether everybody reads what only its owner changes: rows are listed whosever they are, and none is shown to its
    /// owner only, but for a list of one's own beside the list of all.
    pub(crate) fn is_for_all_to_read(&self) -> bool {
        let may_be = self.open_lists > 0 && self.scoped() > 0 && self.claimed == 0;
        may_be && (self.shown == 0 || self.lists_own_beside_all())
    }

    /// Whether there is a list of one's own beside the list of all, and each row is shown to everybody: were the one
    /// forgotten in the other, both would be the same, and a list of all beside rows that nobody else is shown may be what
    /// administrators were meant to see.
    pub(crate) fn lists_own_beside_all(&self) -> bool {
        let shows_own_lists_only = self.shown > 0 && self.shown == self.lists;
        self.lists_of_all > 0 && self.kept_changes > 0 && self.open_rows > 0 && shows_own_lists_only
    }

    /// Whether rows tell what somebody did: many routes write down who asked, and none reads them for anybody.
    pub(crate) fn is_record(&self) -> bool {
        self.creates > 2 && self.scoped() + self.claimed + self.unsure == 0 && !self.of_right
    }

    /// Whether routes that ask for a right show that it is none to touch what is anybody's.
    pub(crate) fn keeps_within(&self) -> bool {
        self.of_right && self.scoped() > 1 && self.others == self.looks
    }

    /// Whether several routes keep to the principal's rows by the owner, and one alone touches anybody's.
    pub(crate) fn is_kept_but_for_one(&self) -> bool {
        self.by_owner > 2 && self.scoped() > 2 && self.others == self.looks + 1 && self.claimed + self.unsure == 0
    }

    /// What other routes do counts, too.
    fn extend(&mut self, other: Self) {
        self.reads += other.reads;
        self.changes += other.changes;
        self.claimed += other.claimed;
        self.creates += other.creates;
        self.others += other.others;
        self.shown += other.shown;
        self.lists += other.lists;
        self.kept_changes += other.kept_changes;
        self.open_lists += other.open_lists;
        self.lists_of_all += other.lists_of_all;
        self.open_rows += other.open_rows;
        self.looks += other.looks;
        self.unsure += other.unsure;
        self.by_owner += other.by_owner;
    }

    /// The words that a finding says about it.
    pub(crate) fn words(&self, table: &str) -> String {
        let (scoped, all) = (self.scoped(), self.scoped() + self.others);
        let right = if self.of_right { " that ask for the same right" } else { "" };
        if scoped == 0 {
            return String::new();
        }
        format!(" ({scoped} of {all} routes{right} keep to the caller's `{table}`)")
    }
}

/// How routes outside of tests use the tables.
#[derive(Default)]
pub(crate) struct Customs<'s> {
    by_site: FxHashMap<Site, Custom>,
    /// Tables of which some route keeps to the caller's rows.
    tables: Vec<&'s Table>,
    /// Whether they ask for a right that everybody has.
    of_everybody: bool,
}

/// Tables that hang on each other are followed so far.
const MAX_HANGING: u32 = 3;

impl<'s> Customs<'s> {
    /// Whether an access at fault is one for those who have the right that they ask for.
    pub(crate) fn counts(&self, access: &Access, within: Option<&Within>) -> bool {
        // Who has a right in particular may act for others.
        within.is_none() || access.fault != Fault::TrustsClient || self.of_everybody
    }

    /// Whether they ask for a right that everybody has.
    pub(in crate::rules) fn are_of_everybody(&self) -> bool {
        self.of_everybody
    }

    /// How they use one.
    pub(crate) fn of(&self, table: Site) -> Custom {
        self.by_site.get(&table).copied().unwrap_or_default()
    }

    /// A table as those have it that keep to the caller's rows, which know which column says whose a row is; one that has
    /// a class may be asked by its name, too.
    pub(crate) fn kept(&self, table: &Table) -> Option<&'s Table> {
        let known = self.tables.iter().filter(|known| !known.guessed);
        let same = known.clone().find(|known| known.site == table.site);
        same.or_else(|| known.filter(|_| table.guessed).find(|known| known.sql == table.sql)).copied()
    }

    /// The table of that name, by the database or its class, that is nearest to a place.
    pub(crate) fn table(&self, state: &State, name: &str, near: Site) -> Option<&'s Table> {
        nearest(&self.tables, state, name, near)
    }

    /// Which rows one route shows, and to whom.
    fn add_shown(&mut self, shown: &[Shown], faults: &[&Access]) {
        // Whether all that is read is a list.
        let mut own: FxHashMap<Site, bool> = FxHashMap::default();
        for one in shown.iter().filter(|one| one.how != How::Changes) {
            *own.entry(one.table).or_insert(true) &= one.how == How::ListsOwn;
        }
        for one in shown.iter().filter(|one| one.how == How::Changes) {
            self.by_site.entry(one.table).or_default().kept_changes += 1;
        }
        let lists = |access: &&&Access| {
            access.fault == Fault::Unscoped
                && access.usage == Use::Reads
                && !access.is_first_user()
                && !access.is_look()
        };
        let mut open: FxHashMap<Site, bool> = FxHashMap::default();
        for access in faults.iter().filter(lists) {
            *open.entry(access.table.site).or_default() |= access.client.is_none();
        }
        let shows =
            |access: &&&Access| access.fault == Fault::Unchecked && access.usage == Use::Reads && !access.is_look();
        let shown_to_all: FxHashSet<Site> = faults.iter().filter(shows).map(|access| access.table.site).collect();
        for table in shown_to_all {
            self.by_site.entry(table).or_default().open_rows += 1;
        }
        // What is kept to the caller's on one way and to nobody's on another is no evidence of a list that is for all.
        for (table, all) in open.iter().filter(|(table, _)| !own.contains_key(table)) {
            let custom = self.by_site.entry(*table).or_default();
            custom.open_lists += 1;
            custom.lists_of_all += u32::from(*all);
        }
        for (table, all) in own {
            let custom = self.by_site.entry(table).or_default();
            custom.shown += 1;
            custom.lists += u32::from(all && !open.contains_key(&table));
        }
    }

    /// What other routes do counts, too.
    fn extend(&mut self, others: &Self) {
        for (table, other) in &others.by_site {
            self.by_site.entry(*table).or_default().extend(*other);
        }
        let known: FxHashSet<Site> = self.tables.iter().map(|table| table.site).collect();
        self.tables.extend(others.tables.iter().filter(|table| !known.contains(&table.site)));
    }

    /// What one route does with them.
    fn add(&mut self, scoped: &'s [(Table, Use)], faults: &[&Access], counts_claims: bool) {
        for (table, usage) in scoped {
            let custom = self.by_site.entry(table.site).or_default();
            match self.tables.iter_mut().find(|known| known.site == table.site) {
                Some(known) if says_more(table, known) => *known = table,
                Some(_) => {}
                None => self.tables.push(table),
            }
            match usage {
                Use::Reads => custom.reads += 1,
                Use::Changes => custom.changes += 1,
                Use::Creates => custom.creates += 1,
            }
        }
        let others = |access: &&&Access| {
            access.usage != Use::Creates
                && !access.is_first_user()
                && access.upkeep().is_none()
                && matches!(access.fault, Fault::Unscoped | Fault::Unchecked)
        };
        // Whether one of the accesses is more than a look.
        let mut at_fault: FxHashMap<Site, bool> = FxHashMap::default();
        for access in faults.iter().filter(others) {
            *at_fault.entry(access.table.site).or_default() |= !access.is_look();
        }
        for (table, uses) in at_fault {
            let custom = self.by_site.entry(table).or_default();
            custom.others += 1;
            custom.looks += u32::from(!uses);
        }
        let claims = faults.iter().find(|access| access.fault == Fault::TrustsClient);
        if let Some(access) = claims.filter(|_| counts_claims).filter(|access| access.usage != Use::Creates) {
            self.by_site.entry(access.table.site).or_default().claimed += 1;
        }
    }
}

/// The tables without a class of which routes show the column that holds the owner, and how well: rows that are read or
/// changed tell more than those that are made, of which the column may only say who wrote them.
fn shown_owners(state: &State) -> FxHashMap<Site, (u8, &Table)> {
    let mut owners: FxHashMap<Site, (u8, &Table)> = FxHashMap::default();
    for_each_served(state, |_, _, judged| {
        let within = judged.data.within.iter().flat_map(|within| &within.scoped);
        let scoped = judged.data.scoped.iter().chain(within).filter(|_| !matches!(judged.guard, Guard::Open(_)));
        for (table, usage) in scoped.filter(|(table, _)| !table.guessed && table.has_no_class()) {
            let told = told_by(table) * 2 + u8::from(*usage != Use::Creates);
            let known = owners.entry(table.site).or_insert((told, table));
            if told > known.0 {
                *known = (told, table);
            }
        }
    });
    owners
}

/// Whether a route tells more of a table that has no class than another: which column says whose a row is, beside the key.
fn says_more(table: &Table, known: &Table) -> bool {
    told_by(table) > told_by(known)
}

/// How much a route tells of the column that holds the owner.
fn told_by(table: &Table) -> u8 {
    match table.guessed {
        true => 0,
        false if table.owner == "id" => 1,
        false => 2,
    }
}

/// The table of that name, by the database or its class, that is nearest to a place.
fn nearest<'s>(tables: &[&'s Table], state: &State, name: &str, near: Site) -> Option<&'s Table> {
    let path = |site: Site| state.sources.file(site.file).map_or("", |file| file.path.as_str());
    let shared = |table: &&&Table| {
        let pairs = path(table.site).split('/').zip(path(near).split('/'));
        pairs.take_while(|(one, other)| one == other).count()
    };
    tables.iter().filter(|table| table.sql == name || table.name == name).max_by_key(shared).copied()
}

/// How all routes use the tables: those that anybody may ask who is signed in,
/// and those that ask for a right, each right for itself.
#[derive(Default)]
pub(crate) struct AllCustoms<'s> {
    /// Of those that ask for none.
    pub(crate) plain: Customs<'s>,
    of_rights: Vec<(&'s Route, &'s Within, Customs<'s>)>,
    /// Tables without an owner, which hang on others.
    hanging: Vec<&'s Table>,
    /// How many routes read rows of these because what they hang on is the caller's, and show one by its key.
    kept_children: FxHashMap<Site, [u32; 2]>,
    /// Those of which some route reads all rows, whatever the client names.
    listed: FxHashSet<Site>,
    /// Whose rows of tables are, where those are kept by what callers belong to.
    tenants: Tenants<'s>,
    /// The tables without an owner of which the latter are.
    of_tenants: FxHashSet<Site>,
    /// Which column of tables without a class says whose a row is.
    owners: FxHashMap<Site, (u8, &'s Table)>,
}

impl<'s> AllCustoms<'s> {
    /// Goes through all routes.
    pub(crate) fn of(state: &'s State) -> Self {
        let mut found = Self { owners: shown_owners(state), ..Self::default() };
        let mut seen = FxHashSet::default();
        for_each_served(state, |_, route, judged| {
            // A handler that several applications serve counts once.
            if handler_site(&route.handler).is_some_and(|handler| !seen.insert(handler)) {
                return;
            }
            // An open route knows no caller whose rows it could keep to.
            let scoped = if matches!(judged.guard, Guard::Open(_)) { &[][..] } else { &judged.data.scoped };
            let faults: Vec<&Access> = judged.data.faults.iter().filter(|access| !found.is_of_code(access)).collect();
            found.plain.add(scoped, &faults, true);
            let shown = if scoped.is_empty() { &[][..] } else { &judged.data.shown };
            found.plain.add_shown(shown, &faults);
            let by_owner = judged.data.by_owner.iter().filter(|_| judged.data.within.is_none() && !scoped.is_empty());
            by_owner.for_each(|table| found.plain.by_site.entry(*table).or_default().by_owner += 1);
            for table in &judged.data.hanging {
                if !found.hanging.iter().any(|known| known.site == table.site) {
                    found.hanging.push(table);
                }
            }
            if !matches!(judged.guard, Guard::Open(_)) {
                for (table, by_key) in &judged.data.kept_children {
                    found.kept_children.entry(*table).or_default()[usize::from(*by_key)] += 1;
                }
            }
            let all = judged.data.faults.iter().filter(|access| access.is_all_children() && !access.is_left_out());
            found.listed.extend(all.map(|access| access.table.site));
            for table in &judged.data.unsure {
                found.plain.by_site.entry(*table).or_default().unsure += 1;
            }
            let Some(within) = &judged.data.within else { return };
            let at = found.right(route, within).unwrap_or_else(|| {
                let of_everybody = is_of_everybody(state, route, within);
                found.of_rights.push((route, within, Customs { of_everybody, ..Customs::default() }));
                found.of_rights.len() - 1
            });
            let faults: Vec<&Access> = within.faults.iter().filter(|access| !found.is_of_code(access)).collect();
            let customs = &mut found.of_rights[at].2;
            customs.add(&within.scoped, &faults, customs.of_everybody);
            for table in judged.data.by_owner.iter().filter(|_| !within.scoped.is_empty()) {
                customs.by_site.entry(*table).or_default().by_owner += 1;
            }
        });
        for (_, _, customs) in &mut found.of_rights {
            customs.by_site.values_mut().for_each(|custom| custom.of_right = !customs.of_everybody);
            // Those who ask for what everybody has ask for nothing.
            if customs.of_everybody {
                customs.extend(&found.plain);
            }
        }
        found.tenants = Tenants::of(state);
        for (table, custom) in found.tenants.customs() {
            // Those with an owner are counted by that.
            if !found.plain.tables.iter().any(|known| known.site == table.site) {
                found.plain.tables.push(table);
                found.plain.by_site.insert(table.site, custom);
                found.of_tenants.insert(table.site);
            }
        }
        found
    }

    /// Whether the code itself says whose rows an access asks for: `org_id = $1`, with a constant.
    pub(crate) fn is_of_code(&self, access: &Access) -> bool {
        self.owner_of(&access.table).is_some_and(|table| access.is_chosen_by_code(&table.owner))
    }

    /// A table without a class, as the route has it that tells most of whose its rows are.
    pub(crate) fn owner_of(&self, table: &Table) -> Option<&'s Table> {
        self.owners.get(&table.site).map(|(_, table)| *table)
    }

    /// Whether one route alone reads all rows of a table that hangs on others, where several read only what hangs on the
    /// caller's, and one of these shows a row to nobody else; or it reads all only where the client leaves out what they
    /// hang on, and no route reads all in any case.
    pub(crate) fn keep_children(&self, access: &Access) -> bool {
        let table = access.table.site;
        if access.is_left_out() {
            return !self.listed.contains(&table);
        }
        let [listed, shown] = self.kept_children.get(&table).copied().unwrap_or_default();
        listed + shown > 1 && shown > 0 && self.plain.of(table).others == 1
    }

    /// Whether rows of a table belong to what callers belong to, and to nobody in particular.
    pub(crate) fn is_of_tenants(&self, table: &Table) -> bool {
        self.of_tenants.contains(&table.site)
    }

    /// The column of what callers belong to, if most of the routes that keep to the caller's rows of a table go by that.
    pub(crate) fn tenant_of(&self, table: &Table) -> Option<&str> {
        let (column, kept) = self.tenants.column(table.site)?;
        (table.hangs_on.is_empty() && 2 * kept > self.plain.of(table.site).scoped()).then_some(column)
    }

    /// A table that is known by its name only, as the class of that name has it: what the column refers to by which its
    /// rows were found.
    pub(crate) fn declared(&self, table: &Table) -> Option<Table> {
        let [asked] = table.hangs_on.as_slice() else { return None };
        let same = self.hanging.iter().find(|known| known.sql == table.sql && !known.guessed)?;
        let hang = same.hangs_on.iter().find(|hang| hang.column == asked.column)?;
        Some(Table { owner: asked.column.clone(), hangs_on: vec![hang.clone()], ..(*same).clone() })
    }

    /// The tables that decide whose the rows of one are that hangs on others, as
    /// far as some of these customs tell.
    pub(crate) fn roots(&self, customs: &Customs<'s>, state: &State, hanging: &Table, depth: u32) -> Vec<&'s Table> {
        let mut roots = Vec::new();
        for hang in hanging.hangs_on.iter().filter(|_| depth < MAX_HANGING) {
            if let Some(table) = customs.table(state, &hang.table, hanging.site) {
                roots.push(table);
            } else if let Some(between) = nearest(&self.hanging, state, &hang.table, hanging.site) {
                roots.extend(self.roots(customs, state, between, depth + 1));
            }
        }
        roots
    }

    /// Of those that ask for the same right as a route does.
    pub(crate) fn within(&self, route: &Route, within: &Within) -> Option<&Customs<'s>> {
        self.right(route, within).map(|at| &self.of_rights[at].2)
    }

    fn right(&self, route: &Route, within: &Within) -> Option<usize> {
        self.of_rights.iter().position(|(known, of, _)| ask_the_same((known, of), (route, within)))
    }
}

/// Whether two routes ask for one and the same right.
pub(super) fn ask_the_same((one, of): (&Route, &Within), (other, with): (&Route, &Within)) -> bool {
    let pairs = of.asked.iter().zip(&with.asked);
    let mut pairs = pairs.map(|(a, b)| (one.dependencies.get(*a), other.dependencies.get(*b)));
    of.asked.len() == with.asked.len()
        && pairs.all(|pair| matches!(pair, (Some(a), Some(b)) if same(&a.callable, &b.callable)))
}
