//! Variables that hold keys, and where these are used.

use smol_str::SmolStr;

use super::frontend;
use crate::auth::keys::Source;
use crate::auth::tokens::KeySource;
use crate::frontend::issuers::Setting;
use crate::frontend::outcome::Place;
use crate::ide::Related;
use crate::index::value::Site;
use crate::rules::{State, related};
use crate::verdicts::agreement::issued::secret_variable;

/// A variable of the environment that holds a key, by what code does with it.
#[derive(Debug, Clone)]
pub(in crate::rules) struct UsedVariable {
    name: SmolStr,
    /// Where the backend uses it.
    site: Option<Site>,
    /// Where the frontend does.
    place: Option<Place>,
}

impl UsedVariable {
    /// Whether it is the variable of that name: settings read theirs in any case.
    pub(in crate::rules) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The step of a proof that says where it is used.
    pub(in crate::rules) fn related(&self, state: &State) -> Vec<Related> {
        let by_backend = self.site.map(|site| related(state, site, "the key is used here".to_owned()));
        let by_frontend = || frontend::related(state, self.place?, "the key is used here");
        by_backend.or_else(by_frontend).into_iter().collect()
    }
}

/// Variables that code signs or verifies tokens with, those that the backend uses first.
pub(in crate::rules) fn used_variables(state: &State) -> Vec<UsedVariable> {
    let mut used = Vec::new();
    let mut add = |name: &SmolStr, site: Option<Site>, place: Option<Place>| {
        used.push(UsedVariable { name: name.clone(), site, place });
    };
    for (_, tokens) in state.tokens.items() {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            if let KeySource::Secret(Some(name)) = &decode.key {
                add(name, Some(decode.site), None);
            }
        }
        for encode in &tokens.encodes {
            if let KeySource::Secret(Some(name)) = &encode.key {
                add(name, Some(encode.site), None);
            }
        }
    }
    for key in state.keys.values().flat_map(|file| &file.keys) {
        if let Source::Environment(name) | Source::Setting(name) = &key.source {
            add(name, Some(key.used), None);
        }
    }
    for (_, outcome) in state.frontend.outcomes() {
        for issuer in &outcome.issuers {
            if let Some(name) = secret_variable(issuer) {
                add(&name, None, Some(issuer.place));
            }
        }
        for mint in &outcome.mints {
            if let Setting::Environment(name) = &mint.key {
                add(name, None, Some(mint.place));
            }
        }
    }
    used.sort_by_key(|one| (one.site.is_none(), one.site, one.place));
    used
}
