//! Keys, tokens and cookies that go over a connection on which others can read or change them, and
//! cookies that scripts can read.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, parts};
use super::super::sinks::is_http_client;
use super::super::sources::{Worth, worth_of};
use super::{Insecure, ItemTokens, Secret, Transport, secrets};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, StmtKind, keyword, positional};
use crate::index::value::Value;
use crate::text::TextRange;

/// Parts of parts that a value is followed through.
const MAX_PARTS: usize = 6;

/// Finds such connections in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        let Some(name) = last_name(func) else { continue };
        tokens.readable_cookies.extend(readable_cookie(body, func, args).map(|range| body.site(range)));
        let how = match name.as_str() {
            "PyJWKClient" => fetches_keys(body, func, args),
            "get" | "post" | "request" => sends(body, func, args),
            "set_cookie" => {
                tokens.insecure.extend(sets_handed_cookie(body, found, args));
                sets_cookie(body, found, args)
            }
            _ => None,
        };
        tokens.insecure.extend(how.map(|(how, range)| Insecure { site: body.site(range), how, helper: None }));
    }
}

type At = crate::text::TextRange;

fn fetches_keys(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<(Transport, At)> {
    let address = positional(args, 0).or_else(|| keyword(args, "uri"))?;
    let is_it = body.package(func).is_some_and(|path| path.ends_with("PyJWKClient"));
    (is_it && is_plain(body, address)).then_some((Transport::Keys, address.range))
}

/// A request that fetches keys, or that carries a credential.
fn sends(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<(Transport, At)> {
    let receiver = match &func.kind {
        ExprKind::Attribute { value, .. } => body.eval(body.traced(value)),
        _ => return None,
    };
    if !sends_requests(&body.eval(func)) && !sends_requests(&receiver) {
        return None;
    }
    let at = if last_name(func).is_some_and(|name| name == "request") { 1 } else { 0 };
    let address = positional(args, at).or_else(|| keyword(args, "url"))?;
    let carries = keyword(args, "headers").is_some_and(|headers| {
        let mut pending = vec![body.traced(headers)];
        while let Some(expr) = pending.pop() {
            if secrets::credential(body, expr).is_some() {
                return true;
            }
            pending.extend(parts(expr));
        }
        false
    });
    let fetches = shown(body, address).is_some_and(|text| text.contains("jwks"));
    let transport = match (fetches, carries) {
        (true, _) => Transport::Keys,
        (false, true) => Transport::Token,
        _ => return None,
    };
    if let Some(verify) = keyword(args, "verify").filter(|verify| matches!(verify.kind, ExprKind::Bool(false))) {
        return Some((Transport::Unchecked, verify.range));
    }
    is_plain(body, address).then_some((transport, address.range))
}

/// Whether a value is a package that sends HTTP requests, or a client that is made of one.
pub(super) fn sends_requests(value: &Value) -> bool {
    match value {
        Value::Package(path) => is_http_client(path),
        Value::Instance(instance) => matches!(&instance.class, Value::Package(path) if is_http_client(path)),
        _ => false,
    }
}

/// A token in a cookie that goes over plain HTTP, too.
fn sets_cookie(body: &Body<'_, '_, '_>, found: &Found<'_>, args: &[Arg]) -> Option<(Transport, At)> {
    let value = keyword(args, "value").or_else(|| positional(args, 1))?;
    if !is_token(body, value) || is_for_development(found) || tells_requests_apart(body, args) {
        return None;
    }
    insecure(found, args).map(|range| (Transport::Cookie, range))
}

/// Whether a cookie is called after forged requests: what is in it is to show where a request comes from, and nobody is
/// known by it.
fn tells_requests_apart(body: &Body<'_, '_, '_>, args: &[Arg]) -> bool {
    let name = keyword(args, "key").or_else(|| positional(args, 0)).map(|name| body.eval(body.traced(name)));
    matches!(name, Some(Value::Str(name)) if ["csrf", "xsrf"].iter().any(|word| name.to_ascii_lowercase().contains(word)))
}

/// What says that a cookie goes over plain HTTP, too: `secure=False`, or the call that says nothing of it.
fn insecure(found: &Found<'_>, args: &[Arg]) -> Option<TextRange> {
    match keyword(args, "secure").or_else(|| positional(args, 6)) {
        Some(secure) => matches!(secure.kind, ExprKind::Bool(false)).then_some(secure.range),
        None => args.iter().all(|arg| arg.spread == Spread::No).then_some(found.expr.range),
    }
}

/// Whether a value is a token, as it is or with a text around it: `f"Bearer {token}"`.
fn is_token(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let is_one = |value: &Expr| {
        secrets::origin(body, value).is_some_and(|origin| matches!(origin.what, Secret::Issued | Secret::Token))
    };
    is_one(value)
        || match &body.traced(value).kind {
            ExprKind::FString(parts) => parts.iter().any(is_one),
            ExprKind::Binary { op, left, right } if op == "+" => {
                (left.as_str().is_some() && is_one(right)) || (right.as_str().is_some() && is_one(left))
            }
            _ => false,
        }
}

/// The same in a function that is handed what it sets, under the name of a token or a session.
fn sets_handed_cookie(body: &Body<'_, '_, '_>, found: &Found<'_>, args: &[Arg]) -> Option<Insecure> {
    let value = keyword(args, "value").or_else(|| positional(args, 1))?;
    let Value::Str(name) = body.eval(body.traced(keyword(args, "key").or_else(|| positional(args, 0))?)) else {
        return None;
    };
    let range = insecure(found, args)?;
    let is_removed = matches!(value.kind, ExprKind::Str(_) | ExprKind::None);
    let is_handed = !is_removed && is_made_of_parameters(body, value) && secrets::origin(body, value).is_none();
    if !is_handed || worth_of(&name) != Worth::Credential || is_for_development(found) {
        return None;
    }
    let helper = Some(body.site(body.def?.name.range));
    Some(Insecure { site: body.site(range), how: Transport::Cookie, helper })
}

/// Whether a value is a parameter of the function, or is taken out of one.
fn is_made_of_parameters(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let mut value = body.traced(value);
    for _ in 0..MAX_PARTS {
        value = match &value.kind {
            ExprKind::Name(name) => return body.param(name).is_some(),
            ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => body.traced(value),
            // `data.pop("refresh_token", None)`
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "get" | "pop") => {
                    body.traced(value)
                }
                _ => return false,
            },
            _ => return false,
        };
    }
    false
}

/// Whether something stands where only a machine for development gets: below `if ENVIRONMENT == "development"`,
/// or in the other branch of a question for production.
fn is_for_development(found: &Found<'_>) -> bool {
    found.around.iter().any(|(stmt, block)| {
        let StmtKind::If { test, .. } = &stmt.kind else { return false };
        match (&test.kind, block) {
            (ExprKind::Not(inner), 0) => says(inner, PRODUCTION),
            (_, 0) => says(test, DEVELOPMENT) && !negates(test),
            _ => says(test, PRODUCTION) && !negates(test),
        }
    })
}

/// How environments for development are called, in texts and names.
const DEVELOPMENT: &[&str] = &["development", "dev", "local", "localhost", "testing", "debug"];
/// How those for production are.
const PRODUCTION: &[&str] = &["production", "prod"];

/// Whether a part of an expression is a text or name of which one of the words is a part.
fn says(expr: &Expr, words: &[&str]) -> bool {
    let is_one = |text: &str| text.to_ascii_lowercase().split(['_', '-']).any(|part| words.contains(&part));
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        let named = match &expr.kind {
            ExprKind::Str(text) => is_one(text),
            ExprKind::Name(_) | ExprKind::Attribute { .. } => last_name(expr).is_some_and(|name| is_one(name)),
            _ => false,
        };
        if named {
            return true;
        }
        pending.extend(parts(expr));
    }
    false
}

/// Whether an expression holds something that turns a question round.
fn negates(expr: &Expr) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        let turned = match &expr.kind {
            ExprKind::Not(_) => true,
            ExprKind::BoolOp { and, .. } => !and,
            ExprKind::Compare { rest, .. } => {
                rest.iter().any(|(op, _)| matches!(op.as_str(), "!=" | "not in" | "is not"))
            }
            _ => false,
        };
        if turned {
            return true;
        }
        pending.extend(parts(expr));
    }
    false
}

/// A token in a cookie that scripts can read: Starlette sets no `HttpOnly` by itself (1.0).
fn readable_cookie(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<At> {
    let sets = last_name(func).is_some_and(|name| name == "set_cookie");
    let value = keyword(args, "value").or_else(|| positional(args, 1)).filter(|_| sets)?;
    if !is_token(body, value) || args.iter().any(|arg| arg.spread != crate::facts::python::tree::Spread::No) {
        return None;
    }
    let readable = match keyword(args, "httponly").or_else(|| positional(args, 7)) {
        Some(flag) => matches!(flag.kind, ExprKind::Bool(false)).then_some(flag.range),
        None => Some(func.range),
    }?;
    let name = keyword(args, "key").or_else(|| positional(args, 0)).and_then(|name| text_of(body, name));
    (!name.is_some_and(|name| is_sent_twice(body, &name))).then_some(readable)
}

/// Whether the body compares a cookie with a header: a script has to read that one, to send it a second time. It shows
/// where a request comes from, and opens nothing (OWASP, CSRF prevention: double submit).
fn is_sent_twice(body: &Body<'_, '_, '_>, cookie: &str) -> bool {
    let entry_of = |expr: &Expr, part: &str| -> Option<SmolStr> {
        let (from, key) = match &body.traced(expr).kind {
            ExprKind::Subscript { value, index } => (&**value, &**index),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "get" => (&**value, positional(args, 0)?),
                _ => return None,
            },
            _ => return None,
        };
        text_of(body, key).filter(|_| last_name(from).is_some_and(|name| name == part))
    };
    let is_pair = |one: &Expr, other: &Expr| {
        entry_of(one, "cookies").is_some_and(|name| name == cookie) && entry_of(other, "headers").is_some()
    };
    let compares = |expr: &Expr| match &expr.kind {
        ExprKind::Compare { first, rest } => rest.iter().any(|(op, second)| {
            matches!(op.as_str(), "==" | "!=") && (is_pair(first, second) || is_pair(second, first))
        }),
        ExprKind::Call { func, args } => match args.as_slice() {
            [one, other] if last_name(func).is_some_and(|name| name == "compare_digest") => {
                is_pair(&one.value, &other.value) || is_pair(&other.value, &one.value)
            }
            _ => false,
        },
        _ => false,
    };
    !body.find(&compares).is_empty()
}

fn text_of(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<SmolStr> {
    match body.eval(body.traced(expr)) {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

/// The text of an address, as far as it is known from its beginning.
fn shown(body: &Body<'_, '_, '_>, address: &Expr) -> Option<SmolStr> {
    text_of(body, address).or_else(|| match &body.traced(address).kind {
        ExprKind::FString(parts) => parts.iter().find_map(|part| part.as_str()).cloned(),
        ExprKind::Binary { left, .. } => left.as_str().cloned(),
        _ => None,
    })
}

/// Whether an address is of plain HTTP, and of another machine.
fn is_plain(body: &Body<'_, '_, '_>, address: &Expr) -> bool {
    matches!(body.eval(body.traced(address)), Value::Str(text) if is_plain_and_far(&text))
}

/// Whether an address is of plain HTTP and of a host that is reached over networks of others.
pub fn is_plain_and_far(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let parts: Vec<&str> = host.split('.').collect();
    let is_address = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
    if is_address {
        let number = |at: usize| parts.get(at).and_then(|part| part.parse::<u8>().ok()).unwrap_or_default();
        return !matches!((number(0), number(1)), (0 | 10 | 127, _) | (192, 168) | (172, 16..=31) | (169, 254));
    }
    // Names without a dot are of machines beside this one.
    const NEAR: &[&str] = &["local", "localhost", "internal", "svc", "cluster", "test", "example", "invalid", "lan"];
    parts.len() > 1 && !parts.iter().any(|part| NEAR.contains(part) || part.is_empty()) && host.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::is_plain_and_far;

    #[test]
    fn hosts_nearby_are_none_of_others() {
        for far in ["http://tasks.dev/api", "http://93.184.216.34:8000", "http://user@api.shop.io?x=1"] {
            assert!(is_plain_and_far(far), "{far}");
        }
        for near in [
            "https://tasks.dev",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://10.1.2.3",
            "http://172.20.0.1",
            "http://web:3000/api",
            "http://host.docker.internal:3000",
            "http://web.default.svc.cluster.local",
            "http://",
            "http://shop.example",
        ] {
            assert!(!is_plain_and_far(near), "{near}");
        }
    }
}
