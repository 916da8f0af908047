//! The proof of one route, for people to read in their editor.

use authlens_analysis::ide::{AppView, RouteView};
use tower_lsp::jsonrpc::{Error, Result};

use super::convert;
use super::protocol::{ExplainParams, Explanation};
use super::server::Backend;
use super::view::View;
use crate::lookup;

impl Backend {
    /// `authlens/explain`.
    pub(super) fn explain(&self, params: ExplainParams) -> impl Future<Output = Result<Explanation>> + Send + use<> {
        let answer = self.ask(move |view| explain(view, &params.method, &params.path));
        async move { answer.await?.map_err(Error::invalid_params) }
    }
}

fn explain(view: &View, method: &str, path: &str) -> std::result::Result<Explanation, String> {
    let apps = view.analysis.apps();
    let found = lookup::routes(&apps, method, path)?;
    let parts: Vec<String> = found.into_iter().map(|(app, route)| markdown(view, app, route)).collect();
    Ok(Explanation { markdown: parts.join("\n") })
}

fn markdown(view: &View, app: &AppView, route: &RouteView) -> String {
    let mut out = format!(
        "# {} {}\n\n**{}**: {} (`{}`)\n\n## Proof\n\n{}",
        lookup::shown_method(route),
        route.path,
        route.status.word(),
        route.status_detail,
        app.name,
        convert::proof(&view.analysis, &route.proof)
    );
    if !route.dependencies.is_empty() {
        out.push_str("\n## Dependencies, in FastAPI's order\n\n");
    }
    for dependency in &route.dependencies {
        let depth = std::iter::successors(dependency.parent, |at| route.dependencies.get(*at)?.parent).count();
        let (indent, name) = ("  ".repeat(depth), &dependency.callable.name);
        out.push_str(&format!("{indent}- `{name}` ({}): {}\n", dependency.via, dependency.verdict));
    }
    let version = match &app.fastapi {
        Some((version, _)) => format!("Read as FastAPI {version}"),
        None => "Read as the newest FastAPI: no manifest names a version".to_owned(),
    };
    out.push_str(&format!("\n{version}.\n"));
    out
}
