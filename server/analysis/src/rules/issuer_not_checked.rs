//! `issuer-not-checked`: a verification that is told not to look at `iss`.

use super::shared::tokens::{for_each_item, issues_own};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Algorithms, Check, KeySource};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "issuer-not-checked",
    summary: "a verification that leaves the issuer of a token alone",
    cwe: "CWE-345",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/issuer-not-checked.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let skipped = decode.skips.iter().find(|(check, _)| *check == Check::Issuer);
            let Some((_, site)) = skipped.filter(|_| !decode.reads.iter().any(|claim| claim.name == "iss")) else {
                continue;
            };
            // A secret of one's own and tokens without that claim: nobody else issues any. And who
            // verifies with a secret can issue in anybody's name.
            let symmetric = matches!(&decode.algorithms, Algorithms::Known(known) if known.iter().all(|(name, _)| name.starts_with("HS")));
            if symmetric || (matches!(decode.key, KeySource::Secret(_)) && issues_own(state, decode.library, "iss")) {
                continue;
            }
            let message = "A token that was issued by somebody else whose keys are in the same set passes this verification, because the check of `iss` is switched off: expect the issuer with `issuer=`.";
            let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
            found.push(report(state, &INFO, Severity::Warning, *site, message.to_owned(), steps));
        }
    });
}
