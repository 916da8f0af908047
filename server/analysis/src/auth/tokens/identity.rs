//! What becomes of a claim that names the caller, where the token has none.

use smol_str::SmolStr;

use super::super::code::{Body, Found, parts};
use super::claims::{is_result, variable};
use super::{Caught, IdentityUse, Missing, Unrequired, errors};
use crate::facts::python::tree::{Class, Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::{Resolve, Value};

/// Claims by which code names the caller.
pub(super) const IDENTITIES: &[&str] = &["sub", "id", "user_id", "userId", "userid", "uid"];

/// What a function does with the claims that a call gives, as far as they name the caller.
pub(super) fn identity_use(body: &Body<'_, '_, '_>, found: &Found<'_>) -> IdentityUse {
    let whole = |expr: &Expr| is_result(found, variable(found), expr);
    let returned = returned_values(body);
    let is_questioned = variable(found).is_some_and(|name| is_tested(body, &|expr| expr.as_name() == Some(name)));
    IdentityUse {
        unrequired: unrequired(body, found),
        asked_for: asked_for(body, found),
        returns_claims: returned.iter().any(|value| whole(value)),
        passes_on: !is_questioned && !promises_nobody(body) && returned.iter().any(|value| holds(body, value, &whole)),
    }
}

/// Claims that name the caller and that a condition asks about, by themselves or in a variable.
fn asked_for(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Vec<SmolStr> {
    let is_claims = |expr: &Expr| is_result(found, variable(found), expr);
    let reads = body.find(&|expr| read(expr, &is_claims).is_some());
    let asked = reads.iter().filter_map(|one| {
        let (claim, _) = read(one.expr, &is_claims)?;
        let variable = match &one.stmt.kind {
            StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(|value| is_same(value, one.expr)) => {
                assign.targets.first().and_then(Expr::as_name)
            }
            _ => None,
        };
        let is_it = |expr: &Expr| expr.range == one.expr.range || (variable.is_some() && expr.as_name() == variable);
        is_tested(body, &is_it).then_some(claim)
    });
    asked.collect()
}

/// Reads of claims that name the caller and that nothing makes sure of.
fn unrequired(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Vec<Unrequired> {
    let is_claims = |expr: &Expr| is_result(found, variable(found), expr);
    let reads = body.find(&|expr| read(expr, &is_claims).is_some());
    let mut unrequired: Vec<Unrequired> = Vec::new();
    for one in &reads {
        let Some((claim, by_key)) = read(one.expr, &is_claims) else { continue };
        let same = |expr: &Expr| match &expr.kind {
            ExprKind::Compare { first, rest } => {
                first.as_str() == Some(&claim)
                    && rest.iter().any(|(op, second)| matches!(op.as_str(), "in" | "not in") && is_claims(second))
            }
            _ => read(expr, &is_claims).is_some_and(|(other, _)| other == claim),
        };
        let is_target = matches!(&one.stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.range.contains_range(one.expr.range)));
        if is_target || is_tested(body, &same) || is_handed_to_a_model(body, one.expr) {
            continue;
        }
        let raises = |errors: &[&str]| !catches(&errors::caught_around(body, &one.around), errors);
        let missing = match by_key {
            true => raises(&["KeyError", "LookupError"]).then_some(Missing::Raises("KeyError")),
            false => taken(body, one, &raises),
        };
        if let Some(missing) = missing
            && !unrequired.iter().any(|known| known.claim == claim)
        {
            unrequired.push(Unrequired { claim, site: body.site(one.expr.range), missing });
        }
    }
    unrequired
}

/// The claim that an expression reads from claims, and whether it fails where there is none.
fn read(expr: &Expr, is_claims: &dyn Fn(&Expr) -> bool) -> Option<(SmolStr, bool)> {
    let (claim, by_key) = match &expr.kind {
        ExprKind::Subscript { value, index } if is_claims(value) => (index.as_str()?, true),
        ExprKind::Call { func, args } => {
            let ExprKind::Attribute { value, name } = &func.kind else { return None };
            if !is_claims(value) {
                return None;
            }
            let default = positional(args, 1);
            match (name.name.as_str(), default.map(|default| &default.kind)) {
                ("pop", None) => (positional(args, 0)?.as_str()?, true),
                ("get" | "pop", None | Some(ExprKind::None)) => (positional(args, 0)?.as_str()?, false),
                _ => return None,
            }
        }
        _ => return None,
    };
    IDENTITIES.contains(&claim.as_str()).then(|| (claim.clone(), by_key))
}

/// What becomes of a claim that is `None` where the token has none.
fn taken(body: &Body<'_, '_, '_>, read: &Found<'_>, raises: &dyn Fn(&[&str]) -> bool) -> Option<Missing> {
    let name = match &read.stmt.kind {
        StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
            ([target], Some(value)) if is_same(value, read.expr) => target.as_name(),
            _ => None,
        },
        _ => None,
    };
    if let Some(name) = name {
        let is_assigned_once = body.bindings(name).len() == 1;
        if !is_assigned_once || is_tested(body, &|expr| expr.as_name() == Some(name)) {
            return None;
        }
    }
    let is_it = |expr: &Expr| expr.range == read.expr.range || (name.is_some() && expr.as_name() == name);
    let converts = |expr: &Expr| {
        expr.as_call().is_some_and(|(func, args)| {
            matches!(args, [only] if is_it(&only.value))
                && body.package(func).is_some_and(|path| matches!(path.as_str(), "builtins.int" | "uuid.UUID"))
        })
    };
    if !body.find(&converts).is_empty() {
        return raises(&["TypeError"]).then_some(Missing::Raises("TypeError"));
    }
    let is_given = returned_values(body).iter().any(|value| holds(body, value, &is_it));
    (is_given && !promises_nobody(body)).then_some(Missing::Taken)
}

/// Whether an expression is another one, or awaits it.
fn is_same(expr: &Expr, other: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Await(inner) => is_same(inner, other),
        _ => expr.range == other.range,
    }
}

/// The values that a body returns.
fn returned_values<'b>(body: &Body<'b, '_, '_>) -> Vec<&'b Expr> {
    let values = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(value) => value.as_ref(),
        _ => None,
    });
    values.map(|value| body.traced(value)).collect()
}

/// Whether whoever calls a function has to expect nobody: its annotation says
/// so, or another of its ways ends with `None`.
fn promises_nobody(body: &Body<'_, '_, '_>) -> bool {
    let annotated = body.def.and_then(|def| def.returns.as_ref()).is_some_and(allows_none);
    let returned = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => matches!(value.kind, ExprKind::None),
        StmtKind::Return(None) => true,
        _ => false,
    });
    annotated || returned
}

/// Whether an annotation allows `None`.
fn allows_none(annotation: &Expr) -> bool {
    let mut pending = vec![annotation];
    while let Some(expr) = pending.pop() {
        let says = match &expr.kind {
            ExprKind::None => true,
            ExprKind::Name(name) => name == "Optional",
            ExprKind::Attribute { name, .. } => name.name == "Optional",
            ExprKind::Str(text) => text.contains("None") || text.contains("Optional"),
            // What a mapping or list holds is not what is returned.
            ExprKind::Subscript { value, .. } if !is_named(value, "Optional") && !is_named(value, "Union") => continue,
            _ => false,
        };
        if says {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

fn is_named(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(found) => found == name,
        ExprKind::Attribute { name: found, .. } => found.name == name,
        _ => false,
    }
}

/// Whether a returned value is one that `is_it` picks, or has it for a part.
fn holds(body: &Body<'_, '_, '_>, value: &Expr, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    let mut pending = vec![value];
    while let Some(expr) = pending.pop() {
        if is_it(expr) {
            return true;
        }
        match &expr.kind {
            ExprKind::Await(inner) => pending.push(inner),
            ExprKind::Tuple(parts) | ExprKind::List(parts) => pending.extend(parts),
            ExprKind::Dict(entries) => pending.extend(entries.iter().map(|(_, value)| value)),
            ExprKind::Call { func, args } => match body.eval(func) {
                // Models are asked about by themselves: they refuse `None`.
                Value::Class(_) => pending.extend(args.iter().map(|arg| &arg.value)),
                Value::Package(path) if matches!(path.as_str(), "builtins.str" | "builtins.dict") => {
                    pending.extend(args.iter().map(|arg| &arg.value));
                }
                _ => {}
            },
            _ => {}
        }
    }
    false
}

/// Whether a read is given to a model, which refuses a claim that is not
/// there, or is told that there may be none.
fn is_handed_to_a_model(body: &Body<'_, '_, '_>, read: &Expr) -> bool {
    let assigned = body.statements().iter().find_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(|value| is_same(value, read)) => {
            assign.targets.first().and_then(Expr::as_name)
        }
        _ => None,
    });
    let is_it = |expr: &Expr| expr.range == read.range || (assigned.is_some() && expr.as_name() == assigned);
    body.calls().iter().any(|call| {
        let Some((func, args)) = call.call() else { return false };
        let Some(given) = args.iter().find(|arg| is_it(&arg.value)) else { return false };
        let Value::Class(class) = body.eval(func) else { return false };
        let is_model = body
            .interpreter
            .package_bases(&class)
            .iter()
            .any(|base| ["pydantic", "sqlmodel", "sqlalchemy"].iter().any(|package| base.starts_with(package)));
        is_model && given.name.as_ref().is_none_or(|name| !is_optional(&class.def, &name.name))
    })
}

/// Whether a field of a class may be `None`.
fn is_optional(class: &Class, field: &str) -> bool {
    class.body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => {
            assign.targets.first().and_then(Expr::as_name).is_some_and(|name| name == field)
                && assign.annotation.as_ref().is_some_and(allows_none)
        }
        _ => false,
    })
}

/// Whether a condition of a body asks about something.
fn is_tested(body: &Body<'_, '_, '_>, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    let holds = |test: &Expr| {
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            if is_it(expr) {
                return true;
            }
            pending.extend(parts(expr));
        }
        false
    };
    let by_statement = body.statements().iter().any(|(stmt, _): &(&Stmt, _)| match &stmt.kind {
        StmtKind::If { test, .. } | StmtKind::While { test, .. } => holds(test),
        StmtKind::Assert(test) => holds(test),
        StmtKind::Match { subject, .. } => holds(subject),
        _ => false,
    });
    let by_expression = |expr: &Expr| match &expr.kind {
        ExprKind::IfExp { test, .. } => holds(test),
        // `claims.get("sub") or refuse()`
        ExprKind::BoolOp { values, .. } => values.iter().any(is_it),
        _ => false,
    };
    by_statement || !body.find(&by_expression).is_empty()
}

/// Whether clauses catch one of these exceptions.
fn catches(caught: &[Caught], errors: &[&str]) -> bool {
    caught.iter().any(|clause| {
        clause.types.is_empty()
            || clause.types.iter().any(|path| {
                let name = path.rsplit('.').next().unwrap_or(path);
                errors.contains(&name) || matches!(name, "?" | "Exception" | "BaseException")
            })
    })
}
