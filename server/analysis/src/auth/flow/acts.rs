//! What is done on the way for whom nothing was verified: a handler that does nothing for strangers, and gives them
//! nothing, keeps them out.

use super::super::sinks::{Sink, classify, is_lookup};
use super::{Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind};

impl Flow<'_, '_> {
    /// Notes what a call of a package does.
    pub(super) fn note_package(&self, path: &mut Path, package: &str, args: &[Arg]) {
        path.acts |= !path.verified && (acts(package) || (executes(package) && !self.selects(args)));
    }

    /// Notes what a call does that can't be followed.
    pub(super) fn note_unfollowed(&self, path: &mut Path, func: &Expr, args: &[Arg]) {
        let looks_up = match &func.kind {
            // A browser is told to forget: nothing that lasts is done here.
            ExprKind::Attribute { name, .. } if name.name == "delete_cookie" => true,
            ExprKind::Attribute { name, .. } => is_lookup(&name.name) && (!executes(&name.name) || self.selects(args)),
            _ => false,
        };
        path.acts |= !path.verified && !looks_up;
    }
}

/// Whether a package's callable may do something that lasts: what writes to a log does not, nor what makes values or
/// looks something up.
fn acts(path: &str) -> bool {
    const DATABASES: &[&str] =
        &["sqlalchemy", "sqlmodel", "databases", "asyncpg", "psycopg", "psycopg2", "redis", "pymongo", "motor"];
    let method = path.rsplit('.').next().unwrap_or(path);
    let package = path.split('.').next().unwrap_or(path);
    let is_class = method.starts_with(|first: char| first.is_ascii_uppercase());
    if DATABASES.contains(&package) {
        return !is_class && !is_lookup(method) && !reads(method) && !path.contains(".func.");
    }
    match package {
        "builtins" => matches!(method, "open" | "setattr" | "delattr" | "exec" | "eval"),
        "os" => !path.starts_with("os.environ") && !matches!(method, "getenv" | "get"),
        "fastapi" | "starlette" | "pydantic" | "typing" | "datetime" | "uuid" | "secrets" | "hmac" | "hashlib" => false,
        "base64" | "json" | "re" | "logging" | "structlog" | "loguru" | "time" | "binascii" | "collections" => false,
        "string" | "functools" | "orjson" | "urllib" | "passlib" | "bcrypt" | "argon2" | "pwdlib" => false,
        _ => matches!(classify(path), Sink::Forwards | Sink::Unknown | Sink::Passes | Sink::SignsIn),
    }
}

/// Whether a method of a database's package makes a query or reads.
fn reads(method: &str) -> bool {
    matches!(
        method,
        "text"
            | "and_"
            | "or_"
            | "not_"
            | "join"
            | "outerjoin"
            | "options"
            | "selectinload"
            | "joinedload"
            | "order_by"
            | "begin"
            | "connect"
            | "cursor"
            | "close"
            | "scalar_one"
            | "all"
            | "unique"
            | "desc"
            | "asc"
            | "is_"
            | "in_"
    )
}

/// Whether a callable executes the query that it is given, whatever that does.
fn executes(path: &str) -> bool {
    let method = path.rsplit('.').next().unwrap_or(path);
    matches!(
        method,
        "execute" | "exec" | "scalar" | "scalars" | "fetch_one" | "fetchrow" | "fetchval" | "fetch" | "fetch_val"
    )
}
