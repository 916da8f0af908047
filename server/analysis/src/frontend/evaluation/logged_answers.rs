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
    /// Tokens that are read: of what, their names, and the function that reads them by its address.
    tokens: FxHashSet<(Origin, Vec<SmolStr>, SmolStr, usize)>,
    /// Parts that a test on the way has shown to be missing.
    pub(super) missing: Vec<Symbol>,
    /// Answers that are logged as they are, where, and the function that does.
    logged: Vec<(Origin, Vec<SmolStr>, Place, usize)>,
    /// Those that are kept in the browser.
    kept: Vec<(Origin, Vec<SmolStr>, Place)>,
    /// Where the requests go that are made at a place, also those that other modules make; none where they go to several
    /// addresses.
    asked: FxHashMap<Place, Option<Vec<UrlPart>>>,
}

impl Session<'_> {
    /// A part of an answer is read.
    pub(super) fn note_read(&mut self, symbol: &Symbol, name: &str) {
        if matches!(symbol.origin, Origin::Response(_)) && names_a_token(name) {
            let (origin, path, reader) = (symbol.origin.clone(), symbol.path.to_vec(), self.runs());
            self.logged_answers.tokens.insert((origin, path, SmolStr::new(name), reader));
        }
    }

    /// A request is made.
    pub(in crate::frontend) fn note_asked(&mut self, place: Place, url: &[UrlPart]) {
        let first = self.logged_answers.asked.entry(place).or_insert_with(|| Some(url.to_vec()));
        if first.as_ref().is_some_and(|first| first != url) {
            *first = None;
        }
    }

    /// A value is logged of which it is not known yet what it holds.
    pub(in crate::frontend) fn note_logged_answer(&mut self, value: &Value, place: Place) {
        let (whole, writer) = (self.whole_answers(value, place), self.runs());
        let logged = whole.into_iter().map(|(origin, path, place)| (origin, path, place, writer));
        self.logged_answers.logged.extend(logged);
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

    /// The function that runs, by its address.
    fn runs(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.function)
    }

    /// The same of one that is kept in the browser.
    pub(in crate::frontend) fn note_kept_answer(&mut self, value: &Value, place: Place) {
        let whole = self.whole_answers(value, place);
        self.logged_answers.kept.extend(whole);
    }

    /// Answers that a value may be, and that have a token as far as tests on the way show.
    fn whole_answers(&self, value: &Value, place: Place) -> Vec<(Origin, Vec<SmolStr>, Place)> {
        let mut whole = Vec::new();
        for symbol in value.alternatives().iter().filter_map(answer) {
            let mut path = symbol.path.to_vec();
            path.retain(|step| step != STRINGIFIED);
            let lacks = |part: &Symbol| {
                let token = part.path.split_last().filter(|(name, way)| names_a_token(name) && **way == *path);
                token.is_some() && part.origin == symbol.origin
            };
            // What says why a request was refused has no token in it.
            let refuses = |part: &Symbol| part.origin == symbol.origin && matches!(&*part.path, [only] if only == "ok");
            if self.logged_answers.missing.iter().any(|part| lacks(part) || refuses(part)) {
                continue;
            }
            whole.push((symbol.origin.clone(), path, place));
        }
        whole
    }

    /// Whether all requests that are made at a place go to one address: the answers of a client for any are not one.
    fn asks_for_one(&self, origin: &Origin) -> bool {
        let Origin::Response(place) = origin else { return false };
        self.logged_answers.asked.get(place).is_some_and(Option::is_some)
    }

    /// Notes the answers that are logged or kept and that a token was read from.
    pub(super) fn note_logged_answers(&mut self) {
        let mut tokens: Vec<_> = std::mem::take(&mut self.logged_answers.tokens).into_iter().collect();
        tokens.sort_unstable_by(|a, b| a.2.cmp(&b.2));
        let held = |origin: &Origin, path: &[SmolStr], by: &dyn Fn(usize) -> bool| {
            let mut read = tokens.iter().filter(|(read, way, ..)| read == origin && way == path);
            read.find(|(.., reader)| by(*reader)).map(|(_, _, name, _)| name)
        };
        for (origin, path, place) in std::mem::take(&mut self.logged_answers.kept) {
            let Some(name) = held(&origin, &path, &|_| true).filter(|_| self.asks_for_one(&origin)) else { continue };
            let here = self.outcome.kept.iter_mut().filter(|kept| kept.place == place && kept.what == What::Unknown);
            here.for_each(|kept| kept.what = What::Token(name.clone()));
        }
        for (origin, path, place, writer) in std::mem::take(&mut self.logged_answers.logged) {
            // What a client for any address answers is told apart by the function that asked for it.
            let is_one = self.asks_for_one(&origin);
            if let Some(name) = held(&origin, &path, &|reader| is_one || reader == writer) {
                self.outcome.logged.push(Logged {
                    place,
                    what: What::Token(name.clone()),
                    front: None,
                    on_server: false,
                });
            }
        }
    }
}
