//! `secret-mismatch`: tokens that are signed with another secret than they are verified with.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::shared::tokens::way_out;
use super::{RuleInfo, State, for_each_served, path_below_root, related, report};
use crate::auth::public::{SIGNING_IN, by_nature};
use crate::auth::tokens::{Algorithms, Decode, Encode, ItemTokens, KeySource, PlainField};
use crate::facts::environment::{Looks, Variable};
use crate::frontend::issuers::Setting;
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::value::Site;
use crate::verdicts::agreement::issued::secret_variable;
use crate::verdicts::environments::{Folders, SetIn, nearest};
use crate::verdicts::handler_site;
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "secret-mismatch",
    summary: "tokens that are signed with another secret than they are verified with",
    cwe: "CWE-1188",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/secret-mismatch.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    check_backend(state, wanted, found);
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
    let other = path_below_root(state, there.location.file);
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

/// Sign-ins whose tokens are signed with one field of the settings, where every verification takes another one.
fn check_backend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut at_sign_in = None;
    for encode in state.tokens.encodes().filter(|encode| wanted(encode.site.file) && !is_test(state, encode.site.file))
    {
        let (Some(field), Some(function)) = (&encode.field, encode.function) else { continue };
        let Some(decode) = other_verification(state, encode, field) else { continue };
        let Some(verified) = &decode.field else { continue };
        let handlers = at_sign_in.get_or_insert_with(|| sign_ins(state));
        if way_out(state, function, &mut |site| handlers.contains(&site), &|_, _| true).is_none() {
            continue;
        }
        let message = format!(
            "Signing in gives tokens that are signed with `{}`, and every verification of this backend takes `{}`: unless both are set to the same value, none of these tokens is ever accepted. Sign with the key that is verified with.",
            field.name, verified.name
        );
        let steps = vec![related(state, decode.site, "tokens are verified with the other key here".to_owned())];
        found.push(report(state, &INFO, Severity::Warning, encode.site, message, steps));
    }
}

/// A verification that routes rest on and that takes another field of the same settings, if all
/// verifications of the project are known and none may take a token's own key.
fn other_verification<'s>(state: &'s State, encode: &Encode, field: &PlainField) -> Option<&'s Decode> {
    let manifest = |file: FileId| state.sources.fastapi(file).map(|(_, manifest)| manifest);
    let own = manifest(encode.site.file);
    let of_project = |file: FileId| manifest(file) == own && !is_test(state, file);
    // Sessions of Better Auth have tokens of their own; of others a signed one may be kept.
    let mut frontends = state.frontend.outcomes();
    let kept_by_others = !frontends.any(|(_, outcome)| !outcome.issuers.is_empty());
    let by_hand =
        |tokens: &ItemTokens| !tokens.handmade.is_empty() || (kept_by_others && !tokens.session_queries.is_empty());
    if state.tokens.items().any(|(file, tokens)| of_project(file) && by_hand(tokens)) {
        return None;
    }
    let mut other = None;
    let verified = state.tokens.decodes().filter(|decode| decode.unverified.is_none());
    for decode in verified.filter(|decode| of_project(decode.site.file)) {
        let one = decode.field.as_ref().filter(|one| is_other(state, field, one))?;
        let by_secret = match &decode.algorithms {
            Algorithms::Known(known) => known.iter().all(|(name, _)| name.starts_with("HS")),
            _ => !is_of_a_pair(&one.name) && !is_of_a_pair(&field.name),
        };
        if !by_secret {
            return None;
        }
        let guards = |site| state.in_use.is_used(site) && !state.in_use.is_handler(site);
        if decode
            .function
            .is_some_and(|function| way_out(state, function, &mut |site| guards(site), &|_, _| true).is_some())
        {
            other.get_or_insert(decode);
        }
    }
    other
}

/// Whether two fields of one class are filled with different values, as far as is seen.
fn is_other(state: &State, field: &PlainField, other: &PlainField) -> bool {
    let set_in = |set: &[Variable], name: &str| {
        let variable = set.iter().rev().find(|variable| variable.name.eq_ignore_ascii_case(name));
        variable.map(|variable| variable.value.fingerprint)
    };
    let is_same = |set: &[Variable]| {
        let value = set_in(set, &field.name);
        value.is_some() && value == set_in(set, &other.name)
    };
    field.class == other.class
        && field.name != other.name
        && (field.default.is_none() || field.default != other.default)
        && !state.environments.values().any(|set| is_same(&set.variables))
}

/// Whether a key is called one of a pair, or what such a pair is kept in.
fn is_of_a_pair(name: &str) -> bool {
    ["private", "public", "pem", "rsa", "cert"].iter().any(|word| name.to_ascii_lowercase().contains(word))
}

/// Handlers that sign somebody in.
fn sign_ins(state: &State) -> FxHashSet<Site> {
    let mut handlers = FxHashSet::default();
    for_each_served(state, |_, route, _| {
        if by_nature(route) == Some(SIGNING_IN) {
            handlers.extend(handler_site(&route.handler));
        }
    });
    handlers
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
