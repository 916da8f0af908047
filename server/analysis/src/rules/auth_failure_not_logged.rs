//! `auth-failure-not-logged`: a refused token of which no log tells.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "auth-failure-not-logged",
    summary: "a token that is refused and of which no log tells",
    cwe: "CWE-778",
    owasp: "API9:2023",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/auth-failure-not-logged.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for unlogged in tokens.unlogged.iter().filter(|one| state.in_use.is_used(one.function)) {
            let message = "A token is refused here, and no log tells: nobody sees that somebody tries tokens. Log the type of the exception, and never the token.".to_owned();
            let steps = vec![related(state, unlogged.verified, "the token is verified here".to_owned())];
            found.push(report(state, &INFO, Severity::Info, unlogged.site, message, steps));
        }
    });
}
