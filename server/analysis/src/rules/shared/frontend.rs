//! What the rules on the frontend share.

use crate::frontend::locate;
use crate::frontend::outcome::Place;
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::rules::{RuleInfo, State};

/// A finding at a place of a script; none if the place is gone, or does not parse.
pub(in crate::rules) fn report(
    state: &State,
    info: &RuleInfo,
    severity: Severity,
    place: Place,
    message: String,
    related: Vec<Related>,
) -> Option<Diagnostic> {
    let facts = state.sources.file(place.file)?.script.as_ref()?;
    if facts.index(place.item).and_then(|at| facts.items.get(at)).is_some_and(|item| item.broken) {
        return None;
    }
    let location = locate(&state.sources, place)?;
    Some(Diagnostic {
        rule: info.code,
        severity,
        confidence: Confidence::High,
        location,
        message,
        related: related.into_iter().filter(|step| step.location != location).collect(),
        unnecessary: false,
    })
}

/// A step of a proof at a place of a script.
pub(in crate::rules) fn related(state: &State, place: Place, message: &str) -> Option<Related> {
    Some(Related { location: locate(&state.sources, place)?, message: message.to_owned() })
}
