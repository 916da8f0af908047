//! `client-trusted-identity`: the client says who it is, and is believed.

use super::shared::ownership::{check as ownership_check, done, identity_site};
use super::{RuleInfo, State};
use crate::data::{Fault, Place, Use};
use crate::ide::{Diagnostic, Severity};
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
    ownership_check(state, wanted, found, &INFO, Fault::TrustsClient, &|one| {
        let client = one.access.client.as_ref()?;
        // What a dependency believes is reported at the dependency.
        if !one.guarded && !client.own {
            return None;
        }
        // An open route has to be guarded first; a header that says who is calling pretends to do that.
        if !one.guarded && client.place == Place::Path {
            return None;
        }
        let meant = client.says_caller;
        let severity = match one.access.usage {
            _ if !one.guarded => Severity::Warning,
            Use::Reads if one.custom.reads == 0 && !meant => return None,
            Use::Reads if one.custom.reads == 0 && client.place == Place::Query => Severity::Warning,
            _ => Severity::Error,
        };
        let (value, table, principal) = (one.client(), &one.access.table.name, one.principal());
        let message = format!(
            "{value} decides whose `{table}` is {}, and nothing compares it with {principal}: a caller can name somebody else; take the identity from {principal}, or compare the two and raise 403 first.",
            done(one.access.usage)
        );
        Some((severity, identity_site(one.route, one.access), message))
    });
}
