//! The token of a session where a JWT is verified: the JWT in its place.

use super::bearer::sent;
use super::imports::of_module;
use super::requests::client;
use super::{around, async_around, free_name, insert_before, marked, semicolon, statement_around, text_of, unreadable};
use crate::fix::guard::keep;
use crate::fix::layout::replacement;
use crate::fix::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal};
use tree_sitter::Node;

/// Appends the fix of a request that sends the token of a session.
pub(in crate::fix) fn session_token(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    keep(issued(fixer, diagnostic), fixes, refusals);
}

fn issued(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let node = marked(&source, diagnostic)?;
    let is_call = |node: &Node<'_>| node.kind() == "call_expression";
    let call = Some(node).filter(is_call).or_else(|| around(node).find(is_call)).ok_or_else(unreadable)?;
    let value = header_of(&source, call).ok_or_else(|| Refusal("the header is made elsewhere".into()))?;
    async_around(call)?;
    let (module, name) = client(fixer)?;
    let spelled = of_module(fixer, &source, module, &name)?;
    let end = semicolon(&source);
    let quote = super::quote(&source.text);
    let data = free_name(&source, call, &["issued", "tokenData", "jwt"])?;
    let lines = [
        format!("const {{ data: {data} }} = await {}.token(){end}", spelled.name),
        format!("if (!{data}) throw new Error({quote}not signed in{quote}){end}"),
    ];
    let mut edits = spelled.edits;
    edits.push(insert_before(&source, statement_around(call)?, &lines));
    edits.push(replacement(value.byte_range(), format!("{data}.token")));
    let title = format!("Send the JWT that `{name}.token()` gives");
    fixer.checked_script(vec![(file, edits)], title, Applicability::Unsafe)
}

/// What a call sends behind `Bearer`.
fn header_of<'t>(source: &Source, call: Node<'t>) -> Option<Node<'t>> {
    let mut open = vec![call.child_by_field_name("arguments")?];
    while let Some(node) = open.pop() {
        let text = text_of(source, node);
        let begins = text.trim_start_matches(['`', '"', '\'']).starts_with("Bearer ");
        if begins && matches!(node.kind(), "template_string" | "binary_expression") {
            return sent(node).ok();
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    None
}
