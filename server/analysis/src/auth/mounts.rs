//! What is mounted that is no application of the project.

use super::flow::judge_around;
use super::{Judge, Verdict};
use crate::index::interpreter::{is_sqladmin, is_starlette_admin, is_tool_server_class};
use crate::index::value::{Instance, Value};

/// What a mounted object is, as far as guards go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounted {
    /// An application of the project, which has routes of its own.
    Application,
    /// Files.
    Files,
    /// An MCP server that asks nobody who it is.
    OpenToolServer,
    /// A panel for administrators that asks nobody who it is, and the argument that would tell it to.
    OpenPanel(&'static str),
    /// Something else.
    Other,
}

/// Arguments by which an MCP server is told to authenticate (mcp 1.26, fastmcp 3.0).
const AUTHENTICATION: &[&str] = &["auth", "auth_provider", "auth_server_provider", "token_verifier"];

/// What is mounted.
pub fn mounted(handler: &Value) -> Mounted {
    match handler {
        Value::Router(_) => Mounted::Application,
        Value::Instance(instance) => match &instance.class {
            Value::Package(class) if class.ends_with(".StaticFiles") => Mounted::Files,
            Value::Package(class) if is_tool_server(class) => of_tool_server(instance),
            Value::Package(class) if is_sqladmin(class) => of_panel(instance, "authentication_backend"),
            Value::Package(class) if is_starlette_admin(class) => of_panel(instance, "auth_provider"),
            _ => Mounted::Other,
        },
        _ => Mounted::Other,
    }
}

impl Judge<'_> {
    /// What an object of the project proves that is mounted in place of what it passes requests on to.
    pub(crate) fn around_mounted(&self, handler: &Value) -> Option<Verdict> {
        let Value::Instance(instance) = handler else { return None };
        let Value::Class(class) = &instance.class else { return None };
        let method = self.resolve.method(class, "__call__")?;
        let call = self.resolve.current(&method);
        let takes = call.def.params.len() - usize::from(call.takes_receiver());
        // `scope`, `receive`, `send` (ASGI 3.0).
        (takes == 3).then(|| judge_around(self, &call, Some(handler), None, None).verdict)
    }
}

/// A panel, which authenticates if it is given what does (sqladmin 0.32, starlette-admin 1.0).
fn of_panel(panel: &Instance, authentication: &'static str) -> Mounted {
    let told = |name: &str| !matches!(panel.args.get(name, None), None | Some(Value::None));
    // A middleware of its own may authenticate.
    match panel.args.open_ended || told(authentication) || told("middlewares") {
        true => Mounted::Other,
        false => Mounted::OpenPanel(authentication),
    }
}

/// Whether a package's callable gives the ASGI application of an MCP server.
pub(super) fn is_tool_server(path: &str) -> bool {
    let Some((class, method)) = path.rsplit_once('.') else { return false };
    is_tool_server_class(class) && matches!(method, "streamable_http_app" | "sse_app" | "http_app")
}

/// Whether an MCP server is told of nothing that authenticates its callers.
pub(super) fn asks_nobody(server: &Instance) -> bool {
    let told = |name: &&str| !matches!(server.args.get(name, None), None | Some(Value::None));
    !server.args.open_ended && !AUTHENTICATION.iter().any(told)
}

fn of_tool_server(application: &Instance) -> Mounted {
    match application.attributes.get("server") {
        Some(Value::Instance(server)) => {
            // A middleware of its own may authenticate.
            let wrapped = application.args.open_ended || application.args.get("middleware", None).is_some();
            match asks_nobody(&server) && !wrapped {
                true => Mounted::OpenToolServer,
                false => Mounted::Other,
            }
        }
        _ => Mounted::Other,
    }
}
