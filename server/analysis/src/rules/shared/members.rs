//! Findings on rows that belong to several, of which a route does not look whether the caller is one.

use rustc_hash::{FxHashMap, FxHashSet};

use super::ownership::{is_told_at, named, principal_of};
use super::tenants::Tenants;
use crate::data::{Access, Fault, Use};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::vfs::FileId;

/// What routes do with a table whose rows belong to several.
#[derive(Default)]
struct Shared {
    /// Where the rows are listed in which the caller has a part.
    lists: Vec<Site>,
    /// Where nobody else goes on with a row.
    looks: Vec<Site>,
    /// Whether rows are listed whosever they are.
    is_open: bool,
}

/// Finds rows that the client names, and that other routes keep to those who have a part in them.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
) {
    let mut tables: FxHashMap<Site, Shared> = FxHashMap::default();
    for_each_served(state, |_, _, judged| {
        for membered in &judged.data.membered {
            let shared = tables.entry(membered.table.site).or_default();
            let places = if membered.lists { &mut shared.lists } else { &mut shared.looks };
            places.push(membered.site);
        }
    });
    if tables.is_empty() {
        return;
    }
    for_each_served(state, |_, _, judged| {
        let of_right = judged.data.within.iter().flat_map(|within| &within.tenants.others);
        for access in judged.data.tenants.others.iter().chain(of_right) {
            if let Some(shared) = tables.get_mut(&access.table.site) {
                shared.is_open |= access.fault == Fault::Unscoped && access.usage == Use::Reads;
            }
        }
    });
    tables.retain(|_, shared| !shared.lists.is_empty() && !shared.looks.is_empty() && !shared.is_open);
    let tenants = Tenants::of(state);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        if !judged.guard.is_guarded() || route.conditional {
            return;
        }
        let keeps = |access: &Access| judged.data.membered.iter().any(|one| one.table.site == access.table.site);
        let named_row = |access: &&Access| access.fault == Fault::Unchecked && !keeps(access);
        for access in judged.data.tenants.others.iter().filter(named_row) {
            let Some(shared) = tables.get(&access.table.site) else { continue };
            let is_told = tenants.column(access.table.site).is_none() && is_told_at(state, wanted, access.entry);
            if is_told && seen.insert(access.entry) {
                found.push(finding(state, info, access, shared));
            }
        }
    });
}

fn finding(state: &State, info: &RuleInfo, access: &Access, shared: &Shared) -> Diagnostic {
    let table = &access.table.name;
    let message = format!(
        "`{table}` is fetched by {} and {}, and nothing looks whether {} has a part in it, as {} of the routes that fetch one do: look for the membership by both keys, and raise 403 where there is none.",
        named(access.client.as_ref()),
        if access.usage == Use::Reads { "returned" } else { "changed" },
        principal_of(access),
        shared.looks.len(),
    );
    let own = access.steps.iter().map(|(site, note)| related(state, *site, note.clone()));
    let places = shared.looks.iter().chain(&shared.lists).filter(|place| !state.sources.is_ghost(**place));
    let note = format!("`{table}` is kept here to those who have a part in it");
    let steps = own.chain(places.take(3).map(|place| related(state, *place, note.clone()))).collect();
    report(state, info, Severity::Warning, access.entry, message, steps)
}
