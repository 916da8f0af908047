//! What running a module leaves behind: routers and applications, and what was done to them.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::index::routes::RouteKind;
use crate::index::value::{Arguments, ClassRef, RouterId, Site, Unknown, Value};

/// What kind of object collects routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterKind {
    /// `FastAPI(…)`.
    Application,
    /// `APIRouter(…)`.
    Router,
    /// `Starlette(…)` or Starlette's `Router(…)`: no dependency injection.
    Starlette,
}

/// Dependencies given as a list.
#[derive(Debug, Clone, Default)]
pub struct DependencyList {
    /// The elements that are known, in order.
    pub known: Vec<Value>,
    /// Why there may be more, when there may.
    pub unknown: Option<Unknown>,
}

/// A router or application.
#[derive(Debug, Clone)]
pub struct Router {
    /// Kind.
    pub kind: RouterKind,
    /// Where the call that makes it stands.
    pub site: Site,
    /// `prefix`: a string, or unknown.
    pub prefix: Value,
    /// `dependencies`.
    pub dependencies: DependencyList,
    /// `tags`, as far as they are known.
    pub tags: Vec<SmolStr>,
    /// `swagger_ui_oauth2_redirect_url`, when it is given.
    pub oauth2_redirect: Option<Value>,
    /// First variable it was assigned to.
    pub name: Option<SmolStr>,
    /// The uncalled factory that made it.
    pub factory: Option<Factory>,
    /// The first variable of a function that it was assigned to.
    pub local_name: Option<SmolStr>,
    /// The project's own class of it.
    pub class: Option<Arc<ClassRef>>,
    /// What code assigned to it.
    pub attributes: FxHashMap<SmolStr, Value>,
}

/// A function that makes an application when a server calls it.
#[derive(Debug, Clone, Copy)]
pub struct Factory {
    /// Where its name stands.
    pub site: Site,
    /// Whether it returns this application.
    pub returned: bool,
    /// Whether another factory of the module calls it, and so shows the same
    /// application in its place.
    pub superseded: bool,
}

impl Router {
    /// A router that nothing was said of yet.
    pub(super) fn new(kind: RouterKind, site: Site, class: Option<Arc<ClassRef>>) -> Self {
        Self {
            kind,
            site,
            prefix: Value::Str(SmolStr::default()),
            dependencies: DependencyList::default(),
            tags: Vec::new(),
            oauth2_redirect: None,
            name: None,
            factory: None,
            local_name: None,
            class,
            attributes: FxHashMap::default(),
        }
    }
}

/// A route as it was registered, before includes add to it.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Path given at the registration: a string, or unknown.
    pub path: Value,
    /// Upper-case methods; `None` when they are not known.
    pub methods: Option<Vec<SmolStr>>,
    /// HTTP or WebSocket.
    pub kind: RouteKind,
    /// Whether FastAPI injects dependencies (false for Starlette's `add_route`).
    pub injects: bool,
    /// The handler.
    pub handler: Value,
    /// `dependencies` of the registration.
    pub dependencies: DependencyList,
    /// The decorator, or the call.
    pub site: Site,
}

/// Something done to a router.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A route was added.
    Route {
        /// To this router.
        router: RouterId,
        /// The route.
        route: Box<Registration>,
        /// Under a condition that was not known.
        conditional: bool,
    },
    /// `parent.include_router(child)`.
    Include {
        /// The including router.
        parent: RouterId,
        /// The included one.
        child: Value,
        /// `prefix`.
        prefix: Value,
        /// `dependencies`.
        dependencies: DependencyList,
        /// The call.
        site: Site,
        /// Under a condition that was not known.
        conditional: bool,
    },
    /// `parent.mount(path, app)`.
    Mount {
        /// The mounting router.
        parent: RouterId,
        /// Where.
        path: Value,
        /// What.
        app: Value,
        /// The call.
        site: Site,
        /// Under a condition that was not known.
        conditional: bool,
    },
    /// `parent.frontend(path, directory=…)`.
    Frontend {
        /// The router that serves the files.
        parent: RouterId,
        /// Where.
        path: Value,
        /// The call.
        site: Site,
        /// Under a condition that was not known.
        conditional: bool,
    },
    /// A middleware was added.
    Middleware {
        /// To this application.
        app: RouterId,
        /// The middleware's class or function.
        what: Value,
        /// What it is made with, besides the application.
        arguments: Box<Arguments>,
        /// Whether it stands in a `middleware=[…]` list, outermost first; what is
        /// added is put around what is there.
        listed: bool,
        /// The call or decorator.
        site: Site,
        /// Under a condition that was not known.
        conditional: bool,
    },
    /// Something that adds routes could not be followed.
    Unresolved {
        /// On this router.
        router: RouterId,
        /// Where.
        site: Site,
        /// `loop`, `unknown-router`, `dynamic-path`, ….
        reason: &'static str,
    },
}
