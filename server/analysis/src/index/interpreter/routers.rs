//! Routers and applications, and what is done to them.

use smol_str::SmolStr;

use super::super::value::{Arguments, RouterId, Site, Unknown, Value};
use super::expressions::{UNSUPPORTED, truth};
use super::{Execution, Scope};
use crate::ide::RouteKind;

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
    /// `swagger_ui_oauth2_redirect_url`, when it is given.
    pub oauth2_redirect: Option<Value>,
    /// First variable it was assigned to.
    pub name: Option<SmolStr>,
    /// The uncalled factory that made it, and whether that returns it.
    pub factory: Option<(Site, bool)>,
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
    },
    /// A middleware was added.
    Middleware {
        /// To this application.
        app: RouterId,
        /// The middleware's class or function.
        what: Value,
        /// What it is made with, besides the application.
        arguments: Box<Arguments>,
        /// The call or decorator.
        site: Site,
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

/// Packages whose call makes an application or router.
fn router_kind(path: &str) -> Option<RouterKind> {
    Some(match path {
        "fastapi.FastAPI" | "fastapi.applications.FastAPI" => RouterKind::Application,
        "fastapi.APIRouter" | "fastapi.routing.APIRouter" => RouterKind::Router,
        "starlette.applications.Starlette" | "starlette.routing.Router" => RouterKind::Starlette,
        _ => return None,
    })
}

impl Execution<'_, '_> {
    /// The kind of router that calling `callee` makes, if it makes one: the
    /// framework's classes, and classes of the project that derive from them.
    pub(super) fn makes_router(&self, callee: &Value) -> Option<RouterKind> {
        match callee {
            Value::Package(path) => router_kind(path),
            Value::Class(class) => {
                let classes = self.interpreter.linearised(class);
                classes.iter().flat_map(|class| &class.bases).find_map(|base| match base {
                    Value::Package(path) => router_kind(path),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    pub(super) fn make_router(&mut self, kind: RouterKind, arguments: &Arguments, site: Site) -> Value {
        let id = RouterId { file: self.root, index: self.run.routers.len() as u32 };
        let prefix = match arguments.get("prefix", None) {
            Some(value) if kind == RouterKind::Router => self.interpreter.force(value.clone()),
            _ if arguments.open_ended && kind == RouterKind::Router => UNSUPPORTED,
            _ => Value::Str(SmolStr::default()),
        };
        let dependencies = self.dependency_list(arguments);
        let oauth2_redirect = arguments.get("swagger_ui_oauth2_redirect_url", None).cloned();
        self.run.routers.push(Router { kind, site, prefix, dependencies, oauth2_redirect, name: None, factory: None });
        if let Some(Value::List(middleware)) = arguments.get("middleware", None).cloned() {
            for value in middleware.iter() {
                if let Value::Instance(instance) = self.interpreter.force(value.clone())
                    && let Some(what) = instance.args.get("cls", Some(0))
                {
                    let what = self.interpreter.force(what.clone());
                    let arguments = Box::new(instance.args.clone());
                    self.run.effects.push(Effect::Middleware { app: id, what, arguments, site: instance.site });
                }
            }
        }
        let position = (kind == RouterKind::Starlette).then_some(1);
        if let Some(routes) = arguments.get("routes", position).cloned() {
            self.route_objects(id, &routes, site);
        }
        Value::Router(id)
    }

    /// The `routes=[…]` of an application: `APIRoute`, `Route`, `WebSocketRoute`, `Mount`.
    fn route_objects(&mut self, router: RouterId, routes: &Value, site: Site) {
        let Value::List(routes) = self.interpreter.force(routes.clone()) else {
            if !matches!(routes, Value::None) {
                self.unresolved(router, site, "unknown-routes");
            }
            return;
        };
        for route in routes.iter() {
            let Value::Instance(instance) = self.interpreter.force(route.clone()) else {
                self.unresolved(router, site, "unknown-routes");
                continue;
            };
            let Value::Package(class) = &instance.class else {
                self.unresolved(router, instance.site, "unknown-routes");
                continue;
            };
            let path = instance.args.get("path", Some(0)).cloned().unwrap_or(UNSUPPORTED);
            match class.rsplit('.').next().unwrap_or_default() {
                name @ ("APIRoute" | "Route" | "WebSocketRoute" | "APIWebSocketRoute") => {
                    let web_socket = name.ends_with("WebSocketRoute");
                    let kind = if web_socket { RouteKind::WebSocket } else { RouteKind::Http };
                    self.register(router, &instance.args, Some(path), kind, name.starts_with("API"), instance.site);
                }
                "Mount" => {
                    let app = instance.args.get("app", Some(1)).cloned().unwrap_or(UNSUPPORTED);
                    let app = self.interpreter.force(app);
                    self.run.effects.push(Effect::Mount { parent: router, path, app, site: instance.site });
                }
                _ => self.unresolved(router, instance.site, "unknown-routes"),
            }
        }
    }

    /// A router, of this run or an earlier one.
    pub(super) fn router(&self, id: RouterId) -> Option<Router> {
        if id.file == self.root {
            return self.run.routers.get(id.index as usize).cloned();
        }
        self.interpreter.run(id.file).routers.get(id.index as usize).cloned()
    }

    /// Remembers the first variable that a router is assigned to.
    pub(super) fn name_router(&mut self, id: RouterId, name: &SmolStr, scope: &Scope) {
        if id.file == self.root
            && scope.locals.is_none()
            && let Some(router) = self.run.routers.get_mut(id.index as usize)
        {
            router.name.get_or_insert_with(|| name.clone());
        }
    }

    fn dependency_list(&mut self, arguments: &Arguments) -> DependencyList {
        let unknown = |why| DependencyList { known: Vec::new(), unknown: Some(why) };
        match arguments.get("dependencies", None) {
            None if arguments.open_ended => unknown(Unknown::Unsupported),
            None => DependencyList::default(),
            Some(value) => match self.interpreter.force(value.clone()) {
                Value::None => DependencyList::default(),
                Value::List(values) => {
                    let known = values.iter().map(|value| self.interpreter.force(value.clone())).collect();
                    DependencyList { known, unknown: None }
                }
                Value::Unknown(why) => unknown(why),
                _ => unknown(Unknown::Unsupported),
            },
        }
    }

    fn conditional(&self) -> bool {
        self.conditional > 0
    }

    fn unresolved(&mut self, router: RouterId, site: Site, reason: &'static str) {
        self.run.effects.push(Effect::Unresolved { router, site, reason });
    }

    /// Adds a route from evaluated arguments: an explicit `path`, else the first argument.
    fn register(
        &mut self,
        router: RouterId,
        arguments: &Arguments,
        path: Option<Value>,
        kind: RouteKind,
        injects: bool,
        site: Site,
    ) {
        let handler = arguments.get("endpoint", Some(1)).or_else(|| arguments.get("route", Some(1)));
        let handler = handler.cloned().map_or(UNSUPPORTED, |value| self.interpreter.force(value));
        let default = if kind == RouteKind::Http { &["GET"][..] } else { &[] };
        self.add_route(router, arguments, path, kind, injects, handler, default, site);
    }

    #[allow(clippy::too_many_arguments, reason = "one argument a field of the route")]
    fn add_route(
        &mut self,
        router: RouterId,
        arguments: &Arguments,
        path: Option<Value>,
        kind: RouteKind,
        injects: bool,
        handler: Value,
        default_methods: &[&'static str],
        site: Site,
    ) {
        if self.unknown_loops > 0 {
            self.unresolved(router, site, "loop");
            return;
        }
        let path = path.or_else(|| arguments.get("path", Some(0)).cloned()).unwrap_or(UNSUPPORTED);
        let path = self.interpreter.force(path);
        let methods = match arguments.get("methods", None) {
            Some(value) if kind == RouteKind::Http => string_list(&self.interpreter.force(value.clone())),
            _ => Some(default_methods.iter().map(|&method| SmolStr::new_static(method)).collect()),
        };
        let route = Registration {
            path,
            methods,
            kind,
            injects,
            handler,
            dependencies: if injects { self.dependency_list(arguments) } else { DependencyList::default() },
            site,
        };
        let conditional = self.conditional();
        self.run.effects.push(Effect::Route { router, route: Box::new(route), conditional });
    }

    /// A decorator made by a method of a router: `@router.get("/x")`. Gives
    /// what the decorated name is bound to, or `None` when the method makes no
    /// decorator that concerns routes.
    pub(super) fn router_decorator(
        &mut self,
        router: RouterId,
        method: &str,
        arguments: &Arguments,
        decorated: &Value,
        site: Site,
    ) -> Option<Value> {
        let methods: &[&'static str] = match method {
            "get" => &["GET"],
            "post" => &["POST"],
            "put" => &["PUT"],
            "patch" => &["PATCH"],
            "delete" => &["DELETE"],
            "head" => &["HEAD"],
            "options" => &["OPTIONS"],
            "trace" => &["TRACE"],
            "api_route" | "route" => &["GET"],
            "websocket" | "websocket_route" => &[],
            "middleware" => {
                let what = decorated.clone();
                self.run.effects.push(Effect::Middleware { app: router, what, arguments: Box::default(), site });
                return Some(decorated.clone());
            }
            "on_event" | "exception_handler" => return Some(decorated.clone()),
            _ => return None,
        };
        let kind = if method.starts_with("websocket") { RouteKind::WebSocket } else { RouteKind::Http };
        let starlette = self.router(router).is_some_and(|r| r.kind == RouterKind::Starlette);
        let injects = !starlette && !matches!(method, "route" | "websocket_route");
        self.add_route(router, arguments, None, kind, injects, decorated.clone(), methods, site);
        Some(decorated.clone())
    }

    /// A call of a router's method that is no decorator.
    pub(super) fn router_call(&mut self, router: RouterId, method: &str, arguments: &Arguments, site: Site) -> Value {
        match method {
            "add_api_route" => self.register(router, arguments, None, RouteKind::Http, true, site),
            "add_api_websocket_route" => self.register(router, arguments, None, RouteKind::WebSocket, true, site),
            "add_route" => self.register(router, arguments, None, RouteKind::Http, false, site),
            "add_websocket_route" => self.register(router, arguments, None, RouteKind::WebSocket, false, site),
            "include_router" => self.include(router, arguments, site),
            "mount" => {
                let path = arguments.get("path", Some(0)).cloned().unwrap_or(UNSUPPORTED);
                let app = arguments.get("app", Some(1)).cloned().unwrap_or(UNSUPPORTED);
                let (path, app) = (self.interpreter.force(path), self.interpreter.force(app));
                self.run.effects.push(Effect::Mount { parent: router, path, app, site });
            }
            "add_middleware" => {
                let what = arguments.get("middleware_class", Some(0)).cloned().unwrap_or(UNSUPPORTED);
                let what = self.interpreter.force(what);
                let arguments = Box::new(arguments.clone());
                self.run.effects.push(Effect::Middleware { app: router, what, arguments, site });
            }
            _ => {}
        }
        UNSUPPORTED
    }

    fn include(&mut self, parent: RouterId, arguments: &Arguments, site: Site) {
        if self.unknown_loops > 0 {
            self.unresolved(parent, site, "loop");
            return;
        }
        let child = arguments.get("router", Some(0)).cloned().unwrap_or(UNSUPPORTED);
        let child = self.interpreter.force(child);
        let prefix = match arguments.get("prefix", None) {
            Some(value) => self.interpreter.force(value.clone()),
            None if arguments.open_ended => UNSUPPORTED,
            None => Value::Str(SmolStr::default()),
        };
        let dependencies = self.dependency_list(arguments);
        let conditional = self.conditional();
        self.run.effects.push(Effect::Include { parent, child, prefix, dependencies, site, conditional });
    }
}

/// Upper-case strings of a list, when all of it is known.
fn string_list(value: &Value) -> Option<Vec<SmolStr>> {
    let Value::List(values) = value else {
        return truth(value).filter(|known| !known).map(|_| vec![SmolStr::new_static("GET")]);
    };
    let mut methods = Vec::with_capacity(values.len());
    for value in values.iter() {
        match value {
            Value::Str(method) => methods.push(SmolStr::new(method.to_uppercase())),
            _ => return None,
        }
    }
    methods.sort_unstable();
    methods.dedup();
    Some(methods)
}
