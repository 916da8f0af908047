//! Which tokens a verification is meant for, by the key that it is given.

use smol_str::SmolStr;

use super::issued::secret_variable;
use super::strategies::Strategy;
use crate::auth::tokens::{Algorithms, Check, Decode, Encode, Expected, KeySource};
use crate::frontend::issuers::{Issuer, Setting};

/// Whether a way to verify may take tokens that code of the project signs: not
/// with the secret of another variable.
pub(super) fn may_verify(strategy: &Strategy<'_>, encode: &Encode) -> bool {
    let Strategy::Decode(decode) = strategy else { return true };
    match (&decode.key, &encode.key) {
        (KeySource::Secret(Some(verifies)), KeySource::Secret(Some(signs))) => {
            verifies.as_str().eq_ignore_ascii_case(signs)
        }
        _ => true,
    }
}

/// Names of variables from which Better Auth reads its secret by itself.
const SECRETS: &[&str] = &["BETTER_AUTH_SECRET", "AUTH_SECRET"];

/// Whether a verification is given the secret of a configuration, or its public keys.
pub(super) fn is_meant_for(decode: &Decode, issuer: &Issuer, fetches: bool) -> bool {
    match &decode.key {
        KeySource::Jwks { .. } | KeySource::Unknown if fetches => decode.unverified.is_none(),
        KeySource::Jwks { .. } => issuer.plugin("jwt").is_some(),
        KeySource::Secret(Some(name)) => has_secret_of(name, issuer),
        // Whatever is sent has to be a JWT at least.
        _ => decode.unverified.is_some() && decode.is_credential,
    }
}

/// Whether a variable or setting holds the secret of a configuration: settings
/// read the variable of their name.
fn has_secret_of(name: &str, issuer: &Issuer) -> bool {
    let own = secret_variable(issuer);
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    own.as_deref().is_some_and(is) || SECRETS.iter().any(|known| is(known))
}

/// Whether a verification takes the token of a mail's link for a caller's: that
/// is signed with the same secret, and holds an address and no subject.
pub(super) fn is_confusable(decode: &Decode, issuer: &Issuer) -> bool {
    let KeySource::Secret(Some(name)) = &decode.key else { return false };
    let Algorithms::Known(taken) = &decode.algorithms else { return false };
    let is_told = decode.audience != Expected::Nothing
        || decode.issuer != Expected::Nothing && !decode.skips.iter().any(|(check, _)| *check == Check::Issuer);
    let requires = |claim: &SmolStr| !matches!(claim.as_str(), "exp" | "iat" | "email" | "userId");
    let reads = |claims: &[&str]| decode.reads.iter().any(|read| claims.contains(&read.name.as_str()));
    let sends_links = ["emailVerification.sendVerificationEmail", "user.changeEmail.enabled"];
    has_secret_of(name, issuer)
        && taken.iter().any(|(name, _)| name == "HS256")
        && !is_told
        && !decode.requires.iter().any(requires)
        && decode.unverified.is_none()
        && reads(&["email", "userId"])
        && sends_links
            .iter()
            .any(|path| issuer.options.get(path).is_some_and(|given| given.value != Setting::Bool(false)))
}
