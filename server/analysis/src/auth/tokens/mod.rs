//! What code does with tokens: the calls that read and verify them, the calls
//! that issue them, and what becomes of tokens, errors and callers around them.
//!
//! Found out for every item of a file on its own, so that an edit costs what
//! stands in the edited item. Rules look at the result, never at code.

mod always;
mod assembled;
mod bodies;
mod cached;
pub(super) mod callees;
mod checks;
mod claims;
mod codes;
mod compared;
mod containers;
mod counting;
mod databases;
mod decode;
mod encode;
mod errors;
mod exposed;
mod found;
mod handed_on;
mod handmade;
mod held_texts;
mod holders;
mod identity;
mod key_source;
mod leaks;
mod libraries;
mod lifetimes;
mod looks;
mod lookups;
mod loops;
mod mails;
mod named_keys;
mod needed;
mod numbers;
mod optional;
mod passwords;
mod payload;
mod redirects;
mod refused;
mod registry;
mod replaced;
mod schemes;
mod secrets;
mod stand_ins;
mod statuses;
mod subjects;
mod swallowed;
mod tools;
mod transport;
mod twins;
mod typed;
mod unset;
mod valid;
mod wrapped;
mod writable;
mod written;

use std::cell::RefCell;

use smol_str::SmolStr;

pub use checks::{LaxCheck, WrittenCheck};
pub(crate) use databases::names_database;
pub use decode::{MadeClient, is_about_tokens};
pub(crate) use encode::MARKS;
pub use errors::LIST;
pub use found::*;
pub(in crate::auth) use key_source::{reads_environment, variable};
pub use leaks::JWT_HEADER;
pub use libraries::Library;
pub(super) use libraries::is_of_text;
pub use looks::{Looks, Marked, may_handle_tokens};
pub use optional::Asked;
pub use subjects::Subject;
pub use transport::is_plain_and_far;

use super::code::{Body, Scope, each_body};
use super::keys::Key;
use crate::facts::held::Held;
use crate::facts::python::tree::Item;
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Site};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What one item does with tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemTokens {
    /// Calls that read tokens.
    pub decodes: Vec<Decode>,
    /// Keys that are fetched from where a token says.
    pub named_keys: Vec<NamedKeys>,
    /// Claims that are given again which were verified before.
    pub cached: Vec<CachedClaims>,
    /// Calls that issue tokens.
    pub encodes: Vec<Encode>,
    /// Addresses at which Better Auth serves its public keys.
    pub key_addresses: Vec<Site>,
    /// `PyJWKClient(…)` made anew by every call of a function.
    pub clients: Vec<MadeClient>,
    /// Secret values that are written to a log.
    pub logged: Vec<Logged>,
    /// Tokens in the addresses of redirects.
    pub redirected: Vec<Redirected>,
    /// Answers to failed authentication that say too much.
    pub told: Vec<Told>,
    /// Answers to failed authentication with another status than 401.
    pub statuses: Vec<WrongStatus>,
    /// Look-ups of sessions by their token that take no account of when they end.
    pub lookups: Vec<SessionLookup>,
    /// Queries that look a session up by its token.
    pub session_queries: Vec<SessionQuery>,
    /// Requests that ask Better Auth's server whose session it is.
    pub session_requests: Vec<Site>,
    /// Calls that decrypt what the caller sends.
    pub decryptions: Vec<Site>,
    /// Calls of functions of the project that verify tokens.
    pub calls: Vec<VerifierCall>,
    /// Secrets of the application that are returned.
    pub exposed: Vec<Exposed>,
    /// Whether an exception of a library for tokens is answered for the whole application.
    pub answers_errors: bool,
    /// Answers of a session endpoint that are believed although they may hold nobody.
    pub introspections: Vec<Introspection>,
    /// Clauses that let callers in whose token was refused.
    pub swallowed: Vec<Swallowed>,
    /// Clauses that turn callers away and tell nobody else.
    pub unlogged: Vec<Unlogged>,
    /// Keys, tokens and cookies that others can read on their way.
    pub insecure: Vec<Insecure>,
    /// Cookies with a token in them that scripts can read.
    pub readable_cookies: Vec<Site>,
    /// Keys that a credential is compared with, where both may be nothing.
    pub unset: Vec<UnsetKey>,
    /// Headers that are compared with a key.
    pub compared: Vec<ComparedHeader>,
    /// Keys that a credential is compared with: where their values stand in the code, or what they are read from.
    pub compared_keys: Vec<Key>,
    /// Settings that code refuses to go on without.
    pub refused: Vec<RefusedSetting>,
    /// Codes, tokens and passwords that are drawn so that others compute them.
    pub computable: Vec<Computable>,
    /// Tokens that are taken apart without a library.
    pub handmade: Vec<Handmade>,
    /// What functions of the project are told of how long something lives.
    pub lifetimes: Vec<Lifetime>,
    /// Calls of functions about tokens that leave out what need not be given, or may do so.
    pub issuer_calls: Vec<IssuerCall>,
    /// Lengths that are counted in days, and called otherwise.
    pub miscounted: Vec<Miscounted>,
    /// Tokens of two purposes that one function issues.
    pub twins: Vec<Twins>,
    /// Passwords that are kept, compared or hashed in a way that gives them away.
    pub passwords: Vec<KeptPassword>,
    /// Passwords that stand in the code, and are hashed for an account.
    pub written_passwords: Vec<WrittenPassword>,
    /// Calls of functions of the project that are handed a password, or the hash of one.
    pub password_calls: Vec<PasswordCall>,
    /// Attributes with a password that hashing it again fills: `body.password = hash(…)`.
    pub rehashed: Vec<SmolStr>,
    /// Refusals that a clause for everything else answers in its own way.
    pub replaced: Vec<Replaced>,
    /// Refusals that are caught and forgotten.
    pub ignored: Vec<Ignored>,
    /// Texts that let others in wherever they stand.
    pub held: Vec<(Site, Held)>,
    /// Servers of tools that are served over HTTP and ask nobody who is calling.
    pub served: Vec<ServedTools>,
    /// Tools that take from their caller whose data they work on.
    pub tools: Vec<Tool>,
    /// Servers of tools of which a tool looks at the request that called it, or that have a middleware of the project.
    pub asking: Vec<Site>,
    /// Functions by whose results it is counted how often somebody asks.
    pub counted_by: Vec<Site>,
    /// Roles that are read from what users write about themselves.
    pub writable_roles: Vec<WritableRole>,
    /// Functions that are written as dependencies and turn callers away by what the path names.
    pub written_checks: Vec<WrittenCheck>,
    /// Functions called after a right that turn only those away who lack it and whose account is not in order either.
    pub lax_checks: Vec<LaxCheck>,
}

/// Keys that are fetched from where the token says that they verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKeys {
    /// Where the address is read from the token.
    pub site: Site,
    /// The function that it stands in; none at the top of a module.
    pub function: Option<Site>,
    /// The claim, or the parameter of the header.
    pub claim: SmolStr,
    /// Where the address is asked for keys.
    pub fetch: Site,
}

/// A role that is read from what users write about themselves, and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritableRole {
    /// The comparison.
    pub site: Site,
    /// The function that it stands in; none at the top of a module.
    pub function: Option<Site>,
    /// What the role is called there.
    pub key: SmolStr,
    /// Whether it is compared with a word for those who may do more than others.
    pub is_master: bool,
}

/// A call that reads a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decode {
    /// The call.
    pub site: Site,
    /// The function that it stands in; none at the top of a module.
    pub function: Option<Site>,
    /// Whose it is.
    pub library: Library,
    /// Whether it is the caller's: what a scheme or a header gives.
    pub is_credential: bool,
    /// Whether it is the caller's, as a dependency of the project gives it.
    pub by_dependency: bool,
    /// Whether it looks at the signature; where it is told not to.
    pub unverified: Option<Site>,
    /// Where the key comes from.
    pub key: KeySource,
    /// The field of settings that the key is, where nothing but the environment fills it.
    pub field: Option<PlainField>,
    /// Which algorithms it takes.
    pub algorithms: Algorithms,
    /// Whether these are of key pairs alone, also where that is what stands in for a setting: the key signs nothing.
    pub by_key_pair: bool,
    /// What it is told of the audience.
    pub audience: Expected,
    /// What it is told of the issuer.
    pub issuer: Expected,
    /// Checks that it is told not to make, and where.
    pub skips: Vec<(Check, Site)>,
    /// Claims that it is told to require.
    pub requires: Vec<SmolStr>,
    /// Seconds of tolerance, from a minute on, and where that is said.
    pub leeway: Option<(i64, Site)>,
    /// Whether the claims are validated: libraries of authlib's kind do that in a call of its own.
    pub validated: bool,
    /// Claims that are read from the result in the same function.
    pub reads: Vec<Claim>,
    /// What the same function takes `sub` for, where it turns away whose is anything else.
    pub takes: Subject,
    /// What becomes of the result as a whole.
    pub handed_on: HandedOn,
    /// What becomes of the claims that name the caller.
    pub identity: IdentityUse,
    /// What becomes of a result that nothing verified, or that is looked at for a log alone.
    pub purpose: Purpose,
    /// The exceptions that are caught around it, innermost first.
    pub caught: Vec<Caught>,
}

/// A claim that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: SmolStr,
    /// Where it is read.
    pub site: Site,
    /// The parameter that is nothing unless it is given, without which nobody looks at it.
    pub only_if: Option<SmolStr>,
    /// Whether everybody is turned away whose token has none.
    pub is_needed: bool,
}

/// A check on claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// `exp`.
    Expiry,
    /// `aud`.
    Audience,
    /// `iss`.
    Issuer,
    /// `sub`.
    Subject,
}

/// What is expected of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Nothing,
    /// A value; the text where it is known.
    Value(Option<SmolStr>),
    /// What this variable of the environment, or field of settings, holds.
    Environment(SmolStr),
    /// It can't be told.
    Unknown,
}

/// Where the key of a verification comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A text or a setting: the variable of the environment or field, where it is known.
    Secret(Option<SmolStr>),
    /// A set of public keys that a client fetches; `bound` where the algorithm is bound to the key.
    Jwks {
        /// Whether the key is handed over as an object that knows its algorithm.
        bound: bool,
    },
    /// It can't be told.
    Unknown,
}

/// A field of a settings class that code refuses to go on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSetting {
    /// The class.
    pub class: Site,
    /// The field.
    pub field: SmolStr,
}

/// A field of a settings class that the environment fills, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainField {
    /// The class.
    pub class: Site,
    /// The field.
    pub name: SmolStr,
    /// Tells whether two defaults are the same, where there are any.
    pub default: Option<u64>,
}

/// Which algorithms a verification takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithms {
    /// None are named.
    Missing,
    /// These, each where it stands.
    Known(Vec<(SmolStr, Site)>),
    /// The one that the token names: where that is read, and whether it is compared with a list before.
    FromToken {
        /// The read of the header's `alg`.
        read: Site,
        /// Where it is given to the verification.
        given: Site,
    },
    /// They can't be told.
    Unknown,
}

/// What becomes of a result that nothing verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The same token is verified in the same function, too.
    VerifiedToo,
    /// It tells which key or issuer to ask, or is written to a log.
    Peek,
    /// It came from the issuer's own answer.
    FromIssuer,
    /// It is returned, stored or compared: where.
    Believed(Site),
    /// It can't be told.
    Unknown,
}

/// An `except` clause around a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The clause.
    pub site: Site,
    /// The `try` that it belongs to.
    pub attempt: Site,
    /// Dotted paths of its exceptions; empty for a bare `except`. `?` for what could not be resolved.
    pub types: Vec<SmolStr>,
    /// What it always raises, if that is what it caught, or one of a library's that is as wide.
    pub raises_again: Option<Raised>,
}

/// What an `except` clause raises in place of what it caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// The same.
    Same,
    /// An exception of a library for tokens.
    Of(Library),
}

/// A call that issues a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encode {
    /// The call.
    pub site: Site,
    /// Whose it is.
    pub library: Library,
    /// Where an algorithm stands that does not sign.
    pub unsigned: Option<Site>,
    /// What is known of its life.
    pub life: Life,
    /// How long it lives where its function is not told.
    pub by_default: Option<DefaultLife>,
    /// Where its end is counted from local time without a zone, which the library takes for UTC.
    pub local_end: Option<Site>,
    /// Where the payload is made.
    pub payload: Option<Site>,
    /// Claims of the payload, as far as they are known.
    pub claims: Vec<SmolStr>,
    /// Whether these are all.
    pub whole: bool,
    /// What callers hand over of them.
    pub handed: Option<Handed>,
    /// The value of its `sub`, where that is a number.
    pub number: Option<Site>,
    /// What its `sub` is.
    pub subject: Subject,
    /// The function that it stands in; none at the top of a module.
    pub function: Option<Site>,
    /// Where the key comes from.
    pub key: KeySource,
    /// The field of settings that the key is, where nothing but the environment fills it.
    pub field: Option<PlainField>,
    /// Claims that say what it is for, with what they say.
    pub marks: Vec<(SmolStr, SmolStr)>,
    /// The same, where callers say it, with the parameter that takes it.
    pub marked_by: Vec<(SmolStr, SmolStr)>,
    /// Whether the object says it whose method signs.
    pub marked_elsewhere: bool,
}

/// Claims that callers hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The parameter.
    pub parameter: SmolStr,
    /// Whether the token ends never unless these say so.
    pub is_endless: bool,
    /// Whether the function names the owner itself.
    pub names_owner: bool,
    /// Whether the function adds nothing that is not seen.
    pub is_closed: bool,
}

/// How long a token lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// For ever: the payload has no `exp`.
    Endless,
    /// That many seconds.
    Seconds(i64, Site),
    /// It has an `exp`, or may have one.
    Unknown,
}

/// What an item of that length does with tokens, and what it was searched for.
pub fn tokens_of(
    interpreter: &Interpreter<'_>,
    file: FileId,
    index: u32,
    item: &Item,
    marked: Marked<'_>,
) -> (ItemTokens, Vec<(TextRange, Looks)>) {
    let mut tokens = ItemTokens::default();
    let whole = TextRange { start: 0, end: item.len };
    let looks = marked.at(whole);
    let searched = RefCell::new(vec![(whole, looks)]);
    let at = |range: TextRange| {
        let range = item.stmt.rooms().in_text(range);
        let looks = marked.at(range);
        searched.borrow_mut().push((range, looks));
        looks
    };
    if looks.any() {
        if looks.holds {
            held_texts::look(file, index, &item.stmt, &mut tokens);
        }
        tokens.answers_errors = errors::answers_errors(interpreter, file, index, &item.stmt);
        each_body(interpreter, file, index, &item.stmt, &|range| at(range).any(), &mut |scope, block| {
            // A method is searched for what stands in itself, and not for what its class holds.
            let looks = match (scope, block.last()) {
                (Scope::Function(FunctionRef { def, class: Some(_), .. }), Some(last)) => {
                    at(TextRange { start: def.header.start, end: last.range.end })
                }
                _ => looks,
            };
            Body::new(interpreter, scope, block).each_nested(&mut |body| looks.look_into(body, &mut tokens));
        });
    }
    (tokens, searched.into_inner())
}
