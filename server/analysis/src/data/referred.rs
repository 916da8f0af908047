//! What columns of tables without a class refer to, as handlers show it: a project is looked for by its key, and its
//! payments by the same value, or are put there with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::value::{Abs, Path};
use crate::index::value::Site;

/// A column of a table that holds keys of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The table.
    pub table: Site,
    /// The column.
    pub column: SmolStr,
    /// The other table, by its name.
    pub to: SmolStr,
    /// What stands for its place.
    pub(super) place: Site,
}

impl Engine<'_, '_> {
    /// The handler ends, and has fetched rows by what it fetched others by.
    pub(super) fn note_references(&mut self, path: &Path) {
        for row in path.rows.values() {
            let Some(model) = row.model.as_ref().filter(|model| !model.has_class()) else { continue };
            for asked in row.predicates.iter().filter(|asked| asked.equal) {
                if let Some((_, column)) = asked.column.as_ref().filter(|(of, _)| of.site == model.site) {
                    self.note_reference(path, model, column, &asked.value);
                }
            }
        }
    }

    /// A row is made with what others were fetched by.
    pub(super) fn note_references_of_new(&mut self, path: &Path, model: &Model, fields: &BTreeMap<SmolStr, Abs>) {
        if !model.has_class() {
            fields.iter().for_each(|(column, value)| self.note_reference(path, model, column, value));
        }
    }

    fn note_reference(&mut self, path: &Path, model: &Model, column: &SmolStr, value: &Abs) {
        if model.is_key(column) || !names::is_key_name(column) {
            return;
        }
        for (id, row) in path.rows.iter() {
            let Some(of) = row.model.as_ref().filter(|of| of.site != model.site && !of.has_class() && !of.is_user)
            else {
                continue;
            };
            let is_its_key = || row.by_key && row.predicates.iter().any(|asked| asks_for_key(asked, of, value));
            let is_said = match value {
                Abs::Part(part_of, part) => part_of == id && of.is_key(part),
                Abs::Client(_) => is_its_key(),
                _ => false,
            };
            let found =
                || Reference { table: model.site, column: column.clone(), to: of.table.clone(), place: of.site };
            if is_said && !self.data.references.contains(&found()) {
                self.data.references.push(found());
            }
        }
    }
}

/// Whether a condition of a query demands that the key is a value.
fn asks_for_key(asked: &super::value::Predicate, of: &Arc<Model>, value: &Abs) -> bool {
    let is_key = asked.column.as_ref().is_some_and(|(table, column)| table.site == of.site && of.is_key(column));
    is_key && asked.equal && asked.value == *value
}
