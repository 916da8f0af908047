//! References of Firestore to collections and documents (google-cloud-firestore 2), and what is asked of them.
//!
//! `client.collection("notes").document(key)` refers to the row with that key, `where("user_id", "==", me)` to some. What is kept
//! in a collection below a document belongs to that one.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::stores::any_of;
use super::value::{Abs, Path, Predicate, Statement, Verb};
use crate::facts::python::tree::{Expr, ExprKind, keyword, positional};
use crate::index::value::Site;

/// The key of a document, as one of its columns.
const KEY: &str = "id";

impl Engine<'_, '_> {
    /// `client.collection("notes")`.
    pub(super) fn referred(&mut self, collection: &str, site: Site) -> Statement {
        Statement { refers: true, ..self.plain_statement(Verb::Select, collection, site) }
    }

    /// A method of a reference, or of a query that was made of one.
    pub(super) fn reference_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        reference: &Statement,
        name: &str,
        given: &[Given],
    ) -> Abs {
        let site = self.site(expr);
        let mut next = reference.clone();
        let first = given.first().map(|one| &one.value);
        match (name, first) {
            ("document", Some(key)) => next.narrow(&SmolStr::new_static(KEY), key),
            // One that is new has a key that Firestore makes up.
            ("document", None) => next.verb = Verb::Insert,
            ("collection", Some(Abs::Text(below))) => return self.below(reference, below, site),
            ("where", _) => self.demand(path, expr, &mut next, given),
            ("get" | "stream" | "get_all", _) => return self.execute(path, &next, site),
            ("add" | "create", Some(value)) => return self.write(path, Verb::Insert, next, value, site),
            ("set", Some(value)) => {
                let verb = if is_named_by_client(reference) { Verb::Update } else { Verb::Insert };
                return self.write(path, verb, next, value, site);
            }
            ("update", Some(value)) => return self.write(path, Verb::Update, next, value, site),
            ("delete", _) => {
                next.verb = Verb::Delete;
                return self.execute(path, &next, site);
            }
            ("order_by", _) => next.ordered = true,
            (
                "limit" | "limit_to_last" | "offset" | "select" | "start_at" | "start_after" | "end_at" | "end_before",
                _,
            ) => {}
            // Other stores have collections, too: `db.collection("notes").find_one({…})`.
            _ => match target(expr).and_then(|target| self.store_method(path, expr, target, name, given)) {
                Some(value) => return value,
                None => next.unclear = true,
            },
        }
        Abs::Statement(Arc::new(next))
    }

    fn write(&mut self, path: &mut Path, verb: Verb, mut statement: Statement, value: &Abs, site: Site) -> Abs {
        statement.verb = verb;
        statement.set(value);
        self.execute(path, &statement, site)
    }

    /// `.where("user_id", "==", me)`, `.where(filter=FieldFilter("user_id", "==", me))`.
    fn demand(&mut self, path: &mut Path, expr: &Expr, query: &mut Statement, given: &[Given]) {
        let condition: Vec<Abs> = match given {
            [_, _, _] => given.iter().map(|one| one.value.clone()).collect(),
            _ => {
                let filter =
                    expr.as_call().and_then(|(_, args)| keyword(args, "filter").or_else(|| positional(args, 0)));
                let parts = filter.and_then(Expr::as_call).map(|(_, args)| args);
                parts.into_iter().flatten().map(|arg| self.eval(path, &arg.value)).collect()
            }
        };
        match condition.as_slice() {
            [Abs::Text(column), Abs::Text(op), value] if op == "==" => query.narrow(column, value),
            [Abs::Text(column), Abs::Text(op), values] if op == "in" => query.narrow(column, &any_of(values)),
            // What is in a list of a document may be the caller.
            [Abs::Text(_), Abs::Text(op), _] if !op.starts_with("array") => {}
            _ => query.unclear = true,
        }
    }

    /// The collection of that name below a document: its rows hang on that one, or are whose it is, where that is a user's.
    fn below(&mut self, document: &Statement, name: &str, site: Site) -> Abs {
        let mut statement = self.referred(name, site);
        statement.unclear = document.unclear;
        let is_key = |asked: &&Predicate| asked.column.as_ref().is_some_and(|(_, column)| column == KEY);
        let keys = document.predicates.iter().filter(is_key);
        let parent = document.model.as_ref().map(|model| match model.is_user {
            true => SmolStr::new_static("user_id"),
            false => SmolStr::new(format!("{}_id", model.table.trim_end_matches('s'))),
        });
        for (key, column) in keys.zip(parent) {
            statement.narrow(&column, &key.value);
        }
        Abs::Statement(Arc::new(statement))
    }
}

/// What a method is called on.
fn target(call: &Expr) -> Option<&Expr> {
    match &call.as_call()?.0.kind {
        ExprKind::Attribute { value, .. } => Some(value),
        _ => None,
    }
}

/// Whether the client says which document is referred to.
fn is_named_by_client(reference: &Statement) -> bool {
    reference.predicates.iter().any(|asked| matches!(asked.value, Abs::Client(_)))
}
