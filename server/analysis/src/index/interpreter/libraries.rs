//! Routers that libraries make, as their published versions make them:
//! fastapi-users 15, strawberry-graphql 0.2xx, classy-fastapi 0.7.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{
    Arguments, Attributes, ClassRef, Depends, Instance, Resolve, RouterId, Site, Unknown, Value,
};
use super::effects::{DependencyList, Effect, Registration, Router, RouterKind};
use super::expressions::UNSUPPORTED;
use super::{Execution, Interpreter};
use crate::facts::python::tree::StmtKind;
use crate::index::routes::RouteKind;

/// A callable inside a package: module, then qualified name.
fn inside(module: &str, qualname: &str) -> Value {
    Value::Package(SmolStr::new(format!("{module}:{qualname}")))
}

/// What a dependency of a known route is.
#[derive(Clone, Copy)]
enum Needs {
    /// The project's `get_user_manager`.
    UserManager,
    /// `get_strategy` of the back end that the router is made for.
    Strategy,
    /// The user of the request, active or not.
    CurrentUser,
    /// The form of the OAuth2 password flow.
    LoginForm,
    /// `/{id}` of fastapi-users, looked up.
    UserById,
}

/// A route of a library: method, path, name of the handler, dependencies.
type KnownRoute = (&'static str, &'static str, &'static str, &'static [Needs]);

/// Factories of fastapi-users with their modules and routes.
const USER_ROUTERS: &[(&str, &str, &[KnownRoute])] = &[
    (
        "get_auth_router",
        "auth",
        &[
            ("POST", "/login", "login", &[Needs::LoginForm, Needs::UserManager, Needs::Strategy]),
            ("POST", "/logout", "logout", &[Needs::CurrentUser, Needs::Strategy]),
        ],
    ),
    ("get_register_router", "register", &[("POST", "/register", "register", &[Needs::UserManager])]),
    (
        "get_reset_password_router",
        "reset",
        &[
            ("POST", "/forgot-password", "forgot_password", &[Needs::UserManager]),
            ("POST", "/reset-password", "reset_password", &[Needs::UserManager]),
        ],
    ),
    (
        "get_verify_router",
        "verify",
        &[
            ("POST", "/request-verify-token", "request_verify_token", &[Needs::UserManager]),
            ("POST", "/verify", "verify", &[Needs::UserManager]),
        ],
    ),
    (
        "get_oauth_router",
        "oauth",
        &[
            ("GET", "/authorize", "authorize", &[]),
            ("GET", "/callback", "callback", &[Needs::UserManager, Needs::Strategy]),
        ],
    ),
    (
        "get_oauth_associate_router",
        "oauth",
        &[
            ("GET", "/authorize", "authorize", &[Needs::CurrentUser]),
            ("GET", "/callback", "callback", &[Needs::CurrentUser, Needs::UserManager]),
        ],
    ),
    (
        "get_users_router",
        "users",
        &[
            ("GET", "/me", "me", &[Needs::CurrentUser]),
            ("PATCH", "/me", "update_me", &[Needs::CurrentUser, Needs::UserManager]),
            ("GET", "/{id}", "get_user", &[Needs::CurrentUser, Needs::UserById]),
            ("PATCH", "/{id}", "update_user", &[Needs::CurrentUser, Needs::UserById, Needs::UserManager]),
            ("DELETE", "/{id}", "delete_user", &[Needs::CurrentUser, Needs::UserById, Needs::UserManager]),
        ],
    ),
];

/// The method of fastapi-users that makes a dependency on the user.
const CURRENT_USER: &str = "FastAPIUsers.current_user";

/// Whether a package's class is an MCP server: `FastMCP`, which mcp 2.0 calls `MCPServer`.
pub fn is_tool_server_class(path: &str) -> bool {
    path.ends_with(".FastMCP") || path.starts_with("mcp.") && path.ends_with(".MCPServer")
}

impl Execution<'_, '_> {
    /// What calling something of a package gives.
    pub(super) fn library_call(&mut self, path: &SmolStr, arguments: Arguments, site: Site) -> Value {
        let made = self.package_instance(path, arguments, site);
        self.panel_made(path, &made);
        made
    }

    /// An attribute of an instance of a package's class.
    pub(super) fn library_attribute(&mut self, instance: &Instance, name: &SmolStr) -> Value {
        let Value::Package(class) = &instance.class else { return UNSUPPORTED };
        Value::Package(SmolStr::new(format!("{class}.{name}")))
    }

    /// The class of a package that has the method `name` of an object: its own,
    /// or a base of the project's class.
    pub(super) fn library_class(&self, instance: &Instance, name: &str) -> Option<SmolStr> {
        match &instance.class {
            Value::Package(class) => Some(class.clone()),
            Value::Class(class) if self.interpreter.method(class, name).is_none() => {
                let bases = self.interpreter.package_bases(class);
                bases.into_iter().find(|base| base.ends_with("fastapi_users.FastAPIUsers"))
            }
            _ => None,
        }
    }

    /// A method of an instance of a package's class, when it is known.
    pub(super) fn library_method(
        &mut self,
        instance: &Arc<Instance>,
        class: &SmolStr,
        name: &SmolStr,
        arguments: &Arguments,
        site: Site,
    ) -> Option<Value> {
        // The ASGI application of an MCP server remembers the server.
        if is_tool_server_class(class) && name.ends_with("_app") {
            let attributes = Attributes::of(self.number);
            attributes.set(&"server".into(), Value::Instance(Arc::clone(instance)));
            let class = Value::Package(SmolStr::new(format!("{class}.{name}")));
            return Some(Value::Instance(Arc::new(Instance { class, args: arguments.clone(), site, attributes })));
        }
        if self.panel_mounted(class, instance, name, arguments, site) {
            return Some(Value::None);
        }
        if let Some(itself) = self.instrumentator_method(class, instance, name, arguments, site) {
            return Some(itself);
        }
        if !class.ends_with("fastapi_users.FastAPIUsers") {
            return None;
        }
        if let Some((factory, module, routes)) = USER_ROUTERS.iter().find(|(factory, ..)| factory == name) {
            return Some(self.users_router(instance, factory, module, routes, arguments, site));
        }
        (name == "current_user").then(|| self.current_user(instance, arguments, site))
    }

    fn current_user(&self, users: &Arc<Instance>, arguments: &Arguments, site: Site) -> Value {
        let attributes = Attributes::of(self.number);
        attributes.set(&"users".into(), Value::Instance(Arc::clone(users)));
        let class = Value::Package(SmolStr::new(format!("fastapi_users.{CURRENT_USER}")));
        Value::Instance(Arc::new(Instance { class, args: arguments.clone(), site, attributes }))
    }

    fn users_router(
        &mut self,
        users: &Arc<Instance>,
        factory: &str,
        module: &str,
        routes: &[KnownRoute],
        arguments: &Arguments,
        site: Site,
    ) -> Value {
        let Some(id) = self.library_router(site) else { return UNSUPPORTED };
        let manager = users.args.get("get_user_manager", Some(0)).cloned().unwrap_or(UNSUPPORTED);
        let manager = self.interpreter.force(manager);
        // The client of the identity provider comes before it.
        let position = usize::from(factory == "get_oauth_router");
        let backend = arguments.get("backend", Some(position)).cloned().map(|value| self.interpreter.force(value));
        let strategy = match &backend {
            Some(Value::Instance(backend)) => backend.args.get("get_strategy", Some(2)).cloned(),
            _ => None,
        };
        let module = format!("fastapi_users.router.{module}");
        for (method, path, handler, needs) in routes {
            let dependencies = needs.iter().map(|need| match need {
                Needs::UserManager => manager.clone(),
                Needs::Strategy => self.interpreter.force(strategy.clone().unwrap_or(UNSUPPORTED)),
                Needs::CurrentUser => self.current_user(users, &Arguments::default(), site),
                Needs::LoginForm => Value::Package("fastapi.security.OAuth2PasswordRequestForm".into()),
                Needs::UserById => inside(&module, &format!("{factory}.<locals>.get_user_or_404")),
            });
            let dependencies = dependencies.collect();
            let handler = inside(&module, &format!("{factory}.<locals>.{handler}"));
            self.library_route(id, path, Some(method), handler, dependencies, site);
        }
        Value::Router(id)
    }

    /// A router that a library makes.
    fn library_router(&mut self, site: Site) -> Option<RouterId> {
        if self.detached {
            return None;
        }
        let id = RouterId { file: self.root, index: self.run.routers.len() as u32 };
        self.run.routers.push(Router::new(RouterKind::Router, site, None));
        Some(id)
    }

    /// A route of a library; without a method it is a WebSocket.
    fn library_route(
        &mut self,
        router: RouterId,
        path: &str,
        method: Option<&'static str>,
        handler: Value,
        dependencies: Vec<Value>,
        site: Site,
    ) {
        let depends =
            |dependency| Value::Depends(Arc::new(Depends { dependency: Some(dependency), scopes: Vec::new(), site }));
        let route = Registration {
            path: Value::Str(path.into()),
            methods: Some(method.map(SmolStr::new_static).into_iter().collect()),
            kind: if method.is_some() { RouteKind::Http } else { RouteKind::WebSocket },
            injects: true,
            handler,
            dependencies: DependencyList { known: dependencies.into_iter().map(depends).collect(), unknown: None },
            site,
        };
        let conditional = self.conditional > 0;
        self.run.effects.push(Effect::Route { router, route: Box::new(route), conditional });
    }

    /// Routes that a library's own router class adds when it is made.
    pub(super) fn library_routes(&mut self, id: RouterId, base: &str, arguments: &Arguments, site: Site) {
        if !base.ends_with("GraphQLRouter") {
            return;
        }
        let module = "strawberry.fastapi.router";
        let path = match arguments.get("path", Some(1)).map(|value| self.interpreter.force(value.clone())) {
            None => SmolStr::default(),
            Some(Value::Str(path)) => path,
            Some(_) => {
                self.run.effects.push(Effect::Unresolved { router: id, site, reason: "dynamic-path" });
                return;
            }
        };
        let given = |name: &str, default: &str| match arguments.get(name, None) {
            Some(value) => self.interpreter.force(value.clone()),
            None => inside(module, default),
        };
        let context = inside(module, "GraphQLRouter.__get_context_getter.<locals>.dependency");
        let custom = given("context_getter", "GraphQLRouter.__init__.<locals>.<lambda>");
        let root = given("root_value_getter", "GraphQLRouter.__get_root_value");
        let dependencies = [context, custom, root];
        let handlers =
            [(Some("GET"), "handle_http_get"), (Some("POST"), "handle_http_post"), (None, "websocket_endpoint")];
        for (method, handler) in handlers {
            let handler = inside(module, &format!("GraphQLRouter.__init__.<locals>.{handler}"));
            self.library_route(id, &path, method, handler, dependencies.to_vec(), site);
        }
    }

    /// What the constructors of package bases do to a new instance: classy-fastapi
    /// collects the decorated methods in `self.router`.
    pub(super) fn library_instance(&mut self, class: &Arc<ClassRef>, instance: &Value, site: Site) {
        let bases = self.interpreter.package_bases(class);
        if !bases.iter().any(|base| base.starts_with("classy_fastapi.") && base.ends_with("Routable")) {
            return;
        }
        let Some(router) = self.library_router(site) else { return };
        self.set_attribute(instance, &"router".into(), Value::Router(router));
        let mut seen: Vec<SmolStr> = Vec::new();
        for class in self.interpreter.linearised(class) {
            for stmt in &class.def.body {
                let StmtKind::Function(def) = &stmt.kind else { continue };
                if seen.contains(&def.name.name) {
                    continue;
                }
                seen.push(def.name.name.clone());
                for decorator in &def.decorators {
                    let Value::Instance(made) = self.interpreter.eval_in_class(&class, decorator) else { continue };
                    let Value::Package(path) = &made.class else { continue };
                    let Some(method) = path.strip_prefix("classy_fastapi.") else { continue };
                    let method = SmolStr::new(method.rsplit('.').next().unwrap_or(method));
                    let Some(handler) = self.interpreter.method(&class, &def.name.name) else { continue };
                    let handler = Value::Bound(Arc::new((instance.clone(), handler)));
                    let made = self.router_method(router, &method, made.args.clone(), made.site);
                    if let Value::RouteDecorator(decorator) = made {
                        self.apply_route_decorator(&decorator, &handler);
                    }
                }
            }
        }
    }
}

/// Dependencies of a library's dependency: fastapi-users asks for the project's
/// user manager, and for the strategy and the scheme of every back end.
pub fn library_dependencies(interpreter: &Interpreter<'_>, callable: &Value) -> Vec<Value> {
    let Value::Instance(instance) = callable else { return Vec::new() };
    if !matches!(&instance.class, Value::Package(path) if path.ends_with(CURRENT_USER)) {
        return Vec::new();
    }
    let Some(Value::Instance(users)) = instance.attributes.get("users") else { return Vec::new() };
    let argument = |of: &Instance, name: &str, position: usize| {
        let value = of.args.get(name, Some(position)).cloned();
        interpreter.force(value.unwrap_or(Value::Unknown(Unknown::Unsupported)))
    };
    let mut dependencies = vec![argument(&users, "get_user_manager", 0)];
    if let Value::List(backends) = argument(&users, "auth_backends", 1) {
        for backend in backends.iter() {
            if let Value::Instance(backend) = interpreter.force(backend.clone()) {
                dependencies.push(argument(&backend, "get_strategy", 2));
                if let Value::Instance(transport) = argument(&backend, "transport", 1)
                    && let Value::Package(path) = &transport.class
                {
                    let scheme =
                        if path.ends_with("CookieTransport") { "APIKeyCookie" } else { "OAuth2PasswordBearer" };
                    let class = Value::Package(SmolStr::new(format!("fastapi.security.{scheme}")));
                    let (args, site) = (Arguments::default(), transport.site);
                    let attributes = Attributes::default();
                    dependencies.push(Value::Instance(Arc::new(Instance { class, args, site, attributes })));
                }
            }
        }
    }
    dependencies
}

/// Module and qualified name of something of a package.
pub fn package_name(path: &str) -> (&str, &str) {
    if path.ends_with(CURRENT_USER) {
        return (
            "fastapi_users.authentication.authenticator",
            "Authenticator.current_user.<locals>.current_user_dependency",
        );
    }
    path.split_once(':').or_else(|| path.rsplit_once('.')).unwrap_or(("", path))
}
