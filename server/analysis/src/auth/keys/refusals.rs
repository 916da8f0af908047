//! Validators that would refuse a default, and never do.
//!
//! Pydantic 1 and 2 validate the fields of a model in their order. What a validator is told of the others (`info.data`,
//! `values`) holds those that come before: one that asks for a field behind its own never finds it.

use smol_str::SmolStr;

use super::super::code::last_name;
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind, positional};

/// Whether a validator of a field refuses nothing, as it only does so by a field that it does not see.
pub(super) fn never_refuses(class: &[Stmt], validator: &Stmt, field: &str) -> bool {
    let StmtKind::Function(def) = &validator.kind else { return false };
    let is_of_field = def.decorators.iter().any(|decorator| {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        last_name(callee).is_some_and(|name| matches!(name.as_str(), "field_validator" | "validator"))
    });
    let behind = fields_behind(class, field);
    is_of_field && !behind.is_empty() && !Look { def, behind: &behind }.may_raise(&def.body)
}

/// The fields of a class that are declared behind one.
fn fields_behind<'c>(class: &'c [Stmt], field: &str) -> Vec<&'c SmolStr> {
    let declared = class.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => assign.targets.first().and_then(Expr::as_name),
        _ => None,
    });
    declared.skip_while(|name| *name != field).skip(1).collect()
}

struct Look<'v> {
    def: &'v Function,
    behind: &'v [&'v SmolStr],
}

/// What a look-up gives that finds nothing.
enum Missing<'v> {
    None,
    Text(&'v SmolStr),
}

impl<'v> Look<'v> {
    fn may_raise(&self, block: &[Stmt]) -> bool {
        block.iter().any(|stmt| match &stmt.kind {
            StmtKind::If { test, or_else, .. } if self.never_holds(test) => self.may_raise(or_else),
            StmtKind::If { body, or_else, .. } => self.may_raise(body) || self.may_raise(or_else),
            _ => raises(std::slice::from_ref(stmt)),
        })
    }

    /// Whether a test never holds, as it asks for a field that is not there.
    fn never_holds(&self, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::BoolOp { and: true, values } => values.iter().any(|value| self.never_holds(value)),
            ExprKind::Compare { first, rest } => {
                let [(op, second)] = rest.as_slice() else { return false };
                let Some(missing) = self.missing(first) else { return false };
                let is_it = |text: &SmolStr| matches!(missing, Missing::Text(own) if own == text);
                match (op.as_str(), &second.kind) {
                    ("==", ExprKind::Str(text)) => !is_it(text),
                    ("!=", ExprKind::Str(text)) => is_it(text),
                    ("in", ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts)) => {
                        parts.iter().all(|part| part.as_str().is_some_and(|text| !is_it(text)))
                    }
                    _ => false,
                }
            }
            _ => matches!(self.missing(test), Some(Missing::None)),
        }
    }

    /// What an expression is that looks up a field behind: the value that stands in for it.
    fn missing(&self, expr: &'v Expr) -> Option<Missing<'v>> {
        let expr = match expr.as_name() {
            Some(name) => self.assigned(name)?,
            None => expr,
        };
        let (func, args) = expr.as_call()?;
        let ExprKind::Attribute { value, name } = &func.kind else { return None };
        let is_told = match &value.kind {
            ExprKind::Attribute { value, name } => name.name == "data" && self.is_parameter(value),
            _ => self.is_parameter(value),
        };
        let asked = positional(args, 0)?.as_str()?;
        if name.name != "get" || !is_told || !self.behind.contains(&asked) {
            return None;
        }
        match positional(args, 1).map(|given| &given.kind) {
            None | Some(ExprKind::None) => Some(Missing::None),
            Some(ExprKind::Str(text)) => Some(Missing::Text(text)),
            Some(_) => None,
        }
    }

    /// What a variable is assigned, where that happens once.
    fn assigned(&self, name: &str) -> Option<&'v Expr> {
        match super::super::code::bindings_of(&self.def.body, name).as_slice() {
            [Some(value)] => Some(value),
            _ => None,
        }
    }

    /// Whether a name is a parameter behind the class and the value.
    fn is_parameter(&self, expr: &Expr) -> bool {
        expr.as_name().is_some_and(|name| self.def.params.iter().skip(2).any(|param| param.name.name == *name))
    }
}
