//! Clauses that catch what a verification raises: whether the caller gets in all the same, and whether anybody hears of it.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::libraries::{Does, does};
use super::{ItemTokens, Swallowed, Unlogged, claims, decode, errors, leaks};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Spread, Stmt, StmtKind, positional};
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
            let instead = instead(body, handler, verified);
            let (clause, verified) = (body.site(errors::clause(handler)), body.site(verified));
            if let Some((instead, unverified)) = instead {
                tokens.swallowed.push(Swallowed { site: body.site(instead), clause, verified, function, unverified });
            } else if answers(body, handler) && !logs(body, handler) {
                tokens.unlogged.push(Unlogged { site: clause, verified, function });
            }
        }
    }
}

/// What a clause gives in place of what was to be verified: somebody who need
/// not have been named by anybody, or claims that nothing verified.
fn instead(body: &Body<'_, '_, '_>, handler: &Handler, verified: TextRange) -> Option<(TextRange, bool)> {
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
    let refused = body.calls().iter().find(|found| found.expr.range == verified).and_then(Found::call);
    let refused = refused.and_then(|(_, args)| positional(args, 0));
    let is_verified_again =
        |peeks: &Stmt| refused.is_some_and(|refused| is_verified_again(body, handler, peeks, refused));
    if let Some(found) = peeks.filter(|found| !is_verified_again(found.stmt)) {
        return Some((found.expr.range, true));
    }
    handler.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Return(Some(value)) if names_somebody(value) => Some((value.range, false)),
        _ => None,
    })
}

/// Whether claims that nothing verified only decide which verification is tried next: the clause does nothing else, and
/// all that it gives is what another one gave, or nothing.
fn is_verified_again(body: &Body<'_, '_, '_>, handler: &Handler, peeks: &Stmt, refused: &Expr) -> bool {
    let (Some(def), StmtKind::Assign(peeked)) = (body.def, &peeks.kind) else { return false };
    let [Some(claims)] = peeked.targets.iter().map(Expr::as_name).collect::<Vec<_>>()[..] else { return false };
    let is_used_behind = body.statements().iter().any(|(stmt, _)| {
        let mut exprs = stmt.exprs().into_iter();
        !handler.range.contains_range(stmt.range) && exprs.any(|expr| mentions(expr, claims))
    });
    let ends = handler.body.last().is_some_and(|last| matches!(last.kind, StmtKind::Return(_)));
    let is_nothing = |value: &Expr| matches!(value.kind, ExprKind::None | ExprKind::Bool(false));
    let is_verified = |value: &Expr| verifies(body, value, refused) && !mentions(value, claims);
    let holds_verified = |name: &SmolStr| {
        let may_hold = |value: Option<&Expr>| value.is_some_and(|value| is_nothing(value) || is_verified(value));
        let is_bound = |expr: &Expr| matches!(&expr.kind, ExprKind::Walrus { name: bound, .. } if bound.name == *name);
        let is_elsewhere = def.params.iter().any(|param| param.name.name == *name) || !body.find(&is_bound).is_empty();
        let bindings = body.bindings(name);
        !is_elsewhere && !bindings.is_empty() && bindings.into_iter().all(may_hold)
    };
    // `subject = payload.get("sub")`
    let reads_verified = |value: &Expr| {
        let of = match &value.kind {
            ExprKind::Subscript { value, .. } => Some(value),
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "get" => Some(value),
                _ => None,
            },
            _ => None,
        };
        !mentions(value, claims) && of.and_then(|of| of.as_name()).is_some_and(holds_verified)
    };
    let only_tries = |stmt: &&Stmt| match &stmt.kind {
        StmtKind::Assign(assign) => {
            let is_variable = assign.targets.iter().all(|target| target.as_name().is_some());
            let is_harmless = |value: &Expr| is_verified(value) || reads_verified(value);
            stmt.range == peeks.range || is_variable && assign.value.as_ref().is_some_and(is_harmless)
        }
        StmtKind::Return(Some(given)) => match &given.kind {
            ExprKind::Name(name) => name != claims && holds_verified(name),
            _ => is_nothing(given) || is_verified(given),
        },
        StmtKind::If { test, .. } => only_asks(test, claims),
        StmtKind::Try { handlers, .. } => handlers.iter().all(|handler| handler.name.is_none()),
        StmtKind::Return(None) | StmtKind::Pass => true,
        _ => false,
    };
    ends && !is_used_behind && inside(handler).iter().all(only_tries)
}

/// Whether a test binds nothing, and hands claims to nobody.
fn only_asks(test: &Expr, claims: &SmolStr) -> bool {
    let is_harmless = match &test.kind {
        ExprKind::Walrus { .. } | ExprKind::Comprehension(_) | ExprKind::Lambda { .. } => false,
        ExprKind::Call { args, .. } => !args.iter().any(|arg| mentions(&arg.value, claims)),
        _ => true,
    };
    is_harmless && test.children().into_iter().all(|part| only_asks(part, claims))
}

/// Whether a call verifies a token, which is `refused` by another key, as far as its arguments stand there plainly.
fn verifies(body: &Body<'_, '_, '_>, call: &Expr, refused: &Expr) -> bool {
    let Some((func, args)) = call.as_call() else { return false };
    let signs = |(key, value): &(Option<Expr>, Expr)| match key.as_ref().and_then(Expr::as_str).map(SmolStr::as_str) {
        Some("verify_signature") => matches!(value.kind, ExprKind::Bool(true)),
        key => key.is_some(),
    };
    let is_plain = |arg: &Arg| match arg.name.as_ref().map(|name| name.name.as_str()) {
        Some("options") => matches!(&arg.value.kind, ExprKind::Dict(entries) if entries.iter().all(signs)),
        name => arg.spread == Spread::No && name != Some("verify"),
    };
    matches!(does(body, func), Some((_, Does::Decodes)))
        && positional(args, 0).is_some_and(|token| is_same_value(token, refused))
        && positional(args, 3).is_none()
        && args.iter().all(is_plain)
}

/// Whether two expressions are the same variable, or the same attribute of one.
fn is_same_value(one: &Expr, other: &Expr) -> bool {
    match (&one.kind, &other.kind) {
        (ExprKind::Name(one), ExprKind::Name(other)) => one == other,
        (ExprKind::Attribute { value, name }, ExprKind::Attribute { value: of, name: other }) => {
            name.name == other.name && is_same_value(value, of)
        }
        _ => false,
    }
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
