//! What is known of a route that nothing guards: what stands beside it, and
//! whether somebody may have meant it to be open.

use std::cell::OnceCell;

use super::people::People;
use crate::auth::guard::{
    Guard, answers_constant, may_sign_in, may_sign_up, only_redirects, reads, sends_away, shows_picture,
    takes_password, touches_nothing,
};
use crate::auth::policy::Authority;
use crate::auth::public::{is_base_of_api, is_internal, is_named_form, is_named_public, is_named_search, is_probe};
use crate::auth::{Judge, Proof};
use crate::data::{Use, is_self, is_user_table};
use crate::facts::python::said_public::names_public;
use crate::facts::python::tree::{Expr, ExprKind, Param, Stmt, StmtKind, keyword, positional};
use crate::ide::{Confidence, Judged, RouteKind, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::{Resolve, Value};
use crate::rules::State;
use crate::rules::missing_auth_dependency::{callable_name, guard_name};
use crate::verdicts::with_interpreter;

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

/// What somebody may have meant who left a route open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// It does nothing and tells everybody the same.
    Constant,
    /// It reads and changes nothing: what it answers with are constants and what the caller sent.
    Stub,
    /// It only sends the caller elsewhere.
    Redirect,
    /// Browsers are sent there, and on to another site, whatever it notes on the way.
    Passage,
    /// Only some configurations have it.
    Conditional,
    /// It refuses everybody unless a setting says otherwise.
    Switched,
    /// Its handler finds out who is calling, and goes on where that is nobody.
    TellsApart,
    /// Its path calls it public.
    NamedPublic,
    /// Its summary, description or tags call it public.
    SaidPublic,
    /// The docstring of its handler calls it public.
    DocumentedPublic,
    /// Strangers send a form there, by its path.
    Form,
    /// It is a probe by its path.
    Probe,
    /// It answers with a picture, which pages show without sending a token.
    Picture,
    /// Callers make an account there.
    SignsUp,
    /// Callers get a token or a cookie there.
    SignsIn,
    /// All that reads on its router is open, and all that changes is guarded.
    Catalogue,
    /// All that changes on its router is guarded, and several routes that read are not.
    ReadsOpenly,
    /// It reads what is nobody's, where everything that reads is open.
    ReadsNobodys,
    /// It gives out nothing but rows that somebody has published.
    Published,
    /// It sets the password of whoever the request names.
    TakesOver,
    /// It makes accounts of administrators.
    MakesAdmins,
    /// Nothing tells of any intention.
    Nothing,
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
            Meant::Catalogue | Meant::ReadsOpenly | Meant::ReadsNobodys => {
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

    fn what_is_meant<'p>(&self, state: &'p State, people: &OnceCell<People<'p>>, judged: &Judged) -> Meant {
        let (route, beside) = (self.route, &self.beside);
        // A sentence about all endpoints hardly means one that gives nothing away.
        let named = judged.expected.basis().is_some_and(|basis| basis.authority != Authority::Blanket);
        // Nor, where it speaks of a group, one that callers get their tokens at, or are sent to by a link.
        let alone = judged.expected.basis().is_some_and(|basis| !basis.authority.speaks_of_several());
        let [constant, stub, redirect, passage, picture, signs_up, signs_in] = with_interpreter(state, |interpreter| {
            [
                !named && answers_constant(interpreter, route),
                !named && touches_nothing(interpreter, route),
                !named && only_redirects(interpreter, route),
                !alone && sends_away(interpreter, route),
                !self.demanded && !is_internal(&route.path) && shows_picture(interpreter, route),
                !alone
                    && (may_sign_up(interpreter, route)
                        || judged.data.makes_users && takes_password(interpreter, route)),
                !alone && may_sign_in(interpreter, route),
            ]
        });
        let may_read = !self.demanded && self.users.is_none() && only_reads(route, judged);
        // What is written beside a route is about that route. That everybody may change what is somebody's, nobody means.
        let harms = judged.data.faults.iter().any(|access| access.usage == Use::Changes && access.client.is_some());
        let may_be_said = !named && judged.data.gives_users.is_none() && !harms;
        let of_others = says_caller(route) || is_internal(&route.path);
        let is_nobodys = || may_read && !of_others && !people.get_or_init(|| People::of(state)).are_in(&judged.data);
        let shown_to_all = || beside.reads_are_open() && is_nobodys();
        // Where most is guarded, what is read openly was left so; where it is not, only what is nobody's.
        let reads_openly = || {
            may_read
                && beside.reads_openly()
                && !of_others
                && !route.path.split('/').any(is_user_table)
                && (self.is_habit() || beside.is_mostly_guarded() || self.alike.reads_openly() && is_nobodys())
        };
        match () {
            () if judged.data.takes_over.is_some() => Meant::TakesOver,
            () if judged.data.makes_admin.is_some() => Meant::MakesAdmins,
            () if constant => Meant::Constant,
            () if stub && !judged.data.writes => Meant::Stub,
            () if redirect => Meant::Redirect,
            () if passage => Meant::Passage,
            () if route.conditional => Meant::Conditional,
            () if !named && only_where_configured(state, route) => Meant::Switched,
            () if !named && is_named_public(&route.path) => Meant::NamedPublic,
            () if !named && !harms && is_said_public(route) => Meant::SaidPublic,
            () if !self.demanded && is_named_form(&route.path, &route.methods) => Meant::Form,
            () if !named && is_probe(&route.path, &route.methods) && takes_nothing(route) => Meant::Probe,
            () if picture => Meant::Picture,
            () if signs_up => Meant::SignsUp,
            () if signs_in => Meant::SignsIn,
            () if beside.is_catalogue() && shown_to_all() => Meant::Catalogue,
            () if self.alike.is_catalogue() && self.alike.reads_are_open() && is_nobodys() => Meant::Catalogue,
            () if reads_openly() => Meant::ReadsOpenly,
            () if !self.is_habit() && (beside.reads_are_open() || beside.changes == 0) && is_nobodys() => {
                Meant::ReadsNobodys
            }
            () if !self.demanded && tells_apart(state, route) => Meant::TellsApart,
            () if may_be_said && route.function().is_some_and(|handler| handler.def.says_public) => {
                Meant::DocumentedPublic
            }
            () if !named && judged.data.gives_published && only_reads(route, judged) => Meant::Published,
            () => Meant::Nothing,
        }
    }

    /// How bad that is. Of several routes that were left open by one decision, the first says so.
    pub(in crate::rules) fn severity(&self) -> (Severity, Confidence) {
        match self.meant {
            Meant::Constant | Meant::Stub | Meant::Redirect | Meant::Conditional => (Severity::Info, Confidence::Low),
            Meant::TakesOver | Meant::MakesAdmins => (Severity::Error, Confidence::High),
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
            (Meant::Stub, ..) => "it reads and changes nothing, and answers with constants and what the caller sent".to_owned(),
            (Meant::Redirect, ..) => "it only sends the caller elsewhere".to_owned(),
            (Meant::Passage, ..) => {
                "browsers come here by a link, which carries no token, and are sent on to another site".to_owned()
            }
            (Meant::NamedPublic, ..) => "its path calls it public, and nothing else says so".to_owned(),
            (Meant::SaidPublic, ..) => {
                "what its decorator says of it calls it public, and nothing else does".to_owned()
            }
            (Meant::Published, ..) => "it gives out nothing but what somebody has published".to_owned(),
            (Meant::DocumentedPublic, ..) => "its docstring calls it public, and nothing else does".to_owned(),
            (Meant::Form, ..) => "a form for strangers by its path, and nothing else says so".to_owned(),
            (Meant::Probe, ..) => "a probe by its path, whose answer is no constant".to_owned(),
            (Meant::Picture, ..) => "it answers with a picture, which a page can show only without a token".to_owned(),
            (Meant::SignsUp, ..) => "callers may sign up here, as it hashes a password or takes one for a new account".to_owned(),
            (Meant::TakesOver, ..) => "it sets the password of whoever the request names, and asks neither for the old one nor for a token that was mailed".to_owned(),
            (Meant::MakesAdmins, ..) => "whoever asks gets an account that may do more than others".to_owned(),
            (Meant::Switched, ..) => "it refuses everybody unless a setting says otherwise".to_owned(),
            (Meant::TellsApart, ..) => "its handler verifies who is calling, and goes on where that is nobody".to_owned(),
            (Meant::SignsIn, ..) => "callers may sign in here, as it hands out a token or sets a cookie".to_owned(),
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

/// Whether the summary, the description or the tags that a route's decorator gives call it public.
fn is_said_public(route: &Route) -> bool {
    const NAMES: &[&str] = &["summary", "description", "tags"];
    let is_public = |value: &Expr| match &value.kind {
        ExprKind::Str(text) => names_public(text),
        ExprKind::List(tags) => tags.iter().filter_map(Expr::as_str).any(|tag| names_public(tag)),
        _ => false,
    };
    let decorators = route.function().into_iter().flat_map(|handler| &handler.def.decorators);
    decorators
        .filter_map(Expr::as_call)
        .any(|(_, args)| NAMES.iter().filter_map(|name| keyword(args, name)).any(is_public))
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
            && with_interpreter(state, |interpreter| {
                !answers_constant(interpreter, other)
                    && !touches_nothing(interpreter, other)
                    && !only_redirects(interpreter, other)
            })
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

/// Whether a handler takes nothing: no data of anybody, no connection to a database.
fn takes_nothing(route: &Route) -> bool {
    let plain =
        route.function().is_some_and(|handler| handler.def.params.len() == usize::from(handler.takes_receiver()));
    plain && route.dependencies.is_empty() && route.perhaps.is_empty()
}

/// Whether a handler verifies the token of a header or cookie that it declares as one that may be missing, and goes on
/// where it is.
fn tells_apart(state: &State, route: &Route) -> bool {
    let Some(handler) = route.function().filter(|_| route.kind == RouteKind::Http) else { return false };
    let may_be_missing = |param: &Param| {
        let marker = param.default.as_ref().and_then(Expr::as_call);
        marker.is_some_and(|(func, args)| {
            let name = match &func.kind {
                ExprKind::Name(name) => name.as_str(),
                ExprKind::Attribute { name, .. } => name.name.as_str(),
                _ => return false,
            };
            let default = positional(args, 0).or_else(|| keyword(args, "default"));
            matches!(name, "Header" | "Cookie") && default.is_some_and(|default| default.kind == ExprKind::None)
        })
    };
    handler.def.params.iter().any(may_be_missing)
        && with_interpreter(state, |interpreter| {
            let judge = Judge::new(interpreter, &state.memo);
            let verdict = judge.handler(route).filter(|verdict| verdict.proof == Proof::Optional);
            verdict.is_some_and(|verdict| verdict.decides() && verdict.steps.iter().any(|step| step.takes().is_some()))
        })
}

/// Whether a handler refuses everybody before it does anything else, unless a switch of the settings is on that is off
/// where nothing is configured: `if not settings.debug: raise …`.
fn only_where_configured(state: &State, route: &Route) -> bool {
    let Some(handler) = route.function().filter(|_| !route.kind.is_mounted()) else { return false };
    with_interpreter(state, |interpreter| {
        let handler = interpreter.current(handler);
        let taken = |expr: &Expr| handler.def.params.iter().any(|param| names(expr, &param.name.name));
        let says_nothing =
            |stmt: &Stmt| matches!(stmt.kind, StmtKind::Expr(_) | StmtKind::Import(_) | StmtKind::ImportFrom(_));
        let first = handler.def.body.iter().find(|stmt| !says_nothing(stmt));
        let Some(StmtKind::If { test, body, .. }) = first.map(|stmt| &stmt.kind) else { return false };
        let refuses = body.last().is_some_and(|last| matches!(last.kind, StmtKind::Raise { .. }));
        let by_default = |expr: &Expr| interpreter.eval_by_default(&handler, expr, &[]);
        // A key that is missing is no switch.
        let is_switch = match &test.kind {
            ExprKind::Not(switch) => {
                let is_plain = matches!(switch.kind, ExprKind::Attribute { .. } | ExprKind::Name(_));
                is_plain && matches!(by_default(switch), Value::Bool(false))
            }
            ExprKind::Compare { .. } => matches!(by_default(test), Value::Bool(true)),
            _ => false,
        };
        refuses && is_switch && !taken(test) && Resolve::names_environment(interpreter, &handler, test)
    })
}

/// Whether a variable enters an expression.
fn names(expr: &Expr, name: &str) -> bool {
    expr.as_name().is_some_and(|found| found == name) || expr.children().into_iter().any(|child| names(child, name))
}

/// Whether a handler is told by the caller who that is.
fn says_caller(route: &Route) -> bool {
    let Some(handler) = route.function() else { return false };
    handler.def.params.iter().any(|param| is_self(&param.name.name))
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
                beside.guarded_reads += usize::from(guard.is_guarded());
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
