//! `key-from-token`: a verification with keys that come from where the token says.

use rustc_hash::FxHashSet;

use super::shared::tokens::{for_each_item, is_rested_on};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::Expected;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "key-from-token",
    summary: "a verification with keys that are fetched from where the token itself says",
    cwe: "CWE-345",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/key-from-token.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut expecting: Option<FxHashSet<FileId>> = None;
    for_each_item(state, wanted, |tokens| {
        for keys in &tokens.named_keys {
            // Whoever verifies may be another function of the file, which is handed the key.
            let expecting = expecting.get_or_insert_with(|| expecting_elsewhere(state));
            if keys.claim == "iss" && expecting.contains(&keys.site.file) {
                continue;
            }
            let rested_on = keys.function.is_some_and(|function| is_rested_on(state, function));
            let severity = if rested_on { Severity::Error } else { Severity::Info };
            let message = format!(
                "The keys are fetched from the address that the token itself names in `{}`, which nothing has verified: whoever writes a token serves the key for it, too. Take the address from the settings, or compare it with the issuers that you trust before anything is fetched.",
                keys.claim
            );
            let steps = vec![related(state, keys.fetch, "keys are fetched from there here".to_owned())];
            found.push(report(state, &INFO, severity, keys.site, message, steps));
        }
    });
}

/// Files with a verification that expects an issuer, in another function than one that reads it from the token.
fn expecting_elsewhere(state: &State) -> FxHashSet<FileId> {
    let all = || state.tokens.items().map(|(_, tokens)| tokens);
    let reading: FxHashSet<_> = all().flat_map(|tokens| &tokens.named_keys).map(|keys| keys.function).collect();
    all()
        .flat_map(|tokens| &tokens.decodes)
        .filter(|decode| decode.unverified.is_none() && decode.issuer != Expected::Nothing)
        .filter(|decode| !reading.contains(&decode.function))
        .map(|decode| decode.site.file)
        .collect()
}
