//! What evaluating a file gives: plain data, which stays while the code that it
//! rests on does.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::issuers::{Issuer, Mint};
use super::observed::{Observed, Seen};
pub use super::value::Area;
use crate::facts::typescript::file::ItemId;
use crate::text::TextRange;
use crate::vfs::FileId;

/// A place in a module that stays the same while its statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The top-level statement.
    pub item: ItemId,
    /// The range in it.
    pub range: TextRange,
}

/// What was found in a file, and what that rests on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Requests that its code makes, itself or through functions that it calls.
    pub requests: Vec<Request>,
    /// Texts that send a token.
    pub bearers: Vec<Bearer>,
    /// Values that it keeps in the browser.
    pub kept: Vec<Kept>,
    /// Values that it writes to a log.
    pub logged: Vec<Logged>,
    /// Texts that stand in for variables of the environment, or are keys.
    pub literals: Vec<Literal>,
    /// Paths that it sends on, as the configuration of Next.js.
    pub rewrites: Vec<Rewrite>,
    /// Whether it may send on more paths than these.
    pub may_rewrite_more: bool,
    /// Interceptors that it puts on clients.
    pub interceptors: Vec<Interceptor>,
    /// What it puts before the paths of all requests that axios itself makes.
    pub default_bases: Vec<(Client, Vec<UrlPart>)>,
    /// What it does beside sending requests.
    pub observed: Observed,
    /// Configurations of Better Auth that it makes.
    pub issuers: Vec<Issuer>,
    /// Tokens that it signs itself.
    pub mints: Vec<Mint>,
    /// Whether an import of a file of the project leads nowhere.
    pub is_unresolved: bool,
    /// Modules that it imports and that have not been read.
    pub missing: BTreeSet<FileId>,
    /// Modules whose outline it rests on.
    pub modules: FxHashMap<FileId, u64>,
    /// Statements whose functions were executed.
    pub executed: Box<[(FileId, ItemId)]>,
}

impl Outcome {
    /// Whether its code issues tokens.
    pub fn issues_tokens(&self) -> bool {
        !(self.issuers.is_empty() && self.mints.is_empty())
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The call that makes it.
    pub place: Place,
    /// The call in the evaluated file that led there; the same if it stands there.
    pub call: Place,
    /// Calls on the way from that call to where the request is made, in other files.
    pub via: Vec<Place>,
    /// That call with its arguments.
    pub extent: TextRange,
    /// Its method in capitals; none if it is not known.
    pub method: Option<SmolStr>,
    /// Where it goes.
    pub url: Vec<UrlPart>,
    /// Its `Authorization` header, or another one that may say who is calling.
    pub authorization: Attached,
    /// Whether it has no `Authorization` header on any way, whatever others it has.
    pub bare: bool,
    /// Whether that is the header of the request that an endpoint answers.
    pub forwards: bool,
    /// Where the token in that header comes from, on all ways on which there is one; sorted.
    pub sent: Vec<TokenSource>,
    /// Whether cookies go with it.
    pub credentials: Credentials,
    /// The client that makes it.
    pub client: Client,
    /// Headers that are variables which are written into code for browsers, each with the variable; sorted.
    pub keys: Vec<(SmolStr, SmolStr)>,
    /// Whether it is made because another one was refused: it renews the session,
    /// or asks once more.
    pub after_refusal: bool,
}

/// What makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// `fetch` and what has no settings.
    Fetch,
    /// `EventSource`, which can't send headers.
    EventSource,
    /// `WebSocket`, which can't send headers either, and sends cookies wherever it leads.
    WebSocket,
    /// What an import gives that leads nowhere.
    Unresolved,
    /// axios itself.
    Axios,
    /// A client that is made at a place.
    Made(Place),
}

/// A part of where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlPart {
    /// Known text.
    Text(SmolStr),
    /// The value of an environment variable.
    Environment(SmolStr),
    /// The origin of the page.
    Origin,
    /// A token.
    Token(TokenSource),
    /// The rest of the path that an endpoint answers: `[...path]`.
    Rest,
    /// The whole path that an endpoint was asked for: `request.nextUrl.pathname`.
    Asked,
    /// A whole path of which nothing is known.
    Path,
    /// Anything.
    Unknown,
}

/// Whether a header goes with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// On no way.
    Never,
    /// It can't be told.
    Unknown,
    /// On some ways or all.
    Given,
}

/// A text that sends a token: `Bearer` and what stands behind it (RFC 6750,
/// section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The text.
    pub place: Place,
    /// Where the token comes from.
    pub source: TokenSource,
    /// What may be sent in its place.
    pub fault: Option<Fault>,
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenSource {
    /// The browser's storage, under this key if it is known.
    Storage(Area, Option<SmolStr>),
    /// `authClient.token()`.
    BetterAuthJwt,
    /// The session of Better Auth: its token.
    BetterAuthSession,
    /// The cookie of Better Auth: its session's token with a signature.
    BetterAuthCookie,
    /// Code signed it at a place.
    Minted(Place),
    /// The environment.
    Environment(SmolStr),
    /// The answer to a request that is made at a place.
    Response(Place),
    /// Elsewhere.
    Other,
}

/// What is sent instead of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing tests for a missing token.
    Missing(Absent),
    /// A promise that nobody waited for.
    Promise,
    /// A whole object.
    Object,
}

/// What stands in the place of a value that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
}

/// Whether cookies go with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing is said: to the same origin only.
    Unsaid,
    /// Always.
    Include,
    /// Never.
    Omit,
    /// It can't be told.
    Unknown,
}

/// A value that is kept in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The call that keeps it.
    pub place: Place,
    /// Where it is kept.
    pub area: Area,
    /// Under which key, if that is known.
    pub key: Option<SmolStr>,
    /// What it is.
    pub what: What,
    /// Where it comes from, on all ways; sorted.
    pub sources: Vec<TokenSource>,
}

/// What a value is, by where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A token or session that a sign-in gave: by the property it was taken from.
    Token(SmolStr),
    /// The secret of an environment variable.
    Secret(SmolStr),
    /// A password that is typed into a form, or sent with a request: by the property that holds it.
    Password(SmolStr),
    /// A link or code that is to be mailed, and lets in whoever has it: by what it is called.
    Mailed(SmolStr),
    /// A value whose origin is not known.
    Unknown,
    /// Something that is known to be none.
    Harmless,
}

/// A value that is written to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The value's place in the call.
    pub place: Place,
    /// What it is.
    pub what: What,
    /// Characters of it at most, where only its front is written.
    pub front: Option<u32>,
    /// Whether a server's log gets it.
    pub on_server: bool,
}

/// A text that stands in the code, and may be taken for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands.
    pub place: Place,
    /// The variable of the environment that comes before it, if one does.
    pub variable: Option<SmolStr>,
    /// Its text, if that is an address and nothing more.
    pub address: Option<SmolStr>,
    /// What is done with it as a key, and where.
    pub uses: Vec<(KeyUse, Place)>,
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// Better Auth signs cookies and encrypts with it.
    BetterAuth,
    /// It signs tokens.
    Signs,
    /// It verifies tokens.
    Verifies,
}

/// A client gets a function that runs on every request and attaches a token, or
/// may, or gets a token for all requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interceptor {
    /// The client.
    pub client: Client,
}

/// How much was found at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    requests: usize,
    bearers: usize,
    kept: usize,
    logged: usize,
    literals: usize,
    interceptors: usize,
    default_bases: usize,
    seen: Seen,
    issuers: usize,
    mints: usize,
}

impl Outcome {
    /// How much has been found so far.
    pub(super) fn found(&self) -> Found {
        Found {
            requests: self.requests.len(),
            bearers: self.bearers.len(),
            kept: self.kept.len(),
            logged: self.logged.len(),
            literals: self.literals.len(),
            interceptors: self.interceptors.len(),
            default_bases: self.default_bases.len(),
            seen: self.observed.seen(),
            issuers: self.issuers.len(),
            mints: self.mints.len(),
        }
    }

    /// Forgets what was found since.
    pub(super) fn forget_since(&mut self, found: Found) {
        self.requests.truncate(found.requests);
        self.bearers.truncate(found.bearers);
        self.kept.truncate(found.kept);
        self.logged.truncate(found.logged);
        self.literals.truncate(found.literals);
        self.interceptors.truncate(found.interceptors);
        self.default_bases.truncate(found.default_bases);
        self.observed.forget_since(found.seen);
        self.issuers.truncate(found.issuers);
        self.mints.truncate(found.mints);
    }

    /// Forgets what was found since, but for the texts that send a token, and those that stand in for variables.
    pub(super) fn keep_texts_since(&mut self, found: Found) {
        let bearers = self.bearers.split_off(found.bearers.min(self.bearers.len()));
        let literals = self.literals.split_off(found.literals.min(self.literals.len()));
        self.forget_since(found);
        self.bearers.extend(bearers);
        self.literals.extend(literals);
    }

    /// Puts everything into one order, each thing once.
    pub(super) fn settle(&mut self) {
        fn once<T: PartialEq>(found: &mut Vec<T>, key: impl Fn(&T) -> Place) {
            found.sort_by_key(|one| key(one));
            let mut kept: Vec<T> = Vec::with_capacity(found.len());
            for one in found.drain(..) {
                let same = kept.iter().rev().take_while(|other| key(other) == key(&one)).any(|other| *other == one);
                if !same {
                    kept.push(one);
                }
            }
            *found = kept;
        }
        once(&mut self.requests, |request| request.call);
        once(&mut self.bearers, |bearer| bearer.place);
        once(&mut self.kept, |kept| kept.place);
        once(&mut self.logged, |logged| logged.place);
        once(&mut self.literals, |literal| literal.place);
        once(&mut self.issuers, |issuer| issuer.place);
        once(&mut self.mints, |mint| mint.place);
        self.interceptors.sort_by_key(|interceptor| interceptor.client);
        self.interceptors.dedup();
        self.default_bases.dedup();
        self.observed.settle();
    }
}

/// Paths of the page's own origin that Next.js sends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Where it stands.
    pub place: Place,
    /// When it is tried.
    pub phase: Phase,
    /// Whether it depends on more of the request than its path.
    pub is_conditional: bool,
    /// The pattern of the paths.
    pub source: SmolStr,
    /// Where they go.
    pub destination: Vec<UrlPart>,
}

/// When Next.js tries a rewrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before files are looked for.
    BeforeFiles,
    /// After static files and pages, and before those with parameters: a list without phases.
    AfterFiles,
    /// When nothing else answers.
    Fallback,
}
