//! Claims that are kept with the token that they were verified from, and given again.

use super::super::code::{Body, Found};
use super::libraries::{Does, does};
use super::{CachedClaims, ItemTokens, claims};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::{Instance, Value};

/// Finds functions that give the claims of a token again which they verified before.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    // Who reads it may forget in time what is kept.
    if !body.find(&reads_end).is_empty() {
        return;
    }
    let verified = body
        .calls()
        .iter()
        .filter(|found| found.call().is_some_and(|(func, _)| matches!(does(body, func), Some((_, Does::Decodes)))));
    tokens.cached.extend(verified.filter_map(|found| cached(body, found)));
}

/// `claims["exp"]`, `claims.get("exp")`.
fn reads_end(expr: &Expr) -> bool {
    let key = match &expr.kind {
        ExprKind::Subscript { index, .. } => Some(&**index),
        ExprKind::Call { args, .. } => positional(args, 0),
        _ => None,
    };
    key.and_then(Expr::as_str).is_some_and(|key| key == "exp")
}

fn cached(body: &Body<'_, '_, '_>, verified: &Found<'_>) -> Option<CachedClaims> {
    let (_, args) = verified.call()?;
    let token = positional(args, 0).filter(|token| token.as_name().is_some())?;
    let kept = claims::variable(verified)?;
    let store = body.statements().iter().find_map(|(stmt, _)| kept_in(stmt, token, kept))?;
    let seconds = lives(body, store)?;
    let given = body.statements().iter().find_map(|(stmt, _)| given_again(body, stmt, token, store))?;
    Some(CachedClaims { site: body.site(given.range), verified: body.site(verified.expr.range), seconds })
}

/// The container of `cache[token] = claims`.
fn kept_in<'b>(stmt: &'b Stmt, token: &Expr, claims: &str) -> Option<&'b Expr> {
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let [target] = assign.targets.as_slice() else { return None };
    let is_it = assign.value.as_ref().and_then(Expr::as_name).is_some_and(|name| name == claims);
    entry(target, token).filter(|_| is_it)
}

/// The container of `cache[token]`.
fn entry<'e>(expr: &'e Expr, token: &Expr) -> Option<&'e Expr> {
    let ExprKind::Subscript { value, index } = &expr.kind else { return None };
    (value.as_name().is_some() && index.as_name() == token.as_name()).then_some(value)
}

/// How many seconds a container keeps what is put into it, none for as long as the process runs.
/// A container that is not known gives nothing: it may look at the claims.
fn lives(body: &Body<'_, '_, '_>, store: &Expr) -> Option<Option<i64>> {
    let instance = match body.eval(store) {
        Value::Dict(_) if body.bindings(store.as_name()?).is_empty() => return Some(None),
        Value::Instance(instance) => instance,
        _ => return None,
    };
    match &instance.class {
        Value::Package(path) if path == "cachetools.TTLCache" => Some(Some(span(&instance)?)),
        Value::Package(path) if matches!(path.as_str(), "cachetools.LRUCache" | "cachetools.LFUCache") => Some(None),
        _ => None,
    }
}

fn span(cache: &Instance) -> Option<i64> {
    match cache.args.get("ttl", Some(1)) {
        Some(Value::Int(seconds)) if !cache.args.open_ended => Some(*seconds),
        _ => None,
    }
}

/// What a condition gives back that asks for nothing but whether the token was seen before:
/// `if token in cache: return cache[token]`, `if known: return known`.
fn given_again<'b>(body: &Body<'b, '_, '_>, stmt: &'b Stmt, token: &Expr, store: &Expr) -> Option<&'b Expr> {
    let StmtKind::If { test, body: block, .. } = &stmt.kind else { return None };
    let [Stmt { kind: StmtKind::Return(Some(given)), .. }] = block.as_slice() else { return None };
    let is_store = |expr: &Expr| expr.as_name() == store.as_name();
    let is_entry = match body.traced(given) {
        read if entry(read, token).is_some_and(is_store) => true,
        read => read.as_call().is_some_and(|(func, args)| {
            let of_store =
                matches!(&func.kind, ExprKind::Attribute { value, name } if name.name == "get" && is_store(value));
            of_store && positional(args, 0).is_some_and(|key| key.as_name() == token.as_name())
        }),
    };
    (is_entry && asks_whether_known(test, given, token, store)).then_some(given)
}

fn asks_whether_known(test: &Expr, given: &Expr, token: &Expr, store: &Expr) -> bool {
    match &test.kind {
        // `use_cache and token in cache`
        ExprKind::BoolOp { and: true, values } => values
            .iter()
            .all(|value| matches!(value.kind, ExprKind::Name(_)) || asks_whether_known(value, given, token, store)),
        ExprKind::Name(_) => test.as_name() == given.as_name(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "in" => first.as_name() == token.as_name() && second.as_name() == store.as_name(),
            [(op, second)] => {
                op == "is not" && matches!(second.kind, ExprKind::None) && first.as_name() == given.as_name()
            }
            _ => false,
        },
        _ => false,
    }
}
