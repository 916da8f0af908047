//! `auth-bypass-switch`: verification that the configuration can switch off.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::missing_auth_dependency::{callable_name, is_test, shown};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::Judge;
use crate::auth::guard::Guard;
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::verdicts::with_interpreter;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "auth-bypass-switch",
    summary: "verification that a setting switches off",
    cwe: "CWE-489",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/auth-bypass-switch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut switches: BTreeMap<Site, (String, Vec<&Route>)> = BTreeMap::new();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for_each_served(state, |_, route, judged| {
            let (verdict, name) = match &judged.guard {
                Guard::Guarded(index) => {
                    let callable = &route.dependencies[*index].callable;
                    (judge.dependency(callable), callable_name(callable).unwrap_or("this dependency").to_owned())
                }
                Guard::Around(wrapped) => (Arc::clone(&wrapped.verdict), wrapped.name.to_string()),
                Guard::InBody(verdict) => (Arc::clone(verdict), shown(route)),
                _ => return,
            };
            if let Some(site) = verdict.bypass {
                switches.entry(site).or_insert_with(|| (name, Vec::new())).1.push(route);
            }
        });
    });
    for (site, (name, routes)) in switches {
        if !wanted(site.file) || is_test(state, site.file) || state.sources.is_ghost(site) {
            continue;
        }
        let count = routes.len();
        let rest = if count == 1 { "1 route rests".to_owned() } else { format!("{count} routes rest") };
        let message = format!(
            "`{name}` verifies nobody when this setting says so, and {rest} on it: remove the switch, and give tests tokens of their own."
        );
        let steps = routes
            .iter()
            .take(SHOWN_ROUTES)
            .map(|route| related(state, route.registration, format!("{} rests on `{name}`", shown(route))));
        found.push(report(state, &INFO, Severity::Warning, site, message, steps.collect()));
    }
}

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 3;
