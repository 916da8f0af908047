//! Better Auth: its client in the browser and its server.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{mailed, options, origins};
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::issuers::{Issuer, Plugin};
use crate::frontend::outcome::{KeyUse, Place};
use crate::frontend::placement::HANDLER_METHODS;
use crate::frontend::requests::option;
use crate::frontend::tokens::{NULL, STRINGIFIED, UNDEFINED};
use crate::frontend::value::{ObjectKind, Origin, PackageName, Symbol, Value};

/// What `createAuthClient` gives.
pub(in crate::frontend) const CLIENT: &str = "better-auth client";
/// What `betterAuth` gives.
pub(in crate::frontend) const SERVER: &str = "better-auth server";

/// Whether a package is Better Auth, or something that it gave.
pub(super) fn is_package(module: &str) -> bool {
    is_better_auth(module) || module == CLIENT || module == SERVER
}

/// Whether a package is Better Auth, or one of its plugins that come apart.
pub(in crate::frontend) fn is_better_auth(module: &str) -> bool {
    module == "better-auth" || module.starts_with("better-auth/") || module.starts_with("@better-auth/")
}

/// Whether a package holds plugins of the server.
fn has_plugins(module: &str) -> bool {
    let is_client = module.ends_with("/client") || module.contains("/client/");
    let holds = module == "better-auth/plugins"
        || module.starts_with("better-auth/plugins/")
        || module == "better-auth/next-js"
        || module.starts_with("@better-auth/");
    holds && !is_client
}

pub(super) fn call(session: &mut Session<'_>, package: &Rc<PackageName>, arguments: &Arguments, here: Place) -> Value {
    session.give_away(arguments);
    let path = &*package.path;
    match (&*package.package, path) {
        (CLIENT, "useSession") => Value::given_by(CLIENT, path, false),
        // Any endpoint, by its path.
        (CLIENT, "$fetch") => match endpoint(&arguments.get(0)) {
            Some(path) => Value::given_by(CLIENT, &path, false).promised(),
            None => Value::Unknown.promised(),
        },
        // Never fails: what it gives holds data or an error.
        (CLIENT, _) => Value::given_by(CLIENT, path, false).promised(),
        (SERVER, _) => Value::given_by(SERVER, path, true).promised(),
        (_, "createAuthClient") => Value::package(CLIENT, ""),
        (_, "betterAuth") => {
            let options = arguments.get(0);
            let secret = option(session, &options, "secret");
            let place = match options {
                Value::Object(id) => session.property(id, "secret"),
                _ => None,
            };
            session.note_key(&secret, place, KeyUse::BetterAuth, here);
            note_issuer(session, &options, here);
            mailed::send(session, &options, here);
            Value::package(SERVER, "")
        }
        // The cookie as it was sent: a session's token with a signature behind it.
        ("better-auth/next-js", "toNextJsHandler") => {
            let handlers = session.store.object(ObjectKind::Plain, here);
            for method in HANDLER_METHODS {
                session.store.set(handlers, method, Value::package(SERVER, "handler"));
            }
            Value::Object(handlers)
        }
        ("better-auth/cookies", "getSessionCookie") => Value::given_by(SERVER, path, true),
        (module, name) if has_plugins(module) && is_plugin(module, name) => {
            let plugin = session.store.object(ObjectKind::Plugin(package.path.clone()), here);
            session.store.set(plugin, "options", arguments.get(0));
            Value::Object(plugin)
        }
        _ => Value::Unknown,
    }
}

/// What the client calls the endpoint of a path: `getSession` for `/get-session`, `signIn.email` for `/sign-in/email`.
fn endpoint(path: &Value) -> Option<String> {
    let path = path.known_text()?;
    let camel = |part: &str| {
        let mut words = part.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let mut letters = word.chars();
            let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
            capital.into_iter().chain(letters).fold(name, |name, letter| name + letter.encode_utf8(&mut [0; 4]))
        })
    };
    let path = path.split('?').next()?.trim_matches('/');
    Some(path.split('/').map(camel).collect::<Vec<_>>().join("."))
}

/// Whether a function of a package with plugins makes one: others are helpers.
fn is_plugin(module: &str, name: &str) -> bool {
    let is_helper = name.starts_with("create") || name.starts_with("get") || name.starts_with("to");
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase()) && !name.contains('.');
    is_name && !is_helper && (module != "better-auth/next-js" || name == "nextCookies") && !name.ends_with("Client")
}

/// Notes a configuration.
fn note_issuer(session: &mut Session<'_>, given: &Value, here: Place) {
    for one in given.alternatives() {
        let read = options::read(session, one, &["plugins"], here);
        let list = option(session, one, "plugins");
        let (plugins, may_have_more) = plugins(session, &list, here);
        let trusts = match option(session, one, "trustedOrigins") {
            Value::Function(closure) => origins::trusted_beginning(&closure.function),
            _ => None,
        };
        session.outcome.issuers.push(Issuer { place: here, options: read, plugins, may_have_more, trusts });
    }
}

fn plugins(session: &mut Session<'_>, list: &Value, here: Place) -> (Vec<Plugin>, bool) {
    let mut plugins: Vec<Plugin> = Vec::new();
    let mut may_have_more = false;
    let ways = list.alternatives().len();
    for list in list.alternatives() {
        let Value::Array(elements) = list else {
            may_have_more |= !matches!(list, Value::Undefined | Value::Null | Value::Bool(false));
            continue;
        };
        for element in elements.iter() {
            let is_sure = ways == 1 && element.alternatives().len() == 1;
            for value in element.alternatives() {
                match plugin(session, value, here) {
                    Some((name, place, options)) => plugins.push(Plugin { name, place, options, is_sure }),
                    None => may_have_more |= value.truth() != Some(false),
                }
            }
        }
    }
    (plugins, may_have_more)
}

fn plugin(
    session: &mut Session<'_>,
    value: &Value,
    here: Place,
) -> Option<(SmolStr, Place, crate::frontend::issuers::Options)> {
    let Value::Object(id) = value else { return None };
    let object = session.store.get(*id).clone();
    match object.kind {
        ObjectKind::Plugin(name) => {
            let given = object.entries.get("options").cloned().unwrap_or(Value::Undefined);
            Some((name, object.place, options::read(session, &given, &[], here)))
        }
        // One of the project's own says what it is called.
        ObjectKind::Plain => {
            let name = object.entries.get("id")?.known_text()?;
            Some((name, object.place, crate::frontend::issuers::Options::default()))
        }
        _ => None,
    }
}

/// What a plugin of Better Auth is told, if a value is the one of that name.
pub(super) fn plugin_options(session: &Session<'_>, value: &Value, name: &str) -> Option<Value> {
    let Value::Object(id) = value else { return None };
    let object = session.store.get(*id);
    let is_it = matches!(&object.kind, ObjectKind::Plugin(plugin) if plugin == name);
    object.entries.get("options").filter(|_| is_it).cloned()
}

/// `data` is null when there is an error or no session.
pub(super) fn part_may_be_missing(symbol: &Symbol) -> bool {
    let Origin::Call(package) = &symbol.origin else { return false };
    package.package == CLIENT && matches!(&*symbol.path, [only] if only == "data")
}

/// Whether a value is a whole session, which has its token in it.
pub(in crate::frontend) fn is_whole_session(symbol: &Symbol) -> bool {
    part_of_session(symbol).is_some_and(|steps| matches!(*steps, [] | ["session"]))
}

/// Notes that a number is made of the id of a user.
pub(super) fn note_numbered(session: &mut Session<'_>, value: &Value, here: Place) {
    let is_id = |steps: Vec<&str>| matches!(*steps, ["user", "id"] | ["session", "userId"]);
    let is_numbered = value.alternatives().iter().any(|value| match value {
        Value::Symbol(symbol) => part_of_session(symbol).is_some_and(is_id),
        _ => false,
    });
    if is_numbered && here.file == session.evaluated {
        session.outcome.observed.numbered.push(here);
    }
}

/// The way to a part of what holds a user and a session; none of what is no part of one.
fn part_of_session(symbol: &Symbol) -> Option<Vec<&str>> {
    let Origin::Call(package) = &symbol.origin else { return None };
    let mut steps: Vec<&str> =
        symbol.path.iter().map(SmolStr::as_str).filter(|step| ![NULL, UNDEFINED, STRINGIFIED].contains(step)).collect();
    match (&*package.package, &*package.path) {
        (SERVER, "api.getSession") => Some(steps),
        (CLIENT, "getSession" | "useSession") => {
            if !steps.is_empty() && steps.remove(0) != "data" {
                return None;
            }
            Some(steps)
        }
        _ => None,
    }
}

/// Whether `createUser` is handed the headers of whoever asks: the plugin `admin` then looks whether they may (1.7).
pub(in crate::frontend) fn looks_who_asks(
    session: &mut Session<'_>,
    package: &PackageName,
    arguments: &Arguments,
) -> bool {
    package.package == SERVER
        && package.path == "api.createUser"
        && option(session, &arguments.get(0), "headers") != Value::Undefined
}

/// Whether a function that only code on the server may call gives what the request names: a role, or a place in an
/// organization. It asks nobody whether they may (1.7).
pub(in crate::frontend) fn grants(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments) -> bool {
    let given = match &*package.path {
        "api.createUser" => "role",
        "api.addMember" => "organizationId",
        _ => return false,
    };
    let body = option(session, &arguments.get(0), "body");
    let given = option(session, &body, given);
    package.package == SERVER && session.is_of_request(&given)
}
