//! `cors-any-origin-with-credentials`: every website may use its visitors' cookies.

use super::shared::cookies;
use super::shared::domains::shared_domain;
use super::{RuleInfo, State, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Middleware;
use crate::index::value::Value;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "cors-any-origin-with-credentials",
    summary: "CORS that lets every website send its visitors' cookies",
    cwe: "CWE-942",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/cors-any-origin-with-credentials.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for application in state.table.applications.iter().filter(|application| !application.test) {
        for middleware in application.middleware.iter().filter(|middleware| !middleware.inherited) {
            if !wanted(middleware.site.file) || state.sources.is_ghost(middleware.site) {
                continue;
            }
            let Some(how) = allows_all(middleware) else { continue };
            let (severity, advice) = match cookies::may_let_in(state, application) {
                true => (Severity::Warning, "name the origins of the frontend"),
                false => {
                    (Severity::Info, "no route takes a cookie yet; leave `allow_credentials` out, or name the origins")
                }
            };
            let message = format!(
                "{how} with `allow_credentials=True` lets every website read what your API answers to its visitors' cookies: {advice}."
            );
            let made = vec![related(state, application.site, format!("`{}` is made here", application.name))];
            found.push(report(state, &INFO, severity, middleware.site, message, made));
        }
    }
}

/// How a CORS middleware allows every origin with credentials, if it does.
/// Starlette (since 0.8) answers such a request with the caller's own origin.
fn allows_all(middleware: &Middleware) -> Option<String> {
    let Value::Package(path) = &middleware.what else { return None };
    if !matches!(path.as_str(), "fastapi.middleware.cors.CORSMiddleware" | "starlette.middleware.cors.CORSMiddleware") {
        return None;
    }
    let argument = |name: &str| middleware.arguments.get(name, None).map(Value::by_default);
    if !matches!(argument("allow_credentials"), Some(Value::Bool(true))) {
        return None;
    }
    let is = |value: &Value, text: &str| matches!(value, Value::Str(known) if known == text);
    match (argument("allow_origins"), argument("allow_origin_regex")) {
        (Some(Value::List(origins)), _) if origins.iter().any(|origin| is(origin, "*")) => {
            Some("`allow_origins=[\"*\"]`".to_owned())
        }
        // The origin of a frame that is shut in (`sandbox`), which any page can open (Fetch, section 3.2.5).
        (Some(Value::List(origins)), _) if origins.iter().any(|origin| is(origin, "null")) => {
            Some("`\"null\"` among the origins, which every page's sandboxed frames have,".to_owned())
        }
        (_, Some(Value::Str(regex))) => {
            let ways = alternatives(regex);
            if ways.iter().any(|way| matches_all(way)) {
                return Some("An `allow_origin_regex` that matches everything".to_owned());
            }
            let host = ways.iter().find_map(|way| any_site_of(way))?;
            Some(format!("An `allow_origin_regex` that matches every site on `{host}`, where anybody can put one,"))
        }
        _ => None,
    }
}

/// Alternatives of one pattern that are looked at.
const MAX_ALTERNATIVES: usize = 64;

/// What patterns end with for any port.
const PORTS: &[&str] = &["(:\\d+)?", "(:[0-9]+)?", "(?::\\d+)?", "(:\\d*)?", ":\\d+"];

/// The patterns that one is made of: `a|b`, `a(b|c)`. Groups that are repeated stay as they are.
fn alternatives(pattern: &str) -> Vec<String> {
    let (mut open, mut done) = (vec![pattern.to_owned()], Vec::new());
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() > MAX_ALTERNATIVES {
            return vec![pattern];
        }
        match one_step(&pattern) {
            Some(ways) => open.extend(ways.into_iter().rev()),
            None => done.push(pattern),
        }
    }
    done
}

/// The patterns into which the outermost alternatives divide one, or its first group.
fn one_step(pattern: &str) -> Option<Vec<String>> {
    let ways = divided(pattern);
    if ways.len() > 1 {
        return Some(ways.into_iter().map(str::to_owned).collect());
    }
    let (mut depth, mut start) = (0, 0);
    for (at, byte) in syntax(pattern) {
        match byte {
            b'(' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            // Python refuses such a pattern.
            b')' if depth == 0 => return None,
            b')' => {
                depth -= 1;
                let (before, rest) = (&pattern[..start], &pattern[at + 1..]);
                let inner = &pattern[start + 1..at];
                let inner = inner.strip_prefix("?:").unwrap_or(inner);
                let plain = !inner.starts_with('?') && !rest.starts_with(['*', '+', '?', '{']);
                if depth == 0 && plain {
                    return Some(divided(inner).into_iter().map(|way| format!("{before}{way}{rest}")).collect());
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a pattern between the bars that stand in no group.
fn divided(pattern: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, byte) in syntax(pattern) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                parts.push(&pattern[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[from..]);
    parts
}

/// The bytes of a pattern that are no characters to match, with their places: none
/// behind a backslash, and none between brackets.
fn syntax(pattern: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut escaped, mut class) = (false, false);
    pattern.bytes().enumerate().filter(move |(_, byte)| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match byte {
            b'\\' => escaped = true,
            b'[' => class = true,
            b']' => class = false,
            b'(' | b')' | b'|' => return !class,
            _ => {}
        }
        false
    })
}

/// Whether a pattern matches whatever origin there is.
fn matches_all(pattern: &str) -> bool {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    matches!(pattern, ".*" | ".+" | "https?://.*" | "https?://.+" | "https://.*" | "https://.+")
}

/// The domain of which a pattern matches every site: `https://.*\.vercel\.app`.
fn any_site_of(pattern: &str) -> Option<&'static str> {
    let (_, host) = pattern.trim_start_matches('^').trim_end_matches('$').split_once("://")?;
    let host = PORTS.iter().find_map(|port| host.strip_suffix(port)).unwrap_or(host);
    let any = [".*", ".+", "[^.]+", "[^/]+", "[a-z0-9-]+", "[a-zA-Z0-9-]+", "[\\w-]+"];
    let rest = any.iter().find_map(|any| host.strip_prefix(any))?;
    let domain = rest.trim_start_matches(['\\', '.']).replace("\\.", ".");
    shared_domain(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_divided_into_alternatives() {
        assert_eq!(alternatives("a|b(c|d)?|e"), ["a", "b(c|d)?", "e"]);
        assert_eq!(alternatives(r"x(?:a|b\|)(c)y"), ["xacy", r"xb\|cy"]);
        assert_eq!(alternatives("(a|(b|[|)]))"), ["a", "b", "[|)]"]);
        for broken in [")", "a)", "(a", "a|)", "(", "[", "\\"] {
            alternatives(broken);
        }
        let many = "(a|b)".repeat(12);
        assert_eq!(alternatives(&many).len(), 1);
    }
}
