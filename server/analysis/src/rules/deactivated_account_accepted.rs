//! `deactivated-account-accepted`: a guard that fetches the caller's account and never looks whether it may be used still.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::missing_auth_dependency::{is_test, shown};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::{Guard, may_sign_in};
use crate::ide::{Diagnostic, Judged, Related, Severity};
use crate::index::dependencies::definition_site;
use crate::index::routes::{Application, Route};
use crate::index::value::Site;
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "deactivated-account-accepted",
    summary: "a guard that fetches the caller's account and never looks whether it was deactivated",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/deactivated-account-accepted.md"),
};

/// Where it shows that a flag says who may use an account.
struct Shown<'s> {
    route: &'s Route,
    site: Site,
    signs_in: bool,
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if application.test {
            continue;
        }
        let routes: Vec<(&Route, &Judged)> = application.routes.iter().zip(judged.iter()).collect();
        for (flag, shown) in flags(state, &routes) {
            let mut guards: BTreeMap<Site, usize> = BTreeMap::new();
            let mut looking = 0;
            for (route, judged) in &routes {
                let looks = judged.data.standing.looked.contains(&flag);
                looking += usize::from(looks && judged.guard.is_guarded());
                if let Some(guard) = believing(state, route, judged).filter(|_| !looks) {
                    *guards.entry(guard).or_default() += 1;
                }
            }
            // Where most look, the others may do without on purpose: who signs out, or asks for a new mail.
            if guards.values().sum::<usize>() <= looking {
                continue;
            }
            for (guard, count) in guards {
                if wanted(guard.file) && !is_test(state, guard.file) && !state.sources.is_ghost(guard) {
                    found.extend(finding(state, application, guard, count, &flag, &shown));
                }
            }
        }
    }
}

/// Flags by which a sign-in turns accounts away, or which a route sets; the sign-in where there is both.
fn flags<'s>(state: &State, routes: &[(&'s Route, &'s Judged)]) -> BTreeMap<SmolStr, Shown<'s>> {
    let mut flags: BTreeMap<SmolStr, Shown<'_>> = BTreeMap::new();
    for (route, judged) in routes {
        let standing = &judged.data.standing;
        if matches!(judged.guard, Guard::Public(_)) && !standing.asked.is_empty() {
            let signs_in = with_interpreter(state, |interpreter| may_sign_in(interpreter, route));
            for (flag, site) in standing.asked.iter().filter(|_| signs_in) {
                flags.insert(flag.clone(), Shown { route, site: *site, signs_in });
            }
        }
        if judged.guard.is_guarded() {
            for (flag, site) in &standing.set {
                flags.entry(flag.clone()).or_insert(Shown { route, site: *site, signs_in: false });
            }
        }
    }
    flags
}

/// The dependency of the project that guards a route, where the caller's row is fetched and all is known that is done with it.
fn believing(state: &State, route: &Route, judged: &Judged) -> Option<Site> {
    let Guard::Guarded(index) = &judged.guard else { return None };
    let standing = &judged.data.standing;
    if standing.unsure || standing.fetched.is_none() || route.conditional {
        return None;
    }
    let guard = route.dependencies.get(*index)?;
    definition_site(&guard.callable).filter(|site| state.sources.facts(site.file).is_some())
}

fn finding(
    state: &State,
    application: &Application,
    guard: Site,
    count: usize,
    flag: &SmolStr,
    shown_by: &Shown<'_>,
) -> Option<Diagnostic> {
    let name = application.routes.iter().flat_map(|route| route.dependencies.iter()).find_map(|node| {
        let is_it = definition_site(&node.callable) == Some(guard);
        is_it.then(|| super::missing_auth_dependency::callable_name(&node.callable)).flatten()
    })?;
    let by = match shown_by.signs_in {
        true => format!("by which {} turns accounts away", shown(shown_by.route)),
        false => format!("which {} sets", shown(shown_by.route)),
    };
    let routes = if count == 1 { "1 route rests".to_owned() } else { format!("{count} routes rest") };
    let message = format!(
        "`{name}` fetches the caller's account and never looks at `{flag}`, {by}: whoever was shut out stays in until the token expires ({routes} on it). Look at it here, and answer with 401."
    );
    let what = if shown_by.signs_in { "the flag is looked at here" } else { "the flag is set here" };
    let handler = handler_site(&shown_by.route.handler).unwrap_or(shown_by.route.registration);
    let steps: Vec<Related> = vec![
        related(state, shown_by.site, what.to_owned()),
        related(state, handler, format!("{} does that", shown(shown_by.route))),
    ];
    Some(report(state, &INFO, Severity::Warning, guard, message, steps))
}
