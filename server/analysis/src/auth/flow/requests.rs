//! Parts of the request: headers, cookies, parameters, and what middlewares
//! left on `request.state`.

use smol_str::SmolStr;

use super::super::code::last_name;
use super::super::evidence::{Evidence, Part};
use super::super::sources::{Worth, is_bare_key, worth_of, worth_of_parameter};
use super::backend::Required;
use super::calls::from_value;
use super::{Abs, Flow, Path};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Value};

/// What a client sends over a socket, as a part of the request: browsers send no
/// headers of their own with it, so that the token comes in a message.
pub(super) const MESSAGE: &str = "message";

/// What an application keeps for all requests, as a part of each: `request.app.state` (Starlette 0.46).
pub(super) const STATE_OF_APPLICATION: &str = "app.state";

/// Why it is not known what is on `request.state`.
pub(super) const SET_ELSEWHERE: &str = "is set elsewhere, by a middleware perhaps";

/// Whether a method of a socket gives a message of the client's that may hold a token
/// (Starlette 0.27, `WebSocket`). Bytes are sound or pictures.
pub(super) fn receives(method: &str) -> bool {
    matches!(method, "receive" | "receive_text" | "receive_json" | "iter_text" | "iter_json")
}

/// Whether a method of a socket takes something from the client. What is sent may say why it is turned away.
pub(super) fn serves(method: &str) -> bool {
    receives(method) || matches!(method, "receive_bytes" | "iter_bytes")
}

/// Whether a method of a socket gives the client something.
fn gives(method: &str) -> bool {
    receives(method) || matches!(method, "receive_bytes" | "accept" | "send" | "send_text" | "send_json" | "send_bytes")
}

/// Variable that marks a path on which a socket's client was listened to. No Python name contains a space.
pub(super) const SERVED: &str = "was served";

/// Whether a constant or setting that holds the name of a cookie or header is called like that of a credential.
fn names_credential(key: &Expr) -> bool {
    const KINDS: &[&str] = &["access", "refresh", "auth", "session", "token", "jwt", "login", "bearer"];
    let name = match &key.kind {
        ExprKind::Attribute { name, .. } => &name.name,
        ExprKind::Name(name) => name,
        _ => return false,
    };
    name.to_ascii_lowercase().split('_').any(|word| KINDS.contains(&word))
}

/// `return`, `return None`.
fn is_nothing(value: &Option<Expr>) -> bool {
    value.as_ref().is_none_or(|value| matches!(value.kind, ExprKind::None))
}

/// Whether a statement leaves the handler, and gives nothing.
fn leaves(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Return(value) => is_nothing(value),
        StmtKind::Raise { .. } => true,
        _ => false,
    }
}

/// Whether an entry of the scope is none of those that servers and frameworks put there (ASGI 3.0; Starlette 0.46 and
/// FastAPI 0.136).
fn is_own_entry(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "type",
        "asgi",
        "http_version",
        "method",
        "scheme",
        "path",
        "raw_path",
        "query_string",
        "root_path",
        "headers",
        "client",
        "server",
        "state",
        "extensions",
        "subprotocols",
        "app",
        "router",
        "endpoint",
        "route",
        "path_params",
        "session",
        "user",
        "auth",
    ];
    !name.is_empty() && !name.starts_with("fastapi") && !KNOWN.contains(&name)
}

impl Flow<'_, '_> {
    /// Whether a clause of a socket's handler is its end, as the `last` thing that it does or because it returns there,
    /// and gives the client nothing any more: whoever gets there is not let in.
    pub(super) fn ends_socket(&self, last: bool, handler: &Handler) -> bool {
        let speaks = |callee: &Expr| matches!(&callee.kind, ExprKind::Attribute { name, .. } if gives(&name.name));
        let ends = last || handler.body.last().is_some_and(leaves);
        ends && self.serves_socket() && !callees(&handler.body).into_iter().any(speaks)
    }

    /// Whether the function takes a socket and is the handler, or what the handler leaves it to.
    fn serves_socket(&self) -> bool {
        match self.stack.as_slice() {
            [_] => self.takes_socket(self.function()),
            [handler, function] => self.is_left_socket(handler, function),
            _ => false,
        }
    }

    /// Whether all that a handler does in the end is to leave its socket to a function, and it does so nowhere else:
    /// `await serve(socket)`.
    pub(super) fn is_left_socket(&self, handler: &FunctionRef, function: &FunctionRef) -> bool {
        let last = handler.def.body.last().filter(|_| self.answers).and_then(|stmt| match &stmt.kind {
            StmtKind::Expr(Expr { kind: ExprKind::Await(call), .. })
            | StmtKind::Return(Some(Expr { kind: ExprKind::Await(call), .. })) => call.as_call(),
            _ => None,
        });
        let is_named = |(called, _): &(&Expr, &[Arg])| last_name(called) == Some(&function.def.name.name);
        let Some((called, _)) = last.filter(is_named).filter(|_| self.takes_socket(function)) else { return false };
        let is_it = |callee: &&Expr| match self.judge.resolve.eval(handler, callee) {
            Value::Function(callee) => callee.site == function.site,
            Value::Bound(bound) => bound.1.site == function.site,
            _ => false,
        };
        // Another name for it may be in another variable.
        is_it(&called)
            && callees(&handler.def.body).filter(is_it).count() == 1
            && times_named(&handler.def.body, &function.def.name.name) == 1
    }

    /// Whether a function takes a socket.
    fn takes_socket(&self, function: &FunctionRef) -> bool {
        function.def.params.iter().any(|param| {
            let ty = param.annotation.as_ref().map(|ty| self.judge.resolve.eval_signature(function, ty));
            matches!(ty, Some(Value::Package(path)) if path.ends_with(".WebSocket"))
        })
    }

    /// Whether a statement closes the socket of a handler that returns with the `next` one, before it took anything
    /// from the client: whoever gets there is not let in, whatever the code says that it is closed with.
    pub(super) fn hangs_up(&mut self, path: &Path, stmt: &Stmt, next: Option<&Stmt>) -> bool {
        let StmtKind::Expr(Expr { kind: ExprKind::Await(awaited), .. }) = &stmt.kind else { return false };
        let closed = awaited.as_call().and_then(|(func, _)| match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "close" => value.as_name(),
            _ => None,
        });
        let returns = next.is_some_and(|next| matches!(&next.kind, StmtKind::Return(value) if is_nothing(value)));
        let Some(socket) = closed.filter(|_| returns) else { return false };
        let is_socket = matches!(path.get(socket), Some(Abs::Request(part)) if part.is_empty()) && self.serves_socket();
        let hangs_up = is_socket && !path.vars.contains_key(SERVED);
        if hangs_up {
            self.found.rejection.get_or_insert(self.site(awaited));
        }
        hangs_up
    }

    /// `request.headers["…"]` and its kin.
    pub(super) fn request_item(&mut self, path: &Path, expr: &Expr, part: &str, key: Option<&Expr>) -> Abs {
        let name = key.map(|key| match &key.kind {
            ExprKind::Str(name) => name.clone(),
            _ => match self.outer(key) {
                // `request.cookies.get(settings.access_cookie)`, which is called `acme_a`.
                Value::Str(name) if worth_of(&name) == Worth::Data && names_credential(key) => {
                    SmolStr::new_static("token")
                }
                Value::Str(name) => name,
                // The name of the header or cookie is configured: that is done for
                // credentials, and for what is sent against forged requests.
                _ if self.is_against_forgery() => SmolStr::new_static("csrf"),
                _ => SmolStr::new_static("token"),
            },
        });
        let name = name.unwrap_or_default();
        match part {
            "query_params" | "path_params" if worth_of_parameter(&name) == Worth::Data => Abs::Other,
            "query_params" | "path_params" if is_bare_key(&name) => Abs::Secret,
            // `message["payload"]["token"]`
            MESSAGE if worth_of(&name) == Worth::Data => Abs::Request(MESSAGE.into()),
            "headers" | "cookies" | "query_params" | "path_params" | MESSAGE => match worth_of(&name) {
                Worth::Credential => {
                    self.found.credential = true;
                    self.found.in_message |= part == MESSAGE;
                    if let Some(part) = Part::of(part, &name) {
                        self.step(expr, Evidence::Reads(part), part.note());
                    }
                    Abs::Credential
                }
                Worth::Identity => {
                    self.found.identity = true;
                    self.note(expr, format!("`{name}` is what the client says it is"));
                    Abs::Identity
                }
                Worth::Data => Abs::Other,
            },
            "session" => {
                self.found.credential = true;
                self.decides(expr, "the session cookie is signed by Starlette's SessionMiddleware");
                Abs::Verified { checked: false }
            }
            "state" => self.request_state(path, expr, &name),
            "kwargs" => self.injected_argument(&name),
            "scope" => match name.as_str() {
                "headers" | "state" | "session" => Abs::Request(name),
                // No client has a say in what stands there.
                _ if is_own_entry(&name) => self.request_state(path, expr, &name),
                _ => {
                    self.found.asks_route = true;
                    Abs::Other
                }
            },
            _ => Abs::Other,
        }
    }

    /// The entry of the scope that a middleware of the project's has put there under a key: `request.scope["account"]`.
    pub(super) fn own_entry(&self, key: &Expr) -> Option<SmolStr> {
        let name = match &key.kind {
            ExprKind::Str(name) => name.clone(),
            _ => match self.outer(key) {
                Value::Str(name) => name,
                _ => return None,
            },
        };
        is_own_entry(&name).then_some(name)
    }

    /// Whether the code that is executed calls itself a defence against forged
    /// requests: what it reads tells that a browser sent the request, not who did.
    fn is_against_forgery(&self) -> bool {
        self.stack.iter().any(|function| {
            let name = function.qualname.to_ascii_lowercase();
            name.contains("csrf") || name.contains("xsrf")
        })
    }

    /// `request.app.state.name`: what the project's applications keep there.
    pub(super) fn kept_on_state(&self, name: &str) -> Abs {
        from_value(self.judge.resolve.kept_on_state(name))
    }

    /// The name in `app.state.name`, of an application that a variable around a function holds, or in
    /// `request.app.state.name`.
    pub(super) fn asked_of_application<'e>(&self, function: &FunctionRef, expr: &'e Expr) -> Option<&'e SmolStr> {
        let ExprKind::Attribute { value: state, name: kept } = &expr.kind else { return None };
        let ExprKind::Attribute { value: app, name } = &state.kind else { return None };
        let of_request = || match &app.kind {
            ExprKind::Attribute { value, name } => {
                let is_param = |asked: &SmolStr| function.def.params.iter().any(|param| param.name.name == *asked);
                name.name == "app" && value.as_name().is_some_and(is_param)
            }
            _ => false,
        };
        let is_it = name.name == "state"
            && (of_request() || matches!(self.judge.resolve.eval(function, app), Value::Router(_)));
        is_it.then_some(&kept.name)
    }

    /// `request.state.name`, from what is known to have been put there.
    pub(super) fn request_state(&mut self, path: &Path, expr: &Expr, name: &SmolStr) -> Abs {
        if let Some(value) = path.state.get(name) {
            self.found.credential |= *value == Abs::Credential;
            self.found.identity |= *value == Abs::Identity;
            return value.clone();
        }
        let left = self.judge.state.borrow().values.get(name).cloned();
        if let Some(value) = left {
            if let Abs::Verified { .. } = value {
                self.decides(expr, format!("`request.state.{name}` is set by a middleware that verifies"));
            }
            match value {
                Abs::Credential => self.found.credential = true,
                Abs::Identity => self.found.identity = true,
                _ => {}
            }
            return value;
        }
        match worth_of(name) {
            Worth::Data => Abs::Other,
            _ => Abs::Unknown(format!("`request.state.{name}` {SET_ELSEWHERE}").into()),
        }
    }

    /// Whether something is known to have been put on `request.state` under a
    /// name, on this path or by a middleware further out.
    fn is_set(&self, path: &Path, name: &SmolStr) -> bool {
        path.state.contains_key(name) || self.judge.state.borrow().values.contains_key(name)
    }

    /// Calls of packages that hand out parts of the request.
    pub(super) fn of_request(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        package: &str,
        args: &[Arg],
        values: &[Abs],
    ) -> Option<Abs> {
        let part = match values.first() {
            Some(Abs::Request(part)) => part.clone(),
            _ => return None,
        };
        match (package.rsplit('.').next()?, part.as_str()) {
            ("has_required_scope", "") if package.starts_with("starlette.authentication") => {
                let scopes = args.get(1).and_then(|arg| self.scopes_of(path, &arg.value));
                Some(self.authenticated(expr, Required::from(&scopes)))
            }
            ("loads", MESSAGE) => Some(Abs::Request(MESSAGE.into())),
            ("Request" | "HTTPConnection" | "WebSocket", "scope") => Some(Abs::Request(SmolStr::default())),
            ("Headers" | "MutableHeaders", "scope") => Some(Abs::Request("headers".into())),
            ("getattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                Some(match self.request_state(path, expr, &name) {
                    Abs::Verified { .. } if args.len() > 2 => Abs::Verified { checked: false },
                    value => value,
                })
            }
            ("getattr", STATE_OF_APPLICATION) => Some(self.kept_on_state(args.get(1)?.value.as_str()?)),
            ("hasattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                if self.around.is_some() && !self.is_set(path, &name) {
                    return Some(Abs::Nothing);
                }
                Some(match self.request_state(path, expr, &name) {
                    Abs::Verified { checked } => Abs::Verified { checked },
                    Abs::Unknown(reason) => Abs::Unknown(reason),
                    _ => Abs::Other,
                })
            }
            ("setattr", "state") => {
                let name = args.get(1)?.value.as_str()?.clone();
                path.state.insert(name, values.get(2).cloned().unwrap_or(Abs::Other));
                Some(Abs::Nothing)
            }
            _ => None,
        }
    }
}

/// How often a name stands in statements, as an attribute, too.
fn times_named(body: &[Stmt], name: &str) -> usize {
    let (mut blocks, mut times) = (vec![body], 0);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            let mut pending = stmt.exprs();
            while let Some(expr) = pending.pop() {
                times += usize::from(last_name(expr).is_some_and(|found| found == name));
                pending.extend(expr.children());
            }
        }
    }
    times
}
