//! Tokens that endpoints sign for whom the request names.
//!
//! A claim that says whose a token is comes from the request itself, and nothing on the way may have looked
//! whether that is true: what may have is a doubt of `rows`, and silences. It matters once such a token goes
//! somewhere: with a request, into a cookie, or back to whoever asked.

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session};
use super::outcome::Place;
use super::tokens::{NAMED, names_a_token};
use super::value::{Hole, ObjectKind, Origin, PackageName, Part, Symbol, Value};
use crate::data::is_owner;

/// Objects and arrays in each other that are looked through.
const MAX_DEPTH: usize = 4;

/// Headers that say something of the connection, and those that proxies set which sign users in: they take away
/// what a client sends under the name.
const OF_NOBODY: &[&str] = &[
    "x-forwarded-",
    "x-real-ip",
    "x-auth-request-",
    "x-amzn-oidc-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-vercel-",
    "x-request-id",
    "cf-",
    "tailscale-user-",
    "remote-user",
    "user-agent",
    "host",
    "origin",
    "referer",
    "cookie",
];

/// A token that an endpoint signs for whom the request names, and that goes somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedToken {
    /// Where it is signed.
    pub place: Place,
    /// What of the request names whom it is for.
    pub by: SmolStr,
    /// Where that is read, when that was seen.
    pub read: Option<Place>,
    /// The request that it goes with; none where whoever asks gets it.
    pub sent: Option<Place>,
}

/// What is seen of such tokens while an endpoint runs.
#[derive(Debug, Default)]
pub(super) struct NamedWatch {
    /// What is read of the request by name, and where.
    reads: Vec<(SmolStr, Place)>,
    /// What is signed: where, and what names whom it is for.
    signed: Vec<(Place, SmolStr)>,
    /// What of it goes somewhere.
    pub(super) tokens: Vec<NamedToken>,
}

impl Session<'_> {
    /// A method of what an endpoint was given is called: it reads a part of the request by its name, or answers.
    pub(super) fn watch_named(&mut self, symbol: &Symbol, arguments: &Arguments, here: Place) {
        let answers = |step: &SmolStr| matches!(step.as_str(), "json" | "send" | "end" | "setHeader");
        let is_response =
            symbol.origin == Origin::Incoming && symbol.path.first().is_some_and(|step| step == "context");
        if is_response && symbol.path.iter().rev().nth(1).is_some_and(answers) {
            self.watch_answered(&arguments.values, here);
        }
        if let (Some(by), Some(named)) = (named_by(symbol), self.watched_named()) {
            named.reads.push((by, here));
        }
    }

    /// A token is signed; `subject` is what the library is told besides its claims.
    pub(super) fn watch_signed(&mut self, payload: &Value, subject: Option<&Value>, here: Place) {
        self.watch_password_signed(here);
        if self.watched_named().is_none() {
            return;
        }
        let whose = subject.cloned().or_else(|| self.subject(payload));
        let by = whose.iter().flat_map(|whose| whose.alternatives()).find_map(named_value);
        if let (Some(by), Some(named)) = (by, self.watched_named()) {
            named.signed.push((here, by));
        }
    }

    /// A token may go with a request.
    pub(super) fn watch_token_sent(&mut self, headers: &[&Value], here: Place) {
        let headers: Vec<Value> = headers.iter().map(|value| (*value).clone()).collect();
        self.watch_token_given(&headers, Some(here));
    }

    /// A function of a package is called: it may make an answer, or a cookie.
    pub(super) fn watch_reply(&mut self, package: &PackageName, arguments: &Arguments, here: Place) {
        let makes = match &*package.package {
            "" => matches!(&*package.path, "Response" | "Response.json"),
            "next/server" => matches!(&*package.path, "NextResponse" | "NextResponse.json" | "response().cookies.set"),
            "next/headers" => package.path == "cookies().set",
            _ => false,
        };
        if makes {
            self.watch_answered(&arguments.values, here);
        }
    }

    /// What an endpoint answers with, or hands over as a cookie.
    pub(super) fn watch_answered(&mut self, values: &[Value], here: Place) {
        self.watch_shown(values, here);
        self.watch_rows_answered(values);
        self.watch_token_given(values, None);
    }

    fn watch_token_given(&mut self, values: &[Value], sent: Option<Place>) {
        let is_idle = self.watched_passwords().is_none_or(|passwords| !passwords.saw_signed());
        if is_idle || self.watched_rows().is_none_or(|rows| rows.is_doubted()) {
            return;
        }
        let mut minted = Vec::new();
        values.iter().for_each(|value| self.minted_in(value, &mut minted, 0));
        if sent.is_none() {
            self.watch_password_answered(&minted);
        }
        let Some(named) = self.watched_named() else { return };
        let given = named.signed.iter().filter(|(place, _)| minted.contains(place));
        let tokens = given.map(|(place, by)| {
            let read = named.reads.iter().find(|(name, _)| name == by).map(|(_, read)| *read);
            NamedToken { place: *place, by: by.clone(), read, sent }
        });
        let tokens: Vec<NamedToken> = tokens.collect();
        named.tokens.extend(tokens);
    }

    /// The claim of a token that says whose it is.
    fn subject(&self, payload: &Value) -> Option<Value> {
        let Value::Object(id) = payload else { return None };
        let object = self.store.get(*id);
        if object.kind != ObjectKind::Plain {
            return None;
        }
        let claim = |wanted: &dyn Fn(&str) -> bool| {
            let mut names: Vec<&SmolStr> = object.entries.keys().filter(|name| wanted(name)).collect();
            names.sort_unstable();
            names.first().and_then(|name| object.entries.get(*name)).cloned()
        };
        claim(&|name| name == "sub").or_else(|| claim(&is_owner)).or_else(|| claim(&|name| name == "id"))
    }

    /// Where tokens were signed that a value holds.
    fn minted_in(&self, value: &Value, found: &mut Vec<Place>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let minted = |symbol: &Symbol| match symbol.origin {
            Origin::Minted(place) => Some(place),
            _ => None,
        };
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) => found.extend(minted(symbol)),
                Value::Text(parts) => found.extend(parts.iter().filter_map(|part| match part {
                    Part::Hole(Hole::Symbol(symbol)) => minted(symbol),
                    _ => None,
                })),
                Value::Promise(inner) => self.minted_in(inner, found, depth + 1),
                Value::Array(values) => values.iter().for_each(|one| self.minted_in(one, found, depth + 1)),
                Value::Object(id) => {
                    self.store.get(*id).entries.values().for_each(|one| self.minted_in(one, found, depth + 1));
                }
                _ => {}
            }
        }
    }
}

/// What of the request a value is, alone or as the whole of a text.
fn named_value(value: &Value) -> Option<SmolStr> {
    match value {
        Value::Symbol(symbol) => named_by(symbol),
        Value::Text(parts) => match &**parts {
            [Part::Hole(Hole::Symbol(symbol))] => named_by(symbol),
            _ => None,
        },
        _ => None,
    }
}

/// What of the request a value is, in words; none where it may prove something, or names nobody.
fn named_by(symbol: &Symbol) -> Option<SmolStr> {
    if symbol.origin != Origin::Incoming {
        return None;
    }
    let steps: Vec<&str> = symbol.path.iter().map(SmolStr::as_str).filter(|step| !step.starts_with(' ')).collect();
    let (name, of) = match steps.as_slice() {
        ["headers", "get", called] => (called.split_once(NAMED)?.1.to_ascii_lowercase(), "header"),
        ["headers", name] if !name.starts_with("()") => (name.to_ascii_lowercase(), "header"),
        ["nextUrl", "searchParams", "get", called] => (called.split_once(NAMED)?.1.to_owned(), "query"),
        ["query", name] => ((*name).to_owned(), "query"),
        ["context", "params", name] => ((*name).to_owned(), "path"),
        ["json", "()", .., name] | ["body", .., name] if !name.starts_with("()") => ((*name).to_owned(), "body"),
        ["formData", "()", "get", called] => (called.split_once(NAMED)?.1.to_owned(), "form"),
        ["argument"] => ("argument".to_owned(), "argument"),
        ["argument", .., name] if !name.starts_with("()") => ((*name).to_owned(), "argument"),
        _ => return None,
    };
    let is_of_nobody = of == "header" && OF_NOBODY.iter().any(|start| name.starts_with(start));
    if is_of_nobody || names_a_token(&name) {
        return None;
    }
    Some(SmolStr::new(match (of, name.as_str()) {
        ("header", name) => format!("the header `{name}`"),
        ("argument", "argument") => "an argument".to_owned(),
        ("argument", name) => format!("`{name}` of its arguments"),
        (of, name) => format!("`{name}` of the {of}"),
    }))
}
