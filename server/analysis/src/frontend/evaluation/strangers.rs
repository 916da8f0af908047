//! What a middleware does with whoever has no credential: whether it turns one away on a path that is not known, and
//! whether it still does where it is known that every path begins with `/`.

use std::rc::Rc;

use super::{Arguments, Session};
use crate::frontend::libraries::servers::{self, Part};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::{Closure, ObjectKind, Origin, PackageName, Symbol, Value};
use smol_str::SmolStr;

/// A run of a middleware for somebody without a credential.
#[derive(Debug)]
pub(super) struct Stranger {
    /// Whether it is known that a path begins with `/`.
    knows_root: bool,
    /// Whether there may be an answer that keeps strangers out.
    is_turned_away: bool,
    /// Where the path is none of those that the middleware knows, what these begin with.
    elsewhere: Option<Vec<SmolStr>>,
}

impl Session<'_> {
    /// Whether a middleware lets all strangers through because it looks whether paths begin with `/`, while it turns
    /// them away where that is left open.
    pub(super) fn lets_strangers_through(&mut self, closure: &Rc<Closure>, arguments: &[Value]) -> bool {
        self.turns_strangers_away(closure, arguments, false) && !self.turns_strangers_away(closure, arguments, true)
    }

    /// Whether a middleware may answer somebody without a credential in place of the page.
    pub(super) fn turns_strangers_away(
        &mut self,
        closure: &Rc<Closure>,
        arguments: &[Value],
        knows_root: bool,
    ) -> bool {
        self.run_for_stranger(closure, arguments, Stranger { knows_root, is_turned_away: false, elsewhere: None })
            .is_none_or(|stranger| stranger.is_turned_away)
    }

    /// The beginnings of the paths that a middleware knows, where it lets strangers through on all others.
    pub(super) fn known_beginnings(&mut self, closure: &Rc<Closure>, arguments: &[Value]) -> Option<Vec<SmolStr>> {
        let elsewhere = Stranger { knows_root: true, is_turned_away: false, elsewhere: Some(Vec::new()) };
        let stranger = self.run_for_stranger(closure, arguments, elsewhere).filter(|one| !one.is_turned_away)?;
        let mut beginnings = stranger.elsewhere.filter(|known| !known.is_empty())?;
        beginnings.sort_unstable();
        beginnings.dedup();
        Some(beginnings)
    }

    /// The end of a run for a stranger, if it went through.
    fn run_for_stranger(&mut self, closure: &Rc<Closure>, arguments: &[Value], stranger: Stranger) -> Option<Stranger> {
        let (found, mark) = (self.outcome.found(), self.store.mark());
        self.steps = 0;
        self.stranger = Some(stranger);
        self.call_closure(closure, arguments, None);
        let is_whole = self.steps < super::MAX_STEPS;
        let stranger = self.stranger.take();
        self.store.take_back(mark);
        self.outcome.forget_since(found);
        stranger.filter(|_| is_whole)
    }

    /// Notes a path that a middleware knows: that of the request is another one.
    fn is_elsewhere(&mut self, known: &[SmolStr]) -> bool {
        let Some(elsewhere) = self.stranger.as_mut().and_then(|stranger| stranger.elsewhere.as_mut()) else {
            return false;
        };
        elsewhere.extend(known.iter().cloned());
        true
    }

    /// Whether two values are equal, where one is the path of a stranger's request and the other a path that is known.
    pub(super) fn equal_for_stranger(&mut self, left: &Value, right: &Value) -> Option<bool> {
        self.stranger.as_ref()?;
        [(left, right), (right, left)].into_iter().find_map(|(path, known)| {
            let Value::Symbol(symbol) = path else { return None };
            let known = known.known_text().filter(|_| symbol.origin == Origin::Incoming && is_path(symbol))?;
            self.is_elsewhere(&[known]).then_some(false)
        })
    }

    /// Whether the path of a stranger's request is among those that are known.
    pub(super) fn among_for_stranger(&mut self, known: &[Value], path: &Value) -> Option<Value> {
        self.stranger.as_ref()?;
        let is_path = matches!(path, Value::Symbol(symbol) if symbol.origin == Origin::Incoming && is_path(symbol));
        let known: Option<Vec<SmolStr>> = known.iter().map(Value::known_text).collect();
        let known = known.filter(|_| is_path)?;
        self.is_elsewhere(&known).then_some(Value::Bool(false))
    }

    /// A client of Supabase for servers, which takes the session out of the cookies (@supabase/ssr 0.7), gives nobody then.
    fn supabase_for_stranger(&mut self, package: &PackageName, here: Place) -> Option<Value> {
        const CLIENT: &str = "client()";
        if !matches!(&*package.package, "@supabase/ssr" | "@supabase/auth-helpers-nextjs") {
            return None;
        }
        match &*package.path {
            "createServerClient" | "createMiddlewareClient" => Some(Value::package(&package.package, CLIENT)),
            path if path.starts_with(CLIENT)
                && matches!(path.rsplit('.').next(), Some("getUser" | "getSession" | "getClaims")) =>
            {
                let data = self.store.object(ObjectKind::Plain, here);
                for name in ["user", "session", "claims"] {
                    self.store.set(data, name, Value::Null);
                }
                let answer = self.store.object(ObjectKind::Plain, here);
                self.store.set(answer, "data", Value::Object(data));
                self.store.set(answer, "error", Value::Unknown);
                Some(Value::Object(answer).promised())
            }
            _ => None,
        }
    }

    /// Something may answer the stranger in place of the page.
    pub(super) fn turn_stranger_away(&mut self) {
        self.stranger.iter_mut().for_each(|stranger| stranger.is_turned_away = true);
    }

    /// A function of a package is called for a stranger; what it gives, where it would give the credential.
    pub(super) fn package_for_stranger(
        &mut self,
        package: &PackageName,
        arguments: &Arguments,
        here: Place,
    ) -> Option<Value> {
        self.stranger.as_ref()?;
        if let Some(given) = self.supabase_for_stranger(package, here) {
            return Some(given);
        }
        let name = package.path.rsplit('.').next().unwrap_or_default();
        let answers = matches!(&*package.package, "" | "next/server") && package.path.contains("Response");
        let refuses = answers
            && match name {
                "redirect" | "rewrite" => true,
                "next" => false,
                _ => {
                    let status = option(self, &arguments.get(1), "status").known_text();
                    status.is_some_and(|status| status.starts_with(['3', '4']))
                }
            };
        if refuses {
            self.turn_stranger_away();
        }
        match servers::part(package) {
            Part::Credential => Some(Value::Null),
            Part::Verifies | Part::Unknown => {
                self.turn_stranger_away();
                None
            }
            _ => None,
        }
    }

    /// A method of what came with the request is called for a stranger: there is no cookie, and no token in a header.
    pub(super) fn method_for_stranger(&mut self, symbol: &Symbol, name: &str, arguments: &Arguments) -> Option<Value> {
        let stranger = self.stranger.as_ref().filter(|_| symbol.origin == Origin::Incoming)?;
        let of = symbol.path.last().map(|step| step.as_str());
        match (of, name) {
            (Some("cookies"), "get") => Some(Value::Undefined),
            (Some("cookies"), "has") => Some(Value::Bool(false)),
            (Some("headers"), "get") => {
                let header = arguments.get(0).known_text()?;
                ["authorization", "cookie"].iter().any(|own| header.eq_ignore_ascii_case(own)).then_some(Value::Null)
            }
            (_, "startsWith") if stranger.knows_root && is_path(symbol) => match arguments.get(0).known_text()? {
                root if root == "/" => Some(Value::Bool(true)),
                beginning => self.is_elsewhere(&[beginning]).then_some(Value::Bool(false)),
            },
            _ => None,
        }
    }

    /// Notes that the beginning of a path is compared with `/`, which all have.
    pub(super) fn watch_beginning(&mut self, symbol: &Symbol, name: &str, arguments: &Arguments, here: Place) {
        if name != "startsWith" || symbol.origin != Origin::Incoming || !is_path(symbol) {
            return;
        }
        let beginning = arguments.get(0);
        let is_root = |value: &Value| value.known_text().is_some_and(|text| text == "/");
        if beginning.alternatives().iter().any(is_root) {
            self.watch_root(here);
        }
    }

    /// `some` of a list that is known, one value after the other.
    pub(super) fn some_for_stranger(&mut self, values: &[Value], function: &Value, here: Place) -> Option<Value> {
        self.stranger.as_ref()?;
        let mut is_unknown = false;
        for value in values {
            let given = Arguments { values: vec![value.clone()], places: vec![here], open: true };
            match self.call_value(function, &given, false, here).truth() {
                Some(true) => return Some(Value::Bool(true)),
                Some(false) => {}
                None => is_unknown = true,
            }
        }
        Some(if is_unknown { Value::Unknown } else { Value::Bool(false) })
    }
}

/// Whether a part of the request is its path: `request.nextUrl.pathname`.
fn is_path(symbol: &Symbol) -> bool {
    symbol.path.last().is_some_and(|step| step == "pathname")
}
