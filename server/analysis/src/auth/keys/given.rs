//! Objects that stand before others: `def __getattr__(self, name): return getattr(load(), name)`.

use std::sync::Arc;

use super::super::code::{Scope, is_settings};
use super::Search;
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::positional;
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, Resolve, Value};

/// The class of the object that gives what objects of a class do not have themselves.
pub(super) fn given_class(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, depth: u32) -> Option<Arc<ClassRef>> {
    let method = interpreter.current(&*interpreter.method(class, "__getattr__")?);
    let asked = &method.def.params.get(1)?.name.name;
    let mut objects = returned(&method.def.body).into_iter().filter_map(|value| {
        let (func, args) = value.as_call()?;
        let is_getattr = matches!(interpreter.eval(&method, func), Value::Package(path) if path == "builtins.getattr");
        let is_asked = positional(args, 1).is_some_and(|name| name.as_name() == Some(asked));
        positional(args, 0).filter(|_| is_getattr && is_asked)
    });
    let object = objects.next().filter(|_| objects.next().is_none())?;
    match Search::new(interpreter, Scope::Function(&method)).object(object, depth + 1) {
        Value::Class(inner) if inner.site != class.site => Some(inner),
        _ => None,
    }
}

/// Whether objects of a class stand before those of the settings.
pub(in crate::auth) fn gives_settings(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>) -> bool {
    given_class(interpreter, class, 0).is_some_and(|inner| is_settings(interpreter, &inner))
}
