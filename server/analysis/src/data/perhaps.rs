//! Ends of a function that give a row, and those that give none.
//!
//! `return rows[0] if rows else None` has two ends, and what was asked there is asked again by whoever called: `if row is
//! None: raise`. As one end that gives the row, or none, they are told apart then, and what stands between is executed
//! once.

use super::engine::Exit;
use super::joining::{alike, join};
use super::value::{Abs, Path, RowId};

/// The row that a value is, alone or in a list.
fn row_of(value: &Abs) -> Option<RowId> {
    match value {
        Abs::Row(id) => Some(*id),
        Abs::Items(items) => match items.as_slice() {
            [Abs::Row(id)] => Some(*id),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value is none at all.
fn is_none(value: &Abs) -> bool {
    match value {
        Abs::Nothing => true,
        Abs::Items(items) => items.is_empty(),
        // `return rows[0] if rows else {}`
        Abs::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Of a row and a list without anything in it, or with nothing but that row: the row.
pub(super) fn one_row(a: &Abs, b: &Abs) -> Option<Abs> {
    let id = row_of(a).or_else(|| row_of(b))?;
    let is_it = |value: &Abs| row_of(value) == Some(id) || matches!(value, Abs::Items(items) if items.is_empty());
    (is_it(a) && is_it(b)).then_some(Abs::Row(id))
}

/// Whether a value is what this request made, alone or in a list, or such a list without anything in it.
fn is_own(value: &Abs) -> bool {
    match value {
        Abs::Own => true,
        Abs::Items(items) => items.iter().all(|item| *item == Abs::Own),
        _ => false,
    }
}

/// Two ends as one, where one gives a row and the other the same or none, and nothing else differs.
pub(super) fn rejoined((a, x): &Exit, (b, y): &Exit) -> Option<Exit> {
    if is_own(x) && is_own(y) && (*x == Abs::Own || *y == Abs::Own) {
        return alike(a, b).then(|| (join(a.clone(), b.clone()), Abs::Own));
    }
    let (a, b, id) = match (row_of(x), row_of(y)) {
        (Some(one), Some(other)) if one == other => (a.clone(), b.clone(), one),
        (Some(id), None) if is_none(y) => (open(a, id)?, without(b, a, id)?, id),
        (None, Some(id)) if is_none(x) => (without(a, b, id)?, open(b, id)?, id),
        _ => return None,
    };
    alike(&a, &b).then(|| (join(a, b), Abs::Row(id)))
}

/// A path on which a row is given, as if it were not known whether it is there.
fn open(path: &Path, id: RowId) -> Option<Path> {
    let mut path = path.clone();
    let row = path.rows.get_mut(&id).filter(|row| !row.absent)?;
    row.there = false;
    row.found = false;
    Some(path)
}

/// A path on which none is given, as if it might have been: where there is none, nothing that is said of it counts.
fn without(path: &Path, with: &Path, id: RowId) -> Option<Path> {
    let mut path = path.clone();
    match path.rows.get(&id) {
        Some(row) if row.there => return None,
        Some(row) if !row.absent => {}
        _ => {
            let row = with.rows.get(&id)?.clone();
            path.rows.insert(id, row);
        }
    }
    open(&path, id)
}
