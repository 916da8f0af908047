//! `missing-auth-dependency`: a route that nothing guards.

use super::judgement::handler_site;
use super::{RuleInfo, State};
use crate::auth::guard::Guard;
use crate::ide::{Confidence, Diagnostic, Location, Related, RouteKind, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::Value;
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

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if application.test {
            continue;
        }
        for (route, judged) in application.routes.iter().zip(judged.iter()) {
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            if judged.guard != Guard::Open(None) || !wanted(site.file) || is_test(state, site.file) {
                continue;
            }
            if state.sources.is_ghost(site) || state.sources.is_ghost(route.registration) {
                continue;
            }
            found.push(finding(state, application, route, state.sources.locate(site)));
        }
    }
}

fn is_test(state: &State, file: FileId) -> bool {
    state.sources.file(file).is_some_and(|file| file.test)
}

fn finding(state: &State, application: &Application, route: &Route, location: Location) -> Diagnostic {
    let siblings = siblings(state, application, route);
    let intends = intends_auth(state, application);
    // A route that only some configurations have, or an application that
    // authenticates nobody anywhere, may be meant so.
    let (severity, confidence) = match (intends, route.conditional) {
        (true, false) if siblings.is_some() => (Severity::Error, Confidence::High),
        (true, false) => (Severity::Error, Confidence::Medium),
        _ => (Severity::Info, Confidence::Low),
    };
    let name = shown(route);
    let why = match &siblings {
        Some((guarded, all, guard)) => format!("{guarded} of {all} routes of this router require `{guard}`"),
        None if intends => "no dependency in its chain verifies the caller".to_owned(),
        None => "nothing in this application authenticates anybody".to_owned(),
    };
    let advice = match super::candidates(state, application, &route.path).first().map(|verifier| &verifier.name) {
        Some(verifier) => {
            format!("add `Depends({verifier})`, or say why it is public with `# authlens: public <reason>`")
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
    related.retain(|step| step.location != location);
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
        RouteKind::Http => route.methods.join(","),
    };
    let path = if route.path.is_empty() { "/" } else { &route.path };
    format!("{method} {path}")
}

/// How many routes of the same router are guarded, by what most of all.
fn siblings(state: &State, application: &Application, route: &Route) -> Option<(usize, usize, String)> {
    let judged = state.table.applications.iter().position(|app| app.router == application.router)?;
    let judged = state.guards.applications.get(judged)?;
    let own: Vec<_> = application
        .routes
        .iter()
        .zip(judged.iter())
        .filter(|(r, _)| r.router == route.router && r.kind != RouteKind::Mount)
        .collect();
    let mut names: Vec<&str> = own.iter().filter_map(|(route, judged)| guard_name(route, &judged.guard)).collect();
    let guarded = names.len();
    names.sort_unstable();
    let most = names.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len())?.first()?;
    (guarded * 2 >= own.len()).then(|| (guarded, own.len(), (*most).to_owned()))
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
        Value::Function(function) => Some(&function.qualname),
        Value::Class(class) => Some(&class.qualname),
        Value::Bound(bound) => Some(&bound.1.qualname),
        Value::Instance(instance) => callable_name(&instance.class),
        Value::Package(path) => path.rsplit('.').next(),
        _ => None,
    }
}

/// Whether the project means to authenticate callers of this application: one
/// of its routes is guarded or pretends to be, or a verifying dependency
/// stands in the same source tree.
pub(crate) fn intends_auth(state: &State, application: &Application) -> bool {
    let at = state.table.applications.iter().position(|app| app.router == application.router);
    let judged = at.and_then(|at| state.guards.applications.get(at));
    let own = judged.is_some_and(|judged| super::authenticates(judged));
    let root = super::source_root(state, application);
    own || state
        .verifiers
        .iter()
        .any(|verifier| state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root)))
}
