//! `mixed-algorithms`: algorithms of both families in one list.

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Algorithms, KeySource, Library};
use crate::facts::manifests::Version;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "mixed-algorithms",
    summary: "one verification that takes shared secrets and public keys",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/mixed-algorithms.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            let Algorithms::Known(known) = &decode.algorithms else { continue };
            let shared = known.iter().find(|(name, _)| name.starts_with("HS"));
            let public = known.iter().find(|(name, _)| is_asymmetric(name));
            let (Some((shared, site)), Some((public, other))) = (shared, public) else { continue };
            // PyJWT takes no key object for a secret (2.7 and 2.15, `HMACAlgorithm.prepare_key`: `TypeError`).
            let is_object = decode.library == Library::PyJwt && matches!(decode.key, KeySource::Jwks { .. });
            let severity = match decode.library {
                _ if is_object => Severity::Info,
                Library::PyJwt | Library::Jose if !is_safe(state, site.file, decode.library) => Severity::Error,
                _ => Severity::Warning,
            };
            let message = match is_object {
                true => format!(
                    "This verification takes {shared} and {public}, and its keys are public ones: a token that says {shared} is refused with `TypeError`, which is no error of PyJWT's. Name the algorithms of one family only."
                ),
                false => format!(
                    "This verification takes {shared} and {public} with one key: a public key, which everybody has, may then be used as the secret to sign with. Name the algorithms of one family only."
                ),
            };
            let steps = vec![
                related(state, *other, format!("{public} stands here")),
                related(state, decode.site, format!("{} verifies with both", decode.library.name())),
            ];
            found.push(report(state, &INFO, severity, *site, message, steps));
        }
    });
}

/// Whether an algorithm is verified with a public key.
fn is_asymmetric(name: &str) -> bool {
    name == "EdDSA" || ["RS", "ES", "PS"].iter().any(|family| name.starts_with(family))
}

/// Whether the version of the library that a project locks refuses keys of
/// the other family: PyJWT does from 2.13 on (CVE-2026-48526), python-jose
/// never does for keys in DER.
fn is_safe(state: &State, file: FileId, library: Library) -> bool {
    let path = state.sources.file(file).map(|file| file.path.as_str()).unwrap_or_default();
    library == Library::PyJwt && state.packages.newest(path, "pyjwt").is_none_or(|version| version >= Version(2, 13, 0))
}
