//! What names mean: those of a module, and those that it imports.

use std::sync::Arc;

use smol_str::{SmolStr, SmolStrBuilder};

use super::scope::Scope;
use super::{Interpreter, MAX_LOOKED_UP, builtins};
use crate::facts::manifests::Version;
use crate::facts::python::file::{Binding, PythonFile, bound_module_name, bound_names};
use crate::facts::python::tree::{Expr, ExprKind, ImportFrom, ImportedModule, StmtKind};
use crate::index::modules::Module;
use crate::index::value::{FunctionRef, LazyImport, Resolve, Site, Unknown, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

impl<'a> Interpreter<'a> {
    /// Resolves the module of an import.
    pub(super) fn module(&self, importer: FileId, level: u32, module: &SmolStr) -> Module {
        let key = (importer, level, module.clone());
        if let Some(known) = self.remembered.modules.borrow().get(&key) {
            return known.clone();
        }
        let resolved = self.sources.resolve(importer, level, module);
        self.remembered.modules.borrow_mut().insert(key, resolved.clone());
        resolved
    }

    /// The value of a name of a module, as `from module import name` sees it.
    pub fn lookup(&self, file: FileId, name: &str) -> Value {
        // While modules are being executed, names may still change.
        if !self.running.borrow().is_empty() || self.keeps_defaults.get() {
            return self.lookup_within(file, name, 0);
        }
        let key = (file, SmolStr::new(name));
        if let Some((value, rests_on)) = self.remembered.looked_up.borrow().get(&key) {
            self.count(rests_on);
            return value.clone();
        }
        let outer = self.begin();
        let value = self.lookup_within(file, name, 0).settled();
        let rests_on = self.end(outer);
        let mut looked_up = self.remembered.looked_up.borrow_mut();
        if looked_up.len() >= MAX_LOOKED_UP {
            looked_up.clear();
        }
        looked_up.insert(key, (value.clone(), rests_on));
        value
    }

    /// Counts a module's name as looked at. A run goes with its own module, whatever it looked at there.
    pub(super) fn count_name(&self, file: FileId, name: &str) {
        let mut all = self.looked_at.borrow_mut();
        if self.running.borrow().last() == Some(&file) { _ = all.files.insert(file) } else { all.add(file, name) }
    }

    /// Makes an answer rest on everything that a module does: on which items it has, and on each.
    pub fn count_items(&self, file: FileId) {
        let mut all = self.looked_at.borrow_mut();
        all.add_items(file);
        for item in self.sources.facts(file).into_iter().flat_map(|facts| &facts.items) {
            all.add_body(Site { file, item: item.number, range: TextRange::default() });
        }
    }

    /// Makes an answer rest on which items a module has that are no definitions, and the names that they bind.
    pub fn count_statements(&self, file: FileId) {
        self.looked_at.borrow_mut().add_statements(file);
    }

    pub(super) fn lookup_within(&self, file: FileId, name: &str, depth: u32) -> Value {
        self.count_name(file, name);
        let Some(facts) = self.facts(file) else { return Value::Unknown(Unknown::Import(name.into())) };
        if depth > 32 {
            return Value::Unknown(Unknown::Bound);
        }
        match facts.bindings.get(name) {
            Some(Binding::Definition(item)) => self.definition(file, *item),
            Some(Binding::ImportFrom(item, at)) => match facts.import_from(*item) {
                Some(import) => {
                    let value = self.imported(file, import, &import.names[*at as usize].name);
                    self.force_within(value, depth + 1)
                }
                None => Value::Unknown(Unknown::Unsupported),
            },
            Some(Binding::Import(item, at)) => match facts.stmt(*item).map(|stmt| &stmt.kind) {
                Some(StmtKind::Import(modules)) => self.imported_module(file, &modules[*at as usize]),
                _ => Value::Unknown(Unknown::Unsupported),
            },
            Some(Binding::Computed) => {
                let run = self.run(file);
                match run.globals.get(name).cloned() {
                    Some(value) => self.force_within(value, depth + 1),
                    // Bound only for type checkers: what Python finds is the submodule.
                    None => self.submodule_or_unbound(file, name),
                }
            }
            None => {
                // A package's `*` may bind anything.
                let mut anything = false;
                for &star in &facts.stars {
                    let Some(import) = facts.import_from(star) else { continue };
                    let Module::File(target) = self.module(file, import.level, &import.module) else {
                        anything = true;
                        continue;
                    };
                    if target == file {
                        continue;
                    }
                    let value = self.lookup_within(target, name, depth + 1);
                    if !matches!(value, Value::Unknown(Unknown::Unbound(_) | Unknown::Import(_))) {
                        return value;
                    }
                }
                match self.submodule_or_unbound(file, name) {
                    Value::Unknown(_) if anything => Value::Unknown(Unknown::Import(name.into())),
                    value => value,
                }
            }
        }
    }

    /// What a name means to type checkers only: what an import under `if TYPE_CHECKING:` binds.
    pub fn for_type_checkers(&self, file: FileId, name: &SmolStr) -> Option<Value> {
        self.count_name(file, name);
        // Whatever the name means to Python, another block may bind it after an edit.
        self.count_statements(file);
        let facts = self.facts(file)?;
        let is_flag = |test: &Expr| match &test.kind {
            ExprKind::Name(flag) => flag == "TYPE_CHECKING",
            ExprKind::Attribute { name: flag, .. } => flag.name == "TYPE_CHECKING",
            _ => false,
        };
        let guarded = facts.items.iter().filter_map(|item| match &item.placed.item.stmt.kind {
            StmtKind::If { test, body, .. } if is_flag(test) => {
                self.count_body(Site { file, item: item.number, range: TextRange::default() });
                Some(body)
            }
            _ => None,
        });
        guarded.flatten().find_map(|stmt| {
            let StmtKind::ImportFrom(import) = &stmt.kind else { return None };
            let imported = import.names.iter().find(|imported| imported.bound() == name)?;
            Some(self.force(self.imported(file, import, &imported.name)))
        })
    }

    /// What a name means in a module, where nothing nearer binds it.
    pub(super) fn variable(&self, file: FileId, name: &SmolStr) -> Value {
        match self.lookup(file, name) {
            Value::Unknown(Unknown::Unbound(_)) if name == "__name__" => Value::Str(self.module_name(file)),
            Value::Unknown(Unknown::Unbound(_)) => builtins::builtin(name),
            // What a package's `*` might bind, Python binds anyhow.
            Value::Unknown(Unknown::Import(missing)) if missing == *name && builtins::is_builtin(name) => {
                builtins::builtin(name)
            }
            value => value,
        }
    }

    pub(super) fn submodule_or_unbound(&self, file: FileId, name: &str) -> Value {
        match self.sources.submodule_of_file(file, name) {
            Some(module) => module.into_value(),
            None => Value::Unknown(Unknown::Unbound(name.into())),
        }
    }

    /// Looks a lazy import up; any other value stays as it is.
    pub fn force(&self, value: Value) -> Value {
        self.force_within(value, 0)
    }

    pub(super) fn force_within(&self, value: Value, depth: u32) -> Value {
        match value {
            Value::Lazy(import) => {
                let found = self.lookup_within(import.file, &import.name, depth + 1);
                self.given_by_module(import.file, &import.name, found)
            }
            value => value,
        }
    }

    /// The module that a clause of `import …` binds.
    pub(super) fn imported_module(&self, importer: FileId, import: &ImportedModule) -> Value {
        let bound = bound_module_name(import);
        let target = if import.alias.is_some() { &import.module } else { &bound };
        match self.module(importer, 0, target) {
            Module::Missing(_) => Value::Package(target.clone()),
            module => module.into_value(),
        }
    }

    /// The value that `from … import name` binds, without looking it up.
    pub(super) fn imported(&self, importer: FileId, import: &ImportFrom, name: &SmolStr) -> Value {
        match self.module(importer, import.level, &import.module) {
            Module::File(first) => {
                let other = self.sources.other_module(importer, import, first, name);
                // Which of the two is meant rests on what both bind.
                other.iter().for_each(|other| [first, *other].into_iter().for_each(|file| self.count_name(file, name)));
                let file = other.filter(|other| self.sources.may_bind(*other, name)).unwrap_or(first);
                // A submodule that the package does not bind itself.
                // `from . import x` in a package binds `x` to the submodule itself.
                let submodule = self.sources.submodule_of_file(file, name);
                if submodule.is_some() {
                    self.count_name(file, name);
                }
                // A star import may bind it, also to something named like the submodule it is in.
                let may_bind = |facts: &Arc<PythonFile>| facts.bindings.contains_key(name) || !facts.stars.is_empty();
                let bound = file != importer && self.facts(file).is_some_and(may_bind);
                match submodule {
                    Some(module) if !bound => module.into_value(),
                    _ => Value::Lazy(Arc::new(LazyImport { file, name: name.clone() })),
                }
            }
            Module::Namespace(dir) => match self.sources.submodule_of_dir(&dir, name) {
                Some(module) => module.into_value(),
                None => Value::Unknown(Unknown::Import(dotted(&import.module, name))),
            },
            Module::External(module) => Value::Package(dotted(&module, name)),
            Module::Missing(module) => Value::Unknown(Unknown::Import(module)),
        }
    }

    /// Whether a module binds a name more than once, so that the signature of a function at its top may see something else
    /// than what the name means in the end: a route handler may be called as the dependency is that others ask for.
    pub(super) fn is_bound_again(&self, function: &FunctionRef, name: &SmolStr) -> bool {
        let facts = self.sources.facts(function.site.file);
        function.class.is_none() && facts.is_some_and(|facts| facts.rebound.binary_search(name).is_ok())
    }

    /// What the names of a signature's expression mean where the function is defined, of those that the module binds more than
    /// once, as far as imports and definitions tell.
    pub(super) fn bound_before(&self, function: &FunctionRef, expr: &Expr) -> Vec<(SmolStr, Value)> {
        let (mut bound, mut pending) = (Vec::new(), vec![expr]);
        while let Some(expr) = pending.pop() {
            if let Some(name) = expr.as_name()
                && self.is_bound_again(function, name)
            {
                bound.extend(self.meant_before(function, name).map(|value| (name.clone(), value)));
            }
            pending.extend(expr.children());
        }
        bound
    }

    /// What a name means until a function is defined, where the module imports or defines something of that name before.
    fn meant_before(&self, function: &FunctionRef, name: &SmolStr) -> Option<Value> {
        let file = function.site.file;
        let facts = self.sources.facts(file)?;
        let before = facts.items.iter().rev().skip_while(|item| item.number >= function.site.item);
        // It rests on all that stands before the function, and not on what the name means in the end.
        self.looked_at.borrow_mut().add_items(file);
        for item in before.clone() {
            self.count_body(Site { file, item: item.number, range: TextRange::default() });
        }
        let value =
            before.map(|item| (item.number, &*item.placed.item.stmt)).find_map(|(item, stmt)| match &stmt.kind {
                StmtKind::ImportFrom(import) => {
                    let imported = import.names.iter().find(|imported| imported.bound() == name)?;
                    Some(Some(self.imported(file, import, &imported.name)))
                }
                StmtKind::Function(def) if def.name.name == *name => Some(Some(self.definition(file, item))),
                // What anything else binds it to is not looked at.
                _ => {
                    let mut names = Vec::new();
                    bound_names(stmt, &mut names);
                    names.contains(name).then_some(None)
                }
            });
        Some(self.force(value.flatten()?))
    }

    /// The facts of a file; an unread file is noted as wanted.
    pub(super) fn facts(&self, file: FileId) -> Option<&'a Arc<PythonFile>> {
        let source = self.sources.file(file)?;
        if source.facts.is_none() && source.listed {
            self.wanted.borrow_mut().insert(file);
        }
        source.facts.as_ref()
    }

    /// Dotted name of a module.
    pub(super) fn module_name(&self, file: FileId) -> SmolStr {
        self.remembered.module_names.borrow_mut().entry(file).or_insert_with(|| self.sources.module_name(file)).clone()
    }

    /// The function or class that an item defines.
    pub(super) fn definition(&self, file: FileId, item: u32) -> Value {
        let Some(stmt) = self.sources.facts(file).and_then(|facts| facts.stmt(item)) else {
            return Value::Unknown(Unknown::Unsupported);
        };
        let scope = Scope::module(file, item);
        match &stmt.kind {
            StmtKind::Function(def) => Value::Function(self.function(def, &scope)),
            StmtKind::Class(def) => Value::Class(self.class(def, &scope, 0)),
            _ => Value::Unknown(Unknown::Unsupported),
        }
    }

    /// FastAPI looks through `type X = Annotated[…]` from 0.128.2 on; never
    /// through an alias of an alias, nor one inside `Annotated`.
    pub(super) fn look_through(&self, file: FileId, value: Value) -> Value {
        const FIRST: Version = Version(0, 128, 2);
        match value {
            Value::Alias(inner) if self.sources.fastapi(file).is_none_or(|(version, _)| version >= FIRST) => {
                self.force(Value::clone(&inner))
            }
            value => value,
        }
    }
}

/// A name below another one. It is put together for every name that is imported.
pub(super) fn dotted(above: &str, name: &str) -> SmolStr {
    let mut dotted = SmolStrBuilder::new();
    [above, ".", name].into_iter().for_each(|part| dotted.push_str(part));
    dotted.finish()
}
