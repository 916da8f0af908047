//! `algorithm-from-token`: a verification that lets the token choose its algorithm.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::Algorithms;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "algorithm-from-token",
    summary: "a verification that takes the algorithm which the token names",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/algorithm-from-token.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let Algorithms::FromToken { read, given } = decode.algorithms else { continue };
            let message = "The token itself names the algorithm that it is verified with, so its author chooses how it is checked: name the algorithms that the issuer uses, and no others.";
            let steps = vec![
                related(state, read, "the algorithm is read from the header, which nothing has verified".to_owned()),
                related(state, decode.site, "the token is verified here".to_owned()),
            ];
            found.push(report(state, &INFO, Severity::Error, given, message.to_owned(), steps));
        }
    });
}
