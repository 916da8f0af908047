//! A module of TypeScript or JavaScript: its items, imports and exports.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::tree::{Directive, ExprKind, Pattern, Stmt, StmtKind};
use crate::text::TextRange;

/// The identity of a top-level statement: what it says, and which of several
/// that say the same it is. It stays while the statement's bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub u64);

/// A top-level statement.
#[derive(Debug, PartialEq, Eq)]
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
    /// The statement.
    pub stmt: Stmt,
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
    pub items: Vec<Arc<Item>>,
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
    /// Variables and properties that functions assign to: what they hold when
    /// other code runs is not known.
    pub assigned: FxHashSet<SmolStr>,
    positions: FxHashMap<ItemId, u32>,
    index: FxHashMap<ItemId, usize>,
}

impl TypeScriptFile {
    /// A module of items with their offsets.
    pub fn new(placed: Vec<(u32, Arc<Item>)>, directive: Option<Directive>) -> Self {
        use std::hash::{Hash, Hasher};
        let mut file = Self { directive, ..Self::default() };
        let mut outline = rustc_hash::FxHasher::default();
        directive.hash(&mut outline);
        for (at, (start, item)) in placed.into_iter().enumerate() {
            item.outline.hash(&mut outline);
            item.assigned.hash(&mut outline);
            file.positions.insert(item.id, start);
            file.index.insert(item.id, at);
            file.assigned.extend(item.assigned.iter().cloned());
            file.note(at, &item.stmt);
            file.items.push(item);
        }
        file.outline = outline.finish();
        file
    }

    /// The same items, where they stand in another text: those that do not
    /// stand in it have no place.
    pub fn placed_as(&self, other: &Self) -> Self {
        Self {
            items: self.items.clone(),
            directive: self.directive,
            exports: self.exports.clone(),
            exports_all: self.exports_all.clone(),
            imports: self.imports.clone(),
            outline: self.outline,
            assigned: self.assigned.clone(),
            positions: other.positions.clone(),
            index: self.index.clone(),
        }
    }

    /// Which of the items it is.
    pub fn index(&self, item: ItemId) -> Option<usize> {
        self.index.get(&item).copied()
    }

    /// The range in the file of a range in an item; none if the item is gone.
    pub fn absolute(&self, item: ItemId, range: TextRange) -> Option<TextRange> {
        Some(range.shifted(*self.positions.get(&item)?))
    }

    /// Items that have no place in the text: it does not parse there.
    pub fn unplaced(&self) -> impl Iterator<Item = ItemId> {
        self.items.iter().map(|item| item.id).filter(|item| !self.positions.contains_key(item))
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
