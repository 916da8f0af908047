//! Users that are found by what is no secret.
//!
//! A credential that is looked up is verified by that: who has no session has
//! none of its tokens. Not where what is looked up is a user's id, address or
//! name, which others know and may send as well.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::last_name;
use super::super::sinks::is_lookup;
use super::super::sources::{Worth, is_user_table, names_user, worth_of};
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind, StmtKind, keyword};
use crate::index::value::{ClassRef, Value};

/// Classes that are looked at for the columns of one.
const MAX_BASES: usize = 8;

/// The call of a method that looks something up.
#[derive(Clone, Copy)]
struct Query<'e> {
    target: &'e Expr,
    method: &'e str,
    args: &'e [Arg],
}

/// A column by which rows are found; the primary key where it has no name.
struct Key {
    table: Table,
    column: Option<SmolStr>,
}

/// A table, by its class or by its name in the database.
enum Table {
    Class(Arc<ClassRef>),
    Name(SmolStr),
}

impl Flow<'_, '_> {
    /// The user whom a call looks up by nothing but what others know of users, too.
    pub(super) fn row_by_name(&mut self, path: &mut Path, call: &Expr, args: &[Arg], derived: &Abs) -> Option<Abs> {
        if !is_sent(derived) {
            return None;
        }
        let ExprKind::Attribute { value: target, name } = &call.as_call()?.0.kind else { return None };
        if !is_lookup(&name.name) {
            return None;
        }
        let query = Query { target, method: &name.name, args };
        let mut keys = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            if is_sent(&self.argument(path, &arg.value)) {
                self.keys_of_argument(path, query, at, &mut keys)?;
            }
        }
        let is_claim = *derived == Abs::Identity;
        if keys.is_empty() || !keys.iter().all(|key| self.is_no_secret(key) || is_claim && self.is_of_users(key)) {
            return None;
        }
        self.found.named = true;
        self.note(call, "who calls is looked up by what is no secret here");
        let class = keys.into_iter().find_map(|key| match key.table {
            Table::Class(class) => Some(class),
            Table::Name(_) => None,
        });
        Some(Abs::Named(class))
    }

    /// Adds the columns by which an argument finds rows; `None` where that can't be told.
    fn keys_of_argument(&mut self, path: &mut Path, query: Query<'_>, at: usize, keys: &mut Vec<Key>) -> Option<()> {
        let arg = &query.args[at];
        match (&arg.name, &arg.value.kind) {
            // `find_unique(where={"id": token})`
            (Some(name), ExprKind::Dict(_)) if name.name == "where" => {
                self.keys_of_filter(path, query.target, &arg.value, keys)
            }
            (Some(name), _) => {
                keys.push(Key { table: self.queried(query.target)?, column: Some(name.name.clone()) });
                Some(())
            }
            _ if is_plain_sql(query.method) => self.keys_of_text(&query.args.first()?.value, keys),
            (None, ExprKind::Dict(_)) => self.keys_of_filter(path, query.target, &arg.value, keys),
            (None, ExprKind::Compare { .. } | ExprKind::Call { .. })
                if matches!(query.method, "filter" | "where" | "find_one" | "find" | "first") =>
            {
                self.keys_of_condition(path, &arg.value, keys)
            }
            // `table("users").select("*").eq("id", token)`
            _ if query.method == "eq" && at == 1 => {
                let column = query.args[0].value.as_str()?.clone();
                keys.push(Key { table: self.queried(query.target)?, column: Some(column) });
                Some(())
            }
            // `db.get(User, token)`, `User.get(token)`
            _ if query.method == "get" && at < 2 => {
                let first = &query.args[0].value;
                let table = match (at, self.outer(first)) {
                    (1, Value::Class(class)) => Table::Class(class),
                    (0, _) => self.queried(query.target).filter(|table| matches!(table, Table::Class(_)))?,
                    _ => return None,
                };
                keys.push(Key { table, column: None });
                Some(())
            }
            _ => None,
        }
    }

    /// `User.id == token`, `or_(User.email == name, User.username == name)`.
    fn keys_of_condition(&mut self, path: &mut Path, condition: &Expr, keys: &mut Vec<Key>) -> Option<()> {
        if let Some((func, args)) = condition.as_call() {
            if !last_name(func).is_some_and(|name| matches!(name.as_str(), "and_" | "or_" | "Or" | "And")) {
                return None;
            }
            for arg in args {
                if is_sent(&self.argument(path, &arg.value)) {
                    self.keys_of_condition(path, &arg.value, keys)?;
                }
            }
            return Some(());
        }
        let ExprKind::Compare { first, rest } = &condition.kind else { return None };
        let [(op, second)] = rest.as_slice() else { return None };
        if op != "==" {
            return None;
        }
        let key = [&**first, second].into_iter().find_map(|side| self.column(side))?;
        keys.push(key);
        Some(())
    }

    /// `User.id`, `col(User.id)`, `func.lower(User.email)`.
    fn column(&self, side: &Expr) -> Option<Key> {
        let side = match side.as_call() {
            Some((_, [only])) => &only.value,
            _ => side,
        };
        let ExprKind::Attribute { value, name } = &side.kind else { return None };
        let Value::Class(class) = self.outer(value) else { return None };
        Some(Key { table: Table::Class(class), column: Some(name.name.clone()) })
    }

    /// `{"_id": token}` of documents.
    fn keys_of_filter(&mut self, path: &mut Path, target: &Expr, filter: &Expr, keys: &mut Vec<Key>) -> Option<()> {
        let ExprKind::Dict(entries) = &filter.kind else { return None };
        for (column, value) in entries {
            if !is_sent(&self.eval(path, value)) {
                continue;
            }
            let column = column.as_ref()?.as_str()?.clone();
            let table = match self.queried(target) {
                Some(table) => table,
                None => Table::Name(collection(target)?),
            };
            keys.push(Key { table, column: Some(column) });
        }
        Some(())
    }

    /// `SELECT * FROM users WHERE id = $1`, in a text or in `text(…)`.
    fn keys_of_text(&self, statement: &Expr, keys: &mut Vec<Key>) -> Option<()> {
        let statement = match statement.as_call() {
            Some((_, [only])) => &only.value,
            _ => statement,
        };
        let text = match self.outer(statement) {
            Value::Str(text) => text,
            _ => statement.as_str()?.clone(),
        };
        let (table, columns) = asked_in_sql(&text)?;
        keys.extend(columns.into_iter().map(|column| Key { table: Table::Name(table.clone()), column: Some(column) }));
        Some(())
    }

    /// The table that a chain of calls begins with: `select(User)`, `db.query(User)`, `User`, `table("users")`.
    fn queried(&self, target: &Expr) -> Option<Table> {
        if let Value::Class(class) = self.outer(target) {
            return Some(Table::Class(class));
        }
        match &target.kind {
            ExprKind::Call { func, args } => {
                let first = args.first().filter(|_| args.len() == 1).map(|arg| &arg.value);
                let named = last_name(func).is_some_and(|name| matches!(name.as_str(), "table" | "from_"));
                match first {
                    Some(first) if named => Some(Table::Name(first.as_str()?.clone())),
                    Some(first) => match self.outer(first) {
                        Value::Class(class) => Some(Table::Class(class)),
                        _ => self.queried(func),
                    },
                    None => self.queried(func),
                }
            }
            ExprKind::Attribute { value, .. } | ExprKind::Await(value) => self.queried(value),
            _ => None,
        }
    }

    /// Whether a key finds a user by what is called no credential: an `auth_id` is the name that a provider gives.
    fn is_of_users(&self, key: &Key) -> bool {
        let is_credential = |column: &SmolStr| worth_of(column) == Worth::Credential && !column.ends_with("_id");
        let is_credential = key.column.as_ref().is_some_and(is_credential);
        let of_users = match &key.table {
            Table::Name(table) => is_user_table(table),
            Table::Class(class) => self.columns(class).of_users,
        };
        of_users && !is_credential
    }

    /// Whether a column says only which user is meant.
    fn is_no_secret(&self, key: &Key) -> bool {
        match &key.table {
            Table::Name(table) => is_user_table(table) && key.column.as_ref().is_some_and(|column| names_user(column)),
            Table::Class(class) => {
                let columns = self.columns(class);
                let primary = || columns.primary.as_ref().filter(|primary| worth_of(primary) != Worth::Credential);
                columns.of_users
                    && match &key.column {
                        Some(column) => names_user(column) || primary() == Some(column),
                        None => columns.primary.is_none() || primary().is_some(),
                    }
            }
        }
    }

    /// What a dictionary of users gives for a key.
    pub(super) fn entry_of_users(&mut self, path: &mut Path, key: &Expr) -> Abs {
        if is_sent(&self.eval(path, key)) { Abs::Named(None) } else { Abs::Other }
    }

    fn columns(&self, class: &Arc<ClassRef>) -> Columns {
        let mut columns = Columns { of_users: is_user_table(&class.def.name.name), primary: None };
        let mut pending = vec![Arc::clone(class)];
        let mut at = 0;
        while let Some(class) = pending.get(at).cloned().filter(|_| at < MAX_BASES) {
            self.judge.resolve.count_outline(class.site);
            class.def.body.iter().for_each(|stmt| columns.add(&stmt.kind));
            pending.extend(class.bases.iter().filter_map(|base| match base {
                Value::Class(base) => Some(Arc::clone(base)),
                _ => None,
            }));
            at += 1;
        }
        columns
    }
}

/// What the columns of a class say.
struct Columns {
    /// Whether its rows are users: by its name, by that of its table, or because they have passwords.
    of_users: bool,
    primary: Option<SmolStr>,
}

impl Columns {
    fn add(&mut self, stmt: &StmtKind) {
        let StmtKind::Assign(assign) = stmt else { return };
        let Some(name) = assign.targets.first().and_then(Expr::as_name) else { return };
        let value = assign.value.as_ref();
        if name == "__tablename__" {
            self.of_users |= value.and_then(Expr::as_str).is_some_and(|table| is_user_table(table));
        }
        self.of_users |= matches!(name.as_str(), "password" | "password_hash" | "hashed_password" | "passwordHash");
        let is_primary =
            |args: &[Arg]| keyword(args, "primary_key").is_some_and(|value| matches!(value.kind, ExprKind::Bool(true)));
        if value.and_then(Expr::as_call).is_some_and(|(_, args)| is_primary(args)) {
            self.primary.get_or_insert_with(|| name.clone());
        }
    }
}

/// Whether a value is what the client sent, as it was sent.
fn is_sent(value: &Abs) -> bool {
    matches!(value, Abs::Credential | Abs::Identity)
}

/// Whether a part of a row that was found by what is no secret is that again.
pub(super) fn is_name_again(part: &Expr) -> bool {
    match &part.kind {
        ExprKind::Attribute { name, .. } => names_user(&name.name),
        ExprKind::Subscript { index, .. } => index.as_str().is_some_and(|key| names_user(key)),
        ExprKind::Call { func, args } => match (&func.kind, args.as_slice()) {
            (ExprKind::Attribute { name, .. }, [key, ..]) if name.name == "get" => {
                key.value.as_str().is_some_and(|key| names_user(key))
            }
            (ExprKind::Name(_), [only]) => is_name_again(&only.value),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the entries of a dictionary of the code are called by names that stand in them:
/// `{"ann": {"username": "ann"}}`.
pub(super) fn is_of_users(entries: &[(Value, Value)]) -> bool {
    let is_named = |(key, entry): &(Value, Value)| match (key, entry) {
        (Value::Str(key), Value::Dict(fields)) => fields.iter().any(|(field, value)| match (field, value) {
            (Value::Str(field), Value::Str(value)) => field != "id" && names_user(field) && value == key,
            _ => false,
        }),
        _ => false,
    };
    !entries.is_empty() && entries.iter().all(is_named)
}

/// The name of a collection: `db.users`, `db["users"]`, `users_collection`, `get_collection("users")`.
fn collection(target: &Expr) -> Option<SmolStr> {
    let name = match &target.kind {
        ExprKind::Subscript { index, .. } => index.as_str()?.clone(),
        ExprKind::Call { func, args } => match args.first() {
            Some(arg) => arg.value.as_str()?.clone(),
            None => last_name(func)?.trim_start_matches("get_").into(),
        },
        _ => last_name(target)?.clone(),
    };
    Some(name.trim_end_matches("_collection").into())
}

/// Whether a method is given SQL as text.
fn is_plain_sql(method: &str) -> bool {
    matches!(
        method,
        "execute" | "exec" | "fetch" | "fetchrow" | "fetchval" | "fetch_one" | "fetch_val" | "scalar" | "scalars"
    )
}

/// The only table that a statement reads, and the columns that it compares with what it is given.
fn asked_in_sql(text: &str) -> Option<(SmolStr, Vec<SmolStr>)> {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let after = |word: &str| words.iter().position(|found| found == word).map(|at| at + 1);
    if words.first()? != "select" || words.iter().any(|word| matches!(word.as_str(), "join" | "union")) {
        return None;
    }
    let table = words.get(after("from")?)?;
    let ends = |word: &&String| matches!(word.as_str(), "limit" | "order" | "group" | "for");
    let condition: Vec<&str> =
        words[after("where")?..].iter().take_while(|word| !ends(word)).map(String::as_str).collect();
    let mut columns = Vec::new();
    for part in condition.split(|word| matches!(*word, "and" | "or")) {
        let part = part.concat();
        let Some((column, value)) = part.split_once('=') else {
            if part.contains(['?', '$', ':', '%']) {
                return None;
            }
            continue;
        };
        if value.starts_with(['?', '$', ':', '%']) {
            let column = column.trim_end_matches(')').rsplit(['.', '(']).next()?;
            columns.push(bare(column));
        }
    }
    Some((bare(table.rsplit('.').next()?), columns))
}

/// A name without what quotes it.
fn bare(name: &str) -> SmolStr {
    name.trim_matches(|c: char| matches!(c, '"' | '`' | '(' | ')' | ';' | ',')).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_what_they_ask_for() {
        let asked = |text: &str| asked_in_sql(text).map(|(table, columns)| format!("{table}: {}", columns.join(" ")));
        assert_eq!(asked("SELECT * FROM users WHERE id = $1").as_deref(), Some("users: id"));
        assert_eq!(
            asked("select id from app.\"users\" u where lower(u.email)=%s and active = true limit 1").as_deref(),
            Some("users: email")
        );
        assert_eq!(
            asked("SELECT * FROM users WHERE name = ? AND password = ?").as_deref(),
            Some("users: name password")
        );
        assert_eq!(asked("SELECT * FROM users WHERE id IN (:ids)"), None);
        assert_eq!(asked("SELECT * FROM users JOIN sessions ON true WHERE id = ?"), None);
        assert_eq!(asked("DELETE FROM users WHERE id = ?"), None);
    }
}
