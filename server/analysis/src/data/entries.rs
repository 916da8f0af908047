//! Entries of dictionaries that code goes through one by one: conditions that a helper of the project puts into a query.

use smol_str::SmolStr;

use super::execution::Engine;
use super::value::{Abs, Statement};

impl Engine<'_, '_> {
    /// Goes through one entry. Gives how many were gone through before.
    pub(super) fn enter_entry(&mut self, entry: &Abs) -> usize {
        let outer = self.gone_through.len();
        if let Abs::Items(pair) = entry
            && let [Abs::Text(key), value] = pair.as_slice()
        {
            self.gone_through.push((key.clone(), value.clone()));
        }
        outer
    }

    /// Whether a value is what an entry holds of the principal or of a row. Code that leaves out what is not there
    /// (`if value is None: continue`) is made for conditions that may be left out, and not for callers who are nobody.
    pub(super) fn is_gone_through(&self, value: &Abs) -> bool {
        matches!(value, Abs::Principal(_) | Abs::Part(..)) && self.gone_through.iter().any(|(_, held)| held == value)
    }

    /// `query.is_(column, "null")`. Where the column and what it is compared with are gone through together, it stands
    /// for that: `query.is_(key, "null") if value is None else query.eq(key, value)`.
    pub(super) fn demand_nothing(&self, statement: &mut Statement, column: &SmolStr) {
        let entry = self.gone_through.iter().rev().find(|(key, _)| key == column);
        match entry {
            Some((_, value)) => statement.narrow(column, value),
            None if statement.model.as_ref().is_some_and(|model| model.is_owner(column)) => {
                statement.narrow(column, &Abs::Nothing);
            }
            None => {}
        }
    }
}
