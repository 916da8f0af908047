//! `credentials-mode-mismatch`: cookies that are sent to a route which reads a header.

use std::collections::BTreeMap;

use super::missing_auth_dependency::shown;
use super::shared::frontend;
use super::{RuleInfo, State, related};
use crate::frontend::outcome::{Attached, Client, Credentials, Place, Request};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::carried::{can_be_switched_off, may_take_cookies, reads_header_only};
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "credentials-mode-mismatch",
    summary: "a request that sends cookies to a route which reads a header",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/credentials-mode-mismatch.md"),
};

/// What is known of the requests that are made at one place.
#[derive(Default)]
struct Made<'s> {
    /// Those that are refused.
    refused: Vec<(&'s Request, Reached<'s>)>,
    /// Whether others that reach a route send more than cookies, or may.
    sends_more: bool,
}

/// Calls that are named at one place.
const SHOWN_CALLS: usize = 4;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let placement = &state.frontend.placement;
    // On a server there are no cookies that could go with a request.
    let in_browser = |file: FileId| placement.in_browser(file) || !placement.on_server(file);
    let sends_cookies_only = |request: &Request| {
        request.credentials == Credentials::Include
            && request.client != Client::WebSocket
            && request.authorization == Attached::Never
            && !state.frontend.is_intercepted(request.client)
    };
    let all = || {
        let files = state.frontend.outcomes().filter(|(file, _)| in_browser(*file));
        files.flat_map(|(file, outcome)| outcome.requests.iter().map(move |request| (file, request)))
    };
    let mut made: BTreeMap<Place, Made<'_>> = BTreeMap::new();
    let concerns = |request: &Request| wanted(request.place.file) || wanted(request.call.file);
    for (_, request) in all().filter(|(_, request)| concerns(request) && sends_cookies_only(request)) {
        made.entry(request.place).or_default();
    }
    if made.is_empty() {
        return;
    }
    let origins = Origins::new(state);
    for (file, request) in all() {
        let Some(entry) = made.get_mut(&request.place) else { continue };
        let through_handler = || origins.forwarded(file, request).map(|(reached, _)| reached);
        let reached = origins.reached(file, request).or_else(through_handler);
        if !sends_cookies_only(request) {
            // A function that runs by itself is given anything, and that leads nowhere: nobody makes such a request.
            entry.sends_more |= reached.is_some() || request.authorization == Attached::Given;
            continue;
        }
        let Some(reached) = reached.filter(|_| !frontend::is_made_again(state, request)) else { continue };
        let refuses = |reached: &Reached<'_>| {
            let is_guarded = reached.judged.guard.is_guarded() && reads_header_only(state, reached);
            is_guarded && !may_take_cookies(state, reached)
        };
        if refuses(&reached) && origins.all_are(file, request, &reached, refuses) {
            entry.refused.push((request, reached));
        }
    }
    for (place, made) in made {
        if !made.sends_more {
            found.extend(finding(state, place, &made.refused).filter(|_| wanted(place.file)));
            continue;
        }
        // What is made here is sound for other callers: those are at fault who give it no header.
        let mut calls: BTreeMap<Place, Vec<_>> = BTreeMap::new();
        let at_caller = |request: &Request| request.call != place && wanted(request.call.file);
        for refused in made.refused.into_iter().filter(|(request, _)| at_caller(request)) {
            calls.entry(refused.0.call).or_default().push(refused);
        }
        found.extend(calls.into_iter().filter_map(|(call, refused)| finding(state, call, &refused)));
    }
}

fn finding(state: &State, place: Place, calls: &[(&Request, Reached<'_>)]) -> Option<Diagnostic> {
    let (request, first) = calls.first()?;
    let always = calls.iter().any(|(_, reached)| !can_be_switched_off(state, reached));
    let route = shown(first.route);
    let message = format!(
        "{route} reads its credential from a header and never from a cookie: what this request sends says nothing to it, and it is refused. Send `Authorization: Bearer <token>`, or have the backend verify the session cookie."
    );
    let site = handler_site(&first.route.handler).unwrap_or(first.route.registration);
    let mut steps = vec![related(state, site, format!("{route} is served by `{}`", first.application.name))];
    if request.place != place {
        steps.extend(frontend::related(state, request.place, "the request is made here"));
    }
    let called = calls.iter().filter(|(request, _)| request.call != place).take(SHOWN_CALLS);
    steps.extend(called.filter_map(|(request, reached)| {
        frontend::related(state, request.call, &format!("called here for {}", shown(reached.route)))
    }));
    frontend::report_where_run(
        state,
        &INFO,
        if always { Severity::Error } else { Severity::Warning },
        place,
        message,
        steps,
    )
}
