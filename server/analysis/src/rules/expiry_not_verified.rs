//! `expiry-not-verified`: expired tokens that are accepted.

use super::shared::tokens::{duration, for_each_item, is_rested_on, is_verified_beside};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::public::by_nature;
use crate::auth::tokens::{CachedClaims, Check, Decode, HandedOn, Library, Made, Purpose, VerifierCall};
use crate::ide::{Diagnostic, Severity};
use crate::index::dependencies::called;
use crate::index::value::Site;
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "expiry-not-verified",
    summary: "a verification that accepts expired tokens",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/expiry-not-verified.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let of_it = |cached: &&CachedClaims| cached.verified == decode.site;
            found.extend(tokens.cached.iter().find(of_it).and_then(|cached| given_again(state, decode, cached)));
            // Who compares it, or keeps a list of the tokens that count, needs no check of the library's.
            // It may have looked into the token before it verified it.
            let of_function = |other: &&Decode| other.function.is_some() && other.function == decode.function;
            let own = tokens.decodes.iter().filter(of_function).chain([decode]);
            if own.flat_map(|decode| &decode.reads).any(|claim| claim.name.ends_with("exp") || claim.name == "jti") {
                continue;
            }
            if decode.purpose == Purpose::Peek || is_verified_beside(state, decode) {
                continue;
            }
            if decode.function.is_some_and(|function| only_counts(state, function)) {
                continue;
            }
            let skipped = decode.skips.iter().find(|(check, _)| *check == Check::Expiry);
            let guards = decode.function.is_some_and(|function| state.in_use.is_used(function));
            let (severity, site, message) = match skipped {
                Some((_, site)) if decode.function.is_some_and(|function| only_signs_out(state, function)) => {
                    (Severity::Info, *site, ONLY_SIGNS_OUT.to_owned())
                }
                Some((_, site)) => (
                    if guards { Severity::Error } else { Severity::Warning },
                    *site,
                    "An expired token passes this verification: whoever gets hold of an old one can use it for ever. Leave the check of `exp` on.".to_owned(),
                ),
                None if !decode.validated => (
                    if guards { Severity::Error } else { Severity::Warning },
                    decode.site,
                    format!(
                        "{} checks the signature here and nothing else: expired tokens pass, and the claims are never validated. {}",
                        decode.library.name(),
                        match decode.library {
                            Library::Joserfc => "Validate them with `JWTClaimsRegistry(…).validate(token.claims)`.",
                            _ => "Call `claims.validate()`.",
                        }
                    ),
                ),
                None => continue,
            };
            let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
            found.push(report(state, &INFO, severity, site, message, steps));
        }
        let of_callers = tokens
            .handmade
            .iter()
            .filter(|handmade| handmade.made != Made::Unverified && never_ends(state, handmade.function));
        let reads = of_callers.filter_map(|handmade| handmade.never_ends);
        found.extend(reads.map(|site| report(state, &INFO, Severity::Warning, site, BY_HAND.to_owned(), Vec::new())));
    });
}

/// What is said of a token whose signature code looks at itself, and whose end nobody does.
const BY_HAND: &str = "The signature of this token is verified by hand, and nothing compares its `exp` with now: whoever gets hold of an old one can use it for ever. Let a library for JWTs verify it (`jwt.decode`).";

/// Whether routes rest on a function that gives the claims of a token, and nobody who gets them asks for its end.
fn never_ends(state: &State, function: Site) -> bool {
    let calls = || state.tokens.calls().filter(|call| call.callee == function);
    let asks = |call: &VerifierCall| {
        call.handed_on == HandedOn::ToOthers || call.reads.iter().any(|claim| claim.name.contains("exp"))
    };
    is_rested_on(state, function) && !calls().any(asks)
}

/// Seconds of a token's life that are no more than clocks may differ by (see `excessive-leeway`).
const SHORT: i64 = 300;

/// What is said of claims that are kept longer than their token counts.
fn given_again(state: &State, decode: &Decode, cached: &CachedClaims) -> Option<Diagnostic> {
    // Whoever takes them may compare it.
    let reads_end = |call: &VerifierCall| call.reads.iter().any(|claim| claim.name.ends_with("exp"));
    let mut callers = state.tokens.calls().filter(|call| Some(call.callee) == decode.function).peekable();
    let all_compare = callers.peek().is_some() && callers.all(reads_end);
    if all_compare || cached.seconds.is_some_and(|seconds| seconds < SHORT) {
        return None;
    }
    let long = match cached.seconds {
        Some(seconds) => format!("for up to {}", duration(seconds)),
        None => "as long as the process runs".to_owned(),
    };
    let message = format!(
        "The claims of a token that was verified before are given again, and nothing looks at `exp`: an expired token gets in {long}. Compare `exp` before you return them, or keep them no longer than the token counts."
    );
    let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
    Some(report(state, &INFO, Severity::Warning, cached.site, message, steps))
}

/// What is said where an expired token signs its owner out, and does nothing else.
const ONLY_SIGNS_OUT: &str = "An expired token passes this verification: whoever gets hold of an old one can sign its owner out, and nothing else. Where that is meant, say so; else leave the check of `exp` on.";

/// Whether what a function finds out of a token serves to count how often somebody asks, and nothing else.
fn only_counts(state: &State, function: Site) -> bool {
    let counts = |function: &Site| {
        let counts = state.tokens.items().any(|(_, tokens)| tokens.counted_by.contains(function));
        counts && !state.in_use.is_used(*function)
    };
    let callers: Vec<Site> =
        state.tokens.calls().filter(|call| call.callee == function).map(|call| call.function).collect();
    match callers.is_empty() {
        true => counts(&function),
        false => callers.iter().all(counts) && !state.in_use.is_used(function),
    }
}

/// Whether routes rest on a function, and all of them are for signing out.
fn only_signs_out(state: &State, function: Site) -> bool {
    let (mut signs_out, mut does_more) = (false, false);
    with_interpreter(state, |interpreter| {
        for_each_served(state, |_, route, _| {
            let mut asked = route.dependencies.iter().chain(&route.perhaps);
            let rests = handler_site(&route.handler) == Some(function)
                || asked.any(|node| called(interpreter, &node.callable).is_some_and(|(one, _)| one.site == function));
            if rests && by_nature(route) == Some("signing out") {
                signs_out = true;
            } else if rests {
                does_more = true;
            }
        });
    });
    signs_out && !does_more
}
