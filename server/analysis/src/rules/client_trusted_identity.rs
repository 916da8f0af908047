//! `client-trusted-identity`: the client says who it is, and is believed.

use rustc_hash::FxHashSet;

use super::shared::ownership::{Found, Said, behind_guard as behind, check as ownership_check, done, identity_site};
use super::shared::strangers::check as check_strangers;
use super::{RuleInfo, State};
use crate::data::{Client, Fault, Place, Use, is_of_user, is_owner, is_user_table};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "client-trusted-identity",
    summary: "an owner that the client names and nothing compares with the caller",
    cwe: "CWE-639",
    owasp: "API1:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/client-trusted-identity.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    ownership_check(state, wanted, found, &INFO, Fault::TrustsClient, &named_by_client);
    check_strangers(state, wanted, found, &INFO, Fault::TrustsClient);
    // The owner comes with the rest of a request model. Behind a guard that is said of the model.
    ownership_check(state, wanted, found, &INFO, Fault::MassAssigned, &|one| {
        // Whoever owns a record may be somebody else than who writes it down.
        let field = |client: &Client| client.name.rsplit('.').next().is_some_and(is_of_user);
        let is_caller = |client: &Client| client.own && client.says_caller && field(client);
        let believed = !one.guarded && one.access.client.as_ref().is_some_and(is_caller);
        let site = || identity_site(one.route, one.access);
        believed.then(|| (Severity::Warning, site(), names_somebody_else(one)))
    });
}

/// The open routes of which this would be found if somebody verified their callers.
pub(super) fn behind_guard(state: &State, routes: &mut FxHashSet<*const Route>) {
    behind(state, routes, &INFO, Fault::TrustsClient, &named_by_client);
}

/// The client names whose rows are touched.
fn named_by_client(one: &Found<'_>) -> Said {
    let client = one.access.client.as_ref()?;
    // What a dependency believes is reported at the dependency.
    if !one.guarded && !client.own {
        return None;
    }
    // An open route has to be guarded first; a header that says who is calling pretends to do that.
    if !one.guarded && client.place == Place::Path {
        return None;
    }
    let (meant, table) = (client.says_caller, &one.access.table);
    // Administrators change users by a plain `id`: whoever is one may be asked out of sight.
    let of_users = !meant && (is_user_table(&table.name) || is_user_table(&table.sql));
    // Whom a record is about is for its maker to say, where no route takes that column for the owner.
    let about_others = !meant && !is_owner(&table.owner) && one.custom.by_owner + one.custom.claimed == 0;
    let severity = match one.access.usage {
        Use::Creates if about_others && one.custom.creates == 0 => return None,
        _ if !one.guarded => Severity::Warning,
        _ if of_users => Severity::Warning,
        Use::Reads if one.custom.reads == 0 && !meant => return None,
        Use::Reads if one.custom.reads == 0 && client.place == Place::Query => Severity::Warning,
        _ => Severity::Error,
    };
    let principal = one.principal();
    let (value, table) = (one.client(), &table.name);
    let message = match of_users {
        true => format!(
            "{value} decides which `{table}` is {}, and nothing asks who may do that: whoever is signed in can take anybody's; compare it with {principal}, or ask for a right first.",
            done(one.access.usage)
        ),
        false => names_somebody_else(one),
    };
    Some((severity, identity_site(one.route, one.access), message))
}

/// The client names the owner of a row.
fn names_somebody_else(one: &Found<'_>) -> String {
    let (value, table, principal) = (one.client(), &one.access.table.name, one.principal());
    format!(
        "{value} decides whose `{table}` is {}, and nothing compares it with {principal}: a caller can name somebody else; take the identity from {principal}, or compare the two and raise 403 first.",
        done(one.access.usage)
    )
}
