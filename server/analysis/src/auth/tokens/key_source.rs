//! Where the key of a verification comes from.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{Body, Scope, bindings_of, is_settings, last_name, module_variable, parts};
use super::super::keys;
use super::{KeySource, PlainField};
use crate::facts::environment::fingerprint;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};
use crate::vfs::FileId;

/// Variables, fields and imports that a key is followed through.
const MAX_DEPTH: u32 = 8;

/// Where the key comes from that a verification is given.
pub(super) fn key(body: &Body<'_, '_, '_>, given: Option<&Expr>) -> KeySource {
    let Some(given) = given else { return KeySource::Unknown };
    let traced = body.traced(given);
    match &traced.kind {
        ExprKind::Attribute { value, name } if name.name == "key" && is_signing_key(body, body.traced(value)) => {
            KeySource::Jwks { bound: false }
        }
        ExprKind::Call { .. } if is_signing_key(body, traced) => KeySource::Jwks { bound: true },
        _ => secret(body, traced),
    }
}

/// The secret that an expression is: a text, a setting, or a variable of the environment.
fn secret(body: &Body<'_, '_, '_>, expr: &Expr) -> KeySource {
    if matches!(expr.kind, ExprKind::Str(_)) {
        return KeySource::Secret(None);
    }
    let root = std::iter::successors(Some(expr), |expr| match &expr.kind {
        ExprKind::Attribute { value, .. } => Some(value),
        ExprKind::Call { func, .. } => Some(func),
        _ => None,
    });
    let is_own = |name: &SmolStr| body.param(name).is_some() || !body.bindings(name).is_empty();
    let is_local = root.last().and_then(Expr::as_name).is_some_and(is_own);
    if !is_local && let Some(name) = variable(body.interpreter, body.scope, expr, 0) {
        return KeySource::Secret(Some(name));
    }
    match &expr.kind {
        // `str(settings.secret_key.get_secret_value())`
        ExprKind::Call { func, args } if func.as_name().is_some_and(|name| name == "str") => {
            if let Some(text) = positional(args, 0).filter(|_| args.len() == 1) {
                return secret(body, body.traced(text));
            }
        }
        ExprKind::Call { func, .. } => {
            if let ExprKind::Attribute { value, name } = &func.kind
                && matches!(name.name.as_str(), "get_secret_value" | "encode" | "strip")
            {
                return secret(body, body.traced(value));
            }
        }
        // A field of settings that a variable holds.
        ExprKind::Attribute { value, name } if is_local => {
            let traced = body.traced(value);
            if let Value::Instance(instance) = body.eval(traced)
                && let Value::Class(class) = &instance.class
            {
                let field = field(body.interpreter, class, &name.name, 0);
                return KeySource::Secret(Some(field));
            }
            // `self.secret`, `settings.secret` of a parameter.
            if let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value) {
                let held = held(body.interpreter, &class, &name.name, 0);
                let by_name = || is_settings(body.interpreter, &class).then(|| name.name.clone());
                if let Some(held) = held.or_else(by_name) {
                    return KeySource::Secret(Some(held));
                }
            }
        }
        _ => {}
    }
    match body.eval(expr) {
        Value::Str(_) => KeySource::Secret(last_name(expr).cloned()),
        _ => KeySource::Unknown,
    }
}

/// The variable of the environment, or the field of settings, that an
/// expression reads which no variable of the function holds.
pub(super) fn environment(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<SmolStr> {
    match secret(body, expr) {
        KeySource::Secret(name) => name,
        _ => None,
    }
}

/// The variable of the environment, or the field of settings, that an expression reads.
pub(in crate::auth) fn variable(
    interpreter: &Interpreter<'_>,
    scope: Scope<'_>,
    expr: &Expr,
    depth: u32,
) -> Option<SmolStr> {
    if depth > MAX_DEPTH {
        return None;
    }
    let eval = |expr: &Expr| scope.eval(interpreter, expr);
    match &expr.kind {
        ExprKind::Call { func, args } => {
            if let Some(look_up) = keys::look_up(interpreter, scope, func, args) {
                return look_up.variable.and_then(Expr::as_str).cloned();
            }
            if let Value::Package(path) = eval(func) {
                // `OctKey.import_key(secret)`
                let given = positional(args, 0).filter(|_| path.ends_with("OctKey.import_key"))?;
                return variable(interpreter, scope, given, depth + 1);
            }
            match &func.kind {
                ExprKind::Attribute { value, name }
                    if matches!(name.name.as_str(), "get_secret_value" | "encode" | "strip") =>
                {
                    variable(interpreter, scope, value, depth + 1)
                }
                _ => None,
            }
        }
        ExprKind::Subscript { value, index } => {
            let reads = matches!(eval(value), Value::Package(path) if path == "os.environ");
            index.as_str().cloned().filter(|_| reads)
        }
        // `os.getenv("A") or "…"`: the first that reads one counts.
        ExprKind::BoolOp { and: false, values } => {
            values.iter().find_map(|value| variable(interpreter, scope, value, depth + 1))
        }
        ExprKind::Attribute { value, name } => match eval(value) {
            Value::Module(file) => of_module(interpreter, file, &name.name, depth + 1),
            Value::Class(class) => Some(field(interpreter, &class, &name.name, depth + 1)),
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => Some(field(interpreter, class, &name.name, depth + 1)),
                _ => None,
            },
            _ => None,
        },
        ExprKind::Name(name) => match scope {
            Scope::Function(function) if binds(function, name) => None,
            _ => of_module(interpreter, scope.file(), name, depth + 1),
        },
        _ => None,
    }
}

/// What a variable of a module reads, wherever it is imported from.
fn of_module(interpreter: &Interpreter<'_>, file: FileId, name: &SmolStr, depth: u32) -> Option<SmolStr> {
    if depth > MAX_DEPTH {
        return None;
    }
    let found = module_variable(interpreter, file, name)?;
    variable(interpreter, Scope::Module(found.file, found.item), found.value, depth + 1)
}

/// What a field of a class reads: a variable of the environment that its value
/// names, and else the one that settings read by the field's name.
fn field(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, name: &SmolStr, depth: u32) -> SmolStr {
    held(interpreter, class, name, depth).unwrap_or_else(|| name.clone())
}

/// The variable of the environment, or the field of settings, that a field of a
/// class or an attribute which its `__init__` assigns is read from.
fn held(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, name: &SmolStr, depth: u32) -> Option<SmolStr> {
    for class in interpreter.linearised(class) {
        interpreter.count_outline(class.site);
        if let [Some(value)] = bindings_of(&class.def.body, name).as_slice()
            && let Some(variable) = variable(interpreter, Scope::Class(&class), value, depth + 1)
        {
            return Some(variable);
        }
        if let Some(init) = keys::own_initialiser(interpreter, &class)
            && let Some(value) = keys::assigned_attribute(&init.def, name)
        {
            return variable(interpreter, Scope::Function(&init), value, depth + 1);
        }
    }
    None
}

/// Whether a field of a class is read from the environment where the class is made.
pub(in crate::auth) fn reads_environment(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, name: &str) -> bool {
    interpreter.linearised(class).iter().any(|class| {
        interpreter.count_outline(class.site);
        match bindings_of(&class.def.body, name).as_slice() {
            [Some(value)] => variable(interpreter, Scope::Class(class), value, 0).is_some(),
            _ => false,
        }
    })
}

/// Whether a name is a parameter or variable of a function.
fn binds(function: &FunctionRef, name: &SmolStr) -> bool {
    function.def.params.iter().any(|param| param.name.name == *name)
        || !bindings_of(&function.def.body, name).is_empty()
}

/// Whether an expression gives a key of a set of public keys.
fn is_signing_key(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let expr = match &expr.kind {
        ExprKind::Await(inner) => inner,
        _ => expr,
    };
    let Some((func, _)) = expr.as_call() else { return false };
    let name = last_name(func).map(SmolStr::as_str).unwrap_or_default();
    name.starts_with("get_signing_key")
        || name == "PyJWK"
        || body.package(func).is_some_and(|path| path.ends_with("PyJWK"))
}

/// The field of settings that a key is, where nothing but the environment fills it: declared without more than a
/// default, and named by no function of its class.
pub(super) fn plain_field(body: &Body<'_, '_, '_>, given: Option<&Expr>) -> Option<PlainField> {
    let traced = body.traced(given?);
    let (value, name) = match &traced.kind {
        ExprKind::Attribute { value, name } => (value, &name.name),
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get_secret_value" => {
                return plain_field(body, Some(value));
            }
            _ => return None,
        },
        _ => return None,
    };
    let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value) else { return None };
    if !is_settings(body.interpreter, &class) {
        return None;
    }
    body.interpreter.count_body(class.site);
    let class = body.interpreter.renewed(class);
    let mut declared = None;
    for stmt in &class.def.body {
        match &stmt.kind {
            StmtKind::Assign(assign) if assign.targets.first().and_then(Expr::as_name) == Some(name) => {
                declared = Some(assign.value.as_ref());
            }
            StmtKind::Function(def) if names_in(def, name) => return None,
            _ => {}
        }
    }
    let default = match declared?.map(|value| &value.kind) {
        None | Some(ExprKind::Ellipsis) => None,
        Some(ExprKind::Str(text)) => Some(fingerprint(text)),
        Some(ExprKind::Call { func, args }) if last_name(func).is_some_and(|name| name == "Field") => {
            let is_plain = |arg: &Arg| {
                arg.name.as_ref().is_none_or(|name| matches!(name.name.as_str(), "min_length" | "description"))
            };
            let is_needed = args.iter().all(is_plain)
                && positional(args, 0).is_none_or(|first| matches!(first.kind, ExprKind::Ellipsis));
            is_needed.then_some(None)?
        }
        _ => return None,
    };
    Some(PlainField { class: class.site, name: name.clone(), default })
}

/// Whether a function names a field, as an attribute or as a text.
fn names_in(def: &Function, field: &str) -> bool {
    let is_it = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { name, .. } => name.name == field,
        ExprKind::Str(text) => text == field,
        _ => false,
    };
    let mut blocks: Vec<&[Stmt]> = vec![&def.body];
    let mut exprs: Vec<&Expr> = def.decorators.iter().collect();
    while let Some(block) = blocks.pop() {
        for stmt in block {
            exprs.extend(stmt.exprs());
            blocks.extend(stmt.blocks());
        }
    }
    while let Some(expr) = exprs.pop() {
        if is_it(expr) {
            return true;
        }
        exprs.extend(parts(expr));
    }
    false
}
