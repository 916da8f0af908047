//! The plugin that issues JWTs, and the one of the client that asks for them.

use tree_sitter::Node;

use super::imports::of_package;
use super::{marked, text_of, unreadable};
use crate::fix::layout::{indentation, replacement};
use crate::fix::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::vfs::FileId;

/// Where plugins are imported from.
const PLUGINS: &str = "better-auth/plugins";
/// Where those of the client are.
const CLIENT_PLUGINS: &str = "better-auth/client/plugins";

/// The fix of a configuration that issues no JWT.
pub(super) fn jwt(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let node = marked(&source, diagnostic)?;
    let call = std::iter::successors(Some(node), Node::parent)
        .find(|node| node.kind() == "call_expression")
        .ok_or_else(unreadable)?;
    let mut edits = vec![(file, with_plugin(&source, call, PLUGINS, "jwt")?)];
    // Of several clients it is not known which one asks.
    if let [client] = clients(fixer, file).as_slice()
        && let Ok(source) = fixer.source(*client)
        && let Some(call) = call_of(&source, "createAuthClient")
        && let Ok(own) = with_plugin(&source, call, CLIENT_PLUGINS, "jwtClient")
    {
        match edits.iter_mut().find(|(file, _)| file == client) {
            Some((_, edits)) => edits.extend(own),
            None => edits.push((*client, own)),
        }
    }
    let title = "Add `jwt()` to Better Auth, whose database needs its table (`npx @better-auth/cli migrate`)";
    fixer.checked_script(edits, title.to_owned(), Applicability::Unsafe)
}

/// Modules that make a client of Better Auth, in the folders that share most with a file's.
fn clients(fixer: &Fixer<'_>, file: FileId) -> Vec<FileId> {
    let state = fixer.state;
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    let shared = |other: FileId| path(file).split('/').zip(path(other).split('/')).take_while(|(a, b)| a == b).count();
    let makes = |file: FileId| {
        let script = state.sources.file(file).and_then(|source| source.script.as_ref());
        script.is_some_and(|script| {
            script
                .imports
                .values()
                .any(|(module, name)| module.starts_with("better-auth/") && name == "createAuthClient")
        })
    };
    let all: Vec<FileId> = state.sources.iter().map(|(file, _)| file).filter(|file| makes(*file)).collect();
    let most = all.iter().map(|file| shared(*file)).max().unwrap_or(0);
    all.into_iter().filter(|file| shared(*file) == most).collect()
}

/// The only call of a function in a module.
fn call_of<'t>(source: &'t Source, name: &str) -> Option<Node<'t>> {
    let (mut found, mut open) = (Vec::new(), vec![source.root()]);
    while let Some(node) = open.pop() {
        let callee = node.child_by_field_name("function").map(|callee| text_of(source, callee));
        if node.kind() == "call_expression" && callee == Some(name) {
            found.push(node);
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Puts a plugin first: one that sets cookies has to be the last.
fn with_plugin(source: &Source, call: Node<'_>, package: &str, name: &str) -> Result<Vec<TextEdit>, Refusal> {
    let spelled = of_package(source, package, name)?;
    let made = format!("{}()", spelled.name);
    let mut edits = spelled.edits;
    let list = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let elsewhere = || Refusal("the options are made elsewhere".into());
    let options = match list.named_child(0) {
        Some(options) if options.kind() == "object" => options,
        Some(_) => return Err(elsewhere()),
        None => {
            edits.push(replacement(list.byte_range(), format!("({{ plugins: [{made}] }})")));
            return Ok(edits);
        }
    };
    let mut cursor = options.walk();
    let properties: Vec<Node<'_>> =
        options.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let plugins = properties.iter().find(|property| {
        property
            .child_by_field_name("key")
            .is_some_and(|key| text_of(source, key).trim_matches(['"', '\'']) == "plugins")
    });
    if let Some(property) = plugins {
        let value = property.child_by_field_name("value").filter(|value| value.kind() == "array");
        let value = value.ok_or_else(elsewhere)?;
        edits.push(match value.named_child(0) {
            Some(first) => {
                let is_lined = text_of(source, value).contains('\n');
                let between = match is_lined {
                    true => format!("{}{}", source.layout.ending, indentation(&source.text, first.start_byte())),
                    false => " ".to_owned(),
                };
                replacement(first.start_byte()..first.start_byte(), format!("{made},{between}"))
            }
            None => replacement(value.byte_range(), format!("[{made}]")),
        });
        return Ok(edits);
    }
    if properties
        .iter()
        .any(|property| property.kind() == "shorthand_property_identifier" && text_of(source, *property) == "plugins")
    {
        return Err(elsewhere());
    }
    match properties.last() {
        Some(last) => {
            let is_lined = text_of(source, options).contains('\n');
            let between = match is_lined {
                true => format!(",{}{}", source.layout.ending, indentation(&source.text, last.start_byte())),
                false => ", ".to_owned(),
            };
            edits.push(replacement(last.end_byte()..last.end_byte(), format!("{between}plugins: [{made}]")));
        }
        None => edits.push(replacement(options.byte_range(), format!("{{ plugins: [{made}] }}"))),
    }
    Ok(edits)
}
