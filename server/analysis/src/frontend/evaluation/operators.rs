//! Operators and assignments.

use std::rc::Rc;

use super::Session;
use super::texts::beginning;

use crate::facts::typescript::tree::{Assign, Binary, Expr, ExprKind, Operator, Pattern};
use crate::frontend::libraries;
use crate::frontend::value::{ObjectId, ObjectKind, Part, Symbol, Value, joined};

impl Session<'_> {
    pub(super) fn binary(&mut self, binary: &Binary, whole: &Expr) -> Value {
        let left = self.expr(&binary.left);
        match binary.operator {
            Operator::And => match left.truth() {
                Some(false) => left,
                Some(true) => self.expr(&binary.right),
                None => {
                    // `status === 401 && (await renewed())`
                    let refusals = self.refusals(&binary.left);
                    self.refused.extend(refusals);
                    let (right, changes) = self.branch(|session| {
                        session.assume(&binary.left, true);
                        session.expr(&binary.right)
                    });
                    if refusals.is_some() {
                        self.refused.pop();
                    }
                    self.store.join(vec![changes, Default::default()]);
                    // What is false of the left is no value that anyone uses.
                    Value::any([right, Value::Bool(false)])
                }
            },
            Operator::Or | Operator::Coalesce => {
                if is_kept_globally(&binary.left, &left) {
                    return self.expr(&binary.right);
                }
                if left.truth() == Some(true) {
                    return left;
                }
                self.note_fallback(&left, &binary.right);
                let (right, changes) = self.branch(|session| {
                    session.assume(&binary.left, false);
                    session.expr(&binary.right)
                });
                self.store.join(vec![changes, Default::default()]);
                let there = left.alternatives().iter().filter(|value| value.truth() != Some(false)).map(there);
                Value::any(there.chain([right]))
            }
            Operator::Add => {
                let right = self.expr(&binary.right);
                let is_text = |value: &Value| value.alternatives().iter().any(|value| matches!(value, Value::Text(_)));
                if is_text(&left) || is_text(&right) {
                    let then = self.text_parts(&right);
                    let is_path = matches!(then.first(), Some(Part::Text(text)) if text.starts_with('/'));
                    let first = if is_path { self.text_parts(&beginning(&left)) } else { self.text_parts(&left) };
                    let parts = joined(first.into_iter().chain(then).collect::<Vec<_>>());
                    let text = self.noted_text(parts, whole);
                    return match left.known_text() {
                        Some(scheme) => self.each_token(&scheme, &right, text),
                        None => text,
                    };
                }
                Value::Unknown
            }
            Operator::Equal | Operator::Unequal => {
                let right = self.expr(&binary.right);
                if !matches!(binary.left.kind, ExprKind::TypeOf(_)) {
                    self.watch_compared(&left, &right);
                    let place = self.place(whole.range);
                    self.watch_role([&left, &right], place);
                    self.watch_password_compared(&left, &right);
                }
                let is_wanted = |equal: bool| equal == (binary.operator == Operator::Equal);
                let equal = self.equal_for_stranger(&left, &right).or_else(|| are_equal(&left, &right));
                equal.map_or(Value::Unknown, |equal| Value::Bool(is_wanted(equal)))
            }
            Operator::Less | Operator::Greater | Operator::Other => {
                self.expr(&binary.right);
                Value::Unknown
            }
        }
    }

    pub(super) fn steps_left(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.file == self.evaluated)
    }

    pub(super) fn assign(&mut self, assign: &Assign) -> Value {
        let value = match assign.operator {
            Some(Operator::Add) => {
                let before = self.pattern_value(&assign.target);
                let value = self.expr(&assign.value);
                let parts = self.text_parts(&before).into_iter().chain(self.text_parts(&value));
                Value::Text(joined(parts.collect::<Vec<_>>()))
            }
            Some(Operator::And | Operator::Or | Operator::Coalesce) => {
                let before = self.pattern_value(&assign.target);
                let value = self.expr(&assign.value);
                before.or(value)
            }
            Some(_) => {
                self.expr(&assign.value);
                Value::Unknown
            }
            None => self.expr(&assign.value),
        };
        self.bind(&assign.target, value.clone(), false);
        value
    }

    pub(super) fn pattern_value(&mut self, pattern: &Pattern) -> Value {
        match pattern {
            Pattern::Name(name, _) => self.lookup(name),
            Pattern::Place(place) => self.expr(place),
            _ => Value::Unknown,
        }
    }

    /// Assigns to a place in an object.
    pub(super) fn assign_to(&mut self, place: &Expr, value: Value) {
        let (object, name) = match &place.kind {
            ExprKind::Member(member) => (self.expr(&member.object), Some(member.property.clone())),
            ExprKind::Index(index) => {
                let object = self.expr(&index.object);
                (object, self.expr(&index.index).known_text())
            }
            _ => return,
        };
        if let Some(name) = &name {
            self.watch_settings(&object, name);
            self.watch_cleared(&object, name);
        }
        for object in object.alternatives() {
            match object {
                Value::Object(id) => {
                    let is_headers = self.store.get(*id).kind == ObjectKind::Headers;
                    if matches!(self.store.get(*id).kind, ObjectKind::Native | ObjectKind::Xhr) {
                        self.escapes(&value);
                    }
                    if let Some(name) = &name {
                        self.note_bare_header(name, &value, place.range);
                        if self.store.get(*id).is_settings() {
                            libraries::generated::set_setting(self, *id, name, &value);
                        }
                    }
                    if is_headers
                        && let Some(name) = &name
                        && let Some(client) = self.client_of_headers(place)
                    {
                        libraries::set_default_header(self, client, name, &value);
                    }
                    match &name {
                        Some(name) if is_headers => self.store.set(*id, &name.to_ascii_lowercase(), value.clone()),
                        Some(name) => self.store.set(*id, name, value.clone()),
                        None => self.store.open(*id),
                    }
                }
                Value::Class(class) => {
                    if let Some(name) = &name {
                        self.store.set(class.statics, name, value.clone());
                    }
                }
                Value::Package(package) => {
                    if let Some(name) = &name {
                        libraries::assigned(self, &Rc::clone(package), name, &value, self.place(place.range));
                    }
                }
                _ => self.escapes(&value),
            }
        }
    }

    /// The client of axios in whose headers a place is: `client.defaults.headers.common.Authorization`.
    fn client_of_headers(&mut self, place: &Expr) -> Option<ObjectId> {
        let mut object = match &place.kind {
            ExprKind::Member(member) => &member.object,
            ExprKind::Index(index) => &index.object,
            _ => return None,
        };
        while let ExprKind::Member(member) = &object.kind {
            object = &member.object;
            if member.property == "headers" {
                let owner = self.expr(object);
                return owner.alternatives().iter().find_map(|owner| match owner {
                    Value::Object(id) if self.store.get(*id).kind == ObjectKind::Axios => Some(*id),
                    _ => None,
                });
            }
        }
        None
    }
}

/// Whether an expression is what code keeps in the global object (`globalThis.client ?? new Client()`):
/// nothing at first, and then what it is given here.
fn is_kept_globally(expr: &Expr, value: &Value) -> bool {
    const PLATFORM: &[&str] = &[
        "fetch",
        "process",
        "crypto",
        "document",
        "location",
        "navigator",
        "localStorage",
        "sessionStorage",
        "window",
    ];
    matches!((&expr.kind, value), (ExprKind::Member(_), Value::Package(package))
        if package.package.is_empty() && !package.path.contains(['.', '(']) && !PLATFORM.contains(&&*package.path))
}

/// Whether two values are equal, where that is known whatever `==` converts.
fn are_equal(left: &Value, right: &Value) -> Option<bool> {
    if let Value::Either(values) = left {
        let mut each = values.iter().map(|value| are_equal(value, right));
        let first = each.next()??;
        return each.all(|equal| equal == Some(first)).then_some(first);
    }
    match (left, right) {
        (_, Value::Either(_)) if !matches!(left, Value::Either(_)) => are_equal(right, left),
        (Value::Null, Value::Null) | (Value::Undefined, Value::Undefined) => Some(true),
        // `null == undefined`, and `null !== undefined`.
        (Value::Null | Value::Undefined, Value::Null | Value::Undefined) => None,
        (one, Value::Null | Value::Undefined) | (Value::Null | Value::Undefined, one) => {
            is_something(one).then_some(false)
        }
        (Value::Bool(one), Value::Bool(other)) => Some(one == other),
        (Value::Text(_), Value::Text(_)) | (Value::Number(_), Value::Number(_)) => {
            Some(left.known_text()? == right.known_text()?)
        }
        _ => None,
    }
}

/// Whether a value is known to be neither `null` nor `undefined`.
fn is_something(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Object(_)
            | Value::Array(_)
            | Value::Function(_)
            | Value::Class(_)
            | Value::Promise(_)
    )
}

/// A value that a test has shown to be there.
fn there(value: &Value) -> Value {
    match value {
        Value::Symbol(symbol) => Value::Symbol(Rc::new(Symbol { may_be_missing: false, ..(**symbol).clone() })),
        value => value.clone(),
    }
}
