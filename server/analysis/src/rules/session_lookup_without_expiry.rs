//! `session-lookup-without-expiry`: sessions that never end.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::auth::tokens::SessionLookup;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "session-lookup-without-expiry",
    summary: "a session that is found by its token and may have ended long ago",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/session-lookup-without-expiry.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for lookup in tokens.lookups.iter().filter(|lookup| state.in_use.is_used(lookup.function)) {
            if lookup.only_for_its_user && is_behind_guard(state, lookup) {
                continue;
            }
            let column = &lookup.column;
            let (what, one, is_still) = match &lookup.of {
                None => ("The session".to_owned(), "a session", "lets its token in"),
                Some(of) => (format!("The `{of}`"), "one", "is taken"),
            };
            let message = format!(
                "{what} is looked up by its token, and nothing compares `{column}` with now: {one} that has ended still {is_still}. Add the comparison to the query."
            );
            let steps = vec![related(state, lookup.declared, format!("`{column}` says when {one} ends"))];
            found.push(report(state, &INFO, Severity::Error, lookup.site, message, steps));
        }
    });
}

/// Whether a session is looked up in a handler whose caller something else has verified, on every route that it serves:
/// that lets nobody in.
fn is_behind_guard(state: &State, lookup: &SessionLookup) -> bool {
    let looked_up = lookup.site.range;
    let is_look_up = |site: Site| {
        let is_around = site.range.start <= looked_up.start && looked_up.end <= site.range.end;
        (site.file, site.item) == (lookup.site.file, lookup.site.item) && is_around
    };
    let (mut serves, mut is_guarded) = (false, true);
    for_each_served(state, |_, route, judged| {
        if route.function().is_some_and(|handler| handler.site == lookup.function) {
            serves = true;
            is_guarded &= match &judged.guard {
                Guard::Guarded(_) | Guard::Around(_) => true,
                // The look-up itself may be what verifies.
                Guard::InBody(verdict) => !verdict.steps.iter().any(|step| is_look_up(step.site)),
                _ => false,
            };
        }
    });
    serves && is_guarded
}
