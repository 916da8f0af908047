//! `client-writable-role`: what somebody may do, as that one says.

use super::shared::frontend;
use super::shared::tokens::{for_each_item, is_rested_on};
use super::{RuleInfo, State, report};
use crate::frontend::observed::EndpointKind;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "client-writable-role",
    summary: "a role that is read from what users may write about themselves",
    cwe: "CWE-639",
    owasp: "API5:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/client-writable-role.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for role in &tokens.writable_roles {
            let rested_on = role.function.is_some_and(|function| is_rested_on(state, function));
            let severity = match (rested_on, role.is_master) {
                (true, true) => Severity::Error,
                (true, false) => Severity::Warning,
                (false, _) => Severity::Info,
            };
            found.push(report(state, &INFO, severity, role.site, told(&role.key), Vec::new()));
        }
    });
}

pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (_, outcome) in state.frontend.outcomes() {
        for endpoint in &outcome.observed.endpoints {
            for role in endpoint.writable_roles.iter().filter(|role| wanted(role.place.file)) {
                // A page may only choose what it shows.
                let severity = match endpoint.kind {
                    EndpointKind::Page => Severity::Info,
                    _ if role.is_master => Severity::Error,
                    _ => Severity::Warning,
                };
                let step = frontend::related(state, endpoint.place, "this runs for whoever asks");
                let steps = step.into_iter().collect();
                found.extend(frontend::report(state, &INFO, severity, role.place, told(&role.key), steps));
            }
        }
    }
}

fn told(key: &str) -> String {
    format!(
        "`{key}` stands in what users write about themselves (`updateUser({{ data }})` of Supabase, `unsafeMetadata` of Clerk): whoever is signed in can set it. Read it from `app_metadata` (`publicMetadata` of Clerk), which only the server writes, or from a table of your own."
    )
}
