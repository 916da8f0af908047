//! The route table: what every application serves, with the dependencies that
//! FastAPI runs before each handler.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::dependencies::{Node, Via, expand_handler, expand_list};
use super::interpreter::{Effect, Interpreter, Registration, Router, RouterKind, Runs};
use super::value::{Arguments, Resolve, RouterId, Site, Value};
use crate::ide::RouteKind;
use crate::vfs::FileId;

/// Includes inside each other.
const MAX_INCLUDES: usize = 16;

/// A route as it is served.
#[derive(Debug, Clone)]
pub struct Route {
    /// Full path as Starlette stores it.
    pub path: SmolStr,
    /// Whether every part of the path is known.
    pub path_known: bool,
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
    /// Why there may be more dependencies, when there may.
    pub more: Option<SmolStr>,
    /// Registered or included under a condition.
    pub conditional: bool,
    /// The router that it was registered on.
    pub router: RouterId,
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
    pub middleware: Vec<Middleware>,
    /// The path below which the only application that mounts it serves it;
    /// empty when none does, absent when that is not known.
    pub mounted_at: Option<SmolStr>,
}

impl Application {
    /// Whether the routes are those of `other`, below the same middlewares.
    pub fn serves_as(&self, other: &Self) -> bool {
        let middlewares = |app: &Self| app.middleware.iter().map(|middleware| middleware.site).collect::<Vec<_>>();
        Arc::ptr_eq(&self.routes, &other.routes)
            && self.mounted_at == other.mounted_at
            && self.test == other.test
            && middlewares(self) == middlewares(other)
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
}

/// All applications, and the routes of routers that none of them includes.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    /// Applications, sorted by path and place.
    pub applications: Vec<Application>,
    /// Routes whose router no visible application includes, by router.
    pub orphans: Vec<Arc<Vec<Route>>>,
    /// What each of these was made from, for the next link.
    trees: FxHashMap<RouterId, Arc<RouterTree>>,
}

/// All that hangs below one application, or below a router that nothing includes.
#[derive(Debug, Default)]
struct RouterTree {
    routes: Arc<Vec<Route>>,
    unresolved: Vec<(Site, &'static str, u32)>,
    middleware: Vec<Middleware>,
    mounts: Vec<(RouterId, Option<SmolStr>)>,
    seen: FxHashSet<RouterId>,
    /// Modules that it rests on.
    reads: FxHashSet<FileId>,
}

/// Joins all runs to the route table. What rests on no module in `stale` is
/// taken over from the table before; without `stale` nothing is.
pub fn link(
    interpreter: &Interpreter<'_>,
    runs: &Runs,
    before: &RouteTable,
    stale: Option<&FxHashSet<FileId>>,
) -> RouteTable {
    let linker = Linker::new(interpreter, runs);
    // Routers to which a module of now may have added something.
    let touched: FxHashSet<RouterId> = stale.map_or_else(FxHashSet::default, |stale| {
        let effects = stale.iter().filter_map(|file| runs.get(file)).flat_map(|run| &run.effects);
        effects.map(effect_target).collect()
    });
    let holds =
        |tree: &RouterTree| stale.is_some_and(|stale| tree.reads.is_disjoint(stale)) && tree.seen.is_disjoint(&touched);
    let mut table = RouteTable::default();
    let mut tree = |id: RouterId, prefix: &Prefix| {
        let known = before.trees.get(&id).filter(|tree| holds(tree)).map(Arc::clone);
        let tree = known.unwrap_or_else(|| Arc::new(linker.tree(id, prefix)));
        table.trees.insert(id, Arc::clone(&tree));
        tree
    };
    let mut reached = FxHashSet::default();
    let mut mounts: Vec<MountEdge> = Vec::new();
    for (id, router) in &linker.routers {
        if router.kind == RouterKind::Router || linker.is_called_elsewhere(router) {
            continue;
        }
        let tree = tree(*id, &Prefix::application(router));
        if router.kind == RouterKind::Starlette && tree.routes.is_empty() {
            continue;
        }
        reached.extend(tree.seen.iter().copied());
        mounts.extend(tree.mounts.iter().cloned().map(|(child, path)| MountEdge { child, parent: *id, path }));
        let sources = interpreter.sources();
        table.applications.push(Application {
            router: *id,
            name: linker.application_name(router),
            site: router.site,
            test: sources.file(router.site.file).is_some_and(|file| file.test),
            routes: Arc::clone(&tree.routes),
            unresolved: tree.unresolved.clone(),
            middleware: tree.middleware.clone(),
            mounted_at: Some(SmolStr::default()),
        });
    }
    inherit_middleware(&mut table.applications, &mounts);
    for (id, router) in &linker.routers {
        if router.kind == RouterKind::Router && !reached.contains(id) && !linker.included.contains(id) {
            let tree = tree(*id, &Prefix::unknown());
            reached.extend(tree.seen.iter().copied());
            table.orphans.push(Arc::clone(&tree.routes));
        }
    }
    table
}

/// An application mounted in another one, below a path if that is known.
struct MountEdge {
    child: RouterId,
    parent: RouterId,
    path: Option<SmolStr>,
}

/// A mounted application is behind the middlewares of those that mount it.
fn inherit_middleware(applications: &mut [Application], mounts: &[MountEdge]) {
    for edge in mounts {
        let parent = applications.iter().find(|app| app.router == edge.parent);
        let Some((inherited, above)) = parent.map(|app| (app.middleware.clone(), app.mounted_at.clone())) else {
            continue;
        };
        let mounted_often = mounts.iter().filter(|other| other.child == edge.child).count() > 1;
        if let Some(app) = applications.iter_mut().find(|app| app.router == edge.child) {
            app.middleware.extend(inherited);
            app.mounted_at = match (above, &edge.path) {
                (Some(above), Some(path)) if !mounted_often => Some(SmolStr::new(format!("{above}{path}"))),
                _ => None,
            };
        }
    }
}

struct Linker<'r, 'i, 'a> {
    interpreter: &'i Interpreter<'a>,
    runs: &'r Runs,
    routers: Vec<(RouterId, &'r Router)>,
    by_id: FxHashMap<RouterId, &'r Router>,
    /// What was done to each router, and by which module.
    effects: FxHashMap<RouterId, Vec<(FileId, &'r Effect)>>,
    included: FxHashSet<RouterId>,
}

/// What routers above a router add to its routes.
#[derive(Clone, Default)]
struct Prefix {
    path: String,
    path_known: bool,
    dependencies: Vec<Node>,
    more: Option<SmolStr>,
    conditional: bool,
    depth: usize,
}

impl Prefix {
    fn application(_: &Router) -> Self {
        Self { path_known: true, ..Self::default() }
    }

    fn unknown() -> Self {
        Self { more: Some("no application that authlens can see includes this router".into()), ..Self::default() }
    }
}

#[derive(Default)]
struct Walk {
    routes: Vec<Route>,
    unresolved: Vec<(Site, &'static str, u32)>,
    middleware: Vec<Middleware>,
    mounts: Vec<(RouterId, Option<SmolStr>)>,
    seen: FxHashSet<RouterId>,
    /// Modules that contributed.
    files: FxHashSet<FileId>,
}

impl<'r, 'i, 'a> Linker<'r, 'i, 'a> {
    fn new(interpreter: &'i Interpreter<'a>, runs: &'r Runs) -> Self {
        let sources = interpreter.sources();
        let mut files: Vec<_> = runs.keys().copied().collect();
        files.sort_unstable_by_key(|file| sources.file(*file).map(|f| f.path.clone()));
        let mut linker = Self {
            interpreter,
            runs,
            routers: Vec::new(),
            by_id: FxHashMap::default(),
            effects: FxHashMap::default(),
            included: FxHashSet::default(),
        };
        for file in &files {
            for (index, router) in runs[file].routers.iter().enumerate() {
                let id = RouterId { file: *file, index: index as u32 };
                linker.routers.push((id, router));
                linker.by_id.insert(id, router);
            }
        }
        // A router's own module comes first: it ran before those that import it.
        for own in [true, false] {
            for file in &files {
                for effect in &runs[file].effects {
                    let target = effect_target(effect);
                    if (target.file == *file) == own {
                        linker.effects.entry(target).or_default().push((*file, effect));
                    }
                    if let (Effect::Include { child: Value::Router(child), .. }, true) = (effect, own) {
                        linker.included.insert(*child);
                    }
                }
            }
        }
        linker
    }

    /// Whether a factory's application also exists because something calls the factory.
    fn is_called_elsewhere(&self, router: &Router) -> bool {
        let Some((factory, _)) = router.factory else { return false };
        let key = (factory.file, factory.item);
        self.runs.iter().any(|(file, run)| *file != factory.file && run.executed.contains(&key))
    }

    fn application_name(&self, router: &Router) -> SmolStr {
        let sources = self.interpreter.sources();
        let module = sources.module_name(router.site.file);
        if let Some((factory, _)) = router.factory {
            let name = sources.facts(factory.file).and_then(|facts| match &facts.stmt(factory.item)?.kind {
                crate::facts::python::tree::StmtKind::Function(def) => Some(def.name.name.clone()),
                _ => None,
            });
            return SmolStr::new(format!("{module}:{}()", name.unwrap_or_default()));
        }
        match &router.name {
            Some(name) => SmolStr::new(format!("{module}:{name}")),
            None => module,
        }
    }

    fn tree(&self, id: RouterId, prefix: &Prefix) -> RouterTree {
        self.interpreter.take_reads();
        let mut walk = Walk::default();
        self.walk(id, prefix, &mut walk);
        walk.files.extend(self.interpreter.take_reads());
        RouterTree {
            routes: Arc::new(walk.routes),
            unresolved: walk.unresolved,
            middleware: walk.middleware,
            mounts: walk.mounts,
            seen: walk.seen,
            reads: walk.files,
        }
    }

    fn walk(&self, id: RouterId, above: &Prefix, walk: &mut Walk) {
        let Some(router) = self.by_id.get(&id) else { return };
        walk.seen.insert(id);
        walk.files.insert(id.file);
        let mut here = above.clone();
        match &router.prefix {
            Value::Str(prefix) => here.path.push_str(prefix),
            _ => here.path_known = false,
        }
        let via = if router.kind == RouterKind::Router { Via::Router } else { Via::Application };
        expand_list(self.interpreter, &router.dependencies, via, &mut here.dependencies, &mut here.more);
        for (file, effect) in self.effects.get(&id).into_iter().flatten() {
            walk.files.insert(*file);
            match effect {
                Effect::Route { route, conditional, .. } => {
                    self.route(id, route, *conditional, &here, walk);
                }
                Effect::Include { child, prefix, dependencies, site, conditional, .. } => {
                    let Value::Router(child) = child else {
                        walk.unresolved.push((*site, unresolved_router(child), 0));
                        continue;
                    };
                    if here.depth >= MAX_INCLUDES || *child == id {
                        continue;
                    }
                    let mut below = here.clone();
                    below.depth += 1;
                    below.conditional |= *conditional;
                    match prefix {
                        Value::Str(prefix) => below.path.push_str(prefix),
                        _ => below.path_known = false,
                    }
                    expand_list(self.interpreter, dependencies, Via::Include, &mut below.dependencies, &mut below.more);
                    let before = walk.routes.len();
                    self.walk(*child, &below, walk);
                    if here.path_known && !below.path_known {
                        walk.unresolved.push((*site, "dynamic-prefix", (walk.routes.len() - before) as u32));
                    }
                }
                Effect::Mount { path, app, site, .. } => {
                    let full = match path {
                        Value::Str(own) if here.path_known => {
                            Some(SmolStr::new(format!("{}{}", here.path, own.trim_end_matches('/'))))
                        }
                        _ => None,
                    };
                    if let Value::Router(child) = app {
                        walk.mounts.push((*child, full));
                    }
                    let Value::Str(mounted) = path else {
                        walk.unresolved.push((*site, "dynamic-path", 0));
                        continue;
                    };
                    walk.routes.push(Route {
                        path: SmolStr::new(format!("{}{}", here.path, mounted.trim_end_matches('/'))),
                        path_known: here.path_known,
                        methods: Vec::new(),
                        kind: RouteKind::Mount,
                        injects: false,
                        handler: app.clone(),
                        registration: *site,
                        dependencies: Vec::new(),
                        more: None,
                        conditional: here.conditional,
                        router: id,
                    });
                }
                Effect::Middleware { what, arguments, site, .. } => walk.middleware.push(Middleware {
                    what: what.clone(),
                    arguments: Arguments::clone(arguments),
                    site: *site,
                }),
                Effect::Unresolved { site, reason, .. } => walk.unresolved.push((*site, reason, 1)),
            }
        }
    }

    fn route(&self, router: RouterId, route: &Registration, conditional: bool, here: &Prefix, walk: &mut Walk) {
        let mut path_known = here.path_known;
        let mut path = here.path.clone();
        match &route.path {
            Value::Str(own) => path.push_str(own),
            _ => {
                walk.unresolved.push((route.site, "dynamic-path", 1));
                path_known = false;
            }
        }
        let Some(methods) = route.methods.clone() else {
            walk.unresolved.push((route.site, "dynamic-methods", 1));
            return;
        };
        let mut dependencies = if route.injects { here.dependencies.clone() } else { Vec::new() };
        let mut more = if route.injects { here.more.clone() } else { None };
        if route.injects {
            expand_list(self.interpreter, &route.dependencies, Via::Decorator, &mut dependencies, &mut more);
            expand_handler(self.interpreter, &route.handler, &mut dependencies, &mut more);
        }
        walk.routes.push(Route {
            path: path.into(),
            path_known,
            methods,
            kind: route.kind,
            injects: route.injects,
            handler: route.handler.clone(),
            registration: route.site,
            dependencies,
            more,
            conditional: conditional || here.conditional,
            router,
        });
    }
}

fn effect_target(effect: &Effect) -> RouterId {
    match effect {
        Effect::Route { router, .. } | Effect::Unresolved { router, .. } => *router,
        Effect::Include { parent, .. } | Effect::Mount { parent, .. } => *parent,
        Effect::Middleware { app, .. } => *app,
    }
}

fn unresolved_router(value: &Value) -> &'static str {
    match value {
        Value::Instance(_) | Value::Package(_) => "library-router",
        _ => "unknown-router",
    }
}
