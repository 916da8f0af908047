//! Secrets that scripts write to the console.

use super::{around, marked, quote, text_of};
use crate::fix::Fixer;
use crate::fix::layout::replacement;
use crate::fix::tokens::REDACTED;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal};

/// The fix of a secret in the console.
pub(in crate::fix) fn logged(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let node = marked(&source, diagnostic)?;
    let substituted = around(node)
        .take_while(|outer| outer.byte_range() == node.byte_range() || outer.kind() == "template_substitution")
        .find(|outer| outer.kind() == "template_substitution");
    let edit = match (substituted, only_substitution(node)) {
        (Some(part), _) | (None, Some(part)) => replacement(part.byte_range(), REDACTED.to_owned()),
        // Which of several it is, nothing says.
        (None, None) if node.kind() == "template_string" && text_of(&source, node).contains("${") => {
            return Err(Refusal("several values stand in the text".into()));
        }
        (None, None) => {
            let quote = quote(&source.text);
            replacement(node.byte_range(), format!("{quote}{REDACTED}{quote}"))
        }
    };
    let title = "Leave the value out of the log".to_owned();
    fixer.checked_script(vec![(file, vec![edit])], title, Applicability::Safe)
}

/// The only value that stands in a text.
fn only_substitution(node: tree_sitter::Node<'_>) -> Option<tree_sitter::Node<'_>> {
    let mut cursor = node.walk();
    let is_text = node.kind() == "template_string";
    let mut parts = node.named_children(&mut cursor).filter(|part| is_text && part.kind() == "template_substitution");
    parts.next().filter(|_| parts.next().is_none())
}
