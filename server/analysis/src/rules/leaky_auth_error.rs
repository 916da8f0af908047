//! `leaky-auth-error`: answers that say too much.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::{Guard, may_sign_up, verifies_password};
use crate::auth::tokens::Telling;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "leaky-auth-error",
    summary: "an answer that tells why a token was refused, whom it names, or what failed at signing in",
    cwe: "CWE-209",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/leaky-auth-error.md"),
};

/// The step at which an exception of the project takes the text of a library's.
pub(crate) const WRAPPED: &str = "its text is put into an exception of the project here";

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for told in &tokens.told {
            let (severity, message, step) = match told.what {
                Telling::Error => (
                    Severity::Warning,
                    "The answer tells the caller what the library says of the token, which helps whoever tries forged ones: answer with a constant text, and log the rest.",
                    "its exceptions are told",
                ),
                Telling::Wrapped => (
                    Severity::Warning,
                    "The answer tells the caller the text of an exception that holds what the library says of the token, which helps whoever tries forged ones: raise it with a constant text, and log the rest.",
                    WRAPPED,
                ),
                Telling::Fault if !is_entrance(state, told.site) => continue,
                Telling::Fault => (
                    Severity::Info,
                    "The answer tells whoever signs in or up what failed inside, and an exception of a database holds the statement with its values: answer with a constant text, and log the rest.",
                    "whatever fails is caught here",
                ),
                Telling::Identity => (
                    Severity::Info,
                    "The answer tells whom the token names: say only that access is denied.",
                    "the identity comes from here",
                ),
            };
            let steps = vec![related(state, told.about, step.to_owned())];
            found.push(report(state, &INFO, severity, told.site, message.to_owned(), steps));
        }
    });
}

/// Whether a place stands in a handler at which callers sign in or up, and which everybody reaches.
fn is_entrance(state: &State, place: Site) -> bool {
    let mut is_one = false;
    for_each_served(state, |_, route, judged| {
        let holds = |handler: Site| (handler.file, handler.item) == (place.file, place.item);
        let is_open = !matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_));
        is_one = is_one
            || is_open
                && handler_site(&route.handler).is_some_and(holds)
                && with_interpreter(state, |interpreter| {
                    verifies_password(interpreter, route) || may_sign_up(interpreter, route)
                });
    });
    is_one
}
