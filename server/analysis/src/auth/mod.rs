//! What a dependency proves, from its body and what it calls.
//!
//! Names are not evidence: a dependency verifies when a credential of the
//! request reaches something that can tell a good one from a bad one (a
//! *sink*), and every path that ends without an exception went through it.

pub(crate) mod accounts;
pub(crate) mod addresses;
mod carried;
mod code;
pub(crate) mod configured;
mod constant;
mod cross_site;
mod decorators;
pub mod evidence;
mod flow;
pub mod guard;
pub mod keys;
mod let_through;
mod limits;
mod logged;
mod metrics;
pub mod middleware;
pub mod mounts;
mod order;
mod own_answers;
mod pages;
pub mod policy;
mod protocol;
pub mod public;
mod questioned;
mod raised;
pub(crate) mod raising;
mod sent_on;
mod sinks;
mod sources;
mod stubs;
mod tables;
pub mod tokens;
pub mod unapplied;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

pub(crate) use self::code::is_settings;
use self::decorators::Changed;
use self::evidence::{Evidence, Step};
use self::flow::{Holding, RequestState, Summaries};
pub(crate) use self::sources::{is_account_table, is_credential_parameter, is_user_table, only_wraps};
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Expr, ExprKind, Param};
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::routes::Route;
use crate::index::shared_map::SharedMap;
use crate::index::value::{Arguments, FunctionRef, Resolve, Site, Value};

/// What a callable proves about who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A credential is verified, and failure raises.
    Verifies,
    /// A credential is verified, but a caller without one passes as nobody.
    Optional,
    /// It can't be told; why.
    Unknown(SmolStr),
    /// A credential is read and returned, and nothing verifies it.
    ExtractsOnly,
    /// An identity that the client wrote into the request is believed.
    TrustsClient,
    /// It gives out an identity, or takes a credential, and checks nothing.
    ChecksNothing,
    /// It has nothing to do with authentication.
    NotAuth,
}

impl Proof {
    /// A few words for tables, hovers and messages.
    pub fn words(&self) -> String {
        match self {
            Self::Verifies => "verifies the caller".into(),
            Self::Optional => "verifies, but lets anonymous callers pass".into(),
            Self::Unknown(reason) => format!("unknown: {reason}"),
            Self::ExtractsOnly => "reads a credential without verifying it".into(),
            Self::TrustsClient => "believes an identity that the client sent".into(),
            Self::ChecksNothing => "checks nothing".into(),
            Self::NotAuth => "no authentication".into(),
        }
    }

    /// Strength as evidence, strongest first. Unknown stands above everything
    /// that is known to be too weak.
    fn rank(&self) -> u8 {
        match self {
            Self::Verifies => 0,
            Self::Unknown(_) => 1,
            Self::Optional => 2,
            Self::TrustsClient => 3,
            Self::ExtractsOnly => 4,
            Self::ChecksNothing => 5,
            Self::NotAuth => 6,
        }
    }
}

/// A condition that leads around the verification of callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bypass {
    /// Where the condition stands.
    pub site: Site,
    /// What decides it.
    pub decided_by: DecidedBy,
}

/// What decides whether callers are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// Only the configuration.
    Configuration,
    /// The same, and where nothing is configured nobody is verified.
    Default,
    /// How the credential looks, which is the caller's to choose: `token.endswith(".dev")`.
    Form,
}

/// The verdict on one callable.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What it proves.
    pub proof: Proof,
    /// The evidence, in the order in which it was found.
    pub steps: Vec<Step>,
    /// What was looked at to say so.
    pub rests_on: Arc<RestsOn>,
    /// A condition that leads around the verification.
    pub bypass: Option<Bypass>,
    /// Whether it asks who is signed in of a back end that verifies.
    pub asks_user: bool,
    /// Whether it turns everybody away.
    pub lets_nobody_in: bool,
    /// Whether it gives callers who were not verified nothing but constants.
    pub strangers_get_nothing: bool,
    /// Whether it does nothing that lasts for callers who were not verified.
    pub strangers_do_nothing: bool,
    /// What it leaves on `request.state`.
    left: RequestState,
}

/// Two are the same that say the same.
impl PartialEq for Verdict {
    fn eq(&self, other: &Self) -> bool {
        let of = |verdict: &Self| {
            let strangers = (verdict.strangers_get_nothing, verdict.strangers_do_nothing);
            (verdict.bypass, verdict.asks_user, verdict.lets_nobody_in, strangers)
        };
        (&self.proof, &self.steps, &self.left) == (&other.proof, &other.steps, &other.left) && of(self) == of(other)
    }
}

impl Eq for Verdict {}

impl Verdict {
    /// Whether nothing but a comparison tells good credentials from bad ones: with
    /// a key, which says nothing of who of its owners is calling.
    pub fn compares_a_key(&self) -> bool {
        let mut deciding = self.steps.iter().filter(|step| step.decides());
        self.proof == Proof::Verifies
            && deciding.all(|step| matches!(step.evidence, Evidence::Compares | Evidence::Signed))
    }

    /// Whether nobody passes but a service that signs what it sends.
    pub fn is_of_service(&self) -> bool {
        let mut deciding = self.steps.iter().filter(|step| step.decides()).peekable();
        self.proof == Proof::Verifies && deciding.peek().is_some() && deciding.all(Step::is_of_service)
    }

    /// Whether a credential is verified, and callers pass whose credential is refused.
    pub fn is_lenient(&self) -> bool {
        self.proof == Proof::ChecksNothing && self.decides()
    }

    /// Whether something tells good credentials from bad ones, whoever passes.
    pub fn decides(&self) -> bool {
        self.steps.iter().any(Step::decides)
    }

    /// Where a refusal is returned that has to be raised.
    pub fn returned_refusal(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.evidence == Evidence::ReturnsRefusal)
    }

    fn plain(proof: Proof) -> Arc<Self> {
        Arc::new(Self::bare(proof))
    }

    /// A verdict without evidence.
    fn bare(proof: Proof) -> Self {
        Self {
            proof,
            steps: Vec::new(),
            rests_on: Arc::default(),
            bypass: None,
            asks_user: false,
            lets_nobody_in: false,
            strangers_get_nothing: false,
            strangers_do_nothing: false,
            left: RequestState::default(),
        }
    }
}

/// Index of the strongest verdict; the first of several equal ones.
pub fn strongest<'v>(verdicts: impl IntoIterator<Item = &'v Verdict>) -> Option<usize> {
    let ranked = verdicts.into_iter().enumerate().map(|(index, verdict)| (verdict.proof.rank(), index));
    ranked.min().map(|(_, index)| index)
}

/// Verdicts by the place of the callable's definition, its role, and the
/// fingerprint of what else they rest on: what middlewares leave on
/// `request.state`, or the request that a middleware is asked about.
pub type VerdictMemo = SharedMap<VerdictKey, Arc<Verdict>>;

/// Verdicts that were not known before.
pub type NewVerdicts = FxHashMap<VerdictKey, Arc<Verdict>>;

/// What a verdict is remembered by.
pub type VerdictKey = (Site, Role, u64);

/// As what a function is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// As a dependency.
    Dependency,
    /// As a route handler: its body may check the caller itself.
    Handler,
    /// As a middleware.
    Middleware,
}

/// Whether a parameter takes a session of the database, by its type.
pub(crate) fn is_database(interpreter: &Interpreter<'_>, function: &FunctionRef, param: &Param) -> bool {
    const LIBRARIES: &[&str] = &["sqlalchemy", "sqlmodel", "databases", "motor", "pymongo", "asyncpg", "psycopg"];
    let ty = param.annotation.as_ref().map(|ty| interpreter.eval_signature(function, ty));
    let ty = match &ty {
        Some(Value::Annotated(annotated)) => Some(&annotated.ty),
        other => other.as_ref(),
    };
    matches!(ty, Some(Value::Package(package)) if LIBRARIES.iter().any(|name| package.starts_with(name)))
}

/// Judges callables and remembers the verdicts.
pub struct Judge<'a> {
    resolve: &'a dyn Resolve,
    /// Verdicts of earlier revisions that still hold.
    known: &'a VerdictMemo,
    memo: RefCell<NewVerdicts>,
    /// Definitions that are being judged, against cycles.
    active: RefCell<FxHashSet<Site>>,
    /// How many cycles were met: a verdict that was formed on the way around one is not what it is by itself.
    cycles: Cell<u32>,
    /// What the middlewares of the application at hand leave on
    /// `request.state`, and its fingerprint.
    state: RefCell<RequestState>,
    fingerprint: Cell<u64>,
    /// Calls of functions that were executed for any verdict.
    summaries: Summaries,
    /// Classes whose objects hold the request.
    holding: Holding,
}

impl<'a> Judge<'a> {
    /// A judge who knows the verdicts that still hold.
    pub fn new(resolve: &'a dyn Resolve, known: &'a VerdictMemo) -> Self {
        Self {
            resolve,
            known,
            memo: RefCell::default(),
            active: RefCell::default(),
            cycles: Cell::new(0),
            state: RefCell::default(),
            fingerprint: Cell::new(0),
            summaries: Summaries::default(),
            holding: Holding::default(),
        }
    }

    /// Goes on to routes behind no known middleware.
    pub fn leave(&self) {
        self.enter(RequestState::default());
    }

    /// Goes on to an application whose middlewares leave this on `request.state`.
    fn enter(&self, state: RequestState) {
        self.fingerprint.set(state.fingerprint());
        self.state.replace(state);
    }

    /// Whether the middlewares of the application at hand leave anything that may say who is calling: on `request.state`, or in
    /// a variable of the context.
    pub fn middlewares_name_callers(&self) -> bool {
        self.state.borrow().names_somebody()
    }

    /// All verdicts that are known by now.
    pub fn all_verdicts(&self) -> VerdictMemo {
        let mut verdicts = self.known.clone();
        verdicts.extend(self.memo.borrow().iter().map(|(key, verdict)| (*key, Arc::clone(verdict))));
        verdicts
    }

    /// Gives back the verdicts that were not known before.
    pub fn finish(self) -> NewVerdicts {
        self.memo.into_inner()
    }

    /// What a dependency proves.
    pub fn dependency(&self, callable: &Value) -> Arc<Verdict> {
        if self.is_vouched(callable) {
            return Verdict::plain(Proof::Verifies);
        }
        match callable {
            Value::Function(function) => self.function(function, None, Role::Dependency),
            Value::Bound(bound) => self.function(&bound.1, Some(&bound.0), Role::Dependency),
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => match self.resolve.method(class, "__call__") {
                    Some(call) => self.function(&call, Some(callable), Role::Dependency),
                    None => self.by_package_bases(class, true),
                },
                Value::Package(path) => Verdict::plain(sources::package_instance(path, &instance.args)),
                _ => Verdict::plain(Proof::Unknown("the callable could not be resolved".into())),
            },
            Value::Class(class) => match self.resolve.method(class, "__init__") {
                Some(init) => self.function(&init, None, Role::Dependency),
                None => self.by_package_bases(class, false),
            },
            Value::Package(path) => Verdict::plain(sources::package_callable(path)),
            Value::Lambda(_) => Verdict::plain(Proof::NotAuth),
            Value::Unknown(_) | Value::Lazy(_) => {
                Verdict::plain(Proof::Unknown("the dependency could not be resolved".into()))
            }
            _ => Verdict::plain(Proof::Unknown("the dependency is no callable that authlens knows".into())),
        }
    }

    /// Whether a callable is no dependency that verifies, and gives one when it is called.
    pub fn makes_guard(&self, callable: &Value) -> bool {
        let Value::Function(function) = callable else { return false };
        let function = self.resolve.current(function);
        if let Some(inner) = decorators::inner_function(&function) {
            return self.function(&inner, None, Role::Dependency).proof == Proof::Verifies;
        }
        // `return require_role("admin")`, of what can be called with nothing, and gives no coroutine.
        let is_plain = |param: &Param| param.default.as_ref().is_some_and(|default| default.as_call().is_none());
        if function.def.is_async || !function.def.params.iter().all(is_plain) {
            return false;
        }
        let [made @ Expr { kind: ExprKind::Call { .. }, .. }] = returned(&function.def.body)[..] else { return false };
        let made = self.resolve.eval(&function, made);
        matches!(made, Value::Function(_) | Value::Bound(_) | Value::Instance(_))
            && self.dependency(&made).proof == Proof::Verifies
    }

    /// Whether the user's configuration says that a callable verifies.
    fn is_vouched(&self, callable: &Value) -> bool {
        match callable {
            Value::Function(function) => self.resolve.is_vouched(&function.module, &function.qualname),
            Value::Bound(bound) => self.resolve.is_vouched(&bound.1.module, &bound.1.qualname),
            Value::Class(class) => self.resolve.is_vouched(&class.module, &class.qualname),
            Value::Instance(instance) => self.is_vouched(&instance.class),
            Value::Package(path) => {
                path.rsplit_once('.').is_some_and(|(module, name)| self.resolve.is_vouched(module, name))
            }
            _ => false,
        }
    }

    /// What a route's handler checks in its own body, if that is known.
    pub fn handler(&self, route: &Route) -> Option<Arc<Verdict>> {
        let handler = route.function().filter(|_| !route.kind.is_mounted())?;
        Some(self.function(handler, route.receiver(), Role::Handler))
    }

    fn function(&self, function: &FunctionRef, receiver: Option<&Value>, role: Role) -> Arc<Verdict> {
        let key = (function.site, role, self.fingerprint.get());
        // A closure or a method may mean something else with other variables.
        let plain = function.closure.is_empty() && receiver.is_none();
        if plain && let Some(verdict) = self.remembered(&key) {
            return verdict;
        }
        let cycles = self.cycles.get();
        if !self.active.borrow_mut().insert(function.site) {
            self.cycles.set(cycles + 1);
            return Verdict::plain(Proof::Unknown("the dependency calls itself".into()));
        }
        let verdict = self.resting(|| {
            let function = &self.resolve.current(function);
            let mut verdict = flow::judge(self, function, receiver, role);
            if role == Role::Dependency && verdict.proof != Proof::Verifies {
                match decorators::change(self, function) {
                    Changed::Nothing => {}
                    Changed::Verified(around) => verdict = around,
                    Changed::Perhaps(reason) => verdict.proof = Proof::Unknown(reason),
                }
            }
            verdict
        });
        self.active.borrow_mut().remove(&function.site);
        if plain && (self.cycles.get() == cycles || self.active.borrow().is_empty()) {
            self.memo.borrow_mut().insert(key, Arc::clone(&verdict));
        }
        verdict
    }

    /// A verdict that still holds.
    fn remembered(&self, key: &(Site, Role, u64)) -> Option<Arc<Verdict>> {
        let verdict = self.known.get(key).cloned().or_else(|| self.memo.borrow().get(key).cloned())?;
        self.resolve.count(&verdict.rests_on);
        Some(verdict)
    }

    /// Forms a verdict, and notes what it rests on.
    fn resting(&self, form: impl FnOnce() -> Verdict) -> Arc<Verdict> {
        let outer = self.resolve.begin();
        let mut verdict = form();
        verdict.rests_on = self.resolve.end(outer);
        Arc::new(verdict)
    }

    /// A class without the method that would tell: its package bases decide.
    fn by_package_bases(&self, class: &crate::index::value::ClassRef, instance: bool) -> Arc<Verdict> {
        let bases = self.resolve.package_bases(class);
        let proofs = bases.iter().map(|base| {
            if base == "?" {
                Proof::Unknown("a base class could not be resolved".into())
            } else if instance {
                sources::package_instance(base, &Arguments::default())
            } else {
                sources::package_callable(base)
            }
        });
        Verdict::plain(proofs.min_by_key(Proof::rank).unwrap_or(Proof::NotAuth))
    }
}
