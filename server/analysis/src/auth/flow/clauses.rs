//! `except` clauses that catch nothing that a verification raises: no bad token gets into them.

use smol_str::SmolStr;

use super::super::code::parts;
use super::super::sinks::{Sink, classify};
use super::{Flow, Path, root_name};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Stmt, StmtKind, positional};
use crate::index::value::Value;

/// The first verification of a `try`, before which nothing of the `try` may raise anything else.
struct Verification<'b> {
    /// The package that verifies: `jwt` or `jose`.
    package: SmolStr,
    args: &'b [Arg],
    /// Whether anything is looked up in a container until then.
    looks_up: bool,
}

impl Flow<'_, '_> {
    /// Whether a clause is not entered before the caller is verified: what its `try` does until then is one
    /// verification, which raises nothing that the clause catches.
    pub(super) fn is_out_of_reach(&self, path: &Path, body: &[Stmt], handler: &Handler) -> bool {
        let Some(verification) = self.first_verification(path, body) else { return false };
        // Texts of a header can be encoded, whoever wrote them; those of a body need not be.
        let from_header = || positional(verification.args, 0).is_some_and(|token| path.is_there(token));
        let mut classes = handler.types.iter().map(|class| self.outer(class));
        !handler.types.is_empty()
            && classes.all(|class| match class {
                Value::Package(class) => verification.never_raises(&class, &from_header),
                _ => false,
            })
    }

    /// The first verification of a block, if all before it and around it is simple.
    fn first_verification<'b>(&self, path: &Path, block: &'b [Stmt]) -> Option<Verification<'b>> {
        let mut looks_up = false;
        for stmt in block {
            let expr = match &stmt.kind {
                StmtKind::Expr(expr) | StmtKind::Return(Some(expr)) => expr,
                StmtKind::Assign(assign) => assign.value.as_ref()?,
                _ => return None,
            };
            let mut found = None;
            let mut pending = vec![expr];
            while let Some(part) = pending.pop() {
                match &part.kind {
                    ExprKind::Call { func, args } => {
                        if let Some(package) = self.verifying_package(path, func, args) {
                            found = Some((package, args.as_slice()));
                        } else if !is_of_texts(func) {
                            return None;
                        }
                    }
                    // `jwt.decode(…)["sub"]` looks it up afterwards.
                    ExprKind::Subscript { value, .. } if self.verifies(path, value) => {}
                    ExprKind::Subscript { .. } => looks_up = true,
                    ExprKind::Yield(_) | ExprKind::Comprehension(_) | ExprKind::Lambda { .. } => return None,
                    _ => {}
                }
                pending.extend(parts(part));
            }
            if let Some((package, args)) = found {
                return Some(Verification { package, args, looks_up });
            }
        }
        None
    }

    fn verifies(&self, path: &Path, expr: &Expr) -> bool {
        expr.as_call().is_some_and(|(func, args)| self.verifying_package(path, func, args).is_some())
    }

    /// The package of a callee that verifies, if it is one whose exceptions are known.
    fn verifying_package(&self, path: &Path, func: &Expr, args: &[Arg]) -> Option<SmolStr> {
        if root_name(func).is_none_or(|name| path.get(name).is_some()) {
            return None;
        }
        let Value::Package(callee) = self.outer(func) else { return None };
        let package = callee.split('.').next().filter(|package| matches!(*package, "jwt" | "jose"))?;
        let verifies = classify(&callee) == Sink::Raises && !self.verification_is_off(args);
        verifies.then(|| package.into())
    }
}

impl Verification<'_> {
    /// Whether no token makes it raise an exception of that class (PyJWT 1.7 to 2.10, python-jose 3.3 to 3.5).
    ///
    /// Both turn what they meet into exceptions of their own, which derive from `Exception`. What they let
    /// pass is left out here: `TypeError`, `AttributeError`, and `ValueError` of keys that can't be read.
    fn never_raises(&self, class: &str, from_header: &dyn Fn() -> bool) -> bool {
        match class.strip_prefix("builtins.") {
            Some("UnicodeDecodeError" | "UnicodeTranslateError") => true,
            // They encode texts before they look at them.
            Some("UnicodeError" | "UnicodeEncodeError") => from_header(),
            Some("KeyError" | "IndexError" | "LookupError") => !self.looks_up,
            Some(_) => false,
            // Neither knows the other, nor who calls it.
            None => match class.split('.').next() {
                Some("jwt") => self.package == "jose",
                Some("jose") => self.package == "jwt",
                Some(package) => matches!(package, "pydantic" | "pydantic_core" | "fastapi" | "starlette"),
                None => false,
            },
        }
    }
}

/// Whether a callee is a method of texts that raises nothing: `header.removeprefix`.
fn is_of_texts(func: &Expr) -> bool {
    const METHODS: &[&str] =
        &["strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "lower", "upper"];
    matches!(&func.kind, ExprKind::Attribute { name, .. } if METHODS.contains(&name.name.as_str()))
}
