//! Libraries that sign and verify tokens: jose 6.2 and jsonwebtoken 9.

use smol_str::SmolStr;

use super::options::{claim, setting};
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::issuers::{Claim, Mint};
use crate::frontend::outcome::{KeyUse, Place};
use crate::frontend::requests::option;
use crate::frontend::value::{ObjectId, ObjectKind, Origin, Value};

/// The algorithm of jsonwebtoken where none is named.
const DEFAULT_ALGORITHM: &str = "HS256";

pub(super) fn call(session: &mut Session<'_>, package: &str, path: &str, arguments: &Arguments, here: Place) -> Value {
    session.give_away(arguments);
    let key = |session: &mut Session<'_>, used: KeyUse| {
        session.note_key(&arguments.get(1), arguments.places.get(1).copied(), used, here);
    };
    match (package, path.trim_start_matches("default.")) {
        ("jose", "SignJWT") => {
            let signer = session.store.object(ObjectKind::Signer, here);
            session.store.set(signer, "claims", arguments.get(0));
            return Value::Object(signer);
        }
        ("jose", "jwtVerify") | ("jsonwebtoken", "verify") => key(session, KeyUse::Verifies),
        ("jsonwebtoken", "sign") => {
            key(session, KeyUse::Signs);
            return sign(session, arguments, here);
        }
        _ => {}
    }
    Value::Unknown
}

/// A method of `SignJWT`.
pub(super) fn method(
    session: &mut Session<'_>,
    signer: ObjectId,
    name: &str,
    arguments: &Arguments,
    here: Place,
) -> Value {
    let claim = match name {
        "setProtectedHeader" => Some("header"),
        "setAudience" => Some("aud"),
        "setIssuer" => Some("iss"),
        "setSubject" => Some("sub"),
        "setExpirationTime" => Some("exp"),
        "setIssuedAt" => Some("iat"),
        "setNotBefore" => Some("nbf"),
        "setJti" => Some("jti"),
        _ => None,
    };
    if let Some(claim) = claim {
        // `setIssuedAt()` means now.
        let value = match arguments.get(0) {
            Value::Undefined => Value::Unknown,
            value => value,
        };
        session.store.set(signer, claim, value);
    }
    if name != "sign" {
        return Value::Object(signer);
    }
    session.note_key(&arguments.get(0), arguments.places.first().copied(), KeyUse::Signs, here);
    let own = session.store.get(signer).entries.clone();
    let header = own.get("header").cloned().unwrap_or(Value::Undefined);
    let payload = own.get("claims").cloned().unwrap_or(Value::Undefined);
    let given = |name: &str| own.get(name).cloned();
    session.watch_signed(&payload, own.get("sub"), here);
    let set: Vec<SmolStr> = own.keys().filter(|name| !matches!(name.as_str(), "header" | "claims")).cloned().collect();
    let mint = Mint {
        place: here,
        algorithm: option(session, &header, "alg").known_text(),
        key: setting(session, &arguments.get(0), here),
        audience: claim_of(session, &payload, "aud", given("aud")),
        issuer: claim_of(session, &payload, "iss", given("iss")),
        claims: claims(session, &payload, set),
    };
    session.outcome.mints.push(mint);
    Value::from(Origin::Minted(here), false).promised()
}

/// `sign(payload, key, options)` of jsonwebtoken.
fn sign(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let (payload, options) = (arguments.get(0), arguments.get(2));
    let algorithm = match option(session, &options, "algorithm") {
        Value::Undefined => Some(SmolStr::new_static(DEFAULT_ALGORITHM)),
        value => value.known_text(),
    };
    let mut set = vec![SmolStr::new_static("iat")];
    let mut given = |session: &mut Session<'_>, name: &str, claim: &str| {
        let value = option(session, &options, name);
        let is_given = value != Value::Undefined;
        if is_given {
            set.push(claim.into());
        }
        is_given.then_some(value)
    };
    let (audience, issuer) = (given(session, "audience", "aud"), given(session, "issuer", "iss"));
    let subject = given(session, "subject", "sub");
    given(session, "expiresIn", "exp");
    given(session, "jwtid", "jti");
    session.watch_signed(&payload, subject.as_ref(), here);
    let mint = Mint {
        place: here,
        algorithm,
        key: setting(session, &arguments.get(1), here),
        audience: claim_of(session, &payload, "aud", audience),
        issuer: claim_of(session, &payload, "iss", issuer),
        claims: claims(session, &payload, set),
    };
    session.outcome.mints.push(mint);
    Value::from(Origin::Minted(here), false)
}

fn claim_of(session: &mut Session<'_>, payload: &Value, name: &str, set: Option<Value>) -> Claim {
    match set {
        Some(Value::Unknown) => Claim::Given,
        Some(value) => claim(&value),
        None => match payload {
            Value::Undefined => Claim::Absent,
            payload => claim(&option(session, payload, name)),
        },
    }
}

/// All claims, where the payload is an object that is known whole.
fn claims(session: &Session<'_>, payload: &Value, set: Vec<SmolStr>) -> Option<Vec<SmolStr>> {
    let mut names = set;
    match payload {
        Value::Undefined => {}
        Value::Object(id) if !session.store.get(*id).open && session.store.get(*id).kind == ObjectKind::Plain => {
            names.extend(session.store.get(*id).entries.keys().cloned());
        }
        _ => return None,
    }
    names.sort();
    names.dedup();
    Some(names)
}
