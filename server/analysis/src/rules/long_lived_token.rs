//! `long-lived-token`: a token that outlives what it is for.

use smol_str::SmolStr;

use super::shared::tokens::{duration, for_each_item};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Encode, Life};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "long-lived-token",
    summary: "a token that never expires, or not for a long time",
    cwe: "CWE-613",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/long-lived-token.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for encode in &tokens.encodes {
            found.extend(local_end(state, encode));
            let (severity, site, message) = match encode.life {
                Life::Endless if ends_otherwise(state, encode) => continue,
                Life::Endless if encode.payload.is_none() => (
                    Severity::Warning,
                    encode.site,
                    "Tokens of this strategy never expire, and whoever gets hold of one can use it for ever. Give it `lifetime_seconds`.".to_owned(),
                ),
                Life::Endless => (
                    Severity::Warning,
                    encode.site,
                    "This token has no `exp`: it never expires, and whoever gets hold of one can use it for ever. Give the payload an `exp`.".to_owned(),
                ),
                Life::Seconds(seconds, site) if seconds > MAX_SECONDS => (severity_of(seconds), site, too_long(seconds)),
                _ => continue,
            };
            let steps = encode.payload.map(|payload| related(state, payload, "its payload is made here".to_owned()));
            found.push(report(state, &INFO, severity, site, message, steps.into_iter().collect()));
        }
        for told in tokens.lifetimes.iter().filter(|told| told.seconds > MAX_SECONDS) {
            let encodes = || state.tokens.items().flat_map(|(_, tokens)| &tokens.encodes);
            let Some(encode) = encodes().find(|encode| encode.function == Some(told.callee)) else { continue };
            let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
            found.push(report(state, &INFO, severity_of(told.seconds), told.site, too_long(told.seconds), steps));
        }
    });
}

/// An end that is counted from local time, and read as if that were UTC.
fn local_end(state: &State, encode: &Encode) -> Option<Diagnostic> {
    let message = format!(
        "`datetime.now()` gives local time without a zone, and {} takes that for UTC: east of it this token lives hours longer, west of it it has expired when it is issued. Count from `datetime.now(timezone.utc)`.",
        encode.library.name()
    );
    let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
    Some(report(state, &INFO, Severity::Warning, encode.local_end?, message, steps))
}

fn severity_of(seconds: i64) -> Severity {
    if seconds > YEAR { Severity::Warning } else { Severity::Info }
}

fn too_long(seconds: i64) -> String {
    format!(
        "This token lives for {}: nothing takes it back until then. Let it live for minutes, and have it refreshed.",
        duration(seconds)
    )
}

/// Whether a token has a claim of the project's own that says when it ends, and
/// that whoever verifies tokens reads.
fn ends_otherwise(state: &State, encode: &Encode) -> bool {
    let own = |claim: &&SmolStr| claim.contains("expir") || claim.contains("valid_until");
    let mut tokens = state.tokens.items().map(|(_, tokens)| tokens);
    encode.claims.iter().find(own).is_some_and(|claim| {
        tokens.any(|tokens| {
            let decodes = tokens.decodes.iter().flat_map(|decode| &decode.reads);
            let mut reads = decodes.chain(tokens.calls.iter().flat_map(|call| &call.reads));
            reads.any(|read| read.name == *claim)
        })
    })
}

/// Seconds that a refresh token may well live: a month.
const MAX_SECONDS: i64 = 31 * 86_400;

/// Seconds of a year, less a day.
const YEAR: i64 = 364 * 86_400;
