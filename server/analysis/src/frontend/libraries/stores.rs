//! Stores of zustand: a hook that gives the state, and what code reads without one.

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::value::{ObjectId, ObjectKind, PackageName, Value};

/// `create(initializer)`, and `create()(initializer)` where types are written.
pub(super) fn make(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) -> Value {
    if !matches!(&*package.path, "create" | "default" | "createStore" | "createWithEqualityFn") {
        session.give_away(arguments);
        return Value::Unknown;
    }
    let initializer = match arguments.get(0) {
        Value::Undefined if !arguments.open => return Value::package(&package.package, &package.path),
        initializer => initializer,
    };
    let given = Arguments { values: vec![Value::Setter, Value::Unknown], places: vec![here, here], open: true };
    let (state, _) = session.branch(|session| session.call_value(&initializer, &given, false, here));
    let Value::Object(state) = state else { return Value::Unknown };
    // Whoever has `set` replaces values at any time; functions are made once.
    let mut values: Vec<_> = session.store.get(state).entries.clone().into_iter().collect();
    values.retain(|(_, value)| !matches!(value, Value::Function(_)));
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, _) in values {
        session.store.set(state, &name, Value::Unknown);
    }
    session.store.open(state);
    let store = session.store.object(ObjectKind::Store, here);
    session.store.set(store, "state", Value::Object(state));
    Value::Object(store)
}

/// What gives its first argument back, as far as the state goes: middleware and `useShallow`.
pub(super) fn passed_through(session: &mut Session<'_>, path: &str, arguments: &Arguments) -> Value {
    match path {
        "persist" | "devtools" | "subscribeWithSelector" | "immer" | "useShallow" => arguments.get(0),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

fn state(session: &Session<'_>, store: ObjectId) -> Value {
    session.store.get(store).entries.get("state").cloned().unwrap_or(Value::Unknown)
}

/// `useStore(selector)` gives what the selector takes, `useStore()` the whole state.
pub(super) fn call(session: &mut Session<'_>, store: ObjectId, arguments: &Arguments, here: Place) -> Value {
    let state = state(session, store);
    match arguments.get(0) {
        Value::Undefined => state,
        selector => {
            let given = Arguments { values: vec![state], places: vec![here], open: false };
            session.call_value(&selector, &given, false, here)
        }
    }
}

pub(super) fn method(session: &mut Session<'_>, store: ObjectId, name: &str, arguments: &Arguments) -> Value {
    match name {
        "getState" | "getInitialState" => state(session, store),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}
