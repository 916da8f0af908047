//! `missing-ownership-check`: a row that anybody can name is given out or changed.

use super::shared::ownership::{check as ownership_check, check_links, severity};
use super::{RuleInfo, State};
use crate::data::{Fault, Use};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "missing-ownership-check",
    summary: "a row fetched by its key without a look at whose it is",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/missing-ownership-check.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::Unchecked, &|one| {
        let table = &one.access.table;
        if let Some(parent) = one.parent {
            let message = format!(
                "`{0}` is fetched by {1} and {2}, and nothing looks whose `{3}` that is{4}: fetch the `{3}` first, compare its `{5}` with {6} and raise 403.",
                table.name,
                one.client(),
                if one.access.usage == Use::Reads { "returned" } else { "changed" },
                parent.name,
                one.custom.words(&parent.name),
                parent.owner,
                one.principal(),
            );
            return Some((severity(one)?, one.access.entry, message));
        }
        let message = format!(
            "`{0}` is fetched by {1} and {2}, and nothing compares `{0}.{3}` with {4}{5}: compare them and raise 403 before that.",
            table.name,
            one.client(),
            match one.access.usage {
                Use::Reads if one.access.is_look() => "used to fetch others",
                Use::Reads => "returned",
                _ => "changed",
            },
            table.owner,
            one.principal(),
            one.custom.words(&table.name)
        );
        Some((severity(one)?, one.access.entry, message))
    });
    check_links(state, wanted, found, &INFO);
}
