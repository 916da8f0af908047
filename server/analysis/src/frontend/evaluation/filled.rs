//! Variables of a module that are empty when it is imported, and that only its own functions fill: a token that is kept
//! in memory.

use std::rc::Rc;

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::file::{Export, TypeScriptFile};
use crate::facts::typescript::tree::{Written, WrittenPart};
use crate::frontend::value::{Closure, ScopeId, Value};

/// Functions of a module that are executed for what they fill.
const MAX_FUNCTIONS: usize = 8;

impl Session<'_> {
    /// The variables of a module that are empty, and that functions assign to, but no other module can; with what they
    /// hold.
    pub(super) fn empty_variables(&self, scope: ScopeId, facts: &TypeScriptFile) -> Vec<(SmolStr, Value)> {
        let is_exported = |name: &SmolStr| {
            facts.exports.values().any(|export| matches!(export, Export::Local(local) if local == name))
        };
        let mut empty: Vec<(SmolStr, Value)> = self
            .store
            .variables(scope)
            .filter(|(name, value)| value.is_missing() && facts.assigns(name) && !is_exported(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        empty.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        empty
    }

    /// Says what variables of a module hold that were empty, where all functions that assign to them are known, and so
    /// is what they assign.
    pub(super) fn fill_empty(&mut self, scope: ScopeId, facts: &TypeScriptFile, empty: Vec<(SmolStr, Value)>) {
        for (name, before) in empty {
            let filling = self.filling(scope, &name);
            let is_filled_by = |item: usize| filling.iter().any(|closure| closure.item == item);
            let mut assigning = facts.items.iter().enumerate().filter(|(_, item)| item.assigned.contains(&name));
            if filling.len() > MAX_FUNCTIONS || !assigning.all(|(item, _)| is_filled_by(item)) {
                continue;
            }
            // Where a function assigns on some ways only, it leaves what was there.
            let loosened = self.store.variable(scope, &name).unwrap_or(Value::Unknown);
            self.store.declare(scope, &name, before.clone());
            let mut values = vec![before];
            for closure in &filling {
                values.extend(self.assigned_by(closure, scope, &name));
            }
            let value = if values.iter().all(is_plain) { Value::any(values) } else { loosened };
            self.store.declare(scope, &name, value);
        }
    }

    /// The functions of a module that assign to a variable of it.
    fn filling(&self, scope: ScopeId, name: &SmolStr) -> Vec<Rc<Closure>> {
        let fills = |written: &Written| written.part == WrittenPart::Whole && written.variable == *name;
        let mut filling: Vec<Rc<Closure>> = self
            .store
            .variables(scope)
            .filter_map(|(_, value)| match value {
                Value::Function(closure) if closure.function.writes.iter().any(fills) => Some(Rc::clone(closure)),
                _ => None,
            })
            .collect();
        filling.sort_unstable_by_key(|closure| closure.function.range.start);
        filling
    }

    /// What a function that runs with unknown arguments leaves in a variable, if it assigns to it.
    fn assigned_by(&mut self, closure: &Rc<Closure>, scope: ScopeId, name: &SmolStr) -> Option<Value> {
        let (found, made, has_run) = (self.outcome.found(), self.made.len(), self.ran.clone());
        let mark = self.store.mark();
        self.call_unknowing(closure);
        let value = self.store.take_back(mark).of(scope, name).cloned();
        // What it does besides is found when it runs by itself.
        self.ran = has_run;
        self.made.truncate(made);
        self.outcome.forget_since(found);
        value
    }
}

/// Whether all of a value is known, and nothing of it was made where it was assigned.
fn is_plain(value: &Value) -> bool {
    let is_plain = |value: &Value| matches!(value, Value::Null | Value::Undefined | Value::Text(_) | Value::Symbol(_));
    value.alternatives().iter().all(is_plain)
}
