//! `hardcoded-secret`: a key that stands in the code.

use std::collections::BTreeMap;

use super::shared::frontend;
use super::{RuleInfo, State, related, report};
use smol_str::SmolStr;

use crate::auth::keys::{Key, Purpose, Source};
use crate::auth::tokens::KeySource;
use crate::frontend::issuers::Setting;
use crate::frontend::outcome::KeyUse;
use crate::ide::{Confidence, Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::agreement::issued::secret_variable;
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "hardcoded-secret",
    summary: "a key that signs or verifies and stands in the code",
    cwe: "CWE-798",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/hardcoded-secret.md"),
};

/// Uses named in a finding.
const SHOWN_USES: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_environments(state, wanted, found);
    let mut by_origin: BTreeMap<Site, Vec<&Key>> = BTreeMap::new();
    for key in state.keys.values().flat_map(|file| &file.keys) {
        by_origin.entry(key.origin).or_default().push(key);
    }
    for (origin, mut keys) in by_origin {
        let in_test = state.sources.file(origin.file).is_some_and(|file| file.test);
        if !wanted(origin.file) || in_test || state.sources.is_ghost(origin) {
            continue;
        }
        keys.sort_by_key(|key| key.used);
        let Some(first) = keys.first() else { continue };
        let (severity, message) = said(first);
        let uses =
            keys.iter().take(SHOWN_USES).map(|key| related(state, key.used, format!("it {} here", key.purpose.verb())));
        found.push(report(state, &INFO, severity, origin, message, uses.collect()));
    }
}

/// Keys in files that set variables and are committed: of variables that code
/// signs or verifies with.
fn check_environments(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if state.environments.is_empty() {
        return;
    }
    let mut used: Vec<(SmolStr, Option<Site>)> = Vec::new();
    for (_, tokens) in state.tokens.items() {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            if let KeySource::Secret(Some(name)) = &decode.key {
                used.push((name.clone(), Some(decode.site)));
            }
        }
    }
    for key in state.keys.values().flat_map(|file| &file.keys) {
        if let Source::Environment(name) | Source::Setting(name) = &key.source {
            used.push((name.clone(), Some(key.used)));
        }
    }
    for (_, outcome) in state.frontend.outcomes() {
        used.extend(outcome.issuers.iter().filter_map(|issuer| Some((secret_variable(issuer)?, None))));
        used.extend(outcome.mints.iter().filter_map(|mint| match &mint.key {
            Setting::Environment(name) => Some((name.clone(), None)),
            _ => None,
        }));
    }
    for (file, variables) in state.environments.iter().filter(|(file, _)| wanted(**file)) {
        for variable in variables {
            let mut uses = used.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&variable.name));
            let Some((_, site)) = uses.clone().min_by_key(|(_, site)| (site.is_none(), *site)).or_else(|| uses.next())
            else {
                continue;
            };
            let message = format!(
                "This file is committed, and `{}` is a key: whoever can read the repository, or a copy of it, can sign a token for any user. Take the file out of the repository, and issue a new key.",
                variable.name
            );
            found.push(Diagnostic {
                rule: INFO.code,
                severity: Severity::Error,
                confidence: Confidence::High,
                location: Location { file: *file, range: variable.range },
                message,
                related: site.map(|site| related(state, site, "the key is used here".to_owned())).into_iter().collect(),
                unnecessary: false,
            });
        }
    }
}

/// Variables that Better Auth 1.7 reads its secret from by itself.
const BETTER_AUTH_VARIABLES: &[&str] = &["BETTER_AUTH_SECRET", "AUTH_SECRET"];

/// Keys in the frontend's code.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes() {
        for literal in outcome.literals.iter().filter(|literal| literal.place.file == file && wanted(file)) {
            let is_read_by_name =
                literal.variable.as_ref().is_some_and(|name| BETTER_AUTH_VARIABLES.contains(&name.as_str()));
            let used = match literal.used {
                Some((used, _)) => used,
                None if is_read_by_name => KeyUse::BetterAuth,
                None => continue,
            };
            let purpose = match used {
                KeyUse::BetterAuth => "Better Auth signs cookies and encrypts with",
                KeyUse::Signs => "signs tokens",
                KeyUse::Verifies => "verifies tokens",
            };
            let (severity, message) = match &literal.variable {
                Some(variable) => (
                    Severity::Warning,
                    format!(
                        "Where `{variable}` is not set, the key that {purpose} is a value that stands in the code, and whoever has read the code can use it: fail when it is missing."
                    ),
                ),
                None => (
                    Severity::Error,
                    format!(
                        "The key that {purpose} is a value that stands in the code, and whoever has read the code can use it: read it from the environment, and fail when it is missing."
                    ),
                ),
            };
            let steps = literal.used.and_then(|(_, place)| frontend::related(state, place, "it is used here"));
            found.extend(frontend::report(state, &INFO, severity, literal.place, message, steps.into_iter().collect()));
        }
    }
}

/// Severity and message; the value itself is never said.
fn said(key: &Key) -> (Severity, String) {
    let purpose = key.purpose.verb();
    let value = if key.empty { "the empty text" } else { "a value that stands in the code" };
    let who = if key.empty { "anybody" } else { "whoever has read the code" };
    match &key.source {
        Source::Literal => (
            if key.purpose == Purpose::Hmac { Severity::Warning } else { Severity::Error },
            format!(
                "The key that {purpose} is {value}, and {who} can use it: read it from the environment, and fail when it is missing."
            ),
        ),
        Source::Environment(variable) => (
            Severity::Warning,
            format!(
                "Where `{variable}` is not set, the key that {purpose} is {value}, and {who} can use it: fail when it is missing."
            ),
        ),
        Source::Setting(field) => (
            Severity::Warning,
            format!(
                "Where nothing sets `{field}`, the key that {purpose} is {value}, and {who} can use it: leave the default out, so that the application fails when it is missing."
            ),
        ),
    }
}
