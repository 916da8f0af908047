//! `query-not-scoped`: rows of all users where those of the caller are meant.

use super::shared::ownership::{check as ownership_check, done, severity};
use super::shared::strangers::check as check_strangers;
use super::shared::tools::check_tools;
use super::{RuleInfo, State};
use crate::data::{Fault, Use};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "query-not-scoped",
    summary: "a query on owned rows that is not narrowed to the caller",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/query-not-scoped.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::Unscoped, &|one| {
        let table = &one.access.table;
        let message = format!(
            "The query on `{0}` is not narrowed by `{0}.{1}`: rows of {5} are {2}, whoever {3} is{4}; add a condition on `{0}.{1}`.",
            table.name,
            one.owner(),
            done(one.access.usage),
            one.principal(),
            one.custom.words(&table.name),
            if one.tenant.is_some() { "everybody" } else { "every user" },
        );
        // An open route has to be guarded first.
        let all = table.personal && one.access.usage == Use::Reads && one.access.client.is_none();
        if one.guarded && all && one.custom.is_record() {
            let message = format!(
                "The query on `{0}` gives all rows to anybody who is signed in, and {1} routes write down there what their caller did (`{0}.{2}`): narrow it to {3}, or ask for a right.",
                table.name,
                one.custom.creates,
                one.owner(),
                one.principal()
            );
            return Some((Severity::Warning, one.access.entry, message));
        }
        let severity = severity(one).filter(|_| one.guarded)?;
        Some((severity, one.access.entry, message))
    });
    check_strangers(state, wanted, found, &INFO, Fault::Unscoped);
    check_tools(state, wanted, found, &INFO, Fault::Unscoped);
}
