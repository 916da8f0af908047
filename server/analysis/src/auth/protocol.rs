//! Endpoints that a protocol wants open, told by what they take and give.

use smol_str::SmolStr;

use super::accounts;
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// Parts of one answer that are looked at.
const MAX_PARTS: usize = 200;

/// Why a handler is open by protocol, if it is.
pub(super) fn wants_open(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<&'static str> {
    // The user is sent there before having signed in (RFC 6749, section 4.1.1).
    if accounts::takes_all(interpreter, handler, &["clientid", "redirecturi", "responsetype"]) {
        return Some("where OAuth 2.0 has users authorise a client");
    }
    gives_device_code(interpreter, handler).then_some("where a device asks for a code to be authorised with")
}

/// Whether a handler answers a device that asks to be authorised (RFC 8628, section 3.2): with a code for itself, one
/// for the user, and where the user enters that.
fn gives_device_code(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let handler = interpreter.current(handler);
    let is_of_device = |names: &[SmolStr]| {
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        has("device_code") && has("user_code") && names.iter().any(|name| name.starts_with("verification_u"))
    };
    returned(&handler.def.body).into_iter().any(|answer| is_of_device(&named(interpreter, &handler, answer)))
}

/// The names under which an answer holds something: keys, arguments, and fields of a class that it is made of.
fn named(interpreter: &Interpreter<'_>, handler: &FunctionRef, answer: &Expr) -> Vec<SmolStr> {
    let (mut found, mut pending, mut seen) = (Vec::new(), vec![answer], 0);
    while let Some(expr) = pending.pop() {
        seen += 1;
        if seen > MAX_PARTS {
            break;
        }
        match &expr.kind {
            ExprKind::Dict(entries) => {
                found.extend(entries.iter().filter_map(|(key, _)| key.as_ref().and_then(Expr::as_str).cloned()));
            }
            ExprKind::Call { func, args } => {
                found.extend(args.iter().filter_map(|arg| arg.name.as_ref()).map(|name| name.name.clone()));
                if let Value::Class(class) = interpreter.eval_signature(handler, func) {
                    found.extend(interpreter.fields_of(&class));
                }
            }
            _ => {}
        }
        pending.extend(expr.children());
    }
    found
}
