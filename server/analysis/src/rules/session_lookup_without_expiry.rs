//! `session-lookup-without-expiry`: sessions that never end.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "session-lookup-without-expiry",
    summary: "a session that is found by its token and may have ended long ago",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/session-lookup-without-expiry.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for lookup in tokens.lookups.iter().filter(|lookup| state.in_use.is_used(lookup.function)) {
            let column = &lookup.column;
            let (what, one, is_still) = match &lookup.of {
                None => ("The session".to_owned(), "a session", "lets its token in"),
                Some(of) => (format!("The `{of}`"), "one", "is taken"),
            };
            let message = format!(
                "{what} is looked up by its token, and nothing compares `{column}` with now: {one} that has ended still {is_still}. Add the comparison to the query."
            );
            let steps = vec![related(state, lookup.declared, format!("`{column}` says when {one} ends"))];
            found.push(report(state, &INFO, Severity::Error, lookup.site, message, steps));
        }
    });
}
