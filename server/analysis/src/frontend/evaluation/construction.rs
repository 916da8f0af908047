//! Instances of the project's classes.

use std::rc::Rc;
use std::sync::Arc;

use super::{MAX_DEPTH, Session};
use crate::facts::typescript::tree::{Call, Expr};
use crate::frontend::outcome::Place;
use crate::frontend::value::{ClassValue, Closure, ObjectKind, Value};

impl Session<'_> {
    /// An instance of a class of the project.
    pub(super) fn instance(
        &mut self,
        class: &Rc<ClassValue>,
        arguments: &[Value],
        call: Option<(Place, bool)>,
    ) -> Value {
        let place = call.map_or_else(|| self.place_in(class.file, class.item, class.class.range), |(here, _)| here);
        let object = self.store.object(ObjectKind::Instance(Rc::clone(class)), place);
        self.construct(class, object, arguments, call, 0);
        // Its methods may have been called in between.
        if let Some(facts) = self.script(class.file) {
            let entries = self.store.get(object).entries.iter();
            let assigned = entries.filter(|(name, value)| facts.assigns(name) && !matches!(value, Value::Function(_)));
            let loose: Vec<_> = assigned.map(|(name, value)| (name.clone(), value.clone())).collect();
            for (name, value) in loose {
                self.store.set(object, &name, Value::any([value, Value::Unknown]));
            }
        }
        Value::Object(object)
    }

    fn construct(
        &mut self,
        class: &Rc<ClassValue>,
        object: crate::frontend::value::ObjectId,
        arguments: &[Value],
        call: Option<(Place, bool)>,
        depth: usize,
    ) {
        if depth > 6 || self.frames.len() >= MAX_DEPTH {
            return;
        }
        let constructor = class.class.methods.iter().find(|method| method.name == "constructor");
        if constructor.is_none()
            && let Some(Value::Class(base)) = &class.base
        {
            self.construct(&Rc::clone(base), object, arguments, call, depth + 1);
        }
        let scope = self.store.scope(Some(class.scope));
        self.frames.push(super::Frame {
            file: class.file,
            item: class.item,
            scope,
            this: Some(Value::Object(object)),
            class: Some(Rc::clone(class)),
            function: 0,
            returns: Vec::new(),
            begun: self.store.mark(),
            call: call.map(|(here, _)| here),
        });
        for (name, is_static, first) in &class.class.fields {
            if !is_static {
                let first = first.as_ref().map_or(Value::Undefined, |first: &Expr| self.expr(first));
                self.store.set(object, name, first);
            }
        }
        self.frames.pop();
        if let Some(constructor) = constructor {
            let closure = Closure {
                function: Arc::clone(&constructor.function),
                file: class.file,
                item: class.item,
                scope: class.scope,
                this: Some(Value::Object(object)),
                class: Some(Rc::clone(class)),
            };
            self.call_closure(&Rc::new(closure), arguments, call);
        }
    }

    /// `super(…)`: the base initialises the same object.
    pub(super) fn call_super(&mut self, call: &Call, here: Place) -> Value {
        let arguments = self.arguments(call);
        let Some((this, class)) = self.frames.last().map(|frame| (frame.this.clone(), frame.class.clone())) else {
            return Value::Undefined;
        };
        if let (Some(Value::Object(object)), Some(class)) = (this, class)
            && let Some(Value::Class(base)) = &class.base
        {
            self.construct(&Rc::clone(base), object, &arguments.values, Some((here, arguments.open)), 1);
        }
        Value::Undefined
    }

    /// `super`, where a method is looked for: an instance seen as its base.
    pub(super) fn super_object(&mut self) -> Value {
        let Some(frame) = self.frames.last() else { return Value::Unknown };
        let (Some(Value::Object(this)), Some(class)) = (&frame.this, &frame.class) else { return Value::Unknown };
        let Some(Value::Class(base)) = &class.base else { return Value::Unknown };
        let own = self.store.get(*this).clone();
        let seen = self.store.object(ObjectKind::Instance(Rc::clone(base)), own.place);
        for (name, value) in own.entries {
            self.store.set(seen, &name, value);
        }
        Value::Object(seen)
    }
}
