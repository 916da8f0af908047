//! `unverified-decode`: claims of tokens that nothing has verified.

use rustc_hash::FxHashSet;

use super::shared::guards::switched_off;
use super::shared::tokens::{for_each_item, is_rested_on, pretenders};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::Purpose;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unverified-decode",
    summary: "a token whose claims are believed without a look at its signature",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/unverified-decode.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut pretending: Option<FxHashSet<Site>> = None;
    let mut switched_off_by_setting = None;
    for_each_item(state, wanted, |tokens| {
        for decode in &tokens.decodes {
            let Some(off) = decode.unverified else { continue };
            let guards = decode.function.is_some_and(|function| state.in_use.is_used(function));
            let signs_in = decode.function.and_then(|function| signing_in(state, function));
            let (severity, used) = match &decode.purpose {
                Purpose::Believed(_) | Purpose::Unknown if signs_in.is_some() => {
                    (Severity::Error, signs_in.map(|(claim, _)| claim))
                }
                Purpose::Believed(used) if guards || decode.function.is_some_and(|it| is_rested_on(state, it)) => {
                    (Severity::Error, Some(*used))
                }
                Purpose::Believed(used) => (Severity::Info, Some(*used)),
                Purpose::Unknown if guards => (Severity::Warning, None),
                _ => continue,
            };
            // That its dependency verifies nothing is said there.
            let pretending = pretending.get_or_insert_with(|| pretenders(state));
            if decode.function.is_some_and(|function| pretending.contains(&function))
                || pretending.contains(&decode.site)
            {
                continue;
            }
            // How bad that a setting leads there is, `auth-bypass-switch` says.
            let off_by_setting = switched_off_by_setting.get_or_insert_with(|| switched_off(state));
            let by_setting = off_by_setting.contains(&(decode.site.file, decode.site.item));
            let severity = if by_setting { severity.min(Severity::Warning) } else { severity };
            let message = "The claims are read without a look at the signature, so anybody can write them: verify the token with its key, its algorithms and its audience.";
            let mut steps = Vec::new();
            if off != decode.site {
                steps.push(related(state, off, "the verification is switched off here".to_owned()));
            }
            steps.extend(used.map(|used| related(state, used, "the claims are believed here".to_owned())));
            steps.extend(
                signs_in.map(|(_, issued)| related(state, issued, "whoever they name is signed in here".to_owned())),
            );
            found.push(report(state, &INFO, severity, decode.site, message.to_owned(), steps));
        }
    });
}

/// Claims that say whose a token is.
const OWNERS: &[&str] = &["sub", "email", "user_id", "uid", "id", "username", "preferred_username"];

/// Where a caller of a function reads from what it gives whose a token is, and
/// where it issues a token of its own then.
fn signing_in(state: &State, function: Site) -> Option<(Site, Site)> {
    let items = || state.tokens.items().map(|(_, tokens)| tokens);
    let issued = |by: Site| {
        let here = items().flat_map(|tokens| &tokens.encodes).find(|encode| encode.function == Some(by));
        here.map(|encode| encode.site)
    };
    let calls = || items().flat_map(|tokens| &tokens.calls);
    calls().filter(|call| call.callee == function).find_map(|call| {
        let claim = call.reads.iter().find(|claim| OWNERS.contains(&claim.name.as_str()))?;
        let by_call = || {
            let beside = calls().filter(|other| other.function == call.function);
            beside.into_iter().find(|other| issued(other.callee).is_some()).map(|other| other.site)
        };
        Some((claim.site, issued(call.function).or_else(by_call)?))
    })
}
