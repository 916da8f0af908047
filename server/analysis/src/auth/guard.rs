//! The effective guard of a route: the strongest proof of its whole chain.

use std::sync::Arc;

use smol_str::SmolStr;

use super::evidence::Step;
use super::middleware::{Middlewares, Wrapped};
use super::mounts::{self, Mounted};
use super::unapplied::{self, Unapplied};
use super::{
    DecidedBy, Judge, Proof, Verdict, accounts, carried, constant, decorators, is_database, logged, metrics, pages,
    protocol, public, sent_on, strongest, stubs,
};
use crate::facts::python::tree::Param;
use crate::index::dependencies::{Node, called, definition_site};
use crate::index::interpreter::{Interpreter, serves_metrics};
use crate::index::routes::Route;
use crate::index::routes::RouteKind;
use crate::index::value::{FunctionRef, Resolve, Value};

/// The verdict on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The dependency of that index verifies the caller.
    Guarded(usize),
    /// A middleware or a decorator of the handler verifies the caller.
    Around(Wrapped),
    /// The handler's own body verifies the caller.
    InBody(Arc<Verdict>),
    /// Open on purpose; why.
    Public(SmolStr),
    /// Something in its chain could not be followed; what.
    Unknown(SmolStr),
    /// Nothing verifies the caller, though something may pretend to.
    Open(Option<Weak>),
}

impl Guard {
    /// Whether callers sign in at the route, and get no code for it by mail.
    pub fn signs_in(&self) -> bool {
        matches!(self, Self::Public(reason) if [public::SIGNING_IN, public::BY_PASSWORD, public::BY_PROVIDER].contains(&reason.as_str()))
    }

    /// Whether callers are sent there by an identity provider that has signed them in.
    pub fn is_callback(&self) -> bool {
        matches!(self, Self::Public(reason) if reason == public::CALLBACK)
    }

    /// Whether callers get a new token there for one that they have.
    pub fn refreshes(&self) -> bool {
        matches!(self, Self::Public(reason) if reason == public::REFRESHING)
    }

    /// Whether it looks who the caller is, and serves strangers, too.
    pub fn serves_guests(&self) -> bool {
        matches!(self, Self::Public(reason) if [public::OPTIONAL, public::TELLS_APART].contains(&reason.as_str()))
    }

    /// Whether somebody verifies the caller.
    pub fn is_guarded(&self) -> bool {
        matches!(self, Self::Guarded(_) | Self::Around(_) | Self::InBody(_))
    }
}

/// What pretends to guard a route and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weak {
    /// The dependency of that index, and what it really does.
    Dependency(usize, Proof),
    /// A middleware.
    Around(Wrapped),
    /// A dependency or decorator that FastAPI does not see.
    Unapplied(Unapplied),
}

/// Judges all routes of one application.
pub struct Guards<'g, 'a> {
    judge: &'g Judge<'a>,
    interpreter: &'g Interpreter<'a>,
}

impl<'g, 'a> Guards<'g, 'a> {
    /// Guards judged by `judge`.
    pub fn new(judge: &'g Judge<'a>, interpreter: &'g Interpreter<'a>) -> Self {
        Self { judge, interpreter }
    }

    /// The guard of one route, behind the middlewares of its application;
    /// `marked_public` is the reason of a public comment; `required` tells that
    /// the project's own words want it guarded, whatever its path looks like.
    pub fn route(
        &self,
        route: &Route,
        middlewares: Option<&Middlewares>,
        marked_public: Option<&SmolStr>,
        required: bool,
    ) -> Guard {
        let of = |node: &Node| match self.gives_database(route, node) {
            true => Verdict::plain(Proof::NotAuth),
            false => self.judge.dependency(&node.callable),
        };
        let called = self.judge.in_order(&route.dependencies, &of);
        let verdicts = &called.verdicts;
        let best = strongest(verdicts.iter().map(|verdict| &**verdict));
        if let Some(best) = best.filter(|best| verdicts[*best].proof == Proof::Verifies) {
            let best = strictest(&route.dependencies, verdicts, best);
            return Guard::Guarded(root(&route.dependencies, verdicts, best));
        }
        let body = self.judge.behind(&called, || self.judge.handler(route));
        if let Some(body) = body.clone().filter(|body| body.proof == Proof::Verifies) {
            // Who signs in proves a password in the handler: that is what the route is for.
            return match self.by_nature(route).filter(|reason| !self.asks_for_session(route, &body, reason)) {
                Some(reason) if !required => Guard::Public(reason.into()),
                _ => Guard::InBody(body),
            };
        }
        let wrappers = match route.function() {
            Some(handler) if !route.kind.is_mounted() => {
                let current = self.interpreter.current(handler);
                self.judge.behind(&called, || {
                    let mut around = decorators::of_wrappers(self.judge, handler);
                    around.extend(decorators::of_handler(self.judge, &current, route.registration));
                    around
                })
            }
            _ => Vec::new(),
        };
        if let Some(wrapper) = wrappers.iter().find(|wrapper| wrapper.verdict.proof == Proof::Verifies) {
            return Guard::Around(Wrapped {
                name: wrapper.name.clone(),
                site: route.registration,
                verdict: Arc::new(wrapper.verdict.clone()),
            });
        }
        if route.kind.is_mounted() {
            return self.mount(route, middlewares, marked_public);
        }
        let middleware = middlewares.map_or(Ok(None), |middlewares| middlewares.guard(self.judge, route));
        if let Ok(Some(wrapped)) = &middleware {
            // What is off unless somebody switches it on does not stand before a sign-in.
            let is_off = wrapped.verdict.bypass.is_some_and(|bypass| bypass.decided_by == DecidedBy::Default);
            return match self.by_nature(route).filter(|_| is_off && !required) {
                Some(reason) => Guard::Public(reason.into()),
                None => Guard::Around(wrapped.clone()),
            };
        }
        if let Some(reason) = marked_public {
            return Guard::Public(format!("marked public: {reason}").into());
        }
        if !required && let Some(reason) = self.by_nature(route) {
            return Guard::Public(reason.into());
        }
        if let Some(reason) = &route.more {
            return Guard::Unknown(reason.clone());
        }
        let perhaps = route.perhaps.iter().find(|node| self.may_guard(&node.callable));
        if let Some(node) = perhaps {
            let name = unapplied::name_of(&node.callable);
            let reason = format!("`{name}` is asked for only under a condition that could not be decided");
            return Guard::Unknown(reason.into());
        }
        if let Some(reason) = verdicts.iter().find_map(|verdict| unknown_reason(verdict)) {
            return Guard::Unknown(reason);
        }
        if let Err(reason) = middleware {
            return Guard::Unknown(reason);
        }
        if let Some(reason) = body.as_deref().and_then(unknown_reason) {
            return Guard::Unknown(reason);
        }
        if let Some(reason) = wrappers.iter().find_map(|wrapper| unknown_reason(&wrapper.verdict)) {
            return Guard::Unknown(reason);
        }
        // Whoever asks for the caller, if there is one, answers strangers on purpose.
        let is_optional = best.is_some_and(|best| {
            verdicts[best].proof == Proof::Optional && route.dependencies[best].parameter.is_some() && !required
        });
        let keeps_out = |body: &Arc<Verdict>| match body.proof {
            Proof::Optional if reads(route) => body.strangers_get_nothing && !is_optional,
            // What a token is revoked by (RFC 7009, section 2.1): who has none changes nothing.
            Proof::Optional | Proof::NotAuth if route.kind == RouteKind::Http => {
                let tells_apart = body.decides() || body.steps.iter().any(Step::compares_a_key);
                body.strangers_get_nothing && body.strangers_do_nothing && tells_apart
            }
            _ => false,
        };
        if let Some(body) = body.clone().filter(keeps_out) {
            return Guard::InBody(body);
        }
        // Whose session it ends is verified; nobody else is signed out.
        let looks_whose = body.as_ref().is_some_and(|body| body.proof == Proof::Optional && body.decides());
        if looks_whose && !required && posts(route) && public::signs_out_at_end(&route.path) {
            return Guard::Public("signing out".into());
        }
        if body.is_some_and(|body| body.asks_user) && !required {
            return Guard::Public(public::TELLS_APART.into());
        }
        if let Some(best) = best.filter(|best| verdicts[*best].proof == Proof::Optional) {
            let node = &route.dependencies[best];
            // Whoever gets the value can look whether somebody is there, if they do.
            if node.parameter.is_some() && !required && !self.is_ignored(route, node) {
                return Guard::Public(public::OPTIONAL.into());
            }
            return Guard::Open(Some(Weak::Dependency(best, Proof::Optional)));
        }
        // Who is asked only to say what those may do who have a credential pretends nothing.
        let pretends =
            |at: &usize| verdicts[*at].proof != Proof::NotAuth && !only_tells(&route.dependencies, verdicts, *at);
        let best = best.filter(pretends).or_else(|| {
            let pretending = (0..verdicts.len()).filter(pretends);
            pretending.min_by_key(|at| verdicts[*at].proof.rank())
        });
        if best.is_some_and(|best| verdicts[best].proof == Proof::ExtractsOnly)
            && let Some(name) = middlewares.and_then(|middlewares| middlewares.optional(self.judge, route))
        {
            let reason = format!("a dependency asks for a credential, and whether `{name}` verifies each is not known");
            return Guard::Unknown(reason.into());
        }
        if let Some(best) = best {
            let best = match verdicts[best].proof {
                Proof::TrustsClient => root(&route.dependencies, verdicts, best),
                _ => lenient(&route.dependencies, verdicts, best),
            };
            return Guard::Open(Some(Weak::Dependency(best, verdicts[best].proof.clone())));
        }
        if let Some(pretender) = middlewares.and_then(|middlewares| middlewares.pretender(self.judge, route)) {
            return Guard::Open(Some(Weak::Around(pretender)));
        }
        if let Some(unapplied) = unapplied::find(self.judge, self.interpreter, route) {
            return Guard::Open(Some(Weak::Unapplied(unapplied)));
        }
        if !route.end_known {
            return Guard::Unknown("its path is not known before run time".into());
        }
        Guard::Open(None)
    }

    /// The guard of what is mounted, and of a frontend that no dependency guards: for what is mounted dependencies do
    /// not run, middlewares do.
    fn mount(&self, route: &Route, middlewares: Option<&Middlewares>, marked_public: Option<&SmolStr>) -> Guard {
        if route.kind == RouteKind::Frontend {
            return Guard::Public("files of the frontend".into());
        }
        let mounted = mounts::mounted(&route.handler);
        match mounted {
            Mounted::Application => return Guard::Public("mounted application, judged by its own routes".into()),
            Mounted::Files => return Guard::Public("files".into()),
            Mounted::OpenToolServer | Mounted::OpenPanel(_) | Mounted::Other => {}
        }
        let around = self.judge.around_mounted(&route.handler).filter(|around| around.proof == Proof::Verifies);
        if let (Some(verdict), Value::Instance(instance)) = (around, &route.handler)
            && let Value::Class(class) = &instance.class
        {
            let name = class.qualname.clone();
            return Guard::Around(Wrapped { name, site: route.registration, verdict: Arc::new(verdict) });
        }
        let middleware = middlewares.map_or(Ok(None), |middlewares| middlewares.guard(self.judge, route));
        match (middleware, marked_public) {
            (Ok(Some(wrapped)), _) => Guard::Around(wrapped),
            (_, Some(reason)) => Guard::Public(format!("marked public: {reason}").into()),
            (Err(reason), None) => Guard::Unknown(reason),
            (Ok(None), None) if mounted != Mounted::Other => Guard::Open(None),
            (Ok(None), None) => Guard::Unknown("whether what is mounted here asks who is calling is not known".into()),
        }
    }

    /// Whether a dependency that was not found gives a session of the database, by the type of what takes it.
    fn gives_database(&self, route: &Route, node: &Node) -> bool {
        if !matches!(node.callable, Value::Unknown(_)) {
            return false;
        }
        let function = match node.parent {
            None => route.function().map(|handler| FunctionRef::clone(handler)),
            Some(parent) => {
                let parent = route.dependencies.get(parent).map(|parent| &parent.callable);
                parent.and_then(|callable| called(self.interpreter, callable)).map(|(function, _)| function)
            }
        };
        let Some((function, name)) = function.zip(node.parameter.as_ref()) else { return false };
        let param = function.def.params.iter().find(|param| &param.name.name == name);
        param.is_some_and(|param| is_database(self.interpreter, &function, param))
    }

    /// Whether the handler asks for a dependency's value, and never looks at it, or only writes it to a log.
    fn is_ignored(&self, route: &Route, node: &Node) -> bool {
        let (Some(handler), None, Some(name)) = (route.function(), node.parent, &node.parameter) else {
            return false;
        };
        let handler = self.interpreter.current(handler);
        let is_own = handler.def.params.iter().any(|param| &param.name.name == name);
        is_own && !logged::is_looked_at(&handler.def.body, name)
    }

    fn may_guard(&self, dependency: &Value) -> bool {
        matches!(self.judge.dependency(dependency).proof, Proof::Verifies | Proof::Optional | Proof::Unknown(_))
    }

    /// Whether a handler whose path may be for mailed tokens verifies the one that the caller is signed in with.
    fn asks_for_session(&self, route: &Route, body: &Verdict, reason: &str) -> bool {
        let may_be_mailed = reason == public::RECOVERING;
        let handler = route.function().filter(|_| may_be_mailed);
        handler.is_some_and(|handler| carried::verifies_session(self.interpreter, handler, body))
    }

    /// Whether a handler has to be told something by the client, in the query or the path.
    fn asks_for_something(&self, route: &Route) -> bool {
        let Some(handler) = route.function() else { return false };
        let is_plain = |param: &Param| {
            let ty = param.annotation.as_ref().map(|ty| self.interpreter.eval_signature(handler, ty));
            matches!(ty, Some(Value::Package(path)) if path.starts_with("builtins.") || path.starts_with("uuid."))
        };
        route.injects && handler.def.params.iter().any(|param| param.default.is_none() && is_plain(param))
    }

    /// Why a route is public by nature: by its path, or as a probe whose
    /// handler provably gives away nothing.
    pub fn by_nature(&self, route: &Route) -> Option<&'static str> {
        if !route.end_known || route.kind != RouteKind::Http {
            return None;
        }
        let by_path = public::by_nature(route);
        // A probe of the service asks for nothing: what a client has to name is somebody's, or of something.
        let by_path = by_path.filter(|reason| *reason != public::HEALTH_CHECK || !self.asks_for_something(route));
        by_path.or_else(|| {
            let probe = public::is_probe(&route.path, &route.methods);
            if probe && answers_constant(self.interpreter, route) {
                return Some("health check that answers the same to everybody");
            }
            if signs_in(self.interpreter, route) {
                return Some(public::BY_PASSWORD);
            }
            let signed = entrance(route).filter(|_| !public::is_internal(&route.path));
            if signed.is_some_and(|handler| accounts::exchanges_signature(self.interpreter, handler)) {
                return Some(public::SIGNING_IN);
            }
            if serves_metrics(&route.handler) {
                return Some("metrics that a package serves");
            }
            let handler = route.function()?;
            if alone(route).is_some()
                && metrics::answers_metrics(self.interpreter, &self.interpreter.current(handler), probe)
            {
                return Some("metrics that a package gives");
            }
            if reads(route) && accounts::shows_documentation(self.interpreter, handler) {
                return Some("documentation of the API");
            }
            if reads(route)
                && public::is_fallback(&route.path)
                && pages::answers_pages(self.interpreter, &self.interpreter.current(handler))
            {
                return Some("pages of the frontend at any path");
            }
            // A form, or a redirect to whoever asks for the password.
            if reads(route)
                && public::is_page_of_account(&route.path)
                && pages::answers_pages(self.interpreter, &self.interpreter.current(handler))
            {
                return Some("page to sign in or up at");
            }
            let mailed = entrance(route).filter(|_| public::is_confirmation_of_mail(&route.path));
            if mailed.is_some_and(|handler| accounts::takes_token_alone(self.interpreter, handler)) {
                return Some("confirming what was mailed");
            }
            if let Some((reason, fields)) = public::account_at_end(&route.path)
                && (entrance(route).is_some() || (reads(route) && reason == public::RECOVERING))
                && accounts::takes_any(self.interpreter, handler, fields)
            {
                return Some(reason);
            }
            if (reads(route) || posts(route))
                && !public::is_internal(&route.path)
                && let Some(reason) = protocol::wants_open(self.interpreter, handler)
            {
                return Some(reason);
            }
            if public::is_sign_in_at_provider(&route.path) && accounts::takes_any(self.interpreter, handler, &["code"])
            {
                return Some(public::BY_PROVIDER);
            }
            // RFC 6749, section 4.1.2: the provider sends the browser back with what it was given, and a code.
            if (reads(route) || posts(route))
                && public::is_callback(&route.path)
                && accounts::takes_all(self.interpreter, handler, &["code", "state"])
            {
                return Some(public::CALLBACK);
            }
            if posts(route)
                && public::revokes(&route.path)
                && accounts::takes_all(self.interpreter, handler, &["token", "tokentypehint"])
            {
                return Some("where OAuth 2.0 has tokens revoked");
            }
            // Whatever its field for the password is called.
            if entrance(route).is_some()
                && public::signs_up_at_end(&route.path)
                && accounts::takes_input(self.interpreter, handler)
                && accounts::hashes_password(self.interpreter, handler)
            {
                return Some("signing up");
            }
            // Browsers are sent there that follow a link.
            let provider = accounts::at_provider(self.interpreter, handler);
            if let Some(reason) = provider.filter(|reason| reads(route) || *reason != public::BY_PROVIDER) {
                return Some(reason);
            }
            let signs_up = public::makes_accounts(&route.path, &route.methods);
            (signs_up && accounts::hashes_password(self.interpreter, handler)).then_some("signing up")
        })
    }
}

/// Of a dependency that hands on whom others verified, or believe, the one that does: the proof is there.
fn root(nodes: &[Node], verdicts: &[Arc<Verdict>], from: usize) -> usize {
    let nested = |outer: &usize| {
        let mut nested = nodes.iter().enumerate().filter(|(_, node)| node.parent == Some(*outer));
        nested.find(|(at, _)| verdicts[*at].proof == verdicts[from].proof).map(|(at, _)| at)
    };
    std::iter::successors(Some(from), nested).last().unwrap_or(from)
}

/// Of a scheme that verifies nothing, the dependency that asks for it and verifies what it gives, but lets callers
/// pass whom that refuses: what is wrong is there.
fn lenient(nodes: &[Node], verdicts: &[Arc<Verdict>], from: usize) -> usize {
    let mut outer = std::iter::successors(nodes[from].parent, |at| nodes[*at].parent);
    outer.find(|at| verdicts[*at].is_lenient()).unwrap_or(from)
}

/// Whether a scheme is only asked for by what verifies its credential and turns nobody away for having none: a feature
/// that some accounts lack.
fn only_tells(nodes: &[Node], verdicts: &[Arc<Verdict>], at: usize) -> bool {
    let outer = || std::iter::successors(nodes[at].parent, |at| nodes[*at].parent);
    let tells = |at: usize| verdicts[at].proof == Proof::NotAuth && verdicts[at].decides();
    verdicts[at].proof == Proof::ExtractsOnly && outer().any(tells)
}

/// Of several dependencies that verify, the one that asks for the first of them
/// in turn: it lets nobody in whom that one turns away.
fn strictest(nodes: &[Node], verdicts: &[Arc<Verdict>], first: usize) -> usize {
    let wanted = nodes.get(first).and_then(|node| definition_site(&node.callable));
    let asks = |outer: usize| {
        let mut nested = nodes.iter().filter(|node| node.parent == Some(outer));
        nested.any(|node| definition_site(&node.callable) == wanted)
    };
    let direct = nodes.iter().enumerate().filter(|(at, node)| *at != first && node.parent.is_none());
    let mut verifying = direct.filter(|(at, _)| verdicts[*at].proof == Proof::Verifies).map(|(at, _)| at);
    verifying.find(|at| wanted.is_some() && asks(*at)).unwrap_or(first)
}

/// Whether a route changes nothing, by its methods (RFC 9110, section 9.2.1).
pub(crate) fn reads(route: &Route) -> bool {
    route.kind == RouteKind::Http && route.methods.iter().all(|method| method == "GET" || method == "HEAD")
}

/// Whether a route is how callers sign in, wherever it stands: it takes the
/// password form of OAuth 2 (RFC 6749, section 4.3), or its handler verifies a
/// password and issues a token.
fn signs_in(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let is_form = |path: &str| path.starts_with("fastapi.security") && path.contains("OAuth2PasswordRequestForm");
    let takes_form = |node: &Node| match &node.callable {
        Value::Package(path) => is_form(path),
        Value::Class(class) => interpreter.package_bases(class).iter().any(|base| is_form(base)),
        _ => false,
    };
    let exchanges = || entrance(route).is_some_and(|handler| accounts::exchanges_password(interpreter, handler));
    posts(route) && (route.dependencies.iter().any(takes_form) || exchanges())
}

/// Whether a route is asked by `POST` alone.
fn posts(route: &Route) -> bool {
    route.kind == RouteKind::Http && !route.methods.is_empty() && route.methods.iter().all(|method| method == "POST")
}

/// The handler of a route that callers may come in by: what it takes has no name yet.
fn entrance(route: &Route) -> Option<&FunctionRef> {
    let is_named = |path: &str| path.contains('{') && !public::is_below_auth(path);
    route.function().map(|handler| &**handler).filter(|_| posts(route) && !is_named(&route.path))
}

/// Whether the handler of a route compares a password with what is kept of it.
pub(crate) fn verifies_password(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    entrance(route).is_some_and(|handler| accounts::verifies_password(interpreter, handler))
}

/// Whether a route may be how callers sign up: its handler hashes a password that it is given. What takes nothing makes
/// an account that everybody knows.
pub(crate) fn may_sign_up(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let hashes = |handler: &FunctionRef| {
        accounts::takes_input(interpreter, handler) && accounts::hashes_password(interpreter, handler)
    };
    !public::is_internal(&route.path) && entrance(route).is_some_and(hashes)
}

/// Whether callers may say at a route which password they want, wherever that goes.
pub(crate) fn takes_password(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let takes = |handler: &FunctionRef| accounts::takes_any(interpreter, handler, &["password", "passwd", "pwd"]);
    !public::is_internal(&route.path) && entrance(route).is_some_and(takes)
}

/// Whether a route may be how callers sign in, with whatever they have: its
/// handler issues a token or sets a cookie.
pub(crate) fn may_sign_in(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    !public::is_internal(&route.path) && entrance(route).is_some_and(|handler| accounts::issues(interpreter, handler))
}

/// Whether the handler of a route has a provider exchange a code for a token, which callers sign in with.
pub(crate) fn exchanges_code(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let posted = route.function().filter(|_| posts(route) && !public::is_internal(&route.path));
    posted.is_some_and(|handler| accounts::exchanges_code(interpreter, handler))
}

/// Whether the handler of a route, which nobody tells anything, makes the address at which users sign in with a provider.
pub(crate) fn starts_at_provider(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let starts = alone(route).filter(|_| (reads(route) || posts(route)) && !public::is_internal(&route.path));
    starts.is_some_and(|handler| accounts::starts_at_provider(interpreter, handler))
}

/// Whether a route answers with a picture, which pages show without sending a header (`<img src>`).
pub(crate) fn shows_picture(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    route.function().is_some_and(|handler| {
        reads(route) && sent_on::shows_picture(interpreter, &interpreter.current(handler), &route.path)
    })
}

/// Whether a route runs no dependency, and its handler provably does nothing
/// and gives everybody the same answer.
pub(crate) fn answers_constant(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    alone(route).is_some_and(|handler| constant::answers_constant(interpreter, &interpreter.current(handler)))
}

/// Whether a route runs no dependency, and its handler provably only sends the
/// caller to another address.
pub(crate) fn only_redirects(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    alone(route).is_some_and(|handler| sent_on::only_redirects(interpreter, &interpreter.current(handler)))
}

/// Whether a route that browsers are sent to only sends them on to another site, whatever it notes on the way.
pub(crate) fn sends_away(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let is_opened = route.methods.iter().any(|method| method == "GET");
    is_opened && sends_browsers_on(interpreter, route)
}

/// Whether a route ends in nothing but redirects to another site, whatever it does before: a browser comes here because
/// a third site sent it, by a link or with a form.
pub(crate) fn sends_browsers_on(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let Some(handler) = route.function().filter(|_| route.kind == RouteKind::Http) else { return false };
    sent_on::sends_away(interpreter, &interpreter.current(handler))
}

/// Whether the handler of a route provably reads nothing and changes nothing. What its dependencies open for it may
/// stay unused.
pub(crate) fn touches_nothing(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    let is_http = route.kind == RouteKind::Http && route.perhaps.is_empty() && route.more.is_none();
    let Some(handler) = route.function().filter(|_| is_http) else { return false };
    let handler = interpreter.current(handler);
    let opens = |node: &Node| match &node.callable {
        Value::Function(function) => function.def.is_generator,
        Value::Lambda(site) => stubs::gives_constant(interpreter, &handler, *site),
        _ => false,
    };
    route.dependencies.iter().all(opens) && stubs::touches_nothing(interpreter, &handler)
}

/// Whether the handler of a route asks for the request itself.
pub(crate) fn takes_request(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    route.function().is_some_and(|handler| stubs::takes_request(interpreter, handler))
}

/// Whether the handler of a route makes a signature with a key, and compares none: it may be one for whoever asks.
pub(crate) fn signs_by_hand(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    !public::is_internal(&route.path)
        && entrance(route).is_some_and(|handler| accounts::signs_by_hand(interpreter, handler))
}

/// The handler of a route that runs nothing else.
fn alone(route: &Route) -> Option<&FunctionRef> {
    let is_alone = route.dependencies.is_empty() && route.perhaps.is_empty() && route.more.is_none();
    route.function().map(|handler| &**handler).filter(|_| is_alone)
}

fn unknown_reason(verdict: &Verdict) -> Option<SmolStr> {
    match &verdict.proof {
        Proof::Unknown(reason) => Some(reason.clone()),
        _ => None,
    }
}
