//! Texts that stand in the code and are used as keys.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::Session;
use crate::facts::environment;
use crate::facts::typescript::tree::{Expr, ExprKind};
use crate::frontend::outcome::{KeyUse, Literal, Place};
use crate::frontend::value::{Origin, Value};
use crate::vfs::FileId;

/// A text that stands in for a variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandIn {
    text: SmolStr,
    variable: SmolStr,
    place: Place,
}

/// The variable of the environment that a value is.
fn variable_of(value: &Value) -> Option<&SmolStr> {
    let Value::Symbol(symbol) = value else { return None };
    match &symbol.origin {
        Origin::Environment(variable) => Some(variable),
        _ => None,
    }
}

impl Session<'_> {
    /// `process.env.X || "literal"`.
    pub(super) fn note_fallback(&mut self, left: &Value, right: &Expr) {
        let ExprKind::Text(text) = &right.kind else { return };
        // Of several variables the first is the one that is meant; what else comes before depends on more than these.
        let variables: Option<Vec<_>> = left.alternatives().iter().map(variable_of).collect();
        let variable = variables.and_then(|variables| variables.first().copied().cloned());
        let Some(variable) = variable.filter(|_| !text.is_empty()) else { return };
        let place = self.place(right.range);
        let found = StandIn { text: text.clone(), variable: variable.clone(), place };
        if !self.stand_ins.contains(&found) {
            self.stand_ins.push(found);
        }
        if self.steps_left() {
            let address = environment::is_address(text).then(|| text.clone());
            self.outcome.literals.push(Literal { place, variable: Some(variable), address, uses: Vec::new() });
        }
    }

    /// Where a text that is one of several values stands in for a variable that is another, with that.
    fn stands_in(&self, text: &str, values: &[Value]) -> Option<(SmolStr, Place)> {
        let mut reached: FxHashSet<FileId> = FxHashSet::default();
        let mut open: Vec<FileId> = self.rests_on.modules.iter().copied().collect();
        while let Some(file) = open.pop() {
            if let Some(module) = self.modules.get(&file).filter(|_| reached.insert(file)) {
                open.extend(&module.rests_on.modules);
            }
        }
        let imported = reached.iter().filter_map(|file| self.modules.get(file)).flat_map(|module| &module.stand_ins);
        let is_it = |found: &&StandIn| {
            found.text == text && values.iter().any(|value| variable_of(value) == Some(&found.variable))
        };
        let found = self.stand_ins.iter().chain(imported).filter(is_it).min_by_key(|found| found.place)?;
        Some((found.variable.clone(), found.place))
    }

    /// Notes that a value is used as a key. `place` is where it is written.
    pub(in crate::frontend) fn note_key(&mut self, value: &Value, place: Option<Place>, used: KeyUse, here: Place) {
        let values = value.alternatives();
        for text in values.iter().filter_map(Value::known_text).filter(|text| !text.is_empty()) {
            let (variable, place) = match (self.stands_in(&text, values), place) {
                (Some((variable, place)), _) => (Some(variable), place),
                (None, Some(place)) => (None, place),
                (None, None) => continue,
            };
            let literals = &mut self.outcome.literals;
            let known = literals.iter_mut().find(|literal| literal.place == place && literal.variable == variable);
            match known {
                Some(literal) if literal.uses.contains(&(used, here)) => {}
                Some(literal) => literal.uses.push((used, here)),
                None => literals.push(Literal { place, variable, address: None, uses: vec![(used, here)] }),
            }
        }
    }
}
