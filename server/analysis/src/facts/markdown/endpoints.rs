//! How specifications write endpoints: `METHOD /path` in its spellings, and
//! tables.

use smol_str::SmolStr;

use super::access;

/// The methods that are read, as they are written.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// An endpoint in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written<'t> {
    pub(super) methods: Vec<SmolStr>,
    pub(super) path: SmolStr,
    /// What follows it.
    pub(super) rest: &'t str,
}

/// Marks and numbers that may stand before an endpoint.
fn is_decoration(c: char) -> bool {
    matches!(c, '*' | '`' | '_' | '"' | '[' | '.' | ')' | '(' | ' ' | '\t') || c.is_ascii_digit() || !c.is_ascii()
}

/// The endpoint that a line begins with: `GET /a`, `**GET** /a`, `1. GET|HEAD /a`.
pub(super) fn at_start(line: &str) -> Option<Written<'_>> {
    let line = line.trim_start_matches(is_decoration);
    let (methods, rest) = methods(line)?;
    let rest = rest.trim_start_matches(['*', '`', '_', ' ', '\t', ':', ']']);
    let (path, rest) = path(rest)?;
    Some(Written { methods, path, rest })
}

/// The one endpoint that stands anywhere in a line: `Create a task: POST /tasks`.
pub(super) fn within(line: &str) -> Option<Written<'_>> {
    if let Some(found) = at_start(line) {
        return Some(found);
    }
    let mut found = None;
    for (at, _) in line.char_indices().filter(|(at, _)| {
        // Words begin where no letter stands before them.
        line[..*at].chars().next_back().is_none_or(|before| !before.is_alphanumeric())
    }) {
        let rest = &line[at..];
        if !METHODS.iter().any(|method| rest.starts_with(method)) {
            continue;
        }
        match (at_start(rest), &found) {
            (Some(written), None) => found = Some(written),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
    }
    found
}

/// Methods at the start of a text: one, or several between separators.
pub(super) fn methods(text: &str) -> Option<(Vec<SmolStr>, &str)> {
    let mut methods = Vec::new();
    let mut rest = text;
    loop {
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
        let method = METHODS.iter().find(|method| **method == &rest[..word]);
        let Some(method) = method.filter(|_| !rest[word..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        else {
            break;
        };
        methods.push(SmolStr::new_static(method));
        rest = &rest[word..];
        let behind = rest.trim_start_matches(['*', '`', ' ']);
        let next = behind.strip_prefix(['/', ',', '|']).map(str::trim_start).filter(|next| {
            let next = next.trim_start_matches(['*', '`']);
            METHODS.iter().any(|method| next.starts_with(method))
        });
        match next {
            Some(next) => rest = next.trim_start_matches(['*', '`']),
            None => break,
        }
    }
    (!methods.is_empty()).then_some((methods, rest))
}

/// A path at the start of a text, without host, query and marks around it.
pub(super) fn path(text: &str) -> Option<(SmolStr, &str)> {
    let text = text.trim_start_matches(['`', '"', '\'']);
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '`' | '|' | '"' | '\'' | ',' | ';' | '<' | '>'));
    let mut end = end.unwrap_or(text.len());
    // Angle brackets write parameters: `/users/<id>`.
    while text[end..].starts_with('<') {
        let close = text[end..].find('>')?;
        let after = end + close + 1;
        let more = text[after..].find(|c: char| c.is_whitespace() || matches!(c, '`' | '|' | '"' | ',' | ';' | '<'));
        end = more.map_or(text.len(), |more| after + more);
    }
    let written = &text[..end];
    let address = without_host(written)?;
    let path = address.split(['?', '#']).next().unwrap_or(address);
    let has_query = path.len() < address.len();
    let path = path.trim_end_matches("**").trim_end_matches(['.', ':', '"', '_']);
    // A closing bracket belongs to the path only if it opened there.
    let path = if path.contains('(') { path } else { path.trim_end_matches(')') };
    let fits = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic())
        && path.len() <= 200;
    let start = written.len() - address.len();
    let rest = if has_query { &text[end..] } else { &text[start + path.len()..] };
    fits.then(|| (SmolStr::new(path), rest.trim_start_matches(['`', '*'])))
}

/// The path of an address, or the text itself when it has no host.
fn without_host(text: &str) -> Option<&str> {
    match text.split_once("://") {
        Some(("http" | "https", rest)) => Some(rest.find('/').map_or("", |at| &rest[at..])),
        Some(_) => None,
        None => Some(text),
    }
}

/// The path part of a base URL, without a trailing slash; empty when it has none.
pub(super) fn base(text: &str) -> Option<SmolStr> {
    let text = text.trim().trim_matches(['`', '*', '"', '.', ',', '(', ')', '<', '>']);
    let path = without_host(text)?;
    let known = text.contains("://") || path.starts_with('/');
    let path = path.trim_end_matches(['/', '*', '.']);
    (known && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic())).then(|| SmolStr::new(path))
}

/// Columns of a table of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Columns {
    pub(super) method: Option<usize>,
    pub(super) path: Option<usize>,
    pub(super) access: Option<usize>,
    /// Whether "yes" in the access column means public.
    pub(super) inverted: bool,
}

/// Which column is which, by the cells of the header.
pub(super) fn columns(header: &[&str]) -> Columns {
    let mut columns = Columns::default();
    for (at, cell) in header.iter().enumerate() {
        let name = cell.to_ascii_lowercase().replace(['*', '`', '?', '_', '-'], " ");
        let words: Vec<&str> = name.split_whitespace().collect();
        let joined = words.join(" ");
        match joined.as_str() {
            "method" | "methods" | "http method" | "verb" | "http verb" | "http" => columns.method = Some(at),
            "endpoint" | "endpoints" | "path" | "route" | "routes" | "url" | "uri" | "api endpoint" | "url path"
            | "endpoint path" | "resource" => columns.path = columns.path.or(Some(at)),
            label if access::is_label(label) => columns.access = Some(at),
            "public" => {
                columns.access = Some(at);
                columns.inverted = true;
            }
            _ => {}
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_endpoints_in_their_spellings() {
        let cases = [
            ("GET /api/tasks", "GET /api/tasks"),
            ("**GET** `/api/{id}`", "GET /api/{id}"),
            ("1. `POST /a/:id` - create", "POST /a/:id"),
            ("`GET|HEAD /a`: read", "GET,HEAD /a"),
            ("GET, POST /a", "GET,POST /a"),
            ("**PUT /a/<id>/b**", "PUT /a/<id>/b"),
            ("DELETE https://example.com/v1/a?x=1 HTTP/1.1", "DELETE /v1/a"),
            ("🔒 PATCH /a (owner)", "PATCH /a"),
        ];
        for (text, wanted) in cases {
            let found = at_start(text).map(|w| format!("{} {}", w.methods.join(","), w.path));
            assert_eq!(found.as_deref(), Some(wanted), "{text}");
        }
        for text in ["GET the tasks", "Get /a", "GETTER /a", "a GET /a", "POST request to /a"] {
            assert_eq!(at_start(text), None, "{text}");
        }
        assert_eq!(within("List tasks - `GET /tasks`").map(|w| w.path), Some("/tasks".into()));
        assert_eq!(within("GET /a and then POST /b").map(|w| w.path), Some("/a".into()));
        assert_eq!(within("first GET /a, then POST /b"), None);
    }

    #[test]
    fn knows_tables_and_bases() {
        let wanted = Columns { method: Some(0), path: Some(1), access: Some(2), inverted: false };
        assert_eq!(columns(&["Method", "**Endpoint**", "Auth Required?", "Description"]), wanted);
        assert!(columns(&["`Path`", "Public"]).inverted);
        for (text, base_path) in [("`/api/v1`", "/api/v1"), ("http://localhost:8000/api/", "/api"), ("http://a", "")] {
            assert_eq!(base(text).as_deref(), Some(base_path), "{text}");
        }
        assert_eq!(base("see below"), None);
    }
}
