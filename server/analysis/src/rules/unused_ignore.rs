//! `unused-ignore`: a comment to authlens that has no effect.

use super::RuleInfo;
use crate::facts::comments::{Comment, CommentKind};
use crate::ide::{Confidence, Diagnostic, Location, Severity};
use crate::suppress::Unused;
use crate::text::TextRange;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unused-ignore",
    summary: "an ignore comment that accepts no finding, or can't be understood",
    cwe: "",
    owasp: "",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/unused-ignore.md"),
};

pub(super) fn check(file: FileId, comments: &[Comment], unused: &[Unused], found: &mut Vec<Diagnostic>) {
    for unused in unused {
        let unknown = unused.rule.as_ref().is_some_and(|rule| super::find(rule).is_none());
        let message = match &unused.rule {
            Some(rule) if unknown => format!("authlens has no rule `{rule}`: remove it from the comment."),
            Some(rule) => format!("`{rule}` finds nothing here: remove it from the comment."),
            None => "This comment accepts no finding: remove it, or it will hide the next one.".to_owned(),
        };
        found.push(finding(file, unused.range, message, true));
    }
    for comment in comments {
        if let CommentKind::Malformed { problem } = &comment.kind {
            let message = format!(
                "authlens can't understand this comment: {problem}; write `# authlens: ignore[rule] reason` or `# authlens: public reason`."
            );
            found.push(finding(file, comment.range, message, false));
        }
    }
}

fn finding(file: FileId, range: TextRange, message: String, unnecessary: bool) -> Diagnostic {
    Diagnostic {
        rule: INFO.code,
        severity: Severity::Warning,
        confidence: Confidence::High,
        location: Location { file, range },
        message,
        related: Vec::new(),
        unnecessary,
    }
}
