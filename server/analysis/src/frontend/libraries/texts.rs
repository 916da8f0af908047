//! Methods of texts of which parts are known.

use std::rc::Rc;

use smol_str::SmolStr;

use crate::frontend::evaluation::Arguments;
use crate::frontend::value::{Hole, Part, Value};

/// Whether a text begins with another one; none if too little is known of both.
pub(super) fn begins_with(text: &Value, arguments: &Arguments) -> Option<bool> {
    let Value::Text(parts) = text else { return None };
    let beginning = arguments.get(0).known_text()?;
    let Some(Part::Text(own)) = parts.first() else {
        return parts.is_empty().then_some(beginning.is_empty());
    };
    match own.len() < beginning.len() {
        true if parts.len() > 1 && beginning.starts_with(own.as_str()) => None,
        _ => Some(own.starts_with(beginning.as_str())),
    }
}

/// Whether a text ends with another one; none if too little is known of both.
pub(super) fn ends_with(text: &Value, arguments: &Arguments) -> Option<bool> {
    let Value::Text(parts) = text else { return None };
    let end = arguments.get(0).known_text()?;
    let Some(Part::Text(own)) = parts.last() else {
        return parts.is_empty().then_some(end.is_empty());
    };
    match own.len() < end.len() {
        true if parts.len() > 1 && end.ends_with(own.as_str()) => None,
        _ => Some(own.ends_with(end.as_str())),
    }
}

/// Whether a text holds another one; none if that may stand where nothing is known.
pub(super) fn holds(text: &Value, arguments: &Arguments) -> Option<bool> {
    let Value::Text(parts) = text else { return None };
    let wanted = arguments.get(0).known_text()?;
    let is_in = |part: &Part| matches!(part, Part::Text(text) if text.contains(wanted.as_str()));
    match parts.iter().any(is_in) {
        true => Some(true),
        false if parts.iter().all(|part| matches!(part, Part::Text(_))) => Some(false),
        false => None,
    }
}

/// `slice`, `substring` and `substr`, where both ends lie in what is known.
pub(super) fn cut(text: &Value, name: &str, arguments: &Arguments) -> Value {
    let cut = || {
        let Value::Text(parts) = text else { return None };
        let from: usize = arguments.get(0).known_text()?.parse().ok()?;
        let mut parts = parts.to_vec();
        match (name, arguments.get(1)) {
            (_, Value::Undefined) => {}
            // `slice(0, -1)`
            ("slice", end) => {
                let less: usize = end.known_text()?.strip_prefix('-')?.parse().ok()?;
                let Some(Part::Text(last)) = parts.last_mut() else { return None };
                let at = last.len().checked_sub(less)?;
                *last = SmolStr::new(last.get(..at)?);
            }
            _ => return None,
        }
        if from > 0 {
            let Some(Part::Text(first)) = parts.first_mut() else { return None };
            *first = SmolStr::new(first.get(from..)?);
        }
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Some(Value::Text(parts.into()))
    };
    cut().unwrap_or(Value::Unknown)
}

/// Parts of one text that are kept apart.
const MAX_SPLIT: usize = 32;

/// `split`: all of a text that is known, and else what stands before the first separator.
pub(super) fn split(text: &Value, arguments: &Arguments) -> Value {
    let Some(between) = arguments.get(0).known_text().filter(|between| !between.is_empty()) else {
        return Value::Unknown;
    };
    if let Some(known) = text.known_text() {
        let parts: Vec<Value> = known.split(between.as_str()).take(MAX_SPLIT + 1).map(Value::text).collect();
        return if parts.len() > MAX_SPLIT { Value::Unknown } else { Value::Array(parts.into()) };
    }
    let Value::Text(parts) = text else { return Value::Unknown };
    let mut before = Vec::new();
    for part in parts.iter() {
        match part {
            Part::Text(known) if known.contains(between.as_str()) => {
                let beginning = known.split(between.as_str()).next().unwrap_or_default();
                before.push(Part::Text(SmolStr::new(beginning)));
                before.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
                return Value::Array(Rc::new([Value::Text(before.into()), Value::Unknown]));
            }
            // What is not known may hold the separator itself.
            Part::Hole(Hole::Unknown) => return Value::Unknown,
            part => before.push(part.clone()),
        }
    }
    Value::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(values: &[Value]) -> Arguments {
        Arguments { values: values.to_vec(), places: Vec::new(), open: false }
    }

    fn path() -> Value {
        Value::Text(Rc::new([Part::Text("/tasks/".into()), Part::Hole(Hole::Unknown)]))
    }

    #[test]
    fn what_is_not_known_may_hold_anything() {
        assert_eq!(holds(&path(), &given(&[Value::text("tasks")])), Some(true));
        assert_eq!(holds(&path(), &given(&[Value::text("?")])), None);
        assert_eq!(holds(&Value::text("/tasks"), &given(&[Value::text("?")])), Some(false));
        assert_eq!(ends_with(&path(), &given(&[Value::text("/")])), None);
        assert_eq!(begins_with(&path(), &given(&[Value::text("/api")])), Some(false));
    }

    #[test]
    fn texts_are_cut_within_what_is_known() {
        let number = |number: &str| Value::Number(number.into());
        let cut = |text: &Value, ends: &[Value]| cut(text, "slice", &given(ends));
        let rest = Value::Text(Rc::new([Part::Text("tasks/".into()), Part::Hole(Hole::Unknown)]));
        assert_eq!(cut(&path(), &[number("1")]), rest);
        assert_eq!(cut(&path(), &[number("0"), number("-1")]), Value::Unknown);
        assert_eq!(cut(&Value::text("/api/"), &[number("0"), number("-1")]), Value::text("/api"));
        assert_eq!(cut(&path(), &[number("9")]), Value::Unknown);
    }

    #[test]
    fn texts_are_split_where_the_separator_is_known() {
        let split = |text: &Value, between: &str| split(text, &given(&[Value::text(between)]));
        let array = |parts: &[Value]| Value::Array(parts.into());
        assert_eq!(split(&Value::text("/a?b"), "?"), array(&[Value::text("/a"), Value::text("b")]));
        assert_eq!(split(&path(), "s"), array(&[Value::text("/ta"), Value::Unknown]));
        assert_eq!(split(&path(), "?"), Value::Unknown);
    }
}
