//! Calls and decorators.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::regular::Place;
use super::super::value::{Arguments, Attributes, Depends, Instance, Resolve, RouterId, Site, Unknown, Value};
use super::containers::range;
use super::expressions::{UNSUPPORTED, may_be_missing, truth};
use super::texts::as_str;
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
            // The other is how objects that look after their attributes themselves set them.
            "builtins.setattr" | "builtins.object.__setattr__" => match arguments.positional.as_slice() {
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
