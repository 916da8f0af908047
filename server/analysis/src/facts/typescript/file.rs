//! A module of TypeScript or JavaScript: its items, imports and exports.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::packed::Packed;
use super::tree::{Directive, ExprKind, Pattern, Stmt, StmtKind};
use crate::text::TextRange;

/// The identity of a top-level statement: what it says, and which of several
/// that say the same it is. It stays while the statement's bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub u64);

/// A top-level statement, but for what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which one it is.
    pub id: ItemId,
    /// Hash of its bytes without the bodies of its functions.
    pub outline: u64,
    /// Length in bytes.
    pub len: u32,
    /// Whether it holds what does not parse: nothing is reported in it.
    pub broken: bool,
    /// Variables and properties that its functions assign to.
    pub assigned: Box<[SmolStr]>,
}

/// The lowered top-level statements of a module.
pub type Stmts = Arc<[Arc<Stmt>]>;

/// What the statements of a module do.
#[derive(Debug, Clone)]
enum Code {
    Lowered(Stmts),
    /// Of a module that no editor has open.
    Packed(Arc<Packed>),
}

impl Default for Code {
    fn default() -> Self {
        Self::Lowered(Stmts::default())
    }
}

/// Where a name that a module exports comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// Declared in the module under this name.
    Local(SmolStr),
    /// The value of `export default`, at this item.
    Default(usize),
    /// Another module's export.
    From(SmolStr, SmolStr),
}

/// A module.
#[derive(Debug, Default)]
pub struct TypeScriptFile {
    /// Top-level statements in order.
    pub items: Box<[Item]>,
    code: Code,
    /// What the whole file declares itself to be.
    pub directive: Option<Directive>,
    /// What it exports, by name.
    pub exports: FxHashMap<SmolStr, Export>,
    /// Modules all of whose exports it exports.
    pub exports_all: Vec<SmolStr>,
    /// What it imports: module and name there, by the name here.
    pub imports: FxHashMap<SmolStr, (SmolStr, SmolStr)>,
    /// Hash of all that other modules can see of it without calling its functions.
    pub outline: u64,
    /// Variables and properties that functions assign to, sorted: what they hold when
    /// other code runs is not known.
    assigned: Box<[SmolStr]>,
    /// Where items stand, in their order; none that are not in the text.
    starts: Box<[Option<u32>]>,
    /// Which of the items they are, sorted by their identities.
    index: Box<[(ItemId, u32)]>,
}

impl TypeScriptFile {
    /// A module of items with their offsets and statements.
    pub fn new(placed: Vec<(u32, Item, Arc<Stmt>)>, directive: Option<Directive>) -> Self {
        use std::hash::{Hash, Hasher};
        let mut file = Self { directive, ..Self::default() };
        let mut outline = rustc_hash::FxHasher::default();
        directive.hash(&mut outline);
        let mut assigned: Vec<SmolStr> = Vec::new();
        for (at, (_, item, stmt)) in placed.iter().enumerate() {
            item.outline.hash(&mut outline);
            item.assigned.hash(&mut outline);
            assigned.extend(item.assigned.iter().cloned());
            file.note(at, stmt);
        }
        assigned.sort_unstable();
        assigned.dedup();
        file.assigned = assigned.into();
        file.outline = outline.finish();
        file.starts = placed.iter().map(|(start, ..)| Some(*start)).collect();
        file.code = Code::Lowered(placed.iter().map(|(.., stmt)| Arc::clone(stmt)).collect());
        file.items = placed.into_iter().map(|(_, item, _)| item).collect();
        let mut index: Vec<_> = file.items.iter().enumerate().map(|(at, item)| (item.id, at as u32)).collect();
        index.sort_unstable();
        file.index = index.into();
        file.exports.shrink_to_fit();
        file.exports_all.shrink_to_fit();
        file.imports.shrink_to_fit();
        file
    }

    /// The same module, which takes a small part of the room.
    #[must_use]
    pub fn packed(mut self) -> Self {
        if let Code::Lowered(stmts) = &self.code {
            self.code = Code::Packed(Arc::new(Packed::new(stmts)));
        }
        self
    }

    /// What its items do, in their order. Of a packed module the statements are made
    /// for who asks, and are others each time.
    pub fn stmts(&self) -> Stmts {
        match &self.code {
            Code::Lowered(stmts) => Arc::clone(stmts),
            Code::Packed(packed) => packed.stmts(),
        }
    }

    /// How much it takes to unpack it; nothing if it is not packed.
    pub fn packed_size(&self) -> usize {
        match &self.code {
            Code::Lowered(_) => 0,
            Code::Packed(packed) => packed.size(),
        }
    }

    /// The same items, where they stand in another text: those that do not
    /// stand in it have no place.
    pub fn placed_as(&self, other: &Self) -> Self {
        Self {
            items: self.items.clone(),
            code: self.code.clone(),
            directive: self.directive,
            exports: self.exports.clone(),
            exports_all: self.exports_all.clone(),
            imports: self.imports.clone(),
            outline: self.outline,
            assigned: self.assigned.clone(),
            starts: self.items.iter().map(|item| other.start(item.id)).collect(),
            index: self.index.clone(),
        }
    }

    /// Which of the items it is.
    pub fn index(&self, item: ItemId) -> Option<usize> {
        let at = self.index.binary_search_by_key(&item, |(id, _)| *id).ok()?;
        self.index.get(at).map(|(_, at)| *at as usize)
    }

    fn start(&self, item: ItemId) -> Option<u32> {
        *self.starts.get(self.index(item)?)?
    }

    /// The range in the file of a range in an item; none if the item is gone.
    pub fn absolute(&self, item: ItemId, range: TextRange) -> Option<TextRange> {
        Some(range.shifted(self.start(item)?))
    }

    /// Items that have no place in the text: it does not parse there.
    pub fn unplaced(&self) -> impl Iterator<Item = ItemId> {
        self.items.iter().zip(&self.starts).filter(|(_, start)| start.is_none()).map(|(item, _)| item.id)
    }

    /// Whether functions assign to a variable or property of that name.
    pub fn assigns(&self, name: &str) -> bool {
        self.assigned.binary_search_by(|assigned| assigned.as_str().cmp(name)).is_ok()
    }

    fn note(&mut self, at: usize, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Import(import) => {
                for (there, here) in &import.names {
                    self.imports.insert(here.clone(), (import.module.clone(), there.clone()));
                }
            }
            StmtKind::Export(declared) => {
                let mut export = |name: &SmolStr| {
                    self.exports.insert(name.clone(), Export::Local(name.clone()));
                };
                declared_names(declared, &mut export);
            }
            StmtKind::ExportDefault(value) => {
                let export = match &value.kind {
                    ExprKind::Name(name) => Export::Local(name.clone()),
                    _ => Export::Default(at),
                };
                self.exports.insert(SmolStr::new_static("default"), export);
            }
            StmtKind::ExportNames(names) => {
                for (there, here) in &names.names {
                    match &names.module {
                        Some(module) if here == "*" => self.exports_all.push(module.clone()),
                        Some(module) => {
                            self.exports.insert(here.clone(), Export::From(module.clone(), there.clone()));
                        }
                        None => {
                            self.exports.insert(here.clone(), Export::Local(there.clone()));
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

/// Calls `note` for each name that a statement declares.
pub fn declared_names(stmt: &Stmt, note: &mut impl FnMut(&SmolStr)) {
    match &stmt.kind {
        StmtKind::Declare(declared) => declared.iter().for_each(|declarator| bound_names(&declarator.target, note)),
        StmtKind::Function(function) => function.name.iter().for_each(note),
        StmtKind::Class(class) => class.name.iter().for_each(note),
        StmtKind::Enum(name, _) => note(name),
        _ => {}
    }
}

/// Calls `note` for each variable of a pattern.
pub fn bound_names(pattern: &Pattern, note: &mut impl FnMut(&SmolStr)) {
    match pattern {
        Pattern::Name(name, _) => note(name),
        Pattern::Object(object) => {
            object.properties.iter().for_each(|(_, target)| bound_names(target, note));
            object.rest.iter().for_each(|rest| bound_names(rest, note));
        }
        Pattern::Array(elements) => elements.iter().flatten().for_each(|element| bound_names(element, note)),
        Pattern::Default(with) => bound_names(&with.0, note),
        Pattern::Rest(rest) => bound_names(rest, note),
        Pattern::Place(_) => {}
    }
}
