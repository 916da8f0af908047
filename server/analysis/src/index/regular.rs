//! Regular expressions of Python's `re` (3.14), as far as middlewares compare paths with them. What the crate `regex` does
//! not have (look-around, back references), or reads in another way, has no answer.

use std::cell::RefCell;

use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// What stands for the value of a parameter of a path: any text without a slash.
pub const PARAMETER: char = '\u{2026}';

/// Longest text and longest expression that are looked at.
const MAX_TEXT: usize = 512;
const MAX_PATTERN: usize = 512;

/// Bytes that one expression may take when it is read.
const MAX_SIZE: usize = 1 << 18;

/// Expressions that are kept.
const MAX_KEPT: usize = 128;

/// Where an expression has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the beginning: `re.match`.
    Start,
    /// From the beginning to the end: `re.fullmatch`.
    Whole,
    /// Anywhere: `re.search`.
    Anywhere,
}

/// Expressions that were read: each route is compared with the same few.
#[derive(Debug, Default)]
pub struct Expressions {
    read: RefCell<FxHashMap<(SmolStr, Place), Option<Regex>>>,
}

impl Expressions {
    /// Whether an expression matches a text; none where that is not known, or hangs on what stands for a parameter.
    pub fn match_with(&self, pattern: &str, text: &str, place: Place) -> Option<bool> {
        const VALUES: &[&str] = &["x", "7", "a-b_C.9"];
        if text.len() > MAX_TEXT {
            return None;
        }
        let expression = self.expression(pattern, place)?;
        let answer = |value: &str| match text.contains(PARAMETER) {
            true => expression.is_match(&text.replace(PARAMETER, value)),
            false => expression.is_match(text),
        };
        let mut answers = VALUES.iter().map(|value| answer(value));
        let first = answers.next()?;
        answers.all(|other| other == first).then_some(first)
    }

    fn expression(&self, pattern: &str, place: Place) -> Option<Regex> {
        let key = (SmolStr::new(pattern), place);
        if let Some(known) = self.read.borrow().get(&key) {
            return known.clone();
        }
        let expression = read(pattern, place);
        let mut read = self.read.borrow_mut();
        if read.len() >= MAX_KEPT {
            read.clear();
        }
        read.insert(key, expression.clone());
        expression
    }
}

/// An expression that has to match at a place.
fn read(pattern: &str, place: Place) -> Option<Regex> {
    /// What `regex` reads otherwise than `re`: operations on sets, classes of POSIX, kinds of borders.
    const OTHERWISE: &[&str] = &["&&", "--", "~~", "[[", "[^[", "\\b{", "\\<", "\\>", "\\z"];
    if pattern.len() > MAX_PATTERN || OTHERWISE.iter().any(|form| pattern.contains(form)) {
        return None;
    }
    let whole = match place {
        Place::Start => format!(r"\A(?:{pattern})"),
        Place::Whole => format!(r"\A(?:{pattern})\z"),
        Place::Anywhere => pattern.to_owned(),
    };
    RegexBuilder::new(&whole).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build().ok()
}

#[cfg(test)]
mod tests {
    use super::{Expressions, Place};

    #[test]
    fn expressions_match_paths() {
        for (pattern, text, place, answer) in [
            (r"/api/v1/oauth/[^/]+/callback", "/api/v1/oauth/…/callback", Place::Whole, Some(true)),
            (r"/api/v1/oauth/[^/]+/callback", "/api/v1/oauth/…/callback/more", Place::Whole, Some(false)),
            (r"^/public/", "/public/a", Place::Start, Some(true)),
            (r"^/public/", "/private/public/a", Place::Anywhere, Some(false)),
            (r"health$", "/api/health", Place::Anywhere, Some(true)),
            (r"^/(docs|redoc)(/.*)?$", "/docs/x", Place::Start, Some(true)),
            (r"^/(docs|redoc)(/.*)?$", "/documents", Place::Start, Some(false)),
            (r"^/items/\d+$", "/items/…", Place::Start, None),
            (r"^/items/\d{2,3}$", "/items/1234", Place::Start, Some(false)),
            (r"^/items/(?P<id>[\w.-]+)/?$", "/items/…", Place::Start, Some(true)),
            (r"^(?!/admin).*", "/a", Place::Start, None),
            (r"^/items/[a-z&&[^b]]$", "/items/b", Place::Start, None),
            (r"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaa", Place::Start, Some(false)),
        ] {
            assert_eq!(Expressions::default().match_with(pattern, text, place), answer, "{pattern} {text}");
        }
    }
}
