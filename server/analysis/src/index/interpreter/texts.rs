//! Methods of texts that are known.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::{Arguments, Value};
use super::expressions::UNSUPPORTED;

/// The text that a value is.
pub(super) fn as_str(value: &Value) -> Option<SmolStr> {
    match value {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// What a method of a text gives.
pub(super) fn text_method(text: &str, method: &str, arguments: &Arguments) -> Value {
    let first = arguments.positional.first().and_then(as_str);
    let result = match (method, first) {
        ("lower", None) => text.to_lowercase(),
        ("upper", None) => text.to_uppercase(),
        ("strip", None) => text.trim().to_owned(),
        ("strip", Some(set)) => text.trim_matches(|c| set.contains(c)).to_owned(),
        ("rstrip", Some(set)) => text.trim_end_matches(|c| set.contains(c)).to_owned(),
        ("lstrip", Some(set)) => text.trim_start_matches(|c| set.contains(c)).to_owned(),
        ("removeprefix", Some(prefix)) => text.strip_prefix(prefix.as_str()).unwrap_or(text).to_owned(),
        ("removesuffix", Some(suffix)) => text.strip_suffix(suffix.as_str()).unwrap_or(text).to_owned(),
        ("replace", Some(from)) => match arguments.positional.get(1) {
            Some(Value::Str(to)) => text.replace(from.as_str(), to),
            _ => return UNSUPPORTED,
        },
        ("startswith", Some(prefix)) => return Value::Bool(text.starts_with(prefix.as_str())),
        ("endswith", Some(suffix)) => return Value::Bool(text.ends_with(suffix.as_str())),
        ("startswith" | "endswith", None) => return starts_or_ends_with_any(text, method == "startswith", arguments),
        ("split" | "rsplit", Some(separator)) if !separator.is_empty() => {
            return split(text, &separator, method == "rsplit", arguments);
        }
        ("join", None) => return joined(text, arguments),
        ("format", _) => return formatted(text, arguments),
        _ => return UNSUPPORTED,
    };
    Value::Str(result.into())
}

/// `text.split(separator)`, `text.rsplit(separator, 1)`.
fn split(text: &str, separator: &str, from_end: bool, arguments: &Arguments) -> Value {
    let most = match arguments.get("maxsplit", Some(1)) {
        None => usize::MAX,
        Some(Value::Int(most)) => usize::try_from(*most).map_or(usize::MAX, |most| most.saturating_add(1)),
        Some(_) => return UNSUPPORTED,
    };
    let mut parts: Vec<&str> = match from_end {
        true => text.rsplitn(most, separator).collect(),
        false => text.splitn(most, separator).collect(),
    };
    if from_end {
        parts.reverse();
    }
    Value::List(Arc::new(parts.into_iter().map(|part| Value::Str(part.into())).collect()))
}

/// `text.startswith((…, …))`.
fn starts_or_ends_with_any(text: &str, starts: bool, arguments: &Arguments) -> Value {
    let Some(Value::List(parts)) = arguments.positional.first() else { return UNSUPPORTED };
    let parts: Option<Vec<SmolStr>> = parts.iter().map(as_str).collect();
    let fits = |part: &SmolStr| if starts { text.starts_with(part.as_str()) } else { text.ends_with(part.as_str()) };
    parts.map_or(UNSUPPORTED, |parts| Value::Bool(parts.iter().any(fits)))
}

/// `separator.join([…])`.
fn joined(separator: &str, arguments: &Arguments) -> Value {
    let Some(Value::List(parts)) = arguments.positional.first() else { return UNSUPPORTED };
    let parts: Option<Vec<SmolStr>> = parts.iter().map(as_str).collect();
    parts.map_or(UNSUPPORTED, |parts| Value::Str(parts.join(separator).into()))
}

/// `"/{}/{name}".format(…)`, as far as every field is a known string.
fn formatted(text: &str, arguments: &Arguments) -> Value {
    let mut out = String::new();
    let mut rest = text;
    let mut next = 0;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        if let Some(escaped) = rest[open + 1..].strip_prefix('{') {
            out.push('{');
            rest = escaped;
            continue;
        }
        let Some(close) = rest[open..].find('}') else { return UNSUPPORTED };
        let field = &rest[open + 1..open + close];
        let value = match field.parse::<usize>() {
            Ok(at) => arguments.positional.get(at),
            Err(_) if field.is_empty() => {
                next += 1;
                arguments.positional.get(next - 1)
            }
            Err(_) => arguments.named.iter().find(|(name, _)| name == field).map(|(_, value)| value),
        };
        match value {
            Some(Value::Str(value)) => out.push_str(value),
            Some(Value::Int(value)) => out.push_str(&value.to_string()),
            _ => return UNSUPPORTED,
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(&rest.replace("}}", "}"));
    Value::Str(out.into())
}
