//! Functions of each file that a route could ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::verifiers::new_verifier;
use super::{FunctionsInUse, Verifier, handler_site, with_interpreter};
use crate::auth::{Judge, Proof, Verdict};
use crate::facts::python::file::PythonFile;
use crate::facts::python::tree::{Expr, ExprKind, Function, Param, StmtKind};
use crate::ide::State;
use crate::index::dependencies::dependency_of;
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::shared_map::SharedMap;
use crate::index::value::{FunctionRef, Resolve, Site, Value};
use crate::vfs::FileId;

/// Functions of one file that verify, and the modules that this rests on.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileInjectable {
    pub(super) verifiers: Vec<Verifier>,
    /// Functions that were passed over because they are route handlers.
    handlers: Vec<Site>,
    /// Functions that look like guards and are none.
    pub(crate) pretenders: Vec<Pretender>,
    pub(crate) rests_on: Arc<RestsOn>,
}

/// A function that looks like a guard and verifies nothing.
#[derive(Debug, Clone)]
pub(crate) struct Pretender {
    pub(crate) function: Arc<FunctionRef>,
    pub(crate) verdict: Arc<Verdict>,
    /// Whether a security scheme hands it a credential.
    pub(crate) scheme: bool,
}

impl FileInjectable {
    /// Files in which there may be a finding on one of the functions.
    pub(crate) fn said_in(&self) -> impl Iterator<Item = FileId> {
        self.pretenders.iter().map(|pretender| pretender.function.site.file)
    }

    /// Whether the same functions as before are handlers.
    fn holds(&self, in_use: &FunctionsInUse) -> bool {
        self.handlers.iter().all(|site| in_use.is_handler(*site))
            && !self.verifiers.iter().any(|verifier| in_use.is_handler(verifier.site))
    }
}

/// The same by file.
#[derive(Debug, Default, Clone)]
pub(crate) struct Injectable {
    files: SharedMap<FileId, Arc<FileInjectable>>,
    /// Files of which something is said: few of all.
    telling: BTreeSet<FileId>,
}

impl Injectable {
    /// What is known of a file.
    pub(crate) fn get(&self, file: FileId) -> Option<&Arc<FileInjectable>> {
        self.files.get(&file)
    }

    /// Puts in what is known of a file; gives what was.
    pub(crate) fn insert(&mut self, file: FileId, known: Arc<FileInjectable>) -> Option<Arc<FileInjectable>> {
        if known.verifiers.is_empty() && known.pretenders.is_empty() {
            self.telling.remove(&file);
        } else {
            self.telling.insert(file);
        }
        self.files.insert(file, known)
    }

    /// Forgets a file.
    pub(crate) fn remove(&mut self, file: FileId) -> Option<Arc<FileInjectable>> {
        self.telling.remove(&file);
        self.files.remove(&file)
    }

    /// Files of which something is said, in the order of their ids.
    pub(crate) fn telling(&self) -> impl Iterator<Item = (FileId, &Arc<FileInjectable>)> {
        self.telling.iter().filter_map(|file| Some((*file, self.get(*file)?)))
    }
}

/// The same of files of which it was not known.
pub(super) type NewInjectable = FxHashMap<FileId, FileInjectable>;

/// Functions that verify, in the files of which that is not known.
/// Dependencies of dependencies that are looked at for one function.
const MAX_NESTED: usize = 8;

/// Functions of all relevant files; of those files only that are not known yet.
pub(super) fn look(state: &State, interpreter: &Interpreter<'_>, judge: &Judge<'_>) -> NewInjectable {
    let mut injectable = NewInjectable::default();
    let files: Box<dyn Iterator<Item = FileId>> = match &state.unexamined {
        Some(unexamined) => Box::new(unexamined.iter().copied()),
        None => Box::new(state.sources.relevant().map(|(file, _)| file)),
    };
    for file in files {
        let Some(source) = state.sources.file(file).filter(|source| source.relevant && !source.test) else { continue };
        let Some(facts) = source.facts.as_ref() else { continue };
        let known = state.injectable.get(file);
        if known.is_some_and(|known| known.holds(&state.in_use)) {
            continue;
        }
        let outer = interpreter.begin();
        let mut known = FileInjectable::default();
        for (def, value) in injected_functions(interpreter, file, facts) {
            let Value::Function(function) = &value else { continue };
            if state.in_use.is_handler(function.site) {
                known.handlers.push(function.site);
                continue;
            }
            let verdict = judge.dependency(&value);
            if verdict.lets_nobody_in {
                continue;
            }
            if verdict.proof == Proof::Verifies {
                known.verifiers.push(new_verifier(interpreter, &value, def.name.name.clone(), file, function));
            }
        }
        known.pretenders = pretenders(interpreter, judge, file, facts);
        known.rests_on = interpreter.end(outer);
        injectable.insert(file, known);
    }
    injectable
}

/// Functions of a module that ask for a scheme's credential and check nothing,
/// or that believe what the client says of itself.
fn pretenders(interpreter: &Interpreter<'_>, judge: &Judge<'_>, file: FileId, facts: &PythonFile) -> Vec<Pretender> {
    let mut found = Vec::new();
    for item in facts.items.iter().filter(|item| !item.ghost) {
        let StmtKind::Function(def) = &item.placed.item.stmt.kind else { continue };
        if registers_route(def) || !def.params.iter().any(may_ask) {
            continue;
        }
        let value = interpreter.lookup(file, &def.name.name);
        let Value::Function(function) = &value else { continue };
        let scheme = def.params.iter().any(|param| takes_scheme(interpreter, function, param));
        // What takes anything else is called by others, who have that from wherever they like.
        if !scheme && !def.params.iter().all(|param| is_injected(param) || takes_request(param)) {
            continue;
        }
        let verdict = judge.dependency(&value);
        let pretends = match verdict.proof {
            Proof::TrustsClient => true,
            Proof::ChecksNothing => scheme,
            _ => false,
        };
        if pretends && !rests_on_verification(interpreter, judge, function, MAX_NESTED) {
            found.push(Pretender { function: Arc::clone(function), verdict, scheme });
        }
    }
    found
}

/// Whether a dependency of a function may verify callers before it runs.
fn rests_on_verification(
    interpreter: &Interpreter<'_>,
    judge: &Judge<'_>,
    function: &FunctionRef,
    nested: usize,
) -> bool {
    let Some(nested) = nested.checked_sub(1) else { return true };
    let asked = |param: &Param| dependency_of(interpreter, function, param)?.0.dependency.clone();
    function.def.params.iter().filter_map(asked).any(|dependency| match judge.dependency(&dependency).proof {
        Proof::Verifies | Proof::Optional | Proof::Unknown(_) => true,
        _ => match &dependency {
            Value::Function(function) => rests_on_verification(interpreter, judge, function, nested),
            _ => false,
        },
    })
}

/// Whether FastAPI alone can fill a parameter: from a header, or by another dependency.
fn is_injected(param: &Param) -> bool {
    let callee = param.default.as_ref().and_then(|default| default.as_call()).map(|(func, _)| &func.kind);
    matches!(callee, Some(ExprKind::Name(name)) if matches!(name.as_str(), "Header" | "Depends" | "Security"))
}

/// Whether a parameter is given the request itself.
fn takes_request(param: &Param) -> bool {
    let name = |ty: &Expr| match &ty.kind {
        ExprKind::Name(name) => matches!(name.as_str(), "Request" | "WebSocket" | "HTTPConnection"),
        _ => false,
    };
    param.annotation.as_ref().is_some_and(name)
}

/// A cheap look whether a parameter may ask for a dependency.
fn may_ask(param: &Param) -> bool {
    param.default.as_ref().is_some_and(|default| default.as_call().is_some())
        || param.annotation.as_ref().is_some_and(|ty| matches!(ty.kind, ExprKind::Subscript { .. }))
}

/// Whether a parameter gets what a security scheme of FastAPI reads.
fn takes_scheme(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> bool {
    dependency_of(interpreter, function, param).is_some_and(|(depends, _)| match &depends.dependency {
        Some(Value::Instance(instance)) => {
            matches!(&instance.class, Value::Package(path) if path.starts_with("fastapi.security"))
        }
        _ => false,
    })
}

/// Functions of a module that look like dependencies.
fn injected_functions<'f>(
    interpreter: &Interpreter<'_>,
    file: FileId,
    facts: &'f PythonFile,
) -> impl Iterator<Item = (&'f Function, Value)> {
    let functions = facts.items.iter().filter_map(|item| match &item.placed.item.stmt.kind {
        StmtKind::Function(def) => Some(&**def),
        _ => None,
    });
    let injected = functions.filter(|def| looks_injected(def) && !registers_route(def));
    injected.map(move |def| (def, interpreter.lookup(file, &def.name.name)))
}

/// Whether a decorator makes a function a handler, of a router that may not
/// have been followed to an application.
fn registers_route(def: &Function) -> bool {
    const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "api_route", "route", "websocket"];
    def.decorators.iter().any(|decorator| {
        let callee = decorator.as_call().map(|(func, _)| &func.kind);
        matches!(callee, Some(ExprKind::Attribute { name, .. }) if METHODS.contains(&name.name.as_str()))
    })
}

/// Whether a function takes what FastAPI would inject: a cheap look at its
/// signature before its body is judged.
fn looks_injected(def: &Function) -> bool {
    let named = |expr: &Expr, names: &[&str]| match &expr.kind {
        ExprKind::Name(name) => names.contains(&name.as_str()),
        ExprKind::Attribute { name, .. } => names.contains(&name.name.as_str()),
        _ => false,
    };
    def.params.iter().any(|param| {
        let default = param.default.as_ref().and_then(Expr::as_call);
        let annotation = param.annotation.as_ref();
        default.is_some_and(|(func, _)| named(func, &["Depends", "Security", "Header", "Cookie"]))
            || annotation.is_some_and(|ty| match &ty.kind {
                ExprKind::Subscript { value, .. } => named(value, &["Annotated"]),
                _ => named(ty, &["Request", "HTTPConnection"]),
            })
    })
}

/// Functions that verify callers and let anonymous ones pass.
pub(crate) fn optional_verifiers(state: &State) -> Vec<Verifier> {
    let routes = state.table.applications.iter().flat_map(|application| application.routes.iter());
    let handlers: FxHashSet<Site> = routes.filter_map(|route| handler_site(&route.handler)).collect();
    let mut found = Vec::new();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for (file, source) in state.sources.relevant() {
            let Some(facts) = source.facts.as_ref().filter(|_| !source.test) else { continue };
            for (def, value) in injected_functions(interpreter, file, facts) {
                let Value::Function(function) = &value else { continue };
                if !handlers.contains(&function.site) && judge.dependency(&value).proof == Proof::Optional {
                    found.push(new_verifier(interpreter, &value, def.name.name.clone(), file, function));
                }
            }
        }
    });
    let path = |verifier: &Verifier| state.sources.file(verifier.file).map(|file| file.path.clone());
    found.sort_by(|a, b| path(a).cmp(&path(b)).then_with(|| (&a.name, a.site).cmp(&(&b.name, b.site))));
    found
}
