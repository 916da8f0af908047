//! Methods of lists and dictionaries, and functions of Python that go through them.

use std::sync::Arc;

use super::super::value::{Arguments, Value};
use super::expressions::{UNSUPPORTED, may_be_missing, perhaps, same, truth};
use super::texts::text_method;
use super::{Execution, MAX_ITERATIONS, Scope};
use crate::facts::python::tree::{Arg, Expr};

impl Execution<'_, '_> {
    /// Methods of strings, lists and dictionaries. `None` when the receiver is
    /// none of them.
    pub(super) fn container_method(
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
                Some(text_method(&text, method, &arguments))
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

    /// `any(…)` or `all(…)` of a known list of known truths.
    pub(super) fn any_or_all(&mut self, any: bool, arguments: &Arguments) -> Value {
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

    /// `zip(…)` or `enumerate(…)` of known lists.
    pub(super) fn zipped(&mut self, enumerate: bool, arguments: &Arguments) -> Value {
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
}

/// `range(…)` with known bounds.
pub(super) fn range(arguments: &Arguments) -> Value {
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
