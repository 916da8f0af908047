//! Whether a middleware says of its own answers which other sites may read them.

use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, keyword};
use crate::index::value::FunctionRef;

/// Whether every answer that a middleware makes itself says which other sites may read it:
/// `response.headers["Access-Control-Allow-Origin"] = origin`.
pub(super) fn names_origins(function: &FunctionRef) -> bool {
    let Some(next) = function.def.params.last().map(|param| &param.name.name) else { return false };
    let passes_on = |value: &Expr| {
        let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
        value.as_call().is_some_and(|(func, _)| func.as_name() == Some(next))
    };
    let (mut names, mut blocks) = (false, vec![&*function.def.body]);
    while let Some(block) = blocks.pop() {
        for (at, stmt) in block.iter().enumerate() {
            blocks.extend(stmt.blocks());
            let StmtKind::Return(Some(answer)) = &stmt.kind else { continue };
            let is_named = match answer.as_name() {
                Some(answer) => block[..at].iter().any(|stmt| sets_origin(stmt, answer)),
                None => answer.as_call().is_some_and(|(_, args)| keyword(args, "headers").is_some_and(has_origin)),
            };
            let is_passed_on = || match answer.as_name() {
                Some(answer) => {
                    let made = assigned(block, answer);
                    let made = if made.is_empty() { assigned(&function.def.body, answer) } else { made };
                    !made.is_empty() && made.into_iter().all(passes_on)
                }
                None => passes_on(answer),
            };
            if !is_named && !is_passed_on() {
                return false;
            }
            names |= is_named;
        }
    }
    names
}

/// Whether a statement, or one in it, says of an answer which other sites may read it.
fn sets_origin(stmt: &Stmt, answer: &str) -> bool {
    let sets = |target: &Expr| {
        let ExprKind::Subscript { value, index } = &target.kind else { return false };
        let ExprKind::Attribute { value: of, name } = &value.kind else { return false };
        name.name == "headers" && of.as_name().is_some_and(|of| of == answer) && is_origin(index)
    };
    let here = matches!(&stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(sets));
    here || stmt.blocks().into_iter().flatten().any(|stmt| sets_origin(stmt, answer))
}

fn has_origin(headers: &Expr) -> bool {
    let ExprKind::Dict(entries) = &headers.kind else { return false };
    entries.iter().any(|(key, _)| key.as_ref().is_some_and(is_origin))
}

/// Whether a text is the name of the header that says which sites may read an answer (Fetch, section 3.3.3).
fn is_origin(name: &Expr) -> bool {
    name.as_str().is_some_and(|name| name.eq_ignore_ascii_case("Access-Control-Allow-Origin"))
}
