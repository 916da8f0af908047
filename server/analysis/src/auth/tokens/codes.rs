//! Codes for one time, which are drawn at random for whoever reads a mailbox or a telephone: who has one gets in.

use super::super::code::{Around, Body, Scope, is_settings};
use super::super::keys;
use super::callees::callee;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind};
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

/// Expressions that are looked at in what makes one.
const MAX_STEPS: usize = 100;

/// Whether a variable of that name holds a code for one time, if that value draws one.
pub(super) fn is_drawn(body: &Body<'_, '_, '_>, name: &str, value: &Expr) -> bool {
    let lower = name.to_ascii_lowercase();
    let names_one = matches!(lower.rsplit('_').next(), Some("otp" | "passcode"))
        || lower == "otp_code"
        || MARKS.iter().any(|mark| mark.ends_with("_code") && lower.ends_with(mark));
    names_one && draws(body, value, 0)
}

/// Whether a value is made of what is drawn at random, by a function of the project perhaps.
fn draws(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> bool {
    let mut pending = vec![body.traced(value)];
    for _ in 0..MAX_STEPS {
        let Some(expr) = pending.pop() else { return false };
        if let Some((func, _)) = expr.as_call() {
            if body.package(func).is_some_and(|path| path.starts_with("random.") || path.starts_with("secrets.")) {
                return true;
            }
            let called = callee(body, func).filter(|_| depth < MAX_DEPTH);
            if called.is_some_and(|function| {
                let function = body.interpreter.current(&function);
                let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
                inner.statements().iter().any(|(stmt, _)| match &stmt.kind {
                    StmtKind::Return(Some(value)) => draws(&inner, value, depth + 1),
                    _ => false,
                })
            }) {
                return true;
            }
        }
        pending.extend(expr.children().into_iter().map(|child| body.traced(child)));
    }
    false
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
