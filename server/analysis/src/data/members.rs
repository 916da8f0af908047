//! Rows without an owner that belong to several: the chats of those who are in them.
//!
//! A table in between says who has a part in which row. Routes show that where they list the rows in which the caller has a
//! part, and where they let nobody else go on with a row that the client names. The rules join both: where there is no list
//! of all rows beside, whoever forgets to look gives one to everybody.

use std::sync::Arc;

use super::engine::Engine;
use super::models::Model;
use super::value::{Abs, Path, Predicate, Row, RowId};
use super::{Table, Use};
use crate::index::value::Site;

/// Rows that a route keeps to those who have a part in them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membered {
    /// The table.
    pub table: Table,
    /// Whether all of the caller's are listed, and not one that the client names.
    pub lists: bool,
    /// Where they are fetched.
    pub site: Site,
}

impl Engine<'_, '_> {
    /// The handler ends with a row without an owner.
    pub(super) fn note_membered(&mut self, path: &Path, id: RowId, model: &Arc<Model>, given: bool) {
        let Some(row) = path.rows.get(&id).filter(|row| !row.absent && !row.unclear && model.has_class()) else {
            return;
        };
        if !model.owners.is_empty() || model.is_user || path.privileged || path.doubt {
            return;
        }
        let is_key = |asked: &Predicate| {
            asked.column.as_ref().is_some_and(|(of, column)| of.site == model.site && model.is_key(column))
        };
        let lists = given && row.usage() == Use::Reads && row.predicates.iter().any(|asked| is_of_member(asked, model));
        let is_named =
            || row.predicates.iter().any(|asked| is_key(asked) && self.has_part(path, id, row, asked, model));
        if lists || is_named() {
            let membered = Membered { table: self.table(model), lists, site: row.site };
            if !self.data.membered.contains(&membered) {
                self.data.membered.push(membered);
            }
        }
    }

    /// Whether it was seen of a row which the client names by its key that the caller has a part in it.
    fn has_part(&self, path: &Path, id: RowId, row: &Row, key: &Predicate, model: &Model) -> bool {
        let Abs::Client(_) = key.value else { return false };
        // `any(one.user_id == me.id for one in chat.members)`
        let by_relation = row.checked && row.compared.as_ref().is_some_and(|column| !model.has(column));
        let by_row = |other: &Row| {
            let names_it = |asked: &Predicate| match &asked.value {
                Abs::Part(of, column) => *of == id && model.is_key(column),
                value => *value == key.value,
            };
            let of = other.model.as_ref();
            other.is_known()
                && !other.absent
                && other.predicates.iter().any(names_it)
                && of.is_some_and(|of| other.predicates.iter().any(|asked| is_user_of(asked, of)))
        };
        by_relation || path.rows.iter().any(|(other, row)| *other != id && by_row(row))
    }
}

/// Whether a condition of a query demands that the caller is in a row: the key is one of those that a query on the
/// caller's memberships gives, or a joined membership is the caller's.
fn is_of_member(asked: &Predicate, model: &Model) -> bool {
    let Some((of, column)) = asked.column.as_ref().filter(|_| asked.equal) else { return false };
    match of.site == model.site {
        true => model.is_key(column) && matches!(&asked.value, Abs::Mix(mix) if mix.is_of_caller() && !mix.unclear),
        false => is_user_of(asked, of),
    }
}

/// Whether a condition demands that a row of a table which says whose its rows are is the caller's.
fn is_user_of(asked: &Predicate, model: &Model) -> bool {
    let column =
        asked.column.as_ref().filter(|(of, _)| of.site == model.site && asked.equal && !model.owners.is_empty());
    column.is_some_and(|(_, name)| model.names_user(name)) && matches!(asked.value, Abs::Principal(_))
}
