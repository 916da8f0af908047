//! What the ids of Better Auth's users look like.

use crate::frontend::issuers::{Issuer, Setting};
use crate::frontend::outcome::Place;
use crate::ide::State;
use crate::index::value::Site;

/// A configuration whose tokens the backend accepts, and that leaves ids as they
/// are: random texts. None if there is another one.
pub(super) fn random_ids(state: &State, accepted: &[(Site, Place)]) -> Option<Place> {
    let issuers = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.issuers);
    let mut known: Option<Place> = None;
    for issuer in issuers {
        if !accepted.iter().any(|(_, place)| *place == issuer.place) {
            continue;
        }
        if !makes_random_ids(issuer) {
            return None;
        }
        known = Some(issuer.place);
    }
    known
}

/// The configuration that makes users, where all leave ids as they are: random texts, whoever keeps them.
pub(crate) fn made(state: &State) -> Option<Place> {
    let issuers = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.issuers);
    let mut known: Option<Place> = None;
    for issuer in issuers {
        if !NUMBERING.iter().all(|option| issuer.options.is_absent(option)) {
            return None;
        }
        known.get_or_insert(issuer.place);
    }
    known
}

/// Options that have the database number its users, or a function name them.
const NUMBERING: &[&str] = &["advanced.database.generateId", "advanced.generateId", "advanced.database.useNumberId"];

fn makes_random_ids(issuer: &Issuer) -> bool {
    let options = &issuer.options;
    // An adapter of an ORM may leave ids to the database.
    let own_database = match options.get("database").map(|given| &given.value) {
        Some(Setting::Object) | None => true,
        Some(_) => false,
    };
    NUMBERING.iter().all(|option| options.is_absent(option)) && own_database
}
