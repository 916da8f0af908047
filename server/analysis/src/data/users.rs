//! Rows of the users themselves: whose account is changed, or given out.

use std::sync::Arc;

use super::engine::Engine;
use super::models::Model;
use super::takeovers::names_account;
use super::value::{Abs, Path, Place, Row};
use super::{FIRST, Fault, Use};

/// How often one row is fetched again that is followed to the first time.
const MAX_FETCHED: u32 = 4;

/// The row that was fetched first, where it is fetched again by its own key: `get_user(db, user.id)`.
fn fetched_first<'p>(path: &'p Path, row: &'p Row, model: &Model) -> &'p Row {
    let mut first = row;
    for _ in 0..MAX_FETCHED {
        let source = first.predicates.iter().filter(|predicate| predicate.equal).find_map(|predicate| {
            let (Some((of, column)), Abs::Part(id, part)) = (&predicate.column, &predicate.value) else { return None };
            let source = path.rows.get(id).filter(|_| of.site == model.site)?;
            let is_same = source.model.as_ref().is_some_and(|other| other.site == model.site);
            (is_same && model.is_key(column) && model.is_key(part)).then_some(source)
        });
        match source {
            Some(source) => first = source,
            None => break,
        }
    }
    first
}

impl Engine<'_, '_> {
    /// A record of the users themselves is changed: by whose word?
    pub(super) fn judge_user(&mut self, path: &Path, row: &Row, model: &Arc<Model>) {
        if !model.is_user
            || row.changed.is_none()
            || path.privileged
            || path.doubt
            || row.checked
            || row.absent
            || row.unclear
        {
            return;
        }
        // Whom a path names is the one that it is about; a name in the body may be that of somebody to write to.
        let is_in_path = |client: u32| self.clients.get(client as usize).is_some_and(|one| one.place == Place::Path);
        let key = fetched_first(path, row, model).predicates.iter().find_map(|predicate| {
            match (&predicate.column, &predicate.value) {
                (Some((_, column)), Abs::Client(client))
                    if (model.is_key(column) || names_account(column) && is_in_path(*client))
                        && !path.authorised.contains(client) =>
                {
                    Some(*client)
                }
                _ => None,
            }
        });
        let narrowed = row.predicates.iter().any(|predicate| self.narrows(path, predicate, 0));
        if let Some(client) = key.filter(|_| !narrowed) {
            self.row_fault(path, Fault::TrustsClient, Use::Changes, row, model, Some(client));
        }
    }

    /// The first of all users is changed or given out, whoever calls: nothing was asked of which one it is.
    pub(super) fn judge_first_user(&mut self, path: &Path, row: &Row, model: &Arc<Model>, is_given: bool) {
        let is_any = model.is_user && row.first && !row.ordered && row.predicates.is_empty();
        let is_told = is_any && !row.checked && !row.absent && !row.unclear && (is_given || row.changed.is_some());
        if !is_told || path.doubted.0.iter().any(|id| path.rows.get(id).is_some_and(|doubted| doubted.site == row.site))
        {
            return;
        }
        let usage = if row.changed.is_some() { Use::Changes } else { Use::Reads };
        self.row_fault(path, Fault::Unscoped, usage, row, model, None);
        if let Some(access) = self.data.faults.last_mut().filter(|access| access.site == row.site) {
            access.detail = FIRST;
        }
    }
}
