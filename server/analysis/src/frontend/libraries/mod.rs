//! What the platform and packages do, as far as it matters for requests and
//! tokens. Versions: better-auth 1.7, axios 1.21, ky 2.1, swr 2.5, React 19, RTK 2.

pub(super) mod auth_js;
pub(super) mod better_auth;
pub(super) mod built_in;
mod clients;
pub(super) mod drizzle;
mod fetchers;
pub(super) mod generated;
mod interceptors;
pub(super) mod mailed;
mod navigation;
mod options;
mod origins;
pub(super) mod prisma;
mod queries;
mod react;
mod redux;
pub(super) mod safe_actions;
pub(super) mod servers;
mod stores;
mod supabase;
mod texts;
mod tokens;
mod utilities;
mod web;

use std::rc::Rc;

pub(super) use better_auth::is_better_auth;
pub(super) use clients::set_default_header;
pub(super) use navigation::{is_address, is_departure};
pub(in crate::frontend) use queries::says_what_is_retried;

use super::evaluation::{Arguments, Session};
use super::observed::{Ending, Leads};
use super::outcome::{Area, Place};
use super::rewrites;
use super::tokens::NULL;
use super::value::{ObjectId, ObjectKind, Origin, PackageName, Symbol, Value};

/// Methods of HTTP as clients name them.
pub(super) const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// A property of what a package gives.
pub(super) fn member(package: &Rc<PackageName>, name: &str) -> Value {
    match (&*package.package, &*package.path) {
        ("", _) => web::member(package, name),
        // What else a router has depends on the page that is shown.
        (_, "useRouter()") if navigation::is_router(&package.package) && !matches!(name, "push" | "replace") => {
            Value::Unknown
        }
        _ => Session::package_path(package, name),
    }
}

/// A function of a package is called.
pub(super) fn call(
    session: &mut Session<'_>,
    package: &Rc<PackageName>,
    arguments: &Arguments,
    new: bool,
    here: Place,
) -> Value {
    let path = &*package.path;
    session.watch_rows(package, arguments, here);
    session.watch_package(package, arguments, here);
    session.watch_reply(package, arguments, here);
    session.watch_password_given(package, &arguments.values);
    servers::note_blind_read(session, package, arguments, here);
    servers::note_sign_out(session, package, here);
    if let Some(answer) = fetchers::call_package(session, &package.package, path, arguments, new, here) {
        return answer;
    }
    match &*package.package {
        "" => web::call(session, path, arguments, new, here),
        "axios" => clients::call_axios(session, path, arguments, here),
        "ky" => clients::call_ky(session, path, arguments, here),
        "openapi-fetch" => clients::make_open_api(session, arguments, here),
        module if module.starts_with("@hey-api/client-") => {
            generated::call_package(session, module, path, arguments, here)
        }
        "jwt-decode" => servers::decode(session, package, arguments, here),
        "jose" if path == "decodeJwt" => servers::decode(session, package, arguments, here),
        "jsonwebtoken" if path.ends_with("decode") => servers::decode(session, package, arguments, here),
        // It looks for the cookie, and at nothing else of the request.
        "better-auth/cookies" if path == "getSessionCookie" => {
            let origin = Origin::Storage(Area::Cookie, None);
            Value::Symbol(Rc::new(Symbol { origin, path: Rc::new([NULL.into()]), may_be_missing: true }))
        }
        "next/headers" | "next/server" => servers::call_next(session, package, arguments, here),
        module if navigation::is_router(module) => navigation::call(session, package, arguments, here),
        "@tanstack/react-query" | "react-query" if path == "useMutation" => {
            react::call_mutation(session, arguments, here)
        }
        supabase::PACKAGE => supabase::call(session, package, arguments),
        module if servers::is_database(module) => servers::call_database(session, package, arguments, here),
        "jose" | "jsonwebtoken" => tokens::call(session, &package.package, path, arguments, here),
        // `defineConfig` only says what type its argument has.
        "vite" | "vitest/config" if path == "defineConfig" => arguments.get(0),
        "zustand" | "zustand/vanilla" | "zustand/traditional" => stores::make(session, package, arguments, here),
        "zustand/middleware" | "zustand/middleware/immer" | "zustand/react/shallow" | "zustand/shallow" => {
            stores::passed_through(session, path, arguments, here)
        }
        "@tanstack/react-query" | "react-query" => queries::call(session, path, arguments, new, here),
        "@openai/chatkit-react" if path == "useChatKit" => react::call_chatkit(session, arguments, here),
        "react" | "preact/hooks" => react::call(session, path, arguments, here),
        "swr" | "swr/immutable" | "swr/mutation" | "swr/infinite" => react::call_swr(session, arguments, here),
        safe_actions::PACKAGE => safe_actions::call(session, path, arguments, here),
        module if redux::is_package(module) => redux::call(session, path, arguments, here),
        "js-cookie" | "cookies-next" | "cookies-next/client" => web::call_cookies(session, path, arguments, here),
        module if auth_js::is_clerk(module) => auth_js::call_clerk(session, path, arguments, here),
        module if better_auth::is_package(module) => better_auth::call(session, package, arguments, here),
        module if utilities::is_known(module) => utilities::call(session, package, arguments, here),
        module => {
            if module == "next-auth" && path == "default" {
                auth_js::call_next_auth(session, arguments, here);
            }
            session.give_away(arguments);
            rewrites::given_on(session, arguments)
        }
    }
}

/// A property of an object of the platform or of a package.
pub(super) fn entry(session: &mut Session<'_>, id: ObjectId, kind: &ObjectKind, name: &str) -> Value {
    match kind {
        ObjectKind::Axios | ObjectKind::Interceptors(..) => clients::entry(session, id, kind, name),
        ObjectKind::Generated => generated::entry(session, id, name),
        ObjectKind::Headers if matches!(name, "common" | "get" | "post" | "put" | "patch" | "delete") => {
            Value::Object(id)
        }
        ObjectKind::Headers if !session.store.get(id).open => Value::Undefined,
        ObjectKind::Url if name == "searchParams" => {
            if let Some(query) = web::part_of_request(session, id, "searchParams") {
                return query;
            }
            let place = session.store.get(id).place;
            Value::Object(session.store.object(ObjectKind::Query, place))
        }
        ObjectKind::Url if name == "pathname" => {
            web::part_of_request(session, id, "pathname").unwrap_or(Value::Unknown)
        }
        _ => Value::Unknown,
    }
}

/// A method of an object of the platform or of a package; none if it has none.
pub(super) fn method(
    session: &mut Session<'_>,
    id: ObjectId,
    kind: &ObjectKind,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    match kind {
        ObjectKind::Headers => web::call_headers(session, id, name, arguments),
        ObjectKind::Url if name == "toString" => session.store.get(id).entries.get("href").cloned(),
        ObjectKind::Axios | ObjectKind::Ky | ObjectKind::OpenApi | ObjectKind::Interceptors(..) => {
            clients::method(session, id, kind, name, arguments, here)
        }
        ObjectKind::Ofetch => fetchers::method(session, id, name, arguments, here),
        ObjectKind::Xhr => Some(fetchers::method_of_xhr(session, id, name, arguments, here)),
        ObjectKind::Generated => generated::method(session, id, name, arguments, here),
        ObjectKind::Signer => Some(tokens::method(session, id, name, arguments, here)),
        // `TextEncoder`: the bytes of a text are as good as the text.
        ObjectKind::Native if name == "encode" => Some(arguments.get(0)),
        ObjectKind::Query | ObjectKind::Native | ObjectKind::Url => {
            session.give_away(arguments);
            Some(Value::Unknown)
        }
        ObjectKind::Api => Some(redux::method(session, id, name, arguments, here)),
        ObjectKind::Plugin(_) | ObjectKind::Context | ObjectKind::BaseQuery => Some(Value::Unknown),
        ObjectKind::Store => Some(stores::method(session, id, name, arguments)),
        ObjectKind::Persisted => Some(Value::Unknown),
        // Bound to its client, it is what it was.
        ObjectKind::Method(..) => Some(if name == "bind" { Value::Object(id) } else { Value::Unknown }),
        ObjectKind::ActionClient => Some(safe_actions::method(session, id, name, arguments, here)),
        ObjectKind::Action | ObjectKind::NextOfAction(..) => {
            Some(if name == "bind" { Value::Object(id) } else { Value::Unknown })
        }
        ObjectKind::Plain | ObjectKind::Instance(_) | ObjectKind::Conditions => None,
    }
}

/// An object of a package is called itself.
pub(super) fn call_object(
    session: &mut Session<'_>,
    id: ObjectId,
    kind: &ObjectKind,
    arguments: &Arguments,
    here: Place,
) -> Value {
    match kind {
        ObjectKind::Axios | ObjectKind::Ky => clients::call_client(session, id, kind, arguments, here),
        ObjectKind::Ofetch => fetchers::request(session, Some(id), arguments, here),
        ObjectKind::Method(client, name) => {
            let kind = session.store.get(*client).kind.clone();
            method(session, *client, &kind, name, arguments, here).unwrap_or(Value::Unknown)
        }
        ObjectKind::Store => stores::call(session, id, arguments, here),
        ObjectKind::Persisted => stores::set(session, id, arguments, here),
        ObjectKind::BaseQuery => redux::call_base(session, id, arguments, here, here),
        ObjectKind::Action => safe_actions::run(session, id, arguments, here),
        ObjectKind::NextOfAction(action, at) => safe_actions::go_on(session, id, (*action, *at), arguments, here),
        _ => {
            session.give_away(arguments);
            rewrites::given_on(session, arguments)
        }
    }
}

/// A method of a text: what changes nothing of where a URL goes gives the text.
pub(super) fn call_text(session: &mut Session<'_>, text: &Value, name: &str, arguments: &Arguments) -> Value {
    match name {
        "trim" | "toString" | "replace" | "replaceAll" | "trimEnd" | "trimStart" | "toLowerCase" | "toUpperCase"
        | "toFixed" => {
            session.give_away(arguments);
            text.clone()
        }
        "concat" => {
            let mut parts = session.text_parts(text);
            for value in &arguments.values {
                parts.extend(session.text_parts(value));
            }
            Value::Text(super::value::joined(parts))
        }
        "startsWith" => texts::begins_with(text, arguments).map_or(Value::Unknown, Value::Bool),
        "endsWith" => texts::ends_with(text, arguments).map_or(Value::Unknown, Value::Bool),
        "includes" => texts::holds(text, arguments).map_or(Value::Unknown, Value::Bool),
        "slice" | "substring" | "substr" => texts::cut(text, name, arguments),
        "split" => texts::split(text, arguments),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// Something of the platform or of a package is assigned to.
pub(super) fn assigned(session: &mut Session<'_>, package: &Rc<PackageName>, name: &str, value: &Value, here: Place) {
    match (&*package.package, &*package.path, name) {
        ("", "module", "exports") => session.set_exports(value.clone()),
        ("", path, name) if navigation::is_address(path, name) => {
            session.watch_ending(Ending::Elsewhere);
            navigation::note(session, value, Leads::Page, here);
        }
        ("", "document", "cookie") => web::set_cookie(session, value, here),
        ("", "localStorage" | "sessionStorage", _) => web::keep(session, &package.path, name, value, here),
        ("", "process.env", _) => session.note_kept_in_environment(name, value),
        ("axios", path, _) if path.starts_with("default.defaults") => clients::note_default(session, name, value),
        _ => session.escapes(value),
    }
}

/// The token that Better Auth answers with in a header, by the header's name.
pub(super) fn answered_header(arguments: &Arguments) -> Option<Value> {
    let name = arguments.get(0).known_text()?;
    match name.to_ascii_lowercase().as_str() {
        "set-auth-jwt" => Some(Value::given_by(better_auth::SERVER, "api.getToken", true)),
        "set-auth-token" => Some(Value::given_by(better_auth::SERVER, "getSessionCookie", true)),
        _ => None,
    }
}

/// Whether a part of a value from elsewhere is missing sometimes, by what
/// documents say.
pub(super) fn part_may_be_missing(symbol: &Symbol) -> bool {
    better_auth::part_may_be_missing(symbol)
}
