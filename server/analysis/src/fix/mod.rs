//! Fixes: the edits that make findings go away. They are computed when asked
//! for, from the text of one file and what the snapshot knows.

mod comments;
mod guard;
mod imports;
mod signature;

use crate::ide::{Applicability, Diagnostic, Fix, FixKind, Refusal, SourceChange, State, TextEdit};
use crate::rules::{missing_auth_dependency, spec_auth_drift, unused_ignore};
use crate::syntax::{Grammar, parse};
use crate::vfs::FileId;

/// Fixes of a finding, the preferred one first, and why expected ones are missing.
pub(crate) fn fixes(state: &State, diagnostic: &Diagnostic) -> (Vec<Fix>, Vec<Refusal>) {
    let (mut fixes, mut refusals) = (Vec::new(), Vec::new());
    let open = diagnostic.rule == missing_auth_dependency::INFO.code
        || (diagnostic.rule == spec_auth_drift::INFO.code && spec_auth_drift::is_about_open_route(state, diagnostic));
    if open {
        guard::fixes(state, diagnostic, &mut fixes, &mut refusals);
    }
    if diagnostic.rule == unused_ignore::INFO.code {
        fixes.extend(comments::remove(state, diagnostic));
    } else {
        fixes.extend(comments::silence(state, diagnostic));
    }
    (fixes, refusals)
}

/// A fix of one file, if its text still parses afterwards.
fn checked(
    file: FileId,
    text: &str,
    mut edits: Vec<TextEdit>,
    title: String,
    applicability: Applicability,
) -> Result<Fix, Refusal> {
    edits.sort_by_key(|edit| edit.range);
    let errors = |text: &str| parse(Grammar::Python, text, None).is_none_or(|tree| tree.root_node().has_error());
    if !errors(text) && errors(&apply(text, &edits)) {
        return Err(Refusal("the edited file would not parse".into()));
    }
    let change = SourceChange { edits: vec![(file, edits)] };
    Ok(Fix { title, applicability, kind: FixKind::Repair, preferred: false, change })
}

/// A text with edits applied. Of overlapping edits the first wins; insertions
/// at one place keep their order.
pub fn apply(text: &str, edits: &[TextEdit]) -> String {
    let mut sorted: Vec<&TextEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0usize;
    for edit in sorted {
        let (start, end) = (edit.range.start as usize, edit.range.end as usize);
        let (Some(before), true) = (text.get(at..start), end <= text.len()) else { continue };
        out.push_str(before);
        out.push_str(&edit.text);
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Length of the white space at the start of the line of `offset`, as text.
fn indentation(text: &str, offset: usize) -> &str {
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The line ending that a text uses.
fn line_ending(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
