//! Who verifies and issues tokens, and what becomes of their claims. Plain data.

use smol_str::SmolStr;

use crate::auth::tokens::{Asked, Caught, Claim, Subject};
use crate::index::value::Site;

/// What becomes of claims as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOn {
    /// They stay in their function.
    Not,
    /// They are returned, so that the function's callers may read from them.
    ToCallers,
    /// They are given to another function, which may read any.
    ToOthers,
}

impl HandedOn {
    /// Whether anybody else may read from them.
    pub fn is_any(self) -> bool {
        self != Self::Not
    }
}

/// A call of a function of the project that verifies tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierCall {
    /// Whether it is given the caller's token.
    pub is_credential: bool,
    /// Whether it is given that as a dependency of the project gives it.
    pub by_dependency: bool,
    /// Whether it is given a token that the function has just issued itself, and nothing else that may be one.
    pub is_about_own: bool,
    /// Whether it is given all that the caller sends.
    pub is_whole: bool,
    /// The call.
    pub site: Site,
    /// The function that it stands in.
    pub function: Site,
    /// The function that it calls.
    pub callee: Site,
    /// Parameters of that one which it gives, and which are nothing otherwise.
    pub asked: Vec<Asked>,
    /// The exceptions that are caught around it, innermost first.
    pub caught: Vec<Caught>,
    /// Claims that are read from what it gives, in the same function.
    pub reads: Vec<Claim>,
    /// What the same function takes `sub` for, where it turns away whose is anything else.
    pub takes: Subject,
    /// What becomes of what it gives as a whole.
    pub handed_on: HandedOn,
    /// What becomes of what it gives, if those are claims or a part of them.
    pub identity: IdentityUse,
}

/// What a function does with claims that name the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityUse {
    /// Those that are used although they may not be there.
    pub unrequired: Vec<Unrequired>,
    /// Those of which something asks whether they are there.
    pub asked_for: Vec<SmolStr>,
    /// Whether the claims are returned as they are.
    pub returns_claims: bool,
    /// Whether what is given is returned, whole or as a part, and nothing asks whether it is `None`.
    pub passes_on: bool,
}

/// A claim that names the caller, and that the token may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrequired {
    /// The claim.
    pub claim: SmolStr,
    /// Where it is read.
    pub site: Site,
    /// What happens then.
    pub missing: Missing,
}

/// What happens where a token lacks the claim that names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// This exception is raised, and the function does not catch it.
    Raises(&'static str),
    /// `None` is returned for the caller's id.
    Taken,
}

/// A call that tells a function of the project how long something lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetime {
    /// What is called.
    pub callee: Site,
    /// Seconds.
    pub seconds: i64,
    /// Where that is said.
    pub site: Site,
}

/// How long a token lives where an optional parameter of the function that issues it is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultLife {
    /// The parameter.
    pub parameter: SmolStr,
    /// Seconds.
    pub seconds: i64,
    /// Where that is said.
    pub site: Site,
}

/// A call of a function about tokens that has parameters which are `None` unless they are given, or that is given claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerCall {
    /// What is called.
    pub callee: Site,
    /// The function that calls; none at the top of a module.
    pub function: Option<Site>,
    /// Those that are left out.
    pub left_out: Vec<SmolStr>,
    /// Those that are given what an optional parameter of the calling function holds, with its name.
    pub passed_on: Vec<(SmolStr, SmolStr)>,
    /// Those that are given claims without an end.
    pub endless: Vec<SmolStr>,
    /// Those that are given claims with a number for `sub`, and that.
    pub numbers: Vec<(SmolStr, Site)>,
    /// Those that are given claims.
    pub given: Vec<GivenClaims>,
    /// Those that are given a text, and that.
    pub texts: Vec<(SmolStr, SmolStr)>,
    /// The call.
    pub site: Site,
}

/// Claims that are handed to whoever signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenClaims {
    /// The parameter that takes them.
    pub parameter: SmolStr,
    /// Those that say what the token is for, with what they say.
    pub marks: Vec<(SmolStr, SmolStr)>,
    /// All that are seen.
    pub claims: Vec<SmolStr>,
    /// Whether there are no others.
    pub is_whole: bool,
    /// What `sub` is among them.
    pub subject: Subject,
}

/// Claims that a function gives for a token which it verified before, whatever has become of that since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedClaims {
    /// What is given.
    pub site: Site,
    /// The verification.
    pub verified: Site,
    /// Seconds for which they are kept, where they are not kept for ever.
    pub seconds: Option<i64>,
}
