//! `auth-bypass-switch`: verification that the configuration, or the caller, can switch off.

use super::missing_auth_dependency::shown;
use super::shared::guards;
use super::{RuleInfo, State};
use crate::auth::public::is_probe;
use crate::auth::{DecidedBy, Verdict};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "auth-bypass-switch",
    summary: "verification that a setting, or the caller, switches off",
    cwe: "CWE-489",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/auth-bypass-switch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let at = |_: &Route, verdict: &Verdict| {
        verdict.bypass.map(|bypass| (bypass.site, (bypass.decided_by, verdict.is_of_service())))
    };
    guards::check(state, wanted, found, &INFO, &at, &|(decided_by, is_of_service), name, routes| {
        let rest = match routes.len() {
            1 => "1 route rests".to_owned(),
            count => format!("{count} routes rest"),
        };
        // What handlers do themselves, no other route rests on.
        let in_body = routes.iter().any(|route| shown(route) == name);
        let by_setting = |when: &str| match routes.len() {
            1 if in_body => format!("`{name}` verifies nobody {when}"),
            2 if in_body => format!("`{name}` and another route verify nobody {when}"),
            count if in_body => format!("`{name}` and {} other routes verify nobody {when}", count - 1),
            _ => format!("`{name}` verifies nobody {when}, and {rest} on it"),
        };
        // A service that a handler takes messages of has no token for tests: what decides is mostly whether its key is there.
        let repair = match is_of_service && in_body {
            true => "remove this way around, and refuse what can't be verified",
            false => "remove the switch, and give tests tokens of their own",
        };
        // What others would leave open is hardly worth an error: `/metrics`, `/health/jobs`.
        let probes = routes.iter().all(|route| is_probe(&route.path, &route.methods));
        match decided_by {
            DecidedBy::Configuration => {
                (Severity::Warning, format!("{}: {repair}.", by_setting("when this setting says so")))
            }
            DecidedBy::Default => (
                if probes { Severity::Warning } else { Severity::Error },
                format!("{}: {repair}.", by_setting("unless this setting says otherwise")),
            ),
            DecidedBy::Form => (
                Severity::Error,
                format!(
                    "Whoever sends a credential that looks like this is whoever it says, unverified, and {rest} on `{name}`: remove this way in, and give tests tokens of their own."
                ),
            ),
        }
    });
}
