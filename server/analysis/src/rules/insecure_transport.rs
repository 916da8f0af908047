//! `insecure-transport`: tokens, keys and cookies that others can read or change on their way.

use super::shared::frontend;
use super::shared::tokens::{for_each_item, is_script};
use super::{RuleInfo, State, report};
use crate::auth::tokens::{Insecure, Transport, is_plain_and_far};
use crate::frontend::outcome::{Attached, UrlPart};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "insecure-transport",
    summary: "a token, key or cookie that goes over plain HTTP, or past a certificate",
    cwe: "CWE-319",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/insecure-transport.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        let counts = |one: &&Insecure| {
            let is_called = |helper| state.tokens.calls().any(|call| call.callee == helper && call.function != helper);
            !is_script(state, one.site.file) && one.helper.is_none_or(is_called)
        };
        for insecure in tokens.insecure.iter().filter(counts) {
            let message = match insecure.how {
                Transport::Keys => {
                    "Public keys are fetched over plain HTTP: whoever is on the way can put in their own, and sign a token for any user. Use `https://`."
                }
                Transport::Token => {
                    "The caller's token is sent over plain HTTP: whoever is on the way can read it and act as that user. Use `https://`."
                }
                Transport::Unchecked => {
                    "Nobody checks whose certificate it is (`verify=False`): whoever is on the way can read what is sent and answer in the other's place. Leave the check on, and name the authority that you trust."
                }
                Transport::Cookie => {
                    "The token in this cookie goes over plain HTTP, too: whoever is on the way can read it and act as that user. Pass `secure=True`, or have a setting say so where it is not for production."
                }
            };
            found.push(report(state, &INFO, Severity::Warning, insecure.site, message.to_owned(), Vec::new()));
        }
    });
}

/// Requests of the frontend.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (_, outcome) in state.frontend.outcomes() {
        for request in outcome.requests.iter().filter(|request| wanted(request.place.file)) {
            let is_plain = match request.url.as_slice() {
                // A host that goes on in what is not known may be another one.
                [UrlPart::Text(text)] => is_plain_and_far(text),
                [UrlPart::Text(text), ..] => text.matches('/').count() > 2 && is_plain_and_far(text),
                _ => false,
            };
            if is_plain && request.authorization == Attached::Given {
                let message = "The token is sent over plain HTTP: whoever is on the way can read it and act as that user. Use `https://`.".to_owned();
                found.extend(frontend::report_where_run(
                    state,
                    &INFO,
                    Severity::Warning,
                    request.place,
                    message,
                    Vec::new(),
                ));
            }
        }
    }
}
