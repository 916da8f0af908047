//! Passwords that stand in the code: they are hashed for an account, or compared with what callers send.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::accounts::{hashes_password, is_password_hash, object_hashes};
use super::super::code::{Body, Found, Scope, last_name, module_variable, plain_text};
use super::super::keys::{Source, standing_text};
use super::callees::parameter;
use super::passwords::{is_hash, is_password};
use super::unset::in_constant_time;
use super::{ItemTokens, Secret, WrittenPassword, secrets};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, StmtKind};
use crate::index::value::{Resolve, Site, Value};
use crate::text::TextRange;

/// Finds such passwords in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let compared = compared_with(body);
    for call in body.calls() {
        let Some((func, args)) = call.call() else { continue };
        if !compared.contains(&call.expr.range) {
            tokens.written_passwords.extend(written_out(body, func, args));
        }
    }
    if body.takes_requests() {
        let comparisons = body.find(&|expr| equals(expr).is_some());
        tokens.written_passwords.extend(comparisons.iter().filter_map(|one| lets_in(body, one)));
        tokens.written_passwords.extend(body.calls().iter().flat_map(|call| lets_in_by_helper(body, call)));
    }
}

/// Finds those that a table of accounts gets while its module is executed: `{"ann": {"hashed_password": hash("…")}}`. What
/// is hashed elsewhere there, for a row of its own, too, is more often what an account that is not there is compared with.
pub(super) fn look_in_module(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let is_kept =
        |key: &Option<Expr>| key.as_ref().and_then(Expr::as_str).is_some_and(|key| is_hash(key) || is_password(key));
    for table in body.find(&|expr| matches!(expr.kind, ExprKind::Dict(_) | ExprKind::List(_))) {
        let rows: Vec<&Expr> = match &table.expr.kind {
            ExprKind::Dict(entries) => entries.iter().map(|(_, value)| value).collect(),
            ExprKind::List(rows) => rows.iter().collect(),
            _ => continue,
        };
        for row in rows {
            let ExprKind::Dict(columns) = &row.kind else { continue };
            let made = columns.iter().filter(|(key, _)| is_kept(key)).filter_map(|(_, value)| value.as_call());
            tokens.written_passwords.extend(made.filter_map(|(func, args)| written_out(body, func, args)));
        }
    }
}

/// The variable of the environment, or the setting, that a text stands in for.
fn variable(source: Source) -> Option<SmolStr> {
    match source {
        Source::Literal => None,
        Source::Environment(name) | Source::Setting(name) => Some(name),
    }
}

/// A text of the code that a handler compares the password of a caller with: `data.password == "…"`. Who is turned away
/// because it is the same shall choose another one.
fn lets_in(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Option<WrittenPassword> {
    let (first, second) = equals(found.expr)?;
    if raises_where(found) == Some(is_same(found.expr)) {
        return None;
    }
    let known = [(first, second), (second, first)].into_iter().find(|(given, _)| is_sent(body, given))?.1;
    written(body, known)
}

/// The same of functions that say whether it is the one that stands in for a variable, where the handler turns those away
/// of whom they don't: `if not knows(data.name, data.password): raise`.
fn lets_in_by_helper(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Vec<WrittenPassword> {
    let Some((func, args)) = found.call().filter(|_| raises_where(found) == Some(false)) else { return Vec::new() };
    let called = match body.eval(func) {
        Value::Function(called) => called,
        Value::Bound(bound) => Arc::clone(&bound.1),
        _ => return Vec::new(),
    };
    let called = body.interpreter.current(&called);
    let sent = (0..args.len()).filter(|at| is_sent(body, &args[*at].value));
    let sent: Vec<&SmolStr> = sent.filter_map(|at| Some(&parameter(&called, args, at)?.name.name)).collect();
    if sent.is_empty() {
        return Vec::new();
    }
    let inner = Body::new(body.interpreter, Scope::Function(&called), &called.def.body);
    let is_given = |given: &Expr| given.as_name().is_some_and(|name| sent.contains(&name));
    let said = inner.find(&|expr| equals(expr).is_some() && is_same(expr));
    let said = said.iter().filter(|one| match &one.stmt.kind {
        StmtKind::Return(Some(value)) => holds_where(value, one.expr) == Some(true),
        _ => false,
    });
    let known = said.filter_map(|one| equals(one.expr)).filter_map(|(first, second)| {
        [(first, second), (second, first)].into_iter().find(|(given, _)| is_given(given)).map(|(_, known)| known)
    });
    known.filter_map(|known| written(&inner, known)).filter(|one| one.unless.is_some()).collect()
}

/// Whether an expression is the password that a request has brought.
fn is_sent(body: &Body<'_, '_, '_>, given: &Expr) -> bool {
    given.as_name().is_some_and(|name| is_password(name) && body.param(name).is_some())
        || secrets::origin(body, given).is_some_and(|origin| origin.what == Secret::Password)
}

fn written(body: &Body<'_, '_, '_>, known: &Expr) -> Option<WrittenPassword> {
    let (_, origin, source) = text_of(body, known).filter(|(text, ..)| !text.is_empty())?;
    Some(WrittenPassword { origin, used: body.site(known.range), unless: variable(source), lets_in: true })
}

/// Whether an exception is raised where a part of a condition holds, or where it does not.
fn raises_where(found: &Found<'_>) -> Option<bool> {
    match &found.stmt.kind {
        StmtKind::If { test, body, .. } if matches!(body.last()?.kind, StmtKind::Raise { .. }) => {
            holds_where(test, found.expr)
        }
        _ => None,
    }
}

/// Whether a condition asks for a part of it to hold, or not to.
fn holds_where(condition: &Expr, part: &Expr) -> Option<bool> {
    match &condition.kind {
        _ if condition.range == part.range => Some(true),
        ExprKind::Not(inner) => holds_where(inner, part).map(|holds| !holds),
        ExprKind::Await(inner) => holds_where(inner, part),
        ExprKind::BoolOp { values, .. } => values.iter().find_map(|value| holds_where(value, part)),
        _ => None,
    }
}

/// Whether a comparison holds where both are the same.
fn is_same(comparison: &Expr) -> bool {
    !matches!(&comparison.kind, ExprKind::Compare { rest, .. } if rest.iter().any(|(op, _)| op == "!="))
}

/// What an expression compares for being the same, whatever bytes are made of it: `a == b`, `compare_digest(a, b)`.
fn equals(expr: &Expr) -> Option<(&Expr, &Expr)> {
    let (first, second) = match &expr.kind {
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "==" || op == "!=" => (&**first, second),
            _ => return None,
        },
        _ => in_constant_time(expr)?,
    };
    Some((plain_text(first), plain_text(second)))
}

/// The calls that make what something is compared with, and that no account keeps: `verify(password, hash("-"))` takes as
/// long as it does for an account that is there.
fn compared_with(body: &Body<'_, '_, '_>) -> Vec<TextRange> {
    let compares = |expr: &Expr| {
        last_name(expr).is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            ["verify", "check", "compare"].iter().any(|word| name.contains(word))
        })
    };
    let comparing = body.calls().iter().filter_map(|call| call.call()).filter(|(func, _)| compares(func));
    comparing.flat_map(|(_, args)| args).map(|arg| arg.value.range).collect()
}

/// A password that stands in the code and is hashed, to be kept for an account.
fn written_out(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<WrittenPassword> {
    let hashes = last_name(func).is_some_and(|name| name.contains("hash"));
    // What is hashed comes first; other arguments say how: `hash(password, scheme="bcrypt")`.
    let is_hashed = |(at, arg): &(usize, &Arg)| match &arg.name {
        Some(name) => is_password(&name.name) || name.name == "secret",
        None => *at == 0,
    };
    let (_, given) = args.iter().enumerate().find(is_hashed).filter(|_| hashes)?;
    let (text, origin, source) = text_of(body, &given.value).filter(|_| given.spread == Spread::No)?;
    // A hash of nothing takes as long as a real one.
    let says_so = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["dummy", "fake", "timing"].iter().any(|word| text.contains(word))
    };
    if text.is_empty() || says_so(&text) || last_name(&given.value).is_some_and(|name| says_so(name)) {
        return None;
    }
    let is_made = match body.eval(func) {
        Value::Package(path) => is_password_hash(&path),
        Value::Function(function) => hashes_password(body.interpreter, &function),
        Value::Bound(bound) => hashes_password(body.interpreter, &bound.1),
        // `manager = PasswordManager()`, or one that `self` holds.
        _ => match body.scope {
            Scope::Function(function) => {
                let is_plain = args.len() == 1 && !body.is_nested() && becomes_password(body, func);
                is_plain && object_hashes(body.interpreter, function, func)
            }
            _ => false,
        },
    };
    let unless = variable(source);
    is_made.then(|| WrittenPassword { origin, used: body.site(given.value.range), unless, lets_in: false })
}

/// Whether a call gives what something is made with as its password or hash: `User(hashed_password=passwords.hash("…"))`.
fn becomes_password(body: &Body<'_, '_, '_>, func: &Expr) -> bool {
    body.calls().iter().filter_map(Found::call).flat_map(|(_, args)| args).any(|arg| {
        arg.name.as_ref().is_some_and(|name| is_password(&name.name) || is_hash(&name.name))
            && arg.value.as_call().is_some_and(|(made_by, _)| made_by.range == func.range)
    })
}

/// The text that is hashed or compared, if it stands in the code: there, in a variable or a setting, or in an entry of a dictionary
/// that the function or the module makes; where, and when it counts.
fn text_of(body: &Body<'_, '_, '_>, given: &Expr) -> Option<(SmolStr, Site, Source)> {
    let given = body.traced(given);
    match &given.kind {
        // Who calls the function says what it is.
        ExprKind::Name(name) if body.param(name).is_some() => None,
        ExprKind::Subscript { value, index } => {
            let (holder, key) = (body.traced(value), index.as_str());
            let of_module = || module_variable(body.interpreter, body.scope.file(), holder.as_name()?);
            let (scope, table) = match (&holder.kind, of_module()) {
                (ExprKind::Dict(_), _) => (body.scope, holder),
                (_, Some(variable)) => (Scope::Module(variable.file, variable.item), variable.value),
                _ => return standing_text(body.interpreter, body.scope, given),
            };
            let ExprKind::Dict(entries) = &table.kind else {
                return standing_text(body.interpreter, body.scope, given);
            };
            let is_it = |(name, _): &&(Option<Expr>, Expr)| name.as_ref().and_then(Expr::as_str) == key;
            let (_, entry) = entries.iter().find(is_it).filter(|_| key.is_some())?;
            standing_text(body.interpreter, scope, entry)
        }
        _ => standing_text(body.interpreter, body.scope, given),
    }
}
