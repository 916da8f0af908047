//! The steps of a proof, and what each is evidence of.

use smol_str::SmolStr;

use crate::index::value::Site;

/// One step of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// Where.
    pub site: Site,
    /// What it is evidence of.
    pub evidence: Evidence,
    /// What stands there, in words.
    pub note: String,
}

/// What a step of a proof is evidence of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// A credential is read from a part of the request.
    Reads(Part),
    /// FastAPI hands a credential of the request to the parameter of that name.
    Takes(SmolStr),
    /// Something tells good credentials from bad ones.
    Decides,
    /// So does what this one process keeps in its memory.
    DecidesInMemory,
    /// The credential is compared with a key in constant time.
    Compares,
    /// What was sent must be signed by a service, which sends for itself.
    Signed,
    /// The credential must equal a key of the code or the configuration.
    Matches,
    /// A dependency returns what would refuse the caller if it were raised.
    ReturnsRefusal,
    /// Nothing by itself: it makes the proof readable.
    Tells,
}

/// A part of the request that can carry a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A header field.
    Headers,
    /// A cookie.
    Cookies,
    /// The query.
    Query,
    /// A parameter of the path.
    Path,
}

impl Part {
    /// The part that an entry of an attribute of Starlette's `Request` is in. What browsers send as cookies stands in a
    /// header of that name (RFC 6265, section 5.4).
    pub(super) fn of(attribute: &str, entry: &str) -> Option<Self> {
        Some(match attribute {
            "headers" if entry.eq_ignore_ascii_case("cookie") => Self::Cookies,
            "headers" => Self::Headers,
            "cookies" => Self::Cookies,
            "query_params" => Self::Query,
            "path_params" => Self::Path,
            _ => return None,
        })
    }

    /// The step's words.
    pub(super) fn note(self) -> String {
        let part = match self {
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::Query => "query params",
            Self::Path => "path params",
        };
        format!("the credential is read from the request's {part}")
    }
}

impl Step {
    /// Whether something tells a good credential from a bad one here.
    pub fn decides(&self) -> bool {
        matches!(self.evidence, Evidence::Decides | Evidence::DecidesInMemory | Evidence::Compares | Evidence::Signed)
    }

    /// Whether the credential is compared with a key, which says nothing of who has it.
    pub fn compares_a_key(&self) -> bool {
        matches!(self.evidence, Evidence::Compares | Evidence::Matches)
    }

    /// Whether what was sent must be signed by a service here, which names nobody on whose behalf it would send.
    pub fn is_of_service(&self) -> bool {
        self.evidence == Evidence::Signed
    }

    /// Whether a credential is read from that part of the request.
    pub fn reads(&self, part: Part) -> bool {
        self.evidence == Evidence::Reads(part)
    }

    /// The parameter to which FastAPI hands a credential.
    pub fn takes(&self) -> Option<&str> {
        match &self.evidence {
            Evidence::Takes(parameter) => Some(parameter),
            _ => None,
        }
    }
}
