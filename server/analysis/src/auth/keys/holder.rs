//! Whether dictionaries still hold what was written into them.

use smol_str::SmolStr;

use super::super::code::{bindings_of, last_name, parts};
use crate::facts::python::file::{Binding, PythonFile};
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind, positional};
use crate::index::sources::Sources;
use crate::vfs::FileId;

/// A dictionary that a module writes out, and where in it a value is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The module.
    pub(super) file: FileId,
    /// The variable that is the dictionary.
    pub(super) name: SmolStr,
    /// The keys on the way to the value.
    pub(super) keys: Box<[SmolStr]>,
}

impl Holder {
    /// Whether no module that names the dictionary may put something else there, hands it on, or refuses what is there.
    pub(crate) fn is_left_alone(&self, sources: &Sources) -> bool {
        let module = sources.module_name(self.file);
        let module = module.rsplit('.').next().unwrap_or_default();
        sources.iter().filter(|(_, source)| !source.test).all(|(file, source)| {
            let Some(facts) = &source.facts else { return true };
            let names: Vec<_> = facts
                .bindings
                .iter()
                .filter(|(name, binding)| self.is_named(file, facts, name, binding))
                .map(|(name, _)| name)
                .collect();
            let modules: Vec<_> = facts
                .bindings
                .iter()
                .filter(|(_, binding)| is_module(facts, binding, module))
                .map(|(name, _)| name)
                .collect();
            (names.is_empty() && modules.is_empty() && facts.stars.is_empty())
                || !self.is_changed(facts, &names, &modules)
        })
    }

    /// Whether a module calls the dictionary by a name.
    fn is_named(&self, file: FileId, facts: &PythonFile, name: &SmolStr, binding: &Binding) -> bool {
        match binding {
            Binding::ImportFrom(item, at) => imported(facts, *item, *at) == Some(&self.name),
            _ => file == self.file && *name == self.name,
        }
    }

    fn is_changed(&self, facts: &PythonFile, names: &[&SmolStr], modules: &[&SmolStr]) -> bool {
        let is_module = |name: &SmolStr| modules.contains(&name);
        let is_it = |expr: &Expr| match &expr.kind {
            ExprKind::Name(name) => names.contains(&name) || !facts.stars.is_empty() && *name == self.name,
            ExprKind::Attribute { value, name } => {
                name.name == self.name && every_part(value).into_iter().filter_map(last_name).any(is_module)
            }
            _ => false,
        };
        let keys: Vec<&str> = self.keys.iter().map(SmolStr::as_str).collect();
        let way = Way { keys: &keys, is_it: &is_it };
        facts.items.iter().any(|item| way.changes(std::slice::from_ref(&*item.placed.item.stmt), None))
    }
}

/// The name that a clause of a `from … import …` statement imports.
fn imported(facts: &PythonFile, item: u32, at: u32) -> Option<&SmolStr> {
    Some(&facts.import_from(item)?.names.get(at as usize)?.name)
}

/// Whether a name is bound to a module of that last name, to a package that has it, or to names that it may have.
fn is_module(facts: &PythonFile, binding: &Binding, module: &str) -> bool {
    match binding {
        Binding::ImportFrom(item, at) => imported(facts, *item, *at).is_some_and(|name| name == module),
        Binding::Import(item, _) => match facts.stmt(*item).map(|stmt| &stmt.kind) {
            Some(StmtKind::Import(modules)) => modules.iter().any(|one| one.module.rsplit('.').next() == Some(module)),
            _ => false,
        },
        _ => false,
    }
}

/// Whether statements of a function may put something else under keys of a dictionary, hand it on, or refuse what is there.
pub(super) fn may_change(block: &[Stmt], is_it: &dyn Fn(&Expr) -> bool, keys: &[&str], def: &Function) -> bool {
    Way { keys, is_it }.changes(block, Some(def))
}

/// The parts of an expression, and their parts, itself included.
pub(super) fn every_part(expr: &Expr) -> Vec<&Expr> {
    let mut found = vec![expr];
    let mut at = 0;
    while let Some(expr) = found.get(at).copied() {
        found.extend(parts(expr));
        if let ExprKind::Lambda { body, .. } = &expr.kind {
            found.push(body);
        }
        at += 1;
    }
    found
}

/// The way to a value in a dictionary.
struct Way<'w> {
    keys: &'w [&'w str],
    /// Whether an expression is the dictionary.
    is_it: &'w dyn Fn(&Expr) -> bool,
}

impl Way<'_> {
    fn changes(&self, block: &[Stmt], inside: Option<&Function>) -> bool {
        block.iter().any(|stmt| {
            let own = match &stmt.kind {
                StmtKind::Function(def) => {
                    let looked_into = def.to_look_into().map(|(copy, _)| copy);
                    let def = looked_into.as_ref().unwrap_or(def);
                    let hands_on = def.params.iter().filter_map(|param| param.default.as_ref());
                    hands_on.into_iter().any(|given| self.gives_away(given)) || self.changes(&def.body, Some(def))
                }
                StmtKind::Class(def) => self.changes(&def.body, inside),
                StmtKind::Assign(assign) => assign.targets.iter().any(|target| self.stores(target)),
                StmtKind::AugAssign(assign) => self.stores(&assign.target),
                StmtKind::For { target, .. } => self.stores(target),
                StmtKind::With { items, .. } => {
                    items.iter().filter_map(|(_, target)| target.as_ref()).any(|target| self.stores(target))
                }
                StmtKind::Delete(targets) => targets.iter().any(|target| self.stores(target)),
                StmtKind::If { test, body, or_else } => {
                    (raises(body) || raises(or_else)) && self.asks_for(test, inside)
                }
                StmtKind::Assert(test) => self.asks_for(test, inside),
                _ => false,
            };
            let is_target = |expr: &&Expr| match &stmt.kind {
                // What it is at first.
                StmtKind::Assign(assign) => assign.targets.iter().any(|target| std::ptr::eq(target, *expr)),
                _ => false,
            };
            own || stmt.exprs().into_iter().filter(|expr| !is_target(expr)).any(|expr| self.gives_away(expr))
                || stmt.blocks().into_iter().any(|block| self.changes(block, inside))
        })
    }

    /// Whether an assignment to a target puts something else there.
    fn stores(&self, target: &Expr) -> bool {
        match &target.kind {
            ExprKind::Tuple(parts) | ExprKind::List(parts) => parts.iter().any(|part| self.stores(part)),
            ExprKind::Starred(inner) => self.stores(inner),
            ExprKind::Name(_) => false,
            _ => self.keys_to(target).is_some_and(|keys| self.leads_there(&keys)),
        }
    }

    /// Whether the dictionary, or a part of it that holds the value, is more than looked into: who has it may fill it.
    fn gives_away(&self, expr: &Expr) -> bool {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            match self.keys_to(expr) {
                Some(keys) if keys.len() < self.keys.len() && self.leads_there(&keys) => return true,
                Some(_) => {}
                None => {
                    pending.extend(parts(expr));
                    if let ExprKind::Lambda { body, .. } = &expr.kind {
                        pending.push(body);
                    }
                }
            }
        }
        false
    }

    /// Whether a condition is about the value itself, and about nothing that a function was given or has made.
    fn asks_for(&self, test: &Expr, inside: Option<&Function>) -> bool {
        let is_own = |name: &SmolStr| {
            inside.is_some_and(|def| {
                def.params.iter().any(|param| param.name.name == *name) || !bindings_of(&def.body, name).is_empty()
            })
        };
        let parts = every_part(test);
        parts.iter().any(|part| self.keys_to(part).is_some_and(|keys| self.leads_there(&keys)))
            && !parts.iter().any(|part| !(self.is_it)(part) && part.as_name().is_some_and(is_own))
    }

    /// The keys by which an expression looks into the dictionary, as far as they are known: `JWT["keys"].get("access")`.
    fn keys_to<'e>(&self, expr: &'e Expr) -> Option<Vec<Option<&'e str>>> {
        let (holder, key) = match &expr.kind {
            _ if (self.is_it)(expr) => return Some(Vec::new()),
            ExprKind::Subscript { value, index } => (value, Some(&**index)),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "get" => (value, positional(args, 0)),
                _ => return None,
            },
            _ => return None,
        };
        let mut keys = self.keys_to(holder)?;
        keys.push(key.and_then(Expr::as_str).map(SmolStr::as_str));
        Some(keys)
    }

    /// Whether these keys may lead to the value, or to what holds it.
    fn leads_there(&self, keys: &[Option<&str>]) -> bool {
        keys.iter().zip(self.keys).all(|(key, own)| key.is_none_or(|key| key == *own))
    }
}
