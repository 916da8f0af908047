//! Names of other modules, imported as the file at hand imports others.

use tree_sitter::Node;

use super::{quote, semicolon, text_of};
use crate::fix::layout::replacement;
use crate::fix::{Fixer, Source};
use crate::frontend::modules::Resolved;
use crate::ide::{Refusal, TextEdit};
use crate::vfs::FileId;

/// A name as a file may use it, and what has to be imported for that.
pub(super) struct Spelled {
    pub(super) name: String,
    pub(super) edits: Vec<TextEdit>,
}

/// What a module exports under a name, spelled in a file.
pub(super) fn of_module(fixer: &Fixer<'_>, source: &Source, module: FileId, name: &str) -> Result<Spelled, Refusal> {
    let state = fixer.state;
    let facts = state.sources.file(source.file).and_then(|file| file.script.clone());
    let facts = facts.ok_or_else(super::unreadable)?;
    if module == source.file {
        return Ok(Spelled { name: name.to_owned(), edits: Vec::new() });
    }
    let is_module =
        |written: &str| state.frontend.resolve(&state.sources, source.file, written) == Resolved::File(module);
    let known = facts.imports.iter().find(|(_, (written, there))| there == name && is_module(written));
    if let Some((here, _)) = known {
        return Ok(Spelled { name: here.to_string(), edits: Vec::new() });
    }
    if is_declared(source, name) {
        return Err(Refusal(format!("`{name}` is the name of something else in this file")));
    }
    let statements = imports(source);
    for statement in &statements {
        let Some(written) = module_of(source, *statement) else { continue };
        if is_module(&written)
            && let Some(edit) = added_to(source, *statement, name)
        {
            return Ok(Spelled { name: name.to_owned(), edits: vec![edit] });
        }
    }
    let written = spelling(fixer, source, module).ok_or_else(|| Refusal("the module can't be imported here".into()))?;
    Ok(Spelled { name: name.to_owned(), edits: vec![new_import(source, &statements, name, &written)] })
}

/// What a module will export that is made beside another one.
pub(super) fn of_new_module(
    fixer: &Fixer<'_>,
    source: &Source,
    beside: FileId,
    module: &str,
    name: &str,
) -> Result<Spelled, Refusal> {
    if is_declared(source, name) {
        return Err(Refusal(format!("`{name}` is the name of something else in this file")));
    }
    let written = match beside == source.file {
        true => format!("./{module}"),
        false => {
            let beside = spelling(fixer, source, beside);
            let folder = beside.as_deref().and_then(|beside| beside.rsplit_once('/')).map(|(folder, _)| folder);
            format!("{}/{module}", folder.ok_or_else(|| Refusal("the module can't be imported here".into()))?)
        }
    };
    Ok(Spelled { name: name.to_owned(), edits: vec![new_import(source, &imports(source), name, &written)] })
}

/// What a package exports under a name, spelled in a file.
pub(super) fn of_package(source: &Source, package: &str, name: &str) -> Result<Spelled, Refusal> {
    let statements = imports(source);
    for statement in &statements {
        if module_of(source, *statement).as_deref() != Some(package) {
            continue;
        }
        let mut cursor = statement.walk();
        let mut open: Vec<Node<'_>> = statement.named_children(&mut cursor).collect();
        while let Some(node) = open.pop() {
            if node.kind() == "import_specifier" {
                let there = node.child_by_field_name("name").map(|there| text_of(source, there));
                let here = node.child_by_field_name("alias").map(|here| text_of(source, here));
                if there == Some(name) {
                    return Ok(Spelled { name: here.unwrap_or(name).to_owned(), edits: Vec::new() });
                }
            }
            let mut cursor = node.walk();
            open.extend(node.named_children(&mut cursor));
        }
        if is_declared(source, name) {
            break;
        }
        if let Some(edit) = added_to(source, *statement, name) {
            return Ok(Spelled { name: name.to_owned(), edits: vec![edit] });
        }
    }
    if is_declared(source, name) {
        return Err(Refusal(format!("`{name}` is the name of something else in this file")));
    }
    Ok(Spelled { name: name.to_owned(), edits: vec![new_import(source, &statements, name, package)] })
}

/// Whether a name stands for something in a file.
fn is_declared(source: &Source, name: &str) -> bool {
    let mut open = vec![source.root()];
    while let Some(node) = open.pop() {
        let is_name = matches!(node.kind(), "identifier" | "shorthand_property_identifier_pattern");
        let declares = node.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                "variable_declarator"
                    | "function_declaration"
                    | "class_declaration"
                    | "required_parameter"
                    | "optional_parameter"
                    | "object_pattern"
                    | "pair_pattern"
                    | "array_pattern"
                    | "import_specifier"
                    | "import_clause"
                    | "namespace_import"
            ) && parent.child_by_field_name("value").is_none_or(|value| value.id() != node.id())
        });
        if is_name && declares && text_of(source, node) == name {
            return true;
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    false
}

fn imports(source: &Source) -> Vec<Node<'_>> {
    let root = source.root();
    let mut cursor = root.walk();
    root.named_children(&mut cursor).filter(|node| node.kind() == "import_statement").collect()
}

fn module_of(source: &Source, statement: Node<'_>) -> Option<String> {
    let written = statement.child_by_field_name("source")?;
    Some(text_of(source, written).trim_matches(['"', '\'']).to_owned())
}

/// One more name in the braces of an import.
fn added_to(source: &Source, statement: Node<'_>, name: &str) -> Option<TextEdit> {
    let written = text_of(source, statement);
    if written.starts_with("import type") {
        return None;
    }
    let mut cursor = statement.walk();
    let clause = statement.named_children(&mut cursor).find(|child| child.kind() == "import_clause")?;
    let mut cursor = clause.walk();
    let named = clause.named_children(&mut cursor).find(|child| child.kind() == "named_imports")?;
    let mut cursor = named.walk();
    let last = named.named_children(&mut cursor).filter(|child| child.kind() == "import_specifier").last()?;
    Some(replacement(last.end_byte()..last.end_byte(), format!(", {name}")))
}

fn new_import(source: &Source, statements: &[Node<'_>], name: &str, module: &str) -> TextEdit {
    let (quote, end, ending) = (quote(&source.text), semicolon(source), source.layout.ending);
    let written = format!("import {{ {name} }} from {quote}{module}{quote}{end}");
    match statements.last() {
        Some(last) => replacement(last.end_byte()..last.end_byte(), format!("{ending}{written}")),
        None => {
            let at = after_directives(source);
            let before = if at == 0 { "" } else { ending };
            replacement(at..at, format!("{before}{written}{ending}"))
        }
    }
}

/// The end of the line of the last directive; the beginning without one.
fn after_directives(source: &Source) -> usize {
    let root = source.root();
    let mut cursor = root.walk();
    let mut at = 0;
    for node in root.named_children(&mut cursor) {
        let is_directive = node.kind() == "expression_statement"
            && node.named_child(0).is_some_and(|value| value.kind() == "string" && node.named_child_count() == 1);
        if is_directive {
            at = node.end_byte();
        } else if node.kind() != "comment" {
            break;
        }
    }
    let rest = &source.text[at..];
    if at == 0 { 0 } else { at + rest.find('\n').map_or(rest.len(), |end| end + 1) }
}

/// A module as a file would write it: as it writes others, by an alias or from
/// its own folder.
fn spelling(fixer: &Fixer<'_>, source: &Source, module: FileId) -> Option<String> {
    let state = fixer.state;
    let path = |file: FileId| state.sources.file(file).map(|source| source.path.to_string());
    let (own, target) = (path(source.file)?, path(module)?);
    let target = target.rsplit_once('.').map_or(target.as_str(), |(stem, _)| stem);
    let target = target.strip_suffix("/index").unwrap_or(target);
    let means = |written: &str| state.frontend.resolve(&state.sources, source.file, written) == Resolved::File(module);
    let uses_alias = imports(source).iter().filter_map(|one| module_of(source, *one)).any(|one| one.starts_with("@/"));
    let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
    let aliased = || {
        let mut above = folder;
        loop {
            for root in [above.to_owned(), format!("{above}/src")] {
                let rest = target.strip_prefix(&root).and_then(|rest| rest.strip_prefix('/'));
                let written = rest.map(|rest| format!("@/{rest}"));
                if let Some(written) = written.filter(|written| means(written)) {
                    return Some(written);
                }
            }
            above = above.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty())?;
        }
    };
    let relative = || {
        let (from, to): (Vec<&str>, Vec<&str>) = (folder.split('/').collect(), target.split('/').collect());
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = "../".repeat(from.len() - shared);
        let written = format!("{}{}", if up.is_empty() { "./" } else { &up }, to[shared..].join("/"));
        means(&written).then_some(written)
    };
    if uses_alias { aliased().or_else(relative) } else { relative().or_else(aliased) }
}
