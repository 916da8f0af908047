//! What the middlewares of an application prove, route by route.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;
use smol_str::SmolStr;

use super::flow::{AroundVerdict, RequestState, Served, judge_around, judge_backend};
use super::raised::LetOut;
use super::{Judge, Proof, Role, Verdict, let_through, own_answers, raised};
use crate::facts::python::tree::{ExprKind, Stmt, keyword, positional};
use crate::index::looked_at::RestsOn;
use crate::index::routes::{Application, Middleware, Route, RouteKind};
use crate::index::value::{Arguments, ClassRef, FunctionRef, Site, Unknown, Value};

/// The middlewares of an application that matter to its routes.
#[derive(Debug, Clone, Default)]
pub struct Middlewares {
    members: Vec<Member>,
    /// What they leave on `request.state`.
    state: RequestState,
    /// Below which path it is served.
    mounted_at: Option<SmolStr>,
    /// What the verdicts rest on.
    pub rests_on: Arc<RestsOn>,
    /// What is to be said of those that verify.
    pub notes: Vec<Notes>,
}

/// What their code is made of differs with each execution; what it amounts to counts.
impl PartialEq for Middlewares {
    fn eq(&self, other: &Self) -> bool {
        let said = |one: &Self| -> Vec<(SmolStr, Site, Option<Arc<Verdict>>)> {
            let verdict = |member: &Member| match &member.kind {
                MemberKind::Code { verdict, .. } | MemberKind::Backend(verdict) => Some(Arc::clone(verdict)),
                MemberKind::Unknown(_) => None,
            };
            one.members.iter().map(|member| (member.name.clone(), member.site, verdict(member))).collect()
        };
        self.state == other.state && self.notes == other.notes && said(self) == said(other)
    }
}

impl Eq for Middlewares {}

/// One middleware.
#[derive(Debug, Clone)]
struct Member {
    name: SmolStr,
    site: Site,
    kind: MemberKind,
    /// Whether it is added only under a condition that could not be decided.
    conditional: bool,
}

#[derive(Debug, Clone)]
enum MemberKind {
    /// Its code is known.
    Code {
        function: FunctionRef,
        receiver: Option<Value>,
        /// Whether it sees WebSockets: pure ASGI does, the others don't.
        asgi: bool,
        /// What it proves of any request.
        verdict: Arc<Verdict>,
        /// Whether that may differ from route to route.
        asks_route: bool,
    },
    /// Starlette's `AuthenticationMiddleware`: what its back end proves of any request.
    Backend(Arc<Verdict>),
    /// It may guard; why that can't be told.
    Unknown(SmolStr),
}

/// What is to be said of a middleware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// What it is called.
    pub name: SmolStr,
    /// Where it is added.
    pub site: Site,
    /// Whether it verifies some requests at least.
    pub verifies: bool,
    /// Whether it turns callers away from at least some routes, and does not only look who they are.
    pub turns_away: bool,
    /// Where it raises `HTTPException`, which nothing answers there, or calls what does.
    pub raises: Vec<LetOut>,
    /// What becomes of a browser's preflight request.
    pub preflight: Preflight,
    /// Paths that it compares by their beginning, and lets everything through that begins so.
    pub prefixes: Vec<PublicPrefix>,
    /// Where it takes the path from the address of the request, and one that it lets through by that.
    pub by_address: Option<(Site, SmolStr)>,
}

/// What becomes of an `OPTIONS` request that a browser sends before the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preflight {
    /// Nothing is wrong, or the application answers no other origins.
    Passes,
    /// The CORS middleware stands inside: only the rejections lack its headers.
    WithoutHeaders(Site),
    /// The CORS middleware stands inside, and the preflight itself is rejected.
    Rejected(Site),
}

/// A path of a public list that is compared by its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicPrefix {
    /// The path.
    pub path: SmolStr,
    /// Where it is written.
    pub site: Site,
    /// Whether everything begins so.
    pub everything: bool,
}

/// How the CORS middleware of an application stands to one that verifies.
fn preflight(application: &Application, middleware: &Middleware, rejects_options: bool) -> Preflight {
    let cors = application.middleware.iter().find(|other| {
        let is_cors = matches!(&other.what, Value::Package(path) if path.ends_with(".CORSMiddleware"));
        is_cors && !other.inherited && other.depth > middleware.depth
    });
    match (cors, rejects_options) {
        (None, _) => Preflight::Passes,
        (Some(cors), true) => Preflight::Rejected(cors.site),
        (Some(cors), false) => Preflight::WithoutHeaders(cors.site),
    }
}

/// A guard that is wrapped around a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What it is called.
    pub name: SmolStr,
    /// Where it is added.
    pub site: Site,
    /// What it proves of this route.
    pub verdict: Arc<Verdict>,
}

impl Middlewares {
    /// Judges the middlewares of an application, and lets the judge know what
    /// they leave on `request.state`.
    pub fn new(judge: &Judge<'_>, application: &Application) -> Self {
        judge.enter(RequestState::default());
        let mut state = RequestState::default();
        let mut members = Vec::new();
        let outer = judge.resolve.begin();
        for middleware in application.middleware.iter() {
            let Some((member, left)) = member(judge, middleware) else { continue };
            state.merge(if member.conditional { left.perhaps() } else { left });
            members.push((member, middleware));
        }
        judge.enter(state.clone());
        let placed: Vec<&Middleware> = members.iter().map(|(_, middleware)| *middleware).collect();
        let mut middlewares = Self {
            members: members.iter().map(|(member, _)| member.clone()).collect(),
            state,
            mounted_at: application.mounted_at.clone(),
            rests_on: Arc::default(),
            notes: Vec::new(),
        };
        middlewares.notes = middlewares.note(judge, application, &placed);
        middlewares.rests_on = judge.resolve.end(outer);
        middlewares
    }

    /// Lets the judge know what they leave on `request.state`: for middlewares
    /// that were judged before and still hold.
    pub fn enter(&self, judge: &Judge<'_>) {
        judge.enter(self.state.clone());
    }

    /// Notes on the application's own middlewares that verify at least some requests.
    fn note(&self, judge: &Judge<'_>, application: &Application, placed: &[&Middleware]) -> Vec<Notes> {
        let mut notes = Vec::new();
        for (member, middleware) in self.members.iter().zip(placed) {
            let MemberKind::Code { function, receiver, asgi, verdict, .. } = &member.kind else { continue };
            if middleware.inherited {
                continue;
            }
            let verifies = matches!(verdict.proof, Proof::Verifies | Proof::Optional);
            let mut note = Notes {
                name: member.name.clone(),
                site: member.site,
                verifies,
                turns_away: verdict.proof == Proof::Verifies,
                raises: match *asgi || self.is_answered(judge, middleware, placed) {
                    true => Vec::new(),
                    false => raised::uncaught_rejections(judge.resolve, function, receiver.as_ref()),
                },
                preflight: Preflight::Passes,
                prefixes: Vec::new(),
                by_address: None,
            };
            if verifies {
                let ask = |path: &str, method: &str| {
                    let served = Served { path: path.into(), method: method.into(), kind: RouteKind::Http };
                    judge_around(judge, function, receiver.as_ref(), Some(&served), None).verdict.proof
                };
                let verified = |route: &&Route| {
                    let known = route.kind == RouteKind::Http && route.path_known;
                    known
                        && self.of_route(judge, function, receiver.as_ref(), member.site, route).proof
                            == Proof::Verifies
                };
                let control = application.routes.iter().find(verified).map(|route| route.path.clone());
                let passing = let_through::passing(judge.resolve, function, control.is_some(), &ask);
                note.prefixes = passing.prefixes;
                note.by_address = let_through::address_read(function).zip(passing.example);
                note.turns_away |= control.is_some() || !note.prefixes.is_empty();
                if let Some(path) = control {
                    note.preflight = match preflight(application, middleware, ask(&path, "OPTIONS") == Proof::Verifies)
                    {
                        Preflight::WithoutHeaders(_) if own_answers::names_origins(function) => Preflight::Passes,
                        preflight => preflight,
                    };
                }
            }
            if verifies || !note.raises.is_empty() {
                notes.push(note);
            }
        }
        notes
    }

    /// Whether a middleware around another one answers what that raises.
    fn is_answered(&self, judge: &Judge<'_>, inner: &Middleware, placed: &[&Middleware]) -> bool {
        let outer = self.members.iter().zip(placed).filter(|(_, middleware)| middleware.depth < inner.depth);
        outer.into_iter().any(|(member, _)| match &member.kind {
            MemberKind::Code { function, asgi: false, .. } => raised::answers_rejections(judge.resolve, function),
            _ => false,
        })
    }

    /// The middleware that verifies every request of a route, or why it can't
    /// be told whether one does.
    pub fn guard(&self, judge: &Judge<'_>, route: &Route) -> Result<Option<Wrapped>, SmolStr> {
        let mut unknown = None;
        for member in &self.members {
            if let MemberKind::Unknown(reason) = &member.kind {
                unknown.get_or_insert(reason.clone());
            }
            let Some(verdict) = self.verdict(judge, member, route) else { continue };
            match &verdict.proof {
                Proof::Verifies if member.conditional => {
                    let reason = format!(
                        "the middleware `{}` is added only under a condition that could not be decided",
                        member.name
                    );
                    unknown.get_or_insert(reason.into());
                }
                Proof::Verifies => {
                    return Ok(Some(Wrapped { name: member.name.clone(), site: member.site, verdict }));
                }
                Proof::Unknown(reason) => {
                    unknown.get_or_insert(format!("the middleware `{}`: {reason}", member.name).into());
                }
                _ => {}
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    /// The middleware that turns some requests of a route away by their
    /// credential, and verifies none.
    pub fn pretender(&self, judge: &Judge<'_>, route: &Route) -> Option<Wrapped> {
        self.members.iter().find_map(|member| {
            let verdict = self.verdict(judge, member, route)?;
            let wrapped = || Wrapped { name: member.name.clone(), site: member.site, verdict: Arc::clone(&verdict) };
            (verdict.proof == Proof::ChecksNothing).then(wrapped)
        })
    }

    /// The name of a middleware that verifies credentials where there are some.
    pub fn optional(&self, judge: &Judge<'_>, route: &Route) -> Option<&SmolStr> {
        let optional = |member: &&Member| {
            self.verdict(judge, member, route).is_some_and(|verdict| verdict.proof == Proof::Optional)
        };
        self.members.iter().find(optional).map(|member| &member.name)
    }

    /// What a middleware proves of the requests of a route; `None` where it
    /// does not see them, or has nothing to do with callers.
    fn verdict(&self, judge: &Judge<'_>, member: &Member, route: &Route) -> Option<Arc<Verdict>> {
        match &member.kind {
            MemberKind::Unknown(_) => None,
            MemberKind::Backend(verdict) => Some(Arc::clone(verdict)),
            MemberKind::Code { asgi: false, .. } if route.kind == RouteKind::WebSocket => None,
            MemberKind::Code { function, receiver, verdict, asks_route, .. } => match verdict.proof {
                Proof::NotAuth => None,
                Proof::Verifies => Some(Arc::clone(verdict)),
                _ if !asks_route => Some(Arc::clone(verdict)),
                _ => Some(self.of_route(judge, function, receiver.as_ref(), member.site, route)),
            },
        }
    }

    /// What a middleware proves of the requests of one route: the weakest over its methods.
    fn of_route(
        &self,
        judge: &Judge<'_>,
        function: &FunctionRef,
        receiver: Option<&Value>,
        site: Site,
        route: &Route,
    ) -> Arc<Verdict> {
        let (Some(above), true) = (&self.mounted_at, route.path_known) else {
            return Verdict::plain(Proof::Unknown("the path that it sees is not known".into()));
        };
        let path = SmolStr::new(format!("{above}{}", route.path));
        let methods = if route.methods.is_empty() { vec![SmolStr::default()] } else { route.methods.clone() };
        let verdicts = methods.into_iter().map(|method| {
            let served = Served { path: path.clone(), method, kind: route.kind };
            let key = (function.site, Role::Middleware, fingerprint(&served, site));
            if let Some(verdict) = judge.remembered(&key) {
                return verdict;
            }
            let verdict = judge.resting(|| judge_around(judge, function, receiver, Some(&served), None).verdict);
            judge.memo.borrow_mut().insert(key, Arc::clone(&verdict));
            verdict
        });
        let weakest = verdicts.max_by_key(|verdict| verdict.proof.rank());
        weakest.unwrap_or_else(|| Verdict::plain(Proof::NotAuth))
    }
}

fn fingerprint(served: &Served, site: Site) -> u64 {
    let mut hasher = FxHasher::default();
    (served, site).hash(&mut hasher);
    hasher.finish()
}

/// A middleware as it is to be executed, and what it leaves on `request.state`.
/// `None` for one that has nothing to do with callers.
fn member(judge: &Judge<'_>, middleware: &Middleware) -> Option<(Member, RequestState)> {
    let made = |name: SmolStr, kind: MemberKind, left: RequestState| {
        Some((Member { name, site: middleware.site, kind, conditional: middleware.conditional }, left))
    };
    let unknown =
        |name: SmolStr, reason: String| made(name, MemberKind::Unknown(reason.into()), RequestState::default());
    let (function, receiver) = match &middleware.what {
        Value::Function(function) => (FunctionRef::clone(function), None),
        Value::Class(class) => {
            let method = judge.resolve.method(class, "dispatch").or_else(|| judge.resolve.method(class, "__call__"));
            let Some(method) = method else {
                let bases = judge.resolve.package_bases(class);
                if let Some(function) = handed_up(judge, class) {
                    return judged(judge, middleware, function, None);
                }
                if bases.iter().any(|base| is_authentication(base)) {
                    let (verdict, left) = ask_backend(judge, middleware);
                    return made(class.qualname.clone(), MemberKind::Backend(Arc::new(verdict)), left);
                }
                if bases.iter().all(|base| base != "?" && !may_verify(base) && !is_base_http(base)) {
                    return None;
                }
                let reason = format!("the middleware `{}` could not be followed", class.qualname);
                return unknown(class.qualname.clone(), reason);
            };
            // Starlette calls `cls(app, **options)`.
            let application = Value::Unknown(Unknown::Local);
            let options = middleware.arguments.named.iter().filter(|(name, _)| name != "middleware_class");
            let options = options.map(|(name, value)| (name.clone(), value.clone().settled()));
            let arguments = Arguments { positional: vec![application], named: options.collect(), open_ended: false };
            let instance = judge.resolve.instance(class, arguments, middleware.site);
            (FunctionRef::clone(&method), Some(instance))
        }
        Value::Instance(instance) => {
            let method = match &instance.class {
                Value::Class(class) => judge.resolve.method(class, "__call__"),
                _ => None,
            };
            match method {
                Some(method) => (FunctionRef::clone(&method), Some(middleware.what.clone())),
                None => return unknown("middleware".into(), "a middleware could not be resolved".into()),
            }
        }
        Value::Package(path) if is_base_http(path) => match middleware.arguments.get("dispatch", None) {
            Some(Value::Function(function)) => (FunctionRef::clone(function), None),
            Some(Value::Bound(bound)) => (FunctionRef::clone(&bound.1), Some(bound.0.clone())),
            _ => return unknown(path.clone(), "a middleware could not be resolved".into()),
        },
        Value::Package(path) if is_authentication(path) => {
            let (verdict, left) = ask_backend(judge, middleware);
            return made("AuthenticationMiddleware".into(), MemberKind::Backend(Arc::new(verdict)), left);
        }
        Value::Package(path) => {
            let reason = format!("the middleware `{path}` may verify callers");
            return if may_verify(path) { unknown(path.clone(), reason) } else { None };
        }
        _ => return unknown("middleware".into(), "a middleware could not be resolved".into()),
    };
    judged(judge, middleware, function, receiver)
}

/// A middleware whose function is known.
fn judged(
    judge: &Judge<'_>,
    middleware: &Middleware,
    function: FunctionRef,
    receiver: Option<Value>,
) -> Option<(Member, RequestState)> {
    let function = judge.resolve.current(&function);
    let AroundVerdict { verdict, left, asks_route } = judge_around(judge, &function, receiver.as_ref(), None, None);
    let takes = function.def.params.len() - usize::from(function.takes_receiver());
    let name = match &function.class {
        Some(class) => class.qualname.clone(),
        None => function.shown().into(),
    };
    let kind = MemberKind::Code { asgi: takes >= 3, function, receiver, verdict: Arc::new(verdict), asks_route };
    Some((Member { name, site: middleware.site, kind, conditional: middleware.conditional }, left))
}

/// The function that a subclass of `BaseHTTPMiddleware` hands to it: `super().__init__(app, dispatch)`.
fn handed_up(judge: &Judge<'_>, class: &ClassRef) -> Option<FunctionRef> {
    let bases = judge.resolve.package_bases(class);
    let init = judge.resolve.method(class, "__init__").filter(|_| bases.iter().any(|base| is_base_http(base)))?;
    let init = judge.resolve.current(&init);
    init.def.body.iter().flat_map(Stmt::exprs).find_map(|expr| {
        let (func, args) = expr.as_call()?;
        let ExprKind::Attribute { value, name } = &func.kind else { return None };
        let of_super = value.as_call().and_then(|(func, _)| func.as_name()).is_some_and(|name| name == "super");
        let given = keyword(args, "dispatch").or_else(|| positional(args, 1)).filter(|_| of_super)?;
        match judge.resolve.eval(&init, given).settled() {
            Value::Function(function) if name.name == "__init__" => Some(FunctionRef::clone(&function)),
            _ => None,
        }
    })
}

fn is_base_http(path: &str) -> bool {
    path.ends_with(".BaseHTTPMiddleware")
}

/// Whether a package's middleware is the one of Starlette that asks a back end.
fn is_authentication(path: &str) -> bool {
    path.starts_with("starlette.middleware.authentication") && path.ends_with("AuthenticationMiddleware")
}

/// Whether a package's middleware may have to do with callers, by its name: a
/// reason to say that it is not known whether it verifies.
fn may_verify(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.contains("auth") || lower.contains("jwt")
}

/// What the back end of an `AuthenticationMiddleware` proves, and what it
/// leaves on the request.
fn ask_backend(judge: &Judge<'_>, middleware: &Middleware) -> (Verdict, RequestState) {
    let backend = middleware.arguments.get("backend", None);
    let method = match backend {
        Some(Value::Instance(instance)) => match &instance.class {
            Value::Class(class) => judge.resolve.method(class, "authenticate"),
            _ => None,
        },
        _ => None,
    };
    match (method, backend) {
        (Some(method), Some(receiver)) => judge_backend(judge, &judge.resolve.current(&method), receiver),
        _ => {
            let reason = "the back end of `AuthenticationMiddleware` could not be followed";
            (Verdict::bare(Proof::Unknown(reason.into())), RequestState::default())
        }
    }
}
