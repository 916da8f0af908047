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

use super::super::sources::{Worth, worth_of};
use super::super::{Judge, Proof, Role, Verdict};
use super::backend::{Backend, Required};
use super::follow::either;
use super::{Abs, Exit, Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind, ParamKind};
use crate::index::routes::RouteKind;
use crate::index::value::{FunctionRef, Value};

/// Longest known list that a loop is executed over, value by value.
const MAX_UNROLLED: usize = 64;

/// What stands for a path parameter's value: nobody compares with it.
const HOLE: &str = "\u{2026}";

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
    request: Option<Value>,
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
    values: FxHashMap<SmolStr, Abs>,
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

    /// What a back end leaves on the request.
    pub(super) fn of_backend(backend: Backend) -> RequestState {
        RequestState { backend: Some(Arc::new(backend)), ..RequestState::default() }
    }

    /// Identifies the state: equal states have equal numbers, nothing is 0.
    pub(in crate::auth) fn fingerprint(&self) -> u64 {
        if self.values.is_empty() && self.backend.is_none() {
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
    let is_method = function.class.is_some() && !params.is_empty();
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
            let reason = format!("`{}` has no form of a middleware that authlens knows", function.qualname);
            let verdict = flow.verdict(Proof::Unknown(reason.into()), None);
            return AroundVerdict { verdict, left: RequestState::default(), asks_route: false };
        }
    };
    flow.around = Some(Around { next, request, injected, passes: Vec::new() });
    flow.body(path, function);
    let passes = flow.around.take().map(|around| around.passes).unwrap_or_default();
    let state = left_behind(&passes);
    let pretends = flow.found.credential && flow.found.rejection.is_some();
    let proof = proof(&passes, function, pretends);
    let bypass = super::bypass(&passes);
    let asks_route = flow.found.asks_route;
    AroundVerdict { verdict: flow.verdict(proof, bypass), left: state, asks_route }
}

fn proof(passes: &[Exit], function: &FunctionRef, pretends: bool) -> Proof {
    if passes.is_empty() {
        return Proof::Unknown(format!("where `{}` passes a request on could not be seen", function.qualname).into());
    }
    if passes.iter().all(|pass| pass.verified) || super::bypass(passes).is_some() {
        return Proof::Verifies;
    }
    let unverified = || passes.iter().filter(|pass| !pass.verified);
    if let Some(reason) = unverified().find_map(|pass| pass.unknown.clone()) {
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
        let values = passes.iter().filter(|pass| pass.verified || !bypassed);
        let values = values.map(|pass| pass.state.get(name).cloned().unwrap_or(Abs::Nothing));
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
/// no list of paths names.
fn instance(template: &str) -> SmolStr {
    let mut path = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        path.push_str(&rest[..open]);
        path.push_str(HOLE);
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
                ParamKind::VarArgs => Abs::Other,
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
        let Some(around) = &mut self.around else { return false };
        let calls_next = match &around.next {
            Next::Name(name) => func.as_name() == Some(name),
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

    /// The exact value of an expression, where it is known: of constants of the
    /// code, and of a request that a middleware is executed for.
    pub(super) fn exact(&self, path: &Path, expr: &Expr) -> Option<Value> {
        let (mut local, mut known) = (false, false);
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Name(name) if path.known.iter().any(|(n, _)| n == name) => known = true,
                ExprKind::Name(name) if path.vars.contains_key(name) => local = true,
                ExprKind::Name(name) if is_placeholder(name, &self.outer(expr)) => return None,
                ExprKind::Comprehension(_) => {
                    // Its own variables are not the function's: what it iterates over decides.
                    pending.extend(expr.children());
                    known |= !path.known.is_empty();
                }
                ExprKind::Lambda { .. } | ExprKind::Await(_) | ExprKind::Yield(_) => return None,
                _ => pending.extend(expr.children()),
            }
        }
        if local || (!known && self.is_setting(expr)) {
            return None;
        }
        let value = self.judge.resolve.eval_knowing(self.function(), expr, &path.known);
        let exact = matches!(
            value,
            Value::Str(_)
                | Value::Int(_)
                | Value::Bool(_)
                | Value::None
                | Value::List(_)
                | Value::Dict(_)
                | Value::Record(_)
        );
        exact.then_some(value)
    }

    /// The same, but only in what is wrapped around handlers: elsewhere the
    /// exact values of variables decide nothing.
    pub(super) fn exact_in_middleware(&self, path: &Path, expr: &Expr) -> Option<Value> {
        self.around.as_ref()?;
        self.exact(path, expr)
    }

    /// The values of a known, short list.
    pub(super) fn exact_list(&self, path: &Path, expr: &Expr) -> Option<Vec<Value>> {
        match self.exact_in_middleware(path, expr)? {
            Value::List(values) if values.len() <= MAX_UNROLLED => Some(values.to_vec()),
            _ => None,
        }
    }

    /// Notes the exact value of an assigned variable.
    pub(super) fn assign_exact(&self, path: &mut Path, target: &Expr, value: &Abs, exact: Option<&Value>) {
        let Some(name) = target.as_name() else { return };
        let Some(around) = &self.around else { return };
        match (value, exact) {
            (Abs::Request(part), _) if part.is_empty() => {
                if let Some(request) = &around.request {
                    path.know(name, request.clone());
                }
            }
            (_, Some(exact)) => path.know(name, exact.clone()),
            _ => {}
        }
    }

    /// Exact values of the parameters of a called function.
    pub(super) fn exact_arguments(&self, path: &Path, function: &FunctionRef, args: &[Arg]) -> Vec<(SmolStr, Value)> {
        if self.around.is_none() {
            return Vec::new();
        }
        let mut known = Vec::new();
        let is_method = function.class.is_some();
        let mut params = function.def.params.iter();
        if let (true, Some(receiver)) = (is_method, params.next().filter(|_| is_method)) {
            let own = path.known.iter().find(|(_, value)| matches!(value, Value::Instance(_)));
            known.extend(own.map(|(_, value)| (receiver.name.name.clone(), value.clone())));
        }
        let params: Vec<_> = function.def.params.iter().skip(usize::from(is_method)).collect();
        for (index, arg) in args.iter().enumerate() {
            let name = match &arg.name {
                Some(name) => Some(&name.name),
                None => params.get(index).map(|param| &param.name.name),
            };
            let by_name = arg.value.as_name().and_then(|n| path.known.iter().find(|(known, _)| known == n));
            let value = by_name.map(|(_, value)| value.clone()).or_else(|| self.exact(path, &arg.value));
            if let (Some(name), Some(value)) = (name, value) {
                known.push((name.clone(), value));
            }
        }
        known
    }

    /// Whether only the configuration decides an expression: nothing of the
    /// request and no variable of the function enters it.
    pub(super) fn is_configuration(&self, path: &Path, test: &Expr) -> bool {
        let mut outer = false;
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Name(name) if path.vars.contains_key(name) => return false,
                ExprKind::Name(_) => outer = true,
                // `len(users.admins())` counts rows.
                ExprKind::Call { func, .. } if !self.asks_configuration(expr, func) => return false,
                ExprKind::Await(_) | ExprKind::Comprehension(_) | ExprKind::Lambda { .. } | ExprKind::Unknown => {
                    return false;
                }
                _ => pending.extend(expr.children()),
            }
        }
        outer
    }

    /// Whether a call may be one that reads the configuration: of a package, of a
    /// text, or of a function of the project that gives settings or a constant.
    fn asks_configuration(&self, call: &Expr, func: &Expr) -> bool {
        match self.outer(func) {
            Value::Package(_) => true,
            Value::Function(function) => {
                let flags = function.class.is_none() && function.def.params.is_empty();
                flags || !matches!(self.outer(call), Value::Unknown(_))
            }
            Value::Bound(_) | Value::Instance(_) => !matches!(self.outer(call), Value::Unknown(_)),
            _ => match &func.kind {
                ExprKind::Attribute { name, .. } => {
                    matches!(
                        name.name.as_str(),
                        "lower" | "upper" | "strip" | "casefold" | "startswith" | "endswith" | "get"
                    )
                }
                _ => false,
            },
        }
    }

    /// Whether the path or method of a known request enters an expression.
    pub(super) fn depends_on_route(&self, path: &Path, test: &Expr) -> bool {
        if self.around.as_ref().is_none_or(|around| around.request.is_none()) {
            return false;
        }
        let known = |name: &SmolStr| path.known.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            let asks = match &expr.kind {
                ExprKind::Name(name) => matches!(known(name), Some(Value::Str(_))),
                ExprKind::Attribute { value, name } => {
                    let request = value.as_name().and_then(known);
                    matches!(request, Some(Value::Record(_))) && matches!(name.name.as_str(), "url" | "method")
                }
                ExprKind::Subscript { value, index } => {
                    let scope = value.as_name().and_then(known);
                    matches!(scope, Some(Value::Dict(_))) && index.as_str().is_some_and(|key| key != "headers")
                }
                _ => false,
            };
            if asks {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    }

    /// Whether an expression reads a setting that the environment can change:
    /// an attribute of a pydantic settings object.
    fn is_setting(&self, expr: &Expr) -> bool {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if let ExprKind::Attribute { value, .. } = &expr.kind
                && let Value::Instance(instance) = self.outer(value)
                && let Value::Class(class) = &instance.class
                && self.judge.resolve.package_bases(class).iter().any(|base| base.ends_with("BaseSettings"))
            {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    }

    /// `request.state.name`, from what is known to have been put there.
    pub(super) fn request_state(&mut self, path: &Path, expr: &Expr, name: &SmolStr) -> Abs {
        if let Some(value) = path.state.get(name) {
            return value.clone();
        }
        let left = self.judge.state.borrow().values.get(name).cloned();
        if let Some(value) = left {
            if let Abs::Verified { .. } = value {
                self.note(expr, format!("`request.state.{name}` is set by a middleware that verifies"));
            }
            match value {
                Abs::Credential => self.found.credential = true,
                Abs::Identity => self.found.identity = true,
                _ => {}
            }
            return value;
        }
        match worth_of(name) {
            Worth::Data => Abs::Other,
            _ => Abs::Unknown(format!("`request.state.{name}` is set elsewhere, by a middleware perhaps").into()),
        }
    }

    /// Calls of packages that hand out parts of the request.
    pub(super) fn of_request(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        package: &str,
        args: &[Arg],
        values: &[Abs],
    ) -> Option<Abs> {
        let part = match values.first() {
            Some(Abs::Request(part)) => part.clone(),
            _ => return None,
        };
        match (package.rsplit('.').next()?, part.as_str()) {
            ("has_required_scope", "") if package.starts_with("starlette.authentication") => {
                let scopes = args.get(1).and_then(|arg| self.scopes_of(path, &arg.value));
                Some(self.authenticated(expr, Required::from(&scopes)))
            }
            ("Request" | "HTTPConnection" | "WebSocket", "scope") => Some(Abs::Request(SmolStr::default())),
            ("Headers" | "MutableHeaders", "scope") => Some(Abs::Request("headers".into())),
            ("getattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                Some(match self.request_state(path, expr, &name) {
                    Abs::Verified { .. } if args.len() > 2 => Abs::Verified { checked: false },
                    value => value,
                })
            }
            ("hasattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                Some(match self.request_state(path, expr, &name) {
                    Abs::Verified { checked } => Abs::Verified { checked },
                    Abs::Unknown(reason) => Abs::Unknown(reason),
                    _ => Abs::Other,
                })
            }
            ("setattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                path.state.insert(name, values.get(2).cloned().unwrap_or(Abs::Other));
                Some(Abs::Nothing)
            }
            _ => None,
        }
    }
}

/// Whether a module's variable is likely to get another value when the program
/// starts: `database = None`, `ready = False`.
fn is_placeholder(name: &str, value: &Value) -> bool {
    let is_constant = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    match value {
        Value::None => true,
        Value::Bool(false) => !is_constant,
        Value::List(values) => !is_constant && values.is_empty(),
        Value::Dict(entries) => !is_constant && entries.is_empty(),
        _ => false,
    }
}

fn is_scope(value: &Abs) -> bool {
    matches!(value, Abs::Request(part) if part == "scope")
}
