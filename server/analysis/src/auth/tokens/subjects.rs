//! Tokens for an address, where the id of a user is expected: `uuid.UUID("me@example.com")` raises.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name};
use super::claims;
use crate::facts::python::tree::{Expr, Stmt, StmtKind};

/// Whether the `sub` of a payload is what is called an address of e-mail.
pub(super) fn is_address(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> bool {
    let is_called_so = |value: &Expr| last_name(value).is_some_and(|name| name == "email" || name.ends_with("_email"));
    claims.iter().any(|(claim, value)| {
        claim == "sub" && value.is_some_and(|value| is_called_so(value) || is_called_so(body.traced(value)))
    })
}

/// Whether a function makes a UUID or a number of the `sub` that a call gives, and turns away whose is neither.
pub(super) fn takes_ids_only(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let reads = claims::reads(body, found);
    let is_read = |expr: &Expr| reads.iter().any(|(claim, range)| claim == "sub" && *range == expr.range);
    let holds_read = |name: &SmolStr| {
        let bound = body.bindings(name);
        !bound.is_empty() && bound.into_iter().all(|value| value.is_some_and(is_read))
    };
    body.calls().iter().any(|call| {
        let Some((func, [arg])) = call.call() else { return false };
        let is_it = is_read(&arg.value) || arg.value.as_name().is_some_and(holds_read);
        is_it
            && body.package(func).is_some_and(|path| matches!(path.as_str(), "uuid.UUID" | "builtins.int"))
            && call.around.iter().all(|(stmt, block)| is_passed_through(stmt, *block))
    })
}

/// Whether whoever gets by a statement went through that block of it, or was turned away.
fn is_passed_through(stmt: &Stmt, block: usize) -> bool {
    match &stmt.kind {
        StmtKind::Try { handlers, .. } if block == 0 => handlers
            .iter()
            .all(|handler| matches!(handler.body.last().map(|last| &last.kind), Some(StmtKind::Raise { .. }))),
        StmtKind::With { .. } => true,
        _ => false,
    }
}
