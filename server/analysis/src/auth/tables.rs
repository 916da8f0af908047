//! Tables of constants: variables of modules that are assigned once, hold nothing but literals, and are changed neither
//! by the module that has them nor by the one that asks.

use smol_str::SmolStr;

use super::code::{Scope, assigned_in, each_body, module_variable};
use super::constant::is_constant_in;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::vfs::FileId;

/// Methods that change a list, a set or a dictionary in place.
const CHANGES: &[&str] = &[
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "popitem",
    "clear",
    "update",
    "setdefault",
    "add",
    "discard",
    "sort",
    "reverse",
];

/// Whether a name means such a variable in a module.
pub(super) fn is_table(interpreter: &Interpreter<'_>, file: FileId, name: &SmolStr, steps: &mut usize) -> bool {
    let Some((home, own)) = assigned_in(interpreter, file, name) else { return false };
    let Some(variable) = module_variable(interpreter, home, &own) else { return false };
    let scope = Scope::Module(variable.file, variable.item);
    is_constant_in(interpreter, scope, variable.value, steps)
        && !is_changed(interpreter, home, &own)
        && (file == home || !is_changed(interpreter, file, name))
}

/// Whether anything in a module changes what a variable of it holds, or an attribute of its class.
pub(super) fn is_changed(interpreter: &Interpreter<'_>, file: FileId, name: &str) -> bool {
    interpreter.count_items(file);
    let Some(facts) = interpreter.sources().facts(file) else { return true };
    facts.items.iter().any(|item| {
        let (mut changed, stmt) = (false, &item.placed.item.stmt);
        each_body(interpreter, file, item.number, stmt, &|_| true, &mut |_, block| changed |= changes(block, name));
        changed
    })
}

/// Whether a block of a method changes in place what an attribute of its receiver holds: `self.kinds.append(one)`.
pub(super) fn changes_attribute(block: &[Stmt], receiver: &str, attribute: &str) -> bool {
    let mut pending: Vec<&Stmt> = block.iter().collect();
    while let Some(stmt) = pending.pop() {
        let is_it = |expr: &Expr| match &expr.kind {
            ExprKind::Attribute { value, name } => {
                name.name == attribute && value.as_name().is_some_and(|own| own == receiver)
            }
            _ => false,
        };
        let holds = |mut expr: &Expr| loop {
            match &expr.kind {
                _ if is_it(expr) => return true,
                ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => expr = value,
                _ => return false,
            }
        };
        let mut exprs = stmt.exprs();
        while let Some(expr) = exprs.pop() {
            if let Some((func, _)) = expr.as_call()
                && let ExprKind::Attribute { value, name } = &func.kind
                && CHANGES.contains(&name.name.as_str())
                && holds(value)
            {
                return true;
            }
            exprs.extend(expr.children());
        }
        let assigned = match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().any(|target| !is_it(target) && holds(target)),
            StmtKind::AugAssign(assign) => holds(&assign.target),
            StmtKind::Delete(targets) => targets.iter().any(holds),
            _ => false,
        };
        if assigned {
            return true;
        }
        pending.extend(stmt.blocks().into_iter().flatten());
    }
    false
}

/// Whether a statement of a block, or of a function in it, changes what a variable holds.
fn changes(block: &[Stmt], name: &str) -> bool {
    let is_part = |expr: &Expr| {
        matches!(expr.kind, ExprKind::Subscript { .. } | ExprKind::Attribute { .. }) && is_rooted(expr, name)
    };
    let mut pending: Vec<&Stmt> = block.iter().collect();
    while let Some(stmt) = pending.pop() {
        let changed = match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().any(is_part),
            StmtKind::AugAssign(assign) => is_rooted(&assign.target, name),
            StmtKind::Delete(targets) => targets.iter().any(|target| is_rooted(target, name)),
            StmtKind::Global(names) => names.iter().any(|global| global == name),
            _ => false,
        };
        if changed || calls_change(stmt, name) {
            return true;
        }
        pending.extend(stmt.blocks().into_iter().flatten());
        if let StmtKind::Function(nested) = &stmt.kind {
            pending.extend(&nested.body);
        }
    }
    false
}

/// Whether a statement calls a method that changes what a variable holds, or a part of it.
fn calls_change(stmt: &Stmt, name: &str) -> bool {
    let mut pending = stmt.exprs();
    while let Some(expr) = pending.pop() {
        if let Some((func, _)) = expr.as_call()
            && let ExprKind::Attribute { value, name: method } = &func.kind
            && CHANGES.contains(&method.name.as_str())
            && is_rooted(value, name)
        {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

/// Whether an expression is a variable, or a part of what it holds.
fn is_rooted(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(found) => found == name,
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => is_rooted(value, name),
        _ => false,
    }
}
