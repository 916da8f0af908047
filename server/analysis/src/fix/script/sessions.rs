//! Headers for who asks for a session, and no token behind who ends one.

use super::imports::{Spelled, of_package};
use super::{async_around, marked, node_at, semicolon, text_of, unreadable};
use crate::fix::Fixer;
use crate::fix::layout::{indentation, replacement};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal};

/// The fix of a session that is read without headers.
pub(super) fn headers(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let callee = marked(&source, diagnostic)?;
    let call = callee.parent().filter(|call| call.kind() == "call_expression").ok_or_else(unreadable)?;
    async_around(call)?;
    let Spelled { name, mut edits } = of_package(&source, "next/headers", "headers")?;
    let list = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let given = format!("headers: await {name}()");
    edits.push(match list.named_child(0) {
        None => replacement(list.byte_range(), format!("({{ {given} }})")),
        Some(options) if options.kind() == "object" => match options.named_child(0) {
            Some(first) => replacement(first.start_byte()..first.start_byte(), format!("{given}, ")),
            None => replacement(options.byte_range(), format!("{{ {given} }}")),
        },
        Some(_) => return Err(Refusal("the options are made elsewhere".into())),
    });
    fixer.checked_script(vec![(file, edits)], "Pass the headers of the request".to_owned(), Applicability::Safe)
}

/// The fix of a sign-out that keeps a token.
pub(super) fn sign_out(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let callee = marked(&source, diagnostic)?;
    let statement = super::around(callee)
        .find(|node| node.kind().ends_with("_statement") || node.kind().ends_with("declaration"))
        .filter(|node| node.kind() == "expression_statement")
        .ok_or_else(|| Refusal("the call is no statement of its own".into()))?;
    // Where the token is kept: the call that keeps it is the proof's first step.
    let kept = diagnostic.related.first().ok_or_else(unreadable)?.location;
    let keeper = fixer.source(kept.file)?;
    let range = kept.range.start as usize..kept.range.end as usize;
    let keep = node_at(&keeper, range)?;
    let area = text_of(&keeper, keep).strip_suffix(".setItem").filter(|area| area.ends_with("Storage"));
    let area = area.ok_or_else(|| Refusal("the token is not kept by `setItem`".into()))?.to_owned();
    let list = keep.parent().and_then(|call| call.child_by_field_name("arguments")).ok_or_else(unreadable)?;
    let key = list.named_child(0).filter(|key| key.kind() == "string");
    let key = key.ok_or_else(|| Refusal("the key is no literal where the token is kept".into()))?;
    let key = text_of(&keeper, key).to_owned();
    let (indent, ending) = (indentation(&source.text, statement.start_byte()), source.layout.ending);
    let written = format!("{ending}{indent}{area}.removeItem({key}){}", semicolon(&source));
    let edits = vec![replacement(statement.end_byte()..statement.end_byte(), written)];
    fixer.checked_script(vec![(file, edits)], "Remove the token".to_owned(), Applicability::Safe)
}
