//! `missing-auth-dependency`: a route that nothing guards.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::shared::frontend;
use super::shared::open_route::OpenRoute;
use super::shared::people::People;
use super::shared::unheeded;
use super::{RuleInfo, State, router_included_unguarded_twice, spec_auth_drift, unguarded_mount};
use crate::auth::guard::{Guard, reads, sends_browsers_on, verifies_password};
use crate::auth::policy::{Authority, Expectation};
use crate::auth::public::is_delivery;
use crate::auth::{Judge, Proof};
use crate::data::{Access, Fault, Use, is_of_user};
use crate::facts::python::file::Binding;
use crate::ide::{Confidence, Diagnostic, Judged, Related, RouteKind, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::{Site, Value};
use crate::verdicts::calls::Origins;
use crate::verdicts::environments::shared_folders;
use crate::verdicts::{Deliveries, Verifier, handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "missing-auth-dependency",
    summary: "a route that no dependency guards",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/missing-auth-dependency.md"),
};

/// Routes named in the finding about a whole application; the rest is counted.
const SHOWN_ROUTES: usize = 5;

/// How it is told that the sidecar of Dapr delivers (1.15: `APP_API_TOKEN` of both).
const OF_SIDECAR: &str =
    "compare `dapr-api-token` with `APP_API_TOKEN`, which Dapr's sidecar sends along where it is set";

/// Open routes of which it is told that a frontend asks them for users whom it knows.
const ENOUGH_ROUTES: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let people = OnceCell::new();
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        let is_open = |route: &Route, judged: &Judged| {
            !route.kind.is_mounted() && (judged.guard == Guard::Open(None) || gives_away_by_path(judged))
        };
        if application.test
            || !application.routes.iter().zip(judged.iter()).any(|(route, judged)| is_open(route, judged))
        {
            continue;
        }
        if unguarded_mount::speaks_of(state, application) {
            continue;
        }
        let all = judged;
        let open = application.routes.iter().zip(judged.iter()).enumerate().filter(|(index, (route, judged))| {
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            is_open(route, judged)
                && !is_test(state, site.file)
                && !router_included_unguarded_twice::speaks_of(application, all, *index)
        });
        let open = open.map(|(_, pair)| pair);
        if !intends_auth(state, application) {
            // Nothing authenticates anybody: that is one decision, and one finding.
            let open: Vec<(&Route, &Judged)> = open.collect();
            // Routes count that stand in broken code: what is typed there moves no finding here.
            let given_away = |(_, judged): &&(&Route, &Judged)| {
                judged.data.takes_over.is_some() || judged.data.makes_admin.is_some()
            };
            let (by_path, open): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|(_, judged)| gives_away_by_path(judged));
            let is_said = open.iter().all(|pair| given_away(&pair));
            if wanted(application.site.file) && !is_said && !state.sources.is_ghost(application.site) {
                let followed = !judged.iter().any(|judged| matches!(judged.guard, Guard::Unknown(_)));
                found.push(whole_application(state, application, &open, followed));
            }
            // An account that anybody can take is more than one of many.
            for (route, judged) in by_path.iter().chain(&open).filter(given_away) {
                let site = handler_site(&route.handler).unwrap_or(route.registration);
                if wanted(site.file) && !is_ghost(state, route) {
                    found.push(finding(state, &people, application, route, judged));
                }
            }
            continue;
        }
        // What most routes ask for is not known: neither is what it leaves to handlers.
        let rests_on_unknown = !crate::verdicts::authenticates(all) && most_are_unknown(all);
        for (route, judged) in open {
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            if is_ghost(state, route) {
                continue;
            }
            if wanted(site.file) && !spec_auth_drift::speaks_of(state, site.file, judged) {
                let mut finding = finding(state, &people, application, route, judged);
                if rests_on_unknown {
                    finding.severity = finding.severity.lower();
                    finding.confidence = Confidence::Low;
                }
                found.push(finding);
            }
        }
    }
}

/// Whether a route is only by its path where accounts are recovered or made: it asks for nothing that proves whose one is,
/// or makes those of administrators.
fn gives_away_by_path(judged: &Judged) -> bool {
    let Guard::Public(reason) = &judged.guard else { return false };
    match reason.as_str() {
        crate::auth::public::RECOVERING => judged.data.takes_over.is_some(),
        "signing up" => judged.data.makes_admin.is_some(),
        _ => false,
    }
}

/// Whether a route is no longer in the text, which does not parse.
fn is_ghost(state: &State, route: &Route) -> bool {
    let handler = handler_site(&route.handler);
    state.sources.is_ghost(route.registration) || handler.is_some_and(|handler| state.sources.is_ghost(handler))
}

/// The finding about an application without any authentication; `followed`
/// tells that nothing of it is unknown.
fn whole_application(
    state: &State,
    application: &Application,
    open: &[(&Route, &Judged)],
    followed: bool,
) -> Diagnostic {
    let required = open.iter().find_map(|(_, judged)| match &judged.expected {
        Expectation::Required(basis) => Some(basis),
        _ => None,
    });
    let signs_in = signing_in(state, application);
    let beside = guards_another(state, application);
    // Rows of whomever the client names are nobody's to see in a project that asks elsewhere who calls.
    let named = open.iter().find_map(|(route, judged)| Some((*route, of_whom_client_names(judged)?)));
    let elsewhere = named.and_then(|_| guarded_elsewhere(state, application));
    let count = open.len();
    let routes = if count == 1 { "1 route is".to_owned() } else { format!("{count} routes are") };
    let against = match required.map(|basis| &basis.authority) {
        None => "",
        Some(Authority::Configured(_)) => ", against the configuration",
        Some(_) => ", against the specification",
    };
    let mut related: Vec<Related> = required.map(|basis| spec_auth_drift::said(state, basis)).into_iter().collect();
    let standing = open.iter().filter(|(route, _)| !is_ghost(state, route));
    related.extend(standing.take(SHOWN_ROUTES).map(|(route, _)| Related {
        location: state.sources.locate(handler_site(&route.handler).unwrap_or(route.registration)),
        message: format!("{} is open", shown(route)),
    }));
    related.extend(signs_in.map(|route| Related {
        location: state.sources.locate(handler_site(&route.handler).unwrap_or(route.registration)),
        message: format!("{} signs callers in", shown(route)),
    }));
    related.extend(beside.or(elsewhere).map(|verifier| Related {
        location: state.sources.locate(verifier.site),
        message: format!("`{}` guards routes of another application", verifier.name),
    }));
    let (severity, confidence) = match (required, signs_in) {
        (Some(_), _) => (Severity::Error, Confidence::High),
        (None, Some(_)) if followed => (Severity::Error, Confidence::High),
        (None, Some(_)) => (Severity::Warning, Confidence::Medium),
        (None, None) if (beside.is_some() || elsewhere.is_some()) && !is_tried_out(state, application) => {
            (Severity::Warning, Confidence::Medium)
        }
        (None, None) => (Severity::Info, Confidence::Low),
    };
    let lack = match signs_in {
        Some(route) => {
            format!("`{}` signs callers in ({}) and then asks nobody who it is", application.name, shown(route))
        }
        None if followed => format!("Nothing in `{}` authenticates anybody", application.name),
        None => format!("Nothing that can be followed in `{}` authenticates anybody", application.name),
    };
    let given = match (named, elsewhere) {
        (Some((route, access)), Some(_)) => {
            let client = access.client.as_ref().map_or("", |client| &client.name);
            format!(", and {} works on the `{}` of any `{client}`", shown(route), access.table.name)
        }
        _ => String::new(),
    };
    let delivered = Deliveries::of(state, application);
    let advice = match open.iter().all(|(route, _)| delivered.are_from_sidecar(route)) {
        true => OF_SIDECAR,
        false => "add a dependency that verifies the token",
    };
    Diagnostic {
        rule: INFO.code,
        severity,
        confidence,
        location: state.sources.locate(application.site),
        message: format!(
            "{lack}: {routes} open to everybody{against}{given}; {advice}, or say which are public with `# authlens: public <reason>`.",
        ),
        related,
        unnecessary: false,
    }
}

/// Where a route reads or changes rows of whomever the client names, by a column that tells whose they are.
pub(crate) fn of_whom_client_names(judged: &Judged) -> Option<&Access> {
    let names_owner = |access: &&Access| {
        let client = access.client.as_ref().map(|client| client.name.rsplit('.').next().unwrap_or_default());
        access.fault == Fault::TrustsClient
            && access.usage != Use::Creates
            && access.table.personal
            && !access.table.guessed
            && client.is_some_and(is_of_user)
    };
    judged.data.faults.iter().find(names_owner)
}

/// What guards routes of another application of the project, which is no other version of this one.
fn guarded_elsewhere<'s>(state: &'s State, application: &Application) -> Option<&'s Verifier> {
    let guards = |verifier: &&Verifier| {
        !verifier.applications.is_empty()
            && !verifier.applications.contains(&application.router)
            && state.sources.file(verifier.file).is_some_and(|file| !file.test)
    };
    state.verifiers.iter().filter(guards).find(|verifier| !stands_in_version(state, application, verifier))
}

/// Whether a verifier stands in another version of an application, which has all the modules that handle its routes.
fn stands_in_version(state: &State, application: &Application, verifier: &Verifier) -> bool {
    let root = crate::verdicts::source_root(state, application);
    let sites = application.routes.iter().filter_map(|route| handler_site(&route.handler));
    let paths = sites.filter_map(|site| state.sources.file(site.file)?.path.strip_prefix(&root));
    let modules: BTreeSet<&str> = paths.collect();
    let place = state.sources.file(verifier.file).map_or("", |file| file.path.as_str());
    let folders = std::iter::successors(place.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
    let has_all = |folder: &str| modules.iter().all(|module| state.sources.id(&format!("{folder}/{module}")).is_some());
    // Every service of one module has its `main.py`.
    modules.len() > 1 && folders.into_iter().any(|(folder, _)| has_all(folder))
}

/// Whether the module that makes an application imports the client for tests: it
/// is there to be tried out, it seems.
fn is_tried_out(state: &State, application: &Application) -> bool {
    let Some(facts) = state.sources.facts(application.site.file) else { return false };
    let Some(Binding::ImportFrom(item, _)) = facts.bindings.get("TestClient") else { return false };
    let module = facts.import_from(*item).map(|import| import.module.as_str());
    matches!(module, Some("fastapi.testclient" | "starlette.testclient"))
}

/// A route of the application that is public because callers sign in there,
/// and whose handler really verifies what they say.
fn signing_in<'s>(state: &State, application: &'s Application) -> Option<&'s Route> {
    let at = state.table.applications.iter().position(|app| app.router == application.router)?;
    let judged = state.guards.applications.get(at)?;
    let public = application.routes.iter().zip(judged.iter());
    let public = public.filter(|(_, judged)| matches!(judged.guard, Guard::Public(_)));
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        let verifies = |route: &Route| {
            let checks = judge.handler(route).is_some_and(|verdict| verdict.proof == Proof::Verifies);
            checks || verifies_password(interpreter, route)
        };
        public.map(|(route, _)| route).find(|route| verifies(route))
    })
}

/// Frontends that sign users in with Better Auth, where none of the routes that they ask wants to know who that is.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    unheeded::check(state, wanted, found);
    let issuers = || state.frontend.outcomes().flat_map(|(file, outcome)| outcome.issuers.iter().map(move |_| file));
    if issuers().next().is_none() {
        return;
    }
    let origins = Origins::new(state);
    // By the configuration that lies nearest to who asks: open routes, none where one of them is anything else.
    let mut asked: BTreeMap<FileId, Option<BTreeMap<Site, &Route>>> = BTreeMap::new();
    for (file, outcome) in state.frontend.outcomes() {
        let Some(nearest) = issuers().max_by_key(|issuer| shared_folders(state, *issuer, file)) else { continue };
        for reached in outcome.requests.iter().filter_map(|request| origins.reached(file, request)) {
            let open = asked.entry(nearest).or_insert_with(|| Some(BTreeMap::new()));
            match (&reached.judged.guard, open.as_mut()) {
                (Guard::Public(_), _) | (_, None) => {}
                (Guard::Open(None), Some(open)) => _ = open.insert(reached.route.registration, reached.route),
                _ => *open = None,
            }
        }
    }
    for (file, open) in asked {
        let Some(open) = open.filter(|open| open.len() >= ENOUGH_ROUTES && wanted(file)) else { continue };
        let issuer = state.frontend.outcomes().filter(|(other, _)| *other == file).find_map(|(_, o)| o.issuers.first());
        let Some(place) = issuer.map(|issuer| issuer.place) else { continue };
        let message = format!(
            "Better Auth signs users in here, and none of the {} routes that this frontend asks of the backend wants to know who is calling: whoever reaches the backend is served. Have it verify the token of the session, or say which are public with `# authlens: public <reason>`.",
            open.len()
        );
        let steps = open.values().take(SHOWN_ROUTES).map(|route| Related {
            location: state.sources.locate(handler_site(&route.handler).unwrap_or(route.registration)),
            message: format!("{} is open", shown(route)),
        });
        found.extend(frontend::report_where_run(state, &INFO, Severity::Warning, place, message, steps.collect()));
    }
}

/// Whether a file is test code: it is named so, and the product serves nothing of it.
pub(crate) fn is_test(state: &State, file: FileId) -> bool {
    state.sources.file(file).is_some_and(|source| source.test) && !state.table.served_tests.contains(&file)
}

fn finding<'s>(
    state: &'s State,
    people: &OnceCell<People<'s>>,
    application: &Application,
    route: &Route,
    judged: &Judged,
) -> Diagnostic {
    let location = state.sources.locate(handler_site(&route.handler).unwrap_or(route.registration));
    let open = OpenRoute::of(state, people, application, route, judged);
    let (severity, confidence) = open.severity();
    let (name, why) = (shown(route), open.why());
    let candidates = crate::verdicts::candidates(state, application, route);
    let advice = match candidates.first().map(|verifier| &verifier.name) {
        _ if gives_away_by_path(judged) && judged.data.takes_over.is_some() => {
            "ask for the token of a mailed link first, and verify it".to_owned()
        }
        _ if judged.data.makes_admin.is_some() => {
            "make accounts that may do what all may, and let only administrators make more of them".to_owned()
        }
        _ if !reads(route) && with_interpreter(state, |interpreter| sends_browsers_on(interpreter, route)) => {
            "ask the service that sends browsers here whether what they bring is true before anything is changed, or say why it is public with `# authlens: public <reason>`"
                .to_owned()
        }
        Some(verifier) => {
            format!("add `Depends({verifier})`, or say why it is public with `# authlens: public <reason>`")
        }
        None if Deliveries::of(state, application).are_from_sidecar(route) => {
            format!("{OF_SIDECAR}, or say why it is public with `# authlens: public <reason>`")
        }
        None if is_delivery(&route.path, &route.methods) => {
            "verify the signature or the secret that its sender puts on each request, or say why it is public with `# authlens: public <reason>`"
                .to_owned()
        }
        None => "add a dependency that verifies the token, or say why it is public with `# authlens: public <reason>`"
            .to_owned(),
    };
    let mut related = vec![Related {
        location: state.sources.locate(route.registration),
        message: format!("{name} is registered here"),
    }];
    related.push(Related {
        location: state.sources.locate(application.site),
        message: format!("served by `{}`", application.name),
    });
    related.extend(open.first.map(|first| Related {
        location: state.sources.locate(handler_site(&first.handler).unwrap_or(first.registration)),
        message: format!("{} is the first of them", shown(first)),
    }));
    related.retain(|step| step.location != location);
    related.extend(judged.expected.basis().map(|basis| spec_auth_drift::said(state, basis)));
    Diagnostic {
        rule: INFO.code,
        severity,
        confidence,
        location,
        message: format!("{name} is open to everybody: {why}; {advice}."),
        related,
        unnecessary: false,
    }
}

/// `GET /api/tasks`.
pub(crate) fn shown(route: &Route) -> String {
    let method = match route.kind {
        RouteKind::WebSocket => "WEBSOCKET".to_owned(),
        RouteKind::Mount => "MOUNT".to_owned(),
        RouteKind::Frontend => "FRONTEND".to_owned(),
        RouteKind::Http => route.methods.join(","),
    };
    let path = if route.path.is_empty() { "/" } else { &route.path };
    format!("{method} {path}")
}

/// The name of the dependency that guards a route.
pub(crate) fn guard_name<'r>(route: &'r Route, guard: &Guard) -> Option<&'r str> {
    let Guard::Guarded(index) = guard else { return None };
    let mut node = route.dependencies.get(*index)?;
    while let Some(parent) = node.parent {
        node = route.dependencies.get(parent)?;
    }
    callable_name(&node.callable)
}

/// A short name of a callable.
pub(crate) fn callable_name(callable: &Value) -> Option<&str> {
    match callable {
        Value::Function(function) => Some(function.shown()),
        Value::Class(class) => Some(&class.qualname),
        Value::Bound(bound) => Some(bound.1.shown()),
        Value::Instance(instance) => callable_name(&instance.class),
        Value::Package(path) => path.rsplit('.').next(),
        _ => None,
    }
}

/// Whether the project means to authenticate callers of this application: one
/// of its routes is guarded or pretends to be, or a verifying dependency
/// stands in the same source tree, and is there for no other application.
pub(crate) fn intends_auth(state: &State, application: &Application) -> bool {
    let at = state.table.applications.iter().position(|app| app.router == application.router);
    let judged = at.and_then(|at| state.guards.applications.get(at));
    let middlewares = at.and_then(|at| state.guards.middlewares.get(at));
    let own = judged.is_some_and(|judged| crate::verdicts::authenticates(judged) || most_are_unknown(judged))
        || middlewares.is_some_and(|middlewares| middlewares.notes.iter().any(|note| note.verifies));
    own || (verifiers_near(state, application).next().is_some() && guards_another(state, application).is_none())
}

/// Whether more routes ask for something that could not be followed than are open: what most routes ask for is hardly
/// anything else than a guard.
fn most_are_unknown(judged: &[Judged]) -> bool {
    let unknown = judged.iter().filter(|judged| matches!(judged.guard, Guard::Unknown(_))).count();
    let open = judged.iter().filter(|judged| matches!(judged.guard, Guard::Open(_))).count();
    unknown > open
}

/// Verifying dependencies of the same source tree.
fn verifiers_near<'s>(state: &'s State, application: &Application) -> impl Iterator<Item = &'s Verifier> {
    let root = crate::verdicts::source_root(state, application);
    let is_near =
        move |verifier: &&Verifier| state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root));
    state.verifiers.iter().filter(is_near)
}

/// One of them that guards routes of another application: this one is a service
/// of its own beside that.
fn guards_another<'s>(state: &'s State, application: &Application) -> Option<&'s Verifier> {
    verifiers_near(state, application)
        .find(|verifier| !verifier.applications.is_empty() && !verifier.applications.contains(&application.router))
}
