//! Rights that everybody has: the only function that verifies callers asks for them, or whoever signs up gets them.

use crate::data::{Granted, RolesAsked, Within, is_high};
use crate::index::routes::{Application, Route};
use crate::index::same::same;
use crate::index::value::Site;
use crate::rules::{State, for_each_served};

/// Where whoever asks is given one of the roles that a check asks for.
pub(in crate::rules) fn sign_up(state: &State, asked: &RolesAsked) -> Option<Site> {
    let mut found: Option<&Granted> = None;
    for_each_served(state, |application, _, judged| {
        // Another application may have another table of users.
        let counts = |granted: &Granted| !granted.role.is_empty() || asks_for(state, application, asked);
        let given = judged.data.granted.iter().find(|granted| asked.is_met_by(granted) && counts(granted));
        found = match (found, given) {
            (Some(Granted { role, .. }), Some(given)) if role.is_empty() => Some(given),
            (found, given) => found.or(given),
        };
    });
    let given = found?;
    (!given.role.is_empty() || !gives_more(state, &given.attribute)).then_some(given.site)
}

/// Whether routes of an application ask for one of these roles.
fn asks_for(state: &State, application: &Application, asked: &RolesAsked) -> bool {
    let mut asks = false;
    for_each_served(state, |other, _, judged| {
        let mut within = judged.data.within.iter().filter_map(|within| within.roles.as_ref());
        let mut by_role = judged.data.by_role.iter().map(|by| &by.asked);
        asks |= other.router == application.router
            && (within.any(|roles| roles == asked) || by_role.any(|roles| roles == asked));
    });
    asks
}

/// Whether some route asks for a value of an attribute that gives more than what everybody has: that whoever signs up may
/// write it is told of itself (`privilege-mass-assignment`).
fn gives_more(state: &State, attribute: &str) -> bool {
    let mut found = false;
    for_each_served(state, |_, _, judged| {
        found |= judged.data.asked.iter().any(|asked| asked.attribute == attribute && is_high(&asked.value));
    });
    found
}

/// Whether the right that a route asks for is one that everybody has.
pub(super) fn is_of_everybody(state: &State, route: &Route, within: &Within) -> bool {
    is_of_verifier(state, route, within) || within.roles.as_ref().is_some_and(|asked| sign_up(state, asked).is_some())
}

/// Whether the right that a route asks for tells no caller from another: all guarded routes know their callers by one
/// function, and that lets nobody in who has it not.
fn is_of_verifier(state: &State, route: &Route, within: &Within) -> bool {
    let [asked] = within.asked.as_slice() else { return false };
    let Some(verifier) = route.dependencies.get(*asked).filter(|_| within.by_verifier) else { return false };
    let mut all = true;
    for_each_served(state, |_, other, judged| {
        let asks =
            |at: &usize| other.dependencies.get(*at).is_some_and(|node| same(&node.callable, &verifier.callable));
        all &= !judged.guard.is_guarded() || judged.data.within.as_ref().is_some_and(|one| one.asked.iter().any(asks));
    });
    all
}
