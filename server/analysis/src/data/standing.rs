//! Flags that say whether an account may be used still, and who looks at them: where a sign-in turns accounts away by one, or a
//! route sets it, whoever was signed in before has a token that only the guard can refuse.

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::value::{Abs, Path, Row};
use crate::facts::python::tree::Expr;
use crate::index::value::Site;

/// What a route does with such flags.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Flags that it looks at.
    pub looked: Vec<SmolStr>,
    /// Those of a user's row, and where.
    pub asked: Vec<(SmolStr, Site)>,
    /// Flags that it sets so that an account is of no more use, or as the client wants it, and where.
    pub set: Vec<(SmolStr, Site)>,
    /// Where its dependencies fetch the caller's row.
    pub fetched: Option<Site>,
    /// Whether something in its dependencies that could not be followed may have looked at them.
    pub unsure: bool,
}

impl Engine<'_, '_> {
    /// An attribute is read.
    pub(super) fn note_standing_asked(&mut self, path: &Path, expr: &Expr, object: &Abs, name: &SmolStr) {
        if !names::is_blocking(name) {
            return;
        }
        // A key of a dictionary counts, too: `user.get("is_active")`.
        let of_user = match object {
            Abs::Row(id) => path.rows.get(id).and_then(|row| row.model.as_ref()).is_some_and(|model| model.is_user),
            _ => false,
        };
        self.note_flag(name, of_user.then(|| self.site(expr)));
    }

    /// Code speaks of an attribute, of a class perhaps.
    pub(super) fn note_standing_named(&mut self, name: &SmolStr) {
        if names::is_blocking(name) {
            self.note_flag(name, None);
        }
    }

    /// A row is fetched, or changed without being fetched.
    pub(super) fn note_standing_of(&mut self, row: &Row) {
        if !row.model.as_ref().is_some_and(|model| model.is_user) {
            return;
        }
        let asked = row.predicates.iter().filter_map(|predicate| predicate.column.as_ref());
        let flags: Vec<SmolStr> =
            asked.filter(|(_, column)| names::is_blocking(column)).map(|(_, column)| column.clone()).collect();
        flags.iter().for_each(|flag| self.note_flag(flag, Some(row.site)));
        if self.in_dependency && self.data.standing.fetched.is_none() {
            self.data.standing.fetched = Some(row.site);
        }
    }

    /// A column of a row is written.
    pub(super) fn note_standing_set(&mut self, model: &Model, column: &SmolStr, value: &Abs, site: Site) {
        let blocks = match value {
            // An account is of use again.
            Abs::Constant(Some(value)) => *value == names::is_blocked(column),
            Abs::Nothing => !names::is_blocked(column),
            Abs::Client(_) | Abs::Other => true,
            _ => false,
        };
        if model.is_user && names::is_blocking(column) && blocks {
            self.data.standing.set.push((column.clone(), site));
        }
    }

    /// The dependencies have run.
    pub(super) fn note_standing_unsure<'p>(&mut self, mut paths: impl Iterator<Item = &'p Path>) {
        self.data.standing.unsure |= paths.any(|path| path.doubt);
    }

    fn note_flag(&mut self, flag: &SmolStr, of_user: Option<Site>) {
        let standing = &mut self.data.standing;
        if !standing.looked.contains(flag) {
            standing.looked.push(flag.clone());
        }
        if let Some(site) = of_user
            && standing.asked.iter().all(|(known, _)| known != flag)
        {
            standing.asked.push((flag.clone(), site));
        }
    }
}
