//! Findings on rows of tenants that are not the caller's.

use rustc_hash::FxHashSet;

use super::ownership::{done, identity_site, is_told_at, named, principal_of, toned_down};
use super::tenants::{Tenants, Usual};
use super::upkeep::Upkeep;
use crate::auth::guard::Guard;
use crate::data::{Access, Fault, Tenancy, Use, is_user_table};
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::vfs::FileId;

/// Routes that do what one does not, as a finding shows them.
const SHOWN: usize = 3;
/// Routes that may keep to nobody's rows for each that keeps to the caller's.
const WEIGHT: u32 = 4;

/// Findings of one kind on rows that may be those of any tenant.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
) {
    let mut tenants: Option<Tenants<'_>> = None;
    let mut upkeep: Option<Upkeep> = None;
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        if matches!(judged.guard, Guard::Open(_) | Guard::Public(_)) {
            return;
        }
        let others = judged
            .data
            .tenancies()
            .flat_map(|(tenancy, asking)| tenancy.others.iter().map(move |access| (tenancy, asking, access)));
        let is_kind = |access: &Access| access.fault == fault;
        for (tenancy, asking, access) in others.filter(|(_, _, access)| is_kind(access)) {
            let tenants = tenants.get_or_insert_with(|| Tenants::of(state));
            let Some(usual) = tenants.usual(state, route, asking, access) else { continue };
            if access.upkeep().is_some() && upkeep.get_or_insert_with(|| Upkeep::of(state)).covers(access) {
                continue;
            }
            if !is_of_column(tenancy, access, usual.column) || tenants.is_public(access) {
                continue;
            }
            let Some(severity) = severity(&usual, access) else { continue };
            let site = place(route, access);
            if !is_told_at(state, wanted, site) || !seen.insert(site) {
                continue;
            }
            let severity = toned_down(severity, route, &judged.guard);
            found.push(report(state, info, severity, site, message(access, &usual), steps(state, access, &usual)));
        }
    });
}

/// Whether what the client names is the tenant; a query by that is told of so, and not as one that nothing narrows.
fn is_of_column(tenancy: &Tenancy, access: &Access, column: &str) -> bool {
    let claims = |other: &Access| other.fault == Fault::TrustsClient && other.table.owner == column;
    let is_same = |other: &&Access| other.table.site == access.table.site && other.site == access.site;
    match access.fault {
        Fault::TrustsClient => claims(access),
        _ => !tenancy.others.iter().filter(is_same).any(claims),
    }
}

/// Where a finding stands.
fn place(route: &Route, access: &Access) -> Site {
    match access.fault {
        Fault::TrustsClient => identity_site(route, access),
        _ => access.entry,
    }
}

/// How sure it is that rows are the tenants', by how many routes treat them so.
fn severity(usual: &Usual<'_, '_>, access: &Access) -> Option<Severity> {
    let tally = usual.tally;
    if usual.elsewhere.is_some() {
        let is_claim = access.fault == Fault::TrustsClient;
        let is_kept = usual.of_right.is_none_or(|right| !is_claim && right.is_within_tenant());
        let is_used = access.usage != Use::Creates && usual.others <= WEIGHT;
        return (is_kept && is_used).then_some(Severity::Warning);
    }
    // What is written by few is often for everybody to read.
    if access.usage == Use::Reads && tally.reads == 0 {
        return None;
    }
    // Whom a row is made for some choose, if others never make it for their own.
    if access.usage == Use::Creates && tally.creates == 0 {
        return None;
    }
    if let Some(right) = &usual.of_right {
        // Who has a right in particular may act for others, unless nobody does who has it.
        let is_claim = access.fault == Fault::TrustsClient;
        if is_claim || !right.is_within_tenant() {
            return None;
        }
        let is_usual = right.kept > 2 && right.kept >= 3 * right.others;
        return Some(if is_usual { Severity::Error } else { Severity::Warning });
    }
    let (kept, others) = (tally.scoped(), usual.others);
    // Who the users are is more often for everybody to see.
    let of_users = is_user_table(&access.table.name) || is_user_table(&access.table.sql);
    if of_users && kept < 2 {
        return None;
    }
    // Where most routes leave the tenant out, the rows are everybody's.
    if WEIGHT * kept < others {
        return None;
    }
    Some(if kept > 1 && kept >= others { Severity::Error } else { Severity::Warning })
}

fn message(access: &Access, usual: &Usual<'_, '_>) -> String {
    let (table, column) = (&access.table.name, usual.column);
    let principal = principal_of(access);
    let kept = usual.tally.scoped();
    let others = match usual.of_right.filter(|right| right.kept > 0) {
        _ if usual.elsewhere.is_some() => {
            format!("({} routes do in other tables)", usual.elsewhere.unwrap_or_default())
        }
        Some(right) => {
            format!("({} of {} routes that ask for the same right do)", right.kept, right.kept + right.others)
        }
        None => format!("({kept} of {} routes do)", kept + usual.others),
    };
    let client = named(access.client.as_ref());
    let done = done(access.usage);
    match access.fault {
        Fault::TrustsClient => format!(
            "{client} decides by `{table}.{column}` whose `{table}` is {done}, and nothing compares it with that of {principal}, to which {} a caller can name another's; take it from {principal}, or compare the two and raise 403 first.",
            match (usual.elsewhere, kept) {
                (Some(routes), _) => format!("{routes} routes keep in other tables:"),
                (None, 1) => "1 other route keeps:".to_owned(),
                (None, kept) => format!("{kept} other routes keep:"),
            }
        ),
        Fault::Unchecked => format!(
            "`{table}` is fetched by {client} and {}, and nothing compares `{table}.{column}` with that of {principal} {others}: demand it in the query, or compare the two and raise 403 before that.",
            if access.usage == Use::Reads { "returned" } else { "changed" },
        ),
        _ => format!(
            "The query on `{table}` is not narrowed by `{table}.{column}` to that of {principal} {others}: rows of everybody else are {done}, too; add a condition on `{table}.{column}`."
        ),
    }
}

/// The way there, and routes that do what is missing.
fn steps(state: &State, access: &Access, usual: &Usual<'_, '_>) -> Vec<Related> {
    let own = access.steps.iter().map(|(site, note)| related(state, *site, note.clone()));
    let note = format!("`{}.{}` is that of the caller here", access.table.name, usual.column);
    let places = usual.tally.places.iter().filter(|place| !state.sources.is_ghost(**place));
    own.chain(places.take(SHOWN).map(|place| related(state, *place, note.clone()))).collect()
}
