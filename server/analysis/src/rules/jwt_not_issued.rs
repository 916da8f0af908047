//! `jwt-not-issued`: a backend that waits for JWTs that Better Auth does not issue.

use std::collections::BTreeMap;

use super::shared::frontend;
use super::{RuleInfo, State, related};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "jwt-not-issued",
    summary: "a backend that verifies JWTs, and a Better Auth that issues none",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/jwt-not-issued.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut by_issuer: BTreeMap<Place, Vec<&Refused>> = BTreeMap::new();
    for refused in &state.agreement.refused {
        let is_about_it = match refused.kind {
            Kind::Nothing => true,
            Kind::Session => refused.issues_no_jwt && refused.refusal.why == Why::NoJwt,
            _ => false,
        };
        if is_about_it && wanted(refused.issued.file) {
            by_issuer.entry(refused.issued).or_default().push(refused);
        }
    }
    for (place, refused) in by_issuer {
        let asks = refused.iter().any(|one| one.kind == Kind::Nothing);
        let message = if asks {
            "`token()` has nothing to give, because this configuration has no `jwt()`: its endpoint answers 404, and requests go out with `Bearer undefined`. Add `jwt()` to the plugins."
        } else {
            "The backend verifies JWTs, and this configuration issues none: the token of a session is 32 characters that only the database knows, and every request is refused. Add `jwt()` to the plugins, and send what `authClient.token()` gives."
        };
        let mut steps = Vec::new();
        for one in &refused {
            steps.push(related(state, one.site, "the backend verifies a JWT here".to_owned()));
            steps.extend(
                one.requests.iter().filter_map(|place| frontend::related(state, *place, "a request sends it here")),
            );
        }
        steps.truncate(4);
        found.extend(frontend::report(state, &INFO, Severity::Error, place, message.to_owned(), steps));
    }
}
