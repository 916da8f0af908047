//! The one route of an application by which callers make an account, whatever it is called.

use crate::auth::guard::Guard;
use crate::auth::policy::Expectation;
use crate::ide::Judged;
use crate::index::routes::Route;

/// Why it is public.
const REASON: &str = "signing up, by the only route that makes accounts";

/// Whether a verdict was given because no other route of the application makes accounts.
pub(super) fn is_given(guard: &Guard) -> bool {
    matches!(guard, Guard::Public(reason) if reason == REASON)
}

/// The verdict on it.
pub(super) fn guard() -> Guard {
    Guard::Public(REASON.into())
}

/// The open route that makes accounts, where no other one does and none is called a sign-up: whoever is to get in
/// makes one there. Where there is another, this one may be for administrators.
pub(super) fn only_one(routes: &[Route], judged: &[Judged]) -> Option<usize> {
    let posts = |route: &Route| route.methods.iter().any(|method| method == "POST");
    let is_called_so = |guard: &Guard| matches!(guard, Guard::Public(reason) if reason == "signing up");
    let makes =
        |(route, judged): (&Route, &Judged)| judged.data.makes_users || (posts(route) && is_called_so(&judged.guard));
    let mut all = routes.iter().zip(judged).enumerate().filter(|(_, pair)| makes(*pair));
    let (at, (_, only)) = all.next().filter(|_| all.next().is_none())?;
    let is_open = only.guard == Guard::Open(None)
        && only.data.makes_admin.is_none()
        && !matches!(&only.expected, Expectation::Required(basis) if !basis.authority.speaks_of_several());
    (is_open && super::authenticates(judged)).then_some(at)
}
