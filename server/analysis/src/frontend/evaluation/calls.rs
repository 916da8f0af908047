//! Calls.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::statements::Flow;
use super::{MAX_DEPTH, Session, address};
use crate::facts::typescript::tree::{Call, Expr, ExprKind, Pattern};
use crate::frontend::libraries::{self, built_in, generated};
use crate::frontend::outcome::Place;
use crate::frontend::rows::is_sent;
use crate::frontend::shown::is_database_address;
use crate::frontend::value::{ClassValue, Closure, ObjectKind, Origin, Symbol, Value};
use crate::frontend::{requests, rewrites, tokens};
use crate::text::TextRange;

/// Elements of an array that grows.
const MAX_ELEMENTS: usize = 16;

/// What a function is called with.
#[derive(Debug, Clone, Default)]
pub(in crate::frontend) struct Arguments {
    /// The values.
    pub(in crate::frontend) values: Vec<Value>,
    /// Where each is written.
    pub(in crate::frontend) places: Vec<Place>,
    /// Whether there may be more.
    pub(in crate::frontend) open: bool,
}

impl Arguments {
    /// One of them; `undefined` if there is none.
    pub(in crate::frontend) fn get(&self, at: usize) -> Value {
        match self.values.get(at) {
            Some(value) => value.clone(),
            None if self.open => Value::Unknown,
            None => Value::Undefined,
        }
    }
}

impl Session<'_> {
    pub(super) fn call_expr(&mut self, call: &Call, whole: TextRange) -> Value {
        // What is called stands for the call: the arguments may go over many lines.
        let here = self.place(call.callee.range);
        if here.file == self.evaluated {
            self.extents.insert(here, whole);
        }
        if let ExprKind::Super = call.callee.kind {
            return self.call_super(call, here);
        }
        let callee = match &call.callee.kind {
            ExprKind::Member(member) => {
                let object = match member.object.kind {
                    ExprKind::Super => self.super_object(),
                    _ => self.expr(&member.object),
                };
                let arguments = self.arguments(call);
                if let (ExprKind::Name(name), Value::Array(values), "push") =
                    (&member.object.kind, &object, &*member.property)
                {
                    self.push(name, values, &arguments);
                }
                return self.call_method(&object, &member.property, member.optional, &arguments, here);
            }
            _ => self.expr(&call.callee),
        };
        let arguments = self.arguments(call);
        if let (ExprKind::Name(name), Value::Unknown | Value::Symbol(_)) = (&call.callee.kind, &callee) {
            self.watch_named_call(name);
        }
        self.call_value(&callee, &arguments, call.new, here)
    }

    /// A variable holds an array that becomes longer.
    fn push(&mut self, name: &SmolStr, values: &[Value], arguments: &Arguments) {
        let Some(scope) = self.frames.last().map(|frame| frame.scope) else { return };
        let longer = match arguments.open || values.len() + arguments.values.len() > MAX_ELEMENTS {
            true => Value::Unknown,
            false => Value::Array(values.iter().chain(&arguments.values).cloned().collect()),
        };
        self.store.assign(scope, name, longer);
    }

    fn arguments(&mut self, call: &Call) -> Arguments {
        let mut arguments = Arguments::default();
        for element in &call.arguments {
            let value = self.expr(&element.value);
            let place = self.place(element.value.range);
            match (element.spread, value) {
                (true, Value::Array(inner)) => {
                    arguments.places.extend(inner.iter().map(|_| place));
                    arguments.values.extend(inner.iter().cloned());
                }
                (true, _) => arguments.open = true,
                (false, value) => {
                    arguments.values.push(value);
                    arguments.places.push(place);
                }
            }
        }
        arguments
    }

    /// Calls a value.
    pub(in crate::frontend) fn call_value(
        &mut self,
        callee: &Value,
        arguments: &Arguments,
        new: bool,
        here: Place,
    ) -> Value {
        match callee {
            Value::Either(values) => {
                let values: Vec<Value> = values.iter().filter(|value| value.truth() != Some(false)).cloned().collect();
                let mut results = Vec::new();
                let mut branches = Vec::new();
                for value in &values {
                    let (result, changes) = self.branch(|session| session.call_value(value, arguments, new, here));
                    results.push(result);
                    branches.push(changes);
                }
                self.store.join(branches);
                Value::any(results)
            }
            Value::Function(closure) => {
                let closure = Rc::clone(closure);
                if let Some(result) = self.call_generated(&closure, arguments, here) {
                    return result;
                }
                self.call_closure(&closure, &arguments.values, Some((here, arguments.open)))
            }
            Value::Class(class) if new => {
                let class = Rc::clone(class);
                self.instance(&class, &arguments.values, Some((here, arguments.open)))
            }
            Value::Package(package) => {
                let package = Rc::clone(package);
                if let Some(result) = self.package_for_stranger(&package, arguments, here) {
                    return result;
                }
                libraries::call(self, &package, arguments, new, here)
            }
            Value::Object(id) => {
                let kind = self.store.get(*id).kind.clone();
                libraries::call_object(self, *id, &kind, arguments, here)
            }
            Value::Symbol(symbol) => {
                if symbol.origin != Origin::Incoming {
                    self.watch_handed_on(arguments);
                }
                if symbol.origin == Origin::Unresolved {
                    self.watch_unknown();
                    requests::through_unresolved(self, symbol, arguments, here);
                }
                self.give_away(arguments);
                let called = tokens::called(symbol, arguments, here);
                let path = symbol.path.iter().cloned().chain([called]).collect::<Vec<_>>();
                let result = Symbol { path: path.into(), may_be_missing: false, ..(**symbol).clone() };
                self.watch_named(&result, arguments, here);
                self.watch_password_taken(&result);
                Value::Symbol(Rc::new(result))
            }
            Value::Setter => {
                if let Some(Value::Function(closure)) = arguments.values.first() {
                    let closure = Rc::clone(closure);
                    self.call_unknowing(&closure);
                }
                Value::Undefined
            }
            _ => {
                self.watch_unknown();
                self.watch_handed_on(arguments);
                self.give_away(arguments);
                rewrites::given_on(self, arguments)
            }
        }
    }

    /// Calls a function of a client that a generator wrote, from outside of its module.
    fn call_generated(&mut self, closure: &Closure, arguments: &Arguments, here: Place) -> Option<Value> {
        let file = closure.file;
        if here.file == file {
            return None;
        }
        let generator = match self.generators.get(&file) {
            Some(known) => *known,
            None => {
                let known = self.script(file).and_then(|facts| generated::generator(&facts));
                self.generators.insert(file, known);
                known
            }
        };
        generated::call(self, generator?, closure, arguments, here)
    }

    /// Calls a method of a value.
    pub(in crate::frontend) fn call_method(
        &mut self,
        object: &Value,
        name: &str,
        optional: bool,
        arguments: &Arguments,
        here: Place,
    ) -> Value {
        if let Value::Either(values) = object {
            let mut results = Vec::new();
            let mut branches = Vec::new();
            for value in values.iter().filter(|value| value.truth() != Some(false)) {
                let (result, changes) =
                    self.branch(|session| session.call_method(value, name, optional, arguments, here));
                results.push(result);
                branches.push(changes);
            }
            self.store.join(branches);
            return Value::any(results);
        }
        self.watch_membership(object, name, arguments);
        if name == "includes" {
            if let Value::Array(known) = object
                && let Some(result) = self.among_for_stranger(known, &arguments.get(0))
            {
                return result;
            }
            self.watch_role([object, &arguments.get(0)], here);
        }
        if matches!(object, Value::Unknown | Value::Symbol(_)) {
            self.watch_named_call(name);
        }
        if let Value::Symbol(symbol) = object {
            self.watch_beginning(symbol, name, arguments, here);
            if let Some(result) = self.method_for_stranger(symbol, name, arguments) {
                return result;
            }
        }
        match (object, name) {
            // Whatever it was to be called with is not called: it fails, or does nothing.
            (Value::Undefined | Value::Null, _) => return Value::Undefined,
            (Value::Function(_), "call") => {
                let rest = Arguments {
                    values: arguments.values.iter().skip(1).cloned().collect(),
                    places: arguments.places.iter().skip(1).copied().collect(),
                    open: arguments.open,
                };
                return self.call_value(object, &rest, false, here);
            }
            (Value::Function(_) | Value::Package(_), "bind") => return object.clone(),
            (Value::Promise(inner), "then" | "catch" | "finally") => {
                return self.call_then(&Rc::clone(inner), name, arguments, here);
            }
            (Value::Symbol(_), "then") if matches!(arguments.values.first(), Some(Value::Function(_))) => {
                let inner = Rc::new(object.clone());
                return self.call_then(&inner, name, arguments, here);
            }
            // What is left of the path that was asked for leads elsewhere.
            (Value::Symbol(symbol), "replace" | "replaceAll")
                if is_database_address(symbol) || requests::is_asked_path(symbol) =>
            {
                return Value::Unknown;
            }
            (Value::Symbol(symbol), "toString" | "trim" | "toLowerCase" | "toUpperCase" | "replace" | "replaceAll") => {
                return Value::Symbol(Rc::clone(symbol));
            }
            (Value::Symbol(symbol), "map" | "flatMap" | "forEach")
                if is_sent(symbol) && matches!(arguments.values.first(), Some(Value::Function(_))) =>
            {
                return self.call_array(&Rc::from([object.clone()]), name, arguments, here);
            }
            // Headers with which Better Auth answers, of whatever answer that is.
            (Value::Unknown | Value::Symbol(_), "get") => {
                if let Some(token) = libraries::answered_header(arguments) {
                    return token;
                }
            }
            (Value::Array(values), _) => return self.call_array(&Rc::clone(values), name, arguments, here),
            (Value::Text(_) | Value::Number(_), _) => return libraries::call_text(self, object, name, arguments),
            (Value::Object(id), _) => {
                let kind = self.store.get(*id).kind.clone();
                let own = self.store.get(*id).entries.get(name).cloned();
                if own.is_none()
                    && let Some(result) = libraries::method(self, *id, &kind, name, arguments, here)
                {
                    return result;
                }
            }
            (Value::Unknown, name) if built_in::is_method(name) => {
                self.watch_handed_on(arguments);
                self.give_away(arguments);
                return Value::Unknown;
            }
            _ => {}
        }
        let callee = self.member(object, name, optional);
        self.call_value(&callee, arguments, false, here)
    }

    fn call_then(&mut self, inner: &Rc<Value>, name: &str, arguments: &Arguments, here: Place) -> Value {
        let mut results = vec![(**inner).clone()];
        for (at, function) in arguments.values.iter().enumerate() {
            let given = if name == "then" && at == 0 { (**inner).clone() } else { Value::Unknown };
            let arguments = Arguments { values: vec![given], places: vec![here], open: false };
            let (result, changes) = self.branch(|session| session.call_value(function, &arguments, false, here));
            self.store.join(if name == "then" && at == 0 { vec![changes] } else { vec![changes, Default::default()] });
            let result = super::expressions::awaited(&result);
            match name {
                "then" if at == 0 => results = vec![result],
                "finally" => {}
                _ => results.push(result),
            }
        }
        Value::any(results).promised()
    }

    fn call_array(&mut self, values: &Rc<[Value]>, name: &str, arguments: &Arguments, here: Place) -> Value {
        match name {
            "map" | "flatMap" | "filter" | "forEach" | "find" | "some" | "every" | "reduce" => {
                if name == "some"
                    && let Some(result) = self.some_for_stranger(values, &arguments.get(0), here)
                {
                    return result;
                }
                let element = if values.is_empty() { Value::Unknown } else { Value::any(values.iter().cloned()) };
                let mut given = Arguments { values: vec![element.clone()], places: vec![here], open: true };
                if name == "reduce" {
                    given.values.insert(0, Value::Unknown);
                    given.places.push(here);
                }
                let function = arguments.get(0);
                let result = self.call_value(&function, &given, false, here);
                match name {
                    "map" => Value::Array(Rc::new([result])),
                    "find" => element,
                    "filter" => Value::Array(Rc::clone(values)),
                    _ => Value::Unknown,
                }
            }
            "join" => {
                let between = arguments.get(0).known_text().unwrap_or_else(|| ",".into());
                let mut parts = Vec::new();
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        parts.push(crate::frontend::value::Part::Text(between.clone()));
                    }
                    parts.extend(self.text_parts(value));
                }
                Value::Text(crate::frontend::value::joined(parts))
            }
            _ => {
                self.give_away(arguments);
                Value::Unknown
            }
        }
    }

    /// Arguments go where they can't be followed.
    pub(in crate::frontend) fn give_away(&mut self, arguments: &Arguments) {
        for value in &arguments.values {
            self.watch_given_away(value);
            self.watch_answer_given_away(value);
            self.watch_settings(value, "");
            self.escapes(value);
        }
    }

    /// Calls a function of the project. `call` is where, and whether there may
    /// be more arguments.
    pub(in crate::frontend) fn call_closure(
        &mut self,
        closure: &Rc<Closure>,
        arguments: &[Value],
        call: Option<(Place, bool)>,
    ) -> Value {
        let is_async = closure.function.is_async;
        let wrap = |value: Value| if is_async { super::expressions::awaited(&value).promised() } else { value };
        let function = address(&closure.function);
        if self.frames.len() >= MAX_DEPTH || self.is_running(function) || !self.step() {
            self.watch_unknown();
            self.watch_handed_on(&Arguments { values: arguments.to_vec(), ..Arguments::default() });
            self.loosen_around(closure);
            return wrap(Value::Unknown);
        }
        self.note_execution(closure);
        let begun = self.store.mark();
        let scope = self.store.scope(Some(closure.scope));
        let frame = super::Frame { begun, ..self.frame(closure, scope, call.map(|(here, _)| here)) };
        let open = call.is_none_or(|(_, open)| open);
        let (certain, missing) = (self.certain.len(), self.logged_answers.missing.len());
        self.frames.push(frame);
        for (at, parameter) in closure.function.parameters.iter().enumerate() {
            if let Pattern::Rest(target) = &parameter.target {
                let rest = match open {
                    true => Value::Unknown,
                    false => Value::Array(arguments.get(at..).unwrap_or_default().into()),
                };
                self.bind(target, rest, true);
                continue;
            }
            let value = match arguments.get(at) {
                Some(value) => value.clone(),
                None if open => Value::Unknown,
                None => Value::Undefined,
            };
            self.bind_parameter(&parameter.target, value, parameter.is_property);
        }
        let flow = self.stmts(&closure.function.body);
        let returns = self.frames.pop().map(|frame| frame.returns).unwrap_or_default();
        self.certain.truncate(certain);
        self.logged_answers.missing.truncate(missing);
        // Functions that were made in it may have run by the time that others do.
        for written in &closure.function.captured {
            if self.store.owner(scope, &written.variable) == Some(scope) {
                self.store.loosen_written(scope, written);
            }
        }
        let (values, mut written): (Vec<_>, Vec<_>) =
            returns.into_iter().map(|returned| (returned.value, returned.written)).unzip();
        let falls_through = (flow != Flow::Ended).then_some(Value::Undefined);
        if !written.is_empty() {
            let last = self.store.take_back(begun);
            written.extend(falls_through.is_some().then_some(last));
            self.store.join(written);
        }
        wrap(Value::any(values.into_iter().chain(falls_through)))
    }

    fn bind_parameter(&mut self, target: &Pattern, value: Value, is_property: bool) {
        if is_property {
            let name = match target {
                Pattern::Name(name, _) => Some(name),
                Pattern::Default(with) => match &with.0 {
                    Pattern::Name(name, _) => Some(name),
                    _ => None,
                },
                _ => None,
            };
            self.bind(target, value, true);
            let this = self.frames.last().and_then(|frame| frame.this.clone());
            if let (Some(name), Some(Value::Object(object))) = (name, this) {
                let value = self.lookup(name);
                self.store.set(object, name, value);
            }
            return;
        }
        self.bind(target, value, true);
    }

    /// Calls a function whose arguments nobody knows.
    pub(in crate::frontend) fn call_unknowing(&mut self, closure: &Rc<Closure>) -> Value {
        self.call_closure(closure, &[], None)
    }

    /// Notes that a function runs: what is found out rests on it.
    fn note_execution(&mut self, closure: &Closure) {
        self.ran.insert(address(&closure.function));
        let facts = self.sources.file(closure.file).and_then(|source| source.script.as_ref());
        if let Some(item) = facts.and_then(|facts| facts.items.get(closure.item)) {
            self.rests_on.executed.insert((closure.file, item.id));
        }
    }

    pub(super) fn is_running(&self, function: usize) -> bool {
        self.frames.iter().any(|frame| frame.function == function)
    }

    /// An instance of a class of the project.
    pub(super) fn instance(
        &mut self,
        class: &Rc<ClassValue>,
        arguments: &[Value],
        call: Option<(Place, bool)>,
    ) -> Value {
        let place = call.map_or_else(|| self.place_in(class.file, class.item, class.class.range), |(here, _)| here);
        let object = self.store.object(ObjectKind::Instance(Rc::clone(class)), place);
        self.construct(class, object, arguments, call, 0);
        // Its methods may have been called in between.
        if let Some(facts) = self.script(class.file) {
            let entries = self.store.get(object).entries.iter();
            let assigned = entries.filter(|(name, value)| facts.assigns(name) && !matches!(value, Value::Function(_)));
            let loose: Vec<_> = assigned.map(|(name, value)| (name.clone(), value.clone())).collect();
            for (name, value) in loose {
                self.store.set(object, &name, Value::any([value, Value::Unknown]));
            }
        }
        Value::Object(object)
    }

    fn construct(
        &mut self,
        class: &Rc<ClassValue>,
        object: crate::frontend::value::ObjectId,
        arguments: &[Value],
        call: Option<(Place, bool)>,
        depth: usize,
    ) {
        if depth > 6 || self.frames.len() >= MAX_DEPTH {
            return;
        }
        let constructor = class.class.methods.iter().find(|method| method.name == "constructor");
        if constructor.is_none()
            && let Some(Value::Class(base)) = &class.base
        {
            self.construct(&Rc::clone(base), object, arguments, call, depth + 1);
        }
        let scope = self.store.scope(Some(class.scope));
        self.frames.push(super::Frame {
            file: class.file,
            item: class.item,
            scope,
            this: Some(Value::Object(object)),
            class: Some(Rc::clone(class)),
            function: 0,
            returns: Vec::new(),
            begun: self.store.mark(),
            call: call.map(|(here, _)| here),
        });
        for (name, is_static, first) in &class.class.fields {
            if !is_static {
                let first = first.as_ref().map_or(Value::Undefined, |first: &Expr| self.expr(first));
                self.store.set(object, name, first);
            }
        }
        self.frames.pop();
        if let Some(constructor) = constructor {
            let closure = Closure {
                function: Arc::clone(&constructor.function),
                file: class.file,
                item: class.item,
                scope: class.scope,
                this: Some(Value::Object(object)),
                class: Some(Rc::clone(class)),
            };
            self.call_closure(&Rc::new(closure), arguments, call);
        }
    }

    fn call_super(&mut self, call: &Call, here: Place) -> Value {
        let arguments = self.arguments(call);
        let Some((this, class)) = self.frames.last().map(|frame| (frame.this.clone(), frame.class.clone())) else {
            return Value::Undefined;
        };
        if let (Some(Value::Object(object)), Some(class)) = (this, class)
            && let Some(Value::Class(base)) = &class.base
        {
            self.construct(&Rc::clone(base), object, &arguments.values, Some((here, arguments.open)), 1);
        }
        Value::Undefined
    }

    /// `super`, where a method is looked for: an instance seen as its base.
    fn super_object(&mut self) -> Value {
        let Some(frame) = self.frames.last() else { return Value::Unknown };
        let (Some(Value::Object(this)), Some(class)) = (&frame.this, &frame.class) else { return Value::Unknown };
        let Some(Value::Class(base)) = &class.base else { return Value::Unknown };
        let own = self.store.get(*this).clone();
        let seen = self.store.object(ObjectKind::Instance(Rc::clone(base)), own.place);
        for (name, value) in own.entries {
            self.store.set(seen, &name, value);
        }
        Value::Object(seen)
    }

    /// Whether what was called never comes back.
    pub(super) fn never_returns(&mut self, value: &Expr) -> bool {
        let call = match &value.kind {
            ExprKind::Call(call) => call,
            ExprKind::Await(inner) => match &inner.kind {
                ExprKind::Call(call) => call,
                _ => return false,
            },
            _ => return false,
        };
        let ExprKind::Name(name) = &call.callee.kind else { return false };
        match self.lookup(name) {
            Value::Package(package) => {
                package.package == "next/navigation"
                    && matches!(
                        &*package.path,
                        "redirect" | "permanentRedirect" | "notFound" | "forbidden" | "unauthorized"
                    )
            }
            _ => false,
        }
    }
}
