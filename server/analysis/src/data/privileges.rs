//! What a user may do, in the hands of the client: columns of the user table
//! that say it, and request models that are copied to them.
//!
//! Two things make a finding. Here it is found out what a route copies, and what
//! a route asks of its caller; the rule joins both over all routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::{Model, last_name};
use super::names;
use super::roles::touches_others;
use super::value::{Abs, ClientId, Dump, Known, Path, Place, Predicate, Row};
use super::{Fault, Use};
use crate::facts::python::tree::{Class, Expr, ExprKind, StmtKind};
use crate::index::value::{Site, Value};

/// Something that code asks of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The attribute that says what the user may do.
    pub attribute: SmolStr,
    /// What it is compared with; empty where it is only asked whether it is true.
    pub value: SmolStr,
    /// The user table, where it is known.
    pub table: Option<Site>,
    /// Where.
    pub site: Site,
}

/// Whether a value gives more than what everybody has: `admin`, `SUPER_USER`.
pub fn is_high(value: &str) -> bool {
    const WORDS: &[&str] = &["admin", "super", "staff", "root", "moderator", "manager", "owner"];
    let value = value.to_ascii_lowercase();
    WORDS.iter().any(|word| value.contains(word))
}

impl Engine<'_, '_> {
    /// An attribute that says what a user may do is asked for.
    pub(super) fn note_asked(&mut self, path: &Path, value: &Abs, with: Option<(&Abs, &Expr)>, site: Site) {
        let (attribute, table) = match value {
            Abs::Principal(part) if names::is_privilege(part) => {
                (part.clone(), self.principal_table().map(|model| model.site))
            }
            Abs::Part(id, column) if names::is_privilege(column) => {
                let model = path.rows.get(id).and_then(|row| row.model.as_ref()).filter(|model| model.is_user);
                let Some(model) = model else { return };
                (column.clone(), Some(model.site))
            }
            _ => return,
        };
        let values: Vec<SmolStr> = match with {
            None => vec![SmolStr::default()],
            Some((Abs::Nothing, _)) => return,
            Some((Abs::Text(text), _)) => vec![text.clone()],
            Some((Abs::Items(items), expr)) => {
                let texts = items.iter().filter_map(|item| match item {
                    Abs::Text(text) => Some(text.clone()),
                    _ => None,
                });
                // What a list is called is in none.
                let named = if expr.as_name().is_some() { Vec::new() } else { members(expr) };
                texts.chain(named).collect()
            }
            Some((_, expr)) => self.given_texts(path, expr).unwrap_or_else(|| members(expr)),
        };
        for value in values {
            let asked = Asked { attribute: attribute.clone(), value, table, site };
            if !self.data.asked.contains(&asked) {
                self.data.asked.push(asked);
            }
        }
    }

    /// The texts of a list that a factory or a class of checks was given: `roles` of `require(["admin"])`.
    pub(super) fn given_texts(&self, path: &Path, expr: &Expr) -> Option<Vec<SmolStr>> {
        let given = match &expr.kind {
            ExprKind::Name(name) if !path.vars.contains_key(name) => self.outer(expr),
            ExprKind::Attribute { value, name } => match path.vars.get(value.as_name()?)? {
                Abs::Known(Known(Value::Instance(instance))) => {
                    self.interpreter.force(instance.attributes.get(&name.name)?.clone())
                }
                _ => return None,
            },
            _ => return None,
        };
        let text = |value: &Value| match self.interpreter.force(value.clone()) {
            Value::Str(text) => Some(text),
            _ => None,
        };
        match given {
            Value::List(values) => Some(values.iter().filter_map(text).collect()),
            Value::Str(text) => Some(vec![text]),
            _ => None,
        }
    }

    /// A request model is copied to a record of the users.
    pub(super) fn copy_privileges(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        dump: &Dump,
        over: &BTreeMap<SmolStr, Abs>,
        usage: Use,
        site: Site,
    ) {
        let fields = dump.fields.iter().filter(|field| names::is_privilege(field) && !over.contains_key(*field));
        let fields: Vec<SmolStr> = fields.cloned().collect();
        for field in fields {
            let name = SmolStr::new(format!("{}.{field}", dump.body));
            let client = self.new_client(Place::Body, name, dump.site);
            self.give_privilege(path, model, &field, client, usage, site);
        }
    }

    /// Columns of the users are written, and those of a request model with them.
    pub(super) fn judge_privileges(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        fields: &BTreeMap<SmolStr, Abs>,
        spread: Option<&Arc<Dump>>,
        usage: Use,
        site: Site,
    ) {
        if !model.is_user {
            return;
        }
        if usage == Use::Creates {
            self.note_admin(path, model, fields, site);
            self.note_granted(path, model, fields, spread, site);
        }
        for (column, value) in fields {
            self.set_privilege(path, model, column, value, usage, site);
        }
        if let Some(dump) = spread {
            self.copy_privileges(path, model, dump, fields, usage, site);
        }
    }

    /// A column of the users is set.
    pub(super) fn set_privilege(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        column: &SmolStr,
        value: &Abs,
        usage: Use,
        site: Site,
    ) {
        let client = match value {
            // `body.role or "user"`
            Abs::Client(_) | Abs::Mix(_) => client_alone(value),
            // `user.role = db.query(Role).filter(Role.name == body.role).first()`
            Abs::Row(id) | Abs::Part(id, _) => path.rows.get(id).and_then(|row| named_by_client(row)),
            _ => None,
        };
        if let Some(client) = client.filter(|_| names::is_privilege(column)) {
            self.give_privilege(path, model, column, client, usage, site);
        }
    }

    fn give_privilege(
        &mut self,
        path: &Path,
        model: &Arc<Model>,
        column: &SmolStr,
        client: ClientId,
        usage: Use,
        site: Site,
    ) {
        let is_beyond = path.privileged && (path.modest.is_empty() || touches_others(path));
        if is_beyond {
            self.beyond.extend(path.roles.iter().chain(path.modest.iter()));
        }
        let has = model.columns.is_empty() || model.has(column);
        if !model.is_user || !has || path.doubted.1.contains(&client) || path.declined.contains(&client) {
            return;
        }
        let Some(known) = self.clients.get(client as usize) else { return };
        let harmless = known.place != Place::Body || self.harmless.contains(&known.name);
        if harmless {
            return;
        }
        if is_beyond || path.doubt {
            return;
        }
        let known = self.data.faults.len();
        let within = path.privileged.then(|| Path { privileged: false, ..path.clone() });
        self.fault(within.as_ref().unwrap_or(path), Fault::GivesPrivilege, usage, site, model, Some(client), "");
        // It is the last one now.
        if let Some(access) = self.data.faults.last_mut() {
            access.table.owner = column.clone();
        }
        if path.privileged && self.data.faults.len() > known {
            self.note_modest(path);
        }
    }

    /// The table of the principal itself, where its class is one.
    pub(super) fn principal_table(&mut self) -> Option<Arc<Model>> {
        let class = self.principal_class.clone()?;
        self.model(&class).filter(|model| model.is_user)
    }
}

/// The names in `UserRole.ADMIN` and `[Role.ADMIN, Role.STAFF]`, or the key of a role's record.
pub(super) fn members(expr: &Expr) -> Vec<SmolStr> {
    match &expr.kind {
        ExprKind::Int(key) => vec![SmolStr::new(key.to_string())],
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
            parts.iter().filter_map(last_name).map(SmolStr::new).collect()
        }
        ExprKind::Attribute { value, name } if name.name == "value" => {
            last_name(value).map(SmolStr::new).into_iter().collect()
        }
        ExprKind::Attribute { name, .. } => vec![name.name.clone()],
        ExprKind::Name(name) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// Whether a member of an enumeration gives more than what everybody has.
pub(super) fn gives_more(class: &Class) -> bool {
    members_of(class).iter().any(|value| is_high(value))
}

/// Names and texts of the members of an enumeration.
pub(super) fn members_of(class: &Class) -> Vec<SmolStr> {
    let mut found = Vec::new();
    for stmt in &class.body {
        if let StmtKind::Assign(assign) = &stmt.kind {
            found.extend(assign.targets.iter().filter_map(|target| target.as_name()).cloned());
            found.extend(assign.value.as_ref().and_then(Expr::as_str).cloned());
        }
    }
    found
}

/// The value of the client that a row was found by, where nothing else was asked: `Role.name.in_(body.roles)`.
fn named_by_client(row: &Row) -> Option<ClientId> {
    match row.predicates.as_slice() {
        [Predicate { equal: true, value, .. }] if !row.unclear => client_alone(value),
        _ => None,
    }
}

/// The value of the client, if that is all that a value is made of.
fn client_alone(value: &Abs) -> Option<ClientId> {
    match value {
        Abs::Client(client) => Some(*client),
        Abs::Mix(mix) if !mix.principal && !mix.unclear && mix.rows.is_empty() && mix.clients.len() == 1 => {
            mix.clients.first().copied()
        }
        _ => None,
    }
}
