//! React Query 5 and SWR 2: which requests they make again when they fail.

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::observed::{Library, Query, Retries};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::Value;

/// A function of React Query.
pub(super) fn call(session: &mut Session<'_>, path: &str, arguments: &Arguments, new: bool, here: Place) -> Value {
    match path {
        "QueryClient" if new => {
            let defaults = option(session, &arguments.get(0), "defaultOptions");
            let queries = option(session, &defaults, "queries");
            let retries = retries(&option(session, &queries, "retry"));
            session.outcome.observed.query_clients.push((here, retries));
            session.give_away(arguments);
            Value::Unknown
        }
        "useQuery" | "useSuspenseQuery" | "useInfiniteQuery" | "useSuspenseInfiniteQuery" | "queryOptions" => {
            query(session, arguments, here);
            match path {
                "queryOptions" => arguments.get(0),
                _ => Value::Unknown,
            }
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// `useQuery({ queryKey, queryFn, retry })`, and `useQuery(key, queryFn, { retry })` before version 5.
fn query(session: &mut Session<'_>, arguments: &Arguments, here: Place) {
    let (function, options) = match (arguments.get(0), arguments.get(1)) {
        (_, function @ Value::Function(_)) => (function, arguments.get(2)),
        (options, _) => (option(session, &options, "queryFn"), options),
    };
    let given = Arguments { values: vec![Value::Unknown], places: vec![here], open: false };
    let requests = requests_of(session, &function, &given, here);
    let retries = retries(&option(session, &options, "retry"));
    session.outcome.observed.queries.push(Query { place: here, library: Library::ReactQuery, retries, requests });
    // Whatever else they are given runs at some time.
    session.give_away(arguments);
}

/// Calls what a library makes requests with; gives where these are made, and by which calls.
pub(super) fn requests_of(
    session: &mut Session<'_>,
    function: &Value,
    given: &Arguments,
    here: Place,
) -> Vec<(Place, Place)> {
    if !matches!(function, Value::Function(_)) {
        return Vec::new();
    }
    let before = session.outcome.requests.len();
    let (_, changes) = session.branch(|session| session.call_value(function, given, false, here));
    session.store.join(vec![changes, Default::default()]);
    let made = session.outcome.requests.get(before..).unwrap_or_default();
    let mut places: Vec<(Place, Place)> = made.iter().map(|request| (request.place, request.call)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// How often a request is made again, by the option `retry`.
fn retries(value: &Value) -> Retries {
    match value {
        Value::Undefined => Retries::Default,
        Value::Bool(false) => Retries::Never,
        Value::Bool(true) => Retries::Always,
        Value::Number(number) if number == "0" => Retries::Never,
        Value::Number(number) => number.parse().map_or(Retries::Unknown, Retries::Times),
        _ => Retries::Unknown,
    }
}

/// Whether options of SWR say what is made again.
pub(in crate::frontend) fn says_what_is_retried(session: &mut Session<'_>, options: &Value) -> bool {
    ["onErrorRetry", "shouldRetryOnError", "errorRetryCount"]
        .iter()
        .any(|name| option(session, options, name) != Value::Undefined)
}
