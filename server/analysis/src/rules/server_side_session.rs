//! `server-side-session`: who is signed in is known to one process only.

use super::shared::guards;
use super::{RuleInfo, State};
use crate::auth::Verdict;
use crate::auth::evidence::Evidence;
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "server-side-session",
    summary: "sessions that are kept in the memory of one process",
    cwe: "CWE-664",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/server-side-session.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let at = |route: &Route, verdict: &Verdict| {
        in_memory(verdict).filter(|site| !is_of_path(route, *site)).map(|site| (site, ()))
    };
    guards::check(state, wanted, found, &INFO, &at, &|(), name, _| {
        let message = format!(
            "`{name}` knows who is signed in from the memory of this process: a restart signs everybody out, and another worker knows nobody. Verify a signed token, or keep sessions in the database."
        );
        (Severity::Warning, message)
    });
}

/// The place at which a guard looks into the memory of the process, if nothing
/// else decides: what is verified elsewhere may be remembered.
fn in_memory(verdict: &Verdict) -> Option<Site> {
    let mut deciding = verdict.steps.iter().filter(|step| step.decides());
    let first = deciding.next().filter(|step| step.evidence == Evidence::DecidesInMemory)?;
    deciding.all(|step| step.evidence == Evidence::DecidesInMemory).then_some(first.site)
}

/// Whether a route's own handler looks for what its path names: an invitation by its token, say, which tells nobody who is
/// signed in.
fn is_of_path(route: &Route, site: Site) -> bool {
    let handler = route.function().map(|handler| handler.site);
    handler.is_some_and(|handler| (handler.file, handler.item) == (site.file, site.item))
        && route
            .path
            .split('{')
            .skip(1)
            .any(|rest| rest.split(['}', ':']).next().is_some_and(|name| name.contains("token")))
}
