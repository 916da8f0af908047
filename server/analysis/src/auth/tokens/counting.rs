//! What tells callers apart to count how often they ask lets nobody in (slowapi 0.1, fastapi-limiter 0.1).

use super::super::code::Body;
use super::ItemTokens;
use crate::facts::python::tree::{keyword, positional};
use crate::index::value::Value;

/// Finds what limits of rates are told to count by.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        let Some(path) = body.package(func).filter(|path| limits(path)) else { continue };
        let given = keyword(args, "key_func").or_else(|| keyword(args, "identifier"));
        let first = || positional(args, 0).filter(|_| path.ends_with(".Limiter"));
        let counts_by = given.or_else(first).map(|given| body.eval(given));
        if let Some(Value::Function(function)) = counts_by {
            tokens.counted_by.push(function.site);
        }
    }
}

fn limits(path: &str) -> bool {
    matches!(path.split('.').next(), Some("slowapi" | "fastapi_limiter"))
}
