//! `secret-not-configured`: a key that is not there where nothing sets it, and of which nobody says so.

use super::shared::keys;
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::keys::{Key, Purpose, Source, What};
use crate::ide::{Diagnostic, Severity};
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

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_missing = |key: &Key| {
        let is_about_tokens = matches!(key.purpose, Purpose::SignsTokens | Purpose::VerifiesTokens);
        is_about_tokens && matches!(key.what, What::Nothing | What::NothingAsText)
    };
    keys::at_origins(state, wanted, found, &INFO, &is_missing, &said);
    for_each_item(state, wanted, |tokens| {
        for unset in tokens.unset.iter().filter(|unset| state.in_use.is_used(unset.function)) {
            let (condition, repair) = told_source(&unset.source);
            let happens = match unset.empty {
                true => {
                    "this compares with an empty text: a request whose credential is empty passes, and whoever sends that gets in"
                }
                false => {
                    "nothing is compared with nothing here: a request without the credential passes, and whoever sends none gets in"
                }
            };
            let message =
                format!("{condition}, {happens}. {repair}, so that the application does not start without it.");
            let repaired = vec![related(state, unset.origin, "the key is read here".to_owned())];
            found.push(report(state, &INFO, Severity::Error, unset.site, message, repaired));
        }
    });
}

/// When a key is missing, and what to do about it.
fn told_source(source: &Source) -> (String, String) {
    match source {
        Source::Environment(name) => {
            (format!("Where `{name}` is not set"), format!("Read it with `os.environ[\"{name}\"]`"))
        }
        Source::Setting(name) => (format!("Where nothing sets `{name}`"), "Declare it without a default".to_owned()),
        Source::Literal => ("The key is `None`".to_owned(), "Give it a value".to_owned()),
    }
}

/// What is said of a key that may be missing.
fn said(key: &Key) -> Option<(Severity, String)> {
    let (condition, repair) = match &key.source {
        Source::Environment(name) => {
            (format!("Where `{name}` is not set"), format!("read it with `os.environ[\"{name}\"]`"))
        }
        Source::Setting(name) => (format!("Where nothing sets `{name}`"), "declare it without a default".to_owned()),
        Source::Literal => return None,
    };
    let verb = key.purpose.verb();
    Some(match key.what {
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
    })
}
