//! Servers of tools for language models (MCP) that run by themselves, and the tools that they offer.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{Body, Scope, each_body, last_name};
use super::super::mounts::{asks_nobody, is_tool_server};
use super::super::sources::{Worth, worth_of};
use super::callees::callee;
use super::libraries::does;
use super::secrets;
use super::{Host, ItemTokens, ServedTools, Tool};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::is_tool_server_class;
use crate::index::value::{Instance, Resolve, Site, Value};
use crate::vfs::FileId;

/// What `run` is told to serve over HTTP (mcp 1.26, fastmcp 3.0).
const OVER_HTTP: &[&str] = &["streamable-http", "sse", "http"];
/// Methods that serve over HTTP whatever they are told.
const SERVES: &[&str] = &["run_streamable_http_async", "run_sse_async", "run_http_async"];
/// Functions inside each other that a tool's headers are looked for in.
const MAX_DEPTH: u32 = 3;
/// What asks nobody who is calling, put around an application (starlette 0.50).
const ASKS_NOBODY: &[&str] =
    &["TrustedHostMiddleware", "CORSMiddleware", "GZipMiddleware", "HTTPSRedirectMiddleware", "ProxyHeadersMiddleware"];
/// Parameters of tools that say who is calling.
const IDENTITIES: &[&str] = &["user_id", "userId", "owner_id", "user_email"];

/// Finds servers that a body runs, and tools that it offers.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        tokens.served.extend(served(body, found.expr, func, args));
        tokens.tools.extend(added(body, func, args));
        tokens.asking.extend(server_behind_middleware(body, func, args));
    }
    tokens.served.extend(exported(body));
    if let Some(def) = body.def
        && let Some(server) = def.decorators.iter().find_map(|decorator| server_of_tool(body, decorator))
    {
        let (function, name) = (body.site(def.name.range), def.name.name.clone());
        if named_by_header(body).is_none() && looks_at_request(body, 0) {
            tokens.asking.push(server);
        }
        tokens.tools.extend(identity(body).map(|identity| Tool { server, function, name, identity }));
    }
}

/// The server that a middleware of the project is put around, which may ask who is calling (fastmcp 3.0):
/// `mcp.add_middleware(KeyMiddleware())`.
fn server_behind_middleware(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<Site> {
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    let server = server(body, value).filter(|_| name.name == "add_middleware")?;
    let is_of_package = match body.eval(&args.first()?.value) {
        Value::Instance(added) => matches!(added.class, Value::Package(_)),
        Value::Package(_) => true,
        _ => false,
    };
    (!is_of_package).then_some(server.site)
}

/// Whether a tool, or a function of the project that it calls, looks at the request over HTTP that called it, or at the
/// token that came with it (fastmcp 3.0, mcp 1.26): what it makes of that is its own.
fn looks_at_request(body: &Body<'_, '_, '_>, depth: u32) -> bool {
    let of_context = |expr: &Expr| {
        matches!(&expr.kind, ExprKind::Attribute { value, name }
            if name.name == "request" && last_name(value).is_some_and(|name| name == "request_context"))
    };
    if !body.find(&of_context).is_empty() {
        return true;
    }
    body.calls().iter().filter_map(|found| found.call()).any(|(func, _)| {
        if let Some(path) = body.package(func) {
            let last = path.rsplit('.').next().unwrap_or(&path);
            let of_server = path.starts_with("fastmcp.") || path.starts_with("mcp.");
            return of_server && matches!(last, "get_http_headers" | "get_http_request" | "get_access_token");
        }
        let Some(function) = callee(body, func).filter(|_| depth < MAX_DEPTH) else { return false };
        let function = body.interpreter.current(&function);
        looks_at_request(&Body::new(body.interpreter, Scope::Function(&function), &function.def.body), depth + 1)
    })
}

/// What a tool takes from its caller to tell whose data it works on: a parameter, a field of the model that one is, or a header.
fn identity(body: &Body<'_, '_, '_>) -> Option<SmolStr> {
    let asks = |param: &&Param| IDENTITIES.contains(&param.name.name.as_str());
    let params = &body.def?.params;
    let param = params.iter().find(asks).map(|param| param.name.name.clone());
    let field = || params.iter().find_map(|param| identity_in_model(body, param));
    param.or_else(field).or_else(|| named_by_header(body))
}

/// The field of a parameter's pydantic model that says so.
fn identity_in_model(body: &Body<'_, '_, '_>, param: &Param) -> Option<SmolStr> {
    const MODELS: &[&str] = &["pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel"];
    let class = match secrets::signature(body, param.annotation.as_ref()?)? {
        Value::Class(class) => class,
        Value::Annotated(annotated) => match &annotated.ty {
            Value::Class(class) => Arc::clone(class),
            _ => return None,
        },
        _ => return None,
    };
    let is_model = body.interpreter.package_bases(&class).iter().any(|base| MODELS.contains(&base.as_str()));
    let mut fields = body.interpreter.fields_of(&class).into_iter();
    fields.find(|field| is_model && IDENTITIES.contains(&field.as_str()))
}

/// Where the server is made that `@mcp.tool` and `@mcp.tool()` belong to.
fn server_of_tool(body: &Body<'_, '_, '_>, decorator: &Expr) -> Option<Site> {
    let func = decorator.as_call().map_or(decorator, |(func, _)| func);
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    (name.name == "tool").then(|| server(body, value)).flatten().map(|server| server.site)
}

/// A tool that a call adds to a server: `mcp.tool()(search)`, `mcp.add_tool(search)`.
fn added(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> Option<Tool> {
    let adds = match &func.kind {
        ExprKind::Call { .. } => server_of_tool(body, func),
        ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "tool" | "add_tool") => {
            server(body, value).map(|server| server.site)
        }
        _ => None,
    };
    let server = adds?;
    let Value::Function(function) = body.eval(&args.first()?.value) else { return None };
    let function = body.interpreter.current(&function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    let site = Site { range: function.def.name.range, ..function.site };
    let name = function.def.name.name.clone();
    identity(&inner).map(|identity| Tool { server, function: site, name, identity })
}

/// The header by which a request of HTTP says who is calling, where a tool reads one and nothing that
/// its caller could prove that with.
fn named_by_header(body: &Body<'_, '_, '_>) -> Option<SmolStr> {
    let mut read = Vec::new();
    let all_seen = headers_read(body, 0, &mut read);
    let proves = read.iter().any(|name| worth_of(name) == Worth::Credential);
    read.into_iter().find(|name| all_seen && !proves && worth_of(name) == Worth::Identity)
}

/// Collects the headers that a function and those that it calls read by name; false where something may verify the caller.
fn headers_read(body: &Body<'_, '_, '_>, depth: u32, read: &mut Vec<SmolStr>) -> bool {
    let entries = body.find(&|expr| entry(expr).is_some());
    read.extend(entries.iter().filter_map(|found| {
        let (map, key) = entry(found.expr)?;
        is_headers(body, map).then(|| SmolStr::new(key.to_ascii_lowercase()))
    }));
    body.calls().iter().filter_map(|found| found.call()).all(|(func, _)| {
        let verifies = does(body, func).is_some()
            || last_name(func).is_some_and(|name| matches!(name.as_str(), "compare_digest" | "get_access_token"));
        if verifies {
            return false;
        }
        let Some(function) = callee(body, func).filter(|_| depth < MAX_DEPTH) else { return true };
        let function = body.interpreter.current(&function);
        let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
        headers_read(&inner, depth + 1, read)
    })
}

/// `headers.get("name")`, `headers["name"]`: of what, and the name.
fn entry(expr: &Expr) -> Option<(&Expr, &SmolStr)> {
    match &expr.kind {
        ExprKind::Subscript { value, index } => Some((value, index.as_str()?)),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" => Some((value, positional(args, 0)?.as_str()?)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression is the headers of the request that called a tool: `get_http_headers()` of
/// fastmcp, `get_http_request().headers`, `ctx.request_context.request.headers`.
fn is_headers(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let called = |expr: &Expr, function: &str| {
        let path = body.traced(expr).as_call().and_then(|(func, _)| body.package(func));
        path.is_some_and(|path| path.starts_with("fastmcp") && path.ends_with(function))
    };
    match &body.traced(expr).kind {
        ExprKind::Attribute { value, name } if name.name == "headers" => {
            let of_context = matches!(&value.kind, ExprKind::Attribute { value, name }
                if name.name == "request" && last_name(value).is_some_and(|name| name == "request_context"));
            of_context || called(value, "get_http_request")
        }
        _ => called(expr, "get_http_headers"),
    }
}

/// A server that asks nobody who is calling, where it is served over HTTP.
fn served(body: &Body<'_, '_, '_>, call: &Expr, func: &Expr, args: &[Arg]) -> Option<ServedTools> {
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    let (server, host) = match name.name.as_str() {
        "run" if body.package(func).as_deref() == Some("uvicorn.run") || is_run_of_script(body, value) => {
            let application = &args.first()?.value;
            // Whatever is added to it may ask who is calling.
            let is_added_to = application.as_name().is_some_and(|name| is_called_on(body, name));
            let server = server_behind(&body.eval(body.traced(application)))?;
            let host = keyword(args, "host").map_or(Host::Local, |host| host_of(body, host));
            (server, Some(host).filter(|_| !is_added_to)?)
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
    Some(ServedTools { site: body.site(call.range), server: server.site, host, exported: false })
}

/// The server that an ASGI application was made of, which nothing was put around then.
fn server_behind(application: &Value) -> Option<Arc<Instance>> {
    let Value::Instance(application) = application else { return None };
    let Value::Package(class) = &application.class else { return None };
    let Some(Value::Instance(server)) = application.attributes.get("server") else { return None };
    let wrapped = application.args.open_ended || application.args.get("middleware", None).is_some();
    (is_tool_server(class) && !wrapped).then_some(server)
}

/// A server whose application a module makes at its top, where it is one that runs by itself, and leaves it to whoever
/// serves that: `uvicorn server:app`. Where that listens can't be told.
fn exported(body: &Body<'_, '_, '_>) -> Option<ServedTools> {
    let Scope::Module(file, index) = body.scope else { return None };
    let [Stmt { kind: StmtKind::Assign(assign), .. }] = body.block else { return None };
    let ([target], Some(made)) = (assign.targets.as_slice(), &assign.value) else { return None };
    let variable = target.as_name().filter(|_| made.as_call().is_some())?;
    let server = server_behind(&body.eval(target)).filter(|server| asks_nobody(server))?;
    let is_left = is_script(body, file) && is_left_to_others(body, (file, index), variable);
    let (site, server) = (body.site(made.range), server.site);
    is_left.then_some(ServedTools { site, server, host: Host::Unknown, exported: true })
}

/// Whether a module does something of its own when it is run: `if __name__ == "__main__":`.
fn is_script(body: &Body<'_, '_, '_>, file: FileId) -> bool {
    let is_asked = |test: &Expr| match &test.kind {
        ExprKind::Compare { first, .. } => first.as_name().is_some_and(|name| name == "__name__"),
        _ => false,
    };
    body.interpreter.count_items(file);
    body.interpreter.sources().facts(file).is_some_and(|facts| {
        facts.plain_statements().any(|(_, stmt)| matches!(&stmt.kind, StmtKind::If { test, .. } if is_asked(test)))
    })
}

/// Whether a module does nothing else with an application that it makes than run it, set attributes of it, and add what
/// asks nobody who is calling: it is not mounted, and nothing is put around it.
fn is_left_to_others(body: &Body<'_, '_, '_>, made: (FileId, u32), variable: &SmolStr) -> bool {
    let (interpreter, (file, own)) = (body.interpreter, made);
    let Some(facts) = interpreter.sources().facts(file) else { return false };
    let mut is_left = true;
    for item in facts.items.iter().filter(|item| item.number != own) {
        each_body(interpreter, file, item.number, &item.placed.item.stmt, &|_| true, &mut |scope, block| {
            Body::new(interpreter, scope, block).each_nested(&mut |inside| is_left &= leaves_alone(inside, variable));
        });
    }
    is_left
}

fn leaves_alone(body: &Body<'_, '_, '_>, variable: &SmolStr) -> bool {
    let is_it = |expr: &Expr| expr.as_name() == Some(variable);
    let all = body.find(&is_it).len();
    let plain = body.calls().iter().filter_map(|found| found.call()).filter(|(func, args)| match &func.kind {
        ExprKind::Attribute { value, name } if name.name == "add_middleware" && is_it(value) => {
            let added = args.first().and_then(|arg| body.package(&arg.value));
            added.is_some_and(|path| path.rsplit('.').next().is_some_and(|class| ASKS_NOBODY.contains(&class)))
        }
        ExprKind::Attribute { value, name } if name.name == "run" => {
            let is_uvicorn = value.as_name().is_some_and(|name| name == "uvicorn");
            is_uvicorn && args.first().is_some_and(|arg| is_it(&arg.value))
        }
        _ => false,
    });
    let targets = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) => Some(assign.targets.iter()),
        _ => None,
    });
    let set = targets.flatten().filter(|target| sets_attribute(target, &is_it)).count();
    all == plain.count() + set
}

/// `app.router.lifespan_context = …`
fn sets_attribute(target: &Expr, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    let ExprKind::Attribute { value, .. } = &target.kind else { return false };
    is_it(value) || sets_attribute(value, is_it)
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
