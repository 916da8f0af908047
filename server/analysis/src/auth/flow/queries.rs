//! What queries do: a row that one inserts was not there before, and proves nothing of what is put into it.

use smol_str::SmolStr;

use super::Flow;
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::Value;

/// Expressions inside each other, and variables, that are followed to a query.
const MAX_STEPS: u32 = 12;

impl Flow<'_, '_> {
    /// Whether a call is given a query that inserts.
    pub(super) fn inserts(&self, args: &[Arg]) -> bool {
        self.query_of(args).is_some_and(|does| does == "insert")
    }

    /// Whether a call is given a query that only reads.
    pub(super) fn selects(&self, args: &[Arg]) -> bool {
        self.query_of(args).is_some_and(|does| matches!(does.as_str(), "select" | "with"))
    }

    /// What the query does that a call is given: its first word, in lower case.
    fn query_of(&self, args: &[Arg]) -> Option<SmolStr> {
        let query = positional(args, 0).or_else(|| keyword(args, "query")).or_else(|| keyword(args, "statement"));
        self.first_word(query?, MAX_STEPS)
    }

    fn first_word(&self, query: &Expr, steps: u32) -> Option<SmolStr> {
        if steps == 0 {
            return None;
        }
        match &query.kind {
            ExprKind::Str(text) => word(text),
            ExprKind::FString(parts) => word(parts.first()?.as_str()?),
            ExprKind::Name(name) => {
                let own = assigned(&self.function().def.body, name);
                if own.is_empty() {
                    return match self.outer(query) {
                        Value::Str(text) => word(&text),
                        _ => None,
                    };
                }
                let mut words = own.into_iter().map(|value| self.first_word(value, steps - 1));
                let first = words.next()??;
                // `query = query.where(…)` goes on with what it was.
                words.all(|word| word.is_none_or(|word| word == first)).then_some(first)
            }
            // `text("INSERT …")`, `insert(Visit).values(…).returning(…)`
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, .. } if value.as_call().is_some() || value.as_name().is_some() => {
                    self.made_by(func, args, steps).or_else(|| self.first_word(value, steps - 1))
                }
                _ => self.made_by(func, args, steps),
            },
            _ => None,
        }
    }

    /// What a query does that a function of a package makes.
    fn made_by(&self, func: &Expr, args: &[Arg], steps: u32) -> Option<SmolStr> {
        let Value::Package(path) = self.outer(func) else { return None };
        let made = path.rsplit('.').find(|name| matches!(*name, "select" | "insert" | "update" | "delete" | "text"))?;
        match made {
            "text" => self.first_word(positional(args, 0)?, steps - 1),
            made => Some(SmolStr::new(made)),
        }
    }
}

/// The first word of a query.
fn word(query: &str) -> Option<SmolStr> {
    query.split_whitespace().next().map(|word| word.to_ascii_lowercase().into())
}
