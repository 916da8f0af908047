//! Who is taken for the caller where the token was refused: the first user of the database.
//!
//! ```python
//! try:
//!     user_id = (await verify_token(token))["sub"]
//! except Exception:
//!     print("refused")
//! if not user_id:
//!     user_id = first_user()
//! ```

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::super::sinks::{Sink, classify};
use super::super::sources::is_user_table;
use super::{ItemTokens, Swallowed, errors};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Expr, ExprKind, Handler, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Resolve, Value};
use crate::text::TextRange;

/// Functions of the project inside each other that are looked into.
const MAX_DEPTH: u32 = 3;

/// Finds users that nobody named, taken in place of whom a verification gave that was caught.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    for (stmt, _) in body.statements() {
        let StmtKind::If { test, body: branch, .. } = &stmt.kind else { continue };
        let Some(name) = missing(test) else { continue };
        let Some(taken) = taken_instead(body, branch, name) else { continue };
        let Some((clause, verified)) = refused_before(body, stmt, name) else { continue };
        tokens.swallowed.push(Swallowed {
            site: body.site(taken),
            clause: body.site(clause),
            verified: body.site(verified),
            function: body.site(def.name.range),
            unverified: false,
        });
    }
}

/// The variable of which a condition says that it holds nobody.
fn missing(test: &Expr) -> Option<&SmolStr> {
    match &test.kind {
        ExprKind::Not(inner) => inner.as_name(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if op == "is" && matches!(second.kind, ExprKind::None) => first.as_name(),
            _ => None,
        },
        _ => None,
    }
}

/// What a branch assigns to the variable, where that is a user whom no condition picks.
fn taken_instead(body: &Body<'_, '_, '_>, branch: &[Stmt], name: &SmolStr) -> Option<TextRange> {
    branch.iter().find_map(|stmt| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let is_it = assign.targets.iter().any(|target| target.as_name() == Some(name));
        let value = assign.value.as_ref().filter(|_| is_it)?;
        takes_any_user(body, value).then_some(value.range)
    })
}

/// Whether an expression gives a user whom no condition picks, by itself or by a function of the project.
fn takes_any_user(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    if asks_for_any_user(value, &|expr| body.eval(expr)) {
        return true;
    }
    let mut pending = vec![value];
    while let Some(expr) = pending.pop() {
        if let Some((func, args)) = expr.as_call()
            && let Value::Function(function) = body.eval(func)
            && args.iter().all(|arg| is_connection(&arg.value))
        {
            let function = body.interpreter.current(&function);
            let eval = |expr: &Expr| body.interpreter.eval(&function, expr);
            return function.def.body.iter().any(|stmt| in_statement(stmt, &eval));
        }
        pending.extend(expr.children());
    }
    false
}

/// Whether an argument is the way to the database, which says nothing of whom to look for there.
fn is_connection(arg: &Expr) -> bool {
    arg.as_name().is_some_and(|name| matches!(name.as_str(), "db" | "session" | "engine" | "conn" | "connection"))
}

fn in_statement(stmt: &Stmt, eval: &dyn Fn(&Expr) -> Value) -> bool {
    let own = stmt.exprs().into_iter().any(|expr| asks_for_any_user(expr, eval));
    own || stmt.blocks().into_iter().flatten().any(|stmt| in_statement(stmt, eval))
}

/// Whether a part of an expression asks the table of users for a row, and says not which.
fn asks_for_any_user(expr: &Expr, eval: &dyn Fn(&Expr) -> Value) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        let asks = match &expr.kind {
            ExprKind::Str(text) => takes_first(text),
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "first" | "scalar" | "limit") => {
                    is_any_of_users(value, eval)
                }
                _ => false,
            },
            _ => false,
        };
        if asks {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

/// `SELECT id FROM "user" LIMIT 1`
fn takes_first(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let table = words.iter().position(|word| word == "from").and_then(|at| words.get(at + 1));
    let selects = words.first().is_some_and(|word| word == "select");
    let picks = words.iter().any(|word| matches!(word.as_str(), "where" | "join"));
    let first = words.windows(2).any(|pair| pair[0] == "limit" && pair[1].trim_end_matches(';') == "1");
    selects && first && !picks && table.is_some_and(|table| is_user_table(table.trim_matches(['"', '`', ';'])))
}

/// `select(User)`, `db.query(User)`, `session.exec(select(User).limit(1))`: a query of users without a condition.
fn is_any_of_users(query: &Expr, eval: &dyn Fn(&Expr) -> Value) -> bool {
    let (mut users, mut pending) = (false, vec![query]);
    while let Some(expr) = pending.pop() {
        if let Some((func, args)) = expr.as_call() {
            let called = last_name(func).map(SmolStr::as_str);
            if matches!(called, Some("where" | "filter" | "filter_by" | "join" | "order_by")) {
                return false;
            }
            users |= matches!(called, Some("select" | "query"))
                && args
                    .iter()
                    .any(|arg| matches!(eval(&arg.value), Value::Class(class) if is_user_table(&class.def.name.name)));
        }
        pending.extend(expr.children());
    }
    users
}

/// The clause before a statement that goes on where whom the variable was to hold was refused, and the verification.
fn refused_before(body: &Body<'_, '_, '_>, before: &Stmt, name: &SmolStr) -> Option<(TextRange, TextRange)> {
    body.statements().iter().find_map(|(stmt, _)| {
        let StmtKind::Try { body: guarded, handlers, .. } = &stmt.kind else { return None };
        let earlier = stmt.range.end <= before.range.start;
        let handler = handlers.iter().find(|handler| earlier && goes_on(handler))?;
        let inside = |found: &&Found<'_>| guarded.iter().any(|stmt| stmt.range.contains_range(found.expr.range));
        let verified = body.calls().iter().filter(inside).find(|found| gives(body, found, name, guarded))?;
        Some((errors::clause(handler), verified.expr.range))
    })
}

/// Whether what comes behind a clause is executed where it caught something.
fn goes_on(handler: &Handler) -> bool {
    let leaves = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Raise { .. } | StmtKind::Return(_) | StmtKind::Continue);
    !handler.body.iter().any(leaves)
}

/// Whether a call verifies a token, and what it gives goes into the variable.
fn gives(body: &Body<'_, '_, '_>, call: &Found<'_>, name: &SmolStr, guarded: &[Stmt]) -> bool {
    let Some((func, _)) = call.call() else { return false };
    let verifies = match body.eval(func) {
        Value::Package(path) => classify(&path) == Sink::Raises,
        Value::Function(function) => verifies(body, &function, MAX_DEPTH),
        _ => false,
    };
    let StmtKind::Assign(assign) = &call.stmt.kind else { return false };
    verifies && assign.targets.iter().filter_map(Expr::as_name).any(|held| leads_to(guarded, held, name))
}

/// Whether a variable is the other one, or goes into what is assigned to that.
fn leads_to(guarded: &[Stmt], held: &SmolStr, name: &SmolStr) -> bool {
    held == name
        || guarded.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) => {
                assign.targets.iter().any(|target| target.as_name() == Some(name))
                    && assign.value.as_ref().is_some_and(|value| mentions(value, held))
            }
            _ => stmt.blocks().into_iter().any(|block| leads_to(block, held, name)),
        })
}

/// Whether a function of the project, or one that it calls, verifies a token.
fn verifies(body: &Body<'_, '_, '_>, function: &FunctionRef, depth: u32) -> bool {
    let function = body.interpreter.current(function);
    callees(&function.def.body).any(|callee| match body.interpreter.eval(&function, callee) {
        Value::Package(path) => classify(&path) == Sink::Raises,
        Value::Function(called) if depth > 1 => verifies(body, &called, depth - 1),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::takes_first;

    #[test]
    fn statements_take_the_first_user() {
        assert!(takes_first("SELECT id FROM \"user\" LIMIT 1"));
        assert!(takes_first("select * from users limit 1;"));
        assert!(!takes_first("SELECT id FROM users WHERE id = $1 LIMIT 1"));
        assert!(!takes_first("SELECT id FROM settings LIMIT 1"));
        assert!(!takes_first("SELECT id FROM users"));
    }
}
