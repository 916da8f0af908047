//! `retry-on-auth-failure`: a refused request that is made again.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::sign_out_keeps_token::share_root;
use super::{RuleInfo, State, related};
use crate::frontend::locate;
use crate::frontend::observed::{How, Library, Query, Retries};
use crate::frontend::outcome::Place;
use crate::ide::{Diagnostic, Related, Severity};
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "retry-on-auth-failure",
    summary: "a request that is made again although the backend refused its token",
    cwe: "CWE-799",
    owasp: "API4:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/retry-on-auth-failure.md"),
};

/// A query that fails where the backend refuses the caller.
struct Refused<'s> {
    file: FileId,
    query: &'s Query,
    reached: Reached<'s>,
    /// Where its request is made.
    made: Place,
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for place in outcome.observed.reissued.iter().filter(|place| place.file == file) {
            let message = "This makes a request once more that was refused with 401, through the client whose interceptor stands here, and nothing tells that it was made before: where the new token is refused too, it never ends. Mark the request's settings, and reject one that has the mark.".to_owned();
            found.extend(frontend::report_where_run(state, &INFO, Severity::Warning, *place, message, Vec::new()));
        }
    }
    let refused = refused(state);
    if refused.is_empty() {
        return;
    }
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for (place, retries) in outcome.observed.query_clients.iter().filter(|(place, _)| place.file == file) {
            found.extend(client(state, file, *place, *retries, &refused));
        }
    }
    found.extend(swr(state, wanted, &refused));
}

/// Queries that are tried again when their route refuses the caller.
fn refused(state: &State) -> Vec<Refused<'_>> {
    let has_queries = state.frontend.outcomes().any(|(_, outcome)| !outcome.observed.queries.is_empty());
    if !has_queries {
        return Vec::new();
    }
    let answers = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.observed.answers);
    let throwing: FxHashSet<Place> =
        answers.filter(|answered| answered.how == How::Throws).map(|answered| answered.request).collect();
    let origins = Origins::new(state);
    let mut refused = Vec::new();
    for (file, outcome) in state.frontend.outcomes() {
        for query in outcome.observed.queries.iter().filter(|query| query.retries == Retries::Default) {
            let own = outcome.requests.iter().filter(|request| {
                query.requests.contains(&(request.place, request.call)) && throwing.contains(&request.place)
            });
            let reached = own.filter_map(|request| {
                let reached = origins.reached(file, request)?;
                reached.judged.guard.is_guarded().then_some((request.place, reached))
            });
            if let Some((made, reached)) = reached.into_iter().next() {
                refused.push(Refused { file, query, reached, made });
            }
        }
    }
    refused
}

/// A client of React Query whose queries are tried again.
fn client(state: &State, file: FileId, place: Place, retries: Retries, refused: &[Refused<'_>]) -> Option<Diagnostic> {
    // On a server nothing is tried again.
    if !state.frontend.placement.in_browser(file) && state.frontend.placement.on_server(file) {
        return None;
    }
    let times = match retries {
        Retries::Default => "three times more, for seven seconds,".to_owned(),
        Retries::Times(1) => "once more".to_owned(),
        Retries::Times(times) => format!("{times} times more"),
        Retries::Always => "again for as long as the page is open".to_owned(),
        Retries::Never | Retries::Unknown => return None,
    };
    let mut own = refused
        .iter()
        .filter(|one| one.query.library == Library::ReactQuery && share_root(state, file, one.file))
        .peekable();
    let first = *own.peek()?;
    let others = own.count() - 1;
    let route = shown(first.reached.route);
    let and = match others {
        0 => String::new(),
        1 => " and one other".to_owned(),
        others => format!(" and {others} others"),
    };
    let message = format!(
        "Queries of this client are tried {times} when they fail, also when the backend refuses the token with 401 or 403: no further try gets another answer, and so long nobody is asked to sign in. It concerns the query of {route}{and}. Give `retry` a function that is false for 401 and 403."
    );
    frontend::report(state, &INFO, Severity::Info, place, message, proof(state, first))
}

/// Calls of SWR, one finding for all that fetch by the same function.
fn swr(state: &State, wanted: &dyn Fn(FileId) -> bool, refused: &[Refused<'_>]) -> Vec<Diagnostic> {
    let mut settings = state.frontend.outcomes().filter(|(_, outcome)| !outcome.observed.retry_settings.is_empty());
    let settled: Vec<FileId> = settings.by_ref().map(|(file, _)| file).collect();
    let mut by_function: BTreeMap<Place, Vec<&Refused<'_>>> = BTreeMap::new();
    for one in refused.iter().filter(|one| one.query.library == Library::Swr) {
        // Which part of the page it speaks of is not known.
        if !settled.iter().any(|file| share_root(state, *file, one.file)) {
            by_function.entry(one.made).or_default().push(one);
        }
    }
    let mut found = Vec::new();
    for queries in by_function.into_values() {
        let Some(first) = queries.iter().min_by_key(|one| locate(&state.sources, one.query.place)) else { continue };
        if !wanted(first.file) {
            continue;
        }
        let route = shown(first.reached.route);
        let and = match queries.len() {
            1 => String::new(),
            2 => ", and by one other call that fetches by the same function".to_owned(),
            all => format!(", and by {} other calls that fetch by the same function", all - 1),
        };
        let message = format!(
            "SWR asks again for as long as the page is open, at growing intervals, also when the backend refuses the token with 401 or 403: {route} is asked like that here{and}. Pass `onErrorRetry` or `shouldRetryOnError` that is false for these, here or in `SWRConfig`."
        );
        found.extend(frontend::report(state, &INFO, Severity::Info, first.query.place, message, proof(state, first)));
    }
    found
}

fn proof(state: &State, refused: &Refused<'_>) -> Vec<Related> {
    let mut steps: Vec<Related> = Vec::new();
    steps.extend(frontend::related(state, refused.query.place, "this query is tried again"));
    steps.extend(frontend::related(state, refused.made, "its request is made here, and a refusal is thrown"));
    let site = handler_site(&refused.reached.route.handler).unwrap_or(refused.reached.route.registration);
    steps.push(related(state, site, format!("{} refuses callers without a token", shown(refused.reached.route))));
    steps
}
