//! `check-after-change`: the check comes too late.

use super::shared::ownership::check as ownership_check;
use super::{RuleInfo, State};
use crate::data::Fault;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "check-after-change",
    summary: "an owner that is compared only after the change was written",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/check-after-change.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::CheckedLate, &|one| {
        let table = &one.access.table;
        let message = format!(
            "`{0}` is changed and written before `{0}.{1}` is compared with {2}: whoever is turned away has changed it already; compare first.",
            table.name,
            table.owner,
            one.principal()
        );
        Some((Severity::Error, one.access.entry, message))
    });
}
