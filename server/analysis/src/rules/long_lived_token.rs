//! `long-lived-token`: a token that outlives what it is for.

use smol_str::SmolStr;

use super::shared::tokens::{duration, for_each_item};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Encode, Life, Lifetime, Miscounted};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
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
        let issued = |function: Site| state.tokens.encodes().find(|encode| encode.function == Some(function));
        for miscounted in &tokens.miscounted {
            found.extend(issued(miscounted.function).map(|encode| wrong_unit(state, miscounted, encode)));
        }
        for encode in &tokens.encodes {
            if tokens.miscounted.iter().any(|miscounted| Some(miscounted.function) == encode.function) {
                continue;
            }
            found.extend(local_end(state, encode));
            found.extend(by_default(state, encode));
            found.extend(by_callers(state, encode));
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
        let is_told_wrong = |told: &&Lifetime| tokens.miscounted.iter().any(|miscounted| miscounted.site == told.site);
        let too_long_told = tokens.lifetimes.iter().filter(|told| told.seconds > MAX_SECONDS);
        for told in too_long_told.filter(|told| !is_told_wrong(told)) {
            let encodes = || state.tokens.items().flat_map(|(_, tokens)| &tokens.encodes);
            let Some(encode) = encodes().find(|encode| encode.function == Some(told.callee)) else { continue };
            let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
            found.push(report(state, &INFO, severity_of(told.seconds), told.site, too_long(told.seconds), steps));
        }
    });
}

/// A length that is counted in days, and called another unit.
fn wrong_unit(state: &State, miscounted: &Miscounted, encode: &Encode) -> Diagnostic {
    let Miscounted { name, times, .. } = miscounted;
    let unit = match times {
        24 => "hours",
        1_440 => "minutes",
        _ => "seconds",
    };
    let message = format!(
        "`timedelta` counts its first argument in days, and `{name}` in {unit}: this token lives {times} times as long as that says. Write `timedelta({unit}=…)`."
    );
    let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
    report(state, &INFO, Severity::Warning, miscounted.site, message, steps)
}

/// A token that lives too long where its function is not told how long, and some call does not tell it.
fn by_default(state: &State, encode: &Encode) -> Option<Diagnostic> {
    let life = encode.by_default.as_ref().filter(|life| life.seconds > MAX_SECONDS)?;
    let is_left_out = leaves_out(state, encode.function?, &life.parameter, 0);
    let steps = vec![related(state, encode.site, "the token is issued here".to_owned())];
    is_left_out.then(|| report(state, &INFO, severity_of(life.seconds), life.site, too_long(life.seconds), steps))
}

/// A token that never ends where a call of its function hands over claims without an end.
fn by_callers(state: &State, encode: &Encode) -> Option<Diagnostic> {
    let handed = encode.handed.as_ref().filter(|handed| handed.is_endless)?;
    let (parameter, function) = (&handed.parameter, encode.function?);
    let mut calls = state.tokens.items().flat_map(|(_, tokens)| &tokens.issuer_calls);
    let call = calls.find(|call| call.callee == function && call.endless.contains(parameter))?;
    if ends_otherwise(state, encode) {
        return None;
    }
    let message = format!(
        "The claims that callers hand over as `{parameter}` have no `exp`, and nothing adds one: the token never expires, and whoever gets hold of one can use it for ever. Give the payload an `exp` here."
    );
    let steps = vec![related(state, call.site, "claims without an end are handed over here".to_owned())];
    Some(report(state, &INFO, Severity::Warning, encode.site, message, steps))
}

/// Whether a call of a function leaves an optional parameter out, or hands on one that is left out.
fn leaves_out(state: &State, function: Site, parameter: &SmolStr, depth: u32) -> bool {
    let calls = || state.tokens.items().flat_map(|(_, tokens)| &tokens.issuer_calls);
    calls().filter(|call| call.callee == function).any(|call| {
        let handed_on = call.passed_on.iter().find(|(given, _)| given == parameter).map(|(_, own)| own);
        call.left_out.contains(parameter)
            || handed_on
                .zip(call.function)
                .is_some_and(|(own, caller)| depth < MAX_CALLS && leaves_out(state, caller, own, depth + 1))
    })
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

/// Functions that hand on what they are not told.
const MAX_CALLS: u32 = 3;

/// Seconds that a refresh token may well live: a month.
const MAX_SECONDS: i64 = 31 * 86_400;

/// Seconds of a year, less a day.
const YEAR: i64 = 364 * 86_400;
