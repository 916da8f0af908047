//! Headers, cookies and parameters that a loop goes through to find the one it wants.

use smol_str::SmolStr;

use super::super::code::mentions;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Expr, ExprKind, Stmt};

impl Flow<'_, '_> {
    /// `for name, value in request.headers.items()`, where the body compares the name with a text: in the round that matters
    /// the value is what the request has under that.
    pub(super) fn assign_listed(&mut self, path: &mut Path, target: &Expr, iter: &Expr, body: &[Stmt]) {
        let Some((of, name, value)) = listed(target, iter) else { return };
        let Abs::Request(part) = self.eval(&mut path.clone(), of) else { return };
        let wanted =
            compared_with(body, name).filter(|_| matches!(part.as_str(), "headers" | "cookies" | "query_params"));
        if let Some(wanted) = wanted {
            let found = self.request_item(path, iter, &part, Some(wanted));
            path.set(value, found);
        }
    }
}

/// What is gone through entry by entry, and the variables that hold the key and the value of each.
fn listed<'e>(target: &'e Expr, iter: &'e Expr) -> Option<(&'e Expr, &'e SmolStr, &'e SmolStr)> {
    let ExprKind::Tuple(parts) = &target.kind else { return None };
    let [name, value] = parts.as_slice() else { return None };
    let (func, args) = iter.as_call()?;
    let ExprKind::Attribute { value: of, name: method } = &func.kind else { return None };
    let all = method.name == "items" && args.is_empty();
    all.then_some((&**of, name.as_name()?, value.as_name()?))
}

/// The text that a body compares a variable with, or what a method of it gives: `name.lower() == "x-api-key"`.
fn compared_with<'b>(body: &'b [Stmt], name: &str) -> Option<&'b Expr> {
    let mut blocks = vec![body];
    while let Some(block) = blocks.pop() {
        let mut pending: Vec<&Expr> = block.iter().flat_map(Stmt::exprs).collect();
        while let Some(expr) = pending.pop() {
            if let ExprKind::Compare { first, rest } = &expr.kind
                && let [(op, second)] = rest.as_slice()
                && op == "=="
            {
                let is_text = |side: &Expr| matches!(side.kind, ExprKind::Str(_));
                match (&**first, second) {
                    (asked, text) | (text, asked) if is_text(text) && mentions(asked, name) => return Some(text),
                    _ => {}
                }
            }
            pending.extend(expr.children());
        }
        blocks.extend(block.iter().flat_map(Stmt::blocks));
    }
    None
}
