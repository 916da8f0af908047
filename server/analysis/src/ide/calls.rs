//! The frontend's requests, each with the route that it reaches.

use rustc_hash::{FxHashMap, FxHashSet};

use super::views::{Viewer, detail, status};
use super::{Hover, Location, Related, RouteStatus, State};
use crate::auth::Judge;
use crate::frontend::locate;
use crate::frontend::outcome::{Attached, Client, Credentials, Place, Request, TokenSource, UrlPart};
use crate::rules::missing_auth_dependency::shown;
use crate::rules::spec_auth_drift::said;
use crate::text::TextRange;
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::{enter, handler_site, with_interpreter};
use crate::vfs::FileId;

/// A request of the frontend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    /// The call.
    pub location: Location,
    /// Where the request is made, if a function that is called makes it.
    pub made_at: Option<Location>,
    /// The route handler of Next.js through which it reaches its route.
    pub through: Option<Location>,
    /// Its method in capitals; none if it is not known.
    pub method: Option<String>,
    /// Where it goes: `${NAME}` is an environment variable, `{}` anything.
    pub url: String,
    /// Whether an `Authorization` header goes with it; none if that can't be told.
    pub attaches: Option<bool>,
    /// Whether cookies go with it to other origins; none if that can't be told.
    pub sends_cookies: Option<bool>,
    /// The route that it reaches.
    pub route: Option<ReachedRoute>,
    /// Why it is not known to reach one.
    pub unreached: Option<String>,
}

/// A route that a request reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachedRoute {
    /// `GET /api/tasks`.
    pub name: String,
    /// The application that serves it.
    pub application: String,
    /// Its guard.
    pub status: RouteStatus,
    /// Its handler.
    pub handler: Location,
}

/// A request with the route that it reaches.
type Shown<'s> = (CallView, Option<Reached<'s>>);

/// The requests that a call makes under an offset, each with its route, and
/// the range of the call. Of calls in each other the innermost counts.
pub(super) fn calls_at(state: &State, file: FileId, offset: u32) -> Option<(TextRange, Vec<Shown<'_>>)> {
    let outcome = state.frontend.outcome(file)?;
    let range = |request: &Request| {
        let whole = Place { range: request.extent, ..request.call };
        let range = locate(&state.sources, whole)?.range;
        (request.call.file == file && range.touches(offset)).then_some(range)
    };
    let innermost = outcome.requests.iter().filter_map(range).min_by_key(|range| range.len())?;
    let origins = Origins::new(state);
    let own: Vec<&Request> = outcome.requests.iter().filter(|request| range(request) == Some(innermost)).collect();
    let for_tokens = calls_for_tokens(&outcome.requests);
    let shown: Vec<&&Request> = own.iter().filter(|request| !is_internal(request, &for_tokens)).collect();
    let shown = if shown.is_empty() { own.iter().collect() } else { shown };
    let mut calls: Vec<Shown<'_>> = Vec::new();
    for found in shown.iter().filter_map(|request| view_of(state, &origins, file, request)) {
        if calls.iter().all(|(view, _)| *view != found.0) {
            calls.push(found);
        }
    }
    Some((innermost, calls))
}

/// The requests that the calls of a file make, each with the range of its call.
pub(super) fn calls_of(state: &State, file: FileId) -> Vec<(TextRange, CallView)> {
    let Some(outcome) = state.frontend.outcome(file) else { return Vec::new() };
    let origins = Origins::new(state);
    let for_tokens = calls_for_tokens(&outcome.requests);
    let shown =
        outcome.requests.iter().filter(|request| request.call.file == file && !is_internal(request, &for_tokens));
    let calls = shown.filter_map(|request| {
        let whole = locate(&state.sources, Place { range: request.extent, ..request.call })?;
        Some((whole.range, view_of(state, &origins, file, request)?.0))
    });
    calls.collect()
}

/// Calls that reach a handler, by the place of the handler.
pub(super) fn callers(state: &State) -> FxHashMap<Location, Vec<Location>> {
    let mut callers: FxHashMap<Location, Vec<Location>> = FxHashMap::default();
    for call in calls(state) {
        if let Some(route) = call.route {
            callers.entry(route.handler).or_default().push(call.location);
        }
    }
    callers.values_mut().for_each(|calls| calls.dedup());
    callers
}

/// What to show for a call.
pub(super) fn hover(state: &State, file: FileId, offset: u32) -> Option<Hover> {
    let (range, calls) = calls_at(state, file, offset)?;
    let mut markdown = String::new();
    let mut proof = Vec::new();
    for (call, reached) in &calls {
        let method = call.method.as_deref().unwrap_or("a request");
        markdown.push_str(&format!("`{method} {}`", call.url));
        match &call.route {
            Some(route) => {
                let token = match call.attaches {
                    Some(true) => "carries a token",
                    Some(false) => "carries no token",
                    None => "may carry a token",
                };
                let guard = reached.map(|reached| detail(reached.route, &reached.judged.guard)).unwrap_or_default();
                markdown.push_str(&format!(
                    " reaches **{}** of `{}`, which is **{}** ({guard}), and {token}\n\n",
                    route.name,
                    route.application,
                    route.status.word()
                ));
                if let Some(handler) = call.through {
                    let message = "this route handler sends the request on".to_owned();
                    proof.push(Related { location: handler, message });
                }
                proof.push(Related { location: route.handler, message: format!("{} is handled here", route.name) });
                proof.extend(reached.map(|reached| what_decides(state, &reached)).unwrap_or_default());
            }
            None => {
                let why = call.unreached.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                markdown.push_str(&format!(" reaches no route that is known{why}\n\n"));
            }
        }
        proof.extend(call.made_at.map(|at| Related { location: at, message: "the request is made here".to_owned() }));
    }
    proof.dedup();
    (!calls.is_empty()).then_some(Hover { range, markdown, proof })
}

/// Where the guard of a route stands, and the line of the specification or the configuration that says what is expected
/// of it.
fn what_decides(state: &State, reached: &Reached<'_>) -> Vec<Related> {
    let (route, judged) = (reached.route, reached.judged);
    let said = judged.expected.basis().map(|basis| said(state, basis));
    let guard = with_interpreter(state, |interpreter| {
        let viewer = Viewer { state, interpreter, judge: Judge::new(interpreter, &state.memo) };
        enter(state, &viewer.judge, reached.at.0);
        viewer.deciding(route, judged)
    });
    let guard = guard.filter(|guard| said.as_ref().is_none_or(|said| said.location != *guard));
    let message = format!("this decides: {}", detail(route, &judged.guard));
    guard.map(|location| Related { location, message }).into_iter().chain(said).collect()
}

/// All requests, sorted by place.
pub(super) fn calls(state: &State) -> Vec<CallView> {
    let origins = Origins::new(state);
    let mut views: Vec<CallView> = Vec::new();
    let callers = callers_of_wrappers(state);
    for (file, outcome) in state.frontend.outcomes() {
        let for_tokens = calls_for_tokens(&outcome.requests);
        for request in outcome.requests.iter().filter(|request| !is_internal(request, &for_tokens)) {
            let view = view_of(state, &origins, file, request);
            views.extend(
                view.map(|(view, _)| view).filter(|view| view.route.is_some() || !is_wrapper(request, &callers)),
            );
        }
    }
    views.sort_by_key(|view| view.location);
    keep_once(&mut views);
    views
}

/// Keeps the first of equal requests of one call, which stand together.
fn keep_once(views: &mut Vec<CallView>) {
    let mut kept: Vec<CallView> = Vec::with_capacity(views.len());
    for view in views.drain(..) {
        let of_call = kept.iter().rev().take_while(|other| other.location == view.location);
        if of_call.into_iter().all(|other| *other != view) {
            kept.push(view);
        }
    }
    *views = kept;
}

/// Calls that lead to a request whose answer holds the token of another one, by
/// the call and by where that request is made.
fn calls_for_tokens(requests: &[Request]) -> FxHashSet<(Place, Place)> {
    let sent = requests.iter().flat_map(|request| request.sent.iter().map(move |source| (request, source)));
    let pairs = sent.filter_map(|(request, source)| match source {
        // A client that asks for everything asks for the token too.
        TokenSource::Response(place) if *place != request.place => Some((request.call, *place)),
        _ => None,
    });
    pairs.collect()
}

/// Whether a function that is called makes a request for one that it was asked
/// for: it gets the token, renews the session, or tries again. Such a request is
/// shown where it stands.
fn is_internal(request: &Request, for_tokens: &FxHashSet<(Place, Place)>) -> bool {
    let is_for_token = || for_tokens.contains(&(request.call, request.place));
    request.place != request.call && (request.after_refusal || is_for_token())
}

/// Addresses of the requests that callers make, by where the request itself is made.
fn callers_of_wrappers(state: &State) -> FxHashMap<Place, Vec<&[UrlPart]>> {
    let mut callers: FxHashMap<Place, Vec<&[UrlPart]>> = FxHashMap::default();
    let requests = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.requests);
    for request in requests.filter(|request| request.place != request.call) {
        callers.entry(request.place).or_default().push(&request.url);
    }
    callers
}

/// Whether a request stands in a function that its callers tell where it goes:
/// what is known of it, they say better.
fn is_wrapper(request: &Request, callers: &FxHashMap<Place, Vec<&[UrlPart]>>) -> bool {
    let Some((UrlPart::Unknown | UrlPart::Path, before)) = request.url.split_last() else { return false };
    let said = callers.get(&request.place).map(Vec::as_slice).unwrap_or_default();
    let knows_more = |url: &&[UrlPart]| **url != *request.url && url.iter().any(|part| !before.contains(part));
    request.place == request.call && said.iter().any(knows_more)
}

fn view_of<'s>(state: &State, origins: &Origins<'s>, file: FileId, request: &Request) -> Option<Shown<'s>> {
    let location = locate(&state.sources, request.call)?;
    let made_at = (request.place != request.call).then(|| locate(&state.sources, request.place)).flatten();
    let direct = origins.reached(file, request);
    let through = if direct.is_none() { origins.through(file, request) } else { None };
    let reached = direct.or(through.as_ref().map(|through| through.reached));
    let route = reached.map(|reached| ReachedRoute {
        name: shown(reached.route),
        application: reached.application.name.to_string(),
        status: status(&reached.judged.guard),
        handler: state.sources.locate(handler_site(&reached.route.handler).unwrap_or(reached.route.registration)),
    });
    let unreached = route.is_none().then(|| origins.why_unreached(file, request));
    // A handler that hands the header on sends what it gets.
    let sending: Vec<&Request> = match &through {
        Some(through) if !through.sent.iter().all(|sent| sent.forwards) => through.sent.clone(),
        _ => vec![request],
    };
    let view = CallView {
        location,
        made_at,
        method: request.method.as_ref().map(ToString::to_string),
        url: request.url.iter().map(part).collect(),
        through: through.map(|through| Location { file: through.handler, range: TextRange::empty(0) }),
        attaches: match sending.as_slice() {
            [first, rest @ ..] => {
                let first = attaches(state, first);
                first.filter(|_| rest.iter().all(|other| attaches(state, other) == first))
            }
            [] => None,
        },
        sends_cookies: match request.credentials {
            Credentials::Include => Some(true),
            Credentials::Unsaid | Credentials::Omit => Some(false),
            Credentials::Unknown => None,
        },
        route,
        unreached,
    };
    Some((view, reached))
}

/// Whether an `Authorization` header goes with a request; none if that can't be told.
fn attaches(state: &State, request: &Request) -> Option<bool> {
    match request.authorization {
        // A socket's token is in its address, in a cookie, or in what it says first.
        _ if request.client == Client::WebSocket => None,
        Attached::Given => Some(true),
        Attached::Never if !state.frontend.is_intercepted(request.client) => Some(false),
        _ => None,
    }
}

fn part(part: &UrlPart) -> String {
    match part {
        UrlPart::Text(text) => text.to_string(),
        UrlPart::Environment(name) => format!("${{{name}}}"),
        UrlPart::Origin => String::new(),
        UrlPart::Token(_) | UrlPart::Rest | UrlPart::Asked | UrlPart::Path | UrlPart::Unknown => "{}".to_owned(),
    }
}
