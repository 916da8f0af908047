//! How requests carry the credential that a route verifies.

use std::sync::Arc;

use super::calls::Reached;
use super::{enter, with_interpreter};
use crate::auth::evidence::{Part, Step};
use crate::auth::guard::Guard;
use crate::auth::{Judge, Verdict};
use crate::facts::python::tree::{Expr, Param};
use crate::ide::State;
use crate::index::dependencies::{Node, called};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Value};

/// Whether the credential that a guarded route verifies comes in a header, and
/// from nowhere else.
pub(crate) fn reads_header_only(state: &State, reached: &Reached<'_>) -> bool {
    let elsewhere = |verdict: &Verdict| {
        reads(verdict, OTHER_WAYS)
            || verdict.steps.iter().filter_map(Step::takes).any(|parameter| parameter != "authorization")
    };
    let by_header = |verdict: &Verdict| {
        reads(verdict, &[Part::Headers]) || verdict.steps.iter().any(|step| step.takes() == Some("authorization"))
    };
    match &reached.judged.guard {
        Guard::Around(wrapped) => by_header(&wrapped.verdict) && !elsewhere(&wrapped.verdict),
        Guard::InBody(verdict) => by_header(verdict) && !elsewhere(verdict),
        Guard::Guarded(index) => {
            if asks_for(reached.route, &["APIKeyCookie", "APIKeyQuery"]) {
                return false;
            }
            with_interpreter(state, |interpreter| {
                let chain = Chain { state, interpreter, reached };
                let Some((_, verdict)) = chain.at(*index, 0) else { return false };
                // What a scheme gives is a parameter of the function that verifies it.
                let in_header = asks_for(reached.route, BEARER_SCHEMES)
                    || (by_header(&verdict) && !elsewhere(&verdict))
                    || chain.is_handed_header(*index, 0);
                in_header && !chain.comes_otherwise(*index, 0)
            })
        }
        _ => false,
    }
}

/// Whether the credential that a guarded route verifies comes in the `Authorization` header, and in no other one.
pub(crate) fn reads_authorization_only(state: &State, reached: &Reached<'_>) -> bool {
    let Guard::Guarded(index) = &reached.judged.guard else { return false };
    let by_name =
        || with_interpreter(state, |interpreter| Chain { state, interpreter, reached }.takes_authorization(*index, 0));
    demands_bearer(reached.route) || by_name()
}

/// Whether a verdict rests on a credential that is read from one of these parts of the request.
fn reads(verdict: &Verdict, parts: &[Part]) -> bool {
    verdict.steps.iter().any(|step| parts.iter().any(|part| step.reads(*part)))
}

/// The dependencies of a route that is reached, which hand a token to each other.
struct Chain<'c, 'i> {
    state: &'c State,
    interpreter: &'c Interpreter<'i>,
    reached: &'c Reached<'c>,
}

impl Chain<'_, '_> {
    /// A dependency and the verdict on it.
    fn at(&self, index: usize, depth: usize) -> Option<(&Node, Arc<Verdict>)> {
        let node = self.reached.route.dependencies.get(index).filter(|_| depth < MAX_HANDED)?;
        Some((node, judged_at(self.state, self.interpreter, self.reached, &node.callable)))
    }

    /// What a dependency asks for itself.
    fn asked_by(&self, index: usize) -> impl Iterator<Item = (usize, &Node)> {
        self.reached.route.dependencies.iter().enumerate().filter(move |(_, node)| node.parent == Some(index))
    }

    /// The dependency that fills a parameter of another one.
    fn given_to(&self, index: usize, parameter: &str) -> Option<usize> {
        self.asked_by(index).find(|(_, node)| node.parameter.as_deref() == Some(parameter)).map(|(given, _)| given)
    }

    /// Whether a credential may reach a dependency, or one that it asks for, by another way than a header.
    fn comes_otherwise(&self, index: usize, depth: usize) -> bool {
        let Some((node, verdict)) = self.at(index, depth) else { return false };
        let function = called(self.interpreter, &node.callable).map(|(function, _)| function);
        let in_header = |name: &str| {
            let param = function.iter().flat_map(|function| &function.def.params).find(|param| param.name.name == name);
            function.as_ref().zip(param).is_none_or(|(function, param)| is_header(self.interpreter, function, param))
        };
        let mut taken = verdict.steps.iter().filter_map(Step::takes);
        reads(&verdict, OTHER_WAYS)
            || taken.any(|name| self.given_to(index, name).is_none() && !in_header(name))
            || self.asked_by(index).any(|(child, _)| self.comes_otherwise(child, depth + 1))
    }

    /// Whether what a dependency takes from the request, or one that it asks for, is the parameter `authorization`, and
    /// none of them looks among the headers by itself.
    fn takes_authorization(&self, index: usize, depth: usize) -> bool {
        let Some((node, verdict)) = self.at(index, depth) else { return false };
        let is_filled = called(self.interpreter, &node.callable).is_some_and(|(function, _)| {
            let mut params = function.def.params.iter();
            params.any(|param| param.name.name == "authorization" && is_header(self.interpreter, &function, param))
        });
        let looks = verdict.steps.iter().any(|step| step.reads(Part::Headers)) && !is_filled;
        let mut children = self.asked_by(index);
        !looks && (is_filled || children.any(|(child, _)| self.takes_authorization(child, depth + 1)))
    }

    /// Whether all that a dependency takes from the request comes in the header, where others read that for it: a
    /// function of the project cuts the token out, and the one that verifies has it as a parameter.
    fn is_handed_header(&self, index: usize, depth: usize) -> bool {
        let Some((_, verdict)) = self.at(index, depth) else { return false };
        let mut taken = verdict.steps.iter().filter_map(Step::takes).peekable();
        let reads_header = reads(&verdict, &[Part::Headers]) || taken.peek().is_some();
        reads_header
            && !reads(&verdict, OTHER_WAYS)
            && taken.all(|parameter| match self.given_to(index, parameter) {
                Some(child) => self.is_handed_header(child, depth + 1),
                None => parameter == "authorization",
            })
    }
}

/// Whether FastAPI fills a parameter that nothing else provides from a header, and not from a cookie or the query.
fn is_header(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> bool {
    let given = |expr: &Option<Expr>| expr.as_ref().map(|expr| interpreter.eval_signature(function, expr));
    let (default, annotation) = (given(&param.default), given(&param.annotation));
    let metadata = match &annotation {
        Some(Value::Annotated(annotated)) => annotated.metadata.as_slice(),
        _ => &[],
    };
    default.iter().chain(metadata).any(|marker| match marker {
        Value::Instance(instance) => matches!(&instance.class, Value::Package(path) if path.ends_with(".Header")),
        // Whatever provides it is no part of the request.
        marker => matches!(marker, Value::Depends(_)),
    })
}

/// Whether something that is asked before the handler may take a cookie for a
/// credential: it reads one, takes several values from the request, or can't be
/// looked into.
pub(crate) fn may_take_cookies(state: &State, reached: &Reached<'_>) -> bool {
    let is_framework = |path: &str| path.starts_with("fastapi") || path.starts_with("starlette");
    with_interpreter(state, |interpreter| {
        let may_read_cookies = |dependency: &Value| {
            let verdict = judged_at(state, interpreter, reached, dependency);
            let mut taken: Vec<&str> = verdict.steps.iter().filter_map(Step::takes).collect();
            taken.sort_unstable();
            taken.dedup();
            taken.len() > 1 || verdict.steps.iter().any(|step| step.reads(Part::Cookies))
        };
        reached.route.dependencies.iter().any(|node| match &node.callable {
            Value::Package(path) => !is_framework(path),
            Value::Instance(instance) => match &instance.class {
                Value::Package(path) => !is_framework(path) || path.ends_with("APIKeyCookie"),
                class => !is_scheme(class, BEARER_SCHEMES, 0) && may_read_cookies(&node.callable),
            },
            Value::Function(_) | Value::Bound(_) | Value::Class(_) | Value::Lambda(_) => {
                may_read_cookies(&node.callable)
            }
            _ => true,
        })
    })
}

/// The verdict on a dependency of a route that is reached.
fn judged_at(state: &State, interpreter: &Interpreter<'_>, reached: &Reached<'_>, dependency: &Value) -> Arc<Verdict> {
    let judge = Judge::new(interpreter, &state.memo);
    enter(state, &judge, reached.at.0);
    judge.dependency(dependency)
}

/// Whether a guard's verification can be switched off by configuration.
pub(crate) fn can_be_switched_off(state: &State, reached: &Reached<'_>) -> bool {
    match &reached.judged.guard {
        Guard::Around(wrapped) => wrapped.verdict.bypass.is_some(),
        Guard::InBody(verdict) => verdict.bypass.is_some(),
        Guard::Guarded(index) => reached.route.dependencies.get(*index).is_some_and(|node| {
            with_interpreter(state, |interpreter| {
                judged_at(state, interpreter, reached, &node.callable).bypass.is_some()
            })
        }),
        _ => false,
    }
}

/// Parts of the request that carry a credential without a header that code sets.
const OTHER_WAYS: &[Part] = &[Part::Cookies, Part::Query, Part::Path];
/// Dependencies that hand a token to each other are followed this far.
const MAX_HANDED: usize = 4;
/// Classes that extend each other are followed this far.
const MAX_BASES: usize = 6;
/// Schemes of FastAPI that read the `Authorization` header.
const BEARER_SCHEMES: &[&str] = &["HTTPBearer", "OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer"];

/// Whether a route asks for a scheme that reads the `Authorization` header.
pub(crate) fn asks_for_bearer(route: &Route) -> bool {
    asks_for(route, BEARER_SCHEMES)
}

/// Whether a route asks for a scheme of FastAPI's that refuses whoever sends no `Authorization` header.
fn demands_bearer(route: &Route) -> bool {
    route.dependencies.iter().any(|node| match &node.callable {
        Value::Instance(instance) => {
            let refuses = matches!(instance.args.get("auto_error", None), None | Some(Value::Bool(true)));
            let is_own = matches!(instance.class, Value::Package(_));
            is_own && refuses && !instance.args.open_ended && is_scheme(&instance.class, BEARER_SCHEMES, 0)
        }
        _ => false,
    })
}

/// Whether a route asks for one of these schemes of FastAPI, or for a class of
/// the project that extends one.
fn asks_for(route: &Route, schemes: &[&str]) -> bool {
    route.dependencies.iter().any(|node| match &node.callable {
        Value::Instance(instance) => is_scheme(&instance.class, schemes, 0),
        _ => false,
    })
}

fn is_scheme(class: &Value, schemes: &[&str], depth: usize) -> bool {
    match class {
        Value::Package(path) => {
            path.starts_with("fastapi.security") && schemes.iter().any(|scheme| path.ends_with(scheme))
        }
        Value::Class(class) if depth < MAX_BASES => class.bases.iter().any(|base| is_scheme(base, schemes, depth + 1)),
        _ => false,
    }
}
