//! What is found around tokens, beside the calls that read and issue them. Plain data.

mod claims;
mod passwords;
mod served_tools;
mod sessions;

use smol_str::SmolStr;

use crate::auth::keys::Source;
use crate::index::value::Site;

pub use claims::*;
pub use passwords::*;
pub use served_tools::*;
pub use sessions::*;

/// A secret value that is written to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The value in the call.
    pub site: Site,
    /// Where it comes from.
    pub origin: Site,
    /// What it is.
    pub what: Secret,
    /// Characters of it, when only its beginning or end is written.
    pub part: Option<i64>,
    /// What writes it: `print`, `logger.info`.
    pub sink: SmolStr,
}

/// A token in the query of a redirect's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirected {
    /// The value in the address.
    pub site: Site,
    /// Where it comes from.
    pub origin: Site,
}

/// Something that lets whoever has it in, and that is drawn so that others compute it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Computable {
    /// Where it is drawn, or kept.
    pub site: Site,
    /// What it is.
    pub what: Computed,
}

/// What is drawn so that others compute it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computed {
    /// A code for one time.
    Code,
    /// A token, or a key of an API.
    Token,
    /// A password.
    Password,
}

/// A kind of secret value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// The caller's token.
    Token,
    /// All headers of a request, the caller's token among them.
    Headers,
    /// All cookies of the request.
    Cookies,
    /// A password.
    Password,
    /// An object of the request that holds a password.
    PasswordHolder,
    /// A key of the application.
    Key,
    /// A token that the application has just issued.
    Issued,
    /// A code for one time that was just drawn, for whoever reads a mailbox or a telephone.
    Code,
    /// The claims of a token.
    Claims,
    /// The address of a database, with the password in it.
    Database,
    /// Bodies of requests to all routes.
    Bodies,
}

/// An answer that says too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The text in the answer.
    pub site: Site,
    /// The verification, or the identity that is told.
    pub about: Site,
    /// What is told.
    pub what: Telling,
}

/// What an answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// The text of an exception of the verification.
    Error,
    /// The text of an exception of the project, with that text in it.
    Wrapped,
    /// The identity that the token names.
    Identity,
    /// The text of whatever failed in a handler.
    Fault,
}

/// An answer to failed authentication with another status than 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongStatus {
    /// The function that answers.
    pub function: Site,
    /// The status in the code, or the returned value.
    pub site: Site,
    /// The status that the caller gets.
    pub status: u16,
    /// What shows that authentication failed.
    pub failure: Failure,
    /// Where that is.
    pub proof: Site,
    /// Whether the token is what the function's callers hand over: they know whose it is.
    pub is_given: bool,
}

/// What shows that authentication failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The request carries no credential.
    Missing,
    /// A check of the credential said no.
    Rejected,
    /// The verification raised.
    Raised,
    /// It is good, and there is no such user.
    Gone,
}

/// A secret of the application that a function returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The value in the `return`.
    pub site: Site,
    /// The function that returns it.
    pub function: Site,
    /// What it is.
    pub what: Shown,
    /// How many characters of it, where it is cut off.
    pub part: Option<i64>,
}

/// What a function returns that the application has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All settings.
    Settings,
    /// One secret.
    Secret,
    /// The address of a database, with the password in it.
    Database,
    /// A code for one time that was just drawn.
    Code,
}

/// A clause that catches what a verification raises, and gives somebody all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swallowed {
    /// What it gives.
    pub site: Site,
    /// The clause.
    pub clause: Site,
    /// The verification.
    pub verified: Site,
    /// The function that they stand in.
    pub function: Site,
    /// Whether it gives claims that nothing verified.
    pub unverified: bool,
}

/// A clause that turns a caller away whose token was refused, and tells nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlogged {
    /// The clause.
    pub site: Site,
    /// The verification.
    pub verified: Site,
    /// The function that they stand in.
    pub function: Site,
}

/// Something that others can read on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insecure {
    /// What makes it so.
    pub site: Site,
    /// What it is.
    pub how: Transport,
    /// The function that does it to what its callers hand over, where only they know that.
    pub helper: Option<Site>,
}

/// What others can read or change on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Public keys that tokens are verified with.
    Keys,
    /// The caller's token.
    Token,
    /// Either, over a connection of which the certificate is not checked.
    Unchecked,
    /// A token in a cookie.
    Cookie,
}

/// A key that a credential of the request is compared with, where both may be `None` or both empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsetKey {
    /// The key in the comparison.
    pub site: Site,
    /// The function.
    pub function: Site,
    /// Where the key is read.
    pub origin: Site,
    /// What has to be set.
    pub source: Source,
    /// Whether it is empty where nothing sets it, and not `None`.
    pub empty: bool,
}

/// A header of the request that is compared with a key of the configuration before a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedHeader {
    /// The function.
    pub function: Site,
    /// The header, in small letters.
    pub header: SmolStr,
    /// The condition.
    pub site: Site,
}

/// A token that is taken apart without a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handmade {
    /// Where a part of it is decoded.
    pub site: Site,
    /// The function.
    pub function: Site,
    /// What becomes of its signature.
    pub made: Made,
    /// Where its claims are read, if nothing there asks how old it is, or hands them to who might.
    pub never_ends: Option<Site>,
}

/// What becomes of the signature of a token that is taken apart by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// One is made, there, and compared in constant time, or out of sight.
    Signed(Site),
    /// One is made, and compared with an operator, there.
    Compared(Site),
    /// Nothing.
    Unverified,
}

/// An access token and a refresh token that one function issues in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// The function that issues the access token.
    pub issuer: Site,
    /// The one that issues the refresh token, which may be the same.
    pub other: Site,
    /// The call that gives the access token.
    pub access: Site,
    /// The call that gives the refresh token.
    pub refresh: Site,
}

/// A refusal that is caught and then forgotten: what comes behind is executed for callers who were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The function.
    pub function: Site,
    /// The clause.
    pub clause: Site,
    /// The status of the refusal, 401 or 403.
    pub refused: u16,
    /// Where it is raised.
    pub proof: Site,
}

/// A length that `timedelta` counts in days, and that is called another unit: `timedelta(expire_minutes)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miscounted {
    /// The call.
    pub site: Site,
    /// The function, or the one that is told so.
    pub function: Site,
    /// What it is called.
    pub name: SmolStr,
    /// How many times as long it is.
    pub times: i64,
}

/// A refusal that a clause for everything else answers in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The function.
    pub function: Site,
    /// The status that callers get, in the code.
    pub site: Site,
    /// It.
    pub status: u16,
    /// The status that was meant for them, 401 or 403.
    pub refused: u16,
    /// Where that is raised.
    pub proof: Site,
}
