//! Answers to failed authentication with another status than 401.

use super::super::code::{Body, Scope, mentions, parts};
use super::always::gives_something;
use super::identity::IDENTITIES;
use super::libraries::does;
use super::valid::says_whether_valid;
use super::{Failure, ItemTokens, WrongStatus, errors, replaced, schemes, secrets};
use crate::facts::python::tree::{Expr, ExprKind, Spread, Stmt, StmtKind, positional};
use crate::index::value::{ClassRef, Resolve, Value};
use crate::text::TextRange;

/// Assignments that a value is followed through to a credential.
const MAX_DEPTH: u32 = 4;

/// Finds such answers in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for (stmt, around) in body.statements() {
        if replaced::is_caught(body, around) {
            continue;
        }
        match &stmt.kind {
            StmtKind::If { test, body: branch, .. } => {
                if let Some((failure, proof)) = fails(body, test) {
                    note(body, branch, (failure, proof, false), tokens);
                } else if let Some(proof) = gone(body, test) {
                    note(body, branch, (Failure::Gone, proof, false), tokens);
                }
            }
            StmtKind::Try { body: guarded, handlers, .. } => {
                for handler in handlers {
                    let proof = errors::catches_verification(body, guarded, handler);
                    // The token of a link in a mail is no authentication: its failure is a bad request.
                    let own = verifies(body, guarded, &|arg| secrets::credential(body, arg).is_some());
                    let is_given = !own && verifies(body, guarded, &|arg| is_parameter(body, arg));
                    if let Some(proof) = proof.filter(|_| own || is_given) {
                        note(body, &handler.body, (Failure::Raised, proof, is_given), tokens);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Notes the answers of a branch, and why they are answers to failed
/// authentication: what failed, where, and whether the token was handed over.
fn note(body: &Body<'_, '_, '_>, branch: &[Stmt], why: (Failure, TextRange, bool), tokens: &mut ItemTokens) {
    let (failure, proof, is_given) = why;
    let Some(def) = body.def else { return };
    for stmt in branch {
        let (status, range) = match errors::answer(body, stmt) {
            Some(answer) => match answer.status {
                // Who is gone is not there: other answers say something else of that user.
                Some((status, _)) if failure == Failure::Gone && status != 404 => continue,
                Some((404, _)) if failure == Failure::Rejected && asks_for_other(body, proof) => continue,
                Some((status @ (200 | 400 | 403 | 404 | 422 | 500), range)) => (status, range),
                _ => continue,
            },
            None if failure == Failure::Gone => continue,
            None => match returned_error(stmt) {
                Some(range) => (200, range),
                None => continue,
            },
        };
        tokens.statuses.push(WrongStatus {
            function: body.site(def.name.range),
            site: body.site(range),
            status,
            failure,
            proof: body.site(proof),
            is_given,
        });
    }
}

/// Whether something was asked for, together with the credential, that the client names beside it: what is not there is
/// that, perhaps. `group = await fetch_group(body.group_id, token)`
fn asks_for_other(body: &Body<'_, '_, '_>, proof: TextRange) -> bool {
    let names_one = |value: &Expr| match &value.kind {
        ExprKind::Attribute { value: model, .. } => {
            let param = model.as_name().and_then(|name| body.param(name));
            let class = param.and_then(|param| param.annotation.as_ref()).map(|annotation| body.eval(annotation));
            let is_model = |class: &ClassRef| {
                body.interpreter.package_bases(class).iter().any(|base| base == "pydantic.BaseModel")
            };
            matches!(class, Some(Value::Class(class)) if is_model(&class))
        }
        ExprKind::Name(name) => {
            let param = body.param(name).filter(|param| schemes::asked_for(body, param).is_none());
            let ty = param.and_then(|param| param.annotation.as_ref()).map(|annotation| body.eval(annotation));
            let is_plain = |path: &str| matches!(path, "builtins.str" | "builtins.int" | "uuid.UUID");
            matches!(ty, Some(Value::Package(path)) if is_plain(&path))
        }
        _ => false,
    };
    let calls = body.calls().iter().filter(|found| proof.contains_range(found.expr.range));
    calls
        .filter_map(|found| found.call())
        .filter(|(func, _)| !reads_tokens(body, func))
        .flat_map(|(_, args)| args)
        .any(|arg| names_one(&arg.value) && secrets::credential(body, &arg.value).is_none())
}

/// Whether a call reads a token, itself or in the function of the project that it calls: what else it is given says which
/// tokens are good.
fn reads_tokens(body: &Body<'_, '_, '_>, func: &Expr) -> bool {
    let Value::Function(function) = body.eval(func) else { return does(body, func).is_some() };
    let function = body.interpreter.current(&function);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    inner.calls().iter().filter_map(|found| found.call()).any(|(func, _)| does(&inner, func).is_some())
}

/// `return {"error": …}`: FastAPI answers 200.
fn returned_error(stmt: &Stmt) -> Option<TextRange> {
    let StmtKind::Return(Some(value)) = &stmt.kind else { return None };
    let dict = match &value.kind {
        // `return {"error": …}, 401` is a list for FastAPI.
        ExprKind::Tuple(parts) => parts.first()?,
        _ => value,
    };
    let ExprKind::Dict(entries) = &dict.kind else { return None };
    let (key, _) = entries.first()?;
    key.as_ref()?.as_str().filter(|key| *key == "error" || *key == "detail").map(|_| value.range)
}

/// What a condition that holds says of the caller's credential.
fn fails(body: &Body<'_, '_, '_>, test: &Expr) -> Option<(Failure, TextRange)> {
    match &test.kind {
        // All of them: nothing is there to know the caller by.
        ExprKind::BoolOp { and: true, values } => {
            let all: Option<Vec<_>> = values.iter().map(|value| fails(body, value)).collect();
            all?.into_iter().next()
        }
        // Any of them.
        ExprKind::BoolOp { and: false, values } => {
            let all: Option<Vec<_>> =
                values.iter().map(|value| fails(body, value).or_else(|| malformed(body, value))).collect();
            all?.into_iter().next()
        }
        ExprKind::Not(inner) => absent(body, inner).or_else(|| malformed(body, test)),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if matches!(op.as_str(), "is" | "==") => {
                matches!(second.kind, ExprKind::None | ExprKind::Bool(false)).then(|| absent(body, first))?
            }
            // `token not in known`
            [(op, _)] if op == "not in" && secrets::credential(body, first).is_some() => {
                Some((Failure::Rejected, test.range))
            }
            [(op, second)] if op == "not in" => {
                // `"session_token" not in request.cookies`
                let key = first.as_str()?;
                let map = body.traced(second);
                let ExprKind::Attribute { value, name } = &map.kind else { return None };
                let of_request =
                    matches!(name.name.as_str(), "cookies" | "headers") && secrets::is_request(body, value);
                let named =
                    super::super::sources::worth_of(&key.replace('.', "_")) == super::super::sources::Worth::Credential;
                (of_request && named).then_some((Failure::Missing, test.range))
            }
            _ => None,
        },
        _ => None,
    }
}

/// `not header.startswith("Bearer ")`: the credential has another form.
fn malformed(body: &Body<'_, '_, '_>, test: &Expr) -> Option<(Failure, TextRange)> {
    let ExprKind::Not(inner) = &test.kind else { return None };
    let (func, _) = inner.as_call()?;
    let ExprKind::Attribute { value, name } = &func.kind else { return None };
    let looks = name.name == "startswith" && secrets::credential(body, value).is_some();
    looks.then_some((Failure::Missing, test.range))
}

/// What it says of the caller when a value is not there.
fn absent(body: &Body<'_, '_, '_>, value: &Expr) -> Option<(Failure, TextRange)> {
    if secrets::credential(body, value).is_some() {
        return Some((Failure::Missing, value.range));
    }
    let Some(name) = value.as_name() else {
        let made = match &value.kind {
            ExprKind::Await(inner) => inner,
            _ => value,
        };
        // `if not is_valid(token)`: what else a call says may be refused to a caller who is known.
        let refuses = comes_from_credential(body, made, 0) && says_whether_valid(body, made);
        return (refuses && !gives_something(body, made)).then_some((Failure::Rejected, value.range));
    };
    if body.param(name).is_some() {
        return None;
    }
    let mut made = body.bindings(name).into_iter().flatten();
    let made = made.find(|made| comes_from_credential(body, made, 0) || is_nobody(body, made));
    // Who finds nothing may raise there: this is never asked then.
    made.filter(|made| !gives_something(body, made)).map(|made| (Failure::Rejected, made.range))
}

/// Where the owner of the caller's token is looked up, of a condition that holds where there is no such user.
fn gone(body: &Body<'_, '_, '_>, test: &Expr) -> Option<TextRange> {
    let value = match &test.kind {
        ExprKind::Not(inner) => inner,
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if matches!(op.as_str(), "is" | "==") && matches!(second.kind, ExprKind::None) => first,
            _ => return None,
        },
        _ => return None,
    };
    let name = value.as_name().filter(|name| body.param(name).is_none())?;
    let is_call = |made: &&Expr| match &made.kind {
        ExprKind::Await(inner) => inner.as_call().is_some(),
        _ => made.as_call().is_some(),
    };
    let looks_up = |made: &&Expr| is_call(made) && named(body, made, 0) == Some(true);
    let made = body.bindings(name).into_iter().flatten().find(looks_up);
    made.filter(|made| !gives_something(body, made)).map(|made| made.range)
}

/// Whether a value has the owner of the caller's token in it: `User.id == int(claims["sub"])`; `None` where it has
/// something else that the client sent, so that it may be about that.
fn named(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> Option<bool> {
    let (mut pending, mut found) = (vec![expr], false);
    while let Some(part) = pending.pop() {
        if is_nobody(body, part) || is_kept_owner(body, part) {
            found = true;
            continue;
        }
        match part.as_name() {
            Some(name) if is_sent(body, part, name) => return None,
            Some(name) if depth < MAX_DEPTH && body.param(name).is_none() => {
                let made = body.bindings(name).into_iter().flatten().filter(|made| !mentions(made, name));
                for made in made {
                    found |= named(body, made, depth + 1)?;
                }
            }
            _ => pending.extend(parts(part)),
        }
    }
    Some(found)
}

/// Whether a variable is a parameter that the client fills with something else than its credential.
fn is_sent(body: &Body<'_, '_, '_>, expr: &Expr, name: &str) -> bool {
    let Some(param) = body.param(name) else { return false };
    let is_receiver = matches!(name, "self" | "cls");
    !is_receiver
        && schemes::asked_for(body, param).is_none()
        && secrets::credential(body, expr).is_none()
        && !secrets::is_request(body, expr)
}

/// Whether a value is the owner in an object that the claims of the caller's token made: `TokenData(**claims).sub`.
fn is_kept_owner(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let ExprKind::Attribute { value, name } = &expr.kind else { return false };
    let made = body.traced(value).as_call().map(|(_, args)| args).unwrap_or_default();
    IDENTITIES.contains(&name.name.as_str())
        && made.iter().filter(|arg| arg.spread != Spread::No).any(|arg| {
            let read = body.traced(&arg.value).as_call().map(|(_, args)| args).unwrap_or_default();
            read.iter().any(|arg| secrets::credential(body, &arg.value).is_some())
        })
}

/// Whether a value is the claim that names the owner of the caller's token: `claims.get("sub")`.
fn is_nobody(body: &Body<'_, '_, '_>, made: &Expr) -> bool {
    let (claims, claim) = match &made.kind {
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" => (&**value, positional(args, 0)),
            _ => return false,
        },
        ExprKind::Subscript { value, index } => (&**value, Some(&**index)),
        _ => return false,
    };
    let is_owner = claim.and_then(Expr::as_str).is_some_and(|claim| IDENTITIES.contains(&claim.as_str()));
    let given = body.traced(claims).as_call().map(|(_, args)| args).unwrap_or_default();
    is_owner && given.iter().any(|arg| secrets::credential(body, &arg.value).is_some())
}

/// Whether a value is found out from the caller's credential: by a call that
/// is given it, or by a query that was built with it. What is found out from
/// the result of another call says something of a caller who is known.
fn comes_from_credential(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> bool {
    let mut pending = vec![expr];
    while let Some(part) = pending.pop() {
        if part.as_call().is_some_and(|(func, _)| does(body, func).is_some()) {
            continue;
        }
        if secrets::credential(body, part).is_some() {
            return true;
        }
        if let Some(name) = part.as_name().filter(|name| depth < MAX_DEPTH && body.param(name).is_none()) {
            let builds = |value: &&Expr| !mentions(value, name) && is_built(body, value);
            if body
                .bindings(name)
                .into_iter()
                .flatten()
                .filter(builds)
                .any(|value| comes_from_credential(body, value, depth + 1))
            {
                return true;
            }
        }
        pending.extend(parts(part));
    }
    false
}

/// Whether an expression is built by functions of packages: `select(…).where(…)`.
fn is_built(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let mut root = expr;
    while let Some((func, _)) = root.as_call() {
        match &func.kind {
            ExprKind::Attribute { value, .. } if value.as_call().is_some() => root = value,
            _ => return body.package(func).is_some(),
        }
    }
    false
}

/// Whether a block calls something with such an argument.
fn verifies(body: &Body<'_, '_, '_>, block: &[Stmt], is_it: &dyn Fn(&Expr) -> bool) -> bool {
    let inside = TextRange {
        start: block.first().map_or(0, |stmt| stmt.range.start),
        end: block.last().map_or(0, |stmt| stmt.range.end),
    };
    let mut calls = body.calls().iter().filter(|found| inside.contains_range(found.expr.range));
    calls.any(|found| found.call().is_some_and(|(_, args)| args.iter().any(|arg| is_it(&arg.value))))
}

fn is_parameter(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    expr.as_name().is_some_and(|name| body.param(name).is_some())
}
