//! What is wrapped around a handler: middlewares and decorators.
//!
//! They pass a request on, or answer it themselves. So what counts is not how
//! they end but where they call what comes next: a request that gets there on
//! a path without verification is not guarded. A middleware is executed for
//! one route at a time, with its path and method known, because which requests
//! it looks at is decided by code: lists of public paths, prefixes, methods.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use smol_str::SmolStr;

use super::super::cross_site;
use super::super::limits::{self, Answers};
use super::super::sources::{Worth, worth_of};
use super::super::{Judge, Proof, Role, Verdict};
use super::backend::Backend;
use super::follow::either;
use super::proof::speaks_of_identity;
use super::requests::SET_ELSEWHERE;
use super::{Abs, Exit, Flow, Path};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Arg, Expr, ExprKind, ParamKind, Stmt, StmtKind};
use crate::index::regular::PARAMETER;
use crate::index::routes::RouteKind;
use crate::index::value::{FunctionRef, Value};

/// What a middleware is told of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::auth) struct Served {
    /// Full path, as the application is asked for it.
    pub(in crate::auth) path: SmolStr,
    /// Upper-case method; empty for a WebSocket.
    pub(in crate::auth) method: SmolStr,
    /// HTTP or WebSocket.
    pub(in crate::auth) kind: RouteKind,
}

/// Code around a handler that is being executed.
pub(super) struct Around {
    next: Next,
    /// The request, as far as it is known.
    pub(super) request: Option<Value>,
    /// What FastAPI injects into the handler that a decorator wraps.
    injected: FxHashMap<SmolStr, Abs>,
    /// Where the request was passed on.
    passes: Vec<Exit>,
}

/// How the code calls what comes next.
enum Next {
    /// By that name: `call_next`, the function that a decorator is given.
    Name(SmolStr),
    /// As an ASGI application: `self.app(scope, receive, send)`.
    Application { scope: SmolStr },
}

/// What the middlewares of an application leave on `request.state`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::auth) struct RequestState {
    pub(super) values: FxHashMap<SmolStr, Abs>,
    /// What the back end of an `AuthenticationMiddleware` answers.
    pub(super) backend: Option<Arc<Backend>>,
}

impl RequestState {
    /// Adds what one middleware leaves, as [`judge_around`] says.
    pub(in crate::auth) fn merge(&mut self, other: RequestState) {
        self.values.extend(other.values);
        self.backend = other.backend.or(self.backend.take());
    }

    /// The same of a middleware that may not be there.
    pub(in crate::auth) fn perhaps(self) -> RequestState {
        let values = self.values.into_iter().map(|(name, value)| (name, either(value, Abs::Nothing)));
        RequestState { values: values.collect(), backend: None }
    }

    /// Whether anything may say who is calling: a credential, an identity, or what is there only for verified callers and
    /// speaks of them.
    pub(in crate::auth) fn names_somebody(&self) -> bool {
        self.values.iter().any(|(name, value)| match value {
            Abs::Nothing | Abs::Constant | Abs::Other => false,
            Abs::Credential | Abs::Identity | Abs::Named(_) => true,
            _ => speaks_of_identity(name) || worth_of(name) != Worth::Data,
        })
    }

    /// Whether nothing is there.
    pub(in crate::auth) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.backend.is_none()
    }

    /// What a back end leaves on the request.
    pub(super) fn of_backend(backend: Backend) -> RequestState {
        RequestState { backend: Some(Arc::new(backend)), ..RequestState::default() }
    }

    /// Identifies the state: equal states have equal numbers, nothing is 0.
    pub(in crate::auth) fn fingerprint(&self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let mut names: Vec<&SmolStr> = self.values.keys().collect();
        names.sort_unstable();
        let mut hasher = FxHasher::default();
        for name in names {
            (name, format!("{:?}", self.values[name])).hash(&mut hasher);
        }
        format!("{:?}", self.backend).hash(&mut hasher);
        hasher.finish().max(1)
    }
}

/// The verdict on what is wrapped around handlers.
pub(in crate::auth) struct AroundVerdict {
    /// What it proves.
    pub(in crate::auth) verdict: Verdict,
    /// What it leaves on `request.state`.
    pub(in crate::auth) left: RequestState,
    /// Whether it looked at the path, method or kind of the request: otherwise
    /// it proves the same of every route.
    pub(in crate::auth) asks_route: bool,
}

/// What a function proves that is wrapped around handlers, and what it leaves
/// on `request.state`. `receiver` is the instance of a middleware's class,
/// `served` the request, when one is meant; `handler` what a decorator wraps.
pub(in crate::auth) fn judge_around(
    judge: &Judge<'_>,
    function: &FunctionRef,
    receiver: Option<&Value>,
    served: Option<&Served>,
    handler: Option<(&FunctionRef, &SmolStr)>,
) -> AroundVerdict {
    let mut flow = Flow::new(judge, function);
    let request = served.map(request_value);
    let params: Vec<_> = function.def.params.iter().collect();
    let is_method = function.takes_receiver();
    let positional = &params[usize::from(is_method)..];
    let mut path = Path::default();
    if is_method {
        let class = receiver.cloned().or_else(|| function.class.clone().map(Value::Class));
        path.set(&params[0].name.name, class.map_or(Abs::Other, |class| Abs::Object(Box::new(class))));
        if let Some(receiver) = receiver {
            path.know(&params[0].name.name, receiver.clone());
        }
    }
    let mut injected = FxHashMap::default();
    let next = match (handler, positional) {
        (Some((handler, name)), _) => {
            injected = flow.enter_wrapper(&mut path, function, handler);
            Next::Name(name.clone())
        }
        (None, [scope, _, _, ..]) => {
            let scope = scope.name.name.clone();
            path.set(&scope, Abs::Request("scope".into()));
            if let Some(served) = served {
                path.know(&scope, scope_value(served));
            }
            Next::Application { scope }
        }
        (None, [asked, next, ..]) => {
            path.set(&asked.name.name, Abs::Request(SmolStr::default()));
            if let Some(request) = &request {
                path.know(&asked.name.name, request.clone());
            }
            Next::Name(next.name.name.clone())
        }
        _ => {
            let reason = format!("`{}` has no form of a middleware that authlens knows", function.shown());
            let verdict = flow.verdict(Proof::Unknown(reason.into()), None);
            return AroundVerdict { verdict, left: RequestState::default(), asks_route: false };
        }
    };
    flow.around = Some(Around { next, request, injected, passes: Vec::new() });
    flow.body(path, function);
    let passes = flow.around.take().map(|around| around.passes).unwrap_or_default();
    let state = left_behind(&passes);
    let pretends = flow.found.credential && flow.found.rejection.is_some();
    let refuses = flow.found.rejection.is_some();
    let proof = match proof(&passes, function, pretends, refuses) {
        Proof::Verifies => Proof::Verifies,
        proof => match (limits::answers(judge.resolve, function), &proof) {
            (Answers::Limits, _) => Proof::NotAuth,
            // What could not be followed may raise; what was caught in the end turns nobody away.
            (Answers::Nothing, Proof::ChecksNothing) if positional.len() < 3 => Proof::NotAuth,
            (_, Proof::ChecksNothing) if cross_site::only_turns_away_forged(judge.resolve, function) => Proof::NotAuth,
            _ => proof,
        },
    };
    let bypass = super::bypass(&passes);
    let asks_route = flow.found.asks_route;
    AroundVerdict { verdict: flow.verdict(proof, bypass), left: state, asks_route }
}

fn proof(passes: &[Exit], function: &FunctionRef, pretends: bool, refuses: bool) -> Proof {
    if passes.is_empty() {
        return Proof::Unknown(format!("where `{}` passes a request on could not be seen", function.shown()).into());
    }
    if passes.iter().all(|pass| pass.verified) || super::bypass(passes).is_some() {
        return Proof::Verifies;
    }
    let unverified = || passes.iter().filter(|pass| !pass.verified);
    // What others left on the request says who calls, perhaps, to one that turns nobody away.
    let decides = |reason: &SmolStr| refuses || !reason.ends_with(SET_ELSEWHERE);
    if let Some(reason) = unverified().filter_map(|pass| pass.unknown.clone()).find(decides) {
        return Proof::Unknown(reason);
    }
    if passes.iter().any(|pass| pass.verified) {
        return Proof::Optional;
    }
    if pretends { Proof::ChecksNothing } else { Proof::NotAuth }
}

/// What is on `request.state` behind a middleware, over all its passes. A pass
/// that sets nothing leaves nothing.
fn left_behind(passes: &[Exit]) -> RequestState {
    let mut state = RequestState::default();
    let bypassed = super::bypass(passes).is_some();
    for name in passes.iter().flat_map(|pass| pass.state.keys()) {
        if state.values.contains_key(name) {
            continue;
        }
        let counting = || passes.iter().filter(|pass| pass.verified || !bypassed);
        // That there is any says who set it, if nobody else does.
        let tells = counting().filter(|pass| pass.state.contains_key(name)).all(|pass| pass.verified);
        let values = counting().map(|pass| match pass.state.get(name) {
            Some(value) if tells && !value.is_claimed() && *value != Abs::Nothing => Abs::Verified { checked: true },
            Some(value) => value.clone(),
            None => Abs::Nothing,
        });
        if let Some(value) = values.reduce(either) {
            state.values.insert(name.clone(), value);
        }
    }
    state
}

fn request_value(served: &Served) -> Value {
    let record = |fields: Vec<(&'static str, Value)>| {
        Value::Record(Arc::new(fields.into_iter().map(|(name, value)| (SmolStr::new_static(name), value)).collect()))
    };
    record(vec![
        ("url", record(vec![("path", Value::Str(instance(&served.path)))])),
        ("method", Value::Str(served.method.clone())),
        ("scope", scope_value(served)),
    ])
}

fn scope_value(served: &Served) -> Value {
    let kind = if served.kind == RouteKind::WebSocket { "websocket" } else { "http" };
    let mut fields = vec![("type", SmolStr::new_static(kind)), ("path", instance(&served.path))];
    fields.push(("root_path", SmolStr::default()));
    if !served.method.is_empty() {
        fields.push(("method", served.method.clone()));
    }
    let entry = |(name, value)| (Value::Str(SmolStr::new_static(name)), Value::Str(value));
    Value::Dict(Arc::new(fields.into_iter().map(entry).collect()))
}

/// A path that the template stands for: every parameter has some value that
/// no list of paths names, as nobody compares with it.
fn instance(template: &str) -> SmolStr {
    let mut path = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        path.push_str(&rest[..open]);
        path.push(PARAMETER);
        rest = rest[open..].find('}').map_or("", |close| &rest[open + close + 1..]);
    }
    path.push_str(rest);
    if path.is_empty() { SmolStr::new_static("/") } else { path.into() }
}

impl Flow<'_, '_> {
    /// A decorator's inner function is entered with what FastAPI injects into
    /// the handler: `functools.wraps` hands its signature on. Gives what that is.
    fn enter_wrapper(
        &mut self,
        path: &mut Path,
        wrapper: &FunctionRef,
        handler: &FunctionRef,
    ) -> FxHashMap<SmolStr, Abs> {
        let injected = self.entry(handler, Role::Handler);
        for (index, param) in wrapper.def.params.iter().enumerate() {
            let name = &param.name.name;
            let value = match param.kind {
                // FastAPI calls with arguments by name only (`run_endpoint_function`).
                ParamKind::VarArgs => {
                    path.know(name, Value::List(Arc::default()));
                    continue;
                }
                ParamKind::KwArgs => Abs::Request("kwargs".into()),
                _ if injected.vars.contains_key(name) => injected.vars[name].clone(),
                // The first parameter of a wrapper with `request` as its own.
                _ if index == 0 && name == "request" => Abs::Request(SmolStr::default()),
                _ => Abs::Other,
            };
            path.set(name, value);
        }
        injected.vars
    }

    /// `kwargs["name"]` of a wrapper: what FastAPI injects under that name.
    pub(super) fn injected_argument(&self, name: &str) -> Abs {
        let injected = self.around.as_ref().and_then(|around| around.injected.get(name));
        injected.cloned().unwrap_or(Abs::Nothing)
    }

    /// Whether a call is that of what comes next; notes how it was reached.
    pub(super) fn passes_on(&mut self, path: &Path, expr: &Expr, func: &Expr, args: &[Arg]) -> bool {
        let body = self.stack.last().map(|function| Arc::clone(&function.def));
        let Some(around) = &mut self.around else { return false };
        let calls_next = match &around.next {
            Next::Name(name) => {
                let is_handed = |arg: &Arg| body.as_ref().is_some_and(|def| leads_to(&def.body, &arg.value, name));
                func.as_name() == Some(name) || args.iter().any(is_handed)
            }
            Next::Application { scope } => {
                let first = args.first().and_then(|arg| arg.value.as_name());
                // `response(scope, receive, send)` answers; an attribute is the wrapped application.
                matches!(func.kind, ExprKind::Attribute { .. })
                    && args.len() >= 3
                    && first.is_some_and(|first| first == scope || path.vars.get(first).is_some_and(is_scope))
            }
        };
        if calls_next {
            around.passes.push(path.clone().exit(Abs::Other));
            if path.verified {
                self.note(expr, "only verified requests are passed on here");
            }
        }
        calls_next
    }
}

/// Whether what is handed over is a function inside of this one that calls another: `context.run(call)`.
fn leads_to(body: &[Stmt], given: &Expr, callee: &SmolStr) -> bool {
    let Some(name) = given.as_name() else { return false };
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Function(nested) if nested.name.name == *name => {
            callees(&nested.body).any(|called| called.as_name() == Some(callee))
        }
        _ => false,
    })
}

fn is_scope(value: &Abs) -> bool {
    matches!(value, Abs::Request(part) if part == "scope")
}
