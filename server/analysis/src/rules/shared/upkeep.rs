//! Changes that the clock decides: what a route that only reads brings about nobody asks for.

use rustc_hash::FxHashSet;

use crate::data::Access;
use crate::index::value::Site;
use crate::rules::{State, for_each_served};

/// Where routes that do nothing but read change rows because of the clock.
pub(super) struct Upkeep {
    places: FxHashSet<Site>,
}

impl Upkeep {
    /// Goes through all routes.
    pub(super) fn of(state: &State) -> Self {
        let mut places = FxHashSet::default();
        for_each_served(state, |_, _, judged| places.extend(judged.data.upkeep.iter().copied()));
        Self { places }
    }

    /// Whether a change happens there, and for nothing else.
    pub(super) fn covers(&self, access: &Access) -> bool {
        access.upkeep().is_some_and(|place| self.places.contains(&place))
    }
}
