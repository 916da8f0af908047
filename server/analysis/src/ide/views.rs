//! The route table as people and machines see it.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::{
    AppView, CallableView, Certainty, DependencyView, Judged, Location, Related, RouteStatus, RouteView, State,
    UnresolvedView,
};
use crate::auth::Judge;
use crate::auth::guard::{Guard, Weak};
use crate::index::dependencies::{Node, unwrap_partial};
use crate::index::interpreter::{Interpreter, package_name};
use crate::index::routes::Route;
use crate::index::value::{Site, Value};
use crate::rules::missing_auth_dependency::{callable_name, guard_name, shown};
use crate::rules::spec_auth_drift::said;
use crate::verdicts::{enter, handler_site, with_interpreter};
use crate::vfs::FileId;

/// Every application with its routes.
pub(super) fn apps(state: &State) -> Vec<AppView> {
    with_interpreter(state, |interpreter| {
        let view = Viewer { state, interpreter, judge: Judge::new(interpreter, &state.memo) };
        let applications = state.table.applications.iter().zip(&state.guards.applications);
        let mut apps: Vec<AppView> = applications
            .enumerate()
            .inspect(|(at, _)| enter(state, &view.judge, *at))
            .map(|(_, (application, judged))| AppView {
                name: application.name.to_string(),
                location: state.sources.locate(application.site),
                in_tests: application.test,
                routes: application
                    .routes
                    .iter()
                    .zip(judged.iter())
                    .map(|(route, judged)| view.route(route, judged))
                    .collect(),
                fastapi: state
                    .sources
                    .fastapi(application.site.file)
                    .map(|(version, manifest)| (version.to_string(), manifest.to_owned())),
                mounts: application
                    .mounts
                    .iter()
                    .filter_map(|(path, child)| {
                        let mounted = state.table.applications.iter().find(|other| other.router == *child)?;
                        Some((path.to_string(), state.sources.locate(mounted.site)))
                    })
                    .collect(),
                unresolved: application
                    .unresolved
                    .iter()
                    .map(|(site, reason, at_least)| UnresolvedView {
                        location: state.sources.locate(*site),
                        reason,
                        routes_at_least: *at_least,
                    })
                    .collect(),
            })
            .collect();
        let path = |app: &AppView| state.sources.file(app.location.file).map(|file| file.path.clone());
        apps.sort_by(|a, b| path(a).cmp(&path(b)).then(a.location.range.cmp(&b.location.range)));
        // A factory that several modules call makes several applications, which may be alike in all.
        let mut kept: Vec<AppView> = Vec::with_capacity(apps.len());
        for app in apps {
            let alike = kept.iter().rev().take_while(|other| other.location == app.location);
            if !alike.into_iter().any(|other| *other == app) {
                kept.push(app);
            }
        }
        kept
    })
}

/// Routes of routers that nothing includes, outside of tests.
pub(super) fn orphans(state: &State) -> Vec<RouteView> {
    with_interpreter(state, |interpreter| {
        let view = Viewer { state, interpreter, judge: Judge::new(interpreter, &state.memo) };
        orphans_that_count(state).map(|(route, judged)| view.route(route, judged)).collect()
    })
}

fn orphans_that_count(state: &State) -> impl Iterator<Item = (&Route, &Judged)> {
    let not_test = |file| state.sources.file(file).is_some_and(|file| !file.test);
    state.orphans().filter(move |(route, _)| not_test(route.registration.file))
}

/// How many routes of routers that nothing includes there are, outside of tests.
pub(super) fn count_orphans(state: &State, counts: &dyn Fn(FileId) -> bool) -> usize {
    let routes = orphans_that_count(state).filter(|(route, _)| !route.kind.is_mounted());
    routes.filter(|(route, _)| counts(written_at(route).file)).count()
}

/// Where a route is written: its handler, if that could be resolved.
fn written_at(route: &Route) -> Site {
    handler_site(&route.handler).unwrap_or(route.registration)
}

/// The status of every route that counts: of applications outside of tests, mounts aside. One that several applications
/// serve alike counts once.
pub(super) fn statuses(state: &State, counts: &dyn Fn(FileId) -> bool) -> Vec<RouteStatus> {
    let applications = state.table.applications.iter().zip(&state.guards.applications);
    let served = applications.filter(|(application, _)| !application.test);
    let served = served.flat_map(|(application, judged)| application.routes.iter().zip(judged.iter()));
    let counted = served.filter(|(route, _)| !route.kind.is_mounted() && counts(written_at(route).file));
    let mut seen = FxHashSet::default();
    let mut is_new = |route: &Route, status: RouteStatus| {
        !route.path_known
            || seen.insert((written_at(route), route.kind, route.path.clone(), route.methods.clone(), status))
    };
    counted
        .map(|(route, judged)| (route, status(&judged.guard)))
        .filter_map(|(route, status)| is_new(route, status).then_some(status))
        .collect()
}

/// The status that a guard amounts to.
pub(super) fn status(guard: &Guard) -> RouteStatus {
    match guard {
        Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_) => RouteStatus::Guarded,
        Guard::Public(_) => RouteStatus::Public,
        Guard::Unknown(_) => RouteStatus::Unknown,
        Guard::Open(_) => RouteStatus::Open,
    }
}

/// The verdict in a few words, without the status itself.
pub(super) fn detail(route: &Route, guard: &Guard) -> String {
    match guard {
        Guard::Guarded(_) => guard_name(route, guard).unwrap_or("a dependency").to_owned(),
        Guard::Around(wrapped) => wrapped.name.to_string(),
        Guard::InBody(_) => "checked in the handler".to_owned(),
        Guard::Public(reason) | Guard::Unknown(reason) => reason.to_string(),
        Guard::Open(None) => "no dependency verifies the caller".to_owned(),
        Guard::Open(Some(Weak::Around(wrapped))) => {
            format!("the middleware `{}` {}", wrapped.name, wrapped.verdict.proof.words())
        }
        Guard::Open(Some(Weak::Unapplied(unapplied))) => format!("`{}` is not applied", unapplied.name),
        Guard::Open(Some(Weak::Dependency(index, proof))) => {
            let name = route.dependencies.get(*index).and_then(|node| callable_name(&node.callable));
            format!("`{}` {}", name.unwrap_or("a dependency"), proof.words())
        }
    }
}

/// Builds views with one interpreter.
pub(super) struct Viewer<'v, 'a> {
    pub(super) state: &'v State,
    pub(super) interpreter: &'a Interpreter<'a>,
    pub(super) judge: Judge<'a>,
}

impl Viewer<'_, '_> {
    pub(super) fn route(&self, route: &Route, judged: &Judged) -> RouteView {
        let registration = self.state.sources.locate(route.registration);
        let anchor = handler_site(&route.handler).map_or(registration, |site| self.state.sources.locate(site));
        RouteView {
            path: route.path.to_string(),
            methods: route.methods.iter().map(SmolStr::to_string).collect(),
            kind: route.kind,
            source: if route.injects { "fastapi" } else { "starlette" },
            handler: self.callable(&route.handler),
            registration,
            anchor,
            dependencies: route.dependencies.iter().map(|node| self.dependency(node)).collect(),
            certainty: if route.conditional { Certainty::Conditional } else { Certainty::Exact },
            path_known: route.path_known,
            status: status(&judged.guard),
            status_detail: detail(route, &judged.guard),
            deciding: self.deciding(route, judged),
            proof: self.proof(route, judged),
        }
    }

    /// Where what decides a verdict stands.
    pub(super) fn deciding(&self, route: &Route, judged: &Judged) -> Option<Location> {
        let site = match &judged.guard {
            Guard::Guarded(index) | Guard::Open(Some(Weak::Dependency(index, _))) => {
                definition(self.interpreter, &route.dependencies.get(*index)?.callable)?
            }
            Guard::Around(wrapped) | Guard::Open(Some(Weak::Around(wrapped))) => wrapped.site,
            Guard::InBody(verdict) => verdict.steps.first()?.site,
            Guard::Open(Some(Weak::Unapplied(unapplied))) => unapplied.site,
            Guard::Public(_) => return Some(said(self.state, judged.expected.basis()?).location),
            Guard::Open(None) | Guard::Unknown(_) => return None,
        };
        Some(self.state.sources.locate(site))
    }

    /// The proof of a verdict: registration, the `Depends` at each level, the
    /// definition, and what its body does.
    pub(super) fn proof(&self, route: &Route, judged: &Judged) -> Vec<Related> {
        let mut proof = vec![self.step(route.registration, format!("{} is registered here", shown(route)))];
        let deciding = match &judged.guard {
            Guard::Guarded(index) => Some(*index),
            Guard::Open(Some(Weak::Dependency(index, _))) => Some(*index),
            Guard::Open(Some(Weak::Unapplied(unapplied))) => {
                proof.push(self.step(unapplied.site, format!("`{}` is written here, and not applied", unapplied.name)));
                None
            }
            Guard::Around(wrapped) | Guard::Open(Some(Weak::Around(wrapped))) => {
                proof.push(self.step(wrapped.site, format!("`{}` is put around it here", wrapped.name)));
                proof.extend(wrapped.verdict.steps.iter().map(|step| self.step(step.site, step.note.clone())));
                None
            }
            Guard::InBody(verdict) => {
                proof.extend(verdict.steps.iter().map(|step| self.step(step.site, step.note.clone())));
                None
            }
            _ => None,
        };
        if let Some(basis) = judged.expected.basis() {
            proof.push(said(self.state, basis));
        }
        let Some(deciding) = deciding else { return proof };
        let mut chain = vec![deciding];
        while let Some(parent) = chain.last().and_then(|index| route.dependencies.get(*index)?.parent) {
            chain.push(parent);
        }
        for index in chain.into_iter().rev() {
            let Some(node) = route.dependencies.get(index) else { continue };
            let name = callable_name(&node.callable).unwrap_or("a dependency");
            proof.push(self.step(node.site, format!("`{name}` is asked for here ({})", node.via.word())));
            if index == deciding {
                let verdict = self.judge.dependency(&node.callable);
                if let Some(site) = definition(self.interpreter, &node.callable) {
                    proof.push(self.step(site, format!("`{name}` {}", verdict.proof.words())));
                }
                proof.extend(verdict.steps.iter().map(|step| self.step(step.site, step.note.clone())));
            }
        }
        proof
    }

    fn step(&self, site: Site, message: String) -> Related {
        Related { location: self.state.sources.locate(site), message }
    }

    fn dependency(&self, node: &Node) -> DependencyView {
        let unresolved =
            || CallableView { module: String::new(), qualname: "?".into(), name: "?".into(), location: None };
        let (security, binding) = match &node.callable {
            Value::Instance(instance) => {
                let security = match &instance.class {
                    Value::Package(path) if path.starts_with("fastapi.security") => {
                        path.rsplit('.').next().map(str::to_owned)
                    }
                    _ => None,
                };
                (security, self.binding(instance.site))
            }
            _ => (None, None),
        };
        DependencyView {
            callable: self.callable(&node.callable).unwrap_or_else(unresolved),
            kind: kind(&node.callable),
            via: node.via.word(),
            parent: node.parent,
            scopes: node.scopes.iter().map(SmolStr::to_string).collect(),
            security,
            binding,
            verdict: self.judge.dependency(&node.callable).proof.words(),
            site: Some(self.state.sources.locate(node.site)),
        }
    }

    /// The module-level name of an instance made at `site`.
    fn binding(&self, site: Site) -> Option<(String, String, Location)> {
        let run = self.interpreter.run(site.file);
        let mut names: Vec<&SmolStr> = run
            .globals
            .iter()
            .filter(|(_, value)| matches!(value, Value::Instance(other) if other.site == site))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        let name = names.first()?.to_string();
        Some((self.state.sources.module_name(site.file).to_string(), name, self.state.sources.locate(site)))
    }

    fn callable(&self, value: &Value) -> Option<CallableView> {
        let view = |module: &str, qualname: &str, site: Option<Site>| CallableView {
            module: module.to_owned(),
            qualname: qualname.to_owned(),
            name: match value {
                Value::Function(function) => function.shown().to_owned(),
                Value::Bound(bound) => bound.1.shown().to_owned(),
                _ => qualname.to_owned(),
            },
            location: site.map(|site| self.state.sources.locate(site)),
        };
        Some(match value {
            Value::Function(function) => view(&function.module, &function.qualname, Some(function.site)),
            Value::Bound(bound) => view(&bound.1.module, &bound.1.qualname, Some(bound.1.site)),
            Value::Class(class) => view(&class.module, &class.qualname, Some(class.site)),
            Value::Instance(instance) if !instance.args.positional.is_empty() => {
                match unwrap_partial(self.interpreter, value) {
                    Value::Instance(instance) => return self.callable(&instance.class),
                    inner => return self.callable(&inner),
                }
            }
            Value::Instance(instance) => return self.callable(&instance.class),
            Value::Package(path) => {
                let (module, name) = package_name(path);
                view(module, name, None)
            }
            Value::Lambda(site) => view(&self.state.sources.module_name(site.file), "<lambda>", Some(*site)),
            _ => return None,
        })
    }
}

/// Where a callable is defined, if in the project.
pub(super) fn definition(interpreter: &Interpreter<'_>, callable: &Value) -> Option<Site> {
    match callable {
        Value::Class(class) => Some(class.site),
        Value::Instance(instance) => match &instance.class {
            Value::Class(class) => Some(class.site),
            _ => Some(instance.site),
        },
        _ => crate::index::dependencies::called(interpreter, callable).map(|(function, _)| function.site),
    }
}

fn kind(callable: &Value) -> &'static str {
    match callable {
        Value::Function(function) if function.class.is_some() => "method",
        Value::Function(_) => "function",
        Value::Class(_) => "class",
        Value::Instance(_) => "instance",
        Value::Bound(_) => "method",
        Value::Lambda(_) => "lambda",
        _ => "unknown",
    }
}
