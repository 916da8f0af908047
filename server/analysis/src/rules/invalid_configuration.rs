//! `invalid-configuration`: a setting that has no effect.

use super::{RuleInfo, State};
use crate::ide::{Confidence, Diagnostic, Location, Severity};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "invalid-configuration",
    summary: "a setting that can't be understood, and so has no effect",
    cwe: "",
    owasp: "",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/invalid-configuration.md"),
};

pub(super) fn check(state: &State, file: FileId, found: &mut Vec<Diagnostic>) {
    let Some((_, configuration)) = state.policy.configurations().find(|(other, _)| *other == file) else { return };
    let report = |range: TextRange, message: &str| Diagnostic {
        rule: INFO.code,
        severity: Severity::Error,
        confidence: Confidence::High,
        location: Location { file, range },
        message: format!("This setting has no effect: {message}."),
        related: Vec::new(),
        unnecessary: false,
    };
    found.extend(configuration.problems.iter().map(|problem| report(problem.range, &problem.message)));
    for level in &configuration.rules {
        if super::find(&level.rule).is_none() {
            found.push(report(level.range, &format!("there is no rule `{}`", level.rule)));
        }
    }
    found.sort_by_key(|diagnostic| diagnostic.location);
}
