//! Middlewares that limit how often somebody may ask. They may read a token to
//! tell callers apart, and turn nobody away for want of one.

use crate::facts::python::idioms::{callees, calls, http_status, raised};
use crate::facts::python::tree::{Expr, ExprKind, keyword, positional};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Functions that are looked into for one middleware.
const MAX_FUNCTIONS: usize = 24;

/// Whether all answers that a function gives by itself say that somebody asked
/// too often or too much (RFC 6585 section 4, RFC 9110 section 15.5.14), or that
/// the server failed; one at least the former.
pub(super) fn only_limits(resolve: &dyn Resolve, function: &FunctionRef) -> bool {
    let mut pending = vec![resolve.current(function)];
    let mut seen: Vec<Site> = Vec::new();
    let mut limits = false;
    while let Some(function) = pending.pop() {
        if seen.contains(&function.site) {
            continue;
        }
        seen.push(function.site);
        if seen.len() > MAX_FUNCTIONS || !raised(&function.def.body).is_empty() {
            return false;
        }
        for answer in responses(resolve, &function) {
            match answer {
                Some(429) => limits = true,
                Some(413 | 500..=599) => {}
                _ => return false,
            }
        }
        for callee in callees(&function.def.body) {
            match resolve.eval(&function, callee) {
                Value::Function(called) => pending.push(resolve.current(&called)),
                Value::Bound(bound) => pending.push(resolve.current(&bound.1)),
                // A method of its own that could not be found may answer.
                _ if is_own_method(&function, callee) => return false,
                _ => {}
            }
        }
    }
    limits
}

/// The statuses of the framework's responses that a function makes; none where it is not known.
fn responses(resolve: &dyn Resolve, function: &FunctionRef) -> Vec<Option<i64>> {
    let calls = calls(&function.def.body).into_iter();
    let responses = calls.filter(
        |(callee, _)| matches!(resolve.eval(function, callee), Value::Package(path) if path.ends_with("Response")),
    );
    let status = |args| keyword(args, "status_code").or_else(|| positional(args, 1)).and_then(http_status);
    responses.map(|(_, args)| status(args)).collect()
}

/// `self.method`.
fn is_own_method(function: &FunctionRef, callee: &Expr) -> bool {
    let ExprKind::Attribute { value, .. } = &callee.kind else { return false };
    let own = function.class.as_ref().and_then(|_| function.def.params.first());
    own.is_some_and(|own| value.as_name().is_some_and(|name| *name == own.name.name))
}
