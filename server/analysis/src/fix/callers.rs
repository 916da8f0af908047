//! Who calls a route that is to be guarded: whether all of them send a credential.

use super::{Fixer, Served};
use crate::auth::public::is_named_public;
use crate::frontend::outcome::Attached;
use crate::verdicts::calls::Origins;

/// Names of routes that programs call which have no user: probes, deliveries of events, timers.
/// They only make a fix less safe.
const OF_MACHINES: &[&str] = &[
    "metrics",
    "webhook",
    "webhooks",
    "hook",
    "hooks",
    "callback",
    "callbacks",
    "cron",
    "jobs",
    "job",
    "events",
    "event",
];

/// Whether a guard on these open routes may turn callers away who are meant to get in: the frontend is seen to
/// call without a credential, a program without a user may be the caller, or everybody by the route's name.
pub(super) fn may_be_refused(fixer: &Fixer<'_>, open: &[Served<'_>]) -> bool {
    open.iter().any(|one| is_for_machines(&one.route.path) || is_named_public(&one.route.path))
        || is_called_bare(fixer, open)
}

fn is_for_machines(path: &str) -> bool {
    path.split(['/', '-', '_', '.']).any(|word| OF_MACHINES.contains(&word.to_ascii_lowercase().as_str()))
}

/// Whether a request of the frontend that carries nothing reaches one of the routes.
fn is_called_bare(fixer: &Fixer<'_>, open: &[Served<'_>]) -> bool {
    let origins = Origins::new(fixer.state);
    let outcomes = fixer.state.frontend.outcomes();
    let mut requests = outcomes.flat_map(|(file, outcome)| outcome.requests.iter().map(move |sent| (file, sent)));
    requests.any(|(file, sent)| {
        sent.authorization == Attached::Never
            && origins
                .reached(file, sent)
                .is_some_and(|reached| open.iter().any(|one| std::ptr::eq(one.route, reached.route)))
    })
}
