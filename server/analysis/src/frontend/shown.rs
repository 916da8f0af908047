//! Secrets of the environment that endpoints answer with.

use std::rc::Rc;

use smol_str::SmolStr;

use super::evaluation::Session;
use super::outcome::Place;
use super::tokens::{front_of, is_secret_name, kept_whole};
use super::value::{Hole, ObjectId, ObjectKind, Origin, Part, Symbol, Value};
use crate::auth::tokens::names_database;

/// Objects and arrays in each other that are looked through.
const MAX_DEPTH: usize = 4;
/// Characters of a database's address before anything that is secret: `postgresql://`.
const SCHEME: u32 = 13;

/// A secret of the environment in the answer of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownSecret {
    /// Where the answer is made.
    pub place: Place,
    /// The variable.
    pub variable: SmolStr,
    /// Whether it is the address of a database.
    pub is_database: bool,
    /// How many of its first characters are left, where it is cut off.
    pub front: Option<u32>,
}

/// Whether a variable holds what nobody is to see; whether that is the address of a database.
fn is_secret(variable: &str) -> Option<bool> {
    match names_database(variable) {
        true => Some(true),
        false => is_secret_name(variable).then_some(false),
    }
}

/// Whether a value is the address of a database, of which `replace` may have taken the password.
pub(super) fn is_database_address(symbol: &Symbol) -> bool {
    matches!(&symbol.origin, Origin::Environment(name) if names_database(name))
}

impl Session<'_> {
    /// An endpoint answers with these.
    pub(super) fn watch_shown(&mut self, values: &[Value], here: Place) {
        if self.watched_shown().is_none() {
            return;
        }
        let mut found = Vec::new();
        values.iter().for_each(|value| self.secrets_in(value, &mut found, 0));
        let shown: Vec<ShownSecret> = found.iter().filter_map(|symbol| self.shown(symbol, here)).collect();
        self.watched_shown().into_iter().for_each(|seen| seen.extend(shown.iter().cloned()));
    }

    fn shown(&self, symbol: &Rc<Symbol>, here: Place) -> Option<ShownSecret> {
        let Origin::Environment(variable) = &symbol.origin else { return None };
        let is_database = is_secret(variable)?;
        let front = front_of(self, &Value::Symbol(Rc::clone(symbol)), &super::outcome::What::Secret(variable.clone()));
        let is_harmless = is_database && front.is_some_and(|front| front <= SCHEME);
        (!is_harmless).then(|| ShownSecret { place: here, variable: variable.clone(), is_database, front })
    }

    /// The first secret of the environment that an object holds.
    pub(super) fn secret_of(&self, object: ObjectId) -> Option<Rc<Symbol>> {
        let mut found = Vec::new();
        self.secrets_in(&Value::Object(object), &mut found, 0);
        found.into_iter().min_by_key(|symbol| match &symbol.origin {
            Origin::Environment(variable) => variable.clone(),
            _ => SmolStr::default(),
        })
    }

    /// Secrets of the environment that a value holds, as they are or their first characters.
    fn secrets_in(&self, value: &Value, found: &mut Vec<Rc<Symbol>>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let is_meant = |symbol: &Symbol| match &symbol.origin {
            Origin::Environment(variable) => is_secret(variable).is_some() && kept_whole(symbol),
            _ => false,
        };
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) if is_meant(symbol) => found.push(Rc::clone(symbol)),
                Value::Text(parts) => found.extend(parts.iter().filter_map(|part| match part {
                    Part::Hole(Hole::Symbol(symbol)) if is_meant(symbol) => Some(Rc::clone(symbol)),
                    _ => None,
                })),
                Value::Array(values) => values.iter().for_each(|one| self.secrets_in(one, found, depth + 1)),
                Value::Object(id) if self.store.get(*id).kind == ObjectKind::Plain => {
                    self.store.get(*id).entries.values().for_each(|one| self.secrets_in(one, found, depth + 1));
                }
                _ => {}
            }
        }
    }
}
