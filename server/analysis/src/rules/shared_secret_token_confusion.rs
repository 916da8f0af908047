//! `shared-secret-token-confusion`: a mail's link that signs in.

use super::shared::frontend;
use super::{RuleInfo, State, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "shared-secret-token-confusion",
    summary: "a verification that takes other tokens of the same secret for a caller's",
    cwe: "CWE-345",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/shared-secret-token-confusion.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (site, place) in &state.agreement.confusable {
        if !wanted(site.file) || state.sources.is_ghost(*site) {
            continue;
        }
        let message = "Better Auth signs the links of its mails with the same secret, and this verification takes their tokens for a caller's: expect an audience, or require `sub`.";
        let steps = frontend::related(state, *place, "the mails are sent by this configuration").into_iter().collect();
        found.push(report(state, &INFO, Severity::Warning, *site, message.to_owned(), steps));
    }
}
