//! The frontend's requests, each with the route that it reaches.

use super::views::status;
use super::{Location, RouteStatus, State};
use crate::frontend::locate;
use crate::frontend::outcome::{Attached, Credentials, Request, UrlPart};
use crate::rules::missing_auth_dependency::shown;
use crate::verdicts::calls::Origins;
use crate::verdicts::handler_site;

/// A request of the frontend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    /// The call.
    pub location: Location,
    /// Where the request is made, if a function that is called makes it.
    pub made_at: Option<Location>,
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

/// All requests, sorted by place.
pub(super) fn calls(state: &State) -> Vec<CallView> {
    let origins = Origins::new(state);
    let mut views: Vec<CallView> = Vec::new();
    for (file, outcome) in state.frontend.outcomes() {
        for request in &outcome.requests {
            let Some(location) = locate(&state.sources, request.call) else { continue };
            let made_at = (request.place != request.call).then(|| locate(&state.sources, request.place)).flatten();
            let route = origins.reached(file, request).map(|reached| ReachedRoute {
                name: shown(reached.route),
                application: reached.application.name.to_string(),
                status: status(&reached.judged.guard),
                handler: state
                    .sources
                    .locate(handler_site(&reached.route.handler).unwrap_or(reached.route.registration)),
            });
            let view = view(state, request, location, made_at, route);
            if views.last() != Some(&view) {
                views.push(view);
            }
        }
    }
    views.sort_by_key(|view| view.location);
    views.dedup();
    views
}

fn view(
    state: &State,
    request: &Request,
    location: Location,
    made_at: Option<Location>,
    route: Option<ReachedRoute>,
) -> CallView {
    let intercepted = state.frontend.is_intercepted(request.client);
    CallView {
        location,
        made_at,
        method: request.method.as_ref().map(ToString::to_string),
        url: request.url.iter().map(part).collect(),
        attaches: match request.authorization {
            Attached::Given => Some(true),
            Attached::Never if !intercepted => Some(false),
            _ => None,
        },
        sends_cookies: match request.credentials {
            Credentials::Include => Some(true),
            Credentials::Unsaid | Credentials::Omit => Some(false),
            Credentials::Unknown => None,
        },
        route,
    }
}

fn part(part: &UrlPart) -> String {
    match part {
        UrlPart::Text(text) => text.to_string(),
        UrlPart::Environment(name) => format!("${{{name}}}"),
        UrlPart::Origin => String::new(),
        UrlPart::Token(_) | UrlPart::Unknown => "{}".to_owned(),
    }
}
