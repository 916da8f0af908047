//! `cors-inside-auth`: browsers can't use what an authenticating middleware answers.

use super::{RuleInfo, State, for_each_note, related, report};
use crate::auth::middleware::Preflight;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "cors-inside-auth",
    summary: "CORSMiddleware inside of a middleware that authenticates",
    cwe: "CWE-346",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/cors-inside-auth.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_note(state, |note| {
        let name = &note.name;
        let (cors, message) = match note.preflight {
            Preflight::Passes => return,
            Preflight::Rejected(cors) => (
                cors,
                format!(
                    "`{name}` stands outside of `CORSMiddleware` and rejects the preflight requests of browsers, which carry no token: add `CORSMiddleware` after it."
                ),
            ),
            Preflight::WithoutHeaders(cors) => (
                cors,
                format!(
                    "`{name}` stands outside of `CORSMiddleware`, so its 401 has no CORS headers and a browser sees a network error: add `CORSMiddleware` after it."
                ),
            ),
        };
        if wanted(note.site.file) {
            let steps = vec![related(state, cors, "`CORSMiddleware` is added here, inside".to_owned())];
            found.push(report(state, &INFO, Severity::Warning, note.site, message, steps));
        }
    });
}
