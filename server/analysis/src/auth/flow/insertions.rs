//! Queries that insert: a row that was not there before proves nothing of what is put into it.

use super::Flow;
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::Value;

/// Expressions inside each other, and variables, that are followed to a query.
const MAX_STEPS: u32 = 12;

impl Flow<'_, '_> {
    /// Whether a call is given a query that inserts.
    pub(super) fn inserts(&self, args: &[Arg]) -> bool {
        let query = positional(args, 0).or_else(|| keyword(args, "query"));
        query.is_some_and(|query| self.is_insertion(query, MAX_STEPS))
    }

    fn is_insertion(&self, query: &Expr, steps: u32) -> bool {
        if steps == 0 {
            return false;
        }
        match &query.kind {
            ExprKind::Str(text) => begins_with_insert(text),
            ExprKind::FString(parts) => {
                parts.first().and_then(Expr::as_str).is_some_and(|text| begins_with_insert(text))
            }
            ExprKind::Name(name) => {
                let own = assigned(&self.function().def.body, name);
                match own.is_empty() {
                    true => matches!(self.outer(query), Value::Str(text) if begins_with_insert(&text)),
                    false => own.into_iter().all(|value| self.is_insertion(value, steps - 1)),
                }
            }
            // `text("INSERT …")`, `insert(Visit).values(…).returning(…)`
            ExprKind::Call { func, args } => match (&func.kind, self.outer(func)) {
                (_, Value::Package(path)) => match path.rsplit('.').next() {
                    Some("text") => positional(args, 0).is_some_and(|text| self.is_insertion(text, steps - 1)),
                    Some("insert") => true,
                    _ => false,
                },
                (ExprKind::Attribute { value, .. }, _) => self.is_insertion(value, steps - 1),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether a query inserts, by its first word.
fn begins_with_insert(query: &str) -> bool {
    query.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("insert"))
}
