//! Finds routes by what a client would ask for: a method and a path.

use authlens_analysis::ide::{AppView, RouteKind, RouteView};

/// Applications mounted inside each other.
const MAX_MOUNTS: usize = 4;

/// A route as it is asked for.
type Served<'a> = (&'a AppView, &'a RouteView, String);

/// The routes that answer a method and a path, each with its application. A
/// path that no route has is taken for a request's, which templates answer. What is asked for may be a whole address, and
/// the path of a mounted application's route may be the one that clients see, or its own.
pub(crate) fn routes<'a>(
    apps: &'a [AppView],
    method: &str,
    path: &str,
) -> Result<Vec<(&'a AppView, &'a RouteView)>, String> {
    let mut all: Vec<Served<'a>> = Vec::new();
    for app in apps {
        served(apps, app, "", 0, &mut all);
    }
    let method = method.to_uppercase();
    let path = path_in(path);
    let answers = |route: &RouteView| match route.kind {
        RouteKind::Http => route.methods.contains(&method),
        RouteKind::WebSocket => method == "WEBSOCKET" || method == "WS",
        RouteKind::Mount => method == "MOUNT",
        RouteKind::Frontend => method == "FRONTEND",
    };
    let exact = |(_, _, at): &&Served<'a>| at == path;
    let similar = |(_, _, at): &&Served<'a>| same_shape(at, path);
    let mut there: Vec<&Served<'a>> = all.iter().filter(exact).collect();
    if !there.iter().any(|(_, route, _)| answers(route)) {
        there.extend(all.iter().filter(similar));
    }
    let mut found: Vec<(&'a AppView, &'a RouteView)> = Vec::new();
    for (app, route, _) in there.iter().filter(|(_, route, _)| answers(route)) {
        if !found.iter().any(|(_, known)| std::ptr::eq(*known, *route)) {
            found.push((app, route));
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let mut methods: Vec<String> = there.iter().map(|(_, route, _)| shown_method(route)).collect();
    methods.sort();
    methods.dedup();
    let hint = match methods.is_empty() {
        true => nearest(path, all.iter().map(|(_, _, at)| at.as_str())),
        false => format!("; it answers {}", methods.join(", ")),
    };
    Err(format!("no route answers {method} {path}{hint}"))
}

/// The routes of an application, and of those that it mounts, with the paths that clients ask for.
fn served<'a>(apps: &'a [AppView], app: &'a AppView, prefix: &str, depth: usize, out: &mut Vec<Served<'a>>) {
    out.extend(app.routes.iter().map(|route| (app, route, format!("{prefix}{}", route.path))));
    for (path, location) in app.mounts.iter().filter(|_| depth < MAX_MOUNTS) {
        if let Some(mounted) = apps.iter().find(|other| other.location == *location) {
            served(apps, mounted, &format!("{prefix}{path}"), depth + 1, out);
        }
    }
}

/// The method of a route as tables show it.
pub(crate) fn shown_method(route: &RouteView) -> String {
    match route.kind {
        RouteKind::Http => route.methods.join(","),
        RouteKind::WebSocket => "WS".to_owned(),
        RouteKind::Mount => "MOUNT".to_owned(),
        RouteKind::Frontend => "FRONTEND".to_owned(),
    }
}

/// The path in what was asked for, which may be an address out of a browser.
fn path_in(asked: &str) -> &str {
    let path = asked.split(['?', '#']).next().unwrap_or(asked);
    match path.split_once("://") {
        Some((_, behind)) => behind.find('/').map_or("/", |at| &behind[at..]),
        None => path,
    }
}

/// Whether a path fits a template, parameter names aside.
fn same_shape(template: &str, path: &str) -> bool {
    let parts = |path: &str| path.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    template.len() == path.len() && template.iter().zip(&path).all(|(a, b)| a == b || a.starts_with('{'))
}

/// `; did you mean …?` for the candidate that shares most with what was asked for.
pub(crate) fn nearest<'c>(asked: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    let scored = candidates.map(|candidate| {
        // What was begun is likelier than what is as long.
        let begun = if !asked.is_empty() && candidate.starts_with(asked) { 1.0 } else { 0.0 };
        (begun + similar::TextDiff::from_chars(asked, candidate).ratio(), candidate)
    });
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score > 0.6).map_or(String::new(), |(_, name)| format!("; did you mean {name}?"))
}
