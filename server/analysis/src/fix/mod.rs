//! Fixes: the edits that make findings go away.

use crate::ide::{Diagnostic, Fix, Refusal, State, TextEdit};

/// Fixes of a finding, the preferred one first, and why expected ones are missing.
pub(crate) fn fixes(_state: &State, _diagnostic: &Diagnostic) -> (Vec<Fix>, Vec<Refusal>) {
    (Vec::new(), Vec::new())
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
