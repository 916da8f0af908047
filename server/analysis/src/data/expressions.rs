//! Expressions that are no calls.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::is_dotted;
use super::closures::Closure;
use super::compound::one_of;
use super::compound::selected;
use super::engine::{Engine, Exit};
use super::entries::copied;
use super::execution::{element, entries};
use super::handed_out::is_token;
use super::joining::{join_exits, joined};
use super::models::{Model, model_of};
use super::names;
use super::objects::named_member;
use super::requests::{CHOSEN, STATE_OF_APPLICATION};
use super::terms::{compared, either};
use super::upkeep::from_clock;
use super::value::{Abs, Dump, Known, Made, Mix, Path, Predicate, RowId};
use crate::auth::is_settings;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{ClassRef, Resolve, Value};

impl Engine<'_, '_> {
    /// Evaluates an expression that stands alone: several paths may come out of it.
    pub(super) fn fork(&mut self, path: Path, expr: &Expr) -> Vec<Exit> {
        let mut path = path;
        match &expr.kind {
            ExprKind::Await(inner) => self.fork(path, inner),
            _ if self.asks_whether_any(&path, expr).is_some() => self.fork_condition(path, expr),
            ExprKind::Call { func, args } => self.call(path, expr, func, args),
            // `handler = HANDLERS[name]`
            ExprKind::Subscript { value, index } if is_dotted(value) => {
                let (held, key) = (self.eval(&mut path, value), self.eval(&mut path, index));
                match self.picked(value, &held, &key) {
                    Some(functions) => functions.into_iter().map(|one| (path.clone(), one)).collect(),
                    None => {
                        let value = self.eval(&mut path, expr);
                        if path.dead { Vec::new() } else { vec![(path, value)] }
                    }
                }
            }
            ExprKind::Not(_) => self.fork_condition(path, expr),
            ExprKind::Compare { first, rest } if rest.len() == 1 => {
                let (op, second) = &rest[0];
                if let Some(answer) = self.shows_key(expr) {
                    let (yes, no) = self.key_comparison(path, &answer, op);
                    return answers(yes, no);
                }
                if let Some(holds) = self.ranks_compare(&path, first, op, second) {
                    return vec![(path, Abs::Constant(Some(holds)))];
                }
                let a = self.eval(&mut path, first);
                let b = self.eval(&mut path, second);
                if path.dead {
                    return Vec::new();
                }
                self.note_spelling(&a, second, &b);
                self.note_spelling(&b, first, &a);
                // A condition of a query is no question yet.
                match compared(&a, op, &b) {
                    value @ Abs::Predicates(_) => vec![(path, value)],
                    _ => {
                        self.note_question(&path, (&a, first), (&b, second));
                        let (yes, no) = self.compare_roles(path, (a, first), op, (b, second));
                        answers(yes, no)
                    }
                }
            }
            ExprKind::BoolOp { .. } if is_condition(expr) => self.fork_condition(path, expr),
            ExprKind::BoolOp { and: false, values } if self.asks_of_caller(&path, values) => {
                self.fork_condition(path, expr)
            }
            ExprKind::IfExp { test, body, or_else } => {
                let (yes, no) = self.branch(path, test);
                let mut exits = Vec::new();
                for path in yes {
                    exits.extend(self.fork(path, body));
                }
                for path in no {
                    exits.extend(self.fork(path, or_else));
                }
                exits
            }
            _ => {
                let value = self.eval(&mut path, expr);
                if path.dead { Vec::new() } else { vec![(path, value)] }
            }
        }
    }

    fn fork_condition(&mut self, path: Path, expr: &Expr) -> Vec<Exit> {
        let (yes, no) = self.branch(path, expr);
        answers(yes, no)
    }

    /// Goes on with one path where several came out.
    pub(super) fn settle(&mut self, path: &mut Path, exits: Vec<Exit>) -> Abs {
        let Some((joined_path, value)) = exits.into_iter().reduce(join_exits) else {
            path.dead = true;
            return Abs::Nothing;
        };
        *path = joined_path;
        value
    }

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
                    _ => None,
                };
                constant.unwrap_or_else(|| self.item(path, expr, &container, &key))
            }
            ExprKind::Call { func, args } => {
                let exits = self.call(path.clone(), expr, func, args);
                self.settle(path, exits)
            }
            ExprKind::Await(inner) | ExprKind::Starred(inner) => self.eval(path, inner),
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
                    let items = self.eval(&mut inner, &clause.iter);
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

    /// `object.name`.
    pub(super) fn attribute(&mut self, path: &mut Path, expr: &Expr, object: &Abs, name: &SmolStr) -> Abs {
        self.note_standing_asked(path, expr, object, name);
        match object {
            // `call.function.arguments`, of an answer of a language model.
            Abs::Unknown | Abs::Mix(_) if is_function_called(expr, name) => Abs::Request(SmolStr::new_static(CHOSEN)),
            // Of a member of an enumeration.
            Abs::Principal(part) if name == "value" && !part.is_empty() => object.clone(),
            Abs::Part(..) if name == "value" => object.clone(),
            // What a role is called, which is a record of its own.
            Abs::Principal(part) | Abs::Part(_, part) if names::is_privilege(part) && names::is_label(name) => {
                object.clone()
            }
            Abs::Principal(part) => {
                let class = self.principal_class.clone().filter(|_| part.is_empty());
                let property = class.and_then(|class| self.interpreter.method(&class, name));
                if let Some(property) = property.filter(|method| is_property(&method.def.decorators)) {
                    let exits = self.follow(path.clone(), expr, &property, Some(object.clone()), Vec::new());
                    return match self.settle(path, exits) {
                        // It is of the principal, whatever it is.
                        Abs::Unknown | Abs::Other => Abs::Principal(name.clone()),
                        value => value,
                    };
                }
                Abs::Principal(name.clone())
            }
            Abs::Row(id) => {
                let model = path.rows.get(id).and_then(|row| row.model.as_ref());
                if name == "data" && model.is_some_and(|model| !model.has_class()) {
                    // The rows of an answer of PostgREST.
                    object.clone()
                } else if name == "count" && model.is_some_and(|model| !model.has_class()) {
                    // How many there are, which is no row.
                    Abs::Constant(None)
                } else if self.is_principals_own(path, *id) {
                    Abs::Principal(name.clone())
                } else {
                    Abs::Part(*id, name.clone())
                }
            }
            // `note.owner.ref.id`, where the field is a link to whose it is (Beanie 1.20).
            Abs::Part(id, column) if matches!(name.as_str(), "ref" | "id") && is_owner_of(path, *id, column) => {
                object.clone()
            }
            Abs::Part(id, _) => Abs::Part(*id, name.clone()),
            Abs::Own => Abs::Own,
            Abs::Clock => Abs::Clock,
            Abs::Object(id) => {
                let Some(object) = path.objects.get(id).cloned() else { return Abs::Unknown };
                if let Some(value) = object.fields.get(name).or_else(|| object.properties.get(name)) {
                    return value.clone();
                }
                if name == "__dict__"
                    && let Some(dump) = self.dump(path, *id, expr)
                {
                    return Abs::Dump(Arc::new(dump));
                }
                match &object.made {
                    Made::Row(_) if object.spread.as_ref().is_none_or(|dump| !dump.fields.contains(name)) => Abs::Own,
                    Made::Body(class) | Made::Instance(class) => {
                        if let Some(property) =
                            self.interpreter.method(class, name).filter(|method| is_property(&method.def.decorators))
                        {
                            let exits = self.follow(path.clone(), expr, &property, Some(Abs::Object(*id)), Vec::new());
                            let value = self.settle(path, exits);
                            if !path.dead
                                && let Some(object) = path.objects.get_mut(id)
                            {
                                object.properties.insert(name.clone(), value.clone());
                            }
                            return value;
                        }
                        if let Made::Body(_) = &object.made {
                            return self.body_field(path, *id, name);
                        }
                        // `{"done": self.complete}`
                        if let Some(method) = self.interpreter.method(class, name) {
                            return Abs::Local(Arc::new(Closure::of_object(method, Abs::Object(*id))));
                        }
                        if object.principal {
                            return Abs::Principal(name.clone());
                        }
                        match self.interpreter.class_attribute(class, name) {
                            Some(value) => {
                                let value = self.as_abs(self.interpreter.force(value));
                                // What the environment says is not what stands in for it.
                                let decides = matches!(value, Abs::Nothing | Abs::Constant(_));
                                if decides && is_settings(self.interpreter, class) { Abs::Other } else { value }
                            }
                            None => match self.member(path, &class.clone(), name) {
                                Some(value) => {
                                    if let Some(object) = path.objects.get_mut(id) {
                                        object.properties.insert(name.clone(), value.clone());
                                    }
                                    value
                                }
                                None => Abs::Unknown,
                            },
                        }
                    }
                    Made::Drawn | Made::Signed => Abs::Object(*id),
                    Made::Row(_) | Made::Buffer => Abs::Unknown,
                }
            }
            Abs::Known(Known(Value::Class(class))) => match self.model(class) {
                Some(model) if model.has(name) => Abs::Column(model, name.clone()),
                // The table of a class that works on one: `cls.model`.
                _ => match self.interpreter.class_attribute(class, name).map(|value| self.interpreter.force(value)) {
                    Some(value @ Value::Class(_)) => self.as_abs(value),
                    _ => Abs::Unknown,
                },
            },
            Abs::Known(Known(known @ Value::Instance(instance))) => match instance.attributes.get(name) {
                Some(value) => self.as_abs(self.interpreter.force(value)),
                None => self.part_of_core(known, name).unwrap_or(Abs::Unknown),
            },
            Abs::Known(Known(Value::Module(file))) => self.as_abs(self.interpreter.lookup(*file, name)),
            Abs::Known(Known(Value::Package(package))) => {
                Abs::Known(Known(Value::Package(SmolStr::new(format!("{package}.{name}")))))
            }
            // `Model.parent.has(…)`, `Model.id.desc`
            Abs::Column(model, column) => Abs::Column(Arc::clone(model), column.clone()),
            Abs::Request(part) if part == STATE_OF_APPLICATION => self.kept_on_state(path, expr, name),
            Abs::Request(part) => match path.left.get(name).filter(|_| part == "state" && self.guarded) {
                Some(client) => Abs::Client(*client),
                None => self.request_attribute(part, name),
            },
            Abs::Mix(_) => object.clone(),
            // The member of an enumeration that the client named.
            Abs::Client(_) if matches!(name.as_str(), "value" | "name") => object.clone(),
            _ => Abs::Unknown,
        }
    }

    /// `container[key]`.
    fn item(&mut self, path: &mut Path, expr: &Expr, container: &Abs, key: &Abs) -> Abs {
        match (container, key) {
            (Abs::Unknown | Abs::Mix(_), Abs::Text(key)) if is_function_called(expr, key) => {
                Abs::Request(SmolStr::new_static(CHOSEN))
            }
            (Abs::Principal(_), Abs::Text(key)) => Abs::Principal(key.clone()),
            (Abs::Row(_), Abs::Text(key)) => self.attribute(path, expr, container, key),
            (Abs::Principal(_) | Abs::Row(_) | Abs::Own | Abs::Mix(_), _) => container.clone(),
            (Abs::Part(..), _) => container.clone(),
            (Abs::Map(entries), Abs::Text(key)) => self.entry(expr, entries, key).unwrap_or(Abs::Unknown),
            // What was made without anything in it has no first element.
            (Abs::Items(items), Abs::Constant(None)) if items.is_empty() => {
                path.dead = true;
                Abs::Nothing
            }
            (Abs::Items(_), _) => element(container),
            (Abs::Dump(dump), Abs::Text(key)) => self.dump_field(path, expr, dump, key),
            (Abs::Request(part), Abs::Text(key)) => self.request_item(expr, part, key),
            // A token in parts: `cookies[f"{name}.{number}"]`.
            (Abs::Request(part), _) if self.in_root && matches!(part.as_str(), "cookies" | "headers") => {
                self.credential()
            }
            (Abs::Client(client), Abs::Text(key)) if self.guarded => self.client_part(*client, key, expr),
            (Abs::Client(_), _) => Mix::of([container]).into_abs(),
            (Abs::Known(Known(Value::Class(class))), Abs::Client(_)) if self.is_enum(class) => named_member(class, key),
            (Abs::Known(Known(Value::Class(_) | Value::Package(_))), _) => container.clone(),
            (Abs::Known(Known(table @ Value::Instance(_))), Abs::Text(key)) => {
                self.part_of_core(table, key).unwrap_or(Abs::Unknown)
            }
            _ => Abs::Unknown,
        }
    }

    /// Whether a row is the principal's own record among the users.
    pub(super) fn is_principals_own(&self, path: &Path, id: u32) -> bool {
        let Some(row) = path.rows.get(&id) else { return false };
        let users = row.model.as_ref().is_some_and(|model| model.is_user && model.owners.is_empty());
        let of_principal = |predicate: &Predicate| predicate.equal && matches!(predicate.value, Abs::Principal(_));
        users && row.predicates.iter().any(of_principal)
    }
}

impl Dump {
    /// The same without a field.
    pub(super) fn without(&self, field: &str) -> Self {
        let fields = self.fields.iter().filter(|known| *known != field).cloned().collect();
        let set = self.set.iter().filter(|(known, _)| known != field).cloned().collect();
        Self { fields, set, ..self.clone() }
    }

    /// The same with other entries; of those that say nothing of whose anything is, none is kept.
    pub(super) fn with<'v>(&self, entries: impl IntoIterator<Item = &'v (SmolStr, Abs)>) -> Self {
        entries.into_iter().fold(self.clone(), |dump, (field, value)| {
            let mut dump = dump.without(field);
            let idle = matches!(value, Abs::Text(_) | Abs::Constant(_) | Abs::Nothing | Abs::Other);
            dump.set.extend((!idle).then(|| (field.clone(), value.clone())));
            dump
        })
    }
}

/// The two answers of a question, each on its paths.
fn answers(yes: Vec<Path>, no: Vec<Path>) -> Vec<Exit> {
    let yes = yes.into_iter().map(|path| (path, Abs::Constant(Some(true))));
    yes.chain(no.into_iter().map(|path| (path, Abs::Constant(Some(false))))).collect()
}

/// Whether an expression asks a question.
fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Compare { .. } | ExprKind::Not(_) => true,
        // Of `a and b` nothing is kept of what was true.
        ExprKind::BoolOp { and: true, values } => values.last().is_some_and(is_condition),
        ExprKind::BoolOp { values, .. } => values.iter().all(is_condition),
        _ => false,
    }
}

/// Whether a method is read like an attribute.
pub(super) fn is_property(decorators: &[Expr]) -> bool {
    decorators.iter().any(|decorator| {
        matches!(super::models::last_name(decorator), Some("property" | "cached_property" | "hybrid_property"))
    })
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

/// `call.function.arguments`, `call["function"]["arguments"]`, `part.function_call.args`: what a language model wants a
/// function to be called with, as the APIs of OpenAI and of Gemini have it.
fn is_function_called(expr: &Expr, name: &str) -> bool {
    let called = match name {
        CHOSEN => "function",
        "args" => "function_call",
        _ => return false,
    };
    let (ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. }) = &expr.kind else { return false };
    match &value.kind {
        ExprKind::Attribute { name, .. } => name.name == called,
        ExprKind::Subscript { index, .. } => index.as_str().is_some_and(|key| key == called),
        _ => false,
    }
}

/// Whether a column of a row says whose that is.
fn is_owner_of(path: &Path, row: RowId, column: &str) -> bool {
    let model = path.rows.get(&row).and_then(|row| row.model.as_ref());
    model.is_some_and(|model| model.is_owner(column))
}

/// Texts of a list that are looked at one by one.
const MAX_TEXTS: usize = 24;

/// Whether a list around a function holds texts, and how many these are is no burden: `STAFF = {"admin", "auditor"}`.
fn is_of_texts(items: &[Value]) -> bool {
    (1..=MAX_TEXTS).contains(&items.len()) && items.iter().all(|item| matches!(item, Value::Str(_)))
}
