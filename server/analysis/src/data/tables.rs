//! Functions that are picked out of a table by a name that is only known when the code runs:
//! `TOOLS[call.function.name](**arguments)`.

use super::engine::Engine;
use super::value::{Abs, Known};
use crate::facts::python::tree::Expr;
use crate::index::value::{Resolve, Value};

/// Functions of one table that are gone into.
const MAX_FUNCTIONS: usize = 12;

impl Engine<'_, '_> {
    /// What a table may give under a key that is not known, where it holds functions: any of them.
    pub(super) fn picked(&self, table: &Expr, held: &Abs, key: &Abs) -> Option<Vec<Abs>> {
        let values = match (held, key) {
            (_, Abs::Text(_)) => return None,
            (Abs::Map(entries), _) => entries.iter().map(|(_, value)| value.clone()).collect(),
            (Abs::Other, _) => self.values_around(table)?,
            _ => return None,
        };
        let mut picked: Vec<Abs> = Vec::new();
        for value in values {
            if !is_callable(&value) {
                return None;
            }
            if !picked.contains(&value) {
                picked.push(value);
            }
        }
        (1..=MAX_FUNCTIONS).contains(&picked.len()).then_some(picked)
    }

    /// The values of a table that stands around the function at hand.
    fn values_around(&self, table: &Expr) -> Option<Vec<Abs>> {
        let Value::Dict(entries) = self.interpreter.eval(self.stack.last()?, table) else { return None };
        Some(entries.iter().map(|(_, value)| self.as_abs(value.clone())).collect())
    }
}

/// Whether a value is a function of the project.
pub(super) fn is_callable(value: &Abs) -> bool {
    matches!(value, Abs::Local(_) | Abs::Known(Known(Value::Function(_) | Value::Bound(_))))
}
