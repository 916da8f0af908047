//! From tree-sitter's tree to [`super::tree`].
//!
//! A top-level statement whose bytes stood in the previous text is not walked
//! at all: its item is shared.

mod expressions;
mod patterns;
mod statements;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tree_sitter::{Node, Tree};

use super::file::{Item, ItemId, TypeScriptFile};
use super::tree::{Directive, Stmt, Written};
use crate::facts::comments::{Comment, find_comments};
use crate::syntax::typescript::{Fields, Kind, Names};
use crate::syntax::{self, Grammar};
use crate::text::TextRange;

/// Nesting of expressions and statements that is followed; deeper code is
/// left out. It bounds the stack of every later walk. Elements of JSX, chains
/// of calls and callbacks in them nest far deeper than Python does.
const MAX_NESTING: u32 = 150;

/// A module, lowered.
#[derive(Debug, Default)]
pub struct Lowered {
    /// The module.
    pub file: TypeScriptFile,
    /// Ranges that do not parse.
    pub errors: Vec<TextRange>,
    /// Comments that speak to authlens.
    pub comments: Vec<Comment>,
}

/// Lowers a parsed module. `previous` are items of an earlier text of the file;
/// they change nothing but the time it takes.
pub fn lower_file(text: &str, tree: &Tree, grammar: Grammar, previous: Option<&TypeScriptFile>) -> Lowered {
    let names = Names::of(grammar);
    let stmts = previous.map(TypeScriptFile::stmts).unwrap_or_default();
    let known = previous.iter().flat_map(|file| file.items.iter().zip(&*stmts));
    let known: FxHashMap<ItemId, (&Item, &Arc<Stmt>)> = known.map(|(item, stmt)| (item.id, (item, stmt))).collect();
    let root = tree.root_node();
    let mut errors = Vec::new();
    let mut placed = Vec::new();
    let mut seen: FxHashMap<u64, u64> = FxHashMap::default();
    let mut directive = None;
    let mut prologue = true;
    let mut cursor = root.walk();
    for node in root.children(&mut cursor) {
        if node.has_error() {
            errors.extend(syntax::errors(node));
        }
        let kind = names.kind(node.kind_id());
        if !node.is_named() || node.is_error() || kind == Kind::Comment {
            continue;
        }
        if prologue {
            match directive_of(text, names, node) {
                Some(found) => directive = directive.or(found),
                None => prologue = false,
            }
        }
        let (start, end) = (node.start_byte() as u32, node.end_byte() as u32);
        let bytes = TextRange::new(start, end).slice(text).as_bytes();
        let text_hash = hash(bytes) ^ u64::from(node.kind_id());
        let nth = seen.entry(text_hash).or_default();
        let id = ItemId(text_hash.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        *nth += 1;
        let broken = node.has_error();
        let (item, stmt) = match known.get(&id).filter(|(item, _)| !broken && !item.broken && item.len == end - start) {
            Some((item, stmt)) => ((*item).clone(), Arc::clone(stmt)),
            None => {
                let mut lower = Lower {
                    text,
                    base: start,
                    names,
                    nesting: 0,
                    functions: 0,
                    bodies: Vec::new(),
                    assigned: Vec::new(),
                    constructs: false,
                    writes: Vec::new(),
                    captured: Vec::new(),
                };
                let stmt = lower.stmt(node);
                let outline = outline_hash(bytes, &lower.bodies);
                lower.assigned.sort_unstable();
                lower.assigned.dedup();
                let assigned = lower.assigned.into_boxed_slice();
                (Item { id, outline, len: end - start, broken, assigned }, Arc::new(stmt))
            }
        };
        placed.push((start, item, stmt));
    }
    errors.sort_unstable();
    let comments = find_comments(text, root, |id| names.kind(id) == Kind::Comment);
    Lowered { file: TypeScriptFile::new(placed, directive), errors, comments }
}

/// The directive that a statement is; `None` if it is none, and `Some(None)`
/// for directives that say nothing here.
fn directive_of(text: &str, names: Names, stmt: Node<'_>) -> Option<Option<Directive>> {
    if names.kind(stmt.kind_id()) != Kind::ExpressionStatement {
        return None;
    }
    let literal = stmt.named_child(0).filter(|child| names.kind(child.kind_id()) == Kind::String)?;
    match text.get(literal.byte_range())?.trim_matches(['"', '\'']) {
        "use client" => Some(Some(Directive::Client)),
        "use server" => Some(Some(Directive::Server)),
        _ => Some(None),
    }
}

/// Hash of a statement's bytes without the bodies of its outermost functions.
fn outline_hash(bytes: &[u8], bodies: &[TextRange]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    let mut at = 0;
    for body in bodies {
        hasher.write(bytes.get(at..body.start as usize).unwrap_or_default());
        at = body.end as usize;
    }
    hasher.write(bytes.get(at..).unwrap_or_default());
    hasher.finish()
}

fn hash(bytes: &[u8]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// The walk over one item.
struct Lower<'t> {
    text: &'t str,
    /// Offset of the item, from which its ranges count.
    base: u32,
    names: Names,
    nesting: u32,
    /// Bodies of the outermost functions, in order.
    bodies: Vec<TextRange>,
    /// How many functions are around.
    functions: u32,
    /// What functions assign to.
    assigned: Vec<SmolStr>,
    /// Whether the function around is a constructor: what it assigns to `this`, the
    /// object has from the beginning.
    constructs: bool,
    /// What the function around assigns to itself.
    writes: Vec<Written>,
    /// What functions in it assign to.
    captured: Vec<Written>,
}

impl<'t> Lower<'t> {
    fn kind(&self, node: Node<'_>) -> Kind {
        self.names.kind(node.kind_id())
    }

    fn fields(&self) -> &'static Fields {
        self.names.fields
    }

    fn range(&self, node: Node<'_>) -> TextRange {
        let relative = |byte: usize| (byte as u32).saturating_sub(self.base);
        TextRange::new(relative(node.start_byte()), relative(node.end_byte()))
    }

    fn source(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn name(&self, node: Node<'_>) -> SmolStr {
        SmolStr::new(self.source(node))
    }

    /// Named children of a node, comments left out.
    fn named<'n>(&self, node: Node<'n>) -> Vec<Node<'n>> {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).filter(|child| self.kind(*child) != Kind::Comment).collect()
    }

    /// Whether a token stands among the children of a node.
    fn has_token(node: Node<'_>, token: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|child| !child.is_named() && child.kind() == token)
    }

    /// Runs `inner` one level deeper, or gives `None` beyond the bound.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.nesting >= MAX_NESTING {
            return None;
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        Some(result)
    }
}

/// The first child in a field.
fn field(node: Node<'_>, field: Option<std::num::NonZeroU16>) -> Option<Node<'_>> {
    node.child_by_field_id(field?.get())
}
