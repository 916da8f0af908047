//! Sign-ins at an identity provider, by way of a client of authlib (1.6, `authlib.integrations.starlette_client`) or
//! fastapi-sso (0.18), or of what OAuth 2.0 has clients send.

use smol_str::SmolStr;

use super::{Callee, calls_any, each_call, each_function, taken, takes_any};
use crate::auth::code::last_name;
use crate::auth::public::{BY_PROVIDER, CALLBACK};
use crate::auth::sinks::{DATABASES, is_lookup};
use crate::auth::stubs;
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Site};
use crate::text::TextRange;

/// What a handler, or a function of the project that it calls, does at an identity provider wherever it ends: it sends the
/// browser there, or takes what that came back with, which the client has the provider confirm.
pub(in crate::auth) fn at_provider(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<&'static str> {
    let mut reason = None;
    let conditional = |_: &Interpreter<'_>, function: &FunctionRef| {
        let mut found = Vec::new();
        note_conditional(&function.def.body, false, &mut found);
        found
    };
    each_call(interpreter, handler, &conditional, &mut |_, callee| {
        let Callee::OfPackage(path) = callee else { return false };
        reason = match (path.split('.').next(), path.rsplit('.').next()) {
            (Some("authlib"), Some("authorize_redirect")) | (Some("fastapi_sso"), Some("get_login_redirect")) => {
                Some(BY_PROVIDER)
            }
            (Some("authlib"), Some("authorize_access_token")) | (Some("fastapi_sso"), Some("verify_and_process")) => {
                Some(CALLBACK)
            }
            _ => None,
        };
        reason.is_some()
    });
    reason
}

/// Whether a handler that takes nothing from the client, or a function of the project that it calls, makes the address at
/// which users authorise this application (RFC 6749, section 4.1.1).
pub(in crate::auth) fn starts_at_provider(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    const MAKERS: &[&str] = &["authorization_url", "create_authorization_url", "get_authorization_request_url"];
    const CLIENTS: &[&str] = &["authlib", "google_auth_oauthlib", "msal", "requests_oauthlib"];
    let is_told = !taken(interpreter, handler).is_empty() || stubs::reads_request(interpreter, handler);
    if is_told || asks_database(interpreter, handler) {
        return false;
    }
    let mut makes = false;
    each_function(interpreter, handler, &mut |_, callee| {
        makes |= callee.is_of(|path| {
            let (package, method) = (path.split('.').next(), path.rsplit('.').next());
            package.is_some_and(|package| CLIENTS.contains(&package))
                && method.is_some_and(|method| MAKERS.contains(&method))
        });
        makes
    });
    // Such an address holds no secret.
    let address = [("response_type", Some("code")), ("client_id", None)];
    makes || sends(interpreter, handler, &address, Some("client_secret"))
}

/// Whether a handler, or a function of the project that it calls, has a provider exchange the code that the client brings
/// for tokens (RFC 6749, section 4.1.3).
pub(in crate::auth) fn exchanges_code(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    takes_any(interpreter, handler, &["code"])
        && !asks_database(interpreter, handler)
        && sends(interpreter, handler, &[("grant_type", Some("authorization_code")), ("code", None)], None)
}

/// Whether a handler, or a function of the project that it calls, asks a database, but for what Redis is given to keep.
fn asks_database(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    calls_any(interpreter, handler, &|callee| match callee {
        Callee::OfPackage(path) | Callee::Handed(path) => {
            let package = path.split('.').next().unwrap_or(path);
            DATABASES.contains(&package) && (package != "redis" || is_lookup(path.rsplit('.').next().unwrap_or(path)))
        }
        Callee::Named(method) => {
            *method != "get" && is_lookup(method) || matches!(*method, "commit" | "delete" | "insert" | "flushall")
        }
    })
}

/// Whether a function, or one of the project that it calls, puts together what has these entries, some with a text of that
/// kind, and not another one.
fn sends(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    entries: &[(&str, Option<&str>)],
    without: Option<&str>,
) -> bool {
    let has = |expr: &Expr| {
        let ExprKind::Dict(written) = &expr.kind else { return false };
        let mut keys = written.iter().filter_map(|(key, _)| key.as_ref().and_then(Expr::as_str));
        if without.is_some_and(|without| keys.any(|key| key == without)) {
            return false;
        }
        entries.iter().all(|(wanted, text)| {
            written.iter().any(|(key, value)| {
                let is_it = key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == wanted);
                is_it && text.is_none_or(|text| value.as_str().is_some_and(|value| value == text))
            })
        })
    };
    let (mut found, mut seen): (bool, Vec<Site>) = (false, Vec::new());
    each_function(interpreter, function, &mut |function, _| {
        if !seen.contains(&function.site) {
            seen.push(function.site);
            found |= function.def.body.iter().flat_map(Stmt::all_exprs).any(has);
        }
        found
    });
    found
}

/// Notes the callees of a block that are called in one branch of a condition, where the other goes on without; `refuses` says
/// whether what comes behind the block refuses everybody.
fn note_conditional(block: &[Stmt], refuses: bool, found: &mut Vec<TextRange>) {
    for (at, stmt) in block.iter().enumerate() {
        let refuses = block.get(at + 1).map_or(refuses, |next| matches!(next.kind, StmtKind::Raise { .. }));
        if let StmtKind::If { body, or_else, .. } = &stmt.kind {
            for (branch, other) in [(body, or_else), (or_else, body)] {
                let is_elsewhere = |name: &SmolStr| callees(other).any(|callee| last_name(callee) == Some(name));
                let alone = callees(branch).filter(|callee| !last_name(callee).is_some_and(is_elsewhere));
                if !(leaves(other) || other.is_empty() && refuses) {
                    found.extend(alone.map(|callee| callee.range));
                }
            }
        }
        stmt.blocks().into_iter().for_each(|block| note_conditional(block, refuses, found));
    }
}

fn leaves(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| matches!(last.kind, StmtKind::Return(_) | StmtKind::Raise { .. }))
}
