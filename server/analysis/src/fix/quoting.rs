//! Quotes of what fixes write inside of f-strings.
//!
//! Before Python 3.12 an expression in an f-string holds none of the quotes
//! that a string around it is written in, no backslash, and no line break
//! unless those strings have three quotes.

use tree_sitter::Node;

use super::Refusal;
use crate::ide::TextEdit;

/// The delimiters of the f-strings in whose expressions a range stands, innermost first.
fn around<'t>(text: &'t str, root: Node<'_>, edit: &TextEdit) -> Vec<&'t str> {
    let (start, end) = (edit.range.start as usize, edit.range.end as usize);
    let Some(node) = root.named_descendant_for_byte_range(start, end) else { return Vec::new() };
    let (mut found, mut is_inside) = (Vec::new(), false);
    for node in std::iter::successors(Some(node), Node::parent) {
        match node.kind() {
            "interpolation" => is_inside |= node.start_byte() < start && end < node.end_byte(),
            "string" if is_inside => found.extend(delimiter(text, node)),
            _ => {}
        }
    }
    found
}

/// `"`, `'`, `"""` or `'''`.
fn delimiter<'t>(text: &'t str, string: Node<'_>) -> Option<&'t str> {
    let opening = text.get(string.child(0)?.byte_range())?;
    opening.find(['"', '\'']).and_then(|at| opening.get(at..))
}

/// Whether a text may stand in an expression of strings with these delimiters.
fn fits(written: &str, delimiters: &[&str]) -> bool {
    let is_on_lines = delimiters.iter().all(|delimiter| delimiter.len() == 3);
    !written.contains('\\')
        && (is_on_lines || !written.contains('\n'))
        && delimiters.iter().all(|delimiter| !written.contains(delimiter))
}

/// Gives what an edit writes the quotes that the f-strings around it leave.
pub(super) fn requote(text: &str, root: Node<'_>, edit: &mut TextEdit) -> Result<(), Refusal> {
    let delimiters = around(text, root, edit);
    if delimiters.is_empty() || fits(&edit.text, &delimiters) {
        return Ok(());
    }
    let swapped = match (edit.text.contains('"'), edit.text.contains('\'')) {
        (true, false) => edit.text.replace('"', "'"),
        (false, true) => edit.text.replace('\'', "\""),
        _ => return Err(refused()),
    };
    if !fits(&swapped, &delimiters) {
        return Err(refused());
    }
    edit.text = swapped;
    Ok(())
}

fn refused() -> Refusal {
    Refusal("the f-string around it leaves no quotes for what goes there".into())
}
