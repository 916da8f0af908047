//! Answers that are logged as a whole: whether there is a token in them, other
//! code of the module tells by reading it.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::Session;
use crate::frontend::outcome::{Logged, Place, What};
use crate::frontend::tokens::{STRINGIFIED, answer, names_a_token};
use crate::frontend::value::{Origin, Symbol, Value};

/// What is read of answers to requests.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Tokens that are read: of what, and their names.
    tokens: FxHashSet<(Origin, Vec<SmolStr>, SmolStr)>,
    /// Parts that a test on the way has shown to be missing.
    pub(super) missing: Vec<Symbol>,
    /// Answers that are logged as they are, and where.
    logged: Vec<(Origin, Vec<SmolStr>, Place)>,
}

impl Session<'_> {
    /// A part of an answer is read.
    pub(super) fn note_read(&mut self, symbol: &Symbol, name: &str) {
        if matches!(symbol.origin, Origin::Response(_)) && names_a_token(name) {
            self.logged_answers.tokens.insert((symbol.origin.clone(), symbol.path.to_vec(), SmolStr::new(name)));
        }
    }

    /// A value is logged of which it is not known yet what it holds.
    pub(in crate::frontend) fn note_logged_answer(&mut self, value: &Value, place: Place) {
        for symbol in value.alternatives().iter().filter_map(answer) {
            let mut path = symbol.path.to_vec();
            path.retain(|step| step != STRINGIFIED);
            let lacks = |part: &Symbol| {
                let token = part.path.split_last().filter(|(name, way)| names_a_token(name) && **way == *path);
                token.is_some() && part.origin == symbol.origin
            };
            if self.logged_answers.missing.iter().any(lacks) {
                continue;
            }
            self.logged_answers.logged.push((symbol.origin.clone(), path, place));
        }
    }

    /// Notes the answers that are logged and that a token was read from.
    pub(super) fn note_logged_answers(&mut self) {
        let mut tokens: Vec<_> = std::mem::take(&mut self.logged_answers.tokens).into_iter().collect();
        tokens.sort_unstable_by(|(_, _, a), (_, _, b)| a.cmp(b));
        for (origin, path, place) in std::mem::take(&mut self.logged_answers.logged) {
            let held = tokens.iter().find(|(read, way, _)| *read == origin && *way == path);
            if let Some((_, _, name)) = held {
                self.outcome.logged.push(Logged { place, what: What::Token(name.clone()), front: None });
            }
        }
    }
}
