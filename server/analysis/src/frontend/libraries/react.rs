//! React and SWR: who calls which function.

use std::rc::Rc;

use super::queries;
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::observed::{Library, Query, Retries};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::{ObjectKind, Value};

pub(super) fn call(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    let path = path.trim_start_matches("default.");
    let first = arguments.get(0);
    let nothing = Arguments { values: Vec::new(), places: vec![here], open: false };
    match path {
        "useState" => {
            let first = match first {
                Value::Function(_) => session.call_value(&first, &nothing, false, here),
                first => first,
            };
            let form = session.form(&first, here);
            Value::Array(Rc::new([form.unwrap_or_else(|| kept(session, first)), Value::Setter]))
        }
        "useCallback" | "useEffectEvent" | "memo" | "forwardRef" | "cache" => first,
        "createContext" => Value::Object(session.store.object(ObjectKind::Context, here)),
        "useContext" | "use" => session.context_value(&first),
        "useMemo" => session.call_value(&first, &nothing, false, here),
        "useEffect" | "useLayoutEffect" | "useInsertionEffect" | "startTransition" => {
            let (_, changes) = session.branch(|session| session.call_value(&first, &nothing, false, here));
            session.store.join(vec![changes, Default::default()]);
            Value::Undefined
        }
        "useRef" => {
            let reference = session.store.object(ObjectKind::Plain, here);
            let current = kept(session, first);
            session.store.set(reference, "current", current);
            Value::Object(reference)
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// What a component keeps from one time to the next that it is drawn: it may be another one then, unless it is a client,
/// which is made once.
fn kept(session: &Session<'_>, first: Value) -> Value {
    let Value::Object(id) = first else { return Value::Unknown };
    match session.store.get(id).kind {
        ObjectKind::Axios
        | ObjectKind::Ky
        | ObjectKind::OpenApi
        | ObjectKind::Ofetch
        | ObjectKind::Generated
        | ObjectKind::Instance(_) => first,
        _ => Value::Unknown,
    }
}

/// `useSWR(key, fetcher)`: the fetcher gets the key.
pub(super) fn call_swr(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let key = match arguments.get(0) {
        Value::Function(_) => Value::Unknown,
        key => key.each(|key| if key.truth() == Some(false) { Value::Unknown } else { key.clone() }),
    };
    let given = match key {
        Value::Array(ref values) => {
            Arguments { values: vec![key.clone()], places: vec![here; values.len()], open: true }
        }
        key => Arguments { values: vec![key], places: vec![here], open: true },
    };
    session.escapes(&arguments.get(2));
    let requests = queries::requests_of(session, &arguments.get(1), &given, here);
    let retries = match queries::says_what_is_retried(session, &arguments.get(2)) {
        true => Retries::Unknown,
        false => Retries::Default,
    };
    session.outcome.observed.queries.push(Query { place: here, library: Library::Swr, retries, requests });
    Value::Unknown
}

/// `useChatKit({ api: { url, fetch } })` of ChatKit 1: it asks the project's own
/// backend through that function, and leaves the credential to it.
pub(super) fn call_chatkit(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let api = option(session, &arguments.get(0), "api");
    let [url, function] = ["url", "fetch"].map(|name| option(session, &api, name));
    let init = session.store.object(ObjectKind::Plain, here);
    let headers = session.store.object(ObjectKind::Plain, here);
    session.store.set(init, "method", Value::text("POST"));
    session.store.set(init, "headers", Value::Object(headers));
    session.store.set(init, "body", Value::Unknown);
    let given = Arguments { values: vec![url, Value::Object(init)], places: vec![here, here], open: false };
    queries::requests_of(session, &function, &given, here);
    session.give_away(arguments);
    Value::Unknown
}

/// `useMutation({ mutationFn })`: what it gives calls the function, with what it is given.
pub(super) fn call_mutation(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let mutation = session.store.object(ObjectKind::Plain, here);
    session.store.open(mutation);
    let function = match arguments.get(0) {
        Value::Object(options) => {
            let mut given: Vec<_> = session.store.get(options).entries.clone().into_iter().collect();
            given.sort_by(|(a, _), (b, _)| a.cmp(b));
            let function = given.iter().find(|(name, _)| name == "mutationFn").map(|(_, value)| value.clone());
            for (_, value) in given.iter().filter(|(name, _)| name != "mutationFn") {
                session.escapes(value);
            }
            function.unwrap_or(Value::Unknown)
        }
        function @ Value::Function(_) => {
            session.escapes(&arguments.get(1));
            function
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    };
    session.store.set(mutation, "mutate", function.clone());
    session.store.set(mutation, "mutateAsync", function);
    Value::Object(mutation)
}
