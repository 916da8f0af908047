//! `identity-in-process-state`: who is calling is kept where other requests find it.

use rustc_hash::FxHashSet;

use super::{RuleInfo, State, for_each_served, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "identity-in-process-state",
    summary: "the identity of a caller in a variable that all requests share",
    cwe: "CWE-362",
    owasp: "API1:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/identity-in-process-state.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, _, judged| {
        for kept in &judged.data.kept {
            let site = kept.site;
            let test = state.sources.file(site.file).is_some_and(|file| file.test);
            if test || !wanted(site.file) || state.sources.is_ghost(site) || !seen.insert(site) {
                continue;
            }
            let message = format!(
                "`{}` says who is calling, and all requests of this process share it: of two at the same time, one is answered with the other's identity. Hand the identity on as an argument, or keep it in a `contextvars.ContextVar`.",
                kept.variable
            );
            let steps = kept.calls.iter().map(|call| related(state, *call, "this leads there".to_owned())).collect();
            found.push(report(state, &INFO, Severity::Warning, site, message, steps));
        }
    });
}
