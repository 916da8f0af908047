//! Entries of dictionaries that code goes through one by one: conditions that a helper of the project puts into a query.

use std::sync::Arc;

use smol_str::SmolStr;

use super::execution::Engine;
use super::value::{Abs, Statement};
use crate::facts::python::tree::{Comprehension, Expr, ExprKind};

impl Engine<'_, '_> {
    /// Goes through one entry. Gives how many were gone through before.
    pub(super) fn enter_entry(&mut self, entry: &Abs) -> usize {
        let outer = self.gone_through.len();
        if let Abs::Items(pair) = entry
            && let [Abs::Text(key), value] = pair.as_slice()
        {
            self.gone_through.push((key.clone(), value.clone()));
        }
        outer
    }

    /// Whether a value is what an entry holds of the principal or of a row. Code that leaves out what is not there
    /// (`if value is None: continue`) is made for conditions that may be left out, and not for callers who are nobody.
    pub(super) fn is_gone_through(&self, value: &Abs) -> bool {
        matches!(value, Abs::Principal(_) | Abs::Part(..)) && self.gone_through.iter().any(|(_, held)| held == value)
    }

    /// `query.is_(column, "null")`. Where the column and what it is compared with are gone through together, it stands
    /// for that: `query.is_(key, "null") if value is None else query.eq(key, value)`.
    pub(super) fn demand_nothing(&self, statement: &mut Statement, column: &SmolStr) {
        let entry = self.gone_through.iter().rev().find(|(key, _)| key == column);
        match entry {
            Some((_, value)) => statement.narrow(column, value),
            None if statement.model.as_ref().is_some_and(|model| model.is_owner(column)) => {
                statement.narrow(column, &Abs::Nothing);
            }
            None => {}
        }
    }
}

/// Whether a comprehension copies the entries of a dictionary, all or those whose values
/// are of some kind: `{key: value for key, value in d.items() if value is not None}`.
fn copies_entries(comprehension: &Comprehension) -> bool {
    let ([clause], Some(value)) = (comprehension.clauses.as_slice(), &comprehension.value) else { return false };
    let ExprKind::Tuple(names) = &clause.target.kind else { return false };
    let [key, entry] = names.as_slice() else { return false };
    let (Some(key), Some(entry)) = (key.as_name(), entry.as_name()) else { return false };
    let asks_key = |condition: &Expr| {
        let mut pending = vec![condition];
        while let Some(expr) = pending.pop() {
            if expr.as_name() == Some(key) {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    };
    comprehension.element.as_name() == Some(key)
        && value.as_name() == Some(entry)
        && !clause.conditions.iter().any(asks_key)
}

/// What a comprehension gives that copies the entries of a dictionary: those that hold `None` are the ones that it leaves
/// out, where it leaves out any.
pub(super) fn copied(comprehension: &Comprehension, items: &Abs) -> Option<Abs> {
    match items {
        _ if !copies_entries(comprehension) => None,
        Abs::Dump(_) => Some(items.clone()),
        Abs::Items(pairs) => {
            let all = comprehension.clauses.iter().all(|clause| clause.conditions.is_empty());
            let entry = |pair: &Abs| match pair {
                Abs::Items(pair) => match pair.as_slice() {
                    [Abs::Text(key), value] => Some((key.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            };
            let entries: Option<Vec<(SmolStr, Abs)>> = pairs.iter().map(entry).collect();
            let kept = entries?.into_iter().filter(|(_, value)| all || *value != Abs::Nothing);
            Some(Abs::Map(Arc::new(kept.collect())))
        }
        _ => None,
    }
}
