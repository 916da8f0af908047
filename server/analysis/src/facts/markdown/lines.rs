//! What a line or its parts look like.

use super::super::contract::{is_version, shape};
use super::blocks::Piece;

/// A line of the form `Key: value`.
pub(super) struct Field<'t> {
    pub(super) key: String,
    pub(super) value: Piece<'t>,
}

/// `**Key**: value`, `Key: value`.
pub(super) fn field(line: Piece<'_>) -> Option<Field<'_>> {
    let text = line.text;
    let (key, value) = text.split_once(':')?;
    if key.len() > 40 || key.contains(['/', '(', '`', '|']) || value.starts_with("//") {
        return None;
    }
    let key = plain_key(key);
    let value = value.trim_start_matches(['*', '_', ' ']).trim();
    let value = value.strip_suffix("**").unwrap_or(value);
    let wordy = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '?' | '&'));
    (wordy && key.split(' ').count() <= 4).then(|| Field { key, value: line.part(value) })
}

pub(super) fn plain_key(key: &str) -> String {
    let key = key.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    key.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The signs among the marks before an endpoint.
pub(super) fn signs(before: &str) -> &str {
    let end = before.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(before.len());
    &before[..end]
}

/// Whether what follows an endpoint leaves the line a line about it, and not a
/// sentence that mentions it.
pub(super) fn stands_alone(rest: &str, is_item: bool) -> bool {
    let rest = rest.trim_start_matches(['*', '`', '_', ')']);
    let next = rest.trim_start();
    next.is_empty()
        || next.starts_with(['-', '–', '—', ':', '(', '[', '|', '→', '#'])
        || next.starts_with("HTTP/")
        || !next.is_ascii() && next.starts_with(|c: char| !c.is_ascii())
        || (is_item && next.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Whether a path without a method belongs to the API and not to a page.
pub(super) fn is_api_path(path: &str) -> bool {
    let shape = shape(path);
    shape.first().is_some_and(|first| {
        matches!(first.as_str(), "api" | "health" | "healthz" | "docs" | "redoc" | "openapi.json" | "auth")
            || is_version(first)
    })
}

/// Titles of parts that do not say what the API must be.
pub(super) fn is_beside_the_point(title: &str) -> bool {
    const TITLES: &[&str] = &[
        "example",
        "testing",
        "test ",
        "tests",
        "out of scope",
        "non-goal",
        "not in scope",
        "future",
        "rate limit",
        "changelog",
        "change log",
        "removed",
        "deprecated",
        "migration",
        "frontend",
        "error response",
        "error code",
        "status code",
        "curl",
    ];
    TITLES.iter().any(|word| title.contains(word))
}

/// Length of the first sentence of a line with its full stop.
pub(super) fn sentence_end(line: &str) -> usize {
    let mut ends = line.match_indices(['.', '!', ';']).map(|(at, _)| at + 1);
    ends.find(|end| line[*end..].starts_with(' ') && !line[..*end].ends_with("e.g.") && !line[..*end].ends_with("i.e."))
        .unwrap_or(line.len())
}
