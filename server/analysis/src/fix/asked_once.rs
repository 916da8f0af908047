//! A dependency that a handler comes to ask for itself, and that its decorators asked for before.

use tree_sitter::Node;

use super::signature::Parameter;
use super::style::same;
use super::{Fixer, Served, Source};
use crate::ide::TextEdit;
use crate::index::dependencies::Via;
use crate::text::TextRange;
use crate::verdicts::Verifier;

/// Edits that take a dependency off the decorators of a handler which asks for it by a parameter from now on: FastAPI
/// runs it all the same, and it is written once.
pub(super) fn taken_off(
    fixer: &Fixer<'_>,
    source: &Source,
    function: Node<'_>,
    here: &[Served<'_>],
    verifier: &Verifier,
    parameter: &Parameter,
) -> Vec<TextEdit> {
    let asked = here
        .iter()
        .flat_map(|one| &one.route.dependencies)
        .filter(|node| node.via == Via::Decorator && node.parent.is_none() && same(&node.callable, &verifier.callable));
    let mut places: Vec<_> = asked.map(|node| fixer.state.sources.locate(node.site)).collect();
    places.sort_unstable();
    places.dedup();
    let own = places.into_iter().filter(|place| place.file == source.file);
    let entries = own.filter_map(|place| entry(source, function, place.range));
    entries.filter(|entry| is_left_used(source, *entry, parameter)).filter_map(|entry| removal(source, entry)).collect()
}

/// The entry of a list in the decorators of a function that stands at a place.
fn entry<'t>(source: &'t Source, function: Node<'t>, place: TextRange) -> Option<Node<'t>> {
    let decorated = function.parent().filter(|parent| parent.kind() == "decorated_definition")?;
    let at = source.root().named_descendant_for_byte_range(place.start as usize, place.end as usize)?;
    let mut around = std::iter::successors(Some(at), |node| node.parent());
    let entry = around.find(|node| node.parent().is_some_and(|parent| parent.kind() == "list"))?;
    let is_in_decorator = decorated.start_byte() <= entry.start_byte() && entry.end_byte() <= function.start_byte();
    let argument = entry.parent()?.parent().filter(|argument| argument.kind() == "keyword_argument")?;
    let name = argument.child_by_field_name("name")?;
    let is_named = source.text.get(name.byte_range()) == Some("dependencies");
    (is_in_decorator && is_named).then_some(entry)
}

/// Whether the names of an entry are used elsewhere in the file, beside where they are imported: an import that nothing
/// uses is no help.
fn is_left_used(source: &Source, entry: Node<'_>, parameter: &Parameter) -> bool {
    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
    }
    let written = match parameter {
        Parameter::Annotated(ty) => ty,
        Parameter::Default(_, default) => default,
    };
    let entry = source.text.get(entry.byte_range()).unwrap_or_default();
    words(entry).all(|word| {
        words(written).any(|other| other == word) || words(&source.text).filter(|other| *other == word).count() > 2
    })
}

/// The edit that takes an entry out of its list, or the whole argument where it is the only one.
fn removal(source: &Source, entry: Node<'_>) -> Option<TextEdit> {
    let list = entry.parent()?;
    let out = if items(list).len() > 1 { entry } else { list.parent()? };
    let around = items(out.parent()?);
    let at = around.iter().position(|item| *item == out)?;
    let (start, end) = match (at.checked_sub(1).and_then(|before| around.get(before)), around.get(at + 1)) {
        (Some(before), _) => (before.end_byte(), out.end_byte()),
        (None, Some(behind)) => (out.start_byte(), behind.start_byte()),
        (None, None) => (out.start_byte(), out.end_byte()),
    };
    // A comment there says something of it.
    let text = source.text.get(start..end).filter(|text| !text.contains('#'))?;
    (!text.is_empty()).then(|| TextEdit { range: TextRange::new(start as u32, end as u32), text: String::new() })
}

/// The items of a list or of arguments.
fn items<'t>(list: Node<'t>) -> Vec<Node<'t>> {
    list.named_children(&mut list.walk()).filter(|node| node.kind() != "comment").collect()
}
