//! Finds routes by what a client would ask for: a method and a path.

use authlens_analysis::ide::{AppView, RouteKind, RouteView};

/// The routes that answer a method and a path, each with its application. A
/// path that no route has is taken for a request's, which templates answer.
pub(crate) fn routes<'a>(
    apps: &'a [AppView],
    method: &str,
    path: &str,
) -> Result<Vec<(&'a AppView, &'a RouteView)>, String> {
    let all = || apps.iter().flat_map(|app| app.routes.iter().map(move |route| (app, route)));
    let method = method.to_uppercase();
    let answers = |route: &RouteView| match route.kind {
        RouteKind::Http => route.methods.contains(&method),
        RouteKind::WebSocket => method == "WEBSOCKET" || method == "WS",
        RouteKind::Mount => method == "MOUNT",
    };
    let mut found: Vec<_> = all().filter(|(_, route)| answers(route) && route.path == path).collect();
    if found.is_empty() {
        found = all().filter(|(_, route)| answers(route) && same_shape(&route.path, path)).collect();
    }
    if found.is_empty() {
        let near = nearest(path, all().map(|(_, route)| route.path.as_str()));
        return Err(format!("no route answers {method} {path}{near}"));
    }
    Ok(found)
}

/// Whether a path fits a template, parameter names aside.
fn same_shape(template: &str, path: &str) -> bool {
    let parts = |path: &str| path.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    template.len() == path.len() && template.iter().zip(&path).all(|(a, b)| a == b || a.starts_with('{'))
}

/// `; did you mean …?` for the candidate that shares most with what was asked for.
pub(crate) fn nearest<'c>(asked: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    let scored = candidates.map(|candidate| (similar::TextDiff::from_chars(asked, candidate).ratio(), candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score > 0.6).map_or(String::new(), |(_, name)| format!("; did you mean {name}?"))
}
