//! `undefined-bearer`: `Bearer null` and its kin.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::outcome::{Absent, Area, Bearer, Fault, TokenSource};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "undefined-bearer",
    summary: "a header that sends `Bearer null`, `Bearer undefined` or an object's name",
    cwe: "CWE-476",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/undefined-bearer.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes() {
        for bearer in &outcome.bearers {
            // What another file's function sends is said there.
            if bearer.place.file == file && wanted(file) {
                found.extend(finding(state, bearer));
            }
        }
    }
}

fn finding(state: &State, bearer: &Bearer) -> Option<Diagnostic> {
    let (severity, message) = match bearer.fault? {
        Fault::Missing(absent) => {
            let source = match &bearer.source {
                TokenSource::Storage(Area::Local, Some(key)) => format!("`localStorage` has no `{key}`"),
                TokenSource::Storage(Area::Session, Some(key)) => format!("`sessionStorage` has no `{key}`"),
                TokenSource::Storage(Area::Cookie, Some(key)) => format!("there is no cookie `{key}`"),
                TokenSource::BetterAuthJwt | TokenSource::BetterAuthSession => "nobody is signed in".to_owned(),
                TokenSource::Storage(..) => "the storage has no token".to_owned(),
                _ => "there is no token".to_owned(),
            };
            let text = match absent {
                Absent::Null => "Bearer null",
                Absent::Undefined => "Bearer undefined",
            };
            (
                Severity::Warning,
                format!(
                    "Where {source}, this sends `{text}`, which the backend refuses as a bad token: test for the token first, and ask the user to sign in without one."
                ),
            )
        }
        Fault::Promise => (
            Severity::Error,
            "This sends `Bearer [object Promise]`: nothing waits for the token. Write `await` before it.".to_owned(),
        ),
        Fault::Object => (
            Severity::Error,
            "This sends `Bearer [object Object]`: the whole result stands where the token belongs. Take the token out of it."
                .to_owned(),
        ),
    };
    frontend::report(state, &INFO, severity, bearer.place, message, Vec::new())
}
