//! Execution of a function over abstract values, path by path.
//!
//! A path knows whether a credential was verified on it, and what its
//! variables hold. Branches split paths, conditions refine them, `raise` ends
//! them. The verdict follows from the paths that end without an exception.

mod acts;
mod alternatives;
mod around;
mod backend;
mod calls;
mod checked;
mod clauses;
mod codes;
mod conditions;
mod containers;
mod decided;
mod exact;
mod follow;
mod given;
mod holding;
mod implementations;
mod kept;
mod left;
mod listed;
mod matching;
mod named;
mod objects;
mod outcome;
mod packages;
mod parameters;
mod partial;
mod proof;
mod queries;
mod recursion;
mod rejections;
mod requests;
mod settings;
mod statements;
mod summary;
mod truths;
mod unresolved;

pub(super) use around::{AroundVerdict, RequestState, Served, judge_around};
pub(super) use backend::{Required, judge_backend, required_scopes, scopes_of_decorator};
pub(super) use holding::Holding;
pub(super) use objects::class_held;
pub(super) use summary::Summaries;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use self::decided::switched_login;
use self::given::Given;
use self::outcome::{Outcome, Shape};
use self::proof::bypass;
use self::summary::Summary;
use super::evidence::{Evidence, Step};
use super::{Bypass, Judge, Proof, Role, Verdict};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{ClassRef, FunctionRef, Site, Value};
use crate::text::TextRange;

/// Project functions followed inside each other.
const MAX_DEPTH: u32 = 6;
/// Paths kept apart; more are joined into one that claims the least.
const MAX_PATHS: usize = 32;
/// Statements and expressions executed of one function and what it calls. A
/// call counts once, as if it were executed, even if it was remembered from
/// before: a verdict does not depend on what is remembered.
const MAX_STEPS: u32 = 20_000;
/// Why a function is not known that takes more.
const TOO_LARGE: &str = "there is too much code to follow";

/// What a variable holds.
#[derive(Debug, Clone)]
enum Abs {
    /// `None`, or another value that is false.
    Nothing,
    /// A constant.
    Constant,
    /// Derived from a credential, not verified.
    Credential,
    /// A secret in the body of a request, such as a password: something to
    /// check, but no credential that every request carries.
    Secret,
    /// Derived from an identity that the client sent.
    Identity,
    /// A user, and its class where that is known, who was found by what is no secret: an
    /// identity that the client sent, until it is compared with a secret of that user's.
    Named(Option<Arc<ClassRef>>),
    /// A dictionary of the code that holds users by their names.
    Users,
    /// What a sink returned. `checked` is false while it may still be the
    /// `None` or `False` of a failure.
    Verified { checked: bool },
    /// True exactly when verification succeeded.
    Check,
    /// False exactly when verification succeeded: an error beside the result.
    Failure,
    /// The status of a sink's HTTP response.
    Status,
    /// What a function returned that says in its parts whether it verified.
    Outcome(Arc<Outcome>),
    /// The request, or its headers, cookies, …, by attribute.
    Request(SmolStr),
    /// The address that the request came from.
    Peer,
    /// Starlette's `AuthCredentials`: the scopes that it grants, where they are known.
    Granted(Option<Arc<Vec<SmolStr>>>),
    /// An object of the project with a known class or of a package.
    Object(Box<Value>),
    /// The result of something that could not be followed and was given a credential.
    Unknown(SmolStr),
    /// Anything else.
    Other,
}

/// Two abstract values are equal when they are of one kind: what exactly an
/// object or a reason is makes no difference to a path.
impl PartialEq for Abs {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Verified { checked: a }, Self::Verified { checked: b }) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// One path through a function.
#[derive(Debug, Clone, Default)]
struct Path {
    vars: FxHashMap<SmolStr, Abs>,
    /// Variables of which the exact value is known: of a middleware's request, say.
    known: Vec<(SmolStr, Value)>,
    /// Variables that only the configuration decides, and what they hold by default.
    settings: Vec<(SmolStr, Value)>,
    /// Variables that hold a credential for certain.
    given: Vec<(SmolStr, Given)>,
    /// What was put on `request.state`.
    state: FxHashMap<SmolStr, Abs>,
    /// A credential was verified, and failure did not get here.
    verified: bool,
    /// It was verified before, and is followed for what it leaves on `request.state` only.
    settled: bool,
    /// Whether what the path rests on could not be followed.
    unknown: Option<SmolStr>,
    /// Conditions that may lead around a verification, and which way each went.
    switches: Vec<(Bypass, bool)>,
    /// Whether what a credential says of itself, unverified, led here.
    chosen: bool,
    /// Whether something was done that lasts, before anything was verified.
    acts: bool,
}

/// A path that ended without an exception.
#[derive(Debug, Clone)]
struct Exit {
    verified: bool,
    unknown: Option<SmolStr>,
    value: Abs,
    /// The parts of a tuple, dictionary or object that was put together there.
    parts: Vec<(SmolStr, Abs)>,
    shape: Shape,
    state: FxHashMap<SmolStr, Abs>,
    switches: Vec<(Bypass, bool)>,
    /// Whether what a credential says of itself, unverified, led here.
    chosen: bool,
    /// Whether something was done that lasts, before anything was verified.
    acts: bool,
}

/// The execution of one function and what it calls.
struct Flow<'j, 'a> {
    judge: &'j Judge<'a>,
    /// The function being executed; innermost last.
    stack: Vec<FunctionRef>,
    found: Findings,
    /// What is wrapped around a handler, when that is what is executed.
    around: Option<around::Around>,
    /// Whether what the function returns is the answer to the request.
    answers: bool,
    /// The call of which the result is that answer.
    answer: Option<TextRange>,
    /// Whether what is being executed stands in a `try` of its own function that lets no exception out.
    swallows: bool,
    /// Steps left for the function being executed.
    budget: u32,
    /// Calls that were counted in it.
    charged: FxHashSet<*const Summary>,
    /// Functions that are being executed and call themselves, innermost last.
    within: Vec<recursion::Within>,
}

/// What was met on the way, whatever became of the paths.
#[derive(Debug, Default)]
struct Findings {
    steps: Vec<Step>,
    /// Whether anything a caller could prove itself with was read.
    credential: bool,
    /// A credential was read from a message over a socket.
    in_message: bool,
    /// The same for identities.
    identity: bool,
    /// Who calls was found by what is no secret.
    named: bool,
    /// Where callers are turned away, if they are.
    rejection: Option<Site>,
    /// Callers are turned away by nothing but what they say of themselves.
    claimed: bool,
    /// A condition that leads around the verification in a function that was called.
    bypass: Option<Bypass>,
    /// Whether the path, method or kind of the request was asked for.
    asks_route: bool,
    /// Whether a name was read that nothing binds.
    unbound: bool,
    /// Whether it was asked who is signed in, of a back end that verifies.
    asks_user: bool,
    /// Whether a call was not followed because its function was being executed.
    cycle: bool,
}

impl Findings {
    /// Adds what was met in a function that was called.
    fn absorb(&mut self, of_call: &Findings) {
        self.steps.extend(of_call.steps.iter().cloned());
        self.credential |= of_call.credential;
        self.identity |= of_call.identity;
        self.named |= of_call.named;
        self.rejection = self.rejection.or(of_call.rejection);
        self.claimed |= of_call.claimed;
        self.bypass = self.bypass.or(of_call.bypass);
        self.asks_route |= of_call.asks_route;
        self.asks_user |= of_call.asks_user;
        self.cycle |= of_call.cycle;
    }
}

/// The verdict on one function; `receiver` is the instance, when it is a method
/// of one that is known.
pub(super) fn judge(judge: &Judge<'_>, function: &FunctionRef, receiver: Option<&Value>, role: Role) -> Verdict {
    let mut flow = Flow::new(judge, function);
    flow.answers = role == Role::Handler;
    let mut path = flow.entry(function, role);
    if let (Some(receiver @ Value::Instance(_)), Some(own)) = (receiver, function.def.params.first()) {
        path.set(&own.name.name, Abs::Object(Box::new(receiver.clone())));
    }
    let brings_nothing = role == Role::Handler && path.vars.values().all(|value| flow.brings_nothing(value));
    let exits = flow.body(path, function);
    let proof = match flow.proof(&exits, function, role) {
        // However long it is: there is nothing in its hands that could be verified.
        Proof::Unknown(reason) if reason == TOO_LARGE && brings_nothing => Proof::NotAuth,
        proof => proof,
    };
    let mut unverified = exits.iter().filter(|exit| !exit.verified);
    let strangers_get_nothing = unverified.all(|exit| flow.gives_nothing(exit));
    let mut unverified = exits.iter().filter(|exit| !exit.verified).peekable();
    // A name that nothing binds lets nobody in, and verifies nobody.
    let strangers_do_nothing = !flow.found.unbound
        && unverified.peek().is_some()
        && unverified.all(|exit| !exit.acts && exit.unknown.is_none());
    // What a setting has a handler leave undone lets nobody in.
    let bypass = bypass(&exits).filter(|_| role != Role::Handler || !(strangers_do_nothing && strangers_get_nothing));
    let bypass = bypass.or_else(|| switched_login(&exits).filter(|_| role == Role::Dependency));
    let left = flow.left(&exits);
    Verdict {
        lets_nobody_in: exits.is_empty(),
        strangers_get_nothing,
        strangers_do_nothing,
        left,
        ..flow.verdict(proof, bypass)
    }
}

impl<'j, 'a> Flow<'j, 'a> {
    fn new(judge: &'j Judge<'a>, function: &FunctionRef) -> Self {
        Flow {
            judge,
            stack: vec![function.clone()],
            found: Findings::default(),
            around: None,
            answers: false,
            answer: None,
            swallows: false,
            budget: MAX_STEPS,
            charged: FxHashSet::default(),
            within: Vec::new(),
        }
    }

    fn verdict(self, proof: Proof, bypass: Option<Bypass>) -> Verdict {
        let mut steps = self.found.steps;
        let mut seen = FxHashSet::default();
        steps.retain(|step| seen.insert(step.clone()));
        let bypass = bypass.or(self.found.bypass).filter(|_| matches!(proof, Proof::Verifies | Proof::Optional));
        Verdict {
            proof,
            steps,
            rests_on: Arc::default(),
            bypass,
            asks_user: self.found.asks_user,
            lets_nobody_in: false,
            strangers_get_nothing: false,
            strangers_do_nothing: false,
            left: RequestState::default(),
        }
    }
}

impl Flow<'_, '_> {
    /// Executes a function's body; the end of the body is an exit with `None`.
    fn body(&mut self, path: Path, function: &FunctionRef) -> Vec<Exit> {
        let mut exits = Vec::new();
        let outer = std::mem::take(&mut self.swallows);
        for path in self.block(vec![path], &function.def.body, &mut exits) {
            exits.push(Exit { shape: Shape::None, ..path.exit(Abs::Nothing) });
        }
        self.swallows = outer;
        exits
    }

    /// Whether what a handler is given holds nothing that a caller could prove itself with.
    fn brings_nothing(&self, value: &Abs) -> bool {
        match value {
            Abs::Other | Abs::Constant | Abs::Nothing => true,
            Abs::Object(object) => match &**object {
                Value::Class(class) => {
                    !self.judge.resolve.package_bases(class).iter().any(|base| base.starts_with("pydantic"))
                }
                _ => true,
            },
            _ => false,
        }
    }

    fn function(&self) -> &FunctionRef {
        // The stack always holds the judged function.
        &self.stack[self.stack.len() - 1]
    }

    fn site(&self, expr: &Expr) -> Site {
        let function = self.function();
        Site { file: function.site.file, item: function.site.item, range: expr.range }
    }

    /// A step that makes the proof readable.
    fn note(&mut self, expr: &Expr, note: impl Into<String>) {
        self.step(expr, Evidence::Tells, note);
    }

    /// A step at which something tells good credentials from bad ones.
    fn decides(&mut self, expr: &Expr, note: impl Into<String>) {
        self.step(expr, Evidence::Decides, note);
    }

    fn step(&mut self, expr: &Expr, evidence: Evidence, note: impl Into<String>) {
        let site = self.site(expr);
        self.found.steps.push(Step { site, evidence, note: note.into() });
    }

    /// The value of an expression outside of the function's own variables.
    fn outer(&self, expr: &Expr) -> Value {
        self.judge.resolve.eval(self.function(), expr)
    }

    fn spend(&mut self) -> bool {
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }
}

impl Path {
    fn get(&self, name: &str) -> Option<&Abs> {
        self.vars.get(name)
    }

    fn set(&mut self, name: &SmolStr, value: Abs) {
        self.known.retain(|(known, _)| known != name);
        self.given.retain(|(given, _)| given != name);
        self.settings.retain(|(setting, _)| setting != name);
        self.vars.insert(name.clone(), value);
    }

    fn know(&mut self, name: &SmolStr, value: Value) {
        self.known.retain(|(known, _)| known != name);
        self.known.push((name.clone(), value));
    }

    fn exit(self, value: Abs) -> Exit {
        let Self { verified, settled, unknown, state, switches, chosen, acts, .. } = self;
        let value = if settled { Abs::Verified { checked: true } } else { value };
        Exit { verified, unknown, value, parts: Vec::new(), shape: Shape::Any, state, switches, chosen, acts }
    }
}

impl Abs {
    /// What a value derived from several others is.
    fn join(self, other: Abs) -> Abs {
        fn weight(abs: &Abs) -> u8 {
            match abs {
                Abs::Unknown(_) | Abs::Outcome(_) => 0,
                Abs::Identity => 1,
                Abs::Credential => 2,
                // Of both, a hash say, it can still be told whose secret it is.
                Abs::Named(_) => 3,
                Abs::Secret => 4,
                Abs::Verified { .. } => 4,
                Abs::Check | Abs::Failure | Abs::Status => 5,
                Abs::Request(_) | Abs::Granted(_) => 6,
                Abs::Object(_) | Abs::Peer => 7,
                Abs::Other | Abs::Users => 8,
                Abs::Constant => 9,
                Abs::Nothing => 10,
            }
        }
        if weight(&self) <= weight(&other) { self } else { other }
    }

    /// Whether the value is there, as a value: `bool(x)`, `x is not None`.
    fn presence(self) -> Abs {
        match self {
            Abs::Verified { checked: false } | Abs::Check => Abs::Check,
            Abs::Failure | Abs::Unknown(_) => self,
            _ => Abs::Other,
        }
    }

    /// `not` such a value.
    fn negated(self) -> Abs {
        match self {
            Abs::Check => Abs::Failure,
            Abs::Failure => Abs::Check,
            other => other,
        }
    }

    /// Whether it says who calls by the client's own word.
    fn is_claimed(&self) -> bool {
        matches!(self, Abs::Identity | Abs::Named(_))
    }

    fn is_tainted(&self) -> bool {
        matches!(self, Abs::Credential | Abs::Request(_))
    }
}

/// The variable that an expression is about: `x`, `x.y.z`, `x["y"]`, `(await x)`.
fn root_name(expr: &Expr) -> Option<&SmolStr> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => root_name(value),
        ExprKind::Await(value) => root_name(value),
        _ => None,
    }
}
