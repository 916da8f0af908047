//! Which tokens requests carry.

use std::collections::BTreeMap;

use super::issued::Token;
use crate::frontend::issuers::{Issuer, Mint};
use crate::frontend::matching::Segment;
use crate::frontend::outcome::{Area, Place, Request, TokenSource};
use crate::frontend::rewrites::{self, Handler};
use crate::ide::State;
use crate::verdicts::calls::Origins;
use crate::verdicts::environments::shared_folders;
use crate::vfs::FileId;

/// Sources that are followed into each other.
const MAX_DEPTH: usize = 3;

/// Everything that issues tokens, and what requests are made.
pub(super) struct Sent<'s> {
    state: &'s State,
    pub(super) issuers: Vec<&'s Issuer>,
    pub(super) mints: Vec<&'s Mint>,
    handlers: Vec<(FileId, Handler)>,
    /// Requests by the place that makes them.
    made: BTreeMap<Place, (FileId, &'s Request)>,
}

/// Tokens that a request may carry; none where some can't be told.
pub(super) type Carried<'s> = Option<Vec<Token<'s>>>;

impl<'s> Sent<'s> {
    pub(super) fn new(state: &'s State) -> Self {
        let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
        let mut all =
            Self { state, issuers: Vec::new(), mints: Vec::new(), handlers: Vec::new(), made: BTreeMap::new() };
        for (file, outcome) in state.frontend.outcomes() {
            all.issuers.extend(&outcome.issuers);
            all.mints.extend(&outcome.mints);
            all.handlers.extend(rewrites::handler(path(file)).map(|handler| (file, handler)));
            all.made.extend(outcome.requests.iter().map(|request| (request.place, (file, request))));
        }
        all.issuers.sort_by_key(|issuer| issuer.place);
        // A factory that runs with unknown arguments tells less than one that is called.
        let known: Vec<Place> = all.issuers.iter().filter(|one| !is_open(one)).map(|one| one.place).collect();
        all.issuers.retain(|one| !is_open(one) || !known.contains(&one.place));
        all.issuers.dedup();
        all.mints.sort_by_key(|mint| mint.place);
        all.mints.dedup();
        all
    }

    /// Configurations that stand nearest to a file.
    pub(super) fn issuers_near(&self, file: FileId) -> (usize, Vec<&'s Issuer>) {
        let near = |issuer: &&'s Issuer| shared_folders(self.state, issuer.place.file, file);
        let nearest = self.issuers.iter().map(near).max().unwrap_or(0);
        (nearest, self.issuers.iter().filter(|issuer| near(issuer) == nearest).copied().collect())
    }

    /// The same without how near they stand.
    pub(super) fn nearest_issuers(&self, file: FileId) -> Vec<&'s Issuer> {
        // One is the nearest wherever it stands.
        if self.issuers.len() < 2 { self.issuers.clone() } else { self.issuers_near(file).1 }
    }

    /// The tokens that a request carries in its `Authorization` header.
    pub(super) fn carried(&self, origins: &Origins<'_>, file: FileId, request: &Request) -> Carried<'s> {
        self.tokens(origins, file, &request.sent, 0)
    }

    fn tokens(&self, origins: &Origins<'_>, file: FileId, sources: &[TokenSource], depth: usize) -> Carried<'s> {
        if sources.is_empty() || depth > MAX_DEPTH {
            return None;
        }
        let mut tokens = Vec::new();
        for source in sources {
            tokens.extend(self.of_source(origins, file, source, depth)?);
        }
        Some(tokens)
    }

    fn of_source(&self, origins: &Origins<'_>, file: FileId, source: &TokenSource, depth: usize) -> Carried<'s> {
        match source {
            TokenSource::BetterAuthJwt => self.jwts(file),
            TokenSource::BetterAuthSession => self.of_issuers(file, Token::Session),
            TokenSource::BetterAuthCookie => self.of_issuers(file, Token::Cookie),
            TokenSource::Minted(place) => {
                let mint = self.mints.iter().find(|mint| mint.place == *place)?;
                Some(vec![Token::Minted(mint)])
            }
            TokenSource::Storage(area, key) => self.kept(origins, file, *area, key.as_deref()?, depth),
            TokenSource::Response(place) => self.answered(origins, *place),
            TokenSource::Environment(_) | TokenSource::Other => None,
        }
    }

    fn of_issuers(&self, file: FileId, token: impl Fn(&'s Issuer) -> Token<'s>) -> Carried<'s> {
        let issuers = self.nearest_issuers(file);
        (!issuers.is_empty()).then(|| issuers.into_iter().map(token).collect())
    }

    /// What `authClient.token()` gives.
    fn jwts(&self, file: FileId) -> Carried<'s> {
        let issuers = self.nearest_issuers(file);
        let token = |issuer: &'s Issuer| match issuer.plugin("jwt") {
            Some(plugin) => Some(Token::Jwt(issuer, plugin)),
            None => issuer.is_without("jwt").then_some(Token::Nothing(issuer)),
        };
        if issuers.is_empty() { None } else { issuers.into_iter().map(token).collect() }
    }

    /// What the browser keeps under a key.
    fn kept(&self, origins: &Origins<'_>, file: FileId, area: Area, key: &str, depth: usize) -> Carried<'s> {
        let all = self.state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.kept);
        let mut tokens = Vec::new();
        let mut is_kept = false;
        for kept in all.filter(|kept| kept.area == area) {
            match &kept.key {
                Some(known) if known == key => {}
                Some(_) => continue,
                None => return None,
            }
            if kept.sources.is_empty() {
                continue;
            }
            is_kept = true;
            tokens.extend(self.tokens(origins, file, &kept.sources, depth + 1)?);
        }
        is_kept.then_some(tokens)
    }

    /// What the answer to a request holds: what the route handler signs that
    /// answers it, or Better Auth itself.
    fn answered(&self, origins: &Origins<'_>, place: Place) -> Carried<'s> {
        let (file, request) = self.made.get(&place)?;
        if origins.reached(*file, request).is_some() {
            return None;
        }
        let address = origins.address(*file, request)?;
        let path = |file: FileId| self.state.sources.file(file).map_or("", |source| source.path.as_str());
        let is_near = |handler: &Handler| {
            path(*file).strip_prefix(handler.root.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let mut answering =
            self.handlers.iter().filter(|(_, handler)| is_near(handler) && handler.answers(&address.segments));
        if let Some((handler, _)) = answering.clone().find(|(_, handler)| !handler.takes_many()) {
            let outcome = self.state.frontend.outcome(*handler)?;
            let minted = |mint: &Mint| self.mints.iter().find(|known| known.place == mint.place).copied();
            let minted: Vec<Token<'s>> = outcome.mints.iter().filter_map(minted).map(Token::Minted).collect();
            return (!minted.is_empty()).then_some(minted);
        }
        let last: Vec<&str> = address
            .segments
            .iter()
            .rev()
            .take(3)
            .map(|segment| match segment {
                Segment::Text(text) | Segment::TextAndMore(text) => text.as_str(),
                Segment::Hole => "",
            })
            .collect();
        let is_endpoint = last == ["token", "auth", "api"];
        let is_served = answering.next().is_some();
        if is_endpoint && is_served { self.jwts(*file) } else { None }
    }
}

fn is_open(issuer: &Issuer) -> bool {
    issuer.options.open.iter().any(|path| path.is_empty())
}
