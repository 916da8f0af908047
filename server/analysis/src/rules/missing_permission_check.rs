//! `missing-permission-check`: a change that whoever is signed in may make, beside one that asks for a right.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::{callable_name, is_test, shown};
use super::server_endpoint_without_session::runs_behind;
use super::shared::{frontend, unasked};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::{Guard, reads};
use crate::facts::python::idioms::uses;
use crate::frontend::observed::{Asks, Effect, EffectKind, Endpoint, EndpointKind};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Judged, Related, Severity};
use crate::index::dependencies::Node;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Route, RouteKind};
use crate::index::same::same;
use crate::index::value::{Resolve, Site, Value};
use crate::verdicts::with_interpreter;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "missing-permission-check",
    summary: "a change without the permission that another change of the same resource asks for",
    cwe: "CWE-862",
    owasp: "API5:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/missing-permission-check.md"),
};

/// Places and roles that endpoints of Next.js have Better Auth give, for whoever is signed in.
pub(super) fn check_endpoints(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let acts = |endpoint: &&Endpoint| {
        // Who asks nobody who it is has something else to mend first.
        matches!(endpoint.kind, EndpointKind::Handler | EndpointKind::Action)
            && matches!(endpoint.asks, Asks::Credential | Asks::Verified)
            && !endpoint.asks_right
    };
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for endpoint in outcome.observed.endpoints.iter().filter(acts) {
            let grants = |effect: &Effect| match &effect.kind {
                EffectKind::Grants(function) => Some((effect.place, function.clone())),
                _ => None,
            };
            let Some((place, function)) = endpoint.effects.iter().find_map(grants) else { continue };
            if !runs_behind(state, file, endpoint, &|middleware| middleware.asks_right) {
                found.extend(grant(state, file, endpoint, place, &function));
            }
        }
    }
}

fn grant(state: &State, file: FileId, endpoint: &Endpoint, place: Place, function: &str) -> Option<Diagnostic> {
    let (gives, mending) = match function {
        "createUser" => (
            "gives a new account the role that the request names",
            "Hand over `headers`, so that Better Auth looks whether the caller may",
        ),
        _ => (
            "makes a member of any organization that the request names",
            "Ask `auth.api.hasPermission` first, with the caller's `headers`",
        ),
    };
    let message = format!(
        "`auth.api.{function}` asks nobody whether they may, and {gives}: whoever is signed in can call this. {mending}, and answer 403 otherwise."
    );
    // The line of the endpoint's own module, or the endpoint.
    let at = if place.file == file { place } else { endpoint.place };
    let steps = [(place, "it is called here"), (endpoint.place, "whoever is signed in can call this")];
    let steps = steps.into_iter().filter_map(|(place, what)| frontend::related(state, place, what)).collect();
    frontend::report(state, &INFO, Severity::Warning, at, message, steps)
}

/// Changes of a router that ask for a right, where that tells of one that does not.
const SEVERAL: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    unasked::check(state, wanted, found, &INFO);
    unasked::check_lax(state, wanted, found, &INFO);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    with_interpreter(state, |interpreter| {
        for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
            if application.test {
                continue;
            }
            let changes: Vec<Change<'_>> = application
                .routes
                .iter()
                .zip(judged.iter())
                .filter_map(|(route, judged)| Change::of(route, judged))
                .collect();
            for change in changes.iter().filter(|change| change.right.is_none()) {
                let Some(handler) = change.route.function() else { continue };
                let site = handler.site;
                if !wanted(site.file) || is_test(state, site.file) || state.sources.is_ghost(site) {
                    continue;
                }
                let stricter = match change.kind {
                    Kind::OfItem => change.stricter(&changes),
                    Kind::Made => change.strictest(&changes),
                };
                let Some((strict, right)) = stricter.filter(|_| asks_nothing(interpreter, change.route, change.judged))
                else {
                    continue;
                };
                if !seen.insert(site) {
                    continue;
                }
                let may = format!("{} may be asked by whoever is signed in", shown(change.route));
                found.push(finding(state, site, &may, (strict.route, right), Vec::new()));
            }
            let served: Vec<Served<'_>> = application.routes.iter().zip(judged.iter()).collect();
            for (route, judged) in &served {
                let Some((place, table)) = &judged.data.empties else { continue };
                let Some(site) = route.function().map(|handler| handler.site).filter(|site| wanted(site.file)) else {
                    continue;
                };
                if is_test(state, site.file)
                    || state.sources.is_ghost(site)
                    || !ignores_caller(interpreter, route, judged)
                {
                    continue;
                }
                let Some(strict) = asked_of_others(&served, route, judged).filter(|_| seen.insert(site)) else {
                    continue;
                };
                let may = format!("{} deletes all rows of `{table}` for whoever is signed in", shown(route));
                let steps = vec![related(state, *place, format!("all rows of `{table}` are deleted here"))];
                found.push(finding(state, site, &may, strict, steps));
            }
        }
    });
}

/// A route with what was found out of it.
type Served<'r> = (&'r Route, &'r Judged);

/// What is said of a change that another one asks a right for.
fn finding(state: &State, site: Site, may: &str, strict: (&Route, usize), mut steps: Vec<Related>) -> Diagnostic {
    let (strict, right) = strict;
    let name = callable_name(&strict.dependencies[right].callable).unwrap_or("a dependency");
    let message = format!("{may}, while {} asks for a right (`{name}`): ask for it here, too.", shown(strict));
    let other = strict.function().map_or(strict.registration, |handler| handler.site);
    steps.push(related(state, other, format!("{} requires `{name}`", shown(strict))));
    report(state, &INFO, Severity::Warning, site, message, steps)
}

/// The dependency that asks for a right on every path.
fn right_of(judged: &Judged) -> Option<usize> {
    judged.data.within.as_ref().and_then(|within| within.asked.first().copied())
}

/// Another change of the same router that asks for a right, where no more of these ask for none.
fn asked_of_others<'r>(served: &[Served<'r>], route: &Route, judged: &Judged) -> Option<(&'r Route, usize)> {
    if !judged.guard.is_guarded() || right_of(judged).is_some() || reads(route) || route.conditional {
        return None;
    }
    let is_change = |other: &&Served<'r>| {
        let is_other = !std::ptr::eq(other.0, route) && other.0.router == route.router;
        is_other && other.0.kind == RouteKind::Http && !reads(other.0) && other.1.guard.is_guarded()
    };
    let (asking, others): (Vec<&Served<'r>>, Vec<&Served<'r>>) =
        served.iter().filter(is_change).partition(|other| right_of(other.1).is_some());
    let first = asking.first().filter(|_| asking.len() >= others.len())?;
    Some((first.0, right_of(first.1)?))
}

/// What a route changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One resource, which its path names.
    OfItem,
    /// Whatever it is posted.
    Made,
}

/// A route that writes.
struct Change<'r> {
    kind: Kind,
    route: &'r Route,
    judged: &'r Judged,
    /// The dependency that asks for a right on every path.
    right: Option<usize>,
}

impl<'r> Change<'r> {
    fn of(route: &'r Route, judged: &'r Judged) -> Option<Self> {
        let is_item = route.path.rsplit('/').next().is_some_and(|last| last.starts_with('{') && last.ends_with('}'));
        let Guard::Guarded(_) = judged.guard else { return None };
        let kind = match route.methods.iter().any(|method| method == "POST") {
            true if judged.data.writes => Kind::Made,
            false if is_item => Kind::OfItem,
            _ => return None,
        };
        if route.kind != RouteKind::Http || reads(route) || route.conditional {
            return None;
        }
        Some(Self { kind, route, judged, right: right_of(judged) })
    }

    /// Another change of the same resource that asks for a right, where that is the habit of its router.
    fn stricter<'c>(&self, changes: &'c [Change<'r>]) -> Option<(&'c Change<'r>, usize)> {
        let is_like = |other: &&Change<'_>| other.kind == Kind::OfItem && other.route.router == self.route.router;
        let on_router = changes.iter().filter(is_like);
        let (asking, others): (Vec<_>, Vec<_>) = on_router.partition(|other| other.right.is_some());
        if others.len() > asking.len() {
            return None;
        }
        let beside = asking.into_iter().filter(|other| other.route.path == self.route.path);
        // Many may edit what only administrators delete, and not the other way round.
        let deletes = |route: &Route| route.methods.iter().any(|method| method == "DELETE");
        let beside = beside.filter(|other| deletes(self.route) || !deletes(other.route));
        beside.filter(|other| self.asks_less_than(other)).find_map(|other| Some((other, other.right?)))
    }

    /// All that it asks of its callers, the other one asks, too.
    fn asks_less_than(&self, other: &Change<'_>) -> bool {
        let is_asked = |node: &Node| other.route.dependencies.iter().any(|known| same(&known.callable, &node.callable));
        self.route.dependencies.iter().all(is_asked)
    }

    /// What asks for the right.
    fn asked(&self) -> Option<&'r Value> {
        Some(&self.route.dependencies.get(self.right?)?.callable)
    }

    /// Any other change of its router, where all of them ask for one and the same right.
    fn strictest<'c>(&self, changes: &'c [Change<'r>]) -> Option<(&'c Change<'r>, usize)> {
        let is_other = |other: &&Change<'_>| !std::ptr::eq(*other, self) && other.route.router == self.route.router;
        let others: Vec<&Change<'_>> = changes.iter().filter(is_other).collect();
        let first = others.iter().find(|other| other.kind == Kind::Made && self.asks_less_than(other))?;
        let right = first.asked()?;
        let all = others.iter().all(|other| other.asked().is_some_and(|other| same(other, right)));
        (all && others.len() >= SEVERAL).then_some((*first, first.right?))
    }
}

/// Whether nothing looks at who is calling, as far as all of it was followed.
fn asks_nothing(interpreter: &Interpreter<'_>, route: &Route, judged: &Judged) -> bool {
    judged.data.faults.is_empty() && ignores_caller(interpreter, route, judged)
}

/// Whether a handler never looks at who is calling, and nothing that it calls asks what users may do.
pub(super) fn ignores_caller(interpreter: &Interpreter<'_>, route: &Route, judged: &Judged) -> bool {
    let data = &judged.data;
    let Some(handler) = route.function() else { return false };
    let handler = interpreter.current(handler);
    let mut injected = route.dependencies.iter().enumerate().filter(|(_, node)| node.parent.is_none());
    data.verifies.len() == route.dependencies.len()
        && data.asked.is_empty()
        && injected.all(|(at, node)| {
            !data.verifies[at] || node.parameter.as_ref().is_none_or(|name| !uses(&handler.def.body, name))
        })
}
