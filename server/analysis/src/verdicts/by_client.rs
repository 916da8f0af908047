//! What the client fills of a route's signatures, although it should come from elsewhere.

use std::sync::Arc;

use crate::auth::addresses::{Queried, in_query, queried};
use crate::auth::guard::Guard;
use crate::auth::unapplied::{self, Filled};
use crate::auth::{Judge, is_credential_parameter};
use crate::data::is_password;
use crate::ide::RouteKind;
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::Site;

/// What is said of it depends on the guard, and is the rules' affair.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ByClient {
    /// The handler's parameter that its body takes for the caller.
    pub(crate) caller: Option<Filled>,
    /// Parameters of dependencies that a security scheme was meant to fill.
    pub(crate) schemes: Vec<Filled>,
    /// Credentials that the handler takes from the query.
    pub(crate) queried: Vec<Queried>,
    /// Those by which the dependency that guards the route verifies its callers.
    pub(crate) verified: Vec<Queried>,
}

impl ByClient {
    /// Looks at the signatures of a route's handler and dependencies; none where the client fills nothing of the kind.
    pub(super) fn of(
        judge: &Judge<'_>,
        interpreter: &Interpreter<'_>,
        route: &Route,
        guard: &Guard,
    ) -> Option<Arc<Self>> {
        let caller = route.function().and_then(|handler| unapplied::filled(judge, interpreter, handler));
        let functions = route.dependencies.iter().filter_map(|node| called(interpreter, &node.callable));
        let schemes = functions.filter_map(|(function, _)| unapplied::bare_scheme(interpreter, &function)).collect();
        let (mut queried, verified) = match (route.kind, guard) {
            (RouteKind::Http, _) if route.conditional => (Vec::new(), Vec::new()),
            (RouteKind::Http, Guard::Guarded(index)) => {
                (in_query(interpreter, route), verified(judge, interpreter, route, *index))
            }
            (RouteKind::Http, _) => (in_query(interpreter, route), Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        queried.retain(|queried| is_password(&queried.name) || is_credential_parameter(&queried.name));
        let found = Self { caller, schemes, queried, verified };
        let is_empty =
            found.caller.is_none() && found.schemes.is_empty() && found.queried.is_empty() && found.verified.is_empty();
        (!is_empty).then(|| Arc::new(found))
    }
}

/// The credentials in the query that a dependency's proof rests on, of its own or of what it asks for.
fn verified(judge: &Judge<'_>, interpreter: &Interpreter<'_>, route: &Route, index: usize) -> Vec<Queried> {
    let Some(node) = route.dependencies.get(index) else { return Vec::new() };
    let verdict = judge.dependency(&node.callable);
    let taken: Vec<Site> = verdict.steps.iter().filter(|step| step.takes().is_some()).map(|step| step.site).collect();
    if taken.is_empty() {
        return Vec::new();
    }
    let functions = route.dependencies.iter().filter_map(|node| called(interpreter, &node.callable));
    let queried = functions.flat_map(|(function, _)| queried(interpreter, &function, &route.path));
    let is_taken = |queried: &Queried| {
        let is_it = |site: &Site| {
            (site.file, site.item) == (queried.site.file, queried.site.item)
                && queried.site.range.contains_range(site.range)
        };
        taken.iter().any(is_it)
    };
    queried.filter(is_taken).collect()
}
