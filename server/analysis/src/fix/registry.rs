//! What authlib and joserfc are told to expect of claims, where the frontend's tokens name something else.

use tree_sitter::Node;

use super::Source;
use super::layout::replacement;
use super::rewritten::nodes;
use crate::ide::{Refusal, TextEdit};

/// Has the claim of that name be what a text says: `"aud": {"value": …}`, or `aud={"value": …}`.
pub(super) fn expect(source: &Source, claim: &str, text: &str) -> Result<TextEdit, Refusal> {
    let of = |node: Node<'_>, field: &str| {
        let part = node.child_by_field_name(field)?;
        Some(source.text.get(part.byte_range())?.trim_matches(['"', '\'']))
    };
    let is_named = |node: Node<'_>, wanted: &str| match node.kind() {
        "pair" => of(node, "key") == Some(wanted),
        "keyword_argument" => of(node, "name") == Some(wanted),
        _ => false,
    };
    let options = nodes(source.root(), &|node| is_named(node, claim));
    let options = options.into_iter().filter_map(|node| node.child_by_field_name("value"));
    let values: Vec<Node<'_>> = options
        .filter(|value| value.kind() == "dictionary")
        .flat_map(|value| nodes(value, &|node| is_named(node, "value")))
        .filter_map(|pair| pair.child_by_field_name("value"))
        .collect();
    match values.as_slice() {
        [value] => Ok(replacement(value.byte_range(), format!("\"{text}\""))),
        _ => Err(Refusal("what is expected is not said in one place of this file".into())),
    }
}
