//! Which collection of a document store is asked: `db["tasks"]`, `db.tasks`, and what holds one of these.

use super::engine::Engine;
use super::models::last_name;
use crate::facts::python::idioms::{assigned, assigned_to_self};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::Resolve;

/// What any collection may be kept as.
const ANY: &[&str] = &["collection", "coll", "col", "table", "store", "repo", "db", "database"];

impl Engine<'_, '_> {
    /// The name of the collection that an expression leads to, if it says one.
    pub(super) fn collection(&self, target: &Expr) -> Option<String> {
        let held = self.held_as(target);
        match held.as_slice() {
            [] => named(target),
            [first, others @ ..] => {
                let name = named(first)?;
                others.iter().all(|other| named(other).as_deref() == Some(&name)).then_some(name)
            }
        }
    }

    /// What a variable, or an attribute of the object at hand, is assigned, as far as that is seen.
    fn held_as(&self, target: &Expr) -> Vec<Expr> {
        let Some(function) = self.stack.last() else { return Vec::new() };
        match &target.kind {
            ExprKind::Name(name) => assigned(&function.def.body, name).into_iter().cloned().collect(),
            ExprKind::Attribute { value, name } => {
                let receiver = function.def.params.first().map(|param| &param.name.name);
                let Some(class) = function.class.as_ref().filter(|_| value.as_name() == receiver) else {
                    return Vec::new();
                };
                let Some(made) = self.interpreter.method(class, "__init__") else { return Vec::new() };
                let made = self.interpreter.current(&made);
                assigned_to_self(&made.def, &name.name).into_iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The name in `db.tasks`, `db["tasks"]`, `tasks_collection`.
fn named(target: &Expr) -> Option<String> {
    let name = match &target.kind {
        ExprKind::Subscript { index, .. } => index.as_str()?.to_string(),
        // `db.get_collection("tasks")`
        ExprKind::Call { func, args } => {
            let gets = last_name(func).is_some_and(|name| matches!(name, "get_collection" | "collection"));
            args.first().filter(|_| gets)?.value.as_str()?.to_string()
        }
        _ => last_name(target)?.to_owned(),
    };
    let name = name.trim_end_matches("_collection").trim_start_matches('_').to_ascii_lowercase();
    (!name.is_empty() && !ANY.contains(&name.as_str())).then_some(name)
}
