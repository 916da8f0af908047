//! Handlers that give away nothing: whoever calls them gets the same words,
//! and nothing happens. That is evidence from code, not from names.

use std::sync::Arc;

use smol_str::SmolStr;

use super::code::{Scope, is_settings};
use super::pages::shows_same_page;
use super::tables::{changes_attribute, is_changed, is_table};
use crate::facts::python::idioms::{assigned, assigned_to_self};
use crate::facts::python::tree::{Assign, Expr, ExprKind, Param, Spread, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::modules::Module;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};
use crate::vfs::FileId;

/// Expressions that are looked at in one handler.
const MAX_STEPS: usize = 400;

/// Calls that only read the clock.
const CLOCKS: &[&str] = &["datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "time.time"];

/// What makes a value of its arguments alone.
const VALUES: &[&str] = &[
    "decimal.Decimal",
    "fractions.Fraction",
    "uuid.UUID",
    "datetime.date",
    "datetime.datetime",
    "datetime.time",
    "datetime.timedelta",
];

/// Methods that only write a moment as text.
const FORMATS: &[&str] = &["isoformat", "timestamp", "strftime"];

/// Responses that hold nothing but what they are given.
const RESPONSES: &[&str] = &["Response", "JSONResponse", "PlainTextResponse", "ORJSONResponse", "RedirectResponse"];

/// Whether a handler takes nothing, does nothing but to take cookies away, and returns only literals,
/// constants of its module and the time; which of them may depend on the configuration.
/// Or whether it shows everybody the same page.
pub(super) fn answers_constant(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let def = &handler.def;
    if only_refuses(handler) || shows_same_page(interpreter, handler) {
        return true;
    }
    let is_answer = |param: &Param| is_response_param(interpreter, handler, param);
    if !def.params.iter().all(is_answer) || def.is_generator {
        return false;
    }
    let mut steps = MAX_STEPS;
    block_returns(interpreter, handler, &def.body, &mut steps) == Some(true)
}

/// The statements of a handler that do something.
pub(super) fn done(handler: &FunctionRef) -> Vec<&Stmt> {
    let does =
        |stmt: &&Stmt| !matches!(stmt.kind, StmtKind::Pass | StmtKind::Expr(Expr { kind: ExprKind::Str(_), .. }));
    handler.def.body.iter().filter(does).collect()
}

/// Whether a handler does nothing but refuse, with words that are constants or what
/// the caller gave: `raise HTTPException(404, f"no {path}")`.
fn only_refuses(handler: &FunctionRef) -> bool {
    let [Stmt { kind: StmtKind::Raise { exc: Some(refusal), .. }, .. }] = done(handler).as_slice() else {
        return false;
    };
    let args = refusal.as_call().map_or(&[][..], |(_, args)| args);
    args.iter().all(|arg| arg.spread == Spread::No && is_given(handler, &arg.value))
}

/// What a variable of a handler holds, where it is assigned once: `response = RedirectResponse(url)`, whose cookies are
/// deleted before it is returned.
pub(super) fn standing_for<'h>(handler: &'h FunctionRef, expr: &'h Expr) -> Option<&'h Expr> {
    let Some(name) = expr.as_name() else { return Some(expr) };
    match assigned(&handler.def.body, name).as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// Whether an expression is put together of literals, names of the module, and
/// parameters of the handler, without a look into anything.
pub(super) fn is_given(handler: &FunctionRef, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Name(_) => true,
        ExprKind::FString(parts) => parts.iter().all(|part| is_given(handler, part)),
        ExprKind::Binary { left, right, .. } => is_given(handler, left) && is_given(handler, right),
        ExprKind::Attribute { value, .. } => match value.as_name() {
            Some(name) => handler.def.params.iter().all(|param| param.name.name != *name),
            None => is_given(handler, value),
        },
        _ => false,
    }
}

/// Whether a block returns a constant on every way; `None` when it does something else.
fn block_returns(
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    block: &[Stmt],
    steps: &mut usize,
) -> Option<bool> {
    for stmt in block {
        match &stmt.kind {
            // What follows a return is never reached.
            StmtKind::Return(Some(value)) => {
                let value = standing_for(handler, value).unwrap_or(value);
                return is_made_of_constants(interpreter, handler, value, steps).then_some(true);
            }
            // `response = RedirectResponse("/")`, `names = [one["name"] for one in PLANS]`, `plans = [{"name": Plans.FREE}]`
            StmtKind::Assign(assign) if makes_answer(interpreter, handler, assign, steps) => {}
            StmtKind::Pass
            | StmtKind::Import(_)
            | StmtKind::ImportFrom(_)
            | StmtKind::Expr(Expr { kind: ExprKind::Str(_), .. }) => {}
            // `logger.info("asked")`
            StmtKind::Expr(expr) if is_logged(interpreter, handler, expr) || forgets_cookie(handler, expr) => {}
            // A probe that fails tells everybody so.
            StmtKind::Raise { exc: Some(raised), .. } if is_constant(interpreter, handler, raised, steps) => {
                return Some(true);
            }
            StmtKind::Try { body, handlers, or_else, finally } if or_else.is_empty() && finally.is_empty() => {
                let mut ends = block_returns(interpreter, handler, body, steps)?;
                for handler_of in handlers {
                    ends &= block_returns(interpreter, handler, &handler_of.body, steps)?;
                }
                if ends {
                    return Some(true);
                }
            }
            StmtKind::If { test, body, or_else } if is_plain_test(test, steps) => {
                let (then, other) = (
                    block_returns(interpreter, handler, body, steps)?,
                    block_returns(interpreter, handler, or_else, steps)?,
                );
                if then && other {
                    return Some(true);
                }
            }
            _ => return None,
        }
    }
    Some(false)
}

/// Whether an answer holds constants, and variables that the statements before it have set to such.
fn is_made_of_constants(
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    answer: &Expr,
    steps: &mut usize,
) -> bool {
    let is_set = |name: &SmolStr| {
        let is_param = handler.def.params.iter().any(|param| param.name.name == *name);
        !is_param && assigned(&handler.def.body, name).len() == 1
    };
    let mut holds = |expr: &Expr| is_made_of_constants(interpreter, handler, expr, steps);
    match &answer.kind {
        ExprKind::Name(name) if is_set(name) => true,
        ExprKind::Dict(entries) => entries.iter().all(|(key, value)| key.iter().all(&mut holds) && holds(value)),
        ExprKind::Call { func, args } if is_model_of(interpreter, handler, func) => {
            args.iter().all(|arg| arg.spread == Spread::No && holds(&arg.value))
        }
        _ => is_constant(interpreter, handler, answer, steps),
    }
}

/// Whether an expression names a model of the answer.
fn is_model_of(interpreter: &Interpreter<'_>, handler: &FunctionRef, class: &Expr) -> bool {
    matches!(interpreter.eval(handler, class), Value::Class(class) if is_model(interpreter, &class))
}

/// Whether a variable is set to an answer that is the same for everybody.
fn makes_answer(interpreter: &Interpreter<'_>, handler: &FunctionRef, assign: &Assign, steps: &mut usize) -> bool {
    let [target] = assign.targets.as_slice() else { return false };
    let made = assign.value.as_ref().filter(|_| target.as_name().is_some());
    let is_made = |value: &Expr| {
        matches!(value.kind, ExprKind::Call { .. } | ExprKind::Comprehension(_) | ExprKind::List(_) | ExprKind::Dict(_))
    };
    made.is_some_and(|value| is_made(value) && is_constant(interpreter, handler, value, steps))
}

/// Whether FastAPI fills a parameter with the answer that it will send: `response: Response`.
fn is_response_param(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let class = param.annotation.as_ref().map(|annotation| interpreter.eval(handler, annotation));
    matches!(class, Some(Value::Package(path)) if is_response(&path))
}

/// Whether an expression takes a cookie away from who is calling: `response.delete_cookie("session")`.
fn forgets_cookie(handler: &FunctionRef, expr: &Expr) -> bool {
    let Some((func, _)) = expr.as_call() else { return false };
    let ExprKind::Attribute { value, name } = &func.kind else { return false };
    let is_answer = |found: &SmolStr| {
        let is_param = handler.def.params.iter().any(|param| param.name.name == *found);
        is_param || assigned(&handler.def.body, found).len() == 1
    };
    name.name == "delete_cookie" && value.as_name().is_some_and(is_answer)
}

/// Whether an expression writes to a log, which tells the caller nothing.
pub(super) fn is_logged(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr) -> bool {
    let Some((func, _)) = expr.as_call() else { return false };
    let ExprKind::Attribute { value, name } = &func.kind else { return false };
    let logs = match interpreter.eval(handler, value) {
        Value::Instance(instance) => matches!(&instance.class, Value::Package(path) if path == "logging.getLogger"),
        Value::Package(path) => path == "logging" || path == "loguru.logger",
        _ => false,
    };
    logs && matches!(name.name.as_str(), "debug" | "info" | "warning" | "error" | "exception")
}

/// Whether a condition looks at names and calls nothing: of a handler without
/// parameters, at what the process was started with.
fn is_plain_test(test: &Expr, steps: &mut usize) -> bool {
    let Some(left) = steps.checked_sub(1) else { return false };
    *steps = left;
    match &test.kind {
        ExprKind::Name(_) | ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::None => true,
        ExprKind::Attribute { value, .. } => is_plain_test(value, steps),
        ExprKind::Not(inner) => is_plain_test(inner, steps),
        ExprKind::BoolOp { values, .. } => values.iter().all(|value| is_plain_test(value, steps)),
        ExprKind::Compare { first, rest } => {
            is_plain_test(first, steps) && rest.iter().all(|(_, value)| is_plain_test(value, steps))
        }
        _ => false,
    }
}

/// Whether an expression is the same at every call, and says nothing of anybody.
pub(super) fn is_constant(
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    expr: &Expr,
    steps: &mut usize,
) -> bool {
    is_constant_in(interpreter, Scope::Function(handler), expr, steps)
}

/// The same, wherever the expression stands.
pub(super) fn is_constant_in(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr, steps: &mut usize) -> bool {
    let Some(left) = steps.checked_sub(1) else { return false };
    *steps = left;
    let mut all = |parts: &[Expr]| parts.iter().all(|part| is_constant_in(interpreter, scope, part, steps));
    match &expr.kind {
        ExprKind::Str(_)
        | ExprKind::Bytes
        | ExprKind::Int(_)
        | ExprKind::Number
        | ExprKind::Bool(_)
        | ExprKind::None
        | ExprKind::Ellipsis => true,
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) | ExprKind::FString(parts) => all(parts),
        ExprKind::Dict(entries) => entries.iter().all(|(key, value)| {
            key.as_ref().is_some_and(|key| is_constant_in(interpreter, scope, key, steps))
                && is_constant_in(interpreter, scope, value, steps)
        }),
        ExprKind::Unary(inner) | ExprKind::Not(inner) => is_constant_in(interpreter, scope, inner, steps),
        ExprKind::Binary { left, right, .. } => {
            is_constant_in(interpreter, scope, left, steps) && is_constant_in(interpreter, scope, right, steps)
        }
        ExprKind::Name(name) => match scope.eval(interpreter, expr) {
            // A list may hold anything by the time that it is given out, if something changes it.
            Value::List(_) | Value::Dict(_) => match imported_there(interpreter, scope, name) {
                Some((file, name)) => is_table(interpreter, file, &name, steps),
                None => is_table(interpreter, scope.file(), name, steps),
            },
            Value::Class(class) => is_enumeration(interpreter, &class),
            value => is_literal(&value),
        },
        // An attribute may be a setting, which the environment fills; a status code is not.
        ExprKind::Attribute { value, name } => match scope.eval(interpreter, value) {
            _ if own_class(scope, value).is_some() => {
                own_class(scope, value).is_some_and(|class| is_kept_constant(interpreter, class, &name.name, steps))
            }
            Value::Instance(instance) if matches!(instance.class, Value::Class(_)) => match &instance.class {
                Value::Class(class) if !is_settings(interpreter, class) => {
                    is_kept_constant(interpreter, class, &name.name, steps)
                }
                _ => false,
            },
            Value::Module(file) => match scope.eval(interpreter, expr) {
                Value::List(_) | Value::Dict(_) => is_table(interpreter, file, &name.name, steps),
                value => is_literal(&value),
            },
            Value::Class(class) => {
                let other = value.as_name().filter(|_| scope.file() != class.site.file);
                is_enumeration(interpreter, &class)
                    || is_kept_constant(interpreter, &class, &name.name, steps)
                        && !is_changed(interpreter, class.site.file, &class.def.name.name)
                        && !other.is_some_and(|name| is_changed(interpreter, scope.file(), name))
            }
            _ => match scope.eval(interpreter, expr) {
                Value::Package(path) => path.starts_with("fastapi.status.") || path.starts_with("starlette.status."),
                // `Color.RED.value`
                _ => {
                    matches!(&value.kind, ExprKind::Attribute { value: class, .. } if is_member_of(interpreter, scope, class))
                }
            },
        },
        ExprKind::Call { func, args } => {
            let plain = args.iter().all(|arg| arg.spread == Spread::No);
            if let ExprKind::Attribute { value, name } = &func.kind
                && FORMATS.contains(&name.name.as_str())
                && matches!(value.kind, ExprKind::Call { .. })
            {
                return args.iter().all(|arg| is_constant_in(interpreter, scope, &arg.value, steps))
                    && is_constant_in(interpreter, scope, value, steps);
            }
            let path = match scope.eval(interpreter, func) {
                Value::Package(path) => path,
                // A function of the project that gives everybody the same.
                Value::Function(function) if args.is_empty() && function.class.is_none() => {
                    let function = interpreter.current(&function);
                    let plain = function.def.params.is_empty() && function.def.decorators.is_empty();
                    return plain
                        && !function.def.is_generator
                        && block_returns(interpreter, &function, &function.def.body, steps) == Some(true);
                }
                // The same of a method of an object that a module keeps: `catalog.kinds()`.
                Value::Bound(bound) if args.is_empty() => {
                    let method = interpreter.current(&bound.1);
                    let plain = method.def.params.len() == 1 && method.def.decorators.is_empty();
                    return plain
                        && !method.def.is_generator
                        && !method.def.is_async
                        && block_returns(interpreter, &method, &method.def.body, steps) == Some(true);
                }
                // A model of the answer that is given nothing else.
                Value::Class(class) => {
                    return plain
                        && is_model(interpreter, &class)
                        && args.iter().all(|arg| is_constant_in(interpreter, scope, &arg.value, steps));
                }
                _ => return false,
            };
            if CLOCKS.contains(&path.as_str()) {
                // The argument of a clock is a time zone: it changes nothing of whom it concerns.
                return true;
            }
            plain
                && (is_response(&path) || path.ends_with(".HTTPException") || VALUES.contains(&path.as_str()))
                && args.iter().all(|arg| is_constant_in(interpreter, scope, &arg.value, steps))
        }
        // `[Suggestion(**one) for one in SUGGESTIONS]`
        ExprKind::Comprehension(made) => match made.clauses.as_slice() {
            [clause] if made.value.is_none() && clause.conditions.is_empty() => {
                is_constant_in(interpreter, scope, &clause.iter, steps)
                    && clause.target.as_name().is_some_and(|one| is_of_entry(interpreter, scope, &made.element, one))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether an expression is an entry of something that is gone through, a part of it, or a model of the answer that is made
/// of it and of nothing else.
fn is_of_entry(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr, entry: &SmolStr) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => name == entry,
        ExprKind::Str(_) | ExprKind::Int(_) => true,
        ExprKind::Attribute { value, .. } => is_of_entry(interpreter, scope, value, entry),
        ExprKind::Subscript { value, index } => {
            [value, index].into_iter().all(|part| is_of_entry(interpreter, scope, part, entry))
        }
        ExprKind::Dict(entries) => entries.iter().all(|(key, value)| {
            let key = key.as_ref().is_none_or(|key| is_of_entry(interpreter, scope, key, entry));
            key && is_of_entry(interpreter, scope, value, entry)
        }),
        ExprKind::Call { func, args } => {
            let made = match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "model_validate" => value,
                _ => func,
            };
            matches!(scope.eval(interpreter, made), Value::Class(class) if is_model(interpreter, &class))
                && args.iter().all(|arg| is_of_entry(interpreter, scope, &arg.value, entry))
        }
        _ => false,
    }
}

/// The class of a method whose receiver an expression is.
fn own_class<'s>(scope: Scope<'s>, expr: &Expr) -> Option<&'s Arc<ClassRef>> {
    let Scope::Function(method) = scope else { return None };
    let receiver = method.def.params.first().filter(|_| method.takes_receiver())?;
    method.class.as_ref().filter(|_| expr.as_name() == Some(&receiver.name.name))
}

/// Whether an attribute of a class's objects is a constant: assigned once, in the body of the class or by its initialiser,
/// and changed by none of its methods.
fn is_kept_constant(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, name: &SmolStr, steps: &mut usize) -> bool {
    let classes = interpreter.linearised(class);
    let (mut found, mut constant) = (0, true);
    for class in classes.iter() {
        interpreter.count_body(class.site);
        for stmt in &class.def.body {
            match &stmt.kind {
                StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(name)) => {
                    found += 1;
                    let scope = Scope::Class(class);
                    constant &=
                        assign.value.as_ref().is_some_and(|value| is_constant_in(interpreter, scope, value, steps));
                }
                StmtKind::Function(def) => {
                    for value in assigned_to_self(def, name) {
                        found += 1;
                        constant &= def.name.name == "__init__"
                            && is_constant_in(interpreter, Scope::Class(class), value, steps);
                    }
                    let Some(receiver) = def.params.first() else { continue };
                    constant &= !changes_attribute(&def.body, &receiver.name.name, name);
                }
                _ => {}
            }
        }
    }
    found == 1 && constant
}

/// The module from which a function imports a name for itself, and its name there.
fn imported_there(interpreter: &Interpreter<'_>, scope: Scope<'_>, name: &SmolStr) -> Option<(FileId, SmolStr)> {
    let Scope::Function(function) = scope else { return None };
    let mut blocks = vec![&function.def.body[..]];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let StmtKind::ImportFrom(import) = &stmt.kind else { continue };
            let Some(imported) = import.names.iter().find(|imported| imported.bound() == name) else { continue };
            return match interpreter.sources().resolve_name(function.site.file, import, &imported.name) {
                Module::File(file) => Some((file, imported.name.clone())),
                _ => None,
            };
        }
    }
    None
}

/// Whether a class of the framework holds nothing but what it is given.
pub(super) fn is_response(path: &str) -> bool {
    let is_of_framework = path.starts_with("fastapi.") || path.starts_with("starlette.");
    is_of_framework && path.rsplit('.').next().is_some_and(|class| RESPONSES.contains(&class))
}

/// Whether a class is a pydantic model that does nothing of its own when it is made.
pub(super) fn is_model(interpreter: &Interpreter<'_>, class: &ClassRef) -> bool {
    let plain = |class: &Arc<ClassRef>| {
        let defines = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Function(_));
        !class.def.body.iter().any(defines)
    };
    interpreter.package_bases(class).iter().any(|base| base == "pydantic.BaseModel")
        && interpreter.linearised(class).iter().all(plain)
}

/// Whether an expression is an enumeration.
fn is_member_of(interpreter: &Interpreter<'_>, scope: Scope<'_>, class: &Expr) -> bool {
    matches!(scope.eval(interpreter, class), Value::Class(class) if is_enumeration(interpreter, &class))
}

/// Whether a class lists constants.
fn is_enumeration(interpreter: &Interpreter<'_>, class: &ClassRef) -> bool {
    interpreter.package_bases(class).iter().any(|base| base.starts_with("enum."))
}

/// Whether a value is written in the source, and stays as it is.
fn is_literal(value: &Value) -> bool {
    matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_))
}
