//! `optimistic-only-guard`: pages that are kept from strangers by the presence
//! of a cookie, and by nothing else.

use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::observed::{Asks, EffectKind, Endpoint, EndpointKind};
use crate::frontend::rewrites::takes;
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::Origins;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "optimistic-only-guard",
    summary: "a page that only the presence of a cookie keeps from strangers",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/optimistic-only-guard.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_page = |endpoint: &&Endpoint| {
        endpoint.kind == EndpointKind::Page && endpoint.asks == Asks::Nothing && !endpoint.effects.is_empty()
    };
    let mut origins = None;
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        let Some((root, path)) = page_path(state, file) else { continue };
        for page in outcome.observed.endpoints.iter().filter(is_page) {
            if is_asked_for_around(state, file) {
                continue;
            }
            let Some((middleware, place)) = guard(state, &root, &path) else { continue };
            let origins = origins.get_or_insert_with(|| Origins::new(state));
            found.extend(finding(state, origins, file, (page, middleware), place));
        }
    }
}

/// The folder of a page's frontend, and the segments of the path that it answers.
fn page_path(state: &State, file: FileId) -> Option<(String, Vec<String>)> {
    let path = &state.sources.file(file)?.path;
    let (folder, name) = path.rsplit_once('/')?;
    let at = folder
        .rfind("/app/")
        .map(|at| (at, at + 5))
        .or_else(|| folder.strip_suffix("/app").map(|root| (root.len(), folder.len())))?;
    if !name.starts_with("page.") {
        return None;
    }
    let root = folder[..at.0].trim_end_matches("/src").to_owned();
    let parts = folder.get(at.1..).unwrap_or_default().split('/');
    let parts = parts.filter(|part| !part.is_empty() && !part.starts_with(['(', '@']));
    Some((root, parts.map(|part| if part.starts_with('[') { "1".to_owned() } else { part.to_owned() }).collect()))
}

/// Whether a layout around a page finds out who asks.
fn is_asked_for_around(state: &State, page: FileId) -> bool {
    let path = state.sources.file(page).map_or("", |source| source.path.as_str());
    state.frontend.outcomes().any(|(file, outcome)| {
        let other = state.sources.file(file).map_or("", |source| source.path.as_str());
        let folder = other.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut pages = outcome.observed.endpoints.iter().filter(|one| one.kind == EndpointKind::Page);
        file != page
            && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            && pages.any(|one| one.asks != Asks::Nothing)
    })
}

/// The middleware that runs before a path and looks at no more than what came
/// with the request; none if another one may verify it.
fn guard<'s>(state: &'s State, root: &str, path: &[String]) -> Option<(&'s Endpoint, FileId)> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut found = None;
    for (file, outcome) in state.frontend.outcomes() {
        let own = state.sources.file(file).map_or("", |source| source.path.as_str());
        let home = own.rsplit_once('/').map_or("", |(folder, _)| folder);
        if home.strip_suffix("/src").unwrap_or(home) != root {
            continue;
        }
        for one in outcome.observed.endpoints.iter().filter(|one| one.kind == EndpointKind::Middleware) {
            let runs = one.matcher.as_ref().map(|all| all.iter().map(|pattern| takes(pattern, &path)));
            let runs = runs.map(|mut all| all.any(|takes| takes == Some(true)));
            match one.asks {
                Asks::Nothing => {}
                Asks::Credential if runs == Some(true) => found = Some((one, file)),
                Asks::Credential => {}
                Asks::Unknown | Asks::Verified => return None,
            }
        }
    }
    found
}

fn finding(
    state: &State,
    origins: &Origins<'_>,
    file: FileId,
    (page, middleware): (&Endpoint, &Endpoint),
    at: FileId,
) -> Option<Diagnostic> {
    let outcome = state.frontend.outcome(file)?;
    let (effect, variable, route) = page.effects.iter().find_map(|effect| {
        let EffectKind::SendsSecret(variable) = &effect.kind else { return None };
        let requests = outcome.requests.iter().filter(|request| request.place == effect.place);
        let reached = requests.filter_map(|request| origins.reached(file, request));
        let route = reached.into_iter().find(|reached| reached.judged.guard.is_guarded())?;
        Some((effect, variable, shown(route.route)))
    })?;
    let message = format!(
        "This page shows what {route} answers to the secret `{variable}`, and asks nobody for a session: the only check is `{}`, which looks whether there is a cookie, and a cookie with any value passes. Ask for the session here, with the headers of the request.",
        frontend::name_of(state, at)
    );
    let steps =
        frontend::related(state, middleware.place, "this looks at what came with the request and verifies nothing");
    let steps = steps.into_iter().chain(frontend::related(state, effect.place, "this is asked for whoever passes"));
    frontend::report(state, &INFO, Severity::Warning, page.place, message, steps.collect())
}
