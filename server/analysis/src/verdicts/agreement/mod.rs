//! Whether the tokens that the frontend sends are those that the backend verifies.
//!
//! Each guard of a route is put beside each token that requests to its routes
//! carry. Where that is not known, and the key shows that the guard is meant for
//! tokens of Better Auth, it is put beside every token that the project issues:
//! nothing is said unless all of them are refused.

pub(crate) mod claims;
pub(crate) mod ids;
pub(crate) mod issued;
pub(crate) mod judgement;
mod meant;
mod sent;
mod strategies;

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use self::issued::{Form, Signed, Token};
use self::judgement::{Outcome, Refusal, Why, decoded};
use self::meant::{is_confusable, is_meant_for, may_verify};
use self::sent::Sent;
use self::strategies::{GuardGroup, Guards, Strategy, Verifications};
use super::calls::Origins;
use super::environments::{Folders, nearest, shared_folders};
use super::with_interpreter;
use crate::auth::tokens::{Algorithms, Decode, Encode, KeySource, Library};
use crate::facts::environment::fingerprint;
use crate::frontend::issuers::Issuer;
use crate::frontend::outcome::{Attached, Client, Credentials, Place, Request};
use crate::ide::State;
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of tokens that both halves have to do with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// Tokens that are refused, always.
    pub(crate) refused: Vec<Refused>,
    /// Claims that a verification reads and its tokens don't have.
    pub(crate) lacking: Vec<Lacking>,
    /// Verifications that take Better Auth's other tokens for a caller's.
    pub(crate) confusable: Vec<(Site, Place)>,
    /// Verifications that accept tokens of these configurations.
    pub(crate) accepted: Vec<(Site, Place)>,
    /// The configuration by which ids of users are random texts, where one is known.
    pub(crate) random_ids: Option<Place>,
}

/// A token that a guard refuses, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The verification.
    pub(crate) site: Site,
    /// Its library, if it decodes the token.
    pub(crate) library: Option<Library>,
    /// What is sent.
    pub(crate) kind: Kind,
    /// Where it is decided what the token is.
    pub(crate) issued: Place,
    /// Requests that send it; none where it was not seen what requests send.
    pub(crate) requests: Vec<Place>,
    /// Why it is refused.
    pub(crate) refusal: Refusal,
    /// The status of the answer, where it is known.
    pub(crate) status: Option<u16>,
    /// What the verification is given as the key.
    pub(crate) key: Option<KeySource>,
    /// Algorithms that the verification takes, where they are known.
    pub(crate) taken: Vec<SmolStr>,
    /// What the token is like, if it is signed.
    pub(crate) signed: Option<Signed>,
    /// Whether the verification is in a way of its own to be rewritten: the function is called by FastAPI alone.
    pub(crate) is_dependency: bool,
    /// Whether the configuration is known to issue no JWT at all.
    pub(crate) issues_no_jwt: bool,
}

/// A kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Of `jwt()`.
    Jwt,
    /// A session's token.
    Session,
    /// A session's token with its signature.
    Cookie,
    /// The cached session.
    Cached,
    /// Signed by the frontend's code.
    Minted,
    /// None at all.
    Nothing,
}

/// A claim that is read, and that the tokens don't have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lacking {
    /// Where it is read.
    pub(crate) site: Site,
    /// The claim.
    pub(crate) claim: SmolStr,
    /// What names the caller in its place.
    pub(crate) instead: SmolStr,
    /// Where it is decided what the token holds.
    pub(crate) issued: Place,
}

/// Finds out what both halves say of tokens.
pub(crate) fn compare(state: &State) -> Agreement {
    if state.indexing || !state.frontend.issues_tokens() {
        return Agreement::default();
    }
    let known = Verifications::new(state);
    if known.is_empty() {
        return Agreement::default();
    }
    let sent = Sent::new(state);
    with_interpreter(state, |interpreter| {
        let guards = Guards::new(state, interpreter, &known);
        let mut found = Agreement::default();
        let mut comparison = Comparison { state, sent: &sent, known: &known, found: &mut found };
        let carried = comparison.carried(&guards);
        for (index, group) in guards.groups.iter().enumerate() {
            let own = carried.get(&index).map_or(&[][..], Vec::as_slice);
            comparison.group(group, own);
        }
        found.settle();
        found.order(state);
        found.random_ids = ids::random_ids(state, &found.accepted);
        found
    })
}

impl Agreement {
    /// Files in which something is said.
    pub(crate) fn files(&self) -> FxHashSet<FileId> {
        let mut files = FxHashSet::default();
        for refused in &self.refused {
            files.extend([refused.site.file, refused.issued.file]);
            files.extend(refused.requests.iter().map(|place| place.file));
        }
        files.extend(self.lacking.iter().flat_map(|one| [one.site.file, one.issued.file]));
        files.extend(self.confusable.iter().chain(&self.accepted).flat_map(|(site, place)| [site.file, place.file]));
        files
    }

    /// Puts refusals in the order of paths: what is shown first must not depend on
    /// which file was seen first.
    fn order(&mut self, state: &State) {
        let path = |file: FileId| state.sources.file(file).map(|source| source.path.clone()).unwrap_or_default();
        for refused in &mut self.refused {
            refused.requests.sort_by_cached_key(|place| (path(place.file), *place));
        }
        self.refused
            .sort_by_cached_key(|one| ((path(one.site.file), one.site), one.kind, (path(one.issued.file), one.issued)));
    }

    fn settle(&mut self) {
        self.refused.sort_by_key(|one| (one.site, one.kind, one.issued));
        // Two guards may share a verification.
        let mut kept: Vec<Refused> = Vec::new();
        for refused in &mut self.refused {
            refused.requests.sort_unstable();
            refused.requests.dedup();
        }
        for refused in self.refused.drain(..) {
            match kept.last_mut() {
                Some(last) if (last.site, last.kind, last.issued) == (refused.site, refused.kind, refused.issued) => {
                    last.requests.extend(refused.requests);
                    last.requests.sort_unstable();
                    last.requests.dedup();
                }
                _ => kept.push(refused),
            }
        }
        self.refused = kept;
        self.lacking.sort_by_key(|one| (one.site, one.issued));
        self.lacking.dedup();
        for pairs in [&mut self.confusable, &mut self.accepted] {
            pairs.sort_unstable();
            pairs.dedup();
        }
    }
}

/// A request to the routes of a guard, and what it carries.
struct Carrier<'s> {
    request: &'s Request,
    /// Its tokens; none where some can't be told.
    tokens: Option<Vec<Token<'s>>>,
}

/// What the comparison works with.
struct Comparison<'c, 's> {
    state: &'s State,
    sent: &'c Sent<'s>,
    known: &'c Verifications<'s>,
    found: &'c mut Agreement,
}

impl<'s> Comparison<'_, 's> {
    /// What requests carry to the routes of each group.
    fn carried(&self, guards: &Guards<'s>) -> BTreeMap<usize, Vec<Carrier<'s>>> {
        let origins = Origins::new(self.state);
        let mut carried: BTreeMap<usize, Vec<Carrier<'s>>> = BTreeMap::new();
        for (file, outcome) in self.state.frontend.outcomes() {
            for request in &outcome.requests {
                // A socket's token is in its address, or in what it says first.
                if request.client == Client::WebSocket {
                    continue;
                }
                let Some(reached) = origins.reached(file, request) else { continue };
                let Some(index) = guards.of(reached.at.0, reached.at.1) else { continue };
                let Some(group) = guards.groups.get(index) else { continue };
                let intercepted = self.state.frontend.is_intercepted(request.client);
                let tokens = match request.authorization {
                    Attached::Given => self.sent.carried(&origins, file, request),
                    Attached::Never if request.credentials == Credentials::Include && !intercepted => {
                        let is_read = group.reads_cookies;
                        let issuers = self.sent.nearest_issuers(file);
                        let cookies = |issuer: &'s Issuer| [Token::Cached(issuer), Token::Cookie(issuer)];
                        is_read.then(|| issuers.into_iter().flat_map(cookies).collect())
                    }
                    // It carries nothing: another rule says so.
                    Attached::Never if !intercepted => continue,
                    _ => None,
                };
                carried.entry(index).or_default().push(Carrier { request, tokens });
            }
        }
        carried
    }

    fn group(&mut self, group: &GuardGroup<'s>, carriers: &[Carrier<'s>]) {
        let Some(strategies) = &group.strategies else { return };
        let mut unsaid = true;
        for (tokens, requests) in by_tokens(carriers) {
            self.pair(strategies, tokens, &requests);
        }
        if !carriers.is_empty() && carriers.iter().all(|carrier| carrier.tokens.is_some()) {
            unsaid = false;
        }
        if unsaid && let Some(tokens) = self.issuable(group, strategies) {
            self.pair(strategies, &tokens, &[]);
        }
    }

    /// Every token that the project issues, if a guard is meant for one of
    /// Better Auth, and nothing else may issue one for it.
    fn issuable(&self, group: &GuardGroup<'s>, strategies: &[Strategy<'s>]) -> Option<Vec<Token<'s>>> {
        let (near, issuers) = self.sent.issuers_near(group.file);
        let is_in_reach = |file: FileId| shared_folders(self.state, file, group.file) >= near;
        let is_own = |encode: &Encode| strategies.iter().any(|strategy| may_verify(strategy, encode));
        let signs_itself = self.state.tokens.encodes().any(|encode| is_in_reach(encode.site.file) && is_own(encode));
        let is_known = |issuer: &&Issuer| !issuer.may_have_more && issuer.options.open.is_empty();
        if signs_itself || issuers.is_empty() || !issuers.iter().all(is_known) {
            return None;
        }
        let meant = |strategy: &Strategy<'s>| match strategy {
            Strategy::Decode(decode) => {
                // Its public keys are fetched in this file.
                let fetches = self.known.fetches_keys(decode.site.file);
                issuers.iter().any(|issuer| is_meant_for(decode, issuer, fetches))
            }
            _ => false,
        };
        if !strategies.iter().all(meant) {
            return None;
        }
        let mut tokens = Vec::new();
        for issuer in issuers {
            tokens.extend(issuer.plugin("jwt").map(|plugin| Token::Jwt(issuer, plugin)));
            tokens.extend([Token::Session(issuer), Token::Cached(issuer)]);
        }
        tokens
            .extend(self.sent.mints.iter().filter(|mint| is_in_reach(mint.place.file)).map(|mint| Token::Minted(mint)));
        Some(tokens)
    }

    /// Puts each of these tokens beside the ways of a guard. Requests that carry
    /// them are named in what is found, if it was seen what requests carry.
    fn pair(&mut self, strategies: &[Strategy<'s>], tokens: &[Token<'s>], requests: &[&Request]) {
        let mut refusals: Vec<(Token<'s>, Form, Strategy<'s>, Refusal)> = Vec::new();
        let mut is_refused = true;
        for token in tokens {
            let form = token.form(&self.sent.mints);
            let mut nearest: Option<(Strategy<'s>, Refusal)> = None;
            for strategy in strategies {
                match self.judged(*token, &form, *strategy) {
                    Outcome::MayPass => {
                        is_refused = false;
                        self.accept(*token, &form, *strategy);
                    }
                    Outcome::Refused(refusal) => {
                        let is_nearer = nearest.as_ref().is_none_or(|(_, other)| other.why.rank() < refusal.why.rank());
                        if is_nearer {
                            nearest = Some((*strategy, refusal));
                        }
                    }
                }
            }
            refusals.extend(nearest.map(|(strategy, refusal)| (*token, form, strategy, refusal)));
        }
        if !is_refused {
            return;
        }
        // Of the cookies that go along, and of all tokens that are issued, the one that comes nearest.
        let counts = |refusal: &Refusal| refusal.why.rank();
        let best = refusals.iter().map(|(.., refusal)| counts(refusal)).max().unwrap_or(0);
        let of_many = requests.first().is_none_or(|request| request.authorization == Attached::Never);
        for (token, form, strategy, refusal) in refusals {
            if !of_many || counts(&refusal) == best {
                self.refuse(token, form, strategy, refusal, requests);
            }
        }
    }

    /// What a way to verify makes of a token, with what environment files say.
    fn judged(&self, token: Token<'_>, form: &Form, strategy: Strategy<'_>) -> Outcome {
        let Strategy::Decode(decode) = strategy else { return judged(token, form, strategy, self.known) };
        decoded(form, decode, &|name, text| {
            let set = nearest(self.state, decode.site.file, name, &[".env"], Folders::All);
            set.is_some_and(|set| set.variable.value.fingerprint != fingerprint(text))
        })
    }

    fn refuse(
        &mut self,
        token: Token<'s>,
        form: Form,
        strategy: Strategy<'s>,
        refusal: Refusal,
        requests: &[&Request],
    ) {
        let (site, decode) = match strategy {
            Strategy::Decode(decode) => (decode.site, Some(decode)),
            Strategy::SessionQuery(query) => (query.site, None),
            Strategy::SessionRequest(site) | Strategy::Decryption(site) => (site, None),
        };
        let taken = match decode.map(|decode| &decode.algorithms) {
            Some(Algorithms::Known(taken)) => taken.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        };
        let is_dependency = decode.and_then(|decode| decode.function).is_some_and(|function| {
            self.state.in_use.is_used(function) && !self.known.calls.iter().any(|call| call.callee == function)
        });
        self.found.refused.push(Refused {
            site,
            is_dependency,
            signed: match form {
                Form::Signed(signed) => Some(signed),
                _ => None,
            },
            library: decode.map(|decode| decode.library),
            kind: kind(token),
            issued: token.place(),
            requests: requests.iter().map(|request| request.place).collect(),
            status: decode.and_then(|decode| status(decode, &refusal)),
            refusal,
            key: decode.map(|decode| decode.key.clone()),
            taken,
            issues_no_jwt: token.issuer().is_some_and(|issuer| {
                let cached = issuer.options.text("session.cookieCache.strategy") == Some("jwt");
                issuer.is_without("jwt") && !cached && self.sent.mints.is_empty()
            }),
        });
    }

    /// A token may pass a verification: whether that reads what it holds.
    fn accept(&mut self, token: Token<'s>, form: &Form, strategy: Strategy<'s>) {
        let (Strategy::Decode(decode), Form::Signed(signed)) = (strategy, form) else { return };
        if let Some(issuer) = token.issuer() {
            self.found.accepted.push((decode.site, issuer.place));
        }
        if let Some(names) = &signed.claims {
            let lacking = claims::lacking(decode, &self.known.calls, names);
            self.found.lacking.extend(lacking.map(|(site, claim, instead)| Lacking {
                site,
                claim,
                instead,
                issued: token.place(),
            }));
        }
        let near = self.sent.nearest_issuers(decode.site.file);
        if let Some(issuer) = near.iter().find(|issuer| is_confusable(decode, issuer)) {
            self.found.confusable.push((decode.site, issuer.place));
        }
    }
}

/// Requests together that carry the same tokens in the same way, in order.
fn by_tokens<'c, 's>(carriers: &'c [Carrier<'s>]) -> Vec<(&'c [Token<'s>], Vec<&'s Request>)> {
    let mut groups: Vec<(&[Token<'_>], Vec<&Request>)> = Vec::new();
    let mut known: FxHashMap<(bool, Vec<TokenKey>), usize> = FxHashMap::default();
    for carrier in carriers {
        let Some(tokens) = &carrier.tokens else { continue };
        let is_by_cookie = carrier.request.authorization == Attached::Never;
        let key = (is_by_cookie, tokens.iter().map(|token| token_key(*token)).collect());
        let at = *known.entry(key).or_insert_with(|| {
            groups.push((tokens, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, requests)) = groups.get_mut(at) {
            requests.push(carrier.request);
        }
    }
    groups
}

/// What tells a token from others: its kind, and what issues it.
type TokenKey = (Kind, *const u8);

fn token_key(token: Token<'_>) -> TokenKey {
    let issued_by = match token {
        Token::Minted(mint) => std::ptr::from_ref(mint).cast(),
        _ => token.issuer().map_or(std::ptr::null(), |issuer| std::ptr::from_ref(issuer).cast()),
    };
    (kind(token), issued_by)
}

/// What a way to verify that decodes no JWT makes of a token.
fn judged(token: Token<'_>, form: &Form, strategy: Strategy<'_>, known: &Verifications<'_>) -> Outcome {
    let refused = |why: Why| Outcome::Refused(Refusal { why, error: None });
    let is_signed = matches!(form, Form::Signed(_));
    match (strategy, token) {
        (_, Token::Nothing(_)) => refused(Why::NoToken),
        (Strategy::SessionQuery(_) | Strategy::SessionRequest(_), Token::Jwt(..) | Token::Minted(_)) if is_signed => {
            refused(Why::NoSession)
        }
        (Strategy::SessionQuery(_), Token::Session(issuer) | Token::Cookie(issuer))
            if issuer.options.is_absent("database") =>
        {
            refused(Why::NoDatabase)
        }
        (Strategy::SessionQuery(query), Token::Cookie(_)) if known.is_whole(query) => refused(Why::SignedSession),
        // The cookie that caches a session is no key of it.
        (Strategy::SessionQuery(_), Token::Cached(_)) => {
            refused(if *form == Form::Nothing { Why::NoToken } else { Why::NoSession })
        }
        (Strategy::SessionRequest(_), Token::Session(issuer)) if issuer.is_without("bearer") => refused(Why::NoSession),
        (Strategy::Decryption(_), _) => match form {
            Form::Encrypted | Form::Unknown => Outcome::MayPass,
            Form::Nothing => refused(Why::NoToken),
            Form::Opaque | Form::Signed(_) => refused(Why::NotEncrypted),
        },
        _ => Outcome::MayPass,
    }
}

fn kind(token: Token<'_>) -> Kind {
    match token {
        Token::Jwt(..) => Kind::Jwt,
        Token::Session(_) => Kind::Session,
        Token::Cookie(_) => Kind::Cookie,
        Token::Cached(_) => Kind::Cached,
        Token::Minted(_) => Kind::Minted,
        Token::Nothing(_) => Kind::Nothing,
    }
}

/// The status with which a refusal is answered, where the verification itself tells.
fn status(decode: &Decode, refusal: &Refusal) -> Option<u16> {
    let error = refusal.error?;
    let above: &[&str] = match (decode.library, error) {
        (Library::PyJwt, "PyJWKClientConnectionError") => &["PyJWKClientError", "PyJWTError"],
        (Library::PyJwt, _) => &["InvalidTokenError", "PyJWTError"],
        (Library::Jose, "JWKError") => &["JOSEError"],
        (Library::Jose, "JWTError") => &["JOSEError"],
        (Library::Jose, _) => &["JWTError", "JOSEError"],
        _ => &["JoseError"],
    };
    let catches = |types: &[SmolStr]| {
        types.is_empty()
            || types.iter().any(|path| {
                let name = path.rsplit('.').next().unwrap_or(path);
                name == error || above.contains(&name) || matches!(name, "?" | "Exception" | "BaseException")
            })
    };
    let is_caught = decode.caught.iter().any(|clause| catches(&clause.types));
    // A clause for some of the library's exceptions shows that nobody expects others.
    let narrow = !is_caught && !decode.caught.is_empty();
    if is_caught { Some(401) } else { narrow.then_some(500) }
}
