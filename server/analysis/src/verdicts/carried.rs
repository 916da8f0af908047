//! How requests carry the credential that a route verifies.

use std::sync::Arc;

use super::calls::Reached;
use super::{enter, with_interpreter};
use crate::auth::evidence::{Part, Step};
use crate::auth::guard::Guard;
use crate::auth::{Judge, Verdict};
use crate::facts::python::tree::{Expr, Param};
use crate::ide::State;
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Value};

/// Whether the credential that a guarded route verifies comes in a header, and
/// from nowhere else.
pub(crate) fn reads_header_only(state: &State, reached: &Reached<'_>) -> bool {
    let by_other_way =
        |verdict: &Verdict| verdict.steps.iter().any(|step| OTHER_WAYS.iter().any(|part| step.reads(*part)));
    let elsewhere = |verdict: &Verdict| {
        by_other_way(verdict)
            || verdict.steps.iter().filter_map(Step::takes).any(|parameter| parameter != "authorization")
    };
    let by_header = |verdict: &Verdict| {
        verdict.steps.iter().any(|step| step.reads(Part::Headers) || step.takes() == Some("authorization"))
    };
    match &reached.judged.guard {
        Guard::Around(wrapped) => by_header(&wrapped.verdict) && !elsewhere(&wrapped.verdict),
        Guard::InBody(verdict) => by_header(verdict) && !elsewhere(verdict),
        Guard::Guarded(index) => {
            if asks_for(reached.route, &["APIKeyCookie", "APIKeyQuery"]) {
                return false;
            }
            let Some(node) = reached.route.dependencies.get(*index) else { return false };
            with_interpreter(state, |interpreter| {
                let verdict = judged_at(state, interpreter, reached, &node.callable);
                // What a scheme gives is a parameter of the function that verifies it.
                let in_header = asks_for(reached.route, BEARER_SCHEMES)
                    || (by_header(&verdict) && !elsewhere(&verdict))
                    || is_handed_header(state, interpreter, reached, *index, 0);
                in_header && !comes_otherwise(state, interpreter, reached, *index, 0)
            })
        }
        _ => false,
    }
}

/// Whether a credential may reach a dependency, or one that it asks for, by another way than a header.
fn comes_otherwise(
    state: &State,
    interpreter: &Interpreter<'_>,
    reached: &Reached<'_>,
    index: usize,
    depth: usize,
) -> bool {
    let nodes = &reached.route.dependencies;
    let Some(node) = nodes.get(index).filter(|_| depth < MAX_HANDED) else { return false };
    let verdict = judged_at(state, interpreter, reached, &node.callable);
    if verdict.steps.iter().any(|step| OTHER_WAYS.iter().any(|part| step.reads(*part))) {
        return true;
    }
    let children = || nodes.iter().enumerate().filter(|(_, child)| child.parent == Some(index));
    let is_asked_for = |name: &str| children().any(|(_, child)| child.parameter.as_deref() == Some(name));
    let function = called(interpreter, &node.callable).map(|(function, _)| function);
    let in_header = |name: &str| {
        let param = function.iter().flat_map(|function| &function.def.params).find(|param| param.name.name == name);
        function.as_ref().zip(param).is_none_or(|(function, param)| is_header(interpreter, function, param))
    };
    let mut taken = verdict.steps.iter().filter_map(Step::takes);
    taken.any(|name| !is_asked_for(name) && !in_header(name))
        || children().any(|(child, _)| comes_otherwise(state, interpreter, reached, child, depth + 1))
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

/// Whether all that a dependency takes from the request comes in the header, where others read that for it: a function
/// of the project cuts the token out, and the one that verifies has it as a parameter.
fn is_handed_header(
    state: &State,
    interpreter: &Interpreter<'_>,
    reached: &Reached<'_>,
    index: usize,
    depth: usize,
) -> bool {
    let nodes = &reached.route.dependencies;
    let Some(node) = nodes.get(index).filter(|_| depth < MAX_HANDED) else { return false };
    let verdict = judged_at(state, interpreter, reached, &node.callable);
    let reads = |parts: &[Part]| verdict.steps.iter().any(|step| parts.iter().any(|part| step.reads(*part)));
    if reads(OTHER_WAYS) {
        return false;
    }
    let asked_for = |parameter: &str| {
        nodes.iter().position(|node| node.parent == Some(index) && node.parameter.as_deref() == Some(parameter))
    };
    let mut taken = verdict.steps.iter().filter_map(Step::takes).peekable();
    let reads_header = reads(&[Part::Headers]) || taken.peek().is_some();
    reads_header
        && taken.all(|parameter| match asked_for(parameter) {
            Some(child) => is_handed_header(state, interpreter, reached, child, depth + 1),
            None => parameter == "authorization",
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
