//! `session-read-without-headers`: a session that is asked for without saying whose.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "session-read-without-headers",
    summary: "a session that is asked for without the request's headers",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/session-read-without-headers.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for place in outcome.observed.blind_reads.iter().filter(|place| place.file == file) {
            let message =
                "This asks Better Auth for a session without the headers of the request, which hold the cookie that names it: nobody is ever signed in here. Pass `{ headers: await headers() }`, or the headers of the request at hand.".to_owned();
            found.extend(frontend::report(state, &INFO, Severity::Error, *place, message, Vec::new()));
        }
    }
}
