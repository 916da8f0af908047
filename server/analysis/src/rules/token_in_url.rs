//! `token-in-url`: a token in the address of a request.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::is_test;
use super::shared::frontend;
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::addresses::Queried;
use crate::data::is_password;
use crate::frontend::observed::Leads;
use crate::frontend::outcome::{Client, Request, TokenSource, UrlPart, What};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-in-url",
    summary: "a token in the address of a request",
    cwe: "CWE-598",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/token-in-url.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut places = Vec::new();
    for (_, outcome) in state.frontend.outcomes() {
        for request in outcome.requests.iter().filter(|request| wanted(request.place.file)) {
            // Connections of sockets are told of with what else leads elsewhere.
            if request.client != Client::WebSocket
                && let Some(source) = token_of(request)
                && is_token(state, request.place.file, source)
            {
                places.push((request.place, request.client));
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    check_navigations(state, wanted, found);
    for (place, client) in places {
        let (severity, instead) = match client {
            Client::EventSource => (
                Severity::Info,
                "`EventSource` can't send headers: read the stream with `fetch`, or ask for a ticket that is good for one connection",
            ),
            _ => (Severity::Warning, "Send it as `Authorization: Bearer <token>`"),
        };
        let message = format!(
            "The address of this request holds a token: addresses stand in the logs of servers and proxies, and in the history of browsers. {instead}."
        );
        found.extend(frontend::report_where_run(state, &INFO, severity, place, message, Vec::new()));
    }
}

/// Redirects of the backend with a token in their address.
pub(super) fn check_redirects(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for redirected in &tokens.redirected {
            let message = "The address of this redirect holds a token: it stands in the history of the browser, in the logs of servers and proxies, and goes to whatever the page asks for next. Set a cookie with `httponly`, or hand over a code that is good once.";
            let steps = vec![related(state, redirected.origin, "the token comes from here".to_owned())];
            found.push(report(state, &INFO, Severity::Warning, redirected.site, message.to_owned(), steps));
        }
    });
}

/// Routes from which on a token is a caller's: a link leads to one thing, that is shown and changed.
const ROUTES_OF_CALLERS: usize = 3;

/// Passwords, and tokens to refresh, that a route takes from the query, and tokens that guards take from there.
pub(super) fn check_parameters(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen = FxHashSet::default();
    let mut verified: BTreeMap<Site, (Queried, FxHashSet<Site>)> = BTreeMap::new();
    let is_here = |site: Site| wanted(site.file) && !is_test(state, site.file) && !state.sources.is_ghost(site);
    for_each_served(state, |_, route, judged| {
        let Some(by_client) = &judged.by_client else { return };
        for queried in by_client.verified.iter().filter(|queried| is_here(queried.site)) {
            let (_, routes) = verified.entry(queried.site).or_insert_with(|| (queried.clone(), FxHashSet::default()));
            routes.insert(route.registration);
        }
        let refreshes = judged.guard.refreshes();
        for Queried { name, site, .. } in &by_client.queried {
            let what = match () {
                () if is_password(name) => "a password",
                () if refreshes && name.contains("token") => "a token to refresh",
                () => continue,
            };
            if !is_here(*site) || !seen.insert(*site) {
                continue;
            }
            let message = format!(
                "FastAPI takes `{name}` from the query of the address, so that {what} stands in the logs of servers and proxies. Take it from the body: a field of a model, or `Body(embed=True)`."
            );
            found.push(report(state, &INFO, Severity::Warning, *site, message, Vec::new()));
        }
    });
    for (Queried { name, site }, routes) in verified.into_values() {
        if routes.len() < ROUTES_OF_CALLERS {
            continue;
        }
        let message = format!(
            "FastAPI takes `{name}` from the query of the address, and callers are let in by it: it stands in the logs of servers and proxies, and in the history of browsers. Where they can send headers, take it from the `Authorization` header: `Depends(HTTPBearer())`."
        );
        // What opens a link, a download or a stream sends no headers.
        found.push(report(state, &INFO, Severity::Info, site, message, Vec::new()));
    }
}

/// Pages that are led to and connections that are made with a token in their address.
fn check_navigations(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let navigations = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.observed.navigations);
    let is_token = |file, url: &[UrlPart]| token_in(url).is_some_and(|source| is_token(state, file, source));
    let led = navigations.filter(|led| wanted(led.place.file) && is_token(led.place.file, &led.url));
    let mut led: Vec<_> = led.map(|led| (led.place, led.leads)).collect();
    led.sort_unstable();
    led.dedup();
    for (place, leads) in led {
        let (severity, message) = match leads {
            Leads::Page => (
                Severity::Warning,
                "The address that this leads to holds a token: it stands in the history of the browser, in the logs of servers and proxies, and goes to whatever the page asks for next. Hand over a code that is good once, and have the page send it in the body of a request.",
            ),
            Leads::Socket => (
                Severity::Info,
                "The address of this connection holds a token, and addresses stand in the logs of servers and proxies. `WebSocket` can't send headers: ask for a ticket that is good for one connection, or send the token as the first message.",
            ),
        };
        found.extend(frontend::report_where_run(state, &INFO, severity, place, message.to_owned(), Vec::new()));
    }
}

/// The token in the query of a request's address.
fn token_of(request: &Request) -> Option<&TokenSource> {
    token_in(&request.url)
}

/// The token in the query of an address. What stands behind `#` stays in the browser.
fn token_in(url: &[UrlPart]) -> Option<&TokenSource> {
    let begins = |part: &UrlPart| matches!(part, UrlPart::Text(text) if text.contains(['?', '&']));
    let query = url.iter().position(begins)?;
    let sent = url.iter().take_while(|part| !matches!(part, UrlPart::Text(text) if text.contains('#')));
    sent.skip(query).find_map(|part| match part {
        UrlPart::Token(source) => Some(source),
        _ => None,
    })
}

/// Whether what is taken from there is a token, by what else is done with it.
fn is_token(state: &State, file: FileId, source: &TokenSource) -> bool {
    match source {
        TokenSource::BetterAuthJwt | TokenSource::BetterAuthSession | TokenSource::Response(_) => true,
        TokenSource::Storage(area, Some(key)) => {
            frontend::is_sent(state, file, *area, key)
                || state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.kept).any(|kept| {
                    kept.area == *area && kept.key.as_ref() == Some(key) && matches!(kept.what, What::Token(_))
                })
        }
        _ => false,
    }
}
