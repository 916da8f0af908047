//! `introspection-null-body`: a session endpoint whose `null` is believed.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "introspection-null-body",
    summary: "an answer of the session endpoint that may hold nobody",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/introspection-null-body.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for introspection in &tokens.introspections {
            let message = "Better Auth answers `get-session` with 200 and `null` when there is no session, and this returns the answer without a look at it: raise 401 when it is empty.";
            let mut steps = vec![related(state, introspection.request, "the session is asked for here".to_owned())];
            steps.extend(
                introspection.status.map(|site| related(state, site, "only the status is looked at".to_owned())),
            );
            found.push(report(state, &INFO, Severity::Error, introspection.site, message.to_owned(), steps));
        }
    });
}
