//! What modules and objects give for names that nothing binds in them: `__getattr__`, of a module (PEP 562) or of a class.
//!
//! Clients that are made when they are first asked for hide behind one: `from database import supabase`, where
//! `supabase` is what `__getattr__("supabase")` gives, or a class of which each attribute is one of the client's.

use std::sync::Arc;

use smol_str::SmolStr;

use super::expressions::UNSUPPORTED;
use super::objects::MAX_ATTRIBUTE_DEPTH;
use super::{Execution, Interpreter};
use crate::facts::python::file::Binding;
use crate::index::value::{Arguments, Attributes, ClassRef, Instance, Resolve, Unknown, Value};
use crate::vfs::FileId;

/// What Python calls for a name that is not there.
pub const GIVES: &str = "__getattr__";

impl Interpreter<'_> {
    /// What a module gives under a name that others ask it for, where `found` is what binds that there.
    pub(super) fn given_by_module(&self, file: FileId, name: &SmolStr, found: Value) -> Value {
        if !matches!(found, Value::Unknown(Unknown::Unbound(_))) {
            return found;
        }
        self.count_name(file, GIVES);
        let binding = self.facts(file).and_then(|facts| facts.bindings.get(GIVES));
        let Some(Binding::Definition(item)) = binding else { return found };
        let (Value::Function(function), true) = (self.definition(file, *item), self.goes_deeper()) else {
            return found;
        };
        let mut execution = Execution::detached(self, file);
        let value = execution.invoke(&function, None, &asked(name));
        let value = if execution.guesses > 0 { Value::Unknown(Unknown::Ambiguous) } else { value };
        let value = self.force(execution.leave(value));
        self.comes_back();
        // One that ends by raising has nothing under that name.
        if matches!(value, Value::None) { found } else { value }
    }

    /// Whether one more look into what hides a name is not too deep.
    fn goes_deeper(&self) -> bool {
        let depth = self.attribute_depth.get();
        let deeper = depth < MAX_ATTRIBUTE_DEPTH;
        self.attribute_depth.set(depth + u32::from(deeper));
        deeper
    }

    fn comes_back(&self) {
        self.attribute_depth.set(self.attribute_depth.get() - 1);
    }
}

impl Execution<'_, '_> {
    /// What an object gives for an attribute that neither it nor its class has. What it does not have while it is
    /// asked already is not asked for: of one object, Python would go on without end.
    pub(super) fn given_by_object(&mut self, instance: &Arc<Instance>, class: &ClassRef, name: &SmolStr) -> Value {
        let own = name.starts_with("__");
        let Some(method) = self.interpreter.method(class, GIVES).filter(|_| !own) else { return UNSUPPORTED };
        let asked_of = (class.site, instance.site);
        let is_asked = self.interpreter.giving.borrow().contains(&asked_of);
        if is_asked || !self.interpreter.goes_deeper() {
            return UNSUPPORTED;
        }
        self.interpreter.giving.borrow_mut().push(asked_of);
        let receiver = Value::Instance(self.own_copy(instance));
        let value = self.invoke(&method, Some(receiver), &asked(name));
        self.interpreter.giving.borrow_mut().pop();
        self.interpreter.comes_back();
        self.interpreter.force(value)
    }

    /// The object, so that this execution may assign to it: what it makes when it is first asked is kept in itself.
    fn own_copy(&mut self, instance: &Arc<Instance>) -> Arc<Instance> {
        if instance.attributes.maker == self.number {
            return Arc::clone(instance);
        }
        let attributes = Attributes::of(self.number);
        instance.attributes.all().into_iter().for_each(|(name, value)| attributes.set(&name, value));
        let copy =
            Instance { class: instance.class.clone(), args: instance.args.clone(), site: instance.site, attributes };
        let copy = Arc::new(copy);
        self.run.made.instances.push(Arc::clone(&copy));
        copy
    }
}

fn asked(name: &SmolStr) -> Arguments {
    Arguments { positional: vec![Value::Str(name.clone())], ..Arguments::default() }
}
