//! Calls that issue tokens, and how long these live.

use smol_str::SmolStr;

use super::super::code::{Body, Found, Scope, last_name};
use super::key_source::{key, plain_field};
use super::libraries::{Does, Library, does};
use super::payload::{Payload, claims_of};
use super::{Encode, Handed, ItemTokens, Life, Lifetime, Subject, claims, lifetimes, subjects, twins};
use crate::facts::python::tree::{Arg, Expr, ExprKind, StmtKind, keyword, positional};
use crate::index::value::{Site, Value};
use crate::text::TextRange;

/// Finds the calls of a body that issue tokens.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        if let Some((library, Does::Encodes)) = does(body, func) {
            tokens.encodes.push(encode(body, found, library, args));
        }
        tokens.encodes.extend(endless_strategy(body, found, func, args));
        tokens.lifetimes.extend(lifetime(body, func, args));
    }
    twins::look(body, tokens);
}

/// How long a function of the project is told that something lives: `create_token(user, timedelta(days=3650))`.
fn lifetime(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<Lifetime> {
    let made_by = |value: &Expr| value.as_call().and_then(|(func, _)| last_name(func)).cloned();
    let given = args.iter().find(|arg| made_by(body.traced(&arg.value)).is_some_and(|name| name == "timedelta"))?;
    let callee = match body.eval(func) {
        Value::Function(function) => function.site,
        Value::Bound(bound) => bound.1.site,
        _ => return None,
    };
    Some(Lifetime { callee, seconds: seconds(body, &given.value)?, site: body.site(given.value.range) })
}

/// `JWTStrategy(secret=…, lifetime_seconds=None)` of fastapi-users 15: its tokens have no `exp`.
fn endless_strategy<'b>(body: &Body<'b, '_, '_>, found: &Found<'b>, func: &'b Expr, args: &'b [Arg]) -> Option<Encode> {
    let Value::Package(path) = body.eval(func) else { return None };
    if !path.starts_with("fastapi_users.") || !path.ends_with(".JWTStrategy") {
        return None;
    }
    let lifetime = keyword(args, "lifetime_seconds").or_else(|| positional(args, 1))?;
    matches!(lifetime.kind, ExprKind::None).then(|| Encode {
        site: body.site(found.expr.range),
        library: Library::PyJwt,
        unsigned: None,
        life: Life::Endless,
        by_default: None,
        local_end: None,
        payload: None,
        claims: vec!["sub".into(), "aud".into()],
        whole: false,
        handed: None,
        number: None,
        subject: Subject::Unknown,
        function: body.def.map(|def| body.site(def.name.range)),
        key: key(body, keyword(args, "secret").or_else(|| positional(args, 0))),
        field: None,
        marks: Vec::new(),
        marked_by: Vec::new(),
        marked_elsewhere: false,
    })
}

/// Names of claims that say what a token is for.
pub(crate) const MARKS: &[&str] =
    &["type", "typ", "token_type", "tokenType", "purpose", "use", "token_use", "kind", "scope"];

/// Claims of a payload that say what it is for.
pub(super) fn marks(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> Vec<(SmolStr, SmolStr)> {
    let told = claims.iter().filter_map(|(name, value)| match body.eval(body.traced((*value)?)) {
        Value::Str(text) => (MARKS.contains(&name.as_str()) || names_kind(&text)).then(|| (name.clone(), text)),
        // `{"sub": name, "refresh": True}`
        Value::Bool(true) => is_kind(name).then(|| (name.clone(), SmolStr::new_static("True"))),
        _ => None,
    });
    told.collect()
}

/// Claims that say what a token is for, of which callers say what they say, and the parameter that takes that.
fn marked_by(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> Vec<(SmolStr, SmolStr)> {
    let told = claims.iter().filter(|(name, _)| MARKS.contains(&name.as_str())).filter_map(|(name, value)| {
        let parameter = body.traced((*value)?).as_name()?;
        body.param(parameter).map(|_| (name.clone(), parameter.clone()))
    });
    told.collect()
}

/// Whether a claim that says what a token is for is an attribute of the object whose method signs it: what makes the
/// object says what it holds.
fn is_marked_elsewhere(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> bool {
    let Scope::Function(method) = body.scope else { return false };
    let own = method.def.params.first().filter(|_| method.class.is_some() && method.takes_receiver());
    let Some(own) = own.map(|param| &param.name.name) else { return false };
    let is_own = |value: &Expr| match &body.traced(value).kind {
        ExprKind::Attribute { value, .. } => value.as_name() == Some(own),
        _ => false,
    };
    // What its owner may do is no purpose.
    let says_purpose = |name: &str| name != "scope" && MARKS.contains(&name);
    claims.iter().any(|(name, value)| says_purpose(name) && value.is_some_and(is_own))
}

/// Whether a claim that is true says what a token is for, by its name.
fn is_kind(claim: &str) -> bool {
    let plain = claim.to_ascii_lowercase().replace('_', "");
    matches!(
        plain.strip_prefix("is").unwrap_or(&plain),
        "refresh" | "refreshtoken" | "reset" | "passwordreset" | "mfapending" | "2fapending"
    )
}

/// Whether a value can say nothing else than what a token is for, whatever its claim is called.
fn names_kind(value: &str) -> bool {
    matches!(value, "access" | "refresh" | "access_token" | "refresh_token" | "accessToken" | "refreshToken")
}

fn encode<'b>(body: &Body<'b, '_, '_>, found: &Found<'b>, library: Library, args: &'b [Arg]) -> Encode {
    let (at, name) = if library.validates_apart() { (1, "claims") } else { (0, "payload") };
    let payload = positional(args, at).or_else(|| keyword(args, name)).or_else(|| keyword(args, "claims"));
    let claims = payload.map(|payload| claims_of(body, payload));
    let made = payload.map(|payload| body.site(body.traced(payload).range));
    let leaves = || leaves(body, found);
    let life = claims.as_ref().filter(|_| leaves()).map_or(Life::Unknown, |claims| life(body, claims));
    let local_end = claims.as_ref().and_then(|claims| local_end(body, &claims.claims));
    let local_end = local_end.filter(|_| !library.validates_apart());
    let handed = claims.as_ref().and_then(|claims| {
        let is_endless = life == Life::Unknown && !claims.is_open && claims.is_endless() && leaves();
        let names_owner = claims.claims.iter().any(|(claim, _)| claim == "sub");
        Some(Handed { parameter: claims.handed.cloned()?, is_endless, names_owner, is_closed: !claims.is_open })
    });
    let number = claims.as_ref().and_then(|claims| claims.number(body));
    let Payload { claims: known, is_open, callers_unknown, .. } = claims.unwrap_or_default();
    let whole = payload.is_some() && !is_open && !callers_unknown;
    let marks = marks(body, &known);
    let marked_by = marked_by(body, &known);
    let marked_elsewhere = marks.is_empty() && marked_by.is_empty() && is_marked_elsewhere(body, &known);
    let subject = subjects::named(body, &known);
    let algorithm = keyword(args, "algorithm").or_else(|| positional(args, 2).filter(|_| !library.validates_apart()));
    let is_none = |algorithm: &Expr| match body.eval(body.traced(algorithm)) {
        Value::Str(name) => name.eq_ignore_ascii_case("none"),
        Value::None => library == Library::PyJwt && matches!(algorithm.kind, ExprKind::None),
        _ => false,
    };
    let given_key = keyword(args, "key").or_else(|| positional(args, if library.validates_apart() { 2 } else { 1 }));
    let end = known.iter().find_map(|(claim, value)| value.filter(|_| claim == "exp"));
    let by_default = end.filter(|_| life == Life::Unknown).and_then(|end| lifetimes::by_default(body, end));
    Encode {
        site: body.site(found.expr.range),
        library,
        by_default,
        unsigned: algorithm.filter(|algorithm| is_none(algorithm)).map(|algorithm| body.site(algorithm.range)),
        life,
        local_end,
        payload: made,
        claims: known.into_iter().map(|(claim, _)| claim).collect(),
        whole,
        handed,
        number: number.map(|range| body.site(range)),
        subject,
        function: body.def.map(|def| body.site(def.name.range)),
        key: key(body, given_key),
        field: plain_field(body, given_key),
        marks,
        marked_by,
        marked_elsewhere,
    }
}

/// Whether a token leaves the function that issues it: one that is only read
/// again tries whether a key fits.
fn leaves(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let Some(variable) = claims::variable(found) else { return true };
    let calls = body.calls();
    let read_again: Vec<TextRange> = calls
        .iter()
        .filter(|call| call.call().is_some_and(|(func, _)| matches!(does(body, func), Some((_, Does::Decodes)))))
        .map(|call| call.expr.range)
        .collect();
    body.find(&|expr| expr.as_name() == Some(variable)).iter().any(|used| {
        let assigned = matches!(&used.stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(|t| t.range == used.expr.range));
        !assigned && !read_again.iter().any(|call| call.contains_range(used.expr.range))
    })
}

fn life(body: &Body<'_, '_, '_>, payload: &Payload<'_>) -> Life {
    let ends: Vec<_> = payload.claims.iter().filter(|(claim, _)| claim == "exp").collect();
    match ends.as_slice() {
        // Who keeps a list of tokens can take one back.
        [] if payload.is_whole() && payload.is_endless() => Life::Endless,
        [(_, Some(value))] => match after_now(body, value) {
            Some(seconds) => Life::Seconds(seconds, body.site(value.range)),
            None => Life::Unknown,
        },
        _ => Life::Unknown,
    }
}

/// Where `exp` is counted from `datetime.now()`, which is local time and says of no zone. PyJWT and python-jose
/// take a time without a zone for UTC.
fn local_end(body: &Body<'_, '_, '_>, claims: &[(SmolStr, Option<&Expr>)]) -> Option<Site> {
    let is_local = |expr: &&Expr| {
        let call = body.traced(expr).as_call();
        call.is_some_and(|(func, args)| {
            args.is_empty() && body.package(func).is_some_and(|path| path == "datetime.datetime.now")
        })
    };
    let counted_from = |expr: &Expr| match &expr.kind {
        ExprKind::Binary { op, left, right } if op == "+" => {
            [left, right].into_iter().map(|side| &**side).find(is_local).map(|now| now.range)
        }
        _ => None,
    };
    let ends = claims.iter().filter(|(claim, _)| claim == "exp").filter_map(|(_, value)| *value);
    let ways = ends.flat_map(|end| match end.as_name().filter(|name| body.param(name).is_none()) {
        Some(name) => body.bindings(name).into_iter().flatten().collect(),
        None => vec![end],
    });
    ways.filter_map(counted_from).min_by_key(|range| range.start).map(|range| body.site(range))
}

/// Seconds between now and a time: `datetime.now(UTC) + timedelta(days=7)`.
pub(super) fn after_now(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<i64> {
    let mut expr = body.traced(expr);
    for _ in 0..4 {
        match &expr.kind {
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Name(name) if name == "int" => expr = body.traced(positional(args, 0)?),
                ExprKind::Attribute { value, name } if name.name == "timestamp" => expr = body.traced(value),
                _ => return None,
            },
            ExprKind::Binary { op, left, right } if op == "+" => {
                if !is_now(body, left, 0) {
                    return None;
                }
                return seconds(body, right);
            }
            _ => return None,
        }
    }
    None
}

pub(super) fn is_now(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> bool {
    let expr = body.traced(expr);
    let Some((func, args)) = expr.as_call() else { return false };
    match last_name(func).map(SmolStr::as_str) {
        Some("now" | "utcnow" | "time") => true,
        Some("int") if depth < 3 => positional(args, 0).is_some_and(|inner| is_now(body, inner, depth + 1)),
        Some("timestamp") if depth < 3 => {
            matches!(&func.kind, ExprKind::Attribute { value, .. } if is_now(body, value, depth + 1))
        }
        _ => false,
    }
}

/// Seconds that an expression says: a number, or a `timedelta`.
pub(super) fn seconds(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<i64> {
    let expr = body.traced(expr);
    if let Some((func, args)) = expr.as_call()
        && last_name(func).is_some_and(|name| name == "timedelta")
    {
        let units = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
        let lengths = [86_400, 1, 0, 0, 60, 3_600, 604_800];
        let mut total = 0i64;
        for (index, (unit, length)) in units.iter().zip(lengths).enumerate() {
            if let Some(given) = keyword(args, unit).or_else(|| positional(args, index)) {
                total = total.checked_add(number(body, given)?.checked_mul(length)?)?;
            }
        }
        return (!args.is_empty()).then_some(total);
    }
    number(body, expr)
}

fn number(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<i64> {
    let expr = body.traced(expr);
    if let ExprKind::Binary { op, left, right } = &expr.kind
        && op == "*"
    {
        return product(body, left, 0)?.checked_mul(product(body, right, 0)?);
    }
    product(body, expr, 0)
}

fn product(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> Option<i64> {
    if depth > 6 {
        return None;
    }
    match &expr.kind {
        ExprKind::Int(number) => Some(*number),
        ExprKind::Binary { op, left, right } if op == "*" => {
            product(body, left, depth + 1)?.checked_mul(product(body, right, depth + 1)?)
        }
        _ => match body.eval(body.traced(expr)) {
            Value::Int(number) => Some(number),
            _ => None,
        },
    }
}
