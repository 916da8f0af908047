//! Routers and applications, and what is done to them.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{Arguments, Resolve, RouteDecorator, RouterId, Site, Unknown, Value};
use super::effects::{DependencyList, Effect, Registration, Router, RouterKind};
use super::expressions::{UNSUPPORTED, truth};
use super::{Execution, Scope};
use crate::index::looked_at::name_of_router;
use crate::index::routes::RouteKind;

/// Methods of a router that make a decorator, with the methods that its route answers.
const DECORATORS: &[(&str, &[&str])] = &[
    ("get", &["GET"]),
    ("post", &["POST"]),
    ("put", &["PUT"]),
    ("patch", &["PATCH"]),
    ("delete", &["DELETE"]),
    ("head", &["HEAD"]),
    ("options", &["OPTIONS"]),
    ("trace", &["TRACE"]),
    ("api_route", &["GET"]),
    ("route", &["GET"]),
    ("websocket", &[]),
    ("websocket_route", &[]),
    ("middleware", &[]),
    ("on_event", &[]),
    ("exception_handler", &[]),
];

/// Packages whose call makes an application or router.
fn router_kind(path: &str) -> Option<RouterKind> {
    Some(match path {
        "fastapi.FastAPI" | "fastapi.applications.FastAPI" => RouterKind::Application,
        "fastapi.APIRouter"
        | "fastapi.routing.APIRouter"
        | "fastapi.routers.APIRouter"
        | "fastapi_utils.inferring_router.InferringRouter"
        | "fastapi_restful.inferring_router.InferringRouter"
        | "strawberry.fastapi.GraphQLRouter"
        | "strawberry.fastapi.router.GraphQLRouter" => RouterKind::Router,
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

    /// Calls the class of a router: the framework's, or the project's own.
    pub(super) fn make_router(&mut self, kind: RouterKind, callee: &Value, arguments: &Arguments, site: Site) -> Value {
        if self.detached {
            return UNSUPPORTED;
        }
        let id = RouterId { file: self.root, index: self.run.routers.len() as u32 };
        let class = match callee {
            Value::Class(class) => Some(Arc::clone(class)),
            _ => None,
        };
        let init = class.as_ref().and_then(|class| self.interpreter.method(class, "__init__"));
        self.run.routers.push(Router::new(kind, site, class));
        match init {
            Some(init) => {
                self.invoke(&init, Some(Value::Router(id)), arguments);
            }
            None => {
                self.initialise_router(id, arguments, site);
                if let Value::Package(path) = callee {
                    self.library_routes(id, path, arguments, site);
                }
            }
        }
        Value::Router(id)
    }

    /// The framework's own `__init__` of a router.
    fn initialise_router(&mut self, id: RouterId, arguments: &Arguments, site: Site) {
        let Some(kind) = self.router(id).map(|router| router.kind) else { return };
        let prefix = match arguments.get("prefix", None) {
            Some(value) if kind == RouterKind::Router => self.interpreter.force(value.clone()),
            _ if arguments.open_ended && kind == RouterKind::Router => UNSUPPORTED,
            _ => Value::Str(SmolStr::default()),
        };
        let dependencies = self.dependency_list(arguments);
        let oauth2_redirect = arguments.get("swagger_ui_oauth2_redirect_url", None).cloned();
        let tags = match arguments.get("tags", None).map(|tags| self.interpreter.force(tags.clone())) {
            Some(Value::List(tags)) => tags
                .iter()
                .filter_map(|tag| match tag {
                    Value::Str(tag) => Some(tag.clone()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        if let Some(router) = self.run.routers.get_mut(id.index as usize).filter(|_| id.file == self.root) {
            (router.prefix, router.dependencies, router.oauth2_redirect) = (prefix, dependencies, oauth2_redirect);
            router.tags = tags;
        }
        if let Some(Value::List(middleware)) = arguments.get("middleware", None).cloned() {
            for value in middleware.iter() {
                if let Value::Instance(instance) = self.interpreter.force(value.clone())
                    && let Some(what) = instance.args.get("cls", Some(0))
                {
                    let what = self.interpreter.force(what.clone());
                    let arguments = Box::new(instance.args.clone());
                    self.middleware(id, what, arguments, true, instance.site);
                }
            }
        }
        self.note_startups(id, arguments, site);
        let position = (kind == RouterKind::Starlette).then_some(1);
        if let Some(routes) = arguments.get("routes", position).cloned() {
            self.route_objects(id, &routes, site);
        }
    }

    /// The `routes=[…]` of an application: `APIRoute`, `Route`, `WebSocketRoute`, `Mount`.
    pub(super) fn route_objects(&mut self, router: RouterId, routes: &Value, site: Site) {
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
                    let (site, conditional) = (instance.site, self.conditional());
                    self.run.effects.push(Effect::Mount { parent: router, path, app, site, conditional });
                }
                _ => self.unresolved(router, instance.site, "unknown-routes"),
            }
        }
    }

    /// `router.name`, as the framework's classes have it.
    pub(super) fn framework_attribute(&mut self, id: RouterId, name: &SmolStr) -> Value {
        let Some(router) = self.router(id) else { return UNSUPPORTED };
        match name.as_str() {
            // An application's own router.
            "router" if router.kind != RouterKind::Router => Value::Router(id),
            "prefix" if router.kind == RouterKind::Router => router.prefix,
            "dependencies" if router.dependencies.unknown.is_none() => {
                Value::List(Arc::new(router.dependencies.known.clone()))
            }
            "routes" => Value::RouteList(id),
            // FastAPI 0.136, `FastAPI.__init__`.
            "swagger_ui_oauth2_redirect_url" => {
                router.oauth2_redirect.unwrap_or(Value::Str(SmolStr::new_static("/docs/oauth2-redirect")))
            }
            "state" | "dependency_overrides" | "tags" | "title" | "version" | "root_path" | "openapi_url" => {
                UNSUPPORTED
            }
            _ => Value::RouterMethod(id, name.clone()),
        }
    }

    /// `router.name`: what code assigned, the project's own class, the framework's.
    pub(super) fn router_attribute(&mut self, id: RouterId, name: &SmolStr) -> Value {
        let Some(router) = self.router(id) else { return UNSUPPORTED };
        if let Some(value) = router.attributes.get(name) {
            return self.interpreter.force(value.clone());
        }
        if let Some(class) = &router.class
            && let Some(value) = self.interpreter.class_attribute(class, name)
        {
            return self.bind_attribute(value, Value::Router(id), class);
        }
        self.framework_attribute(id, name)
    }

    /// A router, of this run or an earlier one.
    pub(super) fn router(&self, id: RouterId) -> Option<Router> {
        if id.file == self.root && !self.detached {
            return self.run.routers.get(id.index as usize).cloned();
        }
        self.interpreter.count_name(id.file, &name_of_router(id.index));
        self.interpreter.run(id.file).routers.get(id.index as usize).cloned()
    }

    /// Remembers the first variable that a router is assigned to.
    pub(super) fn name_router(&mut self, id: RouterId, name: &SmolStr, scope: &Scope) {
        if let Some(router) = self.run.routers.get_mut(id.index as usize).filter(|_| id.file == self.root) {
            let variable = if scope.locals.is_none() { &mut router.name } else { &mut router.local_name };
            variable.get_or_insert_with(|| name.clone());
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

    pub(super) fn conditional(&self) -> bool {
        self.conditional > 0
    }

    pub(super) fn unresolved(&mut self, router: RouterId, site: Site, reason: &'static str) {
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
    pub(super) fn add_route(
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
        let site = self.asked_at.unwrap_or(site);
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

    /// Calls a method of the framework's router classes.
    pub(super) fn router_method(&mut self, id: RouterId, method: &SmolStr, args: Arguments, site: Site) -> Value {
        let Some((_, verbs)) = DECORATORS.iter().find(|(name, _)| name == method) else {
            return self.router_call(id, method, &args, site);
        };
        // `APIRouter.get` calls `self.api_route`.
        if let ([verb], false) = (*verbs, method == "api_route" || method == "route")
            && let Some(overridden) = self.overridden(id, "api_route")
        {
            let mut named = args.named.clone();
            if let (None, Some(path)) = (args.named.iter().find(|(n, _)| n == "path"), args.positional.first()) {
                named.push(("path".into(), path.clone()));
            }
            let verbs = Value::List(Arc::new(vec![Value::Str(SmolStr::new_static(verb))]));
            named.push(("methods".into(), verbs));
            let args = Arguments { positional: Vec::new(), named, open_ended: args.open_ended };
            return self.at_site(site, |this| this.invoke(&overridden, Some(Value::Router(id)), &args));
        }
        Value::RouteDecorator(Arc::new(RouteDecorator { router: id, method: method.clone(), args, site }))
    }

    /// The project's own method of a router's class, where the framework would
    /// call it. An application asks its inner router, which is the framework's.
    fn overridden(&self, id: RouterId, method: &str) -> Option<Arc<super::super::value::FunctionRef>> {
        let router = self.router(id).filter(|router| router.kind == RouterKind::Router)?;
        self.interpreter.method(router.class.as_ref()?, method)
    }

    /// Runs the project's own method in place of the framework's: the routes
    /// that it adds stand where the program asked for them.
    fn at_site<T>(&mut self, site: Site, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.asked_at;
        self.asked_at = Some(outer.unwrap_or(site));
        let result = run(self);
        self.asked_at = outer;
        result
    }

    /// Applies what a method of a router made: `@router.get("/x")`. Gives what
    /// the decorated name is bound to.
    pub(super) fn apply_route_decorator(&mut self, decorator: &RouteDecorator, decorated: &Value) -> Value {
        let RouteDecorator { router, method, args, site } = decorator;
        let methods = DECORATORS.iter().find(|(name, _)| name == method).map_or(&[][..], |(_, methods)| methods);
        match method.as_str() {
            "middleware" => {
                let (what, arguments) = (decorated.clone(), Box::default());
                self.middleware(*router, what, arguments, false, *site);
                return decorated.clone();
            }
            "on_event" => {
                self.note_event_handler(*router, args, Some(decorated), *site);
                return decorated.clone();
            }
            "exception_handler" => return decorated.clone(),
            _ => {}
        }
        let web_socket = method.starts_with("websocket");
        let starlette = self.router(*router).is_some_and(|r| r.kind == RouterKind::Starlette);
        let injects = !starlette && !matches!(method.as_str(), "route" | "websocket_route");
        let adder = if web_socket { "add_api_websocket_route" } else { "add_api_route" };
        if injects && let Some(overridden) = self.overridden(*router, adder) {
            let path = args.get("path", Some(0)).cloned().unwrap_or(UNSUPPORTED);
            let mut named: Vec<_> = args.named.iter().filter(|(name, _)| name != "path").cloned().collect();
            if !web_socket && !named.iter().any(|(name, _)| name == "methods") {
                let verbs = methods.iter().map(|&verb| Value::Str(SmolStr::new_static(verb)));
                named.push(("methods".into(), Value::List(Arc::new(verbs.collect()))));
            }
            let args = Arguments { positional: vec![path, decorated.clone()], named, open_ended: args.open_ended };
            self.at_site(*site, |this| this.invoke(&overridden, Some(Value::Router(*router)), &args));
            return decorated.clone();
        }
        let kind = if web_socket { RouteKind::WebSocket } else { RouteKind::Http };
        self.add_route(*router, args, None, kind, injects, decorated.clone(), methods, *site);
        decorated.clone()
    }

    /// A call of a router's method that makes no decorator.
    fn router_call(&mut self, router: RouterId, method: &str, arguments: &Arguments, site: Site) -> Value {
        match method {
            "__init__" => self.initialise_router(router, arguments, site),
            "add_api_route" => self.register(router, arguments, None, RouteKind::Http, true, site),
            "add_api_websocket_route" => self.register(router, arguments, None, RouteKind::WebSocket, true, site),
            "add_route" => self.register(router, arguments, None, RouteKind::Http, false, site),
            "add_websocket_route" => self.register(router, arguments, None, RouteKind::WebSocket, false, site),
            "include_router" => self.include(router, arguments, site),
            "frontend" => {
                let path = arguments.get("path", Some(0)).cloned().unwrap_or(UNSUPPORTED);
                let path = self.interpreter.force(path);
                if self.unknown_loops > 0 {
                    self.unresolved(router, site, "loop");
                    return Value::None;
                }
                let conditional = self.conditional();
                self.run.effects.push(Effect::Frontend { parent: router, path, site, conditional });
            }
            "mount" | "host" => {
                let path = arguments.get(if method == "host" { "host" } else { "path" }, Some(0));
                let path = path.cloned().unwrap_or(UNSUPPORTED);
                let app = arguments.get("app", Some(1)).cloned().unwrap_or(UNSUPPORTED);
                let (path, app) = (self.interpreter.force(path), self.interpreter.force(app));
                if self.unknown_loops > 0 {
                    self.unresolved(router, site, "loop");
                    return Value::None;
                }
                let path = if method == "host" { Value::Str(SmolStr::default()) } else { path };
                let conditional = self.conditional();
                self.run.effects.push(Effect::Mount { parent: router, path, app, site, conditional });
            }
            "add_middleware" => {
                let what = arguments.get("middleware_class", Some(0)).cloned().unwrap_or(UNSUPPORTED);
                let what = self.interpreter.force(what);
                let arguments = Box::new(arguments.clone());
                self.middleware(router, what, arguments, false, site);
            }
            "add_event_handler" => self.note_event_handler(router, arguments, None, site),
            "add_exception_handler" | "openapi" | "setup" => {}
            _ => return UNSUPPORTED,
        }
        Value::None
    }

    fn middleware(&mut self, app: RouterId, what: Value, mut arguments: Box<Arguments>, listed: bool, site: Site) {
        for (_, value) in &mut arguments.named {
            *value = self.interpreter.force(value.clone());
        }
        let conditional = self.conditional();
        self.run.effects.push(Effect::Middleware { app, what, arguments, listed, site, conditional });
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
