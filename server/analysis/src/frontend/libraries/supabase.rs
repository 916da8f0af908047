//! Clients of Supabase that pass by all policies of rows (supabase-js 2): those that are made with the service's own key.
//! What other clients may do is for the policies to say, and for the session that they carry.

use std::rc::Rc;

use super::servers::Part;
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::value::{Origin, PackageName, Value};

/// The package of the clients.
pub(super) const PACKAGE: &str = "@supabase/supabase-js";

/// What a client of the service is called in paths of this package.
const SERVICE: &str = "service()";

/// What any other client is called there.
const CLIENT: &str = "client()";

/// Functions of `auth` that give the session of whoever is signed in, with its tokens: `data.session.access_token`.
const SESSIONS: &[&str] = &[
    "getSession",
    "signInWithPassword",
    "signInWithIdToken",
    "signInAnonymously",
    "signUp",
    "verifyOtp",
    "refreshSession",
    "setSession",
    "exchangeCodeForSession",
];

/// What the variables that hold the service's key are called in Supabase's documentation, older and newer.
const KEYS: &[&str] = &["SERVICE_ROLE", "SERVICE_KEY", "SECRET_KEY"];

/// Methods by which rows and files that are there are changed or removed, and files are put.
const CHANGES: &[&str] = &["update", "upsert", "delete", "upload", "remove", "move"];

/// What a function of the package does about who asks.
pub(super) fn part(package: &PackageName) -> Part {
    let Some(path) = package.path.strip_prefix(SERVICE) else {
        return if &*package.path == "createClient" { Part::Harmless } else { Part::Unknown };
    };
    let name = path.rsplit('.').next().unwrap_or_default();
    match path.strip_prefix(".auth.") {
        Some(rest) if rest.starts_with("admin.") => match name {
            "deleteUser" | "updateUserById" | "createUser" | "generateLink" => Part::Changes(name.into()),
            _ => Part::Harmless,
        },
        Some(_) => Part::Verifies,
        None if CHANGES.contains(&name) => Part::Changes(name.into()),
        // A function of the database may do anything, and ask anything.
        None if name == "rpc" => Part::Unknown,
        None => Part::Harmless,
    }
}

/// A function of the package is called.
pub(super) fn call(session: &mut Session<'_>, package: &Rc<PackageName>, arguments: &Arguments) -> Value {
    session.give_away(arguments);
    match &*package.path {
        "createClient" if is_service_key(&arguments.get(1)) => Value::package(PACKAGE, SERVICE),
        "createClient" => Value::package(PACKAGE, CLIENT),
        path if gives_session(path) => {
            session.watch_unknown();
            Value::given_by(PACKAGE, path, false).promised()
        }
        path if path.starts_with(SERVICE) && path.len() < 200 => Value::package(PACKAGE, &format!("{path}()")),
        _ => {
            session.watch_unknown();
            Value::Unknown
        }
    }
}

/// Whether a function of a client gives the session of whoever is signed in.
fn gives_session(path: &str) -> bool {
    let function = path.strip_prefix(CLIENT).and_then(|rest| rest.strip_prefix(".auth."));
    function.is_some_and(|function| SESSIONS.contains(&function))
}

/// Whether a value is the key of the service, whatever else it may be where that is missing.
fn is_service_key(value: &Value) -> bool {
    let mut keys = value.alternatives().iter().filter_map(|value| match value {
        Value::Symbol(symbol) => Some(&symbol.origin),
        _ => None,
    });
    let is_one = |origin: &Origin| match origin {
        Origin::Environment(name) => !name.starts_with("NEXT_PUBLIC_") && KEYS.iter().any(|key| name.contains(key)),
        _ => false,
    };
    keys.next().is_some_and(|first| is_one(first) && keys.all(is_one))
}
