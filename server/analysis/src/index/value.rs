//! Values of the route interpreter: what a name or expression is known to be.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;

use super::looked_at::{LookedAt, RestsOn};
use crate::facts::python::tree::{Class, Expr, Function};
use crate::text::TextRange;
use crate::vfs::FileId;
use crate::vfs::Location;

/// A place in a file that survives edits above it: an item and a range
/// relative to that item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The file.
    pub file: FileId,
    /// Index of the top-level item.
    pub item: u32,
    /// Range relative to the item.
    pub range: TextRange,
}

/// Why a value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// A parameter or local variable of a function that was not executed.
    Local,
    /// A name that nothing in reach binds.
    Unbound(SmolStr),
    /// A module of the project that could not be found or read, or a name that it lacks.
    Import(SmolStr),
    /// Several assignments give different values.
    Ambiguous,
    /// An expression that the interpreter does not follow.
    Unsupported,
    /// The bound on steps or depth was reached.
    Bound,
    /// Either an object or `None`: `client = Client(KEY) if KEY else None`. Conditions on it are open, and what is asked of it
    /// is asked of the object.
    OrNone(Held),
}

/// An object inside of a value that is not known as a whole.
#[derive(Debug, Clone)]
pub struct Held(pub Arc<Value>);

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Held {}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// A function or method of the project.
#[derive(Debug, Clone)]
pub struct FunctionRef {
    /// Its definition.
    pub def: Arc<Function>,
    /// Where its name stands.
    pub site: Site,
    /// Dotted module name.
    pub module: SmolStr,
    /// Qualified name (`Class.method`, `outer.<locals>.inner`).
    pub qualname: SmolStr,
    /// Whether the function that it is defined in gives it out: `require_role` gives its `checker`.
    pub is_given: bool,
    /// The class, for a method.
    pub class: Option<Arc<ClassRef>>,
    /// Variables of enclosing functions, innermost last, when it is a closure.
    pub closure: Vec<Arc<Frame>>,
    /// What calls put around it that hands its signature on (`functools.wraps`),
    /// innermost first. Several are alternatives, where a condition decided
    /// between them that is not known.
    pub wrappers: Vec<Vec<Arc<FunctionRef>>>,
}

impl FunctionRef {
    /// What the project calls it where it uses it: what a function gives out goes by the name of that function.
    pub fn shown(&self) -> &str {
        const INSIDE: &str = ".<locals>.";
        // Most are in none: a search for a word costs more than one for a letter.
        if !self.qualname.contains('>') {
            return &self.qualname;
        }
        let outer = self.qualname.rsplit_once(INSIDE).filter(|_| self.is_given).map(|(outer, _)| outer);
        let name = outer.unwrap_or(&self.qualname);
        name.rsplit_once(INSIDE).map_or(name, |(_, own)| own)
    }

    /// Whether its first parameter is the object or class that it is a method of.
    pub fn takes_receiver(&self) -> bool {
        let is_static = |decorator: &Expr| decorator.as_name().is_some_and(|name| name == "staticmethod");
        self.class.is_some() && !self.def.params.is_empty() && !self.def.decorators.iter().any(is_static)
    }
}

/// Variables of one executed function body.
#[derive(Debug, Default)]
pub struct Frame {
    /// Values by name, as they were when the body had been executed.
    pub vars: Vec<(SmolStr, Value)>,
}

/// A class of the project.
#[derive(Debug, Clone)]
pub struct ClassRef {
    /// Its definition.
    pub def: Arc<Class>,
    /// Where its name stands.
    pub site: Site,
    /// Dotted module name.
    pub module: SmolStr,
    /// Qualified name.
    pub qualname: SmolStr,
    /// Values of its bases, in order.
    pub bases: Vec<Value>,
    /// Variables of enclosing functions, for a class made in a function.
    pub closure: Vec<Arc<Frame>>,
    /// Variables of the class body, when it was executed, and what was
    /// assigned to the class afterwards.
    pub attributes: Arc<Attributes>,
}

/// Evaluated arguments of a call.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// Positional arguments.
    pub positional: Vec<Value>,
    /// Keyword arguments.
    pub named: Vec<(SmolStr, Value)>,
    /// Whether a `*` or `**` argument could not be expanded.
    pub open_ended: bool,
}

impl Arguments {
    /// The value of the keyword `name`, or of the positional parameter at `position`.
    pub fn get(&self, name: &str, position: Option<usize>) -> Option<&Value> {
        self.named
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
            .or_else(|| position.and_then(|at| self.positional.get(at)))
    }
}

/// The result of calling a class: a project class, or a package's callable.
#[derive(Debug)]
pub struct Instance {
    /// [`Value::Class`] or [`Value::Package`].
    pub class: Value,
    /// Arguments of the call.
    pub args: Arguments,
    /// Where the call stands.
    pub site: Site,
    /// What code assigned to it.
    pub attributes: Attributes,
}

/// Attributes of an instance, in the order in which they were first assigned.
///
/// Instances are shared, so that an assignment through one name is seen through
/// the others. Only the execution that made an instance may assign to it:
/// values that an earlier execution left behind stay as they are.
#[derive(Debug, Default)]
pub struct Attributes {
    /// The number of the execution that made the instance.
    pub maker: u64,
    values: Mutex<Vec<(SmolStr, Value)>>,
}

impl Attributes {
    /// No attributes yet, of an instance made by the execution of that number.
    pub fn of(maker: u64) -> Self {
        Self { maker, values: Mutex::default() }
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<Value> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    }

    /// Assigns an attribute.
    pub fn set(&self, name: &SmolStr, value: Value) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        match values.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => values.push((name.clone(), value)),
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<(SmolStr, Value)> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets everything: instances that hold each other would live for ever.
    pub fn clear(&self) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// `Depends(…)` or `Security(…)`.
#[derive(Debug, Clone)]
pub struct Depends {
    /// The callable; `None` for an empty `Depends()`, which means the annotated class.
    pub dependency: Option<Value>,
    /// Scopes of `Security`.
    pub scopes: Vec<SmolStr>,
    /// Where the call stands.
    pub site: Site,
}

/// `Annotated[ty, …]`.
#[derive(Debug, Clone)]
pub struct Annotated {
    /// The type.
    pub ty: Value,
    /// The metadata.
    pub metadata: Vec<Value>,
}

/// `from module import name`, unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LazyImport {
    /// The module.
    pub file: FileId,
    /// The name in it.
    pub name: SmolStr,
}

/// What an expression is known to be.
#[derive(Debug, Clone)]
pub enum Value {
    /// Not known, and why.
    Unknown(Unknown),
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Str(SmolStr),
    /// A list, set or tuple.
    List(Arc<Vec<Value>>),
    /// A dictionary.
    Dict(Arc<Vec<(Value, Value)>>),
    /// An object of which some attributes are known: a request, say.
    Record(Arc<Vec<(SmolStr, Value)>>),
    /// A module of the project.
    Module(FileId),
    /// A directory of the project without `__init__.py`, by absolute path.
    Namespace(SmolStr),
    /// A name of another module of the project, not looked up yet: imports cost
    /// nothing until they are used, and cycles of imports do no harm.
    Lazy(Arc<LazyImport>),
    /// Something of a package outside the project, by dotted path: `jwt`, `fastapi.Depends`.
    Package(SmolStr),
    /// A function or method of the project.
    Function(Arc<FunctionRef>),
    /// A lambda; it stands at the site.
    Lambda(Site),
    /// A class of the project.
    Class(Arc<ClassRef>),
    /// An instance of a class.
    Instance(Arc<Instance>),
    /// A method bound to an instance (or to a class, for `cls`).
    Bound(Arc<(Value, Arc<FunctionRef>)>),
    /// An `APIRouter` or `FastAPI`, by its number in the interpreter's heap.
    Router(RouterId),
    /// A router's list of route objects.
    RouteList(RouterId),
    /// A method of the framework's router classes, bound: `router.get`.
    RouterMethod(RouterId, SmolStr),
    /// What `router.get("/path")` returns: the decorator that adds the route.
    RouteDecorator(Arc<RouteDecorator>),
    /// `super()` of an object, seen from a class.
    Super(Arc<(Value, Arc<ClassRef>)>),
    /// `Depends(…)`.
    Depends(Arc<Depends>),
    /// `Annotated[…]`.
    Annotated(Arc<Annotated>),
    /// `type X = …` (PEP 695).
    Alias(Arc<Value>),
    /// An element of a list (a dependency, a router, what an `include_router` is told) that
    /// is there only under a condition which could not be decided.
    Perhaps(Arc<Value>),
    /// Plain data that the environment decides, and what it is where the
    /// environment says nothing. Only modules that are being executed, and what
    /// they register, hold it: everybody else gets `Unknown`.
    ByDefault(Arc<Value>),
}

impl Value {
    /// The value whatever the environment says.
    pub fn settled(self) -> Self {
        match self {
            Self::ByDefault(_) => Self::Unknown(Unknown::Ambiguous),
            value => value,
        }
    }

    /// The value where the environment says nothing.
    pub fn by_default(&self) -> &Self {
        match self {
            Self::ByDefault(value) => value,
            value => value,
        }
    }
}

/// Whether the metadata of an annotation says that a container of the
/// application hands the value in, so that the client has no say in it.
pub fn is_from_container(metadata: &Value) -> bool {
    let marker = match metadata {
        Value::Instance(instance) => &instance.class,
        marker => marker,
    };
    let Value::Package(path) = marker else { return false };
    let name = path.rsplit('.').next().unwrap_or_default();
    path.starts_with("dishka.") && matches!(name, "FromDishka" | "FromComponent")
        || path.starts_with("fastapi_injector.") && name == "Injected"
}

/// A decorator made by a method of a router.
#[derive(Debug)]
pub struct RouteDecorator {
    /// The router.
    pub router: RouterId,
    /// The method that made it.
    pub method: SmolStr,
    /// The arguments of that call.
    pub args: Arguments,
    /// That call.
    pub site: Site,
}

/// A router or application made while `file` was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouterId {
    /// The executed module.
    pub file: FileId,
    /// Number of the router in that execution.
    pub index: u32,
}

/// Methods of classes that derive from another one, with these classes.
pub type Implementations = Arc<[(Arc<ClassRef>, Arc<FunctionRef>)]>;

/// How the guard analysis looks at code: names, attributes and calls become values.
pub trait Resolve {
    /// The value of an expression of `function`'s body or signature, in the scope
    /// that the function sees. Its own parameters and locals are `Unknown(Local)`.
    fn eval(&self, function: &FunctionRef, expr: &crate::facts::python::tree::Expr) -> Value;

    /// The value of a parameter's default or annotation, or of a decorator: in the
    /// scope where the function was defined, which does not know its parameters.
    fn eval_signature(&self, function: &FunctionRef, expr: &crate::facts::python::tree::Expr) -> Value;

    /// The value of an annotation as type checkers read it: what only they import counts, which does not exist when
    /// the program runs.
    fn eval_type(&self, function: &FunctionRef, annotation: &crate::facts::python::tree::Expr) -> Value;

    /// The value of an expression of the body, with what is known of some parameters and locals.
    fn eval_knowing(
        &self,
        function: &FunctionRef,
        expr: &crate::facts::python::tree::Expr,
        known: &[(SmolStr, Value)],
    ) -> Value;

    /// The value of an expression of the body where the environment and its files say nothing,
    /// with what is known of some parameters and locals.
    fn eval_by_default(
        &self,
        function: &FunctionRef,
        expr: &crate::facts::python::tree::Expr,
        known: &[(SmolStr, Value)],
    ) -> Value;

    /// Whether variables around the function that an expression of its body names hold what the environment decides, though
    /// a default stands for it.
    fn names_environment(&self, function: &FunctionRef, expr: &crate::facts::python::tree::Expr) -> bool;

    /// An instance of a class, made as a call with these arguments makes it.
    fn instance(&self, class: &Arc<ClassRef>, arguments: Arguments, site: Site) -> Value;

    /// The method `name` of a class, searched through its bases; `None` when no
    /// base of the project has it.
    fn method(&self, class: &ClassRef, name: &str) -> Option<Arc<FunctionRef>>;

    /// The annotated fields of a class that `dataclasses` or attrs fills, those of bases behind its own, and what they
    /// are said to hold.
    fn record_fields(&self, class: &ClassRef) -> Vec<(SmolStr, Value)>;

    /// The methods `name` of the classes that derive from a class of which that method has no body, each with the class
    /// that has it first; none where there are many.
    fn implementations(&self, class: &ClassRef, name: &str) -> Implementations;

    /// What functions of the module of a class hand to its initialiser, for the parameter of that name and place, each with
    /// the function that does.
    fn handed_over(
        &self,
        class: &ClassRef,
        name: &str,
        at: usize,
    ) -> Vec<(FunctionRef, crate::facts::python::tree::Expr)>;

    /// What applications of the project keep on their `state` under a name, or the class of that: `app.state.name = Pool()`.
    /// Unknown where that is not one and the same class.
    fn kept_on_state(&self, name: &str) -> Value;

    /// Whether every base of the class, transitively, is a class of the project or `object`;
    /// otherwise the dotted paths of the package classes among them.
    fn package_bases(&self, class: &ClassRef) -> Vec<SmolStr>;

    /// The function with the body that it has now. Values outlive edits of
    /// bodies: what was executed before one still holds the definition of then.
    fn current(&self, function: &FunctionRef) -> FunctionRef;

    /// Whether the user vouches that a callable of a module verifies.
    fn is_vouched(&self, module: &str, name: &str) -> bool;

    /// Begins to note what is looked at anew, and gives what was noted so far.
    fn begin(&self) -> LookedAt;

    /// Ends that: gives what was looked at since, and counts it with what was noted before.
    fn end(&self, before: LookedAt) -> Arc<RestsOn>;

    /// Counts what an answer rests on that was remembered.
    fn count(&self, rests_on: &Arc<RestsOn>);

    /// Whether no method but the initialiser of a class, or of one that it derives from, assigns to an attribute of its
    /// object.
    fn stays(&self, class: &ClassRef, name: &str) -> bool;

    /// Counts the definition at a place, with its body.
    fn count_body(&self, site: Site);

    /// Counts the class whose name stands there as looked at, without what its methods do.
    fn count_outline(&self, site: Site);

    /// Absolute place of a site.
    fn locate(&self, site: Site) -> Location;
}
