//! What a session of a database does with rows: it fetches them, by a key or a query, adds new ones, and deletes.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::Use;
use super::calls::Given;
use super::drivers;
use super::engine::Engine;
use super::execution::element;
use super::models::{Model, last_name};
use super::queries::{ROWS, take_first};
use super::upkeep::written_of;
use super::value::{Abs, Dump, Made, Mix, Object, Path, Predicate, Row, Statement, Verb};
use crate::auth::accounts;
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Resolve, Site};

impl Engine<'_, '_> {
    /// A row by its primary key.
    pub(super) fn row_by_key(
        &mut self,
        path: &mut Path,
        model: Arc<super::models::Model>,
        key: Abs,
        site: Site,
    ) -> Abs {
        let predicate =
            Predicate { column: Some((Arc::clone(&model), SmolStr::new_static("id"))), equal: true, value: key };
        let row = self.row(Some(model), vec![predicate], false, true, site);
        self.add_row(path, row)
    }

    fn row(
        &self,
        model: Option<Arc<super::models::Model>>,
        predicates: Vec<Predicate>,
        unclear: bool,
        by_key: bool,
        site: Site,
    ) -> Row {
        Row {
            model,
            predicates,
            unclear,
            checked: false,
            compared: None,
            hangs_on: Vec::new(),
            absent: false,
            found: false,
            there: false,
            looked: false,
            by_key,
            ordered: false,
            first: false,
            changed: None,
            touched: false,
            public: false,
            timed: false,
            upkeep: false,
            written: None,
            overwritten: None,
            site,
            calls: self.calls.clone(),
            called_back: self.in_callback,
        }
    }

    /// What is gone through: a query of a session is executed by that, as by `.all()`.
    pub(super) fn fetched_by_iterating(&mut self, path: &mut Path, items: Abs) -> Abs {
        match items {
            Abs::Statement(query) if query.verb == Verb::Select && !query.refers && !query.plain => {
                self.execute(path, &query, query.site)
            }
            items => items,
        }
    }

    /// Executes a query.
    pub(super) fn execute(&mut self, path: &mut Path, statement: &Statement, site: Site) -> Abs {
        let Some(model) = statement.model.clone() else {
            return if statement.unclear { Abs::Unknown } else { Abs::Other };
        };
        let key = |predicate: &Predicate| {
            predicate.equal
                && predicate.column.as_ref().is_some_and(|(of, column)| of.site == model.site && model.is_key(column))
        };
        let by_key = statement.predicates.iter().any(key);
        let place = if statement.verb == Verb::Select { statement.site } else { site };
        let mut row =
            self.row(Some(Arc::clone(&model)), statement.predicates.clone(), statement.unclear, by_key, place);
        row.ordered = statement.ordered;
        row.timed = row.predicates.iter().any(|predicate| predicate.asks_time_of(&model));
        // The same query gives the row again that was looked at: `if found.first().user_id != me.id: raise`.
        row.checked = by_key && path.rows.values().any(|known| known.checked && known.is_same_as(&row));
        self.note_write(statement.verb != Verb::Select);
        self.note_emptied(path, statement, &model, site);
        let mut kept = BTreeMap::new();
        match statement.verb {
            Verb::Select => {}
            Verb::Insert => {
                let fields = statement.sets.iter().cloned().collect();
                self.judge_creation(path, &model, &fields, statement.spread.as_ref(), site);
                if !self.guarded && !model.is_user {
                    let made =
                        Object { fields, ..Object::new(Made::Row(Arc::clone(&model)), model.name.clone(), site) };
                    self.add_object(path, made);
                }
                return Abs::Own;
            }
            Verb::Update | Verb::Delete => {
                row.site = site;
                // Who looked before it was changed did not look too late.
                row.changed = (!row.checked).then_some(site);
                // What a session is told is written when it commits.
                row.written = row.changed.filter(|_| statement.plain);
                let set: BTreeMap<SmolStr, Abs> = statement.sets.iter().cloned().collect();
                if row.changed.is_some() {
                    let written = statement.spread.iter().map(|dump| Abs::Dump(Arc::clone(dump)));
                    let written: Vec<Abs> = written.chain(set.values().cloned()).collect();
                    row.upkeep = self.note_upkeep(&row, None, &written_of(path, &written), site);
                }
                row.touched = !row.upkeep;
                if !path.doubt && !path.privileged {
                    set.iter().for_each(|(column, value)| self.note_password_of(path, &row, column, value, site));
                }
                set.iter().for_each(|(column, value)| self.note_standing_set(&model, column, value, site));
                kept = set.clone();
                self.judge_privileges(path, &model, &set, statement.spread.as_ref(), Use::Changes, site);
                self.note_links(path, &model, &set, statement.spread.as_ref(), site);
                if let Some(dump) = &statement.spread
                    && !statement.sets.iter().any(|(column, _)| model.is_owner(column))
                    && dump.fields.iter().any(|field| model.is_owner(field))
                {
                    row.overwritten = Some((Arc::clone(dump), site));
                }
            }
        }
        let changed = self.add_row(path, row);
        if let Abs::Row(id) = changed {
            kept.iter().for_each(|(column, value)| self.note_token_kept(path, id, column, value));
        }
        changed
    }

    /// A method on what a query gave.
    pub(super) fn row_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        id: u32,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        if ROWS.contains(&name) || matches!(name, "copy" | "keys" | "values" | "items") {
            take_first(path, &Abs::Row(id), name);
            return Some(Abs::Row(id));
        }
        if let ("get", Some(Abs::Text(key))) = (name, given.first().map(|one| &one.value)) {
            return Some(self.attribute(path, expr, &Abs::Row(id), &key.clone()));
        }
        match name {
            "count" | "rowcount" => Some(Abs::Other),
            // What is to be fetched with the row (Tortoise ORM).
            "prefetch_related" | "select_related" | "fetch_related" | "refresh_from_db" => Some(Abs::Row(id)),
            "sqlmodel_update" | "update" | "update_from_dict" => {
                let site = self.site(expr);
                let dump = given.first().and_then(|one| self.as_dump(path, &one.value, expr));
                let kept: Vec<SmolStr> = match given.iter().find(|one| one.name.as_deref() == Some("update")) {
                    Some(Given { value: Abs::Map(entries), .. }) => {
                        entries.iter().map(|(key, _)| key.clone()).collect()
                    }
                    _ => Vec::new(),
                };
                let written: Vec<Abs> = given.iter().map(|one| one.value.clone()).collect();
                self.change(path, id, site, &written_of(path, &written));
                if let Some(dump) = dump {
                    let dump = Arc::new(kept.iter().fold(dump, |dump, field| dump.without(field)));
                    let row = Abs::Row(id);
                    self.copy_fields(path, &row, &dump, site);
                }
                Some(Abs::Row(id))
            }
            "dict" | "model_dump" | "json" | "model_dump_json" | "to_dict" | "as_dict" => {
                Some(Mix::of([&Abs::Row(id)]).into_abs())
            }
            _ => None,
        }
    }

    /// A request model, or what was made of it.
    pub(super) fn as_dump(&mut self, path: &Path, value: &Abs, expr: &Expr) -> Option<Dump> {
        match value {
            Abs::Dump(dump) => Some(Dump::clone(dump)),
            Abs::Object(id) => self.dump(path, *id, expr),
            _ => None,
        }
    }

    /// `session.query(…)`, `session.exec(…)`, `session.add(…)`: told by what
    /// they are given. `None` when it is something else.
    pub(super) fn session_method(&mut self, path: &mut Path, expr: &Expr, name: &str, given: &[Given]) -> Option<Abs> {
        let first = given.first().map(|one| &one.value);
        let site = self.site(expr);
        match name {
            "query" => match self.statement(Verb::Select, site, given) {
                Abs::Statement(statement) if statement.model.is_some() || !statement.unclear => {
                    Some(Abs::Statement(statement))
                }
                _ => None,
            },
            "get" | "get_one" | "find" => {
                let model = match first {
                    Some(value @ Abs::Known(_)) => self.model_of(&value.clone()),
                    _ => None,
                }?;
                let key = given.get(1).map_or(Abs::Unknown, |one| one.value.clone());
                Some(self.row_by_key(path, model, key, site))
            }
            "exec" | "scalars" | "scalar" | "stream" | "stream_scalars" | "execute" | "fetch_all" | "fetch_one"
            | "fetch" | "fetchrow" | "fetchval" | "fetch_val" | "iterate" => match first {
                Some(Abs::Text(text)) if drivers::executes(name) => {
                    self.execute_text(path, &text.clone(), &given[1..], site)
                }
                Some(Abs::Statement(statement)) => {
                    let mut statement = Arc::clone(statement);
                    if statement.plain {
                        let values = match given.get(1).map(|one| &one.value) {
                            Some(Abs::Map(values)) => values.to_vec(),
                            _ => Vec::new(),
                        };
                        Arc::make_mut(&mut statement).bind(&values);
                    }
                    Some(self.execute(path, &statement, site))
                }
                _ => None,
            },
            "add" | "merge" | "add_all" => {
                let value = first?.clone();
                let values = match &value {
                    Abs::Items(items) => items.to_vec(),
                    other => vec![element(other)],
                };
                let mut known = false;
                for value in values {
                    match value {
                        Abs::Object(id) => {
                            self.created(path, id, site);
                            known = true;
                        }
                        Abs::Row(_) | Abs::Part(..) | Abs::Own => known = true,
                        _ => {}
                    }
                }
                known.then_some(value)
            }
            "delete" => match first {
                Some(Abs::Row(id) | Abs::Part(id, _)) => {
                    self.note_write(true);
                    self.change(path, *id, site, &Mix::default());
                    Some(Abs::Other)
                }
                Some(Abs::Own | Abs::Object(_)) => Some(Abs::Other),
                _ => None,
            },
            "commit" | "flush" if given.is_empty() => {
                self.note_write(path.rows.values().any(|row| row.changed.is_some()));
                for row in path.rows.values_mut() {
                    // Who looked before looked in time.
                    if row.changed.is_some() && row.written.is_none() && !row.checked {
                        row.written = Some(site);
                    }
                }
                Some(Abs::Other)
            }
            "refresh" | "rollback" | "begin" | "close" | "expunge" => Some(Abs::Other),
            _ => None,
        }
    }

    /// All rows of a table are deleted, whosever they are, for a caller who was asked for no right.
    fn note_emptied(&mut self, path: &Path, statement: &Statement, model: &Model, site: Site) {
        let is_all = statement.verb == Verb::Delete && statement.whole && !statement.unclear;
        let is_asked = path.privileged || path.doubt || self.in_right || self.in_dependency || self.in_later;
        if is_all && !is_asked && !self.stack.iter().any(|function| self.is_for_tests(function)) {
            self.data.empties.get_or_insert_with(|| (site, model.name.clone()));
        }
    }

    /// Whether the environment may decide whether a function goes on, or it takes back what it does.
    fn is_for_tests(&self, function: &FunctionRef) -> bool {
        let asks = |expr: &Expr| self.interpreter.names_environment(function, expr);
        holds_in(&function.def.body, &|stmt| match &stmt.kind {
            StmtKind::If { test, .. } => asks(test),
            StmtKind::Assert(test) => asks(test),
            StmtKind::Expr(expr) => {
                let callee = match &expr.kind {
                    ExprKind::Await(call) => call.as_call(),
                    _ => expr.as_call(),
                };
                callee.is_some_and(|(callee, _)| {
                    last_name(callee) == Some("rollback")
                        || accounts::called_function(self.interpreter, function, callee)
                            .is_some_and(|called| raises(&self.interpreter.current(&called).def.body) && asks(expr))
                })
            }
            _ => false,
        })
    }

    /// Whether what the handler does here, and no dependency for it, writes to the database.
    fn note_write(&mut self, writes: bool) {
        self.data.writes |= writes && !self.in_dependency;
    }

    /// An object was added to the session.
    pub(super) fn created(&mut self, path: &mut Path, id: u32, site: Site) {
        let Some(object) = path.objects.get(&id).cloned() else { return };
        let (model, spread) = match &object.made {
            Made::Row(model) => (Some(Arc::clone(model)), object.spread.clone()),
            // A table that serves as a request model.
            Made::Body(class) => {
                let fields = self.interpreter.fields_of(class);
                fields.iter().for_each(|field| self.note_harmless(class, &object.name, field));
                let spread = Dump {
                    body: object.name.clone(),
                    fields: self
                        .interpreter
                        .fields_of(class)
                        .into_iter()
                        .filter(|field| !object.fields.contains_key(field))
                        .collect(),
                    open: false,
                    set: Vec::new(),
                    site,
                };
                (self.model(class), Some(Arc::new(spread)))
            }
            Made::Instance(_) | Made::Buffer | Made::Drawn | Made::Signed => (None, None),
        };
        if let Some(model) = model {
            self.note_write(true);
            self.judge_creation(path, &model, &object.fields, spread.as_ref(), object.site);
        }
    }
}

/// Whether that holds of a statement of a body, or of one in it, clauses for what is raised there aside.
fn holds_in(body: &[Stmt], holds: &dyn Fn(&Stmt) -> bool) -> bool {
    body.iter().any(|stmt| {
        holds(stmt)
            || match &stmt.kind {
                StmtKind::Try { body, or_else, finally, .. } => {
                    [body, or_else, finally].into_iter().any(|block| holds_in(block, holds))
                }
                _ => stmt.blocks().into_iter().any(|block| holds_in(block, holds)),
            }
    })
}
