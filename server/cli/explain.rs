//! `authlens explain` and `authlens rules`.

use std::path::Path;

use authlens_analysis::ide::{Analysis, AppView, RouteView};
use authlens_analysis::rules;
use serde_json::json;

use super::load::{Loaded, load};
use super::report::{position, severity};
use super::{CLEAN, ExplainArgs, ListFormat, asked, print};
use crate::lookup;

pub(super) fn run(args: &ExplainArgs) -> Result<u8, String> {
    match args.what.as_slice() {
        [code] => page(code),
        [method, path] => route(&args.root, method, path),
        [method, path, folder] => route(Path::new(folder), method, path),
        _ => Err("expected METHOD PATH, or the code of a rule".into()),
    }
}

fn page(code: &str) -> Result<u8, String> {
    let Some(rule) = rules::find(code) else {
        let near = lookup::nearest(code, rules::all().iter().map(|rule| rule.code));
        return Err(format!("there is no rule `{code}`{near}"));
    };
    print(rule.page)?;
    Ok(CLEAN)
}

fn route(root: &Path, method: &str, path: &str) -> Result<u8, String> {
    let loaded = load(&[root.to_owned()], None)?;
    let analysis = loaded.host.snapshot();
    let apps = asked::applications(&loaded, &analysis);
    let found = lookup::routes(&apps, method, path)?;
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
        lookup::shown_method(route),
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
            let manifest = loaded.relative(manifest);
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
        out.push_str(&format!("{indent}{} ({}): {}\n", dependency.callable.name, dependency.via, dependency.verdict));
    }
    out
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
