//! `jwks-client-per-request`: public keys that are fetched for every request.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, report};
use crate::auth::tokens::MadeClient;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "jwks-client-per-request",
    summary: "a JWKS client that is made anew for every token",
    cwe: "CWE-400",
    owasp: "API4:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/jwks-client-per-request.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for MadeClient { site, function, is_given } in &tokens.clients {
            let once = match is_given {
                true => "keep one for each address",
                false => "make it once, at the top of the module",
            };
            let message = format!(
                "`{function}` makes a new `PyJWKClient` for each call, so that its cache is never used and every token fetches the keys again: {once}."
            );
            found.push(report(state, &INFO, Severity::Warning, *site, message, Vec::new()));
        }
    });
}
