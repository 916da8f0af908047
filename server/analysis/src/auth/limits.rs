//! Middlewares that limit how often somebody may ask. They may read a token to
//! tell callers apart, and turn nobody away for want of one.

use std::sync::Arc;

use smol_str::SmolStr;

use super::code::{last_name, parts};
use crate::facts::python::idioms::{assigned_to_self, calls, http_status, raises};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Stmt, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

/// Functions that are looked into for one middleware.
const MAX_FUNCTIONS: usize = 24;

/// What a middleware answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// That somebody asked too often, and nothing else that the caller has to do with.
    Limits,
    /// Nothing: everybody is passed on.
    Nothing,
    /// Something else, or it is not known.
    Otherwise,
}

/// What answers a function gives by itself: whether all of them say that somebody asked too often or too much (RFC 6585
/// section 4, RFC 9110 section 15.5.14), or that the server failed.
pub(super) fn answers(resolve: &dyn Resolve, function: &FunctionRef) -> Answers {
    let mut pending = vec![(resolve.current(function), false)];
    let mut seen: Vec<(Site, bool)> = Vec::new();
    let mut given = Answers::Nothing;
    while let Some((function, caught)) = pending.pop() {
        if seen.contains(&(function.site, caught)) {
            continue;
        }
        seen.push((function.site, caught));
        if seen.len() > MAX_FUNCTIONS {
            return Answers::Otherwise;
        }
        let mut done = Vec::new();
        statements(&function.def.body, caught, &mut done);
        for (stmt, caught) in done {
            let raised = match &stmt.kind {
                StmtKind::Raise { exc: Some(raised), .. } if !caught => {
                    Some(raised_status(raised).or_else(|| own_status(resolve, &function, raised)))
                }
                _ => None,
            };
            let mut answers: Vec<Option<i64>> = raised.into_iter().collect();
            for (callee, args) in calls_of(stmt) {
                answers.extend(response(resolve, &function, callee, args));
                match called(resolve, &function, callee) {
                    Ok(Some(called)) => pending.push((called, caught)),
                    Ok(None) => {}
                    Err(()) => return Answers::Otherwise,
                }
            }
            for answer in answers {
                match answer {
                    Some(429) => given = Answers::Limits,
                    Some(413 | 500..=599) => {}
                    _ => return Answers::Otherwise,
                }
            }
        }
    }
    given
}

/// The statements of a block, and whether what each raises is caught and forgotten.
fn statements<'s>(block: &'s [Stmt], caught: bool, found: &mut Vec<(&'s Stmt, bool)>) {
    for stmt in block {
        found.push((stmt, caught));
        let StmtKind::Try { body, handlers, .. } = &stmt.kind else {
            stmt.blocks().into_iter().for_each(|block| statements(block, caught, found));
            continue;
        };
        let forgets = handlers.iter().any(catches_all) && !handlers.iter().any(|handler| raises(&handler.body));
        for (at, block) in stmt.blocks().into_iter().enumerate() {
            let guarded = at == 0 && std::ptr::eq(block, body.as_slice());
            statements(block, caught || guarded && forgets, found);
        }
    }
}

/// `except:`, `except Exception:`
fn catches_all(handler: &Handler) -> bool {
    let all = |ty: &Expr| ty.as_name().is_some_and(|name| matches!(name.as_str(), "Exception" | "BaseException"));
    handler.types.is_empty() || handler.types.iter().any(all)
}

/// The calls in a statement, those in its blocks left out.
fn calls_of(stmt: &Stmt) -> Vec<(&Expr, &[Arg])> {
    let (mut found, mut pending) = (Vec::new(), stmt.exprs());
    while let Some(expr) = pending.pop() {
        found.extend(expr.as_call());
        pending.extend(parts(expr));
    }
    found
}

/// The function of the project that is called; an error where it may be one that could not be found.
fn called(resolve: &dyn Resolve, function: &FunctionRef, callee: &Expr) -> Result<Option<FunctionRef>, ()> {
    match resolve.eval(function, callee) {
        Value::Function(called) => Ok(Some(resolve.current(&called))),
        Value::Bound(bound) => Ok(Some(resolve.current(&bound.1))),
        _ => match own_method(function, callee) {
            Some((class, name)) => resolve.method(class, name).map(|method| Some(resolve.current(&method))).ok_or(()),
            None => Ok(None),
        },
    }
}

/// The status of what the framework answers to an exception, or none where it is not known.
fn raised_status(raised: &Expr) -> Option<i64> {
    let (class, args) = raised.as_call()?;
    let is_http = last_name(class).is_some_and(|name| name == "HTTPException");
    let status = keyword(args, "status_code").or_else(|| positional(args, 0)).filter(|_| is_http);
    status.and_then(http_status)
}

/// The status that an exception of the project's own is made with: `super().__init__(429, "Too many")`, `status_code = 429`.
fn own_status(resolve: &dyn Resolve, function: &FunctionRef, raised: &Expr) -> Option<i64> {
    let class = raised.as_call().map_or(raised, |(class, _)| class);
    let Value::Class(class) = resolve.eval(function, class) else { return None };
    let mut found = Vec::new();
    for stmt in &class.def.body {
        match &stmt.kind {
            StmtKind::Assign(assign) if assign.targets.iter().any(|to| to.as_name().is_some_and(|to| to == STATUS)) => {
                found.push(assign.value.as_ref().and_then(http_status));
            }
            _ => {}
        }
    }
    let own = |init: &Arc<FunctionRef>| (init.site.file, init.site.item) == (class.site.file, class.site.item);
    let init = resolve.method(&class, "__init__").filter(own).map(|init| resolve.current(&init));
    if let Some(init) = &init {
        let handed_on = calls(&init.def.body).into_iter().filter(|(callee, _)| is_initialiser(callee));
        found.extend(
            handed_on.map(|(_, args)| keyword(args, STATUS).or_else(|| positional(args, 0)).and_then(http_status)),
        );
        found.extend(assigned_to_self(&init.def, STATUS).into_iter().map(http_status));
    }
    // What hands nothing on has what the class itself says.
    match found.as_slice() {
        [Some(status)] => Some(*status).filter(|_| init.is_some() || !class.def.bases.is_empty()),
        _ => None,
    }
}

/// What an exception of a web application says that it is answered with.
const STATUS: &str = "status_code";

/// `super().__init__`.
fn is_initialiser(callee: &Expr) -> bool {
    let ExprKind::Attribute { value, name } = &callee.kind else { return false };
    let is_super = |(func, _): (&Expr, &[Arg])| func.as_name().is_some_and(|name| name == "super");
    name.name == "__init__" && value.as_call().is_some_and(is_super)
}

/// The status of a response of the framework, or of the project's own, where a call makes one; none in it where it is
/// not known.
fn response(resolve: &dyn Resolve, function: &FunctionRef, callee: &Expr, args: &[Arg]) -> Option<Option<i64>> {
    let status = || keyword(args, "status_code").or_else(|| positional(args, 1)).and_then(http_status);
    match resolve.eval(function, callee) {
        Value::Package(path) if path.ends_with("Response") => Some(status()),
        Value::Class(class) if resolve.package_bases(&class).iter().any(|base| base.ends_with("Response")) => {
            Some(None)
        }
        _ => None,
    }
}

/// The class and name of `self.method`.
fn own_method<'f>(function: &'f FunctionRef, callee: &'f Expr) -> Option<(&'f ClassRef, &'f SmolStr)> {
    let ExprKind::Attribute { value, name } = &callee.kind else { return None };
    let class = function.class.as_ref()?;
    let own = function.def.params.first()?;
    value.as_name().filter(|receiver| **receiver == own.name.name).map(|_| (&**class, &name.name))
}
