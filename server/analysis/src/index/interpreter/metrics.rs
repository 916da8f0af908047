//! Metrics that a package serves: `Instrumentator().instrument(app).expose(app)` of prometheus-fastapi-instrumentator.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Execution;
use crate::index::routes::RouteKind;
use crate::index::value::{Arguments, Instance, Site, Value};

/// The package.
const PACKAGE: &str = "prometheus_fastapi_instrumentator";

impl Execution<'_, '_> {
    /// A method of the instrumentator, which gives itself; `expose` adds a route to the application (7.0).
    pub(super) fn instrumentator_method(
        &mut self,
        class: &str,
        instrumentator: &Arc<Instance>,
        method: &str,
        arguments: &Arguments,
        site: Site,
    ) -> Option<Value> {
        let is_it = class.starts_with(PACKAGE) && class.ends_with("Instrumentator");
        if !is_it || !matches!(method, "instrument" | "expose" | "add") {
            return None;
        }
        let app = arguments.get("app", Some(0)).cloned().map(|app| self.interpreter.force(app));
        if let Some(Value::Router(router)) = app.filter(|_| method == "expose") {
            let path = arguments.get("endpoint", Some(2)).cloned().unwrap_or(Value::Str("/metrics".into()));
            let handler = Value::Package(SmolStr::new(format!("{PACKAGE}.metrics")));
            // A variable of the environment may be asked whether it is wanted.
            let may_be_off = instrumentator.args.get("should_respect_env_var", None).is_some();
            self.conditional += u32::from(may_be_off);
            self.add_route(router, arguments, Some(path), RouteKind::Http, true, handler, &["GET"], site);
            self.conditional -= u32::from(may_be_off);
        }
        Some(Value::Instance(Arc::clone(instrumentator)))
    }
}

/// Handlers of packages that answer with what was counted: starlette-prometheus 0.10, starlette-exporter 0.23.
const HANDLERS: &[&str] = &["starlette_prometheus.metrics", "starlette_exporter.handle_metrics"];

/// Whether a handler is what answers with the metrics.
pub fn serves_metrics(handler: &Value) -> bool {
    matches!(handler, Value::Package(path) if path.starts_with(PACKAGE) || HANDLERS.contains(&path.as_str()))
}
