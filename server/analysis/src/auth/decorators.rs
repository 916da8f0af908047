//! Decorators of dependencies and handlers.

use std::sync::Arc;

use smol_str::SmolStr;

use super::flow::{Required, Served, judge_around, required_scopes, scopes_of_decorator};
use super::{Judge, Proof, Verdict};
use crate::facts::python::tree::{Expr, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Site, Value};
use crate::text::TextRange;

/// Decorators that neither look at callers nor change what a function takes.
const HARMLESS: &[&str] = &[
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.property",
    "functools.wraps",
    "functools.lru_cache",
    "functools.cache",
    "contextlib.contextmanager",
    "contextlib.asynccontextmanager",
    "abc.abstractmethod",
    "typing.override",
    "typing.overload",
    "typing_extensions.override",
    "typing_extensions.deprecated",
    "warnings.deprecated",
    // They hand in what the container holds for the parameters that ask for it.
    "dishka.integrations.fastapi.inject",
    "dishka.integrations.base.wrap_injection",
    "dependency_injector.wiring.inject",
    "fastapi_injector.inject",
];

/// What the decorators of a dependency make of it.
pub(super) enum Changed {
    /// It checks what its own body checks.
    Nothing,
    /// One of them verifies the caller before it is called.
    Verified(Verdict),
    /// It may check something else; why.
    Perhaps(SmolStr),
}

/// What the decorators of a dependency make of one whose body does not verify.
pub(super) fn change(judge: &Judge<'_>, function: &FunctionRef) -> Changed {
    let mut perhaps = None;
    for decorator in &function.def.decorators {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        let name = match judge.resolve.eval_signature(function, callee) {
            Value::Package(path) if HARMLESS.contains(&path.as_str()) => continue,
            Value::Package(path) => path,
            Value::Function(callee) => {
                let decorated = one(judge, function, decorator);
                match decorated.map(|decorated| decorated.verdict) {
                    Some(verdict) if verdict.proof == Proof::Verifies => return Changed::Verified(verdict),
                    Some(verdict) if verdict.proof == Proof::NotAuth => continue,
                    _ => callee.shown().into(),
                }
            }
            Value::Class(callee) => callee.qualname.clone(),
            // A name that nothing binds decorates nothing that imports.
            _ => continue,
        };
        perhaps.get_or_insert(name);
    }
    perhaps.map_or(Changed::Nothing, |name| {
        let function = function.shown();
        Changed::Perhaps(SmolStr::new(format!(
            "`{function}` is decorated by `{name}`, which may change what it checks"
        )))
    })
}

/// What a decorator of a handler proves.
pub(super) struct Decorated {
    /// Its name.
    pub(super) name: SmolStr,
    /// Its verdict.
    pub(super) verdict: Verdict,
}

/// Verdicts on the decorators that are applied before the route is registered
/// at `registration`: those that stand below it.
pub(super) fn of_handler(judge: &Judge<'_>, handler: &FunctionRef, registration: Site) -> Vec<Decorated> {
    let below = |decorator: &&Expr| {
        let same_item = registration.file == handler.site.file && registration.item == handler.site.item;
        !same_item || decorator.range.start > registration.range.start
    };
    handler.def.decorators.iter().filter(below).filter_map(|decorator| one(judge, handler, decorator)).collect()
}

/// Verdicts on what calls put around a handler before its route was registered:
/// `router.get("/path")(guarded(handler))` in a function of the project. Of
/// alternatives the weakest counts.
pub(super) fn of_wrappers(judge: &Judge<'_>, handler: &FunctionRef) -> Vec<Decorated> {
    let one = |wrapper: &FunctionRef| {
        let wrapper = judge.resolve.current(wrapper);
        let is_handler = |value: &Value| matches!(value, Value::Function(given) if given.site == handler.site);
        let given = wrapper.closure.iter().rev().flat_map(|frame| &frame.vars).find(|(_, value)| is_handler(value));
        let verdict = match given {
            Some((name, _)) => judge_around(judge, &wrapper, None, None::<&Served>, Some((handler, name))).verdict,
            None => unknown(format!("what `{}` is put around could not be followed", wrapper.shown())),
        };
        Decorated { name: wrapper.shown().into(), verdict }
    };
    let weakest = |alternatives: &Vec<Arc<FunctionRef>>| {
        alternatives.iter().map(|wrapper| one(wrapper)).max_by_key(|decorated| decorated.verdict.proof.rank())
    };
    handler.wrappers.iter().filter_map(weakest).collect()
}

/// A decorator above the route's that verifies callers, and its name: it has
/// no effect there, because FastAPI has registered what stands below it.
pub(super) fn verifying_above(
    judge: &Judge<'_>,
    handler: &FunctionRef,
    registration: Site,
) -> Option<(TextRange, SmolStr)> {
    let same_item = registration.file == handler.site.file && registration.item == handler.site.item;
    let above = |decorator: &&Expr| same_item && decorator.range.end <= registration.range.start;
    handler.def.decorators.iter().filter(above).find_map(|decorator| {
        let decorated = one(judge, handler, decorator)?;
        (decorated.verdict.proof == Proof::Verifies).then_some((decorator.range, decorated.name))
    })
}

fn one(judge: &Judge<'_>, handler: &FunctionRef, decorator: &Expr) -> Option<Decorated> {
    let (callee, called) = match decorator.as_call() {
        Some((func, _)) => (func, true),
        None => (decorator, false),
    };
    let function = match judge.resolve.eval_signature(handler, callee) {
        Value::Function(function) => judge.resolve.current(&function),
        Value::Class(class) => {
            let reason = format!("the decorator `{}` could not be followed", class.qualname);
            return Some(Decorated { name: class.qualname.clone(), verdict: unknown(reason) });
        }
        Value::Package(path) if path.starts_with("starlette.authentication") && path.ends_with(".requires") => {
            let args = decorator.as_call().map_or(&[][..], |(_, args)| args);
            let scopes = scopes_of_decorator(judge.resolve, handler, args);
            return Some(Decorated {
                name: "requires".into(),
                verdict: required_scopes(judge, Required::from(&scopes)),
            });
        }
        Value::Package(path) => {
            let speaks = ["auth", "jwt", "login", "permission", "scope", "requires"];
            let lower = path.to_ascii_lowercase();
            let reason = format!("the decorator `{path}` may guard it");
            return speaks
                .iter()
                .any(|word| lower.contains(word))
                .then(|| Decorated { name: path, verdict: unknown(reason) });
        }
        _ => return None,
    };
    // `@guard` is given the handler; `@guard(…)` gives something that is.
    let decorating = if called { inner_function(&function)? } else { function.clone() };
    let given = decorating.def.params.first()?.name.name.clone();
    let wrapper = inner_function(&decorating)?;
    let mut verdict = judge_around(judge, &wrapper, None, None::<&Served>, Some((handler, &given))).verdict;
    if matches!(verdict.proof, Proof::NotAuth | Proof::ChecksNothing) && passes_nothing_on(&verdict) {
        verdict.proof = Proof::NotAuth;
    }
    Some(Decorated { name: function.shown().into(), verdict })
}

fn passes_nothing_on(verdict: &Verdict) -> bool {
    verdict.steps.is_empty()
}

/// The function that a function defines and returns; the last one that it
/// defines when it returns something else.
pub(super) fn inner_function(function: &FunctionRef) -> Option<FunctionRef> {
    let returned = function.def.body.iter().rev().find_map(|stmt| match &stmt.kind {
        StmtKind::Return(Some(value)) => value.as_name().cloned(),
        _ => None,
    });
    let defined = |stmt: &&Stmt| match &stmt.kind {
        StmtKind::Function(def) => returned.as_ref().is_none_or(|name| &def.name.name == name),
        _ => false,
    };
    let def = match &function.def.body.iter().rev().find(defined)?.kind {
        StmtKind::Function(def) => def.clone(),
        _ => return None,
    };
    Some(FunctionRef {
        site: Site { range: def.name.range, ..function.site },
        qualname: SmolStr::new(format!("{}.<locals>.{}", function.qualname, def.name.name)),
        is_given: true,
        class: None,
        def,
        ..function.clone()
    })
}

fn unknown(reason: String) -> Verdict {
    Verdict::bare(Proof::Unknown(reason.into()))
}
