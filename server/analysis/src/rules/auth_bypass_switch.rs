//! `auth-bypass-switch`: verification that the configuration can switch off.

use super::shared::guards;
use super::{RuleInfo, State};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "auth-bypass-switch",
    summary: "verification that a setting switches off",
    cwe: "CWE-489",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/auth-bypass-switch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    guards::check(state, wanted, found, (&INFO, Severity::Warning), &|verdict| verdict.bypass, &|name, routes| {
        let rest = match routes.len() {
            1 => "1 route rests".to_owned(),
            count => format!("{count} routes rest"),
        };
        format!(
            "`{name}` verifies nobody when this setting says so, and {rest} on it: remove the switch, and give tests tokens of their own."
        )
    });
}
