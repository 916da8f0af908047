//! Calls of packages: the query language of SQLAlchemy, and what of Python's
//! own functions hands a value on.

use std::sync::Arc;

use smol_str::SmolStr;

use super::asks::is_group_of_caller;
use super::calls::{Given, Spread, last_of};
use super::engine::Engine;
use super::execution::element;
use super::later;
use super::names;
use super::terms::{either, function, term};
use super::tools;
use super::types::is_instance;
use super::upkeep::{is_clock, is_clock_of_sql};
use super::value::{Abs, Known, Mix, Path, Predicate, Verb};
use crate::auth::accounts::is_password_check;
use crate::auth::only_wraps;
use crate::facts::python::tree::Expr;
use crate::index::value::Value;

/// Whose password is compared is who calls: the row that holds it was looked at.
fn known_by_password(path: &mut Path, given: &[Given]) {
    let kept = |one: &Given| match &one.value {
        Abs::Part(row, column) if names::is_password(column) => vec![*row],
        // `user.password_hash.encode()`
        Abs::Mix(mix) => mix.rows.iter().copied().collect(),
        _ => Vec::new(),
    };
    for id in given.iter().flat_map(kept) {
        if let Some(row) = path.rows.get_mut(&id)
            && row.changed.is_none()
            && row.model.as_ref().is_some_and(|model| model.is_user)
        {
            row.checked = true;
        }
    }
}

/// A list of tuples with these parts.
fn tuples(parts: &[Abs]) -> Abs {
    Abs::Items(Arc::new(vec![Abs::Items(Arc::new(parts.to_vec()))]))
}

impl Engine<'_, '_> {
    /// Something of a package is called.
    pub(super) fn package(&mut self, path: &mut Path, expr: &Expr, package: &str, given: &[Given]) -> Abs {
        let site = self.site(expr);
        let first = given.first().map(|one| &one.value);
        let database = ["sqlmodel", "sqlalchemy"].iter().any(|name| package.starts_with(name));
        let last = last_of(package);
        if database {
            if package.contains(".func.") || package.contains(".sql.functions") {
                return match last {
                    _ if is_clock_of_sql(last, given) => Abs::Clock,
                    // All that there is of a column in one value.
                    "array_agg" | "json_agg" | "jsonb_agg" | "string_agg" | "group_concat" | "listagg" => {
                        let column = given.iter().map(|one| &one.value).find(|value| matches!(value, Abs::Column(..)));
                        column.cloned().unwrap_or_else(|| function(given))
                    }
                    _ => function(given),
                };
            }
            let verb = match last {
                "select" => Some(Verb::Select),
                "update" => Some(Verb::Update),
                "delete" => Some(Verb::Delete),
                "insert" => Some(Verb::Insert),
                "exists" => Some(Verb::Select),
                _ => None,
            };
            if let Some(verb) = verb {
                return self.statement(verb, site, given);
            }
            return match last {
                "and_" => {
                    let conditions = given.iter().flat_map(|one| match (&one.value, one.spread) {
                        (Abs::Items(items), Spread::Iterable) => items.to_vec(),
                        (value, _) => vec![value.clone()],
                    });
                    let all = conditions.flat_map(|condition| match condition {
                        Abs::Predicates(predicates) => predicates.to_vec(),
                        value => vec![Predicate { column: None, equal: true, value }],
                    });
                    Abs::Predicates(Arc::new(all.collect()))
                }
                "or_" => either(&given.iter().map(|one| one.value.clone()).collect::<Vec<_>>()),
                "not_" => Abs::Predicates(Arc::default()),
                "col" | "cast" | "aliased" | "desc" | "asc" | "type_coerce" | "lower" => {
                    first.cloned().unwrap_or(Abs::Unknown)
                }
                "text" => match first {
                    Some(Abs::Text(text)) => self.sql(&text.clone(), site),
                    _ => Abs::Unknown,
                },
                "with_loader_criteria" => match given.get(1).map(|one| one.value.clone()) {
                    Some(Abs::Local(closure)) => {
                        let table = Given { name: None, spread: Spread::No, value: given[0].value.clone() };
                        let exits = self.call_closure(path.clone(), site, &closure, vec![table]);
                        self.settle(path, exits)
                    }
                    Some(value) => value,
                    None => Abs::Unknown,
                },
                "case" | "extract" | "nullif" | "collate" | "literal_column" => {
                    term(given.iter().map(|one| &one.value))
                }
                _ => Abs::Other,
            };
        }
        if only_wraps(package) {
            return first.cloned().unwrap_or(Abs::Nothing);
        }
        if is_clock(package) {
            return Abs::Clock;
        }
        if package == "datetime.timedelta" {
            // A length is nothing by itself, and no proof of anything.
            return match Mix::of(given.iter().map(|one| &one.value)).into_abs() {
                Abs::Other => Abs::Constant(None),
                length => length,
            };
        }
        if matches!(package, "os.putenv" | "os.environ.setdefault")
            && let [key, value] = given
        {
            let environment = Abs::Known(Known(Value::Package(SmolStr::new_static("os.environ"))));
            self.note_environment(path, expr, &environment, &key.value, &value.value);
        }
        if later::holds_tasks(package) {
            return later::tasks(&SmolStr::new(package));
        }
        if let Some(tool) = tools::made_tool(package, given) {
            return tool;
        }
        if later::is_task(package) {
            self.add_task(path, expr, given);
            return Abs::Other;
        }
        if let Some(tasks) = package.strip_suffix(".add_task")
            && later::holds_tasks(tasks)
        {
            self.add_task(path, expr, given);
            return Abs::Nothing;
        }
        if is_password_check(package) {
            known_by_password(path, given);
        }
        if let Some(buffer) = self.buffer(path, package, given, site) {
            return buffer;
        }
        // A request model as a dictionary: `dict(data)`, `jsonable_encoder(data)`.
        if matches!(last, "dict" | "vars" | "jsonable_encoder")
            && let [Given { value: Abs::Object(id), name: None, .. }, ..] = given
            && let Some(dump) = self.dump(path, *id, expr)
        {
            return Abs::Dump(Arc::new(dump));
        }
        // `dict(body.model_dump(), company_id=me.company_id)`
        if last == "dict"
            && let Some(Abs::Dump(dump)) = first
        {
            let named: Vec<(SmolStr, Abs)> =
                given.iter().filter_map(|one| Some((one.name.clone()?, one.value.clone()))).collect();
            return Abs::Dump(Arc::new(dump.with(&named)));
        }
        match last {
            "set" | "list" if given.is_empty() && package.starts_with("builtins.") => Abs::Items(Arc::default()),
            // Whether there is one says nothing of it.
            "bool" if matches!(first, Some(Abs::Row(_) | Abs::Own)) => Abs::Other,
            "set" | "list" | "tuple" | "sorted" | "frozenset" | "next" | "iter"
                if first.is_some_and(|first| matches!(first, Abs::Client(_) | Abs::Request(_))) =>
            {
                first.into_iter().for_each(|first| self.note_cut(first));
                first.cloned().unwrap_or(Abs::Other)
            }
            "str" | "int" | "float" | "Decimal" | "bool" | "UUID" | "ObjectId" | "PydanticObjectId" | "list"
            | "set" | "tuple" | "sorted" | "reversed" | "iter" | "next" | "cast" | "deepcopy" | "copy" | "dict"
            | "unquote" | "unquote_plus" | "fromisoformat" => {
                let at = usize::from(last == "cast" && package.starts_with("typing"));
                given.get(at).map_or(Abs::Other, |one| one.value.clone())
            }
            // What a loop over them takes apart.
            "enumerate" => tuples(&[Abs::Other, first.map_or(Abs::Other, element)]),
            "zip" => tuples(&given.iter().map(|one| element(&one.value)).collect::<Vec<_>>()),
            "loads" if matches!(first, Some(Abs::Request(_))) => first.cloned().unwrap_or(Abs::Unknown),
            // What the handler reads of it is taken for what the guard put there.
            "hasattr" if matches!(first, Some(Abs::Request(part)) if part == "state") && self.guarded => {
                Abs::Constant(Some(true))
            }
            "filter" => match given {
                [Given { value: Abs::Local(closure), .. }, Given { value: items, .. }] => {
                    self.filtered(path, expr, &Arc::clone(closure), items)
                }
                _ => Mix { unclear: true, ..Mix::of(given.iter().map(|one| &one.value)) }.into_abs(),
            },
            "isinstance" if package.starts_with("builtins.") => match given {
                [value, class] => is_instance(&value.value, &class.value),
                _ => Abs::Other,
            },
            "any" | "all" => first.map_or(Abs::Other, |asked| self.asked_of_all(path, asked)),
            "hasattr" | "issubclass" => match given {
                [asked, of, ..] => self.asked_of_class(path, last, &asked.value, &of.value),
                _ => Abs::Other,
            },
            "len" | "print" | "sum" | "range" | "type" | "getLogger" | "HTTPException" | "id" => Abs::Other,
            // Of a password it is made of that.
            "hash" if package.starts_with("builtins.") => Abs::Other,
            "getattr" => match (first.cloned(), given.get(1).map(|one| &one.value)) {
                (Some(object), Some(Abs::Text(name))) => {
                    let name = name.clone();
                    self.attribute(path, expr, &object, &name)
                }
                (Some(object), _) => object.parts(path).into_abs(),
                _ => Abs::Unknown,
            },
            "setattr" => {
                if let [object, key, value, ..] = given {
                    let value = value.value.clone();
                    match &key.value {
                        Abs::Text(name) => self.set_attribute(path, expr, &object.value, &name.clone(), &value),
                        Abs::DumpKey(dump) | Abs::Dump(dump) => {
                            let object = object.value.clone();
                            self.copy_fields(path, &object, dump, site);
                        }
                        _ => self.set_attribute(path, expr, &object.value, &SmolStr::default(), &value),
                    }
                }
                Abs::Nothing
            }
            "paginate" => match given.iter().find_map(|one| match &one.value {
                Abs::Statement(statement) => Some(Arc::clone(statement)),
                _ => None,
            }) {
                Some(statement) => self.execute(path, &statement, site),
                None => Abs::Unknown,
            },
            _ => {
                self.hand_out(path, None, given);
                self.note_secrets_shown(path, package, None, given);
                self.note_provider_asked(path, expr, package, given);
                let mut mix = Mix::default();
                for one in given {
                    let parts = one.value.parts(path).into_abs();
                    mix.add(&parts);
                }
                if mix.principal && (self.in_root || mix.is_of_caller() && names::reads_token(last)) {
                    return Abs::Principal(SmolStr::default());
                }
                if mix.principal && names::is_check(last) && !package.starts_with("builtins.") {
                    path.doubt = true;
                }
                mix.unclear = true;
                let made = mix.into_abs();
                self.token(path, package, given, &made, site).unwrap_or(made)
            }
        }
    }

    /// What `any(…)` and `all(…)` say: whether the principal has something in particular, where nothing but what it is,
    /// or is in, was asked; of other rows nobody knows.
    fn asked_of_all(&self, path: &Path, asked: &Abs) -> Abs {
        // Who verifies a token looks whether it has all claims.
        let is_claim = |value: &Abs| matches!(value, Abs::Principal(part) if !names::is_authority(part));
        if self.in_root && matches!(asked, Abs::Items(values) if values.iter().all(is_claim)) {
            return Abs::Constant(None);
        }
        let parts = asked.parts(path);
        let of_groups = !parts.rows.is_empty() && parts.rows.iter().all(|row| is_group_of_caller(path, *row));
        match (parts.principal, parts.rows.is_empty() && parts.clients.is_empty()) {
            (true, true) => Abs::Principal(SmolStr::new_static("has_any")),
            (true, false) => Mix { unclear: true, ..parts }.into_abs(),
            (false, false) if of_groups && parts.clients.is_empty() => Abs::Principal(SmolStr::new_static("has_any")),
            (false, false) if self.are_own_rows(path, &parts) => parts.into_abs(),
            (false, _) => Abs::Other,
        }
    }
}
