//! `unknown-backend-route`: a request that no route of the backend answers.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::matching::{Address, Base, Segment, WEBSOCKET};
use crate::frontend::outcome::{Client, Place, Request, UrlPart};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Application;
use crate::verdicts::calls::Origins;
use crate::verdicts::conversions::{Unconvertible, unconvertible};
use crate::verdicts::environments::shared_parts;
use crate::verdicts::own_origin::{Answerer, OwnOrigin};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unknown-backend-route",
    summary: "a request to a path or method that no route of the backend has",
    cwe: "",
    owasp: "API9:2023",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/unknown-backend-route.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if state.frontend.is_empty() || state.table.applications.is_empty() {
        return;
    }
    let origins = Origins::new(state);
    check_own_origin(state, &origins, wanted, found);
    if !has_unresolved(state) {
        check_backend(state, &origins, wanted, found);
    }
}

/// Requests to the origin of the page, where route handlers of Next.js answer most.
fn check_own_origin(
    state: &State,
    origins: &Origins<'_>,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
) {
    let own = OwnOrigin::new(state);
    let answerer = |file: FileId, request: &Request| {
        if !says_where(state, request.client) {
            return None;
        }
        let address = origins.address(file, request)?;
        let (root, by) = own.answerer(file, &address)?;
        Some((root, by, address))
    };
    let is_unanswered = |(file, request): (FileId, &Request)| {
        let is_told = |(_, by, address): &(&str, Answerer, Address)| *by == Answerer::Nobody && says_whole(address);
        wanted(request.call.file) && answerer(file, request).as_ref().is_some_and(is_told)
    };
    if !requests(state).any(is_unanswered) {
        return;
    }
    let mut answered: FxHashMap<&str, FxHashSet<Place>> = FxHashMap::default();
    let mut unanswered: FxHashMap<&str, BTreeMap<Place, Address>> = FxHashMap::default();
    for (file, request) in requests(state) {
        match answerer(file, request) {
            Some((root, Answerer::Handler, _)) => {
                answered.entry(root).or_default().insert(request.call);
            }
            Some((root, Answerer::Nobody, address)) if says_whole(&address) => {
                unanswered.entry(root).or_default().entry(request.call).or_insert(address);
            }
            _ => {}
        }
    }
    for (root, requests) in unanswered {
        let Some(answered) = answered.get(root).filter(|answered| answered.len() > requests.len()) else { continue };
        let example = answered.iter().min().copied();
        for (place, address) in requests.into_iter().filter(|(place, _)| wanted(place.file)) {
            let message = format!(
                "No route handler of this application has the path {}, and no rewrite sends it on, although handlers answer other requests to the page's own origin: this request gets 404. Correct the path, or add the handler.",
                shown(&address.segments)
            );
            let steps =
                example.and_then(|place| frontend::related(state, place, "a route handler answers this request"));
            let steps = steps.into_iter().collect();
            found.extend(frontend::report(state, &INFO, Severity::Info, place, message, steps));
        }
    }
}

/// Whether what is put before paths stands where a client is made. Of those that a generator wrote it may stand
/// anywhere.
fn says_where(state: &State, client: Client) -> bool {
    let Client::Made(made) = client else { return client != Client::Unresolved };
    let facts = state.sources.file(made.file).and_then(|source| source.script.as_ref());
    let is_known = |module: &str| matches!(module, "axios" | "ky" | "ofetch");
    facts.is_some_and(|facts| facts.imports.values().any(|(module, _)| is_known(module)))
}

/// Whether an address has all segments of its path: what stands behind the last one may be more of them.
fn says_whole(address: &Address) -> bool {
    !matches!(address.segments.last(), Some(Segment::TextAndMore(_)))
}

/// All requests, each with the file that makes it.
fn requests(state: &State) -> impl Iterator<Item = (FileId, &Request)> {
    state.frontend.outcomes().flat_map(|(file, outcome)| outcome.requests.iter().map(move |request| (file, request)))
}

/// An address at which routes of this project answer.
struct Answered<'s> {
    /// One request to it.
    example: Place,
    /// How many there are.
    count: usize,
    /// Where the applications stand that answer.
    homes: BTreeSet<&'s str>,
}

impl Answered<'_> {
    fn first(example: Place) -> Self {
        Self { example, count: 0, homes: BTreeSet::new() }
    }
}

/// The packages that send requests.
fn frontends(state: &State) -> BTreeSet<&str> {
    let sending = state.frontend.outcomes().filter(|(_, outcome)| !outcome.requests.is_empty());
    sending.map(|(file, _)| frontend::workspace_of(state, file)).collect()
}

fn home<'s>(state: &'s State, application: &Application) -> &'s str {
    state.sources.file(application.site.file).map_or("", |source| &source.path)
}

/// Whether applications may be what a frontend asks for: not where each has a frontend that lies nearer, in a repository
/// that holds one version of a project beside the other. The one that is meant stands elsewhere then, and these are like it.
fn may_be_served(own: &str, homes: &BTreeSet<&str>, frontends: &BTreeSet<&str>) -> bool {
    let has_nearer = |home: &&str| {
        let near = shared_parts(own, home);
        frontends.iter().any(|other| shared_parts(other, home) > near)
    };
    own.is_empty() || homes.is_empty() || !homes.iter().all(has_nearer)
}

/// Requests to addresses at which the backend answers others.
fn check_backend(state: &State, origins: &Origins<'_>, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    // Other files are looked at only where this one asks for something that is not known.
    let mut asking = state.frontend.outcomes().flat_map(|(file, outcome)| {
        let own = outcome.requests.iter().filter(|request| wanted(request.call.file));
        own.map(move |request| (file, request))
    });
    let is_fine = |(file, request): (FileId, &Request)| {
        origins.reached(file, request).is_some() && taken_for(state, origins, file, request).is_none()
    };
    if asking.all(is_fine) {
        return;
    }
    let mut taken = Vec::new();
    // Bases at which routes of this project answer.
    let mut answered: FxHashMap<Base, Answered<'_>> = FxHashMap::default();
    let mut refused: FxHashMap<Base, usize> = FxHashMap::default();
    let mut unanswered = Vec::new();
    // Handlers of any path that would answer these, and requests that they would answer: if the base were the
    // frontend's own address, the others would not reach the backend either.
    let mut caught: FxHashSet<(Base, FileId)> = FxHashSet::default();
    let mut catchable = Vec::new();
    for (file, outcome) in state.frontend.outcomes() {
        for request in &outcome.requests {
            let Some(address) = origins.address(file, request) else { continue };
            let is_unknown = matches!(address.base, Base::Unknown | Base::Host(_));
            if is_unknown || request.client == Client::Unresolved {
                continue;
            }
            if origins.reached(file, request).is_some() || origins.through(file, request).is_some() {
                caught.extend(origins.catching(file, &address).map(|handler| (address.base.clone(), handler)));
                let address_base = address.base.clone();
                let here = answered.entry(address.base).or_insert_with(|| Answered::first(request.call));
                here.example = here.example.min(request.call);
                here.count += 1;
                here.homes.extend(origins.reached(file, request).map(|reached| home(state, reached.application)));
                taken.extend(taken_for(state, origins, file, request).map(|taken| (request, address_base, taken)));
            } else if address.base != Base::Page && origins.is_answered(file, &address) {
                // The variable may hold the frontend's own address.
                let sent = origins.destination(file, &address);
                catchable
                    .extend(origins.catching(file, &address).zip(sent).map(|caught| (request, address.base, caught)));
            } else if let Some(sent) = sent_to(origins, file, request, &address) {
                *refused.entry(address.base.clone()).or_default() += 1;
                unanswered.push((request, address.base, sent));
            }
        }
    }
    taken.retain(|(_, base, _)| {
        // At least one other request shows that the address is the backend's.
        let count = answered.get(base).map_or(0, |here| here.count);
        count > 1 && refused.get(base).is_none_or(|refused| refused < &count)
    });
    check_taken(state, &taken, wanted, found);
    for (request, base, (handler, sent)) in catchable {
        if caught.contains(&(base.clone(), handler)) {
            *refused.entry(base.clone()).or_default() += 1;
            unanswered.push((request, base, sent));
        }
    }
    // A function that asks for a path itself is told so where it does, and not again where it is called.
    let asked: FxHashSet<(Place, Option<&str>, Vec<Segment>)> = unanswered
        .iter()
        .map(|(request, _, sent): &(&Request, Base, Address)| {
            (request.call, request.method.as_deref(), sent.segments.clone())
        })
        .collect();
    let frontends = frontends(state);
    let mut seen = FxHashSet::default();
    for (request, base, sent) in unanswered {
        let Some(Answered { example, count, homes }) = answered.get(&base) else { continue };
        if !may_be_served(frontend::workspace_of(state, request.call.file), homes, &frontends) {
            continue;
        }
        // Where most of them lead elsewhere, so does the address.
        let is_backend = refused.get(&base).is_none_or(|refused| refused < count);
        let is_known = sent.segments.iter().any(|segment| matches!(segment, Segment::Text(_))) && says_whole(&sent);
        let is_asked_at = |place: &Place| asked.contains(&(*place, request.method.as_deref(), sent.segments.clone()));
        let is_told_elsewhere =
            request.call != request.place && request.via.iter().chain([&request.place]).any(is_asked_at);
        if is_told_elsewhere || !is_known || !is_backend || !wanted(request.call.file) || !seen.insert(request.call) {
            continue;
        }
        if request.client == Client::WebSocket {
            let message = refused_socket(origins, &sent).filter(|_| !may_be_mounted(state, &sent));
            let steps = frontend::related(state, *example, "this request to the same address reaches the backend");
            let steps = steps.into_iter().collect();
            found.extend(
                message
                    .and_then(|message| frontend::report(state, &INFO, Severity::Info, request.call, message, steps)),
            );
            continue;
        }
        let methods = origins.methods(&sent);
        let has_hole = sent.segments.contains(&Segment::Hole);
        let path = shown(&sent.segments);
        if request.method.as_ref().is_some_and(|method| methods.iter().any(|own| own == method)) {
            // Several applications answer, and which of them does is not known.
            continue;
        }
        if origins.may_be_answered(&sent, request.method.as_deref()) {
            continue;
        }
        let message = match (&request.method, methods.is_empty()) {
            // What stands in the hole may be a path of its own.
            (Some(_), false) if has_hole && sent.segments.first() == Some(&Segment::Hole) => continue,
            (Some(method), false) => format!(
                "The backend answers {path} with {} only: this {method} request gets 405. Use one of these, or add the route.",
                methods.join(", ")
            ),
            (_, true) => format!(
                "No route of the backend has the path {path}, although other requests to the same address reach it: this request gets 404. Correct the path, or add the route."
            ),
            _ => continue,
        };
        let steps = frontend::related(state, *example, "this request to the same address reaches the backend");
        found.extend(frontend::report(
            state,
            &INFO,
            Severity::Info,
            request.call,
            message,
            steps.into_iter().collect(),
        ));
    }
}

/// A request that every route which it may reach refuses, as one takes a known segment for a parameter of another type.
fn taken_for(state: &State, origins: &Origins<'_>, file: FileId, request: &Request) -> Option<(String, Unconvertible)> {
    if request.client == Client::Unresolved || has_gap(&request.url) {
        return None;
    }
    let reached = origins.reached(file, request)?;
    let address = origins.destination(file, &origins.address(file, request)?)?;
    let found = unconvertible(state, &reached, &address)?;
    let all = origins.all_are(file, request, &reached, |other| unconvertible(state, other, &address).is_some());
    all.then(|| (reached.route.path.to_string(), found))
}

/// Whether nothing stands between two slashes of a path: there is a value when the request is made.
fn has_gap(url: &[UrlPart]) -> bool {
    let text: String =
        url.iter().map(|part| if let UrlPart::Text(text) = part { text.as_str() } else { "." }).collect();
    text.split_once("://").map_or(text.as_str(), |(_, path)| path).contains("//")
}

/// Requests that get 422 for their paths.
fn check_taken(
    state: &State,
    taken: &[(&Request, Base, (String, Unconvertible))],
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
) {
    // Of several addresses that one call may ask for, another may be meant.
    let all_of = |call: Place| {
        let asked = requests(state).filter(|(_, request)| request.call == call).count();
        asked == taken.iter().filter(|(request, ..)| request.call == call).count()
    };
    let places: FxHashSet<Place> = taken.iter().map(|(request, ..)| request.call).collect();
    let mut seen = FxHashSet::default();
    for (request, _, (path, taken)) in taken.iter().filter(|(request, ..)| wanted(request.call.file)) {
        // A function that asks for the path itself is told so where it does.
        let is_told_elsewhere = request.call != request.place
            && request.via.iter().chain([&request.place]).any(|place| places.contains(place));
        if is_told_elsewhere || !seen.insert(request.call) || !all_of(request.call) {
            continue;
        }
        let message = format!(
            "`{path}` takes `{}` in this path for its `{}`, {}: this request gets 422. Correct the path, or add the route before that one.",
            taken.segment, taken.parameter, taken.takes
        );
        found.extend(frontend::report(state, &INFO, Severity::Info, request.call, message, Vec::new()));
    }
}

/// What is said of a connection that no route takes; nothing where one may.
fn refused_socket(origins: &Origins<'_>, sent: &Address) -> Option<String> {
    if origins.has_route(sent, Some(WEBSOCKET)) || origins.may_be_answered(sent, Some(WEBSOCKET)) {
        return None;
    }
    let path = shown(&sent.segments);
    Some(match origins.has_route(sent, None) {
        true => format!(
            "The backend answers {path} over HTTP only: this connection of a WebSocket is refused with 403. Correct the path, or add the route with `websocket`."
        ),
        false => format!(
            "No WebSocket route of the backend has the path {path}, although other requests to the same address reach it: this connection is refused with 403. Correct the path, or add the route."
        ),
    })
}

/// Whether something that is mounted may take an address.
fn may_be_mounted(state: &State, sent: &Address) -> bool {
    let mounts = state.table.applications.iter().filter(|served| !served.test).flat_map(|served| served.routes.iter());
    mounts.filter(|route| route.kind.is_mounted()).any(|mount| {
        let first = mount.path.split('/').find(|segment| !segment.is_empty());
        first.is_none_or(|first| {
            sent.segments.iter().any(|segment| matches!(segment, Segment::Text(text) if text == first))
        })
    })
}

/// Where a request ends: behind rewrites, and route handlers that take any path.
fn sent_to(origins: &Origins<'_>, file: FileId, request: &Request, address: &Address) -> Option<Address> {
    origins.destination(file, address).or_else(|| origins.handed_on(file, request, address))
}

/// Whether an application may have routes that are not known.
fn has_unresolved(state: &State) -> bool {
    state
        .table
        .applications
        .iter()
        .filter(|served| !served.test)
        .any(|served| !served.unresolved.is_empty() || served.routes.iter().any(|route| !route.path_known))
}

fn shown(segments: &[Segment]) -> String {
    let shown = segments.iter().map(|segment| match segment {
        Segment::Text(text) | Segment::TextAndMore(text) => text.as_str(),
        Segment::Hole => "{}",
    });
    format!("`/{}`", shown.collect::<Vec<_>>().join("/"))
}
