//! `token-in-web-storage`: a token that every script on the page can read.

use super::shared::frontend;
use super::shared::keeping::{Keeping, one_per_token};
use super::{RuleInfo, State};
use crate::frontend::outcome::{Area, Kept, What};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-in-web-storage",
    summary: "a token that every script on the page can read",
    cwe: "CWE-922",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/token-in-web-storage.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let kept = state
        .frontend
        .outcomes()
        .flat_map(|(file, outcome)| outcome.kept.iter().filter(move |kept| kept.place.file == file));
    let places = kept.filter_map(|kept| {
        let finding = finding(state, kept, area(kept.area)?)?;
        Some(Keeping { fault: "", key: kept.key.as_deref(), what: &kept.what, sources: &kept.sources, finding })
    });
    let told = one_per_token(state, places.collect());
    found.extend(told.into_iter().filter(|finding| wanted(finding.location.file)));
}

fn area(area: Area) -> Option<&'static str> {
    match area {
        Area::Local => Some("localStorage"),
        Area::Session => Some("sessionStorage"),
        Area::Cookie => None,
    }
}

fn finding(state: &State, kept: &Kept, area: &str) -> Option<Diagnostic> {
    let sent =
        kept.key.as_ref().map(|key| frontend::sent_from(state, kept.place.file, kept.area, key)).unwrap_or_default();
    let is_sent = kept.key.as_ref().is_some_and(|key| frontend::is_sent(state, kept.place.file, kept.area, key));
    let what = match (&kept.what, is_sent) {
        (What::Token(name), _) => format!("the `{name}` that a sign-in gave"),
        (What::Unknown, true) => "what is sent as the bearer token".to_owned(),
        _ => return None,
    };
    let message = format!(
        "`{area}` keeps {what}, where every script on the page can read it: one hole for foreign scripts gives the account away. Keep it in memory and ask for it again, or leave it in an `httpOnly` cookie."
    );
    frontend::report_where_run(state, &INFO, Severity::Warning, kept.place, message, sent)
}
