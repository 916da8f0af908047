//! Keys that dictionaries hold: settings that a module writes down (`JWT = {"secret": "…"}`), and what is read from a file,
//! where something may stand in (`config.get("secret", "…")`).

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{self, Scope, bindings_of};
use super::holder::{Holder, every_part, may_change};
use super::origin::Origin;
use super::{Search, Source, What};
use crate::facts::python::idioms::{raises, returned};
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
        if self.refuses_any(&[Some(key), default.as_str()]) {
            return None;
        }
        let origin = self.origin(default, depth + 1).filter(|origin| origin.what == What::Text)?;
        let source = if origin.source == Source::Literal { Source::Setting(key.clone()) } else { origin.source };
        Some(Origin { source, ..origin })
    }

    /// Whether the function refuses something where it asks for one of these texts: `if "secret" not in config: raise …`.
    fn refuses_any(&self, texts: &[Option<&SmolStr>]) -> bool {
        let Scope::Function(function) = self.scope else { return false };
        let mut pending: Vec<&Stmt> = function.def.body.iter().collect();
        while let Some(stmt) = pending.pop() {
            if let StmtKind::If { test, body, or_else } = &stmt.kind
                && (raises(body) || raises(or_else))
                && every_part(test).iter().any(|part| part.as_str().is_some_and(|text| texts.contains(&Some(text))))
            {
                return true;
            }
            pending.extend(stmt.blocks().into_iter().flatten());
        }
        false
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
                match (&value.kind, inner.is_empty()) {
                    (_, true) => self.origin(value, depth + 1).filter(|origin| origin.what == What::Text),
                    // What others hold, too, they may change.
                    (ExprKind::Dict(_), false) => self.held(value, inner, depth + 1),
                    _ => None,
                }
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
                let is_it = |expr: &Expr| expr.as_name() == Some(name);
                let is_left_alone = || !may_change(&function.def.body, &is_it, keys, &function.def);
                match bindings_of(&function.def.body, name).as_slice() {
                    [Some(value)] if is_left_alone() => self.held(value, keys, depth + 1),
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
                    match returned(&function.def.body).as_slice() {
                        [value] => inner.is_read(value, depth + 1),
                        _ => false,
                    }
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// Where the value stands that the dictionary of a module was written with.
fn held_by_module(
    interpreter: &Interpreter<'_>,
    file: FileId,
    name: &SmolStr,
    keys: &[&str],
    depth: u32,
) -> Option<Origin> {
    let variable = code::module_variable(interpreter, file, name)?;
    let (file, name) = code::assigned_in(interpreter, file, name)?;
    // What it takes from others they may change.
    if !matches!(variable.value.kind, ExprKind::Dict(_)) {
        return None;
    }
    let at = Search::new(interpreter, Scope::Module(variable.file, variable.item));
    let origin = at.held(variable.value, keys, depth + 1)?;
    let keys = keys.iter().copied().map(SmolStr::from).collect();
    Some(Origin { held: Some(Arc::new(Holder { file, name, keys })), ..origin })
}

/// Functions of packages that give what a file of settings holds.
fn reads_file(path: &str) -> bool {
    let (package, function) = path.split_once('.').unwrap_or((path, ""));
    match package {
        // What `loads` reads was sent, perhaps.
        "json" | "tomllib" | "toml" | "tomli" => function == "load",
        "yaml" => matches!(function, "load" | "safe_load" | "full_load"),
        _ => false,
    }
}
