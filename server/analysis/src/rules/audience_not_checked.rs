//! `audience-not-checked`: a verification that is told not to look at `aud`.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::is_test;
use super::shared::tokens::{for_each_item, issues_own};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::auth::tokens::{Check, KeySource};
use crate::data::Believed;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "audience-not-checked",
    summary: "a verification that leaves the audience of a token alone",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/audience-not-checked.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        // What one function tries one after the other is one decision.
        let mut first = None;
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let skipped = decode.skips.iter().find(|(check, _)| *check == Check::Audience);
            let Some((_, site)) = skipped.filter(|_| !decode.reads.iter().any(|claim| claim.name == "aud")) else {
                continue;
            };
            // A secret of one's own and tokens without that claim: nobody else issues any.
            if matches!(decode.key, KeySource::Secret(_)) && issues_own(state, decode.library, "aud") {
                continue;
            }
            // Where the key could not be followed, it may be such a secret.
            let severity = match decode.key {
                _ if first.is_some() => Severity::Info,
                KeySource::Unknown if issues_own(state, decode.library, "aud") => Severity::Info,
                _ if names_clerk(state, decode.site.file) => Severity::Info,
                _ => Severity::Warning,
            };
            let message = "A token that was issued for another application passes this verification, because the check of `aud` is switched off: expect the audience with `audience=`.";
            let mut steps = vec![related(state, decode.site, "the token is verified here".to_owned())];
            steps.extend(first.map(|first| related(state, first, "the same is switched off here before".to_owned())));
            first.get_or_insert(*site);
            found.push(report(state, &INFO, severity, *site, message.to_owned(), steps));
        }
    });
    check_believed(state, wanted, found);
}

/// Tokens that clients send, and of which a provider is asked whose they are: whoever shows one is signed in.
fn check_believed(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        let is_open =
            matches!(judged.guard, Guard::Open(_) | Guard::Public(_) | Guard::InBody(_)) && !route.conditional;
        let signs_in = |believed: &&Believed| believed.signs || judged.guard.signs_in();
        for believed in judged.data.believed.iter().filter(signs_in).filter(|_| is_open) {
            let site = believed.site;
            let is_here = wanted(site.file) && !is_test(state, site.file) && !state.sources.is_ghost(site);
            if !is_here || !seen.insert(site) {
                continue;
            }
            let provider = believed.provider;
            let token = match believed.token.as_str() {
                "" => "the caller's token".to_owned(),
                name => format!("`{name}`"),
            };
            let message = format!(
                "{provider} says here whose {token} is, and nothing looks for whom it was issued: who runs another application signs in with the tokens of its users. Compare the audience of the token with the client ID of this application, or have the client send a code, and exchange that."
            );
            found.push(report(state, &INFO, Severity::Warning, site, message, Vec::new()));
        }
    });
}

/// Whether a module says that its tokens are those of Clerk: in these the claim is there only where somebody adds it, and
/// `azp` tells for whom they are (Clerk, session tokens, version 2).
fn names_clerk(state: &State, file: FileId) -> bool {
    let text = state.documents.get(file).and_then(|document| document.text());
    text.is_some_and(|text| ["clerk", "Clerk", "CLERK"].iter().any(|name| text.contains(name)))
}
