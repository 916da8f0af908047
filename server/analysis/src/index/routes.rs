//! The route table: what every application serves, with the dependencies that
//! FastAPI runs before each handler.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::dependencies::Node;
use super::own_dependencies::Own;
use super::same::same_middleware;
use super::value::{Arguments, FunctionRef, RouterId, Site, Value};
use crate::facts::manifests::Version;
use crate::vfs::FileId;

/// What FastAPI makes of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    /// Answers HTTP requests.
    Http,
    /// A WebSocket endpoint.
    WebSocket,
    /// A mounted application.
    Mount,
    /// The files of a built frontend, where nothing else answers (FastAPI 0.138).
    Frontend,
}

impl RouteKind {
    /// Whether what answers there is no handler of the project.
    pub const fn is_mounted(self) -> bool {
        matches!(self, Self::Mount | Self::Frontend)
    }
}

/// A route as it is served.
#[derive(Debug, Clone)]
pub struct Route {
    /// Full path as Starlette stores it.
    pub path: SmolStr,
    /// Whether every part of the path is known.
    pub path_known: bool,
    /// Whether the end of it is known, which the registration gives, and all was read that
    /// decides about the prefixes before it.
    pub end_known: bool,
    /// Upper-case methods, sorted; empty for WebSocket and mount.
    pub methods: Vec<SmolStr>,
    /// Kind.
    pub kind: RouteKind,
    /// Whether FastAPI injects dependencies.
    pub injects: bool,
    /// The handler.
    pub handler: Value,
    /// The registering decorator or call.
    pub registration: Site,
    /// Dependencies in FastAPI's order, parents before children.
    pub dependencies: Vec<Node>,
    /// Dependencies that it has under a condition which could not be decided.
    pub perhaps: Vec<Node>,
    /// Why there may be more dependencies, when there may.
    pub more: Option<SmolStr>,
    /// Registered or included under a condition.
    pub conditional: bool,
    /// The router that it was registered on.
    pub router: RouterId,
    /// The last `include_router` on its way to the application.
    pub included_at: Option<Site>,
    /// What the handler asks for by itself, if all of that is known.
    pub(super) own: Option<Own>,
}

impl Route {
    /// A function that something else than a request calls: it is served nowhere.
    pub fn detached(function: &FunctionRef) -> Self {
        Self {
            path: SmolStr::default(),
            path_known: true,
            end_known: true,
            methods: Vec::new(),
            kind: RouteKind::Http,
            injects: true,
            handler: Value::Function(Arc::new(function.clone())),
            registration: function.site,
            dependencies: Vec::new(),
            perhaps: Vec::new(),
            more: None,
            conditional: false,
            router: RouterId { file: function.site.file, index: u32::MAX },
            included_at: None,
            own: None,
        }
    }

    /// The function that handles it, or the method of an object.
    pub fn function(&self) -> Option<&Arc<FunctionRef>> {
        match &self.handler {
            Value::Function(function) => Some(function),
            Value::Bound(bound) => Some(&bound.1),
            _ => None,
        }
    }

    /// The object whose method handles it.
    pub fn receiver(&self) -> Option<&Value> {
        match &self.handler {
            Value::Bound(bound) => Some(&bound.0),
            _ => None,
        }
    }
}

/// An application.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its router.
    pub router: RouterId,
    /// `module:name`, or `module:factory()`.
    pub name: SmolStr,
    /// The call that makes it.
    pub site: Site,
    /// Whether it lives in test code.
    pub test: bool,
    /// Routes in registration order.
    pub routes: Arc<Vec<Route>>,
    /// What could not be followed: where, why, and how many routes at least.
    pub unresolved: Vec<(Site, &'static str, u32)>,
    /// Middlewares, its own and those of applications that mount it.
    pub middleware: Arc<Vec<Middleware>>,
    /// The path below which the only application that mounts it serves it;
    /// empty when none does, absent when that is not known.
    pub mounted_at: Option<SmolStr>,
    /// Applications that it mounts, with their paths.
    pub mounts: Vec<(SmolStr, RouterId)>,
    /// How the FastAPI that it runs with behaves.
    pub semantics: Semantics,
}

impl Application {
    /// Whether the same middlewares are around its routes as around those of `other`.
    pub fn is_inside_as(&self, other: &Self) -> bool {
        let same = |(a, b): (&Middleware, &Middleware)| same_middleware(a, b);
        std::ptr::eq(self, other)
            || (self.mounted_at == other.mounted_at
                && self.test == other.test
                && (Arc::ptr_eq(&self.middleware, &other.middleware)
                    || (self.middleware.len() == other.middleware.len()
                        && self.middleware.iter().zip(other.middleware.iter()).all(same))))
    }
}

/// A middleware of an application.
#[derive(Debug, Clone)]
pub struct Middleware {
    /// Its class or function.
    pub what: Value,
    /// What it is made with, besides the application.
    pub arguments: Arguments,
    /// Where it is added.
    pub site: Site,
    /// How far inside it is, counted from the outermost of its application.
    pub depth: usize,
    /// Whether it is another application's, which mounts this one.
    pub inherited: bool,
    /// Whether it is added only under a condition that could not be decided.
    pub conditional: bool,
}

/// How a version of FastAPI behaves where versions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semantics {
    /// Routes of an included router are looked up when they are asked for: what
    /// is added after `include_router` is served, and so are its mounts (0.137).
    pub lazy_includes: bool,
    /// Dependencies of routers and applications run for WebSockets (0.97).
    pub websocket_dependencies: bool,
}

impl Semantics {
    /// The behaviour of a version; of the newest one when it is not known.
    pub fn of(version: Option<Version>) -> Self {
        let from = |first: Version| version.is_none_or(|version| version >= first);
        Self { lazy_includes: from(Version(0, 137, 0)), websocket_dependencies: from(Version(0, 97, 0)) }
    }
}

/// All applications, and the routes of routers that none of them includes.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    /// Applications, sorted by path and place.
    pub applications: Vec<Application>,
    /// Routes whose router no visible application includes, by router.
    pub orphans: Vec<Arc<Vec<Route>>>,
    /// Files that are named like tests, and of which an application of the product includes routes.
    pub served_tests: FxHashSet<FileId>,
    /// What each of these was made from, for the next link.
    pub(super) trees: FxHashMap<RouterId, Arc<RouterTree>>,
}

impl RouteTable {
    /// All that hangs below a router of the table.
    pub fn tree(&self, router: RouterId) -> Option<&Arc<RouterTree>> {
        self.trees.get(&router)
    }

    /// An application by its router. Most stand where they stood.
    pub(super) fn application(&self, router: RouterId, at: usize) -> Option<&Application> {
        let is_it = |application: &&Application| application.router == router;
        self.applications.get(at).filter(is_it).or_else(|| self.applications.iter().find(is_it))
    }

    /// The table of some of its applications, by their indices.
    pub fn part(&self, applications: &BTreeSet<usize>) -> Self {
        let applications = applications.iter().filter_map(|at| self.applications.get(*at)).cloned().collect();
        Self { applications, ..Self::default() }
    }

    /// Modules that what was linked anew rests on, or rested on in the table before.
    pub fn reads_since(&self, before: &Self) -> FxHashSet<FileId> {
        let is_in = |table: &Self, id: &RouterId, tree: &Arc<RouterTree>| {
            table.trees.get(id).is_some_and(|other| Arc::ptr_eq(other, tree))
        };
        let gone = before.trees.iter().filter(|(id, tree)| !is_in(self, id, tree));
        let new = self.trees.iter().filter(|(id, tree)| !is_in(before, id, tree));
        gone.chain(new).flat_map(|(_, tree)| tree.reads()).collect()
    }
}

/// All that hangs below one application, or below a router that nothing includes.
#[derive(Debug, Default)]
pub struct RouterTree {
    pub(super) routes: Arc<Vec<Route>>,
    pub(super) unresolved: Vec<(Site, &'static str, u32)>,
    pub(super) middleware: Arc<Vec<Middleware>>,
    pub(super) mounts: Vec<(SmolStr, RouterId)>,
    pub(super) seen: FxHashSet<RouterId>,
    /// Modules that it rests on.
    pub(super) reads: FxHashSet<FileId>,
}

impl RouterTree {
    /// Modules that it rests on.
    pub fn reads(&self) -> impl Iterator<Item = FileId> {
        self.reads.iter().copied()
    }
}
