//! `identity-claim-mismatch`: a claim that the tokens don't have.

use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::shared::frontend;
use super::shared::tokens::way_out;
use super::token_type_confusion::is_of_the_token;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Decode, Encode, KeySource, MARKS, VerifierCall};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::agreement::claims::{followed, lacking, reads};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "identity-claim-mismatch",
    summary: "a claim that names the caller and that the tokens don't have",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/identity-claim-mismatch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for lacking in &state.agreement.lacking {
        if !wanted(lacking.site.file) || state.sources.is_ghost(lacking.site) {
            continue;
        }
        let message = format!(
            "The tokens that the frontend sends have no `{}`, so that nobody is let in: the caller is named by `{}`.",
            lacking.claim, lacking.instead
        );
        let steps = frontend::related(state, lacking.issued, DECIDED).into_iter().collect();
        found.push(report(state, &INFO, Severity::Error, lacking.site, message, steps));
    }
    check_own(state, wanted, found);
}

/// What is said of the payload of a token.
const DECIDED: &str = "their claims are decided here";

/// The same of tokens that the backend issues itself.
fn check_own(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // What a frontend signs may have the same key.
    if state.frontend.outcomes().any(|(_, outcome)| !outcome.issuers.is_empty() || !outcome.mints.is_empty()) {
        return;
    }
    let calls: Vec<&VerifierCall> = state.tokens.calls().collect();
    for decode in state.tokens.decodes().filter(|decode| decode.unverified.is_none()) {
        let Some(issued) = own_tokens(state, decode) else { continue };
        let names: Vec<SmolStr> = issued.iter().flat_map(|encode| encode.claims.iter().cloned()).collect();
        let Some((site, claim, instead)) = lacking(decode, &calls, &names) else { continue };
        let quiet = !wanted(site.file) || state.sources.is_ghost(site) || is_test(state, site.file);
        if quiet || !is_needed(decode, &calls, &claim) || !agree_elsewhere(state, decode, &calls, &instead) {
            continue;
        }
        // Who is found by an address needs no other name.
        let others = reads(decode, &calls);
        let is_about_owner = |name: &SmolStr| !is_of_the_token(name) && !MARKS.contains(&name.as_str());
        if others.iter().any(|read| is_about_owner(&read.name) && names.contains(&read.name)) {
            continue;
        }
        let serves = &mut |function| state.in_use.is_used(function);
        if decode.function.and_then(|function| way_out(state, function, serves, &|_, _| true)).is_none() {
            continue;
        }
        let message = format!(
            "The tokens that this project issues have no `{claim}`, so that nobody is let in: the caller is named by `{instead}`."
        );
        let payloads = issued.iter().filter_map(|encode| encode.payload);
        let steps = payloads.map(|payload| related(state, payload, DECIDED.to_owned())).collect();
        found.push(report(state, &INFO, Severity::Error, site, message, steps));
    }
}

/// The tokens that the project issues with the key of a verification, where the claims of all are known.
fn own_tokens<'s>(state: &'s State, decode: &Decode) -> Option<Vec<&'s Encode>> {
    let KeySource::Secret(Some(key)) = &decode.key else { return None };
    let mut issued = Vec::new();
    for encode in state.tokens.encodes().filter(|encode| !is_test(state, encode.site.file)) {
        match &encode.key {
            KeySource::Secret(Some(own)) if own.eq_ignore_ascii_case(key) => issued.push(encode),
            KeySource::Secret(Some(_)) => {}
            // Whose key that is can't be told.
            _ => return None,
        }
    }
    (!issued.is_empty() && issued.iter().all(|encode| encode.whole)).then_some(issued)
}

/// Whether code asks for a claim, or takes it for the caller's without asking.
fn is_needed(decode: &Decode, calls: &[&VerifierCall], claim: &SmolStr) -> bool {
    let used = std::iter::once(&decode.identity).chain(followed(decode, calls).into_iter().map(|call| &call.identity));
    used.into_iter().any(|used| {
        used.asked_for.contains(claim) || used.unrequired.iter().any(|unrequired| unrequired.claim == *claim)
    })
}

/// Whether another verification with that key reads what the tokens have: they are what it is for.
fn agree_elsewhere(state: &State, decode: &Decode, calls: &[&VerifierCall], claim: &SmolStr) -> bool {
    state.tokens.decodes().any(|other| {
        other.site != decode.site
            && other.key == decode.key
            && !is_test(state, other.site.file)
            && reads(other, calls).iter().any(|read| read.name == *claim)
    })
}
