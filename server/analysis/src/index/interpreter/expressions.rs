//! Expressions.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{Annotated, FunctionRef, Held, Unknown, Value, is_from_container};
use super::names::dotted;
use super::{Execution, MAX_ITERATIONS, Scope};
use crate::facts::python::tree::{Comprehension, Expr, ExprKind};

impl Execution<'_, '_> {
    /// Evaluates an expression, with what it does to routers.
    pub(super) fn expr(&mut self, scope: &mut Scope, expr: &Expr) -> Value {
        if !self.step() {
            return Value::Unknown(Unknown::Bound);
        }
        match &expr.kind {
            ExprKind::Name(name) => self.lookup_name(scope, name),
            ExprKind::Attribute { value, name } => {
                let value = self.forced(scope, value);
                self.attribute(value, &name.name)
            }
            ExprKind::Call { func, args } => self.call(scope, expr.range, func, args),
            ExprKind::Subscript { value, index } => self.subscript(scope, value, index),
            ExprKind::Str(text) => Value::Str(text.clone()),
            ExprKind::FString(parts) => self.joined(scope, parts),
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::None => Value::None,
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => self.display(scope, parts),
            ExprKind::Dict(entries) => self.dict(scope, entries),
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.forced(scope, left), self.forced(scope, right));
                binary(op, &left, &right)
            }
            ExprKind::BoolOp { and, values } => self.bool_op(scope, *and, values),
            ExprKind::Not(operand) => {
                let operand = self.forced(scope, operand);
                match (truth(&operand), truth(operand.by_default())) {
                    (Some(value), _) => Value::Bool(!value),
                    (None, Some(value)) => Value::ByDefault(Arc::new(Value::Bool(!value))),
                    (None, None) => UNSUPPORTED,
                }
            }
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] => {
                    let before = self.assumptions;
                    let (first, second) = (self.forced(scope, first), self.forced(scope, second));
                    let value = compare(op, &first, &second);
                    // What the environment may change decides nothing.
                    match value {
                        Value::Bool(_) if self.assumptions > before => Value::ByDefault(Arc::new(value)),
                        value => value,
                    }
                }
                _ => UNSUPPORTED,
            },
            ExprKind::IfExp { test, body, or_else } => {
                let decision = self.decide(scope, test);
                match decision.certain {
                    Some(true) => self.expr(scope, body),
                    Some(false) => self.expr(scope, or_else),
                    None => {
                        let (a, b) = (self.forced(scope, body), self.forced(scope, or_else));
                        either_by_default(a, b, decision.by_default)
                    }
                }
            }
            ExprKind::Lambda { .. } => Value::Lambda(scope.site(expr.range)),
            ExprKind::Await(value) | ExprKind::Starred(value) => self.expr(scope, value),
            ExprKind::Walrus { name, value } => {
                let value = self.expr(scope, value);
                self.set(scope, &name.name, value.clone());
                value
            }
            ExprKind::Comprehension(comprehension) => self.comprehension(scope, comprehension),
            ExprKind::Unary(_)
            | ExprKind::Slice(_)
            | ExprKind::Bytes
            | ExprKind::Number
            | ExprKind::Ellipsis
            | ExprKind::Yield(_)
            | ExprKind::Unknown => UNSUPPORTED,
        }
    }

    /// Evaluates, and looks up what was only imported.
    pub(super) fn forced(&mut self, scope: &mut Scope, expr: &Expr) -> Value {
        let value = self.expr(scope, expr);
        self.interpreter.force(value)
    }

    /// `value.name`.
    pub(super) fn attribute(&mut self, value: Value, name: &SmolStr) -> Value {
        let interpreter = self.interpreter;
        match value {
            Value::Module(file) => {
                if file == self.root
                    && let Some(value) = self.run.globals.get(name)
                {
                    return value.clone();
                }
                match interpreter.given_by_module(file, name, interpreter.lookup(file, name)) {
                    Value::Unknown(_) => match interpreter.sources.submodule_of_file(file, name) {
                        Some(module) => module.into_value(),
                        None => Value::Unknown(Unknown::Import(name.clone())),
                    },
                    value => value,
                }
            }
            Value::Namespace(dir) => match interpreter.sources.submodule_of_dir(&dir, name) {
                Some(module) => module.into_value(),
                None => Value::Unknown(Unknown::Import(name.clone())),
            },
            Value::Package(path) => Value::Package(dotted(&path, name)),
            Value::Class(class) => self.attribute_of_class(&class, name),
            Value::Instance(instance) => self.instance_attribute(&instance, name),
            Value::Super(object) => self.super_attribute(&object.0, &object.1, name),
            Value::Router(id) => self.router_attribute(id, name),
            Value::Record(fields) => {
                fields.iter().find(|(field, _)| field == name).map_or(UNSUPPORTED, |(_, value)| value.clone())
            }
            // A member of an enumeration stands for its value.
            text @ (Value::Str(_) | Value::Int(_)) if name == "value" => text,
            Value::Function(function) if name == "__name__" => Value::Str(function.def.name.name.clone()),
            // `None` has no such attribute, and raises.
            Value::Unknown(Unknown::OrNone(object)) => self.attribute(Value::clone(&object.0), name),
            // Of what was not read nothing is known, which is not what run time alone knows.
            unread @ Value::Unknown(Unknown::Import(_)) => unread,
            _ => UNSUPPORTED,
        }
    }

    fn subscript(&mut self, scope: &mut Scope, value: &Expr, index: &Expr) -> Value {
        match self.forced(scope, value) {
            Value::Package(path) if path.ends_with(".Annotated") => {
                let ExprKind::Tuple(parts) = &index.kind else { return UNSUPPORTED };
                let Some((ty, metadata)) = parts.split_first() else { return UNSUPPORTED };
                let ty = self.forced(scope, ty);
                let metadata = metadata.iter().map(|part| self.forced(scope, part));
                // Annotated[Annotated[T, a], b] is Annotated[T, a, b].
                match ty {
                    Value::Annotated(inner) => Value::Annotated(Arc::new(Annotated {
                        ty: inner.ty.clone(),
                        metadata: inner.metadata.iter().cloned().chain(metadata).collect(),
                    })),
                    ty => Value::Annotated(Arc::new(Annotated { ty, metadata: metadata.collect() })),
                }
            }
            // What `Annotated[T, FromComponent()]` is short for (dishka 1.0).
            marker @ Value::Package(_) if is_from_container(&marker) => {
                let ty = self.forced(scope, index);
                Value::Annotated(Arc::new(Annotated { ty, metadata: vec![marker] }))
            }
            // `Annotated[T, Depends()]` with its type variable filled in.
            Value::Annotated(annotated) => {
                let is_variable = matches!(&annotated.ty, Value::Instance(instance)
                    if matches!(&instance.class, Value::Package(path) if path.ends_with(".TypeVar")));
                let ty = if is_variable { self.forced(scope, index) } else { annotated.ty.clone() };
                Value::Annotated(Arc::new(Annotated { ty, metadata: annotated.metadata.clone() }))
            }
            // A parameterised generic stands for the generic itself.
            generic @ (Value::Class(_) | Value::Package(_)) => generic,
            Value::List(values) if !values.iter().any(may_be_missing) => match self.forced(scope, index) {
                Value::Int(at) => {
                    usize::try_from(at).ok().and_then(|at| values.get(at).cloned()).unwrap_or(UNSUPPORTED)
                }
                _ => UNSUPPORTED,
            },
            Value::Dict(entries) => {
                let key = self.forced(scope, index);
                let found = entries.iter().rev().find(|(k, _)| same(k, &key));
                found.map_or(UNSUPPORTED, |(_, value)| value.clone())
            }
            _ => UNSUPPORTED,
        }
    }

    fn joined(&mut self, scope: &mut Scope, parts: &[Expr]) -> Value {
        let mut text = String::new();
        for part in parts {
            match self.forced(scope, part) {
                Value::Str(part) => text.push_str(&part),
                Value::Int(number) => text.push_str(&number.to_string()),
                _ => return UNSUPPORTED,
            }
        }
        Value::Str(text.into())
    }

    fn display(&mut self, scope: &mut Scope, parts: &[Expr]) -> Value {
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            if let ExprKind::Starred(inner) = &part.kind {
                match self.forced(scope, inner) {
                    Value::List(inner) => values.extend(inner.iter().cloned()),
                    _ => return UNSUPPORTED,
                }
            } else {
                values.push(self.expr(scope, part));
            }
        }
        Value::List(Arc::new(values))
    }

    fn dict(&mut self, scope: &mut Scope, entries: &[(Option<Expr>, Expr)]) -> Value {
        let mut known = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match key {
                Some(key) => known.push((self.forced(scope, key), self.expr(scope, value))),
                None => match self.forced(scope, value) {
                    Value::Dict(inner) => known.extend(inner.iter().cloned()),
                    _ => return UNSUPPORTED,
                },
            }
        }
        Value::Dict(Arc::new(known))
    }

    fn bool_op(&mut self, scope: &mut Scope, and: bool, values: &[Expr]) -> Value {
        let Some((last, first)) = values.split_last() else { return UNSUPPORTED };
        for value in first {
            let value = self.forced(scope, value);
            match truth(&value) {
                Some(known) if known != and => return value,
                Some(_) => {}
                None => return UNSUPPORTED,
            }
        }
        // Nobody asks whether the last one is true.
        self.forced(scope, last)
    }

    fn comprehension(&mut self, scope: &mut Scope, comprehension: &Comprehension) -> Value {
        let [clause] = comprehension.clauses.as_slice() else { return UNSUPPORTED };
        let iterated = self.forced(scope, &clause.iter);
        let Some(items) = items_of(iterated) else { return UNSUPPORTED };
        let mut inner = scope.nested();
        let mut values = Vec::new();
        for item in items.iter().take(MAX_ITERATIONS) {
            self.bind(&mut inner, &clause.target, present(item).clone());
            let mut kept = clause.conditions.iter().map(|test| truth(&self.forced(&mut inner, test)));
            match kept.try_fold(true, |all, one| one.map(|one| all && one)) {
                Some(true) => {}
                Some(false) => continue,
                None => return UNSUPPORTED,
            }
            let mut element = self.expr(&mut inner, &comprehension.element);
            if may_be_missing(item) {
                match perhaps(&self.interpreter.force(element)).filter(|_| comprehension.value.is_none()) {
                    Some(perhaps) => element = perhaps,
                    None => return UNSUPPORTED,
                }
            }
            match &comprehension.value {
                Some(value) => values.push((element, self.expr(&mut inner, value))),
                None => values.push((element, Value::None)),
            }
        }
        if comprehension.value.is_some() {
            Value::Dict(Arc::new(values))
        } else {
            Value::List(Arc::new(values.into_iter().map(|(element, _)| element).collect()))
        }
    }
}

pub(super) const UNSUPPORTED: Value = Value::Unknown(Unknown::Unsupported);

/// Whether a value is true, when that is known.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::None => Some(false),
        Value::Bool(value) => Some(*value),
        Value::Int(value) => Some(*value != 0),
        Value::Str(value) => Some(!value.is_empty()),
        Value::List(values) if !values.is_empty() && values.iter().all(may_be_missing) => None,
        Value::List(values) => Some(!values.is_empty()),
        Value::Dict(entries) => Some(!entries.is_empty()),
        // The flag of `typing` is false at run time.
        Value::Package(path) if path == "typing.TYPE_CHECKING" => Some(false),
        Value::Function(_) | Value::Class(_) | Value::Module(_) | Value::Router(_) | Value::Depends(_) => Some(true),
        _ => None,
    }
}

/// One of two values, the first or the second where the environment says nothing.
pub(super) fn either_by_default(a: Value, b: Value, first: Option<bool>) -> Value {
    let is_data = |value: &Value| match value.by_default() {
        Value::Str(_) | Value::Bool(_) => true,
        Value::List(values) => values.iter().all(|value| matches!(value, Value::Str(_))),
        _ => false,
    };
    match first {
        Some(first) if is_data(&a) && is_data(&b) && !same(&a, &b) => {
            let value = if first { a } else { b };
            Value::ByDefault(Arc::new(value.by_default().clone()))
        }
        _ => either(a.settled(), b.settled()),
    }
}

/// Whether two values are known to be the same.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Str(a), Value::Str(b)) | (Value::Package(a), Value::Package(b)) => a == b,
        (Value::Module(a), Value::Module(b)) => a == b,
        (Value::Router(a), Value::Router(b)) => a == b,
        (Value::Function(a), Value::Function(b)) => a.site == b.site,
        (Value::Class(a), Value::Class(b)) => a.site == b.site,
        (Value::Instance(a), Value::Instance(b)) => a.site == b.site,
        (Value::Depends(a), Value::Depends(b)) => a.site == b.site,
        (Value::Perhaps(a), Value::Perhaps(b)) => same(a, b),
        (Value::Lazy(a), Value::Lazy(b)) => a == b,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        _ => false,
    }
}

/// An element of a list that may not be there. Of plain data it is not worth
/// knowing, and lists of it decide conditions.
pub(super) fn perhaps(element: &Value) -> Option<Value> {
    match element {
        Value::Perhaps(_) => Some(element.clone()),
        Value::List(parts) if parts.iter().all(|part| matches!(part, Value::Str(_) | Value::Int(_))) => None,
        Value::Depends(_) | Value::Router(_) | Value::List(_) | Value::Class(_) | Value::Function(_) => {
            Some(Value::Perhaps(Arc::new(element.clone())))
        }
        _ => None,
    }
}

/// Whether an element of a list may not be there.
pub(super) fn may_be_missing(element: &Value) -> bool {
    matches!(element, Value::Perhaps(_))
}

/// The element of a list, where it is there.
pub(super) fn present(element: &Value) -> &Value {
    match element {
        Value::Perhaps(element) => element,
        element => element,
    }
}

/// One value where two ways give different ones. Of two routers the first
/// stands for both: they are one variable at run time. Lists of dependencies
/// and routers are joined, because it matters which of them are always there.
pub(super) fn either(a: Value, b: Value) -> Value {
    match (&a, &b) {
        (Value::Router(_), Value::Router(_)) => a,
        (Value::Function(one), Value::Function(other)) if one.site == other.site => {
            Value::Function(either_wrapped(one, other))
        }
        _ if same(&a, &b) => a,
        (Value::Instance(_), Value::None) => Value::Unknown(Unknown::OrNone(Held(Arc::new(a)))),
        (Value::None, Value::Instance(_)) => Value::Unknown(Unknown::OrNone(Held(Arc::new(b)))),
        (Value::List(_) | Value::None, Value::List(_) | Value::None) => {
            either_list(elements(&a), elements(&b)).unwrap_or(Value::Unknown(Unknown::Ambiguous))
        }
        _ => Value::Unknown(Unknown::Ambiguous),
    }
}

/// One function that different wrappers were put around. What is around it on
/// one way only may not be there: it is left out.
pub(super) fn either_wrapped(a: &Arc<FunctionRef>, b: &Arc<FunctionRef>) -> Arc<FunctionRef> {
    let mut joined = FunctionRef::clone(a);
    joined.wrappers.truncate(b.wrappers.len());
    for (alternatives, others) in joined.wrappers.iter_mut().zip(&b.wrappers) {
        for other in others {
            if !alternatives.iter().any(|one| one.site == other.site) {
                alternatives.push(Arc::clone(other));
            }
        }
    }
    Arc::new(joined)
}

/// What a loop over a value goes through: the elements of a list, the keys of a dictionary.
pub(super) fn items_of(iterated: Value) -> Option<Arc<Vec<Value>>> {
    match iterated {
        Value::List(values) => Some(values),
        Value::Dict(entries) => Some(Arc::new(entries.iter().map(|(key, _)| key.clone()).collect())),
        _ => None,
    }
}

fn elements(list: &Value) -> &[Value] {
    match list {
        Value::List(values) => values,
        _ => &[],
    }
}

fn either_list(a: &[Value], b: &[Value]) -> Option<Value> {
    let in_both = |value: &Value, other: &[Value]| other.iter().any(|other| same(value, other));
    let mut joined = Vec::with_capacity(a.len().max(b.len()));
    for value in a {
        joined.push(if in_both(value, b) { value.clone() } else { perhaps(value)? });
    }
    for value in b {
        if !in_both(value, a) {
            joined.push(perhaps(value)?);
        }
    }
    Some(Value::List(Arc::new(joined)))
}

/// `left op right` for the operators that build paths, prefixes and lists.
pub(super) fn binary(op: &str, left: &Value, right: &Value) -> Value {
    match (op, left, right) {
        ("+", Value::Str(a), Value::Str(b)) => Value::Str(SmolStr::new(format!("{a}{b}"))),
        ("+", Value::Int(a), Value::Int(b)) => a.checked_add(*b).map_or(UNSUPPORTED, Value::Int),
        ("+", Value::List(a), Value::List(b)) => Value::List(Arc::new(a.iter().chain(b.iter()).cloned().collect())),
        ("|", Value::Dict(a), Value::Dict(b)) => Value::Dict(Arc::new(a.iter().chain(b.iter()).cloned().collect())),
        _ => UNSUPPORTED,
    }
}

fn compare(op: &str, first: &Value, second: &Value) -> Value {
    let known = |value: &Value| matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_));
    match op {
        "==" | "is" if known(first) && known(second) => Value::Bool(same(first, second)),
        "!=" | "is not" if known(first) && known(second) => Value::Bool(!same(first, second)),
        "in" | "not in" => match (first, second) {
            (Value::Str(part), Value::Str(text)) => Value::Bool(text.contains(part.as_str()) == (op == "in")),
            (Value::Str(_) | Value::Int(_), Value::Dict(entries)) if entries.iter().all(|(key, _)| known(key)) => {
                Value::Bool(entries.iter().any(|(key, _)| same(key, first)) == (op == "in"))
            }
            (_, Value::List(values)) if known(first) && values.iter().all(known) => {
                Value::Bool(values.iter().any(|value| same(value, first)) == (op == "in"))
            }
            _ => UNSUPPORTED,
        },
        _ => match (first, second) {
            (Value::Int(first), Value::Int(second)) => ordered(op, *first, *second),
            _ => UNSUPPORTED,
        },
    }
}

/// `first < second` and the like.
fn ordered(op: &str, first: i64, second: i64) -> Value {
    match op {
        "<" => Value::Bool(first < second),
        "<=" => Value::Bool(first <= second),
        ">" => Value::Bool(first > second),
        ">=" => Value::Bool(first >= second),
        _ => UNSUPPORTED,
    }
}
