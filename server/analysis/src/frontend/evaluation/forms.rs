//! Forms that ask for a password: the state of a component that holds what is typed into a field for one.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Expr, ExprKind};
use crate::frontend::outcome::{Logged, Place, What};
use crate::frontend::passwords::names_password;
use crate::frontend::tokens::STRINGIFIED;
use crate::frontend::value::{ObjectId, ObjectKind, Origin, Symbol, Value};

/// Objects in each other that are looked into.
const MAX_HELD: usize = 3;

/// Which forms there are, by where their states are made and the property that holds the password.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// Those of which a field for passwords shows the property.
    typed: FxHashSet<(Place, SmolStr)>,
    /// What is logged that holds the password of one, and where.
    logged: Vec<((Place, SmolStr), Place)>,
    /// Objects that are logged with a password in them, by where they are made, and where.
    shown: Vec<((Place, SmolStr), Place)>,
    /// Objects that are written out as JSON, by where they are made: as the body of a request.
    written: FxHashSet<Place>,
}

impl Session<'_> {
    /// The state of a component that begins as an object with an empty text for a password. Whether it is one shows
    /// in the field that is filled with it.
    pub(in crate::frontend) fn form(&self, first: &Value, here: Place) -> Option<Value> {
        let Value::Object(id) = first else { return None };
        let object = self.store.get(*id);
        let is_empty = |value: &Value| value.is_missing() || value.known_text().is_some_and(|text| text.is_empty());
        let names = object.entries.iter().filter(|(name, value)| names_password(name) && is_empty(value));
        let name = names.map(|(name, _)| name).min().filter(|_| object.kind == ObjectKind::Plain)?;
        Some(Value::from(Origin::Form(here, name.clone()), false))
    }

    /// An element of JSX: a field for passwords shows which state is filled in.
    pub(super) fn note_typed(&mut self, given: ObjectId) {
        let given = &self.store.get(given).entries;
        let hides = given.get("type").is_some_and(|kind| {
            kind.alternatives().iter().any(|kind| kind.known_text().is_some_and(|text| text == "password"))
        });
        let shown = given.get("value").filter(|_| hides);
        let fields = shown.into_iter().flat_map(Value::alternatives).filter_map(|value| match value {
            Value::Symbol(symbol) => held_by(symbol).filter(|_| !symbol.path.is_empty()),
            _ => None,
        });
        let fields: Vec<_> = fields.collect();
        self.forms.typed.extend(fields);
    }

    /// `{ ...form }`: the copy has the password.
    pub(super) fn spread_form(&mut self, object: ObjectId, value: &Value) {
        if let Value::Symbol(symbol) = value
            && let Origin::Form(_, name) = &symbol.origin
            && symbol.path.is_empty()
        {
            let password = Symbol { path: [name.clone()].into(), ..(**symbol).clone() };
            self.store.set(object, name, Value::Symbol(password.into()));
        }
    }

    /// `delete copy.password`: the copy has it no longer.
    pub(super) fn take_out(&mut self, place: &Expr) {
        let ExprKind::Member(member) = &place.kind else { return };
        let holder = self.expr(&member.object);
        self.watch_cleared(&holder, &member.property);
        let Value::Object(object) = holder else { return };
        let given = self.store.get(object).entries.get(&member.property);
        if given.is_some_and(|given| !self.passwords(given, 0).is_empty()) {
            self.store.set(object, &member.property, Value::Undefined);
        }
    }

    /// A value is logged that may hold the password of a form.
    pub(in crate::frontend) fn note_logged_form(&mut self, value: &Value, place: Place) {
        let held = self.passwords(value, 0);
        self.forms.logged.extend(held.into_iter().map(|form| (form, place)));
        for value in value.alternatives() {
            let Value::Object(id) = value else { continue };
            let object = self.store.get(*id);
            let is_handed = |value: &Value| matches!(value, Value::Unknown | Value::Symbol(_));
            let mut entries = object.entries.iter().filter(|_| object.kind == ObjectKind::Plain);
            if let Some((name, _)) = entries.find(|(name, value)| names_password(name) && is_handed(value)) {
                self.forms.shown.push(((object.place, name.clone()), place));
            }
        }
    }

    /// An object is written out as JSON.
    pub(in crate::frontend) fn note_written_out(&mut self, object: ObjectId) {
        let place = self.store.get(object).place;
        self.forms.written.insert(place);
    }

    /// The passwords in a value: of which forms.
    fn passwords(&self, value: &Value, depth: usize) -> Vec<(Place, SmolStr)> {
        let mut found = Vec::new();
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) => found.extend(held_by(symbol)),
                Value::Object(id) if depth < MAX_HELD => {
                    let object = self.store.get(*id);
                    let entries = object.entries.values().filter(|_| object.kind == ObjectKind::Plain);
                    found.extend(entries.flat_map(|value| self.passwords(value, depth + 1)));
                }
                _ => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Notes what was logged of forms into whose fields passwords are typed, and of what is sent with one.
    pub(super) fn note_logged_forms(&mut self) {
        for (form, place) in std::mem::take(&mut self.forms.logged) {
            if self.forms.typed.contains(&form) {
                self.outcome.logged.push(Logged { place, what: What::Password(form.1), front: None, on_server: false });
            }
        }
        for ((made, name), place) in std::mem::take(&mut self.forms.shown) {
            if self.forms.written.contains(&made) {
                self.outcome.logged.push(Logged { place, what: What::Password(name), front: None, on_server: false });
            }
        }
    }
}

/// The form whose password a value is, or holds because it is all of its state.
fn held_by(symbol: &Symbol) -> Option<(Place, SmolStr)> {
    let Origin::Form(place, name) = &symbol.origin else { return None };
    let mut parts = symbol.path.iter().filter(|step| *step != STRINGIFIED);
    (parts.all(|part| part == name) && symbol.path.len() < MAX_HELD).then(|| (*place, name.clone()))
}
