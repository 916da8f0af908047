//! What a middleware does with whoever has no credential: whether it turns one away on a path that is not known, and
//! whether it still does where it is known that every path begins with `/`.

use std::rc::Rc;

use super::{Arguments, Session};
use crate::frontend::libraries::servers::{self, Part};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::value::{Closure, Origin, PackageName, Symbol, Value};

/// A run of a middleware for somebody without a credential.
#[derive(Debug)]
pub(super) struct Stranger {
    /// Whether it is known that a path begins with `/`.
    knows_root: bool,
    /// Whether there may be an answer that keeps strangers out.
    is_turned_away: bool,
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
        let (found, mark) = (self.outcome.found(), self.store.mark());
        self.steps = 0;
        self.stranger = Some(Stranger { knows_root, is_turned_away: false });
        self.call_closure(closure, arguments, None);
        let is_whole = self.steps < super::MAX_STEPS;
        let stranger = self.stranger.take();
        self.store.take_back(mark);
        self.outcome.forget_since(found);
        !is_whole || stranger.is_some_and(|stranger| stranger.is_turned_away)
    }

    /// Something may answer the stranger in place of the page.
    pub(super) fn turn_stranger_away(&mut self) {
        self.stranger.iter_mut().for_each(|stranger| stranger.is_turned_away = true);
    }

    /// A function of a package is called for a stranger; what it gives, where it would give the credential.
    pub(super) fn package_for_stranger(&mut self, package: &PackageName, arguments: &Arguments) -> Option<Value> {
        self.stranger.as_ref()?;
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
    pub(super) fn method_for_stranger(&self, symbol: &Symbol, name: &str, arguments: &Arguments) -> Option<Value> {
        let stranger = self.stranger.as_ref().filter(|_| symbol.origin == Origin::Incoming)?;
        let of = symbol.path.last().map(|step| step.as_str());
        match (of, name) {
            (Some("cookies"), "get") => Some(Value::Undefined),
            (Some("cookies"), "has") => Some(Value::Bool(false)),
            (Some("headers"), "get") => {
                let header = arguments.get(0).known_text()?;
                ["authorization", "cookie"].iter().any(|own| header.eq_ignore_ascii_case(own)).then_some(Value::Null)
            }
            (_, "startsWith") if stranger.knows_root && is_path(symbol) => {
                (arguments.get(0).known_text()? == "/").then_some(Value::Bool(true))
            }
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
