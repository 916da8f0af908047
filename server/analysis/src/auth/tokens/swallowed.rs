//! Clauses that catch what a verification raises: whether the caller gets in all the same, and whether anybody hears of it.

use super::super::code::{Body, last_name};
use super::libraries::{Does, does};
use super::{ItemTokens, Swallowed, Unlogged, claims, decode, errors, leaks};
use crate::facts::python::tree::{Expr, ExprKind, Handler, Stmt, StmtKind, positional};
use crate::text::TextRange;

/// Finds such clauses in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    let function = body.site(def.name.range);
    for (stmt, _) in body.statements() {
        let StmtKind::Try { body: guarded, handlers, .. } = &stmt.kind else { continue };
        for handler in handlers {
            let Some(verified) = errors::catches_verification(body, guarded, handler) else { continue };
            if verified == handler.range {
                // Nothing is verified there that could be seen.
                continue;
            }
            let (clause, verified) = (body.site(errors::clause(handler)), body.site(verified));
            if let Some((instead, unverified)) = instead(body, handler) {
                tokens.swallowed.push(Swallowed { site: body.site(instead), clause, verified, function, unverified });
            } else if answers(body, handler) && !logs(body, handler) {
                tokens.unlogged.push(Unlogged { site: clause, verified, function });
            }
        }
    }
}

/// What a clause gives in place of what was to be verified: somebody who need
/// not have been named by anybody, or claims that nothing verified.
fn instead(body: &Body<'_, '_, '_>, handler: &Handler) -> Option<(TextRange, bool)> {
    let statements = inside(handler);
    let peeks = body.calls().iter().find(|found| {
        statements.iter().any(|stmt| stmt.range.contains_range(found.expr.range))
            && found.call().is_some_and(|(func, args)| match does(body, func) {
                Some((_, Does::Peeks)) => true,
                Some((_, Does::Decodes)) => decode::switched_off(body, args, "verify_signature").is_some(),
                _ => false,
            })
            && !matches!(found.stmt.kind, StmtKind::Expr(_))
            && !found
                .call()
                .and_then(|(_, args)| positional(args, 0))
                .is_some_and(|token| claims::comes_from_issuer(body, token))
    });
    // Whoever refuses afterwards wanted to say something of the token.
    let refuses = statements.iter().any(|stmt| matches!(stmt.kind, StmtKind::Raise { .. }));
    if let Some(found) = peeks.filter(|_| !refuses) {
        return Some((found.expr.range, true));
    }
    handler.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Return(Some(value)) if names_somebody(value) => Some((value.range, false)),
        _ => None,
    })
}

/// Whether a value names a user by itself: a text of its own under a name for users.
fn names_somebody(value: &Expr) -> bool {
    let is_text = |value: &Expr| {
        value.as_str().is_some_and(|text| !text.is_empty() && !text.to_ascii_lowercase().contains("anonym"))
            || matches!(value.kind, ExprKind::Int(_))
    };
    let is_identity = |name: &str| matches!(name, "sub" | "id" | "user_id" | "userId" | "uid" | "email" | "username");
    match &value.kind {
        ExprKind::Dict(entries) => entries.iter().any(|(key, value)| {
            key.as_ref().and_then(Expr::as_str).is_some_and(|key| is_identity(key)) && is_text(value)
        }),
        ExprKind::Call { args, .. } => {
            args.iter().any(|arg| arg.name.as_ref().is_some_and(|name| is_identity(&name.name)) && is_text(&arg.value))
        }
        _ => false,
    }
}

/// All statements of a clause.
fn inside(handler: &Handler) -> Vec<&Stmt> {
    let (mut found, mut blocks) = (Vec::new(), vec![handler.body.as_slice()]);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            found.push(stmt);
            blocks.extend(stmt.blocks());
        }
    }
    found
}

/// Whether a clause answers with 401 or 403.
fn answers(body: &Body<'_, '_, '_>, handler: &Handler) -> bool {
    inside(handler)
        .iter()
        .any(|stmt| errors::answer(body, stmt).is_some_and(|answer| matches!(answer.status, Some((401 | 403, _)))))
}

/// Whether a clause says anything to anybody beside the caller.
fn logs(body: &Body<'_, '_, '_>, handler: &Handler) -> bool {
    inside(handler).iter().any(|stmt| {
        let StmtKind::Expr(expr) = &stmt.kind else { return false };
        let called = match &expr.kind {
            ExprKind::Await(inner) => inner.as_call(),
            _ => expr.as_call(),
        };
        called.is_some_and(|(func, _)| {
            leaks::sink(body, func).is_some()
                || last_name(func).is_some_and(|name| {
                    let name = name.to_ascii_lowercase();
                    ["log", "audit", "capture", "record", "track", "metric", "inc"]
                        .iter()
                        .any(|word| name.contains(word))
                })
        })
    })
}
