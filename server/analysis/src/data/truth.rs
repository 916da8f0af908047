//! What is known of one value on the paths where it is true, and where it is not.

use std::sync::Arc;

use super::comparisons::doubt_what_led_to;
use super::engine::Engine;
use super::models::Model;
use super::names;
use super::value::{Abs, Path, Place, Predicate, RowId};

impl Engine<'_, '_> {
    /// The path on which a value is true, and the one on which it is not.
    pub(super) fn truth(&mut self, mut path: Path, value: &Abs) -> (Option<Path>, Option<Path>) {
        match value {
            Abs::Nothing | Abs::Constant(Some(false)) => (None, Some(path)),
            Abs::Map(entries) if !entries.is_empty() => (Some(path), None),
            Abs::Constant(Some(true)) => (Some(path), None),
            // Conditions that were put together one by one: `if conditions: query = query.where(*conditions)`.
            Abs::Items(items) if items.iter().any(|item| matches!(item, Abs::Predicates(_))) => (Some(path), None),
            // A part of the path is there, and not empty (Starlette 0.46, `StringConvertor.regex`).
            Abs::Client(client) if self.clients.get(*client as usize).is_some_and(|c| c.place == Place::Path) => {
                (Some(path), None)
            }
            // While it is verified, it is not known what others make of a credential: `await is_revoked(token)`.
            Abs::Principal(part) if part.is_empty() && self.in_root => (Some(path.clone()), Some(path)),
            value if self.is_gone_through(value) => (Some(path), None),
            Abs::Principal(part) => {
                // Whoever was verified is somebody, and has some role.
                if part.is_empty() || names::is_identity(part) || names::is_had_by_all(part) {
                    return (Some(path), None);
                }
                let mut yes = path.clone();
                let flag = ["is_", "has_", "can_"].iter().any(|prefix| part.starts_with(prefix));
                yes.privileged |= (names::is_authority(part) || flag) && !names::is_standing(part);
                (Some(yes), Some(path))
            }
            // It was asked before: `if row is None: raise`.
            Abs::Row(id) if path.rows.get(id).is_some_and(|row| row.there) => (Some(path), None),
            // So it was, and there is none: `if row: …` in the function that gave it.
            Abs::Row(id) if path.rows.get(id).is_some_and(|row| row.absent) => (None, Some(path)),
            Abs::Row(id) if self.is_always_there(&path, *id) => {
                if let Some(row) = path.rows.get_mut(id) {
                    row.there = true;
                }
                (Some(path), None)
            }
            Abs::Row(id) => {
                let mut no = path.clone();
                if let Some(row) = no.rows.get_mut(id) {
                    row.absent = true;
                }
                let mut yes = path;
                if yes.rows.get(id).is_some_and(|row| row.names_caller()) {
                    doubt_what_led_to(&mut yes, *id);
                }
                yes.privileged |= self.asks_record_of_right(&yes, *id);
                if let Some(row) = yes.rows.get_mut(id) {
                    row.there = true;
                }
                if yes.rows.get(id).is_some_and(|row| row.hangs_on_another())
                    && let Some(row) = yes.rows.get_mut(id)
                {
                    row.found = true;
                }
                (Some(yes), Some(no))
            }
            Abs::Part(id, column) if self.always_holds(&path, *id, column) => (Some(path), None),
            // A row without an owner is nobody else's.
            Abs::Part(id, column) => {
                let mut no = path.clone();
                if let Some(row) = no.rows.get_mut(id) {
                    row.checked |= row.model.as_ref().is_some_and(|model| model.is_owner(column));
                }
                let asks = self.asks_right_of_record(&path, value) || self.asks_flag_of_own(&path, *id, column);
                let grants = asks && !names::is_had_by_all(column);
                let privileged = path.privileged || grants;
                let mut yes = Path { privileged, ..path };
                self.note_public(&mut yes, value, &Abs::Constant(Some(true)));
                (Some(yes), Some(no))
            }
            // Who asks for no right is given none.
            Abs::Client(client) if self.asks_privilege(*client) => {
                let mut no = path.clone();
                no.declined.insert(*client);
                (Some(path), Some(no))
            }
            // `if project_id: …`, and once more further down.
            Abs::Client(client) => match path.sent.get(client) {
                Some(true) => (Some(path), None),
                Some(false) => (None, Some(path)),
                None => {
                    let mut no = path.clone();
                    no.sent.insert(*client, false);
                    path.sent.insert(*client, true);
                    (Some(path), Some(no))
                }
            },
            Abs::Object(_) | Abs::Known(_) => (Some(path.clone()), Some(path)),
            // `any(share.project_id == project_id for share in mine)`
            Abs::Mix(mix) if !mix.clients.is_empty() && self.are_own_rows(&path, mix) => {
                let mut yes = path.clone();
                yes.authorised.extend(mix.clients.iter().copied());
                (Some(yes), Some(path))
            }
            Abs::Mix(mix) if mix.principal && mix.unclear && !(mix.clients.is_empty() && mix.rows.is_empty()) => {
                let path = Path { doubt: true, ..path };
                (Some(path.clone()), Some(path))
            }
            _ => (Some(path.clone()), Some(path)),
        }
    }

    /// Whether a column of a row is a foreign key that is never empty.
    fn always_holds(&self, path: &Path, id: RowId, column: &str) -> bool {
        let row = path.rows.get(&id).filter(|row| !row.absent);
        row.and_then(|row| row.model.as_ref()).is_some_and(|model| model.always_refers(column))
    }

    /// Whether a row is what another one refers to by a foreign key that is never empty: the database keeps no row whose
    /// other one is gone.
    fn is_always_there(&self, path: &Path, id: RowId) -> bool {
        let Some(row) = path.rows.get(&id).filter(|row| !row.unclear && !row.absent) else { return false };
        let [Predicate { column: Some((of, key)), equal: true, value: Abs::Part(other, column) }] =
            row.predicates.as_slice()
        else {
            return false;
        };
        let refers = |model: &Arc<Model>| {
            let parent = model.parent(column);
            model.always_refers(column) && parent.is_some_and(|table| *table == of.table || *table == of.name)
        };
        let is_own = row.model.as_ref().is_some_and(|model| model.site == of.site);
        let other = path.rows.get(other).filter(|other| !other.absent);
        is_own && of.is_key(key) && other.and_then(|other| other.model.as_ref()).is_some_and(refers)
    }
}
