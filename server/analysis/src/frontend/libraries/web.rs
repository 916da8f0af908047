//! The platform: fetch, headers, URLs, storage, cookies, the console.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{better_auth, fetchers, generated, navigation};

use crate::frontend::evaluation::{Arguments, Session, is_of_project};
use crate::frontend::observed::{Ending, Leads, SetCookie};
use crate::frontend::outcome::{Area, Kept, Logged, Place, What};
use crate::frontend::requests;
use crate::frontend::rows::is_sent;
use crate::frontend::tokens::{STRINGIFIED, UNDEFINED, front_of, held, sources, what_is};
use crate::frontend::value::{Hole, ObjectId, ObjectKind, Origin, PackageName, Part, Symbol, Value};

/// The step of a value's way on which it was read as base64.
const DECODED: &str = "base64";

/// Names of the whole platform.
const GLOBALS: &[&str] = &["window", "globalThis", "self", "global"];

pub(super) fn member(package: &PackageName, name: &str) -> Value {
    match &*package.path {
        "process.env" | "import.meta.env" => Value::from(Origin::Environment(name.into()), true),
        path if GLOBALS.contains(&path) => Value::platform(name),
        "localStorage" | "sessionStorage"
            if !matches!(name, "getItem" | "setItem" | "removeItem" | "clear" | "key" | "length") =>
        {
            let origin = Origin::Storage(area(&package.path), Some(name.into()));
            Value::Symbol(Rc::new(Symbol { origin, path: Rc::new([UNDEFINED.into()]), may_be_missing: true }))
        }
        _ => Session::package_path(package, name),
    }
}

fn area(path: &str) -> Area {
    if path.starts_with("session") { Area::Session } else { Area::Local }
}

pub(super) fn call(session: &mut Session<'_>, path: &str, arguments: &Arguments, new: bool, here: Place) -> Value {
    let first = arguments.get(0);
    match path {
        "fetch" => requests::fetch(session, &first, &arguments.get(1), here),
        // CommonJS: what a package gives. A module of the project says what it exports in a way that is not read.
        "require" => match first.known_text() {
            Some(module) if !module.is_empty() && !module.starts_with('/') && !is_of_project(&module) => {
                Value::package(&module, "")
            }
            _ => Value::Unknown,
        },
        "Headers" if new => Value::Object(requests::headers(session, &first, here)),
        "Request" if new => make_request(session, arguments, here),
        "URL" if new => {
            let href = match arguments.get(1) {
                Value::Undefined => Value::Text(session.text_parts(&first).into()),
                base => resolved(session, &base, &first),
            };
            let url = session.store.object(ObjectKind::Url, here);
            session.store.set(url, "href", href);
            Value::Object(url)
        }
        "URLSearchParams" if new => Value::Object(session.store.object(ObjectKind::Query, here)),
        "WebSocket" if new => {
            navigation::note(session, &first, Leads::Socket, here);
            requests::web_socket(session, &first, here)
        }
        path if navigation::is_call(path) => {
            if navigation::is_departure(path) {
                session.watch_ending(Ending::Elsewhere);
            }
            navigation::note(session, &first, Leads::Page, here);
            session.give_away(arguments);
            Value::Unknown
        }
        "XMLHttpRequest" if new => fetchers::make_xhr(session, here),
        "EventSource" if new => requests::event_source(session, &first, &arguments.get(1), here),
        _ if new => {
            session.give_away(arguments);
            Value::Object(session.store.object(ObjectKind::Native, here))
        }
        "localStorage.getItem" | "sessionStorage.getItem" => {
            Value::from(Origin::Storage(area(path), first.known_text()), true)
        }
        "localStorage.setItem" | "sessionStorage.setItem" => {
            let key = first.known_text();
            note_kept(session, area(path), key, &arguments.get(1), here);
            Value::Undefined
        }
        "localStorage.removeItem" | "sessionStorage.removeItem" => {
            let key = first.known_text();
            if says_other(&first) {
                session.outcome.observed.removed.push((here, area(path), key));
            } else {
                note_removed(session, area(path), key, here);
            }
            Value::Undefined
        }
        "localStorage.clear" | "sessionStorage.clear" => {
            note_removed(session, area(path), None, here);
            Value::Undefined
        }
        "atob" => {
            session.watch_decoded(&first, here);
            Value::Unknown
        }
        // `Buffer.from(token.split(".")[1], "base64url")`
        "Buffer.from" => {
            session.give_away(arguments);
            let is_base64 = arguments.get(1).known_text().is_some_and(|form| form.starts_with("base64"));
            let decoded = first.alternatives().iter().find_map(|value| match value {
                Value::Symbol(symbol) if is_base64 => Some(symbol),
                _ => None,
            });
            decoded.map_or(Value::Unknown, |symbol| {
                let path: Vec<SmolStr> = symbol.path.iter().cloned().chain([DECODED.into()]).collect();
                Value::Symbol(Rc::new(Symbol { path: path.into(), ..(**symbol).clone() }))
            })
        }
        "parseInt" | "Number" | "Number.parseInt" => {
            better_auth::note_numbered(session, &first, here);
            session.give_away(arguments);
            of_request(&first).unwrap_or(Value::Unknown)
        }
        // A number, or an object of fields, that whoever asks decides about as before.
        "parseFloat" | "BigInt" | "Object.fromEntries" if of_request(&first).is_some() => {
            session.give_away(arguments);
            first
        }
        "encodeURIComponent" | "encodeURI" | "decodeURIComponent" | "String" => first,
        "JSON.parse" => match &first {
            Value::Symbol(symbol) => {
                // The claims of a token are JSON; a name with a password is none.
                if symbol.path.iter().any(|step| step == DECODED) {
                    session.watch_decoded(&first, here);
                }
                let path: Vec<SmolStr> = symbol.path.iter().cloned().chain(["parse".into()]).collect();
                // Of a text that is known to be there something was parsed.
                let may_be_missing = session.may_be_missing(symbol);
                Value::Symbol(Rc::new(Symbol { path: path.into(), may_be_missing, ..(**symbol).clone() }))
            }
            _ => Value::Unknown,
        },
        "JSON.stringify" => {
            for value in first.alternatives() {
                if let Value::Object(id) = value {
                    session.note_written_out(*id);
                }
            }
            // What a replacer leaves of it is not known.
            if matches!(arguments.get(1), Value::Function(_) | Value::Array(_)) {
                return Value::Unknown;
            }
            first.each(|first| match first {
                // Of all that an object holds a token matters most.
                Value::Object(id) => held(session, *id, 0)
                    .iter()
                    .min_by_key(|symbol| symbol.path.clone())
                    .cloned()
                    .or_else(|| session.secret_of(*id))
                    .map_or(Value::Unknown, |symbol| stringified(&symbol)),
                Value::Symbol(symbol) => stringified(symbol),
                _ => Value::Unknown,
            })
        }
        "Promise.reject" => {
            session.watch_thrown();
            Value::Unknown.promised()
        }
        "Boolean" => session.truth_of(&first),
        "Object.assign" => {
            if let Value::Object(target) = first {
                for value in arguments.values.iter().skip(1) {
                    generated::note_settings(session, target, value);
                    session.spread_into(target, value);
                }
            }
            first
        }
        "Object.freeze" | "structuredClone" => first,
        "Promise.resolve" => crate::frontend::evaluation::awaited(&first).promised(),
        "Promise.all" | "Promise.allSettled" => match first {
            Value::Array(values) => {
                let given: Vec<Value> = values.iter().map(crate::frontend::evaluation::awaited).collect();
                Value::Array(given.into()).promised()
            }
            _ => Value::Unknown.promised(),
        },
        _ if path.starts_with("console.") => {
            for (value, place) in arguments.values.iter().zip(&arguments.places) {
                let what = what_is(session, value);
                match what {
                    What::Token(_) | What::Secret(_) | What::Mailed(_) => {
                        let front = front_of(session, value, &what);
                        session.outcome.logged.push(Logged { place: *place, what, front, on_server: false });
                    }
                    _ => {
                        session.note_logged_answer(value, *place);
                        session.note_logged_form(value, *place);
                        session.note_logged_session(value, *place);
                        session.watch_logged(value, *place);
                    }
                }
            }
            Value::Undefined
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `new Request(url, init)`, or of another request.
pub(super) fn make_request(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let request = session.store.object(ObjectKind::Plain, here);
    match arguments.get(0) {
        other @ Value::Object(id) if session.store.get(id).kind == ObjectKind::Plain => {
            session.spread_into(request, &other);
            session.spread_into(request, &arguments.get(1));
        }
        url => {
            session.spread_into(request, &arguments.get(1));
            session.store.set(request, "url", url);
        }
    }
    Value::Object(request)
}

/// The text that JSON makes of a value.
fn stringified(symbol: &Symbol) -> Value {
    let path: Vec<SmolStr> = symbol.path.iter().cloned().chain([STRINGIFIED.into()]).collect();
    Value::Symbol(Rc::new(Symbol { path: path.into(), may_be_missing: false, ..symbol.clone() }))
}

/// `new URL(path, base)`: a path from the root replaces that of the base.
fn resolved(session: &Session<'_>, base: &Value, path: &Value) -> Value {
    let path = session.text_parts(path);
    let absolute = match path.first() {
        Some(Part::Text(text)) => text.contains("://"),
        // What the environment holds before a path is an address.
        Some(Part::Hole(Hole::Symbol(symbol))) => matches!(symbol.origin, Origin::Environment(_)),
        _ => false,
    };
    let base = if absolute { Vec::new() } else { session.text_parts(base) };
    let from_root = matches!(path.first(), Some(Part::Text(text)) if text.starts_with('/'));
    let base = base.into_iter().map(|part| match part {
        Part::Text(text) if from_root => {
            let scheme = text.find("://").map_or(0, |at| at + 3);
            let end = text[scheme..].find('/').map_or(text.len(), |at| scheme + at);
            Part::Text(SmolStr::new(&text[..end]))
        }
        part => part,
    });
    Value::Text(crate::frontend::value::joined(base.chain(path).collect::<Vec<_>>()))
}

pub(super) fn call_headers(
    session: &mut Session<'_>,
    id: ObjectId,
    name: &str,
    arguments: &Arguments,
) -> Option<Value> {
    let key = arguments.get(0).known_text().map(|key| key.to_ascii_lowercase());
    match (name, key) {
        // A method of axios' own headers (axios 1.0, `AxiosHeaders.accessor`).
        ("setAuthorization", _) => session.store.set(id, "authorization", arguments.get(0)),
        ("set" | "append", Some(key)) => {
            if let Some(place) = arguments.places.get(1) {
                session.note_bare_header(&key, &arguments.get(1), place.range);
            }
            session.store.set(id, &key, arguments.get(1));
        }
        ("set" | "append", None) => session.store.open(id),
        ("delete", Some(key)) => session.store.set(id, &key, Value::Undefined),
        ("get", Some(key)) => {
            let value = session.store.get(id).entries.get(key.as_str()).cloned();
            return Some(value.unwrap_or(Value::Unknown));
        }
        _ => {
            session.give_away(arguments);
            return Some(Value::Unknown);
        }
    }
    Some(Value::Undefined)
}

/// Packages that read and write cookies in the browser.
pub(super) fn call_cookies(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    let key = arguments.get(0).known_text();
    match path.trim_start_matches("default.") {
        "set" | "setCookie" => {
            let secure = match requests::option(session, &arguments.get(2), "secure") {
                Value::Undefined => Some(false),
                Value::Bool(secure) => Some(secure),
                _ => None,
            };
            note_cookie(session, key, &arguments.get(1), secure, here);
            Value::Undefined
        }
        "remove" | "deleteCookie" => {
            note_removed(session, Area::Cookie, key, here);
            Value::Undefined
        }
        "get" | "getCookie" => Value::from(Origin::Storage(Area::Cookie, key), true),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `document.cookie = "name=value"`.
pub(super) fn set_cookie(session: &mut Session<'_>, value: &Value, here: Place) {
    let parts = session.text_parts(value);
    let Some(Part::Text(text)) = parts.first() else { return };
    let Some((name, rest)) = text.split_once('=') else { return };
    let name = SmolStr::new(name.trim());
    // `name=; expires=…` removes it.
    let value = match parts.get(1) {
        Some(_) if rest.is_empty() => Value::Text(parts[1..2].into()),
        _ if rest.trim_start().is_empty() || rest.trim_start().starts_with(';') => {
            note_removed(session, Area::Cookie, Some(name), here);
            return;
        }
        _ => Value::text(rest),
    };
    let secure =
        parts.iter().any(|part| matches!(part, Part::Text(text) if text.to_ascii_lowercase().contains("secure")));
    let is_whole = !parts.iter().skip(2).any(|part| matches!(part, Part::Hole(_)));
    note_cookie(session, Some(name), &value, is_whole.then_some(secure).or(secure.then_some(true)), here);
}

/// `localStorage.name = value`.
pub(super) fn keep(session: &mut Session<'_>, path: &str, name: &str, value: &Value, here: Place) {
    note_kept(session, area(path), Some(name.into()), value, here);
}

fn note_kept(session: &mut Session<'_>, area: Area, key: Option<SmolStr>, value: &Value, place: Place) {
    let what = what_is(session, value);
    if what == What::Unknown {
        session.note_kept_answer(value, place);
    }
    session.outcome.kept.push(Kept { place, area, key, what, sources: sources(value) });
}

/// A cookie that a script sets: no script can be kept from reading it.
fn note_cookie(session: &mut Session<'_>, key: Option<SmolStr>, value: &Value, secure: Option<bool>, place: Place) {
    note_kept(session, Area::Cookie, key.clone(), value, place);
    let what = what_is(session, value);
    let cookie =
        SetCookie { place, name: key, what, sources: sources(value), http_only: Some(false), secure, by_server: false };
    session.outcome.observed.cookies.push(cookie);
}

fn note_removed(session: &mut Session<'_>, area: Area, key: Option<SmolStr>, place: Place) {
    session.watch_ending(Ending::Removed(area, key.clone()));
    session.outcome.observed.removed.push((place, area, key));
}

/// Whether what is known of a key that is put together says that it is none of a token:
/// `draft_${id}`.
fn says_other(key: &Value) -> bool {
    let Value::Text(parts) = key else { return false };
    let texts = || parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    let is_open = texts().count() < parts.len();
    let says = texts().any(|text| text.contains(|letter: char| letter.is_alphabetic()));
    is_open && says && !texts().any(|text| speaks_of_session(text))
}

/// Whether a word of a text is one for tokens or sessions: `accessToken_`, `auth:`.
fn speaks_of_session(text: &str) -> bool {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.iter().any(|word| {
        ["token", "jwt", "session", "bearer", "credential", "oauth", "authentic", "authoris", "authoriz", "login"]
            .iter()
            .any(|part| word.contains(part))
            || matches!(&**word, "auth" | "access" | "refresh" | "secret" | "sid" | "apikey" | "cookie")
    })
}

/// A part of the request that an endpoint was sent, as it is.
fn of_request(value: &Value) -> Option<Value> {
    matches!(value, Value::Symbol(symbol) if is_sent(symbol)).then(|| value.clone())
}

/// `new URL(request.url).searchParams`: what a part of the request's address says.
pub(super) fn part_of_request(session: &Session<'_>, url: ObjectId, part: &'static str) -> Option<Value> {
    let whole = match session.store.get(url).entries.get("href")? {
        Value::Symbol(symbol) => symbol,
        Value::Text(parts) => match &**parts {
            [Part::Hole(Hole::Symbol(symbol))] => symbol,
            _ => return None,
        },
        _ => return None,
    };
    let is_own = whole.origin == Origin::Incoming && matches!(&*whole.path, [only] if only == "url");
    let path = ["nextUrl", part].map(SmolStr::new_static);
    is_own.then(|| Value::Symbol(Rc::new(Symbol { path: Rc::new(path), ..(**whole).clone() })))
}
