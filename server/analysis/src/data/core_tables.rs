//! Tables of SQLAlchemy Core: `notes = Table("notes", metadata, Column("user_id", ForeignKey("users.id")))`, whose columns
//! are `notes.c.user_id` (SQLAlchemy 2.0, "Describing Databases with MetaData").

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::models::{Column, Model};
use super::value::{Abs, Known, Verb};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::{Instance, Value};

/// What a package's class is called, if a value is an instance of one of SQLAlchemy's.
fn class_of(instance: &Instance) -> Option<&str> {
    let Value::Package(class) = &instance.class else { return None };
    class.starts_with("sqlalchemy.").then(|| class.rsplit('.').next()).flatten()
}

/// The part of a table that holds its columns.
fn holds_columns(name: &str) -> bool {
    matches!(name, "c" | "columns")
}

impl Engine<'_, '_> {
    /// The table that an instance is.
    pub(super) fn core_table(&mut self, value: &Value) -> Option<Arc<Model>> {
        let Value::Instance(table) = value else { return None };
        if class_of(table) != Some("Table") {
            return None;
        }
        if let Some(known) = self.models.get(&table.site) {
            return known.clone();
        }
        let name = table.args.positional.first().map(|name| self.interpreter.force(name.clone()));
        let Some(Value::Str(name)) = name else { return None };
        let columns = table.args.positional.iter().skip(2).filter_map(|part| self.core_column(part)).collect();
        let mut model = Model {
            site: table.site,
            name: name.clone(),
            table: name,
            is_user: false,
            owners: Vec::new(),
            columns,
            relations: Vec::new(),
            others: None,
            awaited: false,
        };
        model.find_owners(self.interpreter.sources().owner_names(), &self.callers);
        let model = Some(Arc::new(model));
        self.models.insert(table.site, model.clone());
        model
    }

    /// `Column("user_id", ForeignKey("users.id"))`.
    fn core_column(&self, part: &Value) -> Option<Column> {
        let Value::Instance(column) = self.interpreter.force(part.clone()) else { return None };
        if class_of(&column) != Some("Column") {
            return None;
        }
        let text = |value: Option<&Value>| match value.map(|value| self.interpreter.force(value.clone())) {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        };
        let name = text(column.args.get("name", Some(0)))?;
        let refers_to = column.args.positional.iter().find_map(|part| {
            let Value::Instance(key) = self.interpreter.force(part.clone()) else { return None };
            let reference = text(key.args.get("column", Some(0)).filter(|_| class_of(&key) == Some("ForeignKey")))?;
            // `schema.table.column`
            reference.rsplit('.').nth(1).map(SmolStr::new)
        });
        let primary = matches!(column.args.get("primary_key", None), Some(Value::Bool(true)));
        let required = matches!(column.args.get("nullable", None), Some(Value::Bool(false)));
        Some(Column { name, refers_to, of_user: false, primary, required })
    }

    /// `notes.c.user_id`, `notes.c["user_id"]`, where a name outside of the function leads to the table.
    pub(super) fn column_of_core(&mut self, expr: &Expr) -> Option<Abs> {
        let (columns, name) = match &expr.kind {
            ExprKind::Attribute { value, name } => (value, &name.name),
            ExprKind::Subscript { value, index } => (value, index.as_str()?),
            _ => return None,
        };
        let ExprKind::Attribute { value: table, name: held } = &columns.kind else { return None };
        let table = holds_columns(&held.name).then(|| self.outer(table))?;
        let model = self.core_table(&table)?;
        model.has(name).then(|| Abs::Column(model, name.clone()))
    }

    /// The same of a table that a variable holds: `table.c` is as good as the table.
    pub(super) fn part_of_core(&mut self, table: &Value, name: &SmolStr) -> Option<Abs> {
        let model = self.core_table(table)?;
        if model.has(name) {
            return Some(Abs::Column(model, name.clone()));
        }
        holds_columns(name).then(|| Abs::Known(Known(table.clone())))
    }

    /// `notes.select()`, `notes.update()`.
    pub(super) fn core_method(&mut self, expr: &Expr, table: &Value, name: &str, given: &[Given]) -> Option<Abs> {
        let verb = match name {
            "select" => Verb::Select,
            "insert" => Verb::Insert,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            "alias" | "join" | "outerjoin" => {
                return self.core_table(table).map(|_| Abs::Known(Known(table.clone())));
            }
            _ => return None,
        };
        self.core_table(table)?;
        let site = self.site(expr);
        let statement = self.statement(verb, site, &[Given::plain(Abs::Known(Known(table.clone())))]);
        // `notes.update(notes.c.id == note_id)`, of SQLAlchemy before 2.0, is narrowed by what it is given.
        match given {
            [] => Some(statement),
            _ => None,
        }
    }
}
