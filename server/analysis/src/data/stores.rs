//! Data without classes: SQL as text, PostgREST builders (`table("tasks").select("*").eq(…)`), references of Firestore
//! and filters of document stores (`find({"user_id": …})`), as far as their shape is plain.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;
use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::models::{Model, NO_FILE};
use super::names;
use super::value::{Abs, Mix, Path, Predicate, Statement, Verb};
use crate::facts::python::tree::Expr;
use crate::index::value::{ClassRef, Site};
use crate::text::TextRange;

/// Words of a text that are looked at.
const MAX_WORDS: usize = 400;

impl Engine<'_, '_> {
    /// The table of that name: the same one wherever it is named.
    fn stored(&mut self, name: &str) -> Arc<Model> {
        let mut hasher = FxHasher::default();
        name.hash(&mut hasher);
        // The place stands for the name.
        let site = Site { file: NO_FILE, item: hasher.finish() as u32, range: TextRange::new(0, 0) };
        if let Some(Some(known)) = self.models.get(&site) {
            return Arc::clone(known);
        }
        let is_user = self.callers.is_user_table(name);
        let owners = if is_user {
            Vec::new()
        } else {
            self.callers.usual_owners().chain(self.interpreter.sources().owner_names().iter().cloned()).collect()
        };
        let (columns, relations) = (Vec::new(), Vec::new());
        let model = Arc::new(Model {
            site,
            name: name.into(),
            table: name.into(),
            is_user,
            owners,
            columns,
            relations,
            others: None,
            awaited: false,
        });
        self.models.insert(site, Some(Arc::clone(&model)));
        model
    }

    pub(super) fn plain_statement(&mut self, verb: Verb, table: &str, site: Site) -> Statement {
        let model = Some(self.stored(table));
        Statement {
            verb,
            model,
            predicates: Vec::new(),
            unclear: false,
            whole: false,
            ordered: false,
            sets: Vec::new(),
            spread: None,
            site,
            plain: true,
            refers: false,
        }
    }

    /// A method of something that is not known: a builder, or a filter of documents.
    pub(super) fn store_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        target: &Expr,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        let site = self.site(expr);
        let first = given.first().map(|one| &one.value);
        match (name, first) {
            ("table" | "from_", Some(Abs::Text(table))) if given.len() == 1 => {
                let statement = self.plain_statement(Verb::Select, &table.clone(), site);
                Some(Abs::Statement(Arc::new(statement)))
            }
            ("collection", Some(Abs::Text(name))) if given.len() == 1 => {
                let reference = self.referred(&name.clone(), site);
                Some(Abs::Statement(Arc::new(reference)))
            }
            (
                "find"
                | "find_one"
                | "find_one_and_update"
                | "find_one_and_delete"
                | "find_one_and_replace"
                | "update_one"
                | "update_many"
                | "replace_one"
                | "delete_one"
                | "delete_many",
                Some(Abs::Map(filter)),
            ) => {
                let verb = match name {
                    "find" | "find_one" => Verb::Select,
                    "find_one_and_delete" | "delete_one" | "delete_many" => Verb::Delete,
                    _ => Verb::Update,
                };
                let mut statement = self.plain_statement(verb, &self.collection(target)?, site);
                let filter = Arc::clone(filter);
                filter.iter().for_each(|(column, value)| statement.narrow(column, value));
                if let Some(Given { value: Abs::Map(change), .. }) = given.get(1) {
                    for (_, value) in change.iter().filter(|(operator, _)| operator == "$set") {
                        statement.set(value);
                    }
                }
                Some(self.execute(path, &statement, site))
            }
            ("insert_one", Some(value @ (Abs::Map(_) | Abs::Dump(_)))) => {
                let mut statement = self.plain_statement(Verb::Insert, &self.collection(target)?, site);
                statement.set(&value.clone());
                Some(self.execute(path, &statement, site))
            }
            _ => None,
        }
    }

    /// A method of a class of documents.
    pub(super) fn document_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        class: &Arc<ClassRef>,
        name: &str,
        given: &[Given],
    ) -> Option<Abs> {
        if !matches!(name, "find" | "find_one" | "find_many" | "find_all" | "get") {
            return None;
        }
        let model = self.model(class)?;
        let site = self.site(expr);
        if name == "get" {
            let key = given.first().map_or(Abs::Unknown, |one| one.value.clone());
            return Some(self.row_by_key(path, model, key, site));
        }
        let mut statement = Statement { plain: false, ..self.plain_statement(Verb::Select, &model.name, site) };
        statement.model = Some(model);
        for one in given.iter().filter(|one| one.name.is_none()) {
            match &one.value {
                Abs::Predicates(predicates) => statement.predicates.extend(predicates.iter().cloned()),
                Abs::Map(filter) => filter.iter().for_each(|(column, value)| statement.narrow(column, value)),
                _ => statement.unclear = true,
            }
        }
        let statement = Arc::new(statement);
        Some(if name == "find_one" { self.execute(path, &statement, site) } else { Abs::Statement(statement) })
    }

    /// A method of a PostgREST builder.
    pub(super) fn builder_method(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        statement: &Arc<Statement>,
        name: &str,
        given: &[Given],
    ) -> Abs {
        let mut next = Statement::clone(statement);
        match (name, given) {
            ("execute" | "all" | "first", _) => {
                let site = self.site(expr);
                return self.execute(path, &next, site);
            }
            ("eq", [Given { value: Abs::Text(column), .. }, Given { value, .. }]) => match column.split_once('.') {
                // Of a table that is embedded: `.eq("clients.company_id", …)`.
                Some((table, column)) => next.predicates.push(Predicate {
                    column: Some((self.stored(table), column.into())),
                    equal: true,
                    value: value.clone(),
                }),
                None => next.narrow(column, value),
            },
            ("is_", [Given { value: Abs::Text(column), .. }, Given { value: nothing, .. }])
                if *nothing == Abs::Nothing || matches!(nothing, Abs::Text(text) if text == "null") =>
            {
                self.demand_nothing(&mut next, column);
            }
            ("in_", [Given { value: Abs::Text(column), .. }, Given { value, .. }]) => {
                next.narrow(column, &any_of(value))
            }
            ("match", [Given { value: Abs::Map(entries), .. }]) => {
                entries.iter().for_each(|(column, value)| next.narrow(column, value));
            }
            ("bindparams", _) => {
                let bound: Vec<(SmolStr, Abs)> =
                    given.iter().filter_map(|one| Some((one.name.clone()?, one.value.clone()))).collect();
                next.bind(&bound);
            }
            ("insert" | "upsert" | "update", [Given { value, .. }, ..]) => {
                next.verb = if name == "update" { Verb::Update } else { Verb::Insert };
                next.set(value);
            }
            ("delete", _) => next.verb = Verb::Delete,
            (
                "gt" | "gte" | "lt" | "lte",
                [Given { value: Abs::Text(column), .. }, Given { value: Abs::Clock, .. }],
            ) => {
                next.narrow(column, &Abs::Clock);
                next.predicates.iter_mut().last().into_iter().for_each(|asked| asked.equal = false);
            }
            (
                "select" | "order" | "limit" | "range" | "single" | "maybe_single" | "neq" | "gt" | "gte" | "lt"
                | "lte" | "like" | "ilike" | "is_" | "not_" | "contains" | "columns",
                _,
            ) => {}
            _ => next.unclear = true,
        }
        Abs::Statement(Arc::new(next))
    }

    /// Whether the client chooses what a text is put together of, and nothing was compared with that.
    pub(super) fn is_chosen_by_client(&self, path: &Path, values: &[Abs]) -> bool {
        let parts: Vec<_> = values.iter().map(|value| value.parts(path)).collect();
        let mut clients = parts.iter().flat_map(|parts| &parts.clients);
        !parts.iter().any(|parts| parts.principal) && clients.any(|client| !path.authorised.contains(client))
    }

    /// What a statement tells the policies of the database, or the beginning of one that is put together:
    /// `f"SET app.tenant = '{tenant}'"`.
    pub(super) fn note_policies(&mut self, text: &str) {
        self.by_policies |= tells_policies(text);
    }

    /// `text("SELECT … WHERE user_id = :user_id")`.
    pub(super) fn sql(&mut self, text: &str, site: Site) -> Abs {
        self.note_policies(text);
        let words = words(text);
        let word = |at: usize| words.get(at).map(String::as_str);
        let after = |keyword: &str| words.iter().position(|word| word == keyword).map(|at| at + 1);
        let (verb, table) = match word(0) {
            Some("select") => (Verb::Select, after("from")),
            Some("delete") => (Verb::Delete, after("from")),
            Some("update") => (Verb::Update, Some(1)),
            Some("insert") => (Verb::Insert, after("into")),
            _ => return Abs::Unknown,
        };
        let Some((at, table)) = table.and_then(|at| Some((at, word(at)?.to_owned()))) else { return Abs::Unknown };
        // `SELECT COUNT(*) FROM users` gives no row.
        if verb == Verb::Select && word(1) == Some("count") && !words[..at].iter().any(|word| word == ",") {
            return Abs::Unknown;
        }
        // `public.tasks AS t`
        let table = table.rsplit('.').next().unwrap_or_default();
        let alias = word(at + 1).filter(|next| *next != "as").or_else(|| word(at + 2)).unwrap_or_default();
        let mut statement = self.plain_statement(verb, table, site);
        statement.whole = words.len() == at + 1;
        // What is more than conditions that all hold is not plain.
        let odd = ["or", "union", "with", "exists", "case"];
        statement.unclear = words.iter().any(|word| odd.contains(&word.as_str()))
            || words.iter().filter(|word| *word == "select").count() > 1
            || word(at + 1) == Some(",");
        if verb == Verb::Insert {
            let list = |from: usize| -> Vec<&str> {
                let inside = words.iter().skip(from).skip_while(|word| *word != "(").skip(1);
                inside.take_while(|word| *word != ")").map(String::as_str).filter(|word| *word != ",").collect()
            };
            let values = words.iter().position(|word| word == "values").unwrap_or(words.len());
            for (column, value) in list(at).into_iter().zip(list(values)) {
                statement.sets.push((column.into(), parameter(value)));
            }
        } else if let Some(from) = after("where") {
            for part in words[from..].windows(3).filter(|part| part[1] == "=") {
                let asked = part[0].split("::").next().unwrap_or_default();
                let (of, column) = asked.rsplit_once('.').unwrap_or((table, asked));
                if of.rsplit('.').next() == Some(table) || of == alias {
                    statement.narrow(&SmolStr::new(column), &parameter(&part[2]));
                }
            }
        }
        let from = if verb == Verb::Update { after("where").unwrap_or(words.len()) } else { at };
        if verb != Verb::Insert {
            statement.add_parameters(&words[from..]);
        }
        Abs::Statement(Arc::new(statement))
    }
}

/// Whether alternatives say nothing of who is calling but what it may do: what is for a role is for all who have it.
fn asks_nobody(alternatives: &Abs) -> bool {
    let Abs::Items(alternatives) = alternatives else { return false };
    let is_of_role = |value: &Abs| match value {
        Abs::Principal(part) => names::is_authority(part),
        Abs::Map(operators) => operators.iter().all(|(_, value)| is_plain(value)),
        value => is_plain(value),
    };
    !alternatives.is_empty()
        && alternatives.iter().all(|alternative| {
            let Abs::Map(columns) = alternative else { return false };
            columns.iter().all(|(column, value)| !column.starts_with('$') && is_of_role(value))
        })
}

/// Whether a value is neither the caller's nor out of reach.
fn is_plain(value: &Abs) -> bool {
    matches!(value, Abs::Text(_) | Abs::Constant(_) | Abs::Nothing | Abs::Clock)
}

/// One of several values.
pub(super) fn any_of(values: &Abs) -> Abs {
    match values {
        Abs::Items(items) if items.is_empty() => Abs::Unknown,
        Abs::Items(items) => Mix::of(items.iter()).into_abs(),
        values => values.clone(),
    }
}

/// The value of a parameter of SQL, until it is bound.
fn parameter(word: &str) -> Abs {
    // `:user_id::uuid`
    let name = word.split("::").next().unwrap_or_default();
    if name.starts_with(':') { Abs::Text(name.into()) } else { Abs::Constant(None) }
}

/// The words and signs of SQL in lower case; names of parameters stay as they are.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '.' | ':') {
            open.push(c);
            continue;
        }
        if !open.is_empty() {
            words.push(std::mem::take(&mut open));
        }
        if matches!(c, '=' | ',' | '(' | ')' | '<' | '>' | '!') {
            words.push(c.to_string());
        }
        if words.len() > MAX_WORDS {
            break;
        }
    }
    if !open.is_empty() {
        words.push(open);
    }
    for word in &mut words {
        if !word.starts_with(':') {
            word.make_ascii_lowercase();
        }
    }
    words
}

impl Statement {
    /// What else is given may narrow it as well, in a joined table or in other words: not how many rows are wanted.
    fn add_parameters(&mut self, words: &[String]) {
        let is_limit = |word: &str| matches!(word, "limit" | "offset");
        let given = words.windows(2).filter(|pair| pair[1].starts_with(':') && !is_limit(&pair[0]));
        for value in given.map(|pair| parameter(&pair[1])) {
            if !self.predicates.iter().any(|known| known.value == value) {
                self.predicates.push(Predicate { column: None, equal: true, value });
            }
        }
    }

    /// Adds a condition on a column of that name.
    pub(super) fn narrow(&mut self, column: &SmolStr, value: &Abs) {
        let Some(model) = &self.model else { return };
        if column.starts_with('$') {
            self.unclear |= !(column == "$or" && asks_nobody(value));
            return;
        }
        let column = if column == "_id" { SmolStr::new_static("id") } else { column.clone() };
        self.predicates.push(Predicate {
            column: Some((Arc::clone(model), column)),
            equal: true,
            value: value.clone(),
        });
    }

    /// What it writes.
    pub(super) fn set(&mut self, value: &Abs) {
        match value {
            Abs::Map(entries) => self.sets.extend(entries.iter().cloned()),
            // Several rows, or one in a list.
            Abs::Items(rows) => rows.iter().for_each(|row| self.set(row)),
            Abs::Dump(dump) => {
                self.sets.extend(dump.set.iter().cloned());
                self.spread = Some(Arc::clone(dump));
            }
            // Any of it may be the owner that is written; whose the row was it does not say.
            _ => {}
        }
    }

    /// Gives parameters of SQL their values.
    pub(super) fn bind(&mut self, values: &[(SmolStr, Abs)]) {
        let bound = |value: &Abs| match value {
            Abs::Text(name) if name.starts_with(':') => {
                let value = values.iter().find(|(known, _)| known == name.trim_start_matches(':'));
                value.map_or(Abs::Unknown, |(_, value)| value.clone())
            }
            value => value.clone(),
        };
        self.predicates.iter_mut().for_each(|predicate| predicate.value = bound(&predicate.value));
        // What the client gives elsewhere narrows nothing to the caller.
        self.predicates.retain(|asked| asked.column.is_some() || !matches!(asked.value, Abs::Client(_)));
        self.sets.iter_mut().for_each(|(_, value)| *value = bound(value));
    }
}

/// Whether a statement sets a variable of one's own for the session, which policies on rows read: `set_config('app.tenant',
/// :tenant, true)`, `SET LOCAL app.user_id = …` (PostgreSQL 17, section 5.9). Those of the server have no dot.
fn tells_policies(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    let name = match lower.split_once("set_config(") {
        Some((_, arguments)) => arguments.split(',').next(),
        None => lower.strip_prefix("set ").map(|rest| rest.trim_start_matches("local ").trim_start_matches("session ")),
    };
    let name =
        name.and_then(|rest| rest.split(|one: char| one.is_whitespace() || one == '=').find(|part| !part.is_empty()));
    name.is_some_and(|name| name.contains('.'))
}
