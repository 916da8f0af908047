//! Functions that give something wherever they return: who finds nothing raises there.

use smol_str::SmolStr;

use super::super::code::Body;
use super::callees::callee;
use crate::facts::python::file::bound_names;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// Functions that are followed inside each other.
const MAX_DEPTH: u32 = 4;

/// Whether what a call of the project gives is there for certain: a test for `None` behind it is never true.
pub(super) fn gives_something(body: &Body<'_, '_, '_>, made: &Expr) -> bool {
    let made = match &made.kind {
        ExprKind::Await(inner) => inner,
        _ => made,
    };
    let function = made.as_call().and_then(|(func, _)| callee(body, func));
    function.is_some_and(|function| always_gives(body.interpreter, &function, 0))
}

fn always_gives(interpreter: &Interpreter<'_>, function: &FunctionRef, depth: u32) -> bool {
    let function = interpreter.current(function);
    let mut walk = Walk { interpreter, function: &function, depth, may_give_none: !function.wrappers.is_empty() };
    let falls_off = walk.block(&function.def.body, Vec::new()).is_some();
    !falls_off && !walk.may_give_none
}

/// Variables that hold something.
type Held = Vec<SmolStr>;

/// A walk over a body.
struct Walk<'w, 'a> {
    interpreter: &'w Interpreter<'a>,
    function: &'w FunctionRef,
    depth: u32,
    /// Whether a `return` was met that may give `None`.
    may_give_none: bool,
}

impl Walk<'_, '_> {
    /// What holds something at the end of a block; `None` where that is not reached.
    fn block(&mut self, block: &[Stmt], held: Held) -> Option<Held> {
        block.iter().try_fold(held, |held, stmt| self.stmt(stmt, held))
    }

    fn stmt(&mut self, stmt: &Stmt, mut held: Held) -> Option<Held> {
        match &stmt.kind {
            StmtKind::Raise { .. } => None,
            StmtKind::Return(value) => {
                self.may_give_none |= !value.as_ref().is_some_and(|value| self.is_there(value, &held));
                None
            }
            StmtKind::If { test, body, or_else } => {
                let [mut yes, mut no] = [held.clone(), held];
                held_if(test, true, &mut yes);
                held_if(test, false, &mut no);
                either(self.block(body, yes), self.block(or_else, no))
            }
            StmtKind::With { body, .. } => self.block(body, without(held, stmt)),
            StmtKind::Try { body, handlers, or_else, finally } => {
                let before = without(held.clone(), stmt);
                let mut after = self.block(body, held).and_then(|held| self.block(or_else, held));
                for handler in handlers {
                    after = either(after, self.block(&handler.body, before.clone()));
                }
                after.and_then(|held| self.block(finally, held))
            }
            StmtKind::Assign(assign) => {
                let is_there = assign.value.as_ref().is_some_and(|value| self.is_there(value, &held));
                held = without(held, stmt);
                if let ([target], true) = (assign.targets.as_slice(), is_there) {
                    held.extend(target.as_name().cloned());
                }
                Some(held)
            }
            _ => {
                let held = without(held, stmt);
                for block in stmt.blocks() {
                    self.block(block, held.clone());
                }
                Some(held)
            }
        }
    }

    /// Whether an expression is no `None`.
    fn is_there(&self, value: &Expr, held: &[SmolStr]) -> bool {
        match &value.kind {
            ExprKind::Name(name) => held.contains(name),
            ExprKind::Await(inner) => self.is_there(inner, held),
            ExprKind::Call { func, .. } => match self.interpreter.eval(self.function, func) {
                Value::Class(_) => true,
                Value::Function(called) if self.depth < MAX_DEPTH => {
                    always_gives(self.interpreter, &called, self.depth + 1)
                }
                _ => false,
            },
            ExprKind::Dict(_)
            | ExprKind::List(_)
            | ExprKind::Tuple(_)
            | ExprKind::Set(_)
            | ExprKind::Str(_)
            | ExprKind::FString(_)
            | ExprKind::Int(_)
            | ExprKind::Bool(true) => true,
            _ => false,
        }
    }
}

/// Adds the variables that hold something where a test is `truth`.
fn held_if(test: &Expr, truth: bool, held: &mut Held) {
    match &test.kind {
        ExprKind::Name(name) if truth => held.push(name.clone()),
        ExprKind::Not(inner) => held_if(inner, !truth, held),
        ExprKind::BoolOp { and, values } if *and == truth => {
            values.iter().for_each(|value| held_if(value, truth, held));
        }
        ExprKind::Compare { first, rest } => {
            let [(op, second)] = rest.as_slice() else { return };
            let present = matches!(op.as_str(), "is not" | "!=");
            if matches!(second.kind, ExprKind::None) && present == truth {
                held.extend(first.as_name().cloned());
            }
        }
        _ => {}
    }
}

/// What holds something whichever of two ways led on.
fn either(one: Option<Held>, other: Option<Held>) -> Option<Held> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.into_iter().filter(|name| other.contains(name)).collect()),
        (one, other) => one.or(other),
    }
}

/// The same without what a statement, or one in it, assigns.
fn without(mut held: Held, stmt: &Stmt) -> Held {
    let mut names = Vec::new();
    bound_names(stmt, &mut names);
    held.retain(|name| !names.contains(name));
    held
}
