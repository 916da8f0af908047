//! Whether a value is the environment's to decide, though a default stands for it: `KEY = os.getenv("KEY", "")`.
//!
//! A default stands for a text (of a path), and says nothing about a condition.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Interpreter;
use crate::facts::python::file::{Binding, imported};
use crate::facts::python::idioms::assigned_to_self;
use crate::facts::python::tree::{Expr, ExprKind, ImportFrom, Stmt, StmtKind};
use crate::index::modules::Module;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};
use crate::vfs::FileId;

/// Variables that are followed to what they are assigned.
const MAX_DEPTH: u32 = 4;

/// Statements of a function that is asked whether it looks at the environment.
const MAX_STATEMENTS: usize = 8;

/// Functions that read a variable of the environment.
fn reads_environment(path: &str) -> bool {
    matches!(path, "os.getenv" | "os.environ.get" | "os.environ" | "decouple.config" | "decouple.AutoConfig")
}

/// Where an expression stands.
enum Place<'p> {
    Function(&'p FunctionRef),
    Class(&'p Arc<ClassRef>),
    Module(FileId),
}

impl Interpreter<'_> {
    /// Whether a variable of a module or class that an expression of a function names holds what the environment decides.
    pub(super) fn names_environment(&self, function: &FunctionRef, expr: &Expr) -> bool {
        self.is_of_environment(&Place::Function(function), expr, 0)
    }

    fn is_of_environment(&self, place: &Place<'_>, expr: &Expr, depth: u32) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let found = match &expr.kind {
            ExprKind::Name(name) => match place.imports(name) {
                Some((import, imported)) => match self.sources.resolve_name(place.file(), import, imported) {
                    Module::File(file) => self.is_variable_of_environment(file, imported, depth),
                    _ => false,
                },
                None => self.is_variable_of_environment(place.file(), name, depth),
            },
            ExprKind::Attribute { value, name } if place.is_receiver(value) => {
                place.class().is_some_and(|class| self.is_attribute_of_environment(class, &name.name, depth))
            }
            ExprKind::Attribute { value, name } => match self.eval_at(place, value) {
                Value::Module(module) => self.is_variable_of_environment(module, &name.name, depth),
                Value::Class(class) => self.is_attribute_of_environment(&class, &name.name, depth),
                Value::Instance(instance) => match &instance.class {
                    Value::Class(class) => self.is_attribute_of_environment(class, &name.name, depth),
                    _ => false,
                },
                Value::Package(path) => reads_environment(&path),
                _ => false,
            },
            ExprKind::Call { func, .. } => match self.eval_at(place, func) {
                Value::Package(path) => reads_environment(&path),
                Value::Function(called) => self.is_told_by_environment(&called, depth),
                Value::Bound(bound) => self.is_told_by_environment(&bound.1, depth),
                _ => false,
            },
            _ => false,
        };
        found || expr.children().into_iter().any(|child| self.is_of_environment(place, child, depth))
    }

    /// Whether a small function looks at what the environment decides: `def is_configured(): return bool(KEY)`.
    fn is_told_by_environment(&self, called: &FunctionRef, depth: u32) -> bool {
        let called = self.current(called);
        let body = &called.def.body;
        let exprs = |stmt: &Stmt| stmt.exprs().into_iter().any(|expr| self.asks_environment(&called, expr, depth));
        let within = |stmt: &Stmt| stmt.blocks().into_iter().flatten().any(exprs);
        body.len() <= MAX_STATEMENTS && body.iter().any(|stmt| exprs(stmt) || within(stmt))
    }

    fn asks_environment(&self, function: &FunctionRef, expr: &Expr, depth: u32) -> bool {
        self.is_of_environment(&Place::Function(function), expr, depth + 1)
    }

    fn eval_at(&self, place: &Place<'_>, expr: &Expr) -> Value {
        match place {
            Place::Function(function) => self.eval(function, expr),
            Place::Class(class) => self.eval_in_class(class, expr),
            Place::Module(file) => match &expr.kind {
                ExprKind::Name(name) => self.variable(*file, name),
                ExprKind::Attribute { value, name } => match self.eval_at(place, value) {
                    Value::Package(path) => Value::Package(super::names::dotted(&path, &name.name)),
                    Value::Module(module) => self.variable(module, &name.name),
                    value => value,
                },
                _ => super::expressions::UNSUPPORTED,
            },
        }
    }

    fn is_variable_of_environment(&self, file: FileId, name: &SmolStr, depth: u32) -> bool {
        let (mut file, mut name) = (file, name.clone());
        for _ in 0..MAX_DEPTH {
            // Makes the answer rest on what the name means.
            self.lookup(file, &name);
            let Some(facts) = self.sources.facts(file) else { return false };
            match facts.bindings.get(&name) {
                Some(Binding::Computed) => {
                    self.count_statements(file);
                    return facts.plain_statements().any(|(item, stmt)| {
                        self.count_body(Site { file, item, range: stmt.range });
                        values_of(stmt, &name)
                            .any(|value| self.is_of_environment(&Place::Module(file), value, depth + 1))
                    });
                }
                Some(Binding::ImportFrom(item, at)) => {
                    let Some(import) = facts.import_from(*item) else { return false };
                    let Some(imported) = import.names.get(*at as usize) else { return false };
                    let Module::File(target) = self.sources.resolve_name(file, import, &imported.name) else {
                        return false;
                    };
                    (file, name) = (target, imported.name.clone());
                }
                _ => return false,
            }
        }
        false
    }

    fn is_attribute_of_environment(&self, class: &Arc<ClassRef>, name: &SmolStr, depth: u32) -> bool {
        let settings = self.package_bases(class).iter().any(|base| base.ends_with("BaseSettings"));
        self.linearised(class).iter().any(|class| {
            self.count_outline(class.site);
            // A field of pydantic's settings.
            if settings && class.def.body.iter().any(|stmt| is_assigned(stmt, name)) {
                return true;
            }
            let in_body = class.def.body.iter().flat_map(|stmt| values_of(stmt, name));
            if in_body.into_iter().any(|value| self.is_of_environment(&Place::Class(class), value, depth + 1)) {
                return true;
            }
            let Some(init) = self.method(class, "__init__") else { return false };
            let init = self.current(&init);
            let given = assigned_to_self(&init.def, name);
            given.into_iter().any(|value| self.is_of_environment(&Place::Function(&init), value, depth + 1))
        })
    }
}

impl Place<'_> {
    /// The class of which it is a method.
    fn class(&self) -> Option<&Arc<ClassRef>> {
        match self {
            Self::Function(function) => function.class.as_ref(),
            _ => None,
        }
    }

    /// Whether an expression is the object that it is a method of.
    fn is_receiver(&self, expr: &Expr) -> bool {
        let Self::Function(function) = self else { return false };
        let receiver = function.def.params.first().filter(|_| function.takes_receiver());
        receiver.is_some_and(|receiver| expr.as_name() == Some(&receiver.name.name))
    }

    /// What a function imports itself under a name, and what that is called where it comes from.
    fn imports(&self, name: &SmolStr) -> Option<(&ImportFrom, &SmolStr)> {
        let Self::Function(function) = self else { return None };
        let mut statements = Vec::new();
        function.def.body.iter().for_each(|stmt| imported(stmt, &mut statements));
        statements.into_iter().find_map(|stmt| {
            let StmtKind::ImportFrom(import) = stmt else { return None };
            let imported = import.names.iter().find(|imported| imported.bound() == name)?;
            Some((&**import, &imported.name))
        })
    }

    fn file(&self) -> FileId {
        match self {
            Self::Function(function) => function.site.file,
            Self::Class(class) => class.site.file,
            Self::Module(file) => *file,
        }
    }
}

/// Whether a statement assigns to a name, or says what it holds.
fn is_assigned(stmt: &Stmt, name: &SmolStr) -> bool {
    matches!(&stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(name)))
}

/// What a statement assigns to a name.
fn values_of<'s>(stmt: &'s Stmt, name: &SmolStr) -> impl Iterator<Item = &'s Expr> {
    let value = match &stmt.kind {
        StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(name)) => {
            assign.value.as_ref()
        }
        _ => None,
    };
    value.into_iter()
}
