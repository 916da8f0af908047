//! `excessive-leeway`: too much tolerance for the clock.

use super::shared::tokens::{duration, for_each_item};
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "excessive-leeway",
    summary: "a verification that accepts tokens minutes after they expired",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/excessive-leeway.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let Some((seconds, site)) = decode.leeway.filter(|(seconds, _)| *seconds >= MAX_SECONDS) else { continue };
            let message = format!(
                "Tokens are accepted for {} after they expired: the tolerance is for clocks that differ, and these differ by seconds. 60 are plenty.",
                duration(seconds)
            );
            let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
            found.push(report(state, &INFO, Severity::Warning, site, message, steps));
        }
    });
}

/// Tolerance in seconds from which on it is no tolerance.
const MAX_SECONDS: i64 = 300;
