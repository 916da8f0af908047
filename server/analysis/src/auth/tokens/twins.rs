//! Access and refresh tokens of which nothing tells which is which.

use smol_str::SmolStr;

use super::super::code::Body;
use super::callees::implemented;
use super::encode::MARKS;
use super::libraries::{Does, Library, does};
use super::{ItemTokens, Twins};
use crate::facts::python::idioms::spelled_alike;
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::Value;
use crate::text::TextRange;

/// An access token and a refresh token, as OAuth names them (RFC 6749, section
/// 5.1), of which no call says what they are for.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let named = |wanted: &str| {
        let by_key = |expr: &Expr| -> Option<TextRange> {
            match &expr.kind {
                ExprKind::Dict(entries) => entries
                    .iter()
                    .find(|(key, _)| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == wanted))
                    .map(|(_, value)| body.traced(value).range),
                ExprKind::Call { args, .. } => keyword(args, wanted).map(|value| body.traced(value).range),
                _ => None,
            }
        };
        let given = body.find(&|expr| by_key(expr).is_some());
        given.first().and_then(|found| by_key(found.expr))
    };
    let (Some(access), Some(refresh)) = (named("access_token"), named("refresh_token")) else { return };
    let call = |range: TextRange| body.calls().iter().find(|found| found.expr.range == range)?.call();
    let (Some((one, own)), Some((other, others))) = (call(access), call(refresh)) else { return };
    if let Some(twins) = issued_here(body, (access, one, own), (refresh, other, others)) {
        tokens.twins.push(twins);
        return;
    }
    let (Some(issuer), Some(same)) = (implemented(body, one), implemented(body, other)) else { return };
    let (access, refresh) = (body.site(access), body.site(refresh));
    if issuer.site != same.site {
        let (Some(own), Some(others)) = (told(body, own), told(body, others)) else { return };
        let is_mark = |claim: &SmolStr| MARKS.contains(&claim.as_str());
        let alike = others.iter().all(|claim| own.contains(claim)) && !own.iter().any(is_mark);
        if alike {
            tokens.twins.push(Twins { issuer: issuer.site, other: same.site, access, refresh });
        }
        return;
    }
    let is_told = |arg: &Arg| {
        arg.value.as_str().is_some()
            || matches!(arg.value.kind, ExprKind::Dict(_) | ExprKind::Bool(_))
            || matches!(body.eval(body.traced(&arg.value)), Value::Str(_))
    };
    // `create({"sub": user.id}, SHORT)` and `create({"sub": user.id}, LONG)` say the same.
    let says = |args: &[Arg], others: &[Arg]| {
        args.iter()
            .enumerate()
            .any(|(at, arg)| is_told(arg) && !others.get(at).is_some_and(|other| give_same_claims(body, arg, other)))
    };
    // `create(ACCESS, user)` and `create(REFRESH, user)`: two objects may say two things.
    let differ = own.iter().zip(others).any(|(one, other)| match (body.eval(&one.value), body.eval(&other.value)) {
        (Value::Instance(one), Value::Instance(other)) => {
            matches!(one.class, Value::Class(_)) && one.site != other.site
        }
        _ => false,
    });
    if access != refresh && !differ && !says(own, others) && !says(others, own) {
        tokens.twins.push(Twins { issuer: issuer.site, other: same.site, access, refresh });
    }
}

/// Claims that a call names in a literal payload; none where it says something in words of its own.
fn told(body: &Body<'_, '_, '_>, args: &[Arg]) -> Option<Vec<SmolStr>> {
    let mut claims = Vec::new();
    for arg in args {
        match &body.traced(&arg.value).kind {
            ExprKind::Dict(entries) => {
                for (key, _) in entries {
                    claims.push(key.as_ref().and_then(Expr::as_str)?.clone());
                }
            }
            ExprKind::Str(_) | ExprKind::Bool(_) => return None,
            _ => {}
        }
    }
    Some(claims)
}

/// A call: where it stands, what it calls, and what it is given.
type Call<'c> = (TextRange, &'c Expr, &'c [Arg]);

/// Two tokens that one function encodes itself, with one key and the same claims.
fn issued_here(body: &Body<'_, '_, '_>, access: Call<'_>, refresh: Call<'_>) -> Option<Twins> {
    let (one, other) = (written(body, access)?, written(body, refresh)?);
    let alike = spelled_alike(one.key, other.key) && have_same_claims(body, one.claims, other.claims);
    let function = body.site(body.def?.name.range);
    let (access, refresh) = (body.site(access.0), body.site(refresh.0));
    (alike && access != refresh).then_some(Twins { issuer: function, other: function, access, refresh })
}

/// What a token is made of.
struct Written<'c> {
    key: &'c Expr,
    claims: &'c [Entry],
}

/// What a call encodes, where all of it is written out.
fn written<'b: 'c, 'c>(body: &Body<'b, '_, '_>, (_, func, args): Call<'c>) -> Option<Written<'c>> {
    let Some((Library::PyJwt | Library::Jose, Does::Encodes)) = does(body, func) else { return None };
    let key = keyword(args, "key").or_else(|| positional(args, 1))?;
    let given = positional(args, 0).or_else(|| keyword(args, "payload")).or_else(|| keyword(args, "claims"))?;
    // What is added to a variable may be added between the two.
    let is_changed = given.as_name().is_some_and(|variable| body.is_changed(variable));
    let ExprKind::Dict(claims) = &body.traced(given).kind else { return None };
    (!is_changed && keyword(args, "headers").is_none()).then_some(Written { key: body.traced(key), claims })
}

/// An entry of a dictionary: its key, where it has one, and what it holds.
type Entry = (Option<Expr>, Expr);

/// Whether two payloads say the same of their owner, and nothing of what they are for.
fn have_same_claims(body: &Body<'_, '_, '_>, one: &[Entry], other: &[Entry]) -> bool {
    let is_told = |entry: &&Entry| !is_time(entry);
    let is_in = |entries: &[Entry], (key, value): &Entry| {
        entries.iter().any(|(other, held)| match (key, other) {
            (Some(key), Some(other)) => {
                spelled_alike(key, other) && spelled_alike(body.traced(value), body.traced(held))
            }
            (None, None) => spelled_alike(value, held),
            _ => false,
        })
    };
    let is_mark = |(key, _): &Entry| {
        key.as_ref().is_some_and(|key| match body.eval(key) {
            Value::Str(name) => name == "aud" || MARKS.contains(&name.as_str()),
            _ => true,
        })
    };
    // What is spread in may say it.
    let is_spread = |(key, _): &Entry| key.is_none();
    !one.iter().chain(other).any(|entry| is_mark(entry) || is_spread(entry))
        && one.iter().filter(is_told).all(|entry| is_in(other, entry))
        && other.iter().filter(is_told).all(|entry| is_in(one, entry))
}

/// Whether two arguments are the same claims, written out.
fn give_same_claims(body: &Body<'_, '_, '_>, one: &Arg, other: &Arg) -> bool {
    let is_same_parameter = one.name.as_ref().map(|name| &name.name) == other.name.as_ref().map(|name| &name.name);
    match (&one.value.kind, &other.value.kind) {
        (ExprKind::Dict(claims), ExprKind::Dict(others)) => {
            is_same_parameter && !claims.is_empty() && have_same_claims(body, claims, others)
        }
        _ => false,
    }
}

/// Whether an entry is a claim of when a token was issued, or until when it holds, or of its own number.
fn is_time((key, _): &Entry) -> bool {
    let name = key.as_ref().and_then(Expr::as_str);
    name.is_some_and(|name| matches!(name.as_str(), "exp" | "iat" | "nbf" | "jti"))
}
