//! Words that say who may call: the values of fields and cells, remarks in
//! brackets, and sentences about many endpoints. What could mean two things
//! means nothing.

use smol_str::SmolStr;

use super::super::contract::Access;
use super::endpoints;

/// Lower-case words without marks, signs kept as words of their own.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in text.split(|c: char| c.is_whitespace() || matches!(c, '|' | '[' | ']')) {
        let sign = token.chars().find(|c| matches!(c, '✅' | '✓' | '✔' | '❌' | '✗' | '✘' | '🔒' | '🔐' | '🔓' | '🌐'));
        words.extend(sign.map(String::from));
        let marks = |c: char| !c.is_alphanumeric() && !matches!(c, '/' | '{' | '}' | '*' | '<' | '>');
        let word = token.trim_matches(marks);
        let word =
            if word.starts_with('/') { word } else { word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/') };
        let word = word.to_lowercase();
        if !word.is_empty() && word.chars().any(|c| c.is_alphanumeric() || c == '/') {
            words.push(word);
        }
    }
    words
}

/// Whether a field or column with this name says who may call, in lower case.
pub(super) fn is_label(name: &str) -> bool {
    matches!(
        name,
        "auth"
            | "authentication"
            | "auth required"
            | "auth needed"
            | "auth level"
            | "authentication required"
            | "requires auth"
            | "requires authentication"
            | "protected"
            | "access"
            | "security"
            | "jwt"
            | "jwt required"
            | "requires jwt"
            | "token required"
            | "login required"
    )
}

/// The value of a field or cell about authentication: `Required (JWT)`, `No`.
pub(super) fn of_value(value: &str) -> Option<Access> {
    let first = value.split(['.', ';']).next().unwrap_or(value);
    let words = words(first);
    let has = |word: &str| words.iter().any(|w| w == word);
    // Some callers here, others there.
    if ["for", "except", "unless", "if", "when", "depending", "depends", "varies", "some", "only", "tbd", "or"]
        .iter()
        .any(|word| has(word) && !(*word == "only" && (has("admin") || has("owner") || has("authenticated"))))
    {
        return None;
    }
    if has("optional") || has("optionally") {
        return Some(Access::Optional);
    }
    let head = words.first()?.as_str();
    let second = words.get(1).map(String::as_str);
    match (head, second) {
        (
            "no" | "none" | "public" | "false" | "unauthenticated" | "anonymous" | "open" | "❌" | "✗" | "✘" | "🔓"
            | "🌐",
            _,
        )
        | ("not", Some("required" | "needed" | "necessary")) => Some(Access::Public),
        (
            "required" | "yes" | "true" | "mandatory" | "protected" | "private" | "authenticated" | "✅" | "✓" | "✔"
            | "🔒" | "🔐",
            _,
        )
        | ("jwt" | "bearer" | "token" | "session" | "admin" | "user" | "owner", _)
        | ("requires", Some("jwt" | "bearer" | "token" | "auth" | "authentication" | "login"))
        | ("valid", Some("jwt" | "token" | "session" | "bearer"))
        | ("api", Some("key")) => Some(Access::Required),
        _ => None,
    }
}

/// Whether a value only names a mechanism, which says nothing of who must use it.
pub(super) fn is_mechanism(value: &str) -> bool {
    let words = words(value);
    !words.iter().any(|word| {
        matches!(word.as_str(), "required" | "yes" | "mandatory" | "public" | "none" | "no" | "not" | "all" | "every")
    })
}

/// A remark that is nothing but a statement: `auth required`, `public`, `🔒`.
pub(super) fn of_phrase(phrase: &str) -> Option<Access> {
    let words = words(phrase);
    let plain: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| {
            !matches!(
                *word,
                "endpoint"
                    | "endpoints"
                    | "route"
                    | "routes"
                    | "this"
                    | "is"
                    | "a"
                    | "the"
                    | "are"
                    | "by"
                    | "valid"
                    | "user"
                    | "users"
            )
        })
        .collect();
    Some(match plain.as_slice() {
        ["public"]
        | ["no", "auth" | "authentication" | "login" | "jwt" | "token"]
        | ["no", "auth" | "authentication" | "login" | "jwt" | "token", "required" | "needed"]
        | ["auth" | "authentication" | "jwt" | "token" | "login", "not", "required" | "needed"]
        | ["does" | "do", "not", "require", "auth" | "authentication"]
        | ["public", "no", "auth" | "authentication" | "token", "required"]
        | ["public", "no", "auth" | "authentication"]
        | ["publicly", "accessible"]
        | ["unauthenticated"]
        | ["unprotected"]
        | ["🔓"]
        | ["🌐"] => Access::Public,
        ["auth" | "authentication" | "jwt" | "login" | "token", "required"]
        | ["requires" | "require", "auth" | "authentication" | "jwt" | "login"]
        | ["requires" | "require", "jwt", "auth" | "authentication" | "token"]
        | ["all", "require", "jwt" | "auth" | "authentication"]
        | ["protected"]
        | ["protected", "jwt" | "auth" | "authentication"]
        | ["protected", "jwt", "auth" | "authentication"]
        | ["protected", "requires", "jwt" | "auth" | "authentication"]
        | ["authenticated"]
        | ["authenticated", "only"]
        | ["secured"]
        | ["secured", "jwt"]
        | ["admin", "only"]
        | ["🔒"]
        | ["🔐"] => Access::Required,
        ["optional", "auth" | "authentication"] | ["auth" | "authentication", "optional"] => Access::Optional,
        _ => return None,
    })
}

/// What the remarks around an endpoint or in a title say: those in brackets,
/// the one behind the last dash, signs. Different ones say nothing.
pub(super) fn of_remarks(text: &str) -> Option<Access> {
    let mut found: Vec<Access> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['(', '[']) {
        let inner = &rest[open + 1..];
        let close = inner.find([')', ']']).unwrap_or(inner.len());
        found.extend(inner[..close].split([',', ';', '-', '–', '—']).filter_map(of_phrase));
        found.extend(of_phrase(&inner[..close]));
        rest = &inner[close..];
    }
    let tail = text.rsplit([':', '–', '—']).next().unwrap_or(text);
    let tail = tail.rsplit(" - ").next().unwrap_or(tail);
    found.extend(of_phrase(tail));
    found.extend(text.contains(['🔒', '🔐']).then_some(Access::Required));
    found.extend(text.contains(['🔓', '🌐']).then_some(Access::Public));
    agreed(found)
}

/// What the title of a group of endpoints says: `Public endpoints`, `Tasks (protected)`. A sign before its first word is
/// an ornament as often as not: `🔐 Authentication`, beside `📦 Orders`.
pub(super) fn of_title(title: &str) -> Option<Access> {
    let title =
        title.trim_start_matches(|c: char| c.is_ascii_digit() || (!c.is_alphanumeric() && !matches!(c, '(' | '[')));
    let words = words(title.split('(').next().unwrap_or(title));
    let named = |adjective: &str| {
        words.windows(2).any(|pair| pair[0] == adjective && matches!(pair[1].as_str(), "endpoints" | "routes" | "apis"))
            || words.windows(3).any(|triple| {
                triple[0] == adjective && triple[1] == "api" && matches!(triple[2].as_str(), "endpoints" | "routes")
            })
    };
    let mut found: Vec<Access> = of_remarks(title).into_iter().collect();
    found.extend(["public", "unauthenticated", "unprotected"].iter().any(|word| named(word)).then_some(Access::Public));
    found.extend(["protected", "authenticated", "secured"].iter().any(|word| named(word)).then_some(Access::Required));
    agreed(found)
}

/// The one thing that several statements say.
pub(super) fn agreed(found: Vec<Access>) -> Option<Access> {
    let first = *found.first()?;
    found.iter().all(|access| *access == first).then_some(first)
}

/// Whether a line is the header that carries a token.
pub(super) fn is_bearer_header(line: &str) -> bool {
    let line = line.trim().trim_matches(['`', '*', '-', ' ', '"']);
    let Some(value) = line.to_ascii_lowercase().strip_prefix("authorization").map(str::to_owned) else { return false };
    let value = value.trim_start_matches(['`', '*', ' ', ':', '"']);
    value.starts_with("bearer") && !value.contains("optional") && !value.contains("if ")
}

/// A sentence that asks authentication of many endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sweeping {
    pub(super) below: Option<SmolStr>,
    pub(super) about: Vec<SmolStr>,
    /// It speaks of the others: of what its own section does not list.
    pub(super) others: bool,
    pub(super) except_paths: Vec<SmolStr>,
    pub(super) except_words: Vec<SmolStr>,
}

const REQUIRE: &[&str] = &[
    "require",
    "requires",
    "required",
    "must",
    "need",
    "needs",
    "mandatory",
    "protected",
    "secured",
    "enforce",
    "enforces",
    "enforced",
    "verify",
    "verifies",
    "verified",
    "verification",
    "validate",
    "validates",
    "validated",
    "validation",
    "guarded",
];

/// Words that make a sentence a plan, a condition, a ban or somebody else's business.
const HEDGES: &[&str] = &[
    "not",
    "no",
    "never",
    "without",
    "optional",
    "optionally",
    "don't",
    "doesn't",
    "cannot",
    "can't",
    "will",
    "would",
    "could",
    "may",
    "might",
    "can",
    "if",
    "when",
    "future",
    "later",
    "eventually",
    "planned",
    "public",
    "csrf",
    "frontend",
    "client",
    "browser",
    "axios",
    "unauthenticated",
    "anonymous",
    "previously",
    "currently",
];

/// Reads a sentence such as "All endpoints except `/health` require a JWT".
pub(super) fn sweeping(sentence: &str) -> Option<Sweeping> {
    let (main, exceptions) = cut_exceptions(sentence);
    let words = words(&main);
    if words.len() > 60 || words.iter().any(|word| HEDGES.contains(&word.as_str())) {
        return None;
    }
    let required = words.iter().any(|word| REQUIRE.contains(&word.as_str()));
    let about_auth = words.iter().any(|word| is_auth_word(word));
    if !required || !about_auth {
        return None;
    }
    let mut found = quantified(&words)?;
    for word in exceptions.iter().flat_map(|clause| self::words(clause)) {
        if let Some((path, _)) = endpoints::path(&word) {
            found.except_paths.push(path);
        } else if let Some(stem) = exception_word(&word) {
            found.except_words.extend(stem.iter().map(SmolStr::new));
        }
    }
    Some(found)
}

fn is_auth_word(word: &str) -> bool {
    matches!(
        word,
        "jwt" | "jwts" | "authentication" | "authenticated" | "auth" | "bearer" | "token" | "tokens" | "login"
    ) || word.starts_with("jwt-")
        || word.starts_with("bearer-")
}

/// The subject of the sentence: "all task endpoints", "every request to `/api`".
fn quantified(words: &[String]) -> Option<Sweeping> {
    let noun = |word: &str| {
        matches!(
            word,
            "endpoint" | "endpoints" | "route" | "routes" | "request" | "requests" | "calls" | "operations" | "apis"
        )
    };
    for (at, word) in words.iter().enumerate() {
        if !matches!(word.as_str(), "all" | "every" | "each") {
            continue;
        }
        let Some(length) = words[at + 1..].iter().take(5).position(|word| noun(word)) else { continue };
        let subject = at + 1 + length;
        // "Checks the token on every request" says how often, not where.
        if matches!(words[subject].as_str(), "request" | "requests" | "calls" | "operations") && at > 1 {
            continue;
        }
        let mut found = Sweeping::default();
        for qualifier in &words[at + 1..subject] {
            qualify(&mut found, qualifier)?;
        }
        match words.get(subject + 1).map(String::as_str) {
            // "all endpoints that change data": the rest says which, and can't be read.
            Some("that" | "which" | "where" | "with" | "using" | "for" | "accessing" | "involving") => return None,
            Some("to" | "under" | "in" | "on" | "below" | "of" | "listed" | "defined") => {
                for (at, word) in words.iter().enumerate().skip(subject + 2) {
                    let of_noun = words.get(at + 1).is_some_and(|next| noun(next));
                    if REQUIRE.contains(&word.as_str()) && !of_noun {
                        break;
                    }
                    if !noun(word) {
                        qualify(&mut found, word)?;
                    }
                }
            }
            Some(path) if path.starts_with('/') => qualify(&mut found, path)?,
            _ => {}
        }
        return Some(found);
    }
    None
}

/// Takes over a word that narrows the subject; `None` when it says nothing new
/// ("all protected endpoints") or can't be read.
fn qualify(found: &mut Sweeping, word: &str) -> Option<()> {
    if word.starts_with('/') {
        // Pages of the frontend have such sentences too.
        let (path, _) = endpoints::path(word).filter(|(path, _)| super::is_api_path(path))?;
        found.below = Some(path);
        return Some(());
    }
    match word {
        "api" | "rest" | "http" | "backend" | "the" | "of" | "our" | "these" | "application" | "server" | "fastapi"
        | "a" | "an" | "any" | "below" | "this" | "document" | "section" | "group" | "spec" | "specification"
        | "service" | "following" | "listed" | "here" | "are" | "and" | "is" | "prefixed" | "defined" | "crud" => {
            Some(())
        }
        "other" | "remaining" => {
            found.others = true;
            Some(())
        }
        "protected" | "authenticated" | "secured" | "private" | "secure" | "authorized" | "auth" | "authentication"
        | "such" | "sensitive" | "user-specific" | "relevant" | "admin" => None,
        word => {
            let word = word.trim_end_matches("-related").trim_end_matches("-management");
            if !word.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '_') {
                return None;
            }
            if word != "management" {
                found.about.push(SmolStr::new(word));
            }
            Some(())
        }
    }
}

/// Cuts the exceptions out of a sentence.
fn cut_exceptions(sentence: &str) -> (String, Vec<String>) {
    const MARKERS: &[&str] = &["except", "excluding", "other than", "apart from", "aside from", "unless", "besides"];
    let mut main = String::new();
    let mut clauses = Vec::new();
    let mut rest = sentence;
    loop {
        let lower = rest.to_ascii_lowercase();
        let marker = MARKERS.iter().filter_map(|marker| lower.find(marker).map(|at| (at, *marker))).min();
        let Some((at, marker)) = marker else {
            main.push_str(rest);
            return (main, clauses);
        };
        let before = &rest[..at];
        let after = &rest[at + marker.len()..];
        let bracketed = before.matches('(').count() > before.matches(')').count();
        let end = if bracketed {
            after.find(')').unwrap_or(after.len())
        } else {
            let lower = after.to_ascii_lowercase();
            [" require", " must", " need ", " needs", " are ", " and require"]
                .iter()
                .filter_map(|verb| lower.find(verb))
                .min()
                .unwrap_or(after.len())
        };
        main.push_str(before);
        // "unless stated otherwise" names no endpoint: what is stated of one wins anyway.
        if marker != "unless" {
            clauses.push(after[..end].to_owned());
        }
        rest = &after[end..];
    }
}

/// The path segments that a word of an exception may stand for.
fn exception_word(word: &str) -> Option<Vec<String>> {
    const EMPTY: &[&str] = &[
        "for",
        "the",
        "and",
        "or",
        "endpoint",
        "endpoints",
        "route",
        "routes",
        "api",
        "apis",
        "a",
        "an",
        "those",
        "ones",
        "which",
        "that",
        "explicitly",
        "marked",
        "as",
        "to",
        "of",
        "paths",
        "path",
        "page",
        "pages",
        "related",
    ];
    if EMPTY.contains(&word) {
        return None;
    }
    let word = word.split('-').next().unwrap_or(word);
    let more: &[&str] = match word {
        "auth" | "authentication" | "login" | "signin" | "registration" | "register" | "signup" | "sign" => &[
            "auth",
            "authentication",
            "login",
            "signin",
            "sign-in",
            "register",
            "registration",
            "signup",
            "sign-up",
            "token",
            "refresh",
            "oauth",
            "users",
            "password",
        ],
        "health" | "healthcheck" | "status" => &["health", "healthz", "ready", "live", "ping", "status"],
        "documentation" | "docs" | "swagger" => &["docs", "redoc", "openapi.json"],
        _ => &[],
    };
    Some(std::iter::once(word.to_owned()).chain(more.iter().map(|word| (*word).to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_say_what_they_say_or_nothing() {
        use Access::{Optional, Public, Required};
        let cases = [
            ("Required (JWT)", Some(Required)),
            ("Yes", Some(Required)),
            ("✅", Some(Required)),
            ("Bearer token", Some(Required)),
            ("Required. The id must match.", Some(Required)),
            ("🔒 JWT", Some(Required)),
            ("Admin only", Some(Required)),
            ("None", Some(Public)),
            ("None (uses refresh token in body)", Some(Public)),
            ("Not required", Some(Public)),
            ("Public (no token required)", Some(Public)),
            ("❌ No", Some(Public)),
            ("optional", Some(Optional)),
            ("JWT (optional)", Some(Optional)),
            ("Required for writing", None),
            ("Required except for admins", None),
            ("see above", None),
            ("-", None),
            ("TBD", None),
            ("", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(of_value(text), wanted, "{text}");
        }
    }

    #[test]
    fn remarks_and_titles() {
        assert_eq!(of_remarks(" - list (no auth required)"), Some(Access::Public));
        assert_eq!(of_remarks(" 🔒"), Some(Access::Required));
        assert_eq!(of_remarks(" (public) (protected)"), None);
        assert_eq!(of_remarks(" - lists public tasks"), None);
        assert_eq!(of_title("3. Task endpoints (Protected by JWT)"), Some(Access::Required));
        assert_eq!(of_title("Tasks (all require JWT)"), Some(Access::Required));
        assert_eq!(of_title("Public Endpoints (No Authentication Required)"), Some(Access::Public));
        assert_eq!(of_title("Protected API routes"), Some(Access::Required));
        assert_eq!(of_title("Authentication Endpoints"), None);
        assert_eq!(of_title("🔐 Authentication"), None);
        assert_eq!(of_title("3. 🔒 Tasks (auth required)"), Some(Access::Required));
        assert_eq!(of_title("Tasks 🔒"), Some(Access::Required));
        assert_eq!(of_title("Tasks"), None);
    }

    #[test]
    fn sentences_about_all_endpoints() {
        let all = Some(Sweeping::default());
        for text in [
            "All endpoints require a JWT in the header",
            "**All endpoints require JWT token** in Authorization header",
            "JWT verification on EVERY endpoint",
            "JWT required for all endpoints",
            "The API MUST require Authorization: Bearer <token> on all endpoints",
            "All API endpoints verify token authenticity before processing",
            "All endpoints require authentication unless marked as public",
        ] {
            assert_eq!(sweeping(text), all, "{text}");
        }
        for text in [
            "All endpoints require HTTPS in production",
            "All protected endpoints require a valid JWT token",
            "Every request to a protected endpoint MUST include a bearer token",
            "All endpoints that access user data must filter by the authenticated user",
            "All endpoints will require authentication",
            "All authenticated users can make unlimited requests",
            "No endpoint requires authentication",
            "All endpoints must not leak tokens",
            "The frontend must send the token with all requests",
            "Authentication endpoints: 10 requests per minute",
            "The backend validates the token on every request",
        ] {
            assert_eq!(sweeping(text), None, "{text}");
        }
        let scoped = sweeping("All `/api/*` routes require a valid JWT").unwrap();
        assert_eq!(scoped.below.as_deref(), Some("/api/*"));
        let below = sweeping("Every request to `/api/{user_id}/...` must be validated against the JWT token").unwrap();
        assert!(below.below.is_some_and(|path| path.starts_with("/api/{user_id}/")));
        assert_eq!(sweeping("All task endpoints require JWT").unwrap().about, ["task"]);
        assert_eq!(sweeping("ALL task-related endpoints require authentication").unwrap().about, ["task"]);
        let except =
            sweeping("All endpoints (except `/health` and auth endpoints) require JWT authentication:").unwrap();
        assert_eq!(except.except_paths, ["/health"]);
        assert!(except.except_words.contains(&"login".into()));
        let except = sweeping("All endpoints except `/api/system/*` require authentication").unwrap();
        assert_eq!(except.except_paths, ["/api/system/*"]);
        assert!(sweeping("All endpoints are prefixed with `/api` and require a `Bearer <token>` except for registration and login").is_some());
    }
}
