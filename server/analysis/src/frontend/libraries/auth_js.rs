//! Auth.js (next-auth 4 and 5) and Clerk: what holds a token of whoever signed in.

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::{ObjectKind, PackageName, Value};

/// Auth.js, as it is imported.
const AUTH_JS: &str = "next-auth";
/// Clerk, whichever of its packages gives a function.
const CLERK: &str = "@clerk/nextjs";

/// What a value is called that a function of these gave, if that is a token or holds some.
pub(in crate::frontend) fn token_name(package: &PackageName) -> Option<&'static str> {
    match (&*package.package, &*package.path) {
        // Those of the provider: `access_token`, `refresh_token`, `id_token`.
        (AUTH_JS, "account") => Some("account"),
        (CLERK, "getToken") => Some("session token"),
        _ => None,
    }
}

pub(super) fn is_clerk(module: &str) -> bool {
    matches!(module, CLERK | "@clerk/nextjs/server" | "@clerk/clerk-react" | "@clerk/react")
}

/// What `clerkMiddleware()` gives.
const LETS_ALL_THROUGH: &str = "clerkMiddleware()";

/// Whether a middleware turns nobody away, as nothing says whom.
pub(in crate::frontend) fn lets_all_through(middleware: &Value) -> bool {
    matches!(middleware, Value::Package(package) if package.package == CLERK && package.path == LETS_ALL_THROUGH)
}

/// `useAuth()` and `auth()` of Clerk give `getToken`.
pub(super) fn call_clerk(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    match path {
        "useAuth" | "auth" => {
            let auth = session.store.object(ObjectKind::Plain, here);
            session.store.set(auth, "getToken", Value::package(CLERK, "getToken"));
            session.store.open(auth);
            Value::Object(auth)
        }
        // Without a function it looks who asks, and turns nobody away (Clerk 5).
        "clerkMiddleware" if arguments.values.is_empty() => Value::package(CLERK, LETS_ALL_THROUGH),
        "getToken" => Value::given_by(CLERK, "getToken", false).promised(),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `NextAuth({ callbacks: { jwt } })`: the callback gets the account of whoever signs in.
pub(super) fn call_next_auth(session: &mut Session<'_>, arguments: &Arguments, here: Place) {
    for options in &arguments.values {
        let callbacks = option(session, options, "callbacks");
        let callback = option(session, &callbacks, "jwt");
        if !matches!(callback, Value::Function(_)) {
            continue;
        }
        let given = session.store.object(ObjectKind::Plain, here);
        session.store.set(given, "account", Value::given_by(AUTH_JS, "account", true));
        session.store.open(given);
        let given = Arguments { values: vec![Value::Object(given)], places: vec![here], open: false };
        let (_, changes) = session.branch(|session| session.call_value(&callback, &given, false, here));
        session.store.join(vec![changes, Default::default()]);
    }
}
