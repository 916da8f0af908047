//! `unhandled-unauthorized`: an answer that is taken for data although it may be
//! a refusal.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::{RuleInfo, State, related};
use crate::frontend::observed::How;
use crate::frontend::outcome::{Client, Place, Request, TokenSource};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unhandled-unauthorized",
    summary: "an answer that is taken for data although it may be a refusal",
    cwe: "CWE-252",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/unhandled-unauthorized.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let blind = blind(state).into_iter().filter(|(place, one)| wanted(place.file) && one.judged.guard.is_guarded());
    for (place, reached) in blind {
        let route = shown(reached.route);
        let message = format!(
            "{route} answers 401 when the session is over. `fetch` does not fail then, and nothing looks at `ok` or `status` of this answer: `{{\"detail\": …}}` is read as if it were data, and nobody is asked to sign in. Test `ok` before the body is read."
        );
        let site = handler_site(&reached.route.handler).unwrap_or(reached.route.registration);
        let step = related(state, site, format!("{route} is served by `{}`", reached.application.name));
        found.extend(frontend::report_where_run(state, &INFO, Severity::Warning, place, message, vec![step]));
    }
}

/// The requests whose answer is taken for data whatever it is, by where they are made, with the routes that they reach:
/// of several routes a guarded one.
pub(crate) fn blind(state: &State) -> BTreeMap<Place, Reached<'_>> {
    // What anybody does with the answer to a request that is made at a place.
    let mut done: FxHashMap<Place, Vec<How>> = FxHashMap::default();
    for answered in state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.observed.answers) {
        done.entry(answered.request).or_default().push(answered.how);
    }
    let is_blind = |place: &Place| done.get(place).is_some_and(|hows| hows.iter().all(|how| *how == How::Used));
    let mut blind: BTreeMap<Place, Reached<'_>> = BTreeMap::new();
    if !done.keys().any(is_blind) {
        return blind;
    }
    let origins = Origins::new(state);
    for (file, outcome) in state.frontend.outcomes() {
        let own = outcome
            .requests
            .iter()
            .filter(|request| request.client == Client::Fetch && is_blind(&request.place) && !is_service(request));
        for request in own {
            let Some(reached) = origins.reached(file, request) else { continue };
            let known = blind.get(&request.place);
            if known.is_none_or(|known| reached.judged.guard.is_guarded() && !known.judged.guard.is_guarded()) {
                blind.insert(request.place, reached);
            }
        }
    }
    blind
}

/// Whether a request carries a credential of the server's own, which no sign-in renews.
fn is_service(request: &Request) -> bool {
    !request.sent.is_empty() && request.sent.iter().all(|source| matches!(source, TokenSource::Environment(_)))
}
