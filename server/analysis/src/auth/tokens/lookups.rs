//! Sessions that are looked up by their token, and answers of session endpoints.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{Body, Found, Scope, last_name, mentions, parts};
use super::callees::{callee, parameter};
use super::{Given, Introspection, ItemTokens, SessionLookup, SessionQuery, secrets};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, Resolve, Site, Value};

/// Functions inside each other that are looked into for what they do with a session.
const MAX_DEPTH: u32 = 3;

/// Finds sessions that a body looks up by their token, without a look at when they end.
pub(super) fn sessions(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let Some(def) = body.def else { return };
    let function = body.site(def.name.range);
    let mut found = Vec::new();
    for comparison in body.find(&|expr| matches!(expr.kind, ExprKind::Compare { .. } | ExprKind::Str(_))) {
        found.extend(by_model(body, &comparison).or_else(|| by_text(body, &comparison)));
    }
    tokens.session_queries.extend(found.iter().map(|(lookup, given)| SessionQuery {
        site: lookup.site,
        function,
        given: *given,
    }));
    if minds_the_end(body) || found.is_empty() || hands_to_who_minds(body, &found) {
        return;
    }
    tokens.lookups.extend(found.into_iter().map(|(lookup, _)| lookup));
}

/// What a query compares the column of tokens with.
fn given(body: &Body<'_, '_, '_>, token: &Expr) -> Given {
    // A signed token is taken apart at its dot.
    if !body.find(&|expr| expr.as_str().is_some_and(|text| text == ".")).is_empty() {
        return Given::Other;
    }
    if secrets::is_whole(body, token) {
        return Given::Whole;
    }
    let is_parameter = body.traced(token).as_name().is_some_and(|name| body.param(name).is_some());
    if is_parameter { Given::Parameter } else { Given::Other }
}

/// `Session.token == token` of a table that says when sessions end.
fn by_model(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Option<(SessionLookup, Given)> {
    let ExprKind::Compare { first, rest } = &found.expr.kind else { return None };
    let [(op, second)] = rest.as_slice() else { return None };
    if op != "==" {
        return None;
    }
    [(&**first, second), (second, &**first)].into_iter().find_map(|(side, token)| {
        let side = match side.as_call() {
            // `col(Session.token) == token`
            Some((func, args)) if last_name(func).is_some_and(|name| name == "col") => &args.first()?.value,
            _ => side,
        };
        let ExprKind::Attribute { value, name } = &side.kind else { return None };
        let column =
            matches!(name.name.as_str(), "token" | "session_token" | "sessionToken" | "access_token" | "token_hash");
        if !column {
            return None;
        }
        let Value::Class(class) = body.eval(value) else { return None };
        // Who signs out ends a session that may have ended.
        if only_removes(body, found.expr) || !lets_in(body, found) {
            return None;
        }
        let (column, declared) = end_column(body.interpreter, &class)?;
        let function = body.site(body.def?.name.range);
        let name = &class.def.name.name;
        let of = (!name.to_ascii_lowercase().contains("session")).then(|| name.clone());
        Some((SessionLookup { site: body.site(found.expr.range), function, column, declared, of }, given(body, token)))
    })
}

/// Whether anybody may be let in by what a query finds: it is given out, or somebody is turned away where there is
/// nothing. Who only counts how often a session asks, say, goes on without a row.
fn lets_in(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let StmtKind::Assign(assign) = &found.stmt.kind else { return true };
    let [Expr { kind: ExprKind::Name(given), .. }] = assign.targets.as_slice() else { return true };
    // `result = await db.execute(query)`
    let run = body.statements().iter().find_map(|(stmt, _)| run_of(stmt, given));
    let given = run.unwrap_or(given);
    // `result = await db.execute(query)`, of which the row is taken: `row = result.scalar_one_or_none()`.
    let taken: Vec<&SmolStr> = body.statements().iter().filter_map(|(stmt, _)| taken_of(stmt, given)).collect();
    let row = match taken.as_slice() {
        [row] => row,
        _ => given,
    };
    let is_it = |expr: &Expr| expr.as_name() == Some(row);
    let is_missing = |expr: &Expr| match &expr.kind {
        ExprKind::Not(inner) => is_it(inner),
        ExprKind::Compare { first, .. } => is_it(first),
        _ => false,
    };
    let is_questioned = !body.find(&is_missing).is_empty();
    is_questioned
        || body.statements().iter().any(|(stmt, _)| match &stmt.kind {
            StmtKind::Return(Some(value)) => mentions(value, row) || mentions(value, given),
            StmtKind::Assign(other) if taken_of(stmt, given).is_none() => {
                other.value.as_ref().is_some_and(|value| value.range != found.expr.range && mentions(value, row))
            }
            // Who signs out ends a session, and others of the same family.
            StmtKind::Expr(expr) => mentions(expr, row) && !removes(expr),
            _ => false,
        })
}

/// The variable that holds what the query in another one gives, where a statement runs it.
fn run_of<'s>(stmt: &'s Stmt, query: &str) -> Option<&'s SmolStr> {
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let [Expr { kind: ExprKind::Name(result), .. }] = assign.targets.as_slice() else { return None };
    let value = assign.value.as_ref()?;
    let call = if let ExprKind::Await(inner) = &value.kind { inner.as_call() } else { value.as_call() };
    let (func, args) = call?;
    let [only] = args else { return None };
    let runs = last_name(func).is_some_and(|name| matches!(name.as_str(), "execute" | "exec" | "scalar" | "scalars"));
    (runs && only.value.as_name().is_some_and(|name| name == query)).then_some(result)
}

/// The variable that takes the only row of what a query gave, where a statement does that.
fn taken_of<'s>(stmt: &'s Stmt, given: &str) -> Option<&'s SmolStr> {
    const TAKES: &[&str] = &["scalar_one_or_none", "scalar", "first", "one_or_none", "scalars"];
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let [Expr { kind: ExprKind::Name(row), .. }] = assign.targets.as_slice() else { return None };
    let mut expr = assign.value.as_ref()?;
    while let Some((Expr { kind: ExprKind::Attribute { value, name }, .. }, _)) = expr.as_call() {
        if !TAKES.contains(&name.name.as_str()) {
            return None;
        }
        if value.as_name().is_some_and(|name| name == given) {
            return Some(row);
        }
        expr = value;
    }
    None
}

/// Whether what a condition finds is only removed or changed: `db.query(Session).filter(Session.token == token).delete()`.
fn only_removes(body: &Body<'_, '_, '_>, condition: &Expr) -> bool {
    let holds = |outer: &Expr| outer.range.start <= condition.range.start && condition.range.end <= outer.range.end;
    body.calls().iter().any(|found| holds(found.expr) && found.call().is_some_and(|(func, _)| is_removal(func)))
}

/// Whether a statement removes or changes what it names: `await db.delete(row)`.
fn removes(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Await(inner) => removes(inner),
        _ => expr.as_call().is_some_and(|(func, args)| {
            // `db.execute(update(Session).where(…).values(revoked=True))`
            let runs = last_name(func).is_some_and(|name| matches!(name.as_str(), "execute" | "exec"));
            let made = |arg: &Arg| arg.value.as_call().is_some_and(|(func, _)| is_removal(func));
            is_removal(func) || runs && args.iter().any(made)
        }),
    }
}

fn is_removal(func: &Expr) -> bool {
    let removes = |name: &str| matches!(name, "delete" | "update");
    match &func.kind {
        ExprKind::Name(name) => removes(name),
        ExprKind::Attribute { value, name } => {
            removes(&name.name) || value.as_call().is_some_and(|(inner, _)| is_removal(inner))
        }
        _ => false,
    }
}

/// The column of a table that says when its rows end.
fn end_column(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>) -> Option<(SmolStr, Site)> {
    interpreter.linearised(class).iter().find_map(|class| {
        interpreter.count_outline(class.site);
        class.def.body.iter().find_map(|stmt| {
            let StmtKind::Assign(assign) = &stmt.kind else { return None };
            let target = assign.targets.first()?;
            let name = target.as_name()?;
            let ends = name.to_ascii_lowercase().contains("expir");
            ends.then(|| (name.clone(), Site { range: target.range, ..class.site }))
        })
    })
}

/// `select … from session where token = :token` in plain SQL.
fn by_text(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Option<(SessionLookup, Given)> {
    let ExprKind::Str(text) = &found.expr.kind else { return None };
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let from = words.iter().position(|word| *word == "from")?;
    let table = words.get(from + 1).is_some_and(|table| matches!(*table, "session" | "sessions" | "user_sessions"));
    let by_token = words.iter().skip_while(|word| **word != "where").any(|word| *word == "token");
    let reads = words.first() == Some(&"select");
    let site = body.site(found.expr.range);
    if !(reads && table && by_token) {
        return None;
    }
    // `{"token": token}` beside the statement.
    let parameters = body.find(&|expr| matches!(expr.kind, ExprKind::Dict(_)));
    let token = parameters.iter().find_map(|found| match &found.expr.kind {
        ExprKind::Dict(entries) => entries
            .iter()
            .find(|(key, _)| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key.contains("token")))
            .map(|(_, value)| value),
        _ => None,
    });
    let function = body.site(body.def?.name.range);
    let lookup = SessionLookup { site, function, column: SmolStr::new_static("expiresAt"), declared: site, of: None };
    Some((lookup, token.map_or(Given::Other, |token| given(body, token))))
}

/// Whether a body says anything of when something ends.
fn minds_the_end(body: &Body<'_, '_, '_>) -> bool {
    let by_name = body.find(&|expr| match &expr.kind {
        ExprKind::Name(name) | ExprKind::Str(name) => speaks_of_end(name),
        ExprKind::Attribute { name, .. } => {
            speaks_of_end(&name.name) || name.name == "is_valid" || name.name == "is_active"
        }
        ExprKind::Call { args, .. } => {
            args.iter().any(|arg| arg.name.as_ref().is_some_and(|name| speaks_of_end(&name.name)))
        }
        _ => false,
    });
    !by_name.is_empty()
}

/// Whether a row that a body looks up goes to a function of the project that reads when it ends:
/// `if not is_live(row, now): raise …`.
fn hands_to_who_minds(body: &Body<'_, '_, '_>, found: &[(SessionLookup, Given)]) -> bool {
    let held = held(body, found);
    hands_on(body, &|expr| expr.as_name().is_some_and(|name| held.contains(&name)), 0)
}

/// Variables that hold what lookups find: `query = …`, `result = db.execute(query)`, `session, user = result.one()`.
fn held<'b>(body: &Body<'b, '_, '_>, found: &[(SessionLookup, Given)]) -> Vec<&'b SmolStr> {
    let mut held: Vec<&SmolStr> = Vec::new();
    for (stmt, _) in body.statements() {
        let StmtKind::Assign(assign) = &stmt.kind else { continue };
        let range = body.site(stmt.range).range;
        let looks_up = |(lookup, _): &(SessionLookup, Given)| {
            range.start <= lookup.site.range.start && lookup.site.range.end <= range.end
        };
        let given = |value: &Expr| held.iter().any(|name| mentions(value, name));
        if found.iter().any(looks_up) || assign.value.as_ref().is_some_and(given) {
            assign.targets.iter().for_each(|target| names_in(target, &mut held));
        }
    }
    held
}

/// The names that a target of an assignment binds.
fn names_in<'e>(target: &'e Expr, names: &mut Vec<&'e SmolStr>) {
    match &target.kind {
        ExprKind::Name(name) => names.push(name),
        ExprKind::Tuple(parts) | ExprKind::List(parts) => parts.iter().for_each(|part| names_in(part, names)),
        _ => {}
    }
}

/// Whether a row, or when it ends, is an argument of a call of a function of the project that compares that with something.
fn hands_on(body: &Body<'_, '_, '_>, is_row: &dyn Fn(&Expr) -> bool, depth: u32) -> bool {
    let is_end = |expr: &Expr| matches!(&expr.kind, ExprKind::Attribute { value, name } if speaks_of_end(&name.name) && is_row(value));
    depth < MAX_DEPTH
        && body.calls().iter().filter_map(Found::call).any(|(func, args)| {
            let is_given = |arg: &Arg| is_row(&arg.value) || is_end(&arg.value);
            let at: Vec<usize> = (0..args.len()).filter(|at| is_given(&args[*at])).collect();
            let Some(function) = callee(body, func).filter(|_| !at.is_empty()) else { return false };
            let function = body.interpreter.current(&function);
            let inside = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
            let taken: Vec<&SmolStr> =
                at.iter().filter_map(|at| parameter(&function, args, *at)).map(|param| &param.name.name).collect();
            let is_taken = |expr: &Expr| expr.as_name().is_some_and(|name| taken.contains(&name));
            minds_what(&inside, &is_taken) || hands_on(&inside, &is_taken, depth + 1)
        })
}

/// Whether a body asks for the end of what it was given, or compares the end that it was given.
fn minds_what(body: &Body<'_, '_, '_>, is_taken: &dyn Fn(&Expr) -> bool) -> bool {
    let reads_end = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => {
            is_taken(value) && (speaks_of_end(&name.name) || matches!(name.name.as_str(), "is_valid" | "is_active"))
        }
        ExprKind::Compare { first, rest } => {
            let is_end = |side: &Expr| {
                holds(side, &|part| is_taken(part) && part.as_name().is_some_and(|name| speaks_of_end(name)))
            };
            is_end(first) || rest.iter().any(|(_, side)| is_end(side))
        }
        _ => false,
    };
    let sets = |found: &Found<'_>| match &found.stmt.kind {
        StmtKind::Assign(assign) => assign.targets.iter().any(|target| target.range == found.expr.range),
        _ => false,
    };
    body.find(&reads_end).iter().any(|found| !sets(found))
}

/// Whether an expression is something, or a part of it is.
fn holds(expr: &Expr, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    is_it(expr) || parts(expr).into_iter().any(|part| holds(part, is_it))
}

fn speaks_of_end(name: &str) -> bool {
    name.to_ascii_lowercase().contains("expir")
}

/// Finds answers of Better Auth's session endpoint that a body believes by
/// their status: without a session it answers 200 and `null`.
pub(super) fn introspections(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let requests: Vec<&Found<'_>> = body.calls().iter().filter(|found| asks_session(body, found)).collect();
    tokens.session_requests.extend(requests.iter().map(|request| body.site(request.expr.range)));
    let Some(request) = requests.first() else { return };
    let reads: Vec<&Found<'_>> = body
        .calls()
        .iter()
        .filter(|found| {
            found.call().is_some_and(|(func, args)| {
                args.is_empty() && matches!(&func.kind, ExprKind::Attribute { name, .. } if name.name == "json")
            })
        })
        .collect();
    let [read] = reads.as_slice() else { return };
    let status = body.find(&|expr| match &expr.kind {
        ExprKind::Attribute { name, .. } => {
            matches!(name.name.as_str(), "status_code" | "raise_for_status" | "is_success" | "ok" | "is_error")
        }
        _ => false,
    });
    let believed = match &read.stmt.kind {
        // `return response.json()`: whoever is given it gets `None`.
        StmtKind::Return(Some(value)) => value.range == read.expr.range,
        StmtKind::Assign(assign) => match assign.targets.as_slice() {
            [target] => target.as_name().is_some_and(|name| {
                let direct = assign.value.as_ref().is_some_and(|value| value.range == read.expr.range);
                let returned = body.statements().iter().any(
                    |(stmt, _)| matches!(&stmt.kind, StmtKind::Return(Some(value)) if value.as_name() == Some(name)),
                );
                direct && returned && !is_questioned(body, name)
            }),
            _ => false,
        },
        _ => false,
    };
    if believed {
        tokens.introspections.push(Introspection {
            site: body.site(read.expr.range),
            request: body.site(request.expr.range),
            status: status.first().map(|found| body.site(found.expr.range)),
        });
    }
}

/// Whether a call asks a session endpoint: its address ends so.
fn asks_session(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let Some((func, args)) = found.call() else { return false };
    if !last_name(func).is_some_and(|name| matches!(name.as_str(), "get" | "request" | "post" | "fetch")) {
        return false;
    }
    args.iter().any(|arg| {
        let mut pending = vec![body.traced(&arg.value)];
        while let Some(expr) = pending.pop() {
            if let ExprKind::Str(text) = &expr.kind
                && text.contains("/get-session")
            {
                return true;
            }
            pending.extend(parts(expr));
        }
        matches!(body.eval(&arg.value), Value::Str(text) if text.contains("/get-session"))
    })
}

/// Whether a condition, or a read of one of its parts, asks whether a variable holds anything.
fn is_questioned(body: &Body<'_, '_, '_>, name: &str) -> bool {
    let reads = body.find(&|expr| match &expr.kind {
        ExprKind::Subscript { value, .. } | ExprKind::Attribute { value, .. } => {
            value.as_name().is_some_and(|found| found == name)
        }
        _ => false,
    });
    let asked = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, .. } => mentions(test, name),
        StmtKind::Assert(test) => mentions(test, name),
        _ => false,
    });
    asked || !reads.is_empty()
}
