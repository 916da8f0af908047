//! The ways in which guards verify: for each guard of a route, the calls at
//! which its proof tells good credentials from bad ones.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::auth::evidence::{Part, Step};
use crate::auth::guard::{Guard, Weak};
use crate::auth::tokens::{Decode, Given, SessionQuery, VerifierCall};
use crate::auth::{DecidedBy, Judge, Proof, Verdict};
use crate::ide::State;
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Application, Route};
use crate::index::value::Site;
use crate::verdicts::carried::asks_for_bearer;
use crate::verdicts::enter;
use crate::vfs::FileId;

/// A way to verify a token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Strategy<'s> {
    /// It is decoded.
    Decode(&'s Decode),
    /// Its session is looked up in the database.
    SessionQuery(&'s SessionQuery),
    /// Better Auth's server is asked whose session it is.
    SessionRequest(Site),
    /// It is decrypted.
    Decryption(Site),
}

/// A guard with the ways in which it verifies.
pub(super) struct GuardGroup<'s> {
    /// Its ways; none where some could not be told.
    pub(super) strategies: Option<Vec<Strategy<'s>>>,
    /// Whether it may read a cookie.
    pub(super) reads_cookies: bool,
    /// Where the application stands whose routes it guards.
    pub(super) file: FileId,
}

/// What is known of what files do with tokens, by place.
pub(super) struct Verifications<'s> {
    decodes: FxHashMap<Site, &'s Decode>,
    queries: Vec<&'s SessionQuery>,
    decryptions: Vec<Site>,
    requests: Vec<Site>,
    /// Requests whose answers are believed although they may hold nobody: everybody passes.
    believed: Vec<Site>,
    /// Files that fetch Better Auth's public keys.
    fetching: FxHashSet<FileId>,
    pub(super) calls: Vec<&'s VerifierCall>,
}

impl<'s> Verifications<'s> {
    pub(super) fn new(state: &'s State) -> Self {
        let mut all = Self {
            decodes: FxHashMap::default(),
            queries: Vec::new(),
            decryptions: Vec::new(),
            requests: Vec::new(),
            believed: Vec::new(),
            fetching: FxHashSet::default(),
            calls: Vec::new(),
        };
        for (_, tokens) in state.tokens.items() {
            all.decodes.extend(tokens.decodes.iter().map(|decode| (decode.site, decode)));
            all.queries.extend(&tokens.session_queries);
            all.decryptions.extend(&tokens.decryptions);
            all.requests.extend(&tokens.session_requests);
            all.fetching.extend(tokens.key_addresses.iter().map(|site| site.file));
            all.believed.extend(tokens.introspections.iter().map(|one| one.request));
            all.calls.extend(&tokens.calls);
        }
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.decodes.is_empty() && self.queries.is_empty() && self.requests.is_empty() && self.decryptions.is_empty()
    }

    /// Whether a file fetches Better Auth's public keys.
    pub(super) fn fetches_keys(&self, file: FileId) -> bool {
        self.fetching.contains(&file)
    }

    /// The only read of a token in a function that looks at no signature.
    fn unverified_in(&self, function: Site) -> Option<&'s Decode> {
        let mut own = self.decodes.values().filter(|decode| decode.function == Some(function));
        own.next().filter(|decode| decode.unverified.is_some() && own.next().is_none()).copied()
    }

    /// Whether a query compares the column of tokens with all that a caller sends.
    pub(super) fn is_whole(&self, query: &SessionQuery) -> bool {
        match query.given {
            Given::Whole => true,
            Given::Other => false,
            Given::Parameter => {
                let mut calls = self.calls.iter().filter(|call| call.callee == query.function).peekable();
                calls.peek().is_some() && calls.all(|call| call.is_whole)
            }
        }
    }

    fn strategy(&self, step: &Step) -> Option<Strategy<'s>> {
        if let Some(decode) = self.decodes.get(&step.site) {
            return Some(Strategy::Decode(decode));
        }
        if self.requests.contains(&step.site) && !self.believed.contains(&step.site) {
            return Some(Strategy::SessionRequest(step.site));
        }
        let is_near = |site: Site| (site.file, site.item) == (step.site.file, step.site.item);
        if let Some(query) = self.queries.iter().find(|query| is_near(query.site)) {
            return Some(Strategy::SessionQuery(query));
        }
        // What decides may be the validation of the claims behind it.
        self.decryptions.iter().find(|site| is_near(**site)).map(|site| Strategy::Decryption(*site))
    }
}

/// The groups of guards of all applications outside of tests, by application
/// and route.
pub(super) struct Guards<'s> {
    pub(super) groups: Vec<GuardGroup<'s>>,
    by_route: FxHashMap<(usize, usize), usize>,
}

impl<'s> Guards<'s> {
    pub(super) fn new(state: &'s State, interpreter: &Interpreter<'_>, known: &Verifications<'s>) -> Self {
        let judge = Judge::new(interpreter, &state.memo);
        let mut all = Self { groups: Vec::new(), by_route: FxHashMap::default() };
        let mut by_guard: FxHashMap<(usize, Site), usize> = FxHashMap::default();
        let applications = state.table.applications.iter().zip(&state.guards.applications);
        for (at, (application, judged)) in applications.enumerate().filter(|(_, (one, _))| !one.test) {
            enter(state, &judge, at);
            for (index, (route, judged)) in application.routes.iter().zip(judged.iter()).enumerate() {
                let (key, verdict) = match &judged.guard {
                    Guard::Guarded(dependency) => {
                        let Some(node) = route.dependencies.get(*dependency) else { continue };
                        let Some((function, _)) = called(interpreter, &node.callable) else { continue };
                        if let Some(group) = by_guard.get(&(at, function.site)) {
                            all.by_route.insert((at, index), *group);
                            continue;
                        }
                        let verdict = judge.dependency(&node.callable);
                        // What it asks for may be what verifies.
                        let says = |verdict: &Arc<Verdict>| verdict.steps.iter().any(Step::decides);
                        let others = || route.dependencies.iter().map(|node| judge.dependency(&node.callable));
                        let verifies = |verdict: &Arc<Verdict>| verdict.proof == Proof::Verifies && says(verdict);
                        let verdict = if says(&verdict) { verdict } else { others().find(verifies).unwrap_or(verdict) };
                        (function.site, verdict)
                    }
                    Guard::Around(wrapped) => (wrapped.site, Arc::clone(&wrapped.verdict)),
                    Guard::InBody(verdict) => {
                        let Some(handler) = route.function() else { continue };
                        (handler.site, Arc::clone(verdict))
                    }
                    // It verifies nobody, and refuses what is no JWT.
                    Guard::Open(Some(Weak::Dependency(dependency, _))) => {
                        let Some(node) = route.dependencies.get(*dependency) else { continue };
                        let Some((function, _)) = called(interpreter, &node.callable) else { continue };
                        let Some(decode) = known.unverified_in(function.site) else { continue };
                        let next = all.groups.len();
                        let group = *by_guard.entry((at, function.site)).or_insert(next);
                        if group == next {
                            let verdict = judge.dependency(&node.callable);
                            let mut own = group_of(application, route, &verdict, known);
                            own.strategies = Some(vec![Strategy::Decode(decode)]);
                            all.groups.push(own);
                        }
                        all.by_route.insert((at, index), group);
                        continue;
                    }
                    _ => continue,
                };
                let next = all.groups.len();
                let group = *by_guard.entry((at, key)).or_insert(next);
                if group == next {
                    all.groups.push(group_of(application, route, &verdict, known));
                }
                all.by_route.insert((at, index), group);
            }
        }
        all
    }

    /// The group that guards a route.
    pub(super) fn of(&self, application: usize, route: usize) -> Option<usize> {
        self.by_route.get(&(application, route)).copied()
    }
}

/// Whether a setting may put the verification out of action.
fn is_switched(verdict: &Verdict) -> bool {
    verdict.bypass.is_some_and(|bypass| bypass.decided_by != DecidedBy::Form)
}

fn group_of<'s>(
    application: &Application,
    route: &Route,
    verdict: &Verdict,
    known: &Verifications<'s>,
) -> GuardGroup<'s> {
    let mut strategies: Option<Vec<Strategy<'s>>> = Some(Vec::new());
    for step in verdict.steps.iter().filter(|step| step.decides()) {
        match (known.strategy(step), &mut strategies) {
            (Some(strategy), Some(all)) => all.push(strategy),
            _ => strategies = None,
        }
    }
    let says = |part: Part| verdict.steps.iter().any(|step| step.reads(part));
    let by_header = says(Part::Headers)
        || asks_for_bearer(route)
        || verdict.steps.iter().any(|step| step.takes() == Some("authorization"));
    GuardGroup {
        strategies: strategies.filter(|all| !all.is_empty() && !is_switched(verdict)),
        reads_cookies: says(Part::Cookies) || !by_header,
        file: application.site.file,
    }
}
