//! Drizzle 0.45: what chooses the rows that a query reads, changes or makes.
//!
//! A table is known by its name, `table(note)`, and a query names its table where that is given: in
//! `db.update(notes).set(…).where(…)` it is `drizzle().update(note).set().where`. Conditions are objects of the columns
//! that they ask for.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::requests::option;
use crate::frontend::rows::{Chosen, Does};
use crate::frontend::value::{ObjectKind, PackageName, Value};

/// The package; drivers and dialects are behind a slash.
const PACKAGE: &str = "drizzle-orm";

/// Conditions that hold where a column equals a value, or one of several.
const EQUALS: &[&str] = &["eq", "inArray"];
/// Conditions that compare a column with a value in other ways.
const COMPARES: &[&str] =
    &["gt", "gte", "lt", "lte", "like", "ilike", "between", "arrayContains", "arrayContained", "arrayOverlaps"];
/// Conditions that leave out little.
const LEAVES_OUT: &[&str] = &["ne", "notInArray", "isNull", "isNotNull", "notLike", "notIlike", "notBetween"];

/// Steps that name the table of a query.
const NAMES: &[&str] = &["from", "update", "delete", "insert"];

fn is_drizzle(package: &PackageName) -> bool {
    package.package.strip_prefix(PACKAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The table whose rows a query gives.
pub(in crate::frontend) fn model(package: &PackageName) -> Option<&str> {
    if !is_drizzle(package) {
        return None;
    }
    let of_query = || package.path.split(".query.").nth(1)?.split('.').next();
    table_in(&package.path).or_else(of_query)
}

/// The table that a step of a chain names.
fn table_in(path: &str) -> Option<&str> {
    NAMES.iter().find_map(|step| {
        let (_, rest) = path.split_once(&format!(".{step}("))?;
        rest.split(')').next().filter(|table| !table.is_empty())
    })
}

/// A function of a package is called: perhaps a step that reads, changes or makes rows.
pub(in crate::frontend) fn watch(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) {
    if !is_drizzle(package) {
        return;
    }
    let path = &*package.path;
    let Some((chain, method)) = path.rsplit_once('.') else { return };
    if matches!(method, "execute" | "run" | "all" | "batch") && !arguments.values.is_empty() {
        return session.watch_handed_on(arguments);
    }
    if method == "from" {
        if let Some(table) = table_of(&arguments.get(0)) {
            session.note_listed(&table, "select", here);
        }
        return;
    }
    let Some(table) = model(package).map(SmolStr::new) else { return };
    match method {
        "innerJoin" | "leftJoin" | "rightJoin" | "fullJoin" => {
            let on = session.chosen_columns(&arguments.get(1));
            if on.is_none_or(|on| on.iter().any(|(_, by)| *by == Chosen::Other)) {
                session.doubt_rows();
            }
        }
        "where" => {
            session.take_back_listed(here);
            let (does, step) = match chain {
                chain if chain.contains(".update(") => (Does::Changes, "update"),
                chain if chain.contains(".delete(") => (Does::Changes, "delete"),
                _ => (Does::Reads, "select"),
            };
            let conditions = session.chosen_columns(&arguments.get(0));
            session.watch_access((&table, step), does, conditions, here);
        }
        "values" if chain.contains(".insert(") => {
            let columns = session.chosen_columns(&arguments.get(0));
            session.watch_access((&table, "insert"), Does::Makes, columns, here);
        }
        "findFirst" | "findMany" => {
            session.watch_related(&arguments.get(0));
            let conditions = conditions(session, package, &table, &arguments.get(0), here);
            session.watch_access((&table, method), Does::Reads, conditions, here);
        }
        _ => {}
    }
}

/// The conditions of `{ where: … }`, which may be a function of the table and the operators.
fn conditions(
    session: &mut Session<'_>,
    package: &PackageName,
    table: &str,
    options: &Value,
    here: Place,
) -> Option<Vec<(SmolStr, Chosen)>> {
    match option(session, options, "where") {
        Value::Undefined => Some(Vec::new()),
        Value::Function(closure) => {
            let table = Value::package(&package.package, &format!("table({table})"));
            let given = [table, Value::package(PACKAGE, "")];
            let wanted = session.call_closure(&closure, &given, Some((here, false)));
            session.chosen_columns(&wanted)
        }
        wanted => session.chosen_columns(&wanted),
    }
}

/// A function of the package is called: a table, a condition, or a step of a query.
pub(super) fn call(
    session: &mut Session<'_>,
    package: &PackageName,
    arguments: &Arguments,
    here: Place,
) -> Option<Value> {
    if !is_drizzle(package) {
        return None;
    }
    let path = &*package.path;
    let first = arguments.get(0);
    let last = path.rsplit('.').next().unwrap_or(path);
    match path {
        _ if last.ends_with("Table") || last.ends_with("TableCreator()") || last == "table" => {
            let name = first.known_text().unwrap_or_default().replace(['.', '(', ')'], "_");
            Some(Value::package(&package.package, &format!("table({name})")))
        }
        "and" | "or" => Some(joined(session, arguments, here)),
        "not" => Some(condition(session, None, here)),
        _ if EQUALS.contains(&path) || COMPARES.contains(&path) => {
            let (column, value) = match column_of(&first) {
                Some(column) => (column, arguments.get(1)),
                None => (column_of(&arguments.get(1))?, first),
            };
            // Two columns are the same: how rows of two tables belong together, whosesoever they are.
            let is_column = column_of(&value).is_some();
            Some(condition(session, (!is_column).then_some((column, value)), here))
        }
        _ if LEAVES_OUT.contains(&path) => Some(condition(session, None, here)),
        _ if last == "transaction" => {
            let Value::Function(closure) = first else { return None };
            let client = Value::package(&package.package, path.strip_suffix(".transaction")?);
            Some(session.call_closure(&closure, &[client], Some((here, false))))
        }
        _ if NAMES.contains(&last) => {
            let table = table_of(&first)?;
            Some(Value::package(&package.package, &format!("{path}({table})")))
        }
        _ => None,
    }
}

/// The table that a value is: `table(note)`.
fn table_of(value: &Value) -> Option<SmolStr> {
    let Value::Package(package) = value else { return None };
    package.path.strip_prefix("table(")?.strip_suffix(')').map(SmolStr::new)
}

/// The column that a value is: `table(note).userId`.
fn column_of(value: &Value) -> Option<SmolStr> {
    let Value::Package(package) = value else { return None };
    let (table, column) = package.path.rsplit_once('.')?;
    (is_drizzle(package) && table.starts_with("table(")).then(|| column.into())
}

/// A condition of one column, or of none that matters.
fn condition(session: &mut Session<'_>, of: Option<(SmolStr, Value)>, here: Place) -> Value {
    let id = session.store.object(ObjectKind::Conditions, here);
    of.into_iter().for_each(|(column, value)| session.store.set(id, &column, value));
    Value::Object(id)
}

/// Several conditions: whatever chooses by one of them has a say.
fn joined(session: &mut Session<'_>, arguments: &Arguments, here: Place) -> Value {
    let mut all: BTreeMap<SmolStr, Vec<Value>> = BTreeMap::new();
    let mut open = arguments.open;
    for value in arguments.values.iter().flat_map(Value::alternatives) {
        match value {
            Value::Object(id) if session.store.get(*id).kind == ObjectKind::Conditions => {
                let one = session.store.get(*id);
                open |= one.open;
                for (column, value) in &one.entries {
                    all.entry(column.clone()).or_default().push(value.clone());
                }
            }
            value if value.is_missing() => {}
            _ => open = true,
        }
    }
    let id = session.store.object(ObjectKind::Conditions, here);
    all.into_iter().for_each(|(column, values)| session.store.set(id, &column, Value::any(values)));
    if open {
        session.store.open(id);
    }
    Value::Object(id)
}
