//! Texts that stand in the code and are used as keys.

use std::collections::BTreeMap;

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
    /// The variable of the environment that it is kept in, for others to read there.
    kept_in: Option<SmolStr>,
}

impl StandIn {
    /// Whether the text is one of several values, and the variable another.
    fn is_among(&self, values: &[Value]) -> bool {
        let is_text = |value: &Value| value.known_text().is_some_and(|text| text == self.text);
        values.iter().any(is_text) && values.iter().any(|value| variable_of(value) == Some(&self.variable))
    }
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
        self.add_stand_in(StandIn { text: text.clone(), variable: variable.clone(), place, kept_in: None });
        if self.steps_left() {
            let address = environment::is_address(text).then(|| text.clone());
            self.outcome.literals.push(Literal { place, variable: Some(variable), address, uses: Vec::new() });
        }
    }

    /// `process.env.X = process.env.X || "literal"`: whoever reads the variable gets the text.
    pub(in crate::frontend) fn note_kept_in_environment(&mut self, variable: &str, value: &Value) {
        let values = value.alternatives();
        let is_it = |found: &&StandIn| found.kept_in.is_none() && found.is_among(values);
        let kept: Vec<StandIn> = self.all_stand_ins().into_iter().filter(is_it).cloned().collect();
        for found in kept {
            self.add_stand_in(StandIn { kept_in: Some(variable.into()), ..found });
        }
    }

    fn add_stand_in(&mut self, found: StandIn) {
        if !self.stand_ins.contains(&found) {
            self.stand_ins.push(found);
        }
    }

    /// What stands in for variables in the module that is executed, and in all that it imports.
    fn all_stand_ins(&self) -> Vec<&StandIn> {
        let mut reached: FxHashSet<FileId> = FxHashSet::default();
        let mut open: Vec<FileId> = self.rests_on.modules.iter().copied().collect();
        while let Some(file) = open.pop() {
            if let Some(module) = self.modules.get(&file).filter(|_| reached.insert(file)) {
                open.extend(&module.rests_on.modules);
            }
        }
        let imported = reached.iter().filter_map(|file| self.modules.get(file)).flat_map(|module| &module.stand_ins);
        self.stand_ins.iter().chain(imported).collect()
    }

    /// For which variables, and where, something stands in that is used as a key: where the key is written, or else in
    /// the module that uses it, or else in any.
    fn standing_in(
        &self,
        written: Option<Place>,
        here: Place,
        is_it: &dyn Fn(&StandIn) -> bool,
    ) -> Vec<(Option<SmolStr>, Place)> {
        let found = self.all_stand_ins().into_iter().filter(|found| is_it(found));
        let found: BTreeMap<Place, &SmolStr> = found.map(|found| (found.place, &found.variable)).collect();
        let is_written_there = |place: &Place| {
            written.is_some_and(|written| {
                (written.file, written.item) == (place.file, place.item) && written.range.contains_range(place.range)
            })
        };
        let is_of_module = |place: &Place| place.file == here.file;
        let any_written_there = found.keys().any(is_written_there);
        let any_of_module = found.keys().any(is_of_module);
        let nearest = found.into_iter().filter(|(place, _)| match any_written_there {
            true => is_written_there(place),
            false => !any_of_module || is_of_module(place),
        });
        nearest.map(|(place, variable)| (Some(variable.clone()), place)).collect()
    }

    /// Notes that a value is used as a key. `place` is where it is written.
    pub(in crate::frontend) fn note_key(&mut self, value: &Value, place: Option<Place>, used: KeyUse, here: Place) {
        let values = value.alternatives();
        let mut all = Vec::new();
        for value in values {
            let text = value.known_text().filter(|text| !text.is_empty());
            let found = match (&text, variable_of(value)) {
                (Some(text), _) => {
                    self.standing_in(place, here, &|found| found.text == *text && found.is_among(values))
                }
                (None, Some(variable)) => {
                    self.standing_in(place, here, &|found| found.kept_in.as_ref() == Some(variable))
                }
                (None, None) => continue,
            };
            if text.is_some() && found.is_empty() {
                all.extend(place.map(|place| (None, place)));
            }
            all.extend(found);
        }
        // Something is made of the text: `(process.env.X || "literal").padEnd(32)`.
        if all.is_empty() && values.len() > 1 {
            let is_it = |found: &StandIn| values.iter().any(|value| variable_of(value) == Some(&found.variable));
            all = self.standing_in(place, here, &is_it);
        }
        for (variable, place) in all {
            self.note_use(variable, place, (used, here));
        }
    }

    fn note_use(&mut self, variable: Option<SmolStr>, place: Place, used: (KeyUse, Place)) {
        let literals = &mut self.outcome.literals;
        let known = literals.iter_mut().find(|literal| literal.place == place && literal.variable == variable);
        match known {
            Some(literal) if literal.uses.contains(&used) => {}
            Some(literal) => literal.uses.push(used),
            None => literals.push(Literal { place, variable, address: None, uses: vec![used] }),
        }
    }
}
