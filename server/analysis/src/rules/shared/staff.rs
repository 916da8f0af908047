//! Callers who are kept in a table of their own, and look after those of another one: nobody but they makes one of them, so
//! that being one is a right.

use crate::ide::Judged;
use crate::rules::{State, for_each_served};

/// The class of a route's callers, where these are such.
pub(super) fn staff<'j>(state: &State, judged: &'j Judged) -> Option<&'j str> {
    let callers = judged.data.callers.as_ref().filter(|_| judged.guard.is_guarded())?;
    let (mut looked_after, mut made_by_others) = (false, false);
    for_each_served(state, |_, _, other| {
        let is_guarded = other.guard.is_guarded();
        let is_own = is_guarded && other.data.callers.as_ref() == Some(callers);
        looked_after |= is_guarded && !is_own && other.data.callers.is_some();
        made_by_others |= !is_own && other.data.makes.contains(callers) || other.data.provides.contains(callers);
    });
    (looked_after && !made_by_others).then_some(callers)
}
