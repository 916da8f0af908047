//! Better Auth: its client in the browser and its server.

use std::rc::Rc;

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::value::{Origin, PackageName, Symbol, Value};

/// What `createAuthClient` gives.
pub(in crate::frontend) const CLIENT: &str = "better-auth client";
/// What `betterAuth` gives.
pub(in crate::frontend) const SERVER: &str = "better-auth server";

/// Whether a package is Better Auth, or something that it gave.
pub(super) fn is_package(module: &str) -> bool {
    module == "better-auth" || module.starts_with("better-auth/") || module == CLIENT || module == SERVER
}

pub(super) fn call(session: &mut Session<'_>, package: &Rc<PackageName>, arguments: &Arguments, _: Place) -> Value {
    session.give_away(arguments);
    let path = &*package.path;
    match (&*package.package, path) {
        (CLIENT, "useSession") => Value::given_by(CLIENT, path, false),
        // Never fails: what it gives holds data or an error.
        (CLIENT, _) => Value::given_by(CLIENT, path, false).promised(),
        (SERVER, _) => Value::given_by(SERVER, path, true).promised(),
        (_, "createAuthClient") => Value::package(CLIENT, ""),
        (_, "betterAuth") => Value::package(SERVER, ""),
        _ => Value::Unknown,
    }
}

/// `data` is null when there is an error or no session.
pub(super) fn part_may_be_missing(symbol: &Symbol) -> bool {
    let Origin::Call(package) = &symbol.origin else { return false };
    package.package == CLIENT && matches!(&*symbol.path, [only] if only == "data")
}
