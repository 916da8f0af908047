//! `privilege-mass-assignment`: users say themselves what they may do.

use rustc_hash::FxHashSet;

use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::data::{Access, Asked, Fault, Use, is_high};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "privilege-mass-assignment",
    summary: "a request model that may write what a user may do",
    cwe: "CWE-915",
    owasp: "API3:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/privilege-mass-assignment.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut questions: Option<Vec<(Site, &Asked)>> = None;
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |application, route, judged| {
        for access in judged.data.faults.iter().filter(|access| access.fault == Fault::GivesPrivilege) {
            let questions = questions.get_or_insert_with(|| questions_of(state));
            let Some(asked) = asked_for(state, questions, application.site, access) else { continue };
            let site = access.entry;
            let test = state.sources.file(site.file).is_some_and(|file| file.test);
            if test || !wanted(site.file) || state.sources.is_ghost(site) || !seen.insert(site) {
                continue;
            }
            let severity = match &judged.guard {
                _ if route.conditional => Severity::Info,
                _ if is_standing(&access.table.owner) => Severity::Warning,
                Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_) | Guard::Public(_) => Severity::Error,
                _ => Severity::Warning,
            };
            let client = access.client.as_ref().map_or("a field", |client| client.name.as_str());
            let (table, column) = (&access.table.name, &access.table.owner);
            let is_known = matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_));
            let who = if access.usage == Use::Creates && !is_known { "whoever signs up" } else { "the caller" };
            let message = format!(
                "`{client}` from the body is copied to `{table}.{column}`, which says what a user may do: {who} can choose it; leave it out of the request model, exclude it, or let only administrators get here."
            );
            let mut steps: Vec<_> =
                access.steps.iter().map(|(site, note)| related(state, *site, note.clone())).collect();
            steps.push(related(state, asked.site, format!("`{}` decides here", asked.attribute)));
            found.push(report(state, &INFO, severity, site, message, steps));
        }
    });
}

/// All that routes ask of what users may do, with the application.
fn questions_of(state: &State) -> Vec<(Site, &Asked)> {
    let mut questions = Vec::new();
    for_each_served(state, |application, _, judged| {
        questions.extend(judged.data.asked.iter().map(|asked| (application.site, asked)));
    });
    questions
}

/// The question that makes a column a privilege: one about the same table, or
/// about the caller in the same application.
fn asked_for<'s>(
    state: &State,
    questions: &[(Site, &'s Asked)],
    application: Site,
    access: &Access,
) -> Option<&'s Asked> {
    let (table, column) = (access.table.site, &access.table.owner);
    let declared = state.sources.file(table.file).is_some();
    let meant = |(from, asked): &&(Site, &Asked)| {
        is_about(&asked.attribute, column)
            && (*from == application || declared && asked.table == Some(table))
            // What else than flags says is told by what it is compared with.
            && (is_flag(column) || is_high(&asked.value) || asked.attribute.ends_with("_id"))
    };
    questions.iter().find(meant).map(|(_, asked)| *asked)
}

/// Whether a question is about a column, or about the record of a role that the column refers to.
fn is_about(attribute: &str, column: &str) -> bool {
    attribute == column || column.strip_suffix("_id").is_some_and(|role| attribute == role)
}

/// Whether a column is either true or not.
fn is_flag(column: &str) -> bool {
    const GRANTS: &[&str] = &["role", "permission", "scope", "privilege", "level"];
    let column = column.to_ascii_lowercase();
    // A role in Spanish: `rol_id`.
    !GRANTS.iter().any(|word| column.contains(word)) && column.split('_').all(|part| part != "rol")
}

/// Whether a column says only that somebody vouches for the account.
fn is_standing(column: &str) -> bool {
    ["verified", "approved"].iter().any(|word| column.to_ascii_lowercase().contains(word))
}
