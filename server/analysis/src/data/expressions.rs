//! Expressions that are no calls.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::is_dotted;
use super::compound::one_of;
use super::compound::selected;
use super::engine::Engine;
use super::entries::copied;
use super::execution::{element, entries};
use super::handed_out::is_token;
use super::joining::joined;
use super::models::{Model, model_of};
use super::terms::{compared, either};
use super::upkeep::from_clock;
use super::value::{Abs, Known, Mix, Path, Predicate};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{ClassRef, Resolve, Value};

impl Engine<'_, '_> {
    /// The value of an expression.
    pub(super) fn eval(&mut self, path: &mut Path, expr: &Expr) -> Abs {
        if !self.spend() {
            path.doubt = true;
            return Abs::Unknown;
        }
        match &expr.kind {
            ExprKind::Name(name) => match path.vars.get(name) {
                Some(value) => {
                    let value = value.clone();
                    path.look_at(&value);
                    value
                }
                None => match self.outer(expr) {
                    // A variable that is empty when its module has been imported is filled later.
                    Value::None => Abs::Unknown,
                    value => self.as_abs(value),
                },
            },
            ExprKind::Attribute { value, name } => {
                self.note_standing_named(&name.name);
                if root_name(expr).is_some_and(|root| !path.vars.contains_key(root)) {
                    if let Some(column) = self.column_of_core(expr) {
                        return column;
                    }
                    // A column is more than the value that its definition has.
                    if let Value::Class(class) = self.outer(value)
                        && let Some(model) = self.model(&class)
                        && model.has(&name.name)
                    {
                        return Abs::Column(model, name.name.clone());
                    }
                    match self.outer(expr) {
                        Value::Unknown(_) | Value::None => {}
                        held @ Value::Bool(_) if self.is_set_later(value, &name.name, &held) => return Abs::Unknown,
                        // What calls into a package end with is no part of the package: `client.table("tasks")….data`.
                        // Nor is the method of what is made here the method of what stands for that: `Notes(db, me).find`.
                        Value::Package(_) | Value::Bound(_) if !is_dotted(expr) => {}
                        known => return self.as_abs(known),
                    }
                }
                let object = self.eval(path, value);
                if name.name != "data" {
                    path.look_at(&object);
                }
                self.attribute(path, expr, &object, &name.name)
            }
            ExprKind::Subscript { value, index } => {
                let is_outer = root_name(expr).is_some_and(|root| !path.vars.contains_key(root));
                if let Some(column) = is_outer.then(|| self.column_of_core(expr)).flatten() {
                    return column;
                }
                let container = self.eval(path, value);
                path.look_at(&container);
                let key = self.eval(path, index);
                let constant = match (&container, &key) {
                    (Abs::Other, Abs::Text(key)) => self.constant_entry(value, key),
                    (Abs::Other, key) => self.rights_under(path, value, key),
                    _ => None,
                };
                constant.unwrap_or_else(|| self.item(path, expr, &container, &key))
            }
            ExprKind::Call { func, args } => {
                let exits = self.call(path.clone(), expr, func, args);
                self.settle(path, exits)
            }
            ExprKind::Await(inner) => self.eval_awaited(path, inner),
            ExprKind::Starred(inner) => self.eval(path, inner),
            ExprKind::Walrus { name, value } => {
                let value = self.eval(path, value);
                path.vars.insert(name.name.clone(), value.clone());
                value
            }
            ExprKind::Compare { first, rest } => {
                let left = first;
                let first = self.eval(path, first);
                let right = rest.first().map(|(_, expr)| expr);
                let rest: Vec<(&SmolStr, Abs)> = rest.iter().map(|(op, expr)| (op, self.eval(path, expr))).collect();
                if let (Some(right), [(_, second)]) = (right, rest.as_slice()) {
                    self.note_spelling(&first, right, second);
                    self.note_spelling(second, left, &first);
                }
                match rest.as_slice() {
                    [(op, second)] => compared(&first, op, second),
                    _ => Abs::Other,
                }
            }
            ExprKind::BoolOp { and, values } => self.bool_op(path, *and, values),
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.eval(path, left), self.eval(path, right));
                match (op.as_str(), &left, &right) {
                    ("&", Abs::Predicates(a), Abs::Predicates(b)) => {
                        Abs::Predicates(Arc::new(a.iter().chain(b.iter()).cloned().collect()))
                    }
                    ("|", Abs::Predicates(_), _) | ("|", _, Abs::Predicates(_)) => either(&[left, right]),
                    ("+", Abs::Items(a), Abs::Items(b)) => {
                        Abs::Items(Arc::new(a.iter().chain(b.iter()).cloned().collect()))
                    }
                    ("|", Abs::Dump(dump), Abs::Map(entries)) => Abs::Dump(Arc::new(dump.with(entries.iter()))),
                    _ => from_clock([&left, &right]).unwrap_or_else(|| Mix::of([&left, &right]).into_abs()),
                }
            }
            ExprKind::IfExp { .. } => {
                let exits = self.fork(path.clone(), expr);
                self.settle(path, exits)
            }
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                let mut items = Vec::with_capacity(parts.len());
                for part in parts {
                    match (&part.kind, self.eval(path, part)) {
                        (ExprKind::Starred(_), Abs::Items(inner)) => items.extend(inner.iter().cloned()),
                        (_, value) => items.push(value),
                    }
                }
                Abs::Items(Arc::new(items))
            }
            ExprKind::Dict(entries) => self.dict(path, entries),
            ExprKind::FString(parts) | ExprKind::Slice(parts) => {
                let values: Vec<Abs> = parts.iter().map(|part| self.eval(path, part)).collect();
                if let Some(Abs::Text(text)) = values.first()
                    && !self.is_chosen_by_client(path, &values)
                {
                    self.note_policies(text);
                }
                if let Some(token) = values.iter().find(|value| is_token(path, value)) {
                    return token.clone();
                }
                let texts: Option<String> = values
                    .iter()
                    .map(|value| match value {
                        Abs::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                match texts {
                    Some(text) => Abs::Text(text.into()),
                    None => Mix::of(&values).into_abs(),
                }
            }
            ExprKind::Comprehension(comprehension) => {
                let mut inner = path.clone();
                for clause in &comprehension.clauses {
                    let items = self.eval_awaited(&mut inner, &clause.iter);
                    let items = self.fetched_by_iterating(&mut inner, items);
                    self.note_cut(&items);
                    if let Some(copy) = copied(comprehension, &items) {
                        return copy;
                    }
                    if comprehension.clauses.len() == 1
                        && comprehension.value.is_none()
                        && let Some(entries) = entries(&items)
                    {
                        let values = entries.to_vec();
                        return self.each_entry(path, &inner, comprehension, clause, &values);
                    }
                    self.assign(&mut inner, &clause.target, &element(&items));
                    for condition in &clause.conditions {
                        let (yes, _) = self.branch(inner.clone(), condition);
                        match one_of(yes) {
                            Some(one) => inner = one,
                            None => return Abs::Items(Arc::default()),
                        }
                    }
                }
                let mut value = match &comprehension.element.kind {
                    // Whether they hold says something of what is compared.
                    ExprKind::Compare { first, rest } if rest.len() == 1 => {
                        let compared = [self.eval(&mut inner, first), self.eval(&mut inner, &rest[0].1)];
                        match self.asks_for_claim(&rest[0].0, &compared[0], (&compared[1], &rest[0].1)) {
                            true => Abs::Other,
                            false => Mix::of(&compared).into_abs(),
                        }
                    }
                    _ => self.asked_for_each(&mut inner, &comprehension.element),
                };
                if let Some(other) = &comprehension.value {
                    let other = self.eval(&mut inner, other);
                    value = Mix::of([&value, &other]).into_abs();
                }
                selected(path, inner, value)
            }
            ExprKind::Yield(inner) => {
                let value = inner.as_ref().map_or(Abs::Nothing, |inner| self.eval(path, inner));
                path.yielded = Some(match path.yielded.take() {
                    Some(known) => joined(known, value),
                    None => value,
                });
                Abs::Unknown
            }
            ExprKind::None => Abs::Nothing,
            ExprKind::Bool(value) => Abs::Constant(Some(*value)),
            ExprKind::Str(text) => {
                self.note_standing_named(text);
                Abs::Text(text.clone())
            }
            ExprKind::Int(_) | ExprKind::Number | ExprKind::Bytes => Abs::Constant(None),
            ExprKind::Not(inner) => {
                self.eval(path, inner);
                Abs::Other
            }
            ExprKind::Unary(inner) => match self.eval(path, inner) {
                // `~(Model.user_id == me)`
                Abs::Predicates(predicates) => Abs::Predicates(Arc::new(
                    predicates.iter().map(|predicate| Predicate { equal: false, ..predicate.clone() }).collect(),
                )),
                value => value,
            },
            ExprKind::Lambda { params, body } => self.lambda(path, expr, params, body),
            ExprKind::Ellipsis | ExprKind::Unknown => Abs::Unknown,
        }
    }

    /// What the index knows, as a value here.
    pub(super) fn as_abs(&self, value: Value) -> Abs {
        match value {
            Value::None => Abs::Nothing,
            Value::Bool(value) => Abs::Constant(Some(value)),
            Value::Str(text) => Abs::Text(text),
            Value::Int(_) => Abs::Constant(None),
            Value::Unknown(_) | Value::Lazy(_) => Abs::Unknown,
            Value::List(items) if is_of_texts(&items) => {
                Abs::Items(Arc::new(items.iter().map(|item| self.as_abs(item.clone())).collect()))
            }
            Value::List(_) | Value::Dict(_) | Value::Record(_) => Abs::Other,
            value => Abs::Known(Known(value)),
        }
    }

    /// What a table of constants around the function holds under a key: `RIGHTS_OF_ROLES[Role.USER]`.
    pub(super) fn constant_entry(&self, table: &Expr, key: &SmolStr) -> Option<Abs> {
        let Value::Dict(entries) = self.interpreter.eval(self.stack.last()?, table) else { return None };
        let is_it = |(known, _): &&(Value, Value)| matches!(known, Value::Str(known) if known == key);
        let (_, value) = entries.iter().find(is_it)?;
        match value {
            Value::List(items) if items.iter().all(|item| matches!(item, Value::Str(_))) => {
                Some(Abs::Items(Arc::new(items.iter().map(|item| self.as_abs(item.clone())).collect())))
            }
            Value::Str(_) | Value::Bool(_) | Value::Function(_) | Value::Bound(_) => Some(self.as_abs(value.clone())),
            _ => None,
        }
    }

    /// Whether a table of constants around the function, which has entries, has none under a key.
    pub(super) fn lacks_entry(&self, table: &Expr, key: &SmolStr) -> bool {
        let Some(Value::Dict(entries)) = self.stack.last().map(|function| self.interpreter.eval(function, table))
        else {
            return false;
        };
        let is_another = |(known, _): &(Value, Value)| matches!(known, Value::Str(known) if known != key);
        !entries.is_empty() && entries.iter().all(is_another)
    }

    /// The table of a class.
    pub(super) fn model(&mut self, class: &Arc<ClassRef>) -> Option<Arc<Model>> {
        if let Some(known) = self.models.get(&class.site) {
            return known.clone();
        }
        let model = model_of(self.interpreter, class, &self.callers).map(Arc::new);
        self.models.insert(class.site, model.clone());
        self.classes.insert(class.site, Arc::clone(class));
        model
    }

    /// The table that a value names.
    pub(super) fn model_of(&mut self, value: &Abs) -> Option<Arc<Model>> {
        match value {
            Abs::Known(Known(Value::Class(class))) => self.model(&Arc::clone(class)),
            Abs::Known(Known(table @ Value::Instance(_))) => self.core_table(table),
            Abs::Column(model, _) => Some(Arc::clone(model)),
            _ => None,
        }
    }
}

/// The variable that an expression is about.
pub(super) fn root_name(expr: &Expr) -> Option<&SmolStr> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } | ExprKind::Await(value) => {
            root_name(value)
        }
        ExprKind::Call { func, .. } => root_name(func),
        _ => None,
    }
}

/// Texts of a list that are looked at one by one.
const MAX_TEXTS: usize = 24;

/// Whether a list around a function holds texts, and how many these are is no burden: `STAFF = {"admin", "auditor"}`.
fn is_of_texts(items: &[Value]) -> bool {
    (1..=MAX_TEXTS).contains(&items.len()) && items.iter().all(|item| matches!(item, Value::Str(_)))
}
