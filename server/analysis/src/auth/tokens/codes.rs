//! Codes for one time, which are drawn at random for whoever reads a mailbox or a telephone: who has one gets in.

use super::super::code::{Around, Body, Scope, is_settings, last_name};
use super::super::keys;
use super::ItemTokens;
use super::callees::callee;
use crate::facts::python::tree::{Arg, Expr, ExprKind, StmtKind};
use crate::index::value::{Resolve, Value};

/// Parts of names of what holds such a code, for whoever searches texts for them.
pub(super) const MARKS: &[&str] = &[
    "otp",
    "OTP",
    "passcode",
    "verification_code",
    "verify_code",
    "reset_code",
    "login_code",
    "auth_code",
    "confirmation_code",
    "recovery_code",
    "mfa_code",
    "sms_code",
    "email_code",
    "security_code",
    "one_time_code",
];

/// Functions of the project that a code is followed through.
const MAX_DEPTH: u32 = 2;

/// Codes of one function that are looked at.
const MAX_CODES: usize = 16;

/// Expressions that are looked at in what makes one.
const MAX_STEPS: usize = 100;

/// Finds codes that are drawn with `random`: who has seen enough of its numbers computes the next ones (Python 3.14,
/// "Warning: The pseudo-random generators of this module should not be used for security purposes").
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let is_code = |expr: &Expr| last_name(expr).is_some_and(|name| names_code(name));
    let assigned = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
            ([target], Some(value)) if is_code(target) => Some(value),
            _ => None,
        },
        _ => None,
    });
    for value in assigned.take(MAX_CODES) {
        // Of one that is handed on it is told where it is drawn.
        let is_first = !(value.as_name().is_some() && is_code(value));
        if is_first && drawn(body, value, 0) == Some(Draw::Computable) {
            tokens.computable_codes.push(body.site(value.range));
        }
    }
}

/// Whether a variable of that name holds a code for one time, if that value draws one.
pub(super) fn is_drawn(body: &Body<'_, '_, '_>, name: &str, value: &Expr) -> bool {
    names_code(name) && drawn(body, value, 0).is_some()
}

fn names_code(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(lower.rsplit('_').next(), Some("otp" | "passcode"))
        || lower == "otp_code"
        || MARKS.iter().any(|mark| mark.ends_with("_code") && lower.ends_with(mark))
}

/// How something is drawn at random.
#[derive(PartialEq, Eq)]
enum Draw {
    /// What comes next follows from what came before.
    Computable,
    /// Nobody knows what comes next.
    Secret,
}

/// How a value was drawn that is made of something random, by a function of the project perhaps.
fn drawn(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> Option<Draw> {
    let mut pending = vec![body.traced(value)];
    for _ in 0..MAX_STEPS {
        let expr = pending.pop()?;
        if let Some((func, args)) = expr.as_call() {
            let by = body.package(func).filter(|path| path.starts_with("random.") || path.starts_with("secrets."));
            if let Some(path) = by {
                let is_list =
                    |arg: &Arg| matches!(body.traced(&arg.value).kind, ExprKind::List(_) | ExprKind::Tuple(_));
                // One of a few words that stand in the code.
                if path.ends_with(".choice") && args.first().is_some_and(is_list) {
                    continue;
                }
                let computable = path.starts_with("random.") && !path.contains("SystemRandom");
                return Some(if computable { Draw::Computable } else { Draw::Secret });
            }
            let called = callee(body, func).filter(|_| depth < MAX_DEPTH);
            if let Some(draw) = called.and_then(|function| {
                let function = body.interpreter.current(&function);
                let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
                inner.statements().iter().find_map(|(stmt, _)| match &stmt.kind {
                    StmtKind::Return(Some(value)) => drawn(&inner, value, depth + 1),
                    _ => None,
                })
            }) {
                return Some(draw);
            }
        }
        match &expr.kind {
            // How many there are is drawn as well, perhaps.
            ExprKind::Comprehension(each) => pending.push(body.traced(&each.element)),
            // What is asked of a number is no code.
            ExprKind::Compare { .. } | ExprKind::Not(_) => {}
            _ => pending.extend(expr.children().into_iter().map(|child| body.traced(child))),
        }
    }
    None
}

/// The conditions around a statement.
pub(super) fn tests<'b>(around: &Around<'b>) -> Vec<&'b Expr> {
    let tests = around.iter().map(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, .. } => Some(&**test),
        _ => None,
    });
    tests.flatten().collect()
}

/// Whether only some configurations do what stands below these conditions: a code that is shown to who develops.
pub(super) fn is_for_development(body: &Body<'_, '_, '_>, tests: &[&Expr]) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    tests.iter().any(|test| body.interpreter.names_environment(function, test) || names_setting(body, test))
}

/// Whether a condition asks for a field of the settings.
fn names_setting(body: &Body<'_, '_, '_>, test: &Expr) -> bool {
    let mut pending = vec![test];
    while let Some(expr) = pending.pop() {
        if let ExprKind::Attribute { value, .. } = &expr.kind
            && let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value)
            && is_settings(body.interpreter, &class)
        {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}
