//! Keys that dictionaries hold: settings that a module writes down (`JWT = {"secret": "…"}`), and what is read from a file,
//! where something may stand in (`config.get("secret", "…")`).

use smol_str::SmolStr;

use super::super::code::{self, Scope, bindings_of};
use super::origin::Origin;
use super::{Search, Source, What};
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};
use crate::vfs::FileId;

/// Variables, entries and functions that a dictionary is followed through.
const MAX_DEPTH: u32 = 12;

impl Search<'_, '_, '_> {
    /// Where the value stands that a dictionary which is written out holds under a key: `JWT["secret"]`.
    pub(super) fn held_under(&self, holder: &Expr, key: &str, depth: u32) -> Option<Origin> {
        self.held(holder, &[key], depth)
    }

    /// The same, of a look-up that something stands in for, where the dictionary is what a file holds.
    pub(super) fn held_or(&self, holder: &Expr, args: &[Arg], depth: u32) -> Option<Origin> {
        let key = positional(args, 0)?.as_str()?;
        if let Some(origin) = self.held_under(holder, key, depth) {
            return Some(origin);
        }
        let default = positional(args, 1).filter(|_| self.is_read(holder, 0))?;
        let origin = self.origin(default, depth + 1).filter(|origin| origin.what == What::Text)?;
        let source = if origin.source == Source::Literal { Source::Setting(key.clone()) } else { origin.source };
        Some(Origin { source, ..origin })
    }

    /// Where the value stands that is held under keys one inside the other.
    fn held(&self, holder: &Expr, keys: &[&str], depth: u32) -> Option<Origin> {
        let (key, inner) = keys.split_first().filter(|_| depth <= MAX_DEPTH)?;
        match &holder.kind {
            ExprKind::Dict(entries) => {
                let is_it = |(name, _): &&(Option<Expr>, Expr)| {
                    // What is spread in may hold it, too.
                    name.as_ref().is_none_or(|name| name.as_str().is_none_or(|name| name == key))
                };
                let (name, value) = entries.iter().rev().find(is_it)?;
                name.as_ref().and_then(Expr::as_str)?;
                if inner.is_empty() { self.origin(value, depth + 1) } else { self.held(value, inner, depth + 1) }
            }
            ExprKind::Subscript { value, index } => {
                let outer = index.as_str()?;
                let keys: Vec<&str> = std::iter::once(outer.as_str()).chain(keys.iter().copied()).collect();
                self.held(value, &keys, depth + 1)
            }
            ExprKind::Name(name) => {
                let Some(function) = self.binding(name) else {
                    return held_by_module(self.interpreter, self.scope.file(), name, keys, depth);
                };
                let is_filled = || function.def.body.iter().any(|stmt| fills(stmt, name, key));
                match bindings_of(&function.def.body, name).as_slice() {
                    [Some(value)] if !is_filled() => self.held(value, keys, depth + 1),
                    _ => None,
                }
            }
            ExprKind::Attribute { value, name } => match self.object(value, depth + 1) {
                Value::Module(file) => held_by_module(self.interpreter, file, &name.name, keys, depth),
                _ => None,
            },
            _ => None,
        }
    }

    /// The function of which a name is a parameter or variable.
    fn binding(&self, name: &SmolStr) -> Option<&FunctionRef> {
        let Scope::Function(function) = self.scope else { return None };
        let is_param = function.def.params.iter().any(|param| param.name.name == *name);
        (is_param || !bindings_of(&function.def.body, name).is_empty()).then_some(function)
    }

    /// Whether a dictionary is what a file holds, or a part of that: it may lack any key.
    fn is_read(&self, holder: &Expr, depth: u32) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        match &holder.kind {
            ExprKind::Name(name) => match self.binding(name) {
                Some(function) => match bindings_of(&function.def.body, name).as_slice() {
                    [Some(value)] => self.is_read(value, depth + 1),
                    _ => false,
                },
                None => code::module_variable(self.interpreter, self.scope.file(), name).is_some_and(|variable| {
                    let at = Search::new(self.interpreter, Scope::Module(variable.file, variable.item));
                    at.is_read(variable.value, depth + 1)
                }),
            },
            ExprKind::Subscript { value, .. } => self.is_read(value, depth + 1),
            ExprKind::Call { func, .. } => match (&func.kind, self.eval(func)) {
                (ExprKind::Attribute { value, name }, _) if name.name == "get" => self.is_read(value, depth + 1),
                (_, Value::Package(path)) => reads_file(&path),
                (_, Value::Function(function)) => {
                    self.interpreter.count_body(function.site);
                    let function = self.interpreter.current(&function);
                    let inner = Search::new(self.interpreter, Scope::Function(&function));
                    returned(&function.def.body).into_iter().any(|value| inner.is_read(value, depth + 1))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// What names the value that a dictionary from a file holds: the keys on the way to it.
    fn path_in_file(&self, expr: &Expr, depth: u32) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (holder, key) = match &expr.kind {
            ExprKind::Subscript { value, index } => (value, index.as_str()?),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "get" => (value, positional(args, 0)?.as_str()?),
                _ => return None,
            },
            ExprKind::Name(name) => {
                let Scope::Function(function) = self.scope else { return None };
                return match bindings_of(&function.def.body, name).as_slice() {
                    [Some(value)] => self.path_in_file(value, depth + 1),
                    _ => None,
                };
            }
            _ => return None,
        };
        let before = self.path_in_file(holder, depth + 1);
        Some(before.map_or_else(|| key.to_string(), |before| format!("{before}.{key}")))
    }
}

/// What names the value that an expression takes from a dictionary which a file holds.
pub(in crate::auth) fn name_in_file(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr) -> Option<SmolStr> {
    let search = Search::new(interpreter, scope);
    let holder = match &expr.kind {
        ExprKind::Subscript { value, .. } => value,
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, .. } => value,
            _ => return None,
        },
        _ => return None,
    };
    search.is_read(holder, 0).then(|| search.path_in_file(expr, 0))?.map(SmolStr::from)
}

/// Where the value stands that a variable of a module holds under keys, and nothing of the module changes.
fn held_by_module(
    interpreter: &Interpreter<'_>,
    file: FileId,
    name: &SmolStr,
    keys: &[&str],
    depth: u32,
) -> Option<Origin> {
    let variable = code::module_variable(interpreter, file, name)?;
    let (file, name) = code::assigned_in(interpreter, file, name)?;
    let facts = interpreter.sources().facts(file)?;
    interpreter.count_items(file);
    let first = keys.first()?;
    if facts.plain_statements().any(|(_, stmt)| fills(stmt, &name, first)) {
        return None;
    }
    Search::new(interpreter, Scope::Module(variable.file, variable.item)).held(variable.value, keys, depth + 1)
}

/// Whether a statement may put something else under a key of a dictionary: `JWT["secret"] = …`, `JWT.update(…)`.
fn fills(stmt: &Stmt, name: &str, key: &str) -> bool {
    let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
    let own = match &stmt.kind {
        StmtKind::Assign(assign) => assign.targets.iter().any(|target| match &target.kind {
            ExprKind::Subscript { value, index } => is_it(value) && index.as_str().is_none_or(|set| set == key),
            _ => false,
        }),
        StmtKind::Expr(expr) => expr.as_call().is_some_and(|(func, _)| match &func.kind {
            ExprKind::Attribute { value, name } => {
                is_it(value) && matches!(name.name.as_str(), "update" | "setdefault" | "pop" | "clear")
            }
            _ => false,
        }),
        _ => false,
    };
    own || stmt.blocks().into_iter().flatten().any(|stmt| fills(stmt, name, key))
}

/// Functions of packages that give what a file of settings holds.
fn reads_file(path: &str) -> bool {
    let (package, function) = path.split_once('.').unwrap_or((path, ""));
    match package {
        "json" | "tomllib" | "toml" | "tomli" => matches!(function, "load" | "loads"),
        "yaml" => matches!(function, "load" | "safe_load" | "full_load"),
        _ => false,
    }
}
