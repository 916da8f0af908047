//! Texts in code that let others in: addresses with passwords, keys of services.

use super::super::code::{last_name, parts};
use super::ItemTokens;
use crate::facts::held::{Held, held, is_key, is_login};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, keyword, positional};
use crate::index::value::Site;
use crate::text::TextRange;
use crate::vfs::FileId;

/// Finds such texts in a statement, and in all that is defined in it.
pub(super) fn look(file: FileId, item: u32, stmt: &Stmt, tokens: &mut ItemTokens) {
    search(file, item, vec![stmt], tokens);
    tokens.held.sort_by_key(|(site, _)| *site);
}

fn search(file: FileId, item: u32, mut pending: Vec<&Stmt>, tokens: &mut ItemTokens) {
    while let Some(stmt) = pending.pop() {
        let mut exprs = stmt.exprs();
        match &stmt.kind {
            StmtKind::Function(def) => {
                exprs.extend(def.params.iter().filter_map(|param| param.default.as_ref()));
                // Looked at once, a body that was left for later is not kept.
                match def.to_look_into() {
                    Some((copy, _)) => search(file, item, copy.body.iter().collect(), tokens),
                    None => pending.extend(def.body.iter()),
                }
            }
            StmtKind::Class(class) => pending.extend(class.body.iter()),
            // A text by itself is a comment.
            StmtKind::Expr(expr) if matches!(expr.kind, ExprKind::Str(_)) => continue,
            _ => {}
        }
        while let Some(expr) = exprs.pop() {
            if let ExprKind::Str(text) = &expr.kind {
                tokens.held.extend(held(text).map(|held| (Site { file, item, range: expr.range }, held)));
            }
            let default = default(expr).map(|range| (Site { file, item, range }, Held::Default));
            tokens.held.extend(default);
            let password = login(expr).map(|range| (Site { file, item, range }, Held::Password));
            tokens.held.extend(password);
            exprs.extend(parts(expr));
        }
        pending.extend(stmt.blocks().into_iter().flatten());
    }
}

/// What looks like a key and stands in for a variable of the environment: `os.getenv("MAIL_API_KEY", "…")`.
fn default(expr: &Expr) -> Option<TextRange> {
    let (func, args) = expr.as_call()?;
    let looks_up = match &func.kind {
        ExprKind::Name(name) => name == "getenv",
        ExprKind::Attribute { value, name } => {
            name.name == "getenv" || name.name == "get" && last_name(value).is_some_and(|name| name == "environ")
        }
        _ => false,
    };
    let variable = positional(args, 0)?.as_str().filter(|_| looks_up)?;
    let default = positional(args, 1).or_else(|| keyword(args, "default"))?;
    is_key(variable, default.as_str()?).then_some(default.range)
}

/// The password among what a database is connected to with: `{"host": …, "dbname": …, "password": …}`, or the
/// same as arguments of a call.
fn login(expr: &Expr) -> Option<TextRange> {
    let named: Vec<(&str, &Expr)> = match &expr.kind {
        ExprKind::Dict(entries) => {
            entries.iter().filter_map(|(key, value)| Some((key.as_ref()?.as_str()?.as_str(), value))).collect()
        }
        ExprKind::Call { args, .. } => {
            args.iter().filter_map(|arg| Some((arg.name.as_ref()?.name.as_str(), &arg.value))).collect()
        }
        _ => return None,
    };
    let given = |names: &[&str]| named.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| *value);
    given(&["database", "dbname", "db", "db_name"])?;
    let host = given(&["host", "hostname", "server"])?.as_str()?;
    let user = given(&["user", "username"]).and_then(Expr::as_str).map_or("", |user| user.as_str());
    let password = given(&["password", "passwd"])?;
    is_login(host, user, password.as_str()?).then_some(password.range)
}
