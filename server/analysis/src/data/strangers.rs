//! Routes that let callers in without a credential: what those may do who show none, and others may not.
//!
//! `if me: query = query.where(Chat.user_id == me.id)` keeps whoever signs in to its own rows, and gives everybody's to
//! whoever does not. Both are executed apart, and compared.

use rustc_hash::FxHashSet;

use super::engine::{Engine, Exit, LetIn};
use super::runs::Runs;
use super::value::{Abs, Path};
use super::{Access, Fault, RouteData, Use};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Resolve, Site};

/// Accesses that are the caller's where it shows a credential, and to anybody's where it shows none.
pub(super) fn judge<'e, 'a>(
    interpreter: &'e Interpreter<'a>,
    route: &'e Route,
    verifies: &[bool],
    handler: &FunctionRef,
) -> Vec<Access> {
    let run = |only: LetIn| -> Option<RouteData> {
        let mut engine = Engine::new(interpreter, route, true);
        engine.data.verifies = verifies.to_vec();
        engine.only = Some(only);
        engine.handler(Path::default(), interpreter.current(handler), &Runs::default());
        engine.accept_hidden();
        engine.settle_hints();
        (!engine.by_policies).then_some(engine.data)
    };
    let Some(known) = run(LetIn::Known).filter(|known| !known.by_owner.is_empty()) else { return Vec::new() };
    let Some(strangers) = run(LetIn::Strangers) else { return Vec::new() };
    let own: FxHashSet<Site> = known.by_owner.iter().copied().collect();
    let is_for_strangers_only = |access: &Access| {
        matches!(access.fault, Fault::Unscoped | Fault::Unchecked)
            && own.contains(&access.table.site)
            // Who wrote something is often for everybody to see.
            && (access.table.personal || access.usage != Use::Reads)
            && !known.faults.iter().any(|other| other.table.site == access.table.site)
    };
    let mut found: Vec<Access> = strangers.faults.into_iter().filter(is_for_strangers_only).collect();
    found.sort_by_key(|access| (access.site, access.fault, access.entry));
    found
}

impl Engine<'_, '_> {
    /// Leaves those of the ends of a dependency that verifies on which a caller of the wanted kind goes on.
    pub(super) fn let_in(&self, exits: &mut Vec<Exit>) {
        let Some(only) = self.only else { return };
        for (path, value) in exits.iter_mut() {
            let row = if let Abs::Row(id) = value { path.rows.get_mut(id) } else { None };
            // A row, or none: the two ends were made one.
            match row.filter(|row| !row.there) {
                Some(row) if only == LetIn::Strangers => {
                    row.absent = true;
                    *value = Abs::Nothing;
                }
                Some(row) => row.there = true,
                None => {}
            }
        }
        let is_wanted = |(_, value): &Exit| (*value == Abs::Nothing) == (only == LetIn::Strangers);
        if exits.iter().any(is_wanted) {
            exits.retain(is_wanted);
        }
    }
}
