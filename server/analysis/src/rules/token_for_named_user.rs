//! `token-for-named-user`: a token that is signed for whoever the request says it is for.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use super::server_endpoint_without_session::is_behind_middleware;
use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::named::NamedToken;
use crate::frontend::observed::{Endpoint, EndpointKind};
use crate::frontend::outcome::{Outcome, Place};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::Origins;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-for-named-user",
    summary: "a token that is signed for whoever the request says it is for",
    cwe: "CWE-290",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/token-for-named-user.md"),
};

/// A token that an endpoint signs and gives out of hand.
struct Signed<'s> {
    file: FileId,
    outcome: &'s Outcome,
    endpoint: &'s Endpoint,
    token: &'s NamedToken,
}

impl Signed<'_> {
    /// What has to change: where the request is read, if that was seen.
    fn place(&self) -> Place {
        self.token.read.unwrap_or(self.token.place)
    }
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let answers = |one: &&Endpoint| matches!(one.kind, EndpointKind::Handler | EndpointKind::Action);
    let mut signed = Vec::new();
    for (file, outcome) in state.frontend.outcomes() {
        for endpoint in outcome.observed.endpoints.iter().filter(answers) {
            // A password that nobody looks at is a finding of its own.
            let has_other = |token: &&NamedToken| endpoint.unchecked.iter().any(|other| other.signed == token.place);
            let tokens = endpoint.tokens.iter().filter(|token| !has_other(token));
            let tokens = tokens.map(|token| Signed { file, outcome, endpoint, token });
            signed.extend(tokens.filter(|signed| wanted(signed.place().file)));
        }
    }
    signed.retain(|one| !is_behind_middleware(state, one.file, one.endpoint));
    if signed.is_empty() {
        return;
    }
    let origins = Origins::new(state);
    let mut signed: Vec<_> = signed.into_iter().map(|one| (severity(&origins, &one), one)).collect();
    // One place signs for many handlers: the one that shows most is told.
    signed.sort_by_key(|(severity, one)| (one.place(), Reverse(*severity)));
    let mut seen = FxHashSet::default();
    for (severity, one) in signed.into_iter().filter(|(_, one)| seen.insert(one.place())) {
        found.extend(finding(state, severity, &one));
    }
}

/// An error where such a token is seen to open a guarded route.
fn severity(origins: &Origins<'_>, signed: &Signed<'_>) -> Severity {
    let opens = signed.token.sent.is_some_and(|place| {
        let requests = signed.outcome.requests.iter().filter(|request| request.place == place);
        let mut reached = requests.filter_map(|request| origins.reached(signed.file, request));
        reached.any(|reached| reached.judged.guard.is_guarded())
    });
    if opens { Severity::Error } else { Severity::Warning }
}

fn finding(state: &State, severity: Severity, signed: &Signed<'_>) -> Option<Diagnostic> {
    let then = match (signed.token.sent, signed.endpoint.kind) {
        (Some(_), _) => "goes to the backend with it",
        (None, EndpointKind::Action) => "is given it by this server action, which anybody can call",
        (None, _) => "is answered with it",
    };
    let message = format!(
        "A token is signed for whoever {} names, and nothing compares that with a session or a password: a caller names somebody else and {then}. Take the identity from the verified session alone, and refuse where there is none.",
        signed.token.by
    );
    let steps = [
        frontend::related(state, signed.token.place, "the token is signed here"),
        signed.token.sent.and_then(|place| frontend::related(state, place, "it is sent here")),
        frontend::related(state, signed.endpoint.place, "this runs for whoever calls"),
    ];
    frontend::report(state, &INFO, severity, signed.place(), message, steps.into_iter().flatten().collect())
}
