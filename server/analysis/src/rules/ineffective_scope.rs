//! `ineffective-scope`: a scope that SQLAlchemy never sees.

use super::shared::ownership::check as ownership_check;
use super::{RuleInfo, State};
use crate::data::Fault;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "ineffective-scope",
    summary: "a condition that looks as if it scoped a query and has no effect",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/ineffective-scope.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::Ineffective, &|one| {
        let table = &one.access.table;
        let message = format!(
            "The owner of `{}` plays no part in this query: {} has no effect on it; pass the comparison of `{0}.{}` to `.where(…)` as an argument of its own and use the result.",
            table.name, one.access.detail, table.owner
        );
        Some((Severity::Error, one.access.site, message))
    });
}
