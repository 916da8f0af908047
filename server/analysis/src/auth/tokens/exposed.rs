//! Secrets of the application that functions return.

use super::super::code::{Body, is_settings, last_name};
use super::{Exposed, ItemTokens, Secret, Shown, codes, databases, leaks, secrets};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, keyword};
use crate::index::value::{Resolve, Value};

/// Finds what a body returns that the application has to keep.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    let function = body.site(def.name.range);
    for (stmt, around) in body.statements() {
        let StmtKind::Return(Some(value)) = &stmt.kind else { continue };
        let mut pending = vec![value];
        let mut tests = codes::tests(around);
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Dict(entries) => {
                    pending.extend(entries.iter().map(|(_, value)| value));
                    continue;
                }
                ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                    pending.extend(parts);
                    continue;
                }
                // `KEY[:10] + "..."`, `f"{KEY[:10]}…"`
                ExprKind::Binary { op, left, right } if op == "+" => {
                    pending.extend([&**left, &**right]);
                    continue;
                }
                ExprKind::IfExp { test, body: yes, or_else } => {
                    tests.push(&**test);
                    pending.extend([&**yes, &**or_else]);
                    continue;
                }
                ExprKind::FString(parts) => {
                    pending.extend(parts);
                    continue;
                }
                ExprKind::Call { func, args } if last_name(func).is_some_and(|name| name.ends_with("Response")) => {
                    pending.extend(args.iter().map(|arg| &arg.value));
                    continue;
                }
                _ => {}
            }
            let part = leaks::piece(expr).map(|piece| piece.length);
            let what = shown(body, expr);
            let what = what.filter(|what| *what != Shown::Code || !codes::is_for_development(body, &tests));
            tokens.exposed.extend(what.map(|what| Exposed { site: body.site(expr.range), function, what, part }));
        }
    }
}

/// What an expression shows.
fn shown(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Shown> {
    if is_all_settings(body, expr) {
        return Some(Shown::Settings);
    }
    match secrets::origin(body, expr).map(|origin| origin.what) {
        Some(Secret::Key) => return Some(Shown::Secret),
        Some(Secret::Code) => return Some(Shown::Code),
        _ => {}
    }
    databases::address(body, expr).map(|_| Shown::Database)
}

/// `settings`, `settings.model_dump()`, `dict(os.environ)`.
fn is_all_settings(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let expr = body.traced(expr);
    if let Some((func, args)) = expr.as_call() {
        return match &func.kind {
            ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "model_dump" | "dict") => {
                keyword(args, "include").is_none() && keyword(args, "exclude").is_none() && is_all_settings(body, value)
            }
            ExprKind::Name(name) if name == "dict" || name == "vars" => {
                args.len() == 1 && is_all_settings(body, &args[0].value)
            }
            _ => false,
        };
    }
    if !matches!(expr.kind, ExprKind::Name(_) | ExprKind::Attribute { .. }) {
        return false;
    }
    match body.eval(expr) {
        Value::Package(path) => path == "os.environ",
        Value::Instance(instance) => match &instance.class {
            Value::Class(class) => {
                let settings = is_settings(body.interpreter, class);
                settings && holds_secret(body, class)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a settings class has a field for a secret that it shows.
fn holds_secret(body: &Body<'_, '_, '_>, class: &std::sync::Arc<crate::index::value::ClassRef>) -> bool {
    body.interpreter.linearised(class).iter().any(|class| {
        body.interpreter.count_outline(class.site);
        class.def.body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => {
                let named =
                    assign.targets.first().and_then(Expr::as_name).is_some_and(|name| secrets::names_secret(name));
                let hidden = assign.annotation.as_ref();
                named && !hidden.is_some_and(|annotation| super::super::code::mentions(annotation, "SecretStr"))
            }
            _ => false,
        })
    })
}
