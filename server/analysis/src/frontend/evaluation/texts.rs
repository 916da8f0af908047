//! Templates and what becomes of values in texts.

use std::rc::Rc;

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Expr, TemplatePart};
use crate::frontend::outcome::Bearer;
use crate::frontend::tokens::{NULL, UNDEFINED, bearer, source};
use crate::frontend::value::{Hole, ObjectKind, Origin, Part, Symbol, Value, joined};
use crate::text::TextRange;

impl Session<'_> {
    pub(super) fn template(&mut self, parts: &[TemplatePart], whole: &Expr) -> Value {
        let mut out = Vec::new();
        let mut values = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            match part {
                TemplatePart::Text(text) => out.push(vec![Part::Text(text.clone())]),
                TemplatePart::Value(value) => {
                    let value = self.expr(value);
                    let text = match (is_segment(parts, at), at) {
                        (true, _) => self.text_parts(&filled(&value)),
                        (false, 0) => self.text_parts(&beginning(&value)),
                        _ => self.text_parts(&value),
                    };
                    out.push(text);
                    values.push(value);
                }
            }
        }
        let text = self.noted_text(joined(out.into_iter().flatten()), whole);
        match (parts, values.as_slice()) {
            ([TemplatePart::Text(scheme), TemplatePart::Value(_)], [value]) => self.each_token(scheme, value, text),
            _ => text,
        }
    }

    /// A text that sends one of several tokens, as one of several texts: where
    /// each comes from counts.
    pub(super) fn each_token(&self, scheme: &str, value: &Value, text: Value) -> Value {
        if value.alternatives().len() < 2 || !scheme.trim().eq_ignore_ascii_case("bearer") {
            return text;
        }
        let texts = value.alternatives().iter().map(|one| {
            let scheme = Part::Text(SmolStr::new(scheme));
            Value::Text(joined([scheme].into_iter().chain(self.text_parts(one))))
        });
        Value::any(texts)
    }

    /// A text that was put together; one that sends a token is noted.
    pub(super) fn noted_text(&mut self, parts: Rc<[Part]>, whole: &Expr) -> Value {
        if let Some(bearer) = bearer(&parts, self.place(whole.range)) {
            self.outcome.bearers.push(bearer);
        }
        Value::Text(parts)
    }

    /// Notes a header `Authorization` that is a value as it was kept or given: it
    /// holds its scheme itself.
    pub(in crate::frontend) fn note_bare_header(&mut self, name: &str, value: &Value, range: TextRange) {
        if !name.eq_ignore_ascii_case("authorization") {
            return;
        }
        let place = self.place(range);
        for value in value.alternatives() {
            let Value::Symbol(symbol) = value else { continue };
            if matches!(symbol.origin, Origin::Storage(..)) {
                self.outcome.bearers.push(Bearer { place, source: source(symbol), fault: None });
            }
        }
    }

    /// The parts of a value's text. Of several values it is the one that matters
    /// most: a fault, then what is known best.
    pub(in crate::frontend) fn text_parts(&self, value: &Value) -> Vec<Part> {
        let hole = |hole| vec![Part::Hole(hole)];
        match value {
            Value::Text(parts) => parts.to_vec(),
            Value::Number(number) => vec![Part::Text(number.clone())],
            Value::Bool(value) => vec![Part::Text(SmolStr::new(value.to_string()))],
            Value::Undefined | Value::Null => hole(Hole::Missing),
            Value::Symbol(symbol) => {
                let may_be_missing = self.may_be_missing(symbol);
                hole(Hole::Symbol(Rc::new(Symbol { may_be_missing, ..(**symbol).clone() })))
            }
            Value::Promise(_) => hole(Hole::Promise),
            Value::Object(object) => match self.store.get(*object).kind {
                ObjectKind::Plain | ObjectKind::Headers => hole(Hole::Object),
                // The text of a URL is what it was made of.
                ObjectKind::Url => {
                    let href = self.store.get(*object).entries.get("href").cloned();
                    href.map_or_else(|| hole(Hole::Unknown), |href| self.text_parts(&href))
                }
                _ => hole(Hole::Unknown),
            },
            Value::Package(name) if name.package.is_empty() && name.path.ends_with("location.origin") => {
                hole(Hole::Symbol(Rc::new(Symbol {
                    origin: Origin::Call(Rc::clone(name)),
                    path: Rc::new([]),
                    may_be_missing: false,
                })))
            }
            Value::Either(values) => {
                let is_nothing =
                    |value: &&Value| matches!(value, Value::Symbol(symbol) if symbol.origin == Origin::Nothing);
                let missing = values.iter().filter(is_nothing).find(|value| match value {
                    Value::Symbol(symbol) => self.may_be_missing(symbol),
                    _ => false,
                });
                let rest = values.iter().filter(|value| !is_nothing(value));
                let texts: Vec<Vec<Part>> = rest.map(|value| self.text_parts(value)).collect();
                let best = best_text(&texts);
                match (missing, best.as_slice()) {
                    // Where it comes from is more than that it may not be there.
                    (Some(missing), [Part::Hole(Hole::Symbol(symbol))]) => {
                        let instead = if missing.is_missing() { NULL } else { UNDEFINED };
                        let path: Vec<SmolStr> = symbol.path.iter().cloned().chain([instead.into()]).collect();
                        let symbol = Symbol { path: path.into(), may_be_missing: true, ..(**symbol).clone() };
                        hole(Hole::Symbol(Rc::new(symbol)))
                    }
                    (Some(missing), [] | [Part::Hole(Hole::Unknown)]) => self.text_parts(missing),
                    _ => best,
                }
            }
            _ => hole(Hole::Unknown),
        }
    }
}

/// Of several texts the one that tells most: one with a fault, then the one
/// that is known best, and what the environment says before what stands in for it.
/// A first value that is `null` tells least: another one takes its place.
/// Whether a part of a template is a whole segment of a path: `/invitations/${token}`.
fn is_segment(parts: &[TemplatePart], at: usize) -> bool {
    let is_text = |at: usize, fits: &dyn Fn(&str) -> bool| match parts.get(at) {
        Some(TemplatePart::Text(text)) => fits(text),
        _ => false,
    };
    let ends = at + 1 == parts.len() || is_text(at + 1, &|text| text.starts_with(['/', '?']));
    at > 0 && ends && is_text(at - 1, &|text| text.ends_with('/'))
}

/// A value without the empty text that stands in where it is missing: `token || ""`. Nobody means to ask for a path
/// that lacks the segment.
fn filled(value: &Value) -> Value {
    let is_empty = |value: &&Value| value.known_text().is_some_and(|text| text.is_empty());
    match value.alternatives() {
        all if all.len() > 1 && !all.iter().all(|value| is_empty(&value)) => {
            Value::any(all.iter().filter(|value| !is_empty(value)).cloned())
        }
        _ => value.clone(),
    }
}

/// The beginning of an address without the empty text that stands in for one which is not known: `server ?? ""`. Where
/// nobody has said yet what the server is, nothing is asked.
pub(in crate::frontend) fn beginning(value: &Value) -> Value {
    let is_known = |value: &Value| value.known_text().is_some_and(|text| !text.is_empty());
    if value.alternatives().iter().any(is_known) { value.clone() } else { filled(value) }
}

fn best_text(texts: &[Vec<Part>]) -> Vec<Part> {
    let faulty = |parts: &&Vec<Part>| {
        parts.iter().any(|part| match part {
            Part::Hole(Hole::Promise | Hole::Object) => true,
            Part::Hole(Hole::Symbol(symbol)) => {
                symbol.may_be_missing && !matches!(symbol.origin, Origin::Environment(_))
            }
            _ => false,
        })
    };
    let holes = |parts: &&Vec<Part>| {
        let unknown = parts.iter().filter(|part| matches!(part, Part::Hole(Hole::Unknown))).count();
        let is_missing = parts.iter().any(|part| matches!(part, Part::Hole(Hole::Missing)));
        let is_configured = |part: &Part| matches!(part, Part::Hole(Hole::Symbol(symbol)) if matches!(symbol.origin, Origin::Environment(_)));
        (is_missing, unknown, !parts.iter().any(is_configured))
    };
    texts.iter().find(faulty).or_else(|| texts.iter().min_by_key(holes)).cloned().unwrap_or_default()
}
