//! Findings on rows that a route keeps to whoever shows a credential, and gives to whoever shows none.

use rustc_hash::FxHashSet;

use super::ownership::{done, is_told_at};
use crate::data::{Access, Fault, Use};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::vfs::FileId;

/// Findings of one kind.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, _, judged| {
        for access in judged.data.of_strangers.iter().filter(|access| access.fault == fault) {
            if is_told_at(state, wanted, access.entry) && seen.insert(access.entry) {
                let severity = if access.usage == Use::Reads { Severity::Warning } else { Severity::Error };
                let steps = access.steps.iter().map(|(site, note)| related(state, *site, note.clone())).collect();
                found.push(report(state, info, severity, access.entry, message(access), steps));
            }
        }
    });
}

fn message(access: &Access) -> String {
    let table = &access.table.name;
    let whose = format!("`{table}.{}`", access.table.owner);
    let done = done(access.usage);
    let what = match access.fault {
        Fault::Unscoped => format!("rows of `{table}` of every user are {done}"),
        _ => format!("any `{table}` is {done}"),
    };
    format!(
        "Without a credential {what} here: {whose} is compared with the caller only where there is one, and the route lets callers in without. Demand one, or give those who show none nothing that is somebody's."
    )
}
