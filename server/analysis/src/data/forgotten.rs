//! Rows that a dependency looked up for itself: the role of the caller, and what that permits. What follows can ask
//! nothing of them, so that paths which differ in such rows only are the same for it.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Engine;
use super::shared::Shared;
use super::value::{Abs, Path, Predicate, Row, RowId};

impl Engine<'_, '_> {
    /// Forgets rows that the call of a function in a dependency has fetched, and that nothing which it leaves refers to.
    /// Those stay that a value of the client was asked for, which others may know, too, and those that are evidence.
    pub(super) fn forget_looked_up(&mut self, path: &mut Path, given: &Abs, known: &BTreeMap<RowId, Shared<Row>>) {
        if path.rows.len() == known.len() || !path.later.is_empty() {
            return;
        }
        let mut kept = referred_to(path, given);
        let stays = |row: &Row| {
            let of_client = |value: &Abs| !value.parts(path).clients.is_empty();
            row.checked
                || row.changed.is_some()
                || row.written.is_some()
                || row.overwritten.is_some()
                || row.predicates.iter().any(|predicate| of_client(&predicate.value))
                || ties_caller(path, row)
        };
        kept.extend(path.rows.iter().filter(|(id, row)| known.contains_key(id) || stays(row)).map(|(id, _)| *id));
        // What stays was found by others.
        let mut pending: Vec<RowId> = kept.iter().copied().collect();
        while let Some(row) = pending.pop().and_then(|id| path.rows.get(&id)) {
            for id in row.predicates.iter().flat_map(|predicate| predicate.value.parts(path).rows) {
                if kept.insert(id) {
                    pending.push(id);
                }
            }
        }
        if path.rows.keys().all(|id| kept.contains(id)) {
            return;
        }
        let forgotten = path.rows.iter().filter(|(id, _)| !kept.contains(id));
        self.looked_up.extend(forgotten.filter_map(|(_, row)| row.model.as_ref()).map(|model| model.site));
        path.rows.retain(|id, _| kept.contains(id));
    }
}

/// Whether a row is there that has the caller and another row in it, which is evidence of whose that one is:
/// `Member.user_id == me.id, Member.team_id == task.team_id`.
fn ties_caller(path: &Path, row: &Row) -> bool {
    let of_caller = |asked: &Predicate| asked.equal && asked.value.parts(path).principal;
    row.found && row.hangs_on_another() && row.predicates.iter().any(of_caller)
}

/// The rows of which the rest of a path can ask something.
fn referred_to(path: &Path, given: &Abs) -> BTreeSet<RowId> {
    let of_objects = path.objects.values().flat_map(|object| object.fields.values().chain(object.properties.values()));
    let values = of_objects.chain(path.provided.values()).chain(&path.yielded).chain([given]);
    let mut rows: BTreeSet<RowId> = values.flat_map(|value| value.parts(path).rows).collect();
    rows.extend(path.handed_out.iter().chain(&path.doubted.0));
    rows
}
