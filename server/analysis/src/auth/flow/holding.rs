//! Objects that hold the request that they were made for: FastAPI or a container made them, and a method of theirs
//! looks at the request later.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::super::sources::is_scheme;
use super::super::{Judge, Proof};
use super::proof::{is_tool, speaks_of_identity};
use super::{Abs, Flow};
use crate::facts::python::idioms::is_stub;
use crate::facts::python::tree::{Param, StmtKind};
use crate::index::looked_at::RestsOn;
use crate::index::value::{ClassRef, FunctionRef, Site, Value};

/// Objects inside each other that are looked into.
const MAX_DEPTH: u32 = 4;

/// Which classes hold the request, as far as that was asked.
#[derive(Debug, Default)]
pub(in crate::auth) struct Holding(RefCell<FxHashMap<Site, (bool, Arc<RestsOn>)>>);

impl Flow<'_, '_> {
    /// Whether an object holds the request, or a credential of it, itself or in what it is made of.
    pub(super) fn holds_request(&self, object: &Abs) -> bool {
        class_of(object).is_some_and(|class| self.class_holds_request(class))
    }

    /// The same of an object of a class.
    pub(super) fn class_holds_request(&self, class: &Arc<ClassRef>) -> bool {
        let known = self.judge.holding.0.borrow().get(&class.site).cloned();
        if let Some((holds, rests_on)) = known {
            self.judge.resolve.count(&rests_on);
            return holds;
        }
        let outer = self.judge.resolve.begin();
        let holds = self.judge.holds(class, &mut Vec::new(), 0);
        let rests_on = self.judge.resolve.end(outer);
        self.judge.holding.0.borrow_mut().insert(class.site, (holds, rests_on));
        holds
    }

    /// Whether a parameter of an initialiser takes a credential from a dependency that only reads it.
    pub(super) fn takes_credential(&self, init: &FunctionRef, param: &Param) -> bool {
        self.asked_for(init, param).is_some_and(|callable| self.judge.only_reads(&callable))
    }
}

impl Judge<'_> {
    fn only_reads(&self, callable: &Value) -> bool {
        match callable {
            Value::Instance(instance) if matches!(&instance.class, Value::Package(path) if is_scheme(path)) => true,
            callable => self.dependency(callable).proof == Proof::ExtractsOnly,
        }
    }

    fn holds(&self, class: &Arc<ClassRef>, seen: &mut Vec<Site>, depth: u32) -> bool {
        if depth > MAX_DEPTH || seen.contains(&class.site) {
            return false;
        }
        seen.push(class.site);
        self.made_of(class).iter().any(|given| match given {
            Value::Package(path) => is_request(path),
            Value::Class(part) => self.holds(part, seen, depth + 1) || self.heirs_hold(part, seen, depth + 1),
            _ => false,
        })
    }

    /// Whether one of the classes that stand behind an interface holds the request.
    fn heirs_hold(&self, class: &Arc<ClassRef>, seen: &mut Vec<Site>, depth: u32) -> bool {
        let declared = class.def.body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Function(def) => Some(&def.name.name),
            _ => None,
        });
        let is_declared = |name: &&SmolStr| {
            let method = self.resolve.method(class, name);
            method.is_some_and(|method| is_stub(&self.resolve.current(&method).def))
        };
        declared.filter(is_declared).take(1).any(|name| {
            let heirs = self.resolve.implementations(class, name);
            heirs.iter().any(|(heir, _)| self.holds(heir, seen, depth))
                || (heirs.is_empty() && says_who_calls(class, name))
        })
    }

    /// What the objects of a class are made of, by what its initialiser or its fields are said to take.
    fn made_of(&self, class: &Arc<ClassRef>) -> Vec<Value> {
        let Some(init) = self.resolve.method(class, "__init__") else {
            return self.resolve.record_fields(class).into_iter().map(|(_, ty)| ty).collect();
        };
        let of = |param: &Param| match self.resolve.eval_type(&init, param.annotation.as_ref()?) {
            Value::Annotated(annotated) => Some(annotated.ty.clone()),
            ty => Some(ty),
        };
        init.def.params.iter().filter_map(of).collect()
    }
}

/// Whether a package's class is the request, or the connection that it comes over.
pub(super) fn is_request(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    (path.starts_with("fastapi.") || path.starts_with("starlette."))
        && matches!(name, "Request" | "WebSocket" | "HTTPConnection")
}

/// The class of an object of the project.
pub(super) fn class_of(object: &Abs) -> Option<&Arc<ClassRef>> {
    let Abs::Object(object) = object else { return None };
    match &**object {
        Value::Class(class) => Some(class),
        Value::Instance(instance) => match &instance.class {
            Value::Class(class) => Some(class),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an interface is there to say who calls, by its name and the method's: that is a reason not to call a route
/// open, and no more.
pub(super) fn says_who_calls(class: &ClassRef, method: &str) -> bool {
    !is_tool(&class.qualname) && [class.qualname.as_str(), method].into_iter().any(speaks_of_identity)
}
