//! The dependency tree of a route, as FastAPI builds it (0.165,
//! `fastapi.dependencies.utils.get_dependant`).

use smol_str::SmolStr;

use super::interpreter::{DependencyList, Interpreter};
use super::value::{Depends, FunctionRef, Resolve, Site, Value};
use crate::facts::python::tree::{Param, StmtKind};

/// Dependencies inside each other. The deepest real tree seen has 11 levels.
const MAX_DEPTH: u32 = 16;
/// Nodes of one tree.
const MAX_NODES: usize = 400;

/// What contributed a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// `FastAPI(dependencies=…)`.
    Application,
    /// `include_router(dependencies=…)`.
    Include,
    /// `APIRouter(dependencies=…)`.
    Router,
    /// `dependencies=…` of the registration.
    Decorator,
    /// A parameter of the handler.
    Parameter,
    /// A parameter of another dependency.
    Nested,
}

impl Via {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Include => "include",
            Self::Router => "router",
            Self::Decorator => "decorator",
            Self::Parameter => "param",
            Self::Nested => "nested",
        }
    }
}

/// A dependency in a route's tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// What FastAPI calls.
    pub callable: Value,
    /// What contributed it.
    pub via: Via,
    /// Index of the dependency that it is a parameter of.
    pub parent: Option<usize>,
    /// Accumulated security scopes.
    pub scopes: Vec<SmolStr>,
    /// Where the `Depends(…)` stands.
    pub site: Site,
    /// The handler's or dependency's parameter.
    pub parameter: Option<SmolStr>,
}

/// Appends the trees of a `dependencies=[…]` list.
pub fn expand_list(
    interpreter: &Interpreter<'_>,
    list: &DependencyList,
    via: Via,
    nodes: &mut Vec<Node>,
    more: &mut Option<SmolStr>,
) {
    if list.unknown.is_some() {
        more.get_or_insert_with(|| "a list of dependencies is not known before run time".into());
    }
    for value in &list.known {
        match value {
            Value::Depends(depends) => expand(interpreter, depends, None, via, None, None, nodes, 0),
            _ => {
                more.get_or_insert_with(|| "a dependency in a list could not be resolved".into());
            }
        }
    }
}

/// Appends the trees of a handler's parameters.
pub fn expand_handler(
    interpreter: &Interpreter<'_>,
    handler: &Value,
    nodes: &mut Vec<Node>,
    more: &mut Option<SmolStr>,
) {
    match handler {
        Value::Function(function) => {
            if let Some(class) = &function.class {
                class_attributes(interpreter, class, nodes);
            }
            parameters(interpreter, function, 0, Via::Parameter, None, &[], nodes, 0);
        }
        Value::Bound(bound) => parameters(interpreter, &bound.1, 1, Via::Parameter, None, &[], nodes, 0),
        Value::Instance(instance) => {
            if let Value::Class(class) = &instance.class
                && let Some(call) = interpreter.method(class, "__call__")
            {
                parameters(interpreter, &call, 1, Via::Parameter, None, &[], nodes, 0);
            }
        }
        Value::Lambda(_) | Value::Class(_) => {}
        _ => {
            more.get_or_insert_with(|| "the handler could not be resolved".into());
        }
    }
}

/// `x: T = Depends(f)` in the body of a class-based view and its bases.
fn class_attributes(interpreter: &Interpreter<'_>, class: &super::value::ClassRef, nodes: &mut Vec<Node>) {
    for class in interpreter.linearised(class) {
        for stmt in &class.def.body {
            let StmtKind::Assign(assign) = &stmt.kind else { continue };
            let Some(name) = assign.targets.first().and_then(|target| target.as_name()) else { continue };
            let value = assign.value.as_ref().and_then(|_| interpreter.class_attribute(&class, name));
            if let Some(Value::Depends(depends)) = value {
                expand(interpreter, &depends, None, Via::Parameter, None, Some(name), nodes, 0);
            }
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "the position in the tree, spelled out")]
fn parameters(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    skip: usize,
    via: Via,
    parent: Option<usize>,
    scopes: &[SmolStr],
    nodes: &mut Vec<Node>,
    depth: u32,
) {
    for param in function.def.params.iter().skip(skip) {
        if let Some((depends, ty)) = dependency_of(interpreter, function, param) {
            let mut depends = (*depends).clone();
            depends.scopes.splice(0..0, scopes.iter().cloned());
            expand(interpreter, &depends, ty.as_ref(), via, parent, Some(&param.name.name), nodes, depth);
        }
    }
}

/// The dependency that a parameter asks for: `Depends` as its default, else
/// the last `Depends` in the metadata of its annotation.
pub fn dependency_of(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    param: &Param,
) -> Option<(std::sync::Arc<Depends>, Option<Value>)> {
    let annotation = param.annotation.as_ref().map(|annotation| interpreter.eval_signature(function, annotation));
    let (ty, metadata) = match annotation {
        Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), Some(annotated)),
        other => (other, None),
    };
    if let Some(default) = &param.default
        && let Value::Depends(depends) = interpreter.eval_signature(function, default)
    {
        return Some((depends, ty));
    }
    let annotated = metadata?;
    let depends = annotated.metadata.iter().rev().find_map(|value| match value {
        Value::Depends(depends) => Some(std::sync::Arc::clone(depends)),
        _ => None,
    })?;
    Some((depends, ty))
}

#[allow(clippy::too_many_arguments, reason = "the position in the tree, spelled out")]
fn expand(
    interpreter: &Interpreter<'_>,
    depends: &Depends,
    ty: Option<&Value>,
    via: Via,
    parent: Option<usize>,
    parameter: Option<&SmolStr>,
    nodes: &mut Vec<Node>,
    depth: u32,
) {
    if depth >= MAX_DEPTH || nodes.len() >= MAX_NODES {
        return;
    }
    let unknown = Value::Unknown(super::value::Unknown::Unsupported);
    let callable = depends.dependency.clone().or_else(|| ty.cloned()).unwrap_or(unknown);
    let callable = unwrap_partial(interpreter.force(callable));
    let index = nodes.len();
    nodes.push(Node {
        callable: callable.clone(),
        via,
        parent,
        scopes: depends.scopes.clone(),
        site: depends.site,
        parameter: parameter.cloned(),
    });
    if let Some((function, skip)) = called(interpreter, &callable) {
        parameters(interpreter, &function, skip, Via::Nested, Some(index), &depends.scopes, nodes, depth + 1);
    }
}

/// The function whose parameters FastAPI reads when it calls `callable`, and
/// how many of them are bound already.
pub fn called(interpreter: &Interpreter<'_>, callable: &Value) -> Option<(FunctionRef, usize)> {
    match callable {
        Value::Function(function) => Some((FunctionRef::clone(function), 0)),
        Value::Bound(bound) => Some((FunctionRef::clone(&bound.1), 1)),
        Value::Class(class) => interpreter.method(class, "__init__").map(|init| (FunctionRef::clone(&init), 1)),
        Value::Instance(instance) => match &instance.class {
            Value::Class(class) => interpreter.method(class, "__call__").map(|call| (FunctionRef::clone(&call), 1)),
            _ => None,
        },
        _ => None,
    }
}

/// `functools.partial(f, …)` calls `f`.
fn unwrap_partial(callable: Value) -> Value {
    if let Value::Instance(instance) = &callable
        && let Value::Package(path) = &instance.class
        && path == "functools.partial"
        && let Some(inner) = instance.args.positional.first()
    {
        return inner.clone();
    }
    callable
}
