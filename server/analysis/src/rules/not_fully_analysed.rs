//! `not-fully-analysed`: a file about which authlens can't say everything.

use super::{RuleInfo, State};
use crate::ide::{Confidence, Diagnostic, Location, Severity};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "not-fully-analysed",
    summary: "a file that does not parse, is too large or is not UTF-8",
    cwe: "",
    owasp: "",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/not-fully-analysed.md"),
};

pub(super) fn check(state: &State, file: FileId, found: &mut Vec<Diagnostic>) {
    let Some(source) = state.sources.file(file).filter(|source| !source.test && source.path.ends_with(".py")) else {
        return;
    };
    let (range, problem) = match (state.parsed(file), state.unreadable(file)) {
        (Some(parsed), _) if parsed.never_parsed && source.relevant => {
            (parsed.errors.first().copied().unwrap_or_default(), "it has a syntax error here")
        }
        (None, Some(problem)) => (TextRange::default(), problem),
        _ => return,
    };
    found.push(Diagnostic {
        rule: INFO.code,
        severity: Severity::Info,
        confidence: Confidence::High,
        location: Location { file, range },
        message: format!("This file is not fully analysed: {problem}; routes that rest on it stay unknown."),
        related: Vec::new(),
        unnecessary: false,
    });
}

/// Whether a file is counted as not fully analysed.
pub(crate) fn applies(state: &State, file: FileId) -> bool {
    let mut found = Vec::new();
    check(state, file, &mut found);
    !found.is_empty()
}
