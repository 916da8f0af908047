//! What a verification makes of a token. PyJWT 2, python-jose 3, authlib 1, joserfc 1.

use smol_str::SmolStr;

use super::issued::{Form, Key, Signed};
use crate::auth::tokens::{Algorithms, Check, Decode, Expected, KeySource, Library};
use crate::frontend::issuers::Claim;

/// What becomes of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is accepted, or may be.
    MayPass,
    /// It is refused, always.
    Refused(Refusal),
}

/// Why a token is refused, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Why,
    /// The exception, where it is known.
    pub(crate) error: Option<&'static str>,
}

/// A reason to refuse a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is none.
    NoToken,
    /// It is no JWT.
    NoJwt,
    /// No session has it.
    NoSession,
    /// A session has the part of it before its signature.
    SignedSession,
    /// There is no database that sessions could be in.
    NoDatabase,
    /// It is not encrypted.
    NotEncrypted,
    /// Its algorithm is none of those that are taken.
    Algorithm(SmolStr),
    /// The library does not know its algorithm.
    Unsupported(SmolStr),
    /// It is signed with a secret, and public keys are looked for.
    NoPublicKey,
    /// It names an audience, and none is expected.
    UnexpectedAudience,
    /// It names another audience.
    OtherAudience,
    /// It names no audience, and one is expected.
    NoAudience,
    /// It names another issuer.
    OtherIssuer,
    /// It has ended when it is issued.
    Expired,
    /// It lacks a claim that is required.
    Lacks(SmolStr),
}

impl Why {
    /// How near a token came to be accepted.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::NoToken => 0,
            Self::NoJwt | Self::NoSession | Self::NoDatabase | Self::NotEncrypted => 1,
            // It holds what is looked for.
            Self::SignedSession => 2,
            Self::NoPublicKey => 2,
            Self::Algorithm(_) | Self::Unsupported(_) => 3,
            Self::Expired => 4,
            Self::Lacks(_) => 5,
            Self::OtherIssuer => 6,
            Self::UnexpectedAudience | Self::OtherAudience | Self::NoAudience => 7,
        }
    }
}

/// Whether a variable is seen to hold another value than a text.
pub(crate) type Differs<'d> = dyn Fn(&str, &str) -> bool + 'd;

fn refused(why: Why, error: Option<&'static str>) -> Outcome {
    Outcome::Refused(Refusal { why, error })
}

/// What a decoding verification makes of a token.
///
/// `differs` tells whether the environment of the verification is seen to give a variable another value than a text.
pub(crate) fn decoded(form: &Form, decode: &Decode, differs: &Differs<'_>) -> Outcome {
    let fetches = decode.key == KeySource::Unknown && decode.library != Library::PyJwt;
    match form {
        Form::Unknown => Outcome::MayPass,
        Form::Nothing => refused(Why::NoToken, None),
        // Whoever fetches keys first may fail at that.
        Form::Opaque | Form::Encrypted => refused(Why::NoJwt, malformed(decode.library).filter(|_| !fetches)),
        Form::Signed(_) if decode.unverified.is_some() => Outcome::MayPass,
        Form::Signed(token) => signed(token, decode, differs),
    }
}

/// What a library raises for what is no JWT.
fn malformed(library: Library) -> Option<&'static str> {
    match library {
        Library::PyJwt => Some("DecodeError"),
        Library::Jose => Some("JWTError"),
        Library::Authlib | Library::Joserfc => None,
    }
}

fn signed(token: &Signed, decode: &Decode, differs: &Differs<'_>) -> Outcome {
    let by_secret = matches!(token.key, Key::Secret(_));
    if by_secret && matches!(decode.key, KeySource::Jwks { .. }) && token.has_jwks != Some(true) {
        let error = (token.has_jwks == Some(false)).then_some("PyJWKClientConnectionError");
        return refused(Why::NoPublicKey, error);
    }
    let Some(algorithm) = &token.algorithm else { return Outcome::MayPass };
    if let Some(refusal) = by_algorithm(token, algorithm, decode) {
        return refusal;
    }
    if token.key == Key::Pair && matches!(decode.key, KeySource::Secret(_)) {
        // A setting may hold a public key.
        return Outcome::MayPass;
    }
    claims(token, decode, differs).unwrap_or(Outcome::MayPass)
}

fn by_algorithm(token: &Signed, algorithm: &SmolStr, decode: &Decode) -> Option<Outcome> {
    let taken = match &decode.algorithms {
        Algorithms::Known(taken) => Some(taken.iter().any(|(name, _)| name == algorithm)),
        _ => None,
    };
    if taken == Some(false) {
        // Whoever fetches keys where there are none fails at that.
        let fetches = decode.key == KeySource::Unknown && token.has_jwks != Some(true);
        let error = match decode.library {
            _ if fetches => None,
            Library::PyJwt => Some("InvalidAlgorithmError"),
            Library::Jose => Some("JWTError"),
            Library::Authlib | Library::Joserfc => None,
        };
        return Some(refused(Why::Algorithm(algorithm.clone()), error));
    }
    // python-jose 3.5 knows neither EdDSA nor PSS.
    let is_unknown = matches!(algorithm.as_str(), "EdDSA" | "PS256");
    if decode.library == Library::Jose && is_unknown && (taken == Some(true) || token.key == Key::Pair) {
        return Some(refused(Why::Unsupported(algorithm.clone()), Some("JWKError")));
    }
    None
}

fn claims(token: &Signed, decode: &Decode, differs: &Differs<'_>) -> Option<Outcome> {
    let library = decode.library;
    let skips = |check: Check| decode.skips.iter().any(|(skipped, _)| *skipped == check);
    if token.is_expired && !skips(Check::Expiry) && decode.validated {
        let error = match library {
            Library::PyJwt | Library::Jose => "ExpiredSignatureError",
            Library::Authlib | Library::Joserfc => "ExpiredTokenError",
        };
        return Some(refused(Why::Expired, Some(error)));
    }
    // Nobody looks at claims that are validated in a call of its own, which there is not.
    if !decode.validated {
        return None;
    }
    if let Some(names) = &token.claims
        && let Some(lacking) = decode.requires.iter().find(|claim| !names.contains(claim))
    {
        let error = match library {
            Library::PyJwt => "MissingRequiredClaimError",
            Library::Jose => "JWTError",
            Library::Authlib | Library::Joserfc => "MissingClaimError",
        };
        return Some(refused(Why::Lacks(lacking.clone()), Some(error)));
    }
    let is_other = |own: &SmolStr, wanted: &Expected| match wanted {
        Expected::Value(Some(wanted)) => own != wanted,
        Expected::Environment(name) => differs(name, own),
        _ => false,
    };
    if let Claim::Text(own) = &token.issuer
        && is_other(own, &decode.issuer)
        && !skips(Check::Issuer)
    {
        let error = match library {
            Library::PyJwt => "InvalidIssuerError",
            Library::Jose => "JWTClaimsError",
            Library::Authlib | Library::Joserfc => "InvalidClaimError",
        };
        return Some(refused(Why::OtherIssuer, Some(error)));
    }
    if skips(Check::Audience) {
        return None;
    }
    let invalid = match library {
        Library::PyJwt => "InvalidAudienceError",
        Library::Jose => "JWTClaimsError",
        Library::Authlib | Library::Joserfc => "InvalidClaimError",
    };
    match (&token.audience, &decode.audience) {
        // The others look at an audience where one is expected only.
        (_, Expected::Nothing) if library.validates_apart() => None,
        (Claim::Text(_) | Claim::Given, Expected::Nothing) => Some(refused(Why::UnexpectedAudience, Some(invalid))),
        (Claim::Text(own), wanted) if is_other(own, wanted) => Some(refused(Why::OtherAudience, Some(invalid))),
        // python-jose takes a token without audience for one that fits.
        (Claim::Absent, Expected::Value(_) | Expected::Environment(_)) if library == Library::PyJwt => {
            Some(refused(Why::NoAudience, Some("MissingRequiredClaimError")))
        }
        _ => None,
    }
}
