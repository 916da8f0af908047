//! Tables whose rows a handler gives out, changes or makes, whosever they are.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::Use;
use super::engine::Engine;
use super::models::Model;
use super::value::{Abs, Path, Row, RowId};
use crate::index::value::Site;

/// A table that a handler has to do with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// The table.
    pub table: Site,
    /// Name of its class.
    pub name: SmolStr,
    /// What is done with its rows.
    pub usage: Use,
    /// Whether it is one row, and the client names it by its key.
    pub named: bool,
}

impl Engine<'_, '_> {
    /// The handler ends, and gives rows out.
    pub(super) fn note_touched(&mut self, path: &Path, given: &BTreeSet<RowId>) {
        for (id, row) in path.rows.iter().filter(|(_, row)| !row.absent) {
            let Some(model) = row.model.as_ref().filter(|model| model.has_class() && !model.is_user) else { continue };
            for usage in row.uses(given.contains(id)) {
                self.add_touched(model, usage, is_named(row, model));
            }
        }
    }

    /// A row is made.
    pub(super) fn note_touched_of_new(&mut self, model: &Model) {
        if model.has_class() && !model.is_user && !self.in_dependency {
            self.add_touched(model, Use::Creates, false);
        }
    }

    fn add_touched(&mut self, model: &Model, usage: Use, named: bool) {
        let touched = Touched { table: model.site, name: model.name.clone(), usage, named };
        if !self.data.touched.contains(&touched) {
            self.data.touched.push(touched);
        }
    }
}

/// Whether the client names a row by its key.
fn is_named(row: &Row, model: &Model) -> bool {
    row.predicates.iter().any(|asked| {
        let by_key = asked.column.as_ref().is_some_and(|(of, column)| of.site == model.site && model.is_key(column));
        by_key && asked.equal && matches!(asked.value, Abs::Client(_))
    })
}
