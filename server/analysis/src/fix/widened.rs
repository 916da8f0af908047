//! Clauses that catch what a verification raises, where they caught less.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::replacement;
use super::tokens::{node_at, unreadable};
use super::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, TextEdit};
use crate::rules::unmapped_token_error::{CATCHES_LESS, CATCHES_NOTHING, CATCHES_OTHERS, Root, roots};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Appends the fix of an exception that a narrower clause lets pass.
pub(super) fn unmapped(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(widened(fixer, diagnostic), fixes, refusals);
}

fn widened(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let none = || Refusal("no `except` clause around the verification catches any of the library's exceptions".into());
    let clause = |what: &str| diagnostic.related.iter().rev().find(|step| step.message == what);
    let (narrow, other, list) = (clause(CATCHES_LESS), clause(CATCHES_OTHERS), clause(CATCHES_NOTHING));
    let location = list.or(narrow).or(other).ok_or_else(none)?.location;
    let source = fixer.source(location.file)?;
    let node = node_at(&source, &(location.range.start as usize..location.range.end as usize));
    let clause = node.filter(|node| node.kind() == "except_clause").ok_or_else(unreadable)?;
    let caught = caught(clause).ok_or_else(none)?;
    if matches!(caught.kind(), "tuple" | "parenthesized_expression") {
        return Err(Refusal("the `except` clause catches several exceptions".into()));
    }
    let root = roots().find(|root| diagnostic.message.contains(&format!("`{}`", root.error)));
    let root = root.ok_or_else(unreadable)?;
    if list.is_some() {
        let edits = vec![(location.file, as_tuple(&source, caught, &root)?)];
        let title = "Catch them in a tuple".to_owned();
        return fixer.checked(edits, Vec::new(), title, Applicability::Safe);
    }
    let answers = is_in_handler(fixer, location.file, clause);
    may_catch_more(clause, narrow.is_some(), answers)?;
    let what = source.text.get(caught.byte_range()).unwrap_or_default().to_owned();
    let (edits, how) = match narrow {
        Some(_) => (in_place(fixer, &source, caught, &root)?, "in place of"),
        None => (beside(fixer, &source, caught, &root)?, "beside"),
    };
    let title = format!("Catch `{}` {how} `{what}`", root.error);
    fixer.checked(vec![(location.file, edits)], Vec::new(), title, Applicability::Safe)
}

/// The brackets of a list as those of a tuple, where that catches whatever the library raises.
fn as_tuple(source: &Source, list: Node<'_>, root: &Root) -> Result<Vec<TextEdit>, Refusal> {
    let mut cursor = list.walk();
    let mut named = list.named_children(&mut cursor).filter_map(|one| source.text.get(one.byte_range()));
    let catches_all = named.any(|name| {
        let name = name.rsplit('.').next().unwrap_or(name);
        name == root.error || matches!(name, "InvalidTokenError" | "JWTError" | "Exception")
    });
    if list.kind() != "list" || !catches_all {
        return Err(Refusal("the list names only some of the library's exceptions".into()));
    }
    let (start, end) = (list.start_byte(), list.end_byte());
    // `(X)` is no tuple, and as good.
    Ok(vec![replacement(start..start + 1, "(".to_owned()), replacement(end - 1..end, ")".to_owned())])
}

/// What a clause catches.
fn caught(clause: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = clause.walk();
    let caught = clause.named_children(&mut cursor).find(|node| !matches!(node.kind(), "comment" | "block"))?;
    match caught.kind() {
        "as_pattern" => caught.named_child(0),
        _ => Some(caught),
    }
}

/// Whether a clause stands in the handler of a route, where what is returned is the answer.
fn is_in_handler(fixer: &Fixer<'_>, file: FileId, clause: Node<'_>) -> bool {
    let mut around = std::iter::successors(clause.parent(), Node::parent);
    let function = around.find(|node| node.kind() == "function_definition");
    let name = function.and_then(|function| function.child_by_field_name("name"));
    name.is_some_and(|name| {
        let range = TextRange { start: name.start_byte() as u32, end: name.end_byte() as u32 };
        fixer.places().anchors.contains_key(&Location { file, range })
    })
}

/// Whether every bad token may get into a clause. With what it returns callers may go on, whatever that says, unless
/// it `answers` them; where one of the library's exceptions led there before, `None` did so as well.
fn may_catch_more(clause: Node<'_>, of_library: bool, answers: bool) -> Result<(), Refusal> {
    let (mut pending, mut raises) = (vec![clause], false);
    while let Some(node) = pending.pop() {
        match node.kind() {
            "function_definition" | "lambda" => continue,
            "return_statement" if !answers => {
                let value = node.named_child(0).map(|value| value.kind());
                if !of_library || !matches!(value, None | Some("none" | "false")) {
                    let reason = "the `except` clause returns a value, with which a dependency lets every bad token pass: raise `HTTPException` there";
                    return Err(Refusal(reason.into()));
                }
            }
            "raise_statement" => raises = true,
            _ => {}
        }
        let mut cursor = node.walk();
        pending.extend(node.named_children(&mut cursor));
    }
    match of_library || raises || answers {
        true => Ok(()),
        false => Err(Refusal("the `except` clause turns nobody away".into())),
    }
}

/// The library's exception that all of its others are, in place of one of them.
fn in_place(
    fixer: &Fixer<'_>,
    source: &std::rc::Rc<Source>,
    caught: Node<'_>,
    root: &Root,
) -> Result<Vec<TextEdit>, Refusal> {
    match caught.child_by_field_name("attribute") {
        Some(name) => Ok(vec![replacement(name.byte_range(), root.error.to_owned())]),
        None => spelled(fixer, source, root, &|root| replacement(caught.byte_range(), root)),
    }
}

/// The same beside an exception of somebody else, which the `try` may raise by itself.
fn beside(
    fixer: &Fixer<'_>,
    source: &std::rc::Rc<Source>,
    caught: Node<'_>,
    root: &Root,
) -> Result<Vec<TextEdit>, Refusal> {
    let what = source.text.get(caught.byte_range()).unwrap_or_default();
    spelled(fixer, source, root, &|root| replacement(caught.byte_range(), format!("({what}, {root})")))
}

/// An edit that writes an exception as the module can name it, and the import that it takes.
fn spelled(
    fixer: &Fixer<'_>,
    source: &std::rc::Rc<Source>,
    root: &Root,
    write: &dyn Fn(String) -> TextEdit,
) -> Result<Vec<TextEdit>, Refusal> {
    let mut imports = Imports::new(fixer, source, None)?;
    let spelled = imports.of_package(root.modules, root.error)?;
    let mut edits = vec![write(spelled)];
    edits.extend(imports.edits());
    Ok(edits)
}
