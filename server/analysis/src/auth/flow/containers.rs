//! Lists, dictionaries and sets that code fills and looks into itself.

use smol_str::{SmolStr, format_smolstr};

use super::super::code::mentions;
use super::{Abs, Flow, Path, root_name};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::Value;

impl Flow<'_, '_> {
    /// Whether a container is a module's variable that begins empty: what the
    /// process finds in it, the process put there.
    pub(super) fn is_kept_in_memory(&self, path: &Path, container: &Expr) -> bool {
        let ExprKind::Name(name) = &container.kind else { return false };
        path.get(name).is_none() && is_empty_container(&self.outer(container))
    }

    /// Whether a call puts something into a container that began empty, or takes
    /// it out again: `connections[room].append(socket)`. That checks nobody.
    pub(super) fn fills_container(&mut self, path: &mut Path, func: &Expr) -> bool {
        const METHODS: &[&str] = &["append", "appendleft", "add", "insert", "extend", "update", "discard", "remove"];
        let ExprKind::Attribute { value, name } = &func.kind else { return false };
        METHODS.contains(&name.name.as_str()) && self.is_container(path, value)
    }

    /// A call puts something into a variable that began as an empty container, perhaps: it gives that from now on.
    pub(super) fn note_filled(&self, path: &mut Path, func: &Expr, values: &[Abs]) {
        const METHODS: &[&str] = &["append", "appendleft", "add", "insert", "extend", "update", "setdefault"];
        if let ExprKind::Attribute { value, name } = &func.kind
            && METHODS.contains(&name.name.as_str())
            && let Some(held) = value.as_name()
            && let Some(given) = values.iter().cloned().reduce(Abs::join)
        {
            note_filled(path, held, &given);
        }
    }

    /// Whether an expression gives a container that something was put into.
    pub(super) fn gives_filled(&self, path: &Path, expr: &Expr) -> bool {
        let mut filled = path.vars.keys().filter_map(|name| name.strip_prefix(FILLED));
        filled.any(|name| mentions(expr, name))
    }

    /// Whether an expression is a container that began empty, or one inside of one.
    fn is_container(&mut self, path: &mut Path, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Subscript { value, .. } => self.is_container(path, value),
            ExprKind::Name(name) => match path.get(name) {
                Some(local) => matches!(local, Abs::Nothing),
                None => is_empty_container(&self.outer(expr)),
            },
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "get" | "setdefault") => {
                    self.is_container(path, value)
                }
                _ => false,
            },
            ExprKind::Attribute { value, name } => {
                if root_name(value).is_some_and(|root| path.get(root).is_none()) {
                    return is_empty_container(&self.outer(expr));
                }
                match self.eval(path, value) {
                    Abs::Object(object) => match &*object {
                        Value::Instance(instance) => {
                            instance.attributes.get(&name.name).is_some_and(|value| is_empty_container(&value))
                        }
                        _ => false,
                    },
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// Begins the variable that marks another one, a container, as filled. No Python name contains a space.
const FILLED: &str = "filled ";

/// A variable of the code holds a container that a value is put into. What is taken out of it may be that value: cookies
/// that are told apart by hand.
pub(super) fn note_filled(path: &mut Path, name: &SmolStr, value: &Abs) {
    let Some(held @ (Abs::Nothing | Abs::Constant)) = path.get(name) else { return };
    match value {
        Abs::Nothing | Abs::Constant => {}
        Abs::Credential | Abs::Identity => {
            let held = held.clone().join(value.clone());
            path.set(name, held);
        }
        _ => path.set(&format_smolstr!("{FILLED}{name}"), Abs::Nothing),
    }
}

/// Whether a value is an empty list, dictionary or set.
fn is_empty_container(value: &Value) -> bool {
    match value {
        Value::Dict(entries) => entries.is_empty(),
        Value::List(entries) => entries.is_empty(),
        Value::Instance(instance) => matches!(
            &instance.class,
            Value::Package(path) if matches!(
                path.as_str(),
                "builtins.set"
                    | "builtins.dict"
                    | "builtins.list"
                    | "collections.defaultdict"
                    | "collections.deque"
                    | "collections.OrderedDict"
                    | "weakref.WeakSet"
                    | "weakref.WeakKeyDictionary"
                    | "weakref.WeakValueDictionary"
            )
        ),
        _ => false,
    }
}
