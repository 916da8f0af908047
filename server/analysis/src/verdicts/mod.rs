//! Verdicts on the routes of the table: the guard of each, what it does with
//! owned data, and the dependencies of the project that verify.

pub(crate) mod agreement;
mod by_client;
pub(crate) mod calls;
pub(crate) mod carried;
mod conduct;
pub(crate) mod conversions;
mod deliveries;
mod destinations;
pub(crate) mod environments;
mod foreseen;
mod in_use;
mod injectable;
mod keys;
pub(crate) mod own_origin;
mod owned;
mod shadowed;
mod side_by_side;
mod sight;
mod sign_up;
mod tokens;
mod verifiers;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

pub(crate) use by_client::ByClient;
pub(crate) use conduct::Conduct;
pub(crate) use deliveries::Deliveries;
pub(crate) use destinations::Destinations;
pub(crate) use foreseen::Foresight;
pub(crate) use in_use::FunctionsInUse;
use injectable::NewInjectable;
pub(crate) use injectable::{Injectable, optional_verifiers};
pub(crate) use keys::{Keys, take_over as take_over_keys};
pub(crate) use tokens::{FoundTokens, Tokens};
pub(crate) use verifiers::Verifier;
pub(crate) use verifiers::{any_is_near, candidates, source_root};

use crate::auth::guard::{Guard, Guards as GuardJudge, may_sign_up};
use crate::auth::middleware::Middlewares;
use crate::auth::policy::{Authority, Basis, Expectation};
use crate::auth::{Judge, NewVerdicts, Proof};
use crate::data::{self, RouteData, Runs};
use crate::ide::{Guards, Judged, JudgedRoutes, State};
use crate::index::changes::{Changes, share};
use crate::index::interpreter::{Interpreter, Remembered, Session};
use crate::index::looked_at::LookedAt;
use crate::index::routes::{Application, Route, RouteTable};
use crate::index::same::same_route;
use crate::index::value::{Resolve, RouterId, Site, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What judging gives; of memo, runs and injectable functions only what was not known.
pub(crate) struct Judgement {
    pub(crate) guards: Guards,
    pub(crate) verifiers: Vec<Verifier>,
    pub(crate) memo: NewVerdicts,
    pub(crate) injectable: NewInjectable,
    pub(crate) keys: keys::NewKeys,
    pub(crate) tokens: Vec<FoundTokens>,
    pub(crate) session: Session,
}

/// Judges all routes, or those that are other than in the table `before` and
/// those that rest on what changed.
pub(crate) fn judge(
    state: &State,
    before: &RouteTable,
    changes: Option<&Changes>,
    remembered: Remembered,
) -> Judgement {
    let interpreter = Interpreter::remembering(&state.sources, &state.runs, remembered);
    let judge = Judge::new(&interpreter, &state.memo);
    let work = Work { state, interpreter: &interpreter, judge: &judge, guards: &GuardJudge::new(&judge, &interpreter) };
    let mut guards = Guards::default();
    let mut old_applications: FxHashMap<RouterId, Earlier<'_>> = FxHashMap::default();
    for (at, application) in before.applications.iter().enumerate() {
        let judged = state.guards.applications.get(at).zip(state.guards.middlewares.get(at));
        if let (Some(changes), Some((judged, middlewares))) = (changes, judged) {
            let earlier = Earlier {
                changes,
                application: Some((application, middlewares)),
                routes: &application.routes,
                judged,
                verifiers: state.guards.verifiers.get(at),
            };
            old_applications.insert(application.router, earlier);
        }
    }
    for application in &state.table.applications {
        let earlier = old_applications.get(&application.router);
        let (judged, middlewares) = work.application(application, earlier);
        let same = earlier.filter(|earlier| Arc::ptr_eq(earlier.judged, &judged));
        let verifiers = same
            .and_then(|earlier| earlier.verifiers)
            .map_or_else(|| Arc::new(verifiers::of_application(&interpreter, application, &judged)), Arc::clone);
        guards.verifiers.push(verifiers);
        guards.applications.push(judged);
        guards.middlewares.push(middlewares);
    }
    judge.leave();
    let old_orphans: FxHashMap<*const Vec<Route>, &Arc<JudgedRoutes>> =
        before.orphans.iter().map(Arc::as_ptr).zip(&state.guards.orphans).collect();
    for routes in &state.table.orphans {
        let judged = old_orphans.get(&Arc::as_ptr(routes)).zip(changes);
        let earlier =
            judged.map(|(judged, changes)| Earlier { changes, application: None, routes, judged, verifiers: None });
        guards.orphans.push(work.routes(routes, None, earlier.as_ref()));
    }
    let injectable = injectable::look(state, &interpreter, &judge);
    let verifiers = verifiers::all(state, &guards, &injectable);
    let keys = keys::look(state, &interpreter, changes);
    let tokens = tokens::look(state, &interpreter);
    let memo = judge.finish();
    Judgement { guards, verifiers, memo, injectable, keys, tokens, session: interpreter.finish() }
}

/// Looks at what code does with tokens, and judges nothing.
pub(crate) fn look_at_tokens(state: &State) -> (Vec<FoundTokens>, Session) {
    let interpreter = Interpreter::new(&state.sources, &state.runs);
    let found = tokens::look(state, &interpreter);
    (found, interpreter.finish())
}

/// What judging works with.
struct Work<'w, 'a> {
    state: &'w State,
    interpreter: &'w Interpreter<'a>,
    judge: &'w Judge<'a>,
    guards: &'w GuardJudge<'w, 'a>,
}

/// An application, or a router that nothing includes, as it was judged before
/// a change of code.
struct Earlier<'e> {
    changes: &'e Changes,
    application: Option<(&'e Application, &'e Arc<Middlewares>)>,
    routes: &'e Arc<Vec<Route>>,
    judged: &'e Arc<JudgedRoutes>,
    /// Those that guard them.
    verifiers: Option<&'e Arc<Vec<Verifier>>>,
}

impl<'e> Earlier<'e> {
    /// The verdict on the same route, at an index from the start and from the
    /// end: where routes came or went, those behind them are counted from there.
    fn of(&self, route: &Route, index: usize, from_end: usize) -> Option<&'e Judged> {
        let at_end = self.routes.len().checked_sub(from_end);
        let is_it = |at: &usize| self.routes.get(*at).is_some_and(|other| same_route(other, route));
        self.judged.get(Some(index).into_iter().chain(at_end).find(is_it)?)
    }
}

/// What stands around a route.
#[derive(Clone, Copy)]
struct Around<'r> {
    application: &'r Application,
    middlewares: &'r Middlewares,
}

/// A route of which all is known but what it does with owned data, perhaps.
enum Begun {
    Known(Judged),
    Guard(Box<Waiting>),
}

/// What is known of such a route.
struct Waiting {
    guard: Guard,
    expected: Expectation,
    /// What it does with owned data, where that is as before.
    data: Option<Arc<RouteData>>,
    by_client: Option<Arc<ByClient>>,
    conduct: Conduct,
    /// Whether a file that decides about it does not parse.
    unparsed: bool,
    /// What was looked at so far.
    looked_at: LookedAt,
}

impl Work<'_, '_> {
    /// Guards of the routes of an application, and its middlewares.
    fn application(
        &self,
        application: &Application,
        earlier: Option<&Earlier<'_>>,
    ) -> (Arc<JudgedRoutes>, Arc<Middlewares>) {
        let known = earlier.and_then(|earlier| {
            let (old, middlewares) = earlier.application?;
            let holds = old.is_inside_as(application) && earlier.changes.hold(self.interpreter, &middlewares.rests_on);
            holds.then_some(middlewares)
        });
        let Some(middlewares) = known else {
            let middlewares = Middlewares::new(self.judge, application);
            let around = Around { application, middlewares: &middlewares };
            return (self.routes(&application.routes, Some(around), None), Arc::new(middlewares));
        };
        middlewares.enter(self.judge);
        let around = Around { application, middlewares };
        (self.routes(&application.routes, Some(around), earlier), Arc::clone(middlewares))
    }

    /// Guards of routes; `earlier` is what was said of them below the same middlewares.
    fn routes(
        &self,
        routes: &Arc<Vec<Route>>,
        around: Option<Around<'_>>,
        earlier: Option<&Earlier<'_>>,
    ) -> Arc<JudgedRoutes> {
        let same_table = earlier.filter(|earlier| Arc::ptr_eq(earlier.routes, routes));
        if let Some(earlier) = same_table
            && !share(&earlier.judged.files, &earlier.changes.stale)
        {
            return Arc::clone(earlier.judged);
        }
        // Code alone changes nothing of what is expected of the same routes.
        let expected = match same_table {
            Some(_) => Vec::new(),
            None => around.map(|around| expectations(self.state, around.application)).unwrap_or_default(),
        };
        let mut begun: Vec<Begun> = Vec::with_capacity(routes.len());
        for (index, route) in routes.iter().enumerate() {
            let known = same_table.and_then(|earlier| earlier.judged.get(index));
            let expected = match known {
                Some(known) => known.expected.clone(),
                None => expected.get(index).cloned().unwrap_or_default(),
            };
            let known = known.or_else(|| earlier?.of(route, index, routes.len() - index));
            // Others decide about that one.
            let known = known.filter(|known| !sign_up::is_given(&known.guard) && !shadowed::is_given(&known.guard));
            begun.push(self.begin(route, around, expected, known.zip(earlier.map(|earlier| earlier.changes))));
        }
        let mut judged = self.complete(routes, around, begun);
        if let Some(around) = around
            && self.state.indexing
            && !(self.state.is_open(around.application.site.file) && authenticates(&judged))
        {
            judged.iter_mut().for_each(put_off);
        }
        if around.is_some() {
            self.judge_sign_up(routes, &mut judged);
            shadowed::judge(routes, &mut judged);
        }
        Arc::new(JudgedRoutes::new(judged))
    }

    /// Takes the only route that makes accounts for the one by which callers sign up.
    fn judge_sign_up(&self, routes: &[Route], judged: &mut [Judged]) {
        let Some(at) = sign_up::only_one(routes, judged) else { return };
        let (route, judged) = (&routes[at], &mut judged[at]);
        let outer = self.interpreter.begin();
        self.interpreter.count(&judged.rests_on);
        if may_sign_up(self.interpreter, route) {
            judged.guard = sign_up::guard();
            judged.data = Arc::new(data::judge(self.interpreter, self.judge, route, &judged.guard, &Runs::default()));
        }
        judged.rests_on = self.interpreter.end(outer);
    }

    /// The guard of a route; `known` is what was said of the same one before a change.
    fn begin(
        &self,
        route: &Route,
        around: Option<Around<'_>>,
        expected: Expectation,
        known: Option<(&Judged, &Changes)>,
    ) -> Begun {
        let state = self.state;
        let unparsed = around.is_some_and(|around| never_parsed(state, around.application.site.file))
            || never_parsed(state, route.registration.file);
        // What is not guarded depends on comments too, and on texts that do not parse.
        let is_read = |changes: &Changes| {
            let places = [Some(route.registration), handler_site(&route.handler), around.map(|it| it.application.site)];
            places.into_iter().flatten().any(|site| changes.edits.is_read(site.file))
        };
        if let Some((known, changes)) = known
            && (!share(&known.rests_on.files, &changes.stale)
                || (!unparsed
                    && (known.guard.is_guarded() || !is_read(changes))
                    && changes.hold(self.interpreter, &known.rests_on)))
        {
            return Begun::Known(Judged { expected, ..known.clone() });
        }
        let outer = self.interpreter.begin();
        self.interpreter.count_file(route.registration.file);
        if let Some(handler) = route.function() {
            self.interpreter.count_file(handler.site.file);
        }
        if let Some(around) = around {
            self.interpreter.count_file(around.application.site.file);
            self.interpreter.count(&around.middlewares.rests_on);
        }
        for node in &route.dependencies {
            self.judge.dependency(&node.callable);
        }
        let required = match &expected {
            // Who writes "all endpoints" does not think of probes, nor of where callers are sent back to.
            Expectation::Required(basis) if basis.authority.speaks_of_several() => {
                self.guards.by_nature(route).is_none()
            }
            Expectation::Required(_) => true,
            _ => false,
        };
        let middlewares = around.map(|around| around.middlewares);
        let guard = self.guards.route(route, middlewares, public_comment(state, route).as_ref(), required);
        let same_data = known.filter(|_| !state.tables.is_empty()).filter(|(known, changes)| {
            known.guard == guard && known.data.holds(changes, self.interpreter, self.judge, route)
        });
        let data = match same_data {
            Some((known, _)) => Some(Arc::clone(&known.data)),
            None => state.tables.is_empty().then(Arc::default),
        };
        let is_served = around.is_some_and(|around| !around.application.test);
        let by_client = is_served.then(|| ByClient::of(self.judge, self.interpreter, route, &guard)).flatten();
        let conduct = match guard {
            Guard::Open(_) if around.is_some() => Conduct::of(self.interpreter, route),
            _ => Conduct::default(),
        };
        let looked_at = self.interpreter.note_in(outer);
        Begun::Guard(Box::new(Waiting { guard, expected, data, by_client, conduct, unparsed, looked_at }))
    }

    /// The verdict on a route of which everything is known.
    fn end(&self, waiting: Waiting, data: Arc<RouteData>) -> Judged {
        let Waiting { mut guard, expected, by_client, conduct, unparsed, looked_at, .. } = waiting;
        let outer = self.interpreter.note_in(looked_at);
        self.interpreter.count(&data.rests_on);
        let rests_on = self.interpreter.end(outer);
        if let (Guard::Open(_), Expectation::Public(basis) | Expectation::Optional(basis)) = (&guard, &expected) {
            guard = Guard::Public(stated_public(self.state, basis));
        }
        if unparsed && matches!(guard, Guard::Open(_)) {
            guard = Guard::Unknown("a file that decides about it does not parse".into());
        }
        Judged { guard, rests_on, expected, data, by_client, conduct }
    }
}

/// What the project says of each route of an application.
fn expectations(state: &State, application: &Application) -> Vec<Expectation> {
    let Some(file) = state.sources.file(application.site.file) else { return Vec::new() };
    state.policy.expectations(&file.path, &application.routes, &state.roots)
}

/// Why a route is public that the project's own words leave open.
fn stated_public(state: &State, basis: &Basis) -> SmolStr {
    let path = state.sources.file(basis.place.file).map(|file| file.path.as_str()).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or(path);
    match &basis.authority {
        Authority::Configured(reason) => format!("public by {name}: {reason}").into(),
        _ => format!("public by {name}").into(),
    }
}

/// Whether one of an application's routes shows that it means to know its callers.
pub(crate) fn authenticates(judged: &[Judged]) -> bool {
    judged.iter().any(|judged| match &judged.guard {
        Guard::Guarded(_) | Guard::Around(_) | Guard::Open(Some(_)) => true,
        // One that gives strangers nothing may know what they bring, and nobody by it.
        Guard::InBody(verdict) => verdict.proof == Proof::Verifies,
        _ => false,
    })
}

/// An open route may still turn out to be guarded.
fn put_off(judged: &mut Judged) {
    if let Guard::Open(_) = judged.guard {
        judged.guard = Guard::Unknown("files of the workspace are still being read".into());
    }
}

fn never_parsed(state: &State, file: FileId) -> bool {
    state.parsed(file).is_some_and(|parsed| parsed.never_parsed)
}

/// The reason of a `# authlens: public` comment at a route's registration or handler.
fn public_comment(state: &State, route: &Route) -> Option<SmolStr> {
    let places = [Some(route.registration), handler_site(&route.handler)];
    places.into_iter().flatten().find_map(|site| {
        let item = state.parsed(site.file)?.facts.python()?.item(site.item)?;
        let at = site.range.start;
        let covers = |covered: &TextRange| covered.start <= at && at <= covered.end;
        item.placed.public.iter().find(|(covered, _)| covers(covered)).map(|(_, reason)| reason.clone())
    })
}

/// Where the name of a handler stands.
pub(crate) fn handler_site(handler: &Value) -> Option<Site> {
    match handler {
        Value::Function(function) => Some(function.site),
        Value::Bound(bound) => Some(bound.1.site),
        _ => None,
    }
}

/// Lets a judge know what the middlewares of an application leave for its routes on `request.state`.
pub(crate) fn enter(state: &State, judge: &Judge<'_>, application: usize) {
    match state.guards.middlewares.get(application) {
        Some(middlewares) => middlewares.enter(judge),
        None => judge.leave(),
    }
}

/// Calls `look` for every route of applications outside of tests, with a judge that knows the middlewares around it.
pub(crate) fn for_each_judged<'s>(state: &'s State, judge: &Judge<'_>, mut look: impl FnMut(&'s Route, &'s Judged)) {
    let applications = state.table.applications.iter().zip(&state.guards.applications).enumerate();
    for (at, (application, judged)) in applications.filter(|(_, (application, _))| !application.test) {
        enter(state, judge, at);
        application.routes.iter().zip(judged.iter()).for_each(|(route, judged)| look(route, judged));
    }
}

/// Resolves names for callers that only have a snapshot.
pub(crate) fn with_interpreter<T>(state: &State, work: impl FnOnce(&Interpreter<'_>) -> T) -> T {
    let interpreter = Interpreter::new(&state.sources, &state.runs);
    work(&interpreter)
}
