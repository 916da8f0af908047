//! `hardcoded-secret`: a key that stands in the code.

use std::collections::BTreeMap;

use super::{RuleInfo, State, related, report};
use crate::auth::keys::{Key, Source};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "hardcoded-secret",
    summary: "a key that signs or verifies and stands in the code",
    cwe: "CWE-798",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/hardcoded-secret.md"),
};

/// Uses named in a finding.
const SHOWN_USES: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut by_origin: BTreeMap<Site, Vec<&Key>> = BTreeMap::new();
    for key in state.keys.values().flat_map(|file| &file.keys) {
        by_origin.entry(key.origin).or_default().push(key);
    }
    for (origin, mut keys) in by_origin {
        let in_test = state.sources.file(origin.file).is_some_and(|file| file.test);
        if !wanted(origin.file) || in_test || state.sources.is_ghost(origin) {
            continue;
        }
        keys.sort_by_key(|key| key.used);
        let Some(first) = keys.first() else { continue };
        let (severity, message) = said(first);
        let uses = keys.iter().take(SHOWN_USES).map(|key| related(state, key.used, format!("it {} here", key.purpose)));
        found.push(report(state, &INFO, severity, origin, message, uses.collect()));
    }
}

/// Severity and message; the value itself is never said.
fn said(key: &Key) -> (Severity, String) {
    let purpose = key.purpose;
    let value = if key.empty { "the empty text" } else { "a value that stands in the code" };
    let who = if key.empty { "anybody" } else { "whoever has read the code" };
    match &key.source {
        Source::Literal => (
            // What HMAC is for can't be seen: some protocols publish the key.
            if purpose.contains("token") || purpose.contains("session") { Severity::Error } else { Severity::Warning },
            format!(
                "The key that {purpose} is {value}, and {who} can use it: read it from the environment, and fail when it is missing."
            ),
        ),
        Source::Environment(variable) => (
            Severity::Warning,
            format!(
                "Where `{variable}` is not set, the key that {purpose} is {value}, and {who} can use it: fail when it is missing."
            ),
        ),
        Source::Setting(field) => (
            Severity::Warning,
            format!(
                "Where nothing sets `{field}`, the key that {purpose} is {value}, and {who} can use it: leave the default out, so that the application fails when it is missing."
            ),
        ),
    }
}
