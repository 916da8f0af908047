//! Secrets that a client sends and that are looked up, but for nobody in particular: a refresh token beside the name of
//! the account that a new one is made for. Whoever has any such secret has the row of it, and that says nothing of the
//! account which the request names. Nor does a secret that is kept in a row and never looked at.

use super::calls::{Given, last_of};
use super::engine::Engine;
use super::takeovers::may_prove;
use super::value::{Abs, ClientId, Made, Path, Predicate, Row};
use crate::facts::python::tree::{Expr, ExprKind};

impl Engine<'_, '_> {
    /// Whether a row was found by secrets of the client's, and by nothing that says whose they are.
    pub(super) fn is_found_by_secret(&self, row: &Row) -> bool {
        let plain = |value: &Abs| matches!(value, Abs::Constant(_) | Abs::Nothing | Abs::Text(_) | Abs::Clock);
        let is_other = row.model.as_ref().is_some_and(|model| !model.is_user) && !row.unclear;
        let is_narrowed = |value: &Abs, equal: bool| plain(value) || equal && self.is_secret(value);
        is_other
            && row.predicates.iter().all(|predicate| is_narrowed(&predicate.value, predicate.equal))
            && row.predicates.iter().any(|predicate| self.is_secret(&predicate.value))
    }

    /// Whether a value is made of nothing but what may prove something, by its name.
    fn is_secret(&self, value: &Abs) -> bool {
        let may = |client: &u32| self.clients.get(*client as usize).is_some_and(|client| may_prove(&client.name));
        match value {
            Abs::Client(client) => may(client),
            Abs::Mix(mix) => {
                !mix.principal && mix.rows.is_empty() && !mix.clients.is_empty() && mix.clients.iter().all(may)
            }
            _ => false,
        }
    }

    /// Whether a condition asks for nothing but whether such a row is still good: `row.revoked`, `row.expires_at < now`.
    pub(super) fn asks_of_secret(&mut self, path: &Path, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::Compare { first, rest } => {
                let sides = std::iter::once(&**first).chain(rest.iter().map(|(_, other)| other));
                let sides: Vec<Abs> = sides.map(|side| self.eval(&mut path.clone(), side)).collect();
                let is_part = |side: &Abs| self.is_part_of_secret(path, side);
                let is_plain = |side: &Abs| {
                    matches!(side, Abs::Clock | Abs::Nothing | Abs::Constant(_) | Abs::Text(_)) || is_part(side)
                };
                sides.iter().any(is_part) && sides.iter().all(is_plain)
            }
            ExprKind::Attribute { .. } => {
                let value = self.eval(&mut path.clone(), test);
                self.is_part_of_secret(path, &value)
            }
            _ => false,
        }
    }

    fn is_part_of_secret(&self, path: &Path, value: &Abs) -> bool {
        let is_it = |row: &u32| path.rows.get(row).is_some_and(|row| self.is_found_by_secret(row));
        match value {
            Abs::Part(row, _) => is_it(row),
            Abs::Mix(mix) => {
                !mix.principal && mix.clients.is_empty() && !mix.rows.is_empty() && mix.rows.iter().all(is_it)
            }
            _ => false,
        }
    }

    /// Something out of reach is given values: it may look at the secrets among them.
    pub(super) fn note_secrets_shown(&mut self, path: &Path, name: &str, receiver: Option<&Abs>, given: &[Given]) {
        // A log asks nothing, and another form of a text says nothing of it.
        const LOGS: &[&str] = &["debug", "info", "warning", "error", "exception"];
        const FORMS: &[&str] = &["encode", "strip", "lower", "hexdigest", "digest", "replace", "astimezone"];
        let forms = FORMS.contains(&name) && given.iter().all(|one| one.value.parts(path).clients.is_empty());
        if self.guarded || forms || LOGS.contains(&last_of(name)) || name.starts_with("hashlib.") {
            return;
        }
        for value in receiver.into_iter().chain(given.iter().map(|one| &one.value)) {
            let is_body = |id: &u32| path.objects.get(id).is_some_and(|object| matches!(object.made, Made::Body(_)));
            self.shows_all |= match value {
                Abs::Dump(_) | Abs::Request(_) => true,
                Abs::Object(id) => is_body(id),
                _ => false,
            };
            self.shown_secrets.extend(&value.parts(path).clients);
        }
    }

    /// A token is handed out: the secrets by which rows of nobody in particular were found on the way.
    pub(super) fn note_unbound_secrets(&mut self, path: &Path) {
        let rows = path.rows.values().filter(|row| self.is_found_by_secret(row));
        let clients = |row: &Row| row.predicates.iter().flat_map(|known| known.value.parts(path).clients).collect();
        let found: Vec<Vec<ClientId>> = rows.map(|row| clients(row)).collect();
        self.unbound_secrets.extend(found.into_iter().flatten());
        self.note_secrets_kept(path);
    }

    /// Secrets of the client's that are only written to rows, as the tokens of an identity provider are: nobody looks whether
    /// they are what they seem.
    fn note_secrets_kept(&mut self, path: &Path) {
        let asks_for = |client: &ClientId| {
            let is_part = |predicate: &Predicate| predicate.value.parts(path).clients.contains(client);
            path.rows.values().any(|row| row.predicates.iter().any(is_part))
        };
        let of_new = path.objects.values().filter(|object| matches!(object.made, Made::Row(_)));
        let new = of_new.flat_map(|object| object.fields.values()).filter_map(|value| match value {
            Abs::Client(client) => Some(*client),
            _ => None,
        });
        let kept = new.chain(self.kept_secrets.iter().copied()).filter(|client| !asks_for(client));
        let kept: Vec<ClientId> = kept.collect();
        self.unbound_secrets.extend(kept);
    }

    /// A column of a row that was found is set to a value of the client's.
    pub(super) fn note_secret_kept(&mut self, value: &Abs) {
        if let Abs::Client(client) = value {
            self.kept_secrets.insert(*client);
        }
    }

    /// Whether a value of the client's may prove who it is, as far as is known of what was done with it.
    pub(super) fn may_be_proof(&self, at: usize) -> bool {
        let Ok(client) = u32::try_from(at) else { return true };
        let is_named_so = self.clients.get(at).is_some_and(|client| may_prove(&client.name));
        let is_unbound = self.unbound_secrets.contains(&client) && !self.shown_secrets.contains(&client);
        is_named_so && (self.shows_all || !is_unbound)
    }
}
