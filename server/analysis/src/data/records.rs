//! Queries of Tortoise ORM (1.1): the class of a table begins them, keywords say their conditions, and who awaits or
//! goes through one executes it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::engine::{Engine, Exit};
use super::models::Model;
use super::queries::take_first;
use super::stores::any_of;
use super::value::{Abs, Path, Predicate, Statement, Verb};
use crate::facts::python::tree::Expr;
use crate::index::value::{ClassRef, Site};

/// Methods of a query that leave what it is about as it is.
const KEEPING: &[&str] = &[
    "all",
    "only",
    "values_list",
    "values",
    "prefetch_related",
    "select_related",
    "using_db",
    "select_for_update",
    "force_index",
    "use_index",
];

/// Methods by which a class begins a query.
const BEGINNING: &[&str] = &[
    "filter",
    "exclude",
    "all",
    "first",
    "last",
    "latest",
    "earliest",
    "get",
    "get_or_none",
    "annotate",
    "select_for_update",
    "exists",
];

/// What a keyword asks of its column, behind `__`: all else is a path to another table.
const QUESTIONS: &[&str] = &[
    "not",
    "not_in",
    "range",
    "gt",
    "gte",
    "lt",
    "lte",
    "isnull",
    "not_isnull",
    "contains",
    "icontains",
    "startswith",
    "istartswith",
    "endswith",
    "iendswith",
    "search",
    "date",
    "year",
    "month",
    "quarter",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "microsecond",
    "filter",
    "contained_by",
    "posix_regex",
    "iposix_regex",
];

impl Statement {
    /// One keyword of a condition: `user_id=…`, `user=…`, `id__in=…`, `project__user_id=…`.
    fn ask(&mut self, keyword: &str, value: &Abs) {
        let Some(model) = self.model.clone() else { return };
        let (column, question) = keyword.rsplit_once("__").map_or((keyword, ""), |(column, asked)| (column, asked));
        let value = if question == "in" { any_of(value) } else { value.clone() };
        match question {
            "" | "in" | "iexact" if !column.contains("__") => {
                let column = Some((Arc::clone(&model), model.stored_as(column)));
                self.predicates.push(Predicate { column, equal: true, value });
            }
            _ if QUESTIONS.contains(&question) => {}
            // A column of a table that it refers to.
            _ => self.predicates.push(Predicate { column: None, equal: true, value }),
        }
    }

    fn ask_all(&mut self, given: &[Given]) {
        for one in given {
            match (&one.name, one.spread, &one.value) {
                (Some(name), _, _) if name == "using_db" => {}
                (Some(keyword), _, value) => self.ask(keyword, value),
                (None, Spread::Mapping, Abs::Map(entries)) => {
                    entries.iter().for_each(|(keyword, value)| self.ask(keyword, value));
                }
                _ => self.unclear = true,
            }
        }
    }
}

impl Engine<'_, '_> {
    /// A method of a class whose rows fetch and write themselves.
    pub(super) fn record_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        class: &Arc<ClassRef>,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        let model = self.model(class).filter(|model| model.awaited)?;
        let site = self.site(expr);
        let mut statement = Statement { plain: false, ..self.plain_statement(Verb::Select, &model.name, site) };
        statement.model = Some(model);
        if name == "create" {
            statement.verb = Verb::Insert;
            statement.assign(given);
            return Some(self.execute(path, &statement, site));
        }
        BEGINNING.contains(&name).then(|| self.record_query_method(path, expr, &statement, name, given))?
    }

    /// A method of a query, where it is not what SQLAlchemy calls so.
    pub(super) fn record_query_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        statement: &Statement,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        let site = self.site(expr);
        let mut next = Statement::clone(statement);
        match name {
            "filter" => next.ask_all(given),
            "get" | "get_or_none" | "first" | "last" | "latest" | "earliest" => {
                next.ask_all(if name.starts_with("get") { given } else { &[] });
                let row = self.execute(path, &next, site);
                take_first(path, &row, if name == "get" { "one" } else { "first" });
                return Some(row);
            }
            // Whether the caller has one is what membership is asked by; of others it says no more than that.
            "exists" => {
                next.ask_all(given);
                let of_caller = next.predicates.iter().any(|asked| asked.value.parts(path).principal);
                return Some(if of_caller { self.execute(path, &next, site) } else { Abs::Other });
            }
            "exclude" if given.iter().all(|one| one.name.is_some()) => {}
            "annotate" => {
                self.made_of_rows.insert(statement.site);
            }
            "group_by" => {
                self.grouped.insert(statement.site);
                let columns: Vec<Given> = given.iter().map(|one| in_column(one, statement.model.as_ref())).collect();
                self.note_kinds(statement.site, &columns);
            }
            _ if KEEPING.contains(&name) => {}
            _ => return None,
        }
        Some(Abs::Statement(Arc::new(next)))
    }

    /// What an expression gives to whom awaits it, or goes through it.
    pub(super) fn eval_awaited(&mut self, path: &mut Path, expr: &Expr) -> Abs {
        let value = self.eval(path, expr);
        let site = self.site(expr);
        self.awaited(path, value, site)
    }

    /// What comes of awaiting a value, or of going through it: a query is executed.
    fn awaited(&mut self, path: &mut Path, value: Abs, site: Site) -> Abs {
        match &value {
            Abs::Statement(statement) if statement.model.as_ref().is_some_and(|model| model.awaited) => {
                self.execute(path, &Arc::clone(statement), site)
            }
            _ => value,
        }
    }

    /// What comes of awaiting on each way.
    pub(super) fn awaited_each(&mut self, exits: Vec<Exit>, site: Site) -> Vec<Exit> {
        let mut awaited = Vec::with_capacity(exits.len());
        for (mut path, value) in exits {
            let value = self.awaited(&mut path, value, site);
            awaited.push((path, value));
        }
        awaited
    }
}

/// A column that is called by its name.
fn in_column(given: &Given, model: Option<&Arc<Model>>) -> Given {
    match (&given.value, model) {
        (Abs::Text(column), Some(model)) => {
            Given::plain(Abs::Column(Arc::clone(model), SmolStr::new(model.stored_as(column))))
        }
        (value, _) => Given::plain(value.clone()),
    }
}
