//! Tokens that are kept in an object or a dictionary, and read back from it.

use super::super::code::{Body, Scope};
use super::Secret;
use super::callees::callee;
use super::secrets::{Origin, follow, issued};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, keyword};
use crate::index::value::{Resolve, Value};

/// Expressions that are looked at in a function that makes a container, of those that are left.
const SHARE: u32 = 4;

/// The token that a container holds under a name: `pair.refresh_token`, `pair["refresh_token"]`
/// of what a dictionary, a class or a function of the project is seen to be made of.
pub(super) fn held(body: &Body<'_, '_, '_>, container: &Expr, name: &str, depth: u32) -> Option<Origin> {
    let made = made(body, container);
    if let Some(value) = entry(body, made, name) {
        return token(follow(body, value, depth + 1)?);
    }
    returned(body, made, &|inner, value| entry(inner, value, name))
}

/// The token at a place of the tuple that a function of the project returns: `access, refresh = pair(name)`.
pub(super) fn unpacked(body: &Body<'_, '_, '_>, tuple: &Expr, at: usize) -> Option<Origin> {
    returned(body, made(body, tuple), &|_, value| match &value.kind {
        ExprKind::Tuple(parts) => parts.get(at),
        _ => None,
    })
}

/// What makes the value of an expression, where that is assigned once.
fn made<'e, 'b: 'e>(body: &Body<'b, '_, '_>, expr: &'e Expr) -> &'e Expr {
    let made = body.traced(expr);
    match &made.kind {
        ExprKind::Await(inner) => inner,
        _ => made,
    }
}

/// What a dictionary has under a name, or a class of the project is given by it.
fn entry<'e>(body: &Body<'_, '_, '_>, made: &'e Expr, name: &str) -> Option<&'e Expr> {
    match &made.kind {
        ExprKind::Dict(entries) => {
            let is_it = |key: &Option<Expr>| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == name);
            entries.iter().rfind(|(key, _)| is_it(key)).map(|(_, value)| value)
        }
        ExprKind::Call { func, args } => {
            let given = keyword(args, name)?;
            matches!(body.eval(func), Value::Class(_)).then_some(given)
        }
        _ => None,
    }
}

/// The token that a part of what a call returns is, where each way of its function gives one.
fn returned(
    body: &Body<'_, '_, '_>,
    call: &Expr,
    part: &dyn for<'e> Fn(&Body<'_, '_, '_>, &'e Expr) -> Option<&'e Expr>,
) -> Option<Origin> {
    let left = body.steps.get() / SHARE;
    let (func, _) = call.as_call().filter(|_| left > 0)?;
    let function = callee(body, func).filter(|function| !function.def.is_generator)?;
    let function = body.interpreter.current(&function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    inner.steps.set(left);
    let values = inner.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => Some(made(&inner, value)),
        _ => None,
    });
    let mut holds = false;
    for value in values.filter(|value| !matches!(value.kind, ExprKind::None)) {
        let origin = match part(&inner, value) {
            Some(held) => follow(&inner, held, 0)?,
            // What another function gives, which is handed on.
            None => returned(&inner, value, part)?,
        };
        if origin.what != Secret::Issued {
            return None;
        }
        holds = true;
    }
    holds.then(|| issued(call))
}

/// Something that is a token, wherever it is kept.
fn token(origin: Origin) -> Option<Origin> {
    matches!(origin.what, Secret::Issued | Secret::Token).then_some(origin)
}
