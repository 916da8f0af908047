//! Objects with a password in them, and what is left of it in what is made of these.

use std::sync::Arc;

use super::super::code::{Body, last_name, mentions};
use super::Secret;
use super::secrets::{Origin, is_all_sent};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};
use crate::index::value::{ClassRef, Resolve};

/// Whether a model of requests has a field for a password that it shows when it is printed.
pub(super) fn holds_password(body: &Body<'_, '_, '_>, class: &Arc<ClassRef>) -> bool {
    let is_model = body.interpreter.package_bases(class).iter().any(|base| base.starts_with("pydantic"));
    is_model
        && body.interpreter.linearised(class).iter().any(|class| {
            body.interpreter.count_outline(class.site);
            class.def.body.iter().any(|stmt| match &stmt.kind {
                StmtKind::Assign(assign) => {
                    let named = assign.targets.first().and_then(Expr::as_name).is_some_and(|name| is_password(name));
                    let hidden = assign.annotation.as_ref().is_some_and(|annotation| mentions(annotation, "SecretStr"));
                    named && !hidden
                }
                _ => false,
            })
        })
}

pub(super) fn is_password(name: &str) -> bool {
    matches!(name, "password" | "passwd" | "plain_password" | "new_password" | "current_password" | "old_password")
}

/// What is under a key of something: the password of what holds one, and nothing of it under any other.
pub(super) fn entry(origin: Origin, key: Option<&str>) -> Option<Origin> {
    match origin.what {
        Secret::PasswordHolder => key.is_some_and(is_password).then_some(Origin { what: Secret::Password, ..origin }),
        _ => Some(origin),
    }
}

/// What a list of something holds: of a dictionary its keys only.
pub(super) fn listed(origin: Origin, given: &Expr) -> Option<Origin> {
    let is_values = || {
        let called = given.as_call().and_then(|(func, _)| last_name(func));
        called.is_some_and(|name| matches!(name.as_str(), "items" | "values"))
    };
    match origin.what {
        Secret::PasswordHolder => is_values().then_some(origin),
        _ => (!is_all_sent(&origin) || given.as_call().is_some()).then_some(origin),
    }
}

/// Whether the password was taken out of the dictionary that a variable holds, or replaced, before it is used:
/// `data.pop("password")`, `data["password"] = …`.
pub(super) fn is_taken_out(body: &Body<'_, '_, '_>, used: &Expr, name: &str) -> bool {
    let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
    let is_entry = |target: &Expr| match &target.kind {
        ExprKind::Subscript { value, index } => is_it(value) && index.as_str().is_some_and(|key| is_password(key)),
        _ => false,
    };
    let pops = || {
        body.calls().iter().filter(|found| found.expr.range.end <= used.range.start).any(|found| {
            let Some((func, args)) = found.call() else { return false };
            let key = positional(args, 0).and_then(Expr::as_str);
            match &func.kind {
                ExprKind::Attribute { value, name } => {
                    name.name == "pop" && is_it(value) && key.is_some_and(|key| is_password(key))
                }
                _ => false,
            }
        })
    };
    let earlier = body.statements().iter().filter(|(stmt, _)| stmt.range.end <= used.range.start);
    earlier.into_iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::Delete(targets) => targets.iter().any(is_entry),
        StmtKind::Assign(assign) => assign.targets.iter().any(is_entry),
        _ => false,
    }) || pops()
}
