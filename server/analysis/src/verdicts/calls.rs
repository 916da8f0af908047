//! Which route a request of the frontend reaches.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::environments::{shared_folders, shared_parts};
use crate::frontend::DefaultBase;
use crate::frontend::asked::Asked;
use crate::frontend::matching::{self, Address, Base, Reachable, Segment, Target, WEBSOCKET};
use crate::frontend::observed::{Asks, Endpoint, EndpointKind};
use crate::frontend::outcome::{Client, Outcome, Phase, Place, Request, Rewrite, TokenSource, UrlPart};
use crate::frontend::placement::HANDLER_METHODS;
use crate::frontend::rewrites::{self, Handler};
use crate::ide::{Guards, Judged, State};
use crate::index::routes::{Application, Route};
use crate::vfs::FileId;

/// The route that a request reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'s> {
    pub(crate) application: &'s Application,
    pub(crate) route: &'s Route,
    pub(crate) judged: &'s Judged,
    /// Indices of the application and the route.
    pub(crate) at: (usize, usize),
}

/// The route that a request reaches through a route handler of Next.js.
pub(crate) struct Through<'s> {
    pub(crate) reached: Reached<'s>,
    /// The handler's file.
    pub(crate) handler: FileId,
    endpoint: &'s Endpoint,
    /// The requests with which the handler asks the route.
    pub(crate) sent: Vec<&'s Request>,
}

/// The function of a route handler that answers a method.
fn endpoint<'o>(outcome: &'o Outcome, method: &str) -> Option<&'o Endpoint> {
    let mut handlers = outcome.observed.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::Handler);
    // One of `pages/api` answers all methods.
    handlers.find(|endpoint| endpoint.name == method || endpoint.name == "default")
}

/// What answers on the page's own origin.
pub(crate) struct Origins<'s> {
    state: &'s State,
    /// Route handlers of Next.js, once they are asked for.
    handlers: OnceCell<Vec<(FileId, Handler)>>,
    /// Routes by the ends of their paths, once they are asked for.
    routes: OnceCell<Reachable<'s>>,
    /// How near the nearest module of the frontend lies to each application, once that is asked for.
    frontends: OnceCell<Vec<usize>>,
}

impl<'s> Origins<'s> {
    pub(crate) fn new(state: &'s State) -> Self {
        Self { state, handlers: OnceCell::new(), routes: OnceCell::new(), frontends: OnceCell::new() }
    }

    /// All route handlers of Next.js.
    pub(crate) fn handlers(&self) -> &[(FileId, Handler)] {
        self.handlers.get_or_init(|| {
            let files = self.state.frontend.outcomes().map(|(file, _)| file);
            let handlers = files.filter_map(|file| {
                let handler = rewrites::handler(path(self.state, file))?;
                Some((file, handler.with_methods(self.exported_methods(file))))
            });
            handlers.collect()
        })
    }

    /// The methods for which a `route.ts` has functions; none where that can't be told.
    fn exported_methods(&self, file: FileId) -> Option<Vec<SmolStr>> {
        let source = self.state.sources.file(file)?;
        let script = source.script.as_ref().filter(|script| script.exports_all.is_empty())?;
        let is_route = source.path.rsplit('/').next().is_some_and(|name| name.starts_with("route."));
        let exported = || script.exports.keys().filter(|name| HANDLER_METHODS.contains(&name.as_str()));
        let mut methods: Vec<SmolStr> = is_route.then(|| exported().cloned().collect())?;
        methods.sort_unstable();
        // `module.exports` and the like say nothing that is read here.
        (!methods.is_empty()).then_some(methods)
    }

    fn routes(&self) -> &Reachable<'s> {
        self.routes.get_or_init(|| Reachable::new(&self.state.table.applications))
    }

    /// The route that a request in a file reaches; none if it is not known to
    /// reach one.
    pub(crate) fn reached(&self, file: FileId, request: &Request) -> Option<Reached<'s>> {
        let known = self.state.destinations.target(file, request);
        self.of_target(known.unwrap_or_else(|| self.find(file, request))?)
    }

    /// The route that a request reaches through the route handler of Next.js that
    /// answers it; none where that sends requests to several, or to none that is known.
    pub(crate) fn through(&self, file: FileId, request: &Request) -> Option<Through<'s>> {
        let address = self
            .address(file, request)
            .filter(|address| address.base == Base::Page && request.client != Client::WebSocket)?;
        if self.sent_on(file, &address).is_some() {
            return None;
        }
        let (handler_file, handler) = self.answering(file, &address)?;
        let outcome = self.state.frontend.outcome(*handler_file)?;
        let method = request.method.as_deref()?;
        let endpoint = endpoint(outcome, method)?;
        let own = || outcome.requests.iter().filter(|sent| endpoint.requests.binary_search(&sent.place).is_ok());
        // What only gets the token for another request, or is done about a refusal, does not answer.
        let is_token = |place: Place| {
            own().any(|other| other.place != place && other.sent.contains(&TokenSource::Response(place)))
        };
        let answers = |sent: &&Request| !sent.after_refusal && !is_token(sent.place);
        let own = || own().filter(answers);
        // One that sends any path on does so with the method that it was asked by.
        let handing: Vec<(&Request, Address)> = own()
            .filter(|sent| sent.method.as_deref().is_none_or(|own| own == method))
            .filter_map(|sent| Some((sent, rewrites::handed_on(handler, &sent.url, &address.segments)?)))
            .collect();
        let found: Vec<(&Request, Target)> = match handing.is_empty() {
            false => handing
                .into_iter()
                .map(|(sent, address)| {
                    let address = self.resolved(*handler_file, address);
                    Some((sent, self.target(*handler_file, &address, Some(method))?))
                })
                .collect::<Option<_>>()?,
            true => {
                let reaching = |sent| Some((sent, self.find(*handler_file, sent)?));
                own().filter_map(reaching).collect()
            }
        };
        let (_, first) = found.first().copied()?;
        let is_one =
            found.iter().all(|(_, target)| (target.application, target.route) == (first.application, first.route));
        let sent = found.iter().map(|(sent, _)| *sent).collect();
        Some(Through { reached: self.of_target(first).filter(|_| is_one)?, handler: *handler_file, endpoint, sent })
    }

    /// The same where the handler sends the request on with its own
    /// `Authorization` header, and the handler's file; none if it does something else as well to
    /// find out who asks.
    pub(crate) fn forwarded(&self, file: FileId, request: &Request) -> Option<(Reached<'s>, FileId)> {
        let through = self.through(file, request).filter(|through| through.endpoint.asks == Asks::Credential)?;
        let outcome = self.state.frontend.outcome(through.handler)?;
        let mut own = outcome.requests.iter().filter(|sent| through.endpoint.requests.contains(&sent.place));
        own.all(|sent| sent.forwards).then_some((through.reached, through.handler))
    }

    /// Where a route handler that takes any path sends a request on to.
    pub(crate) fn handed_on(&self, file: FileId, request: &Request, address: &Address) -> Option<Address> {
        let (handler_file, handler) = self.answering(file, address)?;
        let outcome = self.state.frontend.outcome(*handler_file)?;
        let endpoint = endpoint(outcome, request.method.as_deref()?)?;
        let own = outcome.requests.iter().filter(|sent| endpoint.requests.binary_search(&sent.place).is_ok());
        let mut addresses = own.filter_map(|sent| rewrites::handed_on(handler, &sent.url, &address.segments));
        let first = addresses.next()?;
        addresses.all(|other| other == first).then_some(first)
    }

    /// All addresses that requests ask for, before and behind what sends them on.
    pub(super) fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for (file, outcome) in self.state.frontend.outcomes() {
            for request in &outcome.requests {
                let Some(address) = self.address(file, request) else { continue };
                asked.add(&address);
                let resolved = self.resolved(file, address.clone());
                asked.add(&resolved);
                if resolved.base == Base::Page {
                    self.sent_on(file, &resolved).iter().for_each(|address| asked.add(address));
                }
                let Some((handler_file, handler)) = self.answering(file, &address) else { continue };
                let sent = self.state.frontend.outcome(*handler_file).map_or(&[][..], |outcome| &outcome.requests);
                for handed in sent.iter().filter_map(|sent| rewrites::handed_on(handler, &sent.url, &address.segments))
                {
                    asked.add(&handed);
                    asked.add(&self.resolved(*handler_file, handed));
                }
            }
        }
        asked
    }

    /// The route that a request reaches, found out anew: what [`Self::reached`] remembers.
    pub(super) fn find(&self, file: FileId, request: &Request) -> Option<Target> {
        agreed(&self.state.guards, &self.candidates(file, request))
    }

    /// The routes that a request may reach: of several backends the nearest.
    pub(super) fn candidates(&self, file: FileId, request: &Request) -> Vec<Target> {
        let Some(address) = self.address(file, request) else { return Vec::new() };
        // What it goes through may put anything before the path: only one route may end so.
        if request.client == Client::Unresolved {
            let ending = self.nearest_of(file, self.routes().ending(&address, request.method.as_deref()));
            return if ending.len() == 1 { ending } else { Vec::new() };
        }
        if let Some(address) = self.destination(file, &address) {
            return self.nearest(file, &address, request.method.as_deref());
        }
        // Pages that no server of JavaScript serves share their origin with nobody
        // but the backend, if it has exactly this path. So do those that have a variable for its address, and a path
        // only where it is not set: what stands before both in production knows which is whose.
        let is_told = matches!(address.base, Base::Environment(_));
        let address = self.resolved(file, address);
        let is_alone = address.base == Base::Page
            && (is_told || self.state.frontend.has_no_server(path(self.state, file)))
            && self.answering(file, &address).is_none();
        let mut found = match is_alone {
            true => self.nearest(file, &address, request.method.as_deref()),
            false => Vec::new(),
        };
        found.retain(|target| target.offset == 0);
        found
    }

    /// The address of a request in a file; none if nothing of its path is known.
    pub(crate) fn address(&self, file: FileId, request: &Request) -> Option<Address> {
        match self.default_base(file, request) {
            Some(base) => matching::address(&[base, &[UrlPart::Text("/".into())], &request.url].concat()),
            None => matching::address(&request.url),
        }
    }

    /// What is put before the path of a request of axios itself, or of a client that a generator wrote:
    /// what the nearest modules say, if they agree.
    fn default_base(&self, file: FileId, request: &Request) -> Option<&'s [UrlPart]> {
        let is_relative = match request.url.first() {
            Some(UrlPart::Text(text)) => !text.contains("://"),
            _ => false,
        };
        if !is_relative {
            return None;
        }
        let bases = self.state.frontend.default_bases().iter().filter(|base| base.client == request.client);
        let near = |one: &&DefaultBase| shared_folders(self.state, one.file, file);
        let nearest = bases.clone().map(|base| near(&base)).max()?;
        let mut nearest = bases.filter(|base| near(base) == nearest).map(|base| &base.base);
        let first = nearest.next()?;
        nearest.all(|other| other == first).then_some(first)
    }

    /// An address with the path that its variable holds, or what stands in for that.
    fn resolved(&self, file: FileId, address: Address) -> Address {
        let stands_in = match &address.base {
            Base::Environment(name) => self.state.frontend.stands_in(file, name),
            _ => None,
        };
        self.state.frontend.bases.resolve(path(self.state, file), address, stands_in)
    }

    /// Where an address leads: that of the page's own origin to where it is
    /// sent on; none if that is not known.
    pub(crate) fn destination(&self, file: FileId, address: &Address) -> Option<Address> {
        let address = self.resolved(file, address.clone());
        match address.base {
            Base::Page => self.sent_on(file, &address),
            _ => Some(address),
        }
    }

    /// Why a request in a file is not known to reach a route.
    pub(crate) fn why_unreached(&self, file: FileId, request: &Request) -> String {
        if request.client == Client::Unresolved {
            return "the import that sends it leads nowhere".to_owned();
        }
        let Some(address) = self.address(file, request) else {
            return "nothing of its path is known".to_owned();
        };
        let answered = || {
            let (_, handler) = self.answering(file, &address)?;
            Some(match request.method.as_deref() {
                Some(method) if handler.lacks(method) => {
                    format!("the route handler of `{}` has no `{method}`: Next.js answers with 405", handler.shown())
                }
                _ => format!("the route handler of `{}` answers it", handler.shown()),
            })
        };
        if address.base == Base::Page && self.sent_on(file, &address).is_none() {
            if let Some(why) = self.handed_on(file, request, &address).and_then(|handed| self.why_not_below(&handed)) {
                return why;
            }
            let stays = || "it stays on the page's own origin: no rewrite sends it on".to_owned();
            return answered().unwrap_or_else(stays);
        }
        match &address.base {
            Base::Host(host) => format!("it goes to {host}"),
            _ if self.methods(&self.destination(file, &address).unwrap_or_else(|| address.clone())).is_empty() => {
                // The variable may hold the frontend's own address.
                let answered = answered().filter(|_| self.is_answered(file, &address));
                answered.unwrap_or_else(|| "no route has its path".to_owned())
            }
            _ => {
                let address = self.destination(file, &address).unwrap_or(address);
                let nearest = self.nearest(file, &address, request.method.as_deref());
                match request.method.as_deref() {
                    Some(WEBSOCKET) if nearest.is_empty() => "no route with its path takes a WebSocket".to_owned(),
                    Some(method) if nearest.is_empty() => format!("no route with its path answers {method}"),
                    // One that ends so, where its base shows that it is another path.
                    _ if agreed(&self.state.guards, &nearest).is_some() => "no route has its path".to_owned(),
                    _ => "several backends answer it".to_owned(),
                }
            }
        }
    }

    /// Why what a route handler sends a request on to is no route; none if it may be one, or is elsewhere.
    fn why_not_below(&self, address: &Address) -> Option<String> {
        let is_missing = !matches!(address.base, Base::Host(_)) && self.methods(address).is_empty();
        (is_missing && !self.may_be_answered(address, None)).then(|| "no route has its path".to_owned())
    }

    /// Whether a route handler of Next.js answers an address, if that is the frontend's own.
    pub(crate) fn is_answered(&self, file: FileId, address: &Address) -> bool {
        self.answering(file, address).is_some_and(|(_, handler)| handler.surely_answers(&address.segments))
    }

    /// The file of the handler of any path below its own that answers an address, if that is the frontend's own.
    pub(crate) fn catching(&self, file: FileId, address: &Address) -> Option<FileId> {
        let (own, handler) = self.answering(file, address)?;
        (handler.takes_many() && handler.surely_answers(&address.segments)).then_some(*own)
    }

    /// Whether an address that fits no route may be answered all the same: by one that takes any path, or because what
    /// is not known of it may go on in several ways.
    pub(crate) fn may_be_answered(&self, address: &Address, method: Option<&str>) -> bool {
        let routes = self.routes();
        routes.may_take(address) || routes.may_name(address) || routes.ways_on(address, method) > 1
    }

    /// Whether a route of any application fits an address.
    pub(crate) fn has_route(&self, address: &Address, method: Option<&str>) -> bool {
        !self.routes().find(address, method).is_empty()
    }

    /// Methods with which routes of any application answer an address.
    pub(crate) fn methods(&self, address: &Address) -> Vec<String> {
        let served = &self.state.table.applications;
        let targets = self.routes().find(address, None);
        let mut methods = Vec::new();
        for target in targets {
            let Some(application) = served.get(target.application) else { continue };
            let Some(first) = application.routes.get(target.route) else { continue };
            let same = application.routes.iter().filter(|route| route.path == first.path);
            methods.extend(same.flat_map(|route| route.methods.iter().map(ToString::to_string)));
        }
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// The route handler of Next.js that answers a path of the page's own origin.
    fn answering(&self, file: FileId, address: &Address) -> Option<&(FileId, Handler)> {
        let from = path(self.state, file);
        let answering = self.handlers().iter().filter(|(_, handler)| {
            from.strip_prefix(handler.root.as_str()).is_some_and(|rest| rest.starts_with('/'))
                && handler.answers(&address.segments)
        });
        answering.min_by_key(|(_, handler)| (Reverse(handler.root.len()), handler.loose(&address.segments)))
    }

    /// Where the page's own origin sends a path on to.
    fn sent_on(&self, file: FileId, address: &Address) -> Option<Address> {
        let from = path(self.state, file);
        let answering = self.answering(file, address);
        // The nearest configuration above the file counts.
        let configurations = self.state.frontend.outcomes().filter(|(_, outcome)| !outcome.rewrites.is_empty());
        let above = configurations.filter_map(|(configuration, outcome)| {
            let (folder, _) = path(self.state, configuration).rsplit_once('/')?;
            from.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')).then_some((folder.len(), outcome))
        });
        let (_, outcome) = above.max_by_key(|(length, _)| *length)?;
        let Some((_, handler)) = answering else {
            return outcome.rewrites.iter().find_map(|rewrite| rewrites::rewritten(rewrite, &address.segments));
        };
        // Before a handler only what is tried before files, or before those with parameters.
        let known = address.segments.iter().map(|segment| match segment {
            Segment::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let path: Vec<&str> = known.collect::<Option<_>>()?;
        let is_before = |rewrite: &&Rewrite| match rewrite.phase {
            Phase::BeforeFiles => true,
            Phase::AfterFiles => handler.has_parameters(),
            Phase::Fallback => false,
        };
        let taken = outcome
            .rewrites
            .iter()
            .filter(is_before)
            .find(|rewrite| rewrites::takes(&rewrite.source, &path) != Some(false))?;
        let is_sure = !taken.is_conditional && rewrites::takes(&taken.source, &path) == Some(true);
        is_sure.then(|| rewrites::rewritten(taken, &address.segments)).flatten()
    }

    /// Whether all routes that may be the one that a request reaches are as a test
    /// wants it: of several backends with the same path it is not known which one runs.
    pub(crate) fn all_are(
        &self,
        file: FileId,
        request: &Request,
        reached: &Reached<'_>,
        test: impl Fn(&Reached<'s>) -> bool,
    ) -> bool {
        let address = self.address(file, request).and_then(|address| self.destination(file, &address));
        let others = address.map(|address| self.nearest(file, &address, request.method.as_deref())).unwrap_or_default();
        let mut others = others.iter().filter(|target| (target.application, target.route) != reached.at);
        others.all(|target| self.of_target(*target).is_none_or(|other| test(&other)))
    }

    fn of_target(&self, target: Target) -> Option<Reached<'s>> {
        let application = self.state.table.applications.get(target.application)?;
        Some(Reached {
            application,
            route: application.routes.get(target.route)?,
            judged: self.state.guards.applications.get(target.application)?.get(target.route)?,
            at: (target.application, target.route),
        })
    }

    /// The routes that an address may lead to: of several copies of a backend
    /// those that lie nearest.
    fn nearest(&self, file: FileId, address: &Address, method: Option<&str>) -> Vec<Target> {
        let targets = self.routes().find(address, method);
        if let Base::Host(_) = address.base {
            // A host elsewhere is the backend's only if the path says so.
            let known = address.segments.iter().filter(|segment| matches!(segment, Segment::Text(_))).count();
            if known < 2 {
                return Vec::new();
            }
        }
        self.nearest_of(file, targets)
    }

    /// How near the nearest module that sends requests lies to each application.
    pub(super) fn frontends(&self) -> &[usize] {
        self.frontends.get_or_init(|| {
            let applications = self.state.table.applications.as_slice();
            if applications.len() < 2 {
                return Vec::new();
            }
            let sending = self.state.frontend.outcomes().filter(|(_, outcome)| !outcome.requests.is_empty());
            let folders = sending.filter_map(|(file, _)| path(self.state, file).rsplit_once('/'));
            let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
            let nearest = |served: &Application| {
                let home = path(self.state, served.site.file);
                folders.iter().map(|folder| shared_parts(folder, home)).max().unwrap_or_default()
            };
            applications.iter().map(nearest).collect()
        })
    }

    /// Of routes of several copies of a backend those that lie nearest to a file; of those the ones that
    /// have no frontend nearer by.
    fn nearest_of(&self, file: FileId, mut targets: Vec<Target>) -> Vec<Target> {
        let near = |target: &Target| {
            let application = self.state.table.applications.get(target.application);
            application.map_or(0, |served| shared_folders(self.state, file, served.site.file))
        };
        let nearest = targets.iter().map(near).max();
        targets.retain(|target| Some(near(target)) == nearest);
        let has_nearer = |target: &Target| self.frontends().get(target.application).copied() > nearest;
        if targets.len() > 1 && !targets.iter().all(has_nearer) {
            targets.retain(|target| !has_nearer(target));
        }
        targets
    }

    fn target(&self, file: FileId, address: &Address, method: Option<&str>) -> Option<Target> {
        agreed(&self.state.guards, &self.nearest(file, address, method))
    }
}

/// The first of several routes, if what is said of them agrees: two that are as near may be guarded by different means.
pub(super) fn agreed(guards: &Guards, targets: &[Target]) -> Option<Target> {
    let (first, others) = targets.split_first()?;
    let judged = |target: &Target| {
        let judged = guards.applications.get(target.application)?.get(target.route)?;
        Some(judged.guard.is_guarded())
    };
    others.iter().all(|other| judged(other) == judged(first)).then_some(*first)
}

fn path(state: &State, file: FileId) -> &str {
    state.sources.file(file).map_or("", |source| &source.path)
}
