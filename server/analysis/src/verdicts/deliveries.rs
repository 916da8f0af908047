//! Routes that other services call, and not users: what guards users fits none of them.

use smol_str::SmolStr;

use super::with_interpreter;
use crate::auth::public::is_delivery;
use crate::facts::python::tree::{Expr, Stmt};
use crate::ide::State;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Application, Route};
use crate::index::value::Resolve;

/// Where Dapr's sidecar asks an application what to deliver to it.
const SUBSCRIPTIONS: &str = "/dapr/subscribe";

/// The routes of an application to which other services deliver.
pub(crate) struct Deliveries {
    /// Texts of what answers Dapr's sidecar, paths among them.
    told: Vec<SmolStr>,
}

impl Deliveries {
    /// Those of an application.
    pub(crate) fn of(state: &State, application: &Application) -> Self {
        let asked = application.routes.iter().find(|route| route.path == SUBSCRIPTIONS);
        let told = asked.map(|asked| with_interpreter(state, |interpreter| texts_of(interpreter, asked)));
        Self { told: told.unwrap_or_default() }
    }

    /// Whether Dapr's sidecar delivers to a route, as the application tells it to.
    pub(crate) fn are_from_sidecar(&self, route: &Route) -> bool {
        let path = route.path.trim_matches('/');
        route.methods.iter().any(|method| method == "POST")
            && self.told.iter().any(|told| told.trim_matches('/') == path)
    }

    /// Whether any service delivers to a route.
    pub(crate) fn come_to(&self, route: &Route) -> bool {
        is_delivery(&route.path, &route.methods) || self.are_from_sidecar(route)
    }
}

/// The texts in the body of a handler.
fn texts_of(interpreter: &Interpreter<'_>, route: &Route) -> Vec<SmolStr> {
    let Some(handler) = route.function() else { return Vec::new() };
    let handler = interpreter.current(handler);
    let (mut found, mut blocks) = (Vec::new(), vec![&*handler.def.body]);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            stmt.exprs().into_iter().for_each(|expr| collect(expr, &mut found));
            blocks.extend(Stmt::blocks(stmt));
        }
    }
    found
}

fn collect(expr: &Expr, found: &mut Vec<SmolStr>) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        // A topic is called as it likes; a route begins with a slash.
        found.extend(expr.as_str().filter(|text| text.starts_with('/')).cloned());
        pending.extend(expr.children());
    }
}
