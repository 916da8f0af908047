//! Rows that endpoints read, change and make by the libraries of databases: what chooses them, and
//! whether anything on the way may have looked whose they are.
//!
//! What a request sends is told from everything else. Where something could
//! not be followed that was given a part of the request, or two things were
//! compared that are no constants, somebody may have looked: that is a doubt,
//! and whatever is done afterwards is not spoken of.

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session};
use super::libraries::{drizzle, prisma};
use super::observed::Asks;
use super::outcome::Place;
use super::requests::option;
use super::value::{Hole, ObjectKind, Origin, PackageName, Part, Symbol, Value};
use crate::data::{is_authority, is_check, is_owner, is_pass};

/// Objects inside each other that are looked through.
const MAX_DEPTH: usize = 4;

/// What decides about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chosen {
    /// The code itself.
    Constant,
    /// Whoever asks.
    Request,
    /// Anything else: a session, say.
    Other,
}

/// What is done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Does {
    /// They are given, or told of.
    Reads,
    /// Those that are there are changed or removed.
    Changes,
    /// New ones are made.
    Makes,
}

/// Rows of a model that an endpoint reads, changes or makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAccess {
    /// The call.
    pub place: Place,
    /// The model, as the client calls it.
    pub model: SmolStr,
    /// The method.
    pub method: SmolStr,
    /// What is done with them.
    pub does: Does,
    /// The conditions by their columns, and of new rows what their columns hold; sorted. None where not all are known.
    pub conditions: Option<Vec<(SmolStr, Chosen)>>,
    /// Whether something before may have looked whose they are.
    pub doubted: bool,
    /// Whether whoever asks is answered with them, and nothing on the whole way may have looked whose they are.
    pub given_out: bool,
}

impl RowAccess {
    /// Whether whoever asks names the rows, and nothing else narrows them.
    pub fn is_named_by_request(&self) -> bool {
        self.conditions.as_ref().is_some_and(|conditions| {
            conditions.iter().any(|(_, by)| *by == Chosen::Request)
                && conditions.iter().all(|(_, by)| *by != Chosen::Other)
        })
    }
}

/// A model whose rows are somebody's, as a condition of a call says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedModel {
    /// The call.
    pub place: Place,
    /// The model, as the client calls it.
    pub model: SmolStr,
    /// The column that says whose a row is.
    pub column: SmolStr,
    /// Whether the call changes or removes rows.
    pub changes: bool,
}

/// What is seen of rows while an endpoint runs.
#[derive(Debug, Default)]
pub(super) struct RowWatch {
    pub(super) accesses: Vec<RowAccess>,
    /// Whether something may have looked whose a row is.
    doubt: bool,
    /// Models whose rows are in an answer.
    answered: Vec<SmolStr>,
    /// Models whose rows went where they may have been looked at.
    handed_on: Vec<SmolStr>,
    /// Whether something asks what the caller may do.
    pub(super) asks_right: bool,
}

impl RowWatch {
    /// Whether something may have looked who asks for what.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubt || self.asks_right
    }

    /// What was read and seen until the endpoint's end.
    pub(super) fn close(&mut self) {
        let is_doubted = self.is_doubted();
        let is_open = |access: &RowAccess| access.does == Does::Reads && access.is_named_by_request();
        let others: Vec<SmolStr> =
            self.accesses.iter().filter(|access| !is_open(access)).map(|access| access.model.clone()).collect();
        for access in &mut self.accesses {
            let is_told = self.answered.contains(&access.model) && !self.handed_on.contains(&access.model);
            // What else is done with such rows may tell whose they are.
            access.given_out = !is_doubted && !access.doubted && is_told && !others.contains(&access.model);
        }
        self.accesses.sort_unstable();
        self.accesses.dedup();
    }
}

/// What is in values that go where they can't be followed.
#[derive(Default)]
struct Held {
    /// Whether it is a part of the request.
    request: bool,
    /// Models of rows.
    models: Vec<SmolStr>,
}

impl Session<'_> {
    pub(super) fn doubt_rows(&mut self) {
        self.watched_rows().into_iter().for_each(|rows| rows.doubt = true);
    }

    /// A call that can't be followed: it may look at what it is given of the request.
    pub(super) fn watch_handed_on(&mut self, arguments: &Arguments) {
        if self.watched_rows().is_none() {
            return;
        }
        let mut held = Held::default();
        arguments.values.iter().for_each(|value| self.collect(value, &mut held, 0));
        let Some(rows) = self.watched_rows() else { return };
        rows.doubt |= held.request;
        rows.handed_on.extend(held.models);
    }

    /// Whoever asks is answered with these.
    pub(super) fn watch_rows_answered(&mut self, values: &[Value]) {
        if self.watched_rows().is_none_or(|rows| rows.accesses.is_empty()) {
            return;
        }
        let mut held = Held::default();
        values.iter().for_each(|value| self.collect(value, &mut held, 0));
        self.watched_rows().into_iter().for_each(|rows| rows.answered.append(&mut held.models));
    }

    /// What hangs on a row is asked for under a condition, as is who belongs to a team: it may tell whether the caller
    /// has a part in it.
    pub(super) fn watch_related(&mut self, options: &Value) {
        if self.watched_rows().is_none() {
            return;
        }
        let parts = ["include", "select", "with"].map(|name| option(self, options, name));
        if parts.iter().any(|part| self.narrows(part, 0)) {
            self.doubt_rows();
        }
    }

    /// Whether what is asked for beside a row has conditions.
    fn narrows(&self, part: &Value, depth: usize) -> bool {
        let Value::Object(id) = part else { return *part == Value::Unknown };
        let object = self.store.get(*id);
        let inside = |value: &Value| depth < MAX_DEPTH && self.narrows(value, depth + 1);
        object.entries.contains_key("where") || object.entries.values().any(inside)
    }

    /// A function of that name is called that can't be followed: it may turn callers away.
    pub(super) fn watch_named_call(&mut self, name: &str) {
        if is_check(&spaced(name)) {
            self.watch_right();
        }
    }

    /// What the caller may do is asked for.
    fn watch_right(&mut self) {
        self.watched_rows().into_iter().for_each(|rows| (rows.doubt, rows.asks_right) = (true, true));
    }

    /// A request is sent: its answer may tell anything.
    pub(super) fn watch_sent(&mut self) {
        self.doubt_rows();
    }

    /// A property is read of something that no client sends.
    pub(super) fn watch_member(&mut self, object: &Value, name: &str) {
        let is_elsewhere = match object {
            Value::Unknown => true,
            Value::Symbol(symbol) => !matches!(symbol.origin, Origin::Incoming | Origin::Environment(_)),
            Value::Package(package) => package.path.ends_with("()"),
            _ => false,
        };
        if is_elsewhere && is_authority(name) {
            self.watch_right();
        }
    }

    /// Two values are compared.
    pub(super) fn watch_compared(&mut self, left: &Value, right: &Value) {
        if self.watched_rows().is_none() {
            return;
        }
        for (sent, kept) in [(left, right), (right, left)] {
            if chosen(sent) == Chosen::Request && is_kept_secret(kept) {
                self.watch_asks(Asks::Credential);
            }
        }
        match (chosen(left), chosen(right)) {
            (Chosen::Constant, Chosen::Other) => self.watch_constant(left, right),
            (Chosen::Other, Chosen::Constant) => self.watch_constant(right, left),
            (Chosen::Constant, _) | (_, Chosen::Constant) => {}
            _ => self.doubt_rows(),
        }
    }

    /// Something that no client sends is compared with a text: `role === "admin"`.
    fn watch_constant(&mut self, constant: &Value, with: &Value) {
        let is_setting = matches!(with, Value::Symbol(symbol) if matches!(symbol.origin, Origin::Environment(_)));
        if !is_setting && constant.known_text().is_some() && !matches!(constant, Value::Number(_)) {
            self.watch_right();
        }
    }

    /// A method is called that may tell whether something is among others.
    pub(super) fn watch_membership(&mut self, object: &Value, name: &str, arguments: &Arguments) {
        if matches!(name, "includes" | "has" | "indexOf") {
            self.watch_password_used(&arguments.values);
        }
        if !matches!(name, "includes" | "has" | "indexOf" | "test" | "match" | "startsWith" | "endsWith" | "get")
            || self.watched_rows().is_none()
        {
            return;
        }
        let is_plain = match object {
            Value::Array(values) => values.iter().all(|value| chosen(value) == Chosen::Constant),
            one => chosen(one) != Chosen::Other,
        };
        let mut given = arguments.values.iter().map(chosen);
        if given.any(|by| by == Chosen::Other || by == Chosen::Request && !is_plain) {
            self.doubt_rows();
        }
    }

    /// A function of a package is called: one of a database's, or one that looks at a signature.
    pub(super) fn watch_rows(&mut self, package: &PackageName, arguments: &Arguments, here: Place) {
        // What a caller signs with a key of its own says more of it than a session.
        let is_signature = match &*package.package {
            "crypto" | "node:crypto" => !package.path.contains("random"),
            "" => package.path.starts_with("crypto.subtle"),
            _ => false,
        };
        if is_signature {
            self.doubt_rows();
        }
        prisma::watch(self, package, arguments, here);
        drizzle::watch(self, package, arguments, here);
    }

    /// Rows of a model are read, changed or made. The conditions are none where not all are known.
    pub(super) fn watch_access(
        &mut self,
        (model, method): (&str, &str),
        does: Does,
        conditions: Option<Vec<(SmolStr, Chosen)>>,
        here: Place,
    ) {
        if does != Does::Makes {
            self.note_owned(model, does == Does::Changes, conditions.as_deref().unwrap_or_default(), here);
        }
        if does == Does::Reads
            && conditions.as_ref().is_some_and(|all| all.iter().all(|(_, by)| *by == Chosen::Constant))
        {
            self.note_listed(model, method, here);
        }
        let by_secret = |(column, by): &(SmolStr, Chosen)| *by == Chosen::Request && is_proof(column);
        if does != Does::Makes && conditions.iter().flatten().any(by_secret) {
            self.watch_asks(Asks::Credential);
        }
        let Some(rows) = self.watched_rows() else { return };
        let access = RowAccess {
            place: here,
            model: SmolStr::new(model),
            method: SmolStr::new(method),
            does,
            conditions,
            given_out: false,
            doubted: rows.doubt || rows.handed_on.iter().any(|handed| handed == model),
        };
        // `findFirst({ where: { id, userId } })`: whoever gets further may be the owner.
        let looks = match &access.conditions {
            _ if does == Does::Makes => false,
            Some(conditions) => {
                conditions.iter().any(|(_, by)| *by == Chosen::Request) && !access.is_named_by_request()
            }
            None => true,
        };
        rows.doubt |= looks;
        rows.accesses.push(access);
    }

    /// Rows of a model are narrowed to somebody's whom no request names.
    fn note_owned(&mut self, model: &str, changes: bool, conditions: &[(SmolStr, Chosen)], here: Place) {
        let by_owner = |(column, by): &&(SmolStr, Chosen)| *by == Chosen::Other && is_owner(column);
        if let Some((column, _)) = conditions.iter().find(by_owner).filter(|_| here.file == self.evaluated) {
            let owned = OwnedModel { place: here, model: model.into(), column: column.clone(), changes };
            self.outcome.observed.owned.push(owned);
        }
    }

    /// Rows of a model are read that are anybody's, for whoever has no right of their own.
    pub(super) fn note_listed(&mut self, model: &str, method: &str, here: Place) {
        let only_tells = matches!(method, "count" | "aggregate" | "groupBy");
        let asks_right = self.watched_rows().is_some_and(|rows| rows.asks_right);
        if here.file == self.evaluated && !only_tells && !asks_right {
            self.outcome.observed.listed.push((here, model.into()));
        }
    }

    /// What looked like all rows of a model has a condition after all: the call goes on with `where`.
    pub(super) fn take_back_listed(&mut self, here: Place) {
        let is_same =
            |place: &Place| (place.file, place.item, place.range.start) == (here.file, here.item, here.range.start);
        self.outcome.observed.listed.retain(|(place, _)| !is_same(place));
    }

    /// The columns of a plain object and what decides about each, sorted; none where not all are known.
    pub(super) fn chosen_columns(&self, object: &Value) -> Option<Vec<(SmolStr, Chosen)>> {
        let Value::Object(id) = object else { return None };
        let object = self.store.get(*id);
        if !matches!(object.kind, ObjectKind::Plain | ObjectKind::Conditions) || object.open {
            return None;
        }
        let mut found: Vec<_> =
            object.entries.iter().map(|(name, value)| (name.clone(), self.chosen(value, 0))).collect();
        found.sort_unstable();
        Some(found)
    }

    /// Whether whoever asks decides about a value.
    pub(super) fn is_of_request(&self, value: &Value) -> bool {
        self.chosen(value, 0) == Chosen::Request
    }

    /// What decides about a value, and what is in it: `{ in: ids }`.
    fn chosen(&self, value: &Value, depth: usize) -> Chosen {
        match value {
            _ if depth >= MAX_DEPTH => Chosen::Other,
            Value::Array(values) => together(values.iter().map(|one| self.chosen(one, depth + 1))),
            Value::Object(id) => {
                let object = self.store.get(*id);
                match object.kind == ObjectKind::Plain && !object.open {
                    true => together(object.entries.values().map(|one| self.chosen(one, depth + 1))),
                    false => Chosen::Other,
                }
            }
            value => chosen(value),
        }
    }

    /// What of the request and of rows is in a value.
    fn collect(&self, value: &Value, held: &mut Held, depth: usize) {
        if depth >= MAX_DEPTH {
            held.request = true;
            return;
        }
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) => held.request |= symbol.origin == Origin::Incoming,
                Value::Array(values) => values.iter().for_each(|one| self.collect(one, held, depth + 1)),
                Value::Promise(inner) => self.collect(inner, held, depth + 1),
                Value::Package(package) => {
                    held.models.extend(prisma::model(package).or_else(|| drizzle::model(package)).map(SmolStr::new));
                }
                Value::Object(id) => {
                    let object = self.store.get(*id);
                    held.request |= object.open;
                    object.entries.values().for_each(|one| self.collect(one, held, depth + 1));
                }
                _ => {}
            }
        }
    }
}

/// What decides about a value.
fn chosen(value: &Value) -> Chosen {
    match value {
        Value::Symbol(symbol) if is_sent(symbol) => Chosen::Request,
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Class(_) | Value::Function(_) => Chosen::Constant,
        // What the platform and packages give before anything is called.
        Value::Package(package) if !package.path.contains('(') => Chosen::Constant,
        Value::Either(values) => together(values.iter().map(chosen)),
        value if value.known_text().is_some() => Chosen::Constant,
        Value::Text(parts) => together(parts.iter().map(|part| match part {
            Part::Text(_) => Chosen::Constant,
            Part::Hole(Hole::Symbol(symbol)) if is_sent(symbol) => Chosen::Request,
            Part::Hole(_) => Chosen::Other,
        })),
        _ => Chosen::Other,
    }
}

/// What decides where several do.
fn together(all: impl Iterator<Item = Chosen>) -> Chosen {
    let mut all = all.filter(|by| *by != Chosen::Constant);
    match all.next() {
        None => Chosen::Constant,
        Some(first) => all.fold(first, |one, other| if one == other { one } else { Chosen::Other }),
    }
}

/// Whether a value is a setting, or what a row keeps to know somebody by.
fn is_kept_secret(value: &Value) -> bool {
    value.alternatives().iter().any(|value| match value {
        Value::Symbol(symbol) => matches!(symbol.origin, Origin::Environment(_)),
        Value::Package(package) => package.path.rsplit_once('.').is_some_and(|(_, name)| is_proof(name)),
        _ => false,
    })
}

/// Words of columns that hold such things, beside those of [`is_pass`].
const HOLD: &[&str] = &["code", "hash", "nonce", "apikey", "api_key", "password"];

/// Whether a column of that name holds what only those know who may: the token of an invitation, say.
fn is_proof(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    is_pass(column) || matches!(lower.as_str(), "pin" | "otp") || HOLD.iter().any(|word| lower.contains(word))
}

/// Whether a client sends it, and not as what it proves itself with.
pub(super) fn is_sent(symbol: &Symbol) -> bool {
    let proves = |step: &SmolStr| matches!(step.as_str(), "headers" | "cookies" | "auth" | "session" | "user");
    symbol.origin == Origin::Incoming && !symbol.path.is_empty() && !symbol.path.iter().any(proves)
}

/// `canEdit` as `can_edit`.
fn spaced(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
