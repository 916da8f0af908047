//! Functions that only say whether a token is valid: where one says no, the caller's credential is refused. What a
//! function looks for besides (a role, a plan, whose a row is) may be refused to a caller who is known.

use smol_str::SmolStr;

use super::super::code::{Body, Scope};
use super::callees::callee;
use super::claims::OF_THE_TOKEN;
use super::identity::IDENTITIES;
use super::libraries::{Does, does};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};
use crate::index::value::{FunctionRef, Resolve};

/// Functions that are followed inside each other, and variables that are.
const MAX_DEPTH: u32 = 4;

/// Claims of tokens made by hand that say until when they are good.
const MOMENTS: &[&str] = &["expires", "expiry", "expires_at", "expiration"];

/// Whether a call says no more than whether the token that it is given is valid.
pub(super) fn says_whether_valid(body: &Body<'_, '_, '_>, call: &Expr) -> bool {
    let function = call.as_call().and_then(|(func, _)| callee(body, func));
    function.is_some_and(|function| only_says(body, &function, 0))
}

fn only_says(body: &Body<'_, '_, '_>, function: &FunctionRef, depth: u32) -> bool {
    let function = body.interpreter.current(function);
    if depth > MAX_DEPTH || !function.wrappers.is_empty() || !function.def.decorators.iter().all(is_static) {
        return false;
    }
    let inside = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    let says = Says { body: &inside, depth };
    says.verifies() && says.looks_at_nothing_else()
}

/// A decorator that changes nothing of what a method does.
fn is_static(decorator: &Expr) -> bool {
    decorator.as_name().is_some_and(|name| matches!(name.as_str(), "staticmethod" | "classmethod"))
}

/// A look at what the answer of a function rests on.
struct Says<'s, 'b, 'i, 'a> {
    body: &'s Body<'b, 'i, 'a>,
    depth: u32,
}

impl Says<'_, '_, '_, '_> {
    /// Whether a token is verified in it.
    fn verifies(&self) -> bool {
        self.body.calls().iter().any(|found| self.is_verification(found.expr))
    }

    fn is_verification(&self, expr: &Expr) -> bool {
        let Some((func, _)) = expr.as_call() else { return false };
        match does(self.body, func) {
            Some((_, does)) => matches!(does, Does::Decodes | Does::VerifiesSignature),
            None => callee(self.body, func).is_some_and(|function| only_says(self.body, &function, self.depth + 1)),
        }
    }

    /// Whether all that it decides by, and all that it gives, is the token's validity.
    fn looks_at_nothing_else(&self) -> bool {
        self.body.statements().iter().all(|(stmt, _)| match &stmt.kind {
            StmtKind::If { test, .. } => self.is_about_token(test, 0),
            StmtKind::Return(Some(value)) => self.is_about_token(value, 0),
            StmtKind::For { .. } | StmtKind::While { .. } | StmtKind::Match { .. } => false,
            _ => true,
        })
    }

    fn is_about_token(&self, expr: &Expr, depth: u32) -> bool {
        let all = |parts: &[Expr]| parts.iter().all(|part| self.is_about_token(part, depth));
        match &expr.kind {
            ExprKind::None | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Number => true,
            ExprKind::Name(name) => self.holds_token(name, depth),
            ExprKind::Not(inner) | ExprKind::Unary(inner) | ExprKind::Await(inner) => self.is_about_token(inner, depth),
            ExprKind::BoolOp { values, .. } => all(values),
            ExprKind::IfExp { test, body, or_else } => {
                [test, body, or_else].into_iter().all(|part| self.is_about_token(part, depth))
            }
            // `kid not in keys`
            ExprKind::Compare { first, rest } => {
                let is_looked_up = matches!(rest.as_slice(), [(op, _)] if matches!(op.as_str(), "in" | "not in"));
                is_looked_up && self.names_key(first)
                    || self.is_about_token(first, depth)
                        && rest.iter().all(|(_, value)| self.is_about_token(value, depth))
            }
            ExprKind::Dict(entries) => entries.is_empty(),
            ExprKind::Subscript { index, .. } => is_claim_of_token(index),
            ExprKind::Call { func, args } => {
                self.is_verification(expr)
                    || self.is_clock(func)
                    || matches!(&func.kind, ExprKind::Attribute { name, .. } if name.name == "get")
                        && positional(args, 0).is_some_and(is_claim_of_token)
                    || matches!(func.as_name(), Some(name) if name == "bool")
                        && args.iter().all(|arg| self.is_about_token(&arg.value, depth))
            }
            _ => false,
        }
    }

    /// Whether a variable holds what says whether the token is valid, or the token itself.
    fn holds_token(&self, name: &SmolStr, depth: u32) -> bool {
        if self.body.param(name).is_some() {
            return true;
        }
        let made = self.body.bindings(name);
        depth < MAX_DEPTH
            && !made.is_empty()
            && made.iter().all(|made| made.is_some_and(|made| self.is_about_token(made, depth + 1)))
    }

    /// Whether a value says which key or issuer a token is of, and nothing of its owner.
    fn names_key(&self, expr: &Expr) -> bool {
        let claim = match &self.body.traced(expr).kind {
            ExprKind::Subscript { index, .. } => index.as_str(),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { name, .. } if name.name == "get" => positional(args, 0).and_then(Expr::as_str),
                _ => None,
            },
            _ => None,
        };
        claim.is_some_and(|claim| OF_THE_TOKEN.contains(&claim.as_str()))
    }

    fn is_clock(&self, func: &Expr) -> bool {
        self.body.package(func).is_some_and(|path| path.starts_with("time.") || path.starts_with("datetime."))
    }
}

/// Whether a key of the claims says something of the token, or whose it is.
fn is_claim_of_token(key: &Expr) -> bool {
    key.as_str().is_some_and(|key| {
        let key = key.as_str();
        OF_THE_TOKEN.contains(&key) || IDENTITIES.contains(&key) || MOMENTS.contains(&key)
    })
}
