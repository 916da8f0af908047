//! Tokens that code takes apart itself, without a library.

use super::super::code::{Body, last_name, mentions};
use super::{Handmade, ItemTokens, Made};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};
use crate::text::TextRange;

/// Finds such code in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    let function = body.site(def.name.range);
    let decoded = body.calls().iter().find(|found| {
        let Some((func, args)) = found.call() else { return false };
        let named = last_name(func).is_some_and(|name| name.contains("b64decode"));
        named
            && body.package(func).is_some_and(|path| path.starts_with("base64."))
            && positional(args, 0).is_some_and(|given| is_part_of_token(body, given, 0))
    });
    let Some(decoded) = decoded else { return };
    let signs = body.calls().iter().find(|found| {
        found.call().is_some_and(|(func, _)| {
            body.package(func).is_some_and(|path| matches!(path.as_str(), "hmac.new" | "hmac.digest"))
        })
    });
    let reads = body.calls().iter().find(|found| {
        found.call().is_some_and(|(func, _)| body.package(func).is_some_and(|path| path == "json.loads"))
    });
    let made = match signs {
        None if reads.is_some() && has_public_key(body) => Made::Signed(body.site(decoded.expr.range)),
        Some(signed) => match compared(body, signed.expr.range) {
            Some(range) => Made::Compared(body.site(range)),
            None => Made::Signed(body.site(signed.expr.range)),
        },
        None if reads.is_some() && !is_verified(body) => Made::Unverified,
        None => return,
    };
    let never_ends = reads.filter(|_| !asks_for_end(body) && !hands_claims_on(body));
    let never_ends = never_ends.map(|reads| body.site(reads.expr.range));
    tokens.handmade.push(Handmade { site: body.site(decoded.expr.range), function, made, never_ends });
}

/// Whether a body verifies a signature with a public key, which raises where it is bad (cryptography 46, PyNaCl 1,
/// ecdsa 0.19).
fn has_public_key(body: &Body<'_, '_, '_>) -> bool {
    let is_key = |key: &Expr| {
        let made = body.traced(key);
        let made = made.as_call().map_or(made, |(func, _)| func);
        let package = body.package(made);
        package.is_some_and(|path| ["cryptography.", "nacl.", "ecdsa."].iter().any(|of| path.starts_with(of)))
    };
    body.calls().iter().any(|found| {
        matches!(found.call(), Some((Expr { kind: ExprKind::Attribute { value, name }, .. }, _))
            if name.name == "verify" && is_key(value))
    })
}

/// Whether the claims that a body reads are given to a function of the project or out of sight.
fn hands_claims_on(body: &Body<'_, '_, '_>) -> bool {
    let is_read = |name: &str| {
        let mut values = body.bindings(name).into_iter().flatten();
        values.any(|value| {
            let call = value.as_call().and_then(|(func, _)| body.package(func));
            call.is_some_and(|path| path == "json.loads")
        })
    };
    body.calls().iter().any(|found| {
        let Some((func, args)) = found.call() else { return false };
        let given = args.iter().any(|arg| arg.value.as_name().is_some_and(|name| is_read(name)));
        given && body.package(func).is_none()
    })
}

/// Whether something in a body asks how old a token is, or until when it counts: it names a claim for that, or asks for
/// the time.
fn asks_for_end(body: &Body<'_, '_, '_>) -> bool {
    let is_end = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["exp", "iat", "time", "age", "until", "ts"].iter().any(|word| text == *word || text.contains("expir"))
    };
    let names = |expr: &Expr| match &expr.kind {
        ExprKind::Str(text) => is_end(text),
        ExprKind::Attribute { name, .. } => is_end(&name.name),
        ExprKind::Name(name) => is_end(name),
        _ => false,
    };
    let asks_time = |expr: &Expr| {
        let name = expr.as_call().and_then(|(func, _)| last_name(func));
        name.is_some_and(|name| matches!(name.as_str(), "time" | "now" | "utcnow"))
    };
    !body.find(&|expr| names(expr) || asks_time(expr)).is_empty()
}

/// Whether an expression is a part of a text between dots: `token.split(".")[1]`.
fn is_part_of_token(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> bool {
    if depth > 6 {
        return false;
    }
    let splits = |value: &Expr| {
        body.traced(value).as_call().is_some_and(|(func, args)| {
            let dot = positional(args, 0).and_then(Expr::as_str).is_some_and(|by| by == ".");
            dot && last_name(func)
                .is_some_and(|name| matches!(name.as_str(), "split" | "rsplit" | "partition" | "rpartition"))
        })
    };
    match &expr.kind {
        ExprKind::Subscript { value, .. } if splits(value) => true,
        ExprKind::Name(name) => {
            let unpacked = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
                StmtKind::Assign(assign) => {
                    let is_target = assign.targets.iter().any(|target| match &target.kind {
                        ExprKind::Tuple(parts) => parts.iter().any(|part| part.as_name() == Some(name)),
                        _ => false,
                    });
                    is_target && assign.value.as_ref().is_some_and(splits)
                }
                _ => false,
            });
            let assigned = || body.bindings(name);
            unpacked
                || assigned()
                    .into_iter()
                    .flatten()
                    .any(|value| !mentions(value, name) && is_part_of_token(body, value, depth + 1))
        }
        // `payload + "=" * padding`, `payload.encode()`
        ExprKind::Binary { left, .. } => is_part_of_token(body, left, depth + 1),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, .. } => is_part_of_token(body, value, depth + 1),
            _ => args.first().is_some_and(|arg| is_part_of_token(body, &arg.value, depth + 1)),
        },
        ExprKind::FString(parts) => parts.iter().any(|part| is_part_of_token(body, part, depth + 1)),
        _ => false,
    }
}

/// Where a signature is compared with an operator, which tells by its time how much of it was right.
fn compared(body: &Body<'_, '_, '_>, signed: TextRange) -> Option<TextRange> {
    let constant = body.calls().iter().any(|found| {
        found.call().is_some_and(|(func, _)| last_name(func).is_some_and(|name| name == "compare_digest"))
    });
    let is_made = |expr: &Expr| is_made_of(body, expr, signed, 0);
    let comparison = body.find(&|expr| match &expr.kind {
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] => matches!(op.as_str(), "==" | "!=") && (is_made(first) || is_made(second)),
            _ => false,
        },
        _ => false,
    });
    comparison.first().filter(|_| !constant).map(|found| found.expr.range)
}

/// Whether a value is made of the result of a call.
fn is_made_of(body: &Body<'_, '_, '_>, expr: &Expr, call: TextRange, depth: u32) -> bool {
    let mut pending = vec![expr];
    while let Some(part) = pending.pop() {
        if part.range == call {
            return true;
        }
        if let Some(name) = part.as_name().filter(|_| depth < 6)
            && body
                .bindings(name)
                .into_iter()
                .flatten()
                .any(|value| !mentions(value, name) && is_made_of(body, value, call, depth + 1))
        {
            return true;
        }
        pending.extend(super::super::code::parts(part));
    }
    false
}

/// Whether something in a body may verify the token: a library, or a function whose name says so.
fn is_verified(body: &Body<'_, '_, '_>) -> bool {
    body.calls().iter().any(|found| {
        let Some((func, _)) = found.call() else { return false };
        super::libraries::does(body, func).is_some()
            || last_name(func).is_some_and(|name| {
                let name = name.to_ascii_lowercase();
                ["verify", "valid", "check", "decrypt", "signature"].iter().any(|word| name.contains(word))
            })
    })
}
