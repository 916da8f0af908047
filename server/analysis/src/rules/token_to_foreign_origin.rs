//! `token-to-foreign-origin`: the backend's token, sent to somebody else.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::matching::Base;
use crate::frontend::outcome::{Attached, Place, Request, TokenSource, UrlPart};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::Origins;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-to-foreign-origin",
    summary: "the token of the backend, sent to a host that is not the backend",
    cwe: "CWE-201",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/token-to-foreign-origin.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let host = |base: &Base| match base {
        Base::Host(host) => Some(host.clone()),
        _ => None,
    };
    // Other files are looked at only where this one sends a token to a host.
    let names_a_host = |request: &Request| match request.url.first() {
        Some(UrlPart::Text(text)) => text.contains("://"),
        _ => false,
    };
    let mut sending = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.requests);
    let is_sent = |request: &Request| {
        request.authorization == Attached::Given && names_a_host(request) && wanted(request.call.file)
    };
    if !sending.any(is_sent) {
        return;
    }
    let mut foreign = Vec::new();
    let mut own: FxHashMap<&TokenSource, (Place, String)> = FxHashMap::default();
    let mut hosts = BTreeSet::new();
    let origins = Origins::new(state);
    for (file, outcome) in state.frontend.outcomes() {
        for request in &outcome.requests {
            let sends = request.authorization == Attached::Given;
            let Some(address) = origins.address(file, request) else { continue };
            match (origins.reached(file, request), host(&address.base)) {
                (Some(reached), at) => {
                    // Wherever a route of the project is found, the backend is.
                    hosts.extend(at);
                    if sends && reached.judged.guard.is_guarded() {
                        for source in request.sent.iter().filter(|source| is_one_token(source)) {
                            own.entry(source).or_insert_with(|| (request.call, shown(reached.route)));
                        }
                    }
                }
                (None, Some(at)) if sends => foreign.push((request, at)),
                _ => {}
            }
        }
    }
    for (request, host) in foreign {
        // What has both halves in its name is served by those who serve the project.
        if hosts.contains(&host) || !wanted(request.call.file) || request.call.file != request.place.file {
            continue;
        }
        let [source] = request.sent.as_slice() else { continue };
        let Some((place, route)) = own.get(source) else { continue };
        let message = format!(
            "This sends the token that opens {route} to {host}, where no request reaches the backend: whoever runs that host can act as the user until the token expires. Leave the header out, or ask through the backend."
        );
        let steps = frontend::related(state, *place, "the same token is sent to the backend here");
        found.extend(frontend::report_where_run(
            state,
            &INFO,
            Severity::Warning,
            request.call,
            message,
            steps.into_iter().collect(),
        ));
    }
}

/// Whether a source names one token, whoever reads it.
fn is_one_token(source: &TokenSource) -> bool {
    matches!(source, TokenSource::Storage(_, Some(_)) | TokenSource::BetterAuthJwt | TokenSource::BetterAuthSession)
}
