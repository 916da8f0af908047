//! What code does with answers: whether it looks for a refusal, and what it does
//! about one.

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Expr, ExprKind, Operator, StmtKind};
use crate::frontend::observed::{Answered, Dismissal, Ending, How};
use crate::frontend::outcome::Place;
use crate::frontend::value::{ObjectId, Origin, Symbol, Value};

/// Parts of an answer that say whether it is a refusal.
const STATUS: &[&str] = &["ok", "status", "statusText", "type", "redirected", "headers"];
/// Parts that take its body.
const BODY: &[&str] = &["json", "text", "blob", "arrayBuffer", "formData", "bytes", "body"];
/// What a body says of itself, or of an error that it is about.
const REPORTS: &[&str] = &["detail", "error", "errors", "message", "msg", "success", "ok", "status", "code", "length"];

/// Which refusals a test lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusals {
    unauthorized: bool,
    forbidden: bool,
    /// The test.
    test: Place,
}

impl Session<'_> {
    /// A part of an answer is read.
    pub(super) fn watch_answer(&mut self, symbol: &Symbol, name: &str) {
        let Origin::Response(request) = symbol.origin else { return };
        let how = match symbol.path.as_ref() {
            [] if STATUS.contains(&name) => How::Looked,
            [] if BODY.contains(&name) => How::Used,
            [] => How::Looked,
            [..] if REPORTS.contains(&name) => How::Looked,
            _ => return,
        };
        self.note_answer(request, how);
    }

    /// An answer, or its body, goes where it can't be followed.
    pub(super) fn watch_answer_given_away(&mut self, value: &Value) {
        for value in value.alternatives() {
            if let Value::Symbol(symbol) = value
                && let Origin::Response(request) = symbol.origin
            {
                self.note_answer(request, How::Looked);
            }
        }
    }

    /// Notes what is done with the answer to a request.
    pub(in crate::frontend) fn note_answer(&mut self, request: Place, how: How) {
        if how == How::Looked {
            self.looked.push(request);
        }
        self.outcome.observed.answers.push(Answered { request, how });
    }

    /// Something is thrown: where the answer was looked at, it was a refusal.
    pub(in crate::frontend) fn watch_thrown(&mut self) {
        for request in self.tested.clone() {
            self.outcome.observed.answers.push(Answered { request, how: How::Throws });
        }
    }

    /// Which refusals a test lets through; none if it is no test for them.
    pub(super) fn refusals(&mut self, test: &Expr) -> Option<Refusals> {
        let place = self.place(test.range);
        let [unauthorized, forbidden] = ["401", "403"].map(|status| self.admits(test, status, 0));
        let is_test = unauthorized == Some(true) || forbidden == Some(true);
        is_test.then_some(Refusals {
            unauthorized: unauthorized == Some(true),
            forbidden: forbidden == Some(true),
            test: place,
        })
    }

    /// Whether a test names a status; none if it asks for something else.
    fn admits(&mut self, test: &Expr, status: &str, depth: u8) -> Option<bool> {
        if depth > 8 {
            return None;
        }
        match &test.kind {
            ExprKind::Binary(binary) => match binary.operator {
                Operator::Or => {
                    let sides = [&binary.left, &binary.right].map(|side| self.admits(side, status, depth + 1));
                    sides.into_iter().flatten().reduce(|one, other| one || other)
                }
                Operator::And => {
                    let sides = [&binary.left, &binary.right].map(|side| self.admits(side, status, depth + 1));
                    sides.into_iter().flatten().reduce(|one, other| one && other)
                }
                Operator::Equal => {
                    let (ExprKind::Number(number), other) = (match (&binary.left.kind, &binary.right.kind) {
                        (number @ ExprKind::Number(_), _) => (number, &binary.right),
                        (_, number) => (number, &binary.left),
                    }) else {
                        return None;
                    };
                    self.is_status(other).then(|| number == status)
                }
                _ => None,
            },
            // `isRefused(response.status)`.
            ExprKind::Call(call) if matches!(call.callee.kind, ExprKind::Name(_)) => {
                let Value::Function(function) = self.quietly(&call.callee) else { return None };
                let asks = call.arguments.iter().any(|argument| self.is_status(&argument.value));
                let returned = function.function.body.iter().find_map(|stmt| match &stmt.kind {
                    StmtKind::Return(value) => value.as_ref(),
                    _ => None,
                });
                returned.filter(|_| asks).and_then(|test| compares_with(test, status, depth + 1))
            }
            // `[401, 403].includes(status)`.
            ExprKind::Call(call) if call.arguments.len() == 1 => {
                let ExprKind::Member(member) = &call.callee.kind else { return None };
                let ExprKind::Array(elements) = &member.object.kind else { return None };
                let names = elements
                    .iter()
                    .any(|element| matches!(&element.value.kind, ExprKind::Number(number) if number == status));
                (member.property == "includes" && self.is_status(&call.arguments[0].value)).then_some(names)
            }
            _ => None,
        }
    }

    /// Whether an expression is the status of an answer, or of the failure that one became.
    fn is_status(&mut self, expr: &Expr) -> bool {
        if !matches!(expr.kind, ExprKind::Member(_) | ExprKind::Name(_)) {
            return false;
        }
        let value = self.quietly(expr);
        value.alternatives().iter().any(|value| match value {
            Value::Symbol(symbol) => {
                matches!(symbol.origin, Origin::Response(_) | Origin::Failure)
                    && symbol.path.last().is_some_and(|last| last == "status")
            }
            _ => false,
        })
    }

    /// Whether the execution stands where a request was refused for want of a credential.
    pub(in crate::frontend) fn is_after_refusal(&self) -> bool {
        self.refused.iter().any(|refusals| refusals.unauthorized)
    }

    /// Something ends the session, or leads elsewhere: where a refusal was tested for, it is what is done about it.
    pub(in crate::frontend) fn watch_ending(&mut self, ending: Ending) {
        if ending == Ending::Elsewhere && self.is_after_refusal() {
            for request in self.tested.clone() {
                self.outcome.observed.answers.push(Answered { request, how: How::Leaves });
            }
        }
        let Some(refusals) = self.refused.last().copied().filter(|refusals| refusals.forbidden) else { return };
        // Where both are met by a sign-in page, both are taken for the same.
        if ending != Ending::Elsewhere || refusals.unauthorized {
            self.outcome.observed.dismissals.push(Dismissal { place: refusals.test, ending });
        }
    }

    /// A part of the settings of a failed request is read or set: what tells one
    /// that is made again.
    pub(super) fn watch_settings(&mut self, value: &Value, name: &str) {
        const SENT: &[&str] = &["url", "method", "headers", "data", "params", "baseURL", "timeout", "responseType"];
        let is_settings = |value: &Value| match value {
            Value::Symbol(symbol) => is_settings_of_failure(symbol),
            _ => false,
        };
        if !SENT.contains(&name) && value.alternatives().iter().any(is_settings) {
            self.is_marked = true;
        }
    }

    /// Runs what a client does about a failed request; gives whether that makes
    /// the request once more, and nothing tells that it did.
    pub(in crate::frontend) fn watch_reissue(
        &mut self,
        handler: &Value,
        client: Option<ObjectId>,
        here: Place,
    ) -> Vec<Place> {
        if !matches!(handler, Value::Function(_)) {
            return Vec::new();
        }
        let before = (std::mem::take(&mut self.is_marked), std::mem::take(&mut self.reissued));
        let outer = self.failing.replace(client);
        let given =
            super::Arguments { values: vec![Value::from(Origin::Failure, false)], places: vec![here], open: false };
        let (_, changes) = self.branch(|session| session.call_value(handler, &given, false, here));
        self.store.join(vec![changes, Default::default()]);
        self.failing = outer;
        let reissued = std::mem::replace(&mut self.reissued, before.1);
        let is_marked = std::mem::replace(&mut self.is_marked, before.0);
        if is_marked { Vec::new() } else { reissued }
    }

    /// A request is made with these settings.
    pub(in crate::frontend) fn watch_made_with(&mut self, settings: &Value, client: Option<ObjectId>, here: Place) {
        let is_failed = settings.alternatives().iter().any(|value| match value {
            Value::Symbol(symbol) => is_settings_of_failure(symbol),
            _ => false,
        });
        // Through another client the interceptor does not see it fail again.
        let is_same = self.failing == Some(client);
        if is_failed && is_same && self.refused.last().is_some_and(|refusals| refusals.unauthorized) {
            self.reissued.push(here);
        }
    }
}

/// Whether a test compares something with a status; none if it compares with no number.
fn compares_with(test: &Expr, status: &str, depth: u8) -> Option<bool> {
    let ExprKind::Binary(binary) = &test.kind else { return None };
    if depth > 8 {
        return None;
    }
    match (binary.operator, &binary.left.kind, &binary.right.kind) {
        (Operator::Equal, ExprKind::Number(number), _) | (Operator::Equal, _, ExprKind::Number(number)) => {
            Some(number == status)
        }
        (Operator::And | Operator::Or, ..) => {
            let sides = [&binary.left, &binary.right].map(|side| compares_with(side, status, depth + 1));
            sides.into_iter().flatten().reduce(|one, other| one || other)
        }
        _ => None,
    }
}

fn is_settings_of_failure(symbol: &Symbol) -> bool {
    symbol.origin == Origin::Failure && matches!(symbol.path.as_ref(), [only] if *only == SmolStr::new_static("config"))
}
