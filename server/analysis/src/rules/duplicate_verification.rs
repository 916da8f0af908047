//! `duplicate-verification`: one verification that is written several times.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::shared::tokens::is_script;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Algorithms, Decode, Expected, KeySource, Library};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "duplicate-verification",
    summary: "the same verification of tokens, written several times",
    cwe: "CWE-1041",
    owasp: "API2:2023",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/duplicate-verification.md"),
};

/// Others that a finding names.
const SHOWN: usize = 3;

/// What makes two verifications one that is written twice.
type Kind<'s> = (&'static str, &'s SmolStr, Vec<&'s SmolStr>);

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut by_kind: BTreeMap<Kind<'_>, Vec<&Decode>> = BTreeMap::new();
    for decode in state.tokens.decodes() {
        let file = decode.site.file;
        let counts = || state.sources.file(file).is_some_and(|source| !source.test) && !is_script(state, file);
        if let Some(kind) = kind(decode).filter(|_| counts()) {
            by_kind.entry(kind).or_default().push(decode);
        }
    }
    for (_, mut decodes) in by_kind {
        decodes.sort_by_key(|decode| decode.site);
        decodes.dedup_by_key(|decode| decode.function);
        let Some((first, others)) = decodes.split_first().filter(|(_, others)| !others.is_empty()) else { continue };
        // Half of a project may be a copy of the other: its halves don't share code.
        for decode in others.iter().filter(|decode| wanted(decode.site.file) && is_of_one_program(state, first, decode))
        {
            let message = "The same verification of tokens is written elsewhere, too: what is mended in one place stays wrong in the other. Have one function verify, and call it.".to_owned();
            let steps = decodes.iter().filter(|other| other.site != decode.site).take(SHOWN);
            let steps = steps.map(|other| related(state, other.site, "it is verified here, too".to_owned()));
            found.push(report(state, &INFO, Severity::Info, decode.site, message, steps.collect()));
        }
    }
}

fn is_of_one_program(state: &State, one: &Decode, other: &Decode) -> bool {
    let root = |decode: &Decode| {
        let path = state.sources.file(decode.site.file).map(|file| file.path.as_str()).unwrap_or_default();
        let levels = state.sources.module_name(decode.site.file).split('.').count();
        (0..levels).fold(path, |path, _| path.rsplit_once('/').map_or("", |(folder, _)| folder)).to_owned()
    };
    root(one) == root(other)
}

/// A verification of callers, by what it verifies with. One that is told of a
/// token's kind verifies another kind of token.
fn kind(decode: &Decode) -> Option<Kind<'_>> {
    const LIBRARIES: &[Library] = &[Library::PyJwt, Library::Jose];
    let KeySource::Secret(Some(key)) = &decode.key else { return None };
    let Algorithms::Known(known) = &decode.algorithms else { return None };
    let is_plain =
        decode.audience == Expected::Nothing && decode.issuer == Expected::Nothing && decode.skips.is_empty();
    let reads = |names: &[&str]| decode.reads.iter().any(|read| names.contains(&read.name.as_str()));
    let reads_kind = reads(&["type", "typ", "token_type", "purpose", "scope"]);
    // A token may name a file, too.
    let names_caller = reads(&["sub", "user_id", "userId", "uid", "id"]);
    let is_callers = decode.unverified.is_none() && decode.is_credential;
    let counts = is_callers && is_plain && !reads_kind && names_caller && LIBRARIES.contains(&decode.library);
    counts.then(|| (decode.library.name(), key, known.iter().map(|(name, _)| name).collect()))
}
