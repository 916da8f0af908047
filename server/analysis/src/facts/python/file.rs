//! The facts of one Python file, ready for lookups by name.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::numbers::number;
use super::tree::{ImportFrom, ImportedModule, PlacedItem, Stmt, StmtKind};
use crate::text::TextRange;

/// A top-level item at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileItem {
    /// The item.
    pub placed: PlacedItem,
    /// Whether the item is no longer in the text: the text around its place is
    /// broken, and until it parses again other files go on seeing it. No
    /// finding is placed on a ghost.
    pub ghost: bool,
    /// Tells it from the others of its file, and what stands before what; it stays when others come and go. No index.
    pub number: u32,
}

impl FileItem {
    /// One that has no number yet.
    pub(crate) fn new(placed: PlacedItem, ghost: bool) -> Self {
        Self { placed, ghost, number: 0 }
    }
}

/// What binds a top-level name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The item of the only `def` or `class` of that name.
    Definition(u32),
    /// One `from … import …`: item, and index of the name in it.
    ImportFrom(u32, u32),
    /// One `import …`: item, and index of the module in it.
    Import(u32, u32),
    /// Anything else: the module must be executed to know.
    Computed,
}

/// The facts of a Python file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PythonFile {
    /// Top-level items in order.
    pub items: Vec<FileItem>,
    /// Top-level names.
    pub bindings: FxHashMap<SmolStr, Binding>,
    /// Of these, those that an import or a definition binds, and something else too; sorted.
    pub rebound: Box<[SmolStr]>,
    /// Items that are `from … import *`.
    pub stars: Vec<u32>,
    /// Classes that derive from others: the last name of the base, and the name of the class.
    pub heirs: Box<[(SmolStr, SmolStr)]>,
    /// Names under which something is kept on a `state`, and the items that do it: `app.state.pool = …`.
    pub kept: Box<[(SmolStr, u32)]>,
}

impl PythonFile {
    /// Indexes `items` by the names that they bind. Those that stood there `before` keep their numbers.
    pub fn new(mut items: Vec<FileItem>, before: Option<&Self>) -> Self {
        items.shrink_to_fit();
        number(&mut items, before.map_or(&[], |before| &before.items));
        let mut file = Self { items, ..Self::default() };
        let mut rebound = Vec::new();
        for index in 0..file.items.len() {
            let FileItem { placed, number, .. } = &file.items[index];
            let (item, number) = (std::sync::Arc::clone(&placed.item), *number);
            match item.stmt.defines() {
                Some(name) => file.bind_name(name, Binding::Definition(number), &mut rebound),
                None => file.bind(number, &item.stmt, &mut rebound),
            }
        }
        file.bindings.shrink_to_fit();
        rebound.sort_unstable();
        rebound.dedup();
        file.rebound = rebound.into();
        let heirs = file.items.iter().filter_map(|item| item.placed.item.stmt.heir());
        let heirs = heirs.flat_map(|(class, bases)| bases.into_iter().map(move |base| (base.clone(), class.clone())));
        file.heirs = heirs.collect();
        let kept = file.items.iter().flat_map(|item| {
            let names = item.placed.item.keeps.iter();
            names.map(|name| (name.clone(), item.number))
        });
        file.kept = kept.collect();
        file
    }

    fn bind(&mut self, index: u32, stmt: &Stmt, rebound: &mut Vec<SmolStr>) {
        match &stmt.kind {
            StmtKind::Function(def) => self.bind_name(&def.name.name, Binding::Definition(index), rebound),
            StmtKind::Class(class) => self.bind_name(&class.name.name, Binding::Definition(index), rebound),
            StmtKind::Import(modules) => {
                for (at, module) in modules.iter().enumerate() {
                    // `import a.b` and `import a.c` bind the same `a`.
                    let binding = Binding::Import(index, at as u32);
                    let name = bound_module_name(module);
                    match self.bindings.get(&name) {
                        Some(Binding::Import(..)) if module.alias.is_none() => {}
                        _ => self.bind_name(&name, binding, rebound),
                    }
                }
            }
            StmtKind::ImportFrom(import) if import.star => self.stars.push(index),
            StmtKind::ImportFrom(import) => {
                for (at, name) in import.names.iter().enumerate() {
                    self.bind_name(name.bound(), Binding::ImportFrom(index, at as u32), rebound);
                }
            }
            _ => {
                let mut names = Vec::new();
                bound_names(stmt, &mut names);
                for name in names {
                    if let Some(Binding::Definition(_) | Binding::ImportFrom(..) | Binding::Import(..)) =
                        self.bindings.insert(name.clone(), Binding::Computed)
                    {
                        rebound.push(name);
                    }
                }
            }
        }
    }

    fn bind_name(&mut self, name: &SmolStr, binding: Binding, rebound: &mut Vec<SmolStr>) {
        let again = |old: &mut Binding| {
            *old = Binding::Computed;
            rebound.push(name.clone());
        };
        self.bindings.entry(name.clone()).and_modify(again).or_insert(binding);
    }

    /// Forgets lowered statements that nobody else has, where they can be lowered again.
    pub fn forget_statements(&mut self) {
        for item in &mut self.items {
            if let Some(item) = std::sync::Arc::get_mut(&mut item.placed.item) {
                item.stmt.forget();
            }
        }
    }

    /// The item of a number.
    pub fn item(&self, number: u32) -> Option<&FileItem> {
        let at = self.items.binary_search_by_key(&number, |item| item.number).ok()?;
        self.items.get(at)
    }

    /// The statement of an item.
    pub fn stmt(&self, item: u32) -> Option<&Stmt> {
        self.item(item).map(|item| &*item.placed.item.stmt)
    }

    /// Top-level statements that are no definitions, with their items.
    pub fn plain_statements(&self) -> impl Iterator<Item = (u32, &Stmt)> {
        let items = self.items.iter().filter(|item| item.placed.item.stmt.defines().is_none());
        let stmts = items.map(|item| (item.number, &*item.placed.item.stmt));
        stmts.filter(|(_, stmt)| !matches!(stmt.kind, StmtKind::Function(_) | StmtKind::Class(_)))
    }

    /// The absolute range of a range in an item.
    pub fn absolute(&self, item: u32, range: TextRange) -> TextRange {
        match self.item(item) {
            Some(FileItem { placed, .. }) => placed.item.stmt.rooms().in_text(range).shifted(placed.start),
            None => range,
        }
    }

    /// The place in an item of an absolute offset that is not before it.
    pub fn place(&self, item: u32, offset: u32) -> Option<u32> {
        let placed = &self.item(item)?.placed;
        Some(placed.item.stmt.rooms().place(offset.checked_sub(placed.start)?))
    }

    /// The item whose text holds `offset`.
    pub fn item_at(&self, offset: u32) -> Option<u32> {
        let after = self.items.partition_point(|item| item.placed.start <= offset);
        let index = after.checked_sub(1)?;
        let FileItem { placed, number, .. } = &self.items[index];
        (offset <= placed.start + placed.item.len).then_some(*number)
    }

    /// The `from` import behind a [`Binding::ImportFrom`].
    pub fn import_from(&self, item: u32) -> Option<&ImportFrom> {
        match &self.stmt(item)?.kind {
            StmtKind::ImportFrom(import) => Some(import),
            _ => None,
        }
    }
}

/// The name that a clause of an `import` statement binds: the alias, else the
/// first component.
pub fn bound_module_name(module: &ImportedModule) -> SmolStr {
    match &module.alias {
        Some(alias) => alias.clone(),
        None => SmolStr::new(module.module.split('.').next().unwrap_or_default()),
    }
}

/// Appends the names that a statement binds in its own scope, nested blocks included.
pub fn bound_names(stmt: &Stmt, names: &mut Vec<SmolStr>) {
    each_bound_name(stmt, &mut |name| names.push(name.clone()));
    for stmt in stmt.blocks().into_iter().flatten() {
        bound_names(stmt, names);
    }
}

/// Visits the names that a statement binds in its own scope, those of nested blocks left out.
pub fn each_bound_name(stmt: &Stmt, visit: &mut impl FnMut(&SmolStr)) {
    match &stmt.kind {
        StmtKind::Function(def) => visit(&def.name.name),
        StmtKind::Class(class) => visit(&class.name.name),
        StmtKind::Import(modules) => modules.iter().for_each(|module| visit(&bound_module_name(module))),
        StmtKind::ImportFrom(import) => import.names.iter().for_each(|name| visit(name.bound())),
        StmtKind::Assign(assign) => assign.targets.iter().for_each(|target| each_target(target, visit)),
        StmtKind::AugAssign(assign) => each_target(&assign.target, visit),
        StmtKind::TypeAlias { name, .. } => visit(&name.name),
        StmtKind::For { target, .. } => each_target(target, visit),
        StmtKind::Try { handlers, .. } => handlers.iter().filter_map(|handler| handler.name.as_ref()).for_each(visit),
        StmtKind::With { items, .. } => {
            items.iter().filter_map(|(_, target)| target.as_ref()).for_each(|target| each_target(target, visit));
        }
        StmtKind::Match { cases, .. } => cases.iter().flat_map(|case| &case.binds).for_each(visit),
        _ => {}
    }
}

/// The import statements of a function's statement, outside of nested functions and classes.
pub fn imported<'s>(stmt: &'s Stmt, imports: &mut Vec<&'s StmtKind>) {
    if let StmtKind::Import(_) | StmtKind::ImportFrom(_) = &stmt.kind {
        imports.push(&stmt.kind);
    }
    for stmt in stmt.blocks().into_iter().flatten() {
        imported(stmt, imports);
    }
}

fn each_target(target: &super::tree::Expr, visit: &mut impl FnMut(&SmolStr)) {
    use super::tree::ExprKind;
    match &target.kind {
        ExprKind::Name(name) => visit(name),
        ExprKind::Tuple(parts) | ExprKind::List(parts) => parts.iter().for_each(|part| each_target(part, visit)),
        ExprKind::Starred(part) => each_target(part, visit),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::lower::lower_file;
    use super::*;
    use crate::syntax::{Grammar, parse};

    /// An alias is bound once, however it has to be executed to know it: what stands before a function is asked for nothing.
    #[test]
    fn names_are_bound_again_by_imports_and_definitions_only() {
        let text = "from a import b, c\nimport d\nimport d.e\nAlias = b[int]\nAlias = b[str]\nc = 1\ndef f(): ...\ndef f(): ...\ng = 1\nclass g: ...\n";
        let tree = parse(Grammar::Python, text, None).unwrap_or_else(|| unreachable!());
        let lowered = lower_file(text, &tree, None);
        let items = lowered.items.into_iter().map(|placed| FileItem::new(placed, false));
        let file = PythonFile::new(items.collect(), None);
        assert_eq!(&*file.rebound, ["c", "f", "g"]);
    }
}
