//! Calls: into the project's own functions, and of packages.

use std::sync::Arc;

use smol_str::SmolStr;

pub(super) use crate::facts::python::tree::Spread;

use super::buffers;
use super::callees::{is_of_package, is_reading, is_stub};
use super::drivers;
use super::engine::{Engine, Exit};
use super::expressions::root_name;
use super::handover::CONTEXT_VARIABLE;
use super::joining::keep_exit;
use super::methods::{filled_by_principal, list_method};
use super::models::last_name;
use super::names;
use super::requests::with_entries;
use super::terms::{column_method, operator, term_method};
use super::upkeep::{from_clock, written_of};
use super::value::{Abs, Known, Made, Mix, Path, Vars};
use crate::auth::raising::always_raises;
use crate::facts::python::idioms::is_left_unawaited;
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Project functions followed inside each other, the handler included.
pub(super) const MAX_DEPTH: usize = 7;

/// An evaluated argument.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) name: Option<SmolStr>,
    pub(super) spread: Spread,
    pub(super) value: Abs,
}

impl Given {
    /// An argument without a name.
    pub(super) fn plain(value: Abs) -> Self {
        Self { name: None, spread: Spread::No, value }
    }
}

impl Engine<'_, '_> {
    /// Executes a call.
    pub(super) fn call(&mut self, mut path: Path, expr: &Expr, func: &Expr, args: &[Arg]) -> Vec<Exit> {
        if !self.spend() {
            path.doubt = true;
            return vec![(path, Abs::Unknown)];
        }
        let ways = self.arguments(path, args);
        ways.into_iter().flat_map(|(path, given)| self.call_with(path, expr, func, args, given)).collect()
    }

    /// Calls with arguments that are evaluated.
    fn call_with(&mut self, mut path: Path, expr: &Expr, func: &Expr, args: &[Arg], given: Vec<Given>) -> Vec<Exit> {
        if path.dead {
            return Vec::new();
        }
        self.at = self.site(expr);
        if let Some(answer) = self.shows_key(expr) {
            return vec![(path, answer)];
        }
        let ExprKind::Attribute { value, name } = &func.kind else {
            let name = last_name(func).unwrap_or_default();
            if let ExprKind::Subscript { .. } | ExprKind::Call { .. } = &func.kind {
                let callees = self.fork(path, func);
                let called = |(path, callee)| self.apply(path, expr, callee, name, given.clone());
                return callees.into_iter().flat_map(called).collect();
            }
            let callee = self.eval(&mut path, func);
            return self.apply(path, expr, callee, name, given);
        };
        let name = &name.name;
        if is_super(value) {
            return self.super_method(path, expr, name, given);
        }
        if is_dotted(func) && root_name(func).is_some_and(|root| !path.vars.contains_key(root)) {
            let known = self.outer(func);
            if matches!(known, Value::Function(_) | Value::Bound(_) | Value::Class(_)) {
                return self.apply(path, expr, Abs::Known(Known(known)), name, given);
            }
        }
        let receiver = self.eval(&mut path, value);
        if path.dead {
            return Vec::new();
        }
        self.method(path, expr, value, receiver, name, args, given)
    }

    /// Calls what a value is known to be.
    pub(super) fn apply(
        &mut self,
        mut path: Path,
        expr: &Expr,
        callee: Abs,
        name: &str,
        given: Vec<Given>,
    ) -> Vec<Exit> {
        let value = match callee {
            Abs::Known(Known(value)) => value,
            Abs::Local(closure) => return self.call_closure(path, self.site(expr), &closure, given),
            Abs::Predicates(predicates) => return vec![(path, operator(&predicates, &given))],
            _ => return self.unfollowed(path, name, None, &given),
        };
        match value {
            Value::Function(function) => self.follow(path, expr, &function, None, given),
            Value::Bound(bound) => {
                let receiver = self.as_abs(bound.0.clone());
                self.follow(path, expr, &bound.1, Some(receiver), given)
            }
            Value::Class(class) => self.construct(path, expr, &class, given),
            Value::Package(package) => {
                if matches!(last_of(&package), "run_in_threadpool" | "to_thread" | "run_sync") && !given.is_empty() {
                    let mut given = given;
                    let callee = given.remove(0).value;
                    return self.apply(path, expr, callee, name, given);
                }
                let value = self.package(&mut path, expr, &package, &given);
                vec![(path, value)]
            }
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => match self.interpreter.method(class, "__call__") {
                    Some(call) => {
                        let receiver = Abs::Known(Known(Value::Instance(Arc::clone(&instance))));
                        self.follow(path, expr, &call, Some(receiver), given)
                    }
                    None => self.unfollowed(path, name, None, &given),
                },
                Value::Package(package) => {
                    let value = self.package(&mut path, expr, package, &given);
                    vec![(path, value)]
                }
                _ => self.unfollowed(path, name, None, &given),
            },
            _ => self.unfollowed(path, name, None, &given),
        }
    }

    /// `super().name(…)`.
    fn super_method(&mut self, path: Path, expr: &Expr, name: &SmolStr, given: Vec<Given>) -> Vec<Exit> {
        let class = self.stack.last().and_then(|function| function.class.clone());
        let receiver = self.stack.last().and_then(|function| {
            function.def.params.first().and_then(|param| path.vars.get(&param.name.name).cloned())
        });
        let method = class.and_then(|class| {
            class.bases.iter().find_map(|base| match base {
                Value::Class(base) => self.interpreter.method(base, name),
                _ => None,
            })
        });
        match method {
            Some(method) => self.follow(path, expr, &method, receiver, given),
            None if name == "__call__" && self.is_scheme_of_package() => vec![(path, self.credential())],
            None => {
                let mut path = path;
                if let (Some(Abs::Object(id)), "__init__") = (&receiver, name.as_str())
                    && let Some(object) = path.objects.get_mut(id)
                {
                    // A package's initialiser keeps what it is given, under names of its own.
                    for (at, one) in given.iter().enumerate() {
                        let kept = one.name.clone().unwrap_or_else(|| SmolStr::new(format!("<{at}>")));
                        object.fields.entry(kept).or_insert_with(|| one.value.clone());
                    }
                }
                self.unfollowed(path, name, receiver.as_ref(), &given)
            }
        }
    }

    /// Whether the method at hand is one of a class that continues a scheme of FastAPI's: what that gives is the
    /// credential.
    fn is_scheme_of_package(&self) -> bool {
        let class = self.stack.last().and_then(|function| function.class.as_ref());
        let bases = class.map(|class| self.interpreter.package_bases(class)).unwrap_or_default();
        bases.iter().any(|base| base.starts_with("fastapi.security"))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a method call, spelled out")]
    fn method(
        &mut self,
        mut path: Path,
        expr: &Expr,
        target: &Expr,
        receiver: Abs,
        name: &SmolStr,
        args: &[Arg],
        given: Vec<Given>,
    ) -> Vec<Exit> {
        if !matches!(name.as_str(), "get" | "items" | "values" | "copy") {
            self.note_cut(&receiver);
        }
        self.note_provider_asked(&path, expr, name, &given);
        if name == "get"
            && let Some(key) = given.first()
            && let Some(picked) = self.picked(target, &receiver, &key.value)
        {
            let missing = given.get(1).map_or(Abs::Nothing, |one| one.value.clone());
            return picked.into_iter().chain([missing]).map(|one| (path.clone(), one)).collect();
        }
        let value = match &receiver {
            Abs::Statement(statement) => Some(self.statement_method(&mut path, expr, statement, name, args, &given)),
            Abs::Row(id) => {
                if let Some(value) = self.row_method(&mut path, expr, *id, name, &given) {
                    Some(value)
                } else {
                    let model = path.rows.get(id).and_then(|row| row.model.clone());
                    let class = model.and_then(|model| self.classes.get(&model.site).cloned());
                    if let Some(method) = class.and_then(|class| self.interpreter.method(&class, name)) {
                        return self.follow(path, expr, &method, Some(receiver), given);
                    }
                    // Documents write themselves.
                    if matches!(name.as_str(), "delete" | "save" | "save_changes" | "replace" | "set") {
                        let site = self.site(expr);
                        let written: Vec<Abs> = given.iter().map(|one| one.value.clone()).collect();
                        let written = written_of(&path, &written);
                        self.change(&mut path, *id, site, &written);
                        if let Some(row) = path.rows.get_mut(id).filter(|row| !row.checked) {
                            row.written = row.written.or(row.changed);
                        }
                        return vec![(path, receiver)];
                    }
                    None
                }
            }
            Abs::Part(..) | Abs::Own => Some(receiver.clone()),
            // `func.count().label("times")`
            Abs::Other if name == "label" => Some(Abs::Other),
            Abs::Other if name == "get" => match given.first().map(|one| &one.value) {
                Some(Abs::Text(key)) if self.lacks_entry(target, key) => {
                    Some(given.get(1).map_or(Abs::Nothing, |one| one.value.clone()))
                }
                Some(Abs::Text(key)) => self.constant_entry(target, key),
                Some(key) => self.rights_under(&path, target, key),
                None => None,
            },
            Abs::Clock => from_clock(given.iter().map(|one| &one.value).chain([&receiver])),
            Abs::Client(_) if matches!(name.as_str(), "strip" | "lower" | "upper") => Some(receiver.clone()),
            Abs::Client(client) if name == "get" && self.guarded => match given.first().map(|one| &one.value) {
                Some(Abs::Text(key)) => Some(self.client_part(*client, &key.clone(), expr)),
                _ => None,
            },
            Abs::Client(_) | Abs::Request(_) if name == "items" && self.guarded => {
                let site = self.site(expr);
                self.open_table(&receiver, site)
            }
            // The same moment in other words.
            Abs::Client(_) | Abs::Principal(_) | Abs::Mix(_) if name == "isoformat" => Some(receiver.clone()),
            // What is cut out of it is the client's, too.
            Abs::Client(_)
                if matches!(name.as_str(), "split" | "rsplit" | "splitlines" | "removeprefix" | "removesuffix") =>
            {
                Some(Mix::of(given.iter().map(|one| &one.value).chain([&receiver])).into_abs())
            }
            Abs::Principal(part) => {
                let class = self.principal_class.clone().filter(|_| part.is_empty());
                if let Some(method) = class.and_then(|class| self.interpreter.method(&class, name)) {
                    let exits = self.follow(path, expr, &method, Some(receiver), given);
                    return exits.into_iter().map(|(path, value)| (path, filled_by_principal(value, name))).collect();
                }
                self.principal_method(&mut path, expr, &receiver, name, &given)
            }
            Abs::Object(id) => {
                let id = *id;
                match path.objects.get(&id).map(|object| object.made.clone()) {
                    Some(Made::Body(class)) => {
                        if matches!(name.as_str(), "model_dump" | "dict") {
                            self.dump(&path, id, expr).map(|dump| Abs::Dump(Arc::new(dump)))
                        } else if matches!(name.as_str(), "model_copy" | "copy") {
                            Some(self.copy_of_body(&mut path, expr, id, &given))
                        } else if let Some(method) = self.interpreter.method(&class, name) {
                            return self.follow(path, expr, &method, Some(receiver), given);
                        } else {
                            None
                        }
                    }
                    Some(Made::Instance(class)) => {
                        if let Some(method) = self.interpreter.method(&class, name) {
                            return self.follow(path, expr, &method, Some(receiver), given);
                        }
                        let field = path.objects.get(&id).and_then(|object| object.fields.get(name).cloned());
                        if let Some(callee @ (Abs::Local(_) | Abs::Known(_))) = field {
                            return self.apply(path, expr, callee, name, given);
                        }
                        None
                    }
                    Some(Made::Row(_)) => {
                        if matches!(name.as_str(), "insert" | "create" | "save") {
                            let site = self.site(expr);
                            self.created(&mut path, id, site);
                        }
                        Some(Abs::Own)
                    }
                    Some(Made::Drawn | Made::Signed) => Some(receiver.clone()),
                    Some(Made::Buffer) => Some(buffers::method(&mut path, id, name, &given)),
                    None => None,
                }
            }
            Abs::Dump(dump) => Some(self.dump_method(&mut path, expr, target, dump, name, &given)),
            Abs::Map(entries) => match (name.as_str(), given.first().map(|one| &one.value)) {
                ("get" | "pop", Some(Abs::Text(key))) => {
                    let entry = self.entry(expr, entries, key).or_else(|| lacking(entries, key));
                    Some(entry.unwrap_or(Abs::Other))
                }
                ("update", _) if put_by_update(&mut path, target, &receiver, &given) => Some(Abs::Nothing),
                ("update", _) => None,
                ("copy", _) => Some(receiver.clone()),
                ("items", _) => Some(Abs::Items(Arc::new(
                    entries
                        .iter()
                        .map(|(key, value)| Abs::Items(Arc::new(vec![Abs::Text(key.clone()), value.clone()])))
                        .collect(),
                ))),
                _ => Some(Mix::of([&receiver]).into_abs()),
            },
            Abs::Items(items) => Some(list_method(&mut path, target, items, name, &given)),
            Abs::Column(model, column) => Some(column_method(model, column, name, &given)),
            Abs::Predicates(_) => Some(term_method(&receiver, name, &given)),
            Abs::Request(_) if name == "update" && put_by_update(&mut path, target, &receiver, &given) => {
                Some(Abs::Nothing)
            }
            Abs::Request(part) => Some(match (part.as_str(), name.as_str()) {
                ("", "json" | "body") | ("body", "decode") => Abs::Request(SmolStr::new_static("body")),
                ("", "form") => Abs::Request(SmolStr::new_static("form")),
                (_, "get" | "getlist" | "pop") => match given.first().map(|one| one.value.clone()) {
                    Some(Abs::Text(key)) => self.request_item(expr, &part.clone(), &key),
                    _ => Abs::Unknown,
                },
                // What is sent through a socket is given out.
                ("", "send_json" | "send_text" | "send_bytes") => {
                    let rows = Mix::of(given.iter().map(|one| &one.value)).rows;
                    path.handed_out.extend(rows);
                    Abs::Nothing
                }
                ("", "receive_json" | "receive_text") => Abs::Request(SmolStr::new_static("body")),
                _ => Abs::Unknown,
            }),
            Abs::Known(Known(Value::Class(class))) => {
                if let Some(value) = self.class_method(&mut path, expr, class, name, &given) {
                    Some(value)
                } else if let Some(method) = self.interpreter.method(class, name) {
                    return self.follow(path, expr, &method, Some(receiver), given);
                } else {
                    let class = Arc::clone(class);
                    let value = self.record_method(&mut path, expr, &class, name, &given);
                    value.or_else(|| self.document_method(&mut path, expr, &class, name, &given))
                }
            }
            Abs::Known(Known(Value::Instance(instance))) => match &instance.class {
                Value::Class(class) => match self.interpreter.method(class, name) {
                    Some(method) => return self.follow(path, expr, &method, Some(receiver), given),
                    None => None,
                },
                Value::Package(class) if class == CONTEXT_VARIABLE => self.context_variable(target, instance, name),
                _ => self.core_method(expr, &Value::Instance(Arc::clone(instance)), name, &given),
            },
            Abs::Known(Known(Value::Module(file))) => {
                let callee = self.as_abs(self.interpreter.lookup(*file, name));
                return self.apply(path, expr, callee, name, given);
            }
            Abs::Known(Known(Value::Package(package))) => {
                if self.session_like(name) {
                    self.session_method(&mut path, expr, name, &given)
                } else if let Some(value) = self.store_method(&mut path, expr, target, name, &given) {
                    Some(value)
                } else {
                    let full = SmolStr::new(format!("{package}.{name}"));
                    let callee = Abs::Known(Known(Value::Package(full)));
                    return self.apply(path, expr, callee, name, given);
                }
            }
            _ => None,
        };
        if let Some(value) = value {
            return vec![(path, value)];
        }
        if let Some(value) = self.session_method(&mut path, expr, name, &given) {
            return vec![(path, value)];
        }
        if matches!(receiver, Abs::Unknown | Abs::Known(_) | Abs::Principal(_))
            && let Some(value) = self.store_method(&mut path, expr, target, name, &given)
        {
            return vec![(path, value)];
        }
        self.unfollowed(path, name, Some(&receiver), &given)
    }

    fn session_like(&self, name: &str) -> bool {
        matches!(name, "query" | "exec" | "scalars" | "scalar" | "add" | "commit" | "delete" | "flush" | "get")
            || drivers::executes(name)
    }

    /// A call whose body is not in reach.
    pub(super) fn unfollowed(
        &mut self,
        mut path: Path,
        name: &str,
        receiver: Option<&Abs>,
        given: &[Given],
    ) -> Vec<Exit> {
        self.hand_out(&mut path, receiver, given);
        self.note_secrets_shown(&path, name, receiver, given);
        for one in given {
            path.look_at(&one.value);
            self.note_cut(&one.value);
        }
        // Who gets the request may look for a credential.
        let is_shown = !self.in_dependency && given.iter().any(|one| matches!(one.value, Abs::Request(_)));
        self.asked |= is_shown;
        self.asked_of_account |= is_shown;
        let mut mix = Mix::default();
        for value in given.iter().map(|one| &one.value).chain(receiver) {
            let parts = value.parts(&path).into_abs();
            mix.add(&parts);
        }
        if mix.principal && self.in_root {
            return vec![(path, Abs::Principal(SmolStr::default()))];
        }
        // It may turn away callers that are not the owner; a dependency is there to do that.
        let asks = self.in_dependency
            && !self.in_root
            && (mix.principal && !is_reading(receiver, name) && !is_of_package(receiver, name)
                || given.iter().any(|one| matches!(one.value, Abs::Request(_))));
        if asks || mix.principal && names::is_check(name) {
            path.doubt = true;
        }
        mix.unclear = true;
        vec![(path, mix.into_abs())]
    }

    /// Executes a function of the project.
    pub(super) fn follow(
        &mut self,
        path: Path,
        expr: &Expr,
        function: &Arc<FunctionRef>,
        receiver: Option<Abs>,
        given: Vec<Given>,
    ) -> Vec<Exit> {
        // A coroutine that nobody awaits does nothing, and is true.
        let here = self.stack.last().filter(|_| function.def.is_async);
        if here.is_some_and(|here| is_left_unawaited(&here.def.body, expr)) {
            return vec![(path, Abs::Other)];
        }
        let site = self.site(expr);
        let raises = match (self.stack.last(), expr.as_call()) {
            (Some(caller), Some((_, args))) => always_raises(self.interpreter, caller, function, args),
            _ => false,
        };
        let exits = self.follow_from(path, site, function, receiver, given);
        if raises { Vec::new() } else { exits }
    }

    /// The same, called at a place.
    pub(super) fn follow_from(
        &mut self,
        path: Path,
        site: Site,
        function: &Arc<FunctionRef>,
        receiver: Option<Abs>,
        given: Vec<Given>,
    ) -> Vec<Exit> {
        let active = self.stack.iter().any(|other| other.site == function.site);
        // The body of now, in a copy that goes again: the one that values hold stays as long as they do.
        let current = (!active && self.stack.len() < MAX_DEPTH).then(|| self.interpreter.current(function));
        let Some(function) = current.filter(|function| !is_stub(function)) else {
            if let Some(exits) = self.implemented(&path, site, function, receiver.as_ref(), &given) {
                return exits;
            }
            let name = function.def.name.name.clone();
            return self.unfollowed(path, &name, receiver.as_ref(), &given);
        };
        let before = path.clone();
        let mut mix = Mix::default();
        for value in given.iter().map(|one| &one.value).chain(&receiver) {
            mix.add(&value.parts(&path).into_abs());
        }
        let vars = self.bind(&function, receiver, given);
        // One call may not take all the steps that there are.
        let kept = self.budget / 4;
        self.budget -= kept;
        let exits = self.run(path, function, vars, site);
        let exhausted = self.budget == 0;
        self.budget += kept;
        if exhausted { vec![self.not_to_the_end(before, mix)] } else { exits }
    }

    /// A call that takes too many steps: it may have turned callers away for what it was given.
    fn not_to_the_end(&self, mut path: Path, mut given: Mix) -> Exit {
        path.doubted.0.extend(&given.rows);
        path.doubted.1.extend(&given.clients);
        if given.principal && self.in_root {
            return (path, Abs::Principal(SmolStr::default()));
        }
        given.unclear = true;
        (path, given.into_abs())
    }

    /// Executes a function with its parameters bound.
    pub(super) fn run(&mut self, mut path: Path, function: FunctionRef, vars: Vars, site: Site) -> Vec<Exit> {
        let mut vars = vars;
        let is_generator = function.def.is_generator;
        self.know_types(&mut path, &function, &mut vars, site);
        let yielded = path.yielded.take();
        self.interpreter.count_body(function.site);
        let outer = std::mem::replace(&mut path.vars, vars);
        let known = self.in_dependency.then(|| path.rows.clone());
        let def = Arc::clone(&function.def);
        if self.route_handler == Some(function.site) {
            self.wrappers = self.stack.len();
        }
        self.stack.push(function);
        self.calls.push(site);
        let exits = self.body(path, &def.body);
        self.calls.pop();
        let function = self.stack.pop();
        let mut kept: Vec<Exit> = Vec::new();
        for (mut path, mut value) in exits {
            path.vars.clone_from(&outer);
            let given = std::mem::replace(&mut path.yielded, yielded.clone());
            if is_generator {
                value = given.unwrap_or(Abs::Nothing);
            }
            if let (Abs::Unknown, Some(function)) = (&value, &function) {
                value = self.returned(&mut path, function, site);
            }
            if let Some(known) = &known {
                self.forget_looked_up(&mut path, &value, known);
            }
            keep_exit(&mut kept, (path, value));
        }
        kept
    }
}

/// `super()`.
fn is_super(expr: &Expr) -> bool {
    expr.as_call().is_some_and(|(func, _)| func.as_name().is_some_and(|name| name == "super"))
}

/// `a.b.c`.
pub(super) fn is_dotted(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => true,
        ExprKind::Attribute { value, .. } => is_dotted(value),
        _ => false,
    }
}

/// The last part of a dotted path.
pub(super) fn last_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// `data.update(user_id=me.id)`: whether it is known what that puts into the table that a variable holds.
fn put_by_update(path: &mut Path, target: &Expr, table: &Abs, given: &[Given]) -> bool {
    let Some(name) = target.as_name() else { return false };
    let mut put = Vec::new();
    for one in given {
        match (&one.name, &one.value) {
            (Some(key), value) => put.push((key.clone(), value.clone())),
            (None, Abs::Map(entries)) => put.extend(entries.iter().cloned()),
            _ => return false,
        }
    }
    let changed = with_entries(table, &put);
    changed.map(|changed| path.vars.insert(name.clone(), changed)).is_some()
}

/// What a dictionary that tells who calls says of a key that it lacks: `user.get("role", "user")` asks for the caller's
/// role, though nobody has one.
fn lacking(entries: &[(SmolStr, Abs)], key: &SmolStr) -> Option<Abs> {
    let tells = entries.iter().any(|(_, value)| matches!(value, Abs::Principal(_)));
    tells.then(|| Abs::Principal(key.clone()))
}
