//! Services that show a key, to a middleware or in the handler: whoever has it acts for whom it
//! says. Where a handler compares one, the proof of its guard tells.

use super::engine::{Caller, Engine};
use super::value::{Abs, Path};
use crate::auth::Judge;
use crate::auth::guard::Guard;
use crate::facts::python::tree::Expr;
use crate::index::value::Site;

/// What an answer is called that is true for services only.
const SHOWN: &str = "has_key";

/// Where a handler that verifies its callers compares a credential with a key.
pub(super) fn comparisons(guard: &Guard) -> Vec<Site> {
    match guard {
        Guard::InBody(verdict) => {
            verdict.steps.iter().filter(|step| step.compares_a_key()).map(|step| step.site).collect()
        }
        _ => Vec::new(),
    }
}

/// Who calls, by what is wrapped around the route: a middleware that lets in whoever has a key does not know who that is,
/// unless one of them leaves that behind. A handler that takes nothing but what a service has signed is called by that one.
pub(super) fn caller(judge: &Judge<'_>, guard: &Guard) -> Caller {
    match guard {
        Guard::Around(wrapped) if wrapped.verdict.compares_a_key() && !judge.middlewares_name_callers() => {
            Caller::Service
        }
        Guard::InBody(verdict) if verdict.is_of_service() => Caller::Service,
        _ => Caller::Unknown,
    }
}

/// The parameters of a handler that its own proof takes for the credential.
pub(super) fn tokens(guard: &Guard) -> Vec<Site> {
    match guard {
        Guard::InBody(verdict) => {
            verdict.steps.iter().filter(|step| step.takes().is_some()).map(|step| step.site).collect()
        }
        _ => Vec::new(),
    }
}

/// The steps by which a handler verifies the caller itself.
pub(super) fn own_steps(guard: &Guard) -> Vec<Site> {
    match guard {
        Guard::InBody(verdict) => verdict.steps.iter().map(|step| step.site).collect(),
        _ => Vec::new(),
    }
}

impl Engine<'_, '_> {
    /// The answer to whether the caller has the key, where an expression asks for it:
    /// it is a right to act for others.
    pub(super) fn shows_key(&self, expr: &Expr) -> Option<Abs> {
        self.keys.contains(&self.site(expr)).then(|| Abs::Principal(SHOWN.into()))
    }

    /// The paths on which a comparison with the key holds, and those on which it does not.
    pub(super) fn key_comparison(&mut self, path: Path, answer: &Abs, op: &str) -> (Vec<Path>, Vec<Path>) {
        let (shown, not) = self.truth(path, answer);
        let (shown, not) = (Vec::from_iter(shown), Vec::from_iter(not));
        if matches!(op, "!=" | "not in" | "is not") { (not, shown) } else { (shown, not) }
    }
}
