//! Variables that get another value where they hold none, one after the other.
//!
//! ```python
//! secret = os.getenv("JWT_SECRET")
//! if not secret:
//!     secret = "a value that stands in the code"
//! ```

use smol_str::SmolStr;

use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};

/// What a variable is assigned, where each value but the first stands in for those before it that are nothing. None
/// where it may get another one, or the code refuses to go on before it does.
pub(super) fn of_variable<'b, T: Copy>(
    block: impl Iterator<Item = (T, &'b Stmt)>,
    name: &SmolStr,
) -> Option<Vec<(T, &'b Expr)>> {
    let mut values = Vec::new();
    for (place, stmt) in block {
        match &stmt.kind {
            StmtKind::If { test, body, or_else } if assigned(body, name).is_some() => {
                if values.is_empty() || !is_missing(test, name) || !or_else.is_empty() || raises(body) {
                    return None;
                }
                values.push((place, assigned(body, name)?));
            }
            _ => {
                let once = std::slice::from_ref(stmt);
                match super::super::code::bindings_of(once, name).as_slice() {
                    [] => {}
                    [Some(value)] if values.is_empty() && matches!(stmt.kind, StmtKind::Assign(_)) => {
                        values.push((place, *value));
                    }
                    _ => return None,
                }
            }
        }
    }
    (values.len() > 1).then_some(values)
}

/// What a body gives, where each value but the last is given only if it is something:
/// `if secret: return secret`, `return "…"`.
pub(super) fn of_ends(body: &[Stmt]) -> Option<Vec<&Expr>> {
    let (last, before) = body.split_last()?;
    let StmtKind::Return(Some(last)) = &last.kind else { return None };
    let mut values = Vec::new();
    for stmt in before {
        match &stmt.kind {
            StmtKind::If { test, body, or_else } if or_else.is_empty() => match body.as_slice() {
                [Stmt { kind: StmtKind::Return(Some(given)), .. }] if given.as_name().is_some() => {
                    if given.as_name() != test.as_name() {
                        return None;
                    }
                    values.push(given);
                }
                body if returns(body) || raises(body) => return None,
                _ => {}
            },
            _ if returns(std::slice::from_ref(stmt)) || raises(std::slice::from_ref(stmt)) => return None,
            _ => {}
        }
    }
    values.push(last);
    (values.len() > 1).then_some(values)
}

/// What a branch assigns to a variable, where that happens once, in the branch itself.
fn assigned<'b>(branch: &'b [Stmt], name: &str) -> Option<&'b Expr> {
    match super::super::code::bindings_of(branch, name).as_slice() {
        [Some(value)] => {
            let is_it = |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(|one| one.range == value.range));
            branch.iter().any(is_it).then_some(*value)
        }
        _ => None,
    }
}

/// Whether a condition says that a variable holds nothing: `not secret`, `secret is None`, `secret == ""`.
fn is_missing(test: &Expr, name: &str) -> bool {
    let is_it = |expr: &Expr| expr.as_name().is_some_and(|found| found == name);
    match &test.kind {
        ExprKind::Not(inner) => is_it(inner),
        ExprKind::BoolOp { and: false, values } => values.iter().all(|value| is_missing(value, name)),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] => {
                is_it(first)
                    && match &second.kind {
                        ExprKind::None => matches!(op.as_str(), "is" | "=="),
                        ExprKind::Str(text) => op == "==" && text.is_empty(),
                        _ => false,
                    }
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether something of a block ends the function with a value.
fn returns(block: &[Stmt]) -> bool {
    block.iter().any(|stmt| matches!(stmt.kind, StmtKind::Return(_)) || stmt.blocks().into_iter().any(returns))
}
