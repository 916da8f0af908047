//! Rights that everybody has, because the only function that verifies callers asks for them.

use crate::data::Within;
use crate::index::routes::Route;
use crate::index::same::same;
use crate::rules::{State, for_each_served};

/// Whether the right that a route asks for tells no caller from another: all guarded routes know their callers by one
/// function, and that lets nobody in who has it not.
pub(super) fn is_of_everybody(state: &State, route: &Route, within: &Within) -> bool {
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
