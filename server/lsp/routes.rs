//! The route table for editors: computed when it is asked for, and never before.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use authlens_analysis::ide::{AppView, Certainty, Location, RouteKind, RouteView};
use tower_lsp::lsp_types;

use super::convert;
use super::events::Event;
use super::protocol::{Application, Route, RouteTable, RoutesParams, RoutesReport, Summary, SummaryParams, Unresolved};
use super::server::{Answer, Backend};
use super::view::View;

impl Backend {
    /// `authlens/routes`.
    pub(super) fn routes(&self, params: RoutesParams) -> Answer<RoutesReport> {
        self.send(Event::RoutesAsked);
        self.ask(move |view| report(view, params.previous_result_id.as_deref()))
    }

    /// `authlens/summary`.
    pub(super) fn summary(&self, _: SummaryParams) -> Answer<Summary> {
        self.send(Event::RoutesAsked);
        self.ask(summary)
    }
}

fn report(view: &View, previous: Option<&str>) -> RoutesReport {
    let table = table(view);
    let mut hasher = std::hash::DefaultHasher::new();
    serde_json::to_string(&table).unwrap_or_default().hash(&mut hasher);
    let result_id = format!("{:016x}", hasher.finish());
    if previous == Some(result_id.as_str()) {
        return RoutesReport::Unchanged { result_id };
    }
    RoutesReport::Full { result_id, table }
}

fn summary(view: &View) -> Summary {
    let summary = view.analysis.summary();
    Summary {
        indexing: view.indexing,
        files: summary.python + summary.scripts,
        routes: summary.routes,
        guarded: summary.guarded,
        open: summary.open,
        public: summary.public,
        unknown: summary.unknown,
    }
}

fn table(view: &View) -> RouteTable {
    let mut callers: BTreeMap<Location, Vec<Location>> = BTreeMap::new();
    for call in view.analysis.calls() {
        if let Some(route) = call.route {
            callers.entry(route.handler).or_default().push(call.location);
        }
    }
    let viewer = Viewer { view, callers };
    RouteTable {
        summary: summary(view),
        applications: view.analysis.apps().iter().map(|app| viewer.application(app)).collect(),
        not_included: view.analysis.orphans().iter().map(|route| viewer.route(route)).collect(),
    }
}

/// Turns what the analysis knows into messages.
struct Viewer<'v> {
    view: &'v View,
    /// Calls of the frontend, by the handlers that they reach.
    callers: BTreeMap<Location, Vec<Location>>,
}

impl Viewer<'_> {
    fn application(&self, app: &AppView) -> Application {
        let unresolved = app.unresolved.iter().map(|unresolved| Unresolved {
            location: self.location(unresolved.location),
            reason: unresolved.reason,
            routes_at_least: unresolved.routes_at_least,
        });
        Application {
            name: app.name.clone(),
            location: self.location(app.location),
            in_tests: app.in_tests,
            routes: app.routes.iter().map(|route| self.route(route)).collect(),
            unresolved: unresolved.collect(),
        }
    }

    fn route(&self, route: &RouteView) -> Route {
        let callers = self.callers.get(&route.anchor).map(Vec::as_slice).unwrap_or_default();
        Route {
            methods: route.methods.clone(),
            path: if route.path_known { route.path.clone() } else { format!("…{}", route.path) },
            kind: match route.kind {
                RouteKind::Http => "http",
                RouteKind::WebSocket => "websocket",
                RouteKind::Mount => "mount",
                RouteKind::Frontend => "frontend",
            },
            status: route.status.word(),
            detail: route.status_detail.clone(),
            conditional: route.certainty == Certainty::Conditional,
            router: self.router(route),
            handler: self.location(route.anchor),
            registration: self.location(route.registration),
            guard: route.deciding.and_then(|at| self.location(at)),
            callers: callers.iter().filter_map(|call| self.location(*call)).collect(),
        }
    }

    /// What a route is registered on, as the code has it: what stands before
    /// the last dot of `@router.get(…)`.
    fn router(&self, route: &RouteView) -> String {
        let at = route.registration;
        let Some(text) = self.view.analysis.text(at.file) else { return String::new() };
        let source = text.get(at.range.start as usize..at.range.end as usize).unwrap_or_default();
        let callee = source.split('(').next().unwrap_or_default().trim().trim_start_matches('@').trim();
        callee.rsplit_once('.').map_or(String::new(), |(router, _)| router.trim().to_owned())
    }

    fn location(&self, at: Location) -> Option<lsp_types::Location> {
        let view = self.view;
        let mut location = convert::location(&view.analysis, at, view.abilities.encoding)?;
        // An open document keeps the address that the client knows it by.
        if let Some((uri, _)) = view.open.get(view.analysis.path(at.file)) {
            location.uri = uri.clone();
        }
        Some(location)
    }
}
