//! `authlens calls`.

use authlens_analysis::ide::{Analysis, CallView};
use serde_json::{Value, json};

use super::load::{Loaded, load};
use super::report::position;
use super::{CLEAN, ListFormat, RoutesArgs, asked, print};

pub(super) fn run(args: &RoutesArgs) -> Result<u8, String> {
    let loaded = load(std::slice::from_ref(&args.path), None)?;
    let analysis = loaded.host.snapshot();
    let calls = asked::calls(&loaded, &analysis);
    let text = match args.format {
        ListFormat::Text => text(&loaded, &analysis, &calls),
        ListFormat::Json => {
            let calls: Vec<Value> = calls.iter().map(|call| call_json(&loaded, &analysis, call)).collect();
            format!("{:#}\n", json!({"schema": "authlens-calls/1", "calls": calls}))
        }
    };
    print(&text)?;
    Ok(CLEAN)
}

fn text(loaded: &Loaded, analysis: &Analysis, calls: &[CallView]) -> String {
    let rows: Vec<[String; 5]> = calls
        .iter()
        .map(|call| {
            let reached = call.route.as_ref().map_or_else(
                || format!("- ({})", call.unreached.as_deref().unwrap_or_default()),
                |route| format!("{} ({})", route.name, route.status.word()),
            );
            [
                call.method.clone().unwrap_or_else(|| "?".to_owned()),
                call.url.clone(),
                match call.attaches {
                    Some(true) => "token",
                    Some(false) => "no token",
                    None => "unknown",
                }
                .to_owned(),
                reached,
                place(loaded, analysis, call.location),
            ]
        })
        .collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [widest(0), widest(1), widest(2), widest(3)];
    let mut out = String::new();
    for [method, url, token, reached, at] in &rows {
        let [a, b, c, d] = widths;
        out.push_str(&format!("{method:a$}  {url:b$}  {token:c$}  {reached:d$}  {at}\n"));
    }
    let matched = calls.iter().filter(|call| call.route.is_some()).count();
    out.push_str(&format!("{} requests: {matched} reach a route of this project\n", calls.len()));
    out
}

fn place(loaded: &Loaded, analysis: &Analysis, at: authlens_analysis::ide::Location) -> String {
    let (line, _) = position(analysis, at, at.range.start);
    format!("{}:{line}", loaded.shown(analysis, at.file))
}

fn call_json(loaded: &Loaded, analysis: &Analysis, call: &CallView) -> Value {
    let at = |location| {
        let (line, column) = position(analysis, location, location.range.start);
        json!({"file": loaded.shown(analysis, location.file), "line": line, "column": column})
    };
    json!({
        "at": at(call.location),
        "made_at": call.made_at.map(at),
        "through": call.through.map(at),
        "method": call.method,
        "url": call.url,
        "attaches_token": call.attaches,
        "sends_cookies": call.sends_cookies,
        "unreached": call.unreached,
        "route": call.route.as_ref().map(|route| json!({
            "name": route.name,
            "app": route.application,
            "status": route.status.word(),
            "handler": at(route.handler),
        })),
    })
}
