//! `authlens routes`.

use authlens_analysis::ide::{
    Analysis, AppView, CallableView, Certainty, DependencyView, Location, RouteKind, RouteStatus, RouteView,
};
use serde_json::{Map, Value, json};

use super::load::{Loaded, load};
use super::report::position;
use super::{CLEAN, ListFormat, RoutesArgs, asked, print, unread};
use crate::lookup;

/// Applications mounted inside each other.
const MAX_MOUNTS: usize = 4;

pub(super) fn run(args: &RoutesArgs) -> Result<u8, String> {
    let loaded = load(std::slice::from_ref(&args.path), None)?;
    let analysis = loaded.host.snapshot();
    let text = match args.format {
        ListFormat::Text => text(&loaded, &analysis),
        ListFormat::Json => format!("{:#}\n", json(&loaded, &analysis)),
    };
    print(&text)?;
    unread::tell(&loaded, &analysis);
    Ok(CLEAN)
}

fn text(loaded: &Loaded, analysis: &Analysis) -> String {
    let mut out = String::new();
    let apps = asked::applications(loaded, analysis);
    let is_named = |app: &AppView| loaded.is_named(analysis.path(app.location.file));
    // What only mounts another one is there for the paths of that.
    let is_listed = |app: &&AppView| is_named(app) || !app.routes.is_empty() || !app.unresolved.is_empty();
    for app in apps.iter().filter(is_listed) {
        let (line, _) = position(analysis, app.location, app.location.range.start);
        let below = mounted_below(&apps, app);
        out.push_str(&format!("{} ({}:{line}){below}\n", app.name, loaded.shown(analysis, app.location.file)));
        let rows: Vec<[String; 4]> = app.routes.iter().map(|route| row(loaded, analysis, route)).collect();
        let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [widest(0), widest(1), widest(2)];
        for [method, path, guard, handler] in &rows {
            let [a, b, c] = widths;
            out.push_str(&format!("  {method:a$}  {path:b$}  {guard:c$}  {handler}\n"));
        }
        for unresolved in &app.unresolved {
            let (line, _) = position(analysis, unresolved.location, unresolved.location.range.start);
            let path = loaded.shown(analysis, unresolved.location.file);
            out.push_str(&format!("  not followed: {} at {path}:{line}\n", unresolved.reason));
        }
        out.push('\n');
    }
    let summary = asked::summary(loaded, analysis, &apps);
    out.push_str(&format!(
        "{} routes: {} guarded, {} open, {} public, {} unknown",
        summary.routes, summary.guarded, summary.open, summary.public, summary.unknown
    ));
    if summary.not_included > 0 {
        out.push_str(&format!("; {} on routers that no application is seen to include", summary.not_included));
    }
    out.push('\n');
    out
}

/// Where others mount an application, whose routes have paths of its own.
fn mounted_below(apps: &[AppView], app: &AppView) -> String {
    let mounts = apps.iter().flat_map(|other| &other.mounts);
    let paths: Vec<&str> =
        mounts.filter(|(_, location)| *location == app.location).map(|(path, _)| path.as_str()).collect();
    if paths.is_empty() { String::new() } else { format!(", mounted at {}", paths.join(" and ")) }
}

fn row(loaded: &Loaded, analysis: &Analysis, route: &RouteView) -> [String; 4] {
    let method = lookup::shown_method(route);
    let path = match (route.path_known, route.path.as_str()) {
        // What is mounted at the top.
        (true, "") => "/".to_owned(),
        (true, path) => path.to_owned(),
        (false, path) => format!("…{path}"),
    };
    let guard = match (route.kind, route.status) {
        (RouteKind::Mount, _) => "-".to_owned(),
        (_, RouteStatus::Guarded) => format!("guarded: {}", route.status_detail),
        (_, RouteStatus::Open) => "OPEN".to_owned(),
        (_, status) => format!("{}: {}", status.word(), route.status_detail),
    };
    let (line, _) = position(analysis, route.anchor, route.anchor.range.start);
    [method, path, guard, format!("{}:{line}", loaded.shown(analysis, route.anchor.file))]
}

/// The interchange format `fastapi-routes/1` (`specs/formats/routes.md`).
fn json(loaded: &Loaded, analysis: &Analysis) -> Value {
    let all = asked::applications(loaded, analysis);
    let apps: Vec<Value> = all.iter().map(|app| app_json(loaded, analysis, app, &all)).collect();
    json!({"schema": "fastapi-routes/1", "root": loaded.base.trim_end_matches('/'), "apps": apps})
}

/// The routes of an application as a client sees them: those of the
/// applications that it mounts among them.
fn served(app: &AppView, all: &[AppView], prefix: &str, depth: usize, out: &mut Vec<RouteView>) {
    let own = app.routes.iter().filter(|route| route.path_known).cloned();
    out.extend(own.map(|route| RouteView { path: format!("{prefix}{}", route.path), ..route }));
    if depth == MAX_MOUNTS {
        return;
    }
    for (path, location) in &app.mounts {
        if let Some(mounted) = all.iter().find(|other| other.location == *location) {
            served(mounted, all, &format!("{prefix}{path}"), depth + 1, out);
        }
    }
}

fn app_json(loaded: &Loaded, analysis: &Analysis, app: &AppView, all: &[AppView]) -> Value {
    let mut routes = Vec::new();
    served(app, all, "", 0, &mut routes);
    let routes: Vec<Value> = routes.iter().map(|route| route_json(loaded, analysis, route)).collect();
    let unresolved: Vec<Value> = app
        .unresolved
        .iter()
        .map(|unresolved| {
            let mut entry = place(loaded, analysis, unresolved.location);
            entry.insert("reason".into(), json!(unresolved.reason));
            entry.insert("routes_at_least".into(), json!(unresolved.routes_at_least));
            Value::Object(entry)
        })
        .collect();
    let mut entry = place(loaded, analysis, app.location);
    entry.insert("app".into(), json!(app.name));
    entry.insert("fastapi".into(), json!(app.fastapi.as_ref().map(|(version, _)| version)));
    entry.insert("routes".into(), Value::Array(routes));
    entry.insert("unresolved".into(), Value::Array(unresolved));
    Value::Object(entry)
}

fn route_json(loaded: &Loaded, analysis: &Analysis, route: &RouteView) -> Value {
    let handler = route.handler.as_ref().map(|handler| {
        let mut entry = callable(loaded, analysis, handler);
        if !route.kind.is_mounted() {
            let (line, _) = position(analysis, route.registration, route.registration.range.start);
            entry.insert("decorator_line".into(), json!(line));
        }
        Value::Object(entry)
    });
    let protected = match route.status {
        RouteStatus::Guarded => Some(true),
        RouteStatus::Open | RouteStatus::Public => Some(false),
        RouteStatus::Unknown => None,
    };
    json!({
        "path": route.path,
        "methods": route.methods,
        "kind": match route.kind {
            RouteKind::Http => "http",
            RouteKind::WebSocket => "websocket",
            RouteKind::Mount => "mount",
            RouteKind::Frontend => "frontend",
        },
        "source": route.source,
        "handler": handler,
        "dependencies": route.dependencies.iter().map(|d| dependency(loaded, analysis, d)).collect::<Vec<_>>(),
        "certainty": if route.certainty == Certainty::Exact { "exact" } else { "conditional" },
        "protected": protected,
        "status": route.status.word(),
        "status_detail": route.status_detail,
    })
}

fn dependency(loaded: &Loaded, analysis: &Analysis, dependency: &DependencyView) -> Value {
    let mut entry = callable(loaded, analysis, &dependency.callable);
    entry.insert("kind".into(), json!(dependency.kind));
    entry.insert("via".into(), json!(dependency.via));
    entry.insert("parent".into(), json!(dependency.parent));
    entry.insert("scopes".into(), json!(dependency.scopes));
    entry.insert("verdict".into(), json!(dependency.verdict));
    if let Some(security) = &dependency.security {
        entry.insert("security".into(), json!(security));
    }
    if let Some((module, name, location)) = &dependency.binding {
        let mut binding = place(loaded, analysis, *location);
        binding.insert("module".into(), json!(module));
        binding.insert("name".into(), json!(name));
        entry.insert("binding".into(), Value::Object(binding));
    }
    Value::Object(entry)
}

fn callable(loaded: &Loaded, analysis: &Analysis, callable: &CallableView) -> Map<String, Value> {
    let mut entry = callable.location.map(|at| place(loaded, analysis, at)).unwrap_or_default();
    entry.insert("module".into(), json!(callable.module));
    entry.insert("qualname".into(), json!(callable.qualname));
    entry
}

fn place(loaded: &Loaded, analysis: &Analysis, location: Location) -> Map<String, Value> {
    let (line, _) = position(analysis, location, location.range.start);
    let mut entry = Map::new();
    entry.insert("file".into(), json!(loaded.shown(analysis, location.file)));
    entry.insert("line".into(), json!(line));
    entry
}
