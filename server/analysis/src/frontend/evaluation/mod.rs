//! A bounded evaluation of modules: what their code would do, for any caller.
//!
//! Statements run in order; branches run one after the other and what they
//! leave is joined. Every function of the evaluated file runs: where it is
//! called with what it is called with, and otherwise with unknown arguments.

mod alone;
mod answers;
mod calls;
mod construction;
mod contexts;
mod endpoints;
mod exports;
mod expressions;
mod filled;
mod forms;
mod keys;
mod leaving;
mod logged_answers;
mod methods;
mod narrowing;
mod operators;
mod secrets;
mod statements;
mod strangers;
mod texts;
mod unread;

pub(super) use calls::Arguments;
pub(super) use exports::is_of_project;
pub(super) use expressions::awaited;
pub(super) use texts::beginning;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::libraries;
use super::modules::{Configurations, Resolved};
use super::outcome::{Outcome, Place};
use super::rewrites;
use super::store::{Changes, Mark, Store};
use super::unpacked::Unpacked;
use super::value::{ClassValue, Closure, ObjectId, ScopeId, Symbol, Value};
use crate::facts::typescript::file::{Export, ItemId, Stmts, TypeScriptFile};
use crate::facts::typescript::tree::{Function, Stmt};
use crate::index::sources::Sources;
use crate::text::TextRange;
use crate::vfs::FileId;

/// Calls that are followed into each other. From a component through its hooks,
/// a query and a client to a request they are often twelve.
const MAX_DEPTH: usize = 16;
/// Expressions that one entry may evaluate. The largest real component seen
/// takes 9,000.
const MAX_STEPS: u32 = 60_000;
/// Expressions and statements in each other, over all calls: it bounds the stack.
/// The deepest real code seen nests 140 levels.
const MAX_NESTING: u32 = 300;
/// Scopes and objects that one session keeps before it starts anew.
const MAX_STORE: usize = 400_000;
/// Modules that re-export each other are followed this far.
const MAX_EXPORTS: usize = 12;

/// Evaluates modules; what one needs of another is executed once.
pub(super) struct Session<'s> {
    pub(super) sources: &'s Sources,
    pub(super) configurations: &'s Configurations,
    pub(super) store: Store,
    modules: FxHashMap<FileId, Executed>,
    /// Packed modules that were looked at: the addresses of their functions tell these apart.
    packed: Unpacked,
    /// What is being found out about the evaluated file.
    pub(super) outcome: Outcome,
    rests_on: RestsOn,
    /// The file that is evaluated.
    pub(super) evaluated: FileId,
    pub(super) frames: Vec<Frame>,
    /// What tests have shown to be there.
    certain: Vec<Symbol>,
    steps: u32,
    /// Steps of the functions of the evaluated file that ran alone so far.
    spent: u32,
    nesting: u32,
    exports: usize,
    /// Functions of the evaluated file that have run, by their addresses.
    ran: FxHashSet<usize>,
    /// What imports were found to mean, by the module that imports.
    resolved: FxHashMap<(FileId, SmolStr), Resolved>,
    /// Calls of the evaluated file with their arguments, by what is called.
    pub(super) extents: FxHashMap<Place, TextRange>,
    /// Where values of properties stand, of objects in files that have to do with Better Auth.
    pub(super) properties: FxHashMap<ObjectId, Vec<(SmolStr, Place)>>,
    /// Whether files have to do with Better Auth.
    configuring: FxHashMap<FileId, bool>,
    /// What wrote modules whose functions were called from outside.
    generators: FxHashMap<FileId, Option<libraries::generated::Generator>>,
    /// Functions that were made and have not been called yet, innermost last.
    made: Vec<Rc<Closure>>,
    /// Whether the execution stands where there is no browser.
    pub(super) without_window: bool,
    /// What is seen of the endpoint that runs.
    watch: Option<endpoints::Watch>,
    /// The stranger that a middleware runs for.
    stranger: Option<strangers::Stranger>,
    /// Endpoints that have run, by their addresses.
    endpoints: FxHashSet<usize>,
    /// Server actions that stand in other functions.
    actions: Vec<Rc<Closure>>,
    /// What is read of answers.
    logged_answers: logged_answers::Answers,
    /// Texts that stand in for variables of the environment, in functions or in the module that is executed.
    stand_ins: Vec<keys::StandIn>,
    /// Forms that ask for a password.
    forms: forms::Forms,
    /// What providers of contexts give.
    provided: FxHashMap<ObjectId, Value>,
    /// Requests whose answers were looked at, in order.
    looked: Vec<Place>,
    /// Those that the tests around the execution looked at.
    tested: Vec<Place>,
    /// Refusals that the tests around the execution let through.
    refused: Vec<answers::Refusals>,
    /// Whether the settings of a failed request were marked, or looked at for a mark.
    is_marked: bool,
    /// Where a failed request was made once more.
    reissued: Vec<Place>,
    /// The client whose failures are met; none in it stands for axios itself.
    failing: Option<Option<ObjectId>>,
}

/// A module that was executed, or is being.
struct Executed {
    scope: ScopeId,
    rests_on: RestsOn,
    /// Texts that its own statements take in the place of variables of the environment.
    stand_ins: Vec<keys::StandIn>,
}

/// What was looked at.
#[derive(Debug, Default)]
struct RestsOn {
    /// Modules that were executed; what these rest on comes at the end.
    modules: FxHashSet<FileId>,
    /// Statements whose functions were executed.
    executed: FxHashSet<(FileId, ItemId)>,
    /// Modules that have not been read.
    missing: FxHashSet<FileId>,
    /// Whether an import of a file of the project leads nowhere.
    is_unresolved: bool,
}

/// A function that is being executed.
pub(super) struct Frame {
    pub(super) file: FileId,
    pub(super) item: usize,
    pub(super) scope: ScopeId,
    this: Option<Value>,
    class: Option<Rc<ClassValue>>,
    /// The address of the function; none for a module.
    function: usize,
    returns: Vec<Returned>,
    /// Where the store stood when it began.
    begun: Mark,
    /// Where it was called.
    call: Option<Place>,
}

/// One of the ways on which a function returned.
struct Returned {
    value: Value,
    /// What it has written by then.
    written: Changes,
}

impl<'s> Session<'s> {
    pub(super) fn new(sources: &'s Sources, configurations: &'s Configurations, unpacked: Unpacked) -> Self {
        Self {
            sources,
            configurations,
            store: Store::default(),
            modules: FxHashMap::default(),
            packed: unpacked,
            outcome: Outcome::default(),
            rests_on: RestsOn::default(),
            evaluated: FileId(u32::MAX),
            frames: Vec::new(),
            certain: Vec::new(),
            steps: 0,
            spent: 0,
            nesting: 0,
            exports: 0,
            ran: FxHashSet::default(),
            resolved: FxHashMap::default(),
            extents: FxHashMap::default(),
            properties: FxHashMap::default(),
            configuring: FxHashMap::default(),
            generators: FxHashMap::default(),
            made: Vec::new(),
            without_window: false,
            watch: None,
            stranger: None,
            endpoints: FxHashSet::default(),
            actions: Vec::new(),
            logged_answers: logged_answers::Answers::default(),
            stand_ins: Vec::new(),
            forms: forms::Forms::default(),
            provided: FxHashMap::default(),
            looked: Vec::new(),
            tested: Vec::new(),
            refused: Vec::new(),
            is_marked: false,
            reissued: Vec::new(),
            failing: None,
        }
    }

    /// Evaluates a file: its module, and every function in it.
    pub(super) fn evaluate(&mut self, file: FileId) -> Outcome {
        if self.store.len() > MAX_STORE {
            self.store = Store::default();
            self.modules.clear();
            self.packed = Unpacked::default();
            self.properties.clear();
        }
        self.outcome = Outcome::default();
        self.rests_on = RestsOn::default();
        self.evaluated = file;
        self.ran.clear();
        self.extents.clear();
        self.made.clear();
        self.endpoints.clear();
        self.actions.clear();
        self.logged_answers = logged_answers::Answers::default();
        self.stand_ins.clear();
        self.forms = forms::Forms::default();
        self.provided.clear();
        self.looked.clear();
        self.tested.clear();
        self.refused.clear();
        self.certain.clear();
        (self.steps, self.spent) = (0, 0);
        // Executed before as what another file imports, it left out what it found.
        self.modules.remove(&file);
        let Some(scope) = self.module(file) else { return std::mem::take(&mut self.outcome) };
        self.run_endpoints(file, scope);
        if let Some(facts) = self.script(file) {
            for (at, stmt) in self.unpacked(file, &facts).iter().enumerate() {
                self.enter_item(file, at, scope, &stmt.kind);
            }
        }
        self.run_made(0);
        self.run_actions();
        let is_configuration = self.sources.file(file).is_some_and(|source| rewrites::is_configuration(&source.path));
        if let Some(exported) = self.store.variable(scope, "default").filter(|_| is_configuration) {
            self.steps = 0;
            rewrites::note(self, &exported, rewrites::whole_file(self));
        }
        self.note_logged_answers();
        self.note_logged_forms();
        self.close();
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.settle();
        outcome
    }

    /// Adds to what the outcome rests on what the modules do that were looked at.
    fn close(&mut self) {
        let own = std::mem::take(&mut self.rests_on);
        let mut open: Vec<FileId> = own.modules.iter().copied().collect();
        let mut items: Vec<(FileId, ItemId)> = Vec::new();
        let mut add = |outcome: &mut Outcome, rests_on: &RestsOn| {
            items.extend(&rests_on.executed);
            outcome.missing.extend(&rests_on.missing);
            outcome.is_unresolved |= rests_on.is_unresolved;
        };
        add(&mut self.outcome, &own);
        while let Some(module) = open.pop() {
            let Some(executed) = self.modules.get(&module) else { continue };
            let outline =
                self.sources.file(module).and_then(|source| source.script.as_ref()).map(|facts| facts.outline);
            let Some(outline) = outline else { continue };
            if self.outcome.modules.insert(module, outline).is_none() {
                add(&mut self.outcome, &executed.rests_on);
                open.extend(&executed.rests_on.modules);
            }
        }
        items.sort_unstable();
        items.dedup();
        self.outcome.executed = items.into();
        self.outcome.modules.shrink_to_fit();
    }

    pub(super) fn script(&self, file: FileId) -> Option<Arc<TypeScriptFile>> {
        self.sources.file(file)?.script.clone()
    }

    /// What the items of a module do.
    fn unpacked(&mut self, file: FileId, facts: &Arc<TypeScriptFile>) -> Stmts {
        self.packed.stmts(file, facts)
    }

    /// What was unpacked, for the next session.
    pub(super) fn into_unpacked(self) -> Unpacked {
        self.packed
    }

    /// Executes a module once; gives the scope of its variables.
    pub(super) fn module(&mut self, file: FileId) -> Option<ScopeId> {
        self.rests_on.modules.insert(file);
        if let Some(executed) = self.modules.get(&file) {
            return Some(executed.scope);
        }
        let Some(facts) = self.script(file) else {
            self.rests_on.missing.insert(file);
            return None;
        };
        let (scopes, objects) = self.store.counts();
        let scope = self.store.scope(None);
        let is_own = file == self.evaluated && self.frames.is_empty();
        let found = self.outcome.found();
        let before = std::mem::take(&mut self.rests_on);
        let stand_ins = std::mem::take(&mut self.stand_ins);
        self.modules.insert(file, Executed { scope, rests_on: RestsOn::default(), stand_ins: Vec::new() });
        let log = self.store.begin_log();
        let (frames, certain) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.certain));
        // Whoever asks first pays nothing for it: what is found must not depend on that.
        let (steps, exports) = (std::mem::take(&mut self.steps), std::mem::take(&mut self.exports));
        let made = self.made.len();
        // What a module does when it is imported, no endpoint does.
        let watch = self.watch.take();
        let provided = std::mem::take(&mut self.provided);
        let (tested, refused) = (std::mem::take(&mut self.tested), std::mem::take(&mut self.refused));
        self.frames.push(Frame {
            file,
            item: 0,
            scope,
            this: None,
            class: None,
            function: 0,
            returns: Vec::new(),
            begun: self.store.mark(),
            call: None,
        });
        let stmts = self.unpacked(file, &facts);
        self.hoist(&stmts, scope);
        for (at, stmt) in stmts.iter().enumerate() {
            if let Some(frame) = self.frames.last_mut() {
                frame.item = at;
            }
            self.stmt(stmt);
        }
        let empty = self.empty_variables(scope, &facts);
        self.store.loosen(scope, objects, |name| facts.assigns(name));
        let exported = facts.exports.values().filter_map(|export| match export {
            Export::Local(name) => Some(name),
            _ => None,
        });
        self.store.leave_blank(scope, objects, exported);
        self.fill_empty(scope, &facts, empty);
        self.frames = frames;
        // Where what its own statements show does not hold, the module fails, or the page is left.
        if !is_own {
            self.certain = certain;
        }
        self.watch = watch;
        self.provided = provided;
        (self.tested, self.refused) = (tested, refused);
        (self.steps, self.exports) = (steps, exports);
        self.store.end_log(log, (scopes, objects));
        if !is_own {
            // What it does when it is imported is found when it is evaluated itself.
            self.made.truncate(made);
            self.outcome.forget_since(found);
        }
        let own = std::mem::replace(&mut self.rests_on, before);
        let stand_ins = std::mem::replace(&mut self.stand_ins, stand_ins);
        if let Some(executed) = self.modules.get_mut(&file) {
            (executed.rests_on, executed.stand_ins) = (own, stand_ins);
        }
        Some(scope)
    }

    fn hoist(&mut self, stmts: &[Arc<Stmt>], scope: ScopeId) {
        for (at, stmt) in stmts.iter().enumerate() {
            if let Some(frame) = self.frames.last_mut() {
                frame.item = at;
            }
            self.hoist_stmt(stmt, scope);
        }
    }

    /// The value of a name where the execution stands.
    fn lookup(&mut self, name: &SmolStr) -> Value {
        let Some(frame) = self.frames.last() else { return Value::Unknown };
        let (file, scope) = (frame.file, frame.scope);
        self.note_variable(name);
        match self.store.variable(scope, name) {
            Some(value) => value,
            None => self.module_variable(file, scope, name),
        }
    }

    /// The place of a range where the execution stands.
    pub(super) fn place(&self, range: TextRange) -> Place {
        let Some(frame) = self.frames.last() else { return Place { file: self.evaluated, item: ItemId(0), range } };
        self.place_in(frame.file, frame.item, range)
    }

    pub(super) fn place_in(&self, file: FileId, item: usize, range: TextRange) -> Place {
        let facts = self.sources.file(file).and_then(|source| source.script.as_ref());
        let item = facts.and_then(|facts| facts.items.get(item)).map_or(ItemId(0), |item| item.id);
        Place { file, item, range }
    }

    /// The call in the evaluated file that led to where the execution stands;
    /// none where it is not on the way.
    pub(super) fn call_on_the_way(&self, here: Place) -> Place {
        if here.file == self.evaluated {
            return here;
        }
        let mut calls = self.frames.iter().rev().filter_map(|frame| frame.call);
        calls.find(|call| call.file == self.evaluated).unwrap_or(here)
    }

    /// The calls that lead from a call of the evaluated file to where the execution stands.
    pub(super) fn calls_behind(&self, call: Place, here: Place) -> Vec<Place> {
        if call == here {
            return Vec::new();
        }
        let calls = self.frames.iter().rev().filter_map(|frame| frame.call).take_while(|other| *other != call);
        calls.filter(|other| *other != here).collect()
    }

    /// A call with its arguments.
    pub(super) fn extent(&self, call: Place) -> TextRange {
        self.extents.get(&call).copied().unwrap_or(call.range)
    }

    /// Where the value of an object's property stands, if that was noted.
    pub(super) fn property(&self, object: ObjectId, name: &str) -> Option<Place> {
        let noted = self.properties.get(&object)?;
        noted.iter().rev().find(|(property, _)| property == name).map(|(_, place)| *place)
    }

    /// Notes where the value of a property stands, in files that have to do with Better Auth.
    fn note_property(&mut self, object: ObjectId, name: &SmolStr, range: TextRange) {
        let Some(file) = self.frames.last().map(|frame| frame.file) else { return };
        let is_configuring = match self.configuring.get(&file) {
            Some(known) => *known,
            None => {
                let imports = |facts: Arc<TypeScriptFile>| {
                    facts.imports.values().any(|(module, _)| libraries::is_better_auth(module))
                };
                let known = self.script(file).is_some_and(imports);
                self.configuring.insert(file, known);
                known
            }
        };
        if is_configuring {
            let place = self.place(range);
            self.properties.entry(object).or_default().push((name.clone(), place));
        }
    }

    /// Counts a step; false when there is none left.
    fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps < MAX_STEPS
    }

    /// Whether a test has shown that a value is there.
    pub(super) fn is_certain(&self, symbol: &Symbol) -> bool {
        self.certain.iter().any(|certain| certain.origin == symbol.origin && certain.path.starts_with(&symbol.path))
    }

    /// Whether a value is known to be missing sometimes.
    pub(super) fn may_be_missing(&self, symbol: &Symbol) -> bool {
        symbol.may_be_missing && !self.is_certain(symbol)
    }
}

/// The address of a function: its identity while its file's facts live.
fn address(function: &Arc<Function>) -> usize {
    Arc::as_ptr(function) as usize
}
