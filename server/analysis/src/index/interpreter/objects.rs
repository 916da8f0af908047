//! Classes and their instances: construction, attributes, `super()`.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{
    Arguments, Attributes, ClassRef, FunctionRef, Instance, Resolve, RouterId, Site, Unknown, Value,
};
use super::effects::RouterKind;
use super::expressions::UNSUPPORTED;
use super::{Execution, Interpreter, Scope};
use crate::facts::python::idioms::calls;
use crate::facts::python::tree::{Class, ExprKind, Function, StmtKind};

/// Attributes of classes looked up inside each other.
pub(super) const MAX_ATTRIBUTE_DEPTH: u32 = 24;
/// Classes in one order of resolution.
const MAX_BASES: usize = 64;

/// Whether executing a class body can do something to routers; plain models
/// cost nothing.
pub(super) fn registers(class: &Class) -> bool {
    class.body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Function(def) => def.decorators.iter().any(|decorator| decorator.as_call().is_some()),
        StmtKind::Assign(assign) => assign.value.as_ref().and_then(|value| value.as_call()).is_some_and(|(func, _)| {
            let name = match &func.kind {
                crate::facts::python::tree::ExprKind::Name(name) => name,
                crate::facts::python::tree::ExprKind::Attribute { name, .. } => &name.name,
                _ => return false,
            };
            name.ends_with("Router") || name.ends_with("FastAPI")
        }),
        StmtKind::Expr(_) | StmtKind::If { .. } | StmtKind::For { .. } => true,
        _ => false,
    })
}

/// Whether a function has a decorator whose last name is one of `names`.
fn is_decorated(def: &Function, names: &[&str]) -> bool {
    use crate::facts::python::tree::ExprKind;
    def.decorators.iter().any(|decorator| match &decorator.kind {
        ExprKind::Name(name) => names.contains(&name.as_str()),
        ExprKind::Attribute { name, .. } => names.contains(&name.name.as_str()),
        _ => false,
    })
}

/// Names of the annotated variables of classes, each once, in the order of the classes.
fn annotated<'c>(classes: impl Iterator<Item = &'c Arc<ClassRef>>) -> Vec<SmolStr> {
    let mut fields: Vec<SmolStr> = Vec::new();
    for class in classes {
        for stmt in &class.def.body {
            if let StmtKind::Assign(assign) = &stmt.kind
                && assign.annotation.is_some()
                && let Some(name) = assign.targets.first().and_then(|target| target.as_name())
                && !fields.contains(name)
            {
                fields.push(name.clone());
            }
        }
    }
    fields
}

/// The fields of the request models of fastapi-users 15.
fn fields_of_package(base: &str) -> impl Iterator<Item = SmolStr> + use<> {
    const FIELDS: &[&str] = &["email", "password", "is_active", "is_superuser", "is_verified"];
    let is_model =
        base.starts_with("fastapi_users.") && (base.ends_with(".BaseUserUpdate") || base.ends_with(".BaseUserCreate"));
    FIELDS.iter().filter(move |_| is_model).copied().map(SmolStr::new_static)
}

impl Interpreter<'_> {
    /// The annotated fields of a class, those of bases behind its own.
    pub fn fields_of(&self, class: &ClassRef) -> Vec<SmolStr> {
        let mut fields = annotated(self.linearised(class).iter());
        for base in self.package_bases(class) {
            let more: Vec<SmolStr> = fields_of_package(&base).filter(|field| !fields.contains(field)).collect();
            fields.extend(more);
        }
        fields
    }

    /// The class attribute `name` in the class or the nearest base that has it.
    pub fn class_attribute(&self, class: &ClassRef, name: &str) -> Option<Value> {
        self.linearised(class).iter().find_map(|class| self.own_class_attribute(class, name))
    }

    /// The class attribute `name` of the class itself: what executing its body
    /// left behind, else the last assignment of it.
    pub(super) fn own_class_attribute(&self, class: &Arc<ClassRef>, name: &str) -> Option<Value> {
        if let Some(value) = class.attributes.get(name) {
            return Some(value);
        }
        if self.attribute_depth.get() >= MAX_ATTRIBUTE_DEPTH {
            return Some(Value::Unknown(Unknown::Bound));
        }
        self.attribute_depth.set(self.attribute_depth.get() + 1);
        let value = self.executed_attribute(class, name).or_else(|| self.assigned_attribute(class, name));
        self.attribute_depth.set(self.attribute_depth.get() - 1);
        value
    }

    /// The attribute as the run of the class's module left it.
    fn executed_attribute(&self, class: &ClassRef, name: &str) -> Option<Value> {
        if class.qualname.contains('.') || !registers(&class.def) {
            return None;
        }
        self.looked_at.borrow_mut().add_executed(class.site.file, &class.def.name.name);
        match self.run(class.site.file).globals.get(&class.def.name.name) {
            Some(Value::Class(executed)) if executed.site == class.site => executed.attributes.get(name),
            _ => None,
        }
    }

    fn assigned_attribute(&self, class: &Arc<ClassRef>, name: &str) -> Option<Value> {
        let scope = Scope::of_class(class);
        class.def.body.iter().rev().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) if assign.targets.iter().any(|t| t.as_name().is_some_and(|n| n == name)) => {
                assign.value.as_ref().map(|value| self.eval_in(&scope, value))
            }
            StmtKind::Function(def) if def.name.name == name => Some(Value::Function(self.function(def, &scope))),
            _ => None,
        })
    }

    /// The class and its bases in the project, nearest first (depth first,
    /// without repeats: close enough to Python's order for lookups of names).
    pub fn linearised(&self, class: &ClassRef) -> Vec<Arc<ClassRef>> {
        let mut order: Vec<Arc<ClassRef>> = vec![self.renewed(Arc::new(class.clone()))];
        let mut at = 0;
        while at < order.len() && order.len() < MAX_BASES {
            for base in order[at].bases.clone() {
                if let Value::Class(base) = base
                    && !order.iter().any(|c| c.site == base.site)
                {
                    order.push(self.renewed(base));
                }
            }
            at += 1;
        }
        order
    }

    /// The class with the definition that it has now. Values of a module hold one of which bodies of methods may be
    /// other by now.
    pub fn renewed(&self, class: Arc<ClassRef>) -> Arc<ClassRef> {
        let stmt = self.sources.facts(class.site.file).and_then(|facts| facts.stmt(class.site.item));
        match stmt.map(|stmt| &stmt.kind) {
            Some(StmtKind::Class(def)) if def.name == class.def.name && !Arc::ptr_eq(def, &class.def) => {
                Arc::new(ClassRef { def: Arc::clone(def), ..ClassRef::clone(&class) })
            }
            _ => class,
        }
    }
}

impl Execution<'_, '_> {
    /// Makes an instance of a project class: runs `__init__`, or fills the
    /// fields of a data class.
    pub(super) fn construct(&mut self, class: &Arc<ClassRef>, args: Arguments, site: Site) -> Value {
        let attributes = Attributes::of(self.number);
        let instance = Instance { class: Value::Class(Arc::clone(class)), args, site, attributes };
        let instance = Arc::new(instance);
        self.run.made.instances.push(Arc::clone(&instance));
        let value = Value::Instance(Arc::clone(&instance));
        if let Some(init) = self.interpreter.method(class, "__init__") {
            self.invoke(&init, Some(value.clone()), &instance.args);
        } else if !instance.args.positional.is_empty() {
            let fields = self.fields(class);
            for (name, value) in fields.iter().zip(&instance.args.positional) {
                instance.attributes.set(name, value.clone());
            }
        }
        if let Some(new) = self.interpreter.method(class, "__new__") {
            self.fill_by_new(&new, class, &value);
        }
        self.library_instance(class, &value, site);
        value
    }

    /// What `__new__` calls of the object that it makes, if it is the only one: `cls._instance._connect()`.
    fn fill_by_new(&mut self, new: &FunctionRef, class: &ClassRef, object: &Value) {
        let new = self.interpreter.current(new);
        for (callee, args) in calls(&new.def.body) {
            let ExprKind::Attribute { value, name } = &callee.kind else { continue };
            let of_class = new.def.params.first().is_some_and(|cls| value.as_name() == Some(&cls.name.name));
            let method = self.interpreter.method(class, &name.name).filter(|_| args.is_empty() && !of_class);
            if let Some(method) = method.filter(|method| method.takes_receiver()) {
                self.invoke(&method, Some(object.clone()), &Arguments::default());
            }
        }
    }

    /// Names of annotated class variables, those of bases first.
    fn fields(&self, class: &ClassRef) -> Vec<SmolStr> {
        annotated(self.interpreter.linearised(class).iter().rev())
    }

    /// `instance.name`.
    pub(super) fn instance_attribute(&mut self, instance: &Arc<Instance>, name: &SmolStr) -> Value {
        if let Some(value) = instance.attributes.get(name) {
            return self.interpreter.force(value);
        }
        let Value::Class(class) = &instance.class else {
            return self.library_attribute(instance, name);
        };
        if let Some((_, value)) = instance.args.named.iter().find(|(n, _)| n == name)
            && self.interpreter.method(class, "__init__").is_none()
        {
            return self.interpreter.force(value.clone());
        }
        let receiver = Value::Instance(Arc::clone(instance));
        let value = match self.interpreter.class_attribute(class, name) {
            Some(value) => self.bind_attribute(value, receiver, class),
            None => return self.given_by_object(instance, class, name),
        };
        self.of_settings(class, value)
    }

    /// What a class attribute becomes when it is read through an object.
    pub(super) fn bind_attribute(&mut self, value: Value, receiver: Value, class: &Arc<ClassRef>) -> Value {
        match value {
            Value::Function(method) if method.class.is_some() => {
                if is_decorated(&method.def, &["property", "cached_property", "computed_field"]) {
                    let value = self.invoke(&method, Some(receiver), &Arguments::default());
                    return self.interpreter.force(value);
                }
                self.bind_method(method, receiver, class)
            }
            // `Field(default)` of a data class.
            Value::Instance(field) if matches!(&field.class, Value::Package(path) if is_field(path)) => {
                match (field.args.get("default", Some(0)), field.args.get("default_factory", None)) {
                    (Some(default), _) => self.interpreter.force(default.clone()),
                    (None, Some(factory)) => {
                        let factory = self.interpreter.force(factory.clone());
                        self.apply(factory, Arguments::default(), field.site)
                    }
                    (None, None) => UNSUPPORTED,
                }
            }
            value => value,
        }
    }

    fn bind_method(&self, method: Arc<FunctionRef>, receiver: Value, class: &Arc<ClassRef>) -> Value {
        if is_decorated(&method.def, &["staticmethod"]) {
            return Value::Function(method);
        }
        if is_decorated(&method.def, &["classmethod"]) {
            return Value::Bound(Arc::new((Value::Class(Arc::clone(class)), method)));
        }
        match receiver {
            Value::Class(_) => Value::Function(method),
            receiver => Value::Bound(Arc::new((receiver, method))),
        }
    }

    /// `Class.name`.
    pub(super) fn attribute_of_class(&mut self, class: &Arc<ClassRef>, name: &SmolStr) -> Value {
        match self.interpreter.class_attribute(class, name) {
            Some(Value::Function(method)) if method.class.is_some() => {
                self.bind_method(method, Value::Class(Arc::clone(class)), class)
            }
            Some(value) => self.bind_attribute(value, UNSUPPORTED, class),
            None if name == "__name__" => Value::Str(class.def.name.name.clone()),
            None => UNSUPPORTED,
        }
    }

    /// The environment may change a setting: its default stands for a text
    /// (of paths), and says nothing about a decision.
    fn of_settings(&mut self, class: &ClassRef, value: Value) -> Value {
        let bases = self.interpreter.package_bases(class);
        if !bases.iter().any(|base| base.ends_with("BaseSettings")) {
            return value;
        }
        self.assumptions += 1;
        match value {
            Value::Bool(_) => Value::ByDefault(Arc::new(value)),
            Value::None => UNSUPPORTED,
            value => value,
        }
    }

    /// The class of an object.
    fn class_of(&self, value: &Value) -> Option<Arc<ClassRef>> {
        match value {
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => Some(Arc::clone(class)),
                _ => None,
            },
            Value::Router(id) => self.router(*id)?.class,
            Value::Class(class) => Some(Arc::clone(class)),
            _ => None,
        }
    }

    /// `super()`, or `super(Class, object)`.
    pub(super) fn super_object(&mut self, scope: &Scope, arguments: &Arguments) -> Value {
        match arguments.positional.as_slice() {
            [] => scope.receiver.clone().map_or(UNSUPPORTED, |receiver| Value::Super(Arc::new(receiver))),
            [Value::Class(class), object] => Value::Super(Arc::new((object.clone(), Arc::clone(class)))),
            _ => UNSUPPORTED,
        }
    }

    /// `super().name`.
    pub(super) fn super_attribute(&mut self, receiver: &Value, class: &ClassRef, name: &SmolStr) -> Value {
        let Some(own) = self.class_of(receiver) else { return UNSUPPORTED };
        let order = self.interpreter.linearised(&own);
        let above = order.iter().skip_while(|other| other.site != class.site).skip(1);
        for base in above {
            if let Some(value) = self.interpreter.own_class_attribute(base, name) {
                return self.bind_attribute(value, receiver.clone(), &own);
            }
        }
        match receiver {
            Value::Router(id) => self.framework_attribute(*id, name),
            _ => UNSUPPORTED,
        }
    }

    /// Assigns `target.name = value`.
    pub(super) fn set_attribute(&mut self, target: &Value, name: &SmolStr, value: Value) {
        match target {
            // Clauses only add what is missing: `except Exception: self.client = None`.
            Value::Instance(instance) if self.clauses > 0 && instance.attributes.get(name).is_some() => {}
            Value::Instance(instance) if instance.attributes.maker == self.number => {
                instance.attributes.set(name, value);
            }
            Value::Class(class) if class.attributes.maker == self.number => class.attributes.set(name, value),
            Value::Router(id) => self.set_router_attribute(*id, name, value),
            _ => {}
        }
    }

    fn set_router_attribute(&mut self, id: RouterId, name: &SmolStr, value: Value) {
        if id.file != self.root || self.detached {
            return;
        }
        let Some(router) = self.run.routers.get_mut(id.index as usize) else { return };
        if name == "prefix" && router.kind == RouterKind::Router {
            router.prefix = value;
        } else {
            router.attributes.insert(name.clone(), value);
        }
    }
}

fn is_field(path: &str) -> bool {
    matches!(path, "pydantic.Field" | "pydantic.fields.Field" | "dataclasses.field" | "sqlmodel.Field")
}
