//! `server-endpoint-without-session`: a route handler or server action that acts
//! for whoever calls it.

use smol_str::SmolStr;

use super::middleware_never_runs::never_runs;
use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::{RuleInfo, State};
use crate::auth::public::is_delivery;
use crate::data::is_owner;
use crate::frontend::observed::{Asks, EffectKind, Endpoint, EndpointKind};
use crate::frontend::placement::Entry;
use crate::frontend::rewrites::{handler, takes};
use crate::frontend::rows::{Chosen, Does, RowAccess};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::Origins;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "server-endpoint-without-session",
    summary: "a route handler or server action that acts for whoever calls it",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/server-endpoint-without-session.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_open = |endpoint: &&Endpoint| {
        matches!(endpoint.kind, EndpointKind::Handler | EndpointKind::Action) && endpoint.asks == Asks::Nothing
    };
    let mut origins = None;
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for endpoint in outcome.observed.endpoints.iter().filter(is_open) {
            let named = for_named(state, file, endpoint);
            if (named.is_some() || !endpoint.effects.is_empty()) && !is_behind_middleware(state, file, endpoint) {
                let origins = origins.get_or_insert_with(|| Origins::new(state));
                found.extend(finding(state, origins, file, endpoint, named));
            }
        }
    }
}

/// What is read or made of the rows of somebody whom the caller names: the access, and the column that says whose they
/// are.
fn for_named<'e>(state: &State, file: FileId, endpoint: &'e Endpoint) -> Option<(&'e RowAccess, &'e SmolStr)> {
    // What only other code on the server calls has no name for browsers to call it by.
    if endpoint.kind == EndpointKind::Action && !state.frontend.placement.is_called_from_browser(file, &endpoint.name) {
        return None;
    }
    endpoint.rows.iter().filter(|access| access.does != Does::Changes).find_map(|access| {
        let conditions = access.conditions.as_deref()?;
        let is_narrowed = conditions.iter().any(|(column, by)| *by == Chosen::Other && is_owner(column));
        let owner = conditions.iter().find(|(column, by)| *by == Chosen::Request && is_owner(column));
        owner.filter(|_| !is_narrowed).map(|(column, _)| (access, column))
    })
}

/// Whether a middleware runs before that may find out who asks. One that can't be followed lets callers see some page at
/// least, to sign in, and an action is called at the path of any.
pub(super) fn is_behind_middleware(state: &State, file: FileId, endpoint: &Endpoint) -> bool {
    runs_behind(state, file, endpoint, &|middleware| match endpoint.kind {
        EndpointKind::Action => matches!(middleware.asks, Asks::Credential | Asks::Verified),
        _ => middleware.asks != Asks::Nothing,
    })
}

/// Whether a middleware of a kind runs before an endpoint.
pub(super) fn runs_behind(
    state: &State,
    file: FileId,
    endpoint: &Endpoint,
    is_meant: &dyn Fn(&Endpoint) -> bool,
) -> bool {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let handler = handler(path);
    state.frontend.outcomes().any(|(other, outcome)| {
        let home = state.sources.file(other).map_or("", |source| source.path.as_str());
        let root = home.rsplit_once('/').map_or("", |(folder, _)| folder);
        let root = root.strip_suffix("/src").unwrap_or(root);
        let is_near = path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        let middlewares = outcome.observed.endpoints.iter().filter(|one| one.kind == EndpointKind::Middleware);
        let mut never = None;
        let mut runs = || !*never.get_or_insert_with(|| never_runs(state, other));
        is_near
            && middlewares.filter(|middleware| is_meant(middleware)).any(|middleware| {
                if !runs() {
                    return false;
                }
                if let (Some(known), Some(handler), EndpointKind::Handler) =
                    (&middleware.known_beginnings, &handler, endpoint.kind)
                {
                    let path = format!("/{}", handler.sample().join("/"));
                    if !known.iter().any(|beginning| path.starts_with(beginning.as_str())) {
                        return false;
                    }
                }
                match (&middleware.matcher, &handler) {
                    (Some(matcher), Some(handler)) if endpoint.kind == EndpointKind::Handler => {
                        let path = handler.sample();
                        matcher.iter().any(|pattern| takes(pattern, &path) != Some(false))
                    }
                    // An action is called at the path of any page: it stays open where some page is.
                    (Some(matcher), _) => matcher.iter().any(|pattern| takes(pattern, &[]) != Some(false)),
                    (None, _) => true,
                }
            })
    })
}

fn finding(
    state: &State,
    origins: &Origins<'_>,
    file: FileId,
    endpoint: &Endpoint,
    named: Option<(&RowAccess, &SmolStr)>,
) -> Option<Diagnostic> {
    let placement = &state.frontend.placement;
    let what = match endpoint.kind {
        EndpointKind::Action => "This server action can be called by anybody, from anywhere",
        _ => "Anybody can call this route handler",
    };
    let change = endpoint.effects.iter().find_map(|effect| match &effect.kind {
        EffectKind::Changes(method) => Some((effect.place, method)),
        EffectKind::SendsSecret(_) | EffectKind::Grants(_) => None,
    });
    let (severity, done, place) = match (change, named) {
        (Some((place, method)), _) => {
            let what = if matches!(method.as_str(), "upload" | "remove" | "move") { "files" } else { "rows" };
            (Severity::Warning, format!("changes {what} by `{method}`"), place)
        }
        (None, Some((access, column))) => {
            let verb = if access.does == Does::Makes { "makes" } else { "reads" };
            let done = format!("{verb} rows of `{}` for whomever the caller names by `{column}`", access.model);
            (Severity::Warning, done, access.place)
        }
        (None, None) => {
            let sends = endpoint.effects.iter().filter_map(|effect| {
                let EffectKind::SendsSecret(variable) = &effect.kind else { return None };
                let outcome = state.frontend.outcome(file)?;
                let requests = outcome.requests.iter().filter(|request| request.place == effect.place);
                let reached = requests.filter_map(|request| origins.reached(file, request));
                let route = reached.into_iter().find(|reached| reached.judged.guard.is_guarded())?;
                Some((effect, variable, shown(route.route)))
            });
            let (effect, variable, route) = sends.into_iter().next()?;
            (Severity::Error, format!("asks {route} with the secret `{variable}`, which lets it through"), effect.place)
        }
    };
    // Of what nothing imports it may be that imports could not be followed.
    let is_named = endpoint.kind != EndpointKind::Action
        || placement.entry(file) != Some(Entry::Actions)
        || placement.may_be_drawn_with(file, &endpoint.name)
        || !placement.is_imported(file);
    if !is_named {
        let message = format!(
            "No component names this server action, so that browsers have no name to call it by for now. Once one does, anybody can, and it {done} without finding out who asks: ask for the session here, or leave out `use server` where only code on the server calls it."
        );
        return frontend::report(state, &INFO, Severity::Info, endpoint.place, message, Vec::new());
    }
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let advice = match endpoint.kind == EndpointKind::Handler && is_delivered_to(path, &endpoint.name) {
        true => {
            "Who delivers there has no session: verify the signature, or the secret, that its sender puts on each request."
        }
        false => "Ask for the session first, and refuse without one.",
    };
    let message = format!(
        "{what}, and it {done} without finding out who asks: no session is read, and nothing of the request that could tell. {advice}"
    );
    let steps = frontend::related(state, place, "this is done for whoever calls");
    frontend::report(state, &INFO, severity, endpoint.place, message, steps.into_iter().collect())
}

/// Whether another service delivers events to a route handler, by the path of its file and the name of its function.
pub(crate) fn is_delivered_to(file: &str, method: &str) -> bool {
    handler(file).is_some_and(|path| is_delivery(&format!("/{}", path.sample().join("/")), &[method.into()]))
}
