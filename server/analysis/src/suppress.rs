//! Ignore comments: which findings they accept, and which of them accept none.

use smol_str::SmolStr;

use crate::facts::comments::{Comment, CommentKind};
use crate::ide::Diagnostic;
use crate::text::{LineIndex, TextRange};

/// A part of an ignore comment that accepted nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The comment, or one code in its list.
    pub range: TextRange,
    /// The code; `None` for the whole comment.
    pub rule: Option<SmolStr>,
}

/// Splits findings into those that stand and those that a comment accepts. A
/// trailing comment speaks for its own line, one on a line of its own for the
/// next line of code, and through decorators for the `def` below them.
pub fn apply(
    diagnostics: Vec<Diagnostic>,
    comments: &[Comment],
    text: &str,
    lines: &LineIndex,
) -> (Vec<Diagnostic>, Vec<Unused>) {
    let covered: Vec<(u32, u32)> = comments.iter().map(|comment| comment.covered_lines(text, lines)).collect();
    let mut used: Vec<Vec<bool>> = comments
        .iter()
        .map(|comment| match &comment.kind {
            CommentKind::Ignore { rules, .. } => vec![false; rules.len().max(1)],
            _ => Vec::new(),
        })
        .collect();
    let mut kept = Vec::new();
    for diagnostic in diagnostics {
        let line = lines.line(diagnostic.location.range.start);
        let mut accepted = false;
        for (index, comment) in comments.iter().enumerate() {
            let CommentKind::Ignore { rules, .. } = &comment.kind else { continue };
            let (first, last) = covered[index];
            if line < first || line > last {
                continue;
            }
            if rules.is_empty() {
                used[index][0] = true;
                accepted = true;
            }
            for (at, (rule, _)) in rules.iter().enumerate() {
                if rule == diagnostic.rule {
                    used[index][at] = true;
                    accepted = true;
                }
            }
        }
        if !accepted {
            kept.push(diagnostic);
        }
    }
    (kept, unused(comments, &used))
}

fn unused(comments: &[Comment], used: &[Vec<bool>]) -> Vec<Unused> {
    let mut unused = Vec::new();
    for (comment, used) in comments.iter().zip(used) {
        let CommentKind::Ignore { rules, .. } = &comment.kind else { continue };
        let known = rules.is_empty() || rules.iter().any(|(rule, _)| crate::rules::find(rule).is_some());
        if known && used.iter().all(|used| !used) {
            unused.push(Unused { range: comment.range, rule: None });
            continue;
        }
        for ((rule, range), used) in rules.iter().zip(used) {
            if !used {
                unused.push(Unused { range: *range, rule: Some(rule.clone()) });
            }
        }
    }
    unused
}
