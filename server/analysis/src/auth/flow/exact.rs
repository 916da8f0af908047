//! Values that are exactly known: constants of the code, and the request that a
//! middleware is executed for. They decide conditions; what only the
//! configuration decides does not.

use smol_str::SmolStr;

use super::super::code::is_settings;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::{FunctionRef, Value};

/// Longest known list that a loop is executed over, value by value.
const MAX_UNROLLED: usize = 64;

impl Flow<'_, '_> {
    /// The exact value of an expression, where it is known: of constants of the
    /// code, and of a request that a middleware is executed for.
    pub(super) fn exact(&self, path: &Path, expr: &Expr) -> Option<Value> {
        let (mut local, mut known) = (false, false);
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Name(name) if path.known.iter().any(|(n, _)| n == name) => known = true,
                ExprKind::Name(name) if path.vars.contains_key(name) => local = true,
                ExprKind::Name(name) if !self.closes_over(name) && is_placeholder(name, &self.outer(expr)) => {
                    return None;
                }
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

    /// Whether a name is a variable of a function around the one that is executed.
    fn closes_over(&self, name: &SmolStr) -> bool {
        let frames = self.function().closure.iter();
        frames.flat_map(|frame| &frame.vars).any(|(variable, _)| variable == name)
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
        let is_method = function.takes_receiver();
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
    /// request and no variable of the function enters it but those that hold settings.
    pub(super) fn is_configuration(&self, path: &Path, test: &Expr) -> bool {
        let mut outer = false;
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Name(name) if path.is_setting(name) => outer = true,
                ExprKind::Attribute { value, .. } if self.is_kept_setting(value, expr) => outer = true,
                // What a factory was given is no setting.
                ExprKind::Name(name) if path.vars.contains_key(name) || self.closes_over(name) => return false,
                ExprKind::Name(_) => outer = true,
                // `len(users.admins())` counts rows.
                ExprKind::Call { func, .. } if !self.asks_configuration(path, expr, func) => return false,
                ExprKind::Await(_) | ExprKind::Comprehension(_) | ExprKind::Lambda { .. } | ExprKind::Unknown => {
                    return false;
                }
                _ => pending.extend(expr.children()),
            }
        }
        outer
    }

    /// Whether an expression is an attribute of the object that the function is a method of, which was made with what the
    /// environment says: `self.secret_key`.
    fn is_kept_setting(&self, object: &Expr, attribute: &Expr) -> bool {
        let function = self.function();
        let receiver = function.def.params.first().filter(|_| function.takes_receiver());
        receiver.is_some_and(|receiver| object.as_name() == Some(&receiver.name.name))
            && self.judge.resolve.names_environment(function, attribute)
    }

    /// Whether a call may be one that reads the configuration: of a package, of a
    /// text, or of a function of the project that gives settings or a constant.
    fn asks_configuration(&self, path: &Path, call: &Expr, func: &Expr) -> bool {
        let value = |expr: &Expr| match path.settings.as_slice() {
            [] => self.outer(expr),
            settings => self.judge.resolve.eval_knowing(self.function(), expr, settings),
        };
        match value(func) {
            Value::Package(_) => true,
            Value::Function(function) => {
                let flags = function.class.is_none() && function.def.params.is_empty();
                flags || !matches!(value(call), Value::Unknown(_))
            }
            Value::Bound(_) | Value::Instance(_) => !matches!(value(call), Value::Unknown(_)),
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
            if is_said_by_client(expr) {
                continue;
            }
            let asks = match &expr.kind {
                ExprKind::Name(name) => matches!(known(name), Some(Value::Str(_))),
                ExprKind::Attribute { value, name } => {
                    let request = value.as_name().and_then(known);
                    matches!(request, Some(Value::Record(_))) && matches!(name.name.as_str(), "url" | "method")
                }
                ExprKind::Subscript { value, index } => {
                    let scope = value.as_name().and_then(known);
                    matches!(scope, Some(Value::Dict(_)))
                        && index.as_str().is_some_and(|key| !matches!(key.as_str(), "headers" | "query_string"))
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
    pub(super) fn is_setting(&self, expr: &Expr) -> bool {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if let ExprKind::Attribute { value, .. } = &expr.kind
                && let Value::Instance(instance) = self.outer(value)
                && let Value::Class(class) = &instance.class
                && is_settings(self.judge.resolve, class)
            {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    }
}

/// Whether an expression is a part of a request's address that says nothing of the route: `request.url.query`
/// (Starlette 0.46, `URL`).
fn is_said_by_client(expr: &Expr) -> bool {
    const PARTS: &[&str] = &["query", "fragment", "scheme", "netloc", "hostname", "port", "username", "password"];
    let ExprKind::Attribute { value, name } = &expr.kind else { return false };
    let is_address = matches!(&value.kind, ExprKind::Attribute { name, .. } if name.name == "url");
    is_address && PARTS.contains(&name.name.as_str())
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
