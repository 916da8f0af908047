//! Tokens that are made for somebody whom the client names, and that whoever asks is answered with.
//!
//! A link to set a new password is sent to the address that an account has, because only its owner reads that. Who is
//! answered with the token in it needs no mailbox. The token is an object of its own from where it is drawn at random, or
//! signed: it stays one in a text, and through methods and calls that are out of reach.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::names;
use super::takeovers::is_named_by_client;
use super::value::{Abs, Made, Object, ObjectId, Path, Predicate, Row, RowId};
use crate::index::value::Site;

/// Under what a token keeps the column that it was written to.
const COLUMN: &str = "column";
/// Under what it keeps what it is made of.
const MADE_OF: &str = "made_of";

/// That it keeps where no account was looked up for it: its claims name whom the client names.
const NAMES_CLIENT: &str = "names_client";

/// A token that a route answers with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedOut {
    /// Where it is made, in the handler.
    pub site: Site,
    /// The column that it is kept in, of a table by its name in the database; none where it is signed.
    pub kept_in: Option<(SmolStr, SmolStr)>,
}

impl Engine<'_, '_> {
    /// What a package gives that draws at random or signs, while somebody is known whom the client named.
    pub(super) fn token(
        &mut self,
        path: &mut Path,
        package: &str,
        given: &[Given],
        made: &Abs,
        site: Site,
    ) -> Option<Abs> {
        let draws = matches!(package, "secrets.token_urlsafe" | "secrets.token_hex" | "uuid.uuid4");
        let encodes = matches!(package, "jwt.encode" | "jose.jwt.encode" | "firebase_admin.auth.create_custom_token");
        // Who verifies in its own body draws for many ends.
        if encodes || draws && self.own_steps.is_empty() {
            self.note_signed();
        }
        if self.guarded || self.in_dependency {
            return None;
        }
        let known = given.iter().find(|one| is_token(path, &one.value)).map(|one| one.value.clone());
        // A signature of what says who somebody is, which stands beside that in a token made by hand.
        let signs = encodes || matches!(package, "hmac.new" | "hmac.digest");
        let is_known = path.rows.values().any(|row| is_named_user(path, row));
        let is_of_client = || encodes && given.first().is_some_and(|payload| names_client(path, &payload.value));
        if known.is_some() || !draws && !signs || !is_known && !is_of_client() {
            return known;
        }
        // Helpers make tokens for others as well: it is the handler's line that is wrong.
        let site = self.calls.get(1 + self.wrappers).copied().unwrap_or(site);
        let mut object =
            Object::new(if signs { Made::Signed } else { Made::Drawn }, SmolStr::new_static("token"), site);
        object.fields.insert(SmolStr::new_static(MADE_OF), made.clone());
        if !is_known {
            object.fields.insert(SmolStr::new_static(NAMES_CLIENT), Abs::Constant(Some(true)));
        }
        Some(Abs::Object(self.add_object(path, object)))
    }

    /// A column of a user whom the client named is set to a token.
    pub(super) fn note_token_kept(&self, path: &mut Path, row: RowId, column: &SmolStr, value: &Abs) {
        let Some(row) = path.rows.get(&row).filter(|_| is_token(path, value)).cloned() else { return };
        let is_named = |id: &RowId| path.rows.get(id).is_some_and(|row| is_named_user(path, row));
        // `update(User).where(User.id == user.id)`
        let asks_for_named = |predicate: &Predicate| match &predicate.value {
            Abs::Part(id, _) => predicate.equal && is_named(id),
            _ => false,
        };
        let is_of_named = is_named_user(path, &row) || row.predicates.iter().any(asks_for_named);
        if let Some(model) = row.model.clone().filter(|model| model.is_user && is_of_named) {
            keep(path, &model.table, column, value);
        }
    }

    /// A password is set of whoever the rows on the way belong to, which were found by what the client sent.
    pub(super) fn note_ways_in(&mut self, path: &Path) {
        if self.guarded {
            return;
        }
        for row in path.rows.values().filter(|row| !row.absent) {
            for predicate in row.predicates.iter().filter(|predicate| predicate.equal) {
                if let (Some((model, column)), Abs::Client(_)) = (&predicate.column, &predicate.value) {
                    let way = (model.table.clone(), column.clone());
                    if !self.data.ways_in.contains(&way) {
                        self.data.ways_in.push(way);
                    }
                }
            }
        }
    }

    /// The handler ends with an answer: tokens in it are handed out that are kept for a user whom the client named, or
    /// signed for one.
    pub(super) fn note_handed_out(&mut self, path: &Path, returned: &Abs) {
        if self.guarded || path.doubt || path.privileged {
            return;
        }
        let mut pending = vec![returned];
        let mut seen = Vec::new();
        while let Some(value) = pending.pop() {
            match value {
                Abs::Items(items) => pending.extend(items.iter()),
                Abs::Map(entries) => pending.extend(entries.iter().map(|(_, value)| value)),
                // `user.reset_token`, which was set to it.
                Abs::Part(row, column) => {
                    let model = path.rows.get(row).and_then(|row| row.model.as_ref());
                    let place = model.map(|model| (model.table.clone(), column.clone()));
                    let is_kept = |object: &Object| place.is_some() && kept_in(object) == place;
                    let token = path.objects.iter().find(|(_, object)| is_kept(object));
                    if let Some((id, object)) = token {
                        self.hand_out_token(path, *id, object);
                    }
                }
                Abs::Object(id) if !seen.contains(id) => {
                    seen.push(*id);
                    let Some(object) = path.objects.get(id) else { continue };
                    match object.made {
                        Made::Drawn | Made::Signed => self.hand_out_token(path, *id, object),
                        Made::Instance(_) => pending.extend(object.fields.values()),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn hand_out_token(&mut self, path: &Path, id: ObjectId, token: &Object) {
        self.note_unbound_secrets(path);
        let kept_in = kept_in(token).or_else(|| kept_in_row(path, id));
        let is_for_user = match token.made {
            Made::Signed => {
                let made_of = token.fields.get(MADE_OF).map(|value| value.parts(path)).unwrap_or_default();
                let is_named = |id: &RowId| path.rows.get(id).is_some_and(|row| is_named_user(path, row));
                !made_of.clients.is_empty() || made_of.rows.iter().any(is_named)
            }
            _ => kept_in.as_ref().is_some_and(|(_, column)| !names::is_no_key(column) && !names::is_identity(column)),
        };
        // Of an account that is made on the way nobody has to prove anything.
        let makes_user = || path.objects.values().any(|object| matches!(&object.made, Made::Row(of) if of.is_user));
        let is_there = match token.fields.contains_key(NAMES_CLIENT) {
            true => !knows_users(path) && !makes_user(),
            false => path.rows.values().any(|row| is_named_user(path, row)),
        };
        let handed = HandedOut { site: token.site, kept_in };
        if is_for_user && is_there && !self.data.handed_out.contains(&handed) {
            self.data.handed_out.push(handed);
        }
    }
}

/// Whether a value is such a token.
pub(super) fn is_token(path: &Path, value: &Abs) -> bool {
    let Abs::Object(id) = value else { return false };
    path.objects.get(id).is_some_and(|object| matches!(object.made, Made::Drawn | Made::Signed))
}

/// Whether a row is one of the users, and there, which was found by nothing but what the client sent, and by nothing that
/// only its owner knows.
fn is_named_user(path: &Path, row: &Row) -> bool {
    let is_user = row.model.as_ref().is_some_and(|model| model.is_user);
    let is_known = |name: &str| !names::is_password(name) && !names::is_credential(name) && !names::is_no_key(name);
    let is_public = |predicate: &Predicate| predicate.column.as_ref().is_some_and(|(_, column)| is_known(column));
    is_user && !row.absent && !path.privileged && is_named_by_client(row) && row.predicates.iter().all(is_public)
}

/// Whether the claims that say who somebody is are what the client sent, as it sent it. A custom token of Firebase is made
/// for the id that it is given.
fn names_client(path: &Path, payload: &Abs) -> bool {
    // The surest first.
    const CLAIMS: &[&str] = &["sub", "user_id", "userId", "uid", "id", "email"];
    let is_client = |value: &Abs| matches!(value, Abs::Client(_));
    let of_claims = |entries: &[(SmolStr, Abs)]| {
        let value = |claim: &&str| entries.iter().find(|(name, _)| name == claim).map(|(_, value)| value);
        CLAIMS.iter().find_map(value).is_some_and(is_client)
    };
    match payload {
        Abs::Map(entries) => !knows_users(path) && of_claims(entries),
        value => !knows_users(path) && is_client(value),
    }
}

/// Whether users were looked for on a path.
fn knows_users(path: &Path) -> bool {
    path.rows.values().any(|row| row.model.as_ref().is_none_or(|model| model.is_user))
}

/// Notes where a token is kept.
fn keep(path: &mut Path, table: &SmolStr, column: &SmolStr, value: &Abs) {
    if let Abs::Object(id) = value
        && is_token(path, value)
        && let Some(token) = path.objects.get_mut(id)
    {
        let place = [table, column].map(|name| Abs::Text(name.clone()));
        token.fields.insert(SmolStr::new_static(COLUMN), Abs::Items(Arc::new(place.to_vec())));
    }
}

/// The column that a token was noted to be kept in.
fn kept_in(token: &Object) -> Option<(SmolStr, SmolStr)> {
    match token.fields.get(COLUMN)? {
        Abs::Items(place) => match place.as_slice() {
            [Abs::Text(table), Abs::Text(column)] => Some((table.clone(), column.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The column of a new row that holds a token, where another one says that it is for a user whom the client named.
fn kept_in_row(path: &Path, id: ObjectId) -> Option<(SmolStr, SmolStr)> {
    path.objects.values().find_map(|object| {
        let Made::Row(model) = &object.made else { return None };
        let (column, _) = object.fields.iter().find(|(_, value)| **value == Abs::Object(id))?;
        let names_user = |value: &Abs| match value {
            Abs::Row(row) | Abs::Part(row, _) => path.rows.get(row).is_some_and(|row| is_named_user(path, row)),
            Abs::Client(_) => true,
            _ => false,
        };
        let is_other_key = |name: &SmolStr| name != column && names::is_no_key(name);
        let is_for_user = object.fields.values().any(names_user) && !object.fields.keys().any(is_other_key);
        is_for_user.then(|| (model.table.clone(), column.clone()))
    })
}
