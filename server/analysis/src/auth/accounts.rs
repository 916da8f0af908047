//! Handlers that callers make an account with, or sign in with: they hash the
//! password that they are given, or verify it and issue a token. That is
//! evidence from code of what a route is for.

mod handed;
mod provider;

use std::sync::Arc;

use smol_str::SmolStr;

pub(super) use self::provider::{at_provider, exchanges_code, starts_at_provider};
use super::code::last_name;
use super::flow::class_held;
use crate::facts::python::idioms::{assigned, callees, calls, raises};
use crate::facts::python::tree::{Expr, ExprKind, positional};
use crate::index::dependencies::dependency_of;
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Site, Value};
use crate::text::TextRange;

/// Functions that are looked into for one handler.
const MAX_FUNCTIONS: usize = 64;

/// Whether a handler, or a function of the project that it calls, hashes a password.
pub(super) fn hashes_password(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    calls_any(interpreter, handler, &|callee| callee.is_of(is_password_hash))
}

/// Whether a function calls a method of an object, of which the class is known, that hashes a password.
pub(super) fn object_hashes(interpreter: &Interpreter<'_>, function: &FunctionRef, callee: &Expr) -> bool {
    match method_of_object(interpreter, function, callee) {
        Some(Method::Own(method)) => hashes_password(interpreter, &method),
        Some(Method::OfPackage(path)) => is_password_hash(&path),
        None => false,
    }
}

/// Whether a handler and the functions of the project that it calls verify a
/// password, and hand out a token or set a cookie.
pub(super) fn exchanges_password(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let (mut verifies, mut issues) = (false, false);
    each_callee(interpreter, handler, &mut |callee| {
        verifies |= callee.checks_password();
        issues |= callee.issues();
        verifies && issues
    });
    verifies && issues
}

/// Whether a handler, or a function of the project that it calls, makes a signature of what the client sends and turns
/// callers away by it, and hands out a token or sets a cookie: callers sign in with what somebody else signed for them.
pub(super) fn exchanges_signature(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let (mut signs, mut issues) = (false, false);
    each_function(interpreter, handler, &mut |function, callee| {
        issues |= callee.issues();
        signs |= callee.is_of(is_signature) && raises(&function.def.body);
        signs && issues
    });
    signs && issues
}

/// Whether a handler and the functions of the project that it calls make a signature, and compare none.
pub(super) fn signs_by_hand(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let (mut signs, mut compares) = (false, false);
    each_callee(interpreter, handler, &mut |callee| {
        signs |= callee.is_of(is_signature);
        compares |= callee.is_of(|path| path.ends_with(".compare_digest"));
        compares
    });
    signs && !compares
}

/// Whether a handler, or a function of the project that it calls, verifies a password.
pub(crate) fn verifies_password(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    calls_any(interpreter, handler, &|callee| callee.checks_password())
}

/// Whether a handler, or a function of the project that it calls, hands out a token or sets a cookie. What is done for its
/// effect alone, and what only another service is sent, hands the caller nothing.
pub(super) fn issues(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let mut issues = false;
    each_call(interpreter, handler, &handed::kept_back, &mut |_, callee| {
        issues |= callee.issues();
        issues
    });
    issues
}

/// Whether a handler shows the documentation of the API: pages of the framework or of a package for that, or the
/// schema behind them.
pub(super) fn shows_documentation(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    const PAGES: &[&str] = &["get_swagger_ui_html", "get_redoc_html", "get_scalar_api_reference", "get_rapidoc_html"];
    callees(&interpreter.current(handler).def.body).any(|callee| {
        let Value::Package(path) = interpreter.eval(handler, callee) else { return false };
        path.starts_with("fastapi.openapi.") || path.rsplit('.').next().is_some_and(|name| PAGES.contains(&name))
    })
}

/// Whether a handler takes one of these fields from the client: as a parameter,
/// or as a field of the body that a parameter is.
pub(super) fn takes_any(interpreter: &Interpreter<'_>, handler: &FunctionRef, fields: &[&str]) -> bool {
    taken(interpreter, handler).iter().any(|name| fields.contains(&plain(name).as_str()))
}

/// Whether a handler takes all of these fields from the client, or looks them up in the query of the request.
pub(super) fn takes_all(interpreter: &Interpreter<'_>, handler: &FunctionRef, fields: &[&str]) -> bool {
    let taken = taken(interpreter, handler);
    let looked_up = looked_up(interpreter, handler);
    let takes = |field: &&str| taken.iter().chain(&looked_up).any(|name| plain(name) == **field);
    fields.iter().all(takes)
}

/// What a handler looks up in the query of the request: `request.query_params.get("code")`.
fn looked_up(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Vec<SmolStr> {
    let is_request = |name: &SmolStr| {
        let param = handler.def.params.iter().find(|param| &param.name.name == name);
        let ty = param.and_then(|param| param.annotation.as_ref());
        ty.is_some_and(
            |ty| matches!(interpreter.eval_signature(handler, ty), Value::Package(path) if path.ends_with(".Request")),
        )
    };
    let is_query = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => name.name == "query_params" && value.as_name().is_some_and(is_request),
        _ => false,
    };
    let handler = interpreter.current(handler);
    let calls = calls(&handler.def.body).into_iter();
    let keys = calls.filter_map(|(callee, args)| match &callee.kind {
        ExprKind::Attribute { value, name } if name.name == "get" && is_query(value) => positional(args, 0)?.as_str(),
        _ => None,
    });
    keys.map(SmolStr::new).collect()
}

/// Whether a handler takes anything from the client, or the request itself.
pub(super) fn takes_input(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let is_request = |ty: &Expr| matches!(interpreter.eval_signature(handler, ty), Value::Package(path) if path.ends_with(".Request"));
    let mut params = handler.def.params.iter();
    !taken(interpreter, handler).is_empty() || params.any(|param| param.annotation.as_ref().is_some_and(is_request))
}

/// Whether a token or a code is all that a handler takes from the client.
pub(super) fn takes_token_alone(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    const TOKENS: &[&str] = &["token", "code", "verificationtoken", "confirmationtoken", "unsubscribetoken"];
    matches!(taken(interpreter, handler).as_slice(), [only] if TOKENS.contains(&plain(only).as_str()))
}

/// A name in lower case and without underscores.
fn plain(name: &SmolStr) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

/// What a handler takes from the client: its parameters, and the fields of those that are bodies.
fn taken(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Vec<SmolStr> {
    let mut found = Vec::new();
    let receiver = usize::from(handler.takes_receiver());
    for param in handler.def.params.iter().skip(receiver) {
        if dependency_of(interpreter, handler, param).is_some() {
            continue;
        }
        let class = param.annotation.as_ref().map(|ty| match interpreter.eval_signature(handler, ty) {
            Value::Annotated(annotated) => annotated.ty.clone(),
            ty => ty,
        });
        match class {
            Some(Value::Class(class)) => found.extend(interpreter.fields_of(&class)),
            // The request itself, a response, a task for later.
            Some(Value::Package(path)) if path.starts_with("fastapi.") || path.starts_with("starlette.") => {}
            _ => found.push(param.name.name.clone()),
        }
    }
    found
}

/// Whether a handler, or a function of the project that it calls, calls something that is `wanted`.
fn calls_any(interpreter: &Interpreter<'_>, handler: &FunctionRef, wanted: &dyn Fn(&Callee<'_>) -> bool) -> bool {
    let mut calls = false;
    each_callee(interpreter, handler, &mut |callee| {
        calls |= wanted(&callee);
        calls
    });
    calls
}

/// What is called.
enum Callee<'c> {
    /// Something of a package, by its path.
    OfPackage(&'c str),
    /// The same, called elsewhere.
    Handed(&'c str),
    /// A method of something that is not known.
    Named(&'c str),
}

impl Callee<'_> {
    /// Whether it is something of a package, of that kind by its path.
    fn is_of(&self, kind: fn(&str) -> bool) -> bool {
        matches!(self, Self::OfPackage(path) if kind(path))
    }

    /// Whether it compares a password with what is kept of it, here or elsewhere.
    fn checks_password(&self) -> bool {
        matches!(self, Self::OfPackage(path) | Self::Handed(path) if is_password_check(path))
    }

    /// Whether it signs a token, or sets a cookie.
    fn issues(&self) -> bool {
        match self {
            Self::OfPackage(path) => {
                let package = path.split('.').next().unwrap_or(path);
                let signs = matches!(package, "jwt" | "jose" | "authlib" | "joserfc") && path.ends_with(".encode");
                // firebase-admin 7: a token with which whoever has it signs in as that user.
                let hands_out = package == "firebase_admin" && path.ends_with(".create_custom_token");
                signs || hands_out || path.ends_with(".set_cookie")
            }
            Self::Handed(_) => false,
            Self::Named(method) => *method == "set_cookie",
        }
    }
}

/// The function of the project that an expression in another one calls.
pub(crate) fn called_function(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    callee: &Expr,
) -> Option<FunctionRef> {
    match interpreter.eval(function, callee) {
        Value::Function(called) => Some(FunctionRef::clone(&called)),
        Value::Bound(bound) => Some(FunctionRef::clone(&bound.1)),
        _ => match method_of_object(interpreter, function, callee)? {
            Method::Own(method) => Some(method),
            Method::OfPackage(_) => None,
        },
    }
}

/// Functions of packages that statements hand over to be called elsewhere: `partial(bcrypt.checkpw, given, kept)`,
/// `loop.run_in_executor(None, bcrypt.checkpw, given, kept)`.
fn handed_over(interpreter: &Interpreter<'_>, function: &FunctionRef) -> Vec<SmolStr> {
    const CALLERS: &[&str] = &["partial", "run_in_executor", "run_in_threadpool", "run_sync", "submit"];
    let calls = calls(&function.def.body).into_iter();
    let calls = calls.filter(|(callee, _)| last_name(callee).is_some_and(|name| CALLERS.contains(&name.as_str())));
    let handed = calls.flat_map(|(_, args)| args.iter().map(|arg| &arg.value));
    let handed = handed.filter(|arg| matches!(arg.kind, ExprKind::Name(_) | ExprKind::Attribute { .. }));
    let of_package = |arg: &Expr| match interpreter.eval(function, arg) {
        Value::Package(path) => Some(path),
        _ => None,
    };
    handed.filter_map(of_package).collect()
}

/// Looks at what a handler calls, and the functions of the project that it
/// calls, until `look` has seen enough.
fn each_callee(interpreter: &Interpreter<'_>, handler: &FunctionRef, look: &mut dyn FnMut(Callee<'_>) -> bool) {
    each_function(interpreter, handler, &mut |_, callee| look(callee));
}

/// The same, with the function that calls.
fn each_function(
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    look: &mut dyn FnMut(&FunctionRef, Callee<'_>) -> bool,
) {
    each_call(interpreter, handler, &|_, _| Vec::new(), look);
}

/// The callees of a function's body that don't count.
type LeftOut<'l> = &'l dyn Fn(&Interpreter<'_>, &FunctionRef) -> Vec<TextRange>;

/// The same, of those callees that count.
fn each_call(
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    left_out: LeftOut<'_>,
    look: &mut dyn FnMut(&FunctionRef, Callee<'_>) -> bool,
) {
    let mut pending = vec![handler.clone()];
    let mut seen: Vec<Site> = Vec::new();
    while let Some(function) = pending.pop() {
        if seen.contains(&function.site) || seen.len() >= MAX_FUNCTIONS {
            continue;
        }
        seen.push(function.site);
        let function = interpreter.current(&function);
        for path in handed_over(interpreter, &function) {
            if look(&function, Callee::Handed(&path)) {
                return;
            }
        }
        let left_out = left_out(interpreter, &function);
        for callee in callees(&function.def.body).filter(|callee| !left_out.contains(&callee.range)) {
            let enough = match interpreter.eval(&function, callee) {
                Value::Package(path) => look(&function, Callee::OfPackage(&path)),
                Value::Function(called) => {
                    pending.push(FunctionRef::clone(&called));
                    false
                }
                Value::Bound(bound) => {
                    pending.push(FunctionRef::clone(&bound.1));
                    false
                }
                _ => match (method_of_object(interpreter, &function, callee), &callee.kind) {
                    // `await use_case(request)`
                    (None, ExprKind::Name(object)) => {
                        let class = class_of_variable(interpreter, &function, object);
                        let method = class.and_then(|class| method_of_class(interpreter, class, "__call__"));
                        match method {
                            Some(Method::Own(method)) => {
                                pending.push(method);
                                false
                            }
                            Some(Method::OfPackage(path)) => look(&function, Callee::OfPackage(&path)),
                            None => false,
                        }
                    }
                    (Some(Method::Own(method)), _) => {
                        pending.push(method);
                        false
                    }
                    (Some(Method::OfPackage(path)), _) => look(&function, Callee::OfPackage(&path)),
                    (None, ExprKind::Attribute { name, .. }) => look(&function, Callee::Named(&name.name)),
                    _ => false,
                },
            };
            if enough {
                return;
            }
        }
    }
}

/// A method of an object of which only the class is known.
enum Method {
    /// It is the project's.
    Own(FunctionRef),
    /// It is a package's: its path.
    OfPackage(SmolStr),
}

/// The method that `variable.method` or `self.attribute.method` is.
fn method_of_object(interpreter: &Interpreter<'_>, function: &FunctionRef, callee: &Expr) -> Option<Method> {
    let ExprKind::Attribute { value, name } = &callee.kind else { return None };
    // `self`, or the `cls` of a class method.
    let receiver = function.def.params.first().filter(|_| function.takes_receiver()).map(|param| &param.name.name);
    let own = |object: &Expr| function.class.as_ref().filter(|_| receiver.is_some() && object.as_name() == receiver);
    let class = match &value.kind {
        ExprKind::Name(_) if own(value).is_some() => Value::Class(Arc::clone(own(value)?)),
        ExprKind::Name(variable) => class_of_variable(interpreter, function, variable)?,
        ExprKind::Attribute { value: object, name: attribute } => {
            let class = own(object)?;
            class_held(interpreter, class, &attribute.name).or_else(|| {
                match interpreter.class_attribute(class, &attribute.name).map(|held| interpreter.force(held))? {
                    Value::Instance(held) => Some(held.class.clone()),
                    _ => None,
                }
            })?
        }
        _ => return None,
    };
    method_of_class(interpreter, class, &name.name)
}

/// A method of objects of a class.
fn method_of_class(interpreter: &Interpreter<'_>, class: Value, name: &str) -> Option<Method> {
    match class {
        Value::Class(class) => interpreter.method(&class, name).map(|method| Method::Own(FunctionRef::clone(&method))),
        Value::Package(path) => Some(Method::OfPackage(SmolStr::new(format!("{path}.{name}")))),
        _ => None,
    }
}

/// The class of a parameter by its annotation, or of the instance that a variable is assigned.
fn class_of_variable(interpreter: &Interpreter<'_>, function: &FunctionRef, variable: &SmolStr) -> Option<Value> {
    let annotated = function.def.params.iter().find(|param| &param.name.name == variable);
    match annotated.and_then(|param| param.annotation.as_ref()) {
        Some(annotation) => match interpreter.eval_signature(function, annotation) {
            Value::Annotated(annotated) => Some(annotated.ty.clone()),
            class => Some(class),
        },
        None => assigned(&function.def.body, variable).into_iter().find_map(|value| {
            let (made, _) = value.as_call()?;
            Some(match interpreter.eval(function, made) {
                Value::Function(maker) => given_class(interpreter, &interpreter.current(&maker))?,
                class => class,
            })
        }),
    }
}

/// The class of what a function says that it gives: `def get_service() -> Service`.
fn given_class(interpreter: &Interpreter<'_>, maker: &FunctionRef) -> Option<Value> {
    let returns = maker.def.returns.as_ref()?;
    let class = interpreter.eval_signature(maker, returns);
    matches!(class, Value::Class(_)).then_some(class)
}

/// Functions of packages that make of a password what can be kept of it.
pub(super) fn is_password_hash(path: &str) -> bool {
    if matches!(path, "hashlib.pbkdf2_hmac" | "hashlib.scrypt") {
        return true;
    }
    let (package, method) = (path.split('.').next().unwrap_or(path), path.rsplit('.').next().unwrap_or(path));
    matches!(package, "passlib" | "bcrypt" | "argon2" | "pwdlib" | "werkzeug" | "fastapi_users")
        && matches!(method, "hash" | "hashpw" | "encrypt" | "generate_password_hash")
}

/// Functions of the standard library that sign a text with a key.
fn is_signature(path: &str) -> bool {
    matches!(path, "hmac.new" | "hmac.digest")
}

/// Functions of packages that compare a password with what is kept of it.
pub(crate) fn is_password_check(path: &str) -> bool {
    let (package, method) = (path.split('.').next().unwrap_or(path), path.rsplit('.').next().unwrap_or(path));
    matches!(package, "passlib" | "bcrypt" | "argon2" | "pwdlib" | "werkzeug")
        && matches!(method, "verify" | "checkpw" | "verify_and_update" | "check_password_hash")
}
