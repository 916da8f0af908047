//! Calls of what can't be followed.

use smol_str::SmolStr;

use super::super::evidence::Evidence;
use super::super::sinks::is_lookup;
use super::calls::IN_MEMORY;
use super::queries::TOKEN_LOOKED_UP;
use super::requests::{MESSAGE, SET_ELSEWHERE};
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind};

impl Flow<'_, '_> {
    /// What such a call gives.
    pub(super) fn unresolved(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        func: &Expr,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> Abs {
        self.note_unfollowed(path, func, args);
        // A message as a whole is passed on for what else is in it.
        let values = values.into_iter().filter(|value| !matches!(value, Abs::Request(part) if part == MESSAGE));
        let derived = values.fold(Abs::Other, Abs::join);
        if let Some(row) = self.row_by_name(path, expr, args, &derived) {
            return row;
        }
        match derived {
            Abs::Request(_) | Abs::Credential if self.fills_container(path, func) => Abs::Other,
            Abs::Credential if keeps_rows(func) => Abs::Other,
            Abs::Credential => {
                if let ExprKind::Attribute { value, name } = &func.kind
                    && is_lookup(&name.name)
                    && !self.inserts(args)
                {
                    match self.is_kept_in_memory(path, value) {
                        true => self.step(expr, Evidence::DecidesInMemory, IN_MEMORY),
                        false => self.decides(expr, "the credential is looked up here"),
                    }
                    return Abs::Verified { checked: false };
                }
                let callee = callee_name(func);
                let reason: SmolStr = format!("`{callee}` is given the credential and could not be followed").into();
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
            Abs::Request(_) => {
                let reason: SmolStr =
                    format!("`{}` is given the request and could not be followed", callee_name(func)).into();
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
            Abs::Secret
                if matches!(&func.kind, ExprKind::Attribute { name, .. } if is_lookup(&name.name))
                    && !self.inserts(args)
                    && self.is_asked_by_token(path, args, false) =>
            {
                self.decides(expr, TOKEN_LOOKED_UP);
                Abs::Verified { checked: false }
            }
            // A name is no evidence that the secret is checked, but a reason not to
            // say that it is not.
            Abs::Secret if speaks_of_checking(func) => {
                let reason: SmolStr =
                    format!("`{}` is given the password and could not be followed", callee_name(func)).into();
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
            // A query with the credential in it: its result may still be nothing.
            Abs::Verified { checked: false } if matches!(&func.kind, ExprKind::Attribute { name, .. } if is_lookup(&name.name)) => {
                Abs::Verified { checked: false }
            }
            Abs::Verified { .. } => Abs::Verified { checked: true },
            Abs::Check | Abs::Status => Abs::Check,
            Abs::Constant | Abs::Nothing | Abs::Object(_) => Abs::Other,
            Abs::Unknown(reason) if reason.ends_with(SET_ELSEWHERE) => {
                Abs::Unknown(format!("{reason}, and `{}` could not be followed", callee_name(func)).into())
            }
            other => other,
        }
    }
}

/// Whether a call hands a database rows to keep, a new user with a hashed password among them: nobody is turned away by
/// that (SQLAlchemy 2, PyMongo 4).
fn keeps_rows(func: &Expr) -> bool {
    const METHODS: &[&str] = &["add", "add_all", "merge", "bulk_save_objects", "insert_one", "insert_many"];
    matches!(&func.kind, ExprKind::Attribute { name, .. } if METHODS.contains(&name.name.as_str()))
}

/// What a call names: `db.users.find_one`.
pub(super) fn callee_name(func: &Expr) -> String {
    match &func.kind {
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Attribute { value, name } => format!("{}.{}", callee_name(value), name.name),
        ExprKind::Call { func, .. } | ExprKind::Subscript { value: func, .. } | ExprKind::Await(func) => {
            callee_name(func)
        }
        _ => "…".into(),
    }
}

/// Whether a callee's name says that it checks what it is given.
fn speaks_of_checking(func: &Expr) -> bool {
    let name = match &func.kind {
        ExprKind::Name(name) => name,
        ExprKind::Attribute { name, .. } => &name.name,
        _ => return false,
    };
    let name = name.to_ascii_lowercase();
    ["verify", "check", "authenticate", "login", "sign_in", "signin", "validate"].iter().any(|word| name.contains(word))
}
