//! `secret-in-response`: a secret of the application that a route answers with.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::is_test;
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, for_each_served, report};
use crate::auth::guard::Guard;
use crate::auth::tokens::Shown;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-in-response",
    summary: "a secret of the application that a route answers with",
    cwe: "CWE-200",
    owasp: "API3:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/secret-in-response.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_settings(state, wanted, found);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        let Some(exposed) = &judged.data.exposes else { return };
        let is_here = wanted(exposed.handler.file) && !is_test(state, exposed.handler.file);
        if !is_here || state.sources.is_ghost(exposed.handler) || route.conditional || !seen.insert(exposed.handler) {
            return;
        }
        let (severity, what) = match exposed.own {
            true => (Severity::Info, format!("the caller's own row of `{}` as it is", exposed.table)),
            false => (Severity::Warning, format!("rows of `{}` as they are", exposed.table)),
        };
        let message = format!(
            "This answers with {what}, `{}` among its columns: whoever reads a hash can try passwords out on it. Give the route a `response_model` without that column.",
            exposed.column
        );
        found.push(report(state, &INFO, severity, exposed.handler, message, Vec::new()));
    });
}

/// Settings and secrets of the application itself.
fn check_settings(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut exposed = Vec::new();
    for_each_item(state, wanted, |tokens| {
        exposed.extend(tokens.exposed.iter().filter(|exposed| state.in_use.is_handler(exposed.function)));
    });
    if exposed.is_empty() {
        return;
    }
    let mut open: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        if matches!(judged.guard, Guard::Open(_) | Guard::Public(_)) {
            open.extend(handler_site(&route.handler));
        }
    });
    for exposed in exposed {
        let open = open.contains(&exposed.function);
        let message = match exposed.what {
            Shown::Settings => {
                "This route answers with all settings, the secrets among them: answer with the few that clients need."
            }
            Shown::Secret => "This route answers with a secret of the application: leave it out.",
            Shown::Database => {
                "This route answers with the address of the database, and the password that stands in it: leave it out."
            }
        };
        let severity = if open { Severity::Error } else { Severity::Warning };
        found.push(report(state, &INFO, severity, exposed.site, message.to_owned(), Vec::new()));
    }
}
