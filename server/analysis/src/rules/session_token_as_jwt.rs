//! `session-token-as-jwt`: a session's token where a JWT is verified.

use std::collections::BTreeMap;

use super::shared::agreement::answer;
use super::shared::frontend;
use super::{RuleInfo, State, related};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "session-token-as-jwt",
    summary: "a request that sends the token of a session where a JWT is verified",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/session-token-as-jwt.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut by_request: BTreeMap<Place, Vec<&Refused>> = BTreeMap::new();
    for refused in &state.agreement.refused {
        if matches!(refused.kind, Kind::Session | Kind::Cookie) && refused.refusal.why == Why::NoJwt {
            for place in refused.requests.iter().filter(|place| wanted(place.file)) {
                by_request.entry(*place).or_default().push(refused);
            }
        }
    }
    for (place, refused) in by_request {
        let Some(first) = refused.first() else { continue };
        let instead = if first.issues_no_jwt {
            "Add `jwt()` to Better Auth, and send what `authClient.token()` gives"
        } else {
            "Send what `authClient.token()` gives"
        };
        let what = if first.kind == Kind::Cookie { "the session's cookie" } else { "the session's token" };
        let message = format!(
            "This sends {what} of Better Auth, which is no JWT, and the backend verifies a JWT: {}. {instead}.",
            answer(first)
        );
        let mut steps: Vec<_> =
            refused.iter().map(|one| related(state, one.site, "the backend verifies a JWT here".to_owned())).collect();
        steps.truncate(3);
        found.extend(frontend::report_where_run(state, &INFO, Severity::Error, place, message, steps));
    }
}
