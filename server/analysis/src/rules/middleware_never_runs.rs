//! `middleware-never-runs`: a guard of pages that Next.js does not look for
//! where it stands.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::frontend::placement::Entry;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "middleware-never-runs",
    summary: "a middleware of Next.js that guards pages and stands where it is not looked for",
    cwe: "CWE-862",
    owasp: "API5:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/middleware-never-runs.md"),
};

/// The first version of Next.js that runs `proxy.ts`.
const FIRST_WITH_PROXY: u32 = 16;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_middleware = |file: FileId| state.frontend.placement.entry(file) == Some(Entry::Middleware);
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file) && is_middleware(*file)) {
        let guards = |endpoint: &&Endpoint| {
            endpoint.kind == EndpointKind::Middleware
                && matches!(endpoint.asks, Asks::Credential | Asks::Verified)
                && endpoint.turns_away
        };
        let Some(guard) = outcome.observed.endpoints.iter().find(guards) else { continue };
        let Some(why) = why_never(state, file) else { continue };
        let message =
            format!("{why}: nothing here runs, and the pages that it should keep from strangers are open to them.");
        found.extend(frontend::report(state, &INFO, Severity::Warning, guard.place, message, Vec::new()));
    }
}

/// Whether Next.js is known never to run a middleware.
pub(super) fn never_runs(state: &State, file: FileId) -> bool {
    why_never(state, file).is_some()
}

/// Why Next.js never runs a file, if it is known not to.
fn why_never(state: &State, file: FileId) -> Option<String> {
    let path = state.sources.file(file)?.path.as_str();
    let (root, version) = state.frontend.next_project(path)?;
    let home = home(state, root)?;
    let (folder, name) = path.rsplit_once('/')?;
    let (stem, ending) = name.rsplit_once('.')?;
    let is_old = version.major.is_some_and(|major| major < FIRST_WITH_PROXY);
    if folder == home {
        let never = stem == "proxy" && is_old;
        return never.then(|| format!("Next.js runs `proxy.{ending}` from version {FIRST_WITH_PROXY} on only, and the project asks for an older one. Name it `middleware.{ending}`, and its function `middleware`"));
    }
    // Another one may do what this one was written for, or hand the request to it.
    let other = state.frontend.outcomes().any(|(other, _)| {
        let other = state.sources.file(other).map_or("", |source| source.path.as_str());
        let own =
            other.rsplit_once('/').filter(|(folder, _)| *folder == home).and_then(|(_, name)| name.rsplit_once('.'));
        own.is_some_and(|(stem, _)| matches!(stem, "middleware" | "proxy"))
    });
    if other || state.frontend.placement.is_imported(file) {
        return None;
    }
    let name = if is_old { "middleware" } else { stem };
    let right = format!("{home}/{name}.{ending}");
    let beside = if home == root { "in the folder of the project" } else { "in `src`, where the pages are" };
    Some(format!(
        "Next.js looks for this file {beside}, and nowhere else. Move it to `{}`",
        right.strip_prefix(root)?.trim_start_matches('/')
    ))
}

/// The folder in which a project of Next.js has its pages: its own, or `src`.
/// What stands in its own counts first.
fn home(state: &State, root: &str) -> Option<String> {
    let homes = [root.to_owned(), format!("{root}/src")];
    homes.into_iter().find(|home| {
        state.sources.iter().any(|(_, source)| {
            source.path.strip_prefix(home.as_str()).and_then(|rest| rest.strip_prefix('/')).is_some_and(is_page)
        })
    })
}

/// Whether a path below the folder of pages is one of a page or what answers in its place.
fn is_page(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((stem, "ts" | "tsx" | "js" | "jsx")) = name.rsplit_once('.') else { return false };
    path.starts_with("pages/") || (path.starts_with("app/") && matches!(stem, "page" | "layout" | "route"))
}
