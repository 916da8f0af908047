//! Messages that LSP does not have. `specs/formats/editor-protocol.md` describes them.

use serde::{Deserialize, Serialize};
use tower_lsp::lsp_types::Location;
use tower_lsp::lsp_types::notification::Notification;

/// The request for the route table.
pub(super) const ROUTES: &str = "authlens/routes";
/// The request for counts only.
pub(super) const SUMMARY: &str = "authlens/summary";
/// The request for the frontend's requests.
pub(super) const CALLS: &str = "authlens/calls";
/// The request for the proof of one route.
pub(super) const EXPLAIN: &str = "authlens/explain";

/// Parameters of [`ROUTES`].
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RoutesParams {
    /// The table that the client has.
    pub(super) previous_result_id: Option<String>,
}

/// Parameters of [`SUMMARY`].
#[derive(Debug, Default, Deserialize)]
pub(super) struct SummaryParams {}

/// Answer to [`ROUTES`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(super) enum RoutesReport {
    /// The table.
    #[serde(rename_all = "camelCase")]
    Full {
        result_id: String,
        #[serde(flatten)]
        table: RouteTable,
    },
    /// It is still the one that the client has.
    #[serde(rename_all = "camelCase")]
    Unchanged { result_id: String },
}

/// Every route that is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteTable {
    pub(super) summary: Summary,
    pub(super) applications: Vec<Application>,
    /// Routes of routers that no application includes.
    pub(super) not_included: Vec<Route>,
}

/// Counts, and whether they may still grow.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Whether folders are still being read.
    pub(super) indexing: bool,
    pub(super) files: usize,
    pub(super) routes: usize,
    pub(super) guarded: usize,
    pub(super) open: usize,
    pub(super) public: usize,
    pub(super) unknown: usize,
}

/// An application with its routes, in the order of their registration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    /// `module:name`.
    pub(super) name: String,
    pub(super) location: Option<Location>,
    /// Whether it lives in test code.
    pub(super) in_tests: bool,
    pub(super) routes: Vec<Route>,
    pub(super) unresolved: Vec<Unresolved>,
}

/// A route with its guard.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Route {
    pub(super) methods: Vec<String>,
    /// It begins with `…` when its beginning is not known.
    pub(super) path: String,
    /// `http`, `websocket` or `mount`.
    pub(super) kind: &'static str,
    /// `guarded`, `open`, `public` or `unknown`.
    pub(super) status: &'static str,
    /// The name of the guard, the reason of a public or unknown route.
    pub(super) detail: String,
    /// Whether it is registered under a condition.
    pub(super) conditional: bool,
    /// What it is registered on, as the code has it (`router`, `self.api`).
    pub(super) router: String,
    /// The name of the handler, or of the registration where it has none.
    pub(super) handler: Option<Location>,
    pub(super) registration: Option<Location>,
    /// What decides: the guard, or what says that the route is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guard: Option<Location>,
    /// Calls of the frontend that reach it.
    pub(super) callers: Vec<Location>,
}

/// Something that registers routes and could not be followed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unresolved {
    pub(super) location: Option<Location>,
    pub(super) reason: &'static str,
    pub(super) routes_at_least: u32,
}

/// Parameters of [`CALLS`].
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallsParams {}

/// Answer to [`CALLS`].
#[derive(Debug, Serialize)]
pub(super) struct CallsReport {
    /// Sorted by place.
    pub(super) calls: Vec<Call>,
}

/// A request of the frontend.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    pub(super) location: Option<Location>,
    /// Where the request is made, if a function that is called makes it.
    pub(super) made_at: Option<Location>,
    /// The route handler of Next.js through which it reaches its route.
    pub(super) through: Option<Location>,
    /// In capitals; none if it is not known.
    pub(super) method: Option<String>,
    /// Where it goes: `${NAME}` is an environment variable, `{}` anything.
    pub(super) url: String,
    /// Whether an `Authorization` header goes with it; none if that can't be told.
    pub(super) attaches_token: Option<bool>,
    /// Whether cookies go with it to other origins; none if that can't be told.
    pub(super) sends_cookies: Option<bool>,
    pub(super) route: Option<ReachedRoute>,
}

/// A route that a request reaches.
#[derive(Debug, Serialize)]
pub(super) struct ReachedRoute {
    /// `GET /api/tasks`.
    pub(super) name: String,
    pub(super) application: String,
    pub(super) status: &'static str,
    pub(super) handler: Option<Location>,
}

/// Parameters of [`EXPLAIN`].
#[derive(Debug, Deserialize)]
pub(super) struct ExplainParams {
    /// `GET`, `WEBSOCKET`, …
    pub(super) method: String,
    /// The path of the route, or of a request that it answers.
    pub(super) path: String,
}

/// Answer to [`EXPLAIN`].
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// The proof, as Markdown.
    pub(super) markdown: String,
}

/// Tells once, until the client asks again, that routes may differ now.
#[derive(Debug)]
pub(super) enum RoutesChanged {}

impl Notification for RoutesChanged {
    type Params = RoutesChangedParams;

    const METHOD: &'static str = "authlens/routesChanged";
}

/// Parameters of [`RoutesChanged`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RoutesChangedParams {}
