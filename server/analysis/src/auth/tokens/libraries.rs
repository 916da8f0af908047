//! The libraries that read and write tokens: PyJWT 2, python-jose 3, authlib 1, joserfc 1.

use super::super::code::{Body, last_name};
use crate::facts::python::tree::Expr;

/// A library for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Library {
    /// PyJWT.
    PyJwt,
    /// python-jose.
    Jose,
    /// authlib's `jose`.
    Authlib,
    /// joserfc.
    Joserfc,
}

impl Library {
    /// The name that people install it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::PyJwt => "PyJWT",
            Self::Jose => "python-jose",
            Self::Authlib => "authlib",
            Self::Joserfc => "joserfc",
        }
    }

    /// Whether claims are validated by a call of their own.
    pub fn validates_apart(self) -> bool {
        matches!(self, Self::Authlib | Self::Joserfc)
    }

    /// The library of a dotted path.
    pub fn of(path: &str) -> Option<Self> {
        match path.split('.').next()? {
            "jwt" => Some(Self::PyJwt),
            "jose" => Some(Self::Jose),
            "authlib" if path.starts_with("authlib.jose") => Some(Self::Authlib),
            "joserfc" => Some(Self::Joserfc),
            _ => None,
        }
    }

    /// The exception that all of its errors are, and the names of its
    /// exceptions that are more than one error. Others are single errors.
    pub fn root_error(self) -> &'static str {
        match self {
            Self::PyJwt => "PyJWTError",
            Self::Jose => "JOSEError",
            Self::Authlib | Self::Joserfc => "JoseError",
        }
    }
}

/// What a call does with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Reads one, and verifies it unless it is told not to.
    Decodes,
    /// Reads the claims of one without a look at its signature.
    Peeks,
    /// Reads the header of one.
    ReadsHeader,
    /// Looks at a signature, and leaves the claims alone.
    VerifiesSignature,
    /// Issues one.
    Encodes,
}

/// The library of a callee, and what it does with a token.
pub(super) fn does(body: &Body<'_, '_, '_>, func: &Expr) -> Option<(Library, Does)> {
    let may_be = match last_name(func)?.as_str() {
        "decode" | "decode_complete" => Does::Decodes,
        "get_unverified_claims" => Does::Peeks,
        "get_unverified_header" | "get_unverified_headers" => Does::ReadsHeader,
        "verify" => Does::VerifiesSignature,
        "encode" => Does::Encodes,
        _ => return None,
    };
    let path = body.package(func)?;
    let library = Library::of(&path).filter(|_| !is_of_text(&path))?;
    match (may_be, library) {
        (Does::VerifiesSignature, Library::Jose) if path.contains("jws") => Some((library, may_be)),
        (Does::VerifiesSignature, _) => None,
        // `jwt.api_jws.decode` and `jws` read no claims.
        _ if path.contains("jws") && may_be != Does::ReadsHeader => None,
        _ => Some((library, may_be)),
    }
}

/// Whether a dotted path is that of a method of what was encoded: `jwt.encode(header, claims, key).decode()` of authlib 1
/// makes a text of bytes.
pub(in crate::auth) fn is_of_text(path: &str) -> bool {
    path.rsplit('.').nth(1) == Some("encode")
}
