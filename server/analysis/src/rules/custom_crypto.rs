//! `custom-crypto`: a token that code takes apart without a library.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::Made;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "custom-crypto",
    summary: "a JWT that code takes apart and verifies itself",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/custom-crypto.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for handmade in &tokens.handmade {
            let (severity, site, message, proof) = match &handmade.made {
                Made::Compared(compared) => (
                    Severity::Warning,
                    *compared,
                    "A signature is compared with an operator that stops at the first difference: how long it takes tells how much of a forged one was right. Use `hmac.compare_digest`, or better a library for JWTs.",
                    Some("the token is taken apart here"),
                ),
                Made::Signed(_) => (
                    Severity::Info,
                    handmade.site,
                    "This takes a signed token apart by hand: algorithms, expiry, audience and malformed input are yours to get right then. A library for JWTs does that (`jwt.decode`).",
                    None,
                ),
                Made::Unverified if state.in_use.is_used(handmade.function) => (
                    Severity::Warning,
                    handmade.site,
                    "The claims of a token are read here, and its signature is not looked at: anybody can write such a token. Verify it with a library for JWTs (`jwt.decode`).",
                    None,
                ),
                Made::Unverified => continue,
            };
            let steps = proof.map(|proof| related(state, handmade.site, proof.to_owned()));
            found.push(report(state, &INFO, severity, site, message.to_owned(), steps.into_iter().collect()));
        }
    });
}
