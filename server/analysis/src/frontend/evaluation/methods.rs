//! Methods of values: promises, arrays, and what packages and the platform give.

use std::rc::Rc;

use smol_str::SmolStr;

use super::Session;
use super::calls::Arguments;
use crate::frontend::libraries::{self, built_in};
use crate::frontend::outcome::Place;
use crate::frontend::requests;
use crate::frontend::rows::is_sent;
use crate::frontend::shown::is_database_address;
use crate::frontend::value::Value;

/// Elements of an array that grows.
const MAX_ELEMENTS: usize = 16;

impl Session<'_> {
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

    /// A variable holds an array that becomes longer.
    pub(super) fn push(&mut self, name: &SmolStr, values: &[Value], arguments: &Arguments) {
        let Some(scope) = self.frames.last().map(|frame| frame.scope) else { return };
        let longer = match arguments.open || values.len() + arguments.values.len() > MAX_ELEMENTS {
            true => Value::Unknown,
            false => Value::Array(values.iter().chain(&arguments.values).cloned().collect()),
        };
        self.store.assign(scope, name, longer);
    }
}
