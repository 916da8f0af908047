//! `authlens explain` and `authlens rules`.

use authlens_analysis::ide::{Analysis, AppView, RouteKind, RouteView};
use authlens_analysis::rules;
use serde_json::json;

use super::load::{Loaded, load};
use super::report::{position, severity};
use super::{CLEAN, ExplainArgs, ListFormat, print};

pub(super) fn run(args: &ExplainArgs) -> Result<u8, String> {
    match args.what.as_slice() {
        [code] => page(code),
        [method, path] => route(args, method, path),
        _ => Err("expected METHOD PATH, or the code of a rule".into()),
    }
}

fn page(code: &str) -> Result<u8, String> {
    let Some(rule) = rules::find(code) else {
        let near = nearest(code, rules::all().iter().map(|rule| rule.code));
        return Err(format!("there is no rule `{code}`{near}"));
    };
    print(rule.page)?;
    Ok(CLEAN)
}

fn route(args: &ExplainArgs, method: &str, path: &str) -> Result<u8, String> {
    let loaded = load(std::slice::from_ref(&args.root), None)?;
    let analysis = loaded.host.snapshot();
    let apps = analysis.apps();
    let all: Vec<(&AppView, &RouteView)> =
        apps.iter().flat_map(|app| app.routes.iter().map(move |route| (app, route))).collect();
    let method = method.to_uppercase();
    let answers = |route: &RouteView| match route.kind {
        RouteKind::Http => route.methods.contains(&method),
        RouteKind::WebSocket => method == "WEBSOCKET" || method == "WS",
        RouteKind::Mount => method == "MOUNT",
    };
    let mut found: Vec<_> = all.iter().filter(|(_, route)| answers(route) && route.path == path).collect();
    if found.is_empty() {
        found = all.iter().filter(|(_, route)| answers(route) && same_shape(&route.path, path)).collect();
    }
    if found.is_empty() {
        let near = nearest(path, all.iter().map(|(_, route)| route.path.as_str()));
        return Err(format!("no route answers {method} {path}{near}"));
    }
    let mut out = String::new();
    for (app, route) in found {
        out.push_str(&explanation(&loaded, &analysis, app, route));
    }
    print(&out)?;
    Ok(CLEAN)
}

fn explanation(loaded: &Loaded, analysis: &Analysis, app: &AppView, route: &RouteView) -> String {
    let mut out = format!(
        "{} {} of {} is {}: {}\n",
        route.methods.join(","),
        route.path,
        app.name,
        route.status.word(),
        route.status_detail
    );
    for (number, step) in route.proof.iter().enumerate() {
        let (line, column) = position(analysis, step.location, step.location.range.start);
        let path = loaded.shown(analysis, step.location.file);
        out.push_str(&format!("  {}. {path}:{line}:{column}: {}\n", number + 1, step.message));
    }
    out.push_str(&match &app.fastapi {
        Some((version, manifest)) => {
            let manifest = manifest.strip_prefix(&loaded.base).unwrap_or(manifest);
            format!("  read as FastAPI {version} ({manifest})\n")
        }
        None => "  read as the newest FastAPI (no manifest names a version)\n".to_owned(),
    });
    if !route.dependencies.is_empty() {
        out.push_str("  dependencies, in FastAPI's order:\n");
    }
    for dependency in &route.dependencies {
        let depth = std::iter::successors(dependency.parent, |at| route.dependencies.get(*at)?.parent).count();
        let indent = "  ".repeat(depth + 2);
        out.push_str(&format!(
            "{indent}{} ({}): {}\n",
            dependency.callable.qualname, dependency.via, dependency.verdict
        ));
    }
    out
}

/// Whether a path fits a template, parameter names aside.
fn same_shape(template: &str, path: &str) -> bool {
    let parts = |path: &str| path.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    template.len() == path.len() && template.iter().zip(&path).all(|(a, b)| a == b || a.starts_with('{'))
}

/// `; did you mean …?` for the candidate that shares most with what was asked for.
fn nearest<'c>(asked: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    let scored = candidates.map(|candidate| (similar::TextDiff::from_chars(asked, candidate).ratio(), candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score > 0.6).map_or(String::new(), |(_, name)| format!("; did you mean {name}?"))
}

pub(super) fn rules(format: ListFormat) -> Result<u8, String> {
    let text = match format {
        ListFormat::Json => {
            let rules: Vec<_> = rules::all()
                .iter()
                .map(|rule| {
                    json!({
                        "rule": rule.code, "severity": severity(rule.severity), "summary": rule.summary,
                        "cwe": rule.cwe, "owasp": rule.owasp,
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "rules": rules }))
        }
        ListFormat::Text => rules::all()
            .iter()
            .map(|rule| format!("{:28} {:8} {}\n", rule.code, severity(rule.severity), rule.summary))
            .collect(),
    };
    print(&text)?;
    Ok(CLEAN)
}
