//! What queries do: a row that one inserts was not there before, and proves nothing of what is put into it.

use smol_str::SmolStr;

use super::super::sources::holds_token;
use super::{Abs, Flow, Path, root_name};
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::Value;

/// The step of a proof at which a token of the body is looked up.
pub(super) const TOKEN_LOOKED_UP: &str = "the token that the client sends is looked up here";

/// Expressions that are looked at for one query.
const MAX_STEPS: u32 = 64;

/// A look for what a query does.
struct Look {
    /// Expressions that may still be looked at.
    left: u32,
    /// Variables that are being followed: `query = query.where(…)` goes on with what it was.
    names: Vec<SmolStr>,
}

impl Flow<'_, '_> {
    /// Whether a call is given a query that inserts.
    pub(super) fn inserts(&self, args: &[Arg]) -> bool {
        self.query_of(args).is_some_and(|does| does == "insert")
    }

    /// Whether a call is given a query that only reads.
    pub(super) fn selects(&self, args: &[Arg]) -> bool {
        self.query_of(args).is_some_and(|does| matches!(does.as_str(), "select" | "with"))
    }

    /// Whether a call asks for rows by a token that a field of the client's body holds: `Invite.token == body.token`,
    /// `get_or_none(token_hash=digest(body.token))`. Who has none finds none. A store that `keeps_entries` has no columns:
    /// `await cache.get(f"signup:{body.token}")`.
    pub(super) fn is_asked_by_token(&mut self, path: &Path, args: &[Arg], keeps_entries: bool) -> bool {
        let mut asked = Vec::new();
        for arg in args {
            match (&arg.name, &arg.value.kind) {
                (Some(name), _) => asked.push((Some(&name.name), &arg.value)),
                (None, ExprKind::Compare { first, rest }) => {
                    let [(op, second)] = rest.as_slice() else { return false };
                    if op != "==" {
                        return false;
                    }
                    asked.extend([(column_of(first), second), (column_of(second), &**first)]);
                }
                (None, ExprKind::Dict(entries)) => {
                    asked.extend(entries.iter().map(|(key, value)| (key.as_ref().and_then(Expr::as_str), value)));
                }
                (None, _) => asked.push((None, &arg.value)),
            }
        }
        // Where entries are kept by a key, that is all there is to ask by.
        if let ([(None, key)], true) = (asked.as_slice(), keeps_entries) {
            return self.eval(&mut path.clone(), key) == Abs::Secret;
        }
        let mut by_token = false;
        // What stands there of no variable is a column.
        let is_value = |value: &Expr| root_name(value).is_none_or(|root| path.get(root).is_some());
        for (column, value) in asked.into_iter().filter(|(_, value)| is_value(value)) {
            if self.eval(&mut path.clone(), value) == Abs::Secret {
                if !column.is_some_and(|column| holds_token(column)) {
                    return false;
                }
                by_token = true;
            }
        }
        by_token
    }

    /// What the query does that a call is given: its first word, in lower case.
    fn query_of(&self, args: &[Arg]) -> Option<SmolStr> {
        let query = positional(args, 0).or_else(|| keyword(args, "query")).or_else(|| keyword(args, "statement"));
        let mut look = Look { left: MAX_STEPS, names: Vec::new() };
        // What was not looked at may do something else.
        self.first_word(query?, &mut look).filter(|_| look.left > 0)
    }

    fn first_word(&self, query: &Expr, look: &mut Look) -> Option<SmolStr> {
        look.left = look.left.checked_sub(1)?;
        match &query.kind {
            ExprKind::Str(text) => word(text),
            ExprKind::FString(parts) => word(parts.first()?.as_str()?),
            ExprKind::Name(name) if look.names.contains(name) => None,
            ExprKind::Name(name) => {
                let own = assigned(&self.function().def.body, name);
                if own.is_empty() {
                    return match self.outer(query) {
                        Value::Str(text) => word(&text),
                        _ => None,
                    };
                }
                look.names.push(name.clone());
                let words: Vec<Option<SmolStr>> = own.into_iter().map(|value| self.first_word(value, look)).collect();
                look.names.pop();
                let mut words = words.into_iter();
                let first = words.next()??;
                words.all(|word| word.is_none_or(|word| word == first)).then_some(first)
            }
            // `text("INSERT …")`, `insert(Visit).values(…).returning(…)`
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, .. } if value.as_call().is_some() || value.as_name().is_some() => {
                    self.made_by(func, args, look).or_else(|| self.first_word(value, look))
                }
                _ => self.made_by(func, args, look),
            },
            _ => None,
        }
    }

    /// What a query does that a function of a package makes.
    fn made_by(&self, func: &Expr, args: &[Arg], look: &mut Look) -> Option<SmolStr> {
        let Value::Package(path) = self.outer(func) else { return None };
        let made = path.rsplit('.').find(|name| matches!(*name, "select" | "insert" | "update" | "delete" | "text"))?;
        match made {
            "text" => self.first_word(positional(args, 0)?, look),
            made => Some(SmolStr::new(made)),
        }
    }
}

/// The column that a condition names: `Invite.token`.
fn column_of(expr: &Expr) -> Option<&SmolStr> {
    match &expr.kind {
        ExprKind::Attribute { name, .. } => Some(&name.name),
        _ => None,
    }
}

/// The first word of a query.
fn word(query: &str) -> Option<SmolStr> {
    query.split_whitespace().next().map(|word| word.to_ascii_lowercase().into())
}
