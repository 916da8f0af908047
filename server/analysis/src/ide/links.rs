//! Addresses in the code of the frontend, each with the handler that it leads to.

use tree_sitter::Node;

use super::calls::calls_of;
use super::{RouteLink, State};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What does not stand in a call itself, but in what the call is given to do.
const BODIES: &[&str] = &["statement_block", "arrow_function", "function_expression", "class"];

/// Addresses that stand as texts in calls of an open file, sorted by place. One that leads to several handlers is no
/// link.
pub(super) fn links(state: &State, file: FileId) -> Vec<RouteLink> {
    let Some(tree) = state.parsed(file).and_then(|parsed| parsed.tree()) else { return Vec::new() };
    let text = state.documents.get(file).and_then(|document| document.text()).unwrap_or_default();
    let mut found: Vec<(TextRange, Option<RouteLink>)> = Vec::new();
    for (extent, call) in calls_of(state, file) {
        let Some(route) = call.route else { continue };
        let Some(range) = address(tree.root_node(), &text, extent) else { continue };
        let link = RouteLink { range, name: route.name, status: route.status, handler: route.handler };
        match found.iter_mut().find(|(other, _)| *other == range) {
            Some((_, other)) => *other = other.take().filter(|other| other.handler == link.handler),
            None => found.push((range, Some(link))),
        }
    }
    let mut links: Vec<RouteLink> = found.into_iter().filter_map(|(_, link)| link).collect();
    links.sort_by_key(|link| link.range);
    links
}

/// The first text with a slash among the arguments of the call that spans a range, without its quotes.
fn address(root: Node<'_>, text: &str, call: TextRange) -> Option<TextRange> {
    let node = root.named_descendant_for_byte_range(call.start as usize, call.end as usize)?;
    let mut pending = vec![node.child_by_field_name("arguments")?];
    while let Some(node) = pending.pop() {
        if matches!(node.kind(), "string" | "template_string") {
            let inner = node.start_byte() + 1..node.end_byte().saturating_sub(1);
            if text.get(inner.clone()).is_some_and(|text| text.contains('/')) {
                return Some(TextRange::new(inner.start as u32, inner.end as u32));
            }
        } else if !BODIES.contains(&node.kind()) {
            let mut cursor = node.walk();
            let inner: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
            pending.extend(inner.into_iter().rev());
        }
    }
    None
}
