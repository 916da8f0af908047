//! Rows that endpoints read and change by Prisma 7: what chooses them, and
//! whether anything on the way may have looked whose they are.
//!
//! What a request sends is told from everything else. Where something could
//! not be followed that was given a part of the request, or two things were
//! compared that are no constants, somebody may have looked: that is a doubt,
//! and whatever is done afterwards is not spoken of.

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session};
use super::outcome::Place;
use super::requests::option;
use super::value::{ObjectKind, Origin, PackageName, Symbol, Value};
use crate::data::{is_authority, is_check, is_owner};

/// The package of Prisma's client.
const CLIENT: &str = "@prisma/client";

/// Objects inside each other that are looked through.
const MAX_DEPTH: usize = 4;

/// Methods that give rows, or tell of them.
const READS: &[&str] =
    &["findUnique", "findUniqueOrThrow", "findFirst", "findFirstOrThrow", "findMany", "count", "aggregate", "groupBy"];

/// Methods that change or remove rows that are there.
const CHANGES: &[&str] = &["update", "updateMany", "updateManyAndReturn", "delete", "deleteMany"];

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

/// Rows of a model that an endpoint reads or changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAccess {
    /// The call.
    pub place: Place,
    /// The model, as the client calls it.
    pub model: SmolStr,
    /// The method.
    pub method: SmolStr,
    /// Whether rows are changed or removed.
    pub changes: bool,
    /// The conditions by their columns, sorted; none where not all are known.
    pub conditions: Option<Vec<(SmolStr, Chosen)>>,
    /// Whether something before may have looked whose they are.
    pub doubted: bool,
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

    /// A function of a package is called: one of Prisma's client, or one that looks at a signature.
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
        if package.package != CLIENT {
            return;
        }
        let parts: Vec<&str> = package.path.split('.').collect();
        let ["PrismaClient()", model, method] = parts.as_slice() else {
            // Raw queries, and clients that are extended.
            return if transaction(package).is_none() {
                self.watch_handed_on(arguments)
            };
        };
        let changes = CHANGES.contains(method);
        if !changes && !READS.contains(method) {
            return;
        }
        let conditions = self.conditions(&arguments.get(0));
        self.note_owned(model, changes, conditions.as_deref().unwrap_or_default(), here);
        let Some(rows) = self.watched_rows() else { return };
        let access = RowAccess {
            place: here,
            model: SmolStr::new(model),
            method: SmolStr::new(method),
            changes,
            conditions,
            doubted: rows.doubt || rows.handed_on.iter().any(|handed| handed == model),
        };
        // `findFirst({ where: { id, userId } })`: whoever gets further may be the owner.
        let looks = match &access.conditions {
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

    /// The conditions of `{ where: { … } }`; none where not all are known.
    fn conditions(&mut self, options: &Value) -> Option<Vec<(SmolStr, Chosen)>> {
        let wanted = match options {
            Value::Undefined => return Some(Vec::new()),
            Value::Object(id) if self.is_plain(*id) => option(self, options, "where"),
            _ => return None,
        };
        match &wanted {
            Value::Undefined => Some(Vec::new()),
            Value::Object(id) if self.is_plain(*id) => {
                let entries = &self.store.get(*id).entries;
                let mut found: Vec<_> = entries.iter().map(|(name, value)| (name.clone(), chosen(value))).collect();
                found.sort_unstable();
                Some(found)
            }
            _ => None,
        }
    }

    fn is_plain(&self, id: super::value::ObjectId) -> bool {
        let object = self.store.get(id);
        object.kind == ObjectKind::Plain && !object.open
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
                Value::Package(package) if package.package == CLIENT => {
                    held.models.extend(package.path.split('.').nth(1).map(SmolStr::new));
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

/// `$transaction(async (tx) => …)`: the client that the function is given.
pub(super) fn transaction(package: &PackageName) -> Option<Value> {
    let client = package.path.strip_suffix(".$transaction").filter(|_| package.package == CLIENT)?;
    Some(Value::package(&package.package, client))
}

/// What decides about a value.
fn chosen(value: &Value) -> Chosen {
    match value {
        Value::Symbol(symbol) if is_sent(symbol) => Chosen::Request,
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Class(_) | Value::Function(_) => Chosen::Constant,
        // What the platform and packages give before anything is called.
        Value::Package(package) if !package.path.contains('(') => Chosen::Constant,
        Value::Either(values) => {
            let mut all = values.iter().map(chosen).filter(|by| *by != Chosen::Constant);
            match all.next() {
                None => Chosen::Constant,
                Some(first) => all.fold(first, |one, other| if one == other { one } else { Chosen::Other }),
            }
        }
        value if value.known_text().is_some() => Chosen::Constant,
        _ => Chosen::Other,
    }
}

/// Whether a client sends it, and not as what it proves itself with.
fn is_sent(symbol: &Symbol) -> bool {
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
