//! Queries: how they are built, and what executing them touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::Use;
use super::calls::{Given, Spread};
use super::drivers;
use super::engine::Engine;
use super::execution::element;
use super::names;
use super::released::flag;
use super::upkeep::written_of;
use super::value::{Abs, Dump, Made, Mix, Object, Path, Predicate, Row, Statement, Verb};
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::Site;

/// Methods that end a query and give rows.
const ROWS: &[&str] = &[
    "all",
    "first",
    "one",
    "one_or_none",
    "scalar",
    "scalars",
    "scalar_one",
    "scalar_one_or_none",
    "fetchall",
    "fetchone",
    "fetchmany",
    "unique",
    "mappings",
    "partitions",
    "yield_per",
    "tuples",
    "last",
    "to_list",
    "first_or_none",
    "paginate",
];

/// Methods of a query that leave what it is about as it is.
const KEEPING: &[&str] = &[
    "order_by",
    "limit",
    "offset",
    "distinct",
    "group_by",
    "with_for_update",
    "execution_options",
    "select_from",
    "returning",
    "subquery",
    "cte",
    "alias",
    "scalar_subquery",
    "join",
    "outerjoin",
    "add_columns",
    "label",
    "as_scalar",
    "on_conflict_do_update",
    "on_conflict_do_nothing",
    "populate_existing",
    "correlate",
    "slice",
    "columns",
    "with_only_columns",
    "prefix_with",
    "enable_eagerloads",
    "reset_joinpoint",
    "having",
    "isouter",
    "sort",
    "skip",
];

/// Of the rows that a query gave, the first is taken.
fn take_first(path: &mut Path, given: &Abs, method: &str) {
    let takes = ["first", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "fetchone"].contains(&method);
    if let Abs::Row(id) = given
        && let Some(row) = path.rows.get_mut(id).filter(|_| takes)
    {
        row.first = true;
        // None is an exception.
        row.there |= matches!(method, "one" | "scalar_one");
    }
}

impl Statement {
    /// `.filter_by(column=value)`.
    fn demand(&mut self, column: &SmolStr, value: &Abs) {
        match &self.model {
            Some(model) => {
                let column = Some((Arc::clone(model), column.clone()));
                self.predicates.push(Predicate { column, equal: true, value: value.clone() });
            }
            None => self.unclear = true,
        }
    }

    /// `.values(title=…)`, `.values(**body.model_dump())`, `query.update({…})`.
    fn assign(&mut self, given: &[Given]) {
        for one in given {
            match (&one.name, one.spread, &one.value) {
                // How the session is to follow an `update`.
                (Some(name), Spread::No, _) if name == "synchronize_session" => {}
                (Some(column), _, value) => self.sets.push((column.clone(), value.clone())),
                (None, _, Abs::Dump(dump)) => {
                    self.sets.extend(dump.set.iter().cloned());
                    self.spread = Some(Arc::clone(dump));
                }
                (None, _, Abs::Map(entries)) => self.sets.extend(entries.iter().cloned()),
                _ => {}
            }
        }
    }
}

/// Whether what is selected is a column that names neither a row nor whose it is: `select(Booking.slot)`.
fn says_nothing_of_whose(selected: &Abs) -> bool {
    let Abs::Column(model, name) = selected else { return false };
    let column = model.columns.iter().find(|column| column.name == *name);
    let names_a_row = column.is_none_or(|column| column.primary || column.of_user || column.refers_to.is_some());
    !names_a_row && !model.is_user && !model.is_owner(name) && !names::is_password(name)
}

impl Engine<'_, '_> {
    /// `select(…)`, `update(…)`, `session.query(…)`.
    pub(super) fn statement(&mut self, verb: Verb, site: Site, given: &[Given]) -> Abs {
        let mut model = None;
        let mut unclear = false;
        for one in given.iter().filter(|one| one.name.is_none()) {
            match self.model_of(&one.value) {
                Some(found) => {
                    // The owned table among several is the one that matters.
                    let better = model.as_ref().is_none_or(|known: &Arc<super::models::Model>| known.owners.is_empty());
                    if better && (model.is_none() || !found.owners.is_empty()) {
                        model = Some(found);
                    }
                }
                None => unclear |= !matches!(one.value, Abs::Other | Abs::Predicates(_)),
            }
        }
        let unclear = unclear && model.is_none();
        let is_column = |one: &Given| matches!(one.value, Abs::Column(..));
        let is_made = |one: &Given| matches!(one.value, Abs::Other | Abs::Predicates(_));
        if given.iter().all(|one| is_column(one) || is_made(one)) && given.iter().any(is_made) {
            self.made_of_rows.insert(site);
        }
        let is_harmless = |one: &&Given| match &one.value {
            Abs::Column(_, column) => !names::is_password(column),
            _ => is_made(one),
        };
        let selected: Vec<&Given> = given.iter().filter(|one| one.name.is_none()).collect();
        if !selected.is_empty() && selected.iter().all(is_harmless) {
            self.columns_of_rows.insert(site);
        }
        if !selected.is_empty() && selected.iter().all(|one| says_nothing_of_whose(&one.value)) {
            self.of_nobody.insert(site);
        }
        let statement = Statement {
            verb,
            model,
            predicates: Vec::new(),
            unclear,
            ordered: false,
            sets: Vec::new(),
            spread: None,
            site,
            plain: false,
            refers: false,
        };
        Abs::Statement(Arc::new(statement))
    }

    /// A method of a query.
    pub(super) fn statement_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        statement: &Arc<Statement>,
        name: &str,
        args: &[Arg],
        given: &[Given],
    ) -> Abs {
        if statement.refers {
            return self.reference_method(path, expr, statement, name, given);
        }
        if statement.plain {
            return self.builder_method(path, expr, statement, name, given);
        }
        let mut next = Statement::clone(statement);
        match name {
            // `with_loader_criteria(Model, Model.user_id == me)`
            "options" => {
                for one in given {
                    if let Abs::Predicates(predicates) = &one.value {
                        next.predicates.extend(predicates.iter().cloned());
                    }
                }
            }
            "where" | "filter" => self.add_conditions(path, &mut next, args, given),
            // The condition of an inner join narrows like any other.
            "join" if !given.iter().any(|one| one.name.is_some()) => {
                for one in given.iter().skip(1) {
                    if let Abs::Predicates(predicates) = &one.value {
                        next.predicates.extend(predicates.iter().cloned());
                    }
                }
            }
            "filter_by" => {
                for (one, arg) in given.iter().zip(args) {
                    match (&one.name, one.spread, &one.value) {
                        (Some(column), _, value) => next.demand(column, value),
                        (None, Spread::Mapping, Abs::Map(entries)) if self.is_from_call(&arg.value) => {
                            entries.iter().for_each(|(column, value)| next.demand(column, value));
                        }
                        _ => next.unclear = true,
                    }
                }
            }
            "values" => next.assign(given),
            "get" | "get_or_404" if statement.model.is_some() => {
                let key = given.first().map_or(Abs::Unknown, |one| one.value.clone());
                let site = self.site(expr);
                return match statement.model.clone() {
                    Some(model) => self.row_by_key(path, model, key, site),
                    None => Abs::Unknown,
                };
            }
            "update" | "delete" if statement.verb == Verb::Select => {
                next.verb = if name == "update" { Verb::Update } else { Verb::Delete };
                next.assign(given);
                let site = self.site(expr);
                self.execute(path, &next, site);
                // How many rows it touched.
                return Abs::Other;
            }
            "count" | "exists" | "compile" => return Abs::Other,
            _ if ROWS.contains(&name) => {
                let site = self.site(expr);
                let given = self.execute(path, &next, site);
                take_first(path, &given, name);
                return given;
            }
            _ if KEEPING.contains(&name) => {
                next.ordered |= matches!(name, "order_by" | "sort");
                if name == "group_by" {
                    self.grouped.insert(statement.site);
                    self.note_kinds(statement.site, given);
                }
            }
            _ => {
                next.unclear = true;
            }
        }
        Abs::Statement(Arc::new(next))
    }

    /// A query gives something for each kind of rows, and not for each row or whoever it belongs to.
    fn note_kinds(&mut self, query: Site, by: &[Given]) {
        let tells_kind = |one: &Given| match &one.value {
            Abs::Column(model, column) => {
                !model.is_key(column)
                    && !model.names_user(column)
                    && !names::is_owner(column)
                    && !names::is_of_person(column)
            }
            value => matches!(value, Abs::Predicates(_) | Abs::Other | Abs::Text(_)),
        };
        if self.made_of_rows.contains(&query) && by.iter().all(tells_kind) {
            self.of_kinds.insert(query);
        }
    }

    /// Whether conditions are those that the function at hand was called with, and none that it
    /// has put together itself, as far as there is something to put.
    fn is_from_call(&self, conditions: &Expr) -> bool {
        let params = self.stack.last().map(|function| &function.def.params);
        let is_param =
            |name: &SmolStr| params.is_some_and(|params| params.iter().any(|param| param.name.name == *name));
        matches!(conditions.kind, ExprKind::Dict(_)) || conditions.as_name().is_some_and(is_param)
    }

    /// The arguments of `.where(…)`.
    fn add_conditions(&mut self, path: &mut Path, statement: &mut Statement, args: &[Arg], given: &[Given]) {
        for (one, arg) in given.iter().zip(args) {
            let values: Vec<Abs> = match (&one.value, one.spread) {
                (Abs::Items(items), Spread::Iterable) => items.to_vec(),
                (value, Spread::No) => vec![value.clone()],
                _ => vec![Abs::Unknown],
            };
            for value in values {
                match &value {
                    Abs::Predicates(predicates) => statement.predicates.extend(predicates.iter().cloned()),
                    Abs::Statement(_) => {
                        statement.predicates.push(Predicate { column: None, equal: true, value });
                    }
                    Abs::Column(model, column) => statement.predicates.extend(flag(model, column)),
                    Abs::Constant(_) => {}
                    Abs::Other => {
                        // What it does to the query is said once.
                        statement.unclear |= self.note_python_comparison(path, statement, &arg.value);
                    }
                    Abs::Mix(mix) if mix.principal => {
                        statement.predicates.push(Predicate { column: None, equal: true, value });
                    }
                    _ => statement.unclear = true,
                }
            }
        }
        self.tell_named(statement);
    }

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
