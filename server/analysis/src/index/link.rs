//! Joins what modules did into the route table, as FastAPI would.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::changes::Changes;
use super::contributions::{Contributions, effect_target};
use super::dependencies::{Asked, Via, expand_list};
use super::interpreter::{Effect, Interpreter, ModuleRun, Registration, Router, RouterKind};
use super::own_dependencies::{Earlier, expand_own};
use super::routes::{Application, Middleware, Route, RouteKind, RouteTable, RouterTree, Semantics};
use super::sources::Sources;
use super::value::{Arguments, Resolve, RouterId, Site, Unknown, Value};
use crate::vfs::FileId;

/// Includes inside each other.
const MAX_INCLUDES: usize = 16;

/// Joins the runs of the modules that contribute to it to the route table. `known` are the modules that are other than
/// before and what changed: what rests on none of these is taken over from the table before, and so is what a handler
/// asks for that means the same; without them nothing is.
pub fn link(
    interpreter: &Interpreter<'_>,
    contributions: &Contributions,
    runs: &[Arc<ModuleRun>],
    before: &RouteTable,
    known: Option<(&FxHashSet<FileId>, &Changes)>,
) -> RouteTable {
    let (stale, changes) = known.unzip();
    let linker = Linker { interpreter, contributions, runs, changes };
    // Routers to which a module of now may have added something.
    let touched: FxHashSet<RouterId> = stale.map_or_else(FxHashSet::default, |stale| {
        let effects = stale.iter().filter_map(|file| linker.run(*file)).flat_map(|run| &run.effects);
        effects.map(effect_target).collect()
    });
    let holds =
        |tree: &RouterTree| stale.is_some_and(|stale| tree.reads.is_disjoint(stale)) && tree.seen.is_disjoint(&touched);
    let mut table = RouteTable::default();
    let mut tree = |id: RouterId, prefix: &Prefix, semantics: Semantics| {
        let earlier = before.trees.get(&id);
        let known = earlier.filter(|tree| holds(tree)).map(Arc::clone);
        let tree = known.unwrap_or_else(|| Arc::new(linker.tree(id, prefix, semantics, earlier)));
        table.trees.insert(id, Arc::clone(&tree));
        tree
    };
    let mut reached = FxHashSet::default();
    let mut mounts: Vec<MountEdge> = Vec::new();
    for (id, router) in linker.routers() {
        if router.kind == RouterKind::Router || linker.is_called_elsewhere(router) {
            continue;
        }
        let earlier = before.application(id, table.applications.len()).filter(|_| stale.is_some());
        let semantics = earlier.map_or_else(
            || Semantics::of(interpreter.sources().fastapi(id.file).map(|(version, _)| version)),
            |earlier| earlier.semantics,
        );
        let tree = tree(id, &Prefix::application(), semantics);
        if router.kind == RouterKind::Starlette && tree.routes.is_empty() {
            continue;
        }
        reached.extend(tree.seen.iter().copied());
        mounts.extend(tree.mounts.iter().map(|(path, child)| MountEdge {
            child: *child,
            parent: id,
            path: path.clone(),
        }));
        let sources = interpreter.sources();
        table.applications.push(Application {
            router: id,
            name: match earlier.filter(|_| before.tree(id).is_some_and(|before| Arc::ptr_eq(before, &tree))) {
                Some(earlier) => earlier.name.clone(),
                None => linker.application_name(router),
            },
            site: router.site,
            test: sources.file(router.site.file).is_some_and(|file| file.test),
            routes: Arc::clone(&tree.routes),
            unresolved: tree.unresolved.clone(),
            middleware: Arc::clone(&tree.middleware),
            mounted_at: Some(SmolStr::default()),
            mounts: tree.mounts.clone(),
            semantics,
        });
    }
    inherit_middleware(&mut table.applications, &mounts);
    table.served_tests = served_tests(interpreter.sources(), &table.applications);
    for (id, router) in linker.routers() {
        if router.kind == RouterKind::Router && !reached.contains(&id) && !contributions.is_included(id) {
            let tree = tree(id, &Prefix::unknown(), Semantics::of(None));
            reached.extend(tree.seen.iter().copied());
            table.orphans.push(Arc::clone(&tree.routes));
        }
    }
    table
}

/// Files that are named like tests, and that code of the product includes in an application of its own.
fn served_tests(sources: &Sources, applications: &[Application]) -> FxHashSet<FileId> {
    let is_test = |file: FileId| sources.file(file).is_some_and(|file| file.test);
    let routes = applications.iter().filter(|served| !served.test).flat_map(|served| served.routes.iter());
    let included = routes.filter(|route| route.included_at.is_some_and(|include| !is_test(include.file)));
    included.map(|route| route.registration.file).filter(|file| is_test(*file)).collect()
}

/// An application mounted in another one, below a path.
struct MountEdge {
    child: RouterId,
    parent: RouterId,
    path: SmolStr,
}

/// A mounted application is behind the middlewares of those that mount it.
fn inherit_middleware(applications: &mut [Application], mounts: &[MountEdge]) {
    for edge in mounts {
        let parent = applications.iter().find(|app| app.router == edge.parent);
        let Some((inherited, above)) = parent.map(|app| (Arc::clone(&app.middleware), app.mounted_at.clone())) else {
            continue;
        };
        let mounted_often = mounts.iter().filter(|other| other.child == edge.child).count() > 1;
        if let Some(app) = applications.iter_mut().find(|app| app.router == edge.child) {
            if !inherited.is_empty() {
                let inherited = inherited.iter().map(|one| Middleware { inherited: true, ..one.clone() });
                Arc::make_mut(&mut app.middleware).extend(inherited);
            }
            app.mounted_at = match (above, &edge.path) {
                (Some(above), path) if !mounted_often => Some(SmolStr::new(format!("{above}{path}"))),
                _ => None,
            };
        }
    }
}

struct Linker<'r, 'i, 'a> {
    interpreter: &'i Interpreter<'a>,
    contributions: &'r Contributions,
    /// The runs of its modules.
    runs: &'r [Arc<ModuleRun>],
    /// What is other than in the table before.
    changes: Option<&'r Changes>,
}

/// An effect, and when it happens: its place among those of the module that
/// causes it.
#[derive(Clone, Copy)]
struct Placed<'r> {
    effect: &'r Effect,
    module: FileId,
    number: usize,
}

/// What routers above a router add to its routes.
#[derive(Clone, Default)]
struct Prefix {
    path: String,
    path_known: bool,
    /// Whether all modules were read that decide about it.
    all_read: bool,
    /// The paths of includes alone: mounts of included routers know no other.
    includes: String,
    asked: Asked,
    conditional: bool,
    depth: usize,
    included_at: Option<Site>,
}

impl Prefix {
    fn application() -> Self {
        Self { path_known: true, all_read: true, ..Self::default() }
    }

    /// Goes on below a prefix that is not known. What is not read yet may say anything of it.
    fn lose(&mut self, prefix: &Value) {
        self.path_known = false;
        self.all_read &= !matches!(prefix, Value::Unknown(Unknown::Import(_)));
    }

    fn unknown() -> Self {
        let more = Some("no application that authlens can see includes this router".into());
        Self { asked: Asked { more, ..Asked::default() }, ..Self::default() }
    }
}

struct Walk<'t> {
    earlier: Option<Earlier<'t>>,
    routes: Vec<Route>,
    unresolved: Vec<(Site, &'static str, u32)>,
    middleware: Vec<Middleware>,
    mounts: Vec<(SmolStr, RouterId)>,
    seen: FxHashSet<RouterId>,
    /// Modules that contributed.
    files: FxHashSet<FileId>,
    semantics: Semantics,
}

impl<'t> Walk<'t> {
    fn new(semantics: Semantics, earlier: Option<Earlier<'t>>) -> Self {
        Self {
            earlier,
            routes: Vec::new(),
            unresolved: Vec::new(),
            middleware: Vec::new(),
            mounts: Vec::new(),
            seen: FxHashSet::default(),
            files: FxHashSet::default(),
            semantics,
        }
    }
}

impl<'r, 'i, 'a> Linker<'r, 'i, 'a> {
    fn run(&self, file: FileId) -> Option<&'r ModuleRun> {
        self.runs.get(self.contributions.place(file)?).map(|run| &**run)
    }

    fn router(&self, id: RouterId) -> Option<&'r Router> {
        self.run(id.file)?.routers.get(id.index as usize)
    }

    /// All routers, by the paths of the modules that make them.
    fn routers(&self) -> impl Iterator<Item = (RouterId, &'r Router)> {
        self.contributions.modules().iter().zip(self.runs).flat_map(|(file, run)| {
            let numbered = run.routers.iter().enumerate();
            numbered.map(|(index, router)| (RouterId { file: *file, index: index as u32 }, router))
        })
    }

    /// What is done to a router.
    fn effects(&self, id: RouterId) -> impl Iterator<Item = Placed<'r>> {
        let (modules, runs) = (self.contributions.modules(), self.runs);
        self.contributions.acting(id).iter().flat_map(move |place| {
            let module = modules[*place];
            let effects =
                runs[*place].effects.iter().enumerate().filter(move |(_, effect)| effect_target(effect) == id);
            effects.map(move |(number, effect)| Placed { effect, module, number })
        })
    }

    /// Whether a factory's application also exists because something calls the factory.
    fn is_called_elsewhere(&self, router: &Router) -> bool {
        let Some(factory) = router.factory else { return false };
        let key = (factory.site.file, factory.site.item);
        factory.superseded || self.contributions.is_called(key)
    }

    fn application_name(&self, router: &Router) -> SmolStr {
        let sources = self.interpreter.sources();
        let module = sources.module_name(router.site.file);
        if let Some(factory) = router.factory {
            let name = sources.facts(factory.site.file).and_then(|facts| match &facts.stmt(factory.site.item)?.kind {
                crate::facts::python::tree::StmtKind::Function(def) => Some(def.name.name.clone()),
                _ => None,
            });
            let name = name.unwrap_or_default();
            return SmolStr::new(match &router.local_name {
                Some(variable) if !factory.returned => format!("{module}:{name}.{variable}"),
                _ => format!("{module}:{name}()"),
            });
        }
        match &router.name {
            Some(name) => SmolStr::new(format!("{module}:{name}")),
            None => module,
        }
    }

    fn tree(
        &self,
        id: RouterId,
        prefix: &Prefix,
        semantics: Semantics,
        earlier: Option<&Arc<RouterTree>>,
    ) -> RouterTree {
        let outer = self.interpreter.begin();
        let earlier = self.changes.zip(earlier).map(|(changes, tree)| Earlier::new(changes, &tree.routes));
        let mut walk = Walk::new(semantics, earlier);
        self.walk(id, prefix, None, &mut walk);
        walk.files.extend(self.interpreter.end(outer).files.iter());
        RouterTree {
            routes: Arc::new(walk.routes),
            unresolved: walk.unresolved,
            middleware: Arc::new(walk.middleware),
            mounts: walk.mounts,
            seen: walk.seen,
            reads: walk.files,
        }
    }

    /// Collects what a router serves. `included` is the include that leads to
    /// it, for versions that copy routes at that moment.
    fn walk(&self, id: RouterId, above: &Prefix, included: Option<Placed<'r>>, walk: &mut Walk<'_>) {
        let Some(router) = self.router(id) else { return };
        walk.seen.insert(id);
        walk.files.insert(id.file);
        let mut here = above.clone();
        match &router.prefix {
            Value::Str(prefix) => here.path.push_str(prefix),
            unknown => here.lose(unknown),
        }
        let via = if router.kind == RouterKind::Router { Via::Router } else { Via::Application };
        expand_list(self.interpreter, &router.dependencies, via, &mut here.asked);
        let known = here.path_known;
        for placed in self.effects(id) {
            walk.files.insert(placed.module);
            if included.is_some_and(|included| !walk.semantics.lazy_includes && self.happens_after(placed, included)) {
                continue;
            }
            match placed.effect {
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
                    below.included_at = Some(*site);
                    below.conditional |= *conditional;
                    match prefix {
                        Value::Str(prefix) => {
                            below.path.push_str(prefix);
                            below.includes.push_str(prefix);
                        }
                        unknown => below.lose(unknown),
                    }
                    expand_list(self.interpreter, dependencies, Via::Include, &mut below.asked);
                    let before = walk.routes.len();
                    self.walk(*child, &below, Some(placed), walk);
                    if known && !below.path_known {
                        walk.unresolved.push((*site, "dynamic-prefix", (walk.routes.len() - before) as u32));
                    }
                }
                // The copy of an included router's routes left its mounts out.
                Effect::Mount { .. } if included.is_some() && !walk.semantics.lazy_includes => {}
                Effect::Mount { path, app, site, conditional, .. } => {
                    let Value::Str(mounted) = path else {
                        walk.unresolved.push((*site, "dynamic-path", 0));
                        continue;
                    };
                    let above = if included.is_some() { &here.includes } else { &here.path };
                    let path = SmolStr::new(format!("{above}{}", mounted.trim_end_matches('/')));
                    walk.routes.push(Route {
                        path: path.clone(),
                        path_known: here.path_known,
                        end_known: true,
                        methods: Vec::new(),
                        kind: RouteKind::Mount,
                        injects: false,
                        handler: app.clone(),
                        registration: *site,
                        dependencies: Vec::new(),
                        perhaps: Vec::new(),
                        more: None,
                        conditional: *conditional || here.conditional,
                        router: id,
                        included_at: here.included_at,
                        own: None,
                    });
                    if let Value::Router(child) = app {
                        self.mount(*child, path, &here, walk);
                    }
                }
                Effect::Frontend { path, site, conditional, .. } => {
                    let Value::Str(served) = path else {
                        walk.unresolved.push((*site, "dynamic-path", 0));
                        continue;
                    };
                    let path = format!("{}{}", here.path, served.trim_end_matches('/'));
                    walk.routes.push(Route {
                        path: if path.is_empty() { "/".into() } else { path.into() },
                        path_known: here.path_known,
                        end_known: true,
                        methods: Vec::new(),
                        kind: RouteKind::Frontend,
                        injects: true,
                        handler: Value::None,
                        registration: *site,
                        // They run before a file is sent.
                        dependencies: here.asked.certain.clone(),
                        perhaps: here.asked.perhaps.clone(),
                        more: here.asked.more.clone(),
                        conditional: *conditional || here.conditional,
                        router: id,
                        included_at: here.included_at,
                        own: None,
                    });
                }
                Effect::Middleware { what, arguments, site, listed, conditional, .. } => {
                    let middleware = Middleware {
                        what: what.clone(),
                        arguments: Arguments::clone(arguments),
                        site: *site,
                        depth: walk.middleware.len(),
                        inherited: false,
                        conditional: *conditional,
                    };
                    if *listed {
                        walk.middleware.push(middleware);
                    } else {
                        walk.middleware.insert(0, middleware);
                    }
                    walk.middleware.iter_mut().enumerate().for_each(|(depth, one)| one.depth = depth);
                }
                Effect::Unresolved { site, reason, .. } => walk.unresolved.push((*site, reason, 1)),
            }
        }
    }

    /// A mounted application is judged by itself; a mounted router has no other
    /// place. Neither gets anything from the routers above.
    fn mount(&self, child: RouterId, path: SmolStr, above: &Prefix, walk: &mut Walk<'_>) {
        match self.router(child) {
            Some(router) if router.kind == RouterKind::Router => {
                if above.depth < MAX_INCLUDES {
                    let prefix = Prefix {
                        path: path.to_string(),
                        path_known: above.path_known,
                        all_read: above.all_read,
                        conditional: above.conditional,
                        depth: above.depth + 1,
                        ..Prefix::default()
                    };
                    self.walk(child, &prefix, None, walk);
                }
            }
            _ => walk.mounts.push((path, child)),
        }
    }

    /// Whether something is done to a router after it was included. Modules run
    /// once: one that imports the including module runs after it began.
    fn happens_after(&self, effect: Placed<'_>, include: Placed<'_>) -> bool {
        if effect.module == include.module {
            return effect.number > include.number;
        }
        let reads = |reader: FileId, read: FileId| self.run(reader).is_some_and(|run| run.reads(read));
        reads(effect.module, include.module) && !reads(include.module, effect.module)
    }

    fn route(&self, router: RouterId, route: &Registration, conditional: bool, here: &Prefix, walk: &mut Walk<'_>) {
        let mut path = here.path.clone();
        let end_known = here.all_read && matches!(route.path, Value::Str(_));
        match &route.path {
            Value::Str(own) => path.push_str(own),
            _ => walk.unresolved.push((route.site, "dynamic-path", 1)),
        }
        let Some(methods) = route.methods.clone() else {
            walk.unresolved.push((route.site, "dynamic-methods", 1));
            return;
        };
        let inherits = route.kind != RouteKind::WebSocket || walk.semantics.websocket_dependencies;
        let mut asked = if route.injects && inherits { here.asked.clone() } else { Asked::default() };
        let mut own = None;
        if route.injects {
            expand_list(self.interpreter, &route.dependencies, Via::Decorator, &mut asked);
            own = expand_own(self.interpreter, &route.handler, walk.earlier.as_ref(), &mut asked);
        }
        walk.routes.push(Route {
            path: path.into(),
            path_known: here.path_known && end_known,
            end_known,
            methods,
            kind: route.kind,
            injects: route.injects,
            handler: route.handler.clone(),
            registration: route.site,
            dependencies: asked.certain,
            perhaps: asked.perhaps,
            more: asked.more,
            conditional: conditional || here.conditional,
            router,
            included_at: here.included_at,
            own,
        });
    }
}

fn unresolved_router(value: &Value) -> &'static str {
    match value {
        Value::Instance(_) | Value::Package(_) => "library-router",
        _ => "unknown-router",
    }
}
