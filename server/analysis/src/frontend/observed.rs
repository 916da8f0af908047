//! What modules do beside sending requests: endpoints that they offer, sessions
//! that they read, secrets that they name, cookies that they set.

use smol_str::SmolStr;

use super::named::NamedToken;
use super::outcome::{Area, Place, TokenSource, What};
use super::passwords::UncheckedPassword;
use super::rows::{OwnedModel, RowAccess};
use super::shown::ShownSecret;

/// What was seen in one module.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Functions that Next.js calls for whoever asks.
    pub endpoints: Vec<Endpoint>,
    /// Reads of a session that are not told whose: their place.
    pub blind_reads: Vec<Place>,
    /// Variables of the environment that its code names.
    pub environment: Vec<EnvironmentRead>,
    /// Variables of the environment that the configuration of Next.js writes into code.
    pub inlined: Vec<EnvironmentRead>,
    /// Secrets that it hands to a component.
    pub passed: Vec<Passed>,
    /// Texts that have the form of somebody's secret keys, and whose.
    pub key_literals: Vec<(Place, &'static str)>,
    /// Addresses of databases with a password in them.
    pub passwords: Vec<Place>,
    /// Cookies that it sets.
    pub cookies: Vec<SetCookie>,
    /// What it takes out of the browser's storage; no key stands for any.
    pub removed: Vec<(Place, Area, Option<SmolStr>)>,
    /// Calls that end a session.
    pub sign_outs: Vec<Place>,
    /// Addresses with a token in them that it leads to.
    pub navigations: Vec<Navigation>,
    /// What it does with answers.
    pub answers: Vec<Answered>,
    /// Requests that a library makes again when they fail.
    pub queries: Vec<Query>,
    /// Clients of React Query, and how often their queries are made again.
    pub query_clients: Vec<(Place, Retries)>,
    /// Where SWR is told for a part of the page what is made again.
    pub retry_settings: Vec<Place>,
    /// Requests that are made once more when they were refused, as often as that happens.
    pub reissued: Vec<Place>,
    /// Where a refusal of what somebody may not do ends their session.
    pub dismissals: Vec<Dismissal>,
    /// Models whose rows it narrows to somebody's.
    pub owned: Vec<OwnedModel>,
    /// Models whose rows it reads whosesoever they are, and where.
    pub listed: Vec<(Place, SmolStr)>,
    /// Where it makes a number of the id of a user of Better Auth.
    pub numbered: Vec<Place>,
}

/// Somewhere that code leads to, with a token in the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Navigation {
    /// The call or the assignment.
    pub place: Place,
    /// What goes there.
    pub leads: Leads,
    /// The address.
    pub url: Vec<super::outcome::UrlPart>,
}

/// What goes to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leads {
    /// The page, or another window.
    Page,
    /// A connection of a `WebSocket`, which can't send headers.
    Socket,
}

/// What code does with the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// Where the request is made.
    pub request: Place,
    /// What it does.
    pub how: How,
}

/// What code does with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It looks whether it is a refusal, or hands it to whoever may.
    Looked,
    /// It takes the body.
    Used,
    /// It throws where it is a refusal.
    Throws,
    /// It shows another page where it is one for want of a credential.
    Leaves,
}

/// A request that a library makes, and makes again when it fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// The call of the library.
    pub place: Place,
    /// Which library.
    pub library: Library,
    /// How often, as far as the call says.
    pub retries: Retries,
    /// Where its function makes requests, and the calls in this file that lead there.
    pub requests: Vec<(Place, Place)>,
}

/// A library that makes requests again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Library {
    /// `@tanstack/react-query`.
    ReactQuery,
    /// `swr`.
    Swr,
}

/// How often a request is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retries {
    /// Nothing is said.
    Default,
    /// Not at all.
    Never,
    /// This many times.
    Times(u32),
    /// Until it succeeds.
    Always,
    /// A function decides, or it can't be told.
    Unknown,
}

/// What is done about 403: somebody is known, and may not do what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dismissal {
    /// The test for the status.
    pub place: Place,
    /// What is done.
    pub ending: Ending,
}

/// How a session ends for the page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// What is kept under a key is removed; no key stands for any.
    Removed(Area, Option<SmolStr>),
    /// A session is ended.
    SignedOut,
    /// Another page is shown.
    Elsewhere,
}

/// A variable of the environment that code names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentRead {
    /// Where.
    pub place: Place,
    /// Which one.
    pub name: SmolStr,
}

/// A secret that is handed to a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passed {
    /// Where it is handed over.
    pub place: Place,
    /// The variable of the environment that it is the value of.
    pub variable: SmolStr,
    /// The property.
    pub property: SmolStr,
    /// The module of the component.
    pub component: crate::vfs::FileId,
}

/// A cookie that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The call that sets it.
    pub place: Place,
    /// Its name, if that is known.
    pub name: Option<SmolStr>,
    /// What it holds.
    pub what: What,
    /// Where that comes from, on all ways; sorted.
    pub sources: Vec<TokenSource>,
    /// Whether scripts can't read it; none if that is not known.
    pub http_only: Option<bool>,
    /// Whether it goes over encrypted connections only; none if that is not known.
    pub secure: Option<bool>,
    /// Whether the server sets it: only that can keep it from scripts.
    pub by_server: bool,
}

/// A function that Next.js calls for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub place: Place,
    /// The name that it is exported by.
    pub name: SmolStr,
    /// What it is.
    pub kind: EndpointKind,
    /// How it finds out who asks.
    pub asks: Asks,
    /// What it does that not everybody may.
    pub effects: Vec<Effect>,
    /// Where it makes requests; sorted.
    pub requests: Vec<Place>,
    /// Tokens that came with the request and that it reads without verifying them.
    pub decoded: Vec<Place>,
    /// Roles that it reads from what users write about themselves, and compares; sorted.
    pub writable_roles: Vec<WritableRole>,
    /// Tokens of whoever asks that it keeps for all that ask later: where, and the variable.
    pub kept: Vec<(Place, SmolStr)>,
    /// Rows that it reads and changes; sorted.
    pub rows: Vec<RowAccess>,
    /// Tokens that it signs for whom the request names; sorted.
    pub tokens: Vec<NamedToken>,
    /// Secrets of the environment that it answers with; sorted.
    pub shown: Vec<ShownSecret>,
    /// Tokens that it hands out without a look at the password that it takes; sorted.
    pub unchecked: Vec<UncheckedPassword>,
    /// Whether it asks what the caller may do.
    pub asks_right: bool,
    /// Whether it has requests answered elsewhere: `NextResponse.rewrite`.
    pub sends_on: bool,
    /// Paths that a middleware runs for, when it says so.
    pub matcher: Option<Vec<SmolStr>>,
    /// Where a middleware lets everybody through that it would turn away elsewhere, as every path begins with `/`.
    pub lets_through: Option<Place>,
    /// Whether a middleware may answer somebody without a credential in place of the page.
    pub turns_away: bool,
    /// What the paths begin with that a middleware knows, where it lets everybody through on all others; sorted.
    pub known_beginnings: Option<Vec<SmolStr>>,
}

/// A role that is read from what users write about themselves, and compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WritableRole {
    /// The comparison.
    pub place: Place,
    /// What the role is called there.
    pub key: SmolStr,
    /// Whether it is compared with a word for those who may do more than others.
    pub is_master: bool,
}

/// What an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointKind {
    /// A route handler, or a function of `pages/api`.
    Handler,
    /// A server action.
    Action,
    /// `middleware.ts` or `proxy.ts`.
    Middleware,
    /// A page or layout that is drawn on the server.
    Page,
}

/// How a function finds out who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// Not at all.
    Nothing,
    /// It reads what came with the request, and may look at it.
    Credential,
    /// Something was called that may find out.
    Unknown,
    /// It has a session or token verified.
    Verified,
}

/// Something that not everybody may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: EffectKind,
}

/// What an endpoint does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EffectKind {
    /// It sends a request with the secret of an environment variable.
    SendsSecret(SmolStr),
    /// It changes or removes rows, by this method of a library.
    Changes(SmolStr),
    /// It has Better Auth give somebody a place or a role that the request names, by this function, which asks nobody
    /// whether they may; nothing before may have asked either.
    Grants(SmolStr),
}

/// How much was seen at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen([usize; 20]);

impl Observed {
    /// How much has been seen so far.
    pub(super) fn seen(&self) -> Seen {
        Seen([
            self.endpoints.len(),
            self.blind_reads.len(),
            self.environment.len(),
            self.inlined.len(),
            self.passed.len(),
            self.key_literals.len(),
            self.cookies.len(),
            self.removed.len(),
            self.sign_outs.len(),
            self.navigations.len(),
            self.answers.len(),
            self.queries.len(),
            self.query_clients.len(),
            self.retry_settings.len(),
            self.reissued.len(),
            self.dismissals.len(),
            self.owned.len(),
            self.passwords.len(),
            self.numbered.len(),
            self.listed.len(),
        ])
    }

    /// Forgets what was seen since.
    pub(super) fn forget_since(&mut self, Seen(seen): Seen) {
        self.endpoints.truncate(seen[0]);
        self.blind_reads.truncate(seen[1]);
        self.environment.truncate(seen[2]);
        self.inlined.truncate(seen[3]);
        self.passed.truncate(seen[4]);
        self.key_literals.truncate(seen[5]);
        self.cookies.truncate(seen[6]);
        self.removed.truncate(seen[7]);
        self.sign_outs.truncate(seen[8]);
        self.navigations.truncate(seen[9]);
        self.answers.truncate(seen[10]);
        self.queries.truncate(seen[11]);
        self.query_clients.truncate(seen[12]);
        self.retry_settings.truncate(seen[13]);
        self.reissued.truncate(seen[14]);
        self.dismissals.truncate(seen[15]);
        self.owned.truncate(seen[16]);
        self.passwords.truncate(seen[17]);
        self.numbered.truncate(seen[18]);
        self.listed.truncate(seen[19]);
    }

    /// Puts everything into one order, each thing once.
    pub(super) fn settle(&mut self) {
        fn once<T: PartialEq, K: Ord>(seen: &mut Vec<T>, key: impl Fn(&T) -> K) {
            seen.sort_by_key(|one| key(one));
            seen.dedup();
        }
        once(&mut self.endpoints, |endpoint| (endpoint.place, endpoint.name.clone()));
        once(&mut self.blind_reads, |place| *place);
        once(&mut self.environment, Clone::clone);
        once(&mut self.inlined, Clone::clone);
        once(&mut self.passed, Clone::clone);
        once(&mut self.key_literals, |literal| *literal);
        once(&mut self.cookies, |cookie| (cookie.place, cookie.name.clone(), cookie.http_only, cookie.secure));
        once(&mut self.removed, Clone::clone);
        once(&mut self.sign_outs, |place| *place);
        once(&mut self.navigations, |navigation| (navigation.place, navigation.leads));
        once(&mut self.answers, |answered| *answered);
        once(&mut self.queries, Clone::clone);
        once(&mut self.query_clients, |client| *client);
        once(&mut self.retry_settings, |place| *place);
        once(&mut self.reissued, |place| *place);
        once(&mut self.dismissals, Clone::clone);
        once(&mut self.owned, Clone::clone);
        once(&mut self.passwords, |place| *place);
        once(&mut self.numbered, |place| *place);
        once(&mut self.listed, Clone::clone);
    }
}
