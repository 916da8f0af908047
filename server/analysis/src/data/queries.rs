//! Queries: how they are built.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::{Given, Spread};
use super::engine::Engine;
use super::names;
use super::released::flag;
use super::value::{Abs, Path, Predicate, Statement, Verb};
use crate::facts::python::idioms::puts_together;
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::Site;

/// Methods that end a query and give rows.
pub(super) const ROWS: &[&str] = &[
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
pub(super) fn take_first(path: &mut Path, given: &Abs, method: &str) {
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
    pub(super) fn assign(&mut self, given: &[Given]) {
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
            whole: true,
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
        if statement.model.as_ref().is_some_and(|model| model.awaited)
            && let Some(value) = self.record_query_method(path, expr, statement, name, given)
        {
            return value;
        }
        let mut next = Statement::clone(statement);
        next.whole &= matches!(name, "delete" | "execution_options" | "returning");
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
                        (None, Spread::Mapping, Abs::Map(entries)) if self.are_known(&arg.value) => {
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
    pub(super) fn note_kinds(&mut self, query: Site, by: &[Given]) {
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

    /// Whether all conditions in a dictionary are known: those that the function at hand was called with, or that it has put
    /// together itself, key by key.
    fn are_known(&self, conditions: &Expr) -> bool {
        let Some(function) = self.stack.last() else { return false };
        let is_param = |name: &SmolStr| function.def.params.iter().any(|param| param.name.name == *name);
        matches!(conditions.kind, ExprKind::Dict(_))
            || conditions.as_name().is_some_and(|name| is_param(name) || puts_together(&function.def.body, name))
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
    }
}
