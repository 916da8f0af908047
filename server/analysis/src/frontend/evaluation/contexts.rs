//! Contexts of React: what their providers give to whoever asks for it.
//!
//! Which provider stands around a component is seen when the page is drawn.
//! A provider in the module that makes the context is taken for it.

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Declarator, Expr, ExprKind, Jsx, Pattern, Stmt, StmtKind};
use crate::facts::typescript::uses::Uses;
use crate::frontend::value::{ObjectId, ObjectKind, Value};

impl Session<'_> {
    /// Notes what an element gives as the provider of a context.
    pub(super) fn note_provider(&mut self, jsx: &Jsx, given: ObjectId) {
        let Some(value) = self.store.get(given).entries.get("value").cloned() else { return };
        let Some(tag) = &jsx.tag else { return };
        let context = match &tag.kind {
            ExprKind::Member(member) if member.property == "Provider" => self.expr(&member.object),
            // React 19 takes the context itself. Components of other modules are not asked for.
            ExprKind::Name(name) => {
                let scope = self.frames.last().map(|frame| frame.scope);
                scope.and_then(|scope| self.store.variable(scope, name)).unwrap_or(Value::Unknown)
            }
            _ => return,
        };
        if let Value::Object(context) = context
            && self.store.get(context).kind == ObjectKind::Context
        {
            self.provided.insert(context, value);
        }
    }

    /// What `useContext` gives.
    pub(in crate::frontend) fn context_value(&mut self, context: &Value) -> Value {
        let Value::Object(context) = context else { return Value::Unknown };
        if self.store.get(*context).kind != ObjectKind::Context {
            return Value::Unknown;
        }
        if let Some(value) = self.provided.get(context) {
            return value.clone();
        }
        // Whoever asks in the meantime stands in the provider.
        self.provided.insert(*context, Value::Unknown);
        self.run_providers(*context);
        self.provided.get(context).cloned().unwrap_or(Value::Unknown)
    }

    /// Runs the functions of a context's module that name it, until one provides it.
    fn run_providers(&mut self, context: ObjectId) {
        let file = self.store.get(context).place.file;
        let (Some(scope), Some(facts)) = (self.module(file), self.script(file)) else { return };
        let is_context =
            |session: &Self, name: &str| session.store.variable(scope, name) == Some(Value::Object(context));
        let found = self.outcome.found();
        let (steps, watch) = (std::mem::take(&mut self.steps), self.watch.take());
        for stmt in &*self.unpacked(file, &facts) {
            let mut uses = Uses::default();
            uses.add_stmt(stmt);
            if !uses.names.iter().any(|name| is_context(self, name)) {
                continue;
            }
            for name in declared(stmt) {
                let Some(Value::Function(closure)) = self.store.variable(scope, &name) else { continue };
                let ran = self.ran.clone();
                let made = self.made.len();
                self.branch(|session| session.call_unknowing(&closure));
                self.made.truncate(made);
                // It runs for itself where its own file is evaluated.
                self.ran = ran;
            }
            if self.provided.get(&context).is_some_and(|value| *value != Value::Unknown) {
                break;
            }
        }
        (self.steps, self.watch) = (steps, watch);
        self.outcome.forget_since(found);
    }
}

/// Variables that a top-level statement declares with functions.
fn declared(stmt: &Stmt) -> Vec<SmolStr> {
    match &stmt.kind {
        StmtKind::Export(declared_here) => declared(declared_here),
        StmtKind::Function(function) => function.name.iter().cloned().collect(),
        StmtKind::ExportDefault(Expr { kind: ExprKind::Function(function), .. }) => {
            function.name.iter().cloned().collect()
        }
        StmtKind::Declare(declarators) => {
            let names = declarators.iter().filter_map(|Declarator { target, .. }| match target {
                Pattern::Name(name, _) => Some(name.clone()),
                _ => None,
            });
            names.collect()
        }
        _ => Vec::new(),
    }
}
