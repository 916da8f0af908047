//! What is known while a route is executed, and the names that rows, objects and clients' values go by.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::chosen::Asked;
use super::models::{Callers, Model};
use super::names;
use super::roles::ModestGift;
use super::shared::Shared;
use super::value::{Abs, Client, ClientId, Object, ObjectId, Path, Place, Role, Row, RowId};
use super::{RolesAsked, RouteData, Table, Use};
use crate::facts::python::tree::Expr;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

/// Statements and expressions executed for the dependencies of one route: some look for a token in many places.
const MAX_DEPENDENCY_STEPS: u32 = 8_000;
/// The same for its handler.
const MAX_STEPS: u32 = 7_000;

/// A function's end: the path and what it returns.
pub(super) type Exit = (Path, Abs);

/// Who calls, by what the dependencies do that verify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Nothing is known yet.
    Unknown,
    /// Whoever has a key, which is all that was looked at.
    Service,
    /// Somebody in particular.
    User,
}

impl Caller {
    /// That a service called does not make a user less of one.
    pub(super) fn and_service(self) -> Self {
        if self == Self::User { Self::User } else { Self::Service }
    }
}

/// Callers of a route that asks for a credential and does without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetIn {
    /// Those who show none.
    Strangers,
    /// Those who show one.
    Known,
}

/// The execution of one route.
#[derive(Clone)]
pub(super) struct Engine<'e, 'a> {
    pub(super) interpreter: &'e Interpreter<'a>,
    pub(super) route: &'e Route,
    /// Whether a caller without a verified identity gets here.
    pub(super) guarded: bool,
    /// The steps by which the handler does that itself.
    pub(super) own_steps: Vec<Site>,
    /// Who is let in, where a credential is no must and one kind of callers alone is looked at.
    pub(super) only: Option<LetIn>,
    /// Functions being executed, innermost last.
    pub(super) stack: Vec<FunctionRef>,
    /// Places of the calls that led to the innermost one.
    pub(super) calls: Vec<Site>,
    /// Whether a dependency is being executed.
    pub(super) in_dependency: bool,
    /// Whether that one verifies the caller itself: what it makes of the
    /// credential is the principal.
    pub(super) in_root: bool,
    /// Whether a method is being executed that a package calls.
    pub(super) in_callback: bool,
    /// Whether something runs after the answer.
    pub(super) in_later: bool,
    /// Entries of dictionaries that are gone through, innermost last.
    pub(super) gone_through: Vec<(SmolStr, Abs)>,
    pub(super) clients: Vec<Client>,
    pub(super) models: FxHashMap<Site, Option<Arc<Model>>>,
    pub(super) classes: FxHashMap<Site, Arc<ClassRef>>,
    /// Numbers of rows and objects by the places that made them.
    numbers: FxHashMap<(Vec<Site>, u8), u32>,
    /// Paths that left the innermost loop by `break` or `continue`.
    pub(super) jumps: Vec<Vec<Path>>,
    pub(super) principal: SmolStr,
    /// Which of the route's dependencies only compare the credential with a key.
    pub(super) compares: Vec<bool>,
    pub(super) caller: Caller,
    /// Whether the database was told who is calling, so that policies may leave only what is theirs.
    pub(super) by_policies: bool,
    /// Tables of rows that dependencies looked up for themselves.
    pub(super) looked_up: BTreeSet<Site>,
    /// Where the handler compares a credential with a key.
    pub(super) keys: Vec<Site>,
    /// The parameters of the handler that its own proof takes for the credential.
    pub(super) tokens: Vec<Site>,
    /// The class of the principal, where the code says it.
    pub(super) principal_class: Option<Arc<ClassRef>>,
    /// Which tables hold those who call.
    pub(super) callers: Callers,
    /// Classes that annotations name, by their places.
    pub(super) services: FxHashMap<Site, Option<Arc<ClassRef>>>,
    /// Exceptions that are raised for a row that there is none of.
    pub(super) absences: FxHashSet<Site>,
    /// Fields of request models that may hold nothing which gives a user more.
    pub(super) harmless: FxHashSet<SmolStr>,
    /// The values that such fields take, where their types list them.
    pub(super) choices: FxHashMap<SmolStr, Vec<SmolStr>>,
    /// The call that is being executed.
    pub(super) at: Site,
    /// The handler.
    pub(super) route_handler: Option<Site>,
    /// How many wrappers the handler stands in.
    pub(super) wrappers: usize,
    /// Parameters of the handler that dependencies fill, with the definitions of those.
    pub(super) principals: FxHashMap<SmolStr, Site>,
    /// Dependencies that let only those through who have some right.
    pub(super) rights: Vec<usize>,
    /// Whether the handler is executed for those.
    pub(super) in_right: bool,
    /// What callers may give themselves with a role that lets them touch nobody else.
    pub(super) modest: Vec<ModestGift>,
    /// Roles with which somebody else is given a right, too.
    pub(super) beyond: BTreeSet<Role>,
    /// Roles that comparisons of the handler ask for, by their places.
    pub(super) role_texts: FxHashMap<Site, RolesAsked>,
    /// Columns of rows that were compared with what the caller belongs to.
    pub(super) compared: Vec<(RowId, SmolStr)>,
    /// Values of the client that were compared so.
    pub(super) compared_clients: BTreeSet<ClientId>,
    /// Queries that tell how many rows there are of each kind.
    pub(super) grouped: FxHashSet<Site>,
    /// Queries that select what is made of rows, and single columns at most.
    pub(super) made_of_rows: FxHashSet<Site>,
    /// Queries that select columns, and no whole rows; no password is among them.
    pub(super) columns_of_rows: FxHashSet<Site>,
    /// Queries that select columns which name neither a row nor whose it is, and nothing else.
    pub(super) of_nobody: FxHashSet<Site>,
    /// Of those, queries whose columns say what kind of rows there are, and whose none.
    pub(super) of_kinds: FxHashSet<Site>,
    /// Whether a condition of an open route may have asked who is calling.
    pub(super) asked: bool,
    /// The same where an account was found, or none was looked for.
    pub(super) asked_of_account: bool,
    /// Values of the client that something out of reach was given.
    pub(super) shown_secrets: BTreeSet<ClientId>,
    /// Whether that may have been any of them.
    pub(super) shows_all: bool,
    /// Secrets of the client's by which rows of nobody in particular were found before a token was handed out.
    pub(super) unbound_secrets: BTreeSet<ClientId>,
    /// Values of the client that columns of rows which were found are set to.
    pub(super) kept_secrets: BTreeSet<ClientId>,
    /// Dictionaries of the client's whose keys something has looked at, or taken out.
    pub(super) cut: FxHashSet<SmolStr>,
    /// Where the clock had the row at hand changed, if nothing else did.
    pub(super) kept_up: Option<Site>,
    /// Columns of tables without a class that queries demand to be the caller's.
    pub(super) asked_of_caller: FxHashSet<Asked>,
    /// Whether rows are given out that nobody has published.
    pub(super) unpublished: bool,
    /// Tables of rows that were found beside the caller's.
    pub(super) hints: Vec<(Table, Use)>,
    /// Rows that were compared with the caller, by the places that fetched them.
    pub(super) told_apart: Vec<(Site, Table, Use)>,
    /// The same of rows that hang on such a row, with the place of that one.
    pub(super) hung: Vec<(Site, Table, Use)>,
    pub(super) budget: u32,
    /// Whether anything asked what the path of the route holds.
    pub(super) asks_path: Cell<bool>,
    pub(super) data: RouteData,
}

impl<'e, 'a> Engine<'e, 'a> {
    pub(super) fn new(interpreter: &'e Interpreter<'a>, route: &'e Route, guarded: bool) -> Self {
        Self {
            interpreter,
            route,
            guarded,
            own_steps: Vec::new(),
            only: None,
            stack: Vec::new(),
            calls: Vec::new(),
            in_dependency: false,
            in_root: false,
            in_callback: false,
            in_later: false,
            gone_through: Vec::new(),
            clients: Vec::new(),
            models: FxHashMap::default(),
            classes: FxHashMap::default(),
            numbers: FxHashMap::default(),
            jumps: Vec::new(),
            principal: SmolStr::default(),
            compares: vec![false; route.dependencies.len()],
            caller: Caller::Unknown,
            by_policies: false,
            looked_up: BTreeSet::new(),
            keys: Vec::new(),
            tokens: Vec::new(),
            principal_class: None,
            callers: Callers::default(),
            services: FxHashMap::default(),
            absences: FxHashSet::default(),
            harmless: FxHashSet::default(),
            choices: FxHashMap::default(),
            at: route.registration,
            route_handler: route.function().map(|handler| handler.site),
            wrappers: 0,
            principals: FxHashMap::default(),
            rights: Vec::new(),
            in_right: false,
            modest: Vec::new(),
            beyond: BTreeSet::new(),
            role_texts: FxHashMap::default(),
            compared: Vec::new(),
            compared_clients: BTreeSet::new(),
            grouped: FxHashSet::default(),
            made_of_rows: FxHashSet::default(),
            columns_of_rows: FxHashSet::default(),
            of_nobody: FxHashSet::default(),
            of_kinds: FxHashSet::default(),
            asked: false,
            asked_of_account: false,
            shown_secrets: BTreeSet::new(),
            shows_all: false,
            unbound_secrets: BTreeSet::new(),
            kept_secrets: BTreeSet::new(),
            cut: FxHashSet::default(),
            kept_up: None,
            asked_of_caller: FxHashSet::default(),
            unpublished: false,
            hints: Vec::new(),
            told_apart: Vec::new(),
            hung: Vec::new(),
            budget: MAX_DEPENDENCY_STEPS,
            asks_path: Cell::new(false),
            data: RouteData::default(),
        }
    }
}

impl Engine<'_, '_> {
    pub(super) fn spend(&mut self) -> bool {
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }

    /// The dependencies have run; where they took all steps, nothing is known of what follows.
    pub(super) fn begin_handler(&mut self) {
        if self.budget > 0 {
            self.budget = MAX_STEPS;
        }
    }

    /// A place in the innermost function.
    pub(super) fn site(&self, expr: &Expr) -> Site {
        match self.stack.last() {
            Some(function) => Site { range: expr.range, ..function.site },
            None => self.route.registration,
        }
    }

    /// The value of an expression outside of the function's own variables.
    pub(super) fn outer(&self, expr: &Expr) -> Value {
        match self.stack.last() {
            Some(function) => self.interpreter.eval(function, expr),
            None => Value::Unknown(crate::index::value::Unknown::Unsupported),
        }
    }

    /// The number of what is made at a place, the same on every path.
    fn number(&mut self, site: Site, kind: u8) -> u32 {
        let mut key = self.calls.clone();
        key.push(site);
        let next = self.numbers.len() as u32;
        *self.numbers.entry((key, kind)).or_insert(next)
    }

    pub(super) fn add_row(&mut self, path: &mut Path, row: Row) -> Abs {
        let id: RowId = self.number(row.site, 0);
        self.note_standing_of(&row);
        path.rows.insert(id, Shared::new(row));
        Abs::Row(id)
    }

    pub(super) fn add_object(&mut self, path: &mut Path, object: Object) -> ObjectId {
        let id = self.number(object.site, 1);
        path.objects.insert(id, Shared::new(object));
        id
    }

    /// A client's value of that name, taken at a place.
    pub(super) fn new_client(&mut self, place: Place, name: SmolStr, site: Site) -> ClientId {
        let says_caller = self.is_self_name(name.rsplit('.').next().unwrap_or(&name));
        self.add_client(Client { place, name, site, own: !self.in_dependency, says_caller })
    }

    /// Whether a column or argument of that name holds whose something is.
    pub(super) fn is_owner_name(&self, name: &str) -> bool {
        names::is_owner(name)
            || self.callers.is_key(name)
            || names::is_stated(self.interpreter.sources().owner_names(), name)
    }

    /// Whether a name says who is calling, and not whom a record is about.
    pub(super) fn is_self_name(&self, name: &str) -> bool {
        names::is_self(name) || names::is_stated(self.interpreter.sources().owner_names(), name)
    }

    fn add_client(&mut self, client: Client) -> ClientId {
        let same = |known: &Client| known.place == client.place && known.name == client.name;
        let other = self.clients.iter_mut().find(|known| same(known));
        if let Some(known) = other.filter(|known| client.own && !known.own) {
            *known = client.clone();
        }
        match self.clients.iter().position(same) {
            Some(at) => at as ClientId,
            None => {
                self.clients.push(client);
                (self.clients.len() - 1) as ClientId
            }
        }
    }
}
