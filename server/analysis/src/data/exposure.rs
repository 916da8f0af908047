//! Rows of the users that routes give out as they are, passwords with them.

use smol_str::SmolStr;

use super::engine::Engine;
use super::models::Model;
use super::names;
use super::shared::Shared;
use super::value::{Abs, Made, Path, Row};
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// A column that holds passwords, or hashes of them, and that a route answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The class of the users.
    pub table: SmolStr,
    /// The column.
    pub column: SmolStr,
    /// The handler's name.
    pub handler: Site,
    /// Whether the row is the caller's own.
    pub own: bool,
    /// The model of the answer that has the column, too, if one says what the answer is made of.
    pub shape: Option<SmolStr>,
}

impl Engine<'_, '_> {
    /// Whole rows of the users are given out.
    pub(super) fn note_users(&mut self, path: &Path, returned: &Abs) {
        match returned {
            Abs::Row(id) => {
                let is_whole = |row: &&Shared<Row>| !row.absent && !self.columns_of_rows.contains(&row.site);
                let Some(row) = path.rows.get(id).filter(is_whole) else { return };
                let own = row.checked || row.predicates.iter().any(|predicate| self.narrows(path, predicate, 0));
                if let Some(model) = row.model.clone().filter(|model| model.is_user && !path.privileged) {
                    self.data.gives_users = Some(model.name.clone());
                    self.expose(&model, own);
                }
            }
            Abs::Principal(part) if part.is_empty() => {
                if let Some(model) = self.principal_table() {
                    self.expose(&model, true);
                }
            }
            // Whoever signs up gets what was made of it.
            Abs::Object(id) if !self.guarded => {
                let made = path.objects.get(id).map(|object| object.made.clone());
                if let Some(Made::Row(model)) = made.filter(|made| matches!(made, Made::Row(model) if model.is_user)) {
                    self.expose(&model, true);
                }
            }
            Abs::Items(items) => items.iter().for_each(|item| self.note_users(path, item)),
            Abs::Map(entries) => entries.iter().for_each(|(_, value)| self.note_users(path, value)),
            _ => self.note_shaped_users(path, returned),
        }
    }

    /// What is given out was made of rows of the users, and the model of the answer has the column, too:
    /// `UserRead.model_validate(user)`.
    fn note_shaped_users(&mut self, path: &Path, returned: &Abs) {
        let Some(handler) = self.route.function().filter(|_| !path.privileged) else { return };
        let rows = returned.parts(path).rows;
        let is_whole = |row: &Row| !row.absent && !self.columns_of_rows.contains(&row.site);
        let of_users = |row: &&Shared<Row>| is_whole(row) && row.model.as_ref().is_some_and(|model| model.is_user);
        let rows: Vec<Shared<Row>> = rows.iter().filter_map(|id| path.rows.get(id)).filter(of_users).cloned().collect();
        for row in rows {
            let Some(model) = row.model.clone() else { continue };
            let Some(column) = model.columns.iter().find(|column| names::is_password(&column.name)) else { continue };
            let handler = self.interpreter.current(handler);
            let args = self.registered(&handler).unwrap_or_default();
            let declared = keyword(args, "response_model").or(handler.def.returns.as_ref());
            if declared.is_some_and(|declared| self.has_column(&handler, declared, &column.name)) {
                let own = row.checked || row.predicates.iter().any(|predicate| self.narrows(path, predicate, 0));
                self.expose(&model, own);
            }
        }
    }

    /// Whether an annotation names a model of the answer, and not a table, that has a column.
    fn has_column(&mut self, handler: &FunctionRef, annotation: &Expr, column: &str) -> bool {
        let mut pending = vec![annotation];
        while let Some(expr) = pending.pop() {
            if let Value::Class(class) = self.interpreter.eval_signature(handler, expr)
                && self.model(&class).is_none()
                && self.interpreter.fields_of(&class).iter().any(|field| field == column)
            {
                return true;
            }
            pending.extend(expr.children());
        }
        false
    }

    /// What a handler is registered with.
    fn registered<'h>(&self, handler: &'h FunctionRef) -> Option<&'h [Arg]> {
        handler.def.decorators.iter().find_map(|decorator| {
            let (func, args) = decorator.as_call()?;
            matches!(self.interpreter.eval_signature(handler, func), Value::RouterMethod(..)).then_some(args)
        })
    }

    fn expose(&mut self, model: &Model, own: bool) {
        let column = model.columns.iter().find(|column| names::is_password(&column.name));
        let Some(column) = column.filter(|_| self.data.exposes.as_ref().is_none_or(|known| known.own && !own)) else {
            return;
        };
        let Some(handler) = self.route.function() else { return };
        let handler = self.interpreter.current(handler);
        if let Some(shape) = self.sent_whole(&handler, &column.name) {
            let (table, column) = (model.name.clone(), column.name.clone());
            self.data.exposes = Some(Exposed { table, column, handler: handler.site, own, shape });
        }
    }

    /// Whether FastAPI sends what a handler gives with all of its columns, which are still there: nothing
    /// says what the answer is made of (`response_model`, or from FastAPI 0.89 on
    /// the annotation), or it is the table itself, or a model that has the column, too, which is given then.
    fn sent_whole(&mut self, handler: &FunctionRef, column: &str) -> Option<Option<SmolStr>> {
        let args = self.registered(handler)?;
        let declared = keyword(args, "response_model").or(handler.def.returns.as_ref());
        match declared.filter(|declared| !self.says_nothing(handler, declared)) {
            None if declared.is_none() => {
                let is_plain = args.iter().all(|arg| arg.name.is_some() || arg.value.as_str().is_some());
                (is_plain && !self.gives_expired(handler)).then_some(None)
            }
            None => (!self.gives_expired(handler)).then_some(None),
            Some(model) => self.names_users(handler, model, column),
        }
    }

    /// Whether what is declared of an answer says nothing of what it is made of: `None`, `Any`.
    fn says_nothing(&self, handler: &FunctionRef, declared: &Expr) -> bool {
        let is_any = |value: &Value| matches!(value, Value::Package(path) if path == "typing.Any");
        declared.kind == ExprKind::None || is_any(&self.interpreter.eval_signature(handler, declared))
    }

    /// Whether an annotation names the class of the users, `list[User]`, or a model
    /// of the answer that has the column, which is given then.
    fn names_users(&mut self, handler: &FunctionRef, annotation: &Expr, column: &str) -> Option<Option<SmolStr>> {
        let mut pending = vec![annotation];
        while let Some(expr) = pending.pop() {
            if let Value::Class(class) = self.interpreter.eval_signature(handler, expr) {
                if self.model(&class).is_some_and(|model| model.is_user) {
                    return Some(None);
                }
                if self.interpreter.fields_of(&class).iter().any(|field| field == column) {
                    return Some(Some(class.def.name.name.clone()));
                }
            }
            pending.extend(expr.children());
        }
        None
    }
}
