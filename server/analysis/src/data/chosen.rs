//! Whose rows code asks for where the caller does not say: `org_id = claims.get("org_id") or DEFAULT_ORG`.
//!
//! No class says of a table that is known from SQL which of its columns tells whose a row is. Where one column of a query
//! equals something of the caller's on one path and what the code itself says on another, that path asks for the rows of
//! whom the code means: nothing is forgotten there that the first path has.

use smol_str::SmolStr;

use super::engine::Engine;
use super::value::{Abs, Path, Predicate, Row};
use super::{Access, Fault};
use crate::index::value::Site;

/// A column of a table that a query asks about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Asked {
    /// The query.
    pub(super) query: Site,
    table: Site,
    pub(super) column: SmolStr,
}

/// The columns of a table without a class of which a query demands such a value.
fn asked(row: &Row, is_wanted: impl Fn(&Abs) -> bool) -> impl Iterator<Item = Asked> {
    let model = row.model.as_ref().filter(|model| !model.has_class());
    model.into_iter().flat_map(move |model| {
        let is_asked = |asked: &&Predicate| asked.equal && is_wanted(&asked.value);
        let columns = row.predicates.iter().filter(is_asked).filter_map(|asked| asked.column.as_ref());
        let own = columns.filter(|(of, _)| of.site == model.site);
        let asked = |column: &SmolStr| Asked { query: row.site, table: model.site, column: column.clone() };
        own.map(|(_, column)| asked(column)).collect::<Vec<_>>()
    })
}

impl Engine<'_, '_> {
    /// The handler ends: which columns were asked for with something of the caller's?
    pub(super) fn note_asked_of_caller(&mut self, path: &Path) {
        let of_caller = |value: &Abs| match value {
            Abs::Principal(_) => true,
            Abs::Mix(mix) => mix.principal,
            _ => false,
        };
        for row in path.rows.values() {
            self.asked_of_caller.extend(asked(row, of_caller));
        }
    }

    /// The columns of which the code itself says on a path what they hold.
    pub(super) fn chosen_by_code(path: &Path) -> Vec<Asked> {
        let is_said = |value: &Abs| matches!(value, Abs::Text(_) | Abs::Constant(_));
        let mut chosen: Vec<Asked> = path.rows.values().flat_map(|row| asked(row, is_said)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    /// All paths are known: those are at fault on which nobody has said whose rows are meant.
    pub(super) fn settle_choices(&mut self) {
        let asked = &self.asked_of_caller;
        // What is asked of another table says nothing of the rows of this one.
        let is_of_table = |access: &Access, column: &Asked| column.table == access.table.site;
        let is_chosen =
            |access: &Access| access.by_code.iter().any(|one| is_of_table(access, one) && asked.contains(one));
        let of_rows =
            |access: &Access| matches!(access.fault, Fault::Unscoped | Fault::Unchecked | Fault::TrustsClient);
        self.data.faults.retain(|access| !(of_rows(access) && is_chosen(access)));
    }
}
