//! `rewrite-captures-auth`: a rewrite that takes the requests to sign in away
//! from Better Auth.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::outcome::{Outcome, Phase, Rewrite, UrlPart};
use crate::frontend::rewrites::{Handler, handler, takes};
use crate::ide::{Diagnostic, Related, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "rewrite-captures-auth",
    summary: "a rewrite that takes the requests to sign in away from Better Auth",
    cwe: "CWE-436",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/rewrite-captures-auth.md"),
};

/// Libraries whose handler answers all below one path, and a path below that.
const LIBRARIES: &[(&str, &str, &str)] =
    &[("better-auth", "Better Auth", "get-session"), ("next-auth", "Auth.js", "session")];

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let configurations = state.frontend.outcomes().filter(|(_, outcome)| !outcome.rewrites.is_empty());
    for (configuration, outcome) in configurations.filter(|(file, _)| wanted(*file)) {
        let path = state.sources.file(configuration).map_or("", |source| source.path.as_str());
        let Some((folder, _)) = path.rsplit_once('/') else { continue };
        for (file, _) in state.frontend.outcomes() {
            let source = state.sources.file(file).map_or("", |source| source.path.as_str());
            let Some(handler) = handler(source).filter(|handler| handler.root == folder) else { continue };
            let library =
                LIBRARIES.iter().find(|(package, ..)| state.frontend.placement.rests_on_package(file, package));
            if let Some((_, library, answered)) = library
                && let Some(rewrite) = captor(outcome, &handler, answered)
            {
                found.extend(finding(state, rewrite, &handler, (file, frontend::below(state, file, folder)), library));
            }
        }
    }
}

/// The rewrite that takes the requests of a handler; none if it gets them.
fn captor<'o>(outcome: &'o Outcome, handler: &Handler, answered: &str) -> Option<&'o Rewrite> {
    let mut path = handler.catches_below()?;
    path.push(answered);
    let mut tried: Vec<&Rewrite> = outcome.rewrites.iter().filter(|rewrite| rewrite.phase != Phase::Fallback).collect();
    tried.sort_by_key(|rewrite| rewrite.phase);
    for rewrite in tried {
        match takes(&rewrite.source, &path) {
            Some(false) => {}
            Some(true) if !rewrite.is_conditional => {
                // One that leads to the frontend's own paths may lead to the handler.
                let stays = matches!(rewrite.destination.first(), Some(UrlPart::Text(text)) if text.starts_with('/'));
                return (!stays && !rewrite.destination.is_empty()).then_some(rewrite);
            }
            _ => return None,
        }
    }
    None
}

fn finding(
    state: &State,
    rewrite: &Rewrite,
    handler: &Handler,
    (file, path): (FileId, &str),
    library: &str,
) -> Option<Diagnostic> {
    let below = handler.catches_below()?.join("/");
    let message = format!(
        "Next.js tries this rewrite before `{path}`, because that path has a parameter: requests to `/{below}/…` are sent on, {library} never gets them, and nobody can sign in. Move the rewrite to `fallback`, or leave `/{below}` out of its `source`."
    );
    let step =
        Related { location: frontend::top(file), message: format!("{library} would answer `/{below}/…` here") };
    frontend::report(state, &INFO, Severity::Error, rewrite.place, message, vec![step])
}
