//! The mutable side: applies changes and brings every derived fact up to date.

#[cfg(test)]
mod counted;
mod executing;
mod judged;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use self::executing::Executed;
pub(crate) use self::judged::{Guards, Judged, JudgedRoutes};
use super::documents::{Document, Parsed};
use super::refresh::{Reach, Reached};
use super::{Analysis, Applied, Change, Diagnostic};
use crate::auth::policy::Policy;
use crate::auth::{VerdictKey, VerdictMemo};
use crate::facts::environment;
use crate::facts::packages::Packages;
use crate::frontend::Frontend;
use crate::index::changes::{Changes, Edits, Extent};
use crate::index::contributions::Contributions;
use crate::index::interpreter::{KnownRuns, Remembered, Runs};
use crate::index::looked_at::Definitions;
use crate::index::readers::Readers;
use crate::index::routes::{Route, RouteTable};
use crate::index::sources::Sources;
use crate::rules;
use crate::rules::not_fully_analysed;
use crate::syntax::typescript;
use crate::threads::Threads;
use crate::verdicts;
use crate::vfs::{ByFile, FileId};

/// Everything that is known at one moment.
#[derive(Debug, Default, Clone)]
pub(crate) struct State {
    pub(crate) roots: Vec<String>,
    /// Roots around which more belongs to the project than is read.
    parts: Vec<String>,
    /// Whether something of the projects could not be read or followed.
    has_gaps: bool,
    pub(crate) sources: Sources,
    pub(crate) documents: ByFile<Document>,
    pub(crate) runs: Arc<KnownRuns>,
    /// By file: modules that read it when they were executed.
    runs_by_file: Arc<Readers<FileId>>,
    /// Modules of which the execution did something to routers.
    contributions: Arc<Contributions>,
    /// Functions that were executed outside of any run.
    executed: Arc<Definitions>,
    /// Functions that a run executed; of runs that are gone, too.
    executed_in_runs: Arc<Definitions>,
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
    /// Files that set variables of the environment.
    pub(crate) environments: Arc<BTreeMap<FileId, Environment>>,
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
    pub(crate) threads: Threads,
}

/// A file that sets variables of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Whether it is committed.
    pub(crate) is_committed: bool,
    /// The variables.
    pub(crate) variables: Vec<environment::Variable>,
    /// Of a template: the values of its chart that it asks for.
    pub(crate) asked: environment::AskedValues,
}

/// Owns the state; one thread changes it.
#[derive(Debug, Default)]
pub struct AnalysisHost {
    state: Arc<State>,
    /// While a workspace is being read: which code its routes reach.
    foresight: verdicts::Foresight,
}

impl AnalysisHost {
    /// An empty host.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty host that lives long: it keeps the texts of files that no editor
    /// has open packed.
    pub fn packing() -> Self {
        Self { state: Arc::new(State { packs: true, ..State::default() }), ..Self::default() }
    }

    /// Says how many threads may work at once. What is found does not depend on it.
    pub fn set_threads(&mut self, threads: NonZeroUsize) {
        Arc::make_mut(&mut self.state).threads = Threads::at_most(threads);
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
        self.foresight = verdicts::Foresight::default();
        let state = Arc::make_mut(&mut self.state);
        if state.indexing == indexing {
            return Applied::default();
        }
        state.indexing = indexing;
        state.unjudged = true;
        if indexing {
            state.sources.bodies().set_indexing(true);
        }
        let applied = state.derive(BTreeSet::new(), FxHashMap::default(), Edits::default(), false);
        if !indexing {
            state.sources.bodies().set_indexing(false);
        }
        applied
    }

    /// While the workspace is being read: absolute paths of files that modules
    /// read so far import, and whose text is needed. Nothing is judged yet, so
    /// asking until none is left costs far less than applying one by one.
    pub fn missing(&mut self) -> Vec<String> {
        let state = Arc::make_mut(&mut self.state);
        let invalid = std::mem::take(&mut state.pending);
        let everything = std::mem::take(&mut state.pending_listing);
        let everything = everything || std::mem::take(&mut state.pending_manifests);
        let mut edits = Edits::default();
        edits.lose(invalid.iter().copied());
        let mut executed = state.execute(&invalid, everything, &BTreeSet::new(), edits);
        state.forget(executed.changes.as_ref(), &mut executed.remembered);
        state.unjudged = true;
        let unread = state.frontend.unread(&state.sources);
        state.wanted.extend(unread);
        if state.wanted.is_empty() {
            let session = self.foresight.look(state);
            state.take_over(session);
        }
        if state.wanted.is_empty() {
            state.look_at_tokens();
        }
        if state.wanted.is_empty() {
            state.update_frontend();
        }
        let wanted = std::mem::take(&mut state.wanted);
        state.paths(wanted)
    }

    /// Applies a change and brings every derived fact up to date.
    pub fn apply(&mut self, change: Change) -> Applied {
        Arc::make_mut(&mut self.state).apply(change)
    }
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
        if let Some(parts) = change.parts {
            self.unjudged |= self.parts != parts;
            self.parts = parts;
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

    /// Evaluates modules of the frontend that changed, or that rest on what did.
    fn update_frontend(&mut self) -> bool {
        let (changed, missing) = self.frontend.update(&self.sources, self.threads);
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
            if !reached.frontend {
                return FxHashSet::default();
            }
            let mut files = agreement.files();
            let points = |found: &[Diagnostic]| found.iter().any(|one| rules::shows_frontend(one.rule));
            files.extend(self.diagnostics.iter().filter(|(_, found)| points(found)).map(|(file, _)| *file));
            return files;
        }
        let mut files = self.agreement.files();
        files.extend(agreement.files());
        // Claims are read where functions are called that verify, too.
        files.extend(self.tokens.calls().filter(|call| !call.reads.is_empty()).map(|call| call.site.file));
        if agreement.random_ids != self.agreement.random_ids {
            // Any handler may take an id.
            let routes = self.table.applications.iter().flat_map(|application| application.routes.iter());
            files.extend(routes.filter_map(|route| verdicts::handler_site(&route.handler)).map(|site| site.file));
        }
        self.agreement = Arc::new(agreement);
        files
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
        let executed = edits.items.iter().filter(|item| edits.touch_any(&self.executed, **item));
        invalid.extend(executed.map(|(file, _)| *file));
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
        if edits.items.iter().any(|item| edits.touch_any(&self.executed_in_runs, *item)) {
            let runs = self.runs.iter().filter(|(_, run)| run.executed.iter().any(|body| edits.touch(body)));
            invalid.extend(runs.map(|(file, _)| *file));
        }
        // What a version of FastAPI does with routers is seen in every module.
        let everything =
            std::mem::take(&mut self.pending_listing) || std::mem::take(&mut self.pending_manifests) || listing_changed;
        let executes = everything || !invalid.is_empty();
        let Executed { before, changes, mut remembered } = if executes {
            self.execute(&invalid, everything, &touched, edits)
        } else {
            let changes = Changes::new(touched.iter().copied().collect(), edits, Runs::default());
            Executed { changes: Some(changes), ..Executed::default() }
        };
        let forgotten = self.forget(changes.as_ref(), &mut remembered);
        if policy_changed {
            self.sources.set_vouched(self.policy.sinks());
            self.sources.set_owner_names(self.policy.owner_names());
            self.forget(None, &mut remembered);
        }
        let unjudged = std::mem::take(&mut self.unjudged) || policy_changed || self.indexing;
        let judged_before = Arc::clone(&self.guards);
        let mut reached = self.judge(before.as_ref(), changes.as_ref().filter(|_| !unjudged), remembered);
        reached.everything |= unjudged || changes.is_none();
        reached.files.extend(touched);
        reached.files.extend(forgotten);
        reached.table = before;
        reached.frontend = !self.indexing && self.update_frontend() | std::mem::take(&mut self.unplaced);
        (self.destinations, reached.seen_by_frontend) = verdicts::Destinations::since(&self.destinations, self);
        reached.files.extend(self.update_agreement(&reached, &judged_before));
        let has_gaps = not_fully_analysed::has_gaps(self);
        if std::mem::replace(&mut self.has_gaps, has_gaps) != has_gaps {
            // In these it is said what has no effect, where everything is known.
            reached.files.extend(self.speaking.iter());
        }
        let changed = self.refresh_diagnostics(&reached);
        let wanted = std::mem::take(&mut self.wanted);
        Applied { changed, wanted: self.paths(wanted) }
    }

    fn paths(&self, files: BTreeSet<FileId>) -> Vec<String> {
        files.into_iter().filter_map(|file| self.sources.file(file)).map(|f| f.path.to_string()).collect()
    }

    /// Judges routes: those that rest on other modules than before, or all.
    /// Tells what of the rest that changed.
    fn judge(
        &mut self,
        before: Option<&Arc<RouteTable>>,
        changes: Option<&Changes>,
        remembered: Remembered,
    ) -> Reached {
        let judgement = verdicts::judge(self, before.unwrap_or(&self.table), changes, remembered);
        let others = verdicts::take_over_keys(&mut self.keys, judgement.keys);
        let mut reached = Reached { everything: others, ..Reached::default() };
        self.guards = Arc::new(judgement.guards);
        if *self.verifiers != judgement.verifiers {
            let before = std::mem::replace(&mut self.verifiers, Arc::new(judgement.verifiers));
            reached.verifiers = Some(before);
        }
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
        self.unexamined = Some(BTreeSet::new());
        self.take_over(judgement.session);
        reached
    }

    /// Finds out what code does with tokens, which is asked of other code than routes reach.
    fn look_at_tokens(&mut self) {
        let (found, session) = verdicts::look_at_tokens(self);
        Arc::make_mut(&mut self.tokens).take_over(found);
        self.take_over(session);
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

    /// Whether all is known that has a say in what is found in a file: its project is read as a whole, and nothing
    /// in it was out of reach.
    pub(crate) fn knows_all_around(&self, path: &str) -> bool {
        let is_below = |root: &&String| path.strip_prefix(root.as_str()).is_some_and(|below| below.starts_with('/'));
        let mut around = self.roots.iter().filter(is_below);
        !self.indexing && !self.has_gaps && around.any(|root| !self.parts.contains(root))
    }

    /// Whether the text of a file is known.
    pub(crate) fn has_text(&self, file: FileId) -> bool {
        self.documents.get(file).is_some_and(Document::has_text)
    }

    /// Why a file could not be read, or its text.
    pub(crate) fn unreadable(&self, file: FileId) -> Option<&'static str> {
        let document = self.documents.get(file)?;
        document.unreadable.or(document.gave_up.then_some("it takes too long to parse"))
    }
}
