//! What becomes of passwords. Plain data.

use smol_str::SmolStr;

use crate::index::value::Site;

/// A password that stands in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPassword {
    /// Where it stands.
    pub origin: Site,
    /// What is hashed, or compared.
    pub used: Site,
    /// Whether callers who send it are let in; else it is hashed for an account.
    pub lets_in: bool,
    /// The variable of the environment, or the setting, for which it stands in.
    pub unless: Option<SmolStr>,
}

/// A password that is kept, compared or hashed in a way that gives it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPassword {
    /// Where.
    pub site: Site,
    /// The function.
    pub function: Site,
    /// How.
    pub how: Password,
    /// The attribute that holds it: `password` of `body.password`.
    pub attribute: Option<SmolStr>,
    /// Whether the function's own callers hand it over on its own, so that what it is depends on them.
    pub of_callers: bool,
}

/// A call of a function of the project that is handed a password, or the hash of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordCall {
    /// What is called.
    pub callee: Site,
    /// The function that calls.
    pub function: Site,
    /// What is handed over.
    pub given: GivenPassword,
}

/// What is handed over where a password may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenPassword {
    /// The password as it was sent.
    Plain,
    /// What the function's own callers hand over.
    OfCallers,
    /// What a call made of it, or what is called a hash.
    Hash,
}

/// What is done with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// A row is made with it as it is.
    Kept,
    /// It is compared as it is with what is kept of it.
    Compared,
    /// It is hashed with a hash that was made to be fast.
    HashedFast,
}
