//! Rows of the caller's, by the values that they were found by: whoever has fetched a task for the caller by its key, and
//! goes on where there is one, may go on with that key.

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::requests::CREDENTIAL;
use super::tenants::may_be_tenant;
use super::value::{Abs, Mix, Path, Predicate, Row, RowId};

/// Rows that name each other by values of the client: a task, and the membership in its team.
const MAX_NAMED: u32 = 2;

impl Engine<'_, '_> {
    /// Whether a row of the principal's was found by that value.
    pub(super) fn names_own_row(&self, path: &Path, value: &Abs) -> bool {
        self.names_own_row_at(path, value, 0)
    }

    fn names_own_row_at(&self, path: &Path, value: &Abs, depth: u32) -> bool {
        path.rows.iter().filter(|(_, row)| !row.absent && row.is_known()).any(|(id, row)| {
            let found = row.predicates.iter().any(|predicate| predicate.equal && predicate.value == *value);
            // Whoever it is, the code chose the owner.
            let chosen = |predicate: &Predicate| {
                let owner = predicate.column.as_ref().is_some_and(|(model, column)| model.is_owner(column));
                predicate.equal && owner && predicate.value == Abs::Unknown
            };
            let own = |predicate: &Predicate| chosen(predicate) || self.asks_for_own_at(path, predicate, depth);
            found && (row.checked || row.predicates.iter().any(own) || self.is_shared_with(path, *id))
        })
    }

    /// Whether something was made of rows of the principal's, and of no others: `[share.project_id for share in mine]`.
    pub(super) fn are_own_rows(&self, path: &Path, mix: &Mix) -> bool {
        let is_own = |id: &RowId| {
            let row = path.rows.get(id).filter(|row| !row.absent && !row.unclear);
            row.is_some_and(|row| row.predicates.iter().any(|asked| self.asks_for_own(path, asked)))
        };
        !mix.principal && !mix.unclear && !mix.rows.is_empty() && mix.rows.iter().all(is_own)
    }

    /// Whether something was made of rows that were seen to be the principal's, or shared with it, and of nothing else:
    /// `set(document.references or [])`.
    pub(super) fn are_checked_rows(&self, path: &Path, mix: &Mix) -> bool {
        let is_seen = |id: u32, row: &Row| !row.absent && (row.checked || self.is_shared_with(path, id));
        let is_checked = |id: &RowId| path.rows.get(id).is_some_and(|row| is_seen(*id, row));
        let of_rows = !mix.principal && !mix.unclear && mix.clients.is_empty() && !mix.rows.is_empty();
        of_rows && mix.rows.iter().all(is_checked)
    }

    /// Whether a condition of a query demands what is known to be the principal's.
    pub(super) fn asks_for_own(&self, path: &Path, predicate: &Predicate) -> bool {
        self.asks_for_own_at(path, predicate, MAX_NAMED)
    }

    /// The same where rows are told by the values of the client that they name each other by.
    fn asks_for_own_at(&self, path: &Path, predicate: &Predicate, depth: u32) -> bool {
        // What the caller's membership was found by: `Member.team_id == team_id, Member.user_id == me.id`.
        let names_place = || depth < MAX_NAMED && self.names_own_row_at(path, &predicate.value, depth + 1);
        predicate.equal
            && match &predicate.value {
                Abs::Principal(_) | Abs::Own => true,
                Abs::Client(client) => path.authorised.contains(client) || refers(predicate) && names_place(),
                Abs::Mix(mix) => mix.principal,
                // What the caller belongs to, by its profile.
                Abs::Part(id, part) if !names::is_identity(part) => {
                    names::is_key_name(part) && may_be_tenant(part) && is_found_by_caller(path, *id)
                }
                // The caller's record, which was found by what the token says.
                Abs::Part(id, _) => {
                    self.is_callers_record(path, *id)
                        || self.is_place_of_caller(path, *id)
                        || is_found_by_caller(path, *id)
                }
                _ => false,
            }
    }

    /// Whether a row is the record of the user that the token names, or that the session says of which it is the key.
    fn is_callers_record(&self, path: &Path, id: u32) -> bool {
        let names_caller = |asked: &Predicate| asked.value.parts(path).principal || is_of_session(path, &asked.value);
        path.rows.get(&id).is_some_and(|row| {
            row.model.as_ref().is_some_and(|model| model.is_user)
                && row.predicates.iter().any(|asked| asked.equal && names_caller(asked))
        })
    }
}

/// Whether a row was found by who is calling.
fn is_found_by_caller(path: &Path, id: RowId) -> bool {
    let is_caller = |asked: &Predicate| {
        matches!(&asked.value, Abs::Principal(part) if part.is_empty() || names::is_identity(part)) && asked.equal
    };
    let row = path.rows.get(&id).filter(|row| !row.absent && !row.unclear);
    row.is_some_and(|row| row.predicates.iter().any(is_caller))
}

/// Whether a value is whose a row is that was found by the credential itself: `session.user_id`.
fn is_of_session(path: &Path, value: &Abs) -> bool {
    let Abs::Part(id, column) = value else { return false };
    let by_credential = |asked: &Predicate| {
        let is_kept_as_pass = || asked.column.as_ref().is_some_and(|(_, column)| names::is_pass(column));
        asked.equal
            && match &asked.value {
                Abs::Principal(part) => part == CREDENTIAL,
                Abs::Mix(mix) => mix.is_of_caller() && is_kept_as_pass(),
                _ => false,
            }
    };
    path.rows.get(id).filter(|row| !row.absent && !row.unclear).is_some_and(|row| {
        row.model.as_ref().is_some_and(|model| model.is_owner(column)) && row.predicates.iter().any(by_credential)
    })
}

/// Whether a condition is on a column that refers to another table.
fn refers(predicate: &Predicate) -> bool {
    let is_reference = |model: &Model, column: &str| model.parent(column).is_some() || names::is_key_name(column);
    predicate.column.as_ref().is_some_and(|(model, column)| !model.is_key(column) && is_reference(model, column))
}
