//! A number where Better Auth is meant to be told a span.

use super::{marked, text_of};
use crate::fix::Fixer;
use crate::fix::guard::keep;
use crate::fix::layout::replacement;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, Severity};
use crate::rules::shared::tokens::span as in_units;

/// Appends the fix of tokens that have ended when they are issued.
pub(in crate::fix) fn span(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    // Of the findings of the rule, only this one is about a number.
    if diagnostic.severity != Severity::Error || !diagnostic.message.starts_with("A number") {
        return;
    }
    keep(written_out(fixer, diagnostic), fixes, refusals);
}

fn written_out(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let refused = || Refusal("the number does not stand there".into());
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let node = marked(&source, diagnostic)?;
    let value = if node.kind() == "pair" { node.child_by_field_name("value").ok_or_else(refused)? } else { node };
    let value = if value.kind() == "property_identifier" {
        value.parent().and_then(|pair| pair.child_by_field_name("value")).ok_or_else(refused)?
    } else {
        value
    };
    let seconds: i64 = text_of(&source, value).replace('_', "").parse().map_err(|_| refused())?;
    let quote = super::quote(&source.text);
    let written = in_units(seconds);
    let edits = vec![replacement(value.byte_range(), format!("{quote}{written}{quote}"))];
    fixer.checked_script(vec![(file, edits)], format!("Write the span as \"{written}\""), Applicability::Safe)
}
