//! What the client fills of a route's signatures, although it should come from elsewhere.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::auth::addresses::in_query;
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
    /// Credentials that FastAPI takes from the query, by their names there.
    pub(crate) queried: Vec<(SmolStr, Site)>,
}

impl ByClient {
    /// Looks at the signatures of a route's handler and dependencies; none where the client fills nothing of the kind.
    pub(super) fn of(judge: &Judge<'_>, interpreter: &Interpreter<'_>, route: &Route) -> Option<Arc<Self>> {
        let caller = route.function().and_then(|handler| unapplied::filled(judge, interpreter, handler));
        let functions = route.dependencies.iter().filter_map(|node| called(interpreter, &node.callable));
        let schemes = functions.filter_map(|(function, _)| unapplied::bare_scheme(interpreter, &function)).collect();
        let mut queried = match route.kind {
            RouteKind::Http if !route.conditional => in_query(interpreter, route),
            _ => Vec::new(),
        };
        queried.retain(|(name, _)| is_password(name) || is_credential_parameter(name));
        let found = Self { caller, schemes, queried };
        (found != Self { caller: None, schemes: Vec::new(), queried: Vec::new() }).then(|| Arc::new(found))
    }
}
