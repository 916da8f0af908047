//! What else sends requests: packages that stand in for `fetch` and `EventSource`, ofetch, `XMLHttpRequest`.

use smol_str::SmolStr;

use super::clients::{with_base, with_tokens};
use super::navigation;
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::observed::{How, Leads};
use crate::frontend::outcome::{Client, Credentials, Place};
use crate::frontend::requests::{self, Prepared, attached, is_open, option};
use crate::frontend::value::{ObjectId, ObjectKind, Value};

/// Whether a package gives a `fetch`, under that name or as its default.
fn is_fetch(package: &str, path: &str) -> bool {
    let is_named = matches!(path, "default" | "fetch");
    let is_known = matches!(package, "node-fetch" | "cross-fetch" | "isomorphic-fetch" | "undici" | "expo/fetch");
    is_named && is_known
}

/// A function or class of a package that asks a server; none if it does not.
pub(super) fn call_package(
    session: &mut Session<'_>,
    package: &str,
    path: &str,
    arguments: &Arguments,
    new: bool,
    here: Place,
) -> Option<Value> {
    let (url, options) = (arguments.get(0), arguments.get(1));
    match (package, path) {
        (package, path) if is_fetch(package, path) => Some(requests::fetch(session, &url, &options, here)),
        ("@microsoft/fetch-event-source" | "@fortaine/fetch-event-source", "fetchEventSource") => {
            Some(stream(session, &url, &options, here).promised())
        }
        ("event-source-polyfill", "EventSourcePolyfill")
        | ("eventsource", "EventSource" | "default")
        | ("event-source-plus", "EventSourcePlus")
        | ("sse.js", "SSE")
            if new =>
        {
            stream(session, &url, &options, here);
            Some(Value::Object(session.store.object(ObjectKind::Native, here)))
        }
        ("reconnecting-websocket" | "isomorphic-ws", "default" | "WebSocket") if new => {
            navigation::note(session, &url, Leads::Socket, here);
            Some(requests::web_socket(session, &url, here))
        }
        ("ofetch", path) => Some(call_ofetch(session, path, arguments, here)),
        // Nuxt gives these to every module.
        ("" | "#app" | "#imports" | "nuxt/app", path) if path == "$fetch" || path.starts_with("$fetch.") => {
            Some(call_ofetch(session, path, arguments, here))
        }
        ("" | "#app" | "#imports" | "nuxt/app", "useFetch" | "useLazyFetch") => {
            Some(request(session, None, arguments, here))
        }
        _ => None,
    }
}

/// A stream of events that can send headers: `fetch` goes on reading.
fn stream(session: &mut Session<'_>, url: &Value, options: &Value, here: Place) -> Value {
    let is_plain = option(session, options, "fetch") == Value::Undefined;
    let headers = option(session, options, "headers");
    let method = match (option(session, options, "method"), option(session, options, "payload")) {
        (Value::Undefined, payload) if payload.truth() != Some(false) => Some(SmolStr::new_static("POST")),
        _ => requests::method(session, options),
    };
    let open = !is_plain || is_open(session, options);
    let credentials = credentials(session, options, &Value::Undefined);
    let prepared =
        Prepared { url: url.clone(), method, headers: vec![&headers], credentials, client: Client::Fetch, open };
    // Its handlers of events say what becomes of a refusal.
    session.note_answer(here, How::Looked);
    requests::make(session, &prepared, here);
    session.escapes(options);
    Value::Unknown
}

fn credentials(session: &mut Session<'_>, options: &Value, defaults: &Value) -> Credentials {
    let mut said = |name: &str| match option(session, options, name) {
        Value::Undefined => option(session, defaults, name),
        value => value,
    };
    match (said("credentials"), said("withCredentials")) {
        (Value::Undefined, Value::Undefined | Value::Bool(false)) => Credentials::Unsaid,
        (Value::Undefined, Value::Bool(true)) => Credentials::Include,
        (text, _) => match text.known_text().as_deref() {
            Some("include") => Credentials::Include,
            Some("omit") => Credentials::Omit,
            Some("same-origin") => Credentials::Unsaid,
            _ => Credentials::Unknown,
        },
    }
}

/// `ofetch(url, options)`, and what it has.
fn call_ofetch(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    match path.rsplit('.').next().unwrap_or(path) {
        "create" => make_ofetch(session, None, &arguments.get(0), here),
        "ofetch" | "$fetch" | "raw" => request(session, None, arguments, here),
        "native" => requests::fetch(session, &arguments.get(0), &arguments.get(1), here),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

fn make_ofetch(session: &mut Session<'_>, parent: Option<ObjectId>, options: &Value, here: Place) -> Value {
    let client = session.store.object(ObjectKind::Ofetch, here);
    if let Some(parent) = parent {
        session.spread_into(client, &Value::Object(parent));
    }
    session.spread_into(client, options);
    Value::Object(client)
}

/// A method of a client of ofetch.
pub(super) fn method(
    session: &mut Session<'_>,
    client: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    match name {
        "create" => Some(make_ofetch(session, Some(client), &arguments.get(0), here)),
        "raw" => Some(request(session, Some(client), arguments, here)),
        _ => None,
    }
}

/// A client of ofetch, or ofetch itself, is called.
pub(super) fn request(
    session: &mut Session<'_>,
    client: Option<ObjectId>,
    arguments: &Arguments,
    here: Place,
) -> Value {
    let (url, options) = (arguments.get(0), arguments.get(1));
    let defaults = client.map_or(Value::Undefined, Value::Object);
    let base = match option(session, &options, "baseURL") {
        Value::Undefined => option(session, &defaults, "baseURL"),
        base => base,
    };
    let url = with_base(session, &base, &url);
    let query = match option(session, &options, "query") {
        Value::Undefined => option(session, &options, "params"),
        query => query,
    };
    let url = with_tokens(session, &url, &query);
    let own = option(session, &options, "headers");
    let common = option(session, &defaults, "headers");
    let mut open = is_open(session, &options) || client.is_some_and(|client| session.store.get(client).open);
    let mut headers = vec![own.clone(), common];
    for given in [&options, &defaults] {
        let hook = option(session, given, "onRequest");
        if hook != Value::Undefined {
            let (added, unknown) = hooked(session, &hook, &own, here);
            headers.push(added);
            open |= unknown;
        }
    }
    let method = match option(session, &options, "method") {
        Value::Undefined => requests::method(session, &defaults),
        _ => requests::method(session, &options),
    };
    let credentials = credentials(session, &options, &defaults);
    let made = client.map_or(Client::Fetch, |client| Client::Made(session.store.get(client).place));
    let prepared = Prepared { url, method, headers: headers.iter().collect(), credentials, client: made, open };
    session.note_answer(here, How::Throws);
    requests::make(session, &prepared, here)
}

/// What `onRequest({ options })` makes of headers, and whether that is not known.
fn hooked(session: &mut Session<'_>, hook: &Value, own: &Value, here: Place) -> (Value, bool) {
    let Value::Function(_) = hook else { return (Value::Undefined, true) };
    let headers = requests::headers(session, own, here);
    let options = session.store.object(ObjectKind::Plain, here);
    session.store.set(options, "headers", Value::Object(headers));
    let context = session.store.object(ObjectKind::Plain, here);
    session.store.set(context, "options", Value::Object(options));
    session.store.open(context);
    let arguments = Arguments { values: vec![Value::Object(context)], places: vec![here], open: false };
    session.call_value(hook, &arguments, false, here);
    let options = Value::Object(options);
    let headers = option(session, &options, "headers");
    let is_unknown = attached(session, &headers) == crate::frontend::outcome::Attached::Unknown;
    (headers, is_unknown)
}

/// `new XMLHttpRequest()`.
pub(super) fn make_xhr(session: &mut Session<'_>, here: Place) -> Value {
    let request = session.store.object(ObjectKind::Xhr, here);
    let headers = session.store.object(ObjectKind::Headers, here);
    session.store.set(request, "headers", Value::Object(headers));
    Value::Object(request)
}

/// A method of an `XMLHttpRequest`.
pub(super) fn method_of_xhr(
    session: &mut Session<'_>,
    request: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    let this = Value::Object(request);
    match name {
        "open" => {
            session.store.set(request, "method", arguments.get(0));
            session.store.set(request, "url", arguments.get(1));
        }
        "setRequestHeader" => {
            if let Value::Object(headers) = option(session, &this, "headers") {
                let given = Arguments { ..arguments.clone() };
                super::web::call_headers(session, headers, "set", &given);
            }
        }
        "send" => {
            let url = option(session, &this, "url");
            let headers = option(session, &this, "headers");
            let method = requests::method(session, &this);
            let credentials = credentials(session, &this, &Value::Undefined);
            let open = session.store.get(request).open;
            let client = Client::Fetch;
            let prepared = Prepared { url, method, headers: vec![&headers], credentials, client, open };
            // Its handlers look at the status, or nobody does.
            session.note_answer(here, How::Looked);
            requests::make(session, &prepared, here);
        }
        _ => session.give_away(arguments),
    }
    Value::Undefined
}
