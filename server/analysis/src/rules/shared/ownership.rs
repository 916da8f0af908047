//! What the rules about owned data share: accesses at fault with the route
//! that makes them, and how the other routes treat the same table.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::customs::{AllCustoms, Custom};
use super::everybody::sign_up;
use super::upkeep::Upkeep;
use crate::auth::guard::Guard;
use crate::data::{Access, Client, Fault, Table, Use, is_high};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::vfs::FileId;

/// An access at fault.
pub(in crate::rules) struct Found<'s> {
    pub(in crate::rules) route: &'s Route,
    pub(in crate::rules) access: &'s Access,
    /// Whether somebody verifies the caller, or may do so.
    pub(in crate::rules) guarded: bool,
    pub(in crate::rules) custom: Custom,
    /// The same table, as those have it that keep to the caller's rows.
    pub(in crate::rules) kept: Option<&'s Table>,
    /// Whether the right that the route asks for is a role that gives no more than others, as far as can be told.
    pub(in crate::rules) of_low_role: bool,
    /// The table on whose rows those at fault hang.
    pub(in crate::rules) parent: Option<&'s Table>,
    /// The column of what the caller belongs to, if other routes go by that and not by the owner.
    pub(in crate::rules) tenant: Option<SmolStr>,
}

impl Found<'_> {
    /// What to call the principal.
    pub(in crate::rules) fn principal(&self) -> String {
        if self.guarded { principal_of(self.access) } else { "a verified caller".to_owned() }
    }

    /// The column that says whose a row is: the one that other routes go by. None where no code says which it is.
    pub(in crate::rules) fn owner(&self) -> Option<&str> {
        if let Some(tenant) = &self.tenant {
            return Some(tenant);
        }
        let tables = [self.kept, Some(&self.access.table)];
        tables.into_iter().flatten().find(|table| !table.guessed).map(|table| table.owner.as_str())
    }

    /// The columns that say whose a row is, in words.
    pub(in crate::rules) fn columns(&self) -> Option<String> {
        let (owner, table) = (self.owner()?, &self.access.table);
        let parties = table.parties.iter().filter(|_| owner == table.owner).map(SmolStr::as_str);
        let columns = std::iter::once(owner).chain(parties).map(|column| format!("`{}.{column}`", table.name));
        Some(columns.collect::<Vec<_>>().join(" or "))
    }

    /// Whether of several routes that ask for one right, which are not roles that give more, this one alone changes a row
    /// that is not the caller's.
    fn is_alone_within(&self) -> bool {
        let changes = self.access.fault == Fault::Unchecked && self.access.usage == Use::Changes;
        let personal = self.access.table.personal || self.tenant.is_some();
        changes && personal && self.parent.is_none() && self.of_low_role && self.custom.is_kept_but_for_one()
    }

    /// The value of the client that decides.
    pub(in crate::rules) fn client(&self) -> String {
        named(self.access.client.as_ref())
    }
}

/// A value of the client in words.
pub(super) fn named(client: Option<&Client>) -> String {
    match client {
        Some(client) => format!("`{}` from the {}", client.name, client.place.word()),
        None => "a value of the request".to_owned(),
    }
}

/// Whether a finding may stand at a place: it was asked for, and is code of the product.
pub(super) fn is_told_at(state: &State, wanted: &dyn Fn(FileId) -> bool, site: Site) -> bool {
    let is_test = state.sources.file(site.file).is_some_and(|file| file.test);
    wanted(site.file) && !is_test && !state.sources.is_ghost(site)
}

/// The severity of a finding on a route that may not be there, or whose guard is not known.
pub(super) fn toned_down(severity: Severity, route: &Route, guard: &Guard) -> Severity {
    match severity {
        _ if route.conditional => Severity::Info,
        Severity::Error if matches!(guard, Guard::Unknown(_)) => Severity::Warning,
        severity => severity,
    }
}

/// Severity, place and message of a finding.
pub(in crate::rules) type Said = Option<(Severity, Site, String)>;

/// Findings on accesses with a fault. `judge` gives severity, place and message.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
    judge: &dyn Fn(&Found<'_>) -> Said,
) {
    find(state, wanted, None, found, info, fault, judge);
}

/// The open routes of which something would be found if somebody verified their callers.
pub(in crate::rules) fn behind_guard(
    state: &State,
    routes: &mut FxHashSet<*const Route>,
    info: &RuleInfo,
    fault: Fault,
    judge: &dyn Fn(&Found<'_>) -> Said,
) {
    find(state, &|_| true, Some(routes), &mut Vec::new(), info, fault, judge);
}

/// Findings on the accesses of all routes; or, as if they were guarded, the open ones of which there would be any.
fn find(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    mut behind: Option<&mut FxHashSet<*const Route>>,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
    judge: &dyn Fn(&Found<'_>) -> Said,
) {
    let mut customs: Option<AllCustoms> = None;
    let mut upkeep: Option<Upkeep> = None;
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        let is_open = judged.guard == Guard::Open(None);
        let does_nothing =
            judged.data.faults.is_empty() && judged.data.within.is_none() && judged.data.by_role.is_empty();
        if does_nothing || behind.is_some() && !is_open {
            return;
        }
        // There is no caller to compare with yet, which is said of the route.
        let nobody = behind.is_none() && is_open && matches!(fault, Fault::Unchecked | Fault::Unscoped);
        let within =
            judged.data.within.iter().flat_map(|within| within.faults.iter().map(move |at| (at, Some(within))));
        let plain = judged.data.faults.iter().map(|access| (access, None));
        let mut accesses: Vec<_> = plain.chain(within).filter(|(access, _)| access.fault == fault).collect();
        // What is done for those who have a role that everybody has.
        let by_role = judged.data.by_role.iter().filter_map(|by| Some((by, sign_up(state, &by.asked)?)));
        let by_role: Vec<(&Access, Site)> =
            by_role.flat_map(|(by, place)| by.faults.iter().map(move |access| (access, place))).collect();
        accesses.extend(by_role.iter().filter(|(access, _)| access.fault == fault).map(|(access, _)| (*access, None)));
        accesses.sort_by_key(|(access, _)| access.entry);
        let mut told: FxHashSet<(Site, Option<&str>, Severity)> = FxHashSet::default();
        for (access, within) in accesses {
            let all = customs.get_or_insert_with(|| AllCustoms::of(state));
            let customs = match within {
                Some(within) => all.within(route, within),
                None => Some(&all.plain),
            };
            let Some(customs) = customs.filter(|customs| customs.counts(access, within)) else { continue };
            if all.is_of_code(access) {
                continue;
            }
            if access.upkeep().is_some() && upkeep.get_or_insert_with(|| Upkeep::of(state)).covers(access) {
                continue;
            }
            // Rows that some route keeps to their own owner are told of by that.
            let own = customs.of(access.table.site);
            if access.is_beside() && own.scoped() + own.claimed > 0 {
                continue;
            }
            if access.is_all_children() && (within.is_some() || !all.keep_children(access)) {
                continue;
            }
            let unsure = matches!(judged.guard, Guard::Unknown(_));
            let guarded = judged.guard.is_guarded() || unsure || behind.is_some();
            // Whose the rows are that hang on others, those say; where none does, nobody.
            let hangs = !access.table.hangs_on.is_empty();
            let declared = all.declared(&access.table).filter(|_| access.table.guessed);
            let mut parents = match &declared {
                Some(declared) => all.roots(customs, state, declared, 0),
                None if hangs => all.roots(customs, state, &access.table, 0),
                None => Vec::new(),
            };
            // Rows of tenants are told of by their own column, and where a caller is known.
            parents.retain(|parent| !all.is_of_tenants(parent) || guarded && !all.is_of_tenants(&access.table));
            let parents = parents.into_iter().map(Some).chain((!hangs).then_some(None));
            let roles = within.and_then(|within| within.roles.as_ref());
            let of_low_role = roles.is_some_and(|asked| asked.roles.iter().any(|role| !is_high(role)));
            let keeps = judged.data.tenants.kept.iter().any(|kept| kept.table.site == access.table.site);
            let said = parents.into_iter().find_map(|parent: Option<&Table>| {
                let custom = customs.of(parent.unwrap_or(&access.table).site);
                let kept = all.owner_of(&access.table).or_else(|| customs.kept(&access.table));
                let tenant = all.tenant_of(&access.table).filter(|_| parent.is_none() && !keeps).map(SmolStr::new);
                judge(&Found { route, access, guarded, custom, kept, of_low_role, parent, tenant })
            });
            let Some((severity, site, message)) = said else { continue };
            if state.sources.is_ghost(site) {
                continue;
            }
            // One look mends all that the handler does with the row of that key.
            let client = access.client.as_ref().map(|client| client.name.as_str());
            if fault == Fault::Unchecked && client.is_some() && !told.insert((access.table.site, client, severity)) {
                continue;
            }
            if !is_told_at(state, wanted, site) || (behind.is_none() && !seen.insert(site)) {
                continue;
            }
            let by_role = by_role.iter().find(|(other, _)| std::ptr::eq(*other, access)).map(|(_, place)| *place);
            let severity = match severity {
                _ if nobody => Severity::Info,
                Severity::Warning if access.is_of_nobody() => Severity::Info,
                Severity::Error if by_role.is_some() || access.is_limited() || access.is_all_children() => {
                    Severity::Warning
                }
                severity => toned_down(severity, route, &judged.guard),
            };
            if let Some(routes) = &mut behind {
                if matches!(severity, Severity::Error | Severity::Warning) {
                    routes.insert(std::ptr::from_ref(route));
                }
                continue;
            }
            let of_right = within.and_then(|within| sign_up(state, within.roles.as_ref()?));
            let steps = access.steps.iter().map(|(site, note)| related(state, *site, note.clone()));
            let given = by_role
                .or(of_right)
                .map(|place| related(state, place, "whoever signs up gets a role here that this asks for".to_owned()));
            let steps = steps.chain(given).collect();
            found.push(report(state, info, severity, site, message, steps));
        }
    });
}

/// How sure it is that rows are private, by how other routes treat them.
pub(in crate::rules) fn severity(one: &Found<'_>) -> Option<Severity> {
    let custom = &one.custom;
    let private = match one.access.usage {
        Use::Reads => custom.reads + custom.claimed,
        _ => custom.scoped() + custom.claimed,
    };
    // Where most routes leave the owner out, the rows are everybody's: sooner so
    // if the column tells who wrote them than if it tells whose they are.
    let table = one.parent.unwrap_or(&one.access.table);
    let personal = table.personal || one.tenant.is_some();
    let weight = if personal { 4 } else { 1 };
    let is_shared = private == 0 || weight * (custom.scoped() + custom.claimed) < custom.others;
    // Whoever makes a row becomes its owner, and few or none ever ask for that.
    if is_shared && custom.creates > 0 && !custom.of_right {
        let is_own = one.access.usage == Use::Changes && one.parent.is_none() && personal && one.guarded;
        return is_own.then_some(Severity::Warning);
    }
    if is_shared {
        return None;
    }
    // What hangs on a row is hardly for whoever once wrote that, unless several routes say so.
    if one.parent.is_some() && !table.personal && custom.scoped() < 2 {
        return None;
    }
    // A right may be one to touch what is anybody's: whoever approves reads and changes what others made. Only what
    // hangs on rows of which none is touched that is not the caller's is not for whoever has it.
    if custom.of_right {
        // One who has a role among others changes what is his own, as the other routes for that role do.
        let is_role = one.of_low_role && one.parent.is_none() && one.access.usage == Use::Changes;
        if is_role && custom.by_owner > 1 && custom.by_owner > custom.others {
            return Some(Severity::Warning);
        }
        // Nor is it a right to change what is anybody's where all others that ask for it keep to the caller's.
        if one.is_alone_within() {
            return Some(Severity::Warning);
        }
        let hangs = one.parent.is_some() || one.access.is_look();
        let personal = one.parent.unwrap_or(&one.access.table).personal;
        return (hangs && personal && custom.keeps_within()).then_some(Severity::Warning);
    }
    // What somebody wrote is often for everybody to read.
    let is_written = one.access.usage == Use::Reads && !personal;
    // What everybody may list is for everybody to read, however much its owner alone may change it; or all that reads
    // has forgotten the owner, where the column tells whose a row is and not who wrote it.
    if one.access.usage == Use::Reads && custom.is_for_all_to_read() {
        let may_be_forgotten = personal && !custom.lists_own_beside_all();
        return Some(if may_be_forgotten { Severity::Warning } else { Severity::Info });
    }
    let usual = custom.scoped() >= custom.others && custom.scoped() > 0 && one.guarded && !is_written;
    Some(if usual { Severity::Error } else { Severity::Warning })
}

/// Where a client names an owner: the handler, of whose parameters it is one, or the place in its body that takes it.
pub(crate) fn identity_site(route: &Route, access: &Access) -> Site {
    let Some(handler) = route.function() else { return route.registration };
    let taken = access.client.as_ref().map(|client| client.site).filter(|site| {
        let same = site.file == handler.site.file && site.item == handler.site.item;
        same && site.range.start >= handler.def.header.end
    });
    taken.unwrap_or(handler.site)
}

/// What to call the principal of an access whose caller is verified.
pub(in crate::rules) fn principal_of(access: &Access) -> String {
    match access.principal.as_str() {
        // `_` is there for its dependency's sake alone.
        "" | "_" => "the verified caller".to_owned(),
        name => format!("`{name}`"),
    }
}

/// What is done, as a participle.
pub(in crate::rules) fn done(usage: Use) -> &'static str {
    match usage {
        Use::Reads => "read",
        Use::Changes => "changed",
        Use::Creates => "made",
    }
}
