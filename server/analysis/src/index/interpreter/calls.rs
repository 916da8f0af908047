//! Calls and decorators.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{Arguments, Depends, FunctionRef, Instance, Value};
use super::expressions::{UNSUPPORTED, truth};
use super::{Execution, Scope};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread};
use crate::index::modules::Module;
use crate::text::TextRange;

impl Execution<'_, '_> {
    /// Evaluates a call.
    pub(super) fn call(&mut self, scope: &mut Scope, range: TextRange, func: &Expr, args: &[Arg]) -> Value {
        let site = scope.site(range);
        if let ExprKind::Attribute { value, name } = &func.kind {
            let receiver = self.forced(scope, value);
            if let Value::Router(id) = receiver {
                let arguments = self.arguments(scope, args);
                return self.router_call(id, &name.name, &arguments, site);
            }
            if let Some(result) = self.container_method(scope, value, &receiver, &name.name, args) {
                return result;
            }
            let callee = self.attribute(receiver, &name.name);
            return self.call_value(scope, callee, args, site);
        }
        // `app.middleware("http")(guard)`: a decorator, called by hand.
        if let Some((method, outer)) = func.as_call()
            && let ExprKind::Attribute { value, name } = &method.kind
            && let Value::Router(id) = self.forced(scope, value)
        {
            let arguments = self.arguments(scope, outer);
            let decorated = self.arguments(scope, args).positional.first().cloned().unwrap_or(UNSUPPORTED);
            let decorated = self.interpreter.force(decorated);
            return self.router_decorator(id, &name.name, &arguments, &decorated, site).unwrap_or(UNSUPPORTED);
        }
        let callee = self.forced(scope, func);
        self.call_value(scope, callee, args, site)
    }

    fn call_value(&mut self, scope: &mut Scope, callee: Value, args: &[Arg], site: super::Site) -> Value {
        let arguments = self.arguments(scope, args);
        if let Some(kind) = self.makes_router(&callee) {
            return self.make_router(kind, &arguments, site);
        }
        match &callee {
            Value::Package(path) => self.call_package(path, arguments, site),
            Value::Function(function) => self.invoke(function, None, &arguments),
            Value::Bound(bound) => self.invoke(&bound.1, Some(bound.0.clone()), &arguments),
            Value::Class(_) => Value::Instance(Arc::new(Instance { class: callee, args: arguments, site })),
            _ => UNSUPPORTED,
        }
    }

    fn call_package(&mut self, path: &SmolStr, arguments: Arguments, site: super::Site) -> Value {
        match path.as_str() {
            "fastapi.Depends"
            | "fastapi.params.Depends"
            | "fastapi.param_functions.Depends"
            | "fastapi.Security"
            | "fastapi.params.Security"
            | "fastapi.param_functions.Security" => {
                let dependency = arguments.get("dependency", Some(0)).cloned();
                let dependency = dependency.map(|value| self.interpreter.force(value));
                let scopes = match arguments.get("scopes", Some(1)) {
                    Some(value) => match self.interpreter.force(value.clone()) {
                        Value::List(scopes) => scopes.iter().filter_map(as_str).collect(),
                        _ => Vec::new(),
                    },
                    None => Vec::new(),
                };
                let dependency = dependency.filter(|value| !matches!(value, Value::None));
                Value::Depends(Arc::new(Depends { dependency, scopes, site }))
            }
            "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.sorted" | "builtins.reversed" => {
                match arguments.positional.first() {
                    None => Value::List(Arc::default()),
                    Some(value) => match self.interpreter.force(value.clone()) {
                        list @ Value::List(_) => list,
                        _ => UNSUPPORTED,
                    },
                }
            }
            "builtins.dict" => {
                let entries = arguments.named.iter().map(|(name, value)| (Value::Str(name.clone()), value.clone()));
                if arguments.open_ended || !arguments.positional.is_empty() {
                    return UNSUPPORTED;
                }
                Value::Dict(Arc::new(entries.collect()))
            }
            "builtins.str" => match arguments.positional.first() {
                Some(text @ Value::Str(_)) => text.clone(),
                Some(Value::Int(number)) => Value::Str(SmolStr::new(number.to_string())),
                _ => UNSUPPORTED,
            },
            "builtins.any" | "builtins.all" => self.any_or_all(path == "builtins.any", &arguments),
            "builtins.enumerate" | "builtins.zip" => self.zipped(path == "builtins.enumerate", &arguments),
            "builtins.getattr" => match arguments.positional.as_slice() {
                [object, Value::Str(name), ..] => {
                    let object = self.interpreter.force(object.clone());
                    self.attribute(object, name)
                }
                _ => UNSUPPORTED,
            },
            "importlib.import_module" => match arguments.positional.first() {
                Some(Value::Str(name)) => match self.interpreter.sources.resolve(site.file, 0, name) {
                    Module::Missing(_) => UNSUPPORTED,
                    module => module.into_value(),
                },
                _ => UNSUPPORTED,
            },
            "typing.cast" => arguments.positional.get(1).cloned().unwrap_or(UNSUPPORTED),
            _ if path.starts_with("builtins.") => UNSUPPORTED,
            // An instance of a package's class, or what a package's function
            // returns: which of the two, only the package knows.
            _ => Value::Instance(Arc::new(Instance { class: Value::Package(path.clone()), args: arguments, site })),
        }
    }

    /// `any(…)` or `all(…)` of a known list of known truths.
    fn any_or_all(&mut self, any: bool, arguments: &Arguments) -> Value {
        let Some(Value::List(values)) = arguments.positional.first() else { return UNSUPPORTED };
        let mut unknown = false;
        for value in values.iter() {
            match truth(&self.interpreter.force(value.clone())) {
                Some(value) if value == any => return Value::Bool(any),
                Some(_) => {}
                None => unknown = true,
            }
        }
        if unknown { UNSUPPORTED } else { Value::Bool(!any) }
    }

    fn zipped(&mut self, enumerate: bool, arguments: &Arguments) -> Value {
        let mut lists = Vec::new();
        for value in &arguments.positional {
            match self.interpreter.force(value.clone()) {
                Value::List(values) => lists.push(values),
                _ => return UNSUPPORTED,
            }
        }
        let length = lists.iter().map(|list| list.len()).min().unwrap_or(0);
        let row = |at: usize| {
            let number = enumerate.then_some(Value::Int(at as i64));
            Value::List(Arc::new(number.into_iter().chain(lists.iter().map(|list| list[at].clone())).collect()))
        };
        Value::List(Arc::new((0..length).map(row).collect()))
    }

    /// Evaluates the arguments of a call.
    pub(super) fn arguments(&mut self, scope: &mut Scope, args: &[Arg]) -> Arguments {
        let mut arguments = Arguments::default();
        for arg in args {
            match (&arg.name, arg.spread) {
                (Some(name), _) => arguments.named.push((name.name.clone(), self.expr(scope, &arg.value))),
                (None, Spread::No) => {
                    let value = self.expr(scope, &arg.value);
                    arguments.positional.push(value);
                }
                (None, Spread::Iterable) => match self.forced(scope, &arg.value) {
                    Value::List(values) => arguments.positional.extend(values.iter().cloned()),
                    _ => arguments.open_ended = true,
                },
                (None, Spread::Mapping) => match self.forced(scope, &arg.value) {
                    Value::Dict(entries) => {
                        for (key, value) in entries.iter() {
                            match key {
                                Value::Str(name) => arguments.named.push((name.clone(), value.clone())),
                                _ => arguments.open_ended = true,
                            }
                        }
                    }
                    _ => arguments.open_ended = true,
                },
            }
        }
        arguments
    }

    /// Methods of strings, lists and dictionaries. `None` when the receiver is
    /// none of them.
    fn container_method(
        &mut self,
        scope: &mut Scope,
        target: &Expr,
        receiver: &Value,
        method: &str,
        args: &[Arg],
    ) -> Option<Value> {
        match receiver {
            Value::List(values) => {
                let values = Arc::clone(values);
                let arguments = self.arguments(scope, args);
                match (method, arguments.positional.first()) {
                    ("append", Some(value)) => {
                        let value = value.clone();
                        let grown = Value::List(Arc::new(values.iter().cloned().chain([value]).collect()));
                        self.bind(scope, target, self.grown(grown));
                    }
                    ("extend", Some(more)) => {
                        let grown = match self.interpreter.force(more.clone()) {
                            Value::List(more) => {
                                Value::List(Arc::new(values.iter().chain(more.iter()).cloned().collect()))
                            }
                            _ => UNSUPPORTED,
                        };
                        self.bind(scope, target, self.grown(grown));
                    }
                    ("insert" | "remove" | "pop" | "clear", _) => self.bind(scope, target, UNSUPPORTED),
                    _ => {}
                }
                Some(Value::None)
            }
            Value::Str(text) => {
                let text = text.clone();
                let arguments = self.arguments(scope, args);
                Some(string_method(&text, method, &arguments))
            }
            Value::Dict(entries) => {
                let list = |values: Vec<Value>| Some(Value::List(Arc::new(values)));
                match method {
                    "items" => {
                        list(entries.iter().map(|(k, v)| Value::List(Arc::new(vec![k.clone(), v.clone()]))).collect())
                    }
                    "values" => list(entries.iter().map(|(_, v)| v.clone()).collect()),
                    "keys" => list(entries.iter().map(|(k, _)| k.clone()).collect()),
                    _ => Some(UNSUPPORTED),
                }
            }
            _ => None,
        }
    }

    /// What a list becomes that is added to: unknown, if it is not certain that
    /// or how often that happens.
    fn grown(&self, list: Value) -> Value {
        if self.conditional > 0 || self.unknown_loops > 0 { UNSUPPORTED } else { list }
    }

    /// Applies one decorator and gives what the name is bound to afterwards.
    pub(super) fn decorate(
        &mut self,
        scope: &mut Scope,
        decorator: &Expr,
        decorated: Value,
        function: &Arc<FunctionRef>,
    ) -> Value {
        let Some((func, args)) = decorator.as_call() else {
            return self.wrap(self.interpreter.eval_in(scope, decorator), decorated, function);
        };
        if let ExprKind::Attribute { value, name } = &func.kind
            && let Value::Router(id) = self.forced(scope, value)
        {
            let arguments = self.arguments(scope, args);
            let site = scope.site(decorator.range);
            if let Some(value) = self.router_decorator(id, &name.name, &arguments, &decorated, site) {
                return value;
            }
        }
        let factory = self.forced(scope, func);
        self.wrap(factory, decorated, function)
    }

    /// A decorator that is no route: the name goes on meaning the function, as
    /// decorators with `functools.wraps` keep the signature that FastAPI reads.
    fn wrap(&mut self, _decorator: Value, decorated: Value, _function: &Arc<FunctionRef>) -> Value {
        decorated
    }
}

fn as_str(value: &Value) -> Option<SmolStr> {
    match value {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn string_method(text: &str, method: &str, arguments: &Arguments) -> Value {
    let first = arguments.positional.first().and_then(as_str);
    let result = match (method, first) {
        ("lower", None) => text.to_lowercase(),
        ("upper", None) => text.to_uppercase(),
        ("strip", None) => text.trim().to_owned(),
        ("strip", Some(set)) => text.trim_matches(|c| set.contains(c)).to_owned(),
        ("rstrip", Some(set)) => text.trim_end_matches(|c| set.contains(c)).to_owned(),
        ("lstrip", Some(set)) => text.trim_start_matches(|c| set.contains(c)).to_owned(),
        ("removeprefix", Some(prefix)) => text.strip_prefix(prefix.as_str()).unwrap_or(text).to_owned(),
        ("removesuffix", Some(suffix)) => text.strip_suffix(suffix.as_str()).unwrap_or(text).to_owned(),
        ("replace", Some(from)) => match arguments.positional.get(1) {
            Some(Value::Str(to)) => text.replace(from.as_str(), to),
            _ => return UNSUPPORTED,
        },
        ("startswith", Some(prefix)) => return Value::Bool(text.starts_with(prefix.as_str())),
        ("endswith", Some(suffix)) => return Value::Bool(text.ends_with(suffix.as_str())),
        ("startswith" | "endswith", None) => return starts_or_ends_with_any(text, method == "startswith", arguments),
        ("split", Some(separator)) if !separator.is_empty() => {
            let parts = text.split(separator.as_str()).map(|part| Value::Str(part.into()));
            return Value::List(Arc::new(parts.collect()));
        }
        ("join", None) => return joined(text, arguments),
        ("format", _) => return formatted(text, arguments),
        _ => return UNSUPPORTED,
    };
    Value::Str(result.into())
}

/// `text.startswith((…, …))`.
fn starts_or_ends_with_any(text: &str, starts: bool, arguments: &Arguments) -> Value {
    let Some(Value::List(parts)) = arguments.positional.first() else { return UNSUPPORTED };
    let parts: Option<Vec<SmolStr>> = parts.iter().map(as_str).collect();
    let fits = |part: &SmolStr| if starts { text.starts_with(part.as_str()) } else { text.ends_with(part.as_str()) };
    parts.map_or(UNSUPPORTED, |parts| Value::Bool(parts.iter().any(fits)))
}

fn joined(separator: &str, arguments: &Arguments) -> Value {
    let Some(Value::List(parts)) = arguments.positional.first() else { return UNSUPPORTED };
    let parts: Option<Vec<SmolStr>> = parts.iter().map(as_str).collect();
    parts.map_or(UNSUPPORTED, |parts| Value::Str(parts.join(separator).into()))
}

/// `"/{}/{name}".format(…)`, as far as every field is a known string.
fn formatted(text: &str, arguments: &Arguments) -> Value {
    let mut out = String::new();
    let mut rest = text;
    let mut next = 0;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        if let Some(escaped) = rest[open + 1..].strip_prefix('{') {
            out.push('{');
            rest = escaped;
            continue;
        }
        let Some(close) = rest[open..].find('}') else { return UNSUPPORTED };
        let field = &rest[open + 1..open + close];
        let value = match field.parse::<usize>() {
            Ok(at) => arguments.positional.get(at),
            Err(_) if field.is_empty() => {
                next += 1;
                arguments.positional.get(next - 1)
            }
            Err(_) => arguments.named.iter().find(|(name, _)| name == field).map(|(_, value)| value),
        };
        match value {
            Some(Value::Str(value)) => out.push_str(value),
            Some(Value::Int(value)) => out.push_str(&value.to_string()),
            _ => return UNSUPPORTED,
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(&rest.replace("}}", "}"));
    Value::Str(out.into())
}
