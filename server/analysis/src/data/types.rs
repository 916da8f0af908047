//! What annotations tell of values that nothing else is known of.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::last_of;
use super::engine::Engine;
use super::models::last_name;
use super::value::{Abs, Known, Object, Path, Vars};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

impl Engine<'_, '_> {
    /// What is asked of a class or a row: `issubclass(self.model, Owned)`, `hasattr(self.model, "company_id")`.
    pub(super) fn asked_of_class(&mut self, path: &Path, asked: &str, value: &Abs, of: &Abs) -> Abs {
        let answer = match (asked, value, of) {
            ("issubclass", Abs::Known(Known(Value::Class(class))), Abs::Known(Known(Value::Class(base)))) => {
                let classes = self.interpreter.linearised(class);
                let is_known =
                    |class: &Arc<ClassRef>| class.bases.iter().all(|base| !matches!(base, Value::Unknown(_)));
                match classes.iter().any(|class| class.site == base.site) {
                    true => Some(true),
                    false => classes.iter().all(is_known).then_some(false),
                }
            }
            ("hasattr", _, Abs::Text(name)) => {
                let model = match value {
                    Abs::Row(id) => path.rows.get(id).and_then(|row| row.model.clone()),
                    Abs::Known(_) => self.model_of(value),
                    _ => None,
                };
                model.filter(|model| model.has_class()).and_then(|model| match model.has(name) {
                    true => Some(true),
                    false => model.is_transient(name).then_some(false),
                })
            }
            _ => None,
        };
        answer.map_or(Abs::Other, |answer| Abs::Constant(Some(answer)))
    }

    /// The project's class that an annotation names.
    pub(super) fn class_named(&self, function: &FunctionRef, annotation: &Expr) -> Option<Arc<ClassRef>> {
        let plain = plain_type(annotation)?;
        match self.interpreter.eval_type(function, plain) {
            Value::Class(class) => Some(class),
            Value::Annotated(annotated) => match &annotated.ty {
                Value::Class(class) => Some(Arc::clone(class)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The class of services, and of others that are neither tables nor data.
    fn service_named(&mut self, function: &FunctionRef, annotation: &Expr) -> Option<Arc<ClassRef>> {
        let key = Site { range: annotation.range, ..function.site };
        if let Some(known) = self.services.get(&key) {
            return known.clone();
        }
        let class = self.class_named(function, annotation);
        let class = class.filter(|class| self.model(class).is_none() && !self.is_data(class));
        self.services.insert(key, class.clone());
        class
    }

    /// Whether a class holds data and does nothing.
    fn is_data(&self, class: &ClassRef) -> bool {
        self.interpreter
            .package_bases(class)
            .iter()
            .any(|base| ["pydantic", "sqlmodel", "enum", "typing.TypedDict"].iter().any(|name| base.starts_with(name)))
    }

    /// Parameters of which nothing is known are what their annotations say.
    pub(super) fn know_types(&mut self, path: &mut Path, function: &FunctionRef, vars: &mut Vars, call: Site) {
        for param in &function.def.params {
            let name = &param.name.name;
            let (Some(annotation), Some(Abs::Unknown)) = (&param.annotation, vars.get(name)) else { continue };
            let Some(class) = self.service_named(function, annotation) else { continue };
            let site = Site { range: param.range, ..function.site };
            self.calls.push(call);
            let id = self.add_object(path, Object { site, ..Object::instance(&class) });
            self.calls.pop();
            vars.insert(name.clone(), Abs::Object(id));
        }
    }

    /// What a function gives when its body does not tell.
    pub(super) fn returned(&mut self, path: &mut Path, function: &FunctionRef, call: Site) -> Abs {
        let Some(annotation) = &function.def.returns else { return Abs::Unknown };
        let Some(class) = self.service_named(function, annotation) else { return Abs::Unknown };
        Abs::Object(self.add_object(path, Object { site: call, ..Object::instance(&class) }))
    }

    /// An attribute of an instance that was not made here: what its class says of it,
    /// where it is made, or where a `with` enters it (a unit of work and its repositories).
    pub(super) fn member(&mut self, path: &mut Path, class: &Arc<ClassRef>, name: &SmolStr) -> Option<Abs> {
        let makers = ["__init__", "__aenter__", "__enter__"];
        makers.into_iter().find_map(|maker| self.member_made_in(path, class, maker, name))
    }

    /// An attribute that a method of its class sets.
    fn member_made_in(&mut self, path: &mut Path, class: &Arc<ClassRef>, maker: &str, name: &SmolStr) -> Option<Abs> {
        let init = self.interpreter.method(class, maker)?;
        let init = self.interpreter.current(&init);
        self.interpreter.count_body(init.site);
        let assigned = init.def.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => {
                let named = |target: &Expr| match &target.kind {
                    ExprKind::Attribute { value, name: attribute } => {
                        attribute.name == *name
                            && value.as_name() == init.def.params.first().map(|param| &param.name.name)
                    }
                    _ => false,
                };
                assign.targets.iter().any(named).then_some(assign.value.as_ref()).flatten()
            }
            _ => None,
        })?;
        let class = match &assigned.kind {
            ExprKind::Name(variable) => {
                let param = init.def.params.iter().find(|param| param.name.name == *variable)?;
                self.service_named(&init, param.annotation.as_ref()?)?
            }
            ExprKind::Call { func, .. } => match self.interpreter.eval(&init, func) {
                Value::Class(class) if self.model(&class).is_none() => class,
                _ => return None,
            },
            _ => return None,
        };
        let site = Site { range: assigned.range, ..init.site };
        Some(Abs::Object(self.add_object(path, Object { site, ..Object::instance(&class) })))
    }
}

/// The type in `X | None`, `Optional[X]`, `Annotated[X, …]`, `AsyncIterator[X]`.
fn plain_type(annotation: &Expr) -> Option<&Expr> {
    match &annotation.kind {
        ExprKind::Binary { op, left, right } if op == "|" => {
            if matches!(right.kind, ExprKind::None) {
                plain_type(left)
            } else if matches!(left.kind, ExprKind::None) {
                plain_type(right)
            } else {
                None
            }
        }
        ExprKind::Subscript { value, index } => match last_name(value)? {
            "Optional" => plain_type(index),
            "Annotated" | "Iterator" | "AsyncIterator" | "Generator" | "AsyncGenerator" | "Awaitable" => {
                match &index.kind {
                    ExprKind::Tuple(parts) => plain_type(parts.first()?),
                    _ => plain_type(index),
                }
            }
            _ => None,
        },
        ExprKind::Name(_) | ExprKind::Attribute { .. } => Some(annotation),
        _ => None,
    }
}

/// What `isinstance(value, class)` says, where it is known what the value is made of.
pub(super) fn is_instance(value: &Abs, class: &Abs) -> Abs {
    let classes = match class {
        Abs::Items(classes) => classes.as_slice(),
        one => std::slice::from_ref(one),
    };
    let answers: Option<Vec<bool>> = classes.iter().map(|class| is_of_type(value, class)).collect();
    answers.map_or(Abs::Other, |answers| Abs::Constant(Some(answers.contains(&true))))
}

/// Whether a value is of a type of Python's own.
fn is_of_type(value: &Abs, class: &Abs) -> Option<bool> {
    const LISTS: [&str; 6] = ["list", "tuple", "set", "Sequence", "Iterable", "Collection"];
    let Abs::Known(Known(Value::Package(class))) = class else { return None };
    let own = ["builtins.", "typing.", "collections.abc."].iter().any(|module| class.starts_with(module));
    let class = last_of(class);
    let (is_table, is_list) = (matches!(class, "dict" | "Mapping" | "MutableMapping"), LISTS.contains(&class));
    let is_plain = matches!(class, "str" | "bytes" | "bytearray" | "int" | "float" | "bool");
    match value {
        _ if !own => None,
        Abs::Map(_) | Abs::Dump(_) if is_table => Some(true),
        Abs::Map(_) | Abs::Dump(_) if is_plain || matches!(class, "list" | "tuple" | "set" | "Sequence") => Some(false),
        Abs::Items(_) if is_table || is_plain => Some(false),
        // Which of them it is, is not known.
        Abs::Items(_) if is_list => None,
        Abs::Text(_) if class == "str" => Some(true),
        Abs::Text(_) if is_table || is_plain || matches!(class, "list" | "tuple" | "set") => Some(false),
        _ => None,
    }
}
