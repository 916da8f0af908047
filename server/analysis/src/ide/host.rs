//! The mutable side: applies changes and brings every derived fact up to date.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use memchr::memmem;
use rustc_hash::{FxHashMap, FxHashSet};

use super::documents::{Document, Parsed};
use super::refresh::{Reach, Reached};
use super::{Analysis, Applied, Change, Diagnostic};
use crate::auth::guard::Guard;
use crate::auth::keys::may_use_keys;
use crate::auth::middleware::Middlewares;
use crate::auth::policy::{Expectation, Policy};
use crate::auth::tokens::may_handle_tokens;
use crate::auth::{VerdictKey, VerdictMemo};
use crate::data::RouteData;
use crate::facts::environment;
use crate::facts::manifests;
use crate::facts::packages::Packages;
use crate::facts::python::file::PythonFile;
use crate::facts::roles;
use crate::facts::typescript::file::TypeScriptFile;
use crate::frontend::Frontend;
use crate::index::changes::{Changes, Edits};
use crate::index::interpreter::{Interpreter, KnownRuns, Runs, Session};
use crate::index::looked_at::RestsOn;
use crate::index::readers::Readers;
use crate::index::routes::{Route, RouteTable, link};
use crate::index::sources::Sources;
use crate::syntax::{Grammar, typescript};
use crate::verdicts;
use crate::vfs::{ByFile, FileId};

/// Texts read at once are read by several threads from this number on.
const PARALLEL_FROM: usize = 8;

/// A route's guard, and what the verdict rests on.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) guard: Guard,
    pub(crate) rests_on: Arc<RestsOn>,
    /// What the project's own words want.
    pub(crate) expected: Expectation,
    /// What it does with owned data.
    pub(crate) data: Arc<RouteData>,
}

/// Two are the same that say the same.
impl PartialEq for Judged {
    fn eq(&self, other: &Self) -> bool {
        self.guard == other.guard && self.expected == other.expected && self.data == other.data
    }
}

impl Eq for Judged {}

/// The verdicts on a list of routes.
#[derive(Debug)]
pub(crate) struct JudgedRoutes {
    routes: Vec<Judged>,
    /// All that they rest on, sorted.
    pub(crate) files: Box<[FileId]>,
}

impl JudgedRoutes {
    pub(crate) fn new(routes: Vec<Judged>) -> Self {
        let files: BTreeSet<FileId> = routes.iter().flat_map(|judged| judged.rests_on.files.iter().copied()).collect();
        Self { routes, files: files.into_iter().collect() }
    }
}

impl Deref for JudgedRoutes {
    type Target = [Judged];

    fn deref(&self) -> &[Judged] {
        &self.routes
    }
}

/// Two are the same that say the same.
impl PartialEq for JudgedRoutes {
    fn eq(&self, other: &Self) -> bool {
        self.routes == other.routes
    }
}

impl Eq for JudgedRoutes {}

/// Guards in the order of the route table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    pub(crate) applications: Vec<Arc<JudgedRoutes>>,
    pub(crate) middlewares: Vec<Arc<Middlewares>>,
    /// Verifiers that guard their routes.
    pub(crate) verifiers: Vec<Arc<Vec<verdicts::Verifier>>>,
    pub(crate) orphans: Vec<Arc<JudgedRoutes>>,
}

/// Everything that is known at one moment.
#[derive(Debug, Default, Clone)]
pub(crate) struct State {
    pub(crate) roots: Vec<String>,
    pub(crate) sources: Sources,
    pub(crate) documents: ByFile<Document>,
    pub(crate) runs: Arc<KnownRuns>,
    /// By file: modules that read it when they were executed.
    runs_by_file: Arc<Readers<FileId>>,
    /// Modules of which the execution did something to routers.
    contributing: Arc<BTreeSet<FileId>>,
    executed: Arc<FxHashSet<(FileId, u32)>>,
    /// Items of which a run executed a body; of runs that are gone, too.
    executed_in_runs: Arc<FxHashSet<(FileId, u32)>>,
    /// Files with comments to authlens, and files that can't be read or parsed.
    pub(crate) speaking: Arc<BTreeSet<FileId>>,
    /// Files that may declare tables. Where there are none, no handler is
    /// executed to see whose rows it touches.
    pub(crate) tables: Arc<BTreeSet<FileId>>,
    /// Files that may sign or verify with a key.
    pub(crate) signing: Arc<BTreeSet<FileId>>,
    /// Files that may do something with tokens.
    pub(crate) handling_tokens: Arc<BTreeSet<FileId>>,
    /// Changes put off while the workspace is being read: outlines and listing.
    pending: FxHashSet<FileId>,
    pending_listing: bool,
    pending_policy: bool,
    pending_manifests: bool,
    /// What specifications and configurations say.
    pub(crate) policy: Arc<Policy>,
    /// Whether something other than code changed that verdicts rest on.
    unjudged: bool,
    /// Whether what stands in a text of the frontend, or no longer does, changed.
    unplaced: bool,
    /// Files whose text is needed to go on.
    wanted: BTreeSet<FileId>,
    pub(crate) memo: Arc<VerdictMemo>,
    /// By file: functions that verify and that a route could ask for.
    pub(crate) injectable: Arc<verdicts::Injectable>,
    /// Keys whose values stand in the code.
    pub(crate) keys: Arc<verdicts::Keys>,
    /// What files do with tokens.
    pub(crate) tokens: Arc<verdicts::Tokens>,
    /// Variables to which committed files give values.
    pub(crate) environments: Arc<std::collections::BTreeMap<FileId, Vec<environment::Variable>>>,
    /// Libraries for tokens that manifests name.
    pub(crate) packages: Arc<Packages>,
    pub(crate) table: Arc<RouteTable>,
    /// What the frontend's code sends where.
    pub(crate) frontend: Frontend,
    /// Where its requests lead.
    pub(crate) destinations: Arc<verdicts::Destinations>,
    /// Whether its tokens are those that the backend verifies.
    pub(crate) agreement: Arc<verdicts::agreement::Agreement>,
    /// Functions that its routes rest on.
    pub(crate) in_use: Arc<verdicts::FunctionsInUse>,
    /// The generation of handlers that `injectable` knows.
    pub(crate) injectable_of: u64,
    /// Files of which `injectable` may not know the functions; any, where that is not known.
    pub(crate) unexamined: Option<BTreeSet<FileId>>,
    verdicts_by_file: Arc<Readers<VerdictKey>>,
    injectable_by_file: Arc<Readers<FileId>>,
    pub(crate) guards: Arc<Guards>,
    pub(crate) verifiers: Arc<Vec<verdicts::Verifier>>,
    /// How far the applications of the table reach.
    pub(super) reaches: Arc<Vec<Arc<Reach>>>,
    pub(super) diagnostics: Arc<FxHashMap<FileId, Arc<[Diagnostic]>>>,
    pub(crate) indexing: bool,
    /// Whether texts that no editor has open are kept packed.
    packs: bool,
}

/// Owns the state; one thread changes it.
#[derive(Debug, Default)]
pub struct AnalysisHost {
    state: Arc<State>,
}

impl AnalysisHost {
    /// An empty host.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty host that lives long: it keeps the texts of files that no editor
    /// has open packed.
    pub fn packing() -> Self {
        Self { state: Arc::new(State { packs: true, ..State::default() }) }
    }

    /// The current state.
    pub fn snapshot(&self) -> Analysis {
        Analysis { state: Arc::clone(&self.state) }
    }

    /// Says whether files of the workspace are still being read. Until they
    /// are, a router that nothing includes may only not have been met yet, and
    /// what guards an application may stand in a file that has not been read:
    /// their routes stay unknown. An application in an open file that is seen
    /// to authenticate callers is answered at once: it is what the user looks
    /// at, and it reads what it imports.
    pub fn set_indexing(&mut self, indexing: bool) -> Applied {
        let state = Arc::make_mut(&mut self.state);
        if state.indexing == indexing {
            return Applied::default();
        }
        state.indexing = indexing;
        state.unjudged = true;
        state.derive(BTreeSet::new(), FxHashMap::default(), Edits::default(), false)
    }

    /// While the workspace is being read: absolute paths of files that modules
    /// read so far import, and whose text is needed. Nothing is judged yet, so
    /// asking until none is left costs far less than applying one by one.
    pub fn missing(&mut self) -> Vec<String> {
        let state = Arc::make_mut(&mut self.state);
        let invalid = std::mem::take(&mut state.pending);
        let everything = std::mem::take(&mut state.pending_listing);
        let everything = everything || std::mem::take(&mut state.pending_manifests);
        let given_up = state.execute(&invalid, everything);
        let mut edits = Edits::default();
        edits.lose(invalid);
        let changes = given_up.stale.map(|stale| Changes::new(stale, edits, given_up.runs));
        state.forget(changes.as_ref());
        state.unjudged = true;
        state.update_frontend();
        let wanted = std::mem::take(&mut state.wanted);
        state.paths(wanted)
    }

    /// Applies a change and brings every derived fact up to date.
    pub fn apply(&mut self, change: Change) -> Applied {
        Arc::make_mut(&mut self.state).apply(change)
    }
}

/// What a new text means for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// Positions at most.
    Nothing,
    /// Bodies of functions.
    Bodies,
    /// What other files can see.
    Outline,
}

impl State {
    fn apply(&mut self, change: Change) -> Applied {
        if let Some(roots) = change.roots {
            self.sources.set_roots(&roots);
            self.roots = roots;
            // What counts as test code may be other.
            self.unjudged = true;
            self.unexamined = None;
        }
        let mut touched = BTreeSet::new();
        let mut listing_changed = false;
        for (path, content) in change.disk {
            let file = self.intern(&path);
            if self.documents.get_mut(file).is_some_and(|document| document.set_disk(content)) {
                touched.insert(file);
            }
        }
        for (path, text) in change.open {
            let file = self.intern(&path);
            if let Some(document) = self.documents.get_mut(file).filter(|document| document.open != text) {
                document.open = text;
                touched.insert(file);
            }
        }
        for &file in &touched {
            let exists = self.documents.get(file).is_some_and(Document::exists);
            listing_changed |= self.sources.set_importable(file, exists);
        }
        if let Some(path) = change.configuration {
            let only = self.intern(&path);
            Arc::make_mut(&mut self.policy).set_only(Some(only));
            touched.insert(only);
            self.pending_policy = true;
        }
        self.read_policy(&touched);
        self.pending_manifests |= self.read_manifests(&touched);
        self.read_module_configurations(&touched);
        self.read_environments(&touched);
        let mut extents = FxHashMap::default();
        let mut edits = Edits::default();
        for (file, parsed) in self.read(&touched) {
            let extent = self.install(file, parsed, &mut edits);
            extents.insert(file, extent);
        }
        self.derive(touched, extents, edits, listing_changed)
    }

    fn intern(&mut self, path: &str) -> FileId {
        let file = self.sources.intern(path);
        while self.documents.len() <= file.0 as usize {
            self.documents.push(Document::default());
        }
        file
    }

    /// Takes over what specifications and configurations say.
    fn read_policy(&mut self, touched: &BTreeSet<FileId>) {
        for &file in touched {
            let Some(path) = self.sources.file(file).map(|source| source.path.clone()) else { continue };
            if path.ends_with(".py") {
                continue;
            }
            let text = self.documents.get(file).and_then(Document::text);
            self.pending_policy |= Arc::make_mut(&mut self.policy).set(file, &path, text.as_deref());
        }
    }

    /// Takes over what manifests say; tells whether that changed.
    fn read_manifests(&mut self, touched: &BTreeSet<FileId>) -> bool {
        let mut changed = false;
        for file in touched {
            let Some(path) = self.sources.file(*file).map(|source| source.path.clone()) else { continue };
            if manifests::rank(&path).is_some() {
                let text = self.documents.get(*file).and_then(Document::text);
                changed |= self.sources.set_manifest(&path, text.as_deref());
                self.unjudged |= Arc::make_mut(&mut self.packages).set(*file, &path, text.as_deref());
            }
        }
        changed
    }

    /// Takes over which variables files set. Whoever names such a file knows that
    /// it is committed.
    fn read_environments(&mut self, touched: &BTreeSet<FileId>) {
        for file in touched {
            let sets = self.sources.file(*file).is_some_and(|source| environment::sets_variables(&source.path));
            if !sets {
                continue;
            }
            let text = self.documents.get(*file).and_then(Document::text);
            let variables = text.as_deref().map(environment::read).unwrap_or_default();
            let known = self.environments.get(file).map_or(&[][..], Vec::as_slice);
            if known != variables.as_slice() {
                self.unjudged = true;
                let all = Arc::make_mut(&mut self.environments);
                if variables.is_empty() {
                    all.remove(file)
                } else {
                    all.insert(*file, variables)
                };
            }
        }
    }

    /// Takes over what configurations say about imports of TypeScript.
    fn read_module_configurations(&mut self, touched: &BTreeSet<FileId>) {
        for file in touched {
            let Some(path) = self.sources.file(*file).map(|source| source.path.clone()) else { continue };
            if roles::configures_modules(&path) {
                let text = self.documents.get(*file).and_then(Document::text);
                self.frontend.set_configuration(&path, text.as_deref());
            }
        }
    }

    /// Evaluates modules of the frontend that changed, or that rest on what did.
    fn update_frontend(&mut self) -> bool {
        let (changed, missing) = self.frontend.update(&self.sources);
        self.wanted.extend(missing);
        changed
    }

    /// Puts both halves beside each other again, if one of them changed. Gives
    /// the files of which something else may be said now.
    fn update_agreement(&mut self, reached: &Reached, judged_before: &Guards) -> FxHashSet<FileId> {
        let same = |a: &[Arc<JudgedRoutes>], b: &[Arc<JudgedRoutes>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        let is_same = !reached.everything
            && !reached.frontend
            && reached.table.is_none()
            && same(&self.guards.applications, &judged_before.applications);
        if is_same {
            return FxHashSet::default();
        }
        let agreement = verdicts::agreement::compare(self);
        if agreement == *self.agreement {
            // What it points at in the frontend may be gone for a while, or back now.
            return if reached.frontend { agreement.files() } else { FxHashSet::default() };
        }
        let mut files = self.agreement.files();
        files.extend(agreement.files());
        self.agreement = Arc::new(agreement);
        files
    }

    /// Reads the texts of files, on several threads when there are many.
    fn read(&self, files: &BTreeSet<FileId>) -> Vec<(FileId, Option<Parsed>)> {
        let read_one = |file: FileId| {
            let document = self.documents.get(file)?;
            let grammar = self.sources.file(file).and_then(|source| Grammar::of_path(&source.path))?;
            Parsed::new(&document.text()?, grammar, document.parsed.as_deref(), document.open.is_some(), self.packs)
        };
        let files: Vec<FileId> = files.iter().copied().collect();
        // Asked for only where it matters: the answer costs the reading of files.
        let threads = if files.len() < PARALLEL_FROM { 1 } else { available_threads().min(files.len()) };
        if threads < 2 {
            return files.into_iter().map(|file| (file, read_one(file))).collect();
        }
        let next = std::sync::atomic::AtomicUsize::new(0);
        let mut parsed: Vec<(FileId, Option<Parsed>)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut done = Vec::new();
                        loop {
                            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let Some(&file) = files.get(at) else { return done };
                            done.push((file, read_one(file)));
                        }
                    })
                })
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            // A panic is the caller's to catch: nothing is left out silently.
            joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        parsed.sort_by_key(|(file, _)| *file);
        parsed
    }

    /// Takes over what was read and tells how far that reaches.
    fn install(&mut self, file: FileId, parsed: Option<Parsed>, edits: &mut Edits) -> Extent {
        let Some(document) = self.documents.get_mut(file) else { return Extent::Nothing };
        let listed = document.exists() && !document.has_text() && document.unreadable.is_none();
        let script = parsed.as_ref().and_then(|parsed| parsed.facts.script().map(Arc::clone));
        let facts = parsed.as_ref().and_then(|parsed| parsed.facts.python().map(Arc::clone));
        let broken = parsed.as_ref().is_some_and(|parsed| !parsed.errors.is_empty());
        let text = document.text();
        document.set_parsed(parsed.map(Arc::new));
        if self.packs {
            document.pack();
        }
        self.note_speaking(file);
        let Some(source) = self.sources.file(file) else { return Extent::Nothing };
        if typescript::grammar(&source.path).is_some() {
            let listing = (source.script.is_some() || source.listed) != (script.is_some() || listed);
            // Findings of any file may point at what is gone for a while, and back now.
            let unplaced = |script: &Option<Arc<TypeScriptFile>>| -> Vec<_> {
                script.iter().flat_map(|script| script.unplaced().collect::<Vec<_>>()).collect()
            };
            self.unplaced |= unplaced(&source.script) != unplaced(&script);
            if script.is_some() || source.script.is_some() || listing {
                // While it does not parse, its last good text counts.
                let relevant = (broken && source.relevant) || text.is_some_and(|text| may_send(&text));
                self.sources.set_script(file, script.clone(), listed, relevant);
                self.frontend.note(&self.sources, file, script.as_deref(), listing);
            }
            return Extent::Nothing;
        }
        if !source.path.ends_with(".py") {
            // Nothing imports it; what it says was read before.
            return Extent::Nothing;
        }
        let extent = match (&source.facts, &facts) {
            (Some(old), Some(new)) => extent(file, old, new, edits),
            (None, None) if source.listed == listed => Extent::Nothing,
            (old, new) => {
                edits.note(file, old.as_ref(), new.as_ref());
                Extent::Outline
            }
        };
        let declares = text.as_ref().is_some_and(|text| may_declare_tables(text));
        let without = self.tables.is_empty();
        let changed = set(&mut self.tables, file, declares);
        self.unjudged |= changed && without != self.tables.is_empty();
        set(&mut self.signing, file, text.as_ref().is_some_and(|text| may_use_keys(text)));
        let handles = text.as_ref().is_some_and(|text| may_handle_tokens(text));
        let handled = set(&mut self.handling_tokens, file, handles);
        if handles || handled {
            Arc::make_mut(&mut self.tokens).ask(file);
        }
        let relevant = text.is_some_and(|text| is_relevant(&text, source.test));
        let extent = if source.relevant == relevant { extent } else { Extent::Outline };
        self.sources.set_facts(file, facts, listed, relevant);
        extent
    }

    /// Notes whether there can be findings in a file that no route is behind.
    fn note_speaking(&mut self, file: FileId) {
        let parsed = self.parsed(file).is_some_and(|parsed| parsed.never_parsed || !parsed.comments.is_empty());
        let speaks = parsed || self.unreadable(file).is_some();
        set(&mut self.speaking, file, speaks);
    }

    fn derive(
        &mut self,
        touched: BTreeSet<FileId>,
        extents: FxHashMap<FileId, Extent>,
        mut edits: Edits,
        listing_changed: bool,
    ) -> Applied {
        let mut invalid: FxHashSet<FileId> =
            extents.iter().filter(|(_, extent)| **extent == Extent::Outline).map(|(file, _)| *file).collect();
        invalid.extend(edits.items.iter().filter(|item| self.executed.contains(item)).map(|(file, _)| *file));
        let policy_changed = std::mem::take(&mut self.pending_policy);
        // While a workspace is being read, only open documents are answered.
        if self.indexing && !touched.is_empty() && !touched.iter().any(|file| self.is_open(*file)) {
            self.pending.extend(touched);
            self.pending_listing |= listing_changed;
            self.pending_policy = policy_changed;
            return Applied::default();
        }
        let pending = std::mem::take(&mut self.pending);
        edits.lose(pending.iter().copied());
        invalid.extend(pending);
        let executed = edits.items.iter().any(|item| self.executed_in_runs.contains(item));
        for (file, run) in self.runs.iter().filter(|_| executed) {
            if run.executed.iter().any(|body| edits.items.contains(body)) {
                invalid.insert(*file);
            }
        }
        // What a version of FastAPI does with routers is seen in every module.
        let everything =
            std::mem::take(&mut self.pending_listing) || std::mem::take(&mut self.pending_manifests) || listing_changed;
        let executes = everything || !invalid.is_empty();
        let mut given_up = GivenUp::default();
        if executes {
            given_up = self.execute(&invalid, everything);
        } else {
            given_up.stale = Some(FxHashSet::default());
        }
        let changes = given_up.stale.map(|mut stale| {
            stale.extend(&touched);
            Changes::new(stale, edits, given_up.runs)
        });
        let forgotten = self.forget(changes.as_ref());
        if policy_changed {
            self.sources.set_vouched(self.policy.sinks());
            self.forget(None);
        }
        let unjudged = std::mem::take(&mut self.unjudged) || policy_changed || self.indexing;
        let judged_before = Arc::clone(&self.guards);
        let mut reached = self.judge(given_up.table.as_ref(), changes.as_ref().filter(|_| !unjudged));
        reached.everything |= unjudged || changes.is_none();
        reached.files.extend(touched);
        reached.files.extend(forgotten);
        reached.table = given_up.table;
        reached.frontend = !self.indexing && self.update_frontend() | std::mem::take(&mut self.unplaced);
        self.destinations = Arc::new(verdicts::Destinations::since(&self.destinations, self));
        reached.files.extend(self.update_agreement(&reached, &judged_before));
        let changed = self.refresh_diagnostics(&reached);
        let wanted = std::mem::take(&mut self.wanted);
        Applied { changed, wanted: self.paths(wanted) }
    }

    fn paths(&self, files: BTreeSet<FileId>) -> Vec<String> {
        files.into_iter().filter_map(|file| self.sources.file(file)).map(|f| f.path.to_string()).collect()
    }

    /// Executes again what is no longer valid, and links the route table anew.
    fn execute(&mut self, invalid: &FxHashSet<FileId>, everything: bool) -> GivenUp {
        let mut stale = invalid.clone();
        let mut given_up = Runs::default();
        if everything {
            self.runs = Arc::default();
            self.runs_by_file = Arc::default();
            self.contributing = Arc::default();
            self.executed = Arc::default();
        }
        // Whoever read something that goes, goes too.
        let mut pending: Vec<FileId> = stale.iter().copied().collect();
        while let Some(file) = pending.pop() {
            if let Some(run) = self.runs.get(&file).cloned() {
                Arc::make_mut(&mut self.runs).remove(&file);
                Arc::make_mut(&mut self.runs_by_file).remove(file, &run.reads);
                set(&mut self.contributing, file, false);
                given_up.insert(file, run);
            }
            pending.extend(self.runs_by_file.of_one(file).filter(|reader| stale.insert(*reader)));
        }
        let interpreter = Interpreter::new(&self.sources, &self.runs);
        let is_root = |file: &FileId| self.sources.file(*file).is_some_and(|f| f.relevant && f.facts.is_some());
        let mut roots: Vec<FileId> = match everything {
            true => self.sources.relevant().map(|(file, _)| file).collect(),
            false => stale.iter().copied().filter(is_root).collect(),
        };
        roots.sort_unstable_by_key(|file| self.sources.file(*file).map(|file| &file.path));
        for file in roots {
            interpreter.run(file);
        }
        let mut contributing = Arc::clone(&self.contributing);
        for (file, run) in interpreter.new_runs() {
            let does = !(run.routers.is_empty() && run.effects.is_empty() && run.executed.is_empty());
            set(&mut contributing, file, does && is_root(&file));
        }
        let current: Runs = contributing.iter().map(|file| (*file, interpreter.run(*file))).collect();
        let stale = (!everything).then_some(stale);
        let table = link(&interpreter, &current, &self.table, stale.as_ref());
        let mut in_use = Arc::clone(&self.in_use);
        Arc::make_mut(&mut in_use).relink(&table, &interpreter);
        let session = interpreter.finish();
        self.take_over(session);
        self.in_use = in_use;
        self.contributing = contributing;
        let before = std::mem::replace(&mut self.table, Arc::new(table));
        GivenUp { table: Some(before), stale, runs: given_up }
    }

    /// Forgets the verdicts that may be other after changes; all without them.
    /// Gives the files in which something was said of functions that were forgotten.
    fn forget(&mut self, changes: Option<&Changes>) -> Vec<FileId> {
        let Some(changes) = changes else {
            self.memo = Arc::default();
            self.verdicts_by_file = Arc::default();
            self.injectable = Arc::default();
            self.injectable_by_file = Arc::default();
            Arc::make_mut(&mut self.tokens).forget_all();
            self.unexamined = None;
            return Vec::new();
        };
        let interpreter = Interpreter::new(&self.sources, &self.runs);
        let is_gone = |rests_on: &Arc<RestsOn>| !changes.hold(&interpreter, rests_on);
        let mut verdicts = self.verdicts_by_file.of(&changes.stale);
        verdicts.retain(|key| self.memo.get(key).is_some_and(|verdict| is_gone(&verdict.rests_on)));
        let mut functions = self.injectable_by_file.of(&changes.stale);
        functions.extend(changes.edits.read_anew());
        if let Some(unexamined) = &mut self.unexamined {
            unexamined.extend(changes.edits.read_anew());
        }
        functions.retain(|file| {
            let known = self.injectable.get(file);
            known.is_some_and(|known| changes.edits.is_read(*file) || is_gone(&known.rests_on))
        });
        let affected = self.tokens.affected(changes);
        if !affected.is_empty() {
            Arc::make_mut(&mut self.tokens).forget(affected, changes, &interpreter);
        }
        let session = interpreter.finish();
        self.take_over(session);
        if !verdicts.is_empty() {
            let memo = Arc::make_mut(&mut self.memo);
            let readers = Arc::make_mut(&mut self.verdicts_by_file);
            for key in verdicts {
                if let Some(verdict) = memo.remove(&key) {
                    readers.remove(key, &verdict.rests_on.files);
                }
            }
        }
        let mut said_in = Vec::new();
        if !functions.is_empty() {
            let injectable = Arc::make_mut(&mut self.injectable);
            let readers = Arc::make_mut(&mut self.injectable_by_file);
            for file in functions {
                if let Some(known) = injectable.remove(&file) {
                    readers.remove(file, &known.rests_on.files);
                    said_in.extend(known.said_in());
                }
                if let Some(unexamined) = &mut self.unexamined {
                    unexamined.insert(file);
                }
            }
        }
        said_in
    }

    /// Keeps what an interpreter found out.
    fn take_over(&mut self, session: Session) {
        if !session.runs.is_empty() {
            let readers = Arc::make_mut(&mut self.runs_by_file);
            let runs = Arc::make_mut(&mut self.runs);
            for (file, run) in session.runs {
                readers.add(file, &run.reads);
                let executed = &mut self.executed_in_runs;
                if run.executed.iter().any(|item| !executed.contains(item)) {
                    Arc::make_mut(executed).extend(&run.executed);
                }
                runs.insert(file, run);
            }
        }
        if session.executed.iter().any(|item| !self.executed.contains(item)) {
            Arc::make_mut(&mut self.executed).extend(session.executed);
        }
        self.wanted.extend(session.wanted);
    }

    /// Judges routes: those that rest on other modules than before, or all.
    /// Tells what of the rest that changed.
    fn judge(&mut self, before: Option<&Arc<RouteTable>>, changes: Option<&Changes>) -> Reached {
        let judgement = verdicts::judge(self, before.unwrap_or(&self.table), changes);
        let mut reached = Reached { everything: *self.keys != judgement.keys, ..Reached::default() };
        self.guards = Arc::new(judgement.guards);
        if *self.verifiers != judgement.verifiers {
            let before = std::mem::replace(&mut self.verifiers, Arc::new(judgement.verifiers));
            reached.verifiers = Some(before);
        }
        self.keys = Arc::new(judgement.keys);
        if !judgement.tokens.is_empty() {
            reached.everything |= Arc::make_mut(&mut self.tokens).take_over(judgement.tokens);
        }
        if !judgement.memo.is_empty() {
            let readers = Arc::make_mut(&mut self.verdicts_by_file);
            let memo = Arc::make_mut(&mut self.memo);
            for (key, verdict) in judgement.memo {
                readers.add(key, &verdict.rests_on.files);
                if let Some(before) = memo.insert(key, Arc::clone(&verdict)) {
                    readers.remove_others(key, &before.rests_on.files, &verdict.rests_on.files);
                }
            }
        }
        if !judgement.injectable.is_empty() {
            let readers = Arc::make_mut(&mut self.injectable_by_file);
            let injectable = Arc::make_mut(&mut self.injectable);
            for (file, known) in judgement.injectable {
                reached.files.extend(known.said_in());
                let rests_on = Arc::clone(&known.rests_on);
                readers.add(file, &rests_on.files);
                if let Some(before) = injectable.insert(file, Arc::new(known)) {
                    readers.remove_others(file, &before.rests_on.files, &rests_on.files);
                }
            }
        }
        self.injectable_of = self.in_use.generation;
        self.unexamined = Some(BTreeSet::new());
        self.take_over(judgement.session);
        reached
    }

    /// The same state with other routes.
    pub(super) fn with_routes(&self, table: RouteTable, guards: Guards) -> Self {
        // Destinations name routes of the whole table.
        let destinations = Arc::default();
        Self { table: Arc::new(table), guards: Arc::new(guards), destinations, ..self.clone() }
    }

    /// Routes of routers that nothing includes, with their verdicts.
    pub(crate) fn orphans(&self) -> impl Iterator<Item = (&Route, &Judged)> {
        let groups = self.table.orphans.iter().zip(&self.guards.orphans);
        groups.flat_map(|(routes, judged)| routes.iter().zip(judged.iter()))
    }

    pub(crate) fn parsed(&self, file: FileId) -> Option<&Arc<Parsed>> {
        self.documents.get(file)?.parsed.as_ref()
    }

    /// Whether a file is TypeScript or JavaScript.
    pub(crate) fn is_script(&self, file: FileId) -> bool {
        self.sources.file(file).is_some_and(|source| typescript::grammar(&source.path).is_some())
    }

    /// Whether an editor has the file open.
    pub(crate) fn is_open(&self, file: FileId) -> bool {
        self.documents.get(file).is_some_and(|document| document.open.is_some())
    }

    pub(crate) fn unreadable(&self, file: FileId) -> Option<&'static str> {
        self.documents.get(file)?.unreadable
    }
}

/// What executing modules again left behind of before.
#[derive(Default)]
struct GivenUp {
    /// The route table, if routes were linked anew.
    table: Option<Arc<RouteTable>>,
    /// Modules that are other than before; none when everything may be.
    stale: Option<FxHashSet<FileId>>,
    /// Runs of the modules that were executed again.
    runs: Runs,
}

/// How far the difference between two versions of a file reaches.
fn extent(file: FileId, old: &Arc<PythonFile>, new: &Arc<PythonFile>, edits: &mut Edits) -> Extent {
    let Some(changed) = edits.note(file, Some(old), Some(new)) else { return Extent::Outline };
    let is_outline = |item: &u32| {
        let (a, b) = (&old.items[*item as usize], &new.items[*item as usize]);
        a.placed.item.stmt.outline_hash() != b.placed.item.stmt.outline_hash() || a.ghost != b.ghost
    };
    match changed.as_slice() {
        [] => Extent::Nothing,
        changed if changed.iter().any(is_outline) => Extent::Outline,
        _ => Extent::Bodies,
    }
}

/// Puts a file into a set that snapshots share, or takes it out; tells whether that changed anything.
fn set(files: &mut Arc<BTreeSet<FileId>>, file: FileId, is_in: bool) -> bool {
    if files.contains(&file) == is_in {
        return false;
    }
    let files = Arc::make_mut(files);
    if is_in { files.insert(file) } else { files.remove(&file) }
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether a text can hold a table's class, of SQLAlchemy or SQLModel, or a
/// client of a store that needs none.
fn may_declare_tables(text: &str) -> bool {
    let holds = |needle: &str| memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    holds("mapped_column")
        || holds("Column(")
        || (holds("SQLModel") && holds("table"))
        || (holds("sqlalchemy") && holds("text("))
        || ["supabase", "motor", "pymongo", "beanie", "odmantic"]
            .iter()
            .any(|client| holds(&format!("import {client}")) || holds(&format!("from {client}")))
}

/// Whether a script can send requests or handle tokens.
fn may_send(text: &str) -> bool {
    roles::SCRIPT_MARKERS.iter().any(|marker| memmem::find(text.as_bytes(), marker.as_bytes()).is_some())
}

/// Whether a text can hold routers, routes or dependencies. Test code counts
/// only where it makes an application.
fn is_relevant(text: &str, test: bool) -> bool {
    let holds = |needle: &str| memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    if test {
        return holds("FastAPI(") || holds("APIRouter(");
    }
    roles::APPLICATION_MARKERS.iter().any(|needle| holds(needle))
}
