//! Handlers that browsers are led to by a link, which carries no token: they send them on, or show a picture.

use super::constant::{done, is_given, standing_for};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Unknown, Value};

/// Functions of the project between a handler and the redirect that it ends in.
const MAX_HELPERS: u32 = 2;

/// Variables that hold an address one after the other.
const MAX_NAMES: u32 = 3;

/// Whether a handler does nothing but send the caller to another address, which
/// is made of constants and of what the caller gave: what is there to be had is
/// asked for there.
pub(super) fn only_redirects(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let [Stmt { kind: StmtKind::Return(Some(answer)), .. }] = done(handler).as_slice() else { return false };
    let Some((func, args)) = answer.as_call() else { return false };
    let redirects = match interpreter.eval(handler, func) {
        Value::Package(path) => path.ends_with(".RedirectResponse"),
        _ => false,
    };
    redirects && args.iter().all(|arg| arg.spread == Spread::No && is_given(handler, &arg.value))
}

/// Whether a handler ends in nothing but redirects to another site (or refuses): whoever comes there was sent by a link,
/// which carries no token.
pub(super) fn sends_away(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    sends_away_within(interpreter, handler, MAX_HELPERS)
}

fn sends_away_within(interpreter: &Interpreter<'_>, handler: &FunctionRef, helpers: u32) -> bool {
    let (mut sends, mut blocks) = (false, vec![&handler.def.body[..]]);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let StmtKind::Return(answer) = &stmt.kind else { continue };
            let Some(answer) = answer else { return false };
            if !standing_for(handler, answer).is_some_and(|answer| is_redirect(interpreter, handler, answer, helpers)) {
                return false;
            }
            sends = true;
        }
    }
    sends
}

/// Whether an expression makes a redirect to another site, by a function of the project perhaps.
fn is_redirect(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr, helpers: u32) -> bool {
    let Some((func, args)) = expr.as_call() else { return false };
    match interpreter.eval(handler, func) {
        Value::Package(path) if path.ends_with(".RedirectResponse") => {
            let url = keyword(args, "url").or_else(|| positional(args, 0));
            url.is_some_and(|url| is_elsewhere(interpreter, handler, url, MAX_NAMES))
        }
        Value::Function(helper) if helpers > 0 => {
            sends_away_within(interpreter, &interpreter.current(&helper), helpers - 1)
        }
        _ => false,
    }
}

/// Whether an address begins with a site of its own: one that is written there, or that the module or the settings name.
fn is_elsewhere(interpreter: &Interpreter<'_>, handler: &FunctionRef, url: &Expr, names: u32) -> bool {
    let begins = |part: &Expr| is_elsewhere(interpreter, handler, part, names);
    match &url.kind {
        ExprKind::Str(text) => text.starts_with("http"),
        ExprKind::FString(parts) => parts.first().is_some_and(begins),
        ExprKind::Binary { left, .. } => begins(left),
        ExprKind::IfExp { body, or_else, .. } => begins(body) && begins(or_else),
        // `settings.site.rstrip("/")`
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, name } => {
                matches!(name.name.as_str(), "strip" | "rstrip" | "removesuffix") && begins(value)
            }
            _ => false,
        },
        ExprKind::Attribute { .. } => is_given(handler, url),
        ExprKind::Name(_) => match interpreter.eval(handler, url) {
            Value::Str(text) => text.starts_with("http"),
            Value::Unknown(Unknown::Local) => {
                let held = standing_for(handler, url).filter(|_| names > 0);
                held.is_some_and(|held| is_elsewhere(interpreter, handler, held, names - 1))
            }
            _ => true,
        },
        _ => false,
    }
}

/// Whether a handler answers with a picture: with a file whose type says so, or
/// that stands under a name for pictures in the path.
pub(super) fn shows_picture(interpreter: &Interpreter<'_>, handler: &FunctionRef, path: &str) -> bool {
    const NAMES: &[&str] = &[
        "image",
        "images",
        "avatar",
        "avatars",
        "picture",
        "pictures",
        "photo",
        "photos",
        "logo",
        "thumbnail",
        "icon",
    ];
    let named = || path.split(['/', '-', '_']).any(|word| NAMES.contains(&word.to_ascii_lowercase().as_str()));
    calls(&handler.def.body).into_iter().any(|(func, args)| {
        let says = |value: &Expr| value.as_str().is_some_and(|said| said.starts_with("image/"));
        let is_file =
            || matches!(interpreter.eval(handler, func), Value::Package(path) if path.ends_with(".FileResponse"));
        // With a name it is to be saved, and not to be shown.
        keyword(args, "filename").is_none() && is_file() && keyword(args, "media_type").map_or_else(named, says)
    })
}

/// All calls of a block.
fn calls(block: &[Stmt]) -> Vec<(&Expr, &[Arg])> {
    let (mut found, mut blocks) = (Vec::new(), vec![block]);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                found.extend(expr.as_call());
                pending.extend(expr.children());
            }
        }
    }
    found
}
