//! Answers that are logged or kept as a whole: whether there is a token in them, other
//! code of the module tells by reading it.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::Session;
use crate::frontend::libraries::better_auth::is_whole_session;
use crate::frontend::outcome::{Logged, Place, UrlPart, What};
use crate::frontend::tokens::{STRINGIFIED, answer, names_a_token};
use crate::frontend::value::{Origin, Symbol, Value};

/// What is read of answers to requests.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Tokens that are read.
    tokens: FxHashSet<(Answer, SmolStr)>,
    /// Parts that a test on the way has shown to be missing.
    pub(super) missing: Vec<Symbol>,
    /// Answers that are logged as they are, and where.
    logged: Vec<(Answer, Place)>,
    /// Those that are kept in the browser.
    kept: Vec<(Answer, Place)>,
    /// Where requests go that are made at a place, whatever module makes them.
    addresses: Vec<(Place, Vec<UrlPart>)>,
    /// The last of those for each place.
    latest: FxHashMap<Place, usize>,
}

/// An answer, or a part of one. What a client for any address answers is told apart by the address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Answer {
    origin: Origin,
    path: Vec<SmolStr>,
    /// Where the request went, by its place among the addresses.
    address: Option<usize>,
}

impl Session<'_> {
    /// A part of an answer is read.
    pub(super) fn note_read(&mut self, symbol: &Symbol, name: &str) {
        if matches!(symbol.origin, Origin::Response(_)) && names_a_token(name) {
            let answer = self.answer(symbol.origin.clone(), symbol.path.to_vec());
            self.logged_answers.tokens.insert((answer, SmolStr::new(name)));
        }
    }

    /// A request is made.
    pub(in crate::frontend) fn note_asked(&mut self, place: Place, url: &[UrlPart]) {
        let answers = &mut self.logged_answers;
        // What tests have shown of the answer before says nothing of this one. What is missing is counted by its place.
        for part in answers.missing.iter_mut().filter(|part| part.origin == Origin::Response(place)) {
            *part = Symbol { origin: Origin::Unresolved, path: Rc::new([]), may_be_missing: false };
        }
        let known = answers.addresses.iter().position(|(other, address)| *other == place && address == url);
        let at = known.unwrap_or_else(|| {
            answers.addresses.push((place, url.to_vec()));
            answers.addresses.len() - 1
        });
        answers.latest.insert(place, at);
    }

    /// An answer to the last request of its place.
    fn answer(&self, origin: Origin, path: Vec<SmolStr>) -> Answer {
        let address = match &origin {
            Origin::Response(place) => self.logged_answers.latest.get(place).copied(),
            _ => None,
        };
        Answer { origin, path, address }
    }

    /// A value is logged of which it is not known yet what it holds.
    pub(in crate::frontend) fn note_logged_answer(&mut self, value: &Value, place: Place) {
        let whole = self.whole_answers(value);
        self.logged_answers.logged.extend(whole.into_iter().map(|answer| (answer, place)));
    }

    /// A whole session of Better Auth is logged, with its token in it, where tests on the way do not show that there
    /// is none.
    pub(in crate::frontend) fn note_logged_session(&mut self, value: &Value, place: Place) {
        let is_shown = |symbol: &&Rc<Symbol>| {
            let missing = &self.logged_answers.missing;
            // Without a part of it there is no session.
            let is_on_the_way =
                |part: &Symbol| symbol.path.starts_with(&part.path) || part.path.starts_with(&symbol.path);
            let is_missing = |part: &Symbol| part.origin == symbol.origin && is_on_the_way(part);
            is_whole_session(symbol) && !missing.iter().any(is_missing)
        };
        let mut symbols = value.alternatives().iter().filter_map(|value| match value {
            Value::Symbol(symbol) => Some(symbol),
            _ => None,
        });
        if symbols.any(|symbol| is_shown(&symbol)) {
            let what = What::Token(SmolStr::new_static("session.token"));
            self.outcome.logged.push(Logged { place, what, front: None, on_server: false });
        }
    }

    /// The same of one that is kept in the browser.
    pub(in crate::frontend) fn note_kept_answer(&mut self, value: &Value, place: Place) {
        let whole = self.whole_answers(value);
        self.logged_answers.kept.extend(whole.into_iter().map(|answer| (answer, place)));
    }

    /// Whether tests on the way show that an answer refuses: what says why has no token in it.
    pub(in crate::frontend) fn is_refusal(&self, part: &Symbol) -> bool {
        self.logged_answers.missing.iter().any(|missing| {
            let answer = missing.path.split_last().filter(|(last, _)| *last == "ok").map(|(_, answer)| answer);
            missing.origin == part.origin && answer.is_some_and(|answer| part.path.starts_with(answer))
        })
    }

    /// Answers that a value may be, and that have a token as far as tests on the way show.
    fn whole_answers(&self, value: &Value) -> Vec<Answer> {
        let mut whole = Vec::new();
        for symbol in value.alternatives().iter().filter_map(answer) {
            let mut path = symbol.path.to_vec();
            path.retain(|step| step != STRINGIFIED);
            let lacks = |part: &Symbol| {
                let token = part.path.split_last().filter(|(name, way)| names_a_token(name) && **way == *path);
                token.is_some() && part.origin == symbol.origin
            };
            if self.is_refusal(symbol) || self.logged_answers.missing.iter().any(lacks) {
                continue;
            }
            whole.push(self.answer(symbol.origin.clone(), path));
        }
        whole
    }

    /// Notes the answers that are logged or kept and that a token was read from.
    pub(super) fn note_logged_answers(&mut self) {
        let mut tokens: Vec<_> = std::mem::take(&mut self.logged_answers.tokens).into_iter().collect();
        tokens.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        let held = |answer: &Answer| tokens.iter().find(|(read, _)| read == answer).map(|(_, name)| name);
        for (answer, place) in std::mem::take(&mut self.logged_answers.kept) {
            let Some(name) = held(&answer) else { continue };
            let here = self.outcome.kept.iter_mut().filter(|kept| kept.place == place && kept.what == What::Unknown);
            here.for_each(|kept| kept.what = What::Token(name.clone()));
        }
        for (answer, place) in std::mem::take(&mut self.logged_answers.logged) {
            if let Some(name) = held(&answer) {
                let what = What::Token(name.clone());
                self.outcome.logged.push(Logged { place, what, front: None, on_server: false });
            }
        }
    }
}
