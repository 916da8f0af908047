//! The words of the rules on tokens that one half sends and the other refuses.

use crate::auth::tokens::Library;
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};

/// What the tokens are called.
pub(in crate::rules) fn tokens(refused: &Refused) -> &'static str {
    match refused.kind {
        Kind::Jwt => "the tokens of Better Auth's `jwt()`",
        Kind::Session => "the tokens of Better Auth's sessions",
        Kind::Cookie => "the session cookies of Better Auth",
        Kind::Cached => "the cookies in which Better Auth caches sessions",
        Kind::Minted => "the tokens that the frontend signs itself",
        Kind::Nothing => "the tokens",
    }
}

/// Why they are refused: a clause whose subject they are.
pub(in crate::rules) fn reason(refused: &Refused) -> String {
    match &refused.refusal.why {
        Why::NoToken => "are not there: the server has no endpoint that issues any".to_owned(),
        Why::NoJwt => "are no JWTs".to_owned(),
        Why::NoSession => "are looked up as the token of a session, which they are not".to_owned(),
        Why::SignedSession => "have a signature behind the session's token, and are looked up whole".to_owned(),
        Why::NoDatabase => "are looked up in a database, and this configuration keeps sessions in none".to_owned(),
        Why::NotEncrypted => "are not encrypted, and the backend decrypts them".to_owned(),
        Why::Algorithm(name) if refused.taken.is_empty() => format!("are signed with {name}"),
        Why::Algorithm(name) => {
            format!("are signed with {name}, and the verification takes only {}", refused.taken.join(", "))
        }
        Why::Unsupported(name) => format!("are signed with {name}, which python-jose does not know"),
        Why::NoPublicKey => "are signed with a secret, and the verification looks for a public key".to_owned(),
        Why::UnexpectedAudience => "name an audience, and the verification is told of none".to_owned(),
        Why::OtherAudience => "name another audience than the verification expects".to_owned(),
        Why::NoAudience => "name no audience, and the verification expects one".to_owned(),
        Why::OtherIssuer => "name another issuer than the verification expects".to_owned(),
        Why::Expired => "have ended when they are issued".to_owned(),
        Why::Lacks(claim) => format!("have no `{claim}`, which the verification requires"),
    }
}

/// What every request with them gets.
pub(in crate::rules) fn answer(refused: &Refused) -> String {
    match (refused.status, refused.refusal.error) {
        (Some(500), Some(error)) => format!("every request gets 500 (nobody catches `{error}`)"),
        (Some(status), Some(error)) => format!("every request gets {status} (`{error}`)"),
        (_, Some(error)) => format!("every request is refused (`{error}`)"),
        _ => "every request is refused".to_owned(),
    }
}

/// What to do about it at the verification.
pub(in crate::rules) fn advice(refused: &Refused) -> &'static str {
    match (&refused.refusal.why, refused.kind) {
        (Why::Algorithm(_), Kind::Jwt) if refused.library == Some(Library::Jose) => {
            "Verify with PyJWT and the public keys that Better Auth serves: python-jose knows no EdDSA."
        }
        (Why::Algorithm(_), Kind::Jwt) => {
            "Verify with the public keys that Better Auth serves, and name the algorithm that it signs with."
        }
        (Why::Algorithm(_), _) => "Name the algorithm that the frontend signs with.",
        (Why::Unsupported(_), _) => "Verify with PyJWT, which knows it.",
        (Why::NoPublicKey, _) => "Verify with the secret that signs them.",
        (Why::OtherAudience, _) if refused.library.is_some_and(Library::validates_apart) => {
            "Expect the audience that they name as the `value` of `aud`."
        }
        (Why::OtherIssuer, _) if refused.library.is_some_and(Library::validates_apart) => {
            "Expect the issuer that they name as the `value` of `iss`."
        }
        (Why::UnexpectedAudience | Why::OtherAudience, _) => "Pass the audience that they name as `audience=`.",
        (Why::NoAudience, _) => "Issue them with an audience, or leave `audience=` out.",
        (Why::OtherIssuer, _) => "Pass the issuer that they name as `issuer=`.",
        (Why::Expired, _) => "Write a span such as \"15m\": a number is taken for a time.",
        (Why::Lacks(_), _) => "Require what they have.",
        (Why::NoSession, _) => "Verify them as JWTs, or send the session's token.",
        (Why::SignedSession, _) => "Look up what stands before the dot: `token.partition(\".\")[0]`.",
        (Why::NoDatabase, _) => "Give Better Auth a `database`, or decrypt the cookie in which it keeps the session.",
        (Why::NotEncrypted, _) => "Set `session.cookieCache.strategy` to \"jwe\", or verify what is sent.",
        (Why::NoJwt | Why::NoToken, _) => "Send a JWT, or look the session up.",
    }
}

/// A sentence with a capital.
pub(in crate::rules) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
