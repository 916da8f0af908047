//! From tree-sitter's tree to [`super::tree`].
//!
//! One walk over the top-level statements. A statement whose bytes stood in
//! the previous text is not walked at all: its item is shared. That makes the
//! cost of a keystroke that of the statement it is in.

mod classes;
mod expressions;
mod statements;

use std::sync::Arc;

use memchr::memmem;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tree_sitter::{Node, Tree};

use super::body::BodySource;

use super::item::{ItemSource, ItemStmt, LoweredStmt};
use super::room::Rooms;
use super::tree::{Item, PlacedItem, Stmt, StmtKind};
use crate::facts::comments::{Comment, CommentKind, find_comments};
use crate::syntax::mending::read;
use crate::syntax::python::{Kind, fields, kind};
use crate::syntax::{Grammar, errors};
use crate::text::{KeptText, LineIndex, TextRange};

/// Nesting of expressions and blocks that is followed; deeper code becomes
/// `Unknown`. It bounds the stack of every later walk over the tree. The
/// deepest real code seen nests 41 levels.
const MAX_NESTING: u32 = 90;

/// Bytes of a statement from which on it takes less room to keep its source.
const WORTH_FORGETTING: u32 = 128;

/// A file, lowered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lowered {
    /// Top-level statements in order.
    pub items: Vec<PlacedItem>,
    /// Ranges that do not parse.
    pub errors: Vec<TextRange>,
    /// Comments that speak to authlens.
    pub comments: Vec<Comment>,
}

/// Lowers a parsed file. `previous` is an earlier text of the file with its
/// items; it changes nothing but the time it takes.
pub fn lower_file(text: &str, tree: &Tree, previous: Option<(&str, &[PlacedItem])>) -> Lowered {
    lower(text, tree, previous, None)
}

/// Lowers a parsed file that no editor has open: definitions and bodies of
/// functions are left for later, and share `kept`, its text, until then.
pub fn lower_closed_file(text: &str, kept: &KeptText, tree: &Tree) -> Lowered {
    lower(text, tree, None, Some(kept))
}

fn lower(text: &str, tree: &Tree, previous: Option<(&str, &[PlacedItem])>, shared: Option<&KeptText>) -> Lowered {
    let root = tree.root_node();
    let reusable = previous.map(reusable_items).unwrap_or_default();
    let comments = find_comments(text, root, |id| kind(id) == Kind::Comment);
    let mut lowered = Lowered { comments, ..Lowered::default() };
    let mut cursor = root.walk();
    for node in root.children(&mut cursor) {
        if node.has_error() {
            lowered.errors.extend(errors(node));
        }
        if !node.is_named() || node.is_error() || kind(node.kind_id()) == Kind::Comment {
            continue;
        }
        let indented = node.start_position().column != 0 && !is_byte_order_mark(&text[..node.start_byte()]);
        if indented && starts_line(text, node.start_byte()) {
            lowered.errors.push(TextRange::new(node.start_byte() as u32, node.end_byte() as u32));
        }
        let mut placed = lower_item(text, node, &reusable, shared, &mut lowered.errors);
        placed.broken |= root.has_error() && !stands_alone(text, node);
        lowered.items.push(placed);
    }
    lowered.errors.sort_unstable();
    attach_public_comments(text, &mut lowered);
    lowered
}

/// Tells each item where it is declared to be open on purpose.
fn attach_public_comments(text: &str, lowered: &mut Lowered) {
    let mut lines = None;
    for comment in &lowered.comments {
        let CommentKind::Public { reason } = &comment.kind else { continue };
        let lines = lines.get_or_insert_with(|| LineIndex::new(text));
        let (first, last) = comment.covered_lines(text, lines);
        let (from, to) = (lines.line_range(first, text).start, lines.line_range(last, text).end);
        let behind = lowered.items.partition_point(|placed| placed.start + placed.item.len < from);
        for placed in lowered.items[behind..].iter_mut().take_while(|placed| placed.start <= to) {
            let relative = |offset: u32| offset.clamp(placed.start, placed.start + placed.item.len) - placed.start;
            let covered = TextRange::new(relative(from), relative(to));
            placed.public.push((placed.item.stmt.rooms().places(covered), reason.clone()));
        }
    }
}

type Reusable<'a> = FxHashMap<u64, (&'a str, &'a Arc<Item>)>;

fn reusable_items<'a>((text, items): (&'a str, &'a [PlacedItem])) -> Reusable<'a> {
    let clean = items.iter().filter(|placed| !placed.broken);
    clean
        .filter_map(|placed| {
            let range = TextRange::new(placed.start, placed.start + placed.item.len);
            let bytes = text.get(range.start as usize..range.end as usize)?;
            Some((placed.item.text_hash, (bytes, &placed.item)))
        })
        .collect()
}

fn lower_item(
    text: &str,
    node: Node<'_>,
    reusable: &Reusable<'_>,
    shared: Option<&KeptText>,
    errors: &mut Vec<TextRange>,
) -> PlacedItem {
    let (start, end) = (node.start_byte() as u32, node.end_byte() as u32);
    let own = TextRange::new(start, end).slice(text);
    // In broken code the same bytes can be another kind of node.
    let text_hash = hash(own.as_bytes()) ^ u64::from(node.kind_id());
    let mut broken = node.has_error();
    if !broken
        && let Some((old, item)) = reusable.get(&text_hash)
        && *old == own
    {
        return PlacedItem { start, broken, item: Arc::clone(item), public: Vec::new() };
    }
    let shared = shared.filter(|_| !broken);
    let mut lower = Lower { base: start, shared, ..Lower::over(text) };
    let stmt = match shared.and_then(|kept| lower.definition_for_later(node, kept)) {
        Some(source) => ItemStmt::later(source),
        None => {
            let stmt = lower.item(node);
            let is_import = matches!(stmt.stmt.kind, StmtKind::Import(_) | StmtKind::ImportFrom(_));
            // Who looks for imports looks at all of them.
            let lasts = is_import || end - start < WORTH_FORGETTING || !lower.misplaced.is_empty();
            match shared.filter(|_| !lasts) {
                Some(text) => {
                    let range = TextRange::new(start, end);
                    ItemStmt::for_now(stmt, ItemSource { name: None, bases: Box::default(), text: text.clone(), range })
                }
                None => ItemStmt::new(stmt),
            }
        }
    };
    broken |= !lower.misplaced.is_empty();
    errors.append(&mut lower.misplaced);
    let item = Arc::new(Item { len: end - start, text_hash, stmt, keeps: kept_on_state(own) });
    PlacedItem { start, broken, item, public: Vec::new() }
}

/// The names in `….state.name = …`, by the text: definitions are not lowered before somebody looks at them.
fn kept_on_state(text: &str) -> Box<[SmolStr]> {
    const STATE: &str = ".state.";
    let mut names: Vec<SmolStr> = Vec::new();
    for at in memmem::find_iter(text.as_bytes(), STATE) {
        let rest = &text[at + STATE.len()..];
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let is_set =
            behind.trim_start_matches([' ', '\t']).strip_prefix('=').is_some_and(|value| !value.starts_with('='));
        if is_set && !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    names.into()
}

/// Hash of some source bytes. Users that act on equality compare the bytes too.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// The walk over one item.
struct Lower<'t> {
    text: &'t str,
    /// Where the text begins in the whole text.
    offset: u32,
    /// Offset of the item, from which its ranges count, less the room that was left since. It wraps where the text
    /// begins inside of the item.
    base: u32,
    /// The room that was left behind methods.
    rooms: Rooms,
    /// The whole text, if bodies of functions are left for later.
    shared: Option<&'t KeptText>,
    nesting: u32,
    /// Statements that stand at another column than their block: Python refuses
    /// them, the grammar does not, and what it makes of them is not reliable.
    misplaced: Vec<TextRange>,
}

impl<'t> Lower<'t> {
    /// The walk over a text that is an item, with nothing left for later.
    fn over(text: &'t str) -> Self {
        Self { text, offset: 0, base: 0, rooms: Rooms::default(), shared: None, nesting: 0, misplaced: Vec::new() }
    }

    fn range(&self, node: Node<'_>) -> TextRange {
        let relative = |byte: usize| (byte as u32).wrapping_sub(self.base);
        TextRange::new(relative(node.start_byte()), relative(node.end_byte()))
    }

    fn source(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn name(&self, node: Node<'_>) -> SmolStr {
        SmolStr::new(self.source(node))
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

/// Lowers a body that was left for later. The function is parsed by itself: what
/// decides about its blocks is how they are indented against each other.
pub(super) fn lower_body(source: &BodySource) -> Box<[Stmt]> {
    let text = source.text.text();
    let text = source.function.slice(&text);
    let reading = read(Grammar::Python, text, None);
    let function = reading.as_ref().and_then(|reading| reading.tree.root_node().named_child(0));
    let Some(block) = function.and_then(|function| field(function, fields().body)) else { return Box::default() };
    let base = source.item.wrapping_sub(source.function.start);
    let mut lower = Lower { offset: source.function.start, base, nesting: source.nesting, ..Lower::over(text) };
    let mut body = lower.block(block);
    statements::take_docstring(&mut body);
    body.into_boxed_slice()
}

/// Lowers a definition that was left for later. Its functions' bodies still are.
pub(super) fn lower_stmt(source: &ItemSource) -> LoweredStmt {
    let text = source.text.text();
    let text = source.range.slice(&text);
    let reading = read(Grammar::Python, text, None);
    let (offset, shared) = (source.range.start, Some(&source.text));
    let mut lower = Lower { offset, shared, ..Lower::over(text) };
    match reading.as_ref().and_then(|reading| reading.tree.root_node().named_child(0)) {
        Some(definition) => lower.item(definition),
        None => LoweredStmt {
            stmt: Stmt { range: TextRange::new(0, text.len() as u32), kind: StmtKind::Unknown },
            rooms: Rooms::default(),
        },
    }
}

/// What may stand before a file's first statement without indenting it.
fn is_byte_order_mark(before: &str) -> bool {
    before == "\u{feff}"
}

/// Whether only white space stands before an offset on its line.
fn starts_line(text: &str, offset: usize) -> bool {
    let before = &text[..offset];
    let line = before.rfind(['\n', '\r']).map_or(before, |at| &before[at + 1..]);
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')) || line == "\u{feff}"
}

/// Whether nothing else stands on the lines of a statement, but what `;` parts from it: what stands beside broken code may
/// be the half of something.
fn stands_alone(text: &str, node: Node<'_>) -> bool {
    let is_blank = |part: &str| part.trim_matches([' ', '\t', '\x0c', '\u{feff}']).is_empty();
    let (before, after) = (&text[..node.start_byte()], &text[node.end_byte()..]);
    let before = before.rfind(['\n', '\r']).map_or(before, |at| &before[at + 1..]);
    let after = after.find(['\n', '\r']).map_or(after, |at| &after[..at]);
    let after = after.trim_start_matches([' ', '\t', '\x0c']);
    (is_blank(before) || before.trim_end().ends_with(';')) && (is_blank(after) || after.starts_with([';', '#']))
}

/// Named children of a node, comments left out.
fn named_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| kind(child.kind_id()) != Kind::Comment).collect()
}

/// Children in one field of a node.
fn field_children(node: Node<'_>, field: Option<std::num::NonZeroU16>) -> Vec<Node<'_>> {
    let Some(field) = field else { return Vec::new() };
    let mut cursor = node.walk();
    node.children_by_field_id(field, &mut cursor).filter(Node::is_named).collect()
}

/// The first child in a field.
fn field(node: Node<'_>, field: Option<std::num::NonZeroU16>) -> Option<Node<'_>> {
    node.child_by_field_id(field?.get())
}
