//! Middlewares that limit how often somebody may ask. They may read a token to
//! tell callers apart, and turn nobody away for want of one.

use crate::facts::python::idioms::{callees, http_status};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, keyword, positional};
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
        if seen.len() > MAX_FUNCTIONS || raises(&function.def.body) {
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

/// Whether a block raises; `raise` alone passes on what was caught.
fn raises(block: &[Stmt]) -> bool {
    block
        .iter()
        .any(|stmt| matches!(stmt.kind, StmtKind::Raise { exc: Some(_), .. }) || stmt.blocks().into_iter().any(raises))
}

/// The statuses of the framework's responses that a function makes; none where it is not known.
fn responses(resolve: &dyn Resolve, function: &FunctionRef) -> Vec<Option<i64>> {
    let mut found = Vec::new();
    let mut blocks = vec![&*function.def.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut exprs = stmt.exprs();
            while let Some(expr) = exprs.pop() {
                exprs.extend(expr.children());
                let Some((callee, args)) = expr.as_call() else { continue };
                if matches!(resolve.eval(function, callee), Value::Package(path) if path.ends_with("Response")) {
                    found.push(keyword(args, "status_code").or_else(|| positional(args, 1)).and_then(http_status));
                }
            }
        }
    }
    found
}

/// `self.method`.
fn is_own_method(function: &FunctionRef, callee: &Expr) -> bool {
    let ExprKind::Attribute { value, .. } = &callee.kind else { return false };
    let own = function.class.as_ref().and_then(|_| function.def.params.first());
    own.is_some_and(|own| value.as_name().is_some_and(|name| *name == own.name.name))
}
