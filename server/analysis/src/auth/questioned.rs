//! Whether code asks about the value of a key before it is used, and may refuse it.

use smol_str::SmolStr;

use super::code::each_body;
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::vfs::FileId;

/// Whether a statement of a class body looks at the value of a field and may refuse it.
pub(super) fn validates(stmt: &Stmt, field: &str) -> bool {
    let StmtKind::Function(def) = &stmt.kind else { return false };
    let named = |decorator: &Expr| {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        let about = decorator
            .as_call()
            .map(|(_, args)| args.iter().filter(|arg| arg.name.is_none()).map(|arg| arg.value.as_str()));
        // `@field_validator("other")` looks at that field only.
        if about.is_some_and(|names| {
            let names: Vec<_> = names.collect();
            !names.is_empty() && names.iter().all(|name| name.is_some_and(|name| name != field && name != "*"))
        }) {
            return false;
        }
        match &callee.kind {
            ExprKind::Name(name) => name.ends_with("validator"),
            ExprKind::Attribute { name, .. } => name.name.ends_with("validator"),
            _ => false,
        }
    };
    let checks =
        def.decorators.iter().any(named) || matches!(def.name.name.as_str(), "model_post_init" | "__post_init__");
    checks && raises(&def.body)
}

/// Whether a condition anywhere in a file is about one of these names; of conditions only those count that `counts` picks.
pub(super) fn asks_for(
    interpreter: &Interpreter<'_>,
    file: FileId,
    names: &[SmolStr],
    counts: &dyn Fn(&Expr) -> bool,
) -> bool {
    let Some(facts) = interpreter.sources().facts(file) else { return false };
    let is_named = |expr: &Expr| match &expr.kind {
        ExprKind::Name(name) | ExprKind::Str(name) => names.contains(name),
        ExprKind::Attribute { name, .. } => names.contains(&name.name),
        _ => false,
    };
    let mut asks = false;
    interpreter.count_items(file);
    for item in &facts.items {
        each_body(interpreter, file, item.number, &item.placed.item.stmt, &|_| true, &mut |_, block| {
            let mut blocks = vec![block];
            while let Some(block) = blocks.pop() {
                for stmt in block {
                    let mut exprs: Vec<&Expr> = match &stmt.kind {
                        StmtKind::If { test, .. } => operands(test).into_iter().filter(|test| counts(test)).collect(),
                        StmtKind::Assert(test) => vec![test],
                        // Lists of what must be set.
                        StmtKind::For { iter, .. } => vec![iter],
                        _ => Vec::new(),
                    };
                    while let Some(expr) = exprs.pop() {
                        asks |= is_named(expr);
                        exprs.extend(expr.children());
                    }
                    blocks.extend(stmt.blocks());
                    if let StmtKind::Function(nested) = &stmt.kind {
                        blocks.push(&nested.body);
                    }
                }
            }
        });
    }
    asks
}

/// The conditions that one is made of.
fn operands(test: &Expr) -> Vec<&Expr> {
    match &test.kind {
        ExprKind::BoolOp { values, .. } => values.iter().flat_map(operands).collect(),
        _ => vec![test],
    }
}

/// Whether a statement of a module fails depending on a variable.
pub(super) fn rejects(stmt: &Stmt, name: &str) -> bool {
    let StmtKind::If { test, body, or_else } = &stmt.kind else { return false };
    let mut pending = vec![&**test];
    while let Some(expr) = pending.pop() {
        if expr.as_name().is_some_and(|found| found == name) {
            return raises(body) || raises(or_else);
        }
        pending.extend(expr.children());
    }
    or_else.iter().any(|stmt| rejects(stmt, name))
}
