//! Values that the client supplies.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::names;
use super::value::{Abs, ClientId, Dump, Made, Object, ObjectId, Path, Place};
use crate::auth::is_credential_parameter;
use crate::facts::python::tree::{Expr, ExprKind, keyword};
use crate::index::value::{Resolve, Site, Value};

/// Under what a table keeps all that it holds beside what code has put there: the rest of the request.
const REST: &str = "**";

/// What the principal is called while only its credential is known.
pub(super) const CREDENTIAL: &str = "token";

/// The part of a request that a language model writes, which the caller talks to: arguments of the tools that it calls.
pub(super) const CHOSEN: &str = "arguments";

/// The application that a request came to, as a part of it (Starlette 0.46, `HTTPConnection.app`).
const APPLICATION: &str = "app";

/// What that keeps for all requests.
pub(super) const STATE_OF_APPLICATION: &str = "app.state";

/// What is left of a part of the request, or of a table, when code has put something into it.
pub(super) fn with_entries(table: &Abs, put: &[(SmolStr, Abs)]) -> Option<Abs> {
    let mut entries = match table {
        Abs::Map(entries) => Vec::clone(entries),
        Abs::Request(part) if matches!(part.as_str(), "body" | "form" | CHOSEN) => {
            vec![(SmolStr::new_static(REST), table.clone())]
        }
        _ => return None,
    };
    entries.retain(|(known, _)| put.iter().all(|(key, _)| known != key));
    entries.extend(put.iter().cloned());
    Some(Abs::Map(Arc::new(entries)))
}

impl Engine<'_, '_> {
    /// A client's value, taken at a place.
    pub(super) fn client(&mut self, place: Place, name: &SmolStr, site: Site) -> Abs {
        let client = self.new_client(place, name.clone(), site);
        Abs::Client(client)
    }

    /// What a value of the client holds under a name: it is the client's, too.
    pub(super) fn client_part(&mut self, of: ClientId, key: &SmolStr, expr: &Expr) -> Abs {
        let Some(whole) = self.clients.get(of as usize) else { return Abs::Unknown };
        let (place, name) = (whole.place, SmolStr::new(format!("{}.{key}", whole.name)));
        let site = self.site(expr);
        self.client(place, &name, site)
    }

    /// A field of a request model.
    pub(super) fn body_field(&mut self, path: &Path, id: u32, name: &SmolStr) -> Abs {
        let Some(object) = path.objects.get(&id) else { return Abs::Unknown };
        let Made::Body(class) = &object.made else { return Abs::Unknown };
        let shown = SmolStr::new(format!("{}.{name}", object.name));
        if !self.interpreter.fields_of(class).contains(name) {
            return Abs::Unknown;
        }
        let (site, class, body) = (object.site, Arc::clone(class), object.name.clone());
        self.note_harmless(&class, &body, name);
        self.client(Place::Body, &shown, site)
    }

    /// A request model as a dictionary.
    pub(super) fn dump(&mut self, path: &Path, id: u32, expr: &Expr) -> Option<Dump> {
        let object = path.objects.get(&id)?;
        let Made::Body(class) = &object.made else { return None };
        let mut dump = Dump {
            body: object.name.clone(),
            fields: self.interpreter.fields_of(class),
            open: false,
            set: Vec::new(),
            site: self.site(expr),
        };
        dump.fields.retain(|field| !object.fields.contains_key(field));
        let class = Arc::clone(class);
        dump.fields.iter().for_each(|field| self.note_harmless(&class, &dump.body, field));
        if let Some((_, args)) = expr.as_call() {
            let listed = |name: &str| -> Option<Vec<SmolStr>> {
                match &keyword(args, name)?.kind {
                    ExprKind::Set(parts) | ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                        Some(parts.iter().filter_map(|part| part.as_str().cloned()).collect())
                    }
                    ExprKind::Dict(entries) => {
                        Some(entries.iter().filter_map(|(key, _)| key.as_ref()?.as_str().cloned()).collect())
                    }
                    _ => Some(Vec::new()),
                }
            };
            if let Some(excluded) = listed("exclude") {
                // What is excluded is written elsewhere: it may be the owner.
                if excluded.is_empty() {
                    dump.fields.clear();
                }
                dump.fields.retain(|field| !excluded.contains(field));
            }
            if let Some(included) = listed("include") {
                dump.fields.retain(|field| included.contains(field));
            }
        }
        Some(dump)
    }

    /// `body.model_copy(update={"company_id": me.company_id})`: another request model, of which these fields are no longer
    /// the client's.
    pub(super) fn copy_of_body(&mut self, path: &mut Path, expr: &Expr, id: ObjectId, given: &[Given]) -> Abs {
        let update = given.iter().find(|one| one.name.as_deref() == Some("update"));
        let (Some(update), Some(body)) = (update, path.objects.get(&id)) else { return Abs::Object(id) };
        let mut copy = Object { site: self.site(expr), properties: BTreeMap::new(), ..Object::clone(body) };
        match (&update.value, &copy.made) {
            (Abs::Map(entries), _) => {
                let others = entries.iter().filter(|(_, value)| value.parts(path).clients.is_empty());
                copy.fields.extend(others.cloned());
            }
            (Abs::Dump(_) | Abs::Request(_) | Abs::Client(_), _) => {}
            // Whatever it holds may be the owner.
            (_, Made::Body(class)) => {
                let class = Arc::clone(class);
                let fields = self.interpreter.fields_of(&class);
                copy.fields.extend(fields.into_iter().map(|field| (field, Abs::Unknown)));
            }
            _ => {}
        }
        Abs::Object(self.add_object(path, copy))
    }

    /// A dictionary of the client's that is gone through, whatever its keys are.
    pub(super) fn open_table(&self, value: &Abs, site: Site) -> Option<Abs> {
        let body = self.body_name(value).filter(|body| !self.cut.contains(body))?;
        Some(Abs::Dump(Arc::new(Dump { body, fields: Vec::new(), open: true, set: Vec::new(), site })))
    }

    /// Something looks at the keys of a dictionary of the client's, or takes some out: which it may hold then is not known.
    pub(super) fn note_cut(&mut self, value: &Abs) {
        let body = self.body_name(value);
        self.cut.extend(body);
    }

    /// `del data["role"]`.
    pub(super) fn take_out(&mut self, path: &mut Path, target: &Expr) {
        let ExprKind::Subscript { value, index } = &target.kind else { return };
        let table = self.eval(&mut path.clone(), value);
        self.note_cut(&table);
        if let (Some(name), Some(key), Abs::Dump(dump)) = (value.as_name(), index.as_str(), table) {
            path.vars.insert(name.clone(), Abs::Dump(Arc::new(dump.without(key))));
        }
    }

    /// What a part of the body is called.
    fn body_name(&self, value: &Abs) -> Option<SmolStr> {
        match value {
            Abs::Client(client) => {
                let client = self.clients.get(*client as usize)?;
                matches!(client.place, Place::Body | Place::Form).then(|| client.name.clone())
            }
            Abs::Request(part) if matches!(part.as_str(), "body" | "form") => Some(part.clone()),
            _ => None,
        }
    }

    /// A value out of a dumped request model.
    pub(super) fn dump_field(&mut self, _: &Path, expr: &Expr, dump: &Arc<Dump>, key: &SmolStr) -> Abs {
        if !dump.fields.contains(key) && !dump.open {
            let set = dump.set.iter().find(|(known, _)| known == key);
            return set.map_or(Abs::Unknown, |(_, value)| value.clone());
        }
        let name = SmolStr::new(format!("{}.{key}", dump.body));
        let site = self.site(expr);
        self.client(Place::Body, &name, site)
    }

    /// `request.name`, `request.state.name`.
    pub(super) fn request_attribute(&mut self, part: &SmolStr, name: &SmolStr) -> Abs {
        match part.as_str() {
            "" => match name.as_str() {
                "headers" | "cookies" | "query_params" | "path_params" | "state" => Abs::Request(name.clone()),
                "user" | "auth" | "session" if self.guarded => Abs::Principal(name.clone()),
                "app" => Abs::Request(APPLICATION.into()),
                _ => Abs::Unknown,
            },
            APPLICATION if name == "state" => Abs::Request(STATE_OF_APPLICATION.into()),
            "state" if self.guarded => {
                if self.principal.is_empty() {
                    self.principal = SmolStr::new(format!("request.state.{name}"));
                }
                // A session of the database is told apart by what is called on it.
                Abs::Principal(name.clone())
            }
            _ => Abs::Unknown,
        }
    }

    /// `request.app.state.name`: what the project's applications keep there, where that is of a class of the project.
    pub(super) fn kept_on_state(&mut self, path: &mut Path, expr: &Expr, name: &str) -> Abs {
        match self.interpreter.kept_on_state(name) {
            Value::Class(class) if self.model(&class).is_none() => {
                let object = Object { site: self.site(expr), ..Object::instance(&class) };
                Abs::Object(self.add_object(path, object))
            }
            Value::Instance(instance) if matches!(instance.class, Value::Class(_)) => {
                self.as_abs(Value::Instance(instance))
            }
            _ => Abs::Unknown,
        }
    }

    /// Puts a value on `request.state`: what a header says is no more certain there.
    pub(super) fn leave(&self, path: &mut Path, name: &SmolStr, value: &Abs) {
        match value {
            Abs::Client(client) if self.clients.get(*client as usize).is_some_and(|one| one.place == Place::Header) => {
                path.left.insert(name.clone(), *client);
            }
            _ if path.left.contains_key(name) => {
                path.left.remove(name);
            }
            _ => {}
        }
    }

    /// `request.headers["x-user-id"]`.
    pub(super) fn request_item(&mut self, expr: &Expr, part: &SmolStr, key: &SmolStr) -> Abs {
        let site = self.site(expr);
        self.request_item_at(site, part, key)
    }

    /// The same, taken at a place.
    fn request_item_at(&mut self, site: Site, part: &SmolStr, key: &SmolStr) -> Abs {
        let place = match part.as_str() {
            "headers" => Place::Header,
            "cookies" => Place::Cookie,
            "query_params" => Place::Query,
            // A dependency of several routes asks for what only some of their paths have.
            "path_params" if self.route.path_known && !self.is_in_path(key) => return Abs::Nothing,
            "path_params" => Place::Path,
            "body" => Place::Body,
            "form" => Place::Form,
            CHOSEN => Place::Argument,
            "state" => return self.request_attribute(part, key),
            _ => return Abs::Unknown,
        };
        if matches!(place, Place::Header | Place::Cookie) && names::is_credential(key) {
            return self.credential();
        }
        // A socket has no headers of the page's making.
        if place == Place::Query && self.guarded && is_credential_parameter(key) {
            return self.credential();
        }
        self.client(place, key, site)
    }

    /// What a parameter is given of what is spread over all of them: `complete(**arguments)`.
    pub(super) fn spread_over(&mut self, spread: &Abs, parameter: &SmolStr) -> Abs {
        match spread {
            Abs::Request(part) => self.request_item_at(self.at, part, parameter),
            _ => Abs::Unknown,
        }
    }

    /// Whether a value is a parameter of the route's path: no segment is empty (Starlette's converters ask for a letter).
    pub(super) fn is_segment(&self, value: &Abs) -> bool {
        let Abs::Client(client) = value else { return false };
        self.clients.get(*client as usize).is_some_and(|client| client.place == Place::Path)
    }

    /// What a table holds under a key.
    pub(super) fn entry(&mut self, expr: &Expr, entries: &[(SmolStr, Abs)], key: &SmolStr) -> Option<Abs> {
        let found = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        found(key).or_else(|| match found(REST)? {
            Abs::Request(part) => Some(self.request_item(expr, &part, key)),
            _ => None,
        })
    }

    /// Whether the path of the route has a parameter of that name.
    pub(super) fn is_in_path(&self, name: &str) -> bool {
        self.asks_path.set(true);
        self.route.path.contains(&format!("{{{name}}}")) || self.route.path.contains(&format!("{{{name}:"))
    }

    /// A credential: what guards the route verifies it.
    pub(super) fn credential(&self) -> Abs {
        if self.guarded { Abs::Principal(SmolStr::new_static(CREDENTIAL)) } else { Abs::Unknown }
    }
}
