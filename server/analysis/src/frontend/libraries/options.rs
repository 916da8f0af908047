//! Reads the options that a library is given.

use smol_str::SmolStr;

use crate::frontend::evaluation::{Arguments, Session, awaited};
use crate::frontend::issuers::{Claim, Given, Options, Setting};
use crate::frontend::outcome::Place;
use crate::frontend::value::{Hole, ObjectId, ObjectKind, Origin, Part, Value};

/// Objects in each other that are read.
const MAX_DEPTH: usize = 5;
/// Options that are kept of one call.
const MAX_OPTIONS: usize = 200;

/// Options as far as they are known. What can't be followed leaves them open.
pub(super) fn read(session: &mut Session<'_>, options: &Value, without: &[&str], here: Place) -> Options {
    let mut read = Options::default();
    match options {
        Value::Undefined | Value::Null => {}
        Value::Object(id) => object(session, *id, "", without, here, 0, &mut read),
        _ => read.open.push(SmolStr::default()),
    }
    read.given.sort_by(|a, b| a.path.cmp(&b.path));
    read.open.sort();
    read
}

fn object(
    session: &mut Session<'_>,
    id: ObjectId,
    path: &str,
    without: &[&str],
    here: Place,
    depth: usize,
    read: &mut Options,
) {
    let object = session.store.get(id).clone();
    if object.open || object.kind != ObjectKind::Plain || depth >= MAX_DEPTH {
        read.open.push(path.into());
    }
    let mut entries: Vec<(SmolStr, Value)> = object.entries.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        if without.contains(&name.as_str()) && path.is_empty() || value == Value::Undefined {
            continue;
        }
        if read.given.len() >= MAX_OPTIONS {
            read.open.push(SmolStr::default());
            return;
        }
        let below = if path.is_empty() { name.clone() } else { SmolStr::new(format!("{path}.{name}")) };
        let place = session.property(id, &name);
        let setting = setting(session, &value, here);
        read.given.push(Given { path: below.clone(), place, value: setting });
        match &value {
            Value::Object(inner) if depth < MAX_DEPTH && is_plain(session, *inner) => {
                self::object(session, *inner, &below, &[], here, depth + 1, read);
            }
            _ => {}
        }
    }
}

fn is_plain(session: &Session<'_>, id: ObjectId) -> bool {
    session.store.get(id).kind == ObjectKind::Plain
}

/// What is known of the value of an option.
pub(super) fn setting(session: &mut Session<'_>, value: &Value, here: Place) -> Setting {
    if let Some(variable) = environment(value) {
        return Setting::Environment(variable);
    }
    match value {
        Value::Bool(value) => Setting::Bool(*value),
        Value::Number(number) => Setting::Number(number.clone()),
        Value::Text(_) => value.known_text().map_or(Setting::Unknown, Setting::Text),
        Value::Object(id) if is_plain(session, *id) => Setting::Object,
        Value::Array(values) => {
            let values: Vec<Value> = values.to_vec();
            Setting::List(values.iter().map(setting_of_element).collect())
        }
        Value::Function(_) => Setting::Function(returned(session, value, here)),
        _ => Setting::Unknown,
    }
}

fn setting_of_element(value: &Value) -> Setting {
    match value {
        Value::Text(_) => value.known_text().map_or(Setting::Unknown, Setting::Text),
        _ => environment(value).map_or(Setting::Unknown, Setting::Environment),
    }
}

/// The variable of the environment that a value is read from: by itself, or
/// before something that stands in for it.
fn environment(value: &Value) -> Option<SmolStr> {
    let of_symbol = |value: &Value| match value {
        Value::Symbol(symbol) if symbol.path.is_empty() => match &symbol.origin {
            Origin::Environment(name) => Some(name.clone()),
            _ => None,
        },
        Value::Text(parts) => match &**parts {
            [Part::Hole(Hole::Symbol(symbol))] if symbol.path.is_empty() => match &symbol.origin {
                Origin::Environment(name) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let mut found = value.alternatives().iter().map(|value| (of_symbol(value), value.known_text().is_some()));
    let variable = value.alternatives().iter().find_map(of_symbol)?;
    found.all(|(name, is_text)| is_text || name.as_ref() == Some(&variable)).then_some(variable)
}

/// The properties of the object that a function returns, where they are all known.
fn returned(session: &mut Session<'_>, function: &Value, here: Place) -> Option<Vec<SmolStr>> {
    let unknown = Arguments { values: Vec::new(), places: Vec::new(), open: true };
    let found = session.outcome.found();
    let (result, _) = session.branch(|session| session.call_value(function, &unknown, false, here));
    session.outcome.forget_since(found);
    match awaited(&result) {
        Value::Object(id) if is_plain(session, id) && !session.store.get(id).open => {
            let mut names: Vec<SmolStr> = session.store.get(id).entries.keys().cloned().collect();
            names.sort();
            Some(names)
        }
        _ => None,
    }
}

/// A claim by its value.
pub(super) fn claim(value: &Value) -> Claim {
    match value {
        Value::Undefined => Claim::Absent,
        Value::Text(_) => value.known_text().map_or(Claim::Given, Claim::Text),
        Value::Array(_) | Value::Symbol(_) => Claim::Given,
        _ => Claim::Unknown,
    }
}
