//! Interceptors of axios: what they make of requests, and what they do about answers.

use super::clients::{made, note_base};
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::{Attached, Client, Interceptor, Place};
use crate::frontend::requests::{self, attached, option};
use crate::frontend::value::{Direction, ObjectId, ObjectKind, Value};

/// What a client keeps its interceptors under. It is no name: the property of that has the methods that add more.
const KEPT: &str = "[[interceptors]]";

/// What a client has for those that add interceptors.
pub(super) fn of(session: &mut Session<'_>, client: ObjectId) -> Value {
    let place = session.store.get(client).place;
    Value::Object(session.store.object(ObjectKind::Interceptors(client, Direction::Either), place))
}

/// A method of what a client has for those that add interceptors: `use`, or another one.
pub(super) fn add(
    session: &mut Session<'_>,
    client: ObjectId,
    direction: Direction,
    method: &str,
    arguments: &Arguments,
    here: Place,
) {
    match (direction, method) {
        (Direction::Request, "use") => {
            let mut all = match session.store.get(client).entries.get(KEPT) {
                Some(Value::Array(all)) => all.to_vec(),
                _ => Vec::new(),
            };
            all.push(arguments.get(0));
            session.store.set(client, KEPT, Value::Array(all.into()));
            note_request(session, Some(client), &arguments.get(0), here);
        }
        (Direction::Response, "use") => note_failures(session, Some(client), arguments, here),
        _ => session.give_away(arguments),
    }
}

/// What interceptors make of a request.
pub(super) struct Intercepted {
    /// Its headers, as each of them leaves them.
    pub(super) headers: Vec<Value>,
    /// What is put before its path.
    pub(super) base: Value,
    /// Whether more may become of it than is seen.
    pub(super) is_unknown: bool,
}

impl Intercepted {
    /// A request with this before its path, on which none ran yet.
    pub(super) fn with_base(base: Value) -> Self {
        Self { headers: Vec::new(), base, is_unknown: false }
    }

    /// Runs the interceptors of a client, the last one first, as axios does.
    pub(super) fn run(&mut self, session: &mut Session<'_>, client: ObjectId, own: &Value, here: Place) {
        let interceptors = session.store.get(client).entries.get(KEPT).cloned();
        let Some(Value::Array(interceptors)) = interceptors else { return };
        for interceptor in interceptors.iter().rev() {
            let one = intercepted(session, interceptor, own, Some(&self.base), here);
            self.headers.extend(one.headers);
            self.base = left_of(&self.base, one.base);
            self.is_unknown |= one.is_unknown;
        }
    }
}

/// What a base is behind an interceptor: the one of before, where that may be left as it was.
fn left_of(before: &Value, behind: Value) -> Value {
    let is_base = |base: &Value| base.truth() != Some(false) && *base != Value::Unknown;
    let is_left = |base: &&Value| is_base(base) && behind.alternatives().contains(base);
    let left: Vec<Value> = before.alternatives().iter().filter(is_left).cloned().collect();
    if left.is_empty() { behind } else { Value::any(left) }
}

/// What an interceptor makes of a request with these headers, and this before its path.
fn intercepted(
    session: &mut Session<'_>,
    interceptor: &Value,
    own: &Value,
    base: Option<&Value>,
    here: Place,
) -> Intercepted {
    let config = session.store.object(ObjectKind::Plain, here);
    let headers = requests::headers(session, own, here);
    session.store.set(config, "headers", Value::Object(headers));
    if let Some(base) = base {
        session.store.set(config, "baseURL", base.clone());
    }
    session.store.open(config);
    let arguments = Arguments { values: vec![Value::Object(config)], places: vec![here], open: false };
    let result = session.call_value(interceptor, &arguments, false, here);
    let result = crate::frontend::evaluation::awaited(&result);
    let known = result.alternatives().contains(&Value::Object(config));
    let replaced = result.alternatives().iter().any(|value| matches!(value, Value::Object(id) if *id != config));
    let mut left = |name: &str| match replaced {
        true => option(session, &result, name),
        false => session.store.get(config).entries.get(name).cloned().unwrap_or(Value::Unknown),
    };
    Intercepted { headers: vec![left("headers")], base: left("baseURL"), is_unknown: !known && !replaced }
}

/// Notes an interceptor that attaches a token, or may, and what it puts before paths: other files may use the client.
pub(super) fn note_request(session: &mut Session<'_>, client: Option<ObjectId>, interceptor: &Value, here: Place) {
    let before = session.outcome.found();
    let (sent, _) = session.branch(|session| intercepted(session, interceptor, &Value::Undefined, None, here));
    // Requests that go through it may all stand in other files.
    session.outcome.keep_texts_since(before);
    let made = made(session, client, Client::Axios);
    if sent.is_unknown || sent.headers.iter().any(|headers| attached(session, headers) != Attached::Never) {
        session.outcome.interceptors.push(Interceptor { client: made });
    }
    // Whoever imports the module that makes a client sees what is added there.
    let is_seen = client.is_some_and(|client| session.store.get(client).place.file == here.file);
    if !is_seen && sent.base != Value::Unknown {
        note_base(session, made, &sent.base);
    }
}

/// Notes what an interceptor does about requests that failed.
pub(super) fn note_failures(session: &mut Session<'_>, client: Option<ObjectId>, arguments: &Arguments, here: Place) {
    let succeeded = Arguments { values: vec![arguments.get(0)], places: vec![here], open: false };
    session.give_away(&succeeded);
    let reissued = session.watch_reissue(&arguments.get(1), client, here);
    session.outcome.observed.reissued.extend(reissued);
}
