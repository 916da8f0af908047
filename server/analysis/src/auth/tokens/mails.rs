//! Passwords of accounts that mails are sent from, or read, and that stand in the code: `server.login(ADDRESS, "…")`.

use super::super::code::Body;
use super::super::keys::standing_text;
use super::ItemTokens;
use crate::facts::held::{Held, is_own_password};
use crate::facts::python::tree::{Expr, ExprKind, keyword, positional};

/// Packages whose clients sign in to servers of mail (`smtplib`, `imaplib` and `poplib` of Python, aiosmtplib 4, aioimaplib 2).
const CLIENTS: &[&str] = &["smtplib", "imaplib", "poplib", "aiosmtplib", "aioimaplib"];

/// Finds such passwords in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        let ExprKind::Attribute { value: client, name } = &func.kind else { continue };
        if name.name != "login" || !is_client(body, client) {
            continue;
        }
        let given = |at: usize, name: &str| positional(args, at).or_else(|| keyword(args, name));
        let Some(password) = given(1, "password") else { continue };
        let user = given(0, "user").or_else(|| keyword(args, "username"));
        let user = user.and_then(|user| text(body, user)).unwrap_or_default();
        if text(body, password).is_some_and(|password| is_own_password(&user, &password)) {
            tokens.held.push((body.site(password.range), Held::Mail));
        }
    }
}

/// The text that an expression is, where nothing has to be set for that to be another one.
fn text(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<smol_str::SmolStr> {
    standing_text(body.interpreter, body.scope, body.traced(expr)).map(|(text, ..)| text)
}

/// Whether an expression is a client of one of those packages, made here or opened with `with`.
fn is_client(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let is_made = |made: &Expr| {
        let made = if let ExprKind::Await(inner) = &made.kind { inner } else { made };
        let path = made.as_call().and_then(|(func, _)| body.package(func));
        path.is_some_and(|path| path.split('.').next().is_some_and(|package| CLIENTS.contains(&package)))
    };
    is_made(body.traced(expr)) || expr.as_name().is_some_and(|name| body.opened(name).any(is_made))
}
