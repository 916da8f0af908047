//! What a value is, by where it comes from.

use std::rc::Rc;

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session};

use super::libraries::auth_js::token_name;
use super::libraries::better_auth::{CLIENT, SERVER};
use super::libraries::mailed::MAIL;
use super::outcome::{Absent, Area, Bearer, Fault, Place, TokenSource, What};
use super::value::{Hole, ObjectId, ObjectKind, Origin, Part, Symbol, Value};

/// The step of a value's way on which it was written out as JSON.
pub(super) const STRINGIFIED: &str = "stringify";

/// The step of a value's way on which `null` takes its place sometimes.
pub(super) const NULL: &str = " null";

/// The same for `undefined`.
pub(super) const UNDEFINED: &str = " undefined";

/// Steps of a value's way that leave it what it is, or a part of its text.
const KEEPING: &[&str] = &[NULL, UNDEFINED, "parse", STRINGIFIED, "substring", "substr", "slice", "trim", "toString"];

/// What an answer is called that holds a token somewhere.
const ANSWER: &str = "answer";

/// What stands in the step of a call before the name by which it reads a part of the request.
pub(super) const NAMED: &str = " named ";

/// What the step of a call that keeps so many characters of the front ends in.
const FRONT: &str = " front ";

/// The step of a value's way on which it was called: known by its place where that tells readings of it apart.
pub(super) fn called(symbol: &Symbol, arguments: &Arguments, here: Place) -> SmolStr {
    // What is read of an answer at one place is not what is read at another: of a
    // refusal it is the error.
    let place = match symbol.origin {
        Origin::Response(_) => here.range.start.to_string(),
        _ => String::new(),
    };
    if symbol.origin == Origin::Incoming
        && symbol.path.last().is_some_and(|method| method == "get")
        && let Some(name) = arguments.get(0).known_text()
    {
        return SmolStr::new(format!("(){NAMED}{name}"));
    }
    let cuts = symbol.path.last().is_some_and(|method| matches!(method.as_str(), "substring" | "substr" | "slice"));
    let number = |index: usize| arguments.get(index).known_text()?.parse::<u32>().ok();
    match (cuts, number(0), number(1)) {
        (true, Some(0), Some(end)) => SmolStr::new(format!("(){place}{FRONT}{end}")),
        _ => SmolStr::new(format!("(){place}")),
    }
}

/// How many characters of a token in a value are left at most, where its front was cut off everywhere.
pub(super) fn front_of(session: &Session<'_>, value: &Value, what: &What) -> Option<u32> {
    if matches!(what, What::Token(name) if name == ANSWER) {
        return None;
    }
    let front = |symbol: &Symbol| {
        let kept = symbol.path.iter().filter_map(|step| step.split_once(FRONT)?.1.parse().ok()).min();
        kept.unwrap_or(u32::MAX)
    };
    let mut longest = None;
    for value in value.alternatives() {
        let lengths = match value {
            Value::Symbol(symbol) => vec![front(symbol)],
            Value::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Hole(Hole::Symbol(symbol)) => Some(front(symbol)),
                    Part::Hole(_) => Some(u32::MAX),
                    Part::Text(_) => None,
                })
                .collect(),
            Value::Object(id) => match held(session, *id, 0).as_slice() {
                [] => vec![u32::MAX],
                held => held.iter().map(|symbol| front(symbol)).collect(),
            },
            _ => Vec::new(),
        };
        longest = longest.max(lengths.into_iter().max());
    }
    longest.filter(|length| *length < u32::MAX)
}

/// Whether a property of a sign-in's answer is a token: the names of RFC 6749,
/// section 5.1, and what Better Auth and common backends call it.
pub(super) fn names_a_token(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    matches!(
        name.as_str(),
        "token"
            | "accesstoken"
            | "refreshtoken"
            | "idtoken"
            | "jwt"
            | "authtoken"
            | "sessiontoken"
            | "bearertoken"
            | "jwttoken"
            | "access"
            | "bearer"
            | "authorization"
    ) || (name.ends_with("token") && !OF_NOBODY.iter().any(|word| name.contains(word)))
}

/// What tokens are called after that prove nothing of anybody: they stand in forms, name a device, or say where a list
/// goes on.
const OF_NOBODY: &[&str] = &["csrf", "xsrf", "device", "page", "continuation", "cursor", "cancel"];

/// Whether a value is the whole answer to a request, or a part of it that has parts.
pub(super) fn answer(value: &Value) -> Option<&Symbol> {
    match value {
        Value::Symbol(symbol) if matches!(symbol.origin, Origin::Response(_)) => Some(symbol),
        Value::Text(parts) => parts.iter().find_map(|part| match part {
            Part::Hole(Hole::Symbol(symbol)) if matches!(symbol.origin, Origin::Response(_)) => Some(&**symbol),
            _ => None,
        }),
        _ => None,
    }
}

/// What a value is.
pub(super) fn what_is(session: &Session<'_>, value: &Value) -> What {
    let mut best = What::Harmless;
    for value in value.alternatives() {
        let what = match value {
            Value::Symbol(symbol) => what_here(session, symbol),
            Value::Text(parts) => {
                let symbols = parts.iter().filter_map(|part| match part {
                    Part::Hole(Hole::Symbol(symbol)) => Some(what_here(session, symbol)),
                    Part::Hole(Hole::Unknown) => Some(What::Unknown),
                    _ => None,
                });
                symbols.max_by_key(rank).unwrap_or(What::Harmless)
            }
            Value::Object(id) => {
                let object = session.store.get(*id);
                let sent = object.entries.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
                match sent {
                    Some((name, value)) if *value != Value::Undefined && has_hole(value) => What::Token(name.clone()),
                    _ if object.kind == ObjectKind::Plain && !held(session, *id, 0).is_empty() => {
                        let mut names: Vec<SmolStr> =
                            held(session, *id, 0).iter().map(|symbol| name_of(symbol)).collect();
                        names.sort_unstable();
                        names.into_iter().next().map_or(What::Unknown, What::Token)
                    }
                    _ if object.kind == ObjectKind::Plain && !object.open => What::Harmless,
                    _ => What::Unknown,
                }
            }
            Value::Unknown => What::Unknown,
            _ => What::Harmless,
        };
        if rank(&what) > rank(&best) {
            best = what;
        }
    }
    best
}

/// What a value is where the tests on the way hold: of a refusal the answer is the error.
fn what_here(session: &Session<'_>, symbol: &Symbol) -> What {
    match what_symbol_is(symbol) {
        What::Token(name) if name == ANSWER && session.is_refusal(symbol) => What::Harmless,
        what => what,
    }
}

/// Objects in each other that are looked into.
const MAX_HELD: usize = 3;

/// The tokens that an object holds, itself or in objects in it.
pub(super) fn held(session: &Session<'_>, object: ObjectId, depth: usize) -> Vec<Rc<Symbol>> {
    let object = session.store.get(object);
    if object.kind != ObjectKind::Plain || depth > MAX_HELD {
        return Vec::new();
    }
    let values = object.entries.values().flat_map(|value| value.alternatives());
    let mut found = Vec::new();
    for value in values {
        match value {
            Value::Symbol(symbol) if matches!(what_here(session, symbol), What::Token(_)) => {
                found.push(Rc::clone(symbol))
            }
            Value::Object(inner) => found.extend(held(session, *inner, depth + 1)),
            _ => {}
        }
    }
    found
}

fn name_of(symbol: &Symbol) -> SmolStr {
    match what_symbol_is(symbol) {
        What::Token(name) => name,
        _ => SmolStr::default(),
    }
}

fn has_hole(value: &Value) -> bool {
    value.alternatives().iter().any(|value| match value {
        Value::Text(parts) => parts.iter().any(|part| matches!(part, Part::Hole(_))),
        Value::Symbol(_) => true,
        _ => false,
    })
}

/// Whether nothing was made of a value but a part of its text.
pub(super) fn kept_whole(symbol: &Symbol) -> bool {
    symbol.path.iter().all(|step| step.starts_with("()") || KEEPING.contains(&step.as_str()))
}

fn rank(what: &What) -> u8 {
    match what {
        What::Harmless => 0,
        What::Unknown => 1,
        What::Password(_) => 2,
        What::Secret(_) => 3,
        What::Mailed(_) => 4,
        What::Token(_) => 5,
    }
}

fn what_symbol_is(symbol: &Symbol) -> What {
    let named = symbol.path.iter().rev().find(|step| !step.starts_with("()") && !KEEPING.contains(&step.as_str()));
    match (&symbol.origin, named) {
        (Origin::Call(package), named) if package.package == SERVER => match (&*package.path, named) {
            ("api.getToken", None) => What::Token("JWT".into()),
            ("getSessionCookie", None) => What::Token("session token".into()),
            // What Better Auth answers holds the token of whoever signs in.
            ("handler", Some(read)) if matches!(read.as_str(), "text" | "json") => What::Token(ANSWER.into()),
            (_, Some(name)) if names_a_token(name) => What::Token(name.clone()),
            _ => What::Unknown,
        },
        (Origin::Call(package), None) if token_name(package).is_some() => {
            What::Token(token_name(package).unwrap_or_default().into())
        }
        (Origin::Call(package), None) if package.package == MAIL => What::Mailed(package.path.clone()),
        (Origin::Environment(name), None) if is_secret_name(name) => What::Secret(name.clone()),
        (Origin::Environment(_), _) => What::Harmless,
        (Origin::Response(_) | Origin::Call(_), Some(name)) if names_a_token(name) => What::Token(name.clone()),
        (Origin::Storage(_, Some(key)), None) if names_a_token(key) => What::Token(key.clone()),
        _ => What::Unknown,
    }
}

/// Whether an environment variable holds a secret, by its name: what is public
/// says so.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let public = name.contains("PUBLIC") || name.contains("PUBLISHABLE");
    !public && (name.ends_with("SECRET") || name.contains("SECRET_KEY") || name.ends_with("PRIVATE_KEY"))
}

/// Where a value comes from, on all ways on which there is one.
pub(super) fn sources(value: &Value) -> Vec<TokenSource> {
    let of = |value: &Value| match value {
        Value::Undefined | Value::Null | Value::Bool(false) => None,
        Value::Symbol(symbol) => Some(source(symbol)),
        Value::Text(parts) => match &**parts {
            [] => None,
            [Part::Hole(Hole::Symbol(symbol))] => Some(source(symbol)),
            _ => Some(TokenSource::Other),
        },
        _ => Some(TokenSource::Other),
    };
    let mut sources: Vec<TokenSource> = value.alternatives().iter().filter_map(of).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// What a text sends as a token, if it is `Bearer` and something that is no literal.
pub(super) fn bearer(parts: &[Part], place: Place) -> Option<Bearer> {
    let [Part::Text(scheme), rest @ ..] = parts else { return None };
    if !scheme.trim().eq_ignore_ascii_case("bearer") {
        return None;
    }
    let Some(Part::Hole(hole)) = rest.first() else { return None };
    let (source, fault) = match hole {
        // Where it comes from tells whether it is ever missing: a first value is replaced.
        Hole::Missing => (TokenSource::Other, None),
        Hole::Promise => (TokenSource::Other, Some(Fault::Promise)),
        Hole::Object => (TokenSource::Other, Some(Fault::Object)),
        Hole::Symbol(symbol) => (source(symbol), fault(symbol)),
        Hole::Unknown | Hole::Path => (TokenSource::Other, None),
    };
    Some(Bearer { place, source, fault })
}

/// Where a token comes from.
pub(super) fn source(symbol: &Rc<Symbol>) -> TokenSource {
    let takes = |name: &str| symbol.path.iter().any(|step| step == name);
    if takes(STRINGIFIED) {
        return TokenSource::Other;
    }
    match &symbol.origin {
        Origin::Storage(area, key) => TokenSource::Storage(*area, key.clone()),
        Origin::Environment(name) => TokenSource::Environment(name.clone()),
        Origin::Response(place) => TokenSource::Response(*place),
        Origin::Minted(place) => TokenSource::Minted(*place),
        Origin::Call(package) if package.package == CLIENT && package.path == "token" => TokenSource::BetterAuthJwt,
        Origin::Call(package) if package.package == SERVER && package.path == "api.getToken" => {
            TokenSource::BetterAuthJwt
        }
        // Whatever it is told to sign.
        Origin::Call(package) if package.package == SERVER && package.path == "api.signJWT" => TokenSource::Other,
        Origin::Call(package) if package.package == SERVER && package.path == "getSessionCookie" => {
            TokenSource::BetterAuthCookie
        }
        Origin::Call(package) if (package.package == CLIENT || package.package == SERVER) && takes("token") => {
            TokenSource::BetterAuthSession
        }
        Origin::Call(_)
        | Origin::Incoming
        | Origin::Nothing
        | Origin::Unresolved
        | Origin::Failure
        | Origin::Form(..) => TokenSource::Other,
    }
}

fn fault(symbol: &Symbol) -> Option<Fault> {
    let whole = |package: &SmolStr| {
        package == CLIENT && (symbol.path.is_empty() || matches!(&*symbol.path, [only] if only == "data"))
    };
    match &symbol.origin {
        Origin::Call(package) if whole(&package.package) => Some(Fault::Object),
        // Whether a variable is set is known when it runs.
        Origin::Environment(_) => None,
        _ => symbol.may_be_missing.then(|| Fault::Missing(absent(symbol))),
    }
}

/// What stands in the place of a value from elsewhere, where there is none.
fn absent(symbol: &Symbol) -> Absent {
    if symbol.path.iter().any(|step| step == NULL) {
        return Absent::Null;
    }
    // A property of what is not there is `undefined`.
    let is_property = |step: &SmolStr| !step.starts_with("()") && !KEEPING.contains(&step.as_str());
    let is_part = symbol.path.iter().any(|step| step == UNDEFINED || is_property(step));
    match &symbol.origin {
        Origin::Storage(Area::Cookie, _) => Absent::Undefined,
        _ if is_part => Absent::Undefined,
        _ => Absent::Null,
    }
}
