//! Upkeep: changes that the clock decides, whoever asks.
//!
//! `if booking.end < now: booking.status = "over"` says of a row what has become true meanwhile. Whoever reads brings it
//! about, with nothing of what was sent: it is nobody's to do or not to do. A change is of that kind where a column of its row
//! was compared with the clock on the way there, and nothing of the client or of the caller is written. That alone is no
//! proof: a request may be there to do just that to everybody's rows. So it counts only where a route that does nothing
//! but read comes by the same place; the rules join what all routes say (`rules::shared::upkeep`).

use std::collections::BTreeSet;

use super::calls::Given;
use super::engine::Engine;
use super::models::{Model, last_name};
use super::value::{Abs, Mix, Path, Predicate, Row, RowId};
use super::{Access, Use};
use crate::facts::python::idioms::callees;
use crate::index::dependencies::called;
use crate::index::routes::{Route, RouteKind};
use crate::index::value::{Resolve, Site};

/// Functions that say what time it is.
const CLOCKS: &[&str] = &[
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "pendulum.now",
    "pendulum.today",
    "arrow.now",
    "arrow.utcnow",
    "django.utils.timezone.now",
];

/// The same of the database.
const CLOCKS_OF_SQL: &[&str] = &["now", "current_timestamp", "current_date", "localtimestamp", "utcnow"];

/// Whether a function of a package says what time it is.
pub(super) fn is_clock(package: &str) -> bool {
    CLOCKS.contains(&package)
}

/// Whether a function of SQL does.
pub(super) fn is_clock_of_sql(name: &str, given: &[Given]) -> bool {
    CLOCKS_OF_SQL.contains(&name) && given.is_empty()
}

/// The clock, and what is made of it with values that are nobody's: an hour ago.
pub(super) fn from_clock<'v>(parts: impl IntoIterator<Item = &'v Abs> + Clone) -> Option<Abs> {
    let tells_time = parts.clone().into_iter().any(|part| *part == Abs::Clock);
    (tells_time && Mix::of(parts).is_nobodys()).then_some(Abs::Clock)
}

/// Whether requests to a route only read, as its methods have it.
pub(super) fn only_reads(route: &Route) -> bool {
    let is_safe = |method: &smol_str::SmolStr| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    route.kind == RouteKind::Http && !route.methods.is_empty() && route.methods.iter().all(is_safe)
}

impl Mix {
    /// Whether nothing of the caller, the client or a row is in it.
    fn is_nobodys(&self) -> bool {
        !self.principal && self.clients.is_empty() && self.rows.is_empty()
    }
}

impl Predicate {
    /// Whether it compares a column of a table with the clock.
    pub(super) fn asks_time_of(&self, model: &Model) -> bool {
        let is_own = self.column.as_ref().is_some_and(|(of, _)| of.site == model.site);
        let is_time = |value: &Abs| match value {
            Abs::Clock => true,
            // `{"$lt": now}`
            Abs::Map(entries) => {
                entries.iter().any(|(operator, value)| operator.starts_with('$') && *value == Abs::Clock)
            }
            _ => false,
        };
        is_own && is_time(&self.value)
    }
}

impl Row {
    /// What is done with it, that it is given out or not.
    pub(super) fn uses(&self, given: bool) -> impl Iterator<Item = Use> + use<> {
        let changed = self.changed.map(|_| Use::Changes);
        changed.into_iter().chain((given && (self.changed.is_none() || self.upkeep)).then_some(Use::Reads))
    }

    /// What is done with it on behalf of the caller.
    pub(super) fn usage(&self) -> Use {
        if self.changed.is_some() && !self.upkeep { Use::Changes } else { Use::Reads }
    }
}

/// What is in values that are written. A request model is the client's.
pub(super) fn written_of(path: &Path, values: &[Abs]) -> Mix {
    let mut written = Mix::default();
    for value in values {
        written.add(&value.parts(path).into_abs());
        // Whose the client's values are plays no part here.
        let is_of_client = matches!(value, Abs::Dump(_) | Abs::DumpKey(_) | Abs::Object(_) | Abs::Request(_));
        written.principal |= is_of_client;
    }
    written
}

impl Access {
    /// Where the clock had the row changed, if that is all that is at fault.
    pub fn upkeep(&self) -> Option<Site> {
        self.upkeep
    }
}

impl Engine<'_, '_> {
    /// Two values are compared: a column with the clock?
    pub(super) fn note_time(&self, path: &mut Path, a: &Abs, b: &Abs) {
        let (Abs::Part(id, _), Abs::Clock) = (a, b) else { return };
        if let Some(row) = path.rows.get_mut(id) {
            row.timed = true;
        }
    }

    /// What is behind a condition on the clock under which callers are turned away does not happen for the clock's sake.
    pub(super) fn forget_time(&self, before: &Path, after: &mut [Path]) {
        for path in after {
            let timed: Vec<RowId> = path.rows.iter().filter(|(_, row)| row.timed).map(|(id, _)| *id).collect();
            let was_timed = |id: &RowId| before.rows.get(id).is_some_and(|row| row.timed);
            for id in timed.iter().filter(|id| !was_timed(id)) {
                if let Some(row) = path.rows.get_mut(id) {
                    row.timed = false;
                }
            }
        }
    }

    /// A row is changed at a place. Whether that is for the clock's sake.
    pub(super) fn note_upkeep(&mut self, row: &Row, id: Option<RowId>, written: &Mix, site: Site) -> bool {
        let is_own = |other: &RowId| Some(*other) == id;
        let is_clean = !written.principal && written.clients.is_empty() && written.rows.iter().all(is_own);
        let upkeep = row.timed && is_clean;
        if upkeep && only_reads(self.route) && !self.data.upkeep.contains(&site) {
            self.data.upkeep.push(site);
        }
        upkeep
    }

    /// The path without what a route that only reads assigns to rows for its answer, and writes nowhere.
    pub(super) fn without_idle(&self, path: &Path, given: &BTreeSet<RowId>) -> Option<Path> {
        let is_idle = |row: &Row| row.written.is_none() && row.changed.is_some_and(|changed| changed != row.site);
        let idle: Vec<RowId> =
            path.rows.iter().filter(|(id, row)| given.contains(id) && is_idle(row)).map(|(id, _)| *id).collect();
        if idle.is_empty() || !only_reads(self.route) || self.commits_beside() {
            return None;
        }
        let mut path = path.clone();
        for id in idle {
            if let Some(row) = path.rows.get_mut(&id) {
                (row.changed, row.touched) = (None, false);
            }
        }
        Some(path)
    }

    /// Whether a session may be committed beside the handler: by the dependency that gives it, or where a block ends.
    fn commits_beside(&self) -> bool {
        let called = self.route.dependencies.iter().filter_map(|node| called(self.interpreter, &node.callable));
        let functions =
            called.map(|(function, _)| function).chain(self.route.function().map(|handler| handler.as_ref().clone()));
        let mut functions = functions.map(|function| self.interpreter.current(&function));
        functions.any(|function| {
            callees(&function.def.body).any(|callee| matches!(last_name(callee), Some("commit" | "begin")))
        })
    }

    /// Whether a route that only reads changes a row for the clock's sake: that is at fault nowhere.
    pub(super) fn is_upkeep_of_reader(&self, row: &Row, usage: Use) -> bool {
        row.upkeep && usage == Use::Changes && only_reads(self.route)
    }
}
