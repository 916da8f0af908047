//! `expiry-not-required`: tokens without `exp`, which verifications accept.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, report};
use crate::auth::tokens::{Check, Library};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "expiry-not-required",
    summary: "a verification that accepts tokens which never expire",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/expiry-not-required.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let required = decode.requires.iter().any(|claim| claim == "exp");
            let read = decode.reads.iter().any(|claim| claim.name == "exp");
            let skipped = decode.skips.iter().any(|(check, _)| *check == Check::Expiry);
            if required || read || skipped || !decode.validated || decode.library.validates_apart() {
                continue;
            }
            let how = match decode.library {
                Library::Jose => "`options={\"require_exp\": True}`",
                _ => "`options={\"require\": [\"exp\"]}`",
            };
            let message = format!(
                "A token without `exp` passes this verification, and never expires: require the claim with {how}."
            );
            found.push(report(state, &INFO, Severity::Info, decode.site, message, Vec::new()));
        }
    });
}
