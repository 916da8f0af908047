//! What looks like a guard and is none, because FastAPI never sees it.
//!
//! FastAPI takes a dependency from a parameter's default, or from the metadata
//! of `Annotated` at the top of its annotation (0.165,
//! `fastapi.dependencies.utils.analyze_param`). In every other place it is not
//! called, and the parameter is filled from the request.

use smol_str::SmolStr;

use super::decorators;
use super::sources::is_scheme;
use super::{Judge, Proof};
use crate::facts::python::idioms::uses;
use crate::facts::python::tree::{Expr, ExprKind, Param};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Resolve, Site, Value, is_from_container};

/// A guard that is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapplied {
    /// How it is written.
    pub form: Form,
    /// Where: the parameter, or the decorator.
    pub site: Site,
    /// The verifying dependency or decorator.
    pub name: SmolStr,
}

/// The forms in which a guard is written and not applied. Each was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `user: CurrentUser | None`: the metadata is not at the top.
    InUnion,
    /// `user: User = current_user`: a default that is no `Depends`.
    BareDefault,
    /// `user: Annotated[User, current_user]`.
    BareMetadata,
    /// An alias that is imported only under `TYPE_CHECKING`, with a default.
    TypeCheckingOnly,
    /// A decorator above the route's: FastAPI registers what is below.
    DecoratorAbove,
}

/// The guard that a route's handler was meant to have.
pub(super) fn find(judge: &Judge<'_>, interpreter: &Interpreter<'_>, route: &Route) -> Option<Unapplied> {
    let handler = route.function()?;
    let handler = interpreter.current(handler);
    let in_signature = handler.def.params.iter().find_map(|param| {
        let (form, name) = of_parameter(judge, interpreter, &handler, param)?;
        Some(Unapplied { form, site: Site { range: param.range, ..handler.site }, name })
    });
    in_signature.or_else(|| {
        let (decorator, name) = decorators::verifying_above(judge, &handler, route.registration)?;
        Some(Unapplied { form: Form::DecoratorAbove, site: Site { range: decorator, ..handler.site }, name })
    })
}

/// A parameter that code takes for what a guard gives, and that the client fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The guard that is not applied.
    pub(crate) unapplied: Unapplied,
    /// The parameter.
    pub(crate) parameter: SmolStr,
}

/// The parameter of a handler that its body takes for the caller, and that the client fills, whatever else guards the route.
pub(crate) fn filled(judge: &Judge<'_>, interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<Filled> {
    let handler = interpreter.current(handler);
    handler.def.params.iter().filter(|param| uses(&handler.def.body, &param.name.name)).find_map(|param| {
        let (form, name) = of_parameter(judge, interpreter, &handler, param)?;
        let unapplied = Unapplied { form, site: Site { range: param.range, ..handler.site }, name };
        (form != Form::TypeCheckingOnly).then(|| Filled { unapplied, parameter: param.name.name.clone() })
    })
}

/// The parameter of a function that names a security scheme in `Annotated`, without `Depends`: the client fills it.
pub(crate) fn bare_scheme(interpreter: &Interpreter<'_>, function: &FunctionRef) -> Option<Filled> {
    let function = interpreter.current(function);
    function.def.params.iter().find_map(|param| {
        let annotation = param.annotation.as_ref()?;
        let Value::Annotated(annotated) = interpreter.eval_signature(&function, annotation) else { return None };
        let is_text = matches!(&annotated.ty, Value::Package(path) if path == "builtins.str");
        let by_default = param.default.as_ref().map(|default| interpreter.eval_signature(&function, default));
        let mut given = annotated.metadata.iter().chain(&by_default);
        // What else stands there may say where the parameter comes from.
        let scheme = annotated.metadata.iter().find_map(scheme).filter(|_| is_text)?;
        let unapplied =
            Unapplied { form: Form::BareMetadata, site: Site { range: param.range, ..function.site }, name: scheme };
        let is_injected = given.any(|value| matches!(value, Value::Depends(_)) || is_from_container(value));
        (!is_injected).then(|| Filled { unapplied, parameter: param.name.name.clone() })
    })
}

/// The name of the class of a security scheme of FastAPI's.
fn scheme(value: &Value) -> Option<SmolStr> {
    let Value::Instance(instance) = value else { return None };
    matches!(&instance.class, Value::Package(path) if is_scheme(path)).then(|| name_of(value))
}

fn of_parameter(
    judge: &Judge<'_>,
    interpreter: &Interpreter<'_>,
    handler: &FunctionRef,
    param: &Param,
) -> Option<(Form, SmolStr)> {
    if let Some(default) = &param.default
        && let Some(name) = verifier(judge, &interpreter.eval_signature(handler, default))
    {
        return Some((Form::BareDefault, name));
    }
    let annotation = param.annotation.as_ref()?;
    match interpreter.eval_signature(handler, annotation) {
        Value::Annotated(annotated) => {
            let name = annotated.metadata.iter().find_map(|metadata| verifier(judge, metadata))?;
            let asked = annotated.metadata.iter().any(|metadata| matches!(metadata, Value::Depends(_)));
            (!asked).then_some((Form::BareMetadata, name))
        }
        _ => {
            let parts = union_members(annotation);
            let in_union = parts.into_iter().find_map(|part| asked(judge, &interpreter.eval_signature(handler, part)));
            if let Some(name) = in_union {
                return Some((Form::InUnion, name));
            }
            let name = annotation.as_name().filter(|_| param.default.is_some())?;
            let value = interpreter.for_type_checkers(handler.site.file, name)?;
            Some((Form::TypeCheckingOnly, asked(judge, &value)?))
        }
    }
}

/// The name of a project function that verifies callers.
fn verifier(judge: &Judge<'_>, value: &Value) -> Option<SmolStr> {
    let Value::Function(function) = value else { return None };
    (judge.dependency(value).proof == Proof::Verifies).then(|| function.shown().into())
}

/// The verifying dependency that an alias asks for.
fn asked(judge: &Judge<'_>, value: &Value) -> Option<SmolStr> {
    let Value::Annotated(annotated) = value else { return None };
    annotated.metadata.iter().find_map(|metadata| match metadata {
        Value::Depends(depends) => {
            let callable = depends.dependency.as_ref()?;
            (judge.dependency(callable).proof == Proof::Verifies).then(|| name_of(callable))
        }
        _ => None,
    })
}

pub(super) fn name_of(callable: &Value) -> SmolStr {
    match callable {
        Value::Function(function) => function.shown().into(),
        Value::Class(class) => class.qualname.clone(),
        Value::Bound(bound) => bound.1.shown().into(),
        Value::Instance(instance) => name_of(&instance.class),
        Value::Package(path) => path.rsplit('.').next().unwrap_or(path).into(),
        _ => "the dependency".into(),
    }
}

/// The members of `A | B`, `Optional[A]`, `Union[A, B]`; none for other types.
pub(crate) fn union_members(annotation: &Expr) -> Vec<&Expr> {
    let mut members = Vec::new();
    let mut pending = vec![(annotation, false)];
    while let Some((expr, inside)) = pending.pop() {
        match &expr.kind {
            ExprKind::Binary { op, left, right } if op == "|" => pending.extend([(&**left, true), (&**right, true)]),
            ExprKind::Subscript { value, index } if is_union(value) => match &index.kind {
                ExprKind::Tuple(parts) => pending.extend(parts.iter().map(|part| (part, true))),
                _ => pending.push((index, true)),
            },
            _ if inside => members.push(expr),
            _ => {}
        }
    }
    members
}

fn is_union(expr: &Expr) -> bool {
    let name = match &expr.kind {
        ExprKind::Name(name) => name,
        ExprKind::Attribute { name, .. } => &name.name,
        _ => return false,
    };
    matches!(name.as_str(), "Optional" | "Union")
}
