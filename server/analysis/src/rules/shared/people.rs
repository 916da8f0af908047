//! Whose the rows are that a route gives out, as far as the tables of the project tell.

use crate::data::{Hang, RouteData, Table, Use};
use crate::rules::{State, for_each_served};

/// Tables that hang on each other are followed so far.
const MAX_HANGING: u32 = 3;

/// The tables that the routes of a project touch.
pub(in crate::rules) struct People<'s> {
    /// Those of which a column tells whose a row is.
    personal: Vec<&'s Table>,
    /// Those without an owner, which are about persons or hang on others.
    hanging: Vec<&'s Table>,
}

impl<'s> People<'s> {
    /// Goes through all routes.
    pub(in crate::rules) fn of(state: &'s State) -> Self {
        let mut found = Self { personal: Vec::new(), hanging: Vec::new() };
        let add = |known: &mut Vec<&'s Table>, table: &'s Table| {
            if !known.iter().any(|one| one.site == table.site) {
                known.push(table);
            }
        };
        for_each_served(state, |_, _, judged| {
            let data = &judged.data;
            let kept = data.scoped.iter().map(|(table, _)| table);
            let touched = data.faults.iter().map(|access| &access.table).filter(|table| !table.guessed);
            touched.chain(kept).filter(|table| table.personal).for_each(|table| add(&mut found.personal, table));
            data.hanging.iter().for_each(|table| add(&mut found.hanging, table));
        });
        found
    }

    /// Whether rows are touched that are somebody's or about somebody: by a column, or by what they hang on.
    pub(in crate::rules) fn are_in(&self, data: &RouteData) -> bool {
        let is_known = |table: &Table| !table.guessed || self.personal.iter().any(|known| known.site == table.site);
        let is_somebodys = |table: &Table| table.personal && is_known(table);
        let owned = data.faults.iter().any(|access| access.usage != Use::Reads || is_somebodys(&access.table));
        owned || data.hanging.iter().any(|table| self.is_personal(table, 0))
    }

    fn is_personal(&self, table: &Table, depth: u32) -> bool {
        let hangs_on_person = |hang: &Hang| {
            let named = |one: &&&Table| one.sql == hang.table || one.name == hang.table;
            self.personal.iter().any(|one| named(&one))
                || self.hanging.iter().find(named).is_some_and(|between| self.is_personal(between, depth + 1))
        };
        table.of_person || depth < MAX_HANGING && table.hangs_on.iter().any(hangs_on_person)
    }
}
