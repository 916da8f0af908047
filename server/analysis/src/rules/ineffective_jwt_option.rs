//! `ineffective-jwt-option`: an option of `jwt()` that does not do what it says.

use super::shared::frontend;
use super::{RuleInfo, State};
use crate::frontend::issuers::{Given, Plugin, Setting};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "ineffective-jwt-option",
    summary: "an option of Better Auth's `jwt()` that it does not know, or that breaks it",
    cwe: "CWE-1164",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/ineffective-jwt-option.md"),
};

/// Options of `jwt()`, and the minor version of Better Auth 1 that has them first.
const KNOWN: &[(&str, u32)] = &[
    ("adapter", 4),
    ("disableSettingJwtHeader", 3),
    ("jwks", 0),
    ("jwks.disablePrivateKeyEncryption", 0),
    ("jwks.gracePeriod", 4),
    ("jwks.jwksPath", 4),
    ("jwks.keyPairConfig", 0),
    ("jwks.keyPairConfigs", 7),
    ("jwks.remoteUrl", 3),
    ("jwks.rotationInterval", 4),
    ("jwt", 0),
    ("jwt.audience", 0),
    ("jwt.definePayload", 0),
    ("jwt.expirationTime", 0),
    ("jwt.getSubject", 2),
    ("jwt.issuer", 0),
    ("jwt.sign", 3),
    ("schema", 0),
    ("sessionCookieCache", 7),
];
/// Objects whose properties are looked at.
const OBJECTS: &[&str] = &["", "jwks", "jwt"];
/// Algorithms that Better Auth makes keys for.
const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "ES512", "PS256", "RS256"];
/// Seconds since 1970 below which a time was meant to be a span.
const LONG_AGO: f64 = 1_000_000_000.0;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes() {
        let plugins = outcome.issuers.iter().filter(|issuer| issuer.place.file == file).flat_map(|one| &one.plugins);
        for plugin in plugins.filter(|plugin| plugin.name == "jwt" && wanted(plugin.place.file)) {
            let path = state.sources.file(file).map_or("", |source| source.path.as_str());
            let minor = state.frontend.better_auth_minor(path);
            for given in &plugin.options.given {
                let Some((severity, message)) = fault(given, minor) else { continue };
                let place = given.place.unwrap_or(plugin.place);
                found.extend(frontend::report(state, &INFO, severity, place, message, Vec::new()));
            }
            found.extend(without_remote(state, plugin));
        }
    }
}

fn fault(given: &Given, minor: Option<u32>) -> Option<(Severity, String)> {
    let path = given.path.as_str();
    match (path, &given.value) {
        ("jwks.keyPairConfig.alg", Setting::Text(name)) if !ALGORITHMS.contains(&name.as_str()) => {
            return Some((
                Severity::Error,
                format!(
                    "Better Auth makes no keys for {name}: `/token`, the set of public keys and even `/get-session` answer 500, and nobody can sign in. It signs with EdDSA, ES256, ES512, PS256 or RS256."
                ),
            ));
        }
        ("jwt.expirationTime", Setting::Number(number)) if number.parse().is_ok_and(|n: f64| n < LONG_AGO) => {
            return Some((
                Severity::Error,
                "A number is taken for the time at which tokens end, in seconds since 1970: every token has ended when it is issued. Write a span such as \"15m\"."
                    .to_owned(),
            ));
        }
        _ => {}
    }
    let (folder, name) = path.rsplit_once('.').unwrap_or(("", path));
    if !OBJECTS.contains(&folder) {
        return None;
    }
    match KNOWN.iter().find(|(known, _)| *known == path) {
        Some((_, since)) => {
            let minor = minor.filter(|minor| minor < since)?;
            Some((
                Severity::Warning,
                format!("Better Auth 1.{minor} does not know `{name}` yet, and ignores it: it came with 1.{since}."),
            ))
        }
        None => {
            let meant = meant(name);
            Some((Severity::Warning, format!("`jwt()` has no option `{path}`, and ignores it{meant}")))
        }
    }
}

/// What an unknown option was likely meant for.
fn meant(name: &str) -> &'static str {
    match name {
        "algorithm" | "alg" | "secret" | "signingKey" => {
            ": tokens are signed with a pair of keys of its own, EdDSA unless `jwks.keyPairConfig` says otherwise."
        }
        "expiresIn" | "expiration" | "maxAge" => ": how long tokens live is said by `jwt.expirationTime`.",
        "issuer" | "audience" | "expirationTime" | "definePayload" | "getSubject" | "sign" => {
            ": it belongs into the object `jwt` of the options."
        }
        "keyPairConfig" | "remoteUrl" | "jwksPath" => ": it belongs into the object `jwks` of the options.",
        _ => ".",
    }
}

/// `jwt.sign` without the place at which the keys are served.
fn without_remote(state: &State, plugin: &Plugin) -> Option<Diagnostic> {
    let sign = plugin.options.get("jwt.sign")?;
    if !plugin.options.is_absent("jwks.remoteUrl") {
        return None;
    }
    let message = "`jwt.sign` needs `jwks.remoteUrl`: without it Better Auth refuses the options when it starts.";
    frontend::report(state, &INFO, Severity::Error, sign.place.unwrap_or(plugin.place), message.to_owned(), Vec::new())
}
