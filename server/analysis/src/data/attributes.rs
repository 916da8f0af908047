//! Parts of values: attributes, and what stands under a key.

use std::sync::Arc;

use smol_str::SmolStr;

use super::closures::Closure;
use super::engine::Engine;
use super::execution::element;
use super::methods::filled_by_principal;
use super::names;
use super::objects::named_member;
use super::requests::{CHOSEN, STATE_OF_APPLICATION};
use super::value::{Abs, Dump, Known, Made, Mix, Path, Predicate, RowId};
use crate::auth::is_settings;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{ClassRef, Instance, Resolve, Value};

impl Engine<'_, '_> {
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
                if name == "_mapping" {
                    // The row as a dictionary (SQLAlchemy 1.4).
                    object.clone()
                } else if name == "data" && model.is_some_and(|model| !model.has_class()) {
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
                            let value = if object.principal { filled_by_principal(value, name) } else { value };
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
                    // The first sheet.
                    Made::Buffer if name == "active" => Abs::Object(*id),
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
                Some(value) => self.held(instance, name, self.interpreter.force(value)),
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

    /// Whether an attribute of an object holds nothing, or a flag, until another method than the initialiser assigns to it:
    /// `self.factory = None` says nothing of what requests find there.
    fn is_filled_later(&self, class: &ClassRef, name: &str, held: &Value) -> bool {
        matches!(held, Value::None | Value::Bool(_)) && !self.interpreter.stays(class, name)
    }

    /// What an object that was made when its module ran holds, unless something fills that later.
    fn held(&self, instance: &Instance, name: &str, value: Value) -> Abs {
        match &instance.class {
            Value::Class(class) if self.is_filled_later(class, name, &value) => Abs::Unknown,
            _ => self.as_abs(value),
        }
    }

    /// Whether an attribute of an object around the function holds a flag that something sets later.
    pub(super) fn is_set_later(&self, object: &Expr, name: &str, held: &Value) -> bool {
        let Value::Instance(instance) = self.outer(object) else { return false };
        matches!(&instance.class, Value::Class(class) if self.is_filled_later(class, name, held))
    }

    /// `container[key]`.
    pub(super) fn item(&mut self, path: &mut Path, expr: &Expr, container: &Abs, key: &Abs) -> Abs {
        match (container, key) {
            (Abs::Unknown | Abs::Mix(_), Abs::Text(key)) if is_function_called(expr, key) => {
                Abs::Request(SmolStr::new_static(CHOSEN))
            }
            (Abs::Principal(_), Abs::Text(key)) => Abs::Principal(key.clone()),
            (Abs::Row(_), Abs::Text(key)) => self.attribute(path, expr, container, key),
            (Abs::Principal(_) | Abs::Row(_) | Abs::Own | Abs::Mix(_), _) => container.clone(),
            (Abs::Part(..) | Abs::Column(..), _) => container.clone(),
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
            // `Role[me.role]` says of the caller what its role says.
            (Abs::Known(Known(Value::Class(class))), Abs::Client(_) | Abs::Principal(_) | Abs::Part(..))
                if self.is_enum(class) =>
            {
                named_member(class, key)
            }
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

/// Whether a method is read like an attribute.
pub(super) fn is_property(decorators: &[Expr]) -> bool {
    decorators.iter().any(|decorator| {
        matches!(super::models::last_name(decorator), Some("property" | "cached_property" | "hybrid_property"))
    })
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
