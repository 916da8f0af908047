//! Tokens that the project signs itself, as a module has to verify them.

use std::collections::BTreeMap;

use smol_str::SmolStr;
use tree_sitter::Node;

use crate::auth::tokens::{Encode, Library};
use crate::facts::python::tree::StmtKind;
use crate::fix::imports::Imports;
use crate::fix::verifier::{argument, unreadable};
use crate::fix::{Fixer, Served, Source};
use crate::ide::Refusal;
use crate::index::modules::Module;
use crate::verdicts::source_root;
use crate::vfs::FileId;

/// How the project signs its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    /// Import statements that the key and the algorithm need.
    pub imports: String,
    /// The key, as an expression.
    pub key: String,
    /// The algorithm, as an expression.
    pub algorithm: String,
    /// Claims that all of the tokens have, of those that a verification can demand.
    pub required: Vec<&'static str>,
    /// The claim that tells these tokens from others with the same key, and what it says.
    pub mark: Option<(SmolStr, SmolStr)>,
    /// Whether python-jose signs them, not PyJWT.
    pub jose: bool,
}

/// How the tokens of an application are signed in its own code: nothing where
/// none are, and a refusal where that can't be repeated in a new module at `path`.
pub(super) fn tokens(fixer: &Fixer<'_>, open: &[Served<'_>], path: &str) -> Result<Option<Own>, Refusal> {
    let state = fixer.state;
    let Some(first) = open.first() else { return Ok(None) };
    let root = source_root(state, first.application);
    let in_reach =
        |file: FileId| state.sources.file(file).is_some_and(|file| file.path.starts_with(&root) && !file.test);
    let items = state.tokens.items().filter(|(file, _)| in_reach(*file));
    let all: Vec<&Encode> = items.flat_map(|(_, tokens)| &tokens.encodes).collect();
    // Of several kinds, the one that is meant for requests.
    let is_access = |encode: &&&Encode| encode.marks.iter().any(|(_, says)| says.contains("access"));
    let Some(encode) = all.iter().find(is_access).or_else(|| all.iter().find(|encode| encode.marks.is_empty())) else {
        return Ok(None);
    };
    let signed = signed(fixer, encode)?;
    for other in &all {
        if self::signed(fixer, other).is_ok_and(|other| other.key.text != signed.key.text) {
            return Err(Refusal("the project signs its tokens with several keys".into()));
        }
    }
    if encode.claims.iter().any(|claim| claim == "aud") {
        return Err(Refusal("the tokens of the project name an audience, which is not known here".into()));
    }
    let home = encode.site.file;
    for one in open {
        let file = one.route.registration.file;
        if file == home || Imports::new(fixer, &fixer.source(file)?, None)?.imports_transitively(home) {
            let reason = "the key of the project's tokens is defined in a module that needs the open routes itself";
            return Err(Refusal(reason.into()));
        }
    }
    let mut roots: Vec<&str> = Vec::new();
    roots.extend([signed.key.root.as_deref(), signed.algorithm.root.as_deref()].into_iter().flatten());
    roots.dedup();
    let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for root in roots {
        let (module, name) = import_of(fixer, home, root, path)?;
        imports.entry(module).or_default().push(name);
    }
    imports.values_mut().for_each(|names| names.sort_unstable());
    let imports = imports.iter().map(|(module, names)| format!("from {module} import {}", names.join(", ")));
    let required = ["exp", "sub"].into_iter().filter(|claim| encode.claims.iter().any(|known| known == claim));
    Ok(Some(Own {
        imports: imports.collect::<Vec<_>>().join("\n"),
        key: signed.key.text,
        algorithm: signed.algorithm.text,
        required: required.collect(),
        mark: encode.marks.first().cloned(),
        jose: encode.library == Library::Jose,
    }))
}

/// An expression that means the same in another module, once a name is imported.
struct Portable {
    text: String,
    /// The name that it begins with; none for a text.
    root: Option<String>,
}

struct Signed {
    key: Portable,
    algorithm: Portable,
}

fn signed(fixer: &Fixer<'_>, encode: &Encode) -> Result<Signed, Refusal> {
    if !matches!(encode.library, Library::PyJwt | Library::Jose) {
        return Err(Refusal("the project signs its tokens with another library than PyJWT or python-jose".into()));
    }
    let source = fixer.source(encode.site.file)?;
    let at = fixer.state.sources.locate(encode.site).range;
    let node = source.root().named_descendant_for_byte_range(at.start as usize, at.end as usize);
    let call = node.filter(|node| node.kind() == "call").ok_or_else(unreadable)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let key = argument(&source.text, arguments, "key", Some(1)).ok_or_else(unreadable)?;
    let algorithm = match argument(&source.text, arguments, "algorithm", Some(2)) {
        Some(algorithm) => portable(&source, call, algorithm)?,
        // What both libraries sign with by default.
        None => Portable { text: "\"HS256\"".into(), root: None },
    };
    let key = portable(&source, call, key)?;
    if key.root.is_none() {
        return Err(Refusal("the key of the project's tokens is a text in its code".into()));
    }
    Ok(Signed { key, algorithm })
}

/// An expression of a call, if it is a text, or a name of the module with attributes.
fn portable(source: &Source, call: Node<'_>, expression: Node<'_>) -> Result<Portable, Refusal> {
    let read = |node: Node<'_>| source.text.get(node.byte_range()).unwrap_or_default().to_owned();
    let text = read(expression);
    let mut node = expression;
    loop {
        node = match node.kind() {
            "string" if node.id() == expression.id() => return Ok(Portable { text, root: None }),
            "identifier" => break,
            "attribute" => node.child_by_field_name("object").ok_or_else(unreadable)?,
            // `settings.SECRET_KEY.get_secret_value()`
            "call" if node.child_by_field_name("arguments").is_some_and(|given| given.named_child_count() == 0) => node
                .child_by_field_name("function")
                .filter(|called| called.kind() == "attribute")
                .ok_or_else(unreadable)?,
            _ => return Err(Refusal("the key of the project's tokens is put together where they are signed".into())),
        };
    }
    let root = read(node);
    let function = std::iter::successors(call.parent(), Node::parent).find(|node| node.kind() == "function_definition");
    if function.is_some_and(|function| binds(source, function, &root)) {
        return Err(Refusal(
            "the key of the project's tokens is known only inside the function that signs them".into(),
        ));
    }
    Ok(Portable { text, root: Some(root) })
}

/// Whether a function has a parameter or a variable of this name.
fn binds(source: &Source, function: Node<'_>, name: &str) -> bool {
    let is_name = |node: Node<'_>| node.kind() == "identifier" && source.text.get(node.byte_range()) == Some(name);
    let parameters = function.child_by_field_name("parameters");
    let mut pending: Vec<Node<'_>> = parameters.into_iter().chain(function.child_by_field_name("body")).collect();
    while let Some(node) = pending.pop() {
        let bound = match node.kind() {
            "parameters" => node.named_children(&mut node.walk()).any(|parameter| {
                let declared = parameter.child_by_field_name("name").or_else(|| parameter.named_child(0));
                is_name(parameter) || declared.is_some_and(is_name)
            }),
            "assignment" => node.child_by_field_name("left").is_some_and(is_name),
            _ => false,
        };
        if bound {
            return true;
        }
        pending.extend(node.named_children(&mut node.walk()));
    }
    false
}

/// The module and the clause of the `from` import that makes a name of the
/// module `home` known in a new module at `path`.
fn import_of(fixer: &Fixer<'_>, home: FileId, name: &str, path: &str) -> Result<(String, String), Refusal> {
    let facts = fixer.state.sources.facts(home).ok_or_else(unreadable)?;
    let source = fixer.source(home)?;
    let imports = Imports::new(fixer, &source, None)?;
    // Where the module itself has it from, if that is a file.
    let from = facts.items.iter().find_map(|item| match &item.placed.item.stmt.kind {
        StmtKind::ImportFrom(import) => {
            let imported = import.names.iter().find(|imported| imported.bound() == name)?;
            match imports.resolve(import.level, &import.module) {
                Module::File(origin) => Some((origin, imported)),
                _ => None,
            }
        }
        _ => None,
    });
    if let Some((origin, imported)) = from {
        let module = imports.spelling_from_new(path, origin).ok_or_else(unreadable)?;
        let alias = if imported.name == name { String::new() } else { format!(" as {name}") };
        return Ok((module, format!("{}{alias}", imported.name)));
    }
    if !imports.binds(name) {
        return Err(unreadable());
    }
    let module = imports.spelling_from_new(path, home).ok_or_else(unreadable)?;
    Ok((module, name.to_owned()))
}
