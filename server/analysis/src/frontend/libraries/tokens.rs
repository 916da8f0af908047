//! Libraries that sign and verify tokens: jose 6.2 and jsonwebtoken 9.

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::{KeyUse, Place};
use crate::frontend::value::{ObjectId, ObjectKind, Value};

pub(super) fn call(session: &mut Session<'_>, package: &str, path: &str, arguments: &Arguments, here: Place) -> Value {
    session.give_away(arguments);
    let key = |session: &mut Session<'_>, used: KeyUse| {
        session.note_key(&arguments.get(1), arguments.places.get(1).copied(), used, here);
    };
    match (package, path.trim_start_matches("default.")) {
        ("jose", "SignJWT") => return Value::Object(session.store.object(ObjectKind::Signer, here)),
        ("jose", "jwtVerify") | ("jsonwebtoken", "verify") => key(session, KeyUse::Verifies),
        ("jsonwebtoken", "sign") => key(session, KeyUse::Signs),
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
    if name != "sign" {
        return Value::Object(signer);
    }
    session.note_key(&arguments.get(0), arguments.places.first().copied(), KeyUse::Signs, here);
    Value::Unknown.promised()
}
