//! Calls of the project's own functions.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::super::raising::always_raises;
use super::super::sinks::{Sink, classify, is_http_client_class, is_of_sender};
use super::super::sources::{holds_token, is_scheme};
use super::decided::{CAN_RETURN, switched, told_apart};
use super::holding::class_of;
use super::objects::{is_client, kept_client, only_returned};
use super::proof::{bypass, is_chosen};
use super::recursion::TOO_DEEP;
use super::statements::NEVER;
use super::summary::Summary;
use super::{Abs, Exit, Flow, MAX_DEPTH, Path, outcome};
use crate::facts::python::idioms::{callees, is_left_unawaited, returned, without_none};
use crate::facts::python::tree::{Arg, Expr, ExprKind, ParamKind, Stmt, StmtKind};
use crate::index::value::{ClassRef, FunctionRef, Value};

/// What stands behind a method that is looked up through `super()`.
pub(super) enum Inherited {
    /// A method of the project.
    Method(Arc<FunctionRef>),
    /// A call of one of FastAPI's security schemes.
    Scheme,
    /// Something else, or nothing.
    Elsewhere,
}

impl Flow<'_, '_> {
    /// Executes a project function with abstract arguments.
    pub(super) fn follow(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        function: &FunctionRef,
        receiver: Option<Abs>,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> Abs {
        // A coroutine that nobody awaits does nothing, and is true.
        if function.def.is_async && is_left_unawaited(&self.function().def.body, expr) {
            return Abs::Other;
        }
        // A credential that is not there is no other than one that is to who verifies it, but that it is refused.
        let is_empty = values.contains(&Abs::Nothing);
        let derived = values.iter().cloned().fold(Abs::Nothing, Abs::join);
        let closes_over = is_inside(function, self.function()) && path.vars.values().any(carries);
        let holds = receiver.as_ref().is_some_and(|receiver| self.holds_request(receiver));
        // `return host in ("127.0.0.1", "::1")`
        let asks_peer = derived == Abs::Peer && only_returned(&function.def).is_some();
        let shows = self.answers && values.iter().any(|value| self.shows_token(value));
        let carries = closes_over || carries(&derived) || holds || asks_peer || shows;
        let ends_in_raise = self
            .judge
            .resolve
            .current(function)
            .def
            .body
            .last()
            .is_some_and(|stmt| matches!(stmt.kind, StmtKind::Raise { .. }));
        if !ends_in_raise && always_raises(self.judge.resolve, self.function(), function, args) {
            self.note_rejection_by(expr, args);
            path.set(&SmolStr::new_static(NEVER), Abs::Nothing);
            return Abs::Nothing;
        }
        let compares = if carries || ends_in_raise { None } else { self.compares(function) };
        if !(carries || ends_in_raise || is_empty && compares.is_some()) {
            self.note_rejections_of(function);
            if let Some(reason) = compares {
                path.unknown.get_or_insert(reason.clone());
                return Abs::Unknown(reason);
            }
            // The same to everybody: whoever is told it is given nothing.
            if matches!(derived, Abs::Constant | Abs::Nothing) && self.answers && self.only_answers(function) {
                return Abs::Constant;
            }
            path.acts |= !path.verified;
            return self.made_elsewhere(path, expr, function);
        }
        let cycle = self.stack.iter().any(|caller| caller.site == function.site);
        if self.stack.len() as u32 > MAX_DEPTH || cycle && !self.may_look_again(function) {
            self.found.cycle |= cycle;
            return goes_unfollowed(path, SmolStr::new_static(TOO_DEEP));
        }
        if derived == Abs::Credential {
            self.note(expr, format!("the credential goes to `{}`", function.shown()));
        }
        let function = &self.judge.resolve.current(function);
        let mut entry = bind(function, receiver, args, values);
        path.hand_certain(&mut entry, function, args);
        self.assume_declared(&mut entry, function);
        self.know_settings(&mut entry, function);
        if is_inside(function, self.function()) {
            // What the enclosing function's variables hold where it is called.
            for (name, value) in &path.vars {
                if entry.get(name).is_none() && name != NEVER {
                    entry.set(name, value.clone());
                }
            }
        }
        entry.state.clone_from(&path.state);
        entry.known = self.exact_arguments(path, function, args);
        let looks_at_login = self.answers && self.stack.len() == 1 && only_looks_at_login(&entry);
        let answers = looks_at_login && self.answer == Some(expr.range);
        if cycle {
            self.widen(&mut entry);
        }
        let own = if cycle { self.own_ends(&entry, function) } else { Ok(None) };
        let summary = match own {
            Ok(Some(ends)) => Rc::new(Summary::of(ends)),
            Ok(None) => self.call_summary(entry, function),
            Err(reason) => {
                self.found.cycle = true;
                return goes_unfollowed(path, reason);
            }
        };
        let goes_on = |exit: &Exit| if answers { serves(exit) } else { looks_at_login && stands_in(exit) };
        if summary.exits.iter().all(goes_on) && summary.exits.iter().any(|exit| !exit.verified) {
            return Abs::Other;
        }
        match conclude(self, path, function, &summary.exits) {
            Abs::Other if summary.exits.iter().all(|exit| !exit.verified) => self.declared(function),
            value => value,
        }
    }

    /// Whether a value is a model of the client's body with a token or a code in it: `class Action(BaseModel): token: str`.
    fn shows_token(&self, value: &Abs) -> bool {
        let Some(class) = class_of(value) else { return false };
        let is_field = |stmt: &Stmt| match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().filter_map(Expr::as_name).any(|name| holds_token(name)),
            _ => false,
        };
        self.judge.resolve.count_outline(class.site);
        class.def.body.iter().any(is_field)
            && self.judge.resolve.package_bases(class).iter().any(|base| base == "pydantic.BaseModel")
    }

    /// Why it is not known whether a function that is not executed verifies: it decodes a token, or
    /// compares something in constant time, as is done with secrets. What it is
    /// given is a part of the request's body, perhaps, that carries a signature.
    fn compares(&self, function: &FunctionRef) -> Option<SmolStr> {
        let function = self.judge.resolve.current(function);
        callees(&function.def.body).find_map(|callee| {
            let name = match &callee.kind {
                ExprKind::Name(name) => name,
                ExprKind::Attribute { name, .. } => &name.name,
                _ => return None,
            };
            let looks = matches!(name.as_str(), "compare_digest" | "decode" | "decode_complete");
            let Value::Package(path) = looks.then(|| self.judge.resolve.eval(&function, callee))? else { return None };
            let shown = function.shown();
            match name.as_str() {
                "compare_digest" => Some(format!("it is not known whose secret `{shown}` compares").into()),
                _ if classify(&path) == Sink::Raises => {
                    Some(format!("it is not known whose token `{shown}` verifies").into())
                }
                _ => None,
            }
        })
    }

    /// Parameters that are declared to be clients of HTTP or services of the
    /// project, where nothing else is known of them.
    fn assume_declared(&self, entry: &mut Path, function: &FunctionRef) {
        for param in &function.def.params {
            let Some(annotation) = &param.annotation else { continue };
            if entry.get(&param.name.name) != Some(&Abs::Other) {
                continue;
            }
            let declared = self.judge.resolve.eval_type(function, without_none(annotation));
            let is_object = match &declared {
                Value::Class(_) => true,
                Value::Package(path) => is_http_client_class(path),
                _ => false,
            };
            if is_object {
                entry.set(&param.name.name, Abs::Object(Box::new(declared)));
            }
        }
    }

    /// The class whose bases `super()` or `super(C, self)` looks through.
    pub(super) fn class_of_super(&self, expr: &Expr) -> Option<Arc<ClassRef>> {
        let (func, args) = expr.as_call()?;
        if func.as_name()? != "super" {
            return None;
        }
        let own = self.stack.iter().rev().find_map(|function| function.class.clone());
        match args.first().map(|class| self.outer(&class.value)) {
            Some(Value::Class(named)) => Some(named),
            _ => own,
        }
    }

    /// What a class inherits under a name.
    pub(super) fn inherited(&self, class: &ClassRef, name: &str) -> Inherited {
        let of_project = class.bases.iter().find_map(|base| match base {
            Value::Class(base) => self.judge.resolve.method(base, name),
            _ => None,
        });
        if let Some(method) = of_project {
            return Inherited::Method(method);
        }
        let reads = name == "__call__" && self.judge.resolve.package_bases(class).iter().any(|base| is_scheme(base));
        if reads { Inherited::Scheme } else { Inherited::Elsewhere }
    }

    /// What the first parameter of the method being executed holds.
    pub(super) fn own_receiver(&self, path: &Path) -> Option<Abs> {
        path.get(&self.function().def.params.first()?.name.name).cloned()
    }

    /// What a call that carries nothing of the request gives: a client of a
    /// package, a service of the project, or what a helper imports and hands on, where the interpreter knows it or
    /// the function says so: `def get_validator(settings) -> Validator`.
    fn made_elsewhere(&self, path: &Path, call: &Expr, function: &FunctionRef) -> Abs {
        if is_constant_call(path, call)
            && let value @ (Value::Instance(_) | Value::Function(_) | Value::Class(_) | Value::Package(_)) =
                self.outer(call)
        {
            // Of what comes out of a package the function may say that it is a service of the project.
            let of_package = match &value {
                Value::Package(_) => true,
                Value::Instance(instance) => matches!(instance.class, Value::Package(_)),
                _ => false,
            };
            return match self.declared(function) {
                service @ Abs::Object(_) if of_package => service,
                _ => Abs::Object(Box::new(value)),
            };
        }
        self.declared(function)
    }

    /// The service of the project that a function says it gives, or the client of one that signs what it sends, or of an
    /// identity provider.
    fn declared(&self, function: &FunctionRef) -> Abs {
        let declared =
            function.def.returns.as_ref().map_or(Abs::Other, |returns| self.service_named(function, returns));
        match declared {
            Abs::Other => {
                let function = self.judge.resolve.current(function);
                kept_client(self.judge.resolve, &function).map_or(Abs::Other, |client| Abs::Object(Box::new(client)))
            }
            Abs::Object(client) if is_client(&client) && self.gives_own(function) => Abs::Other,
            declared => declared,
        }
    }

    /// Whether a function gives an object of a class of the project, perhaps: a stand-in for the client that it declares.
    fn gives_own(&self, function: &FunctionRef) -> bool {
        let function = self.judge.resolve.current(function);
        let mut made = returned(&function.def.body).into_iter().filter_map(Expr::as_call);
        made.any(|(class, _)| matches!(self.judge.resolve.eval(&function, class), Value::Class(_)))
    }

    /// An object of the class that an annotation names, where that is a service of the project, or of a package that
    /// verifies what a service sends or that asks an identity provider.
    pub(super) fn service_named(&self, function: &FunctionRef, annotation: &Expr) -> Abs {
        match self.judge.resolve.eval_type(function, without_none(annotation)) {
            service @ Value::Class(_) if self.is_service(&service) => Abs::Object(Box::new(service)),
            client @ Value::Package(_) if is_client(&client) => Abs::Object(Box::new(client)),
            Value::Package(client) if is_of_sender(&client) => Abs::Object(Box::new(Value::Package(client))),
            _ => Abs::Other,
        }
    }
}

/// Whether a value is a reason to look into a function that is given it.
fn carries(value: &Abs) -> bool {
    !matches!(value, Abs::Other | Abs::Constant | Abs::Nothing | Abs::Object(_) | Abs::Users | Abs::Peer)
}

/// Whether a function is defined in the body of another.
fn is_inside(function: &FunctionRef, outer: &FunctionRef) -> bool {
    let inner = function.qualname.strip_prefix(outer.qualname.as_str());
    function.site.file == outer.site.file && inner.is_some_and(|rest| rest.starts_with(".<locals>."))
}

/// Whether no variable of the function enters a call.
fn is_constant_call(path: &Path, call: &Expr) -> bool {
    let mut pending = vec![call];
    while let Some(expr) = pending.pop() {
        if expr.as_name().is_some_and(|name| path.get(name).is_some()) {
            return false;
        }
        pending.extend(expr.children());
    }
    true
}

/// Whether a function is given whom an optional login found, and nothing else to know callers by.
fn only_looks_at_login(entry: &Path) -> bool {
    let carried = || entry.vars.values().filter(|value| carries(value));
    carried().next().is_some() && carried().all(|value| matches!(value, Abs::Verified { .. }))
}

/// Whether an end gives a handler something to go on with, whoever calls: who that is, or what stands in for nobody.
fn stands_in(exit: &Exit) -> bool {
    let is_plain = matches!(exit.value, Abs::Other | Abs::Constant | Abs::Object(_));
    exit.verified || (is_plain && exit.unknown.is_none())
}

/// Whether an end answers callers: those who are signed in, or with data whoever they are.
fn serves(exit: &Exit) -> bool {
    let is_data = match &exit.value {
        Abs::Other => true,
        Abs::Object(made) => match &**made {
            Value::Class(_) => true,
            // Which may refuse them.
            Value::Package(path) => !path.ends_with("Response"),
            _ => false,
        },
        _ => false,
    };
    exit.verified || (is_data && exit.unknown.is_none())
}

/// What a followed call means to its caller.
fn conclude(flow: &mut Flow<'_, '_>, path: &mut Path, function: &FunctionRef, exits: &[Exit]) -> Abs {
    if exits.is_empty() {
        path.set(&SmolStr::new_static(NEVER), Abs::Nothing);
        return Abs::Nothing;
    }
    path.state = joined_state(exits);
    path.acts |= exits.iter().any(|exit| !exit.verified && exit.acts);
    let told = told_apart(exits);
    let exits = told.as_deref().unwrap_or(exits);
    let (good, mut bad): (Vec<&Exit>, Vec<&Exit>) = exits.iter().partition(|exit| exit.verified);
    if let Some(setting) = bypass(exits) {
        flow.found.bypass.get_or_insert(setting);
        bad.clear();
    }
    let value = |exits: &[&Exit]| exits.iter().map(|exit| exit.value.clone()).reduce(Abs::join).unwrap_or(Abs::Other);
    if bad.is_empty() {
        path.verified = true;
        return match value(&good) {
            Abs::Nothing | Abs::Constant | Abs::Other => Abs::Other,
            _ => Abs::Verified { checked: true },
        };
    }
    // `None` tells that nobody was verified, whatever else happened on the way.
    if !good.is_empty() && bad.iter().all(|exit| exit.value == Abs::Nothing) {
        return Abs::Verified { checked: false };
    }
    // The other way round: what it gives is the answer to those who were not verified.
    let answers = |exit: &&Exit| matches!(exit.value, Abs::Object(_) | Abs::Constant) && exit.unknown.is_none();
    if !good.is_empty() && good.iter().all(|exit| exit.value == Abs::Nothing) && bad.iter().all(answers) {
        return Abs::Failure;
    }
    if let Some((setting, value)) = switched(&good, &bad) {
        flow.found.bypass.get_or_insert(setting);
        return value;
    }
    if let Some(reason) = bad.iter().find_map(|exit| exit.unknown.clone()) {
        path.unknown.get_or_insert(reason.clone());
        return Abs::Unknown(reason);
    }
    // It leaves what its check says to whoever called: `return Result(valid=hmac.compare_digest(made, given))`.
    let is_check = |exit: &&Exit| exit.parts.iter().any(|(_, part)| *part == Abs::Check);
    if good.is_empty()
        && bad.iter().any(is_check)
        && let Some(told) = outcome::outcome(&bad)
    {
        return told;
    }
    // What takes a signature off hands the credential on, whether or not it looked: nobody is verified by that yet.
    let hands_on = bad.iter().all(|exit| exit.value == Abs::Credential);
    if good.is_empty() || hands_on || is_chosen(exits) {
        return value(&bad);
    }
    let reason: SmolStr = format!("`{}` {CAN_RETURN}", function.shown()).into();
    // What a middleware only keeps, or counts by, turns nobody away: it matters once it is asked for.
    if flow.around.is_none() {
        path.unknown.get_or_insert(reason.clone());
    }
    outcome::outcome(&bad).unwrap_or(Abs::Unknown(reason))
}

/// A call that can't be followed gives what can't be told, and so does the path.
fn goes_unfollowed(path: &mut Path, reason: SmolStr) -> Abs {
    path.unknown.get_or_insert(reason.clone());
    Abs::Unknown(reason)
}

/// What a call left on `request.state`: what all its ends agree on, and of the
/// rest what claims the least.
fn joined_state(exits: &[Exit]) -> FxHashMap<SmolStr, Abs> {
    let mut joined = FxHashMap::default();
    for name in exits.iter().flat_map(|exit| exit.state.keys()) {
        if joined.contains_key(name) {
            continue;
        }
        let values = exits.iter().map(|exit| exit.state.get(name).cloned().unwrap_or(Abs::Nothing));
        if let Some(value) = values.reduce(either) {
            joined.insert(name.clone(), value);
        }
    }
    joined
}

/// One value or the other: what is verified on one way and absent on the
/// other may be absent.
pub(super) fn either(a: Abs, b: Abs) -> Abs {
    match (a, b) {
        (Abs::Verified { .. }, Abs::Nothing) | (Abs::Nothing, Abs::Verified { .. }) => Abs::Verified { checked: false },
        (Abs::Verified { checked: a }, Abs::Verified { checked: b }) => Abs::Verified { checked: a && b },
        (Abs::Verified { .. }, Abs::Constant | Abs::Other) | (Abs::Constant | Abs::Other, Abs::Verified { .. }) => {
            Abs::Other
        }
        (a, b) => a.join(b),
    }
}

/// The path on which a function is entered by a call.
fn bind(function: &FunctionRef, receiver: Option<Abs>, args: &[Arg], values: Vec<Abs>) -> Path {
    let mut path = Path::default();
    let mut params = function.def.params.iter().peekable();
    if let Some(class) = function.class.as_ref().filter(|_| function.takes_receiver())
        && let Some(first) = params.next()
    {
        let receiver = receiver.filter(|receiver| matches!(receiver, Abs::Object(_)));
        path.set(&first.name.name, receiver.unwrap_or_else(|| Abs::Object(Box::new(Value::Class(class.clone())))));
    }
    let positional: Vec<_> = params.collect();
    let mut next = 0;
    for (arg, value) in args.iter().zip(values) {
        let name = match &arg.name {
            Some(name) => Some(&name.name),
            None => {
                let param = positional.get(next);
                if param.is_some_and(|param| param.kind != ParamKind::VarArgs) {
                    next += 1;
                }
                param.map(|param| &param.name.name)
            }
        };
        if let Some(name) = name {
            path.set(name, value);
        }
    }
    for param in positional {
        if path.get(&param.name.name).is_none() {
            let is_false = param.default.as_ref().is_some_and(|default| match &default.kind {
                ExprKind::None | ExprKind::Bool(false) | ExprKind::Int(0) => true,
                ExprKind::Str(text) => text.is_empty(),
                _ => false,
            });
            path.set(&param.name.name, if is_false { Abs::Nothing } else { Abs::Other });
        }
    }
    path
}
