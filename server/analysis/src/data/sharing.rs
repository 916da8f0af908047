//! Rows of others in which the principal has a part: it is a member of the team
//! that they belong to, or they were shared with it.

use super::engine::Engine;
use super::value::{Abs, Mix, Path, Predicate, Row};

/// Rows that hang on each other are followed so far: an order, its project, and the team of that.
const MAX_DEPTH: u32 = 3;

impl Row {
    /// Whether it was looked for by what another row says.
    pub(super) fn hangs_on_another(&self) -> bool {
        self.predicates.iter().any(|asked| match &asked.value {
            Abs::Part(..) => true,
            // What one of several paths had there.
            Abs::Mix(mix) => !mix.rows.is_empty(),
            _ => false,
        })
    }
}

impl Engine<'_, '_> {
    /// Whether a row that is the principal's was found by the key of this one, or
    /// of what this one hangs on, and is there: `Member.team_id == task.team_id`. So is one that ties the principal to
    /// whose this one is: `Member.owner_id == task.user_id, Member.member_id == me.id`, or whose record was compared with the
    /// principal: a colleague. What this one hangs on may be shared itself.
    pub(super) fn is_shared_with(&self, path: &Path, id: u32) -> bool {
        self.is_shared(path, id, 0)
    }

    fn is_shared(&self, path: &Path, id: u32, depth: u32) -> bool {
        let Some(model) = path.rows.get(&id).and_then(|row| row.model.as_ref()) else { return false };
        let is_key = |column: &str| {
            model.is_key(column) || model.parent(column).is_some() || column.ends_with("_id") && !model.is_owner(column)
        };
        // Of paths that were joined, each had the key of another row there.
        let one_of = |mix: &Mix| !mix.principal && !mix.unclear && mix.clients.is_empty() && mix.rows.contains(&id);
        let by_it = |predicate: &Predicate| {
            predicate.equal
                && match &predicate.value {
                    Abs::Part(of, column) => *of == id && is_key(column),
                    Abs::Mix(mix) => one_of(mix),
                    _ => false,
                }
        };
        let by_owner = |predicate: &Predicate| {
            predicate.equal && matches!(&predicate.value, Abs::Part(of, column) if *of == id && model.is_owner(column))
        };
        path.rows.iter().any(|(other, row)| {
            // What the request has made itself is in no row that was there before.
            let of_caller = |asked: &Predicate| asked.value != Abs::Own && self.asks_for_own(path, asked);
            let own = || row.found && row.predicates.iter().any(of_caller);
            let shared = || depth < MAX_DEPTH && self.is_shared(path, *other, depth + 1);
            let asks = |by: &dyn Fn(&Predicate) -> bool| row.predicates.iter().any(by);
            *other != id
                && !row.absent
                && (asks(&by_it) && (row.checked || own() || shared()) || asks(&by_owner) && (row.checked || own()))
        })
    }
}
