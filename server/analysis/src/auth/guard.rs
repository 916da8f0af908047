//! The effective guard of a route: the strongest proof of its whole chain.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Judge, Proof, Verdict, constant, public, strongest};
use crate::facts::python::tree::{Stmt, StmtKind};
use crate::ide::RouteKind;
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Application, Route};
use crate::index::value::{FunctionRef, Resolve, Value};

/// The verdict on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The dependency of that index verifies the caller.
    Guarded(usize),
    /// The handler's own body verifies the caller.
    InBody(Arc<Verdict>),
    /// Open on purpose; why.
    Public(SmolStr),
    /// Something in its chain could not be followed; what.
    Unknown(SmolStr),
    /// Nothing verifies the caller. When a dependency pretends to: which, and
    /// what it really does.
    Open(Option<(usize, Proof)>),
}

/// Judges all routes of one application.
pub struct Guards<'g, 'a> {
    judge: &'g Judge<'a>,
    interpreter: &'g Interpreter<'a>,
}

impl<'g, 'a> Guards<'g, 'a> {
    /// Guards judged by `judge`.
    pub fn new(judge: &'g Judge<'a>, interpreter: &'g Interpreter<'a>) -> Self {
        Self { judge, interpreter }
    }

    /// Why the middlewares of an application may guard its routes, if they may.
    pub fn middleware(&self, application: &Application) -> Option<SmolStr> {
        application.middleware.iter().find_map(|(what, _)| self.one_middleware(what))
    }

    fn one_middleware(&self, what: &Value) -> Option<SmolStr> {
        let function = match what {
            Value::Function(function) => Arc::clone(function),
            Value::Class(class) => {
                match self.interpreter.method(class, "dispatch").or_else(|| self.interpreter.method(class, "__call__"))
                {
                    Some(method) => method,
                    None => return Some(format!("the middleware `{}` could not be followed", class.qualname).into()),
                }
            }
            Value::Package(path) => {
                let path_lower = path.to_ascii_lowercase();
                let known = path.starts_with("starlette.middleware.authentication");
                let speaks = path_lower.contains("auth") || path_lower.contains("jwt");
                return (known || speaks).then(|| format!("the middleware `{path}` may verify callers").into());
            }
            _ => return Some("a middleware could not be resolved".into()),
        };
        let verdict = self.judge.handler(&function);
        let touches_credentials = !verdict.steps.is_empty() || matches!(verdict.proof, Proof::Unknown(_));
        (touches_credentials || rejects(&self.interpreter.current(&function).def.body))
            .then(|| format!("the middleware `{}` may guard it", function.qualname).into())
    }

    /// The guard of one route. `middleware` is what [`Guards::middleware`] said
    /// of its application; `marked_public` the reason of a public comment;
    /// `required` tells that the project's own words want it guarded, whatever
    /// its path looks like.
    pub fn route(
        &self,
        route: &Route,
        middleware: Option<&SmolStr>,
        marked_public: Option<&SmolStr>,
        required: bool,
    ) -> Guard {
        let verdicts: Vec<Arc<Verdict>> =
            route.dependencies.iter().map(|node| self.judge.dependency(&node.callable)).collect();
        let best = strongest(verdicts.iter().map(|verdict| &**verdict));
        if let Some(best) = best.filter(|best| verdicts[*best].proof == Proof::Verifies) {
            return Guard::Guarded(best);
        }
        let body = match &route.handler {
            Value::Function(handler) if route.kind != RouteKind::Mount => Some(self.judge.handler(handler)),
            _ => None,
        };
        if let Some(body) = body.clone().filter(|body| body.proof == Proof::Verifies) {
            return Guard::InBody(body);
        }
        if route.kind == RouteKind::Mount {
            return Guard::Public("mounted application, judged by its own routes".into());
        }
        if let Some(reason) = marked_public {
            return Guard::Public(format!("marked public: {reason}").into());
        }
        if !required && let Some(reason) = self.by_nature(route) {
            return Guard::Public(reason.into());
        }
        if let Some(reason) = &route.more {
            return Guard::Unknown(reason.clone());
        }
        if let Some(reason) = verdicts.iter().find_map(|verdict| unknown_reason(verdict)) {
            return Guard::Unknown(reason);
        }
        if let Some(reason) = middleware {
            return Guard::Unknown(reason.clone());
        }
        if let Some(reason) = body.as_deref().and_then(unknown_reason) {
            return Guard::Unknown(reason);
        }
        if let Some(reason) = self.wrapped(&route.handler) {
            return Guard::Unknown(reason);
        }
        if let Some(best) = best.filter(|best| verdicts[*best].proof == Proof::Optional) {
            let node = &route.dependencies[best];
            // Whoever gets the value can look whether somebody is there.
            if node.parameter.is_some() && !required {
                return Guard::Public("authentication is optional".into());
            }
            return Guard::Open(Some((best, Proof::Optional)));
        }
        let weak = best.filter(|best| verdicts[*best].proof != Proof::NotAuth);
        Guard::Open(weak.map(|best| (best, verdicts[best].proof.clone())))
    }

    /// Why a route is public by nature: by its path, or as a probe whose
    /// handler provably gives away nothing.
    fn by_nature(&self, route: &Route) -> Option<&'static str> {
        if !route.path_known {
            return None;
        }
        public::by_nature(&route.path, &route.methods).or_else(|| {
            let probe = public::is_probe(&route.path, &route.methods);
            (probe && answers_constant(self.interpreter, route))
                .then_some("health check that answers the same to everybody")
        })
    }

    /// A decorator below the route decorator that may check the caller.
    fn wrapped(&self, handler: &Value) -> Option<SmolStr> {
        let Value::Function(function) = handler else { return None };
        function.def.decorators.iter().find_map(|decorator| {
            let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
            match self.interpreter.eval_signature(function, callee) {
                Value::Function(wrapper) => rejects(&self.interpreter.current(&wrapper).def.body)
                    .then(|| format!("the decorator `{}` may guard it", wrapper.qualname).into()),
                Value::Class(wrapper) => Some(format!("the decorator `{}` may guard it", wrapper.qualname).into()),
                Value::Package(path) => {
                    let speaks = ["auth", "jwt", "login", "permission", "scope", "requires"];
                    let path_lower = path.to_ascii_lowercase();
                    speaks
                        .iter()
                        .any(|word| path_lower.contains(word))
                        .then(|| format!("the decorator `{path}` may guard it").into())
                }
                _ => None,
            }
        })
    }
}

/// Whether a route runs no dependency, and its handler provably does nothing
/// and gives everybody the same answer.
pub(crate) fn answers_constant(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let Value::Function(handler) = &route.handler else { return false };
    route.dependencies.is_empty()
        && route.more.is_none()
        && constant::answers_constant(interpreter, &interpreter.current(handler))
}

fn unknown_reason(verdict: &Verdict) -> Option<SmolStr> {
    match &verdict.proof {
        Proof::Unknown(reason) => Some(reason.clone()),
        _ => None,
    }
}

/// Whether code can turn a request away: it raises, or builds a response of
/// its own, nested functions included.
fn rejects(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Raise { exc, .. } => exc.is_some(),
        StmtKind::Return(Some(value)) => value.as_call().is_some_and(|(func, _)| match &func.kind {
            crate::facts::python::tree::ExprKind::Name(name) => name.ends_with("Response"),
            _ => false,
        }),
        StmtKind::Function(def) => rejects(&def.body),
        StmtKind::If { body, or_else, .. }
        | StmtKind::For { body, or_else, .. }
        | StmtKind::While { body, or_else, .. } => rejects(body) || rejects(or_else),
        StmtKind::Try { body, handlers, or_else, finally } => {
            rejects(body)
                || rejects(or_else)
                || rejects(finally)
                || handlers.iter().any(|handler| rejects(&handler.body))
        }
        StmtKind::With { body, .. } => rejects(body),
        StmtKind::Match { cases, .. } => cases.iter().any(|case| rejects(&case.body)),
        _ => false,
    })
}

/// The function whose body decides about a callable, for its definition's place.
pub fn deciding_function(interpreter: &Interpreter<'_>, callable: &Value) -> Option<FunctionRef> {
    crate::index::dependencies::called(interpreter, callable).map(|(function, _)| function)
}
