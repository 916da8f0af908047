//! `query-not-scoped`: rows of all users where those of the caller are meant.

use rustc_hash::FxHashSet;

use super::shared::ownership::{Found, Said, behind_guard as behind, check as ownership_check, done, severity};
use super::shared::strangers::check as check_strangers;
use super::shared::tools::check_tools;
use super::shared::without_credential::check as check_without_credential;
use super::{RuleInfo, State};
use crate::data::{Fault, Use};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
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
    ownership_check(state, wanted, found, &INFO, Fault::Unscoped, &not_narrowed);
    check_strangers(state, wanted, found, &INFO, Fault::Unscoped);
    check_without_credential(state, wanted, found, &INFO, Fault::Unscoped);
    check_tools(state, wanted, found, &INFO, Fault::Unscoped);
}

/// The open routes of which this would be found if somebody verified their callers.
pub(super) fn behind_guard(state: &State, routes: &mut FxHashSet<*const Route>) {
    behind(state, routes, &INFO, Fault::Unscoped, &not_narrowed);
}

/// Rows are touched whosever they are.
fn not_narrowed(one: &Found<'_>) -> Said {
    let table = &one.access.table;
    if one.access.is_first_user() {
        return first_user(one);
    }
    let (narrowed, column) = match (one.parent, one.columns()) {
        (Some(parent), _) => {
            (format!("to the caller's `{}`", parent.name), format!("`{}.{}`", parent.name, parent.owner))
        }
        (None, Some(columns)) => (format!("by {columns}"), columns),
        (None, None) => ("to whoever asks".to_owned(), "the column that says whose a row is".to_owned()),
    };
    let all = if one.tenant.is_some() { "everybody" } else { "every user" };
    let message = format!(
        "The query on `{}` is not narrowed {narrowed}: rows of {all} are {}, whoever {} is{}; add a condition on {column}.",
        table.name,
        done(one.access.usage),
        one.principal(),
        one.custom.words(&one.parent.unwrap_or(table).name)
    );
    // An open route has to be guarded first.
    let all = table.personal && one.access.usage == Use::Reads && one.access.client.is_none();
    if one.guarded && all && one.custom.is_record() {
        let written = one.owner().map(|owner| format!(" (`{}.{owner}`)", table.name)).unwrap_or_default();
        let message = format!(
            "The query on `{}` gives all rows to anybody who is signed in, and {} routes write down there what their caller did{written}: narrow it to {}, or ask for a right.",
            table.name,
            one.custom.creates,
            one.principal()
        );
        return Some((Severity::Warning, one.access.entry, message));
    }
    let severity = severity(one).filter(|_| one.guarded)?;
    Some((severity, one.access.entry, message))
}

/// The first of all users stands for whoever calls.
fn first_user(one: &Found<'_>) -> Said {
    let (table, principal) = (&one.access.table.name, one.principal());
    let (severity, what) = match one.access.usage {
        Use::Reads => (Severity::Warning, "returned"),
        _ => (Severity::Error, "changed"),
    };
    let message = format!(
        "The query on `{table}` asks for nobody in particular, and the first `{table}` that there is is {what}, whoever {principal} is: all callers share that account; fetch the one that {principal} names."
    );
    one.guarded.then_some((severity, one.access.entry, message))
}
