//! Rows that say of themselves that others may read them: a flag by which their owner has made them public, or a word for
//! their having been released.
//!
//! `if not report.is_public: raise` lets nobody see what its owner keeps to itself, and so does a query that asks for
//! `Report.is_public`. Both say nothing of who may change a row.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::value::{Abs, Path, Predicate, Row, RowId};

/// Whether a column says that its row is public, where it holds a value.
fn tells_public(column: &str, value: &Abs) -> bool {
    match value {
        Abs::Constant(Some(true)) => names::says_public(column),
        Abs::Text(word) => names::is_state(column) && matches!(&*word.to_ascii_lowercase(), "public" | "published"),
        _ => false,
    }
}

/// Whether a condition of a query demands what says that a row is public. `.is_(True)` is no equality.
fn demands(predicate: &Predicate, tells: &dyn Fn(&str, &Abs) -> bool) -> bool {
    predicate.column.as_ref().is_some_and(|(_, column)| tells(column, &predicate.value))
}

/// A column that is a condition by itself, if it says that a row is public: `.where(Report.is_public)`.
pub(super) fn flag(model: &Arc<Model>, column: &SmolStr) -> Option<Predicate> {
    let asked = Some((Arc::clone(model), column.clone()));
    names::says_public(column).then_some(Predicate { column: asked, equal: false, value: Abs::Constant(Some(true)) })
}

impl Row {
    /// Whether it is one that its owner has made public.
    pub(super) fn is_public(&self) -> bool {
        self.public || self.predicates.iter().any(|asked| demands(asked, &tells_public))
    }

    /// Whether the query asked for rows that somebody has released.
    pub(super) fn is_released(&self) -> bool {
        let released = |column: &str, value: &Abs| {
            let is_word = |word: &str| matches!(word, "approved" | "released" | "live" | "listed");
            names::is_state(column) && matches!(value, Abs::Text(word) if is_word(&word.to_ascii_lowercase()))
        };
        self.predicates.iter().any(|asked| asked.equal && demands(asked, &released))
    }
}

impl Engine<'_, '_> {
    /// Rows are given out: whether all of them are published.
    pub(super) fn note_published(&mut self, path: &Path, given: &BTreeSet<RowId>) {
        let rows = given.iter().filter_map(|id| path.rows.get(id)).filter(|row| !row.absent && row.model.is_some());
        for row in rows {
            let is_published = row.is_public() && row.changed.is_none();
            self.unpublished |= !is_published;
            self.data.gives_published = !self.unpublished;
        }
    }

    /// A column of a row is known to hold a value.
    pub(super) fn note_public(&self, path: &mut Path, column: &Abs, value: &Abs) {
        if let Abs::Part(id, column) = column
            && tells_public(column, value)
            && let Some(row) = path.rows.get_mut(id)
        {
            row.public = true;
        }
    }
}
