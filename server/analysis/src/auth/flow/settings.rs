//! Variables that hold settings: conditions on them are conditions on the configuration.

use smol_str::SmolStr;

use super::super::code::is_settings;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Expr, ExprKind, Param, Stmt, StmtKind};
use crate::index::interpreter::truth;
use crate::index::value::{Arguments, FunctionRef, Value};

impl Flow<'_, '_> {
    /// What an assigned variable holds of the configuration: an object of settings
    /// (`settings = get_settings()`), or what the environment alone decides
    /// (`dev = settings.environment == "dev"`). The value is the one by default.
    pub(super) fn setting(&self, path: &Path, expr: &Expr, value: &Abs) -> Option<Value> {
        if let Some(object) = self.settings_object(value) {
            return Some(object);
        }
        if !self.is_configuration(path, expr) {
            return None;
        }
        let by_default = self.judge.resolve.eval_by_default(self.function(), expr, &path.settings);
        if self.is_record_of_environment(expr, value) {
            return Some(by_default);
        }
        let decided = || truth(&by_default).is_some() && truth(&self.outer(expr)).is_none();
        (self.is_setting(expr) || path.names_setting(expr) || self.is_made_by_settings(expr) || decided())
            .then_some(by_default)
    }

    /// Whether a call without arguments gives what a function of the project makes where settings say so, or nothing:
    /// `keys = get_jwks_client()`.
    fn is_made_by_settings(&self, call: &Expr) -> bool {
        let Some((func, [])) = call.as_call() else { return false };
        let Value::Function(function) = self.outer(func) else { return false };
        let function = self.judge.resolve.current(&function);
        if function.class.is_some() || !function.def.params.is_empty() || function.def.is_generator {
            return false;
        }
        let mut objects: Vec<SmolStr> = Vec::new();
        each_of(&function.def.body, &mut |stmt| {
            if let StmtKind::Assign(assign) = &stmt.kind
                && let ([target], Some(value)) = (assign.targets.as_slice(), &assign.value)
                && let Some(name) = target.as_name()
                && self.is_settings_value(&self.judge.resolve.eval(&function, value))
            {
                objects.push(name.clone());
            }
        });
        let is_object = |expr: &Expr| {
            expr.as_name().is_some_and(|name| objects.contains(name))
                || self.is_settings_value(&self.judge.resolve.eval(&function, expr))
        };
        let mut gives_nothing = false;
        each_of(&function.def.body, &mut |stmt| {
            if let StmtKind::If { test, body, .. } = &stmt.kind {
                let ends = |stmt: &Stmt| match &stmt.kind {
                    StmtKind::Return(value) => value.as_ref().is_none_or(|value| matches!(value.kind, ExprKind::None)),
                    _ => false,
                };
                gives_nothing |= body.iter().any(ends) && names_attribute_of(test, &is_object);
            }
        });
        gives_nothing
    }

    fn is_settings_value(&self, value: &Value) -> bool {
        match value {
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => is_settings(self.judge.resolve, class),
                _ => false,
            },
            _ => false,
        }
    }

    /// Notes that a parameter holds the settings, where FastAPI and not the client fills it.
    pub(super) fn inject_settings(&self, path: &mut Path, param: &Param, value: &Abs) {
        let name = &param.name.name;
        let variable = Expr { range: param.name.range, kind: ExprKind::Name(name.clone()) };
        if let Some(object) = self.settings_object(value).filter(|_| !self.is_of_client(&variable)) {
            path.settings.push((name.clone(), object));
        }
    }

    /// Notes which parameters of a function hold the settings that it is called with.
    pub(super) fn know_settings(&self, entry: &mut Path, function: &FunctionRef) {
        for param in &function.def.params {
            let name = &param.name.name;
            if let Some(object) = entry.get(name).and_then(|value| self.settings_object(value)) {
                entry.settings.push((name.clone(), object));
            }
        }
    }

    /// Whether a call makes a record of the project of what the environment says: `config = auth_config_from_env()`.
    fn is_record_of_environment(&self, call: &Expr, value: &Abs) -> bool {
        let Abs::Object(object) = value else { return false };
        let class = match &**object {
            Value::Class(class) => class,
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => class,
                _ => return false,
            },
            _ => return false,
        };
        let resolve = self.judge.resolve;
        let Some((func, _)) = call.as_call() else { return false };
        let Value::Function(function) = self.outer(func) else { return false };
        let function = resolve.current(&function);
        let reads = |stmt: &Stmt| stmt.exprs().into_iter().any(|expr| resolve.names_environment(&function, expr));
        !resolve.record_fields(class).is_empty() && any_of(&function.def.body, reads)
    }

    /// The instance, where a value is an object of settings.
    fn settings_object(&self, value: &Abs) -> Option<Value> {
        let Abs::Object(object) = value else { return None };
        let resolve = self.judge.resolve;
        match &**object {
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) if is_settings(resolve, class) => Some((**object).clone()),
                _ => None,
            },
            Value::Class(class) if is_settings(resolve, class) => {
                Some(resolve.instance(class, Arguments::default(), class.site))
            }
            _ => None,
        }
    }
}

/// Whether something holds for a statement of a body, those of nested blocks included.
fn any_of(body: &[Stmt], holds: impl Fn(&Stmt) -> bool) -> bool {
    let mut pending: Vec<&Stmt> = body.iter().collect();
    while let Some(stmt) = pending.pop() {
        if holds(stmt) {
            return true;
        }
        pending.extend(stmt.blocks().into_iter().flatten());
    }
    false
}

/// Looks at every statement of a body, those of nested blocks included.
fn each_of<'b>(body: &'b [Stmt], look: &mut dyn FnMut(&'b Stmt)) {
    let mut pending: Vec<&Stmt> = body.iter().rev().collect();
    while let Some(stmt) = pending.pop() {
        look(stmt);
        pending.extend(stmt.blocks().into_iter().flatten());
    }
}

/// Whether an attribute of such an object enters an expression.
fn names_attribute_of(expr: &Expr, is_object: &dyn Fn(&Expr) -> bool) -> bool {
    let is_it = matches!(&expr.kind, ExprKind::Attribute { value, .. } if is_object(value));
    is_it || expr.children().into_iter().any(|child| names_attribute_of(child, is_object))
}

impl Path {
    /// Whether a variable holds settings.
    pub(super) fn is_setting(&self, name: &SmolStr) -> bool {
        self.settings.iter().any(|(setting, _)| setting == name)
    }

    /// Whether a variable that holds settings enters an expression.
    fn names_setting(&self, expr: &Expr) -> bool {
        let is_named = expr.as_name().is_some_and(|name| self.is_setting(name));
        is_named || expr.children().into_iter().any(|child| self.names_setting(child))
    }
}
