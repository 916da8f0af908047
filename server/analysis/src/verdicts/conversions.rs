//! Which known segments of a request a route's parameters can't take.

use smol_str::SmolStr;

use super::calls::Reached;
use super::with_interpreter;
use crate::frontend::matching::{Address, Segment};
use crate::ide::State;
use crate::index::value::Value;

/// A known segment where a route has a parameter that it can't be converted to: FastAPI answers with 422.
#[derive(Debug)]
pub(crate) struct Unconvertible {
    pub(crate) segment: SmolStr,
    pub(crate) parameter: SmolStr,
    /// What the parameter takes.
    pub(crate) takes: &'static str,
}

/// The first segment of an address that the route which it reaches can't take.
pub(crate) fn unconvertible(state: &State, reached: &Reached<'_>, address: &Address) -> Option<Unconvertible> {
    let own: Vec<&str> = reached.route.path.split('/').filter(|segment| !segment.is_empty()).collect();
    if own.iter().any(|segment| segment.ends_with(":path}")) {
        return None;
    }
    // What one of them lacks stands before the path.
    let both = own.iter().rev().zip(address.segments.iter().rev());
    let mut met: Vec<(&str, &SmolStr)> = both
        .filter_map(|(own, given)| match given {
            Segment::Text(text) => Some((own.strip_prefix('{')?.strip_suffix('}')?, text)),
            _ => None,
        })
        .collect();
    met.reverse();
    met.into_iter().find_map(|(parameter, segment)| {
        let takes = kind(state, reached, parameter).filter(|kind| !kind.may_be(segment))?;
        Some(Unconvertible { segment: segment.clone(), parameter: parameter.into(), takes: takes.shown() })
    })
}

/// What a parameter takes that does not take every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Number,
    Uuid,
}

impl Kind {
    fn shown(self) -> &'static str {
        match self {
            Self::Whole => "an `int`",
            Self::Number => "a `float`",
            Self::Uuid => "a `UUID`",
        }
    }

    /// Whether a text may stand for one; in doubt it may.
    fn may_be(self, text: &str) -> bool {
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        match self {
            Self::Whole => has_digit,
            Self::Number => {
                let name = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
                has_digit || matches!(name.as_str(), "nan" | "inf" | "infinity")
            }
            Self::Uuid => {
                let digits = text.bytes().filter(|byte| byte.is_ascii_hexdigit()).count();
                digits >= 32 || text.contains('%')
            }
        }
    }
}

/// What the handler says of a parameter in its path.
fn kind(state: &State, reached: &Reached<'_>, parameter: &str) -> Option<Kind> {
    let handler = reached.route.function()?;
    let param = handler.def.params.iter().find(|param| param.name.name == parameter)?;
    let annotation = param.annotation.as_ref()?;
    let ty = with_interpreter(state, |interpreter| match interpreter.eval_signature(handler, annotation) {
        Value::Annotated(annotated) => annotated.ty.clone(),
        other => other,
    });
    let Value::Package(path) = ty else { return None };
    match path.as_str() {
        "builtins.int" => Some(Kind::Whole),
        "builtins.float" => Some(Kind::Number),
        "uuid.UUID" => Some(Kind::Uuid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn in_doubt_a_text_may_be_converted() {
        assert!(!Kind::Whole.may_be("mine") && Kind::Whole.may_be("7") && Kind::Whole.may_be("1_000"));
        assert!(Kind::Number.may_be("-inf") && !Kind::Number.may_be("all"));
        assert!(!Kind::Uuid.may_be("123") && Kind::Uuid.may_be("6f1ed002-ab59-4e3b-9f1b-6c0f8a1f2f7b"));
    }
}
