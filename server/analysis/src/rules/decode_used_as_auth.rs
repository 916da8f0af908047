//! `decode-used-as-auth`: claims of a token that the server believes without
//! looking at its signature.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "decode-used-as-auth",
    summary: "claims of a token that a server of the frontend believes unverified",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/decode-used-as-auth.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (_, outcome) in state.frontend.outcomes() {
        let endpoints = outcome.observed.endpoints.iter();
        // A middleware may look at a token to save a detour, and a page to show a name.
        let answers = |one: &&Endpoint| matches!(one.kind, EndpointKind::Handler | EndpointKind::Action);
        let believing = endpoints.filter(answers).filter(|one| one.asks <= Asks::Credential);
        for endpoint in believing {
            for place in endpoint.decoded.iter().filter(|place| wanted(place.file)) {
                let message = format!(
                    "`{}` reads the claims of a token that came with the request and never verifies its signature: anybody can write such a token. Verify it (`jwtVerify` of jose with the issuer's keys), or ask for the session.",
                    endpoint.name
                );
                let steps = frontend::related(state, endpoint.place, "this answers whoever calls");
                let severity = if does_more(endpoint) { Severity::Error } else { Severity::Warning };
                found.extend(frontend::report(state, &INFO, severity, *place, message, steps.into_iter().collect()));
            }
        }
    }
}

/// Whether an endpoint is seen to do more than to answer: whoever forges a token for an answer alone deceives nobody but who
/// rests on that.
fn does_more(endpoint: &Endpoint) -> bool {
    !endpoint.effects.is_empty() || !endpoint.rows.is_empty() || !endpoint.requests.is_empty()
}
