//! `identity-claim-mismatch`: a claim that the tokens don't have.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::shared::frontend;
use super::shared::tokens::way_out;
use super::token_type_confusion::is_of_the_token;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Check, Decode, Encode, KeySource, Library, MARKS, VerifierCall};
use crate::facts::manifests::Version;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
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
    check_numbers(state, wanted, found);
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

/// The first version of PyJWT that refuses a `sub` that is no text.
const REFUSES_NUMBERS: Version = Version(2, 10, 0);

/// Tokens that the backend issues with a number for `sub`, which its own verification refuses.
fn check_numbers(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for encode in state.tokens.encodes().filter(|encode| !is_test(state, encode.site.file)) {
        let numbers: Vec<Site> = numbers_in(state, encode).filter(|site| wanted(site.file)).collect();
        if numbers.is_empty() {
            continue;
        }
        let Some(decode) = state.tokens.decodes().find(|decode| refuses_numbers(state, decode, encode)) else {
            continue;
        };
        let who = match decode.library {
            Library::PyJwt => "PyJWT refuses since 2.10",
            _ => "python-jose refuses",
        };
        let message = format!(
            "The token gets a number as `sub` here, and {who} every `sub` that is no text: nobody is let in. Write `str(…)` around it."
        );
        for site in numbers.into_iter().filter(|site| seen.insert(*site)) {
            if !state.sources.is_ghost(site) && !is_test(state, site.file) {
                let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
                found.push(report(state, &INFO, Severity::Error, site, message.clone(), steps));
            }
        }
    }
}

/// Where the `sub` of a token is a number: where it is issued, or where its claims are handed over.
fn numbers_in<'s>(state: &'s State, encode: &'s Encode) -> impl Iterator<Item = Site> + 's {
    let handed = encode.handed.as_ref().filter(|handed| !handed.names_owner);
    let calls = state.tokens.items().flat_map(|(_, tokens)| &tokens.issuer_calls);
    let calls = calls.filter(move |call| handed.is_some() && encode.function == Some(call.callee));
    let by_callers = calls.flat_map(|call| &call.numbers);
    let by_callers = by_callers.filter(move |(name, _)| handed.is_some_and(|handed| handed.parameter == *name));
    encode.number.into_iter().chain(by_callers.map(|(_, site)| *site))
}

/// Whether a verification is meant for a token, and refuses it for a `sub` that is a number.
fn refuses_numbers(state: &State, decode: &Decode, encode: &Encode) -> bool {
    let (KeySource::Secret(Some(key)), KeySource::Secret(Some(own))) = (&decode.key, &encode.key) else { return false };
    let path = state.sources.file(decode.site.file).map_or("", |source| source.path.as_str());
    let refuses = match decode.library {
        Library::PyJwt => state.packages.newest(path, "pyjwt").is_none_or(|version| version >= REFUSES_NUMBERS),
        Library::Jose => true,
        _ => false,
    };
    let skips = decode.skips.iter().any(|(check, _)| *check == Check::Subject);
    let is_used = || {
        let serves = &mut |function| state.in_use.is_used(function);
        decode.function.is_some_and(|function| way_out(state, function, serves, &|_, _| true).is_some())
    };
    key.eq_ignore_ascii_case(own)
        && refuses
        && !skips
        && decode.unverified.is_none()
        && !is_test(state, decode.site.file)
        && is_used()
}
