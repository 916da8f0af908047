//! `wrong-ownership-status`: whoever is not the owner gets another answer than 403, or than the
//! configuration says.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::is_test;
use super::shared::ownership::check as ownership_check;
use super::{RuleInfo, State, for_each_served, report};
use crate::data::Fault;
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "wrong-ownership-status",
    summary: "a caller who is not the owner is answered with another status than 403",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/wrong-ownership-status.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::WrongStatus, &|one| {
        let (table, status) = (&one.access.table, one.access.detail);
        let right = state.ownership_status(one.access.site.file);
        let (severity, why) = match status {
            "403" if right == 404 => (Severity::Warning, "that tells that there is one"),
            "403" => return None,
            "404" if right == 404 || is_hidden(state, one.access.site.file, one.route) => return None,
            "401" => (Severity::Warning, "who is calling is known, and another login changes nothing"),
            // Some projects hide what exists.
            "404" => (Severity::Info, "as if there were no such row"),
            "500" => (Severity::Warning, "nothing went wrong on the server"),
            _ => (Severity::Warning, "the request is well formed"),
        };
        let message =
            format!("A caller who does not own the `{}` is answered with {status}: {why}; raise {right}.", table.name);
        Some((severity, one.access.site, message))
    });
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, _, judged| {
        for (site, status) in &judged.data.turned_away {
            let why = match *status {
                "401" => "who is calling is known, and another login changes nothing",
                "500" => "nothing went wrong on the server",
                "400" | "422" => "the request is well formed",
                // With 404 it is hidden who there is.
                _ => continue,
            };
            let is_shown = wanted(site.file) && !state.sources.is_ghost(*site) && !is_test(state, site.file);
            if is_shown && seen.insert(*site) {
                let message = format!("A caller who names somebody else is answered with {status}: {why}; raise 403.");
                found.push(report(state, &INFO, Severity::Warning, *site, message, Vec::new()));
            }
        }
    });
}

/// Whether a specification says that rows of others are not found there.
fn is_hidden(state: &State, file: FileId, route: &Route) -> bool {
    state.sources.file(file).is_some_and(|source| state.policy.hides_others(&source.path, route))
}
