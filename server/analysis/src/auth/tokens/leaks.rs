//! Secrets that are written to a log.

use smol_str::SmolStr;

use super::super::code::{Body, last_name};
use super::{ItemTokens, Logged, Secret, secrets};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// Characters of a secret that may be shown to tell it from others.
const SHOWN: i64 = 7;

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
        for arg in args {
            shown_in(body, &arg.value, &sink, tokens);
        }
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
    let mut pending = vec![shown];
    while let Some(expr) = pending.pop() {
        if let Some((value, part)) = piece(expr) {
            note(body, expr, value, Some(part), sink, tokens);
            continue;
        }
        match &expr.kind {
            ExprKind::FString(parts) | ExprKind::List(parts) | ExprKind::Tuple(parts) => pending.extend(parts),
            ExprKind::Dict(entries) => pending.extend(entries.iter().map(|(_, value)| value)),
            ExprKind::Binary { op, left, right } if op == "+" || op == "%" => pending.extend([&**left, &**right]),
            ExprKind::IfExp { body, or_else, .. } => pending.extend([&**body, &**or_else]),
            ExprKind::Call { func, args } if formats(func) => pending.extend(args.iter().map(|arg| &arg.value)),
            ExprKind::Name(name) if let Some(entry) = authorization_of(body, expr, name) => {
                tokens.logged.push(Logged {
                    site: body.site(expr.range),
                    origin: body.site(entry.range),
                    what: Secret::Token,
                    part: None,
                    sink: sink.clone(),
                });
            }
            _ => note(body, expr, expr, None, sink, tokens),
        }
    }
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

/// The beginning or end of a value, and how many characters that are: `token[:10]`.
fn piece(expr: &Expr) -> Option<(&Expr, i64)> {
    let ExprKind::Subscript { value, index } = &expr.kind else { return None };
    let ExprKind::Slice(bounds) = &index.kind else { return None };
    let [bound] = bounds.as_slice() else { return None };
    let length = match &bound.kind {
        ExprKind::Int(length) => *length,
        ExprKind::Unary(inner) => match inner.kind {
            ExprKind::Int(length) => length.abs(),
            _ => return None,
        },
        _ => return None,
    };
    Some((value, length))
}

fn note(
    body: &Body<'_, '_, '_>,
    shown: &Expr,
    value: &Expr,
    part: Option<i64>,
    sink: &SmolStr,
    tokens: &mut ItemTokens,
) {
    let Some(origin) = secrets::origin(body, value) else { return };
    // A bearer object's scheme, a few characters of a token: nobody can use them.
    let harmless = part.is_some_and(|part| part <= SHOWN) || (part.is_some() && origin.what == Secret::Claims);
    if harmless || (origin.what == Secret::Claims && !matches!(value.kind, ExprKind::Name(_) | ExprKind::Call { .. })) {
        return;
    }
    tokens.logged.push(Logged {
        site: body.site(shown.range),
        origin: body.site(origin.range),
        what: origin.what,
        part,
        sink: sink.clone(),
    });
}
