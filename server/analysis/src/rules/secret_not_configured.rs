//! `secret-not-configured`: a key that is not there where nothing sets it, and of which nobody says so.

use std::collections::BTreeMap;

use super::{RuleInfo, State, related, report};
use crate::auth::keys::{Key, Purpose, Source, What};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-not-configured",
    summary: "a key that is missing, or the text `None`, where nothing sets it",
    cwe: "CWE-1188",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/secret-not-configured.md"),
};

/// Uses named in a finding.
const SHOWN_USES: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut by_origin: BTreeMap<Site, Vec<&Key>> = BTreeMap::new();
    for key in state.keys.values().flat_map(|file| &file.keys) {
        let is_about_tokens = matches!(key.purpose, Purpose::SignsTokens | Purpose::VerifiesTokens);
        if is_about_tokens && matches!(key.what, What::Nothing | What::NothingAsText) {
            by_origin.entry(key.origin).or_default().push(key);
        }
    }
    for (origin, mut keys) in by_origin {
        let in_test = state.sources.file(origin.file).is_some_and(|file| file.test);
        if !wanted(origin.file) || in_test || state.sources.is_ghost(origin) {
            continue;
        }
        keys.sort_by_key(|key| key.used);
        let Some(first) = keys.first() else { continue };
        let (condition, repair) = match &first.source {
            Source::Environment(name) => {
                (format!("Where `{name}` is not set"), format!("read it with `os.environ[\"{name}\"]`"))
            }
            Source::Setting(name) => {
                (format!("Where nothing sets `{name}`"), "declare it without a default".to_owned())
            }
            Source::Literal => continue,
        };
        let verb = first.purpose.verb();
        let (severity, message) = match first.what {
            What::NothingAsText => (
                Severity::Warning,
                format!(
                    "{condition}, the key that {verb} is the text `None`, with which anybody can sign a token for any user: {repair}, so that the application does not start without it."
                ),
            ),
            _ => (
                Severity::Info,
                format!(
                    "{condition}, the key that {verb} is `None`: the application starts all the same, and fails at every token: {repair}, so that it says what is missing when it starts."
                ),
            ),
        };
        let uses =
            keys.iter().take(SHOWN_USES).map(|key| related(state, key.used, format!("it {} here", key.purpose.verb())));
        found.push(report(state, &INFO, severity, origin, message, uses.collect()));
    }
}
