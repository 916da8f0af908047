//! A key that stands in the code: the look-up of a variable in its place, which
//! fails when that is not set.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::replacement;
use super::verifier::unreadable;
use super::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};

/// Appends the fix of a key in the backend's code.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let is_code = fixer.state.sources.facts(diagnostic.location.file).is_some();
    if is_code {
        keep(looked_up(fixer, diagnostic), fixes, refusals);
    }
}

fn looked_up(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let source = fixer.source(diagnostic.location.file)?;
    let range = diagnostic.location.range;
    let node = source.root().named_descendant_for_byte_range(range.start as usize, range.end as usize);
    let literal = node.filter(|node| node.kind() == "string").ok_or_else(unreadable)?;
    let mut imports = Imports::new(fixer, &source, None)?;
    let (edit, title) = replaced(&source, literal, &mut imports)?;
    let mut edits = vec![edit];
    edits.extend(imports.edits());
    // Nothing starts until the variable is set.
    fixer.checked(vec![(source.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

fn replaced(source: &Source, literal: Node<'_>, imports: &mut Imports<'_, '_>) -> Result<(TextEdit, String), Refusal> {
    let parent = literal.parent().ok_or_else(unreadable)?;
    if let Some((whole, variable)) = default_of(source, literal) {
        // A default is looked up even where it is not needed.
        if whole.parent().is_some_and(|around| around.kind() == "argument_list") {
            return Err(Refusal("it is the default of another look-up, which would fail with it".into()));
        }
        let environ = imports.of_package(&["os"], "environ")?;
        let title = format!("Fail when `{variable}` is missing");
        return Ok((replacement(whole.byte_range(), format!("{environ}[\"{variable}\"]")), title));
    }
    if parent.kind() == "assignment" {
        let name = parent.child_by_field_name("left").filter(|left| left.kind() == "identifier").ok_or_else(unnamed)?;
        let named = text_of(source, name);
        let in_class = std::iter::successors(parent.parent(), Node::parent)
            .find(|node| matches!(node.kind(), "class_definition" | "function_definition"))
            .is_some_and(|node| node.kind() == "class_definition");
        if let Some(declared) = parent.child_by_field_name("type").filter(|_| in_class) {
            let title = format!("Leave the default of `{named}` out");
            return Ok((replacement(declared.end_byte()..parent.end_byte(), String::new()), title));
        }
        if in_class {
            return Err(unnamed());
        }
        let variable = named.to_ascii_uppercase();
        let environ = imports.of_package(&["os"], "environ")?;
        let title = format!("Read `{variable}` from the environment");
        return Ok((replacement(literal.byte_range(), format!("{environ}[\"{variable}\"]")), title));
    }
    Err(unnamed())
}

/// The look-up whose default a literal is: `os.getenv("KEY", "…")`, or
/// `os.getenv("KEY") or "…"`.
fn default_of<'t>(source: &Source, literal: Node<'t>) -> Option<(Node<'t>, String)> {
    let parent = literal.parent()?;
    let (whole, call) = match parent.kind() {
        "argument_list" => (parent.parent()?, parent.parent()?),
        "boolean_operator" => (parent, parent.child_by_field_name("left")?),
        _ => return None,
    };
    let callee = text_of(source, call.child_by_field_name("function")?);
    if !matches!(callee, "os.getenv" | "getenv" | "os.environ.get" | "environ.get") {
        return None;
    }
    let name = call.child_by_field_name("arguments")?.named_child(0).filter(|node| node.kind() == "string")?;
    (name.id() != literal.id()).then(|| (whole, text_of(source, name).trim_matches(['"', '\'']).to_owned()))
}

fn text_of<'s>(source: &'s Source, node: Node<'_>) -> &'s str {
    source.text.get(node.byte_range()).unwrap_or_default()
}

fn unnamed() -> Refusal {
    Refusal("the key has no name there by which a variable could be called".into())
}
