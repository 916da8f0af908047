//! RTK Query 2: endpoints that send requests through a base query.

use smol_str::SmolStr;

use super::clients::with_base;
use crate::frontend::evaluation::{Arguments, Session, awaited};
use crate::frontend::outcome::{Client, Credentials, Place};
use crate::frontend::requests::{self, Prepared, is_open, option};
use crate::frontend::value::{ObjectId, ObjectKind, Origin, Value};

/// The package that gives `createApi`, under the name by which what it hands to functions is known here.
const PACKAGE: &str = "@reduxjs/toolkit/query";

pub(super) fn is_package(module: &str) -> bool {
    matches!(module, PACKAGE | "@reduxjs/toolkit/query/react")
}

/// A function of the package, or of the `builder` that it hands to `endpoints`.
pub(super) fn call(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    match path {
        "createApi" => {
            let options = arguments.get(0);
            let api = session.store.object(ObjectKind::Api, here);
            let base = option(session, &options, "baseQuery");
            session.store.set(api, "baseQuery", base);
            add_endpoints(session, api, &options, here);
            Value::Object(api)
        }
        "fetchBaseQuery" => {
            let base = session.store.object(ObjectKind::BaseQuery, here);
            session.spread_into(base, &arguments.get(0));
            Value::Object(base)
        }
        "retry" => arguments.get(0),
        "builder.query" | "builder.mutation" | "builder.infiniteQuery" => {
            let endpoint = session.store.object(ObjectKind::Plain, here);
            session.spread_into(endpoint, &arguments.get(0));
            Value::Object(endpoint)
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// A method of what `createApi` gives.
pub(super) fn method(
    session: &mut Session<'_>,
    api: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    match name {
        "injectEndpoints" => {
            add_endpoints(session, api, &arguments.get(0), here);
            Value::Object(api)
        }
        "enhanceEndpoints" => Value::Object(api),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `endpoints: (builder) => ({ name: builder.query({ … }) })`: each of them is asked at some time.
fn add_endpoints(session: &mut Session<'_>, api: ObjectId, options: &Value, here: Place) {
    let make = option(session, options, "endpoints");
    let given = Arguments { values: vec![Value::package(PACKAGE, "builder")], places: vec![here], open: false };
    let endpoints = session.call_value(&make, &given, false, here);
    let base = session.store.get(api).entries.get("baseQuery").cloned().unwrap_or(Value::Unknown);
    for endpoints in endpoints.alternatives() {
        let Value::Object(endpoints) = endpoints else { continue };
        let mut named: Vec<(SmolStr, Value)> = session.store.get(*endpoints).entries.clone().into_iter().collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, endpoint) in named {
            let (_, changes) = session.branch(|session| ask(session, &base, &endpoint));
            session.store.join(vec![changes, Default::default()]);
        }
    }
}

/// Asks an endpoint with an argument that nobody knows.
fn ask(session: &mut Session<'_>, base: &Value, endpoint: &Value) {
    let Value::Object(id) = endpoint else { return };
    let here = session.store.get(*id).place;
    let call = |session: &mut Session<'_>, function: &Value, values: Vec<Value>| {
        let places = vec![here; values.len()];
        let result = session.call_value(function, &Arguments { values, places, open: true }, false, here);
        awaited(&result)
    };
    let store = session.store.object(ObjectKind::Plain, here);
    session.store.open(store);
    let store = Value::Object(store);
    let mut own = |name: &str| option(session, endpoint, name);
    let [query, other, transform, started] = ["query", "queryFn", "transformResponse", "onQueryStarted"].map(&mut own);
    let result = match (query, other) {
        (Value::Undefined, Value::Undefined) => return,
        (Value::Undefined, other) => call(session, &other, vec![Value::Unknown, store, Value::Unknown, base.clone()]),
        (query, _) => {
            let asked = call(session, &query, vec![Value::Unknown]);
            let values = vec![asked, store, Value::Unknown];
            match base {
                // What the endpoints send is made up where the base query is.
                Value::Object(base) if session.store.get(*base).kind == ObjectKind::BaseQuery => {
                    let made_at = session.store.get(*base).place;
                    let given = Arguments { places: vec![here; values.len()], values, open: false };
                    awaited(&call_base(session, *base, &given, made_at, here))
                }
                base => call(session, base, values),
            }
        }
    };
    let mut data = option(session, &result, "data");
    if transform != Value::Undefined {
        data = call(session, &transform, vec![data]);
    }
    let fulfilled = session.store.object(ObjectKind::Plain, here);
    session.store.set(fulfilled, "data", data);
    let lifecycle = session.store.object(ObjectKind::Plain, here);
    session.store.open(lifecycle);
    session.store.set(lifecycle, "queryFulfilled", Value::Object(fulfilled).promised());
    if started != Value::Undefined {
        call(session, &started, vec![Value::Unknown, Value::Object(lifecycle)]);
    }
}

/// A base query is called: `baseQuery(args, api, extraOptions)`. The request is made where the code calls it.
pub(super) fn call_base(
    session: &mut Session<'_>,
    base: ObjectId,
    arguments: &Arguments,
    made_at: Place,
    here: Place,
) -> Value {
    let asked = arguments.get(0);
    let mut data = Value::Unknown;
    for asked in asked.alternatives() {
        let answer = request(session, base, asked, &arguments.get(1), (made_at, here));
        data = session.call_method(&answer, "json", false, &Arguments::default(), here);
    }
    let result = session.store.object(ObjectKind::Plain, here);
    session.store.set(result, "data", data);
    session.store.set(result, "error", Value::from(Origin::Failure, true));
    session.store.set(result, "meta", Value::Unknown);
    Value::Object(result).promised()
}

/// One request, by where it is made and where it is asked for; gives its answer.
fn request(
    session: &mut Session<'_>,
    base: ObjectId,
    asked: &Value,
    store: &Value,
    (made_at, here): (Place, Place),
) -> Value {
    let defaults = Value::Object(base);
    // A path alone is all of it.
    let (url, own) = match asked {
        Value::Object(_) => (option(session, asked, "url"), asked.clone()),
        Value::Text(_) | Value::Number(_) => (asked.clone(), Value::Undefined),
        _ => (Value::Unknown, Value::Unknown),
    };
    let base_url = option(session, &defaults, "baseUrl");
    let url = with_base(session, &base_url, &url);
    let mut said = |name: &str| match option(session, &own, name) {
        Value::Undefined => option(session, &defaults, name),
        own => own,
    };
    let (headers, credentials) = (said("headers"), said("credentials"));
    let (headers, may_add) = prepared(session, base, &headers, store, here);
    let credentials = match credentials.known_text().as_deref() {
        Some("include") => Credentials::Include,
        Some("omit") => Credentials::Omit,
        Some("same-origin") => Credentials::Unsaid,
        _ if credentials == Value::Undefined => Credentials::Unsaid,
        _ => Credentials::Unknown,
    };
    // A function in the place of `fetch` can do anything to a request.
    let is_replaced = option(session, &defaults, "fetchFn") != Value::Undefined;
    let open = may_add || is_replaced || is_open(session, &own) || is_open(session, &defaults);
    let method = requests::method(session, &own);
    let client = Client::Made(session.store.get(base).place);
    let prepared = Prepared { url, method, headers: vec![&headers], credentials, client, open };
    awaited(&requests::make_through(session, &prepared, made_at, here))
}

/// Headers behind `prepareHeaders`, and whether there may be more.
fn prepared(session: &mut Session<'_>, base: ObjectId, given: &Value, store: &Value, here: Place) -> (Value, bool) {
    let headers = Value::Object(requests::headers(session, given, here));
    let prepare = option(session, &Value::Object(base), "prepareHeaders");
    if prepare == Value::Undefined {
        return (headers, false);
    }
    let arguments = Arguments { values: vec![headers.clone(), store.clone()], places: vec![here, here], open: true };
    let result = awaited(&session.call_value(&prepare, &arguments, false, here));
    let is_known = |value: &Value| value.is_missing() || matches!(value, Value::Object(_));
    let may_add = !matches!(prepare, Value::Function(_)) || !result.alternatives().iter().all(is_known);
    // What gives nothing back leaves what it was given.
    let all = result.alternatives().iter().map(|value| if value.is_missing() { &headers } else { value });
    (Value::any(all.filter(|value| matches!(value, Value::Object(_))).cloned()), may_add)
}
