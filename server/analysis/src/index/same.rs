//! Whether two values are the same, seen from before and after an edit.
//!
//! Values share what they are made of, and a definition that an edit did not
//! touch is one and the same object afterwards. In doubt two are not the same.

use std::sync::Arc;

use smol_str::SmolStr;

use super::dependencies::Node;
use super::interpreter::Router;
use super::routes::{Middleware, Route};
use super::value::{Arguments, Attributes, ClassRef, Depends, Frame, FunctionRef, Instance, Unknown, Value};
use crate::facts::python::outline::same_class;

/// Values inside each other that are compared.
const MAX_DEPTH: u32 = 8;

/// Whether two values are surely the same, for whoever looks at definitions
/// and never executes them.
pub fn same(a: &Value, b: &Value) -> bool {
    Comparison::default().values(a, b)
}

/// Whether FastAPI does the same for two routes until the handler is called,
/// and calls the same one.
pub fn same_route(a: &Route, b: &Route) -> bool {
    let how = |route: &Route| {
        (route.kind, route.injects, route.registration, (route.path_known, route.end_known), route.conditional)
    };
    how(a) == how(b)
        && (&a.path, &a.methods, &a.more) == (&b.path, &b.methods, &b.more)
        && same(&a.handler, &b.handler)
        && same_dependencies(&a.dependencies, &b.dependencies)
        && same_dependencies(&a.perhaps, &b.perhaps)
}

fn same_dependencies(a: &[Node], b: &[Node]) -> bool {
    let place = |node: &Node| (node.parent, node.via, node.site);
    let are_same = |(a, b): (&Node, &Node)| {
        place(a) == place(b) && (&a.parameter, &a.scopes) == (&b.parameter, &b.scopes) && same(&a.callable, &b.callable)
    };
    a.len() == b.len() && a.iter().zip(b).all(are_same)
}

/// Whether two routers were made with the same.
pub fn same_router(a: &Router, b: &Router) -> bool {
    let how = |router: &Router| (router.kind, router.site, router.attributes.len());
    let same_class = both(&a.class, &b.class, |a, b| Comparison::default().classes(a, b));
    let same_attribute = |(name, a): (&SmolStr, &Value)| b.attributes.get(name).is_some_and(|b| same(a, b));
    how(a) == how(b)
        && a.tags == b.tags
        && same_class
        && same(&a.prefix, &b.prefix)
        && a.dependencies.unknown == b.dependencies.unknown
        && both(&a.oauth2_redirect, &b.oauth2_redirect, same)
        && Comparison::default().lists(&a.dependencies.known, &b.dependencies.known)
        && a.attributes.iter().all(same_attribute)
}

/// Whether two things are the same, each of which may not be there.
pub fn both<'o, T: 'o>(
    a: impl Into<Option<&'o T>>,
    b: impl Into<Option<&'o T>>,
    same: impl FnOnce(&T, &T) -> bool,
) -> bool {
    match (a.into(), b.into()) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Whether two middlewares are the same class or function, made with the same arguments.
pub fn same_middleware(a: &Middleware, b: &Middleware) -> bool {
    (a.site, a.depth, a.inherited, a.conditional) == (b.site, b.depth, b.inherited, b.conditional)
        && same(&a.what, &b.what)
        && Comparison::default().arguments(&a.arguments, &b.arguments)
}

/// A comparison of values that may hold each other in circles.
#[derive(Default)]
struct Comparison {
    depth: u32,
    /// Classes that are being compared: what holds them again, as a decorated method does, decides nothing.
    classes: Vec<(*const ClassRef, *const ClassRef)>,
}

impl Comparison {
    fn values(&mut self, a: &Value, b: &Value) -> bool {
        if self.depth >= MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        let same = match (a, b) {
            (Value::Unknown(Unknown::OrNone(a)), Value::Unknown(Unknown::OrNone(b))) => self.values(&a.0, &b.0),
            (Value::Unknown(a), Value::Unknown(b)) => a == b,
            (Value::None, Value::None) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Str(a), Value::Str(b)) | (Value::Package(a), Value::Package(b)) => a == b,
            (Value::Namespace(a), Value::Namespace(b)) => a == b,
            (Value::Module(a), Value::Module(b)) => a == b,
            (Value::Lazy(a), Value::Lazy(b)) => a == b,
            (Value::Lambda(a), Value::Lambda(b)) => a == b,
            (Value::Router(a), Value::Router(b)) | (Value::RouteList(a), Value::RouteList(b)) => a == b,
            (Value::RouterMethod(a, method), Value::RouterMethod(b, other)) => a == b && method == other,
            (Value::List(a), Value::List(b)) => self.lists(a, b),
            (Value::Dict(a), Value::Dict(b)) => {
                let pair = |this: &mut Self, a: &(Value, Value), b: &(Value, Value)| {
                    this.values(&a.0, &b.0) && this.values(&a.1, &b.1)
                };
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| pair(self, a, b))
            }
            (Value::Record(a), Value::Record(b)) => self.named(a, b),
            (Value::Function(a), Value::Function(b)) => self.functions(a, b),
            (Value::Class(a), Value::Class(b)) => self.classes(a, b),
            (Value::Instance(a), Value::Instance(b)) => self.instances(a, b),
            (Value::Bound(a), Value::Bound(b)) => self.values(&a.0, &b.0) && self.functions(&a.1, &b.1),
            (Value::Super(a), Value::Super(b)) => self.values(&a.0, &b.0) && self.classes(&a.1, &b.1),
            (Value::RouteDecorator(a), Value::RouteDecorator(b)) => {
                (a.router, &a.method, a.site) == (b.router, &b.method, b.site) && self.arguments(&a.args, &b.args)
            }
            (Value::Depends(a), Value::Depends(b)) => self.depends(a, b),
            (Value::Annotated(a), Value::Annotated(b)) => {
                self.values(&a.ty, &b.ty) && self.lists(&a.metadata, &b.metadata)
            }
            (Value::Alias(a), Value::Alias(b))
            | (Value::ByDefault(a), Value::ByDefault(b))
            | (Value::Perhaps(a), Value::Perhaps(b)) => self.values(a, b),
            _ => false,
        };
        self.depth -= 1;
        same
    }

    fn lists(&mut self, a: &[Value], b: &[Value]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.values(a, b))
    }

    fn named<N: PartialEq>(&mut self, a: &[(N, Value)], b: &[(N, Value)]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|((name, a), (other, b))| name == other && self.values(a, b))
    }

    fn arguments(&mut self, a: &Arguments, b: &Arguments) -> bool {
        a.open_ended == b.open_ended && self.lists(&a.positional, &b.positional) && self.named(&a.named, &b.named)
    }

    fn functions(&mut self, a: &Arc<FunctionRef>, b: &Arc<FunctionRef>) -> bool {
        Arc::ptr_eq(a, b)
            || ((Arc::ptr_eq(&a.def, &b.def) || a.def == b.def)
                && a.site == b.site
                && both(&a.class, &b.class, |a, b| self.classes(a, b))
                && self.closures(&a.closure, &b.closure)
                && self.wrappers(&a.wrappers, &b.wrappers))
    }

    fn wrappers(&mut self, a: &[Vec<Arc<FunctionRef>>], b: &[Vec<Arc<FunctionRef>>]) -> bool {
        let same = |this: &mut Self, a: &[Arc<FunctionRef>], b: &[Arc<FunctionRef>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| this.functions(a, b))
        };
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(self, a, b))
    }

    fn classes(&mut self, a: &Arc<ClassRef>, b: &Arc<ClassRef>) -> bool {
        let pair = (Arc::as_ptr(a), Arc::as_ptr(b));
        if Arc::ptr_eq(a, b) || self.classes.contains(&pair) {
            return true;
        }
        self.classes.push(pair);
        let same = same_class(&a.def, &b.def)
            && a.site == b.site
            && self.lists(&a.bases, &b.bases)
            && self.closures(&a.closure, &b.closure)
            && self.attributes(&a.attributes, &b.attributes);
        self.classes.pop();
        same
    }

    fn instances(&mut self, a: &Arc<Instance>, b: &Arc<Instance>) -> bool {
        Arc::ptr_eq(a, b)
            || (a.site == b.site
                && self.values(&a.class, &b.class)
                && self.arguments(&a.args, &b.args)
                && self.attributes(&a.attributes, &b.attributes))
    }

    fn attributes(&mut self, a: &Attributes, b: &Attributes) -> bool {
        self.named(&a.all(), &b.all())
    }

    fn closures(&mut self, a: &[Arc<Frame>], b: &[Arc<Frame>]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b) || self.named(&a.vars, &b.vars))
    }

    fn depends(&mut self, a: &Depends, b: &Depends) -> bool {
        a.site == b.site && a.scopes == b.scopes && both(&a.dependency, &b.dependency, |a, b| self.values(a, b))
    }
}
