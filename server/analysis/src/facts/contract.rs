//! What a specification says about who may call which endpoint: the common
//! form of Markdown specifications and OpenAPI contracts.

use smol_str::SmolStr;

use crate::text::TextRange;

/// What a specification says about callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Only authenticated callers.
    Required,
    /// Authenticated or not.
    Optional,
    /// Everybody.
    Public,
}

/// A line that says something about callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Statement {
    /// What it says.
    pub access: Access,
    /// Where.
    pub range: TextRange,
    /// Whether it speaks of this endpoint, and not of a group or of all.
    pub own: bool,
}

/// An endpoint that a specification lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Upper-case methods; empty when any is meant.
    pub methods: Vec<SmolStr>,
    /// Its path as written, without host and query.
    pub path: SmolStr,
    /// The line that names it.
    pub range: TextRange,
    /// What is said of it; `None` when nothing is, or when it is ambiguous.
    pub stated: Option<Statement>,
    /// Whether rows of others are said not to be found there.
    pub hides: bool,
}

/// A sentence about many endpoints, listed or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blanket {
    /// Where.
    pub range: TextRange,
    /// The path that it is limited to, with everything below.
    pub below: Option<SmolStr>,
    /// Words of which one must be a segment of the path: `task` of "all task endpoints".
    pub about: Vec<SmolStr>,
    /// Paths that it excludes, with everything below those that end in `*`.
    pub except_paths: Vec<SmolStr>,
    /// Words of its exceptions: a path with such a segment is not spoken of.
    pub except_words: Vec<SmolStr>,
}

/// What one specification says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Contract {
    /// Prefixes of all its paths, where it names some.
    pub bases: Vec<SmolStr>,
    /// Endpoints in the order of the text.
    pub endpoints: Vec<Endpoint>,
    /// Sentences that require authentication of endpoints that are not listed.
    pub blankets: Vec<Blanket>,
}

impl Contract {
    /// Whether it says nothing that a verdict could rest on.
    pub fn is_silent(&self) -> bool {
        self.blankets.is_empty() && self.endpoints.iter().all(|endpoint| endpoint.stated.is_none() && !endpoint.hides)
    }
}

impl Blanket {
    /// Whether the sentence speaks of a path.
    pub fn covers(&self, shape: &[SmolStr]) -> bool {
        self.is_about(shape) && !self.is_excluded(shape) && !has_word(shape, &self.except_words)
    }

    /// Whether the sentence names a path as an exception from what it says.
    pub fn excludes(&self, shape: &[SmolStr]) -> bool {
        self.is_about(shape) && self.is_excluded(shape)
    }

    /// What an exception says of a path: that it is public when it is named;
    /// that it may be when a whole folder is (`except /auth/*`).
    pub fn exception(&self, shape: &[SmolStr]) -> Option<Access> {
        let names = |path: &&SmolStr| !is_open_ended(path) && excludes(path, shape);
        let named = || self.except_paths.iter().any(|path| names(&path));
        self.excludes(shape).then(|| if named() { Access::Public } else { Access::Optional })
    }

    fn is_about(&self, shape: &[SmolStr]) -> bool {
        let below = self.below.as_deref().is_none_or(|base| starts_with(shape, &self::shape(base)));
        below && (self.about.is_empty() || has_word(shape, &self.about))
    }

    fn is_excluded(&self, shape: &[SmolStr]) -> bool {
        self.except_paths.iter().any(|path| excludes(path, shape))
    }
}

/// Whether an excluded path, written with or without a base, is this one.
fn excludes(path: &str, shape: &[SmolStr]) -> bool {
    let wanted = self::shape(path);
    let open = is_open_ended(path);
    [shape, without_base(shape)].iter().any(|shape| {
        [wanted.as_slice(), without_base(&wanted)]
            .iter()
            .any(|wanted| if open { starts_with(shape, wanted) } else { shape == wanted })
    })
}

/// Whether a path stands for everything below it.
fn is_open_ended(path: &str) -> bool {
    path.trim_end_matches('/').ends_with('*')
}

/// The segments of a path. Parameters of every spelling are `{}`, and what
/// follows a wildcard is left out.
pub fn shape(path: &str) -> Vec<SmolStr> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if segment.starts_with('*') || segment.starts_with("...") || segment.starts_with("[[...") {
            break;
        }
        let parameter = segment.starts_with(['{', ':', '<', '[', '$']);
        segments.push(if parameter { SmolStr::new_static("{}") } else { SmolStr::new(segment) });
    }
    segments
}

/// A shape without leading `api` and version segments.
pub fn without_base(shape: &[SmolStr]) -> &[SmolStr] {
    let base = shape.iter().take_while(|segment| *segment == "api" || is_version(segment)).count();
    &shape[base..]
}

/// Whether a segment is a version: `v1`.
pub fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn starts_with(shape: &[SmolStr], base: &[SmolStr]) -> bool {
    shape.len() >= base.len() && shape.iter().zip(base).all(|(a, b)| a == b)
}

/// Whether a literal segment is one of the words, singular or plural.
fn has_word(shape: &[SmolStr], words: &[SmolStr]) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "").trim_end_matches('s').to_owned();
    shape.iter().any(|segment| words.iter().any(|word| plain(segment) == plain(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_ignore_the_names_of_parameters() {
        for path in ["/api/{user_id}/tasks/", "/api/:user_id/tasks", "/api/<user>/tasks", "/api/[id]/tasks/*"] {
            assert_eq!(shape(path), ["api", "{}", "tasks"], "{path}");
        }
        assert_eq!(without_base(&shape("/api/v1/tasks")), ["tasks"]);
        assert!(without_base(&shape("/v1")).is_empty());
    }

    #[test]
    fn blankets_keep_to_their_scope() {
        let blanket = |below: Option<&str>, about: &[&str], paths: &[&str], words: &[&str]| Blanket {
            range: TextRange::default(),
            below: below.map(SmolStr::new),
            about: about.iter().map(SmolStr::new).collect(),
            except_paths: paths.iter().map(SmolStr::new).collect(),
            except_words: words.iter().map(SmolStr::new).collect(),
        };
        let covers = |blanket: &Blanket, path: &str| blanket.covers(&shape(path));
        let all = blanket(None, &[], &["/api/system/*", "/health"], &["auth"]);
        assert!(covers(&all, "/api/tasks/{id}"));
        for path in ["/api/system/db", "/health", "/api/health", "/api/auth/login"] {
            assert!(!covers(&all, path), "{path}");
            assert_eq!(all.excludes(&shape(path)), !path.contains("auth"), "{path}");
        }
        let below = blanket(Some("/api/*"), &["task"], &[], &[]);
        assert!(covers(&below, "/api/{id}/tasks"));
        assert!(!covers(&below, "/tasks") && !covers(&below, "/api/notes"));
    }
}
