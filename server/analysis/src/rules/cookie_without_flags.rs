//! `cookie-without-flags`: a token in a cookie that scripts can read, or that
//! goes over the network in the open.

use super::shared::frontend;
use super::shared::keeping::{Keeping, one_per_token};
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, report};
use crate::frontend::observed::SetCookie;
use crate::frontend::outcome::{Area, What};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "cookie-without-flags",
    summary: "a token in a cookie that scripts or the network can read",
    cwe: "CWE-1004",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/cookie-without-flags.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let cookies = state
        .frontend
        .outcomes()
        .flat_map(|(file, outcome)| outcome.observed.cookies.iter().filter(move |cookie| cookie.place.file == file));
    let places = cookies.filter_map(|cookie| {
        let finding = finding(state, cookie)?;
        // What one place lacks is not mended at another that lacks something else.
        let fault = match (cookie.by_server, cookie.http_only) {
            (false, _) => "by a script",
            (true, Some(true)) => "insecure",
            (true, _) => "readable",
        };
        Some(Keeping { fault, key: cookie.name.as_deref(), what: &cookie.what, sources: &cookie.sources, finding })
    });
    let told = one_per_token(state, places.collect());
    found.extend(told.into_iter().filter(|finding| wanted(finding.location.file)));
}

/// Cookies that the backend sets.
pub(super) fn check_backend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for site in tokens.readable_cookies.iter().filter(|site| !state.sources.is_ghost(**site)) {
            let message = "This cookie holds a token, and every script on the page can read it: Starlette sets no `HttpOnly` by itself. Add `httponly=True`.";
            found.push(report(state, &INFO, Severity::Warning, *site, message.to_owned(), Vec::new()));
        }
    });
}

fn finding(state: &State, cookie: &SetCookie) -> Option<Diagnostic> {
    let sent = cookie
        .name
        .as_ref()
        .map(|name| frontend::sent_from(state, cookie.place.file, Area::Cookie, name))
        .unwrap_or_default();
    let is_sent =
        cookie.name.as_ref().is_some_and(|name| frontend::is_sent(state, cookie.place.file, Area::Cookie, name));
    let what = match (&cookie.what, is_sent) {
        (What::Token(name), _) => format!("the `{name}` that a sign-in gave"),
        (What::Unknown, true) => "what is sent as the bearer token".to_owned(),
        _ => return None,
    };
    let (severity, message) = match (cookie.by_server, cookie.http_only, cookie.secure) {
        (false, ..) => (
            Severity::Warning,
            format!(
                "A script keeps {what} in a cookie, which every other script on the page can read too: one hole for foreign scripts gives the account away. Have the server set it with `httpOnly`, or keep it in memory."
            ),
        ),
        (true, Some(false), secure) => (
            Severity::Warning,
            format!(
                "This cookie holds {what}, and every script on the page can read it: Next.js sets no flag by itself. Add `httpOnly: true`{}.",
                if secure == Some(false) { " and `secure: true`" } else { "" }
            ),
        ),
        (true, Some(true), Some(false)) => (
            Severity::Info,
            format!(
                "This cookie holds {what}, and goes over connections that are not encrypted too. Add `secure: true`."
            ),
        ),
        _ => return None,
    };
    frontend::report(state, &INFO, severity, cookie.place, message, sent)
}
