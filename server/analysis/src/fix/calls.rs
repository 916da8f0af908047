//! Calls that take `dependencies=[…]`: registrations, routers, includes,
//! applications.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::imports::Imports;
use super::style::same;
use super::{Fixer, signature};
use crate::ide::{Location, NewFile, Refusal, TextEdit};
use crate::index::value::Value;
use crate::verdicts::Verifier;
use crate::vfs::FileId;

/// Methods of routers that register a route.
const REGISTERS: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "options",
    "trace",
    "api_route",
    "websocket",
    "add_api_route",
    "add_api_websocket_route",
    "APIRoute",
    "APIWebSocketRoute",
];

/// What is edited, and what the callee of an edited call may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Registration,
    Router,
    Include,
    Application,
}

impl Level {
    fn fits(self, callee: &str) -> bool {
        match self {
            Self::Registration => REGISTERS.contains(&callee),
            Self::Router => callee == "APIRouter",
            Self::Include => callee == "include_router",
            Self::Application => callee == "FastAPI",
        }
    }
}

/// The dependency that is to be asked for.
#[derive(Clone, Copy)]
pub(super) enum Guard<'v> {
    /// One that the project has.
    Existing(&'v Verifier),
    /// The one that a file, which is yet to be made, defines.
    New(&'v NewModule),
}

/// A module that a fix makes, with a verifying dependency in it.
pub(super) struct NewModule {
    pub(super) file: NewFile,
    /// Its name, as seen from the folder that imports begin at.
    pub(super) spellings: BTreeMap<FileId, String>,
    pub(super) name: &'static str,
}

impl Guard<'_> {
    /// Its name in a file, with the import that gives it.
    pub(super) fn local(self, imports: &mut Imports<'_, '_>) -> Result<String, Refusal> {
        match self {
            Self::Existing(verifier) => {
                imports.of_project(&verifier.name, verifier.file, &|value: &Value| same(value, &verifier.callable))
            }
            Self::New(module) => match module.spellings.get(&imports.file()) {
                Some(spelling) => imports.of_new_module(spelling, module.name),
                None => Err(Refusal("no import of the new module resolves from here".into())),
            },
        }
    }
}

/// How a file spells `Depends`.
pub(super) fn depends(imports: &mut Imports<'_, '_>) -> Result<String, Refusal> {
    imports.of_package(&["fastapi", "fastapi.param_functions", "fastapi.params"], "Depends")
}

/// Adds a guard to the `dependencies` of calls, each in the file where it stands.
pub(super) fn guard_calls(
    fixer: &Fixer<'_>,
    level: Level,
    calls: &[Location],
    guard: Guard<'_>,
) -> Result<Vec<(FileId, Vec<TextEdit>)>, Refusal> {
    let mut by_file: BTreeMap<FileId, Vec<Location>> = BTreeMap::new();
    for call in calls {
        by_file.entry(call.file).or_default().push(*call);
    }
    let mut all = Vec::new();
    for (file, mut calls) in by_file {
        calls.sort_unstable();
        let source = fixer.source(file)?;
        let nodes: Vec<Node<'_>> = calls
            .iter()
            .map(|call| {
                let root = source.root();
                let (start, end) = (call.range.start as usize, call.range.end as usize);
                let node = root.named_descendant_for_byte_range(start, end);
                node.filter(|node| callee(*node, &source.text).is_some_and(|name| level.fits(name)))
                    .ok_or_else(|| Refusal("this registration can't be edited".into()))
            })
            .collect::<Result<_, _>>()?;
        let at_import = nodes.iter().filter(|node| !runs_later(**node)).map(Node::start_byte).min();
        let mut imports = Imports::new(fixer, &source, at_import)?;
        let entry = format!("{}({})", depends(&mut imports)?, guard.local(&mut imports)?);
        let mut edits = Vec::new();
        for node in nodes {
            edits.extend(signature::add_to_dependencies(&source.text, &source.layout, node, &entry)?);
        }
        edits.extend(imports.edits());
        all.push((file, edits));
    }
    Ok(all)
}

/// The last part of a call's callee: `get` of `@router.get("/")`.
fn callee<'t>(node: Node<'_>, text: &'t str) -> Option<&'t str> {
    let function = node.child_by_field_name("function").filter(|_| node.kind() == "call")?;
    let name = function.child_by_field_name("attribute").unwrap_or(function);
    text.get(name.byte_range())
}

/// Whether code stands in a function, so that the whole module has been
/// executed when it runs.
pub(super) fn runs_later(node: Node<'_>) -> bool {
    let mut current = node;
    while let Some(parent) = current.parent() {
        if parent.kind() == "function_definition" && parent.child_by_field_name("body") == Some(current) {
            return true;
        }
        current = parent;
    }
    false
}
