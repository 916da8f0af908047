//! Rights in an order: `LEVELS[permission] < LEVELS["edit"]`. What a helper says that the caller may do is looked up for
//! its place in the order, and compared with the place of what is asked for.

use smol_str::SmolStr;

use super::engine::Engine;
use super::value::{Abs, Path};
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};
use crate::index::value::{Resolve, Value};

/// Variables that are looked through for a place.
const MAX_NAMES: u32 = 2;

impl Engine<'_, '_> {
    /// Whether a comparison of two places in an order holds, where both are known on a path.
    pub(super) fn ranks_compare(&mut self, path: &Path, first: &Expr, op: &str, second: &Expr) -> Option<bool> {
        if !matches!(op, "<" | "<=" | ">" | ">=") {
            return None;
        }
        if let Some(holds) = self.asks_for_lowest(path, first, op, second) {
            return Some(holds);
        }
        let (a, b) = (self.rank(path, first, 0)?, self.rank(path, second, 0)?);
        Some(match op {
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a >= b,
        })
    }

    /// Whether a comparison holds for every member of an enumeration, or for none: `Role[me.role] < Role.VIEWER`, where no
    /// member comes before that one, asks for nothing.
    fn asks_for_lowest(&self, path: &Path, first: &Expr, op: &str, second: &Expr) -> Option<bool> {
        let ExprKind::Subscript { value: class, .. } = &first.kind else { return None };
        let holds = match op {
            "<" => false,
            ">=" => true,
            _ => return None,
        };
        let is_local = |expr: &Expr| expr.as_name().is_some_and(|name| path.vars.contains_key(name));
        let function = self.stack.last().filter(|_| !is_local(class) && !is_local(second))?;
        let Value::Class(class) = self.interpreter.eval(function, class) else { return None };
        if !self.is_enum(&class) {
            return None;
        }
        let members = class.def.body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => assign.value.as_ref(),
            _ => None,
        });
        let places = members.map(|value| if let ExprKind::Int(place) = value.kind { Some(place) } else { None });
        let lowest = places.collect::<Option<Vec<i64>>>()?.into_iter().min()?;
        matches!(self.interpreter.eval(function, second), Value::Int(place) if place <= lowest).then_some(holds)
    }

    /// The place of a value in an order: a number, or what a table of numbers holds for a text that is known.
    fn rank(&mut self, path: &Path, expr: &Expr, depth: u32) -> Option<i64> {
        match &expr.kind {
            ExprKind::Int(number) => Some(*number),
            ExprKind::Subscript { value, index } => self.place(path, value, index)?,
            ExprKind::Call { func, args } => {
                let ExprKind::Attribute { value, name } = &func.kind else { return None };
                let key = positional(args, 0).filter(|_| name.name == "get")?;
                match self.place(path, value, key)? {
                    Some(place) => Some(place),
                    None => self.rank(path, positional(args, 1)?, MAX_NAMES),
                }
            }
            ExprKind::Name(name) if depth < MAX_NAMES => {
                let function = self.stack.last()?.clone();
                match assigned(&function.def.body, name).as_slice() {
                    [value] => self.rank(path, value, depth + 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a table of numbers holds for a key, if both are known. Under no text there is nothing.
    fn place(&mut self, path: &Path, table: &Expr, key: &Expr) -> Option<Option<i64>> {
        let function = self.stack.last()?.clone();
        let key = match self.eval(&mut path.clone(), key) {
            Abs::Text(key) => key,
            Abs::Nothing => SmolStr::default(),
            _ => return None,
        };
        let written = match (&table.kind, table.as_name()) {
            (ExprKind::Dict(_), _) => vec![table],
            (_, Some(name)) => assigned(&function.def.body, name),
            _ => Vec::new(),
        };
        let found =
            |entries: Vec<(SmolStr, i64)>| entries.into_iter().find(|(known, _)| *known == key).map(|one| one.1);
        match written.as_slice() {
            [Expr { kind: ExprKind::Dict(entries), .. }] => {
                let mut known = Vec::new();
                for (key, value) in entries {
                    let (Some(key), ExprKind::Int(number)) = (key, &value.kind) else { return None };
                    let Abs::Text(key) = self.eval(&mut path.clone(), key) else { return None };
                    known.push((key, *number));
                }
                Some(found(known))
            }
            [] => match self.interpreter.eval(&function, table) {
                Value::Dict(entries) => {
                    let entry = |(key, value): &(Value, Value)| match (key, value) {
                        (Value::Str(key), Value::Int(number)) => Some((key.clone(), *number)),
                        _ => None,
                    };
                    Some(found(entries.iter().map(entry).collect::<Option<_>>()?))
                }
                _ => None,
            },
            _ => None,
        }
    }
}
