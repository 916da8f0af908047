//! Checks that are written as dependencies, and that nothing asks for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::auth::guard::Guard;
use crate::auth::tokens::WrittenCheck;
use crate::facts::python::file::{Binding, PythonFile};
use crate::facts::python::tree::{ExprKind, Item, StmtKind};
use crate::ide::{Diagnostic, Judged, Related, Severity};
use crate::index::dependencies::definition_site;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Route, RouteKind};
use crate::index::value::Site;
use crate::rules::missing_auth_dependency::{is_test, shown};
use crate::rules::missing_permission_check::{INFO as RULE, ignores_caller};
use crate::rules::{RuleInfo, State, related, report};
use crate::verdicts::environments::shared_folders;
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 5;

/// What parameters of paths are called whatever they name.
const ANYTHING: &[&str] = &["id", "pk", "uuid", "slug", "key", "name", "path", "item_id", "token", "code"];

/// Functions that look whether a caller may have what the path names, and that nothing asks for, where routes with the same
/// parameter and the same caller look at neither.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
) {
    let checks = || written(state).filter(|check| !state.in_use.is_used(check.site));
    // Of several for the same routes one is told of, wherever the others are.
    if !checks().any(|check| wanted(check.site.file)) {
        return;
    }
    let mut by_routes: BTreeMap<Vec<Site>, Vec<Unasked<'_>>> = BTreeMap::new();
    for check in checks() {
        if is_test(state, check.site.file) || state.sources.is_ghost(check.site) {
            continue;
        }
        let routes = with_interpreter(state, |interpreter| unchecked(state, interpreter, check));
        if let Some((parameter, routes)) = routes.filter(|_| !is_mentioned(state, check)) {
            let key = routes.iter().map(|route| route.registration).collect();
            by_routes.entry(key).or_default().push(Unasked { check, parameter, routes });
        }
    }
    for mut unasked in by_routes.into_values() {
        // Of several that are written for the same routes, the one that lies nearest to these.
        let nearness = |one: &Unasked<'_>| {
            let first = one.routes.first().map_or(one.check.site, |route| place(route));
            Reverse(shared_folders(state, one.check.site.file, first.file))
        };
        unasked.sort_by_key(|one| (nearness(one), one.check.site));
        if let Some((first, others)) = unasked.split_first().filter(|(first, _)| wanted(first.check.site.file)) {
            found.extend(finding(state, info, first, others));
        }
    }
}

fn written(state: &State) -> impl Iterator<Item = &WrittenCheck> {
    state.tokens.items().flat_map(|(_, tokens)| &tokens.written_checks)
}

/// Checks of which something else may be told after an edit of a route: those that no route asks for, and those in files
/// of which one `is_told` before.
pub(crate) fn to_look_at_again<'s>(
    state: &'s State,
    is_told: impl Fn(FileId) -> bool + 's,
) -> impl Iterator<Item = &'s WrittenCheck> {
    written(state).filter(move |check| !state.in_use.is_used(check.site) || is_told(check.site.file))
}

/// Whether one may be among findings.
pub(crate) fn may_be_among(found: &[Diagnostic]) -> bool {
    found.iter().any(|one| one.rule == RULE.code)
}

/// A check that nothing asks for.
struct Unasked<'s> {
    check: &'s WrittenCheck,
    /// What the path names.
    parameter: &'s SmolStr,
    /// The routes that it is written for.
    routes: Vec<&'s Route>,
}

/// Where a route is shown.
fn place(route: &Route) -> Site {
    handler_site(&route.handler).unwrap_or(route.registration)
}

fn finding(state: &State, info: &RuleInfo, unasked: &Unasked<'_>, others: &[Unasked<'_>]) -> Option<Diagnostic> {
    let Unasked { check, parameter, routes } = unasked;
    let first = routes.first()?;
    let more = match routes.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more like it,"),
    };
    let message = format!(
        "`{0}` looks whether the caller may have what `{parameter}` names, and nothing asks for it: {1}{more} may be asked by whoever is signed in, and nothing in the handler looks at who that is. Add `Depends({0})`.",
        check.name,
        shown(first),
    );
    let mut steps: Vec<Related> = Vec::new();
    for route in routes.iter().take(SHOWN_ROUTES) {
        steps.push(related(state, place(route), format!("{} does not ask for it", shown(route))));
    }
    for other in others {
        steps.push(related(state, other.check.site, format!("nothing asks for `{}` either", other.check.name)));
    }
    Some(report(state, info, Severity::Warning, check.site, message, steps))
}

/// Checks of a right that let those pass who have an account in order, and not the right.
pub(in crate::rules) fn check_lax(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
) {
    let checks = state.tokens.items_of(wanted).flat_map(|(_, tokens)| &tokens.lax_checks);
    for check in checks.filter(|check| state.in_use.is_used(check.function)) {
        if is_test(state, check.site.file) || state.sources.is_ghost(check.site) {
            continue;
        }
        let message = format!(
            "`and` turns only those away who lack `{0}` and whose `{1}` is not in order either: whoever passes by `{1}` does without `{0}`. Write `or`.",
            check.right, check.standing,
        );
        let steps = vec![related(state, check.function, "routes ask for this".to_owned())];
        found.push(report(state, info, Severity::Error, check.site, message, steps));
    }
}

/// Routes that a check is written for: the parameter, and those whose handlers never look at their caller.
fn unchecked<'s>(
    state: &'s State,
    interpreter: &Interpreter<'_>,
    check: &'s WrittenCheck,
) -> Option<(&'s SmolStr, Vec<&'s Route>)> {
    let mut named = check.named.iter().filter(|name| !ANYTHING.contains(&name.as_str()));
    named.find_map(|name| {
        let part = [format!("{{{name}}}"), format!("{{{name}:")];
        let is_meant = |route: &Route, judged: &Judged| {
            matches!(judged.guard, Guard::Guarded(_))
                && route.kind == RouteKind::Http
                && !route.conditional
                && part.iter().any(|part| route.path.contains(part.as_str()))
                && asks_for_caller(route, judged, check)
                && ignores_caller(interpreter, route, judged)
        };
        let applications = state.table.applications.iter().zip(&state.guards.applications);
        let served = applications.filter(|(application, _)| !application.test);
        let routes = served.flat_map(|(application, judged)| application.routes.iter().zip(judged.iter()));
        let mut routes: Vec<&Route> =
            routes.filter(|(route, judged)| is_meant(route, judged)).map(|(route, _)| route).collect();
        routes.sort_by_key(|route| route.registration);
        routes.dedup_by_key(|route| route.registration);
        (!routes.is_empty()).then_some((name, routes))
    })
}

/// Whether a route asks who is calling as a check does.
fn asks_for_caller(route: &Route, judged: &Judged, check: &WrittenCheck) -> bool {
    let verifying = route.dependencies.iter().zip(&judged.data.verifies).filter(|(_, verifies)| **verifies);
    let mut sites = verifying.filter_map(|(node, _)| definition_site(&node.callable));
    sites.any(|site| check.asks.iter().any(|(_, asked)| *asked == site))
}

/// Whether code outside of tests names a check, other than to import it.
fn is_mentioned(state: &State, check: &WrittenCheck) -> bool {
    let own = check.site.file;
    let module = state.sources.module_name(own);
    let last = module.rsplit('.').next().unwrap_or_default();
    let may_name = |file: FileId, facts: &PythonFile| {
        let item = |index: &u32| facts.stmt(*index).map(|stmt| &stmt.kind);
        let imports = |binding: &Binding| match binding {
            Binding::ImportFrom(index, at) => match item(index) {
                Some(StmtKind::ImportFrom(import)) => {
                    import.names.get(*at as usize).is_some_and(|one| one.name == check.name || one.name == last)
                }
                _ => true,
            },
            Binding::Import(index, at) => match item(index) {
                Some(StmtKind::Import(modules)) => {
                    modules.get(*at as usize).is_some_and(|one| one.module.rsplit('.').next() == Some(last))
                }
                _ => true,
            },
            _ => false,
        };
        file == own || !facts.stars.is_empty() || facts.bindings.values().any(imports)
    };
    let files = state.sources.iter().filter(|(file, source)| *file == own || !source.test);
    let mut files = files.filter_map(|(file, source)| Some((file, source.facts.as_ref()?)));
    files.any(|(file, facts)| {
        may_name(file, facts)
            && facts
                .items
                .iter()
                .any(|item| (file, item.number) != (own, check.site.item) && names(&item.placed.item, &check.name))
    })
}

/// Whether a statement at the top of a module names something, in a comment perhaps; not where it imports that.
fn names(item: &Item, name: &str) -> bool {
    item.stmt.text_holds(name).unwrap_or_else(|| {
        item.stmt.all_exprs().into_iter().any(|expr| match &expr.kind {
            ExprKind::Name(own) => own == name,
            ExprKind::Attribute { name: own, .. } => own.name == name,
            _ => false,
        })
    })
}
