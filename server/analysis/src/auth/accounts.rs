//! Handlers that callers make an account with, or sign in with: they hash the
//! password that they are given, or verify it and issue a token. That is
//! evidence from code of what a route is for.

use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Functions that are looked into for one handler.
const MAX_FUNCTIONS: usize = 24;

/// Whether a handler, or a function of the project that it calls, hashes a password.
pub(super) fn hashes_password(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let mut hashes = false;
    each_callee(interpreter, handler, &mut |callee| {
        hashes |= matches!(callee, Callee::OfPackage(path) if is_password_hash(path));
        hashes
    });
    hashes
}

/// Whether a handler and the functions of the project that it calls verify a
/// password, and hand out a token or set a cookie.
pub(super) fn exchanges_password(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let (mut verifies, mut issues) = (false, false);
    each_callee(interpreter, handler, &mut |callee| {
        verifies |= matches!(callee, Callee::OfPackage(path) if is_password_check(path));
        issues |= callee.issues();
        verifies && issues
    });
    verifies && issues
}

/// Whether a handler, or a function of the project that it calls, hands out a token or sets a cookie.
pub(super) fn issues(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let mut issues = false;
    each_callee(interpreter, handler, &mut |callee| {
        issues |= callee.issues();
        issues
    });
    issues
}

/// What is called.
enum Callee<'c> {
    /// Something of a package, by its path.
    OfPackage(&'c str),
    /// A method of something that is not known.
    Named(&'c str),
}

impl Callee<'_> {
    /// Whether it signs a token, or sets a cookie.
    fn issues(&self) -> bool {
        match self {
            Self::OfPackage(path) => {
                let package = path.split('.').next().unwrap_or(path);
                matches!(package, "jwt" | "jose" | "authlib" | "joserfc") && path.ends_with(".encode")
            }
            Self::Named(method) => *method == "set_cookie",
        }
    }
}

/// Looks at what a handler calls, and the functions of the project that it
/// calls, until `look` has seen enough.
fn each_callee(interpreter: &Interpreter<'_>, handler: &FunctionRef, look: &mut dyn FnMut(Callee<'_>) -> bool) {
    let mut pending = vec![handler.clone()];
    let mut seen: Vec<Site> = Vec::new();
    while let Some(function) = pending.pop() {
        if seen.contains(&function.site) || seen.len() >= MAX_FUNCTIONS {
            continue;
        }
        seen.push(function.site);
        let function = interpreter.current(&function);
        for callee in callees(&function.def.body) {
            let enough = match interpreter.eval(&function, callee) {
                Value::Package(path) => look(Callee::OfPackage(&path)),
                Value::Function(called) => {
                    pending.push(FunctionRef::clone(&called));
                    false
                }
                Value::Bound(bound) => {
                    pending.push(FunctionRef::clone(&bound.1));
                    false
                }
                _ => match (method_of_variable(interpreter, &function, callee), &callee.kind) {
                    (Some(method), _) => {
                        pending.push(method);
                        false
                    }
                    (None, ExprKind::Attribute { name, .. }) => look(Callee::Named(&name.name)),
                    _ => false,
                },
            };
            if enough {
                return;
            }
        }
    }
}

/// The method that `variable.method` is, of a parameter with the class as its
/// annotation, or a variable that an instance is assigned to.
fn method_of_variable(interpreter: &Interpreter<'_>, function: &FunctionRef, callee: &Expr) -> Option<FunctionRef> {
    let ExprKind::Attribute { value, name } = &callee.kind else { return None };
    let variable = value.as_name()?;
    let annotated = function.def.params.iter().find(|param| &param.name.name == variable);
    let class = match annotated.and_then(|param| param.annotation.as_ref()) {
        Some(annotation) => match interpreter.eval_signature(function, annotation) {
            Value::Annotated(annotated) => annotated.ty.clone(),
            class => class,
        },
        None => function.def.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(variable)) => {
                let (made, _) = assign.value.as_ref()?.as_call()?;
                Some(interpreter.eval(function, made))
            }
            _ => None,
        })?,
    };
    match class {
        Value::Class(class) => interpreter.method(&class, &name.name).map(|method| FunctionRef::clone(&method)),
        _ => None,
    }
}

/// Functions of packages that make of a password what can be kept of it.
fn is_password_hash(path: &str) -> bool {
    let (package, method) = (path.split('.').next().unwrap_or(path), path.rsplit('.').next().unwrap_or(path));
    matches!(package, "passlib" | "bcrypt" | "argon2" | "pwdlib" | "werkzeug" | "fastapi_users")
        && matches!(method, "hash" | "hashpw" | "encrypt" | "generate_password_hash")
}

/// Functions of packages that compare a password with what is kept of it.
fn is_password_check(path: &str) -> bool {
    let (package, method) = (path.split('.').next().unwrap_or(path), path.rsplit('.').next().unwrap_or(path));
    matches!(package, "passlib" | "bcrypt" | "argon2" | "pwdlib" | "werkzeug")
        && matches!(method, "verify" | "checkpw" | "verify_and_update" | "check_password_hash")
}
