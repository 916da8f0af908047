//! Who calls a route that is to be guarded: whether all of them send a credential.

use rustc_hash::FxHashSet;

use super::{Fixer, Served, State};
use crate::auth::guard::sends_browsers_on;
use crate::auth::public::{is_for_machines, is_named_form, is_named_public};
use crate::frontend::outcome::Attached;
use crate::index::routes::Route;
use crate::rules::unhandled_unauthorized::blind;
use crate::verdicts::calls::Origins;

/// Whether a guard on these open routes may turn callers away who are meant to get in: the frontend is seen to
/// call without a credential, a program without a user may be the caller, a browser that another site sends, or everybody
/// by the route's name.
pub(super) fn may_be_refused(fixer: &Fixer<'_>, open: &[Served<'_>]) -> bool {
    open.iter().any(|one| is_for_machines(&one.route.path) || is_named_public(&one.route.path))
        || open.iter().any(|one| is_named_form(&one.route.path, &one.route.methods))
        || open.iter().any(|one| sends_browsers_on(&fixer.interpreter, one.route))
        || open.iter().any(|one| fixer.called_bare().contains(&std::ptr::from_ref(one.route)))
}

/// The routes that requests of the frontend reach which carry nothing, by their addresses in the table.
pub(super) fn called_bare(state: &State) -> FxHashSet<*const Route> {
    let origins = Origins::new(state);
    let outcomes = state.frontend.outcomes();
    let requests = outcomes.flat_map(|(file, outcome)| outcome.requests.iter().map(move |sent| (file, sent)));
    let bare = requests.filter(|(_, sent)| sent.authorization == Attached::Never);
    bare.filter_map(|(file, sent)| origins.reached(file, sent))
        .map(|reached| std::ptr::from_ref(reached.route))
        .collect()
}

/// The routes that requests of the frontend reach whose answer is taken for data whatever it is, by their addresses in the
/// table.
pub(super) fn answered_blindly(state: &State) -> FxHashSet<*const Route> {
    blind(state).into_values().map(|reached| std::ptr::from_ref(reached.route)).collect()
}
