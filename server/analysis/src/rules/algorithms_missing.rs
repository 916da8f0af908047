//! `algorithms-missing`: a verification without a list of algorithms.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, report};
use crate::auth::tokens::{Algorithms, KeySource, Library};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "algorithms-missing",
    summary: "a verification that names no algorithms",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/algorithms-missing.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            if decode.algorithms != Algorithms::Missing {
                continue;
            }
            let (severity, message) = match (decode.library, &decode.key) {
                // PyJWT 2 refuses every token then, unless the key says which algorithm it is for.
                (Library::PyJwt, KeySource::Secret(_) | KeySource::Jwks { bound: false }) => (
                    Severity::Error,
                    "PyJWT 2 raises DecodeError for every token when no `algorithms` are named, and PyJWT 1 takes any: name those that the issuer uses.",
                ),
                (Library::Jose, _) => (
                    Severity::Warning,
                    "Without `algorithms`, python-jose takes any that fits the key, and whatever else the token names: name those that the issuer uses.",
                ),
                _ => continue,
            };
            found.push(report(state, &INFO, severity, decode.site, message.to_owned(), Vec::new()));
        }
    });
}
