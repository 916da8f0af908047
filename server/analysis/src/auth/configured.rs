//! Lists that the configuration makes: whom it names there is somebody in particular.

use smol_str::SmolStr;

use super::code::{Body, Scope, is_settings, module_variable};
use super::keys;
use super::tokens::reads_environment;
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// Variables and calls that a list is followed through.
const MAX_DEPTH: u32 = 6;

/// Whether an expression of a function's body is made of what the configuration says, or of texts that stand in the
/// code, and of nothing else: `settings.admin_ids.split(",")`, `admin_ids()`. What is empty where it is made is none: the
/// program fills it itself.
pub(crate) fn is_configured(interpreter: &Interpreter<'_>, function: &FunctionRef, expr: &Expr) -> bool {
    let body = Body::new(interpreter, Scope::Function(function), &function.def.body);
    says_something(&body, expr, &mut Vec::new(), 0) == Some(true)
}

/// Whether a value says something: a setting, or texts. Nothing where anything else is in it.
fn says_something(body: &Body<'_, '_, '_>, expr: &Expr, bound: &mut Vec<SmolStr>, depth: u32) -> Option<bool> {
    if depth > MAX_DEPTH {
        return None;
    }
    match &expr.kind {
        ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::None => Some(false),
        ExprKind::Name(name) if bound.contains(name) => Some(false),
        ExprKind::Name(name) => of_name(body, name, depth),
        ExprKind::Attribute { value, name } => is_setting(body, value, &name.name).then_some(true),
        ExprKind::Subscript { value, .. } if body.package(value).is_some_and(|path| path == "os.environ") => Some(true),
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
            let texts = !parts.is_empty() && parts.iter().all(|part| part.as_str().is_some());
            if texts { Some(true) } else { of_all(body, parts, bound, depth) }
        }
        ExprKind::Call { func, args } => {
            let args = || args.iter().map(|arg| &arg.value);
            if let ExprKind::Attribute { value, name } = &func.kind
                && is_of_text(&name.name)
            {
                return of_all(body, std::iter::once(&**value).chain(args()), bound, depth);
            }
            match body.eval(func) {
                Value::Package(path) => match path.as_str() {
                    "os.getenv" | "os.environ.get" | "decouple.config" => Some(true),
                    "builtins.set" | "builtins.frozenset" | "builtins.list" | "builtins.tuple" | "builtins.str"
                    | "builtins.sorted" | "json.loads" => of_all(body, args(), bound, depth),
                    _ => None,
                },
                Value::Function(function) => of_function(body, &function, depth),
                _ => None,
            }
        }
        ExprKind::Comprehension(one) => {
            let outer = bound.len();
            let mut found = Some(false);
            for clause in &one.clauses {
                found = and(found, says_something(body, &clause.iter, bound, depth));
                bound.push(clause.target.as_name()?.clone());
                found = and(found, of_all(body, &clause.conditions, bound, depth));
            }
            let found = and(found, of_all(body, std::iter::once(&one.element).chain(&one.value), bound, depth));
            bound.truncate(outer);
            found
        }
        ExprKind::BoolOp { .. } | ExprKind::IfExp { .. } | ExprKind::Not(_) => {
            of_all(body, expr.children(), bound, depth)
        }
        _ => None,
    }
}

/// What both say together.
fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    Some(one? | other?)
}

/// What several say together.
fn of_all<'e>(
    body: &Body<'_, '_, '_>,
    exprs: impl IntoIterator<Item = &'e Expr>,
    bound: &mut Vec<SmolStr>,
    depth: u32,
) -> Option<bool> {
    exprs.into_iter().try_fold(false, |found, expr| Some(found | says_something(body, expr, bound, depth)?))
}

/// What a variable says: one of the function, by all that it is assigned, or one of a module that is assigned once.
fn of_name(body: &Body<'_, '_, '_>, name: &SmolStr, depth: u32) -> Option<bool> {
    if body.param(name).is_some() {
        return None;
    }
    let bound = body.bindings(name);
    if !bound.is_empty() {
        let values: Vec<&Expr> = bound.into_iter().collect::<Option<_>>()?;
        return (!body.is_changed(name)).then(|| of_all(body, values, &mut Vec::new(), depth + 1)).flatten();
    }
    let variable = module_variable(body.interpreter, body.scope.file(), name)?;
    let module = Body::new(body.interpreter, Scope::Module(variable.file, variable.item), &[]);
    says_something(&module, variable.value, &mut Vec::new(), depth + 1)
}

/// What a function of the project gives, whatever it is called with.
fn of_function(body: &Body<'_, '_, '_>, function: &FunctionRef, depth: u32) -> Option<bool> {
    let function = body.interpreter.current(function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    of_all(&inner, returned(&function.def.body), &mut Vec::new(), depth + 1)
}

/// Whether an attribute is one of settings, or read from the environment where its class is made.
fn is_setting(body: &Body<'_, '_, '_>, value: &Expr, name: &str) -> bool {
    match keys::object_of(body.interpreter, body.scope, value) {
        Value::Class(class) => {
            is_settings(body.interpreter, &class) || reads_environment(body.interpreter, &class, name)
        }
        _ => false,
    }
}

/// Whether a method makes a text, or texts, of one.
fn is_of_text(name: &str) -> bool {
    matches!(name, "split" | "strip" | "lstrip" | "rstrip" | "lower" | "upper" | "casefold" | "replace" | "splitlines")
}
