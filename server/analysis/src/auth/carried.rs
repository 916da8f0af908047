//! Credentials that requests of a signed-in caller carry by themselves: in a header or a cookie.

use super::Verdict;
use super::evidence::Part;
use super::sources::is_scheme;
use crate::facts::python::tree::Param;
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Value};

/// Whether what a handler verifies may be in a header or a cookie: no link that is mailed sets these.
pub(super) fn verifies_session(interpreter: &Interpreter<'_>, handler: &FunctionRef, verdict: &Verdict) -> bool {
    let is_carried = |name: &str| {
        let param = handler.def.params.iter().find(|param| param.name.name == name);
        param.is_some_and(|param| is_in_header(interpreter, handler, param))
    };
    verdict.steps.iter().any(|step| match step.takes() {
        Some(name) => is_carried(name),
        None => step.reads(Part::Headers) || step.reads(Part::Cookies),
    })
}

/// Whether FastAPI fills a parameter from a header or a cookie.
fn is_in_header(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let default = param.default.as_ref().map(|default| interpreter.eval_signature(handler, default));
    let annotation = param.annotation.as_ref().map(|annotation| interpreter.eval_signature(handler, annotation));
    let metadata = match &annotation {
        Some(Value::Annotated(annotated)) => annotated.metadata.as_slice(),
        _ => &[],
    };
    default.iter().chain(metadata).any(|marker| match marker {
        Value::Depends(depends) => depends.dependency.as_ref().is_some_and(|scheme| class_is(scheme, is_header_scheme)),
        marker => class_is(marker, |path| {
            path.starts_with("fastapi.") && matches!(path.rsplit('.').next(), Some("Header" | "Cookie"))
        }),
    })
}

fn is_header_scheme(path: &str) -> bool {
    is_scheme(path) && !path.ends_with(".APIKeyQuery")
}

/// Whether a value is an instance of such a class of a package.
fn class_is(value: &Value, is: impl Fn(&str) -> bool) -> bool {
    matches!(value, Value::Instance(instance) if matches!(&instance.class, Value::Package(path) if is(path)))
}
