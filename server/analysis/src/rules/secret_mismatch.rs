//! `secret-mismatch`: two halves that sign and verify with different values of one secret.

use smol_str::SmolStr;

use super::{RuleInfo, State};
use crate::auth::tokens::{Algorithms, KeySource};
use crate::facts::environment::Looks;
use crate::frontend::issuers::Setting;
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::verdicts::agreement::issued::secret_variable;
use crate::verdicts::environments::{Folders, SetIn, nearest};
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-mismatch",
    summary: "a secret that both halves share and that has another value in each",
    cwe: "CWE-1188",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/secret-mismatch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if state.environments.len() < 2 {
        return;
    }
    for (file, name) in signed(state) {
        let Some(own) = nearest(state, file, &name, &[".env.local", ".env"], Folders::OfProject) else { continue };
        for (_, tokens) in state.tokens.items() {
            for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
                let KeySource::Secret(Some(variable)) = &decode.key else { continue };
                let by_secret = match &decode.algorithms {
                    Algorithms::Known(known) => known.iter().any(|(name, _)| name.starts_with("HS")),
                    _ => true,
                };
                if !by_secret || !variable.eq_ignore_ascii_case(&name) {
                    continue;
                }
                let Some(other) = nearest(state, decode.site.file, &name, &[".env"], Folders::All) else { continue };
                let differ = own.variable.value.fingerprint != other.variable.value.fingerprint;
                // A value that asks to be replaced is nobody's.
                let is_blank = |set: &SetIn<'_>| matches!(set.variable.value.looks, Looks::Placeholder | Looks::Blank);
                if is_blank(&own) || is_blank(&other) {
                    continue;
                }
                if own.location.file == other.location.file || !differ {
                    continue;
                }
                for (here, there) in [(&own, &other), (&other, &own)] {
                    if wanted(here.location.file) {
                        found.push(finding(state, &name, here, there, state.sources.locate(decode.site)));
                    }
                }
            }
        }
    }
}

fn finding(state: &State, name: &str, here: &SetIn<'_>, there: &SetIn<'_>, verified: Location) -> Diagnostic {
    let path = |file: FileId| state.sources.file(file).map_or("", |source| &source.path);
    let shown = there.location.file;
    let root =
        state.roots.iter().filter_map(|root| path(shown).strip_prefix(root.as_str())).min_by_key(|rest| rest.len());
    let other = root.unwrap_or(path(shown)).trim_start_matches('/');
    Diagnostic {
        rule: INFO.code,
        severity: Severity::Error,
        confidence: Confidence::High,
        location: here.location,
        message: format!(
            "`{name}` has another value in `{other}`: the frontend signs tokens with one and the backend verifies them with the other, so that it refuses all of them. Give both the same value."
        ),
        related: vec![
            Related { location: there.location, message: "the other value stands here".to_owned() },
            Related { location: verified, message: "tokens are verified with it here".to_owned() },
        ],
        unnecessary: false,
    }
}

/// Variables with which the frontend signs tokens that a backend can verify, and the modules that do.
fn signed(state: &State) -> Vec<(FileId, SmolStr)> {
    let mut signed = Vec::new();
    for (_, outcome) in state.frontend.outcomes() {
        for mint in &outcome.mints {
            let by_secret = mint.algorithm.as_ref().is_some_and(|name| name.starts_with("HS"));
            if let Setting::Environment(name) = &mint.key
                && by_secret
            {
                signed.push((mint.place.file, name.clone()));
            }
        }
        for issuer in &outcome.issuers {
            let is_cached = issuer.options.text("session.cookieCache.strategy") == Some("jwt");
            signed.extend(secret_variable(issuer).filter(|_| is_cached).map(|name| (issuer.place.file, name)));
        }
    }
    signed.sort();
    signed.dedup();
    signed
}
