//! `token-strategy-mismatch`: a verification that refuses what the frontend issues.

use super::shared::agreement::{advice, answer, reason, sentence, tokens};
use super::shared::frontend;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Related, Severity};
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-strategy-mismatch",
    summary: "a verification that refuses every token that the frontend issues",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/token-strategy-mismatch.md"),
};

/// Requests named in a finding.
const SHOWN_REQUESTS: usize = 3;

/// Refusals that this rule tells of: others have rules of their own.
fn all(state: &State) -> impl Iterator<Item = &Refused> {
    state.agreement.refused.iter().filter(|refused| {
        let is_own = match refused.kind {
            Kind::Session => matches!(refused.refusal.why, Why::NoSession | Why::NoDatabase | Why::NotEncrypted),
            Kind::Cookie => refused.refusal.why != Why::NoJwt,
            Kind::Nothing => false,
            _ => true,
        };
        is_own && refused.refusal.why != Why::NoToken
    })
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for refused in all(state).filter(|refused| wanted(refused.site.file) && !state.sources.is_ghost(refused.site)) {
        let message =
            format!("{}: {} {}. {}", sentence(&answer(refused)), tokens(refused), reason(refused), advice(refused));
        let mut steps: Vec<Related> =
            frontend::related(state, refused.issued, "they are issued here").into_iter().collect();
        steps.extend(requests(state, refused));
        found.push(report(state, &INFO, Severity::Error, refused.site, message, steps));
    }
}

/// The same in the frontend, where the tokens are issued.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for refused in all(state).filter(|refused| wanted(refused.issued.file)) {
        let message = format!(
            "The backend accepts none of these tokens, and {}: {} {}.",
            answer(refused),
            tokens(refused),
            reason(refused)
        );
        let mut steps = vec![related(state, refused.site, "the backend verifies them here".to_owned())];
        steps.extend(requests(state, refused));
        found.extend(frontend::report(state, &INFO, Severity::Error, refused.issued, message, steps));
    }
}

fn requests(state: &State, refused: &Refused) -> Vec<Related> {
    let shown = refused.requests.iter().take(SHOWN_REQUESTS);
    shown.filter_map(|place| frontend::related(state, *place, "a request sends one here")).collect()
}
