//! Code that would refuse a default, and never does.
//!
//! A key that must be longer than the default is no shorter where it is the default.
//!
//! Pydantic 1 and 2 validate the fields of a model in their order. What a validator is told of the others (`info.data`,
//! `values`) holds those that come before: one that asks for a field behind its own never finds it.

use smol_str::SmolStr;

use super::super::code::last_name;
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Function, Stmt, StmtKind, positional};

/// Whether a validator of a field refuses nothing: it only does so by a field that it does not see, or not this default.
pub(super) fn never_refuses(class: &[Stmt], validator: &Stmt, field: &str, default: Option<&str>) -> bool {
    let StmtKind::Function(def) = &validator.kind else { return false };
    let is_decorated = |names: &[&str]| {
        def.decorators.iter().any(|decorator| {
            let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
            last_name(callee).is_some_and(|name| names.contains(&name.as_str()))
        })
    };
    let is_value = |expr: &Expr| expr.as_name().is_some_and(|name| Some(name) == parameter(def, 1));
    let is_attribute = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => name.name == field && value.as_name() == parameter(def, 0),
        _ => false,
    };
    let is_of_others = |test: &Expr| reads_others(test, parameter(def, 0), field);
    let behind = fields_behind(class, field);
    let held = |is_it| default.map(|text| Held { is_it, text });
    let look = if is_decorated(&["field_validator", "validator"]) {
        Look { def: Some(def), behind: &behind, held: held(&is_value), others: None }
    } else if is_decorated(&["model_validator"]) {
        Look { def: Some(def), behind: &[], held: held(&is_attribute), others: Some(&is_of_others) }
    } else {
        return false;
    };
    !look.may_raise(&def.body)
}

/// Whether a statement that fails depending on a variable goes on where that holds the text of this default.
pub(super) fn passes(stmt: &Stmt, is_it: &dyn Fn(&Expr) -> bool, default: Option<&str>) -> bool {
    let held = default.map(|text| Held { is_it, text });
    !Look { def: None, behind: &[], held, others: None }.may_raise(std::slice::from_ref(stmt))
}

/// Whether an expression is made of other attributes of an object than this one, and of what stands there.
fn reads_others(expr: &Expr, object: Option<&SmolStr>, field: &str) -> bool {
    match &expr.kind {
        ExprKind::Attribute { value, name } if value.as_name() == object => name.name != field,
        // `self.mail.secret_key`
        ExprKind::Attribute { value, .. } if matches!(value.kind, ExprKind::Attribute { .. }) => {
            reads_others(value, object, field)
        }
        ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::None => true,
        ExprKind::Not(_)
        | ExprKind::BoolOp { .. }
        | ExprKind::Compare { .. }
        | ExprKind::List(_)
        | ExprKind::Tuple(_)
        | ExprKind::Set(_) => expr.children().into_iter().all(|part| reads_others(part, object, field)),
        // `self.address.strip()`, `len(self.address)`; a method of the object itself may look at anything.
        ExprKind::Call { func, args } => {
            let of_other = match &func.kind {
                ExprKind::Attribute { value, .. } => value.as_name() != object && reads_others(value, object, field),
                ExprKind::Name(name) => matches!(name.as_str(), "len" | "bool" | "str" | "int"),
                _ => false,
            };
            of_other && args.iter().all(|arg| reads_others(&arg.value, object, field))
        }
        _ => false,
    }
}

fn parameter(def: &Function, at: usize) -> Option<&SmolStr> {
    def.params.get(at).map(|param| &param.name.name)
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
    /// The validator.
    def: Option<&'v Function>,
    /// The fields that it does not see.
    behind: &'v [&'v SmolStr],
    held: Option<Held<'v>>,
    /// Whether a condition asks for nothing but other fields.
    others: Option<&'v dyn Fn(&Expr) -> bool>,
}

/// What is asked about, and the text that it is.
struct Held<'v> {
    is_it: &'v dyn Fn(&Expr) -> bool,
    text: &'v str,
}

impl Held<'_> {
    /// Whether a comparison is one with the text that never holds: `len(key) < 32`, `key == "other"`, `key in ("", "other")`.
    fn never_holds(&self, first: &Expr, op: &str, second: &Expr) -> bool {
        let is_other = |text: &SmolStr| text != self.text;
        match &first.kind {
            _ if (self.is_it)(first) => match (op, &second.kind) {
                ("==", ExprKind::Str(text)) => is_other(text),
                ("!=", ExprKind::Str(text)) => !is_other(text),
                ("is" | "==", ExprKind::None) => true,
                ("in", ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts)) => {
                    parts.iter().all(|part| part.as_str().is_some_and(is_other))
                }
                _ => false,
            },
            ExprKind::Call { func, args } => {
                let measured = positional(args, 0).is_some_and(|one| (self.is_it)(one));
                let is_length = measured && func.as_name().is_some_and(|name| name == "len");
                let ExprKind::Int(bound) = second.kind else { return false };
                let length = self.text.chars().count() as i64;
                is_length
                    && match op {
                        "<" => length >= bound,
                        "<=" => length > bound,
                        "==" => length != bound,
                        "!=" => length == bound,
                        _ => false,
                    }
            }
            _ => false,
        }
    }
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
            // What it raises is about something else.
            StmtKind::If { test, body, or_else } if self.others.is_some_and(|others| others(test)) => {
                let nested = |stmt: &&Stmt| !matches!(stmt.kind, StmtKind::Raise { .. });
                let may_raise = |stmt| self.may_raise(std::slice::from_ref(stmt));
                body.iter().chain(or_else).filter(nested).any(may_raise)
            }
            StmtKind::If { body, or_else, .. } => self.may_raise(body) || self.may_raise(or_else),
            _ => raises(std::slice::from_ref(stmt)),
        })
    }

    /// Whether a test never holds, as it asks for a field that is not there.
    fn never_holds(&self, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::BoolOp { and: true, values } => values.iter().any(|value| self.never_holds(value)),
            ExprKind::BoolOp { and: false, values } => values.iter().all(|value| self.never_holds(value)),
            ExprKind::Not(inner) => self.held.as_ref().is_some_and(|held| (held.is_it)(inner) && !held.text.is_empty()),
            ExprKind::Compare { first, rest } => {
                let [(op, second)] = rest.as_slice() else { return false };
                if self.held.as_ref().is_some_and(|held| held.never_holds(first, op, second)) {
                    return true;
                }
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
        match super::super::code::bindings_of(&self.def?.body, name).as_slice() {
            [Some(value)] => Some(value),
            _ => None,
        }
    }

    /// Whether a name is a parameter behind the class and the value.
    fn is_parameter(&self, expr: &Expr) -> bool {
        let params = self.def.map_or(&[][..], |def| &def.params);
        expr.as_name().is_some_and(|name| params.iter().skip(2).any(|param| param.name.name == *name))
    }
}
