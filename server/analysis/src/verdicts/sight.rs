//! What the frontend sees of the backend: the routes to which its requests may
//! lead, and little of all others.

use std::sync::Arc;

use super::handler_site;
use crate::frontend::asked::Asked;
use crate::ide::{Guards, Judged, JudgedRoutes, State};
use crate::index::routes::{Application, Route, RouteTable};

/// An application, and what is said of its routes.
pub(super) type Served<'s> = (&'s Application, &'s Arc<JudgedRoutes>);

/// Applications of which anything is other than before, as they were and as they are; none
/// where they can't be told from each other by their order.
pub(super) fn changed<'s>(
    state: &'s State,
    table: &'s RouteTable,
    guards: &'s Guards,
) -> Option<Vec<(Served<'s>, Served<'s>)>> {
    let now = state.table.applications.iter().zip(&state.guards.applications);
    let before = table.applications.iter().zip(&guards.applications);
    let is_as_long = state.table.applications.len() == table.applications.len() && now.len() == before.len();
    is_as_long.then(|| before.zip(now).filter(|(before, now)| !is_untouched(*before, *now)).collect())
}

/// Whether the frontend may see what is other of these applications.
pub(super) fn is_seen(state: &State, asked: &Asked, changed: &[(Served<'_>, Served<'_>)]) -> bool {
    // What is done about a refusal is judged by how all backends refuse.
    state.frontend.dismisses() || changed.iter().any(|(before, now)| is_application_seen(asked, *before, *now))
}

fn is_untouched(before: Served<'_>, now: Served<'_>) -> bool {
    Arc::ptr_eq(&before.0.routes, &now.0.routes) && Arc::ptr_eq(before.1, now.1) && is_named_as(before.0, now.0)
}

fn is_named_as(before: &Application, now: &Application) -> bool {
    (before.router, before.site, before.test, &before.name) == (now.router, now.site, now.test, &now.name)
        && before.unresolved.is_empty() == now.unresolved.is_empty()
}

/// Whether the same routes in the same order are others now that requests may lead to,
/// or whether that can't be told.
fn is_application_seen(asked: &Asked, before: Served<'_>, now: Served<'_>) -> bool {
    let ((earlier, judged_before), (application, judged)) = (before, now);
    if !is_named_as(earlier, application) || earlier.routes.len() != application.routes.len() {
        return true;
    }
    let routes = earlier.routes.iter().zip(judged_before.iter()).zip(application.routes.iter().zip(judged.iter()));
    let mut guards_other = false;
    for (before, now) in routes.filter(|(before, now)| !is_same(*before, *now)) {
        if before.0.path_known != now.0.path_known
            || asked.may_lead_to(&before.0.path)
            || (before.0.path != now.0.path && asked.may_lead_to(&now.0.path))
        {
            return true;
        }
        guards_other |= before.1.guard.is_guarded() != now.1.guard.is_guarded();
    }
    let guards_any = |judged: &JudgedRoutes| judged.iter().any(|judged| judged.guard.is_guarded());
    guards_other && guards_any(judged_before) != guards_any(judged)
}

/// Whether a route is as it was, and was not judged again.
fn is_same((before, judged_before): (&Route, &Judged), (now, judged): (&Route, &Judged)) -> bool {
    Arc::ptr_eq(&judged_before.rests_on, &judged.rests_on)
        && (std::ptr::eq(before, now)
            || ((&before.path, &before.methods, before.kind) == (&now.path, &now.methods, now.kind)
                && before.path_known == now.path_known
                && before.registration == now.registration
                && handler_site(&before.handler) == handler_site(&now.handler)))
}
