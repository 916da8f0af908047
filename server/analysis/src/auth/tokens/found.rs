//! What is found around tokens, beside the calls that read and issue them. Plain data.

use smol_str::SmolStr;

use super::{Asked, Caught, Claim, Subject};
use crate::auth::keys::Source;
use crate::index::value::Site;

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

/// A look-up of a session by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLookup {
    /// The query.
    pub site: Site,
    /// The function that it stands in.
    pub function: Site,
    /// The column that says when the session ends.
    pub column: SmolStr,
    /// Where that column is declared; the query itself for plain SQL.
    pub declared: Site,
    /// The class of the rows, where it is called something else than a session.
    pub of: Option<SmolStr>,
}

/// A query that looks a session up by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// The query.
    pub site: Site,
    /// The function that it stands in.
    pub function: Site,
    /// What the column of tokens is compared with.
    pub given: Given,
}

/// What a function is given of the caller's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// All that the caller sends.
    Whole,
    /// What the function's own callers hand over.
    Parameter,
    /// A part of it, or it can't be told.
    Other,
}

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

/// A session endpoint's answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// The read of the answer.
    pub site: Site,
    /// The request.
    pub request: Site,
    /// The comparison of the status, if there is one.
    pub status: Option<Site>,
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

/// A server of tools (MCP) that asks nobody who is calling, where it is served over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedTools {
    /// The call that serves it.
    pub site: Site,
    /// Where it is made.
    pub server: Site,
    /// Where it listens.
    pub host: Host,
    /// Whether its module only makes the application, and leaves it to others to serve that.
    pub exported: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// On the machine itself.
    Local,
    /// On all of its networks.
    Everywhere,
    /// It can't be told.
    Unknown,
}

impl Host {
    /// The one that a text names.
    pub fn of(host: &str) -> Self {
        match host {
            "127.0.0.1" | "localhost" | "::1" => Self::Local,
            "0.0.0.0" | "::" | "" => Self::Everywhere,
            _ => Self::Unknown,
        }
    }
}

/// A tool of such a server that takes from its caller whose data it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where the server is made.
    pub server: Site,
    /// The function.
    pub function: Site,
    /// Its name.
    pub name: SmolStr,
    /// The parameter, or the header.
    pub identity: SmolStr,
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
