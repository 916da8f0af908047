//! What a test shows where it holds, and where it does not.

use std::rc::Rc;

use smol_str::SmolStr;

use super::Session;
use crate::facts::typescript::tree::{Expr, ExprKind, Member, Operator};
use crate::frontend::value::{Origin, Symbol, Value};

/// From here on a status refuses. What is greater than one less refuses, too.
const LEAST_REFUSAL: u32 = 399;

impl Session<'_> {
    /// Goes on as if a test had held, or had not.
    pub(super) fn assume(&mut self, test: &Expr, holds: bool) {
        match &test.kind {
            ExprKind::Not(inner) => self.assume(inner, !holds),
            ExprKind::Binary(binary) => match (binary.operator, holds) {
                (Operator::And, true) | (Operator::Or, false) => {
                    self.assume(&binary.left, holds);
                    self.assume(&binary.right, holds);
                }
                (Operator::Equal, _) => self.assume_equal(&binary.left, &binary.right, holds),
                (Operator::Unequal, _) => self.assume_equal(&binary.left, &binary.right, !holds),
                (Operator::Greater, true) | (Operator::Less, false) => self.assume_status(&binary.left, &binary.right),
                _ => {}
            },
            ExprKind::Call(call)
                if call.arguments.len() == 1
                    && matches!(&call.callee.kind, ExprKind::Name(name) if name == "Boolean") =>
            {
                self.assume(&call.arguments[0].value, holds);
            }
            ExprKind::Assign(assign) => self.assume(&assign.value, holds),
            ExprKind::Await(inner) => self.assume(inner, holds),
            _ => self.assume_there(test, holds),
        }
    }

    fn assume_equal(&mut self, left: &Expr, right: &Expr, equal: bool) {
        let is_missing = |value: &Expr| matches!(value.kind, ExprKind::Null | ExprKind::Undefined);
        let is_undefined_name = |value: &Expr| matches!(&value.kind, ExprKind::Text(text) if text == "undefined");
        match (&left.kind, &right.kind) {
            (_, ExprKind::Null | ExprKind::Undefined) => self.assume_there(left, !equal),
            _ if is_missing(left) => self.assume_there(right, !equal),
            (ExprKind::TypeOf(inner), _) if is_undefined_name(right) => self.assume_there(inner, !equal),
            (ExprKind::TypeOf(inner), ExprKind::Text(kind)) if equal => {
                self.assume_there(inner, true);
                if kind == "string" {
                    self.assume_text(inner);
                }
            }
            // Equal to something that is there, it is there too.
            (_, ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(true)) if equal => {
                self.assume_there(left, true);
                self.assume_status(left, right);
            }
            _ => {}
        }
    }

    /// Goes on as if the status of an answer were that or more: from 400 on it is none that is `ok` (RFC 9110, section 15).
    fn assume_status(&mut self, status: &Expr, least: &Expr) {
        let (ExprKind::Member(member), ExprKind::Number(least)) = (&status.kind, &least.kind) else { return };
        if member.property != "status" || !least.parse::<u32>().is_ok_and(|least| least >= LEAST_REFUSAL) {
            return;
        }
        let answer = self.quietly(&member.object);
        for symbol in answer.alternatives() {
            if let Value::Symbol(symbol) = symbol {
                let path = symbol.path.iter().cloned().chain([SmolStr::new_static("ok")]).collect();
                self.logged_answers.missing.push(Symbol { path, ..(**symbol).clone() });
            }
        }
    }

    /// Goes on as if a value were there, or missing.
    fn assume_there(&mut self, expr: &Expr, there: bool) {
        let value = match &expr.kind {
            ExprKind::Name(_) | ExprKind::Member(_) | ExprKind::Index(_) => self.quietly(expr),
            // A call may give something else each time, but reads of storage do not, by way of `token()` either.
            ExprKind::Call(call) if matches!(call.callee.kind, ExprKind::Member(_)) || call.arguments.is_empty() => {
                self.quietly(expr)
            }
            _ => return,
        };
        for alternative in value.alternatives() {
            match alternative {
                Value::Symbol(symbol) if there => self.certain.push((**symbol).clone()),
                Value::Symbol(symbol) => {
                    self.assume_no_error(symbol);
                    self.logged_answers.missing.push((**symbol).clone());
                }
                Value::Truth(symbols) if there => self.certain.extend(symbols.iter().cloned()),
                _ => {}
            }
        }
        match &expr.kind {
            ExprKind::Name(name) => {
                if let Value::Either(values) = &value {
                    let kept = values.iter().filter(|value| value.truth() != Some(!there)).cloned();
                    let kept = Value::any(kept.collect::<Vec<_>>());
                    self.rebind(name, kept);
                }
            }
            ExprKind::Member(member) => {
                self.assume_of_entry(member, there);
                if there {
                    self.assume_of_root(expr);
                }
            }
            _ => {}
        }
    }

    /// Goes on as if a variable held a text: the body of an answer that is one has no parts.
    fn assume_text(&mut self, expr: &Expr) {
        let ExprKind::Name(name) = &expr.kind else { return };
        let is_body = |symbol: &Symbol| {
            matches!(symbol.origin, Origin::Response(_))
                && symbol.path.last().is_some_and(|step| step.starts_with("()"))
        };
        let value = self.quietly(expr);
        if value.alternatives().iter().any(|value| matches!(value, Value::Symbol(symbol) if is_body(symbol))) {
            let text = value.each(|value| match value {
                Value::Symbol(symbol) if is_body(symbol) => Value::Unknown,
                value => value.clone(),
            });
            self.rebind(name, text);
        }
    }

    fn rebind(&mut self, name: &SmolStr, value: Value) {
        let scope = self.frames.last().map(|frame| frame.scope);
        if let Some(scope) = scope {
            self.store.assign(scope, name, value);
        }
    }

    /// Keeps of an object's entry what fits the test.
    fn assume_of_entry(&mut self, member: &Member, there: bool) {
        let Value::Object(object) = self.quietly(&member.object) else { return };
        let entry = self.store.get(object).entries.get(&member.property).cloned();
        if let Some(Value::Either(values)) = entry {
            let kept = values.iter().filter(|value| value.truth() != Some(!there)).cloned();
            let kept = Value::any(kept.collect::<Vec<_>>());
            self.store.set(object, &member.property, kept);
        }
    }

    /// `a?.b?.c` is there: keeps of the variable the values that have it.
    fn assume_of_root(&mut self, expr: &Expr) {
        let mut root = expr;
        while let ExprKind::Member(member) = &root.kind {
            root = &member.object;
        }
        let ExprKind::Name(name) = &root.kind else { return };
        let Value::Either(values) = self.quietly(root) else { return };
        let mut kept = Vec::new();
        for value in values.iter() {
            self.rebind(name, value.clone());
            if self.quietly(expr).truth() != Some(false) {
                kept.push(value.clone());
            }
        }
        self.rebind(name, if kept.is_empty() { Value::Either(values) } else { Value::any(kept) });
    }

    /// Of `{ data, error }` one is there: without an error there are data.
    fn assume_no_error(&mut self, symbol: &Symbol) {
        if let (Origin::Call(_), Some((last, before))) = (&symbol.origin, symbol.path.split_last())
            && last == "error"
        {
            let path: Vec<SmolStr> = before.iter().cloned().chain([SmolStr::new_static("data")]).collect();
            self.certain.push(Symbol { path: Rc::from(path), ..symbol.clone() });
        }
    }

    /// The value of an expression, without what evaluating it once more would find.
    pub(super) fn quietly(&mut self, expr: &Expr) -> Value {
        let before = self.outcome.found();
        let (value, _) = self.branch(|session| session.expr(expr));
        self.outcome.forget_since(before);
        value
    }
}
