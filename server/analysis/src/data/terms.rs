//! Terms of SQL: conditions on columns, and what functions and operators make of columns.

use std::sync::Arc;

use smol_str::SmolStr;

use super::calls::Given;
use super::models::Model;
use super::value::{Abs, Mix, Predicate};

/// `first op second`: a condition for a query if one of them is a column, or made of one.
pub(super) fn compared(first: &Abs, op: &str, second: &Abs) -> Abs {
    match (first, second) {
        // `Task.user_id == Task.user_id` says nothing, `Task.list_id == List.id` joins.
        (Abs::Column(..), Abs::Column(..)) => Abs::Predicates(Arc::default()),
        (Abs::Column(model, column), other) | (other, Abs::Column(model, column)) => {
            condition(model, column, op == "==", other.clone())
        }
        (Abs::Predicates(_), _) | (_, Abs::Predicates(_)) => term([first, second]),
        _ => Abs::Other,
    }
}

/// Conditions of which one must hold.
pub(super) fn either(values: &[Abs]) -> Abs {
    let value = Mix::of(values).into_abs();
    Abs::Predicates(Arc::new(vec![Predicate { column: None, equal: true, value }]))
}

/// What SQL makes of columns together with values (`func.lower(Task.title)`): as a condition
/// it says nothing of whose a row is, unless the principal is in it, or something out of reach.
pub(super) fn term<'v>(parts: impl IntoIterator<Item = &'v Abs>) -> Abs {
    let value = Mix::of(parts).into_abs();
    Abs::Predicates(Arc::new(vec![Predicate { column: None, equal: may_narrow(&value), value }]))
}

/// A function of SQL: of values alone it makes another value.
pub(super) fn function(given: &[Given]) -> Abs {
    let of_columns = |value: &Abs| matches!(value, Abs::Column(..) | Abs::Predicates(_) | Abs::Statement(_));
    let values = || given.iter().map(|one| &one.value);
    if values().any(of_columns) { term(values()) } else { Mix::of(values()).into_abs() }
}

/// A method of a column.
pub(super) fn column_method(model: &Arc<Model>, column: &SmolStr, name: &str, given: &[Given]) -> Abs {
    match name {
        _ if is_read_as(name) => Abs::Column(Arc::clone(model), column.clone()),
        "desc" | "asc" | "label" | "cast" | "nulls_last" | "nullslast" | "nulls_first" | "nullsfirst" | "collate" => {
            Abs::Column(Arc::clone(model), column.clone())
        }
        // Rows of nobody.
        "is_" if matches!(given, [Given { value: Abs::Nothing, .. }]) => condition(model, column, true, Abs::Nothing),
        "is_" if matches!(given, [Given { value: Abs::Constant(Some(true)), .. }]) => {
            condition(model, column, false, Abs::Constant(Some(true)))
        }
        "is_not" | "isnot" | "not_in" | "notin_" | "is_distinct_from" => Abs::Predicates(Arc::default()),
        // It is called with what the column is compared with.
        "op" | "bool_op" => condition(model, column, false, Abs::Other),
        _ => {
            let value = Mix::of(given.iter().map(|one| &one.value)).into_abs();
            let equal = !matches!(name, "ilike" | "like" | "startswith" | "is_");
            condition(model, column, equal, value)
        }
    }
}

/// Whether a method says as what an entry of a JSON column is read (SQLAlchemy 2, `JSON.Comparator`).
fn is_read_as(name: &str) -> bool {
    matches!(name, "as_string" | "as_integer" | "as_float" | "as_numeric" | "as_boolean" | "as_json")
}

/// A method of a term.
pub(super) fn term_method(receiver: &Abs, name: &str, given: &[Given]) -> Abs {
    match name {
        _ if is_read_as(name) => receiver.clone(),
        "desc" | "asc" | "label" | "cast" | "nulls_last" | "nullslast" | "nulls_first" | "nullsfirst" => {
            receiver.clone()
        }
        _ => term(given.iter().map(|one| &one.value).chain([receiver])),
    }
}

/// An operator that the code names itself is called: `Task.title.op("~")(pattern)`.
pub(super) fn operator(predicates: &[Predicate], given: &[Given]) -> Abs {
    let value = Mix::of(given.iter().map(|one| &one.value)).into_abs();
    match predicates {
        [Predicate { column: Some((model, column)), .. }] => condition(model, column, may_narrow(&value), value),
        _ => term([&value]),
    }
}

fn condition(model: &Arc<Model>, column: &SmolStr, equal: bool, value: Abs) -> Abs {
    Abs::Predicates(Arc::new(vec![Predicate { column: Some((Arc::clone(model), column.clone())), equal, value }]))
}

/// Whether what a term is made of may leave only the principal's rows.
fn may_narrow(value: &Abs) -> bool {
    match value {
        Abs::Unknown => true,
        Abs::Mix(mix) => mix.principal || mix.unclear,
        _ => false,
    }
}
