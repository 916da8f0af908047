//! Servers of tools for language models (MCP) that run by themselves, and the tools that they offer.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::Body;
use super::super::mounts::{asks_nobody, is_tool_server};
use super::{Host, ItemTokens, ServedTools, Tool};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, Stmt, StmtKind, keyword};
use crate::index::interpreter::is_tool_server_class;
use crate::index::value::{Instance, Site, Value};

/// What `run` is told to serve over HTTP (mcp 1.26, fastmcp 3.0).
const OVER_HTTP: &[&str] = &["streamable-http", "sse", "http"];
/// Methods that serve over HTTP whatever they are told.
const SERVES: &[&str] = &["run_streamable_http_async", "run_sse_async", "run_http_async"];
/// Parameters of tools that say who is calling.
const IDENTITIES: &[&str] = &["user_id", "userId", "owner_id", "user_email"];

/// Finds servers that a body runs, and tools that it offers.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        tokens.served.extend(served(body, found.expr, func, args));
    }
    let asks = |param: &&Param| IDENTITIES.contains(&param.name.name.as_str());
    if let Some(def) = body.def
        && let Some(identity) = def.params.iter().find(asks)
    {
        let server = def.decorators.iter().find_map(|decorator| server_of_tool(body, decorator));
        let identity = identity.name.name.clone();
        let (function, name) = (body.site(def.name.range), def.name.name.clone());
        tokens.tools.extend(server.map(|server| Tool { server, function, name, identity }));
    }
}

/// Where the server is made that `@mcp.tool` and `@mcp.tool()` belong to.
fn server_of_tool(body: &Body<'_, '_, '_>, decorator: &Expr) -> Option<Site> {
    let func = decorator.as_call().map_or(decorator, |(func, _)| func);
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    (name.name == "tool").then(|| server(body, value)).flatten().map(|server| server.site)
}

/// A server that asks nobody who is calling, where it is served over HTTP.
fn served(body: &Body<'_, '_, '_>, call: &Expr, func: &Expr, args: &[Arg]) -> Option<ServedTools> {
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    let (server, host) = match name.name.as_str() {
        "run" if body.package(func).as_deref() == Some("uvicorn.run") || is_run_of_script(body, value) => {
            let application = &args.first()?.value;
            // Whatever is added to it may ask who is calling.
            let is_added_to = application.as_name().is_some_and(|name| is_called_on(body, name));
            let Value::Instance(application) = body.eval(body.traced(application)) else { return None };
            let Value::Package(class) = &application.class else { return None };
            let Some(Value::Instance(server)) = application.attributes.get("server") else { return None };
            let wrapped = application.args.open_ended || application.args.get("middleware", None).is_some();
            let host = keyword(args, "host").map_or(Host::Local, |host| host_of(body, host));
            (server, Some(host).filter(|_| is_tool_server(class) && !wrapped && !is_added_to)?)
        }
        method => {
            let over_http = |args: &[Arg]| {
                let transport = keyword(args, "transport").or_else(|| args.first().map(|arg| &arg.value));
                transport.and_then(Expr::as_str).is_some_and(|transport| OVER_HTTP.contains(&transport.as_str()))
            };
            let serves = SERVES.contains(&method) || method == "run" && over_http(args);
            let server = server(body, value).filter(|_| serves)?;
            let host = host_of_server(body, &server, value, args);
            (server, host)
        }
    };
    let server = asks_nobody(&server).then_some(server)?;
    Some(ServedTools { site: body.site(call.range), server: server.site, host })
}

/// Whether a name is uvicorn, imported where a module is run as a script: what
/// stands there is not executed when the module is imported.
fn is_run_of_script(body: &Body<'_, '_, '_>, module: &Expr) -> bool {
    let imports = |stmt: &Stmt| {
        matches!(&stmt.kind, StmtKind::Import(modules)
            if modules.iter().any(|module| module.module == "uvicorn" && module.alias.is_none()))
    };
    module.as_name().is_some_and(|name| name == "uvicorn") && body.statements().iter().any(|(stmt, _)| imports(stmt))
}

/// Whether a method of a variable is called.
fn is_called_on(body: &Body<'_, '_, '_>, variable: &SmolStr) -> bool {
    body.calls()
        .iter()
        .filter_map(|found| found.call())
        .any(|(func, _)| matches!(&func.kind, ExprKind::Attribute { value, .. } if value.as_name() == Some(variable)))
}

fn server(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Arc<Instance>> {
    match body.eval(expr) {
        Value::Instance(instance) => match &instance.class {
            Value::Package(class) if is_tool_server_class(class) => Some(instance),
            _ => None,
        },
        _ => None,
    }
}

/// The host that a server listens on: where it runs, in its settings, where it was made.
fn host_of_server(body: &Body<'_, '_, '_>, server: &Instance, expr: &Expr, args: &[Arg]) -> Host {
    if let Some(host) = keyword(args, "host") {
        return host_of(body, host);
    }
    let assigned = body.statements().iter().find_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) => {
            let is_host = assign.targets.iter().any(|target| is_setting(target, expr));
            assign.value.as_ref().filter(|_| is_host)
        }
        _ => None,
    });
    if let Some(value) = assigned {
        return host_of(body, value);
    }
    match server.args.get("host", None) {
        None => Host::Local,
        Some(Value::Str(host)) => Host::of(host),
        Some(_) => Host::Unknown,
    }
}

/// `mcp.settings.host` of the server that an expression gives.
fn is_setting(target: &Expr, server: &Expr) -> bool {
    let ExprKind::Attribute { value, name } = &target.kind else { return false };
    let ExprKind::Attribute { value: of, name: settings } = &value.kind else { return false };
    name.name == "host" && settings.name == "settings" && of.as_name().is_some() && of.as_name() == server.as_name()
}

/// The host that an expression gives; of a variable of the environment what stands in for it.
fn host_of(body: &Body<'_, '_, '_>, expr: &Expr) -> Host {
    let expr = body.traced(expr);
    let stands_in = expr.as_call().and_then(|(func, args)| {
        let path = body.package(func)?;
        let default: Option<&SmolStr> = args.get(1)?.value.as_str();
        default.filter(|_| matches!(path.as_str(), "os.getenv" | "os.environ.get")).cloned()
    });
    match (expr.as_str().cloned().or(stands_in), body.eval(expr)) {
        (Some(host), _) | (None, Value::Str(host)) => Host::of(&host),
        _ => Host::Unknown,
    }
}
