//! Accounts that are given away: passwords of whoever the client names, set by a route that asks for nothing which only
//! that one has, and accounts of administrators, made by a route that asks nobody who it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::handed_out::is_token;
use super::models::{Model, last_name};
use super::names;
use super::privileges::is_high;
use super::value::{Abs, Made, Object, Path, Row};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::value::Site;

impl Engine<'_, '_> {
    /// A column of a row is set: a password of the client's, on a row of the users that the client named.
    pub(super) fn note_password(&mut self, path: &Path, id: u32, column: &SmolStr, value: &Abs, site: Site) {
        let Some(row) = path.rows.get(&id).filter(|_| !self.guarded && !path.doubt && !path.privileged) else { return };
        self.note_password_of(path, row, column, value, site);
    }

    /// The same of a row that a statement changes.
    pub(super) fn note_password_of(&mut self, path: &Path, row: &Row, column: &SmolStr, value: &Abs, site: Site) {
        let is_users = row.model.as_ref().is_some_and(|model| model.is_user || signs_in(model));
        let given = || !value.parts(path).clients.is_empty();
        if is_users && names::is_password(column) {
            self.note_ways_in(path);
        }
        if !self.guarded && is_users && names::is_password(column) && is_named_by_client(row) && !row.absent && given()
        {
            self.data.takes_over.get_or_insert(site);
        }
    }

    /// A row of the users is made with those values: of one who may do more than others, with a password that the client
    /// chose. Where none is found of whom nothing was asked, it is the first account of an installation; where the company
    /// that it belongs to is made with it, it is the first one of that, and may do what it likes there.
    pub(super) fn note_admin(&mut self, path: &Path, model: &Model, fields: &BTreeMap<SmolStr, Abs>, site: Site) {
        if self.guarded || self.in_dependency || path.doubt || path.privileged {
            return;
        }
        let is_raised = fields.iter().any(|(column, value)| match value {
            Abs::Constant(Some(true)) => is_high(column),
            Abs::Text(text) => names::is_privilege(column) && is_high(text),
            _ => false,
        });
        let chosen = |value: &Abs| !value.parts(path).clients.is_empty();
        let has_password = fields.iter().any(|(column, value)| names::is_password(column) && chosen(value));
        if is_raised && has_password && !is_first_account(path) && !founds(path, model, fields) {
            self.data.makes_admin.get_or_insert(site);
        }
    }

    /// A condition is met: one that asks for more than whether there is such a user and what the client wrote may
    /// ask who that is.
    pub(super) fn note_condition(&mut self, path: &Path, test: &Expr, branches: [&[Stmt]; 2]) {
        if !self.guarded && !self.in_dependency && !self.asked_of_account {
            // That is no step of the handler's.
            let budget = self.budget;
            let is_set = branches.iter().all(|branch| only_acts(branch)) && self.is_set(path, test);
            let decides = !branches.iter().all(|branch| self.only_keeps(path, branch) || comes_late(path, branch));
            let asks = decides && !is_set && !self.is_plain(path, test);
            self.asked |= asks;
            // Of an account that is not there yet nobody has to prove anything.
            self.asked_of_account |= asks && !is_new_account(path);
            self.budget = budget;
        }
    }

    /// Whether a branch only writes down something about rows that were found, or adds what is there to a list, and goes on
    /// as if it had not: `user.is_verified = True`, `providers.append(body.provider)`. A token is none of that.
    fn only_keeps(&mut self, path: &Path, branch: &[Stmt]) -> bool {
        branch.iter().all(|stmt| match &stmt.kind {
            StmtKind::Pass => true,
            StmtKind::Assign(assign) => {
                let is_row = |target: &Expr| self.is_column(path, target);
                assign.targets.iter().all(is_row)
            }
            StmtKind::Expr(expr) => match &expr.kind {
                ExprKind::Await(inner) => only_notes(path, inner),
                _ => only_notes(path, expr),
            },
            StmtKind::If { body, or_else, .. } => self.only_keeps(path, body) && self.only_keeps(path, or_else),
            _ => false,
        })
    }

    /// Whether an assignment's target is a column of a row that was found or made, and holds nothing that lets anybody in.
    fn is_column(&self, path: &Path, target: &Expr) -> bool {
        let ExprKind::Attribute { value, name } = &target.kind else { return false };
        if names::is_credential(&name.name) || names::is_password(&name.name) || names::is_no_key(&name.name) {
            return false;
        }
        match value.as_name().and_then(|name| path.vars.get(name)) {
            Some(Abs::Row(_)) => true,
            Some(Abs::Object(id)) => path.objects.get(id).is_some_and(|made| matches!(made.made, Made::Row(_))),
            _ => false,
        }
    }

    /// Whether a condition is about the configuration alone, which is no proof of a caller's.
    fn is_set(&self, path: &Path, test: &Expr) -> bool {
        match &test.kind {
            ExprKind::Compare { .. } => {
                test.children().iter().all(|part| self.is_switch(path, part) || is_written(part))
            }
            ExprKind::Not(_) | ExprKind::BoolOp { .. } => test.children().iter().all(|part| self.is_set(path, part)),
            _ => self.is_switch(path, test),
        }
    }

    /// Whether an expression is a column of a row that holds nothing which only its owner knows.
    fn is_public_part(&mut self, path: &Path, expr: &Expr) -> bool {
        match self.eval(&mut path.clone(), expr) {
            Abs::Part(_, column) => {
                !names::is_password(&column) && !names::is_credential(&column) && !names::is_no_key(&column)
            }
            // Of an account that is made here.
            Abs::Own => true,
            _ => false,
        }
    }

    /// Whether a condition asks for nothing that a caller could prove anything by.
    fn is_plain(&mut self, path: &Path, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Not(inner) => self.is_plain(path, inner),
            ExprKind::BoolOp { values, .. } => values.iter().all(|value| self.is_plain(path, value)),
            ExprKind::Attribute { .. } if self.is_of_account(path, expr) => true,
            _ => self.asks_of_secret(path, expr) || self.is_plain_value(path, expr),
        }
    }

    /// Whether an expression is what an account is or has, whoever asks: `user.is_active`.
    fn is_of_account(&mut self, path: &Path, expr: &Expr) -> bool {
        let ExprKind::Attribute { value, name } = &expr.kind else { return false };
        let is_user = match self.eval(&mut path.clone(), value) {
            Abs::Row(id) => path.rows.get(&id).and_then(|row| row.model.as_ref()).is_some_and(|model| model.is_user),
            // One that is made here.
            Abs::Object(id) => path.objects.get(&id).is_some_and(|object| match &object.made {
                Made::Row(model) => model.is_user,
                _ => false,
            }),
            _ => false,
        };
        is_user && says_nothing_of_caller(&name.name)
    }

    fn is_plain_value(&mut self, path: &Path, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::None | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Number | ExprKind::Str(_) => true,
            // What an account is, compared with what stands in the code: `if user.role != "admin"`.
            ExprKind::Compare { first, rest }
                if rest.iter().all(|(_, other)| is_written(other)) && self.is_public_part(path, first) =>
            {
                true
            }
            ExprKind::Not(_) | ExprKind::BoolOp { .. } | ExprKind::Compare { .. } | ExprKind::Unary(_) => {
                expr.children().into_iter().all(|part| self.is_plain_value(path, part))
            }
            ExprKind::Call { func, args } => {
                let asks_type = func.as_name().is_some_and(|name| name == "isinstance");
                let measures = func.as_name().is_some_and(|name| matches!(name.as_str(), "len" | "str"));
                asks_type
                    || measures && args.first().is_some_and(|arg| self.is_plain_value(path, &arg.value))
                    || matches!(self.eval(&mut path.clone(), expr), Abs::Row(_))
            }
            ExprKind::Await(inner) => self.is_plain_value(path, inner),
            ExprKind::Name(_) | ExprKind::Attribute { .. } => match self.eval(&mut path.clone(), expr) {
                value if says_nothing(&value) => true,
                // `if claims: payload.update(claims)`
                Abs::Map(entries) => entries.iter().all(|(_, value)| says_nothing(value)),
                // A row that was made on the way, or none.
                Abs::Object(id) => {
                    let made = path.objects.get(&id).map(|object| &object.made);
                    matches!(made, Some(Made::Body(_) | Made::Row(_)))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Forgets what was given away where something may have asked for a proof: a condition, or a value of the
    /// client that may be one.
    pub(super) fn settle_takeover(&mut self) {
        if self.asked || self.clients.iter().any(|client| may_prove(&client.name)) {
            self.data.takes_over = None;
            self.data.makes_admin = None;
        }
        if self.asked_of_account || (0..self.clients.len()).any(|client| self.may_be_proof(client)) {
            self.data.handed_out.clear();
        }
        // Whoever signs in is handed something.
        if self.clients.iter().any(|client| names::is_password(client.name.rsplit('.').next().unwrap_or_default())) {
            self.data.handed_out.clear();
        }
    }
}

/// Whether a row was found by what the client sent, and by nothing else.
pub(super) fn is_named_by_client(row: &Row) -> bool {
    let by_client = |value: &Abs| matches!(value, Abs::Client(_));
    !row.predicates.is_empty()
        && !row.unclear
        && row.predicates.iter().all(|predicate| predicate.equal && by_client(&predicate.value))
}

/// Whether no user is found on a path, of whom nothing was asked.
pub(super) fn is_first_account(path: &Path) -> bool {
    let chosen = |value: &Abs| !value.parts(path).clients.is_empty();
    path.rows.values().any(|row| {
        let of_users = row.model.as_ref().is_some_and(|model| model.is_user);
        of_users && row.absent && !row.predicates.iter().any(|predicate| chosen(&predicate.value))
    })
}

/// Whether what a new user belongs to is made with it.
pub(super) fn founds(path: &Path, model: &Model, fields: &BTreeMap<SmolStr, Abs>) -> bool {
    fields.iter().any(|(column, value)| is_new_parent(path, model, column, value))
}

/// Whether a column of a new user refers to a row of another table that is made on the same path.
fn is_new_parent(path: &Path, model: &Model, column: &str, value: &Abs) -> bool {
    let is_other = |made: &Made| match made {
        Made::Row(of) if !of.is_user => Some(Arc::clone(of)),
        _ => None,
    };
    if let Abs::Object(id) = value {
        return path.objects.get(id).is_some_and(|object| is_other(&object.made).is_some());
    }
    if !model.has_class() {
        // `{"tenant_id": tenant_id}` in both.
        let has_same = |object: &Object| {
            is_other(&object.made).is_some() && object.fields.get(column).is_some_and(|field| field == value)
        };
        let is_chosen = !value.parts(path).clients.is_empty();
        let is_new = || *value == Abs::Own || !is_chosen && path.objects.values().any(|object| has_same(object));
        return column.ends_with("_id") && is_new();
    }
    let Some(parent) = model.parent(column) else { return false };
    path.objects.values().any(|object| {
        let is_parent = is_other(&object.made).is_some_and(|of| of.table == *parent || of.name == *parent);
        is_parent && (*value == Abs::Own || object.fields.values().any(|field| field == value))
    })
}

/// Whether somebody signs in with a row, by its columns: there is a password, and a name to give with it.
fn signs_in(model: &Model) -> bool {
    let has = |wanted: &dyn Fn(&str) -> bool| model.columns.iter().any(|column| wanted(&column.name));
    has(&names::is_password) && has(&names_account)
}

/// Whether a column holds what an account is named by when somebody signs in.
pub(super) fn names_account(column: &str) -> bool {
    let name = column.to_ascii_lowercase().replace('_', "");
    name.ends_with("email") || matches!(name.as_str(), "username" | "login" | "loginname")
}

/// Whether a value of the client may prove who it is, by its name: a mailed code, the password that there was.
pub(super) fn may_prove(name: &str) -> bool {
    const PARTS: &[&str] = &["token", "otp", "current", "old", "previous", "secret", "signature", "verif", "answer"];
    const WORDS: &[&str] = &["code", "key", "pin", "hash", "uid", "uidb64", "ticket", "proof"];
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['_', '.', '-']);
    PARTS.iter().any(|part| name.contains(part)) || words.any(|word| WORDS.contains(&word) || word.ends_with("code"))
}

/// Whether a branch only calls something, so that it decides nothing of what is answered: a mail is sent, or is not.
fn only_acts(branch: &[Stmt]) -> bool {
    branch.iter().all(|stmt| match &stmt.kind {
        StmtKind::Pass => true,
        StmtKind::Expr(expr) => {
            let called = match &expr.kind {
                ExprKind::Await(inner) => inner.as_call(),
                _ => expr.as_call(),
            };
            let name = called.and_then(|(func, _)| last_name(func));
            name.is_some_and(|name| !matches!(name, "update" | "setdefault" | "append" | "extend" | "insert"))
        }
        _ => false,
    })
}

/// Whether a branch is entered when a token was made already, and goes on behind it without another one: it decides
/// what else there is in the answer.
fn comes_late(path: &Path, branch: &[Stmt]) -> bool {
    let is_made = path.objects.values().any(|object| matches!(object.made, Made::Signed));
    let may_check = |callee: &Expr| last_name(callee).is_none_or(names::is_check);
    is_made && goes_on(path, branch) && !callees(branch).any(may_check)
}

fn goes_on(path: &Path, block: &[Stmt]) -> bool {
    let holds = |name: &SmolStr| matches!(path.vars.get(name), Some(Abs::Object(_) | Abs::Map(_) | Abs::Items(_)));
    block.iter().all(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => {
            assign.targets.iter().all(|target| target.as_name().is_some_and(|name| !holds(name)))
        }
        StmtKind::If { .. } | StmtKind::Try { .. } => stmt.blocks().into_iter().all(|block| goes_on(path, block)),
        StmtKind::Expr(_) | StmtKind::Pass | StmtKind::Import(_) | StmtKind::ImportFrom(_) => true,
        _ => false,
    })
}

/// Whether a user was looked for on a path and is not there, and no other one was found.
fn is_new_account(path: &Path) -> bool {
    let mut users = path.rows.values().filter(|row| row.model.as_ref().is_some_and(|model| model.is_user)).peekable();
    users.peek().is_some() && users.all(|row| row.absent)
}

/// Whether a column of an account holds nothing that its owner knows, and is no flag that an earlier proof sets.
fn says_nothing_of_caller(column: &str) -> bool {
    const PROVEN: &[&str] = &["verif", "confirm", "otp", "reset", "approv", "allow", "trust", "challeng", "2fa", "mfa"];
    let column = column.to_ascii_lowercase();
    !names::is_password(&column)
        && !names::is_credential(&column)
        && !names::is_no_key(&column)
        && !may_prove(&column)
        && !PROVEN.iter().any(|word| column.contains(word))
}

/// Whether a call ends a transaction, writes a line to a log, or adds to a list what no call makes.
fn only_notes(path: &Path, expr: &Expr) -> bool {
    let Some((func, args)) = expr.as_call() else { return expr.as_str().is_some() };
    let ExprKind::Attribute { value, name } = &func.kind else { return false };
    let is_log = value.as_name().is_some_and(|name| matches!(name.as_str(), "logger" | "log" | "logging" | "LOGGER"));
    let plain = |expr: &Expr| match &expr.kind {
        ExprKind::Name(name) => path.vars.get(name).is_none_or(|value| !is_token(path, value)),
        ExprKind::Attribute { .. } | ExprKind::Str(_) => true,
        _ => false,
    };
    match name.name.as_str() {
        "commit" | "flush" | "refresh" | "add" | "save" | "append" => args.iter().all(|arg| plain(&arg.value)),
        _ => is_log,
    }
}

/// Whether an expression is a value that stands in the code.
fn is_written(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::None | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Number | ExprKind::Str(_) => true,
        ExprKind::Tuple(parts) | ExprKind::List(parts) | ExprKind::Set(parts) => parts.iter().all(is_written),
        _ => false,
    }
}

/// Whether a value is none that a caller could prove anything by: one that is written in the code, or what the client
/// sent itself, or a row.
fn says_nothing(value: &Abs) -> bool {
    matches!(value, Abs::Client(_) | Abs::Row(_) | Abs::Nothing | Abs::Constant(_) | Abs::Text(_))
}
