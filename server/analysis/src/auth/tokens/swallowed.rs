//! Clauses that catch what a verification raises: whether the caller gets in all the same, and whether anybody hears of it.

use smol_str::SmolStr;

use super::super::code::{Body, last_name, mentions};
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
    let peeks = peeks.filter(|_| !refuses);
    if let Some(found) = peeks.filter(|found| !is_verified_again(body, handler, found.stmt)) {
        return Some((found.expr.range, true));
    }
    handler.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Return(Some(value)) if names_somebody(value) => Some((value.range, false)),
        _ => None,
    })
}

/// Whether claims that nothing verified only decide which verification is tried next: all that a clause gives is what
/// another one gave, or nothing.
fn is_verified_again(body: &Body<'_, '_, '_>, handler: &Handler, peeks: &Stmt) -> bool {
    let StmtKind::Assign(peeked) = &peeks.kind else { return false };
    let [Some(claims)] = peeked.targets.iter().map(Expr::as_name).collect::<Vec<_>>()[..] else { return false };
    let statements = inside(handler);
    let is_test =
        |stmt: &Stmt, expr: &Expr| matches!(&stmt.kind, StmtKind::If { test, .. } if test.range == expr.range);
    let is_used = |stmt: &Stmt| stmt.exprs().into_iter().any(|expr| !is_test(stmt, expr) && mentions(expr, claims));
    let is_used_behind = body.statements().iter().any(|(stmt, _)| {
        let mut exprs = stmt.exprs().into_iter();
        !handler.range.contains_range(stmt.range) && exprs.any(|expr| mentions(expr, claims))
    });
    let own = |stmt: &&&Stmt| stmt.range != peeks.range;
    let ends = handler.body.last().is_some_and(|last| matches!(last.kind, StmtKind::Return(_)));
    if !ends || is_used_behind || statements.iter().filter(own).any(|stmt| is_used(stmt)) {
        return false;
    }
    let verified = |name: &SmolStr| {
        let mut made = assigned_in(&statements, name).peekable();
        made.peek().is_some() && made.all(|value| verifies(body, value))
    };
    statements.iter().all(|stmt| match &stmt.kind {
        StmtKind::Return(Some(given)) => match &given.kind {
            ExprKind::None | ExprKind::Bool(false) => true,
            ExprKind::Name(name) => verified(name),
            _ => verifies(body, given),
        },
        _ => true,
    })
}

/// What statements assign to a variable.
fn assigned_in<'s>(statements: &'s [&Stmt], name: &'s SmolStr) -> impl Iterator<Item = &'s Expr> {
    statements.iter().filter_map(move |stmt| match &stmt.kind {
        StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.as_name() == Some(name)) => {
            assign.value.as_ref()
        }
        _ => None,
    })
}

/// Whether a call verifies a token.
fn verifies(body: &Body<'_, '_, '_>, call: &Expr) -> bool {
    call.as_call().is_some_and(|(func, args)| {
        matches!(does(body, func), Some((_, Does::Decodes)))
            && decode::switched_off(body, args, "verify_signature").is_none()
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
