//! `unguarded-mount`: a mounted application does not inherit guards.

use super::missing_auth_dependency::{callable_name, intends_auth, is_test, shown};
use super::shared::tools::{asks_itself, believing, identified_tools, what_callers_may};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::auth::mounts::{Mounted, mounted};
use crate::auth::tokens::Tool;
use crate::ide::{Diagnostic, Judged, RouteKind, Severity};
use crate::index::dependencies::Via;
use crate::index::routes::{Application, Route};
use crate::index::value::{RouterId, Site, Value};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unguarded-mount",
    summary: "an application mounted below a guarded one, without the guard",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/unguarded-mount.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_served(state, |application, route, judged| {
        if route.kind == RouteKind::Mount
            && judged.guard == Guard::Open(None)
            && wanted(route.registration.file)
            && !is_test(state, route.registration.file)
            && !state.sources.is_ghost(route.registration)
        {
            let intends_auth = intends_auth(state, application);
            found.extend(match mounted(&route.handler) {
                Mounted::OpenPanel(argument) => intends_auth.then(|| panel(state, route, argument)),
                _ => tool_server(state, application, route, intends_auth),
            });
        }
    });
    for (parent, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if parent.test {
            continue;
        }
        let Some(guard) = application_guard(parent, judged) else { continue };
        for (path, child) in &parent.mounts {
            let at = state.table.applications.iter().position(|application| application.router == *child);
            let Some((at, mount)) = at.zip(mount_site(parent, path, *child)) else { continue };
            let open = open_routes(state, at);
            if open.is_empty() || !wanted(mount.file) || is_test(state, mount.file) {
                continue;
            }
            let name = &state.table.applications[at].name;
            let message = format!(
                "`{name}` is open to everybody below `{path}`: the dependencies of `{}`, such as `{guard}`, do not run for mounted applications; give `{name}` its own.",
                parent.name
            );
            let steps = open
                .iter()
                .take(SHOWN_ROUTES)
                .map(|route| related(state, route.registration, format!("{} is open", shown(route))));
            found.push(report(state, &INFO, Severity::Error, mount, message, steps.collect()));
        }
    }
}

/// A panel for administrators.
fn panel(state: &State, route: &Route, argument: &str) -> Diagnostic {
    let message = format!(
        "The administration panel at `{}` asks nobody who is calling: whoever reaches it reads and changes every table that it shows; give it `{argument}=`.",
        route.path
    );
    let made = match &route.handler {
        Value::Instance(panel) if panel.site != route.registration => {
            vec![related(state, panel.site, "the panel is made here".to_owned())]
        }
        _ => Vec::new(),
    };
    report(state, &INFO, for_some(route, Severity::Error), route.registration, message, made)
}

/// The severity where what is mounted is there only if the configuration says so.
fn for_some(route: &Route, severity: Severity) -> Severity {
    if route.conditional { severity.lower() } else { severity }
}

/// An MCP server that is mounted in an application which knows its callers, or
/// whose tools work on the data of whomever they are told.
fn tool_server(state: &State, application: &Application, route: &Route, intends_auth: bool) -> Option<Diagnostic> {
    let server = match &route.handler {
        Value::Instance(mounted) => mounted.attributes.get("server"),
        _ => None,
    };
    let server = server.and_then(|server| match server {
        Value::Instance(server) => Some(server.site),
        _ => None,
    });
    if server.is_some_and(|server| asks_itself(state, server)) {
        return None;
    }
    let tools: Vec<&Tool> = server.map(|server| identified_tools(state, server).collect()).unwrap_or_default();
    let severity = match (intends_auth, tools.is_empty()) {
        (true, _) => Severity::Error,
        (false, false) => Severity::Warning,
        (false, true) => return None,
    };
    let may = what_callers_may(&tools);
    let message = match intends_auth {
        true => format!(
            "The MCP server mounted at `{}` asks nobody who is calling: dependencies of `{}` do not run for it, and whoever reaches it may {may}; give it `auth=`, or put a middleware around it that verifies the token.",
            route.path, application.name
        ),
        false => format!(
            "The MCP server mounted at `{}` asks nobody who is calling: whoever reaches it may {may}; give it `auth=`, and take the user from the verified token.",
            route.path
        ),
    };
    let mut steps: Vec<_> =
        server.map(|server| related(state, server, "the server is made here".to_owned())).into_iter().collect();
    steps.extend(believing(state, &tools));
    Some(report(state, &INFO, for_some(route, severity), route.registration, message, steps))
}

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 4;

/// Whether an application's open routes are reported where it is mounted.
pub(super) fn speaks_of(state: &State, application: &Application) -> bool {
    state.table.applications.iter().zip(&state.guards.applications).any(|(parent, judged)| {
        parent
            .mounts
            .iter()
            .any(|(path, child)| *child == application.router && mount_site(parent, path, *child).is_some())
            && !parent.test
            && application_guard(parent, judged).is_some()
    })
}

/// The dependency of an application itself that guards its routes.
fn application_guard<'p>(parent: &'p Application, judged: &[Judged]) -> Option<&'p str> {
    parent.routes.iter().zip(judged.iter()).find_map(|(route, judged)| {
        let Guard::Guarded(index) = judged.guard else { return None };
        let mut node = &route.dependencies[index];
        while let Some(above) = node.parent {
            node = &route.dependencies[above];
        }
        (node.via == Via::Application).then(|| callable_name(&node.callable))?
    })
}

fn mount_site(parent: &Application, path: &str, child: RouterId) -> Option<Site> {
    let mounts = parent.routes.iter().filter(|route| route.kind == RouteKind::Mount && route.path == path);
    mounts.into_iter().find_map(|route| match &route.handler {
        Value::Router(id) if *id == child => Some(route.registration),
        _ => None,
    })
}

fn open_routes(state: &State, at: usize) -> Vec<&Route> {
    let application = &state.table.applications[at];
    let judged = state.guards.applications.get(at).map_or(&[][..], |judged| judged);
    let open = application.routes.iter().zip(judged.iter()).filter(|(_, judged)| judged.guard == Guard::Open(None));
    open.map(|(route, _)| route).collect()
}
