//! `none-algorithm`: the algorithm `none`, which signs nothing.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::Algorithms;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "none-algorithm",
    summary: "tokens without a signature that are issued or accepted",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/none-algorithm.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let Algorithms::Known(known) = &decode.algorithms else { continue };
            if let Some((_, site)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case("none")) {
                let message = "`none` is no signature: a verification that takes it is meant to accept tokens that anybody can write. Take it out of the list.";
                let steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
                found.push(report(state, &INFO, Severity::Error, *site, message.to_owned(), steps));
            }
        }
        for encode in &tokens.encodes {
            let Some(site) = encode.unsigned else { continue };
            let message = "A token that is issued with the algorithm `none` carries no signature, and whoever accepts it accepts what anybody can write: sign it.";
            let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
            found.push(report(state, &INFO, Severity::Error, site, message.to_owned(), steps));
        }
    });
}
