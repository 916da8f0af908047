//! `wrong-auth-status`: failed authentication that is not answered with 401.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Failure, WrongStatus};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "wrong-auth-status",
    summary: "a caller who is not authenticated is answered with another status than 401",
    cwe: "CWE-393",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/wrong-auth-status.md"),
};

/// What the related place of a refusal says that a clause answers otherwise.
pub(crate) const REPLACED: &str = "the refusal is raised here";

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for replaced in tokens.replaced.iter().filter(|replaced| state.in_use.is_used(replaced.function)) {
            let (refused, status) = (replaced.refused, replaced.status);
            let message = format!(
                "A caller who is refused with {refused} in this `try` gets {status}: the clause catches `HTTPException` too, which is an `Exception`. Let it pass first: `except HTTPException: raise`."
            );
            let steps = vec![related(state, replaced.proof, REPLACED.to_owned())];
            found.push(report(state, &INFO, Severity::Warning, replaced.site, message, steps));
        }
        for wrong in tokens.statuses.iter().filter(|wrong| answers_callers(state, wrong)) {
            let because = match wrong.failure {
                Failure::Missing => "no credential",
                Failure::Rejected | Failure::Raised => "a credential that is refused",
                Failure::Gone => "the credential of a user who is gone",
            };
            let (severity, message) = match wrong.status {
                // What a handler looks up may be what it is asked for.
                _ if wrong.failure == Failure::Gone && state.in_use.is_handler(wrong.function) => continue,
                // What a dependency returns is no answer.
                200 if !state.in_use.is_handler(wrong.function) => continue,
                200 => (
                    Severity::Error,
                    format!(
                        "A caller with {because} gets 200 here, which every client takes for success: raise `HTTPException` with status 401."
                    ),
                ),
                status => (
                    if wrong.failure == Failure::Gone { Severity::Info } else { Severity::Warning },
                    format!(
                        "A caller with {because} gets {status} here: 401 is what tells clients to sign in again. Answer with 401 and `WWW-Authenticate`."
                    ),
                ),
            };
            let step = match wrong.failure {
                Failure::Missing => "there is no credential when this holds",
                Failure::Rejected => "the credential is checked here",
                Failure::Raised => "the verification raises here",
                Failure::Gone => "the user whom the token names is looked up here",
            };
            let steps = vec![related(state, wrong.proof, step.to_owned())];
            found.push(report(state, &INFO, severity, wrong.site, message, steps));
        }
    });
}

/// Whether an answer gets to callers: a route rests on its function, or on one
/// that hands it the caller's token.
fn answers_callers(state: &State, wrong: &WrongStatus) -> bool {
    if !wrong.is_given {
        return state.in_use.is_used(wrong.function);
    }
    state
        .tokens
        .calls()
        .any(|call| call.callee == wrong.function && call.is_credential && state.in_use.is_used(call.function))
}
