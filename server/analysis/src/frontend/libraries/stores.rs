//! Stores of zustand: a hook that gives the state, and what code reads without one.

use super::web;
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
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
    let (initializer, setter) = match initializer {
        Value::Object(id) if session.store.get(id).kind == ObjectKind::Persisted => {
            let own = session.store.get(id).entries.get(INITIALIZER).cloned().unwrap_or(Value::Unknown);
            (own, Value::Object(id))
        }
        initializer => (initializer, Value::Setter),
    };
    let given = Arguments { values: vec![setter, Value::Unknown], places: vec![here, here], open: true };
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
pub(super) fn passed_through(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    match path {
        "persist" => persisted(session, arguments, here),
        "createJSONStorage" => {
            let none = Arguments { values: Vec::new(), places: Vec::new(), open: false };
            session.call_value(&arguments.get(0), &none, false, here)
        }
        "devtools" | "subscribeWithSelector" | "immer" | "useShallow" => arguments.get(0),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// Where `Persisted` keeps the initializer, the storage, the key, and the names of the values that it writes, if
/// these are not all.
const INITIALIZER: &str = "initializer";
const STORAGE: &str = "storage";
const KEY: &str = "key";
const WRITTEN: &str = "written";

/// `persist(initializer, { name, storage, partialize })`: what is set is written
/// to `localStorage`, unless another storage is given.
fn persisted(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let initializer = arguments.get(0);
    let options = arguments.get(1);
    let storage = match option(session, &options, "storage") {
        Value::Undefined => "localStorage",
        // `createJSONStorage(() => sessionStorage)`
        Value::Package(storage) if matches!(&*storage.path, "localStorage" | "sessionStorage") => {
            if &*storage.path == "localStorage" { "localStorage" } else { "sessionStorage" }
        }
        _ => return initializer,
    };
    let persisted = session.store.object(ObjectKind::Persisted, here);
    if let Value::Function(partialize) = option(session, &options, "partialize") {
        let state = Arguments { values: vec![Value::Unknown], places: vec![here], open: false };
        let (written, _) =
            session.branch(|session| session.call_value(&Value::Function(partialize), &state, false, here));
        let Value::Object(written) = written else { return initializer };
        let mut names: Vec<_> = session.store.get(written).entries.keys().cloned().collect();
        names.sort_unstable();
        let names: Vec<Value> = names.iter().map(|name| Value::text(name)).collect();
        session.store.set(persisted, WRITTEN, Value::Array(names.into()));
    }
    let key = option(session, &options, "name");
    session.store.set(persisted, INITIALIZER, initializer);
    session.store.set(persisted, STORAGE, Value::text(storage));
    session.store.set(persisted, KEY, key);
    Value::Object(persisted)
}

/// `set(values)` and `set((state) => values)` of a store that is written to a storage.
pub(super) fn set(session: &mut Session<'_>, persisted: ObjectId, arguments: &Arguments, here: Place) -> Value {
    let values = match arguments.get(0) {
        Value::Function(values) => {
            let state = Arguments { values: vec![Value::Unknown], places: vec![here], open: false };
            session.call_value(&Value::Function(values), &state, false, here)
        }
        values => values,
    };
    let entry = |session: &Session<'_>, name: &str| session.store.get(persisted).entries.get(name).cloned();
    let text = |session: &Session<'_>, name: &str| entry(session, name).and_then(|value| value.known_text());
    let Value::Object(values) = values else { return Value::Undefined };
    let mut values: Vec<_> = session.store.get(values).entries.clone().into_iter().collect();
    if let Some(Value::Array(written)) = entry(session, WRITTEN) {
        values.retain(|(name, _)| written.contains(&Value::text(name)));
    }
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    if let (Some(storage), Some(key)) = (text(session, STORAGE), text(session, KEY)) {
        for (_, value) in values.iter().filter(|(_, value)| matches!(value, Value::Symbol(_) | Value::Either(_))) {
            web::keep(session, &storage, &key, value, here);
        }
    }
    Value::Undefined
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
