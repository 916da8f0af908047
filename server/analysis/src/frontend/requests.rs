//! Requests: where they go, and what goes with them.

use std::rc::Rc;

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session};
use super::libraries::METHODS;
use super::matching::WEBSOCKET;
use super::outcome::{Attached, Client, Credentials, Place, Request, TokenSource, UrlPart, What};
use super::tokens::{source, what_is};
use super::value::{Hole, ObjectId, ObjectKind, Origin, Part, Symbol, Value};

/// Places that one request may go to.
const MAX_URLS: usize = 4;

/// What is known of a request before it is made.
pub(super) struct Prepared<'v> {
    pub(super) url: Value,
    pub(super) method: Option<SmolStr>,
    /// What holds its headers; several count together.
    pub(super) headers: Vec<&'v Value>,
    pub(super) credentials: Credentials,
    pub(super) client: Client,
    /// Whether something may have added headers.
    pub(super) open: bool,
}

/// `fetch(url, init)`.
pub(super) fn fetch(session: &mut Session<'_>, url: &Value, init: &Value, here: Place) -> Value {
    let (url, own) = match url {
        // A `Request` holds both.
        Value::Object(id) if session.store.get(*id).kind == ObjectKind::Plain => {
            (session.store.get(*id).entries.get("url").cloned().unwrap_or(Value::Unknown), Some(url.clone()))
        }
        url => (url.clone(), None),
    };
    let init = match (init, own) {
        (Value::Undefined, Some(own)) => own,
        (init, _) => init.clone(),
    };
    let method = method(session, &init);
    let headers = options(session, &init, "headers");
    let open = is_open(session, &init);
    let credentials = match known_option(session, &init, "credentials") {
        Some(text) if text == "include" => Credentials::Include,
        Some(text) if text == "omit" => Credentials::Omit,
        Some(text) if text == "same-origin" || text.is_empty() => Credentials::Unsaid,
        Some(_) => Credentials::Unknown,
        None => Credentials::Unknown,
    };
    let prepared = Prepared { url, method, headers: vec![&headers], credentials, client: Client::Fetch, open };
    make(session, &prepared, here)
}

/// `new EventSource(url, options)`: it can't send headers.
pub(super) fn event_source(session: &mut Session<'_>, url: &Value, options: &Value, here: Place) -> Value {
    let credentials = match option(session, options, "withCredentials") {
        Value::Undefined | Value::Bool(false) => Credentials::Unsaid,
        _ => Credentials::Include,
    };
    let method = Some(SmolStr::new_static("GET"));
    let prepared = Prepared {
        url: url.clone(),
        method,
        headers: Vec::new(),
        credentials,
        client: Client::EventSource,
        open: false,
    };
    make(session, &prepared, here);
    Value::Object(session.store.object(ObjectKind::Native, here))
}

/// `new WebSocket(url)`: what its methods send is no request.
pub(super) fn web_socket(session: &mut Session<'_>, url: &Value, here: Place) -> Value {
    let prepared = Prepared {
        url: url.clone(),
        method: Some(SmolStr::new_static(WEBSOCKET)),
        headers: Vec::new(),
        credentials: Credentials::Include,
        client: Client::WebSocket,
        open: false,
    };
    make(session, &prepared, here);
    Value::Object(session.store.object(ObjectKind::Native, here))
}

/// Notes a call of what an import that leads nowhere gives, where it asks for a
/// path: nothing else is known of the request.
pub(super) fn through_unresolved(session: &mut Session<'_>, callee: &Symbol, arguments: &Arguments, here: Place) {
    let Some(name) = callee.path.last() else { return };
    let is_method = METHODS.contains(&name.as_str());
    let asks = |step: &SmolStr| {
        let step = step.to_ascii_lowercase();
        ["api", "fetch", "request", "http", "axios"].iter().any(|word| step.contains(word))
    };
    let url = arguments.get(0);
    let parts = url_parts(session, &url);
    let is_path = match parts.first() {
        Some(UrlPart::Text(text)) => text.len() > 1 && text.starts_with('/') && !text.contains(' '),
        _ => false,
    };
    if !is_path || !callee.path.iter().any(asks) {
        return;
    }
    let method = match (is_method, arguments.get(1)) {
        (true, _) => Some(SmolStr::new(name.to_ascii_uppercase())),
        (false, options @ Value::Object(_)) => method(session, &options),
        _ => None,
    };
    let call = session.call_on_the_way(here);
    session.outcome.requests.push(Request {
        place: here,
        call,
        via: session.calls_behind(call, here),
        extent: session.extent(call),
        method,
        url: parts,
        authorization: Attached::Unknown,
        bare: false,
        forwards: false,
        sent: vec![TokenSource::Other],
        credentials: Credentials::Unknown,
        client: Client::Unresolved,
        keys: Vec::new(),
        after_refusal: session.is_after_refusal(),
    });
}

/// Makes a request; gives the promise of its answer.
pub(super) fn make(session: &mut Session<'_>, prepared: &Prepared<'_>, here: Place) -> Value {
    make_through(session, prepared, here, here)
}

/// The same of a request that a client makes at a place of its own, and that is asked for elsewhere.
pub(super) fn make_through(session: &mut Session<'_>, prepared: &Prepared<'_>, made_at: Place, here: Place) -> Value {
    let mut authorization = Attached::Never;
    for headers in &prepared.headers {
        authorization = both(authorization, attached(session, headers));
    }
    if prepared.open && authorization == Attached::Never {
        authorization = Attached::Unknown;
    }
    // Whether the page's code ever runs without a browser is not known.
    if session.without_window && authorization == Attached::Never {
        authorization = Attached::Unknown;
    }
    let is_bare = !prepared.open && !session.without_window && prepared.headers.iter().all(|one| is_bare(session, one));
    let forwards = prepared.headers.iter().any(|headers| hands_on(session, headers));
    session.watch_request(&prepared.headers, &authorization, made_at);
    let sent = sent(session, &prepared.headers, prepared.open);
    let keys = public_keys(session, &prepared.headers);
    let call = session.call_on_the_way(here);
    let via = session.calls_behind(call, here);
    for url in prepared.url.alternatives().iter().take(MAX_URLS) {
        let url = url_parts(session, url);
        session.note_asked(made_at, &url);
        session.outcome.requests.push(Request {
            place: made_at,
            call,
            via: via.clone(),
            extent: session.extent(call),
            method: prepared.method.clone(),
            url,
            authorization: authorization.clone(),
            bare: is_bare,
            forwards,
            sent: sent.clone(),
            credentials: prepared.credentials,
            client: prepared.client,
            keys: keys.clone(),
            after_refusal: session.is_after_refusal(),
        });
    }
    let answer = Symbol { origin: Origin::Response(made_at), path: Rc::new([]), may_be_missing: false };
    Value::Symbol(Rc::new(answer)).promised()
}

pub(super) fn url_parts(session: &Session<'_>, url: &Value) -> Vec<UrlPart> {
    let parts = session.text_parts(url).into_iter().map(|part| match part {
        Part::Text(text) => UrlPart::Text(text),
        Part::Hole(Hole::Symbol(symbol)) => match &symbol.origin {
            Origin::Environment(name) => UrlPart::Environment(name.clone()),
            Origin::Call(name) if name.path.ends_with("location.origin") => UrlPart::Origin,
            Origin::Incoming if is_rest(&symbol) => UrlPart::Rest,
            _ if is_asked_path(&symbol) => UrlPart::Asked,
            Origin::Storage(..) => UrlPart::Token(source(&symbol)),
            Origin::Response(_) => match what_is(session, &Value::Symbol(Rc::clone(&symbol))) {
                What::Token(_) => UrlPart::Token(source(&symbol)),
                _ => UrlPart::Unknown,
            },
            Origin::Call(_) => match source(&symbol) {
                TokenSource::Other => UrlPart::Unknown,
                token => UrlPart::Token(token),
            },
            _ => UrlPart::Unknown,
        },
        Part::Hole(Hole::Path) => UrlPart::Path,
        Part::Hole(_) => UrlPart::Unknown,
    });
    parts.collect()
}

/// Whether a value is `params.path.join("/")`, the segments that a route handler
/// takes any number of.
fn is_rest(symbol: &Symbol) -> bool {
    let steps: Vec<&str> = symbol.path.iter().map(SmolStr::as_str).collect();
    let ["context", "params", _, then @ ..] = steps.as_slice() else { return false };
    then.ends_with(&["join", "()"]) && then.iter().all(|step| matches!(*step, "join" | "map" | "filter" | "()"))
}

/// Whether a value is `request.nextUrl.pathname`, the path that a route handler was asked for.
pub(super) fn is_asked_path(symbol: &Symbol) -> bool {
    symbol.origin == Origin::Incoming
        && matches!(&*symbol.path, [address, path] if address == "nextUrl" && path == "pathname")
}

/// A `Headers` object with what is given.
pub(super) fn headers(session: &mut Session<'_>, init: &Value, here: Place) -> ObjectId {
    let headers = session.store.object(ObjectKind::Headers, here);
    for value in init.alternatives() {
        match value {
            Value::Object(id) => {
                let source = session.store.get(*id).clone();
                let mut entries: Vec<_> = source.entries.into_iter().collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                for (name, value) in entries {
                    session.store.set(headers, &name.to_ascii_lowercase(), value);
                }
                if source.open {
                    session.store.open(headers);
                }
            }
            Value::Bool(false) => {}
            value if value.is_missing() => {}
            _ => session.store.open(headers),
        }
    }
    headers
}

/// An option by name; `undefined` if it is not there, unknown if it may be.
pub(super) fn option(session: &mut Session<'_>, options: &Value, name: &str) -> Value {
    options.clone().each(|options| match options {
        Value::Object(id) => {
            let object = session.store.get(*id);
            match object.entries.get(name) {
                Some(value) => value.clone(),
                None if object.open => Value::Unknown,
                None => Value::Undefined,
            }
        }
        value if value.is_missing() => Value::Undefined,
        _ => Value::Unknown,
    })
}

fn options(session: &mut Session<'_>, value: &Value, name: &str) -> Value {
    option(session, value, name)
}

/// The text of an option; empty if it is not there, none if it is not known.
pub(super) fn known_option(session: &mut Session<'_>, options: &Value, name: &str) -> Option<SmolStr> {
    match option(session, options, name) {
        Value::Undefined => Some(SmolStr::default()),
        value => value.known_text(),
    }
}

/// The method of a request; GET if nothing is said.
pub(super) fn method(session: &mut Session<'_>, options: &Value) -> Option<SmolStr> {
    let known = known_option(session, options, "method")?;
    Some(if known.is_empty() { SmolStr::new_static("GET") } else { SmolStr::new(known.to_ascii_uppercase()) })
}

/// Whether options may hold more than is known.
pub(super) fn is_open(session: &Session<'_>, options: &Value) -> bool {
    options.alternatives().iter().any(|options| match options {
        Value::Object(id) => session.store.get(*id).open && !session.store.get(*id).entries.contains_key("headers"),
        value if value.is_missing() => false,
        _ => true,
    })
}

/// Whether headers hold an `Authorization`, or something else that may
/// authenticate.
pub(super) fn attached(session: &Session<'_>, headers: &Value) -> Attached {
    let mut all = Attached::Never;
    for value in headers.alternatives() {
        let one = match value {
            Value::Bool(false) => Attached::Never,
            value if value.is_missing() => Attached::Never,
            Value::Object(id) => attached_in(session, *id),
            _ => Attached::Unknown,
        };
        all = both(all, one);
    }
    all
}

/// Whether headers hold no `Authorization` on any way, and nothing that is not known.
fn is_bare(session: &Session<'_>, headers: &Value) -> bool {
    headers.alternatives().iter().all(|headers| match headers {
        Value::Bool(false) => true,
        Value::Object(id) => {
            let object = session.store.get(*id);
            let mut own = object.entries.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            !object.open && own.all(|(_, value)| value.alternatives().iter().all(Value::is_missing))
        }
        value => value.is_missing(),
    })
}

/// Whether headers hold an `Authorization` that came with the request which an
/// endpoint answers.
fn hands_on(session: &Session<'_>, headers: &Value) -> bool {
    let came_in = |symbol: &Symbol| {
        symbol.origin == Origin::Incoming && symbol.path.first().is_some_and(|step| step == "headers")
    };
    headers.alternatives().iter().any(|headers| {
        let Value::Object(id) = headers else { return false };
        let mut entries = session.store.get(*id).entries.iter();
        entries.any(|(name, value)| {
            name.eq_ignore_ascii_case("authorization")
                && value.alternatives().iter().any(|value| match value {
                    Value::Symbol(symbol) => came_in(symbol),
                    Value::Text(parts) => {
                        parts.iter().any(|part| matches!(part, Part::Hole(Hole::Symbol(symbol)) if came_in(symbol)))
                    }
                    _ => false,
                })
        })
    })
}

/// Headers that hold a variable which is written into code for browsers, in small letters, each with the variable.
fn public_keys(session: &Session<'_>, headers: &[&Value]) -> Vec<(SmolStr, SmolStr)> {
    let objects = headers.iter().flat_map(|headers| headers.alternatives()).filter_map(|headers| match headers {
        Value::Object(id) => Some(*id),
        _ => None,
    });
    let mut keys = Vec::new();
    for id in objects {
        for (name, value) in &session.store.get(id).entries {
            let variables = value.alternatives().iter().filter_map(|value| match value {
                Value::Symbol(symbol) if symbol.path.is_empty() => match &symbol.origin {
                    Origin::Environment(variable) if is_written_into_code(variable) => Some(variable.clone()),
                    _ => None,
                },
                _ => None,
            });
            keys.extend(variables.map(|variable| (SmolStr::new(name.to_ascii_lowercase()), variable)));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Whether bundlers write the value of a variable into code for browsers, by its name.
fn is_written_into_code(variable: &str) -> bool {
    ["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "EXPO_PUBLIC_"].iter().any(|start| variable.starts_with(start))
}

/// Where the tokens come from that headers may hold.
fn sent(session: &Session<'_>, headers: &[&Value], may_hold_more: bool) -> Vec<TokenSource> {
    let mut sources = Vec::new();
    if may_hold_more {
        sources.push(TokenSource::Other);
    }
    for headers in headers.iter().flat_map(|headers| headers.alternatives()) {
        match headers {
            Value::Object(id) => {
                let object = session.store.get(*id);
                if object.open {
                    sources.push(TokenSource::Other);
                }
                let own = object.entries.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
                sources.extend(own.flat_map(|(_, value)| bearer_sources(value)));
            }
            Value::Undefined | Value::Null | Value::Bool(false) => {}
            _ => sources.push(TokenSource::Other),
        }
    }
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// Where the tokens come from that a header sends.
fn bearer_sources(header: &Value) -> Vec<TokenSource> {
    let of = |value: &Value| match value {
        Value::Undefined | Value::Null | Value::Bool(false) => None,
        Value::Text(parts) => match &**parts {
            [Part::Text(scheme), Part::Hole(Hole::Symbol(symbol))] if scheme.trim().eq_ignore_ascii_case("bearer") => {
                Some(source(symbol))
            }
            [Part::Text(_), Part::Hole(Hole::Missing)] => None,
            _ => Some(TokenSource::Other),
        },
        _ => Some(TokenSource::Other),
    };
    header.alternatives().iter().filter_map(of).collect()
}

fn attached_in(session: &Session<'_>, id: ObjectId) -> Attached {
    let object = session.store.get(id);
    let mut names: Vec<&SmolStr> = object.entries.keys().collect();
    names.sort_unstable();
    let mut found = if object.open { Attached::Unknown } else { Attached::Never };
    for name in names {
        let value = &object.entries[name];
        if name.eq_ignore_ascii_case("authorization") {
            for value in value.alternatives() {
                found = match value {
                    Value::Bool(false) => found,
                    value if value.is_missing() => found,
                    Value::Unknown => both(found, Attached::Unknown),
                    _ => Attached::Given,
                };
            }
        } else if may_authenticate(name) && !is_public(value) {
            found = both(found, Attached::Unknown);
        }
    }
    found
}

/// Whether everybody knows a value: it stands in the code, or in that of the page.
fn is_public(value: &Value) -> bool {
    value.alternatives().iter().all(|value| match value {
        Value::Undefined => true,
        Value::Symbol(symbol) => match &symbol.origin {
            Origin::Environment(name) => is_written_into_code(name),
            _ => false,
        },
        value => value.known_text().is_some(),
    })
}

/// Whether a header could carry a credential too, or what a backend takes for
/// one: all but those of RFC 9110 and of browsers that say something else.
fn may_authenticate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_known = name.starts_with("accept")
        || name.starts_with("content-")
        || name.starts_with("if-")
        || name.starts_with("x-forwarded-")
        || matches!(
            name.as_str(),
            "cache-control"
                | "pragma"
                | "origin"
                | "referer"
                | "user-agent"
                | "x-requested-with"
                | "x-request-id"
                | "x-correlation-id"
                | "x-real-ip"
                | "forwarded"
                | "traceparent"
                | "tracestate"
                | "idempotency-key"
                | "prefer"
                | "range"
                | "connection"
                | "host"
        );
    !is_known
}

/// What two ways to attach a header come to.
pub(super) fn both(one: Attached, other: Attached) -> Attached {
    match (one, other) {
        (Attached::Given, _) | (_, Attached::Given) => Attached::Given,
        (Attached::Unknown, _) | (_, Attached::Unknown) => Attached::Unknown,
        _ => Attached::Never,
    }
}
