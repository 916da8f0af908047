//! Statements, and what values are bound to.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{Frame, MAX_NESTING, Returned, Session};
use crate::facts::typescript::tree::{Class, Expr, ExprKind, Loop, Operator, Pattern, Stmt, StmtKind, Switch, Try};
use crate::frontend::rows::is_sent;
use crate::frontend::store::Changes;
use crate::frontend::value::{ClassValue, Closure, ObjectKind, Origin, ScopeId, Symbol, Value};

/// How a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next one follows.
    Next,
    /// The loop goes on or ends.
    Left,
    /// The function ends.
    Ended,
}

impl Session<'_> {
    /// Executes statements in a scope of their own.
    pub(super) fn block(&mut self, stmts: &[Stmt]) -> Flow {
        let Some(outer) = self.frames.last().map(|frame| frame.scope) else { return Flow::Ended };
        let scope = self.store.scope(Some(outer));
        self.set_scope(scope);
        let flow = self.stmts(stmts);
        self.set_scope(outer);
        flow
    }

    fn set_scope(&mut self, scope: ScopeId) {
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = scope;
        }
    }

    pub(super) fn stmts(&mut self, stmts: &[Stmt]) -> Flow {
        let Some(scope) = self.frames.last().map(|frame| frame.scope) else { return Flow::Ended };
        for stmt in stmts {
            self.hoist_stmt(stmt, scope);
        }
        for stmt in stmts {
            match self.stmt(stmt) {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    /// Declares the functions that are there before the code around them runs.
    pub(super) fn hoist_stmt(&mut self, stmt: &Stmt, scope: ScopeId) {
        match &stmt.kind {
            StmtKind::Function(function) => {
                if let Some(name) = &function.name {
                    let value = self.closure(function, None, None);
                    if let Value::Function(closure) = &value {
                        // Those of the module are entered by themselves.
                        if self.frames.last().is_some_and(|frame| frame.function != 0) {
                            self.made.push(Rc::clone(closure));
                        }
                        self.note_action(closure);
                    }
                    self.store.declare(scope, name, value);
                }
            }
            StmtKind::Export(declared) => self.hoist_stmt(declared, scope),
            // What React calls when all has run may stand above what it calls: `useEffect(() => { load(); })`.
            StmtKind::Declare(declared) if self.frames.last().is_some_and(|frame| frame.function != 0) => {
                for declarator in declared {
                    if let (Pattern::Name(name, _), Some(value)) = (&declarator.target, &declarator.value)
                        && let ExprKind::Function(function) = &value.kind
                    {
                        let value = self.closure(function, None, None);
                        self.store.declare(scope, name, value);
                    }
                }
            }
            StmtKind::ExportDefault(value) => {
                if let ExprKind::Function(function) = &value.kind {
                    let value = self.closure(function, None, None);
                    if let Some(name) = &function.name {
                        self.store.declare(scope, name, value.clone());
                    }
                    self.store.declare(scope, &SmolStr::new_static("default"), value);
                }
            }
            _ => {}
        }
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) -> Flow {
        if !self.step() || self.nesting >= MAX_NESTING {
            return Flow::Ended;
        }
        self.nesting += 1;
        let flow = self.stmt_here(stmt);
        self.nesting -= 1;
        flow
    }

    fn stmt_here(&mut self, stmt: &Stmt) -> Flow {
        match &stmt.kind {
            StmtKind::Nothing | StmtKind::Function(_) | StmtKind::Import(_) | StmtKind::ExportNames(_) => Flow::Next,
            StmtKind::Leave => Flow::Left,
            StmtKind::Expr(value) => {
                self.expr(value);
                if self.never_returns(value) { Flow::Ended } else { Flow::Next }
            }
            StmtKind::Declare(declared) => {
                for declarator in declared {
                    let value = match &declarator.value {
                        Some(value) => self.declared_value(&declarator.target, value),
                        None => Value::Undefined,
                    };
                    self.bind(&declarator.target, value, true);
                }
                Flow::Next
            }
            StmtKind::Class(class) => {
                let value = self.class(class);
                if let Some(name) = &class.name {
                    self.declare(name, value);
                }
                Flow::Next
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or(Value::Undefined, |value| self.expr(value));
                let value = self.given_back(value);
                if let Some(frame) = self.frames.last_mut() {
                    let written = self.store.written_since(frame.begun);
                    frame.returns.push(Returned { value, written });
                }
                Flow::Ended
            }
            StmtKind::Throw(value) => {
                self.expr(value);
                self.watch_thrown();
                Flow::Ended
            }
            StmtKind::If(branch) => self.if_stmt(&branch.test, &branch.then, &branch.otherwise),
            StmtKind::Loop(repeated) => self.loop_stmt(repeated),
            StmtKind::Try(tried) => self.try_stmt(tried),
            StmtKind::Switch(switch) => self.switch(switch),
            StmtKind::Block(stmts) => self.block(stmts),
            StmtKind::Export(declared) => self.stmt(declared),
            StmtKind::ExportDefault(value) => {
                let value = match &value.kind {
                    // Declared already.
                    ExprKind::Function(_) => return Flow::Next,
                    ExprKind::Class(class) => {
                        let value = self.class(class);
                        if let Some(name) = &class.name {
                            self.declare(name, value.clone());
                        }
                        value
                    }
                    _ => self.expr(value),
                };
                self.declare(&SmolStr::new_static("default"), value);
                Flow::Next
            }
            StmtKind::Enum(name, members) => {
                let object = self.store.object(ObjectKind::Plain, self.place(stmt.range));
                for (member, value) in members {
                    let value = value.as_ref().map_or(Value::Unknown, |value| self.expr(value));
                    self.store.set(object, member, value);
                }
                self.declare(name, Value::Object(object));
                Flow::Next
            }
        }
    }

    pub(super) fn declare(&mut self, name: &SmolStr, value: Value) {
        if let Some(frame) = self.frames.last() {
            self.store.declare(frame.scope, name, value);
        }
    }

    /// Runs something, takes back what it changed, and gives that.
    pub(in crate::frontend) fn branch<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> (T, Changes) {
        let (mark, certain, missing) = (self.store.mark(), self.certain.len(), self.logged_answers.missing.len());
        let result = run(self);
        self.certain.truncate(certain);
        self.logged_answers.missing.truncate(missing);
        (result, self.store.take_back(mark))
    }

    /// A result as it leaves a function: what tests have shown in it stays true,
    /// and `null` is one that the function means.
    fn given_back(&self, value: Value) -> Value {
        match &value {
            Value::Null if !self.without_window => Value::nothing(),
            _ => value.each(|value| match value {
                Value::Symbol(symbol) if symbol.may_be_missing && !self.may_be_missing(symbol) => {
                    Value::Symbol(Rc::new(Symbol { may_be_missing: false, ..(**symbol).clone() }))
                }
                value => value.clone(),
            }),
        }
    }

    fn if_stmt(&mut self, test: &Expr, then: &[Stmt], otherwise: &[Stmt]) -> Flow {
        let is_outside_of_browser = tests_for_no_window(test);
        let (looked, tested) = (self.looked.len(), self.tested.len());
        let value = self.expr(test);
        let newly: Vec<_> = self.looked.get(looked..).unwrap_or_default().to_vec();
        self.looked.truncate(looked);
        match value.truth() {
            Some(true) => return self.block(then),
            Some(false) => return self.block(otherwise),
            None => {}
        }
        let refusals = self.refusals(test);
        self.tested.extend(newly);
        self.refused.extend(refusals);
        let (then_flow, then_changes) = self.branch(|session| {
            session.assume(test, true);
            let before = session.without_window;
            session.without_window |= is_outside_of_browser;
            let flow = session.block(then);
            session.without_window = before;
            flow
        });
        if refusals.is_some() {
            self.refused.pop();
        }
        let (other_flow, other_changes) = self.branch(|session| {
            session.assume(test, false);
            session.block(otherwise)
        });
        self.tested.truncate(tested);
        let goes_on = |flow: Flow| flow != Flow::Ended;
        let mut kept = Vec::new();
        if goes_on(then_flow) {
            kept.push(then_changes);
        }
        if goes_on(other_flow) {
            kept.push(other_changes);
        }
        let flow = match (then_flow, other_flow) {
            (Flow::Ended, Flow::Ended) => return Flow::Ended,
            (Flow::Next, _) | (_, Flow::Next) => Flow::Next,
            _ => Flow::Left,
        };
        self.store.join(kept);
        // What one branch leaves, the other has shown.
        let then_leaves = then_flow != Flow::Next || self.leaves_page(then, 0);
        let other_leaves = other_flow != Flow::Next || self.leaves_page(otherwise, 0);
        if then_leaves && !other_leaves {
            self.assume(test, false);
        } else if other_leaves && !then_leaves {
            self.assume(test, true);
        }
        flow
    }

    fn loop_stmt(&mut self, repeated: &Loop) -> Flow {
        self.stmts(&repeated.before);
        let each = repeated.each.as_ref().map(|(target, values)| (target, self.expr(values)));
        let (_, changes) = self.branch(|session| {
            if let Some((target, values)) = each {
                let element = session.element(&values);
                session.bind(target, element, true);
            }
            for test in &repeated.test {
                session.expr(test);
            }
            session.block(&repeated.body)
        });
        self.store.join(vec![changes, Changes::default()]);
        Flow::Next
    }

    /// Any element of a value.
    pub(super) fn element(&mut self, values: &Value) -> Value {
        match values {
            Value::Array(elements) if !elements.is_empty() => Value::any(elements.iter().cloned()),
            // Each of what whoever asks has sent is theirs to choose, too.
            Value::Symbol(symbol) if is_sent(symbol) => values.clone(),
            _ => Value::Unknown,
        }
    }

    fn try_stmt(&mut self, tried: &Try) -> Flow {
        let (flow, changes) = self.branch(|session| session.block(&tried.body));
        let Some(handler) = &tried.handler else {
            self.store.join(vec![changes]);
            return self.then_finally(flow, &tried.finally);
        };
        // The handler runs from anywhere in the body.
        let (handler_flow, handler_changes) = self.branch(|session| {
            let outer = session.frames.last().map(|frame| frame.scope);
            let scope = session.store.scope(outer);
            session.set_scope(scope);
            if let Some(failure) = &tried.failure {
                session.bind(failure, Value::from(Origin::Failure, false), true);
            }
            let flow = session.block(handler);
            if let Some(outer) = outer {
                session.set_scope(outer);
            }
            flow
        });
        let mut kept = Vec::new();
        if flow != Flow::Ended {
            kept.push(changes);
        }
        if handler_flow != Flow::Ended {
            kept.push(handler_changes);
        }
        let flow = match (flow, handler_flow) {
            (Flow::Ended, Flow::Ended) => Flow::Ended,
            (Flow::Next, _) | (_, Flow::Next) => Flow::Next,
            _ => Flow::Left,
        };
        self.store.join(kept);
        self.then_finally(flow, &tried.finally)
    }

    fn then_finally(&mut self, flow: Flow, finally: &[Stmt]) -> Flow {
        match self.block(finally) {
            Flow::Next => flow,
            ended => ended,
        }
    }

    fn switch(&mut self, switch: &Switch) -> Flow {
        self.expr(&switch.value);
        let mut kept = vec![Changes::default()];
        for case in &switch.cases {
            let (flow, changes) = self.branch(|session| {
                if let Some(value) = &case.value {
                    session.expr(value);
                }
                session.block(&case.body)
            });
            if flow != Flow::Ended {
                kept.push(changes);
            }
        }
        self.store.join(kept);
        Flow::Next
    }

    /// Binds a value to a pattern: declares its variables, or assigns to them.
    pub(super) fn bind(&mut self, pattern: &Pattern, value: Value, declares: bool) {
        if !self.step() {
            return;
        }
        match pattern {
            Pattern::Name(name, _) if declares => self.declare(name, value),
            Pattern::Name(name, range) => {
                self.watch_assigned(name, &value, *range);
                let scope = self.frames.last().map(|frame| frame.scope);
                if let Some(scope) = scope {
                    self.store.assign(scope, name, value);
                }
            }
            Pattern::Object(object) => {
                for (key, target) in &object.properties {
                    let part = match key {
                        Some(key) => self.member(&value, key, false),
                        None => Value::Unknown,
                    };
                    self.bind(target, part, declares);
                }
                if let Some(rest) = &object.rest {
                    let left = self.without(&value, &object.properties);
                    self.bind(rest, left, declares);
                }
            }
            Pattern::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    let Some(element) = element else { continue };
                    let part = match &value {
                        Value::Array(values) => values.get(at).cloned().unwrap_or(Value::Unknown),
                        // Rows that a query gave.
                        Value::Package(package) if package.path.ends_with("()") => {
                            Self::package_path(package, &at.to_string())
                        }
                        _ => Value::Unknown,
                    };
                    self.bind(element, part, declares);
                }
            }
            Pattern::Default(with) => {
                let (target, default) = &**with;
                let value = match value {
                    Value::Undefined => self.expr(default),
                    Value::Either(values) if values.contains(&Value::Undefined) => {
                        let default = self.expr(default);
                        Value::any(values.iter().filter(|value| **value != Value::Undefined).cloned().chain([default]))
                    }
                    Value::Unknown => {
                        let default = self.expr(default);
                        Value::any([default, Value::Unknown])
                    }
                    value => value,
                };
                self.bind(target, value, declares);
            }
            Pattern::Rest(target) => self.bind(target, Value::Unknown, declares),
            Pattern::Place(place) => self.assign_to(place, value),
        }
    }

    /// An object without some of its entries.
    fn without(&mut self, value: &Value, taken: &[(Option<SmolStr>, Pattern)]) -> Value {
        let Value::Object(object) = value else { return Value::Unknown };
        let object = self.store.get(*object).clone();
        let left = self.store.object(ObjectKind::Plain, object.place);
        for (name, value) in object.entries {
            if !taken.iter().any(|(key, _)| key.as_ref() == Some(&name)) {
                self.store.set(left, &name, value);
            }
        }
        if object.open {
            self.store.open(left);
        }
        Value::Object(left)
    }

    /// A class, with its static fields.
    pub(super) fn class(&mut self, class: &Arc<Class>) -> Value {
        let Some((file, item, scope)) = self.frames.last().map(|frame| (frame.file, frame.item, frame.scope)) else {
            return Value::Unknown;
        };
        let base = class.base.as_ref().map(|base| self.expr(base));
        let statics = self.store.object(ObjectKind::Plain, self.place(class.range));
        let value = Rc::new(ClassValue { class: Arc::clone(class), file, item, scope, statics, base });
        for (name, is_static, first) in &class.fields {
            if *is_static {
                let first = first.as_ref().map_or(Value::Undefined, |first| self.expr(first));
                self.store.set(statics, name, first);
            }
        }
        for method in class.methods.iter().filter(|method| method.is_static) {
            let this = Some(Value::Class(Rc::clone(&value)));
            let closure = Closure {
                function: Arc::clone(&method.function),
                file,
                item,
                scope,
                this,
                class: Some(Rc::clone(&value)),
            };
            self.store.set(statics, &method.name, Value::Function(Rc::new(closure)));
        }
        Value::Class(value)
    }

    /// A frame for code of a class or function.
    pub(super) fn frame(
        &self,
        closure: &Closure,
        scope: ScopeId,
        call: Option<crate::frontend::outcome::Place>,
    ) -> Frame {
        Frame {
            file: closure.file,
            item: closure.item,
            scope,
            this: closure.this.clone(),
            class: closure.class.clone(),
            function: super::address(&closure.function),
            returns: Vec::new(),
            begun: self.store.mark(),
            call,
        }
    }
}

/// Whether a test holds only where there is no browser: `typeof window === "undefined"`.
fn tests_for_no_window(test: &Expr) -> bool {
    let ExprKind::Binary(binary) = &test.kind else { return false };
    let is_undefined = matches!(&binary.right.kind, ExprKind::Text(text) if text == "undefined");
    let ExprKind::TypeOf(inner) = &binary.left.kind else { return false };
    let is_of_browser = matches!(&inner.kind, ExprKind::Name(name)
        if matches!(name.as_str(), "window" | "document" | "localStorage" | "sessionStorage"));
    binary.operator == Operator::Equal && is_undefined && is_of_browser
}
