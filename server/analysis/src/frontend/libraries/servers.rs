//! What packages on the server do: which find out who asks, which change rows,
//! and the cookies of Next.js 16.4.

use std::rc::Rc;

use smol_str::SmolStr;

use super::better_auth::{CLIENT, SERVER};
use super::{drizzle, prisma, safe_actions, supabase, utilities};
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::observed::{Ending, SetCookie};
use crate::frontend::outcome::{Area, Place};
use crate::frontend::requests::option;
use crate::frontend::tokens::{sources, what_is};
use crate::frontend::value::{Origin, PackageName, Symbol, Value};

/// What a package does about who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::frontend) enum Part {
    /// Nothing.
    Harmless,
    /// It gives what came with the request.
    Credential,
    /// It verifies a session or token.
    Verifies,
    /// It changes or removes rows, by this method.
    Changes(SmolStr),
    /// Anything.
    Unknown,
}

/// Packages that speak to a database.
const DATABASES: &[&str] =
    &["@prisma/client", "drizzle-orm", "mongoose", "mongodb", "pg", "mysql2", "@neondatabase/serverless"];

/// Methods by which these change or remove rows that are there.
const CHANGES: &[&str] = &["update", "updateMany", "upsert", "delete", "deleteMany", "deleteOne", "updateOne"];

/// What a function of a package does about who asks.
pub(in crate::frontend) fn part(package: &PackageName) -> Part {
    let path = &*package.path;
    let name = path.rsplit('.').next().unwrap_or(path);
    match &*package.package {
        "next/headers" => Part::Credential,
        // That there is a cookie, and nothing of what it says.
        "better-auth/cookies" if name == "getSessionCookie" => Part::Credential,
        SERVER => part_of_better_auth(path.strip_prefix("api.").unwrap_or_default()),
        "jose" if name == "decodeJwt" || name == "SignJWT" => Part::Harmless,
        "jsonwebtoken" if matches!(name, "decode" | "sign") => Part::Harmless,
        "jose" | "jsonwebtoken" => Part::Verifies,
        supabase::PACKAGE => supabase::part(package),
        "next" | "next/server" | "next/cache" | "next/navigation" | "react" | "server-only" | "jwt-decode" | "" => {
            Part::Harmless
        }
        safe_actions::PACKAGE => Part::Harmless,
        module if is_database(module) && CHANGES.contains(&name) && path.contains('.') => Part::Changes(name.into()),
        module if is_database(module) || module.starts_with("node:") || utilities::is_known(module) => Part::Harmless,
        _ => Part::Unknown,
    }
}

/// What a function of Better Auth's API does about who asks, by its name.
fn part_of_better_auth(name: &str) -> Part {
    match name {
        // They ask nobody who calls: the first ones act for whoever is named, as only code on the server may.
        "addMember" | "createApiKey" | "createUser" => Part::Changes(name.into()),
        "signUpEmail"
        | "requestPasswordReset"
        | "forgetPassword"
        | "sendVerificationEmail"
        | "sendVerificationOTP"
        | "isUsernameAvailable"
        | "getJwks"
        | "ok" => Part::Harmless,
        _ => Part::Verifies,
    }
}

/// Whether a package speaks to a database: what it gives stays its own.
pub(super) fn is_database(module: &str) -> bool {
    DATABASES.iter().any(|own| module == *own || module.strip_prefix(own).is_some_and(|rest| rest.starts_with('/')))
}

/// A function of a database's package: what it gives has methods again.
pub(super) fn call_database(
    session: &mut Session<'_>,
    package: &Rc<PackageName>,
    arguments: &Arguments,
    here: Place,
) -> Value {
    if let (Some(client), Value::Function(closure)) = (prisma::transaction(package), arguments.get(0)) {
        return session.call_closure(&closure, &[client], Some((here, false)));
    }
    if let Some(value) = drizzle::call(session, package, arguments, here) {
        return value;
    }
    session.give_away(arguments);
    // Longer chains say no more.
    let path = if package.path.len() > 200 { "()".to_owned() } else { format!("{}()", package.path) };
    Value::package(&package.package, &path)
}

/// `next/headers` and `next/server`.
pub(super) fn call_next(
    session: &mut Session<'_>,
    package: &Rc<PackageName>,
    arguments: &Arguments,
    here: Place,
) -> Value {
    let first = arguments.get(0);
    match (&*package.package, &*package.path) {
        ("next/headers", "cookies") => Value::package("next/headers", "cookies()"),
        ("next/headers", "cookies().get") => Value::from(Origin::Storage(Area::Cookie, first.known_text()), true),
        ("next/headers", "headers") => {
            let path = Rc::from([SmolStr::new_static("headers")]);
            Value::Symbol(Rc::new(Symbol { origin: Origin::Incoming, path, may_be_missing: false }))
        }
        ("next/headers", "cookies().set") | ("next/server", "response().cookies.set") => {
            set_cookie(session, arguments, here);
            Value::Undefined
        }
        ("next/server", "NextResponse" | "NextResponse.json" | "NextResponse.next" | "NextResponse.redirect") => {
            Value::package("next/server", "response()")
        }
        ("next/server", "NextRequest") => super::web::make_request(session, arguments, here),
        ("next/server", "after") => {
            session.give_away(arguments);
            Value::Undefined
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `set(name, value, options)` and `set({ name, value, … })`.
fn set_cookie(session: &mut Session<'_>, arguments: &Arguments, here: Place) {
    let first = arguments.get(0);
    let (name, value, options) = match &first {
        Value::Object(_) => (option(session, &first, "name"), option(session, &first, "value"), first.clone()),
        _ => (first, arguments.get(1), arguments.get(2)),
    };
    let flag = |session: &mut Session<'_>, name: &str| match option(session, &options, name) {
        Value::Undefined => Some(false),
        Value::Bool(value) => Some(value),
        _ => None,
    };
    let (http_only, secure) = (flag(session, "httpOnly"), flag(session, "secure"));
    let what = what_is(session, &value);
    session.outcome.observed.cookies.push(SetCookie {
        place: here,
        name: name.known_text(),
        what,
        sources: sources(&value),
        http_only,
        secure,
        by_server: true,
    });
}

/// `auth.api.getSession()`: without headers it can't know whose session.
pub(super) fn note_blind_read(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) {
    if package.package != SERVER || !matches!(&*package.path, "api.getSession" | "api.getToken") || arguments.open {
        return;
    }
    let options = arguments.get(0);
    let is_blind = match &options {
        Value::Undefined => true,
        Value::Object(_) => option(session, &options, "headers") == Value::Undefined,
        _ => false,
    };
    if is_blind && here.file == session.evaluated {
        session.outcome.observed.blind_reads.push(here);
    }
}

/// `authClient.signOut()` of Better Auth, and `signOut()` of Auth.js.
pub(super) fn note_sign_out(session: &mut Session<'_>, package: &PackageName, here: Place) {
    let is_better_auth = package.package == CLIENT && package.path == "signOut";
    let is_auth_js = package.package == "next-auth/react" && package.path == "signOut";
    if is_better_auth || is_auth_js {
        session.watch_ending(Ending::SignedOut);
    }
    if (is_better_auth || is_auth_js) && here.file == session.evaluated {
        session.outcome.observed.sign_outs.push(here);
    }
}

/// Notes that the claims of a token are read without a look at its signature;
/// gives them.
pub(super) fn decode(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) -> Value {
    session.watch_decoded(&arguments.get(0), here);
    Value::given_by(&package.package, &package.path, false)
}
