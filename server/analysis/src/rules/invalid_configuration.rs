//! `invalid-configuration`: a setting that has no effect.

use super::{RuleInfo, State};
use crate::facts::configuration::Configuration;
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
    let report = |(range, message): (TextRange, String)| Diagnostic {
        rule: INFO.code,
        severity: Severity::Error,
        confidence: Confidence::High,
        location: Location { file, range },
        message: format!("This setting has no effect: {message}."),
        related: Vec::new(),
        unnecessary: false,
    };
    found.extend(problems(configuration).into_iter().map(report));
    found.sort_by_key(|diagnostic| diagnostic.location);
}

/// What of a configuration can't be understood, and where.
pub fn problems(configuration: &Configuration) -> Vec<(TextRange, String)> {
    let read = configuration.problems.iter().map(|problem| (problem.range, problem.message.clone()));
    let unknown = configuration.rules.iter().filter(|level| super::find(&level.rule).is_none());
    read.chain(unknown.map(|level| (level.range, format!("there is no rule `{}`", level.rule)))).collect()
}
