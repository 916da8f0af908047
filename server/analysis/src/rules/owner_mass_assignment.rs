//! `owner-mass-assignment`: the owner is copied from what the client sent.

use rustc_hash::FxHashSet;

use super::shared::ownership::{Found, Said, behind_guard as behind, check as ownership_check};
use super::{RuleInfo, State};
use crate::data::Fault;
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "owner-mass-assignment",
    summary: "a request model that may write the owner of a row",
    cwe: "CWE-915",
    owasp: "API3:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/owner-mass-assignment.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::MassAssigned, &copied);
}

/// The open routes of which this would be found if somebody verified their callers.
pub(super) fn behind_guard(state: &State, routes: &mut FxHashSet<*const Route>) {
    behind(state, routes, &INFO, Fault::MassAssigned, &copied);
}

/// The owner of a row is copied with the rest of a request model.
fn copied(one: &Found<'_>) -> Said {
    let table = &one.access.table;
    let message = format!(
        "{} is copied to `{}.{}` with the rest of the request model, so the client decides whose the row is: leave it out, or set it from {} afterwards.",
        one.client(),
        table.name,
        table.owner,
        one.principal()
    );
    // Where several routes touch anybody's rows and none keeps to its own, whose a row is decides nothing.
    let custom = &one.custom;
    let is_shared = custom.scoped() + custom.claimed + custom.creates + custom.unsure == 0 && custom.others > 1;
    let severity = if is_shared { Severity::Info } else { Severity::Error };
    // Where nobody is verified, there is nobody to set it from.
    one.guarded.then_some((severity, one.access.entry, message))
}
