//! What a handler has compared with a kept hash is a secret, whatever it is called: a PIN.

use super::super::code::plain_text;
use super::super::sinks::{Sink, classify};
use super::Flow;
use crate::facts::python::idioms::calls;
use crate::facts::python::tree::{Arg, Expr, ExprKind, ParamKind};
use crate::index::value::{FunctionRef, Value};

/// Functions of the project that hand a secret on to what compares it.
const MAX_DEPTH: u32 = 3;

impl Flow<'_, '_> {
    /// Whether a function has something compared with a hash, by itself or by functions of the project that it gives it to.
    pub(super) fn is_compared_with_hash(&self, function: &FunctionRef, wanted: &dyn Fn(&Expr) -> bool) -> bool {
        self.compares_hash(&self.judge.resolve.current(function), wanted, MAX_DEPTH)
    }

    /// Whether a part of the client's body is compared with a hash: `body.pin`.
    pub(super) fn is_checked_part(&self, part: &Expr) -> bool {
        let ExprKind::Attribute { value, name } = &part.kind else { return false };
        let (Some(body), [handler]) = (value.as_name(), self.stack.as_slice()) else { return false };
        let is_it = |expr: &Expr| match &expr.kind {
            ExprKind::Attribute { value, name: other } => value.as_name() == Some(body) && other.name == name.name,
            _ => false,
        };
        self.answers && self.is_of_client(value) && self.is_compared_with_hash(handler, &is_it)
    }

    fn compares_hash(&self, function: &FunctionRef, wanted: &dyn Fn(&Expr) -> bool, depth: u32) -> bool {
        calls(&function.def.body).into_iter().any(|(callee, args)| {
            let Some(at) = args.iter().position(|arg| wanted(plain_text(&arg.value))) else { return false };
            match self.judge.resolve.eval(function, callee) {
                Value::Package(path) => is_hash_check(&path),
                Value::Function(called) if depth > 1 => self.hands_on(&called, &args[at], at, depth),
                Value::Bound(bound) if depth > 1 => self.hands_on(&bound.1, &args[at], at + 1, depth),
                _ => false,
            }
        })
    }

    /// Whether a called function has the argument compared that stands at that position.
    fn hands_on(&self, called: &FunctionRef, arg: &Arg, at: usize, depth: u32) -> bool {
        let called = self.judge.resolve.current(called);
        let param = match &arg.name {
            Some(name) => called.def.params.iter().find(|param| param.name.name == name.name),
            None => called.def.params.get(at).filter(|param| param.kind != ParamKind::VarArgs),
        };
        let Some(param) = param else { return false };
        self.compares_hash(&called, &|expr| expr.as_name() == Some(&param.name.name), depth - 1)
    }
}

/// Whether a package's callable compares a secret with the hash that is kept of it.
fn is_hash_check(path: &str) -> bool {
    const PACKAGES: &[&str] = &["passlib", "bcrypt", "argon2", "pwdlib", "werkzeug"];
    path.split('.').next().is_some_and(|package| PACKAGES.contains(&package)) && classify(path) == Sink::Answers
}
