//! Tokens in the addresses of redirects.

use super::super::code::{Body, last_name};
use super::{ItemTokens, Redirected, Secret, secrets};
use crate::facts::python::tree::{Expr, ExprKind, keyword, positional};

/// Parts of one address that are looked at.
const MAX_PARTS: usize = 50;

/// Finds the tokens that a body puts into the query of a redirect's address.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        let redirects = last_name(func).is_some_and(|name| name == "RedirectResponse")
            && body.package(func).is_some_and(|path| path.ends_with(".RedirectResponse"));
        let url = keyword(args, "url").or_else(|| positional(args, 0)).filter(|_| redirects);
        if let Some((value, origin)) = url.and_then(|url| token_in(body, url)) {
            tokens.redirected.push(Redirected { site: body.site(value.range), origin: body.site(origin.range) });
        }
    }
}

/// The token in the query of an address, and where it comes from. What stands
/// behind `#` is sent to no server; what a provider is given as `state` it is to hand back (RFC 6749, section 4.1.1).
fn token_in<'e>(body: &Body<'e, '_, '_>, url: &'e Expr) -> Option<(&'e Expr, secrets::Origin)> {
    let mut pending = vec![body.traced(url)];
    let (mut in_query, mut is_state) = (false, false);
    for _ in 0..MAX_PARTS {
        let part = pending.pop()?;
        match &part.kind {
            ExprKind::FString(parts) => pending.extend(parts.iter().rev()),
            ExprKind::Binary { op, left, right } if op == "+" => pending.extend([&**right, &**left]),
            ExprKind::Str(text) if text.contains('#') => return None,
            ExprKind::Str(text) => {
                in_query |= text.contains('?');
                is_state = text.ends_with("?state=") || text.ends_with("&state=");
            }
            _ if !in_query || std::mem::take(&mut is_state) => {}
            _ => {
                if let Some(found) = sent(body, part) {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// The token that a part of an address is, or that its parameters hold.
fn sent<'e>(body: &Body<'e, '_, '_>, part: &'e Expr) -> Option<(&'e Expr, secrets::Origin)> {
    let token = |value: &'e Expr| {
        let origin = secrets::origin(body, value)?;
        let is_token = origin.what == Secret::Issued || (origin.what == Secret::Token && origin.credential);
        is_token.then_some((value, origin))
    };
    let Some((func, args)) = body.traced(part).as_call() else { return token(part) };
    let given = positional(args, 0).map(|given| body.traced(given));
    match (last_name(func).map(|name| name.as_str()), given) {
        (Some("urlencode"), Some(Expr { kind: ExprKind::Dict(entries), .. })) => {
            let is_state = |key: &Option<Expr>| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == "state");
            entries.iter().filter(|(key, _)| !is_state(key)).find_map(|(_, value)| token(value))
        }
        (Some("quote" | "quote_plus"), Some(given)) => token(given),
        _ => token(part),
    }
}
