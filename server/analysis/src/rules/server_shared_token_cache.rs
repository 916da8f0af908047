//! `server-shared-token-cache`: a token of one user that the server keeps for all.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "server-shared-token-cache",
    summary: "a user's token in a variable that all requests of a server share",
    cwe: "CWE-488",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/server-shared-token-cache.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (_, outcome) in state.frontend.outcomes() {
        for endpoint in &outcome.observed.endpoints {
            for (place, name) in endpoint.kept.iter().filter(|(place, _)| wanted(place.file)) {
                let message = format!(
                    "`{name}` belongs to the module, and the server has one for all requests: the token of whoever came first is used for everybody else. Keep it in a variable of the function, for one request."
                );
                let steps = frontend::related(state, endpoint.place, "a request leads here");
                found.extend(frontend::report(
                    state,
                    &INFO,
                    Severity::Error,
                    *place,
                    message,
                    steps.into_iter().collect(),
                ));
            }
        }
    }
}
