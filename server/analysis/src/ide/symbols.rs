//! Routes by their names: what a search through the workspace finds.

use rustc_hash::FxHashSet;

use super::hover::routes;
use super::{RouteSymbol, State};
use crate::rules::missing_auth_dependency::shown;
use crate::verdicts::handler_site;

/// Routes outside of tests whose name has the letters of a query in their order, each handler's once a name; those that
/// applications serve come first.
pub(super) fn symbols(state: &State, query: &str) -> Vec<RouteSymbol> {
    let mut found: Vec<RouteSymbol> = Vec::new();
    let mut seen = FxHashSet::default();
    for (at, route, _) in routes(state) {
        let application = state.table.applications.get(at);
        let is_test = |file| state.sources.file(file).is_some_and(|source| source.test);
        if application.map_or_else(|| is_test(route.registration.file), |application| application.test) {
            continue;
        }
        let name = shown(route);
        let site = handler_site(&route.handler).unwrap_or(route.registration);
        if state.sources.is_ghost(site) || !fits(query, &name) {
            continue;
        }
        let handler = state.sources.locate(site);
        if seen.insert((name.clone(), handler)) {
            let application = application.map(|application| application.name.to_string());
            found.push(RouteSymbol { name, application, handler });
        }
    }
    found
}

/// Whether the letters of a query stand in a name in their order, in whatever case: as LSP has it of such queries
/// (3.17, `workspace/symbol`).
fn fits(query: &str, name: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    let mut wanted = query.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase);
    wanted.all(|letter| letters.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn letters_in_their_order_fit() {
        for query in ["", "get /api/tasks/{id}", "GET/api", "tasks", "gtid"] {
            assert!(fits(query, "GET /api/tasks/{id}"), "{query}");
        }
        for query in ["post", "tasks/api", "GET /api/tasks/{id}/more", "ids"] {
            assert!(!fits(query, "GET /api/tasks/{id}"), "{query}");
        }
    }
}
