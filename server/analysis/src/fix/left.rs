//! What a guard leaves to do: a caller that is verified can still touch what is not his, and a frontend has to send its
//! token and to expect a refusal.

use rustc_hash::FxHashSet;

use super::{Fixer, Served};
use crate::index::routes::Route;

/// What somebody has to look at who guards open routes: what counts most. None where nothing is seen.
pub(super) fn left_to_do(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Option<&'static str> {
    let is_one = |of: &FxHashSet<*const Route>| open.iter().any(|one| of.contains(&std::ptr::from_ref(one.route)));
    if is_one(fixer.faulty_behind_guard()) {
        return Some("whose data is touched is still to be checked");
    }
    if is_one(fixer.called_bare()) {
        return Some("the frontend has to send its token then");
    }
    is_one(fixer.answered_blindly()).then_some("the frontend has to expect 401 then")
}

/// The title of a guard, with what it leaves to do.
pub(super) fn with_left(title: String, left: Option<&str>) -> String {
    match left {
        Some(left) => format!("{title}; {left}"),
        None => title,
    }
}
