//! Calls of what `functools.partial` made: the function that it was made of, with arguments that are bound already.

use super::super::sinks::{Sink, classify};
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Arg, Expr};
use crate::index::value::{Arguments, Instance, Value};

/// What makes such objects.
pub(super) const PARTIAL: &str = "functools.partial";

impl Flow<'_, '_> {
    /// What such a call gives.
    pub(super) fn partial(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        made: &Instance,
        func: &Expr,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> Abs {
        match made.args.positional.first() {
            Some(Value::Package(package)) => {
                let is_given = |value: &Abs| !matches!(value, Abs::Constant | Abs::Nothing);
                let verifies = classify(package) == Sink::Raises && values.iter().any(is_given);
                if verifies && is_switched_off(&made.args) {
                    self.note(expr, format!("`{package}` is told not to verify the signature"));
                    return Abs::Identity;
                }
                self.package(path, expr, package, args, values)
            }
            // What is bound comes first.
            Some(Value::Function(function)) if made.args.positional.len() == 1 => {
                self.follow(path, expr, function, None, args, values)
            }
            _ => self.unresolved(path, expr, func, args, values),
        }
    }
}

/// Whether bound arguments switch the verification off: `options={"verify_signature": False}`, `verify=False`.
fn is_switched_off(given: &Arguments) -> bool {
    let is_off = |name| matches!(given.get(name, None), Some(Value::Bool(false)));
    let in_options = |options: &Value| match options {
        Value::Dict(entries) => entries.iter().any(|(key, value)| {
            matches!(key, Value::Str(key) if key == "verify_signature") && matches!(value, Value::Bool(false))
        }),
        _ => false,
    };
    is_off("verify") || is_off("validate") || given.get("options", None).is_some_and(in_options)
}
