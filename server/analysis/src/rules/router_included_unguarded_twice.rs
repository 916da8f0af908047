//! `router-included-unguarded-twice`: one router, guarded here and open there.

use std::collections::BTreeMap;

use super::missing_auth_dependency::{is_test, shown};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::Guard;
use crate::ide::{Diagnostic, Judged, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "router-included-unguarded-twice",
    summary: "a router that is included with a guard and again without",
    cwe: "CWE-288",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/router-included-unguarded-twice.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if application.test {
            continue;
        }
        // Open routes by the include that serves them, with their guarded twins.
        let mut open: BTreeMap<Site, Vec<(&Route, &Route)>> = BTreeMap::new();
        for (index, route) in application.routes.iter().enumerate() {
            if let Some((site, twin)) = twin(application, judged, index) {
                open.entry(site).or_default().push((route, twin));
            }
        }
        for (site, routes) in open {
            let Some((first, twin)) = routes.first().filter(|_| wanted(site.file) && !is_test(state, site.file)) else {
                continue;
            };
            let count = routes.len();
            let others = if count == 1 { "is".to_owned() } else { format!("and {} more routes are", count - 1) };
            let message = format!(
                "{} {others} open here, while the same router is guarded where it serves {}; ask for the guard in this `include_router` too.",
                shown(first),
                shown(twin)
            );
            let mut steps = Vec::new();
            if let Some(other) = twin.included_at {
                steps.push(related(state, other, format!("included with a guard here: {}", shown(twin))));
            }
            steps.extend(
                routes
                    .iter()
                    .take(SHOWN_ROUTES)
                    .map(|(route, _)| related(state, route.registration, format!("{} is open", shown(route)))),
            );
            found.push(report(state, &INFO, Severity::Error, site, message, steps));
        }
    }
}

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 4;

/// For an open route: the include that serves it, and a guarded route of the
/// same registration that another include serves.
fn twin<'t>(application: &'t Application, judged: &[Judged], index: usize) -> Option<(Site, &'t Route)> {
    let route = &application.routes[index];
    let site = route.included_at.filter(|_| judged[index].guard == Guard::Open(None))?;
    let twin = application.routes.iter().zip(judged.iter()).find(|(other, judged)| {
        other.registration == route.registration
            && other.included_at.is_some_and(|included| included != site)
            && matches!(judged.guard, Guard::Guarded(_))
    });
    twin.map(|(twin, _)| (site, twin))
}

/// Whether this rule speaks of an open route, so that no other has to.
pub(super) fn speaks_of(application: &Application, judged: &[Judged], index: usize) -> bool {
    twin(application, judged, index).is_some()
}
