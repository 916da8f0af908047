//! `swallowed-auth-error`: a clause that lets callers in whose token was refused.

use super::shared::tokens::{for_each_item, is_script, pretenders};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "swallowed-auth-error",
    summary: "an `except` clause that lets callers in whose token was refused",
    cwe: "CWE-755",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/swallowed-auth-error.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut known = None;
    for_each_item(state, wanted, |tokens| {
        for swallowed in tokens.swallowed.iter().filter(|one| !is_script(state, one.site.file)) {
            // Of a dependency that lets everybody pass, `unverified-auth-dependency` says so.
            if known.get_or_insert_with(|| pretenders(state)).contains(&swallowed.function) {
                continue;
            }
            let what = if swallowed.unverified {
                "reads the claims of a token whose verification has just failed: whoever writes one is let in as anybody"
            } else {
                "names a user where the verification of the token has failed: whoever sends any token is let in as that one"
            };
            let message = format!("This {what}. Raise `HTTPException` with status 401 instead.");
            let steps = vec![
                related(state, swallowed.verified, "the token is verified here".to_owned()),
                related(state, swallowed.clause, "what that raises is caught here".to_owned()),
            ];
            found.push(report(state, &INFO, Severity::Error, swallowed.site, message, steps));
        }
        for ignored in tokens.ignored.iter().filter(|one| state.in_use.is_used(one.function)) {
            // Whoever gets to the handler was verified before: what it misses is no proof of who is calling.
            if ignored.refused == 401 && is_behind_guard(state, ignored.function) {
                continue;
            }
            let message = format!(
                "This clause catches the {} that is raised above, too, and goes on: whoever was refused gets in all the same. Put `except HTTPException: raise` before it.",
                ignored.refused
            );
            let steps = vec![related(state, ignored.proof, "the caller is refused here".to_owned())];
            found.push(report(state, &INFO, Severity::Error, ignored.clause, message, steps));
        }
    });
}

/// Whether a function is the handler of routes alone that a dependency or middleware guards.
fn is_behind_guard(state: &State, function: Site) -> bool {
    let (mut guarded, mut others) = (false, false);
    for_each_served(state, |_, route, judged| {
        if route.function().is_some_and(|handler| handler.site == function) {
            let is_guarded = matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_));
            guarded |= is_guarded;
            others |= !is_guarded;
        }
    });
    guarded && !others
}
