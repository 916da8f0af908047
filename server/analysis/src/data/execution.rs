//! Statements, path by path.

use std::cell::Cell;
use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::calls::is_dotted;
use super::counters;
use super::joining::bounded;
use super::models::{Callers, Model};
use super::names;
use super::rejections::{asks_for_a_right, ends_by_raising, forbids};
use super::requests::with_entries;
use super::roles::{ModestGift, RoleAsked};
use super::shared::Shared;
use super::value::{Abs, Client, ClientId, Object, ObjectId, Path, Place, Role, Row, RowId};
use super::{RolesAsked, RouteData, Table, Use};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};
use std::sync::Arc;

/// Entries of a dictionary that are gone through one by one.
const MAX_ENTRIES: usize = 12;
/// The same of texts in a list.
const MAX_TEXTS: usize = 6;
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

/// The execution of one route.
#[derive(Clone)]
pub(super) struct Engine<'e, 'a> {
    pub(super) interpreter: &'e Interpreter<'a>,
    pub(super) route: &'e Route,
    /// Whether a caller without a verified identity gets here.
    pub(super) guarded: bool,
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
    jumps: Vec<Vec<Path>>,
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
    /// Of those, queries whose columns say what kind of rows there are, and whose none.
    pub(super) of_kinds: FxHashSet<Site>,
    /// Whether a condition of an open route may have asked who is calling.
    pub(super) asked: bool,
    /// Dictionaries of the client's whose keys something has looked at, or taken out.
    pub(super) cut: FxHashSet<SmolStr>,
    /// Where the clock had the row at hand changed, if nothing else did.
    pub(super) kept_up: Option<Site>,
    /// Tables of rows that were found beside the caller's.
    pub(super) hints: Vec<(Table, Use)>,
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
            of_kinds: FxHashSet::default(),
            asked: false,
            cut: FxHashSet::default(),
            kept_up: None,
            hints: Vec::new(),
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

    /// Executes the body of the innermost function.
    pub(super) fn body(&mut self, path: Path, body: &[Stmt]) -> Vec<Exit> {
        let mut exits = Vec::new();
        let outer = std::mem::take(&mut self.jumps);
        for path in self.block(vec![path], body, &mut exits) {
            exits.push((path, Abs::Nothing));
        }
        self.jumps = outer;
        exits
    }

    fn block(&mut self, mut paths: Vec<Path>, body: &[Stmt], exits: &mut Vec<Exit>) -> Vec<Path> {
        for stmt in body {
            let mut after = Vec::new();
            for path in paths {
                if self.spend() {
                    self.step(path, stmt, exits, &mut after);
                } else {
                    after.push(Path { doubt: true, ..path });
                }
            }
            paths = bounded(after);
            if paths.is_empty() {
                break;
            }
        }
        paths
    }

    fn step(&mut self, mut path: Path, stmt: &Stmt, exits: &mut Vec<Exit>, after: &mut Vec<Path>) {
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                self.note_discarded(&mut path, expr);
                after.extend(self.fork(path, expr).into_iter().map(|(path, _)| path));
            }
            StmtKind::Assign(assign) if counters::counts(assign) => after.push(path),
            StmtKind::AugAssign(assign) if counters::counts_on(assign) => after.push(path),
            StmtKind::Assign(assign) => {
                let Some(value) = &assign.value else { return after.push(path) };
                for (mut path, value) in self.fork(path, value) {
                    for target in &assign.targets {
                        self.assign(&mut path, target, &value);
                    }
                    after.push(path);
                }
            }
            StmtKind::AugAssign(assign) => {
                let value = self.eval(&mut path, &assign.value);
                let old = self.eval(&mut path, &assign.target);
                let joined = match (&old, &value) {
                    (Abs::Items(a), Abs::Items(b)) => Abs::Items(Arc::new(a.iter().chain(b.iter()).cloned().collect())),
                    _ => super::value::Mix::of([&old, &value]).into_abs(),
                };
                self.assign(&mut path, &assign.target, &joined);
                after.push(path);
            }
            // Who is given a row may look at it.
            StmtKind::Return(Some(value)) if value.as_name().is_some_and(|name| path.vars.contains_key(name)) => {
                let value = value.as_name().and_then(|name| path.vars.get(name)).cloned();
                exits.push((path, value.unwrap_or(Abs::Nothing)));
            }
            StmtKind::Return(value) => match value {
                Some(value) => exits.extend(self.fork(path, value)),
                None => exits.push((path, Abs::Nothing)),
            },
            StmtKind::Raise { exc, .. } => {
                if let Some(exc) = exc {
                    self.eval(&mut path, exc);
                    self.judge_rejection(&path, exc);
                }
            }
            StmtKind::If { test, body, or_else } => {
                path.stranger = None;
                self.note_condition(&path, test);
                // Who is answered 403 lacks a right: whoever goes on has it, as far as can be told.
                let forbids = forbids(body);
                let lacks = forbids && self.asks_what_is_missing(test);
                let of_caller = forbids && self.in_root;
                let is_right = self.in_root && lacks
                    || of_caller && (self.is_found_of_caller(&path, test) || self.asks_whether_listed(&path, test));
                let is_doubtful = lacks || forbids && self.is_unclear(&path, test);
                let is_for_some = self.narrows_for_some(&path, test, body);
                let before = is_doubtful.then(|| path.clone());
                let asked = path.clone();
                let had_right = path.privileged;
                let (yes, mut no) = self.branch(path, test);
                let yes = bounded(yes);
                let role = if had_right { None } else { RoleAsked::of(&yes, forbids) };
                let ends = self.block(yes, body, exits);
                if ends.is_empty() && ends_by_raising(body) {
                    self.forget_time(&asked, &mut no);
                }
                for path in &mut no {
                    // Who is no stranger was compared with somebody, however much of that is not clear.
                    path.doubt |= before.as_ref().is_some_and(|before| !path.knows_more_than(before));
                    path.privileged |= is_right || is_for_some;
                    if let Some(role) = &role {
                        role.passed_by(path, &ends);
                    }
                }
                after.extend(ends);
                after.extend(self.block(bounded(no), or_else, exits));
            }
            StmtKind::Assert(test) => after.extend(self.branch(path, test).0),
            StmtKind::While { test, body, or_else } => {
                let (yes, no) = self.branch(path, test);
                self.jumps.push(Vec::new());
                let through = self.block(bounded(yes), body, exits);
                let jumped = self.jumps.pop().unwrap_or_default();
                after.extend(self.block(no, or_else, exits));
                after.extend(through);
                after.extend(jumped);
            }
            StmtKind::For { target, iter, body, or_else } => {
                let items = self.eval(&mut path, iter);
                if path.dead {
                    return;
                }
                if let Some(entries) = entries(&items) {
                    let mut paths = vec![path];
                    for entry in entries {
                        self.jumps.push(Vec::new());
                        for path in &mut paths {
                            self.assign(path, target, entry);
                        }
                        let outer = self.enter_entry(entry);
                        paths = self.block(paths, body, exits);
                        self.gone_through.truncate(outer);
                        paths.extend(self.jumps.pop().unwrap_or_default());
                    }
                    return after.extend(self.block(bounded(paths), or_else, exits));
                }
                self.note_cut(&items);
                let element = element(&items);
                // Rows that there are none of need no check.
                // Nor is there a need for rights that nobody asks for, and who has none is given none.
                let may_be_empty = !matches!(items, Abs::Row(_) | Abs::Part(..) | Abs::Dump(_) | Abs::Principal(_))
                    && !body.iter().any(asks_for_a_right);
                let mut inside = path.clone();
                self.assign(&mut inside, target, &element);
                self.jumps.push(Vec::new());
                let mut through = self.block(vec![inside], body, exits);
                through.extend(self.jumps.pop().unwrap_or_default());
                if may_be_empty || through.is_empty() {
                    through.push(path);
                }
                after.extend(self.block(bounded(through), or_else, exits));
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                let before = path.clone();
                let mut ends = Vec::new();
                let through = self.block(vec![path], body, exits);
                ends.extend(self.block(through, or_else, exits));
                for handler in handlers {
                    let mut caught = before.clone();
                    if let Some(name) = &handler.name {
                        caught.vars.insert(name.clone(), Abs::Other);
                    }
                    ends.extend(self.block(vec![caught], &handler.body, exits));
                }
                after.extend(self.block(bounded(ends), finally, exits));
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let value = self.eval(&mut path, context);
                    if let Some(target) = target {
                        self.assign(&mut path, target, &value);
                    }
                }
                after.extend(self.block(vec![path], body, exits));
            }
            StmtKind::Match { subject, cases } => {
                self.eval(&mut path, subject);
                let mut exhaustive = false;
                for case in cases {
                    let mut inside = path.clone();
                    for name in &case.binds {
                        inside.vars.insert(name.clone(), Abs::Unknown);
                    }
                    after.extend(self.block(vec![inside], &case.body, exits));
                    exhaustive |= case.irrefutable;
                }
                if !exhaustive {
                    after.push(path);
                }
            }
            StmtKind::Break | StmtKind::Continue => {
                if let Some(jumps) = self.jumps.last_mut() {
                    jumps.push(path);
                }
            }
            StmtKind::Delete(targets) => {
                targets.iter().for_each(|target| self.take_out(&mut path, target));
                after.push(path);
            }
            StmtKind::Global(_) | StmtKind::Pass | StmtKind::TypeAlias { .. } => after.push(path),
            StmtKind::Import(_) | StmtKind::ImportFrom(_) => after.push(path),
            StmtKind::Function(def) => {
                self.define(&mut path, def);
                after.push(path);
            }
            StmtKind::Class(class) => {
                path.vars.insert(class.name.name.clone(), Abs::Unknown);
                after.push(path);
            }
            StmtKind::Unknown => after.push(Path { doubt: true, ..path }),
        }
        after.retain(|path| !path.dead);
    }

    /// Assigns to a name, a tuple, an attribute or an item.
    pub(super) fn assign(&mut self, path: &mut Path, target: &Expr, value: &Abs) {
        match &target.kind {
            ExprKind::Name(name) => {
                self.note_global(path, target, name, value);
                path.vars.insert(name.clone(), value.clone());
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let one = match value {
                        Abs::Items(items) if items.len() == parts.len() => items[at].clone(),
                        // `for key, value in body.model_dump().items()`
                        Abs::Dump(dump) if at == 0 => Abs::DumpKey(Arc::clone(dump)),
                        other => element(other),
                    };
                    self.assign(path, part, &one);
                }
            }
            ExprKind::Starred(part) => self.assign(path, part, value),
            ExprKind::Attribute { value: object, name } => {
                let object = self.eval(path, object);
                self.set_attribute(path, target, &object, &name.name, value);
            }
            ExprKind::Subscript { value: container, index } => {
                if is_dotted(container) {
                    let table = self.eval(&mut path.clone(), container);
                    self.note_cut(&table);
                }
                if container.as_name().is_none_or(|name| !path.vars.contains_key(name)) {
                    let (of, key) = (self.eval(path, container), self.eval(path, index));
                    self.note_environment(path, target, &of, &key, value);
                }
                let key = match index.as_str() {
                    Some(key) => Some(key.clone()),
                    // `copy[key] = value`, of entries that are gone through one by one.
                    None => index.as_name().and_then(|name| match path.vars.get(name) {
                        Some(Abs::Text(key)) => Some(key.clone()),
                        _ => None,
                    }),
                };
                if let (Some(key), Some(name)) = (key, container.as_name()) {
                    let changed = match path.vars.get(name) {
                        Some(Abs::Dump(dump)) => Some(Abs::Dump(Arc::new(dump.with([&(key.clone(), value.clone())])))),
                        Some(table) => with_entries(table, &[(key.clone(), value.clone())]),
                        None => None,
                    };
                    if let Some(changed) = changed {
                        path.vars.insert(name.clone(), changed);
                    }
                } else if let Some(name) = container.as_name()
                    && matches!(path.vars.get(name), Some(Abs::Map(entries)) if entries.is_empty())
                {
                    // Whatever the keys are, they come from the same as what they lead to.
                    let key = self.eval(path, index);
                    let held = super::value::Mix::of([&key, value]);
                    if let (Abs::DumpKey(of), Abs::Dump(dump)) = (&key, value)
                        && of == dump
                    {
                        // A copy, entry by entry.
                        path.vars.insert(name.clone(), value.clone());
                    } else if held.principal || !held.rows.is_empty() || !held.clients.is_empty() {
                        path.vars.insert(name.clone(), held.into_abs());
                    }
                }
            }
            _ => {}
        }
    }
}

/// What iterating over a value gives.
pub(super) fn element(value: &Abs) -> Abs {
    match value {
        Abs::Items(items) => match items.as_slice() {
            [] => Abs::Other,
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
            items => super::value::Mix::of(items).into_abs(),
        },
        Abs::Map(_) | Abs::Text(_) | Abs::Constant(_) | Abs::Nothing => Abs::Other,
        Abs::Known(_) | Abs::Statement(_) | Abs::Local(_) => Abs::Unknown,
        other => other.clone(),
    }
}

/// What to go through one by one: the entries of a small dictionary that is known, or a few texts.
pub(super) fn entries(value: &Abs) -> Option<&[Abs]> {
    let Abs::Items(items) = value else { return None };
    let known = |item: &Abs| match item {
        Abs::Text(_) => true,
        Abs::Items(pair) => matches!(pair.as_slice(), [Abs::Text(_), _]),
        _ => false,
    };
    let most = if matches!(items.first(), Some(Abs::Text(_))) { MAX_TEXTS } else { MAX_ENTRIES };
    (1..=most).contains(&items.len()).then_some(items.as_slice()).filter(|items| items.iter().all(known))
}
