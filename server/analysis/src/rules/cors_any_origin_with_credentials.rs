//! `cors-any-origin-with-credentials`: every website may use its visitors' cookies.

use super::shared::cookies;
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
        (_, Some(regex)) if [".*", "^.*$", ".+", "https?://.*"].iter().any(|all| is(regex, all)) => {
            Some("An `allow_origin_regex` that matches everything".to_owned())
        }
        (_, Some(Value::Str(regex))) => {
            let host = any_site_of(regex)?;
            Some(format!("An `allow_origin_regex` that matches every site on `{host}`, where anybody can put one,"))
        }
        _ => None,
    }
}

/// Domains below which whoever likes puts a site.
const HOSTS: &[&str] = &[
    "vercel.app",
    "netlify.app",
    "onrender.com",
    "herokuapp.com",
    "pages.dev",
    "workers.dev",
    "github.io",
    "gitlab.io",
    "fly.dev",
    "railway.app",
    "up.railway.app",
    "web.app",
    "firebaseapp.com",
    "azurewebsites.net",
    "ngrok.io",
    "ngrok-free.app",
    "replit.app",
    "surge.sh",
];

/// The domain of which a pattern matches every site: `https://.*\.vercel\.app`.
fn any_site_of(regex: &str) -> Option<&'static str> {
    let (_, host) = regex.trim_start_matches('^').trim_end_matches('$').split_once("://")?;
    let any = [".*", ".+", "[^.]+", "[^/]+", "[a-z0-9-]+", "[a-zA-Z0-9-]+", "[\\w-]+"];
    let rest = any.iter().find_map(|any| host.strip_prefix(any).or_else(|| host.strip_prefix(&format!("({any})"))))?;
    let domain = rest.trim_start_matches(['\\', '.']).replace("\\.", ".");
    HOSTS.iter().copied().find(|host| *host == domain)
}
