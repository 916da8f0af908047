//! One execution: its variables, what it costs, and calls of the project's functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::scope::Scope;
use super::startup::Startup;
use super::{Interpreter, MAX_DEPTH, MAX_STEPS, ModuleRun};
use crate::index::looked_at::Definition;
use crate::index::value::{Arguments, FunctionRef, Resolve, Site, Unknown, Value};
use crate::vfs::FileId;

/// One execution: of a module, or of an expression looked at later.
pub(super) struct Execution<'i, 'a> {
    pub(super) interpreter: &'i Interpreter<'a>,
    /// The module that is executed; its variables are in `run`.
    pub(super) root: FileId,
    pub(super) run: ModuleRun,
    /// Tells the instances that this execution made from others.
    pub(super) number: u64,
    /// Whether what it does to routers is forgotten.
    pub(super) detached: bool,
    pub(super) steps: u32,
    pub(super) depth: u32,
    /// How often a value was read that the environment may change.
    pub(super) assumptions: u32,
    /// How often one of several ends of a function or block was taken for the one
    /// that counts, as a reader of routes may, and a reader of conditions may not.
    pub(super) guesses: u32,
    /// Variables of other modules that their own functions assigned (`global`).
    pub(super) assigned: FxHashMap<(FileId, SmolStr), Value>,
    /// What the innermost function returned under conditions that are not known.
    pub(super) early_returns: Vec<Value>,
    /// What the applications that were made run when they start.
    pub(super) startups: Vec<Startup>,
    /// Where the program asked for what the project's own router class is doing.
    pub(super) asked_at: Option<Site>,
    /// Number of enclosing branches that may not be taken.
    pub(super) conditional: u32,
    /// Number of enclosing clauses that run only where something failed.
    pub(super) clauses: u32,
    /// Number of enclosing loops over something unknown.
    pub(super) unknown_loops: u32,
}

impl<'i, 'a> Execution<'i, 'a> {
    pub(super) fn new(interpreter: &'i Interpreter<'a>, root: FileId) -> Self {
        static EXECUTIONS: AtomicU64 = AtomicU64::new(1);
        Self {
            interpreter,
            root,
            run: ModuleRun::default(),
            number: EXECUTIONS.fetch_add(1, Ordering::Relaxed),
            detached: false,
            steps: 0,
            depth: 0,
            assumptions: 0,
            guesses: 0,
            assigned: FxHashMap::default(),
            early_returns: Vec::new(),
            startups: Vec::new(),
            asked_at: None,
            conditional: 0,
            clauses: 0,
            unknown_loops: 0,
        }
    }

    /// An execution that looks at one expression, outside of any run.
    pub(super) fn detached(interpreter: &'i Interpreter<'a>, root: FileId) -> Self {
        Self { detached: true, ..Self::new(interpreter, root) }
    }

    /// Ends a detached execution.
    pub(super) fn leave(mut self, value: Value) -> Value {
        self.run.made.release();
        self.interpreter.executed.borrow_mut().extend(self.run.executed);
        value.settled()
    }

    /// Counts one step; false when the bound is reached.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps < MAX_STEPS
    }

    pub(super) fn lookup_name(&self, scope: &Scope, name: &SmolStr) -> Value {
        if let Some(value) = scope.locals.as_ref().and_then(|locals| locals.get(name)) {
            return value.clone();
        }
        if let Some(value) = scope.around.as_ref().and_then(|names| names.get(name)) {
            return value.clone();
        }
        for frame in scope.closure.iter().rev() {
            if let Some((_, value)) = frame.vars.iter().find(|(n, _)| n == name) {
                return value.clone();
            }
        }
        if let (None, Some(class)) = (&scope.locals, &scope.class)
            && let Some(value) = self.interpreter.own_class_attribute(class, name)
        {
            return value;
        }
        if scope.file == self.root
            && let Some(value) = self.run.globals.get(name)
        {
            return value.clone();
        }
        if !self.assigned.is_empty()
            && let Some(value) = self.assigned.get(&(scope.file, name.clone()))
        {
            return value.clone();
        }
        self.interpreter.variable(scope.file, name)
    }

    /// Executes a project function with arguments and gives what it returns.
    pub(super) fn invoke(
        &mut self,
        function: &Arc<FunctionRef>,
        receiver: Option<Value>,
        arguments: &Arguments,
    ) -> Value {
        if self.depth >= MAX_DEPTH || !self.step() {
            return Value::Unknown(Unknown::Bound);
        }
        self.run.executed.insert(Definition::at(function.site));
        self.interpreter.looked_at.borrow_mut().files.insert(function.site.file);
        let function = &Arc::new(self.interpreter.current(function));
        let mut scope = Scope::around(function);
        scope.receiver = receiver.clone().zip(function.class.clone());
        scope.locals = Some(self.bind_parameters(function, receiver, arguments));
        self.depth += 1;
        let outer = std::mem::take(&mut self.early_returns);
        let flow = self.block(&mut scope, &function.def.body);
        let early = std::mem::replace(&mut self.early_returns, outer);
        self.depth -= 1;
        if function.def.is_generator {
            return Value::Unknown(Unknown::Unsupported);
        }
        self.guesses += u32::from(flow.is_one_of(&early));
        flow.returned(early)
    }
}
