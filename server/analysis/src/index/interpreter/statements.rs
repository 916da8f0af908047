//! Statements.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::super::value::{Arguments, FunctionRef, Unknown, Value};
use super::effects::Factory;
use super::expressions::{either, either_by_default, items_of, may_be_missing, present, same};
use super::objects::registers;
use super::{Execution, MAX_ITERATIONS, Scope};
use crate::facts::python::file::{PythonFile, bound_module_name, bound_names};
use crate::facts::python::outline::makes_application;
use crate::facts::python::tree::{
    Assign, Class, Expr, ExprKind, Function, Handler, ImportedName, ParamKind, Stmt, StmtKind,
};
use crate::index::looked_at::Definition;

/// How a block ended.
pub(super) enum Flow {
    Next,
    Return(Value),
    Break,
    Continue,
    /// `raise`, or the bound on steps.
    Leave,
}

impl Flow {
    /// Whether a function that returned `early` under conditions that are not
    /// known may have given something else than where it ended. An object decides
    /// no condition, and only with one in place of `None` whatever is done with it goes on.
    pub(super) fn is_one_of(&self, early: &[Value]) -> bool {
        let last = if let Self::Return(last) = self { last } else { &Value::None };
        let missing = |early: &Value| matches!((early, last), (Value::None, Value::Instance(_)));
        early.iter().any(|early| !same(early, last) && !missing(early))
    }

    /// What a function gives that ended so, having returned `early` under
    /// conditions that are not known.
    pub(super) fn returned(self, early: Vec<Value>) -> Value {
        match self {
            // Special cases come first and the rule comes last, except where
            // each case has a callable of its own.
            Self::Return(mut last) => {
                for value in early.into_iter().filter(is_callable) {
                    if !same(&value, &last) {
                        return Value::Unknown(Unknown::Ambiguous);
                    }
                    last = either(value, last);
                }
                last
            }
            Self::Next | Self::Break | Self::Continue | Self::Leave => {
                early.into_iter().reduce(either).unwrap_or(Value::None)
            }
        }
    }
}

/// Whether a value may be what guards a route.
fn is_callable(value: &Value) -> bool {
    matches!(
        value,
        Value::Function(_)
            | Value::Bound(_)
            | Value::Class(_)
            | Value::Instance(_)
            | Value::Depends(_)
            | Value::Lambda(_)
    )
}

/// What is known of a condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    /// Whether it holds, when the environment has no say.
    pub(super) certain: Option<bool>,
    /// Whether it holds where the environment says nothing.
    pub(super) by_default: Option<bool>,
}

impl Execution<'_, '_> {
    /// Executes a module's items, then the factories that nothing called, then
    /// what applications do when they start.
    pub(super) fn module(&mut self, facts: &Arc<PythonFile>) {
        for item in &facts.items {
            let mut scope = Scope::module(self.root, item.number);
            self.stmt(&mut scope, &item.placed.item.stmt);
        }
        self.factories(facts);
        self.run_startups();
    }

    /// Executes `def create_app(…)` as an application server would
    /// (`uvicorn --factory`), with its default arguments, where nothing called it.
    fn factories(&mut self, facts: &PythonFile) {
        let called = std::mem::take(&mut self.run.executed);
        let mut all = called.clone();
        for item in &facts.items {
            let StmtKind::Function(def) = &item.placed.item.stmt.kind else { continue };
            let place = Definition { file: self.root, item: item.number, name: def.name.range.start };
            if called.contains(&place) || !makes_application(&def.body) {
                continue;
            }
            self.factory(def, item.number);
            self.run.executed.remove(&place);
            // What it called is no application of its own.
            for router in &mut self.run.routers {
                if let Some(factory) = &mut router.factory {
                    factory.superseded |= self.run.executed.contains(&Definition::at(factory.site));
                }
            }
            all.extend(self.run.executed.drain());
            all.insert(place);
        }
        self.run.executed = all;
    }

    fn factory(&mut self, def: &Arc<Function>, item: u32) {
        let first = self.run.routers.len();
        let scope = Scope::module(self.root, item);
        let function = self.interpreter.function(def, &scope);
        let result = self.invoke(&function, None, &Arguments::default());
        for (index, router) in self.run.routers.iter_mut().enumerate().skip(first) {
            let returned = matches!(&result, Value::Router(id) if id.file == self.root && id.index as usize == index);
            router.factory = Some(Factory { site: function.site, returned, superseded: false });
        }
    }

    pub(super) fn block(&mut self, scope: &mut Scope, stmts: &[Stmt]) -> Flow {
        for stmt in stmts {
            match self.stmt(scope, stmt) {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    fn stmt(&mut self, scope: &mut Scope, stmt: &Stmt) -> Flow {
        if !self.step() {
            return Flow::Leave;
        }
        match &stmt.kind {
            StmtKind::Import(_) | StmtKind::ImportFrom(_) => self.import(scope, &stmt.kind),
            StmtKind::Function(def) => self.define_function(scope, def),
            StmtKind::Class(def) => self.define_class(scope, def),
            StmtKind::Assign(assign) => self.assign(scope, assign),
            StmtKind::AugAssign(aug) => {
                let value = self.expr(scope, &aug.value);
                let old = self.expr(scope, &aug.target);
                let new = super::expressions::binary(&aug.op, &old, &value);
                self.bind(scope, &aug.target, new);
            }
            StmtKind::TypeAlias { name, value } => {
                let value = self.expr(scope, value);
                self.set(scope, &name.name, Value::Alias(Arc::new(value)));
            }
            StmtKind::Expr(expr) => {
                self.expr(scope, expr);
            }
            StmtKind::If { test, body, or_else } => return self.branch(scope, test, body, or_else),
            StmtKind::For { target, iter, body, or_else } => return self.for_loop(scope, target, iter, body, or_else),
            StmtKind::While { test, body, .. } => {
                self.expr(scope, test);
                self.unknown_loops += 1;
                let flow = self.block(scope, body);
                self.unknown_loops -= 1;
                if let Flow::Return(value) = flow {
                    self.guesses += 1;
                    return Flow::Return(value);
                }
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                let flow = self.block(scope, body);
                self.conditional += 1;
                let imports = self.imports_of_project(scope, body);
                for handler in handlers.iter().filter(|handler| !(imports && is_for_imports(handler))) {
                    // What the body bound holds: handlers only add what is missing.
                    let before = self.names(scope);
                    self.clauses += 1;
                    let caught = self.block(scope, &handler.body);
                    self.clauses -= 1;
                    match caught {
                        Flow::Leave => {}
                        Flow::Return(Value::None) => self.early_returns.push(Value::None),
                        _ => self.guesses += 1,
                    }
                    self.restore(scope, before);
                }
                self.conditional -= 1;
                if matches!(flow, Flow::Next) {
                    let flow = self.block(scope, or_else);
                    self.block(scope, finally);
                    return flow;
                }
                self.block(scope, finally);
                return flow;
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let value = self.expr(scope, context);
                    if let Some(target) = target {
                        self.bind(scope, target, value);
                    }
                }
                return self.block(scope, body);
            }
            StmtKind::Match { subject, cases } => {
                self.expr(scope, subject);
                self.conditional += 1;
                for case in cases {
                    for name in &case.binds {
                        self.set(scope, name, Value::Unknown(Unknown::Local));
                    }
                    if let Flow::Return(early) = self.block(scope, &case.body) {
                        self.early_returns.push(early);
                    }
                }
                self.conditional -= 1;
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or(Value::None, |value| self.expr(scope, value));
                return Flow::Return(value);
            }
            StmtKind::Raise { .. } => return Flow::Leave,
            StmtKind::Break => return Flow::Break,
            StmtKind::Continue => return Flow::Continue,
            StmtKind::Global(names) => scope.globals.extend(names.iter().cloned()),
            StmtKind::Delete(_) | StmtKind::Assert(_) | StmtKind::Pass | StmtKind::Unknown => {}
        }
        Flow::Next
    }

    pub(super) fn import(&mut self, scope: &mut Scope, kind: &StmtKind) {
        match kind {
            StmtKind::Import(modules) => {
                for import in modules {
                    let value = self.interpreter.imported_module(scope.file, import);
                    self.set(scope, &bound_module_name(import), value);
                }
            }
            StmtKind::ImportFrom(import) => {
                for name in &import.names {
                    let value = self.interpreter.imported(scope.file, import, &name.name);
                    self.set(scope, name.bound(), value);
                }
            }
            _ => {}
        }
    }

    fn define_function(&mut self, scope: &mut Scope, def: &Arc<Function>) {
        let function = self.interpreter.function(def, scope);
        let mut value = Value::Function(function);
        for decorator in def.decorators.iter().rev() {
            value = self.decorate(scope, decorator, value);
        }
        self.set(scope, &def.name.name, value);
    }

    fn define_class(&mut self, scope: &mut Scope, def: &Arc<Class>) {
        // What a module has bound so far nobody else can look up before it has run: `try: from … import Base`.
        let bound = |base: &Expr| {
            let is_of_module = scope.file == self.root && scope.locals.is_none() && scope.class.is_none();
            let value = self.run.globals.get(base.as_name()?).filter(|_| is_of_module)?;
            Some(self.interpreter.force(value.clone()).settled())
        };
        let class = self.interpreter.class_of_bases(def, scope, self.number, &bound);
        self.run.made.classes.push(Arc::clone(&class.attributes));
        for decorator in &def.decorators {
            self.expr(scope, decorator);
        }
        if registers(def) {
            let mut body = Scope { locals: Some(FxHashMap::default()), ..Scope::of_class(&class) };
            body.item = scope.item;
            self.block(&mut body, &def.body);
            for (name, value) in body.locals.into_iter().flatten() {
                class.attributes.set(&name, value);
            }
        }
        self.set(scope, &def.name.name, Value::Class(class));
    }

    fn assign(&mut self, scope: &mut Scope, assign: &Assign) {
        let Some(value) = &assign.value else { return };
        let value = self.expr(scope, value);
        for target in &assign.targets {
            if let (Value::Router(id), Some(name)) = (&value, target.as_name()) {
                self.name_router(*id, name, scope);
            }
            self.bind(scope, target, value.clone());
        }
    }

    /// Binds a target: a name, or names in a tuple.
    pub(super) fn bind(&mut self, scope: &mut Scope, target: &Expr, value: Value) {
        match &target.kind {
            ExprKind::Name(name) => self.set(scope, name, value),
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                let values = match self.interpreter.force(value) {
                    Value::List(values) if values.len() == parts.len() && !values.iter().any(may_be_missing) => {
                        Some(values)
                    }
                    _ => None,
                };
                for (at, part) in parts.iter().enumerate() {
                    let value = values.as_ref().map_or(Value::Unknown(Unknown::Unsupported), |v| v[at].clone());
                    self.bind(scope, part, value);
                }
            }
            ExprKind::Starred(part) => self.bind(scope, part, Value::Unknown(Unknown::Unsupported)),
            ExprKind::Attribute { value: object, name } => {
                let object = self.forced(scope, object);
                self.set_attribute(&object, &name.name, value);
            }
            ExprKind::Subscript { value: container, index } => self.set_entry(scope, container, index, value),
            _ => {}
        }
    }

    /// `container[index] = value`, for dictionaries.
    fn set_entry(&mut self, scope: &mut Scope, container: &Expr, index: &Expr, value: Value) {
        let Value::Dict(entries) = self.forced(scope, container) else { return };
        let key = self.forced(scope, index);
        let changed = self.with_entry(&entries, key, value);
        self.bind(scope, container, changed);
    }

    /// A dictionary with an entry set: to something unknown, if it is not
    /// certain that this happens.
    pub(super) fn with_entry(&self, entries: &[(Value, Value)], key: Value, value: Value) -> Value {
        let certain = self.conditional == 0 && self.unknown_loops == 0;
        if !certain && matches!(key, Value::Unknown(_)) {
            return Value::Unknown(Unknown::Unsupported);
        }
        let value = if certain { value } else { Value::Unknown(Unknown::Ambiguous) };
        let others = entries.iter().filter(|(k, _)| !same(k, &key)).cloned();
        Value::Dict(Arc::new(others.chain([(key.clone(), value)]).collect()))
    }

    pub(super) fn set(&mut self, scope: &mut Scope, name: &SmolStr, value: Value) {
        if scope.globals.contains(name) {
            if scope.file == self.root {
                self.run.globals.insert(name.clone(), value);
            } else {
                self.assigned.insert((scope.file, name.clone()), value);
            }
            return;
        }
        match &mut scope.locals {
            Some(locals) => locals.insert(name.clone(), value),
            None if scope.file == self.root => self.run.globals.insert(name.clone(), value),
            None => None,
        };
    }

    /// The variables of the scope as they are now.
    fn names(&self, scope: &Scope) -> FxHashMap<SmolStr, Value> {
        match &scope.locals {
            Some(locals) => locals.clone(),
            None => self.run.globals.clone(),
        }
    }

    /// Whether a block imports something, and all that it imports from modules are names of the project.
    fn imports_of_project(&self, scope: &Scope, block: &[Stmt]) -> bool {
        let imports = block.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::ImportFrom(import) => Some(import),
            _ => None,
        });
        let mut names = imports.flat_map(|import| &import.names).peekable();
        let is_of_project = |name: &ImportedName| {
            !matches!(self.get(scope, name.bound()), None | Some(Value::Package(_) | Value::Unknown(_)))
        };
        let is_plain = !block.iter().any(|stmt| matches!(stmt.kind, StmtKind::Import(_)));
        is_plain && names.peek().is_some() && names.all(is_of_project)
    }

    /// Puts back what was bound before; names bound since then stay.
    fn restore(&mut self, scope: &mut Scope, before: FxHashMap<SmolStr, Value>) {
        match &mut scope.locals {
            Some(locals) => locals.extend(before),
            None => self.run.globals.extend(before),
        }
    }

    fn branch(&mut self, scope: &mut Scope, test: &Expr, body: &[Stmt], or_else: &[Stmt]) -> Flow {
        if is_main_check(test) {
            return Flow::Next;
        }
        let decision = self.decide(scope, test);
        match decision.certain {
            Some(true) => return self.block(scope, body),
            Some(false) => return self.block(scope, or_else),
            None => {}
        }
        self.conditional += 1;
        let assigned = assigned_names(body, or_else);
        let before: Vec<Option<Value>> = assigned.iter().map(|name| self.get(scope, name)).collect();
        let first = self.block(scope, body);
        let after_body: Vec<Option<Value>> = assigned.iter().map(|name| self.get(scope, name)).collect();
        for (name, value) in assigned.iter().zip(&before) {
            self.put_back(scope, name, value.clone());
        }
        let second = self.block(scope, or_else);
        for ((name, body_value), _) in assigned.iter().zip(after_body).zip(before) {
            let else_value = self.get(scope, name);
            let merged = match (body_value, else_value) {
                (Some(a), Some(b)) => Some(either_by_default(a, b, decision.by_default)),
                (a, b) => a.or(b),
            };
            self.put_back(scope, name, merged);
        }
        self.conditional -= 1;
        match (first, second) {
            (Flow::Return(a), Flow::Return(b)) => Flow::Return(either(a, b)),
            (Flow::Leave, Flow::Leave) => Flow::Leave,
            (Flow::Return(early), _) | (_, Flow::Return(early)) => {
                self.early_returns.push(early);
                Flow::Next
            }
            _ => Flow::Next,
        }
    }

    /// Whether a condition holds.
    pub(super) fn decide(&mut self, scope: &mut Scope, test: &Expr) -> Decision {
        let before = self.assumptions;
        let value = self.forced(scope, test);
        let by_default = super::expressions::truth(value.by_default());
        let certain = super::expressions::truth(&value).filter(|_| self.assumptions == before);
        Decision { certain, by_default }
    }

    fn get(&self, scope: &Scope, name: &SmolStr) -> Option<Value> {
        match &scope.locals {
            Some(locals) => locals.get(name).cloned(),
            None => self.run.globals.get(name).cloned(),
        }
    }

    fn put_back(&mut self, scope: &mut Scope, name: &SmolStr, value: Option<Value>) {
        match value {
            Some(value) => self.set(scope, name, value),
            None => {
                match &mut scope.locals {
                    Some(locals) => locals.remove(name),
                    None => self.run.globals.remove(name),
                };
            }
        }
    }

    fn for_loop(&mut self, scope: &mut Scope, target: &Expr, iter: &Expr, body: &[Stmt], or_else: &[Stmt]) -> Flow {
        let iterated = self.expr(scope, iter);
        let Some(values) = items_of(self.interpreter.force(iterated)) else {
            self.unknown_loops += 1;
            self.bind(scope, target, Value::Unknown(Unknown::Unsupported));
            let flow = self.block(scope, body);
            self.unknown_loops -= 1;
            let Flow::Return(value) = flow else { return Flow::Next };
            self.guesses += 1;
            return Flow::Return(value);
        };
        for value in values.iter().take(MAX_ITERATIONS) {
            let is_conditional = u32::from(may_be_missing(value));
            self.conditional += is_conditional;
            self.bind(scope, target, present(value).clone());
            let flow = self.block(scope, body);
            self.conditional -= is_conditional;
            match flow {
                Flow::Return(value) => return Flow::Return(value),
                Flow::Break => return Flow::Next,
                Flow::Leave => return Flow::Leave,
                Flow::Next | Flow::Continue => {}
            }
        }
        self.block(scope, or_else)
    }

    /// Parameters of a call by name.
    pub(super) fn bind_parameters(
        &mut self,
        function: &Arc<FunctionRef>,
        receiver: Option<Value>,
        arguments: &Arguments,
    ) -> FxHashMap<SmolStr, Value> {
        let mut bound = FxHashMap::default();
        let mut positional = receiver.into_iter().chain(arguments.positional.iter().cloned());
        let definition_scope = Scope::around(function);
        for param in &function.def.params {
            let name = &param.name.name;
            let by_name = || arguments.named.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
            let value = match param.kind {
                ParamKind::PositionalOnly | ParamKind::Normal => positional.next().or_else(by_name),
                ParamKind::KeywordOnly => by_name(),
                ParamKind::VarArgs => Some(Value::List(Arc::new(positional.by_ref().collect()))),
                ParamKind::KwArgs => {
                    let known = |n: &SmolStr| function.def.params.iter().any(|p| &p.name.name == n);
                    let rest = arguments.named.iter().filter(|(n, _)| !known(n));
                    Some(Value::Dict(Arc::new(rest.map(|(n, v)| (Value::Str(n.clone()), v.clone())).collect())))
                }
            };
            let value = match (value, &param.default) {
                (Some(value), _) => value,
                (None, _) if arguments.open_ended => Value::Unknown(Unknown::Unsupported),
                (None, Some(default)) => self.interpreter.eval_in(&definition_scope, default),
                (None, None) => Value::Unknown(Unknown::Local),
            };
            bound.insert(name.clone(), value);
        }
        bound
    }
}

fn assigned_names(body: &[Stmt], or_else: &[Stmt]) -> Vec<SmolStr> {
    let mut names = Vec::new();
    body.iter().chain(or_else).for_each(|stmt| bound_names(stmt, &mut names));
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a clause is for imports that fail, and for nothing that happens behind them. A relative one of a module that
/// is run by itself once raised `ValueError`.
fn is_for_imports(handler: &Handler) -> bool {
    let named = |name: &str| handler.types.iter().any(|ty| ty.as_name().is_some_and(|own| own == name));
    let all = ["ImportError", "ModuleNotFoundError", "ValueError"];
    let known = handler.types.iter().all(|ty| ty.as_name().is_some_and(|name| all.contains(&name.as_str())));
    known && (named("ImportError") || named("ModuleNotFoundError"))
}

/// `if __name__ == "__main__"`: not so when a server imports the module.
fn is_main_check(test: &Expr) -> bool {
    match &test.kind {
        ExprKind::Compare { first, rest } => {
            first.as_name().is_some_and(|name| name == "__name__") && matches!(rest.as_slice(), [(op, _)] if op == "==")
        }
        _ => false,
    }
}
