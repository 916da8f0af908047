//! From a route to the values that its handler is called with: dependencies
//! are executed as FastAPI runs them, parameters come from the request.

use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::{Caller, Engine, Exit};
use super::handover::names_nobody;
use super::models::{Model, last_name};
use super::names;
use super::runs::Runs;
use super::value::{Abs, Known, Object, Path, Vars};
use super::{Access, Fault, RouteData, service, strangers, verifies};
use crate::auth::guard::{Guard, Weak};
use crate::auth::{Judge, is_database, public};
use crate::facts::python::tree::Param;
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};

/// Paths that the dependencies may leave.
const MAX_ENTRIES: usize = 8;

/// Whether the state that an identity provider sends back says whose a row is, as it is: anybody can write that.
fn is_named_by_state(access: &Access) -> bool {
    access.fault == Fault::TrustsClient && access.client.as_ref().is_some_and(|client| client.name == "state")
}

/// Executes a route's dependencies and its handler.
pub(super) fn judge<'e, 'a>(
    interpreter: &'e Interpreter<'a>,
    judge: &Judge<'_>,
    route: &'e Route,
    guard: &Guard,
    runs: &Runs<'e, 'a>,
) -> RouteData {
    let guarded = match guard {
        Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_) => true,
        // Whoever is let in, whose rows they get is another question.
        Guard::Unknown(_) => true,
        // What a dependency believes is reported at the dependency.
        Guard::Open(None | Some(Weak::Unapplied(_) | Weak::Dependency(..))) => false,
        // Whoever signs up may ask to be more than others; what everybody may read is no tenant's.
        Guard::Public(_) => false,
        _ => return RouteData::default(),
    };
    let Some(handler) = route.function() else { return RouteData::default() };
    if route.kind.is_mounted() || !route.injects {
        return RouteData::default();
    }
    let handler = interpreter.current(handler);
    let mut engine = Engine::new(interpreter, route, guarded);
    engine.own_steps = service::own_steps(guard);
    engine.caller = service::caller(judge, guard);
    engine.keys = service::comparisons(guard);
    engine.tokens = service::tokens(guard);
    engine.data.verifies = verifies(judge, route);
    engine.compares = judge.dependencies(&route.dependencies).iter().map(|verdict| verdict.compares_a_key()).collect();
    // Something else may look at the caller before the handler does.
    let scoped = route.dependencies.iter().any(|node| !node.scopes.is_empty());
    if route.more.is_some() || scoped || engine.is_decorated(&handler) {
        return RouteData::default();
    }
    engine.handler(Path::default(), handler.clone(), runs);
    engine.accept_hidden();
    if guarded {
        engine.data.forget_filters();
    }
    engine.settle_choices();
    engine.settle_hints();
    engine.settle_takeover();
    if engine.by_policies {
        engine.data.leave_to_policies();
    }
    // A service whose key was compared acts for whom it says.
    if engine.caller == Caller::Service {
        engine.data.forget_owners();
    }
    // Who the caller is must be known at least, where the guard is not.
    if matches!(guard, Guard::Unknown(_)) && !engine.knows_user() {
        // Whoever it is, it does not say so itself.
        let says_who_calls = |access: &Access| {
            access.fault == Fault::TrustsClient && access.client.as_ref().is_some_and(|client| client.says_caller)
        };
        let faults = std::mem::take(&mut engine.data.faults);
        engine.data.forget_owners();
        engine.data.faults.extend(faults.into_iter().filter(says_who_calls));
    }
    engine.settle_left_out(&handler);
    engine.data.tenants.settle();
    engine.settle_by_role();
    if matches!(guard, Guard::Public(reason) if matches!(reason.as_str(), public::OPTIONAL | public::TELLS_APART)) {
        engine.data.of_strangers = strangers::judge(interpreter, route, &engine.data.verifies, &handler);
    }
    // Whose state comes back, nobody but the one who made it can say.
    let by_state: Vec<Access> = match guard {
        Guard::Public(reason) if reason == public::CALLBACK => {
            let faults = std::mem::take(&mut engine.data.faults);
            faults.into_iter().filter(is_named_by_state).collect()
        }
        _ => Vec::new(),
    };
    if matches!(guard, Guard::Public(_)) && !writes(route) {
        engine.data = RouteData {
            tenants: engine.data.tenants,
            verifies: engine.data.verifies,
            of_strangers: engine.data.of_strangers,
            believed: engine.data.believed,
            ..RouteData::default()
        };
    }
    if matches!(guard, Guard::Public(_)) {
        engine.data.faults.retain(|access| access.fault == Fault::GivesPrivilege);
        engine.data.scoped.clear();
        engine.data.shown.clear();
        engine.data.spelled.clear();
        engine.data.kept.clear();
        engine.data.links.clear();
        engine.data.within = None;
        engine.data.membered.clear();
        engine.data.by_role.clear();
    }
    engine.data.faults.extend(by_state);
    engine.data.membered.sort_unstable();
    engine.data.granted.sort_unstable();
    engine.data.links.sort_by_key(|link| (link.site, link.table));
    engine.data.turned_away.sort_unstable();
    engine.data.kept.sort_unstable();
    engine.data.asked.sort_unstable();
    engine.data.unsure.sort_unstable();
    engine.data.unsure.dedup();
    engine.data.shown.sort_unstable();
    engine.data.by_owner.sort_unstable();
    engine.data.kept_children.sort_unstable();
    engine.data.scoped.sort_unstable();
    engine.data.scoped.dedup();
    engine.data.spelled.sort_unstable();
    engine.data.spelled.dedup();
    engine.data.faults.sort_by_key(|access| (access.site, access.fault, access.entry));
    engine.data
}

/// Whether requests to a route bring something to write.
fn writes(route: &Route) -> bool {
    route.methods.iter().any(|method| matches!(method.as_str(), "POST" | "PUT" | "PATCH"))
}

impl<'e, 'a> Engine<'e, 'a> {
    /// Whether a decorator of the handler may do more than register it.
    fn is_decorated(&self, handler: &FunctionRef) -> bool {
        handler.def.decorators.iter().any(|decorator| {
            let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
            match self.interpreter.eval_signature(handler, callee) {
                Value::RouterMethod(..) | Value::RouteDecorator(_) => false,
                // It is executed around the handler.
                Value::Function(_) => false,
                Value::Package(package) => {
                    let harmless =
                        ["slowapi", "fastapi_cache", "functools", "typing", "builtins", "fastapi", "cachetools"];
                    !harmless.iter().any(|name| package.starts_with(name))
                }
                Value::Instance(instance) => !matches!(&instance.class, Value::Package(_)),
                Value::Unknown(_) => {
                    // `router.get`, of a router that is made elsewhere.
                    !matches!(
                        last_name(callee),
                        Some(
                            "get" | "post" | "put" | "patch" | "delete" | "api_route" | "websocket" | "limit" | "cache"
                        )
                    )
                }
                _ => true,
            }
        })
    }

    /// Whether a dependency gives a record of the users.
    fn knows_user(&mut self) -> bool {
        let class = self.principal_class.clone();
        let of_users = |model: &Model| names::is_user_table(&model.table) || names::is_user_table(&model.name);
        class.is_some_and(|class| self.model(&class).is_some_and(|model| of_users(&model)))
    }

    /// Executes dependencies and handler.
    pub(super) fn handler(&mut self, path: Path, handler: FunctionRef, runs: &Runs<'e, 'a>) {
        let receiver = self.route.receiver().cloned();
        let view = handler.class.clone().filter(|_| handler.takes_receiver() && receiver.is_none());
        let mut paths = match (&view, handler.def.params.first()) {
            (Some(class), Some(own)) => {
                let paths = self.decorating(vec![(path, Vars::default())]);
                let paths = self.view(paths, class, &own.name.name);
                self.filling(paths, &handler)
            }
            _ => self.dependencies(runs, path, &handler),
        };
        for (at, param) in handler.def.params.iter().enumerate() {
            let name = &param.name.name;
            if at == 0
                && let Some(receiver) = &receiver
            {
                let receiver = self.as_abs(receiver.clone());
                paths.iter_mut().for_each(|(_, vars)| _ = vars.insert(name.clone(), receiver.clone()));
                continue;
            }
            if (at == 0 && view.is_some()) || self.node_of(None, name).is_some() {
                continue;
            }
            for (path, vars) in &mut paths {
                let value = self.supplied(path, &handler, param);
                vars.insert(name.clone(), value);
            }
        }
        self.name_principal(&handler, &paths);
        self.begin_handler();
        let before = self.enter_right(&mut paths);
        let mut ends = Vec::new();
        for (path, vars) in paths {
            for (path, value) in self.decorated(path, &handler, &vars) {
                self.judge_exit(&path, &value);
                self.judge_by_role(&path, &value);
                ends.push((path, value));
            }
        }
        self.run_later(ends);
        self.settle_modest();
        self.leave_right(before);
    }

    /// Runs the dependencies that fill no parameter.
    pub(super) fn decorating(&mut self, mut paths: Vec<(Path, Vars)>) -> Vec<(Path, Vars)> {
        for index in 0..self.route.dependencies.len() {
            let node = &self.route.dependencies[index];
            if node.parent.is_none() && node.parameter.is_none() {
                paths = self.through(paths, index, None);
            }
        }
        paths
    }

    /// Runs the dependencies that fill parameters of the handler.
    pub(super) fn filling(&mut self, mut paths: Vec<(Path, Vars)>, handler: &FunctionRef) -> Vec<(Path, Vars)> {
        for param in &handler.def.params {
            let name = &param.name.name;
            let Some(index) = self.node_of(None, name) else { continue };
            if let Some((function, _)) = called(self.interpreter, &self.route.dependencies[index].callable) {
                self.principals.insert(name.clone(), function.site);
            }
            paths = self.injected(paths, index, handler, param);
        }
        paths
    }

    /// What the code calls the principal.
    fn name_principal(&mut self, handler: &FunctionRef, paths: &[(Path, Vars)]) {
        let Some((path, vars)) = paths.first() else { return };
        let of_principal = |param: &&Param| match vars.get(&param.name.name) {
            Some(Abs::Principal(_)) => true,
            Some(Abs::Object(id)) => path.objects.get(id).is_some_and(|object| object.principal),
            Some(value @ (Abs::Mix(_) | Abs::Map(_))) => value.parts(path).principal,
            _ => false,
        };
        if let Some(param) = handler.def.params.iter().find(of_principal) {
            self.principal = param.name.name.clone();
        }
    }

    /// The dependency that fills a parameter.
    fn node_of(&self, parent: Option<usize>, name: &str) -> Option<usize> {
        let matches =
            |node: &crate::index::dependencies::Node| node.parent == parent && node.parameter.as_deref() == Some(name);
        self.route.dependencies.iter().position(matches)
    }

    /// Runs a dependency on every path, and gives its value to a variable.
    fn through(&mut self, paths: Vec<(Path, Vars)>, index: usize, name: Option<&SmolStr>) -> Vec<(Path, Vars)> {
        let mut after = Vec::new();
        for (path, vars) in paths {
            for (path, value) in self.dependency(path, index) {
                let mut vars = vars.clone();
                if let Some(name) = name {
                    vars.insert(name.clone(), value);
                }
                if after.len() < MAX_ENTRIES && !after.contains(&(path.clone(), vars.clone())) {
                    after.push((path, vars));
                }
            }
        }
        after
    }

    /// The object of a class-based view: what its class is injected with.
    fn view(&mut self, paths: Vec<(Path, Vars)>, class: &Arc<ClassRef>, name: &SmolStr) -> Vec<(Path, Vars)> {
        let is_view = |node: &crate::index::dependencies::Node| {
            node.parent.is_none() && matches!(&node.callable, Value::Class(of) if of.site == class.site)
        };
        let view = self.route.dependencies.iter().position(is_view);
        let members: Vec<(usize, SmolStr)> = self
            .route
            .dependencies
            .iter()
            .enumerate()
            .filter(|(_, node)| view.is_some() && node.parent == view)
            .filter_map(|(index, node)| Some((index, node.parameter.clone()?)))
            .collect();
        let mut after = Vec::new();
        for (path, vars) in paths {
            let mut filled = vec![(path, Vars::default())];
            for (index, member) in &members {
                filled = self.through(filled, *index, Some(member));
            }
            for (mut path, fields) in filled {
                let fields = fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                let object = Object { fields, name: name.clone(), ..Object::instance(class) };
                let id = self.add_object(&mut path, object);
                let mut vars = vars.clone();
                vars.insert(name.clone(), Abs::Object(id));
                after.push((path, vars));
            }
        }
        after
    }

    /// Whether a dependency verifies the caller itself, and leaves that to no other.
    pub(super) fn is_root(&self, index: usize) -> bool {
        self.data.verifies[index]
            && !self
                .route
                .dependencies
                .iter()
                .enumerate()
                .any(|(at, node)| node.parent == Some(index) && self.data.verifies[at])
    }

    /// Runs a dependency, those that it rests on first.
    fn dependency(&mut self, mut path: Path, index: usize) -> Vec<Exit> {
        let route = self.route;
        let node = &route.dependencies[index];
        if !self.spend() {
            path.doubt = true;
            return vec![(path, Abs::Unknown)];
        }
        let verifies = self.data.verifies[index];
        let Some((function, skip)) = called(self.interpreter, &node.callable) else {
            let value = match &node.callable {
                _ if verifies => Abs::Principal(SmolStr::default()),
                Value::Class(class) => Abs::Object(self.add_object(&mut path, Object::instance(class))),
                Value::Instance(instance) if matches!(&instance.class, Value::Package(package) if package.starts_with("fastapi.security")) => {
                    self.credential()
                }
                Value::Unknown(_) | Value::Lazy(_) => {
                    path.doubt = true;
                    Abs::Unknown
                }
                _ => Abs::Unknown,
            };
            return vec![(path, value)];
        };
        // Functions that a factory makes share their place, and nothing else.
        let shared = function.closure.is_empty() && function.class.is_none();
        if let Some(value) = path.provided.get(&function.site).filter(|_| shared) {
            let value = value.clone();
            return vec![(path, value)];
        }
        let function = self.interpreter.current(&function);
        let root = self.is_root(index);
        let outer = std::mem::replace(&mut self.in_dependency, true);
        let doubt = path.doubt;
        let mut paths = vec![(path, Vars::default())];
        let receiver = (skip > 0).then(|| function.def.params.first()).flatten().map(|param| param.name.name.clone());
        if let Some(receiver) = &receiver {
            let value = match &node.callable {
                Value::Instance(_) => Some(Abs::Known(Known(node.callable.clone()))),
                Value::Bound(bound) => Some(self.as_abs(bound.0.clone())),
                _ => None,
            };
            for (path, vars) in &mut paths {
                let value = value.clone().unwrap_or_else(|| {
                    let Value::Class(class) = &node.callable else { return Abs::Unknown };
                    Abs::Object(self.add_object(path, Object::instance(class)))
                });
                vars.insert(receiver.clone(), value);
            }
        }
        for param in function.def.params.iter().skip(skip) {
            let name = &param.name.name;
            match self.node_of(Some(index), name) {
                Some(child) => {
                    paths = self.injected(paths, child, &function, param);
                }
                None => {
                    for (path, vars) in &mut paths {
                        let value = self.supplied(path, &function, param);
                        vars.insert(name.clone(), value);
                    }
                }
            }
        }
        let mut exits = Vec::new();
        let outer_root = std::mem::replace(&mut self.in_root, root);
        for (path, vars) in paths {
            let made = receiver.as_ref().and_then(|receiver| vars.get(receiver).cloned());
            let is_class = matches!(node.callable, Value::Class(_));
            let before = path.privileged;
            for (path, value) in self.run(path, function.clone(), vars, node.site) {
                self.note_right(index, before, &path);
                exits.push((path, if is_class { made.clone().unwrap_or(value) } else { value }));
            }
        }
        self.in_dependency = outer;
        self.in_root = outer_root;
        if verifies {
            self.let_in(&mut exits);
        }
        let nobody = verifies && self.compares[index] && exits.iter().all(|(_, value)| names_nobody(value));
        if root && verifies {
            self.caller = if nobody { self.caller.and_service() } else { Caller::User };
        }
        for (path, value) in &mut exits {
            // What it makes of a credential is what the verdict is about.
            if root {
                path.doubt = doubt;
            }
            if verifies && !nobody {
                let model = match &*value {
                    Abs::Row(id) => path.rows.get(id).and_then(|row| row.model.clone()),
                    _ => None,
                };
                let class = model.as_ref().and_then(|model| self.classes.get(&model.site).cloned());
                *value = self.handed_over(path, value.clone(), root);
                if matches!(&*value, Abs::Principal(part) if part.is_empty()) && self.principal_class.is_none() {
                    let stated = || function.def.returns.as_ref().and_then(|ty| self.class_named(&function, ty));
                    self.principal_class = class.or_else(stated);
                    self.know_callers(model);
                }
            }
        }
        if root && verifies {
            self.take_for_caller(&mut exits);
        }
        if shared {
            exits.iter_mut().for_each(|(path, value)| _ = path.provided.insert(function.site, value.clone()));
        }
        exits
    }

    /// Runs the dependency that fills a parameter. A session of the database is none that says anything of callers, and
    /// one that was not found does nothing else.
    fn injected(
        &mut self,
        mut paths: Vec<(Path, Vars)>,
        index: usize,
        function: &FunctionRef,
        param: &Param,
    ) -> Vec<(Path, Vars)> {
        let is_database = self.is_database(function, param);
        if !is_database || !matches!(self.route.dependencies[index].callable, Value::Unknown(_)) {
            paths = self.through(paths, index, Some(&param.name.name));
        }
        if is_database {
            paths.iter_mut().for_each(|(_, vars)| _ = vars.insert(param.name.name.clone(), Abs::Unknown));
        }
        self.know_user_of_package(index, function, param);
        paths
    }

    /// Whom a package's dependency verifies is of the class that the parameter says: `user: User = Depends(current_user)`.
    fn know_user_of_package(&mut self, index: usize, function: &FunctionRef, param: &Param) {
        let is_package = |callable: &Value| match callable {
            Value::Package(_) => true,
            Value::Instance(instance) => matches!(instance.class, Value::Package(_)),
            _ => false,
        };
        let verifies = self.data.verifies[index] && is_package(&self.route.dependencies[index].callable);
        let stated = param.annotation.as_ref().filter(|_| verifies && self.principal_class.is_none());
        if let Some(class) = stated.and_then(|ty| self.class_named(function, ty))
            && self.model(&class).is_some()
        {
            self.principal_class = Some(class);
            self.know_callers(None);
        }
    }

    /// Whether a parameter takes a session of the database.
    pub(super) fn is_database(&self, function: &FunctionRef, param: &Param) -> bool {
        is_database(self.interpreter, function, param)
    }
}
