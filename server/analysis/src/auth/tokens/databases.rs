//! Addresses of databases in settings: they hold the password of the application.

use super::super::code::{Body, bindings_of, is_settings, module_variable};
use super::super::keys;
use super::Secret;
use super::key_source::{environment, reads_environment};
use super::secrets::Origin;
use crate::facts::python::tree::{Expr, ExprKind, positional};
use crate::index::value::{Resolve, Value};

/// The address of a database that the environment sets, where an expression is all of it. What has an address
/// without a password for a default may be left at that, and is none.
pub(super) fn address(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Origin> {
    let traced = as_text(body, body.traced(expr));
    let is_address = match &traced.kind {
        ExprKind::Call { func, args } => match body.package(func)?.as_str() {
            "os.getenv" | "os.environ.get" => {
                positional(args, 0).and_then(Expr::as_str).is_some_and(|name| names_database(name))
                    && may_hold_password(traced)
            }
            _ => false,
        },
        ExprKind::Subscript { value, index } => {
            index.as_str().is_some_and(|name| names_database(name))
                && body.package(value).is_some_and(|path| path == "os.environ")
        }
        ExprKind::Attribute { value, name } => names_database(&name.name) && is_field(body, value, &name.name),
        ExprKind::Name(name) => {
            let is_global = names_database(name) && body.param(name).is_none() && body.bindings(name).is_empty();
            is_global
                && environment(body, traced).is_some()
                && module_variable(body.interpreter, body.scope.file(), name)
                    .is_some_and(|variable| may_hold_password(variable.value))
        }
        _ => false,
    };
    is_address.then_some(Origin { what: Secret::Database, range: expr.range, credential: false })
}

/// What `str(…)` is given, once: `url = str(url)` is given itself.
fn as_text<'e, 'b: 'e>(body: &Body<'b, '_, '_>, expr: &'e Expr) -> &'e Expr {
    match expr.as_call() {
        Some((func, args)) if body.package(func).is_some_and(|path| path == "builtins.str") => {
            positional(args, 0).map_or(expr, |given| body.traced(given))
        }
        _ => expr,
    }
}

/// Whether a field of settings is what the environment sets.
fn is_field(body: &Body<'_, '_, '_>, settings: &Expr, name: &str) -> bool {
    let Value::Class(class) = keys::object_of(body.interpreter, body.scope, settings) else { return false };
    let is_filled = is_settings(body.interpreter, &class);
    body.interpreter.linearised(&class).iter().any(|one| {
        body.interpreter.count_outline(one.site);
        match bindings_of(&one.def.body, name).as_slice() {
            [Some(value)] => {
                (is_filled || reads_environment(body.interpreter, &class, name)) && may_hold_password(value)
            }
            [None] => is_filled,
            _ => false,
        }
    })
}

/// Whether a name is one of a database's address.
pub(crate) fn names_database(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let mut words = upper.split('_');
    let is_address = words.clone().any(|word| matches!(word, "URL" | "URI" | "DSN"));
    let databases = ["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "MYSQL", "MONGO", "MONGODB", "SQLALCHEMY"];
    is_address && words.any(|word| databases.contains(&word))
}

/// Whether the addresses that a default is made of, if there are any, hold a password.
fn may_hold_password(value: &Expr) -> bool {
    let mut pending = vec![value];
    while let Some(expr) = pending.pop() {
        if expr.as_str().is_some_and(|text| text.contains("://") && !text.contains('@')) {
            return false;
        }
        pending.extend(expr.children());
    }
    true
}
