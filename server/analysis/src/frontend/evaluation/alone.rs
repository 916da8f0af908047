//! Functions of the evaluated file that nobody calls: they run with unknown arguments.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{MAX_STEPS, Session, address};
use crate::facts::typescript::file::Export;
use crate::facts::typescript::tree::{Expr, ExprKind, Function, StmtKind};
use crate::frontend::value::{ClassValue, Closure, ObjectKind, ScopeId, Value};
use crate::vfs::FileId;

/// Expressions that all functions of a file may evaluate that nobody calls, together.
/// The largest real module seen takes 200,000.
const MAX_FILE_STEPS: u32 = 600_000;

impl Session<'_> {
    /// Runs the functions that a top-level statement defines, unless they ran.
    pub(super) fn enter_item(&mut self, file: FileId, item: usize, scope: ScopeId, stmt: &StmtKind) {
        match stmt {
            StmtKind::Function(function) => self.enter(file, item, scope, function),
            StmtKind::Export(declared) => self.enter_item(file, item, scope, &declared.kind),
            StmtKind::ExportDefault(Expr { kind: ExprKind::Function(function), .. }) => {
                self.enter(file, item, scope, function);
            }
            StmtKind::Class(class) => self.enter_class(file, class.name.as_ref(), scope),
            StmtKind::ExportDefault(Expr { kind: ExprKind::Class(class), .. }) => {
                self.enter_class(file, class.name.as_ref(), scope);
            }
            _ => {}
        }
    }

    fn enter(&mut self, file: FileId, item: usize, scope: ScopeId, function: &Arc<Function>) {
        // One that only this file can call is judged by its calls.
        let has_run = self.endpoints.contains(&address(function));
        if has_run || (self.ran.contains(&address(function)) && !self.is_exported(file, function.name.as_ref())) {
            return;
        }
        let closure = Closure { function: Arc::clone(function), file, item, scope, this: None, class: None };
        self.run_alone(&Rc::new(closure));
    }

    fn enter_class(&mut self, file: FileId, name: Option<&SmolStr>, scope: ScopeId) {
        let Some(Value::Class(class)) = name.and_then(|name| self.store.variable(scope, name)) else { return };
        let only = self.only_instance(&class, scope).filter(|_| !self.is_exported(file, name));
        let instance = only.unwrap_or_else(|| self.instance(&class, &[], None));
        for method in &class.class.methods {
            if method.name == "constructor" || self.ran.contains(&address(&method.function)) {
                continue;
            }
            let this = if method.is_static { Value::Class(Rc::clone(&class)) } else { instance.clone() };
            let closure = Closure {
                function: Arc::clone(&method.function),
                file: class.file,
                item: class.item,
                scope: class.scope,
                this: Some(this),
                class: Some(Rc::clone(&class)),
            };
            self.run_alone(&Rc::new(closure));
        }
    }

    /// The instance that a module makes of a class, where that is one: `export const api = new Client("/api")`.
    fn only_instance(&self, class: &Rc<ClassValue>, scope: ScopeId) -> Option<Value> {
        let instance = |value: &Value| match value {
            Value::Object(object) => {
                let is_one = matches!(&self.store.get(*object).kind, ObjectKind::Instance(of) if Rc::ptr_eq(of, class));
                is_one.then_some(*object)
            }
            _ => None,
        };
        let mut instances = self.store.variables(scope).filter_map(|(_, value)| instance(value));
        let first = instances.next()?;
        // The module may export it under several names.
        instances.all(|other| other == first).then_some(Value::Object(first))
    }

    fn is_exported(&self, file: FileId, name: Option<&SmolStr>) -> bool {
        let Some(facts) = self.script(file) else { return true };
        name.is_none_or(|name| {
            facts.exports.values().any(|export| matches!(export, Export::Local(local) if local == name))
        })
    }

    /// Runs a function with unknown arguments, and takes back what it changed.
    fn run_alone(&mut self, closure: &Rc<Closure>) {
        // What is left of the file's steps, if that is less than a function may take.
        self.steps = MAX_STEPS - MAX_STEPS.min(MAX_FILE_STEPS.saturating_sub(self.spent));
        let begun = self.steps;
        let mark = self.store.mark();
        let (certain, made) = (self.certain.len(), self.made.len());
        let kept = (self.modules.len(), self.actions.len());
        self.call_unknowing(closure);
        self.run_made(made);
        self.certain.truncate(certain);
        self.store.take_back(mark);
        self.spent += self.steps.min(MAX_STEPS).saturating_sub(begun);
        // Nobody has its result: what it made goes, unless something that stays may hold a part.
        if kept == (self.modules.len(), self.actions.len()) && self.provided.is_empty() {
            self.store.drop_since(mark);
            let (_, objects) = self.store.counts();
            self.properties.retain(|object, _| (object.0 as usize) < objects);
        }
    }

    /// Runs the functions that were made since and that nobody called.
    pub(super) fn run_made(&mut self, since: usize) {
        while self.made.len() > since {
            let Some(closure) = self.made.pop() else { return };
            if closure.file == self.evaluated && !self.ran.contains(&address(&closure.function)) {
                let mark = self.store.mark();
                self.call_unknowing(&closure);
                self.store.take_back(mark);
            }
        }
    }
}
