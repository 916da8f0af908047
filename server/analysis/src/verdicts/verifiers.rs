//! Dependencies of the project that verify the caller.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::Deliveries;
use super::injectable::NewInjectable;
use crate::auth::guard::{Guard, reads};
use crate::facts::python::tree::{Arg, Param, StmtKind};
use crate::ide::{Guards, Judged, State};
use crate::index::dependencies::{Node, Via, called, definition_site, dependency_of};
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Application, Route};
use crate::index::value::{FunctionRef, RouterId, Site, Value, is_from_container};
use crate::vfs::FileId;

/// Two are equal when nobody can tell them apart by what they say of them.
impl PartialEq for Verifier {
    fn eq(&self, other: &Self) -> bool {
        let told = |v: &Self| (v.name.clone(), v.file, v.site, v.uses);
        told(self) == told(other) && self.applications == other.applications && self.needs == other.needs
    }
}

impl Eq for Verifier {}

/// A dependency of the project that verifies the caller.
#[derive(Debug, Clone)]
pub(crate) struct Verifier {
    /// What `Depends` is given.
    pub(crate) callable: Value,
    /// Name under which the project refers to it.
    pub(crate) name: SmolStr,
    /// File that defines the name.
    pub(crate) file: FileId,
    /// Place of the deciding function's name.
    pub(crate) site: Site,
    /// How many routes it guards.
    pub(crate) uses: u32,
    /// Applications that it guards routes of.
    pub(crate) applications: Vec<RouterId>,
    /// Parameters that it takes from the path or query, and can't do without.
    pub(crate) needs: Vec<SmolStr>,
}

/// Verifiers that a route of an application can ask for: those that guard
/// other routes of it, or stand in its source tree, and whose own parameters
/// the route's path can fill.
///
/// Functions come before classes, and those that guard routes of the same router before the others, the most used of
/// them first. For a route that only reads, what others ask for that do comes before what changes ask for.
/// To a route that another service delivers to, only what guards others of these.
pub(crate) fn candidates<'s>(state: &'s State, application: &Application, route: &Route) -> Vec<&'s Verifier> {
    let root = source_root(state, application);
    let fits = |verifier: &&Verifier| {
        let near = verifier.applications.contains(&application.router)
            || state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root));
        near && verifier.needs.iter().all(|name| route.path.contains(&format!("{{{name}}}")))
    };
    let mut found: Vec<&Verifier> = state.verifiers.iter().filter(fits).collect();
    let delivered = Deliveries::of(state, application);
    if delivered.come_to(route) {
        // Another service has no user's token: what guards other deliveries fits, and nothing else. Below `/webhooks` users
        // keep where theirs are delivered to, behind what guards the rest.
        let guards = |node: &Node, verifier: &Verifier| definition_site(&node.callable) == Some(verifier.site);
        let deliveries = |verifier: &Verifier| {
            let guarded = |other: &&Route| other.dependencies.iter().any(|node| guards(node, verifier));
            let deliveries = application.routes.iter().filter(|other| delivered.come_to(other));
            deliveries.filter(guarded).count() as u32
        };
        found.retain(|verifier| deliveries(verifier) * 2 > verifier.uses);
    }
    let siblings = application.routes.iter().filter(|other| other.router == route.router);
    let asked = |sibling: &Route| {
        let own = sibling.dependencies.iter().filter(|node| matches!(node.via, Via::Parameter | Via::Decorator));
        let alike = reads(route) && reads(sibling);
        own.filter_map(|node| definition_site(&node.callable)).map(|site| (site, alike)).collect::<Vec<_>>()
    };
    let asked: Vec<(Site, bool)> = siblings.flat_map(asked).collect();
    let near = |verifier: &Verifier| {
        let is_it = |site: &Site| Some(*site) == definition_site(&verifier.callable);
        let alike = asked.iter().filter(|(site, alike)| *alike && is_it(site)).count();
        (alike, asked.iter().filter(|(site, _)| is_it(site)).count())
    };
    // A class is mostly a service that asks for the caller to work for them.
    let is_class = |verifier: &Verifier| matches!(verifier.callable, Value::Class(_));
    found.sort_by_cached_key(|verifier| {
        let far = !verifier.applications.contains(&application.router);
        (far, is_class(verifier), std::cmp::Reverse(near(verifier)))
    });
    found
}

/// Whether routes of an application could ask for one of these verifiers, or the other routes by it be told apart.
/// `root` is the folder that the application's modules are imported from.
pub(crate) fn any_is_near(state: &State, application: &Application, root: &str, verifiers: &[&Verifier]) -> bool {
    verifiers.iter().any(|verifier| {
        verifier.applications.contains(&application.router)
            || state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(root))
    })
}

/// The directory that an application's modules are imported from.
pub(crate) fn source_root(state: &State, application: &Application) -> String {
    let Some(file) = state.sources.file(application.site.file) else { return String::new() };
    let levels = state.sources.module_name(application.site.file).split('.').count();
    let mut dir = file.path.as_str();
    for _ in 0..levels {
        dir = crate::index::modules::parent(dir);
    }
    // A package's own folder is not enough: its root is one of several.
    format!("{dir}/")
}

/// Dependencies that guard routes of an application.
pub(super) fn of_application(
    interpreter: &Interpreter<'_>,
    application: &Application,
    judged: &[Judged],
) -> Vec<Verifier> {
    let mut found: FxHashMap<Site, Verifier> = FxHashMap::default();
    for (route, judged) in application.routes.iter().zip(judged).filter(|_| !application.test) {
        if let Guard::Guarded(index) = judged.guard {
            // What the route asks for itself, not what that rests on: but no service that is
            // only made for the caller.
            let mut node = &route.dependencies[index];
            while let Some(parent) = node.parent
                && !makes_a_service(interpreter, &route.dependencies[parent].callable)
            {
                node = &route.dependencies[parent];
            }
            note_use(interpreter, &node.callable, application.router, &mut found);
        }
    }
    found.into_values().collect()
}

/// Dependencies that verify: those that guard a route, and functions that
/// nothing uses yet but that could.
pub(super) fn all(state: &State, guards: &Guards, injectable: &NewInjectable) -> Vec<Verifier> {
    let mut found: FxHashMap<Site, Verifier> = FxHashMap::default();
    for verifier in guards.verifiers.iter().flat_map(|verifiers| verifiers.iter()) {
        match found.entry(verifier.site) {
            Entry::Occupied(mut known) => {
                known.get_mut().uses += verifier.uses;
                known.get_mut().applications.extend(&verifier.applications);
            }
            Entry::Vacant(place) => _ = place.insert(verifier.clone()),
        }
    }
    let known = state.injectable.telling().filter(|(file, _)| !injectable.contains_key(file));
    let known = known.flat_map(|(_, known)| &known.verifiers);
    for verifier in known.chain(injectable.values().flat_map(|known| &known.verifiers)) {
        found.entry(verifier.site).or_insert_with(|| verifier.clone());
    }
    let mut verifiers: Vec<Verifier> = found.into_values().collect();
    let path = |verifier: &Verifier| state.sources.file(verifier.file).map(|file| file.path.as_str());
    verifiers.sort_by(|a, b| {
        b.uses.cmp(&a.uses).then_with(|| path(a).cmp(&path(b))).then_with(|| (&a.name, a.site).cmp(&(&b.name, b.site)))
    });
    verifiers
}

/// Whether a dependency returns an object that it makes of several of its
/// parameters, a repository for the current user, say, and not who is calling.
fn makes_a_service(interpreter: &Interpreter<'_>, callable: &Value) -> bool {
    let Some((function, _)) = called(interpreter, callable) else { return false };
    let Some(StmtKind::Return(Some(returned))) = function.def.body.last().map(|stmt| &stmt.kind) else { return false };
    let Some((class, args)) = returned.as_call() else { return false };
    let given = |arg: &&Arg| arg.value.as_name().is_some_and(|n| function.def.params.iter().any(|p| p.name.name == *n));
    args.iter().filter(given).count() > 1 && matches!(interpreter.eval_signature(&function, class), Value::Class(_))
}

fn note_use(
    interpreter: &Interpreter<'_>,
    callable: &Value,
    application: RouterId,
    found: &mut FxHashMap<Site, Verifier>,
) {
    let Some((function, _)) = called(interpreter, callable) else { return };
    let Some((name, file)) = name_of(interpreter, callable, &function) else { return };
    let verifier =
        found.entry(function.site).or_insert_with(|| new_verifier(interpreter, callable, name, file, &function));
    verifier.uses += 1;
    if !verifier.applications.contains(&application) {
        verifier.applications.push(application);
    }
}

pub(super) fn new_verifier(
    interpreter: &Interpreter<'_>,
    callable: &Value,
    name: SmolStr,
    file: FileId,
    function: &FunctionRef,
) -> Verifier {
    Verifier {
        needs: needs(interpreter, callable),
        callable: callable.clone(),
        name,
        file,
        site: function.site,
        uses: 0,
        applications: Vec::new(),
    }
}

/// Parameters that FastAPI would take from the path, the query or the body,
/// and can't do without.
fn needs(interpreter: &Interpreter<'_>, callable: &Value) -> Vec<SmolStr> {
    let Some((function, skip)) = called(interpreter, callable) else { return Vec::new() };
    let needed = |param: &&Param| {
        if dependency_of(interpreter, &function, param).is_some() {
            return false;
        }
        let annotation = param.annotation.as_ref().map(|ty| interpreter.eval_signature(&function, ty));
        let default = param.default.as_ref().map(|default| interpreter.eval_signature(&function, default));
        let (ty, metadata) = match annotation {
            Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), annotated.metadata.clone()),
            other => (other, Vec::new()),
        };
        if metadata.iter().any(is_from_container) {
            return false;
        }
        match metadata.iter().chain(&default).find_map(client_marker) {
            // A path parameter has no default.
            Some(("Path", _)) => true,
            Some(("Header" | "Cookie", _)) => false,
            Some((_, required)) => required && (default.is_none() || metadata.is_empty()),
            None => {
                let injected =
                    matches!(&ty, Some(Value::Package(path)) if !path.starts_with("builtins.") && path != "uuid.UUID");
                param.default.is_none() && !injected
            }
        }
    };
    function.def.params.iter().skip(skip).filter(needed).map(|param| param.name.name.clone()).collect()
}

/// `Path`, `Query` and their like: which, and whether it names no default.
fn client_marker(value: &Value) -> Option<(&'static str, bool)> {
    let Value::Instance(marker) = value else { return None };
    let Value::Package(path) = &marker.class else { return None };
    let name = path.strip_prefix("fastapi.")?.rsplit('.').next()?;
    let known =
        ["Path", "Query", "Header", "Cookie", "Body", "Form", "File"].into_iter().find(|known| *known == name)?;
    // `...` is no value that the interpreter knows.
    let required = match marker.args.get("default", Some(0)) {
        None => !marker.args.named.iter().any(|(name, _)| name == "default_factory"),
        Some(default) => matches!(default, Value::Unknown(_)),
    };
    Some((known, required))
}

/// The module-level name by which a callable can be imported.
fn name_of(interpreter: &Interpreter<'_>, callable: &Value, function: &FunctionRef) -> Option<(SmolStr, FileId)> {
    match callable {
        Value::Function(_) => {
            (!function.qualname.contains('.')).then(|| (function.def.name.name.clone(), function.site.file))
        }
        Value::Class(class) => (!class.qualname.contains('.')).then(|| (class.def.name.name.clone(), class.site.file)),
        Value::Instance(instance) => {
            let run = interpreter.run(instance.site.file);
            let mut names: Vec<&SmolStr> = run
                .globals
                .iter()
                .filter(|(_, value)| matches!(value, Value::Instance(other) if other.site == instance.site))
                .map(|(name, _)| name)
                .collect();
            names.sort_unstable();
            names.first().map(|name| ((*name).clone(), instance.site.file))
        }
        _ => None,
    }
}
