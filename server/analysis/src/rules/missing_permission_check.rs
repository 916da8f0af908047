//! `missing-permission-check`: a change that whoever is signed in may make, beside one that asks for a right.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::{callable_name, is_test, shown};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::{Guard, reads};
use crate::facts::python::idioms::uses;
use crate::ide::{Diagnostic, Judged, Severity};
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Route, RouteKind};
use crate::index::same::same;
use crate::index::value::{Resolve, Site};
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

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
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
                let Some((strict, right)) = change.stricter(&changes).filter(|_| change.asks_nothing(interpreter))
                else {
                    continue;
                };
                if !seen.insert(site) {
                    continue;
                }
                let name = callable_name(&strict.route.dependencies[right].callable).unwrap_or("a dependency");
                let message = format!(
                    "{} may be asked by whoever is signed in, while {} asks for a right (`{name}`): ask for it here, too.",
                    shown(change.route),
                    shown(strict.route),
                );
                let other = strict.route.function().map_or(strict.route.registration, |handler| handler.site);
                let steps = vec![related(state, other, format!("{} requires `{name}`", shown(strict.route)))];
                found.push(report(state, &INFO, Severity::Warning, site, message, steps));
            }
        }
    });
}

/// A route that changes one resource, which its path names.
struct Change<'r> {
    route: &'r Route,
    judged: &'r Judged,
    /// The dependency that asks for a right on every path.
    right: Option<usize>,
}

impl<'r> Change<'r> {
    fn of(route: &'r Route, judged: &'r Judged) -> Option<Self> {
        let is_item = route.path.rsplit('/').next().is_some_and(|last| last.starts_with('{') && last.ends_with('}'));
        let Guard::Guarded(_) = judged.guard else { return None };
        if route.kind != RouteKind::Http
            || reads(route)
            || !is_item
            || route.conditional
            || route.methods.iter().any(|method| method == "POST")
        {
            return None;
        }
        let right = judged.data.within.as_ref().and_then(|within| within.asked.first().copied());
        Some(Self { route, judged, right })
    }

    /// Another change of the same resource that asks for a right, where that is the habit of its router.
    fn stricter<'c>(&self, changes: &'c [Change<'r>]) -> Option<(&'c Change<'r>, usize)> {
        let on_router = changes.iter().filter(|other| other.route.router == self.route.router);
        let (asking, others): (Vec<_>, Vec<_>) = on_router.partition(|other| other.right.is_some());
        if others.len() > asking.len() {
            return None;
        }
        let beside = asking.into_iter().filter(|other| other.route.path == self.route.path);
        // Many may edit what only administrators delete, and not the other way round.
        let deletes = |route: &Route| route.methods.iter().any(|method| method == "DELETE");
        let beside = beside.filter(|other| deletes(self.route) || !deletes(other.route));
        // All that it asks of its callers, the other one asks, too.
        let is_stricter = |other: &&Change<'_>| {
            self.route
                .dependencies
                .iter()
                .all(|node| other.route.dependencies.iter().any(|known| same(&known.callable, &node.callable)))
        };
        beside.filter(is_stricter).find_map(|other| Some((other, other.right?)))
    }

    /// Whether nothing in the handler looks at who is calling, as far as all of it was followed.
    fn asks_nothing(&self, interpreter: &Interpreter<'_>) -> bool {
        let data = &self.judged.data;
        let Some(handler) = self.route.function() else { return false };
        let handler = interpreter.current(handler);
        let mut injected = self.route.dependencies.iter().enumerate().filter(|(_, node)| node.parent.is_none());
        data.verifies.len() == self.route.dependencies.len()
            && data.asked.is_empty()
            && data.faults.is_empty()
            && injected.all(|(at, node)| {
                !data.verifies[at] || node.parameter.as_ref().is_none_or(|name| !uses(&handler.def.body, name))
            })
    }
}
