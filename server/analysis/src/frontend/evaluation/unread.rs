//! Sessions that an endpoint asks for and never looks at: they turn nobody away.

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Expr, ExprKind, Pattern};
use crate::frontend::observed::Asks;
use crate::frontend::outcome::Place;
use crate::frontend::value::Value;

/// What is known of them while the endpoint runs.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Where Better Auth was asked last.
    asked_at: Option<Place>,
    /// Variables that hold a session, and were not read yet.
    variables: Vec<SmolStr>,
}

impl Unread {
    /// Better Auth is asked for the session of whoever calls.
    pub(super) const fn note_asked(&mut self, here: Place) {
        self.asked_at = Some(here);
    }
}

impl Session<'_> {
    /// What a variable is declared with. Who asks is found out when a session is looked at, whatever that is for.
    pub(super) fn declared_value(&mut self, target: &Pattern, value: &Expr) -> Value {
        let before = self.watch.as_ref().map(|watch| watch.asks);
        let result = self.expr(value);
        let asked_at = asked(value).map(|callee| self.place(callee.range));
        if let (Some(before), Some(watch), Pattern::Name(name, _)) = (before, &mut self.watch, target)
            && before < Asks::Verified
            && asked_at.is_some()
            && watch.unread.asked_at == asked_at
        {
            watch.asks = before;
            watch.unread.variables.push(name.clone());
        }
        result
    }

    /// A variable is read.
    pub(super) fn note_variable(&mut self, name: &SmolStr) {
        let Some(watch) = &mut self.watch else { return };
        let known = watch.unread.variables.len();
        watch.unread.variables.retain(|unread| unread != name);
        if watch.unread.variables.len() < known {
            watch.asks = watch.asks.max(Asks::Verified);
        }
    }
}

/// What is called by `await callee(…)`.
fn asked(value: &Expr) -> Option<&Expr> {
    match &value.kind {
        ExprKind::Await(call) => match &call.kind {
            ExprKind::Call(call) => Some(&call.callee),
            _ => None,
        },
        _ => None,
    }
}
