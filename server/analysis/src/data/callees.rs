//! What is known of functions that are called, and not followed.

use super::names;
use super::value::{Abs, Known};
use crate::facts::python::idioms;
use crate::facts::python::tree::{Stmt, StmtKind};
use crate::index::value::{FunctionRef, Value};

/// Whether a function has no body of its own: some other class has it, or somebody else puts one in its place. A
/// function outside of classes that only passes does nothing.
pub(super) fn is_stub(function: &FunctionRef) -> bool {
    let passes = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Pass);
    idioms::is_stub(&function.def) && (function.class.is_some() || !function.def.body.iter().all(passes))
}

/// Whether a method is one of a package, which knows nothing of whose a row is, and is not there to check anything:
/// `logger.info("%s signed in", me.id)`.
pub(super) fn is_of_package(receiver: Option<&Abs>, name: &str) -> bool {
    let of_package = match receiver {
        Some(Abs::Known(Known(Value::Package(_)))) => true,
        Some(Abs::Known(Known(Value::Instance(instance)))) => matches!(instance.class, Value::Package(_)),
        _ => false,
    };
    of_package && !names::is_check(name)
}

/// Whether a method only takes something out of what the principal is a part of: `claims.get("sub")`.
pub(super) fn is_reading(receiver: Option<&Abs>, name: &str) -> bool {
    let reads = matches!(name, "get" | "items" | "keys" | "values" | "split" | "strip" | "lower" | "upper");
    reads && matches!(receiver, Some(Abs::Mix(mix)) if mix.is_of_caller())
}
