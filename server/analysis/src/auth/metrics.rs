//! Handlers that answer with what a package has counted, and with nothing else: `generate_latest()` of prometheus_client.

use smol_str::SmolStr;

use super::constant::{is_constant, is_logged, is_response};
use crate::facts::python::tree::{Expr, ExprKind, Spread, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// The package, and the function that writes down all that was counted (0.23).
const PACKAGE: &str = "prometheus_client";
const WRITES: &str = "generate_latest";

/// Expressions that are looked at in one handler.
const MAX_STEPS: usize = 200;

/// Functions inside each other that are looked into.
const MAX_DEPTH: usize = 3;

/// Whether a handler does nothing but give the metrics of that package. What it calls is looked into if it is `asked_for`
/// them by its path: no other handler rests on what others do.
pub(super) fn answers_metrics(interpreter: &Interpreter<'_>, handler: &FunctionRef, asked_for: bool) -> bool {
    if handler.def.is_generator {
        return false;
    }
    let mut look = Look::new(interpreter, handler, MAX_STEPS, if asked_for { 0 } else { MAX_DEPTH });
    look.block(&handler.def.body) && look.found
}

struct Look<'l, 'i> {
    interpreter: &'l Interpreter<'i>,
    handler: &'l FunctionRef,
    /// What the handler imports itself: names with their paths.
    imported: Vec<(SmolStr, SmolStr)>,
    /// Variables that hold what the package gave.
    held: Vec<SmolStr>,
    /// Whether the metrics were asked for.
    found: bool,
    steps: usize,
    depth: usize,
}

impl<'l, 'i> Look<'l, 'i> {
    fn new(interpreter: &'l Interpreter<'i>, handler: &'l FunctionRef, steps: usize, depth: usize) -> Self {
        Self { interpreter, handler, imported: Vec::new(), held: Vec::new(), found: false, steps, depth }
    }

    fn block(&mut self, block: &[Stmt]) -> bool {
        block.iter().all(|stmt| match &stmt.kind {
            StmtKind::Pass | StmtKind::Import(_) => true,
            StmtKind::ImportFrom(import) => {
                for name in import.names.iter().filter(|_| import.level == 0) {
                    let path = SmolStr::new(format!("{}.{}", import.module, name.name));
                    self.imported.push((name.bound().clone(), path));
                }
                true
            }
            StmtKind::Return(Some(value)) => self.is_counted(value),
            StmtKind::Raise { exc: Some(raised), .. } => {
                is_constant(self.interpreter, self.handler, raised, &mut self.steps)
            }
            StmtKind::Expr(expr) => {
                matches!(expr.kind, ExprKind::Str(_))
                    || is_logged(self.interpreter, self.handler, expr)
                    || self.is_counted(expr)
            }
            StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
                ([target], Some(value)) => self.is_counted(value) && self.hold(target),
                _ => false,
            },
            StmtKind::Try { body, handlers, or_else, finally } => {
                self.block(body)
                    && handlers.iter().all(|handler| self.block(&handler.body))
                    && self.block(or_else)
                    && self.block(finally)
            }
            _ => false,
        })
    }

    /// Variables hold what was counted; a part of an object would hold it for others, too.
    fn hold(&mut self, target: &Expr) -> bool {
        match &target.kind {
            ExprKind::Name(name) => {
                self.held.push(name.clone());
                true
            }
            ExprKind::Tuple(parts) => parts.iter().all(|part| self.hold(part)),
            _ => false,
        }
    }

    /// Whether a function of the project that is called without arguments does nothing else.
    fn is_answered_by(&mut self, function: &FunctionRef) -> bool {
        if self.depth >= MAX_DEPTH || function.def.is_generator {
            return false;
        }
        let function = self.interpreter.current(function);
        let mut inner = Look::new(self.interpreter, &function, self.steps, self.depth + 1);
        let answers = inner.block(&function.def.body);
        self.steps = inner.steps;
        self.found |= answers && inner.found;
        answers
    }

    /// Whether an expression is what the package gives, a constant, or an answer of both.
    fn is_counted(&mut self, expr: &Expr) -> bool {
        let Some(left) = self.steps.checked_sub(1) else { return false };
        self.steps = left;
        match &expr.kind {
            ExprKind::Name(name) if self.held.contains(name) => true,
            ExprKind::Await(inner) => self.is_counted(inner),
            ExprKind::Tuple(parts) => parts.iter().all(|part| self.is_counted(part)),
            ExprKind::Call { func, args } => {
                let Some(path) = self.path(func) else {
                    return match self.interpreter.eval(self.handler, func) {
                        Value::Function(function) if args.is_empty() && self.is_answered_by(&function) => true,
                        _ => is_constant(self.interpreter, self.handler, expr, &mut self.steps),
                    };
                };
                let is_of_package = is_of_package(&path);
                self.found |= is_of_package && path.ends_with(WRITES);
                (is_of_package || is_response(&path))
                    && args.iter().all(|arg| arg.spread == Spread::No && self.is_counted(&arg.value))
            }
            ExprKind::Dict(entries) => {
                entries.iter().all(|(key, value)| key.iter().all(|key| self.is_counted(key)) && self.is_counted(value))
            }
            _ => {
                self.path(expr).is_some_and(|path| is_of_package(&path))
                    || is_constant(self.interpreter, self.handler, expr, &mut self.steps)
            }
        }
    }

    fn path(&self, expr: &Expr) -> Option<SmolStr> {
        let imported = expr.as_name().and_then(|name| self.imported.iter().rev().find(|(own, _)| own == name));
        if let Some((_, path)) = imported {
            return Some(path.clone());
        }
        match self.interpreter.eval(self.handler, expr) {
            Value::Package(path) => Some(path),
            _ => None,
        }
    }
}

fn is_of_package(path: &str) -> bool {
    path.strip_prefix(PACKAGE).is_some_and(|rest| rest.starts_with('.'))
}
