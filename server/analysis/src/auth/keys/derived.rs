//! Keys that are derived from a secret: an HMAC over it, whose own key is a label that everybody knows.

use super::{Purpose, Search};
use crate::auth::code::{Scope, last_name};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind, keyword, positional};

impl Search<'_, '_, '_> {
    /// Whether a call of `hmac` makes a key out of a secret, which another one uses: its own key is no secret then
    /// (RFC 5869, section 3.1).
    pub(super) fn derives_a_key(&self, call: &Expr, args: &[Arg]) -> bool {
        let Scope::Function(function) = self.scope else { return false };
        keyword(args, "msg").or_else(|| positional(args, 1)).is_some_and(is_secret)
            && is_used_as_key(self, &function.def.body, call)
    }
}

/// Whether a value is called a secret: `token.encode()`.
fn is_secret(message: &Expr) -> bool {
    let value = match message.as_call().map(|(func, _)| &func.kind) {
        Some(ExprKind::Attribute { value, name }) if name.name == "encode" => value,
        _ => message,
    };
    let lower = last_name(value).map(|name| name.to_ascii_lowercase());
    lower.is_some_and(|name| ["token", "secret", "key", "password"].iter().any(|word| name.contains(word)))
}

/// Whether what a call gives is the key of another `hmac` in a block: by itself, or in a variable.
fn is_used_as_key(search: &Search<'_, '_, '_>, block: &[Stmt], call: &Expr) -> bool {
    let is_in = |expr: &Expr| expr.range != call.range && expr.range.contains_range(call.range);
    let mut variable = None;
    let mut keys = Vec::new();
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            if let StmtKind::Assign(assign) = &stmt.kind
                && let ([target], Some(value)) = (assign.targets.as_slice(), &assign.value)
                && value.range.contains_range(call.range)
            {
                variable = target.as_name();
            }
            let mut exprs = stmt.exprs();
            while let Some(expr) = exprs.pop() {
                if let Some((func, args)) = expr.as_call().filter(|_| expr.range != call.range)
                    && let Some((key, Purpose::Hmac)) = search.key_argument(func, args)
                {
                    keys.push(key);
                }
                exprs.extend(expr.children());
            }
            blocks.extend(stmt.blocks());
        }
    }
    keys.iter().any(|key| is_in(key) || (key.as_name().is_some() && key.as_name() == variable))
}
