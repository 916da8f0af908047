//! Clients that generators write into the project: those of @hey-api/openapi-ts, and of openapi-typescript-codegen.
//!
//! What they do is known, and their code is not followed. They are told by what their modules take from those that are
//! generated beside them.

use std::rc::Rc;

use smol_str::SmolStr;

use super::METHODS;
use super::clients::{braces_as_holes, with_base, with_tokens};
use super::interceptors::{self, Intercepted};
use crate::facts::typescript::file::TypeScriptFile;
use crate::frontend::evaluation::{Arguments, Session, awaited};
use crate::frontend::observed::How;
use crate::frontend::outcome::{Attached, Client, Credentials, Interceptor, Place};
use crate::frontend::requests::{self, Prepared, attached, is_open, make_through, option};
use crate::frontend::value::{Closure, Hole, ObjectId, ObjectKind, Part, Symbol, Value, joined};

/// What wrote a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frontend) enum Generator {
    /// `createClient(config)` of @hey-api/openapi-ts.
    Client,
    /// `request(OpenAPI, options)` of openapi-typescript-codegen.
    Request,
}

/// What wrote a module, if it is the one of a generated client that sends requests.
pub(in crate::frontend) fn generator(facts: &TypeScriptFile) -> Option<Generator> {
    let takes = |wanted: &str| {
        let mut imports = facts.imports.values();
        imports.any(|(module, name)| name == wanted && module.starts_with('.'))
    };
    if ["setAuthParams", "mergeConfigs", "buildUrl"].into_iter().all(takes) {
        return Some(Generator::Client);
    }
    ["ApiError", "CancelablePromise"].into_iter().all(takes).then_some(Generator::Request)
}

/// Calls a function of a module that a generator wrote; none where its code has to be followed.
pub(in crate::frontend) fn call(
    session: &mut Session<'_>,
    generator: Generator,
    closure: &Closure,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    match generator {
        Generator::Client => {
            // What sends the requests is the project's own.
            let config = arguments.get(0);
            let is_plain = option(session, &config, "fetch") == Value::Undefined;
            is_plain.then(|| make_client(session, &config, takes_axios(session, closure), here))
        }
        Generator::Request => {
            let (Value::Object(config), options @ Value::Object(_)) = (arguments.get(0), arguments.get(1)) else {
                return None;
            };
            session.store.get(config).is_settings().then(|| request_with(session, config, &options, here))
        }
    }
}

fn takes_axios(session: &Session<'_>, closure: &Closure) -> bool {
    session.script(closure.file).is_some_and(|facts| facts.imports.values().any(|(module, _)| module == "axios"))
}

/// A function of a client that comes in a package.
pub(super) fn call_package(
    session: &mut Session<'_>,
    package: &str,
    path: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    match path {
        "createClient" => make_client(session, &arguments.get(0), package.ends_with("axios"), here),
        "createConfig" => {
            let config = session.store.object(ObjectKind::Plain, here);
            session.spread_into(config, &arguments.get(0));
            Value::Object(config)
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

fn make_client(session: &mut Session<'_>, config: &Value, with_axios: bool, here: Place) -> Value {
    let client = session.store.object(ObjectKind::Generated, here);
    session.spread_into(client, config);
    if with_axios {
        let instance = match option(session, config, "axios") {
            instance @ Value::Object(_) => instance,
            _ => Value::Object(session.store.object(ObjectKind::Axios, here)),
        };
        session.store.set(client, "instance", instance);
    }
    Value::Object(client)
}

/// A property of a client.
pub(super) fn entry(session: &mut Session<'_>, client: ObjectId, name: &str) -> Value {
    match name {
        "interceptors" => interceptors::of(session, client),
        // The same for streams of events.
        "sse" => Value::Object(client),
        _ => Value::Unknown,
    }
}

/// A method of a client.
pub(super) fn method(
    session: &mut Session<'_>,
    client: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    let options = arguments.get(0);
    match name {
        "setConfig" => {
            configure(session, client, &options);
            Some(Value::Object(client))
        }
        "getConfig" => Some(Value::Object(client)),
        "request" => {
            let method = requests::method(session, &options);
            Some(request(session, client, &options, method, here))
        }
        _ if METHODS.contains(&name) => {
            let method = Some(SmolStr::new(name.to_ascii_uppercase()));
            Some(request(session, client, &options, method, here))
        }
        _ => None,
    }
}

/// `client.setConfig(config)`: other modules may use the client.
fn configure(session: &mut Session<'_>, client: ObjectId, config: &Value) {
    let made = Client::Made(session.store.get(client).place);
    note_base(session, made, &["baseUrl", "baseURL"], config);
    let headers = option(session, config, "headers");
    let [auth, fetch, axios] = ["auth", "fetch", "axios"].map(|name| option(session, config, name));
    if attached(session, &headers) != Attached::Never || [auth, fetch.clone(), axios.clone()].iter().any(is_given) {
        session.outcome.interceptors.push(Interceptor { client: made });
    }
    session.spread_into(client, config);
    if is_given(&fetch) || is_given(&axios) {
        session.store.open(client);
    }
}

fn is_given(value: &Value) -> bool {
    value.truth() != Some(false)
}

/// Notes what is put before the paths of a client's requests.
fn note_base(session: &mut Session<'_>, client: Client, names: &[&str], config: &Value) {
    for name in names {
        let base = option(session, config, name);
        let bases = base.alternatives().iter().filter(|base| is_given(base) && **base != Value::Unknown);
        let bases: Vec<_> = bases.map(|base| (client, requests::url_parts(session, base))).collect();
        session.outcome.default_bases.extend(bases);
    }
}

/// A request of a client: what its configuration says, and the options of the call.
fn request(
    session: &mut Session<'_>,
    client: ObjectId,
    options: &Value,
    method: Option<SmolStr>,
    here: Place,
) -> Value {
    let config = Value::Object(client);
    let base = ["baseUrl", "baseURL"].map(|name| first(session, [options, &config], name));
    let base = base.into_iter().find(|base| *base != Value::Undefined).unwrap_or(Value::Undefined);
    let path = option(session, options, "url");
    let url = with_base(session, &base, &braces_as_holes(&path));
    let query = option(session, options, "query");
    let url = with_tokens(session, &url, &query);
    let [own, common] = [options, &config].map(|options| option(session, options, "headers"));
    let (by_scheme, is_unsure) = by_security(session, options, &config, here);
    let mut open = is_unsure || is_open(session, options) || session.store.get(client).open;
    let mut headers = vec![own.clone(), common, by_scheme];
    let instance = match session.store.get(client).entries.get("instance") {
        Some(Value::Object(instance)) => Some(*instance),
        _ => None,
    };
    for client in [Some(client), instance].into_iter().flatten() {
        let mut sent = Intercepted::with_base(Value::Undefined);
        sent.run(session, client, &own, here);
        headers.extend(sent.headers);
        open |= sent.is_unknown;
    }
    if let Some(instance) = instance {
        let defaults = Value::Object(instance);
        headers.push(option(session, &defaults, "headers"));
        open |= session.store.get(instance).open;
    }
    let credentials = credentials(session, options, &config);
    let made_at = session.store.get(client).place;
    let client = Client::Made(made_at);
    let prepared = Prepared { url, method, headers: headers.iter().collect(), credentials, client, open };
    // An answer says itself whether it is a refusal, in one way or another.
    session.note_answer(made_at, How::Looked);
    make_through(session, &prepared, made_at, here)
}

/// An option of a call, or else what is configured.
fn first(session: &mut Session<'_>, all: [&Value; 2], name: &str) -> Value {
    match option(session, all[0], name) {
        Value::Undefined | Value::Unknown => option(session, all[1], name),
        value => value,
    }
}

fn credentials(session: &mut Session<'_>, options: &Value, config: &Value) -> Credentials {
    let said = ["credentials", "withCredentials"].map(|name| first(session, [options, config], name));
    match &said {
        [Value::Undefined, Value::Undefined | Value::Bool(false)] => Credentials::Unsaid,
        [Value::Undefined, Value::Bool(true)] => Credentials::Include,
        [text, _] => match text.known_text().as_deref() {
            Some("include") => Credentials::Include,
            Some("omit") => Credentials::Omit,
            Some("same-origin") => Credentials::Unsaid,
            _ => Credentials::Unknown,
        },
    }
}

/// The header that `auth` gives where the options of a request name schemes, and whether that is not known.
fn by_security(session: &mut Session<'_>, options: &Value, config: &Value, here: Place) -> (Value, bool) {
    let auth = first(session, [options, config], "auth");
    if auth.truth() == Some(false) {
        return (Value::Undefined, false);
    }
    let Value::Array(schemes) = option(session, options, "security") else {
        let is_unsaid = option(session, options, "security") == Value::Undefined;
        return (Value::Undefined, !is_unsaid);
    };
    let headers = session.store.object(ObjectKind::Headers, here);
    let token = resolved(session, &auth, here);
    for scheme in schemes.iter() {
        let [kind, sent_as, name, place] =
            ["type", "scheme", "name", "in"].map(|name| requests::known_option(session, scheme, name));
        let (Some(kind), Some(sent_as), Some(name), Some(place)) = (kind, sent_as, name, place) else {
            return (Value::Undefined, true);
        };
        if !matches!(&*place, "" | "header") || (kind == "http" && sent_as == "basic") {
            return (Value::Undefined, true);
        }
        let name = if name.is_empty() { SmolStr::new_static("authorization") } else { name };
        let value = if kind == "http" { bearer(session, &token) } else { token.clone() };
        session.store.set(headers, &name.to_ascii_lowercase(), value);
    }
    (Value::Object(headers), false)
}

/// What a setting holds: a value, or what a function gives.
fn resolved(session: &mut Session<'_>, setting: &Value, here: Place) -> Value {
    match setting {
        Value::Function(_) | Value::Package(_) | Value::Either(_) => {
            let arguments = Arguments { values: vec![Value::Unknown], places: vec![here], open: false };
            let is_called =
                setting.alternatives().iter().all(|one| matches!(one, Value::Function(_) | Value::Package(_)));
            match is_called {
                true => awaited(&session.call_value(setting, &arguments, false, here)),
                false => Value::Unknown,
            }
        }
        value => value.clone(),
    }
}

/// `Bearer <token>`, where there is a token: no header is made of none.
fn bearer(session: &Session<'_>, token: &Value) -> Value {
    token.each(|token| match token {
        token if token.truth() == Some(false) => Value::Undefined,
        Value::Unknown => Value::Unknown,
        token => {
            let parts = session.text_parts(token).into_iter().map(|part| match part {
                Part::Hole(Hole::Symbol(symbol)) => {
                    Part::Hole(Hole::Symbol(Rc::new(Symbol { may_be_missing: false, ..(*symbol).clone() })))
                }
                part => part,
            });
            Value::Text(joined([Part::Text("Bearer ".into())].into_iter().chain(parts)))
        }
    })
}

/// Names of settings that make requests carry something.
const ATTACHING: &[&str] = &["TOKEN", "HEADERS", "USERNAME", "PASSWORD", "interceptors"];

/// A setting is assigned: other modules send requests with it.
pub(in crate::frontend) fn set_setting(session: &mut Session<'_>, settings: ObjectId, name: &str, value: &Value) {
    let client = Client::Made(session.store.get(settings).place);
    if name == "BASE" && *value != Value::Unknown {
        let base = (client, requests::url_parts(session, value));
        session.outcome.default_bases.push(base);
    }
    if ATTACHING.contains(&name) && is_given(value) {
        session.outcome.interceptors.push(Interceptor { client });
    }
}

/// `Object.assign(OpenAPI, { TOKEN })`.
pub(super) fn note_settings(session: &mut Session<'_>, settings: ObjectId, given: &Value) {
    if session.store.get(settings).is_settings() {
        for name in ATTACHING.iter().chain(&["BASE"]) {
            let value = option(session, given, name);
            if is_given(&value) {
                set_setting(session, settings, name, &value);
            }
        }
    }
}

/// `request(OpenAPI, { method, url, … })`.
fn request_with(session: &mut Session<'_>, settings: ObjectId, options: &Value, here: Place) -> Value {
    let config = Value::Object(settings);
    let mut setting = |name: &str| option(session, &config, name);
    let [base, token, user, more, with, mode, hooks] =
        ["BASE", "TOKEN", "USERNAME", "HEADERS", "WITH_CREDENTIALS", "CREDENTIALS", "interceptors"].map(&mut setting);
    let path = option(session, options, "url");
    let url = with_base(session, &base, &braces_as_holes(&path));
    let query = option(session, options, "query");
    let url = with_tokens(session, &url, &query);
    let token = resolved(session, &token, here);
    let headers = session.store.object(ObjectKind::Headers, here);
    let value = if is_given(&user) { Value::Unknown } else { bearer(session, &token) };
    session.store.set(headers, "authorization", value);
    let more = resolved(session, &more, here);
    let own = option(session, options, "headers");
    let credentials = match (with, mode.known_text().as_deref()) {
        (Value::Undefined | Value::Bool(false), _) => Credentials::Unsaid,
        (Value::Bool(true), None | Some("include")) => Credentials::Include,
        _ => Credentials::Unknown,
    };
    let made_at = session.store.get(settings).place;
    let method = requests::method(session, options);
    let by_token = Value::Object(headers);
    let open = is_given(&hooks) || is_open(session, options) || session.store.get(settings).open;
    let client = Client::Made(made_at);
    let prepared = Prepared { url, method, headers: vec![&own, &more, &by_token], credentials, client, open };
    session.note_answer(made_at, How::Throws);
    make_through(session, &prepared, made_at, here)
}
