//! The dependency tree of a route, as FastAPI builds it (0.165,
//! `fastapi.dependencies.utils.get_dependant`).

use std::sync::Arc;

use smol_str::SmolStr;

use super::interpreter::{DependencyList, Interpreter, library_dependencies};
use super::value::{Arguments, ClassRef, Depends, FunctionRef, Resolve, Site, Unknown, Value};
use crate::facts::python::tree::{Assign, Expr, ExprKind, Param, Stmt, StmtKind};

/// Dependencies inside each other. The deepest real tree seen has 11 levels.
const MAX_DEPTH: u32 = 16;
/// Nodes of one tree.
pub(super) const MAX_NODES: usize = 400;

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

/// Trees in the making.
struct Tree<'t> {
    /// Parents before children.
    nodes: &'t mut Vec<Node>,
    /// Why there may be others, when there may.
    more: &'t mut Option<SmolStr>,
}

impl<'t> Tree<'t> {
    const fn of(nodes: &'t mut Vec<Node>, more: &'t mut Option<SmolStr>) -> Self {
        Self { nodes, more }
    }
}

/// The dependencies that a route gets from the routers above it and from itself.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Those that it has, parents before children.
    pub certain: Vec<Node>,
    /// Those that it has under a condition which could not be decided.
    pub perhaps: Vec<Node>,
    /// Why there may be others, when there may.
    pub more: Option<SmolStr>,
}

/// Appends the trees of a `dependencies=[…]` list.
pub fn expand_list(interpreter: &Interpreter<'_>, list: &DependencyList, via: Via, asked: &mut Asked) {
    if list.unknown.is_some() {
        asked.more.get_or_insert_with(|| "a list of dependencies is not known before run time".into());
    }
    for value in &list.known {
        match value {
            Value::Depends(depends) => expand(
                interpreter,
                depends,
                None,
                via,
                None,
                None,
                &mut Tree::of(&mut asked.certain, &mut asked.more),
                0,
            ),
            Value::Perhaps(value) if let Value::Depends(depends) = &**value => {
                let tree = &mut Tree::of(&mut asked.perhaps, &mut asked.more);
                expand(interpreter, depends, None, via, None, None, tree, 0);
            }
            _ => {
                asked.more.get_or_insert_with(|| "a dependency in a list could not be resolved".into());
            }
        }
    }
}

/// Appends the trees of a handler's parameters.
pub fn expand_handler(interpreter: &Interpreter<'_>, handler: &Value, Asked { certain, more, .. }: &mut Asked) {
    let tree = &mut Tree::of(certain, more);
    if let Value::Function(function) = handler
        && let Some(class) = &function.class
    {
        match makes_view(interpreter, class) {
            Some(true) => expand_view(interpreter, class, tree),
            Some(false) => {}
            None => {
                tree.more
                    .get_or_insert_with(|| format!("a decorator of `{}` could not be followed", class.qualname).into());
            }
        }
    }
    match (signature(interpreter, handler), handler) {
        (Some(signature), _) => parameters(interpreter, &signature, Via::Parameter, None, &[], tree, 0),
        (None, Value::Lambda(_) | Value::Class(_)) => {}
        // A route that a library is known to add: its dependencies were given with it.
        (None, Value::Package(path)) if path.contains(':') => {}
        _ => {
            tree.more.get_or_insert_with(|| "the handler could not be resolved".into());
        }
    }
}

/// The class of a class-based view, if the handler is a method of one.
fn view_class<'h>(interpreter: &Interpreter<'_>, handler: &'h FunctionRef) -> Option<&'h Arc<ClassRef>> {
    handler.class.as_ref().filter(|class| makes_view(interpreter, class) == Some(true))
}

/// Whether a class's own decorators make it a dependency of its methods, as
/// `fastapi_utils.cbv` does: by code that gives them a `__signature__`. `None`
/// when a package that is not known decorates it.
fn makes_view(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>) -> Option<bool> {
    let mut unknown = false;
    for decorator in &class.def.decorators {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        match interpreter.eval_around_class(class, callee) {
            Value::Package(path) if VIEW_DECORATORS.contains(&path.as_str()) => return Some(true),
            Value::Package(path) if path.starts_with("dataclasses.") || path.starts_with("functools.") => {}
            Value::Function(function) if gives_signatures(interpreter, &function) => return Some(true),
            Value::Function(_) | Value::Class(_) => {}
            _ => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

/// Class decorators of packages that make views (fastapi-utils 0.8,
/// fastapi-restful 0.6, fastapi-class 3).
const VIEW_DECORATORS: &[&str] = &[
    "fastapi_utils.cbv.cbv",
    "fastapi_restful.cbv.cbv",
    "fastapi_utils.cbv",
    "fastapi_restful.cbv",
    "fastapi_class.View",
];

/// Functions that a decorator calls, and that are looked into.
const MAX_HELPERS: usize = 8;

/// Whether a decorator, or a function that it calls, sets a `__signature__`.
fn gives_signatures(interpreter: &Interpreter<'_>, decorator: &Arc<FunctionRef>) -> bool {
    let mut pending = vec![Arc::clone(decorator)];
    let mut seen: Vec<Site> = Vec::new();
    while let Some(function) = pending.pop() {
        if seen.contains(&function.site) || seen.len() >= MAX_HELPERS {
            continue;
        }
        seen.push(function.site);
        interpreter.note_body(function.site);
        let current = interpreter.current(&function);
        let mut stmts: Vec<&Stmt> = current.def.body.iter().collect();
        while let Some(stmt) = stmts.pop() {
            let mut exprs: Vec<&Expr> = Vec::new();
            match &stmt.kind {
                StmtKind::Function(def) => stmts.extend(&def.body),
                StmtKind::Assign(assign) => exprs.extend(assign.targets.iter().chain(&assign.value)),
                StmtKind::Expr(value) | StmtKind::Return(Some(value)) => exprs.push(value),
                StmtKind::If { body, or_else, .. } | StmtKind::For { body, or_else, .. } => {
                    stmts.extend(body.iter().chain(or_else));
                }
                StmtKind::With { body, .. } | StmtKind::Try { body, .. } => stmts.extend(body),
                _ => {}
            }
            while let Some(expr) = exprs.pop() {
                match &expr.kind {
                    ExprKind::Attribute { name, .. } if name.name == "__signature__" => return true,
                    ExprKind::Str(text) if text == "__signature__" => return true,
                    ExprKind::Call { func, .. } => {
                        if let Value::Function(helper) = interpreter.eval(&current, func) {
                            pending.push(helper);
                        }
                    }
                    _ => {}
                }
                exprs.extend(expr.children());
            }
        }
    }
    false
}

/// The class of a view is a dependency of its methods; its own dependencies are
/// the parameters of `__init__`, and `x: T = Depends(f)` in its body and its bases.
fn expand_view(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, tree: &mut Tree<'_>) {
    let site = class.site;
    let depends = Depends { dependency: Some(Value::Class(Arc::clone(class))), scopes: Vec::new(), site };
    let parent = tree.nodes.len();
    expand(interpreter, &depends, None, Via::Parameter, None, None, tree, 0);
    for class in interpreter.linearised(class) {
        for stmt in &class.def.body {
            let StmtKind::Assign(assign) = &stmt.kind else { continue };
            let Some(name) = assign.targets.first().and_then(|target| target.as_name()) else { continue };
            if let Some(depends) = attribute_dependency(interpreter, &class, name, assign) {
                let (depends, ty) = depends;
                expand(interpreter, &depends, ty.as_ref(), Via::Nested, Some(parent), Some(name), tree, 1);
            }
        }
    }
}

/// The dependency of a class variable: `x: T = Depends(f)`, `x: Annotated[T, Depends(f)]`.
fn attribute_dependency(
    interpreter: &Interpreter<'_>,
    class: &Arc<ClassRef>,
    name: &SmolStr,
    assign: &Assign,
) -> Option<(Arc<Depends>, Option<Value>)> {
    let annotation = assign.annotation.as_ref().map(|annotation| interpreter.eval_in_class(class, annotation));
    let value = assign.value.as_ref().and_then(|_| interpreter.class_attribute(class, name));
    injected(annotation, value)
}

/// A function as FastAPI reads its signature: without the parameters that are
/// bound already.
struct Signature {
    function: FunctionRef,
    skip: usize,
    bound: Vec<SmolStr>,
}

fn signature(interpreter: &Interpreter<'_>, callable: &Value) -> Option<Signature> {
    if let Some(arguments) = partial_arguments(callable) {
        let (inner, given) = arguments.positional.split_first()?;
        // A partial of a partial adds up.
        let mut signature = match interpreter.force(inner.clone()) {
            inner if partial_arguments(&inner).is_none() => signature(interpreter, &inner)?,
            inner => {
                let (function, skip) = called(interpreter, &inner)?;
                Signature { function, skip, bound: Vec::new() }
            }
        };
        signature.skip += given.len();
        signature.bound.extend(arguments.named.iter().map(|(name, _)| name.clone()));
        return Some(signature);
    }
    let (function, skip) = called(interpreter, callable)?;
    // The first parameter of a view's method is the view itself.
    let view = matches!(callable, Value::Function(function) if view_class(interpreter, function).is_some());
    Some(Signature { function, skip: skip + usize::from(view), bound: Vec::new() })
}

/// The arguments of `functools.partial(f, …)`.
fn partial_arguments(callable: &Value) -> Option<&Arguments> {
    match callable {
        Value::Instance(instance) => match &instance.class {
            Value::Package(path) if path == "functools.partial" => Some(&instance.args),
            _ => None,
        },
        _ => None,
    }
}

/// What `functools.partial(f, …)` calls in the end; any other value itself.
pub fn unwrap_partial(interpreter: &Interpreter<'_>, callable: &Value) -> Value {
    let mut callable = callable.clone();
    for _ in 0..MAX_DEPTH {
        match partial_arguments(&callable).and_then(|arguments| arguments.positional.first()) {
            Some(inner) => callable = interpreter.force(inner.clone()),
            None => break,
        }
    }
    callable
}

fn parameters(
    interpreter: &Interpreter<'_>,
    signature: &Signature,
    via: Via,
    parent: Option<usize>,
    scopes: &[SmolStr],
    tree: &mut Tree<'_>,
    depth: u32,
) {
    let Signature { function, skip, bound } = signature;
    for param in function.def.params.iter().skip(*skip).filter(|param| !bound.contains(&param.name.name)) {
        let annotation = annotation_of(interpreter, function, param);
        let lost = annotation
            .as_ref()
            .filter(|_| param.default.is_none())
            .and_then(|value| lost(interpreter, function, param, value));
        if let Some((depends, ty)) = injected(annotation, default_of(interpreter, function, param)) {
            let mut depends = (*depends).clone();
            depends.scopes.splice(0..0, scopes.iter().cloned());
            expand(interpreter, &depends, ty.as_ref(), via, parent, Some(&param.name.name), tree, depth);
        } else if let Some(name) = lost {
            tree.more.get_or_insert_with(|| {
                format!("`{name}`, which `{}` asks for, could not be found", function.shown()).into()
            });
        }
    }
}

/// The dependency that a parameter asks for: `Depends` as its default, else
/// the last `Depends` in the metadata of its annotation.
pub fn dependency_of(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    param: &Param,
) -> Option<(Arc<Depends>, Option<Value>)> {
    injected(annotation_of(interpreter, function, param), default_of(interpreter, function, param))
}

fn annotation_of(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> Option<Value> {
    param.annotation.as_ref().map(|annotation| interpreter.eval_signature(function, annotation))
}

fn default_of(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> Option<Value> {
    param.default.as_ref().map(|default| interpreter.eval_signature(function, default))
}

/// The name that stands for a parameter's annotation, where the project should bind it and nothing does: it may be that of
/// an `Annotated[…, Depends(…)]`.
fn lost<'p>(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    param: &'p Param,
    annotation: &Value,
) -> Option<&'p SmolStr> {
    let Value::Unknown(Unknown::Import(_) | Unknown::Unbound(_)) = annotation else { return None };
    let ExprKind::Name(name) = &param.annotation.as_ref()?.kind else { return None };
    let is_type = interpreter.for_type_checkers(function.site.file, name).is_some();
    (!is_type).then_some(name)
}

/// What FastAPI calls for an annotation, if that alone asks for something.
pub fn called_for(interpreter: &Interpreter<'_>, annotation: Value) -> Option<Value> {
    let (depends, ty) = injected(Some(annotation), None)?;
    let callable = depends.dependency.clone().or(ty)?;
    Some(unwrap_partial(interpreter, &interpreter.force(callable)))
}

fn injected(annotation: Option<Value>, default: Option<Value>) -> Option<(Arc<Depends>, Option<Value>)> {
    let (ty, metadata) = match annotation {
        Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), Some(annotated)),
        other => (other, None),
    };
    if let Some(Value::Depends(depends)) = default {
        return Some((depends, ty));
    }
    let annotated = metadata?;
    let depends = annotated.metadata.iter().rev().find_map(|value| match value {
        Value::Depends(depends) => Some(Arc::clone(depends)),
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
    tree: &mut Tree<'_>,
    depth: u32,
) {
    if depth >= MAX_DEPTH || tree.nodes.len() >= MAX_NODES {
        return;
    }
    let unknown = Value::Unknown(Unknown::Unsupported);
    let callable = depends.dependency.clone().or_else(|| ty.cloned()).unwrap_or(unknown);
    let callable = interpreter.force(callable);
    let signature = signature(interpreter, &callable);
    let callable = unwrap_partial(interpreter, &callable);
    let index = tree.nodes.len();
    tree.nodes.push(Node {
        callable: callable.clone(),
        via,
        parent,
        scopes: depends.scopes.clone(),
        site: depends.site,
        parameter: parameter.cloned(),
    });
    if let Some(signature) = signature {
        parameters(interpreter, &signature, Via::Nested, Some(index), &depends.scopes, tree, depth + 1);
    }
    for dependency in library_dependencies(interpreter, &callable) {
        let depends = Depends { dependency: Some(dependency), scopes: Vec::new(), site: depends.site };
        expand(interpreter, &depends, None, Via::Nested, Some(index), None, tree, depth + 1);
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

/// What tells one callable from another.
pub fn definition_site(callable: &Value) -> Option<Site> {
    match callable {
        Value::Function(function) => Some(function.site),
        Value::Class(class) => Some(class.site),
        Value::Instance(instance) => Some(instance.site),
        _ => None,
    }
}
