//! What comes out of a dependency that verifies: the caller, by whatever it is given.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::{Engine, Exit, LetIn};
use super::models::{Callers, Model, last_name};
use super::names;
use super::objects::REST;
use super::requests::CREDENTIAL;
use super::value::{Abs, Client, ClientId, Made, Mix, Object, Path, Place, Predicate, Row, RowId};
use crate::facts::python::tree::Expr;
use crate::index::value::{Instance, Value};

/// What the dependency that verifies the caller says of it is the caller's,
/// however it was found out.
fn own_to_caller(name: &SmolStr, value: &mut Abs) {
    if is_lost(value) {
        *value = Abs::Principal(name.clone());
    }
}

/// Whether nothing is known of a value.
fn is_lost(value: &Abs) -> bool {
    match value {
        Abs::Unknown => true,
        Abs::Mix(mix) => mix.unclear && !mix.principal && mix.rows.is_empty() && mix.clients.is_empty(),
        _ => false,
    }
}

/// Whether a value is made of such rows, and of nothing else.
fn is_of(mix: &Mix, rows: &[RowId]) -> bool {
    !mix.rows.is_empty() && mix.clients.is_empty() && mix.rows.iter().all(|row| rows.contains(row))
}

/// Whether an object is a new row of the users.
fn is_new_user(object: &Object) -> bool {
    matches!(&object.made, Made::Row(model) if model.is_user)
}

/// Whether an object is made of a dictionary of which the entries are not known, and of nothing that a client chose.
fn is_spread(object: &Object, path: &Path) -> bool {
    let of_client = |value: &Abs| !value.parts(path).clients.is_empty();
    matches!(object.made, Made::Instance(_))
        && object.fields.contains_key(&REST)
        && !object.fields.values().any(of_client)
}

/// Whether what a dependency gives says nothing of who is calling: a constant, or the credential itself.
pub(super) fn names_nobody(value: &Abs) -> bool {
    match value {
        Abs::Nothing | Abs::Constant(_) | Abs::Text(_) => true,
        // Nor does what was signed: a service sends it, for whomever.
        Abs::Request(_) | Abs::Client(_) | Abs::Unknown | Abs::Other => true,
        Abs::Mix(mix) => !mix.principal && mix.rows.is_empty(),
        Abs::Principal(part) => part == CREDENTIAL,
        _ => false,
    }
}

/// What keeps a value for the request at hand (Python 3.7).
pub(super) const CONTEXT_VARIABLE: &str = "contextvars.ContextVar";

impl Engine<'_, '_> {
    /// `current_user.get()` of a variable of the context: behind a guard, what is called after those who call was put there
    /// by it. That is no more than a hint, as it is of `request.state`: what could not be followed would be nobody's else.
    pub(super) fn context_variable(&mut self, target: &Expr, variable: &Instance, method: &str) -> Option<Abs> {
        let said = match variable.args.positional.first() {
            Some(Value::Str(said)) => said.clone(),
            _ => SmolStr::default(),
        };
        let name = last_name(target).map(|name| SmolStr::new(name.trim_start_matches('_')));
        let name = [name.unwrap_or_default(), said].into_iter().find(|name| names::is_of_caller(name))?;
        let names_one = names::is_of_user(&name) || names::is_identity(&name);
        let part = if names_one { SmolStr::default() } else { name };
        (method == "get" && self.guarded && !self.in_root).then_some(Abs::Principal(part))
    }

    /// What a dependency that verifies the caller gives.
    pub(super) fn handed_over(&self, path: &mut Path, value: Abs, root: bool) -> Abs {
        match &value {
            Abs::Row(id) => {
                let owned =
                    path.rows.get(id).and_then(|row| row.model.as_ref()).is_some_and(|model| !model.owners.is_empty());
                if owned && !root { value } else { Abs::Principal(SmolStr::default()) }
            }
            // A record that is made for whoever comes for the first time is as much the caller's as one that was found.
            Abs::Object(id) if root && path.objects.get(id).is_some_and(|object| is_new_user(object)) => {
                Abs::Principal(SmolStr::default())
            }
            // `CurrentUser(**json.loads(cached))`: what stands in it is not known, and all of it is of the caller.
            Abs::Object(id) if root && path.objects.get(id).is_some_and(|object| is_spread(object, path)) => {
                Abs::Principal(SmolStr::default())
            }
            Abs::Object(id) => {
                let made_of_caller = root || value.parts(path).principal;
                let before = path.clone();
                // By the credential itself, or by what was made of it: a hash, what a signature was taken off.
                let by_credential = |predicate: &Predicate| {
                    let by = predicate.value.parts(&before);
                    let is_credential = matches!(&predicate.value, Abs::Principal(part) if part == CREDENTIAL)
                        || predicate.column.as_ref().is_some_and(|(_, column)| names::is_credential(column));
                    predicate.equal && is_credential && by.principal && by.clients.is_empty() && by.rows.is_empty()
                };
                let by_caller = |predicate: &Predicate| predicate.value.parts(&before).principal;
                // A session that was found by the credential says who has it.
                let is_session = |row: &Row| {
                    row.model.as_ref().is_some_and(|model| !model.has_class()) && row.predicates.iter().any(by_caller)
                };
                let sessions: Vec<RowId> =
                    before.rows.iter().filter(|(_, row)| is_session(row)).map(|(row, _)| *row).collect();
                let is_of_caller = |id: RowId, column: &str| {
                    let of_caller = before.rows.get(&id).is_some_and(|row| {
                        let of_users = row.model.as_ref().is_some_and(|model| model.is_user);
                        of_users || row.predicates.iter().any(by_credential)
                    });
                    of_caller || names::is_self(column) && sessions.contains(&id)
                };
                if let Some(object) = path.objects.get_mut(id) {
                    if object.fields.is_empty() {
                        object.principal |= made_of_caller;
                    }
                    if root {
                        object.fields.iter_mut().for_each(|(name, value)| match value {
                            // `CurrentUser(**row)`
                            Abs::Part(row, column) if is_of_caller(*row, column) => {
                                let column = column.clone();
                                *value = Abs::Principal(column);
                            }
                            Abs::Mix(mix) if names::is_identity(name) && is_of(mix, &sessions) => {
                                *value = Abs::Principal(name.clone());
                            }
                            _ => own_to_caller(name, value),
                        });
                    }
                }
                value
            }
            Abs::Client(_) | Abs::Map(_) | Abs::Items(_) | Abs::Part(..) | Abs::Principal(_) if !root => value,
            Abs::Client(client) if path.authorised.contains(client) || self.is_claimed(path, *client) => value,
            Abs::Nothing if self.only == Some(LetIn::Strangers) => value,
            Abs::Map(entries) if value.parts(path).principal || self.claims_some(path, entries) => {
                let mut entries = Vec::clone(entries);
                entries.iter_mut().for_each(|(name, value)| own_to_caller(name, value));
                Abs::Map(Arc::new(entries))
            }
            _ => Abs::Principal(SmolStr::default()),
        }
    }

    /// Whether a client says in a place that proves nothing who is calling, and nothing compared that with the caller.
    fn is_claimed(&self, path: &Path, client: ClientId) -> bool {
        let proves_nothing = |of: &Client| matches!(of.place, Place::Path | Place::Query | Place::Body | Place::Form);
        let claims = |of: &Client| of.says_caller && proves_nothing(of);
        self.clients.get(client as usize).is_some_and(claims) && !path.authorised.contains(&client)
    }

    /// Whether one of a dictionary's entries is claimed in that way.
    fn claims_some(&self, path: &Path, entries: &[(SmolStr, Abs)]) -> bool {
        entries.iter().any(|(_, value)| matches!(value, Abs::Client(client) if self.is_claimed(path, *client)))
    }

    /// Those who call are rows of a table: what refers to it says whose a row is. Where no row was fetched, the class
    /// says so.
    pub(super) fn know_callers(&mut self, fetched: Option<Arc<Model>>) {
        let class = self.principal_class.clone();
        let Some(model) = fetched.or_else(|| class.and_then(|class| self.model(&class))) else { return };
        // Where nothing but a session is looked up, it names those who call and is none of them.
        let is_session = !model.has_class() && names::is_credential(&model.name);
        if !model.is_user && !is_session {
            self.callers = Callers::in_table(&model);
            self.models.clear();
        }
        if model.is_user && ![&model.name, &model.table].into_iter().any(|name| names::is_account_table(name)) {
            self.callers = Callers::of_users();
            self.models.retain(|_, known| !known.as_ref().is_some_and(|known| known.speaks_of_accounts()));
        }
    }

    /// What a dependency gives in place of the caller whom it gives otherwise, a user for development say, is the caller
    /// to whatever comes after it.
    pub(super) fn take_for_caller(&self, exits: &mut [Exit]) {
        let is_caller = |value: &Abs| matches!(value, Abs::Principal(part) if part.is_empty());
        let gives_caller = exits.iter().any(|(_, value)| is_caller(value));
        let mut fields: BTreeSet<SmolStr> = BTreeSet::new();
        for (path, value) in exits.iter() {
            let object = if let Abs::Object(id) = value { path.objects.get(id) } else { None };
            let of_caller = object.into_iter().flat_map(|object| &object.fields);
            fields.extend(
                of_caller.filter(|(_, value)| matches!(value, Abs::Principal(_))).map(|(name, _)| name.clone()),
            );
        }
        let is_one = |object: &Object, path: &Path| match &object.made {
            Made::Instance(_) => true,
            // A row like those that are looked up: `ApiKey(role="ADMIN")` for who has the key of the configuration.
            Made::Row(model) => {
                let of_callers = [&model.name, &model.table].into_iter().any(|name| self.callers.is_user_table(name));
                of_callers && object.fields.values().all(|value| value.parts(path).clients.is_empty())
            }
            _ => false,
        };
        for (path, value) in exits {
            let Abs::Object(id) = value else { continue };
            if gives_caller && path.objects.get(id).is_some_and(|object| is_one(object, path)) {
                *value = Abs::Principal(SmolStr::default());
                continue;
            }
            let Some(object) = path.objects.get_mut(id) else { continue };
            for (name, value) in &mut object.fields {
                if fields.contains(name) && matches!(value, Abs::Constant(_) | Abs::Text(_)) {
                    *value = Abs::Principal(name.clone());
                }
            }
        }
    }
}
