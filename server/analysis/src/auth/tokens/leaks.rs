//! Secrets that are written to a log.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name};
use super::libraries::{Does, does};
use super::{ItemTokens, Logged, Secret, bodies, codes, databases, handed_on, secrets, typed};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::{Resolve, Value};

/// Characters of a secret that may be shown to tell it from others.
const SHOWN: i64 = 7;

/// Characters of a key of a service that may be shown: how many begin alike, `sk-proj-`.
const SHOWN_OF_KEY: i64 = 8;

/// Characters of the header that most JWTs have, `{"alg":"HS256","typ":"JWT"}` in Base64: it is the same for all of them.
pub const JWT_HEADER: i64 = 36;

/// Finds secret values that a body writes to a log.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for (stmt, around) in body.statements() {
        let StmtKind::Expr(expr) = &stmt.kind else { continue };
        let expr = match &expr.kind {
            ExprKind::Await(inner) => inner,
            _ => expr,
        };
        let Some((func, args)) = expr.as_call() else { continue };
        let Some(sink) = sink(body, func) else { continue };
        // What a script tells the person who runs it is no log.
        if sink == "print" && around.iter().any(|(stmt, _)| is_main(stmt)) {
            continue;
        }
        let before = tokens.logged.len();
        for arg in args {
            shown_in(body, &arg.value, &sink, tokens);
        }
        // A browser's preflight carries no credential (Fetch, 4.8).
        if around.iter().any(|(stmt, block)| is_preflight(stmt, *block)) {
            tokens.logged.truncate(before);
            continue;
        }
        // A code that only who develops gets to see.
        let is_code = |logged: &Logged| logged.what == Secret::Code;
        if tokens.logged[before..].iter().any(is_code) && codes::is_for_development(body, &codes::tests(around)) {
            let mut at = 0;
            tokens.logged.retain(|logged| {
                at += 1;
                at <= before || !is_code(logged)
            });
        }
    }
}

/// Whether a block of a statement runs for nothing but preflights: `if request.method == "OPTIONS":`.
fn is_preflight(stmt: &Stmt, block: usize) -> bool {
    let StmtKind::If { test, .. } = &stmt.kind else { return false };
    let asks = |test: &Expr| {
        let ExprKind::Compare { first, rest } = &test.kind else { return false };
        let is_method = matches!(&first.kind, ExprKind::Attribute { name, .. } if name.name == "method");
        let [(op, method)] = rest.as_slice() else { return false };
        is_method && op == "==" && method.as_str().is_some_and(|method| method == "OPTIONS")
    };
    block == 0
        && match &test.kind {
            ExprKind::BoolOp { and: true, values } => values.iter().any(asks),
            _ => asks(test),
        }
}

fn is_main(stmt: &Stmt) -> bool {
    matches!(&stmt.kind, StmtKind::If { test, .. } if super::super::code::mentions(test, "__name__"))
}

/// What a callee writes to, if that is a log: `print`, `logger.info`.
pub(super) fn sink(body: &Body<'_, '_, '_>, func: &Expr) -> Option<SmolStr> {
    match &func.kind {
        ExprKind::Name(name) if name == "print" || name == "pprint" => {
            let known =
                body.package(func).is_some_and(|path| path.starts_with("builtins") || path.starts_with("pprint"));
            known.then(|| name.clone())
        }
        ExprKind::Attribute { value, name } => {
            const METHODS: &[&str] = &[
                "debug",
                "info",
                "warning",
                "warn",
                "error",
                "exception",
                "critical",
                "fatal",
                "log",
                "trace",
                "success",
            ];
            let receiver = last_name(value.as_call().map_or(value, |(func, _)| func))?;
            let lower = receiver.to_ascii_lowercase();
            let logs =
                matches!(lower.trim_start_matches('_'), "log" | "logger" | "logging" | "getlogger" | "opt" | "bind")
                    || lower.ends_with("logger")
                    || lower.ends_with("_log");
            (logs && METHODS.contains(&name.name.as_str())).then(|| SmolStr::new(format!("{receiver}.{}", name.name)))
        }
        _ => None,
    }
}

/// Notes the secrets that are shown where an expression is written out.
fn shown_in(body: &Body<'_, '_, '_>, shown: &Expr, sink: &SmolStr, tokens: &mut ItemTokens) {
    // What is written out, and where that is said.
    let mut pending = vec![(shown, shown)];
    while let Some((expr, at)) = pending.pop() {
        let at = if at.range.contains_range(expr.range) { expr } else { at };
        let parts: Vec<&Expr> = match &expr.kind {
            _ if let Some(piece) = piece(expr) => {
                let length = piece.length - scheme_before(body, piece.of);
                note(body, at, piece.of, Some(Piece { length, ..piece }), sink, tokens);
                continue;
            }
            ExprKind::FString(parts) | ExprKind::List(parts) | ExprKind::Tuple(parts) => parts.iter().collect(),
            ExprKind::Dict(entries) => entries.iter().map(|(_, value)| value).collect(),
            ExprKind::Binary { op, left, right } if op == "+" || op == "%" => vec![left, right],
            ExprKind::IfExp { test, body, or_else } => cut_down(test, body, or_else),
            ExprKind::Call { func, args } if formats(func) => args.iter().map(|arg| &arg.value).collect(),
            ExprKind::Name(name) if let Some(entry) = authorization_of(body, expr, name) => {
                tokens.logged.push(Logged {
                    site: body.site(at.range),
                    origin: body.site(entry.range),
                    what: Secret::Token,
                    part: None,
                    sink: sink.clone(),
                });
                continue;
            }
            // `f"{secrets.randbelow(10**6):06}"`
            ExprKind::Name(_) if secrets::origin(body, expr).is_some_and(|origin| origin.what == Secret::Code) => {
                note(body, at, expr, None, sink, tokens);
                continue;
            }
            ExprKind::Name(_) if is_put_together(body.traced(expr)) => {
                pending.push((body.traced(expr), at));
                continue;
            }
            // All fields of a model are written.
            ExprKind::Name(_) if let Some(fields) = model_fields(body, body.traced(expr)) => fields,
            _ => {
                note(body, at, expr, None, sink, tokens);
                continue;
            }
        };
        pending.extend(parts.into_iter().map(|part| (part, at)));
    }
}

/// Whether an expression is made of parts, which may be pieces of others.
fn is_put_together(expr: &Expr) -> bool {
    piece(expr).is_some()
        || matches!(&expr.kind, ExprKind::Binary { op, .. } if op == "+")
        || matches!(expr.kind, ExprKind::IfExp { .. } | ExprKind::FString(_) | ExprKind::Dict(_))
}

/// What the fields of a model of pydantic are given, whose text shows all of them: `Token(access_token=…)`.
fn model_fields<'e>(body: &Body<'_, '_, '_>, expr: &'e Expr) -> Option<Vec<&'e Expr>> {
    let (func, args) = expr.as_call()?;
    let Value::Class(class) = body.eval(func) else { return None };
    let bases = body.interpreter.package_bases(&class);
    let is_model = bases.iter().any(|base| base == "pydantic.BaseModel");
    is_model.then(|| args.iter().filter(|arg| arg.name.is_some()).map(|arg| &arg.value).collect())
}

/// What is written of `token[:50] + "…" if len(token) > 50 else token`: what is
/// shorter than a token is none, nor is an address without an `@` one with a password.
fn cut_down<'e>(test: &Expr, body: &'e Expr, or_else: &'e Expr) -> Vec<&'e Expr> {
    let is_measured = |expr: &Expr| {
        let ExprKind::Compare { first, rest } = &test.kind else { return false };
        if first.as_str().is_some_and(|text| text.contains('@')) {
            return rest.iter().any(|(_, held)| held.as_name().is_some() && held.as_name() == expr.as_name());
        }
        let Some((func, args)) = first.as_call() else { return false };
        let measured = args.first().and_then(|arg| arg.value.as_name());
        func.as_name().is_some_and(|name| name == "len") && measured.is_some() && measured == expr.as_name()
    };
    [body, or_else].into_iter().filter(|part| !is_measured(part)).collect()
}

/// Characters of the scheme before the token, where a value is the whole header: `Bearer `.
fn scheme_before(body: &Body<'_, '_, '_>, value: &Expr) -> i64 {
    let is_name = |text: &str| text.eq_ignore_ascii_case("authorization");
    let named = |args: &[Arg]| positional(args, 0).and_then(Expr::as_str).is_some_and(|key| is_name(key));
    let is_header = match &body.traced(value).kind {
        ExprKind::Name(name) => is_name(name),
        ExprKind::Call { args, .. } => named(args),
        ExprKind::Subscript { index, .. } => index.as_str().is_some_and(|key| is_name(key)),
        _ => false,
    };
    if is_header { "Bearer ".len() as i64 } else { 0 }
}

/// The credential in the headers that a variable holds: what stands under
/// `Authorization` is one, wherever it comes from.
fn authorization_of<'b>(body: &Body<'b, '_, '_>, expr: &Expr, name: &str) -> Option<&'b Expr> {
    let is_header = |key: &Expr| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("authorization"));
    let is_made = |value: &Expr| match &value.kind {
        ExprKind::FString(parts) => parts.iter().any(|part| part.as_str().is_none()),
        ExprKind::Binary { .. } => true,
        _ => false,
    };
    let written = body.bindings(name).into_iter().flatten().find_map(|value| match &value.kind {
        ExprKind::Dict(entries) => {
            entries.iter().find(|(key, value)| key.as_ref().is_some_and(is_header) && is_made(value))
        }
        _ => None,
    });
    let set = || {
        body.statements().iter().find_map(|(stmt, _)| {
            let StmtKind::Assign(assign) = &stmt.kind else { return None };
            let [target] = assign.targets.as_slice() else { return None };
            let ExprKind::Subscript { value, index } = &target.kind else { return None };
            let is_it = value.as_name().is_some_and(|found| found == name) && is_header(index);
            // What is set behind the log is not in it.
            assign.value.as_ref().filter(|made| is_it && is_made(made) && stmt.range.end <= expr.range.start)
        })
    };
    written.map(|(_, value)| value).or_else(set)
}

/// `"…".format(…)`.
fn formats(func: &Expr) -> bool {
    matches!(&func.kind, ExprKind::Attribute { value, name } if name.name == "format" && matches!(value.kind, ExprKind::Str(_)))
}

/// The beginning or end of a value.
#[derive(Clone, Copy)]
pub(super) struct Piece<'e> {
    pub(super) of: &'e Expr,
    /// How many characters that are.
    pub(super) length: i64,
    /// Whether it is the beginning.
    is_front: bool,
}

/// `token[:10]`, `token[-10:]`. What is left behind a beginning (`token[7:]`) is no piece.
pub(super) fn piece(expr: &Expr) -> Option<Piece<'_>> {
    let ExprKind::Subscript { value, index } = &expr.kind else { return None };
    let ExprKind::Slice(bounds) = &index.kind else { return None };
    let [bound] = bounds.as_slice() else { return None };
    let is_front = index.range.start < bound.range.start;
    let length = match &bound.kind {
        ExprKind::Int(length) if is_front => *length,
        ExprKind::Unary(inner) if !is_front => match inner.kind {
            ExprKind::Int(length) => length.abs(),
            _ => return None,
        },
        _ => return None,
    };
    Some(Piece { of: value, length, is_front })
}

/// Whether a value is known to be a JWT: a library issues it, or is given it as a token.
fn is_jwt(body: &Body<'_, '_, '_>, value: &Expr, origin: &secrets::Origin) -> bool {
    let encodes = |found: &Found<'_>| {
        found.expr.range == origin.range
            && found.call().is_some_and(|(func, _)| matches!(does(body, func), Some((_, Does::Encodes))))
    };
    match origin.what {
        Secret::Issued => body.calls().iter().any(encodes),
        Secret::Token => value.as_name().is_some_and(|name| handed_on::reaches_library(body, name)),
        _ => false,
    }
}

/// Whether a value is one of the later parts of a token, alone: `token.split(".")[-1]`. Claims or a signature of a JWT
/// open nothing without the others.
fn is_cut_out(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let mut value = body.traced(value);
    if let ExprKind::IfExp { body: cut, .. } = &value.kind {
        value = body.traced(cut);
    }
    let ExprKind::Subscript { value, index } = &value.kind else { return false };
    let splits = value.as_call().is_some_and(|(func, args)| {
        let by = positional(args, 0).and_then(Expr::as_str);
        last_name(func).is_some_and(|name| name == "split") && by.is_some_and(|by| by == ".")
    });
    splits && !matches!(index.kind, ExprKind::Int(0) | ExprKind::Slice { .. })
}

fn note(
    body: &Body<'_, '_, '_>,
    shown: &Expr,
    value: &Expr,
    part: Option<Piece<'_>>,
    sink: &SmolStr,
    tokens: &mut ItemTokens,
) {
    let database = || databases::address(body, value).filter(|_| part.is_none());
    let handed_on = || handed_on::origin(body, body.traced(value));
    let sent = || bodies::origin(body, value).filter(|_| part.is_none());
    let Some(origin) = secrets::origin(body, value).or_else(database).or_else(handed_on).or_else(sent) else { return };
    if matches!(origin.what, Secret::Token | Secret::Issued) && is_cut_out(body, value) {
        return;
    }
    // A bearer object's scheme, a few characters of a token: nobody can use them.
    let is_header = part.is_some_and(|part| part.is_front && part.length <= JWT_HEADER);
    if is_header && is_jwt(body, value, &origin) {
        return;
    }
    let most = if origin.what == Secret::Key { SHOWN_OF_KEY } else { SHOWN };
    let harmless = part.is_some_and(|part| part.length <= most) || (part.is_some() && origin.what == Secret::Claims);
    if harmless || (origin.what == Secret::Claims && !matches!(value.kind, ExprKind::Name(_) | ExprKind::Call { .. })) {
        return;
    }
    if sink == "print" && typed::is_typed(body, value) {
        return;
    }
    tokens.logged.push(Logged {
        site: body.site(shown.range),
        origin: body.site(origin.range),
        what: origin.what,
        part: part.map(|part| part.length),
        sink: sink.clone(),
    });
}
