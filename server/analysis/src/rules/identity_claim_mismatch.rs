//! `identity-claim-mismatch`: a claim that the tokens don't have.

use super::shared::frontend;
use super::{RuleInfo, State, report};
use crate::ide::{Diagnostic, Severity};
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
        let steps = frontend::related(state, lacking.issued, "their claims are decided here").into_iter().collect();
        found.push(report(state, &INFO, Severity::Error, lacking.site, message, steps));
    }
}
