//! A small, bounded abstract interpreter over module, function and class
//! bodies. It runs what a program does when it is imported, as far as that
//! concerns routers: assignments, calls of the project's own functions, loops
//! over known lists, and branches (both of them, when the condition is not
//! known). What it can't follow becomes [`Value::Unknown`] with a reason.
//!
//! One execution per module, kept until the outline of the module changes, what it
//! read of another module means something else, or a function body that it executed is edited.

mod builtins;
mod calls;
mod containers;
mod effects;
mod environment;
mod execution;
mod expressions;
mod kept;
mod libraries;
mod makers;
mod metrics;
mod missing;
mod names;
mod objects;
mod panels;
mod resolve;
mod routers;
mod scope;
mod startup;
mod statements;
mod texts;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

pub use effects::{DependencyList, Effect, Registration, Router, RouterKind};
pub use expressions::truth;
pub use libraries::{is_tool_server_class, library_dependencies, package_name};
pub use metrics::serves_metrics;
pub use missing::GIVES;
pub use panels::{is_sqladmin, is_starlette_admin};

use self::execution::Execution;
use self::scope::Scope;
use super::looked_at::{Definition, LookedAt, RestsOn, Shared};
use super::modules::Module;
use super::regular::Expressions;
use super::shared_map::SharedMap;
use super::sources::Sources;
use super::value::{Attributes, ClassRef, FunctionRef, Implementations, Instance, Resolve, Site, Unknown, Value};
use crate::facts::python::file::{bound_names, imported};
use crate::facts::python::tree::{Arg, Class, Expr, ExprKind, Function, Spread, StmtKind};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Statements and expressions that one execution may cost. The largest real
/// module seen needs 60,000.
const MAX_STEPS: u32 = 400_000;
/// Calls of project functions inside each other.
const MAX_DEPTH: u32 = 12;
/// Classes derived from each other.
const MAX_DERIVATION: usize = 16;
/// Names that one interpreter remembers the values of.
const MAX_LOOKED_UP: usize = 1 << 13;
/// Iterations of one loop.
const MAX_ITERATIONS: usize = 500;

/// What executing a module left behind.
#[derive(Debug, Default)]
pub struct ModuleRun {
    /// Module variables.
    pub globals: FxHashMap<SmolStr, Value>,
    /// Routers and applications made, in order.
    pub routers: Vec<Router>,
    /// What was done to routers, its own and others', in order.
    pub effects: Vec<Effect>,
    /// What it looked at in other modules; its own is among the files.
    pub rests_on: Arc<RestsOn>,
    /// Functions that were executed.
    pub executed: FxHashSet<Definition>,
    made: Made,
    /// Runs that its values may come from. These forget what they made when they go, also those of revisions long gone.
    sources: Box<[Arc<ModuleRun>]>,
}

impl ModuleRun {
    /// Whether it looked at a module.
    pub fn reads(&self, file: FileId) -> bool {
        self.rests_on.files.binary_search(&file).is_ok()
    }
}

/// Instances and class bodies of a run. They may hold each other in circles,
/// so they forget what they hold when the run goes.
#[derive(Debug, Default)]
struct Made {
    instances: Vec<Arc<Instance>>,
    classes: Vec<Arc<Attributes>>,
}

impl Made {
    /// Lets the values live on without the run.
    fn release(&mut self) {
        self.instances.clear();
        self.classes.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.instances.iter().for_each(|instance| instance.attributes.clear());
        self.classes.iter().for_each(|attributes| attributes.clear());
    }
}

/// Runs of modules by file.
pub type Runs = FxHashMap<FileId, Arc<ModuleRun>>;

/// Runs of all modules of a workspace that were executed.
pub type KnownRuns = SharedMap<FileId, Arc<ModuleRun>>;

/// What an [`Interpreter`] leaves behind.
#[derive(Debug, Default)]
pub struct Session {
    /// Runs that were not known before.
    pub runs: Runs,
    /// Files that exist, were not read, and would have been needed.
    pub wanted: BTreeSet<FileId>,
    /// Functions that were executed while an expression was looked at (a
    /// dependency factory, say), outside of any run.
    pub executed: FxHashSet<Definition>,
    /// What the next one need not find out again.
    pub remembered: Remembered,
}

/// What names mean. It holds as long as texts and runs are the same, and goes
/// from one interpreter to the next while they are.
#[derive(Debug, Default, Clone)]
pub struct Remembered {
    /// Modules by importer, level and dotted name: a few names are asked for over and over.
    modules: RefCell<FxHashMap<(FileId, u32, SmolStr), Module>>,
    /// Dotted names of modules: each definition bears its module's.
    module_names: RefCell<FxHashMap<FileId, SmolStr>>,
    /// Names of modules that were looked up when none was being executed.
    looked_up: RefCell<FxHashMap<(FileId, SmolStr), LookedUp>>,
    /// What answers rest on.
    shared: Arc<Shared>,
}

/// Executes modules on demand and answers questions about names.
#[derive(Debug)]
pub struct Interpreter<'a> {
    sources: &'a Sources,
    /// Runs of earlier revisions that still hold.
    known: &'a KnownRuns,
    runs: RefCell<Runs>,
    /// Modules of which the run that is known may be no longer so.
    outdated: RefCell<FxHashSet<FileId>>,
    running: RefCell<Vec<FileId>>,
    /// Runs that were asked for since the innermost run began.
    asked: RefCell<FxHashMap<FileId, Arc<ModuleRun>>>,
    /// Whether what the environment decides is looked up as it is without it.
    keeps_defaults: Cell<bool>,
    /// Lowest position in `running` that a cyclic import reached.
    cycle: Cell<usize>,
    wanted: RefCell<BTreeSet<FileId>>,
    /// What was looked at since the innermost run began.
    looked_at: RefCell<LookedAt>,
    /// Functions that were executed outside of any run.
    executed: RefCell<FxHashSet<Definition>>,
    /// Attributes of classes that are being looked up, inside each other.
    attribute_depth: Cell<u32>,
    /// Objects that are being asked for what they do not have: their classes, and where they were made.
    giving: RefCell<Vec<(Site, Site)>>,
    /// Classes of which the bases are being looked up, inside each other.
    deriving: RefCell<Vec<Arc<Class>>>,
    remembered: Remembered,
    /// Definitions that were looked into.
    looked_into: RefCell<FxHashMap<Site, Arc<Function>>>,
    /// Variables of functions that are looked at without being executed.
    local_names: RefCell<FxHashMap<*const Function, LocalNames>>,
    /// What expressions of functions are known to be, by definition and place.
    evaluated: RefCell<FxHashMap<(*const Function, TextRange), Evaluated>>,
    /// What stands behind methods of interfaces.
    implemented: RefCell<FxHashMap<(Site, SmolStr), Implemented>>,
    /// By class and attribute: whether no method but the initialiser assigns to it.
    staying: RefCell<FxHashMap<(Site, SmolStr), Staying>>,
    /// Regular expressions that were compared with texts.
    expressions: Expressions,
}

/// A name's value, and what was looked at for it.
type LookedUp = (Value, Arc<RestsOn>);

/// Whether an attribute stays what the initialiser made it, and what was looked at for that.
type Staying = (bool, Arc<RestsOn>);

/// What stands behind a method, and what was looked at for that.
type Implemented = (Implementations, Arc<RestsOn>);

/// A definition with the value of an expression in it, and what was looked at for that.
type Evaluated = (Arc<Function>, Value, Arc<RestsOn>);

/// A definition with the variables of its body, and what was looked at for them.
type LocalNames = (Arc<Function>, Rc<FxHashMap<SmolStr, Value>>, Arc<RestsOn>);

impl<'a> Interpreter<'a> {
    /// An interpreter that knows the `runs` of earlier revisions that still hold.
    pub fn new(sources: &'a Sources, runs: &'a KnownRuns) -> Self {
        Self::remembering(sources, runs, Remembered::default())
    }

    /// One that goes on where another one ended. The sources are the same since,
    /// and what that one executed is among the `runs`.
    pub fn remembering(sources: &'a Sources, runs: &'a KnownRuns, remembered: Remembered) -> Self {
        Self {
            sources,
            known: runs,
            runs: RefCell::default(),
            outdated: RefCell::default(),
            running: RefCell::default(),
            asked: RefCell::default(),
            keeps_defaults: Cell::default(),
            cycle: Cell::new(usize::MAX),
            wanted: RefCell::default(),
            looked_at: RefCell::default(),
            executed: RefCell::default(),
            attribute_depth: Cell::default(),
            giving: RefCell::default(),
            deriving: RefCell::default(),
            remembered,
            looked_into: RefCell::default(),
            local_names: RefCell::default(),
            evaluated: RefCell::default(),
            implemented: RefCell::default(),
            staying: RefCell::default(),
            expressions: Expressions::default(),
        }
    }

    /// Modules of which the known run is given up, unless it is said to hold.
    pub fn doubting(self, outdated: FxHashSet<FileId>) -> Self {
        Self { outdated: RefCell::new(outdated), ..self }
    }

    /// Says that the known run of a module holds.
    pub fn keep(&self, file: FileId) {
        self.outdated.borrow_mut().remove(&file);
    }

    /// Modules of which the known run does not hold.
    pub fn outdated(&self) -> FxHashSet<FileId> {
        self.outdated.borrow().clone()
    }

    /// The files it works on.
    pub fn sources(&self) -> &'a Sources {
        self.sources
    }

    /// The runs that were not known before.
    pub fn new_runs(&self) -> Runs {
        self.runs.borrow().clone()
    }

    /// All runs that are known by now.
    pub fn all_runs(&self) -> KnownRuns {
        let mut runs = self.known.clone();
        runs.extend(self.new_runs());
        runs
    }

    /// What names mean, as far as that was found out.
    pub fn remembered(&self) -> Remembered {
        self.remembered.clone()
    }

    /// Takes over what another one found out that worked on the same sources and runs.
    pub fn absorb(&self, other: Session) {
        let mut runs = self.runs.borrow_mut();
        for (file, run) in other.runs {
            runs.entry(file).or_insert(run);
        }
        self.wanted.borrow_mut().extend(other.wanted);
        self.executed.borrow_mut().extend(other.executed);
    }

    /// Notes what is looked at in addition to that from now on; gives what was noted so far. So what one answer rests on
    /// is put aside and taken up again.
    pub fn note_in(&self, looked_at: LookedAt) -> LookedAt {
        self.looked_at.replace(looked_at)
    }

    /// Ends the session.
    pub fn finish(self) -> Session {
        Session {
            runs: self.runs.into_inner(),
            wanted: self.wanted.into_inner(),
            executed: self.executed.into_inner(),
            remembered: self.remembered,
        }
    }

    /// The run of a module, executed now if need be. A module that is already
    /// being executed (an import cycle) looks empty.
    pub fn run(&self, file: FileId) -> Arc<ModuleRun> {
        let known = self.known.get(&file).filter(|_| !self.outdated.borrow().contains(&file)).cloned();
        let Some(run) = known.or_else(|| self.runs.borrow().get(&file).cloned()).or_else(|| self.execute(file)) else {
            return Arc::default();
        };
        if !self.running.borrow().is_empty() {
            self.asked.borrow_mut().entry(file).or_insert_with(|| Arc::clone(&run));
        }
        run
    }

    /// Executes a module, unless that is being done.
    fn execute(&self, file: FileId) -> Option<Arc<ModuleRun>> {
        let position = self.running.borrow().iter().position(|&f| f == file);
        if let Some(position) = position {
            self.cycle.set(self.cycle.get().min(position));
            return None;
        }
        let facts = Arc::clone(self.sources.facts(file)?);
        let depth = self.running.borrow().len();
        self.running.borrow_mut().push(file);
        // What a module leaves depends on nobody who asked for it.
        let (outer, asked, giving) = (self.looked_at.take(), self.asked.take(), self.giving.take());
        let mut execution = Execution::new(self, file);
        execution.module(&facts);
        let mut run = execution.run;
        let mut looked_at = self.looked_at.replace(outer);
        let asked = self.asked.replace(asked);
        self.giving.replace(giving);
        self.running.borrow_mut().pop();
        // What was computed while an outer module was half executed depends on
        // where the execution began: keep only what does not.
        if self.cycle.get() < depth {
            self.looked_at.borrow_mut().absorb(looked_at);
            self.asked.borrow_mut().extend(asked);
            run.made.release();
            return Some(Arc::new(run));
        }
        self.cycle.set(usize::MAX);
        looked_at.leave_out(file);
        run.rests_on = looked_at.into_rests_on(&self.remembered.shared);
        run.sources = asked.into_values().collect();
        let run = Arc::new(run);
        self.runs.borrow_mut().insert(file, Arc::clone(&run));
        Some(run)
    }

    fn function(&self, def: &Arc<Function>, scope: &Scope) -> Arc<FunctionRef> {
        Arc::new(FunctionRef {
            def: Arc::clone(def),
            site: Site { file: scope.file, item: scope.item, range: def.name.range },
            module: self.module_name(scope.file),
            qualname: scope.qualified(&def.name.name),
            is_given: scope.gives(&def.name.name),
            class: scope.class.clone(),
            closure: scope.captured(),
            wrappers: Vec::new(),
        })
    }

    fn class(&self, def: &Arc<Class>, scope: &Scope, maker: u64) -> Arc<ClassRef> {
        self.class_of_bases(def, scope, maker, &|_| None)
    }

    /// The same, where some of the bases are known to whoever executes the module.
    fn class_of_bases(
        &self,
        def: &Arc<Class>,
        scope: &Scope,
        maker: u64,
        known_base: &dyn Fn(&Expr) -> Option<Value>,
    ) -> Arc<ClassRef> {
        let bases = def.bases.iter().filter(|base| base.name.is_none() && base.spread == Spread::No);
        let deriving = &self.deriving;
        // Somebody is typing where a class stands below itself: its bases never end.
        let endless = deriving.borrow().iter().any(|other| Arc::ptr_eq(other, def));
        let known = !endless && deriving.borrow().len() < MAX_DERIVATION;
        deriving.borrow_mut().push(Arc::clone(def));
        let base = |base: &Arg| match known {
            true => known_base(&base.value).unwrap_or_else(|| self.eval_in(scope, &base.value)),
            false => Value::Unknown(Unknown::Bound),
        };
        let bases = bases.map(base).collect();
        deriving.borrow_mut().pop();
        Arc::new(ClassRef {
            def: Arc::clone(def),
            site: Site { file: scope.file, item: scope.item, range: def.name.range },
            module: self.module_name(scope.file),
            qualname: scope.qualified(&def.name.name),
            bases,
            closure: scope.captured(),
            attributes: Arc::new(Attributes::of(maker)),
        })
    }

    /// Evaluates an expression outside of any run: what it does to routers is forgotten.
    fn eval_in(&self, scope: &Scope, expr: &Expr) -> Value {
        let mut execution = Execution::detached(self, scope.file);
        let value = execution.expr(&mut scope.nested(), expr);
        self.force(execution.leave(value))
    }

    /// Evaluates a parameter's default or annotation where the function was defined.
    pub fn eval_signature(&self, function: &FunctionRef, expr: &Expr) -> Value {
        let value = match &expr.kind {
            // Most are a name of the module.
            ExprKind::Name(name) if function.closure.is_empty() && !self.is_bound_again(function, name) => {
                self.force(self.variable(function.site.file, name))
            }
            _ => {
                let mut scope = Scope::around(function);
                let bound: Vec<_> = self.bound_before(function, expr);
                scope.locals = (!bound.is_empty()).then(|| bound.into_iter().collect());
                self.eval_in(&scope, expr)
            }
        };
        self.look_through(function.site.file, value)
    }

    /// Evaluates an annotation as type checkers read it, where the function was defined.
    pub fn eval_type(&self, function: &FunctionRef, annotation: &Expr) -> Value {
        match self.eval_signature(function, annotation) {
            unbound @ Value::Unknown(_) => {
                let name = annotation.as_name();
                name.and_then(|name| self.for_type_checkers(function.site.file, name)).unwrap_or(unbound)
            }
            value => value,
        }
    }

    /// The variables of a function that is not executed: what it imports, and
    /// that the others are its own.
    fn local_names(&self, function: &FunctionRef) -> Rc<FxHashMap<SmolStr, Value>> {
        // The map keeps the definition alive, so its address stays its own.
        let key = Arc::as_ptr(&function.def);
        if let Some((_, names, rests_on)) = self.local_names.borrow().get(&key) {
            self.count(rests_on);
            return Rc::clone(names);
        }
        let mut names = Vec::new();
        function.def.body.iter().for_each(|stmt| bound_names(stmt, &mut names));
        names.extend(function.def.params.iter().map(|param| param.name.name.clone()));
        let unknown = names.into_iter().map(|name| (name, Value::Unknown(Unknown::Local)));
        let mut scope = Scope { locals: Some(unknown.collect()), ..Scope::around(function) };
        let mut execution = Execution::detached(self, function.site.file);
        // An import under `try` or `if` binds its name just as well: no path without it can use the name.
        let mut imports = Vec::new();
        function.def.body.iter().for_each(|stmt| imported(stmt, &mut imports));
        let outer = self.begin();
        imports.into_iter().for_each(|import| execution.import(&mut scope, import));
        let rests_on = self.end(outer);
        let mut bound = Vec::new();
        function.def.body.iter().for_each(|stmt| bound_names(stmt, &mut bound));
        for stmt in &function.def.body {
            // A function that is defined in it, unless something else has its name, too.
            if let StmtKind::Function(def) = &stmt.kind
                && bound.iter().filter(|name| **name == def.name.name).count() == 1
            {
                let inner = Value::Function(self.function(def, &scope));
                execution.set(&mut scope, &def.name.name, inner);
            }
        }
        let names = Rc::new(scope.locals.unwrap_or_default());
        self.local_names.borrow_mut().insert(key, (Arc::clone(&function.def), Rc::clone(&names), rests_on));
        names
    }

    /// Evaluates an expression of a class body.
    pub fn eval_in_class(&self, class: &Arc<ClassRef>, expr: &Expr) -> Value {
        let value = self.eval_in(&Scope::of_class(class), expr);
        self.look_through(class.site.file, value)
    }

    /// Evaluates an expression that stands at the top of a module.
    pub fn eval_in_module(&self, file: FileId, item: u32, expr: &Expr) -> Value {
        self.eval_in(&Scope::module(file, item), expr)
    }

    /// Evaluates an annotation that is made of names of a module.
    pub fn eval_annotation(&self, file: FileId, item: u32, annotation: &Expr) -> Value {
        self.look_through(file, self.eval_in_module(file, item, annotation))
    }

    /// Counts a module as looked at.
    pub fn count_file(&self, file: FileId) {
        self.looked_at.borrow_mut().files.insert(file);
    }

    /// Notes that what is linked rests on the body of a function, as if it had been executed.
    pub fn note_body(&self, site: Site) {
        self.looked_at.borrow_mut().files.insert(site.file);
        self.executed.borrow_mut().insert(Definition::at(site));
    }

    /// Evaluates an expression where a class was defined: a decorator of it.
    pub fn eval_around_class(&self, class: &Arc<ClassRef>, expr: &Expr) -> Value {
        let scope = Scope { closure: class.closure.clone(), ..Scope::module(class.site.file, class.site.item) };
        self.eval_in(&scope, expr)
    }
}
