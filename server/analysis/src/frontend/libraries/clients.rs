//! Clients: axios, ky and openapi-fetch.

use std::rc::Rc;

use smol_str::SmolStr;

use super::METHODS;
use super::interceptors::{self, Intercepted};
use crate::frontend::evaluation::{Arguments, Session, beginning};
use crate::frontend::observed::How;
use crate::frontend::outcome::{Client, Credentials, Interceptor, Place, UrlPart};
use crate::frontend::requests::{self, Prepared, is_open, make, option};
use crate::frontend::value::{Direction, Hole, ObjectId, ObjectKind, Part, Value, joined};

/// A function of axios.
pub(super) fn call_axios(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    let path = path.trim_start_matches("default").trim_start_matches('.');
    match path {
        "create" => {
            let client = session.store.object(ObjectKind::Axios, here);
            session.spread_into(client, &arguments.get(0));
            lower_headers(session, client, here);
            Value::Object(client)
        }
        "" | "request" => {
            session.watch_made_with(&arguments.get(0), None, here);
            let config = config_of_call(session, arguments);
            request(session, None, &config.0, &config.1, None, here)
        }
        "interceptors.request.use" => {
            interceptors::note_request(session, None, &arguments.get(0), here);
            Value::Unknown
        }
        "interceptors.response.use" => {
            interceptors::note_failures(session, None, arguments, here);
            Value::Unknown
        }
        method if METHODS.contains(&method) => {
            let config = arguments.get(config_at(method));
            request(session, None, &arguments.get(0), &config, Some(method), here)
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `client(config)` and `client(url, config)`.
fn config_of_call(session: &mut Session<'_>, arguments: &Arguments) -> (Value, Value) {
    match arguments.get(0) {
        config @ Value::Object(_) => (option(session, &config, "url"), config),
        url => (url, arguments.get(1)),
    }
}

/// Where the options of a method of axios stand: bodies come before them.
fn config_at(method: &str) -> usize {
    if matches!(method, "post" | "put" | "patch") { 2 } else { 1 }
}

/// Headers are found whatever their case is.
fn lower_headers(session: &mut Session<'_>, client: ObjectId, here: Place) {
    let given = session.store.get(client).entries.get("headers").cloned().unwrap_or(Value::Undefined);
    let headers = requests::headers(session, &given, here);
    if let Value::Object(id) = given
        && let Some(common) = session.store.get(id).entries.get("common").cloned()
    {
        let common = requests::headers(session, &common, here);
        session.spread_into(headers, &Value::Object(common));
    }
    session.store.set(client, "headers", Value::Object(headers));
}

pub(super) fn entry(session: &mut Session<'_>, id: ObjectId, kind: &ObjectKind, name: &str) -> Value {
    match (kind, name) {
        (ObjectKind::Axios, "defaults") => Value::Object(id),
        (ObjectKind::Axios, name) if METHODS.contains(&name) => {
            let place = session.store.get(id).place;
            Value::Object(session.store.object(ObjectKind::Method(id, SmolStr::new(name)), place))
        }
        (ObjectKind::Axios, "interceptors") => interceptors::of(session, id),
        (ObjectKind::Interceptors(client, Direction::Either), "request" | "response") => {
            let direction = if name == "request" { Direction::Request } else { Direction::Response };
            let place = session.store.get(id).place;
            Value::Object(session.store.object(ObjectKind::Interceptors(*client, direction), place))
        }
        _ => Value::Unknown,
    }
}

pub(super) fn method(
    session: &mut Session<'_>,
    id: ObjectId,
    kind: &ObjectKind,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    match (kind, name) {
        (ObjectKind::Axios, "request") => {
            session.watch_made_with(&arguments.get(0), Some(id), here);
            let (url, config) = config_of_call(session, arguments);
            Some(request(session, Some(id), &url, &config, None, here))
        }
        (ObjectKind::Axios, name) if METHODS.contains(&name) => {
            let config = arguments.get(config_at(name));
            Some(request(session, Some(id), &arguments.get(0), &config, Some(name), here))
        }
        (ObjectKind::Interceptors(client, direction), _) => {
            interceptors::add(session, *client, *direction, name, arguments, here);
            Some(Value::Unknown)
        }
        (ObjectKind::Ky, name) if METHODS.contains(&name) => {
            Some(request_ky(session, Some(id), &arguments.get(0), &arguments.get(1), Some(name), here))
        }
        (ObjectKind::Ky, "extend" | "create") => Some(make_ky(session, Some(id), &arguments.get(0), here)),
        (ObjectKind::OpenApi, _) => Some(request_open_api(session, id, name, arguments, here)),
        _ => None,
    }
}

/// A client is called itself.
pub(super) fn call_client(
    session: &mut Session<'_>,
    id: ObjectId,
    kind: &ObjectKind,
    arguments: &Arguments,
    here: Place,
) -> Value {
    match kind {
        ObjectKind::Ky => request_ky(session, Some(id), &arguments.get(0), &arguments.get(1), None, here),
        _ => {
            session.watch_made_with(&arguments.get(0), Some(id), here);
            let (url, config) = config_of_call(session, arguments);
            request(session, Some(id), &url, &config, None, here)
        }
    }
}

/// A request of axios: defaults of the client, options of the call, and what
/// interceptors make of both.
fn request(
    session: &mut Session<'_>,
    client: Option<ObjectId>,
    url: &Value,
    config: &Value,
    method: Option<&str>,
    here: Place,
) -> Value {
    let own = option(session, config, "headers");
    let defaults = client.map_or(Value::Undefined, Value::Object);
    let common = option(session, &defaults, "headers");
    let base = match option(session, config, "baseURL") {
        Value::Undefined => option(session, &defaults, "baseURL"),
        base => base,
    };
    let method = match method {
        Some(method) => Some(SmolStr::new(method.to_ascii_uppercase())),
        None => requests::method(session, config),
    };
    let mut sends_cookies = option(session, config, "withCredentials");
    if sends_cookies == Value::Undefined {
        sends_cookies = option(session, &defaults, "withCredentials");
    }
    let credentials = match sends_cookies {
        Value::Undefined | Value::Bool(false) => Credentials::Unsaid,
        Value::Bool(true) => Credentials::Include,
        _ => Credentials::Unknown,
    };
    let mut open = is_open(session, config);
    let mut all = vec![own.clone(), common];
    let mut sent = Intercepted::with_base(base);
    if let Some(client) = client {
        sent.run(session, client, &own, here);
        open |= sent.is_unknown || session.store.get(client).open;
    }
    all.append(&mut sent.headers);
    let url = with_base(session, &sent.base, url);
    let params = option(session, config, "params");
    let url = with_tokens(session, &url, &params);
    let client = made(session, client, Client::Axios);
    let prepared = Prepared { url, method, headers: all.iter().collect(), credentials, client, open };
    // What `validateStatus` takes for a success is not thrown.
    if option(session, config, "validateStatus") == Value::Undefined
        && option(session, &defaults, "validateStatus") == Value::Undefined
    {
        session.note_answer(here, How::Throws);
    }
    make(session, &prepared, here)
}

/// Which client it is; `otherwise` where none was made.
pub(super) fn made(session: &Session<'_>, client: Option<ObjectId>, otherwise: Client) -> Client {
    client.map_or(otherwise, |client| Client::Made(session.store.get(client).place))
}

/// Notes what is put before the paths of a client.
pub(super) fn note_base(session: &mut Session<'_>, client: Client, base: &Value) {
    let bases = base.alternatives().iter().filter(|base| base.truth() != Some(false));
    let bases: Vec<_> = bases.map(|base| (client, requests::url_parts(session, base))).collect();
    session.outcome.default_bases.extend(bases);
}

/// `axios.defaults.headers.common.Authorization = …` and `axios.defaults.baseURL = …`.
pub(super) fn note_default(session: &mut Session<'_>, name: &str, value: &Value) {
    if name == "baseURL" {
        note_base(session, Client::Axios, value);
    }
    if name.eq_ignore_ascii_case("authorization") && value.truth() != Some(false) {
        session.outcome.interceptors.push(Interceptor { client: Client::Axios });
    }
}

/// `client.defaults.headers.common.Authorization = …`: other files may use the client.
pub(in crate::frontend) fn set_default_header(session: &mut Session<'_>, client: ObjectId, name: &str, value: &Value) {
    if name.eq_ignore_ascii_case("authorization") && value.truth() != Some(false) {
        let client = made(session, Some(client), Client::Axios);
        session.outcome.interceptors.push(Interceptor { client });
    }
}

/// An address with those of its parameters (`params`) that are tokens: what else it asks for tells nothing of where it
/// goes.
pub(super) fn with_tokens(session: &Session<'_>, url: &Value, params: &Value) -> Value {
    let Value::Object(params) = params else { return url.clone() };
    let mut tokens: Vec<(SmolStr, Value)> = session.store.get(*params).entries.clone().into_iter().collect();
    tokens
        .retain(|(_, value)| requests::url_parts(session, value).iter().any(|part| matches!(part, UrlPart::Token(_))));
    tokens.sort_by(|(a, _), (b, _)| a.cmp(b));
    tokens.iter().fold(url.clone(), |url, (name, token)| {
        let token = session.text_parts(token);
        url.each(|url| {
            let query = Part::Text(SmolStr::new(format!("?{name}=")));
            Value::Text(joined(
                session.text_parts(url).into_iter().chain([query]).chain(token.clone()).collect::<Vec<_>>(),
            ))
        })
    })
}

/// A path behind the base of a client, unless it is a whole URL.
pub(super) fn with_base(session: &Session<'_>, base: &Value, url: &Value) -> Value {
    if base.truth() == Some(false) {
        return url.clone();
    }
    let base = session.text_parts(&beginning(base));
    url.each(|url| {
        let url = match session.text_parts(url).as_slice() {
            // All that a caller may ask for.
            [Part::Hole(Hole::Unknown)] => vec![Part::Hole(Hole::Path)],
            url => url.to_vec(),
        };
        if matches!(url.first(), Some(Part::Text(text)) if text.contains("://")) {
            return Value::Text(url.into());
        }
        let ends = matches!(base.last(), Some(Part::Text(text)) if text.ends_with('/'));
        let starts = matches!(url.first(), Some(Part::Text(text)) if text.starts_with('/'));
        let between = match (ends, starts) {
            (false, false) => Some(Part::Text("/".into())),
            _ => None,
        };
        let mut url = url;
        if ends
            && starts
            && let Some(Part::Text(text)) = url.first_mut()
        {
            *text = SmolStr::new(text.trim_start_matches('/'));
        }
        Value::Text(joined(base.iter().cloned().chain(between).chain(url).collect::<Vec<_>>()))
    })
}

/// A function of ky.
pub(super) fn call_ky(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    let path = path.trim_start_matches("default").trim_start_matches('.');
    match path {
        "create" | "extend" => make_ky(session, None, &arguments.get(0), here),
        "" => request_ky(session, None, &arguments.get(0), &arguments.get(1), None, here),
        method if METHODS.contains(&method) => {
            request_ky(session, None, &arguments.get(0), &arguments.get(1), Some(method), here)
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

fn make_ky(session: &mut Session<'_>, parent: Option<ObjectId>, options: &Value, here: Place) -> Value {
    let client = session.store.object(ObjectKind::Ky, here);
    if let Some(parent) = parent {
        session.spread_into(client, &Value::Object(parent));
    }
    session.spread_into(client, options);
    session.escapes(options);
    Value::Object(client)
}

fn request_ky(
    session: &mut Session<'_>,
    client: Option<ObjectId>,
    url: &Value,
    options: &Value,
    method: Option<&str>,
    here: Place,
) -> Value {
    let defaults = client.map_or(Value::Undefined, Value::Object);
    let base = match option(session, &defaults, "prefixUrl") {
        Value::Undefined => option(session, &defaults, "prefix"),
        base => base,
    };
    let url = with_base(session, &base, url);
    let own = option(session, options, "headers");
    let common = option(session, &defaults, "headers");
    let method = match method {
        Some(method) => Some(SmolStr::new(method.to_ascii_uppercase())),
        None => requests::method(session, options),
    };
    let credentials = match (option(session, options, "credentials"), option(session, &defaults, "credentials")) {
        (Value::Undefined, Value::Undefined) => Credentials::Unsaid,
        (one, other) if [&one, &other].iter().any(|value| value.known_text().is_some_and(|text| text == "include")) => {
            Credentials::Include
        }
        _ => Credentials::Unknown,
    };
    // Hooks can do anything to a request.
    let hooks = [options, &defaults].map(|options| option(session, options, "hooks"));
    let open = hooks.iter().any(|hooks| *hooks != Value::Undefined) || is_open(session, options);
    let client = made(session, client, Client::Fetch);
    let prepared = Prepared { url, method, headers: vec![&own, &common], credentials, client, open };
    if option(session, options, "throwHttpErrors") == Value::Undefined {
        session.note_answer(here, How::Throws);
    }
    make(session, &prepared, here)
}

/// `createClient({ baseUrl })` of openapi-fetch.
pub(super) fn make_open_api(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let client = session.store.object(ObjectKind::OpenApi, here);
    session.spread_into(client, &arguments.get(0));
    Value::Object(client)
}

fn request_open_api(
    session: &mut Session<'_>,
    client: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    if name == "use" {
        // Middleware can do anything to a request.
        session.give_away(arguments);
        session.store.open(client);
        let client = made(session, Some(client), Client::Fetch);
        session.outcome.interceptors.push(Interceptor { client });
        return Value::Undefined;
    }
    let defaults = Value::Object(client);
    let options = arguments.get(1);
    let base = option(session, &defaults, "baseUrl");
    let url = with_base(session, &base, &braces_as_holes(&arguments.get(0)));
    let own = option(session, &options, "headers");
    let common = option(session, &defaults, "headers");
    let open = session.store.get(client).open || is_open(session, &options);
    let credentials = match option(session, &defaults, "credentials") {
        Value::Undefined => Credentials::Unsaid,
        _ => Credentials::Include,
    };
    let prepared = Prepared {
        url,
        method: Some(SmolStr::new(name.to_ascii_uppercase())),
        headers: vec![&own, &common],
        credentials,
        client: made(session, Some(client), Client::Fetch),
        open,
    };
    make(session, &prepared, here)
}

/// `/tasks/{id}`: what stands in braces is filled in.
pub(super) fn braces_as_holes(path: &Value) -> Value {
    let Some(text) = path.known_text() else { return path.clone() };
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        parts.push(Part::Text(SmolStr::new(before)));
        parts.push(Part::Hole(Hole::Unknown));
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    parts.push(Part::Text(SmolStr::new(rest)));
    Value::Text(Rc::from(&*joined(parts)))
}
