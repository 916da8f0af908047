//! Guards of all routes, and the dependencies of the project that verify.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::State;
use super::in_use::FunctionsInUse;
use crate::auth::guard::{Guard, Guards as GuardJudge};
use crate::auth::middleware::Middlewares;
use crate::auth::policy::{Authority, Basis, Expectation};
use crate::auth::{Judge, Proof, Verdict, VerdictMemo};
use crate::data;
use crate::facts::python::file::PythonFile;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Param, StmtKind};
use crate::ide::{Guards, Judged, JudgedRoutes};
use crate::index::changes::{Changes, share};
use crate::index::dependencies::{Via, called, dependency_of};
use crate::index::interpreter::{Interpreter, Session};
use crate::index::looked_at::RestsOn;
use crate::index::routes::{Application, Route, RouteTable};
use crate::index::same::same_route;
use crate::index::value::{FunctionRef, Resolve, RouterId, Site, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Two are equal when nobody can tell them apart by what they say of them.
impl PartialEq for Verifier {
    fn eq(&self, other: &Self) -> bool {
        let told = |v: &Self| (v.name.clone(), v.file, v.site, v.uses);
        told(self) == told(other) && self.applications == other.applications && self.needs == other.needs
    }
}

/// A dependency of the project that verifies the caller.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// What `Depends` is given.
    pub callable: Value,
    /// Name under which the project refers to it.
    pub name: SmolStr,
    /// File that defines the name.
    pub file: FileId,
    /// Place of the deciding function's name.
    pub site: Site,
    /// How many routes it guards.
    pub uses: u32,
    /// Applications that it guards routes of.
    pub applications: Vec<RouterId>,
    /// Parameters that it takes from the path or query, and can't do without.
    pub needs: Vec<SmolStr>,
}

/// Verifiers that a route of an application can ask for: those that guard
/// other routes of it, or stand in its source tree, and whose own parameters
/// the route's path can fill.
///
/// Those that guard routes of the same router come first, the most used of them before the others.
pub(crate) fn candidates<'s>(state: &'s State, application: &Application, route: &Route) -> Vec<&'s Verifier> {
    let root = source_root(state, application);
    let fits = |verifier: &&Verifier| {
        let near = verifier.applications.contains(&application.router)
            || state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root));
        near && verifier.needs.iter().all(|name| route.path.contains(&format!("{{{name}}}")))
    };
    let mut found: Vec<&Verifier> = state.verifiers.iter().filter(fits).collect();
    let siblings = application.routes.iter().filter(|other| other.router == route.router);
    let asked: Vec<Site> = siblings
        .flat_map(|sibling| &sibling.dependencies)
        .filter(|node| matches!(node.via, Via::Parameter | Via::Decorator))
        .filter_map(|node| definition_site(&node.callable))
        .collect();
    let near =
        |verifier: &Verifier| asked.iter().filter(|site| Some(**site) == definition_site(&verifier.callable)).count();
    found.sort_by_cached_key(|verifier| {
        (!verifier.applications.contains(&application.router), std::cmp::Reverse(near(verifier)))
    });
    found
}

/// What tells one callable from another.
fn definition_site(callable: &Value) -> Option<Site> {
    match callable {
        Value::Function(function) => Some(function.site),
        Value::Class(class) => Some(class.site),
        Value::Instance(instance) => Some(instance.site),
        _ => None,
    }
}

/// The directory that an application's modules are imported from.
pub(crate) fn source_root(state: &State, application: &Application) -> String {
    let Some(file) = state.sources.file(application.site.file) else { return String::new() };
    let levels = state.sources.module_name(application.site.file).split('.').count();
    let mut dir = file.path.as_str();
    for _ in 0..levels {
        dir = crate::index::modules::parent(dir);
    }
    // A package's own folder is not enough: its root is one of several.
    format!("{dir}/")
}

/// Functions of one file that verify, and the modules that this rests on.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileInjectable {
    verifiers: Vec<Verifier>,
    /// Functions that were passed over because they are route handlers.
    handlers: Vec<Site>,
    /// Functions that look like guards and are none.
    pub(crate) pretenders: Vec<Pretender>,
    pub(crate) rests_on: Arc<RestsOn>,
}

/// A function that looks like a guard and verifies nothing.
#[derive(Debug, Clone)]
pub(crate) struct Pretender {
    pub(crate) function: Arc<FunctionRef>,
    pub(crate) verdict: Arc<Verdict>,
    /// Whether a security scheme hands it a credential.
    pub(crate) scheme: bool,
}

impl FileInjectable {
    /// Whether the same functions as before are handlers.
    fn holds(&self, in_use: &FunctionsInUse) -> bool {
        self.handlers.iter().all(|site| in_use.is_handler(*site))
            && !self.verifiers.iter().any(|verifier| in_use.is_handler(verifier.site))
    }
}

/// The same by file.
pub(crate) type Injectable = FxHashMap<FileId, FileInjectable>;

/// What judging gives; of memo, runs and injectable functions only what was not known.
pub(crate) struct Judgement {
    pub(crate) guards: Guards,
    pub(crate) verifiers: Vec<Verifier>,
    pub(crate) memo: VerdictMemo,
    pub(crate) injectable: Injectable,
    pub(crate) session: Session,
}

/// Judges all routes, or those that are other than in the table `before` and
/// those that rest on what changed.
pub(crate) fn judge(state: &State, before: &RouteTable, changes: Option<&Changes>) -> Judgement {
    let interpreter = Interpreter::new(&state.sources, &state.runs);
    let judge = Judge::new(&interpreter, &state.memo);
    let work = Work { state, interpreter: &interpreter, judge: &judge, guards: &GuardJudge::new(&judge, &interpreter) };
    let mut guards = Guards::default();
    let mut old_applications: FxHashMap<RouterId, Earlier<'_>> = FxHashMap::default();
    for (at, application) in before.applications.iter().enumerate() {
        let judged = state.guards.applications.get(at).zip(state.guards.middlewares.get(at));
        if let (Some(changes), Some((judged, middlewares))) = (changes, judged) {
            let earlier =
                Earlier { changes, application: Some((application, middlewares)), routes: &application.routes, judged };
            old_applications.insert(application.router, earlier);
        }
    }
    for application in &state.table.applications {
        let (judged, middlewares) = work.application(application, old_applications.get(&application.router));
        guards.applications.push(judged);
        guards.middlewares.push(middlewares);
    }
    judge.leave();
    let old_orphans: FxHashMap<*const Vec<Route>, &Arc<JudgedRoutes>> =
        before.orphans.iter().map(Arc::as_ptr).zip(&state.guards.orphans).collect();
    for routes in &state.table.orphans {
        let judged = old_orphans.get(&Arc::as_ptr(routes)).zip(changes);
        let earlier = judged.map(|(judged, changes)| Earlier { changes, application: None, routes, judged });
        guards.orphans.push(work.routes(routes, None, earlier.as_ref()));
    }
    let injectable = injectable(state, &interpreter, &judge);
    let verifiers = verifiers(state, &interpreter, &guards, &injectable);
    let memo = judge.finish();
    Judgement { guards, verifiers, memo, injectable, session: interpreter.finish() }
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
        let mut judged: Vec<Judged> = Vec::with_capacity(routes.len());
        for (index, route) in routes.iter().enumerate() {
            let known = same_table.and_then(|earlier| earlier.judged.get(index));
            let expected = match known {
                Some(known) => known.expected.clone(),
                None => expected.get(index).cloned().unwrap_or_default(),
            };
            let known = known.or_else(|| earlier?.of(route, index, routes.len() - index));
            judged.push(self.route(route, around, expected, known.zip(earlier.map(|earlier| earlier.changes))));
        }
        if let Some(around) = around
            && self.state.indexing
            && !(self.state.is_open(around.application.site.file) && authenticates(&judged))
        {
            judged.iter_mut().for_each(put_off);
        }
        Arc::new(JudgedRoutes::new(judged))
    }

    /// The guard of a route; `known` is what was said of the same one before a change.
    fn route(
        &self,
        route: &Route,
        around: Option<Around<'_>>,
        expected: Expectation,
        known: Option<(&Judged, &Changes)>,
    ) -> Judged {
        let state = self.state;
        let unparsed = around.is_some_and(|around| never_parsed(state, around.application.site.file))
            || never_parsed(state, route.registration.file);
        if let Some((known, changes)) = known
            && (!share(&known.rests_on.files, &changes.stale)
                // Others depend on comments too, and on texts that do not parse.
                || (known.guard.is_guarded() && !unparsed && changes.hold(self.interpreter, &known.rests_on)))
        {
            return Judged { expected, ..known.clone() };
        }
        let outer = self.interpreter.begin();
        self.interpreter.count_file(route.registration.file);
        if let Value::Function(handler) = &route.handler {
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
            // Who writes "all endpoints" does not think of probes.
            Expectation::Required(basis) if basis.authority == Authority::Blanket => {
                self.guards.by_nature(route).is_none()
            }
            Expectation::Required(_) => true,
            _ => false,
        };
        let middlewares = around.map(|around| around.middlewares);
        let mut guard = self.guards.route(route, middlewares, public_comment(state, route).as_ref(), required);
        let same_data = known.filter(|_| !state.tables.is_empty()).filter(|(known, changes)| {
            known.guard == guard && known.data.holds(changes, self.interpreter, self.judge, route)
        });
        let data = match same_data {
            Some((known, _)) => Arc::clone(&known.data),
            None if state.tables.is_empty() => Arc::default(),
            None => Arc::new(data::judge(self.interpreter, self.judge, route, &guard)),
        };
        self.interpreter.count(&data.rests_on);
        let rests_on = self.interpreter.end(outer);
        if let (Guard::Open(_), Expectation::Public(basis) | Expectation::Optional(basis)) = (&guard, &expected) {
            guard = Guard::Public(stated_public(state, basis));
        }
        if unparsed && matches!(guard, Guard::Open(_)) {
            guard = Guard::Unknown("a file that decides about it does not parse".into());
        }
        Judged { guard, rests_on, expected, data }
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
    judged.iter().any(|judged| {
        matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_) | Guard::Open(Some(_)))
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
        let item = state.parsed(site.file)?.facts.items.get(site.item as usize)?;
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

/// Dependencies that verify: those that guard a route, and functions that
/// nothing uses yet but that could.
fn verifiers(state: &State, interpreter: &Interpreter<'_>, guards: &Guards, injectable: &Injectable) -> Vec<Verifier> {
    let mut found: FxHashMap<Site, Verifier> = FxHashMap::default();
    for (application, judged) in state.table.applications.iter().zip(&guards.applications) {
        for (route, judged) in application.routes.iter().zip(judged.iter()) {
            if let Guard::Guarded(index) = judged.guard
                && !application.test
            {
                // What the route asks for itself, not what that rests on: but no service that is
                // only made for the caller.
                let mut node = &route.dependencies[index];
                while let Some(parent) = node.parent
                    && !makes_a_service(interpreter, &route.dependencies[parent].callable)
                {
                    node = &route.dependencies[parent];
                }
                note_use(interpreter, &node.callable, application.router, &mut found);
            }
        }
    }
    let known = state.injectable.iter().filter(|(file, _)| !injectable.contains_key(file));
    for verifier in known.chain(injectable).flat_map(|(_, known)| &known.verifiers) {
        found.entry(verifier.site).or_insert_with(|| verifier.clone());
    }
    let mut verifiers: Vec<Verifier> = found.into_values().collect();
    let path = |verifier: &Verifier| state.sources.file(verifier.file).map(|file| file.path.clone());
    verifiers.sort_by(|a, b| {
        b.uses.cmp(&a.uses).then_with(|| path(a).cmp(&path(b))).then_with(|| (&a.name, a.site).cmp(&(&b.name, b.site)))
    });
    verifiers
}

/// Functions that verify, in the files of which that is not known.
fn injectable(state: &State, interpreter: &Interpreter<'_>, judge: &Judge<'_>) -> Injectable {
    let mut injectable = Injectable::default();
    let same_handlers = state.injectable_of == state.in_use.generation;
    for (file, source) in state.sources.relevant() {
        let Some(facts) = source.facts.as_ref().filter(|_| !source.test) else { continue };
        let known = state.injectable.get(&file);
        if known.is_some_and(|known| same_handlers || known.holds(&state.in_use)) {
            continue;
        }
        let outer = interpreter.begin();
        let mut known = FileInjectable::default();
        for (def, value) in injected_functions(interpreter, file, facts) {
            let Value::Function(function) = &value else { continue };
            if state.in_use.is_handler(function.site) {
                known.handlers.push(function.site);
                continue;
            }
            if judge.dependency(&value).proof == Proof::Verifies {
                known.verifiers.push(new_verifier(interpreter, &value, def.name.name.clone(), file, function));
            }
        }
        known.pretenders = pretenders(interpreter, judge, file, facts);
        known.rests_on = interpreter.end(outer);
        injectable.insert(file, known);
    }
    injectable
}

/// Functions of a module that ask for a scheme's credential and check nothing,
/// or that believe what the client says of itself.
fn pretenders(interpreter: &Interpreter<'_>, judge: &Judge<'_>, file: FileId, facts: &PythonFile) -> Vec<Pretender> {
    let mut found = Vec::new();
    for item in facts.items.iter().filter(|item| !item.ghost) {
        let StmtKind::Function(def) = &item.placed.item.stmt.kind else { continue };
        if !def.params.iter().any(may_ask) {
            continue;
        }
        let value = interpreter.lookup(file, &def.name.name);
        let Value::Function(function) = &value else { continue };
        let scheme = def.params.iter().any(|param| takes_scheme(interpreter, function, param));
        if !scheme && !def.params.iter().any(is_injected) {
            continue;
        }
        let verdict = judge.dependency(&value);
        let pretends = match verdict.proof {
            Proof::TrustsClient => true,
            Proof::ChecksNothing => scheme,
            _ => false,
        };
        if pretends {
            found.push(Pretender { function: Arc::clone(function), verdict, scheme });
        }
    }
    found
}

/// Whether FastAPI alone can fill a parameter: from a header, or by another dependency.
fn is_injected(param: &Param) -> bool {
    let callee = param.default.as_ref().and_then(|default| default.as_call()).map(|(func, _)| &func.kind);
    matches!(callee, Some(ExprKind::Name(name)) if matches!(name.as_str(), "Header" | "Depends" | "Security"))
}

/// A cheap look whether a parameter may ask for a dependency.
fn may_ask(param: &Param) -> bool {
    param.default.as_ref().is_some_and(|default| default.as_call().is_some())
        || param.annotation.as_ref().is_some_and(|ty| matches!(ty.kind, ExprKind::Subscript { .. }))
}

/// Whether a parameter gets what a security scheme of FastAPI reads.
fn takes_scheme(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> bool {
    dependency_of(interpreter, function, param).is_some_and(|(depends, _)| match &depends.dependency {
        Some(Value::Instance(instance)) => {
            matches!(&instance.class, Value::Package(path) if path.starts_with("fastapi.security"))
        }
        _ => false,
    })
}

/// Functions of a module that look like dependencies.
fn injected_functions<'f>(
    interpreter: &Interpreter<'_>,
    file: FileId,
    facts: &'f PythonFile,
) -> impl Iterator<Item = (&'f Function, Value)> {
    let functions = facts.items.iter().filter_map(|item| match &item.placed.item.stmt.kind {
        StmtKind::Function(def) => Some(&**def),
        _ => None,
    });
    let injected = functions.filter(|def| looks_injected(def) && !registers_route(def));
    injected.map(move |def| (def, interpreter.lookup(file, &def.name.name)))
}

/// Functions that verify callers and let anonymous ones pass.
pub(crate) fn optional_verifiers(state: &State) -> Vec<Verifier> {
    let routes = state.table.applications.iter().flat_map(|application| application.routes.iter());
    let handlers: FxHashSet<Site> = routes.filter_map(|route| handler_site(&route.handler)).collect();
    let mut found = Vec::new();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for (file, source) in state.sources.relevant() {
            let Some(facts) = source.facts.as_ref().filter(|_| !source.test) else { continue };
            for (def, value) in injected_functions(interpreter, file, facts) {
                let Value::Function(function) = &value else { continue };
                if !handlers.contains(&function.site) && judge.dependency(&value).proof == Proof::Optional {
                    found.push(new_verifier(interpreter, &value, def.name.name.clone(), file, function));
                }
            }
        }
    });
    let path = |verifier: &Verifier| state.sources.file(verifier.file).map(|file| file.path.clone());
    found.sort_by(|a, b| path(a).cmp(&path(b)).then_with(|| (&a.name, a.site).cmp(&(&b.name, b.site))));
    found
}

/// Whether a dependency returns an object that it makes of several of its
/// parameters, a repository for the current user, say, and not who is calling.
fn makes_a_service(interpreter: &Interpreter<'_>, callable: &Value) -> bool {
    let Some((function, _)) = called(interpreter, callable) else { return false };
    let Some(StmtKind::Return(Some(returned))) = function.def.body.last().map(|stmt| &stmt.kind) else { return false };
    let Some((class, args)) = returned.as_call() else { return false };
    let given = |arg: &&Arg| arg.value.as_name().is_some_and(|n| function.def.params.iter().any(|p| p.name.name == *n));
    args.iter().filter(given).count() > 1 && matches!(interpreter.eval_signature(&function, class), Value::Class(_))
}

fn note_use(
    interpreter: &Interpreter<'_>,
    callable: &Value,
    application: RouterId,
    found: &mut FxHashMap<Site, Verifier>,
) {
    let Some((function, _)) = called(interpreter, callable) else { return };
    let Some((name, file)) = name_of(interpreter, callable, &function) else { return };
    let verifier =
        found.entry(function.site).or_insert_with(|| new_verifier(interpreter, callable, name, file, &function));
    verifier.uses += 1;
    if !verifier.applications.contains(&application) {
        verifier.applications.push(application);
    }
}

fn new_verifier(
    interpreter: &Interpreter<'_>,
    callable: &Value,
    name: SmolStr,
    file: FileId,
    function: &FunctionRef,
) -> Verifier {
    Verifier {
        needs: needs(interpreter, callable),
        callable: callable.clone(),
        name,
        file,
        site: function.site,
        uses: 0,
        applications: Vec::new(),
    }
}

/// Parameters that FastAPI would take from the path, the query or the body,
/// and can't do without.
fn needs(interpreter: &Interpreter<'_>, callable: &Value) -> Vec<SmolStr> {
    let Some((function, skip)) = called(interpreter, callable) else { return Vec::new() };
    let needed = |param: &&Param| {
        if dependency_of(interpreter, &function, param).is_some() {
            return false;
        }
        let annotation = param.annotation.as_ref().map(|ty| interpreter.eval_signature(&function, ty));
        let default = param.default.as_ref().map(|default| interpreter.eval_signature(&function, default));
        let (ty, metadata) = match annotation {
            Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), annotated.metadata.clone()),
            other => (other, Vec::new()),
        };
        match metadata.iter().chain(&default).find_map(client_marker) {
            // A path parameter has no default.
            Some(("Path", _)) => true,
            Some(("Header" | "Cookie", _)) => false,
            Some((_, required)) => required && (default.is_none() || metadata.is_empty()),
            None => {
                let injected =
                    matches!(&ty, Some(Value::Package(path)) if !path.starts_with("builtins.") && path != "uuid.UUID");
                param.default.is_none() && !injected
            }
        }
    };
    function.def.params.iter().skip(skip).filter(needed).map(|param| param.name.name.clone()).collect()
}

/// `Path`, `Query` and their like: which, and whether it names no default.
fn client_marker(value: &Value) -> Option<(&'static str, bool)> {
    let Value::Instance(marker) = value else { return None };
    let Value::Package(path) = &marker.class else { return None };
    let name = path.strip_prefix("fastapi.")?.rsplit('.').next()?;
    let known =
        ["Path", "Query", "Header", "Cookie", "Body", "Form", "File"].into_iter().find(|known| *known == name)?;
    // `...` is no value that the interpreter knows.
    let required = match marker.args.get("default", Some(0)) {
        None => !marker.args.named.iter().any(|(name, _)| name == "default_factory"),
        Some(default) => matches!(default, Value::Unknown(_)),
    };
    Some((known, required))
}

/// The module-level name by which a callable can be imported.
fn name_of(interpreter: &Interpreter<'_>, callable: &Value, function: &FunctionRef) -> Option<(SmolStr, FileId)> {
    match callable {
        Value::Function(_) => {
            (!function.qualname.contains('.')).then(|| (function.def.name.name.clone(), function.site.file))
        }
        Value::Class(class) => (!class.qualname.contains('.')).then(|| (class.def.name.name.clone(), class.site.file)),
        Value::Instance(instance) => {
            let run = interpreter.run(instance.site.file);
            let mut names: Vec<&SmolStr> = run
                .globals
                .iter()
                .filter(|(_, value)| matches!(value, Value::Instance(other) if other.site == instance.site))
                .map(|(name, _)| name)
                .collect();
            names.sort_unstable();
            names.first().map(|name| ((*name).clone(), instance.site.file))
        }
        _ => None,
    }
}

/// Whether a decorator makes a function a handler, of a router that may not
/// have been followed to an application.
fn registers_route(def: &Function) -> bool {
    const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "api_route", "route", "websocket"];
    def.decorators.iter().any(|decorator| {
        let callee = decorator.as_call().map(|(func, _)| &func.kind);
        matches!(callee, Some(ExprKind::Attribute { name, .. }) if METHODS.contains(&name.name.as_str()))
    })
}

/// Whether a function takes what FastAPI would inject: a cheap look at its
/// signature before its body is judged.
fn looks_injected(def: &Function) -> bool {
    let named = |expr: &Expr, names: &[&str]| match &expr.kind {
        ExprKind::Name(name) => names.contains(&name.as_str()),
        ExprKind::Attribute { name, .. } => names.contains(&name.name.as_str()),
        _ => false,
    };
    def.params.iter().any(|param| {
        let default = param.default.as_ref().and_then(Expr::as_call);
        let annotation = param.annotation.as_ref();
        default.is_some_and(|(func, _)| named(func, &["Depends", "Security", "Header", "Cookie"]))
            || annotation.is_some_and(|ty| match &ty.kind {
                ExprKind::Subscript { value, .. } => named(value, &["Annotated"]),
                _ => named(ty, &["Request", "HTTPConnection"]),
            })
    })
}

/// Resolves names for callers that only have a snapshot.
pub(crate) fn with_interpreter<T>(state: &State, work: impl FnOnce(&Interpreter<'_>) -> T) -> T {
    let interpreter = Interpreter::new(&state.sources, &state.runs);
    work(&interpreter)
}
