//! `sign-out-keeps-token`: a token that stays in the browser after signing out.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::outcome::{Area, Kept, What};
use crate::ide::{Diagnostic, Related, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "sign-out-keeps-token",
    summary: "a token that stays in the browser after signing out",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/sign-out-keeps-token.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let left: Vec<(&Kept, Vec<Related>)> = state
        .frontend
        .outcomes()
        .flat_map(|(file, outcome)| outcome.kept.iter().filter(move |kept| kept.place.file == file))
        .filter(|kept| !is_removed(state, kept))
        .filter_map(|kept| {
            let key = kept.key.as_ref()?;
            // One that nobody sends is left over from other times.
            let is_token = matches!(kept.what, What::Token(_) | What::Unknown)
                && frontend::is_sent(state, kept.place.file, kept.area, key);
            is_token.then(|| (kept, frontend::sent_from(state, kept.place.file, kept.area, key)))
        })
        .collect();
    if left.is_empty() {
        return;
    }
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        for place in &outcome.observed.sign_outs {
            // What another frontend of the workspace keeps is no matter of this one.
            let near = left.iter().filter(|(kept, _)| share_root(state, file, kept.place.file));
            let Some((kept, sent)) = near.into_iter().next() else { continue };
            let (area, key) = (area(kept.area), kept.key.as_deref().unwrap_or_default());
            let message = format!(
                "After this the session is over, and the token stays in {area} under `{key}`: nothing removes it, and whoever uses this browser next can still send it until it expires. Remove it here."
            );
            let kept = frontend::related(state, kept.place, "the token is kept here");
            let steps = kept.into_iter().chain(sent.iter().cloned()).collect();
            found.extend(frontend::report_where_run(state, &INFO, Severity::Warning, *place, message, steps));
        }
    }
}

fn area(area: Area) -> &'static str {
    match area {
        Area::Local => "`localStorage`",
        Area::Session => "`sessionStorage`",
        Area::Cookie => "a cookie",
    }
}

/// Whether anything takes a value out again, or may do so in a file that is not read.
fn is_removed(state: &State, kept: &Kept) -> bool {
    let is_unseen = |path: &str| state.frontend.has_other_files(path);
    if state.sources.file(kept.place.file).is_none_or(|source| is_unseen(&source.path)) {
        return true;
    }
    state
        .frontend
        .outcomes()
        .flat_map(|(_, outcome)| &outcome.observed.removed)
        .any(|(_, area, key)| *area == kept.area && (key.is_none() || kept.key.is_none() || *key == kept.key))
}

/// Whether two files belong to one frontend: the nearest `package.json` above is the same.
pub(super) fn share_root(state: &State, one: FileId, other: FileId) -> bool {
    root_of(state, one) == root_of(state, other)
}

/// The folder of the package that a file belongs to; empty without one.
pub(super) fn root_of(state: &State, file: FileId) -> &str {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let folders = std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
    let mut folders = folders.map(|(folder, _)| folder);
    folders.find(|folder| state.sources.id(&format!("{folder}/package.json")).is_some()).unwrap_or_default()
}
