//! next-safe-action 8: clients that run middlewares before a server action does what it is for.
//!
//! A client is an object of the functions that it runs, by their numbers. What `action` makes of it has the action's
//! own function as the last one, and is called like a function.

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::{ObjectId, ObjectKind, Value};

/// The package.
pub(super) const PACKAGE: &str = "next-safe-action";

/// Functions that run one after the other.
const MAX_FUNCTIONS: usize = 16;

/// What an action made by `stateAction` holds: the state comes before what the caller sends.
const TAKES_STATE: &str = "takes state";
/// What an action was sent, and what the functions before have made known.
const SENT: &str = "sent";
const CONTEXT: &str = "ctx";

/// A function of the package is called.
pub(super) fn call(session: &mut Session<'_>, path: &str, arguments: &Arguments, here: Place) -> Value {
    match path {
        "createSafeActionClient" => Value::Object(session.store.object(ObjectKind::ActionClient, here)),
        // `createMiddleware().define(middleware)`: it says what types the middleware has.
        "createMiddleware" => Value::package(PACKAGE, "createMiddleware()"),
        "createMiddleware().define" => arguments.get(0),
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// A method of a client.
pub(super) fn method(
    session: &mut Session<'_>,
    client: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    match name {
        "schema" | "inputSchema" | "outputSchema" | "bindArgsSchemas" | "metadata" => Value::Object(client),
        "use" => with(session, client, arguments.get(0), ObjectKind::ActionClient, here),
        "action" => with(session, client, arguments.get(0), ObjectKind::Action, here),
        "stateAction" => {
            let action = with(session, client, arguments.get(0), ObjectKind::Action, here);
            if let Value::Object(id) = action {
                session.store.set(id, TAKES_STATE, Value::Bool(true));
            }
            action
        }
        _ => {
            session.give_away(arguments);
            Value::Unknown
        }
    }
}

/// What runs another function after those of a client.
fn with(session: &mut Session<'_>, client: ObjectId, function: Value, kind: ObjectKind, here: Place) -> Value {
    let before = session.store.get(client).entries.clone();
    let id = session.store.object(kind, here);
    let at = before.len();
    if at >= MAX_FUNCTIONS {
        return Value::Unknown;
    }
    before.into_iter().for_each(|(name, value)| session.store.set(id, &name, value));
    session.store.set(id, &at.to_string(), function);
    Value::Object(id)
}

/// The function that an action is made for, and whether a state comes before what it is sent.
pub(in crate::frontend) fn made_for(session: &Session<'_>, action: ObjectId) -> Option<(Value, bool)> {
    let object = session.store.get(action);
    let takes_state = object.entries.contains_key(TAKES_STATE);
    let last = object.entries.len().checked_sub(1 + usize::from(takes_state))?;
    let own = object.entries.get(last.to_string().as_str()).cloned()?;
    (object.kind == ObjectKind::Action).then_some((own, takes_state))
}

/// An action is called.
pub(super) fn run(session: &mut Session<'_>, action: ObjectId, arguments: &Arguments, here: Place) -> Value {
    let takes_state = session.store.get(action).entries.contains_key(TAKES_STATE);
    let sent = arguments.get(usize::from(takes_state));
    let context = session.store.object(ObjectKind::Plain, here);
    run_from(session, action, 0, (&sent, context), here).promised()
}

/// Runs the functions of an action from one of them on.
fn run_from(
    session: &mut Session<'_>,
    action: ObjectId,
    at: usize,
    (sent, context): (&Value, ObjectId),
    here: Place,
) -> Value {
    let function =
        |session: &Session<'_>, at: usize| session.store.get(action).entries.get(at.to_string().as_str()).cloned();
    let Some(own) = function(session, at) else { return Value::Unknown };
    let given = session.store.object(ObjectKind::Plain, here);
    let known = [("parsedInput", sent.clone()), ("clientInput", sent.clone()), (CONTEXT, Value::Object(context))];
    known.into_iter().for_each(|(name, value)| session.store.set(given, name, value));
    if function(session, at + 1).is_some() {
        let next = session.store.object(ObjectKind::NextOfAction(action, at + 1), here);
        session.store.set(next, SENT, sent.clone());
        session.store.set(next, CONTEXT, Value::Object(context));
        session.store.set(given, "next", Value::Object(next));
    }
    session.store.open(given);
    let given = Arguments { values: vec![Value::Object(given)], places: vec![here], open: false };
    super::super::evaluation::awaited(&session.call_value(&own, &given, false, here))
}

/// `next({ ctx })` of a middleware: what runs after it knows more.
pub(super) fn go_on(
    session: &mut Session<'_>,
    next: ObjectId,
    (action, at): (ObjectId, usize),
    arguments: &Arguments,
    here: Place,
) -> Value {
    let entries = session.store.get(next).entries.clone();
    let known = |name: &str| entries.get(name).cloned().unwrap_or(Value::Unknown);
    let context = session.store.object(ObjectKind::Plain, here);
    for told in [known(CONTEXT), option(session, &arguments.get(0), CONTEXT)] {
        match told {
            Value::Object(id) if session.store.get(id).kind == ObjectKind::Plain => {
                let told = session.store.get(id).clone();
                told.entries.into_iter().for_each(|(name, value)| session.store.set(context, &name, value));
                if told.open {
                    session.store.open(context);
                }
            }
            Value::Undefined => {}
            _ => session.store.open(context),
        }
    }
    run_from(session, action, at, (&known(SENT), context), here).promised()
}
