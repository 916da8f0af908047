//! `missing-bearer`: a request that carries no token although its route wants one.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::missing_auth_dependency::{guard_name, shown};
use super::shared::frontend;
use super::{RuleInfo, State, related};
use crate::auth::guard::Guard;
use crate::frontend::outcome::{Attached, Client, Credentials, Place, Request};
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::value::Site;
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::carried::{can_be_switched_off, reads_authorization_only, reads_header_only};
use crate::verdicts::conversions::unconvertible;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "missing-bearer",
    summary: "a request that carries no token although its route wants one",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/missing-bearer.md"),
};

/// Why a request is not made for now.
const UNUSED: &str = "No page leads to the module that asks for it, so that this is not sent for now.";
/// Calls that are named at a function through which they all go.
const SHOWN_CALLS: usize = 4;

/// A request without a token, and why it should have one.
struct Bare<'s> {
    request: &'s Request,
    reached: Reached<'s>,
    why: Why,
    /// The route handler of Next.js that sends it on.
    through: Option<FileId>,
}

/// Why a request should carry a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The route verifies its callers.
    Guarded,
    /// It does unless the configuration switches that off.
    GuardedSometimes,
    /// Another request to the same route carries one, here.
    Sibling(Place),
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if state.frontend.is_empty() {
        return;
    }
    let origins = Origins::new(state);
    let reach = |file, request| {
        let through = || origins.forwarded(file, request).map(|(reached, handler)| (reached, Some(handler)));
        let direct = origins.reached(file, request).filter(|reached| may_take(state, &origins, file, request, reached));
        let (reached, through) = direct.map(|reached| (reached, None)).or_else(through)?;
        Some((file, request, reached, through))
    };
    let requests =
        state.frontend.outcomes().flat_map(|(file, outcome)| outcome.requests.iter().map(move |r| (file, r)));
    let reached: Vec<(FileId, &Request, Reached<'_>, Option<FileId>)> =
        requests.filter_map(|(file, request)| reach(file, request)).collect();
    // Routes that some request carries a token to.
    let mut with_token: FxHashMap<Site, Place> = FxHashMap::default();
    for (_, request, reached, _) in reached.iter().filter(|(_, request, ..)| request.authorization == Attached::Given) {
        let place = with_token.entry(reached.route.registration).or_insert(request.call);
        *place = (*place).min(request.call);
    }
    // By where the request is made: those without a token, and whether another has one.
    let mut made: BTreeMap<Place, (Vec<Bare<'_>>, bool)> = BTreeMap::new();
    let refuses = |reached: &Reached<'_>| reached.judged.guard.is_guarded() && reads_header_only(state, reached);
    for (file, request, reached, through) in reached {
        let entry = made.entry(request.place).or_default();
        entry.1 |= request.authorization == Attached::Given;
        // What other headers say, a guard that reads this one alone does not see.
        let carries_other = request.authorization == Attached::Unknown && request.bare;
        if !carries_nothing(state, request) || carries_other && !reads_authorization_only(state, &reached) {
            continue;
        }
        let sibling = with_token.get(&reached.route.registration);
        let why = match (&reached.judged.guard, sibling) {
            _ if refuses(&reached) && origins.all_are(file, request, &reached, refuses) => {
                if can_be_switched_off(state, &reached) { Why::GuardedSometimes } else { Why::Guarded }
            }
            // Where nothing is guarded yet, the other requests say what is meant.
            (Guard::Open(_), Some(place)) if !carries_other && !guards_something(state, &reached) => {
                Why::Sibling(*place)
            }
            _ => continue,
        };
        entry.0.push(Bare { request, reached, why, through });
    }
    for (place, (calls, attaches)) in made {
        let elsewhere = calls.iter().all(|bare| bare.request.call != place);
        if elsewhere && !attaches && calls.len() > 1 {
            // Whoever calls it, it sends nothing: the function is at fault.
            if wanted(place.file) {
                found.extend(at_function(state, place, &calls));
            }
            continue;
        }
        // A function that sends it to one route by itself is at fault, and not who calls it.
        let by_itself = !elsewhere;
        let is_said = |bare: &&Bare<'_>| match by_itself {
            true => bare.request.call == place,
            false => !frontend::is_made_again(state, bare.request),
        };
        let said = calls.iter().filter(is_said);
        for bare in said.filter(|bare| wanted(bare.request.call.file)) {
            found.extend(at_call(state, bare));
        }
    }
}

/// Whether the parameters of a route can take what a request has in their place: another route is meant, perhaps of
/// another service, by one that has a word where this one takes a number.
fn may_take(state: &State, origins: &Origins<'_>, file: FileId, request: &Request, reached: &Reached<'_>) -> bool {
    origins.address(file, request).is_none_or(|address| unconvertible(state, reached, &address).is_none())
}

/// Whether nothing that could authenticate goes with a request.
fn carries_nothing(state: &State, request: &Request) -> bool {
    (request.authorization == Attached::Never || request.bare)
        && matches!(request.credentials, Credentials::Unsaid | Credentials::Omit)
        && !state.frontend.is_intercepted(request.client)
}

/// Whether some route of an application verifies its callers.
fn guards_something(state: &State, reached: &Reached<'_>) -> bool {
    let at = state.table.applications.iter().position(|served| served.router == reached.application.router);
    let judged = at.and_then(|at| state.guards.applications.get(at));
    judged.is_some_and(|judged| judged.iter().any(|judged| judged.guard.is_guarded()))
}

fn at_call(state: &State, bare: &Bare<'_>) -> Option<Diagnostic> {
    let (request, reached) = (bare.request, &bare.reached);
    let route = shown(reached.route);
    let send = match request.client {
        Client::EventSource => "`EventSource` can't send headers: read the stream with `fetch` and the token",
        _ => "Send the token with it, as `Authorization: Bearer <token>`",
    };
    let by = by(reached);
    let (severity, message) = match bare.why {
        Why::Guarded => (
            Severity::Error,
            format!(
                "{route} requires a verified caller{by}, and this request carries no `Authorization` header: it is always refused. {send}.",
            ),
        ),
        Why::GuardedSometimes => (
            Severity::Warning,
            format!(
                "{route} requires a verified caller{by} unless the configuration switches that off, and this request carries no `Authorization` header. {send}.",
            ),
        ),
        Why::Sibling(_) => (
            Severity::Warning,
            format!(
                "Another request to {route} carries a token, and this one does not: it is refused as soon as the route verifies its callers. {send}.",
            ),
        ),
    };
    let (severity, message) = frontend::unless_unused(state, [request.call.file], severity, message, UNUSED);
    let mut steps = vec![handler(state, reached)];
    if let Why::Sibling(place) = bare.why {
        steps.extend(frontend::related(state, place, "this request to the same route carries a token"));
    }
    if let Some(handler) = bare.through {
        let message = "this route handler sends the request on, with its own header".to_owned();
        steps.push(Related { location: frontend::top(handler), message });
    }
    if request.place != request.call {
        steps.extend(frontend::related(state, request.place, "the request is made here"));
    }
    frontend::report(state, &INFO, severity, request.call, message, steps)
}

fn at_function(state: &State, place: Place, calls: &[Bare<'_>]) -> Option<Diagnostic> {
    let first = calls.iter().find(|bare| bare.why == Why::Guarded).or(calls.first())?;
    let is_guarded = |bare: &&Bare<'_>| matches!(bare.why, Why::Guarded | Why::GuardedSometimes);
    let guarded = calls.iter().filter(is_guarded).count();
    let always = calls.iter().any(|bare| bare.why == Why::Guarded);
    let route = shown(first.reached.route);
    let (severity, message) = match guarded {
        0 => (
            Severity::Warning,
            format!(
                "No request that is made here carries an `Authorization` header, while other requests to the same routes do, such as {route}. Attach the token here."
            ),
        ),
        _ => (
            if always { Severity::Error } else { Severity::Warning },
            format!(
                "No request that is made here carries an `Authorization` header, and {guarded} of its calls reach routes that require a verified caller, such as {route}: they are refused. {}.",
                match first.request.client {
                    Client::EventSource =>
                        "`EventSource` can't send headers: read the stream with `fetch` and the token",
                    _ => "Attach the token here",
                }
            ),
        ),
    };
    let callers = calls.iter().map(|bare| bare.request.call.file);
    let (severity, message) = frontend::unless_unused(state, callers, severity, message, UNUSED);
    let mut steps = vec![handler(state, &first.reached)];
    let called = calls.iter().take(SHOWN_CALLS);
    steps.extend(called.filter_map(|bare| {
        frontend::related(state, bare.request.call, &format!("called here for {}", shown(bare.reached.route)))
    }));
    frontend::report(state, &INFO, severity, place, message, steps)
}

fn handler(state: &State, reached: &Reached<'_>) -> Related {
    let site = handler_site(&reached.route.handler).unwrap_or(reached.route.registration);
    related(state, site, format!("{} is served by `{}`", shown(reached.route), reached.application.name))
}

/// By what a route is guarded, as far as that has a name.
fn by(reached: &Reached<'_>) -> String {
    let name = match &reached.judged.guard {
        Guard::Around(wrapped) => Some(wrapped.name.as_str()),
        guard => guard_name(reached.route, guard),
    };
    name.map(|name| format!(" (`{name}`)")).unwrap_or_default()
}
