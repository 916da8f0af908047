//! What is known of a route that nothing guards: what stands beside it, and
//! whether somebody may have meant it to be open.

mod meant;

use std::cell::OnceCell;

use self::meant::Meant;
use super::people::People;
use crate::auth::guard::{Guard, reads};
use crate::auth::public::{is_base_of_api, is_delivery, is_internal, is_named_public, is_named_search};
use crate::ide::{Confidence, Judged, RouteKind, Severity};
use crate::index::routes::{Application, Route};
use crate::rules::State;
use crate::rules::missing_auth_dependency::{callable_name, guard_name};

/// A route that nothing guards.
pub(in crate::rules) struct OpenRoute<'s, 'r> {
    route: &'r Route,
    meant: Meant,
    /// Whether the specification or the configuration wants it guarded.
    demanded: bool,
    /// What guards most of the routes of its router, where that is the rule.
    siblings: Option<Siblings>,
    beside: Beside,
    /// The same of those that are about the same, where all stand on the application itself.
    alike: Beside,
    /// The middleware of the application that turns callers away elsewhere.
    passing: Option<&'s str>,
    /// The class of the users, if it gives out whole rows of it.
    users: Option<&'r str>,
    /// The first route of its router that is open in the same way, if that is another.
    pub(in crate::rules) first: Option<&'r Route>,
}

/// How many routes of a router are guarded.
struct Siblings {
    guarded: usize,
    all: usize,
    /// What most of them ask for, themselves or through what they ask for.
    guard: String,
    /// How many do.
    by_it: usize,
}

impl Siblings {
    /// What guards them, in words.
    fn are_guarded(&self) -> String {
        let Self { guarded, guard, by_it, .. } = self;
        if by_it == guarded {
            return format!("require `{guard}`");
        }
        format!("are guarded, {by_it} of them by `{guard}`")
    }
}

impl<'s, 'r> OpenRoute<'s, 'r> {
    pub(in crate::rules) fn of(
        state: &'s State,
        people: &OnceCell<People<'s>>,
        application: &'r Application,
        route: &'r Route,
        judged: &'r Judged,
    ) -> Self {
        let demanded = judged.expected.basis().is_some();
        let users = judged.data.gives_users.as_deref().filter(|_| only_reads(route, judged));
        let mut open = Self {
            route,
            meant: Meant::Nothing,
            demanded,
            siblings: siblings(state, application, route),
            beside: Beside::of(state, application, &|other| other.router == route.router),
            alike: Beside::of(state, application, &|other| stand_together(application, other, route)),
            passing: passing_middleware(state, application),
            users,
            first: None,
        };
        open.meant = open.what_is_meant(state, people, judged);
        open.first = match open.meant {
            // What a search may cost is not seen: each is told.
            _ if !reads(route) => None,
            Meant::Catalogue | Meant::ReadsOpenly | Meant::ReadsNobodys | Meant::InPublicGroup => {
                first_open_read(state, application, route, &|_| true)
            }
            // Whoever calls a path public does so for all that is below it.
            Meant::NamedPublic if users.is_none() && only_reads(route, judged) => {
                first_open_read(state, application, route, &|other| is_named_public(&other.path))
            }
            _ => None,
        };
        open
    }

    /// One other guarded route is no habit; a middleware is.
    fn is_habit(&self) -> bool {
        self.siblings.as_ref().is_some_and(|siblings| siblings.guarded > 1 || self.passing.is_some())
    }

    /// How bad that is. Of several routes that were left open by one decision, the first says so.
    pub(in crate::rules) fn severity(&self) -> (Severity, Confidence) {
        match self.meant {
            Meant::Constant | Meant::Stub | Meant::Redirect | Meant::Conditional => (Severity::Info, Confidence::Low),
            Meant::TakesOver | Meant::MakesAdmins => (Severity::Error, Confidence::High),
            // Other services are no visitors: one that signs nothing is none of those that deliver there.
            Meant::TellsApart if is_delivery(&self.route.path, &self.route.methods) => {
                (Severity::Error, Confidence::Medium)
            }
            Meant::Published if !self.is_habit() => (Severity::Info, Confidence::Low),
            Meant::Nothing if self.is_habit() || self.demanded => (Severity::Error, Confidence::High),
            Meant::Nothing => (Severity::Error, Confidence::Medium),
            _ if self.first.is_some() => (Severity::Info, Confidence::Medium),
            _ => (Severity::Warning, Confidence::Medium),
        }
    }

    /// Why it is taken for open by mistake, or on purpose.
    pub(in crate::rules) fn why(&self) -> String {
        let siblings = self.siblings.as_ref().filter(|siblings| self.passing != Some(siblings.guard.as_str()));
        match (self.meant, siblings, self.passing) {
            (Meant::Constant, ..) => "it does nothing and tells everybody the same".to_owned(),
            (Meant::Stub, ..) => "it reads and changes nothing, and answers with constants, settings and what the caller sent".to_owned(),
            (Meant::Redirect, ..) => "it only sends the caller elsewhere".to_owned(),
            (Meant::Passage, ..) => {
                "browsers come here by a link, which carries no token, and are sent on to another site".to_owned()
            }
            (Meant::NamedPublic, ..) => "its path calls it public, and nothing else says so".to_owned(),
            (Meant::SaidPublic, ..) => {
                "what its decorator says of it calls it public, and nothing else does".to_owned()
            }
            (Meant::InPublicGroup, ..) => "the tags of its router call it public, and nothing else does".to_owned(),
            (Meant::Published, ..) => "it gives out nothing but what somebody has published".to_owned(),
            (Meant::DocumentedPublic, ..) => "its docstring calls it public, and nothing else does".to_owned(),
            (Meant::Form, ..) => "a form for strangers by its path, and nothing else says so".to_owned(),
            (Meant::Offer, ..) => {
                "it says by its path what something costs, which those want to know who have no account".to_owned()
            }
            (Meant::Probe, ..) => "a probe by its path, whose answer is no constant".to_owned(),
            (Meant::Picture, ..) => "it answers with a picture, which a page can show only without a token".to_owned(),
            (Meant::SignsUp, ..) => "callers may sign up here, as it hashes a password or takes one for a new account".to_owned(),
            (Meant::TakesOver, ..) => "it sets the password of whoever the request names, and asks neither for the old one nor for a token that was mailed".to_owned(),
            (Meant::MakesAdmins, ..) => "whoever asks gets an account that may do more than others".to_owned(),
            (Meant::Switched, ..) => "it refuses everybody unless a setting says otherwise".to_owned(),
            (Meant::TellsApart, ..) if is_delivery(&self.route.path, &self.route.methods) => {
                "its handler verifies a signature where one is sent, and goes on where none is".to_owned()
            }
            (Meant::TellsApart, ..) => "its handler verifies who is calling, and goes on where that is nobody".to_owned(),
            (Meant::SignsIn, ..) => "callers may sign in here, as it hands out a token or sets a cookie".to_owned(),
            (Meant::StartsAtProvider, ..) => "callers are told here where to sign in with a provider".to_owned(),
            (Meant::ExchangesCode, ..) => {
                "callers may sign in here, as it has a provider exchange the code that they bring".to_owned()
            }
            _ if self.users.is_some() => {
                format!("it gives out rows of `{}` as they are", self.users.unwrap_or_default())
            }
            (Meant::Catalogue, Some(siblings), _) => {
                format!("like everything that reads on this router, of which changes {}", siblings.are_guarded())
            }
            (Meant::ReadsOpenly, Some(siblings), _) => {
                let (others, guarded) = (self.beside.others(), siblings.are_guarded());
                format!("like {others} of this router that only read, while changes {guarded}")
            }
            (Meant::ReadsOpenly, None, _) => {
                format!("like {} of this router that only read, while changes are guarded", self.beside.others())
            }
            (_, Some(siblings), _) => {
                let Siblings { guarded, all, .. } = siblings;
                format!("{guarded} of {all} routes of this router {}", siblings.are_guarded())
            }
            (_, _, Some(middleware)) if self.route.kind == RouteKind::WebSocket => {
                format!("the middleware `{middleware}` does not see WebSockets")
            }
            (_, _, Some(middleware)) => format!("the middleware `{middleware}` lets it through"),
            _ => "no dependency in its chain verifies the caller".to_owned(),
        }
    }
}

/// Whether a route changes nothing: by its methods, or as a search by its path, and by what its handler does.
fn only_reads(route: &Route, judged: &Judged) -> bool {
    let searches = || route.methods.iter().all(|method| method == "POST") && is_named_search(&route.path);
    (reads(route) || route.kind == RouteKind::Http && searches()) && !judged.data.writes
}

/// The first of the routes of a router which are alike that reads and is open, unless that is the route itself.
fn first_open_read<'r>(
    state: &State,
    application: &'r Application,
    route: &Route,
    is_alike: &dyn Fn(&Route) -> bool,
) -> Option<&'r Route> {
    let judged = judged(state, application)?;
    let mut own = application.routes.iter().zip(judged.iter());
    let (first, _) = own.find(|(other, judged)| {
        other.router == route.router
            && reads(other)
            && only_reads(other, judged)
            && judged.guard == Guard::Open(None)
            && !other.conditional
            && is_alike(other)
            && !state.sources.is_ghost(other.registration)
            && !judged.conduct.answers_constant
            && !judged.conduct.touches_nothing
            && !judged.conduct.only_redirects
    })?;
    (first.registration != route.registration).then_some(first)
}

/// Whether two routes are about the same: they stand on one router, and where that is the
/// application itself their paths begin alike.
fn stand_together(application: &Application, one: &Route, other: &Route) -> bool {
    let begins = |route: &'_ Route| -> Option<String> {
        let mut segments = route.path.split('/').filter(|segment| !segment.is_empty());
        segments.find(|segment| !is_base_of_api(segment)).map(str::to_owned)
    };
    one.router == other.router && (one.router != application.router || begins(one) == begins(other))
}

/// The verdicts on an application's routes.
fn judged<'s>(state: &'s State, application: &Application) -> Option<&'s [Judged]> {
    let at = state.table.applications.iter().position(|app| app.router == application.router)?;
    state.guards.applications.get(at).map(|judged| &judged[..])
}

/// How the other routes of a route's router are guarded.
#[derive(Default)]
struct Beside {
    guarded_reads: usize,
    /// Routes that only read and are open, this one among them.
    open_reads: usize,
    /// Routes that change something, by method.
    changes: usize,
    /// Of those, the ones that are guarded or may be.
    guarded_changes: usize,
    open_changes: usize,
}

impl Beside {
    fn of(state: &State, application: &Application, among: &dyn Fn(&Route) -> bool) -> Self {
        let mut beside = Self::default();
        let Some(judged) = judged(state, application) else { return beside };
        let own = application.routes.iter().zip(judged.iter());
        for (other, judged) in own.filter(|(other, _)| among(other) && !other.kind.is_mounted()) {
            let guard = &judged.guard;
            if only_reads(other, judged) {
                // What administrators read of it says nothing of what others may.
                beside.guarded_reads += usize::from(guard.is_guarded() && !is_internal(&other.path));
                beside.open_reads += usize::from(*guard == Guard::Open(None));
                continue;
            }
            // What is asked for with GET and writes on the way, to a cache perhaps, says nothing of changes.
            if reads(other) {
                continue;
            }
            beside.changes += 1;
            beside.open_changes += usize::from(*guard == Guard::Open(None));
            beside.guarded_changes += usize::from(guard.is_guarded() || matches!(guard, Guard::Unknown(_)));
        }
        beside
    }

    /// Whether all that reads is open and all that changes is guarded: a
    /// catalogue, it seems, that everybody may see.
    fn is_catalogue(&self) -> bool {
        self.guarded_reads == 0 && self.open_changes == 0 && self.guarded_changes > 0
    }

    /// Whether several routes that read are open, and none that changes.
    fn reads_openly(&self) -> bool {
        self.open_reads > 1 && self.open_changes == 0 && self.guarded_changes > 0
    }

    /// Whether most routes are guarded, by whatever does that.
    fn is_mostly_guarded(&self) -> bool {
        let guarded = self.guarded_reads + self.guarded_changes;
        guarded > 1 && guarded * 2 >= self.guarded_reads + self.open_reads + self.changes
    }

    /// The other routes that read and are open, in words.
    fn others(&self) -> String {
        match self.open_reads.saturating_sub(1) {
            1 => "another one".to_owned(),
            others => format!("{others} others"),
        }
    }

    fn reads_are_open(&self) -> bool {
        self.guarded_reads == 0
    }
}

/// The middleware of an application that turns callers away elsewhere.
fn passing_middleware<'s>(state: &'s State, application: &Application) -> Option<&'s str> {
    let at = state.table.applications.iter().position(|app| app.router == application.router)?;
    let notes = &state.guards.middlewares.get(at)?.notes;
    notes.iter().find(|note| note.turns_away).map(|note| note.name.as_str())
}

/// How many routes of the same router are guarded, by what most of all.
fn siblings<'r>(state: &State, application: &'r Application, route: &Route) -> Option<Siblings> {
    let judged = judged(state, application)?;
    let own: Vec<_> = application
        .routes
        .iter()
        .zip(judged.iter())
        .filter(|(r, _)| r.router == route.router && !r.kind.is_mounted())
        .collect();
    let name = |(route, judged): &(&'r Route, &'_ Judged)| {
        let name = match &judged.guard {
            Guard::Around(wrapped) => wrapped.name.to_string(),
            guard => guard_name(route, guard)?.to_owned(),
        };
        Some((*route, name))
    };
    let guards: Vec<(&Route, String)> = own.iter().filter_map(name).collect();
    let mut names: Vec<&String> = guards.iter().map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    let asks = |(other, own): &&(&Route, String), name: &str| {
        own == name || other.dependencies.iter().any(|node| callable_name(&node.callable) == Some(name))
    };
    // Of two guards of as many routes, that of those that do the same kind of thing.
    let is_alike = |(other, own): &&(&Route, String), name: &str| own == name && reads(other) == reads(route);
    let count = |is: &dyn Fn(&&(&Route, String), &str) -> bool, name: &str| {
        guards.iter().filter(|guarded| is(guarded, name)).count()
    };
    let own_guard = |(_, own): &&(&Route, String), name: &str| own == name;
    let most =
        names.into_iter().max_by_key(|name| (count(&own_guard, name), count(&is_alike, name), count(&asks, name)))?;
    let (guarded, by_it) = (guards.len(), count(&asks, most));
    (guarded * 2 >= own.len()).then(|| Siblings { guarded, all: own.len(), guard: most.clone(), by_it })
}
