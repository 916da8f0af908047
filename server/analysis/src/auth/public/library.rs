//! What packages serve to callers who have no token yet.

use super::{BY_PROVIDER, CALLBACK, RECOVERING, SIGNING_IN};
use crate::index::interpreter::package_name;
use crate::index::value::Value;

/// Why what a package made answers everybody, if it does: the routers of fastapi-users by which accounts are made, signed
/// in to and recovered. What they are sent proves who sent it.
pub(super) fn by_library(handler: &Value) -> Option<&'static str> {
    let Value::Package(path) = handler else { return None };
    let (module, name) = package_name(path);
    if !module.starts_with("fastapi_users.router.") {
        return None;
    }
    Some(match name.split_once(".<locals>.")? {
        ("get_auth_router", "login") => SIGNING_IN,
        ("get_register_router", "register") => "signing up",
        ("get_reset_password_router", "forgot_password" | "reset_password")
        | ("get_verify_router", "request_verify_token" | "verify") => RECOVERING,
        ("get_oauth_router", "authorize") => BY_PROVIDER,
        ("get_oauth_router", "callback") => CALLBACK,
        _ => return None,
    })
}
