//! What the handler of an open route does that tells whether it was meant to be open.

use crate::auth::guard::{
    answers_constant, exchanges_code, may_sign_in, may_sign_up, only_redirects, sends_away, shows_picture,
    starts_at_provider, takes_password, touches_nothing,
};
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;

/// What is said of it is the rules' affair; nothing of it is found out for routes that are not open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Conduct {
    /// It does nothing and tells everybody the same.
    pub(crate) answers_constant: bool,
    /// It reads nothing and changes nothing.
    pub(crate) touches_nothing: bool,
    /// It only sends callers to another address.
    pub(crate) only_redirects: bool,
    /// It sends browsers on to another site, whatever it does before.
    pub(crate) sends_away: bool,
    /// It answers with a picture.
    pub(crate) shows_picture: bool,
    /// It hashes a password that it is given.
    pub(crate) may_sign_up: bool,
    /// Callers say there which password they want.
    pub(crate) takes_password: bool,
    /// It issues a token or sets a cookie.
    pub(crate) may_sign_in: bool,
    /// It makes the address at which users sign in with a provider.
    pub(crate) starts_at_provider: bool,
    /// It has a provider exchange a code for a token.
    pub(crate) exchanges_code: bool,
}

impl Conduct {
    /// Looks at what a handler does.
    pub(super) fn of(interpreter: &Interpreter<'_>, route: &Route) -> Self {
        Self {
            answers_constant: answers_constant(interpreter, route),
            touches_nothing: touches_nothing(interpreter, route),
            only_redirects: only_redirects(interpreter, route),
            sends_away: sends_away(interpreter, route),
            shows_picture: shows_picture(interpreter, route),
            may_sign_up: may_sign_up(interpreter, route),
            takes_password: takes_password(interpreter, route),
            may_sign_in: may_sign_in(interpreter, route),
            starts_at_provider: starts_at_provider(interpreter, route),
            exchanges_code: exchanges_code(interpreter, route),
        }
    }
}
