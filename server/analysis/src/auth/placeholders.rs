//! What attributes of objects hold that were made when a module ran, and are filled when the application starts:
//! `self.factory = None` in the initialiser says nothing of what requests find there.

use crate::facts::python::idioms::assigned_to_self;
use crate::facts::python::tree::{ExprKind, StmtKind};
use crate::index::value::{ClassRef, Resolve, Value};

/// Classes above each other that are looked into.
const MAX_BASES: usize = 8;

/// Whether no method but the initialiser assigns to an attribute of its object.
pub(super) fn stays(resolve: &dyn Resolve, class: &ClassRef, name: &str, depth: usize) -> bool {
    let own = class.def.body.iter().all(|stmt| match &stmt.kind {
        StmtKind::Function(def) if def.name.name != "__init__" => {
            let method = resolve.method(class, &def.name.name).map(|method| resolve.current(&method));
            method.is_none_or(|method| assigned_to_self(&method.def, name).is_empty())
        }
        _ => true,
    });
    let inherited = class.bases.iter().all(|base| match base {
        Value::Class(base) => depth < MAX_BASES && stays(resolve, base, name, depth + 1),
        _ => true,
    });
    own && inherited
}

/// Whether an attribute of an object holds nothing, or a flag, until something else fills it: another method assigns to
/// it, or the initialiser itself leaves it empty, whatever that is given.
pub(crate) fn is_filled_later(resolve: &dyn Resolve, class: &ClassRef, name: &str, held: &Value) -> bool {
    match held {
        Value::None => is_left_empty(resolve, class, name) || !stays(resolve, class, name, 0),
        Value::Bool(_) => !stays(resolve, class, name, 0),
        _ => false,
    }
}

/// Whether the initialiser assigns nothing to an attribute, and nothing else: `self.factory = None`.
fn is_left_empty(resolve: &dyn Resolve, class: &ClassRef, name: &str) -> bool {
    let Some(init) = resolve.method(class, "__init__").map(|init| resolve.current(&init)) else { return false };
    let assigned = assigned_to_self(&init.def, name);
    !assigned.is_empty() && assigned.iter().all(|value| matches!(value.kind, ExprKind::None))
}
