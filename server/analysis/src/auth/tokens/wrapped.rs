//! Exceptions that carry what a library says of a token to an answer:
//! `raise Refused(f"bad token: {error}")` in one function, `detail=str(error)` in another.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{Body, Found, Scope};
use super::callees::callee;
use super::errors::{catches_verification, text_of, told_in};
use super::{ItemTokens, Telling, Told};
use crate::facts::python::tree::{Expr, ExprKind, Handler, Stmt, StmtKind};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};
use crate::text::TextRange;

/// Functions that an exception passes on its way to who answers it.
const MAX_DEPTH: u32 = 3;

/// An exception with the text of a library's in it.
struct Wrapped {
    class: Class,
    /// Where the text gets into it.
    site: Site,
}

/// The class of such an exception.
enum Class {
    /// One of the project.
    Own(Arc<ClassRef>),
    /// One of Python's, by its dotted path.
    Builtin(SmolStr),
}

/// Exceptions of Python's that say what they were given.
const BUILTINS: &[&str] = &["ValueError", "RuntimeError", "PermissionError", "TypeError", "LookupError"];

/// Finds answers of a `try` that tell the text of such an exception, which a called function raises.
pub(super) fn look(body: &Body<'_, '_, '_>, guarded: &[Stmt], handlers: &[Handler], tokens: &mut ItemTokens) {
    let tells = |handler: &Handler| handler.name.as_ref().is_some_and(|name| !told_in(body, handler, name).is_empty());
    if !handlers.iter().any(tells) {
        return;
    }
    let (Some(first), Some(last)) = (guarded.first(), guarded.last()) else { return };
    let inside = TextRange { start: first.range.start, end: last.range.end };
    let mut raised = Vec::new();
    for found in body.calls().iter().filter(|found| inside.contains_range(found.expr.range)) {
        let caught_before =
            found.around.iter().any(|(stmt, block)| is_try(stmt, *block) && inside.contains_range(stmt.range));
        if !caught_before {
            called(body, found, 0, &mut raised);
        }
    }
    let mut answered = Vec::new();
    for wrapped in &raised {
        let Some(handler) = handlers.iter().find(|handler| catches(body, handler, &wrapped.class)) else { continue };
        let Some(name) = handler.name.as_ref().filter(|_| !answered.contains(&handler.range)) else { continue };
        answered.push(handler.range);
        // What it catches of a library is told of already.
        if catches_verification(body, guarded, handler).is_some() {
            continue;
        }
        tokens.told.extend(told_in(body, handler, name).into_iter().map(|range| Told {
            site: body.site(range),
            about: wrapped.site,
            what: Telling::Wrapped,
        }));
    }
}

fn is_try(stmt: &Stmt, block: usize) -> bool {
    block == 0 && matches!(stmt.kind, StmtKind::Try { .. })
}

/// What the function that a call reaches raises.
fn called(body: &Body<'_, '_, '_>, call: &Found<'_>, depth: u32, raised: &mut Vec<Wrapped>) {
    let Some(function) = call.call().and_then(|(func, _)| callee(body, func)) else { return };
    let recurses = matches!(body.scope, Scope::Function(own) if own.site == function.site);
    if depth < MAX_DEPTH && !recurses {
        of_function(body, &function, depth, raised);
    }
}

fn of_function(body: &Body<'_, '_, '_>, function: &FunctionRef, depth: u32, raised: &mut Vec<Wrapped>) {
    let function = body.interpreter.current(function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    for (stmt, around) in inner.statements() {
        let StmtKind::Try { body: guarded, handlers, .. } = &stmt.kind else { continue };
        // What stands in another `try` may be caught there.
        if around.iter().any(|(stmt, block)| is_try(stmt, *block)) {
            continue;
        }
        for handler in handlers {
            if let Some(name) = &handler.name
                && catches_verification(&inner, guarded, handler).is_some()
            {
                raised.extend(raises(&inner, &handler.body, name));
            }
        }
    }
    let unguarded = |found: &&Found<'_>| !found.around.iter().any(|(stmt, block)| is_try(stmt, *block));
    for found in inner.calls().iter().filter(unguarded) {
        called(&inner, found, depth + 1, raised);
    }
}

/// The exceptions that a clause raises with the text of the one that it caught.
fn raises(body: &Body<'_, '_, '_>, block: &[Stmt], name: &str) -> Vec<Wrapped> {
    let mut found = Vec::new();
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if let StmtKind::Raise { exc: Some(exc), .. } = &stmt.kind
                && let Some((func, args)) = exc.as_call()
                && let [given] = args
                && let Some(range) = text_of(body, &given.value, name)
                && let Some(class) = telling(body, func)
            {
                found.push(Wrapped { class, site: body.site(range) });
            }
            blocks.extend(stmt.blocks());
        }
    }
    found
}

/// The class of an exception whose text is what it was given.
fn telling(body: &Body<'_, '_, '_>, func: &Expr) -> Option<Class> {
    match body.eval(func) {
        Value::Class(class) => shows_its_text(body, &class).then_some(Class::Own(class)),
        Value::Package(path) => {
            let is_one = path.strip_prefix("builtins.").is_some_and(|name| BUILTINS.contains(&name));
            is_one.then_some(Class::Builtin(path))
        }
        _ => None,
    }
}

/// Whether the text of an exception is what it was given: its classes make none of their own.
fn shows_its_text(body: &Body<'_, '_, '_>, class: &ClassRef) -> bool {
    body.interpreter.linearised(class).iter().all(|class| {
        body.interpreter.count_body(class.site);
        class.def.body.iter().all(|stmt| match &stmt.kind {
            StmtKind::Function(def) => match def.name.name.as_str() {
                "__str__" | "__new__" => false,
                "__init__" => def.params.get(1).is_some_and(|text| hands_on(&def.body, &text.name.name)),
                _ => true,
            },
            _ => true,
        })
    })
}

/// `super().__init__(text)`.
fn hands_on(block: &[Stmt], text: &str) -> bool {
    block.iter().any(|stmt| {
        let StmtKind::Expr(expr) = &stmt.kind else { return false };
        let Some((func, args)) = expr.as_call() else { return false };
        let ExprKind::Attribute { value, name } = &func.kind else { return false };
        let of_super = value.as_call().is_some_and(|(func, _)| func.as_name().is_some_and(|name| name == "super"));
        let [given] = args else { return false };
        of_super && name.name == "__init__" && given.value.as_name().is_some_and(|name| name == text)
    })
}

/// Whether a clause catches an exception of that class.
fn catches(body: &Body<'_, '_, '_>, handler: &Handler, class: &Class) -> bool {
    let is_it = |ty: &Expr| match (body.eval(ty), class) {
        (Value::Package(path), _) if matches!(path.as_str(), "builtins.Exception" | "builtins.BaseException") => true,
        (Value::Class(caught), Class::Own(class)) => {
            body.interpreter.linearised(class).iter().any(|base| base.site == caught.site)
        }
        (Value::Package(caught), Class::Builtin(path)) => caught == *path,
        _ => false,
    };
    handler.types.is_empty() || handler.types.iter().any(is_it)
}
