//! `identity-claim-not-required`: a caller's id that the token may not have.

use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::shared::tokens::way_out;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Caught, Decode, IdentityUse, KeySource, Library, Missing, Unrequired, VerifierCall};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "identity-claim-not-required",
    summary: "a verified token whose claim that names the caller may be missing",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/identity-claim-not-required.md"),
};

/// What is said of the verification.
pub(crate) const VERIFIED: &str = "the token is verified here";
/// Calls that claims are followed up through.
const MAX_CALLS: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut all: Vec<(&Decode, &Unrequired)> = Vec::new();
    let says_who = |decode: &&Decode| !decode.identity.unrequired.is_empty() || decode.identity.returns_claims;
    let verified = state.tokens.decodes().filter(|decode| decode.unverified.is_none() && decode.validated);
    let counts = |decode: &&Decode| !is_test(state, decode.site.file) && !is_own(state, decode);
    for decode in verified.filter(says_who).filter(counts) {
        let reads = reads(state, decode).into_iter().filter(|(_, read)| wanted(read.site.file));
        all.extend(reads.filter(|(function, read)| is_reached(state, *function, read)).map(|(_, read)| (decode, read)));
    }
    for (decode, read) in all {
        let claim = &read.claim;
        let by_secret = !matches!(decode.key, KeySource::Jwks { .. });
        if decode.requires.contains(claim) || is_settled(state, decode, read, by_secret) {
            continue;
        }
        let (severity, what) = match read.missing {
            // A secret signs whatever somebody has a use for, an issuer of public keys tokens of callers.
            Missing::Taken if by_secret => (Severity::Warning, "`None` is taken for the caller's id".to_owned()),
            Missing::Taken => (Severity::Info, "`None` is taken for the caller's id".to_owned()),
            Missing::Raises(error) => {
                (Severity::Info, format!("this raises `{error}`, so that the caller gets 500 in place of 401"))
            }
        };
        let message =
            format!("A token without `{claim}` passes the verification, and {what}: {}.", advice(decode, claim));
        let steps = vec![related(state, decode.site, VERIFIED.to_owned())];
        found.push(report(state, &INFO, severity, read.site, message, steps));
    }
}

/// Whether it is known of the tokens that the frontend sends whether they have
/// the claim: other rules speak of those that don't.
fn is_settled(state: &State, decode: &Decode, read: &Unrequired, by_secret: bool) -> bool {
    let agreement = &state.agreement;
    let is_here = |pairs: &[(Site, Place)]| pairs.iter().any(|(site, _)| *site == decode.site);
    agreement.lacking.iter().any(|lacking| lacking.site == read.site)
        || agreement.refused.iter().any(|refused| refused.site == decode.site)
        || is_here(&agreement.confusable)
        // Better Auth names the user in every token that its key pairs sign.
        || (read.claim == "sub" && !by_secret && is_here(&agreement.accepted))
}

fn advice(decode: &Decode, claim: &SmolStr) -> String {
    match decode.library {
        Library::PyJwt => format!("require it with `options={{\"require\": [\"exp\", \"{claim}\"]}}`"),
        Library::Jose if claim == "sub" => "require it with `options={\"require_sub\": True}`".to_owned(),
        Library::Authlib | Library::Joserfc => {
            format!("make it essential where the claims are validated, `\"{claim}\": {{\"essential\": True}}`")
        }
        Library::Jose => "answer 401 where it is `None`".to_owned(),
    }
}

/// Whether a project verifies the tokens that it issues: it knows what they hold.
fn is_own(state: &State, decode: &Decode) -> bool {
    let mut issued = state.tokens.encodes();
    !matches!(decode.key, KeySource::Jwks { .. }) && issued.any(|encode| encode.library == decode.library)
}

/// Claims that are read as the caller's id, in the function of a verification
/// and in those that it returns its claims to, each with the function.
fn reads<'s>(state: &'s State, decode: &'s Decode) -> Vec<(Site, &'s Unrequired)> {
    let Some(function) = decode.function else { return Vec::new() };
    let mut reads = Vec::new();
    // What a function asks for is there where its callers go on.
    let mut pending: Vec<(Site, &IdentityUse, Vec<&SmolStr>, usize)> =
        vec![(function, &decode.identity, Vec::new(), 0)];
    while let Some((function, used, asked_for, depth)) = pending.pop() {
        let unsure = used.unrequired.iter().filter(|read| !asked_for.contains(&&read.claim));
        reads.extend(unsure.map(|read| (function, read)));
        if used.returns_claims && depth < MAX_CALLS {
            let asked_for: Vec<&SmolStr> = asked_for.into_iter().chain(&used.asked_for).collect();
            let above = state.tokens.calls().filter(|call| call.callee == function);
            pending.extend(above.map(|call| (call.function, &call.identity, asked_for.clone(), depth + 1)));
        }
    }
    reads
}

/// Whether what a missing claim leads to reaches a route: an exception that
/// nobody catches, or `None` in a dependency's result.
fn is_reached(state: &State, function: Site, read: &Unrequired) -> bool {
    match read.missing {
        Missing::Raises(error) => {
            let above: &[&str] = if error == "KeyError" { &["KeyError", "LookupError"] } else { &["TypeError"] };
            let leaves = |call: &VerifierCall, _: &[&VerifierCall]| !call.caught.iter().any(|one| catches(one, above));
            way_out(state, function, &mut |site| state.in_use.is_used(site), &leaves).is_some()
        }
        Missing::Taken => {
            let is_dependency = &mut |site: Site| state.in_use.is_used(site) && !state.in_use.is_handler(site);
            way_out(state, function, is_dependency, &|call, _| call.identity.passes_on).is_some()
        }
    }
}

fn catches(clause: &Caught, errors: &[&str]) -> bool {
    clause.types.is_empty()
        || clause.types.iter().any(|path| {
            let name = path.rsplit('.').next().unwrap_or(path);
            errors.contains(&name) || matches!(name, "?" | "Exception" | "BaseException")
        })
}
