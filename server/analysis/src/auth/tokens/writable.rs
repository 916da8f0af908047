//! Roles that are read from what users write about themselves: `user_metadata` of Supabase, which every user may change
//! (`supabase.auth.updateUser({ data })`), while `app_metadata` is the server's alone; `unsafe_metadata` of Clerk.

use smol_str::SmolStr;

use super::super::code::Body;
use super::{ItemTokens, WritableRole};
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, positional};

/// What the documentation of the services calls what users may write.
const WRITABLE: &[&str] = &["user_metadata", "raw_user_meta_data", "unsafe_metadata"];

/// What words for what somebody may do are called.
const RIGHTS: &[&str] =
    &["role", "roles", "user_role", "is_admin", "isAdmin", "admin", "is_superuser", "is_staff", "permissions"];

/// Words for those who may do more than others.
const MASTERS: &[&str] =
    &["admin", "administrator", "superadmin", "super_admin", "superuser", "staff", "owner", "root", "moderator"];

/// Variables that are followed to what they are assigned.
const MAX_DEPTH: u32 = 5;

/// Finds such code in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let function = body.def.map(|def| body.site(def.name.range));
    let mut add = |expr: &Expr, key: &SmolStr, is_master: bool| {
        tokens.writable_roles.push(WritableRole { site: body.site(expr.range), function, key: key.clone(), is_master });
    };
    for found in body.find(&|expr| matches!(expr.kind, ExprKind::Compare { .. })) {
        let ExprKind::Compare { first, rest } = &found.expr.kind else { continue };
        let operands: Vec<&Expr> = std::iter::once(&**first).chain(rest.iter().map(|(_, other)| other)).collect();
        if let Some(key) = operands.iter().find_map(|operand| right(body, operand, 0)) {
            // Whether there is one at all says nothing of what that is.
            if operands.iter().all(|operand| !matches!(operand.kind, ExprKind::None)) {
                add(found.expr, key, operands.iter().any(|operand| names_master(operand)));
            }
        }
    }
    for (stmt, _) in body.statements() {
        let StmtKind::If { test, .. } = &stmt.kind else { continue };
        let asked = match &test.kind {
            ExprKind::Not(inner) => inner,
            _ => test,
        };
        if let Some(key) = right(body, asked, 0).filter(|key| !matches!(key.as_str(), "role" | "roles" | "user_role")) {
            add(asked, key, key.contains("admin"));
        }
    }
}

/// What is read of somebody's rights from what that one writes, by its key.
fn right<'e>(body: &Body<'e, '_, '_>, expr: &'e Expr, depth: u32) -> Option<&'e SmolStr> {
    if depth > MAX_DEPTH {
        return None;
    }
    let is_right = |key: &&SmolStr| RIGHTS.contains(&key.as_str());
    match &expr.kind {
        ExprKind::Name(name) if body.param(name).is_none() => {
            body.bindings(name).into_iter().flatten().find_map(|value| right(body, value, depth + 1))
        }
        ExprKind::Subscript { value, index } => index.as_str().filter(is_right).filter(|_| is_writable(body, value, 0)),
        ExprKind::Attribute { value, name } if is_writable(body, value, 0) => Some(&name.name).filter(is_right),
        ExprKind::BoolOp { values, .. } => values.iter().find_map(|value| right(body, value, depth + 1)),
        ExprKind::Call { func, args } => {
            let ExprKind::Attribute { value, name } = &func.kind else {
                // `str(role)`
                return args.first().and_then(|arg| right(body, &arg.value, depth + 1));
            };
            match name.name.as_str() {
                "get" if is_writable(body, value, 0) => positional(args, 0).and_then(Expr::as_str).filter(is_right),
                "lower" | "upper" | "strip" => right(body, value, depth + 1),
                // `app.get("role") or …` says what the server says.
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a value is what users write about themselves.
fn is_writable(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let names = |key: &str| WRITABLE.contains(&key);
    match &expr.kind {
        ExprKind::Name(name) if body.param(name).is_none() => {
            body.bindings(name).into_iter().flatten().any(|value| is_writable(body, value, depth + 1))
        }
        ExprKind::Attribute { name, .. } => names(&name.name),
        ExprKind::Subscript { index, .. } => index.as_str().is_some_and(|key| names(key)),
        ExprKind::BoolOp { values, .. } => values.iter().any(|value| is_writable(body, value, depth + 1)),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { name, .. } if name.name == "get" => {
                positional(args, 0).and_then(Expr::as_str).is_some_and(|key| names(key))
            }
            // `getattr(user, "user_metadata", {})`
            _ => positional(args, 1).and_then(Expr::as_str).is_some_and(|key| names(key)),
        },
        _ => false,
    }
}

/// Whether a text that stands there, or one of several, is a word for those who may do more.
fn names_master(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Str(text) => MASTERS.contains(&text.to_ascii_lowercase().as_str()),
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => parts.iter().any(names_master),
        _ => false,
    }
}
