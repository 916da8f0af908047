//! `inline-verification`: a token that a handler verifies itself.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "inline-verification",
    summary: "a handler that verifies the token itself, in place of a dependency",
    cwe: "CWE-1041",
    owasp: "API2:2023",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/inline-verification.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let Some(handler) = decode.function.filter(|function| state.in_use.is_handler(*function)) else { continue };
            // What comes in a link or a form is no caller's: the handler is about that token.
            if !decode.is_credential {
                continue;
            }
            let message = "The handler verifies the caller's token itself: have a dependency do it, so that all routes verify in one place and FastAPI's documentation shows it.".to_owned();
            let steps = vec![related(state, handler, "this handles the route".to_owned())];
            found.push(report(state, &INFO, Severity::Info, decode.site, message, steps));
        }
    });
}
