//! Calls.

use std::rc::Rc;

use super::statements::Flow;
use super::{MAX_DEPTH, Session, address};
use crate::facts::typescript::tree::{Call, Expr, ExprKind, Pattern};
use crate::frontend::libraries::{self, generated};
use crate::frontend::outcome::Place;
use crate::frontend::value::{Closure, Origin, Symbol, Value};
use crate::frontend::{requests, rewrites, tokens};
use crate::text::TextRange;

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

    pub(super) fn arguments(&mut self, call: &Call) -> Arguments {
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
