//! Passwords that endpoints are sent: whether they log them, and whether they hand out a token without a look at them.
//!
//! What a request holds is not known; that there is a password in it shows where code reads one under such a name.

use smol_str::SmolStr;

use super::evaluation::Session;
use super::outcome::{Logged, Place, What};
use super::tokens::{NAMED, NULL, STRINGIFIED, UNDEFINED};
use super::value::{Hole, ObjectKind, Origin, PackageName, Part, Symbol, Value};

/// Objects and arrays in each other that are looked through.
const MAX_DEPTH: usize = 4;

/// Steps on the way of a value that leave it what it is.
const KEEPING: &[&str] = &[NULL, UNDEFINED, STRINGIFIED, "parse"];

/// A token that an endpoint hands out without a look at the password that it takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UncheckedPassword {
    /// Where the token is signed.
    pub signed: Place,
    /// What the password is called.
    pub name: SmolStr,
}

/// What is seen of passwords while an endpoint runs.
#[derive(Debug, Default)]
pub(super) struct PasswordWatch {
    /// Parts of the request out of which a password is read: the way to them, and what it is called.
    holders: Vec<(Vec<SmolStr>, SmolStr)>,
    /// Parts of the request that were logged, and where.
    logged: Vec<(Vec<SmolStr>, Place)>,
    /// Parts out of which the password was taken, or in which it was replaced.
    cleared: Vec<Vec<SmolStr>>,
    /// Where tokens are signed.
    signed: Vec<Place>,
    /// Those that are handed out without a look at a password.
    pub(super) unchecked: Vec<UncheckedPassword>,
}

impl PasswordWatch {
    /// Whether a token was signed.
    pub(super) fn saw_signed(&self) -> bool {
        !self.signed.is_empty()
    }
}

impl Session<'_> {
    /// A part of the request is read under a name.
    pub(super) fn watch_password_read(&mut self, symbol: &Symbol, name: &str) {
        if symbol.origin == Origin::Incoming && names_password(name) {
            let holder = (way(&symbol.path), SmolStr::new(name));
            self.watched_passwords().into_iter().for_each(|passwords| passwords.holders.push(holder.clone()));
        }
    }

    /// The same by a method: `form.get("password")`.
    pub(super) fn watch_password_taken(&mut self, read: &Symbol) {
        if let [holder @ .., method, called] = &*read.path
            && method == "get"
            && let Some((_, name)) = called.split_once(NAMED)
        {
            let holder = Symbol { path: holder.into(), ..read.clone() };
            self.watch_password_read(&holder, name);
        }
    }

    /// What an object holds under a name is taken away or replaced.
    pub(super) fn watch_cleared(&mut self, object: &Value, name: &str) {
        if !names_password(name) {
            return;
        }
        for value in object.alternatives() {
            if let Value::Symbol(symbol) = value {
                let cleared = way(&symbol.path);
                self.watched_passwords().into_iter().for_each(|passwords| passwords.cleared.push(cleared.clone()));
            }
        }
    }

    /// A value is logged: the whole of what was sent, or a password out of it.
    pub(super) fn watch_logged(&mut self, value: &Value, here: Place) {
        let mut sent = Vec::new();
        self.sent_in(value, &mut sent, 0);
        // Put into a text as it is, an object shows nothing.
        let is_text = value.alternatives().iter().all(|value| matches!(value, Value::Text(_)));
        let shows = |symbol: &Symbol| {
            let names = |step: &SmolStr| names_password(step) || matches!(step.as_str(), "text" | STRINGIFIED);
            !is_text || symbol.path.iter().any(names)
        };
        sent.retain(shows);
        let Some(passwords) = self.watched_passwords() else { return };
        for symbol in sent {
            let way = way(&symbol.path);
            let is_request = matches!(way.first().map(SmolStr::as_str), None | Some("headers" | "cookies"));
            if !is_request && !passwords.cleared.contains(&way) {
                passwords.logged.push((way, here));
            }
        }
    }

    /// A function of a package is called: all but what writes or compares nothing may look at a password.
    pub(super) fn watch_password_given(&mut self, package: &PackageName, values: &[Value]) {
        let is_idle = package.package.is_empty()
            && (package.path.starts_with("console.")
                || matches!(&*package.path, "Boolean" | "String" | "JSON.stringify"));
        if !is_idle {
            self.watch_password_used(values);
        }
    }

    /// Values go where somebody may look at them: a password among them is a doubt from then on.
    pub(super) fn watch_password_used(&mut self, values: &[Value]) {
        if self.watched_passwords().is_none() {
            return;
        }
        let mut sent = Vec::new();
        values.iter().for_each(|value| self.sent_in(value, &mut sent, 0));
        let Some(passwords) = self.watched_passwords() else { return };
        let is_used = sent.iter().any(|symbol| {
            let way = way(&symbol.path);
            way.last().is_some_and(|name| names_password(name))
                || passwords.holders.iter().any(|(held, _)| *held == way)
        });
        if is_used {
            self.doubt_rows();
        }
    }

    /// Two values are compared: what says only whether there is a password tells nothing of it.
    pub(super) fn watch_password_compared(&mut self, left: &Value, right: &Value) {
        let says_nothing = |value: &Value| {
            let is_empty = value.known_text().is_some_and(|text| text.is_empty());
            is_empty || value.is_missing() || matches!(value, Value::Bool(_) | Value::Number(_))
        };
        if !says_nothing(left) && !says_nothing(right) {
            self.watch_password_used(&[left.clone(), right.clone()]);
        }
    }

    /// A token is signed.
    pub(super) fn watch_password_signed(&mut self, here: Place) {
        self.watched_passwords().into_iter().for_each(|passwords| passwords.signed.push(here));
    }

    /// Tokens that were signed at these places are handed out, and nothing has looked who asks.
    pub(super) fn watch_password_answered(&mut self, minted: &[Place]) {
        let Some(passwords) = self.watched_passwords() else { return };
        let Some((_, name)) = passwords.holders.first().cloned() else { return };
        let given: Vec<Place> = passwords.signed.iter().filter(|place| minted.contains(place)).copied().collect();
        let unchecked = given.into_iter().map(|signed| UncheckedPassword { signed, name: name.clone() });
        passwords.unchecked.extend(unchecked);
    }

    /// Notes what was logged of a request with a password in it.
    pub(super) fn note_logged_passwords(&mut self, passwords: &PasswordWatch) {
        for (way, place) in &passwords.logged {
            let own = way.last().filter(|name| names_password(name));
            let held = passwords.holders.iter().find(|(held, _)| held == way).map(|(_, name)| name);
            if let Some(name) = own.or(held) {
                let what = What::Password(name.clone());
                self.outcome.logged.push(Logged { place: *place, what, front: None, on_server: true });
            }
        }
    }

    /// Parts of the request that a value holds, as they are.
    fn sent_in(&self, value: &Value, found: &mut Vec<Symbol>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let sent = |symbol: &Symbol| (symbol.origin == Origin::Incoming).then(|| symbol.clone());
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) => found.extend(sent(symbol)),
                Value::Text(parts) => found.extend(parts.iter().filter_map(|part| match part {
                    Part::Hole(Hole::Symbol(symbol)) => sent(symbol),
                    _ => None,
                })),
                Value::Promise(inner) => self.sent_in(inner, found, depth + 1),
                Value::Array(values) => values.iter().for_each(|one| self.sent_in(one, found, depth + 1)),
                Value::Object(id) if self.store.get(*id).kind == ObjectKind::Plain => {
                    self.store.get(*id).entries.values().for_each(|one| self.sent_in(one, found, depth + 1));
                }
                _ => {}
            }
        }
    }
}

/// The way to a part of a request, without what leaves it what it is.
fn way(path: &[SmolStr]) -> Vec<SmolStr> {
    path.iter().filter(|step| !KEEPING.contains(&step.as_str())).cloned().collect()
}

/// Whether a property may hold a password, by its name.
pub(super) fn names_password(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    matches!(name.as_str(), "password" | "passwd" | "newpassword" | "currentpassword" | "oldpassword" | "password1")
}
