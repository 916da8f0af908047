//! Entries of dictionaries: conditions that a helper of the project puts into a query, and what it writes.

use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::joining::Idle;
use super::names;
use super::value::{Abs, Row, Statement};
use crate::facts::python::idioms::entries_by_name;
use crate::facts::python::tree::{Comprehension, Expr};

impl Engine<'_, '_> {
    /// Goes through one entry. Gives how many were gone through before.
    pub(super) fn enter_entry(&mut self, entry: &Abs) -> usize {
        let outer = self.gone_through.len();
        if let Abs::Items(pair) = entry
            && let [Abs::Text(key), value] = pair.as_slice()
        {
            self.gone_through.push((key.clone(), value.clone()));
        }
        outer
    }

    /// Whether a value is what an entry holds of the principal or of a row. Code that leaves out what is not there
    /// (`if value is None: continue`) is made for conditions that may be left out, and not for callers who are nobody.
    pub(super) fn is_gone_through(&self, value: &Abs) -> bool {
        matches!(value, Abs::Principal(_) | Abs::Part(..)) && self.gone_through.iter().any(|(_, held)| held == value)
    }

    /// `query.is_(column, "null")`. Where the column and what it is compared with are gone through together, it stands
    /// for that: `query.is_(key, "null") if value is None else query.eq(key, value)`.
    pub(super) fn demand_nothing(&self, statement: &mut Statement, column: &SmolStr) {
        let entry = self.gone_through.iter().rev().find(|(key, _)| key == column);
        match entry {
            Some((_, value)) => statement.narrow(column, value),
            None if statement.model.as_ref().is_some_and(|model| model.is_owner(column)) => {
                statement.narrow(column, &Abs::Nothing);
            }
            None => {}
        }
    }
}

/// Whether a comprehension copies the entries of a dictionary, all or those whose values
/// are of some kind: `{key: value for key, value in d.items() if value is not None}`.
fn copies_entries(comprehension: &Comprehension) -> bool {
    let Some((key, entry, clause)) = entries_by_name(comprehension) else { return false };
    let asks_key = |condition: &Expr| {
        let mut pending = vec![condition];
        while let Some(expr) = pending.pop() {
            if expr.as_name() == Some(key) {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    };
    comprehension.element.as_name() == Some(key)
        && comprehension.value.as_ref().and_then(Expr::as_name) == Some(entry)
        && !clause.conditions.iter().any(asks_key)
}

/// What a comprehension gives that copies the entries of a dictionary: those that hold `None` are the ones that it leaves
/// out, where it leaves out any.
pub(super) fn copied(comprehension: &Comprehension, items: &Abs) -> Option<Abs> {
    match items {
        _ if !copies_entries(comprehension) => None,
        Abs::Dump(_) => Some(items.clone()),
        Abs::Items(pairs) => {
            let all = comprehension.clauses.iter().all(|clause| clause.conditions.is_empty());
            let entry = |pair: &Abs| match pair {
                Abs::Items(pair) => match pair.as_slice() {
                    [Abs::Text(key), value] => Some((key.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            };
            let entries: Option<Vec<(SmolStr, Abs)>> = pairs.iter().map(entry).collect();
            let kept = entries?.into_iter().filter(|(_, value)| all || *value != Abs::Nothing);
            Some(Abs::Map(Arc::new(kept.collect())))
        }
        _ => None,
    }
}

impl Idle<'_> {
    /// Whether an entry of a dictionary says nothing of whose anything is, and gives nobody anything, whether it is a
    /// condition of a query or is written.
    fn entry(&self, (key, value): &(SmolStr, Abs)) -> bool {
        is_plain_key(key)
            && match value {
                Abs::Client(client) => self.is_compared_with_nothing(*client),
                value => self.value(value, 0),
            }
    }

    /// Whether two dictionaries differ only in such; one may also have what the other leaves out, and nobody can say
    /// whose that is.
    pub(super) fn entries_agree(&self, a: &[(SmolStr, Abs)], b: &[(SmolStr, Abs)]) -> bool {
        let own = |list: &'_ [(SmolStr, Abs)], other: &[(SmolStr, Abs)]| -> Vec<(SmolStr, Abs)> {
            list.iter().filter(|entry| !other.contains(entry) && !self.entry(entry)).cloned().collect()
        };
        let left_out = |own: &[(SmolStr, Abs)], other: &[(SmolStr, Abs)]| {
            let is_idle = |entry: &(SmolStr, Abs)| other.iter().all(|with| with.0 != entry.0 || self.entry(with));
            own.iter().all(|entry| is_unclear(entry) && is_idle(entry))
        };
        match (own(a, b), own(b, a)) {
            (a, b) if a.is_empty() && b.is_empty() => true,
            (more, none) if none.is_empty() => left_out(&more, b),
            (none, more) if none.is_empty() => left_out(&more, a),
            _ => false,
        }
    }

    /// Whether nothing is known of a client's value, and no row was fetched by it.
    fn is_compared_with_nothing(&self, client: u32) -> bool {
        let names_row = |row: &Row| row.predicates.iter().any(|known| known.value == Abs::Client(client));
        self.same
            && self.paths.iter().all(|path| {
                !path.authorised.contains(&client)
                    && !path.doubted.1.contains(&client)
                    && !path.rows.values().any(|row| names_row(row))
            })
    }
}

/// Whether a key of a dictionary is no name of a column that says whose anything is, or gives anybody anything.
fn is_plain_key(key: &str) -> bool {
    let names_row = matches!(key, "id" | "_id") || key.ends_with("_id") || key.ends_with("Id");
    !names_row && !names::is_owner(key) && !names::is_privilege(key) && !names::is_password(key)
}

/// Whether nothing is known of what an entry with such a key holds, but that the client may have a part in it.
fn is_unclear((key, value): &(SmolStr, Abs)) -> bool {
    is_plain_key(key)
        && match value {
            Abs::Unknown => true,
            Abs::Mix(mix) => !mix.principal && mix.rows.is_empty(),
            _ => false,
        }
}
