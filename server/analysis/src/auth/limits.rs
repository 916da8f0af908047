//! Middlewares that limit how often somebody may ask. They may read a token to
//! tell callers apart, and turn nobody away for want of one.

use smol_str::SmolStr;

use crate::facts::python::idioms::{callees, calls, http_status, raised};
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

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
                _ => match own_method(&function, callee) {
                    Some((class, name)) => match resolve.method(class, name) {
                        Some(method) => pending.push(resolve.current(&method)),
                        // One that could not be found may answer.
                        None => return false,
                    },
                    None => {}
                },
            }
        }
    }
    limits
}

/// The statuses of the framework's responses that a function makes, or of the project's own; none where it is not known.
fn responses(resolve: &dyn Resolve, function: &FunctionRef) -> Vec<Option<i64>> {
    let answer = |(callee, args): (&Expr, &[Arg])| match resolve.eval(function, callee) {
        Value::Package(path) if path.ends_with("Response") => Some(status(args)),
        Value::Class(class) if resolve.package_bases(&class).iter().any(|base| base.ends_with("Response")) => Some(None),
        _ => None,
    };
    calls(&function.def.body).into_iter().filter_map(answer).collect()
}

/// The class and name of `self.method`.
fn own_method<'f>(function: &'f FunctionRef, callee: &'f Expr) -> Option<(&'f ClassRef, &'f SmolStr)> {
    let ExprKind::Attribute { value, name } = &callee.kind else { return None };
    let class = function.class.as_ref()?;
    let own = function.def.params.first()?;
    value.as_name().filter(|receiver| **receiver == own.name.name).map(|_| (&**class, &name.name))
}

fn status(args: &[Arg]) -> Option<i64> {
    keyword(args, "status_code").or_else(|| positional(args, 1)).and_then(http_status)
}
