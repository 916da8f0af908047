//! What a handler takes from the address that it is asked at, as FastAPI reads its signature.

use smol_str::SmolStr;

use super::code::mentions;
use crate::facts::python::tree::{Param, ParamKind};
use crate::index::dependencies::dependency_of;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Site, Value, is_from_container};

/// A parameter that FastAPI fills from the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queried {
    /// Its name there.
    pub(crate) name: SmolStr,
    /// The parameter.
    pub(crate) site: Site,
}

/// The parameters of a route's handler that stand in the query: those texts that are neither part of the path nor marked as
/// anything else.
pub(crate) fn in_query(interpreter: &Interpreter<'_>, route: &Route) -> Vec<Queried> {
    match route.function().filter(|_| route.injects) {
        Some(handler) => queried(interpreter, handler, &route.path),
        None => Vec::new(),
    }
}

/// The same of a function that FastAPI calls for a route of that path.
pub(crate) fn queried(interpreter: &Interpreter<'_>, function: &FunctionRef, path: &str) -> Vec<Queried> {
    let params = function.def.params.iter().skip(usize::from(function.takes_receiver()));
    let queried = params.filter_map(|param| {
        let name = name_in_query(interpreter, function, param)?;
        Some(Queried { name, site: Site { range: param.range, ..function.site } })
    });
    let is_in_path = |name: &str| {
        let mut parameters = path.split('{').skip(1);
        parameters.any(|parameter| parameter.split(['}', ':']).next().is_some_and(|found| found == name))
    };
    queried.filter(|queried| !is_in_path(&queried.name)).collect()
}

/// What a parameter is called in the query.
fn name_in_query(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> Option<SmolStr> {
    if matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs)
        || dependency_of(interpreter, handler, param).is_some()
    {
        return None;
    }
    let annotation = param.annotation.as_ref()?;
    let default = param.default.as_ref().map(|default| interpreter.eval_signature(handler, default));
    let (ty, metadata) = match interpreter.eval_signature(handler, annotation) {
        Value::Annotated(annotated) => (annotated.ty.clone(), annotated.metadata.clone()),
        other => (other, Vec::new()),
    };
    // `str`, `str | None`, `Annotated[SecretStr, Query()]`; a list without a marker is a body.
    let is_text = mentions(annotation, "str") || mentions(annotation, "SecretStr");
    let is_list = mentions(annotation, "list") || mentions(annotation, "List") || mentions(annotation, "dict");
    if !is_text || is_list || matches!(ty, Value::Class(_)) {
        return None;
    }
    let name = &param.name.name;
    for marker in metadata.iter().chain(&default) {
        match marker {
            Value::Instance(instance) => {
                let Value::Package(package) = &instance.class else { return None };
                return match (package.rsplit('.').next(), instance.args.get("alias", None)) {
                    (Some("Query"), Some(Value::Str(alias))) => Some(alias.clone()),
                    (Some("Query"), None) => Some(name.clone()),
                    _ => None,
                };
            }
            // It is not known what is made there.
            Value::Unknown(_) => return None,
            marker if is_from_container(marker) => return None,
            _ => {}
        }
    }
    Some(name.clone())
}
