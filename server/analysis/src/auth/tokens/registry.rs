//! What registries of authlib and joserfc are told to expect of claims.

use smol_str::SmolStr;

use super::super::code::{Body, Found, Scope, last_name, mentions, module_variable};
use super::{Expected, Library, claims, key_source};
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword};
use crate::index::interpreter::Interpreter;
use crate::index::value::Value;

/// What is expected of the claims of a token.
pub(super) struct Registry {
    pub(super) requires: Vec<SmolStr>,
    pub(super) audience: Expected,
    pub(super) issuer: Expected,
}

/// What the claims have to be that a call of authlib or joserfc gives: its
/// `claims_options=`, or the registry that validates them afterwards.
pub(super) fn registry(body: &Body<'_, '_, '_>, found: &Found<'_>, args: &[Arg], library: Library) -> Option<Registry> {
    match library {
        Library::Authlib => {
            let options = keyword(args, "claims_options")?;
            where_it_stands(body, options, &mut |scope, options| {
                let ExprKind::Dict(entries) = &options.kind else { return None };
                let named = entries.iter().map(|(key, value)| Some((key.as_ref()?.as_str()?.clone(), value)));
                Some(read(body.interpreter, scope, named.collect::<Option<Vec<_>>>()?))
            })
        }
        Library::Joserfc => {
            let variable = claims::variable(found)?;
            let validates = body.calls().iter().find_map(|call| {
                let (func, args) = call.call()?;
                let ExprKind::Attribute { value: receiver, name } = &func.kind else { return None };
                let on_it = args.iter().any(|arg| mentions(&arg.value, variable));
                (name.name == "validate" && on_it).then_some(&**receiver)
            })?;
            where_it_stands(body, validates, &mut |scope, made| {
                let (func, args) = made.as_call()?;
                last_name(func).filter(|name| *name == "JWTClaimsRegistry")?;
                let named = args.iter().filter_map(|arg| Some((arg.name.as_ref()?.name.clone(), &arg.value)));
                Some(read(body.interpreter, scope, named.collect()))
            })
        }
        Library::PyJwt | Library::Jose => None,
    }
}

/// Calls `look` with what a variable is assigned, in the function or in a
/// module, and where that stands.
fn where_it_stands<T>(
    body: &Body<'_, '_, '_>,
    expr: &Expr,
    look: &mut dyn FnMut(Scope<'_>, &Expr) -> Option<T>,
) -> Option<T> {
    let traced = body.traced(expr);
    match traced.as_name() {
        Some(name) if body.param(name).is_none() && body.bindings(name).is_empty() => {
            let found = module_variable(body.interpreter, body.scope.file(), name)?;
            look(Scope::Module(found.file, found.item), found.value)
        }
        _ => look(body.scope, traced),
    }
}

fn read(interpreter: &Interpreter<'_>, scope: Scope<'_>, options: Vec<(SmolStr, &Expr)>) -> Registry {
    let mut registry = Registry { requires: Vec::new(), audience: Expected::Nothing, issuer: Expected::Nothing };
    for (claim, option) in options {
        let part = |name: &str| match &option.kind {
            ExprKind::Dict(entries) => entries
                .iter()
                .find(|(key, _)| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == name))
                .map(|(_, value)| value),
            _ => None,
        };
        if part("essential").is_some_and(|value| matches!(value.kind, ExprKind::Bool(true))) {
            registry.requires.push(claim.clone());
        }
        let expected = match (&option.kind, part("value"), part("values")) {
            (ExprKind::Dict(_), Some(value), _) => value_of(interpreter, scope, value),
            (ExprKind::Dict(_), None, Some(values)) => match &values.kind {
                ExprKind::List(values) if values.len() == 1 => {
                    values.first().map_or(Expected::Unknown, |value| value_of(interpreter, scope, value))
                }
                _ => Expected::Value(None),
            },
            (ExprKind::Dict(_), None, None) => Expected::Nothing,
            _ => Expected::Unknown,
        };
        match claim.as_str() {
            "aud" => registry.audience = expected,
            "iss" => registry.issuer = expected,
            _ => {}
        }
    }
    registry
}

fn value_of(interpreter: &Interpreter<'_>, scope: Scope<'_>, value: &Expr) -> Expected {
    match scope.eval(interpreter, value) {
        Value::Str(text) => Expected::Value(Some(text)),
        Value::None => Expected::Nothing,
        _ => key_source::variable(interpreter, scope, value, 0).map_or(Expected::Value(None), Expected::Environment),
    }
}
