//! Back ends of Starlette's `AuthenticationMiddleware`.
//!
//! The middleware asks `backend.authenticate(conn)` of every request. The answer is `None`, or credentials with
//! scopes and a user: both are on the request for what comes behind. Without credentials a request passes all the
//! same; `@requires`, `has_required_scope`, `request.auth.scopes` and `request.user.is_authenticated` ask for them.
//! So what counts is on which paths scopes are granted (Starlette 1.0, `starlette.authentication`).

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::evidence::{Evidence, Step};
use super::super::{Bypass, Judge, Proof, Verdict};
use super::{Abs, Exit, Flow, Path, RequestState};
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// What a back end answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    /// Its `authenticate`.
    name: SmolStr,
    site: Site,
    verified: bool,
    /// Scopes that it grants without having verified anything.
    unverified: Vec<Grant>,
    /// The condition of configuration under which it does.
    bypass: Option<Bypass>,
    /// How it verifies.
    steps: Vec<Step>,
}

/// What somebody asks of the credentials on a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) enum Required<'s> {
    /// That there is a user.
    User,
    /// That all of these scopes are granted.
    Scopes(&'s [SmolStr]),
    /// Scopes that are not known.
    NotKnown,
}

impl<'s> From<&'s Option<Vec<SmolStr>>> for Required<'s> {
    fn from(scopes: &'s Option<Vec<SmolStr>>) -> Self {
        scopes.as_deref().map_or(Self::NotKnown, Self::Scopes)
    }
}

/// What one path grants to a caller who was not verified on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    /// Whether there is a user.
    user: bool,
    /// `None` where they are not known.
    scopes: Option<Vec<SmolStr>>,
    /// Why it can't be told whether the caller was verified.
    unknown: Option<SmolStr>,
}

/// The verdict on every request that passes a back end, and what it leaves for those who ask for scopes.
pub(in crate::auth) fn judge_backend(
    judge: &Judge<'_>,
    authenticate: &FunctionRef,
    receiver: &Value,
) -> (Verdict, RequestState) {
    let mut flow = Flow::new(judge, authenticate);
    let mut path = Path::default();
    let mut params = authenticate.def.params.iter();
    if let Some(own) = params.next() {
        path.set(&own.name.name, Abs::Object(Box::new(receiver.clone())));
    }
    if let Some(connection) = params.next() {
        path.set(&connection.name.name, Abs::Request(SmolStr::default()));
    }
    let exits = flow.body(path, authenticate);
    let (granting, anonymous): (Vec<Exit>, Vec<Exit>) =
        exits.into_iter().partition(|exit| exit.verified || !grants_nothing(exit));
    let bypass = super::bypass(&granting);
    let unverified = granting.iter().filter(|exit| !exit.verified && bypass.is_none()).map(grant);
    let mut unverified: Vec<Grant> = unverified.collect();
    // A request without credentials has no scopes, and that is all that `requires([])` asks for.
    if !anonymous.is_empty() {
        unverified.push(Grant { user: false, scopes: Some(Vec::new()), unknown: None });
    }
    let backend = Backend {
        name: authenticate.qualname.clone(),
        site: authenticate.site,
        verified: granting.iter().any(|exit| exit.verified),
        unverified,
        bypass,
        steps: flow.found.steps.clone(),
    };
    let proof = backend.proof(Required::Scopes(&[]));
    (flow.verdict(proof, bypass), RequestState::of_backend(backend))
}

/// Whether a path leaves the request without credentials: it answers `None`, or nothing that could be unpacked.
fn grants_nothing(exit: &Exit) -> bool {
    let part = |index: &str| exit.parts.iter().find(|(part, _)| part == index).map(|(_, value)| value);
    match (part("0"), &exit.value) {
        (Some(Abs::Granted(Some(scopes))), _) => scopes.is_empty() && part("1").is_some_and(is_nobody),
        (Some(_), _) => false,
        (None, Abs::Nothing) => exit.unknown.is_none(),
        (None, Abs::Object(object)) => match &**object {
            Value::Package(path) => path.ends_with("Response"),
            _ => false,
        },
        _ => false,
    }
}

/// Starlette's user of requests without one.
fn is_nobody(user: &Abs) -> bool {
    match user {
        Abs::Nothing => true,
        Abs::Object(user) => matches!(&**user, Value::Package(path) if path.ends_with(".UnauthenticatedUser")),
        _ => false,
    }
}

fn grant(exit: &Exit) -> Grant {
    let scopes = match exit.parts.iter().find(|(part, _)| part == "0") {
        Some((_, Abs::Granted(Some(scopes)))) => Some(scopes.to_vec()),
        _ => None,
    };
    let user = !exit.parts.iter().any(|(part, user)| part == "1" && is_nobody(user));
    let tuple = exit.parts.iter().any(|(part, _)| part == "0");
    let unknown = match &exit.value {
        Abs::Unknown(reason) => Some(reason.clone()),
        _ if !tuple => Some("what the authentication back end answers could not be followed".into()),
        _ => None,
    };
    Grant { user, scopes, unknown: exit.unknown.clone().or(unknown) }
}

impl Backend {
    /// What it proves of a caller who is let through by this.
    fn proof(&self, required: Required<'_>) -> Proof {
        let satisfies = |grant: &&Grant| match (&grant.scopes, required) {
            (_, Required::User) => grant.user,
            (Some(granted), Required::Scopes(required)) => required.iter().all(|scope| granted.contains(scope)),
            (None, _) | (_, Required::NotKnown) => true,
        };
        let passing: Vec<&Grant> = self.unverified.iter().filter(satisfies).collect();
        if passing.is_empty() {
            return Proof::Verifies;
        }
        if let Required::NotKnown = required {
            return Proof::Unknown("which scopes are asked for is not known before run time".into());
        }
        if let Some(reason) = passing.iter().find_map(|grant| grant.unknown.clone()) {
            return Proof::Unknown(reason);
        }
        if self.verified { Proof::Optional } else { Proof::ChecksNothing }
    }
}

/// What asking for scopes proves behind the middlewares of the application at hand.
pub(in crate::auth) fn required_scopes(judge: &Judge<'_>, required: Required<'_>) -> Verdict {
    let state = judge.state.borrow();
    let Some(backend) = &state.backend else {
        let reason = "scopes are asked for, and no authentication back end was seen that grants them";
        return Verdict::bare(Proof::Unknown(reason.into()));
    };
    let note = format!("`{}` grants the scopes", backend.name);
    let mut steps = vec![Step { site: backend.site, evidence: Evidence::Tells, note }];
    steps.extend(backend.steps.iter().cloned());
    Verdict { steps, bypass: backend.bypass, ..Verdict::bare(backend.proof(required)) }
}

impl Flow<'_, '_> {
    /// A condition on what the back end left.
    pub(super) fn authenticated(&mut self, expr: &Expr, required: Required<'_>) -> Abs {
        let verdict = required_scopes(self.judge, required);
        match verdict.proof {
            Proof::Verifies => {
                self.found.credential = true;
                self.found.asks_user = true;
                self.found.steps.extend(verdict.steps);
                self.found.bypass = self.found.bypass.or(verdict.bypass);
                self.decides(expr, "asks what the authentication back end found out");
                Abs::Check
            }
            Proof::Unknown(reason) => Abs::Unknown(reason),
            _ => Abs::Other,
        }
    }

    /// The scopes that an expression names, one or a list, where they are known.
    pub(super) fn scopes_of(&self, path: &Path, expr: &Expr) -> Option<Vec<SmolStr>> {
        match &expr.kind {
            ExprKind::Name(name) if path.get(name).is_some() => None,
            _ => named_scopes(self.outer(expr)),
        }
    }

    /// `AuthCredentials(…)`, with the scopes that it grants.
    pub(super) fn granted(&mut self, path: &Path, package: &str, args: &[Arg]) -> Option<Abs> {
        if package != "starlette.authentication.AuthCredentials" {
            return None;
        }
        let scopes = match args.first() {
            None => Some(Vec::new()),
            Some(scopes) => self.scopes_of(path, &scopes.value),
        };
        Some(Abs::Granted(scopes.map(Arc::new)))
    }
}

/// Scopes that are written down: a text, or a list of texts.
pub(in crate::auth) fn named_scopes(value: Value) -> Option<Vec<SmolStr>> {
    match value {
        Value::Str(scope) => Some(vec![scope]),
        Value::List(scopes) => scopes
            .iter()
            .map(|scope| match scope {
                Value::Str(scope) => Some(scope.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The scopes that `@requires(…)` asks for, evaluated where the decorator stands.
pub(in crate::auth) fn scopes_of_decorator(
    resolve: &dyn Resolve,
    handler: &FunctionRef,
    args: &[Arg],
) -> Option<Vec<SmolStr>> {
    named_scopes(resolve.eval_signature(handler, &args.first()?.value))
}
