//! Calls and decorators.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::regular::Place;
use super::super::value::{Arguments, Attributes, Depends, Instance, Resolve, RouterId, Site, Unknown, Value};
use super::expressions::{UNSUPPORTED, may_be_missing, perhaps, same, truth};
use super::{Execution, MAX_ITERATIONS, Scope};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread};
use crate::index::modules::Module;
use crate::text::TextRange;

impl Execution<'_, '_> {
    /// Evaluates a call.
    pub(super) fn call(&mut self, scope: &mut Scope, range: TextRange, func: &Expr, args: &[Arg]) -> Value {
        let site = scope.site(range);
        if let ExprKind::Attribute { value, name } = &func.kind {
            let receiver = self.forced(scope, value);
            if let Value::RouteList(router) = receiver {
                return self.route_list_method(scope, router, &name.name, args, site);
            }
            if let Some(result) = self.container_method(scope, value, &receiver, &name.name, args) {
                return result;
            }
            if let Value::Instance(compiled) = &receiver
                && matches!(&compiled.class, Value::Package(path) if path == "re.compile")
                && let [pattern] = compiled.args.positional.as_slice()
            {
                let pattern = self.interpreter.force(pattern.clone());
                let arguments = self.arguments(scope, args);
                return self.matched(&name.name, &pattern, arguments.positional.as_slice());
            }
            if let Value::Instance(instance) = &receiver
                && let Some(class) = self.library_class(instance, &name.name)
            {
                let arguments = self.arguments(scope, args);
                if let Some(result) = self.library_method(instance, &class, &name.name, &arguments, site) {
                    return result;
                }
                let callee = self.attribute(receiver, &name.name);
                return self.apply(callee, arguments, site);
            }
            let callee = self.attribute(receiver, &name.name);
            return self.call_value(scope, callee, args, site);
        }
        let callee = self.forced(scope, func);
        if let Value::Package(path) = &callee
            && path == "builtins.super"
        {
            let arguments = self.arguments(scope, args);
            return self.super_object(scope, &arguments);
        }
        self.call_value(scope, callee, args, site)
    }

    fn call_value(&mut self, scope: &mut Scope, callee: Value, args: &[Arg], site: Site) -> Value {
        let arguments = self.arguments(scope, args);
        self.apply(callee, arguments, site)
    }

    /// Calls a value.
    pub(super) fn apply(&mut self, callee: Value, arguments: Arguments, site: Site) -> Value {
        if let Some(kind) = self.makes_router(&callee) {
            return self.make_router(kind, &callee, &arguments, site);
        }
        match &callee {
            Value::Package(path) => self.call_package(path, arguments, site),
            Value::Function(function) => self.invoke(function, None, &arguments),
            Value::Bound(bound) => self.invoke(&bound.1, Some(bound.0.clone()), &arguments),
            Value::Class(class) => self.construct(class, arguments, site),
            Value::RouterMethod(router, method) => self.router_method(*router, method, arguments, site),
            Value::RouteDecorator(decorator) => match arguments.positional.first() {
                Some(decorated) => {
                    let decorated = self.interpreter.force(decorated.clone());
                    self.apply_route_decorator(decorator, &decorated)
                }
                None => UNSUPPORTED,
            },
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => match self.interpreter.method(class, "__call__") {
                    Some(call) => self.invoke(&call, Some(callee.clone()), &arguments),
                    None => UNSUPPORTED,
                },
                Value::Package(path) if path == "functools.partial" => {
                    let Some((inner, bound)) = instance.args.positional.split_first() else { return UNSUPPORTED };
                    let mut all = Arguments { positional: bound.to_vec(), ..instance.args.clone() };
                    all.positional.extend(arguments.positional);
                    all.named.retain(|(name, _)| !arguments.named.iter().any(|(n, _)| n == name));
                    all.named.extend(arguments.named);
                    all.open_ended |= arguments.open_ended;
                    let inner = self.interpreter.force(inner.clone());
                    self.step();
                    if self.depth >= super::MAX_DEPTH {
                        return UNSUPPORTED;
                    }
                    self.depth += 1;
                    let result = self.apply(inner, all, site);
                    self.depth -= 1;
                    result
                }
                // `functools.wraps(f)(wrapper)` has the signature of `f`.
                Value::Package(path) if path == "functools.wraps" => {
                    let wrapped = instance.args.positional.first().cloned();
                    let wrapped = wrapped.map_or(UNSUPPORTED, |f| self.interpreter.force(f));
                    match (wrapped, arguments.positional.into_iter().next()) {
                        (Value::Function(wrapped), Some(Value::Function(wrapper))) => {
                            let mut wrapped = Arc::unwrap_or_clone(wrapped);
                            wrapped.wrappers.push(vec![wrapper]);
                            Value::Function(Arc::new(wrapped))
                        }
                        (wrapped, _) => wrapped,
                    }
                }
                _ => UNSUPPORTED,
            },
            _ => UNSUPPORTED,
        }
    }

    /// `router.routes.append(…)`, `router.routes.extend(…)`.
    fn route_list_method(&mut self, scope: &mut Scope, id: RouterId, name: &str, args: &[Arg], site: Site) -> Value {
        let arguments = self.arguments(scope, args);
        let added = match (name, arguments.positional.as_slice()) {
            ("append", [route]) | ("insert", [_, route]) => Value::List(Arc::new(vec![route.clone()])),
            ("extend", [routes]) => routes.clone(),
            _ => return UNSUPPORTED,
        };
        self.route_objects(id, &added, site);
        Value::None
    }

    /// What a method of `re` finds in a text: whether it finds anything, at least.
    fn matched(&mut self, method: &str, pattern: &Value, texts: &[Value]) -> Value {
        let place = match method {
            "match" => Place::Start,
            "fullmatch" => Place::Whole,
            "search" => Place::Anywhere,
            _ => return UNSUPPORTED,
        };
        let [text] = texts else { return UNSUPPORTED };
        match (pattern, self.interpreter.force(text.clone())) {
            (Value::Str(pattern), Value::Str(text)) => {
                match self.interpreter.expressions.match_with(pattern, &text, place) {
                    Some(true) => Value::Bool(true),
                    Some(false) => Value::None,
                    None => UNSUPPORTED,
                }
            }
            _ => UNSUPPORTED,
        }
    }

    fn call_package(&mut self, path: &SmolStr, arguments: Arguments, site: Site) -> Value {
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
            "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.frozenset" | "builtins.sorted"
            | "builtins.reversed" => match arguments.positional.first() {
                None => Value::List(Arc::default()),
                Some(value) => match self.interpreter.force(value.clone()) {
                    list @ Value::List(_) => list,
                    _ => UNSUPPORTED,
                },
            },
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
                [object, Value::Str(name), rest @ ..] => {
                    let object = self.interpreter.force(object.clone());
                    // What it has is not all known.
                    let is_partly_known = matches!(object, Value::Unknown(_) | Value::Record(_));
                    match (self.attribute(object, name), rest.first().filter(|_| !is_partly_known)) {
                        (Value::Unknown(Unknown::Unsupported), Some(default)) => default.clone(),
                        (value, _) => value,
                    }
                }
                _ => UNSUPPORTED,
            },
            "re.match" | "re.fullmatch" | "re.search" => match arguments.positional.as_slice() {
                [pattern, text] => {
                    let pattern = self.interpreter.force(pattern.clone());
                    self.matched(path.trim_start_matches("re."), &pattern, std::slice::from_ref(text))
                }
                _ => UNSUPPORTED,
            },
            "builtins.setattr" => match arguments.positional.as_slice() {
                [object, Value::Str(name), value] => {
                    let object = self.interpreter.force(object.clone());
                    self.set_attribute(&object, name, value.clone());
                    Value::None
                }
                _ => UNSUPPORTED,
            },
            "builtins.isinstance" => self.is_instance(&arguments),
            "builtins.range" => range(&arguments),
            "builtins.len" => match arguments.positional.first().map(|value| self.interpreter.force(value.clone())) {
                Some(Value::List(values)) if !values.iter().any(may_be_missing) => Value::Int(values.len() as i64),
                _ => UNSUPPORTED,
            },
            "importlib.import_module" => self.import_module(&arguments, site),
            // With a list of names it gives the module itself, and not its outermost package.
            "builtins.__import__" => {
                let names = arguments.get("fromlist", Some(3)).map(|names| self.interpreter.force(names.clone()));
                match (names.as_ref().and_then(truth), arguments.positional.first().cloned()) {
                    (Some(true), Some(name)) => {
                        let positional = vec![self.interpreter.force(name)];
                        self.import_module(&Arguments { positional, ..Arguments::default() }, site)
                    }
                    _ => UNSUPPORTED,
                }
            }
            // What the environment does not set has its default.
            "os.getenv" | "os.environ.get" | "decouple.config" => {
                self.assumptions += 1;
                match arguments.get("default", Some(1)) {
                    Some(text @ Value::Str(_)) => text.clone(),
                    _ => UNSUPPORTED,
                }
            }
            "typing.cast" => arguments.positional.get(1).cloned().unwrap_or(UNSUPPORTED),
            _ if path.starts_with("builtins.") => UNSUPPORTED,
            _ => self.library_call(path, arguments, site),
        }
    }

    /// What calling something of a package gives: an instance of its class, or
    /// what its function returns; which of the two, only the package knows.
    pub(super) fn package_instance(&mut self, path: &SmolStr, args: Arguments, site: Site) -> Value {
        let attributes = Attributes::of(self.number);
        Value::Instance(Arc::new(Instance { class: Value::Package(path.clone()), args, site, attributes }))
    }

    fn import_module(&mut self, arguments: &Arguments, site: Site) -> Value {
        let (Some(Value::Str(name)), sources) = (arguments.positional.first(), self.interpreter.sources) else {
            return UNSUPPORTED;
        };
        let level = name.bytes().take_while(|&byte| byte == b'.').count();
        let module = match (level, arguments.get("package", Some(1))) {
            (0, _) => name.to_string(),
            (1, Some(Value::Str(package))) => format!("{package}{name}"),
            // `__package__` of the importer itself.
            (_, Some(Value::Package(of))) if of == "builtins.__package__" => {
                return match sources.resolve(site.file, level as u32, &name[level..]) {
                    Module::Missing(_) => UNSUPPORTED,
                    module => module.into_value(),
                };
            }
            _ => return UNSUPPORTED,
        };
        match sources.resolve(site.file, 0, &module) {
            Module::Missing(_) => UNSUPPORTED,
            module => module.into_value(),
        }
    }

    /// `isinstance`, where the answer is certain.
    fn is_instance(&mut self, arguments: &Arguments) -> Value {
        let [object, Value::Package(class)] = arguments.positional.as_slice() else { return UNSUPPORTED };
        let object = self.interpreter.force(object.clone());
        match (object, class.as_str()) {
            (Value::Str(_), "builtins.str") | (Value::List(_), "builtins.list") => Value::Bool(true),
            (Value::List(_), "builtins.str") | (Value::Str(_), "builtins.list") => Value::Bool(false),
            _ => UNSUPPORTED,
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
                Value::List(values) if !values.iter().any(may_be_missing) => lists.push(values),
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
                    Value::List(values) if !values.iter().any(may_be_missing) => {
                        arguments.positional.extend(values.iter().cloned());
                    }
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
                        let added = |value| Value::List(Arc::new(values.iter().cloned().chain([value]).collect()));
                        let value = self.interpreter.force(value.clone());
                        let may_miss = self.conditional > 0 && self.unknown_loops == 0;
                        let grown = match perhaps(&value).filter(|_| may_miss) {
                            Some(perhaps) => added(perhaps),
                            None => self.grown(added(value)),
                        };
                        self.bind(scope, target, grown);
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
                    ("insert", Some(Value::Int(at))) => {
                        let mut grown = values.to_vec();
                        let at = usize::try_from(*at).unwrap_or(0).min(grown.len());
                        if let Some(value) = arguments.positional.get(1) {
                            grown.insert(at, value.clone());
                        }
                        self.bind(scope, target, self.grown(Value::List(Arc::new(grown))));
                    }
                    ("copy", None) => return Some(Value::List(values)),
                    ("insert" | "remove" | "pop" | "clear", _) => {
                        self.bind(scope, target, UNSUPPORTED);
                        return Some(UNSUPPORTED);
                    }
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
                    _ => {
                        let entries = Arc::clone(entries);
                        let arguments = self.arguments(scope, args);
                        Some(self.dict_method(scope, target, &entries, method, &arguments))
                    }
                }
            }
            _ => None,
        }
    }

    /// Methods of dictionaries that take arguments.
    fn dict_method(
        &mut self,
        scope: &mut Scope,
        target: &Expr,
        entries: &Arc<Vec<(Value, Value)>>,
        method: &str,
        arguments: &Arguments,
    ) -> Value {
        let first = arguments.positional.first().map(|value| self.interpreter.force(value.clone()));
        let found = first.as_ref().and_then(|key| entries.iter().rev().find(|(k, _)| same(k, key)));
        let default = || arguments.positional.get(1).cloned().unwrap_or(Value::None);
        match (method, &first) {
            ("get", Some(_)) => found.map_or_else(default, |(_, value)| value.clone()),
            ("pop", Some(key)) => {
                let value = found.map_or_else(default, |(_, value)| value.clone());
                let rest = entries.iter().filter(|(k, _)| !same(k, key)).cloned().collect();
                let rest = self.grown(Value::Dict(Arc::new(rest)));
                self.bind(scope, target, rest);
                value
            }
            ("setdefault", Some(key)) => {
                if let Some((_, value)) = found {
                    return value.clone();
                }
                let grown = self.with_entry(entries, key.clone(), default());
                self.bind(scope, target, grown);
                default()
            }
            ("update", more) => {
                let named = arguments.named.iter().map(|(name, value)| (Value::Str(name.clone()), value.clone()));
                let more = match more {
                    Some(Value::Dict(more)) => more.to_vec(),
                    None => Vec::new(),
                    Some(_) => {
                        self.bind(scope, target, UNSUPPORTED);
                        return Value::None;
                    }
                };
                let added: Vec<_> = more.into_iter().chain(named).collect();
                let grown = added.into_iter().fold(Value::Dict(Arc::clone(entries)), |all, (key, value)| match all {
                    Value::Dict(all) => self.with_entry(&all, key, value),
                    other => other,
                });
                self.bind(scope, target, grown);
                Value::None
            }
            ("copy", None) => Value::Dict(Arc::clone(entries)),
            _ => UNSUPPORTED,
        }
    }

    /// What a list becomes that is added to: unknown, if it is not certain that
    /// or how often that happens.
    pub(super) fn grown(&self, list: Value) -> Value {
        if self.conditional > 0 || self.unknown_loops > 0 { UNSUPPORTED } else { list }
    }

    /// Applies one decorator and gives what the name is bound to afterwards.
    pub(super) fn decorate(&mut self, scope: &mut Scope, decorator: &Expr, decorated: Value) -> Value {
        let wrapper = self.forced(scope, decorator);
        if let Value::RouteDecorator(route) = &wrapper {
            return self.apply_route_decorator(route, &decorated);
        }
        let is_wraps = matches!(&wrapper, Value::Instance(instance)
            if matches!(&instance.class, Value::Package(path) if path == "functools.wraps"));
        let followed = match &wrapper {
            Value::Function(_) | Value::Bound(_) => true,
            Value::Instance(instance) => match &instance.class {
                Value::Class(_) => true,
                Value::Package(path) => path == "functools.wraps",
                _ => false,
            },
            _ => false,
        };
        if !followed {
            return decorated;
        }
        let arguments = Arguments { positional: vec![decorated.clone()], ..Arguments::default() };
        match self.apply(wrapper, arguments, scope.site(decorator.range)) {
            // A function without `functools.wraps` is what FastAPI sees.
            wrapped @ Value::Function(_) => wrapped,
            // What `functools.wraps` names stands for the wrapper.
            wrapped if is_wraps => wrapped,
            _ => decorated,
        }
    }
}

fn range(arguments: &Arguments) -> Value {
    let (first, end) = match arguments.positional.as_slice() {
        [Value::Int(end)] => (0, *end),
        [Value::Int(first), Value::Int(end)] => (*first, *end),
        _ => return UNSUPPORTED,
    };
    if end.saturating_sub(first) > MAX_ITERATIONS as i64 {
        return UNSUPPORTED;
    }
    Value::List(Arc::new((first..end).map(Value::Int).collect()))
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
