//! What is read from the claims of a token, and what becomes of them.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::libraries::{Does, does};
use super::{HandedOn, MARKS, Purpose};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, Stmt, StmtKind, positional};
use crate::index::value::{Resolve, Value};
use crate::text::TextRange;

/// Parts of each other that a token is looked for in.
const MAX_PARTS: usize = 8;

/// Claims that tell which key or issuer to ask, or which token it is: reading
/// them before the verification is how libraries for many issuers work.
pub(super) const OF_THE_TOKEN: &[&str] =
    &["iss", "kid", "jti", "aud", "azp", "tid", "exp", "iat", "nbf", "typ", "type", "alg"];

/// The variable that the result of a call is assigned to.
pub(super) fn variable<'b>(found: &Found<'b>) -> Option<&'b SmolStr> {
    let StmtKind::Assign(assign) = &found.stmt.kind else { return None };
    let value = assign.value.as_ref()?;
    let [target] = assign.targets.as_slice() else { return None };
    let value = match &value.kind {
        ExprKind::Await(inner) => inner,
        _ => value,
    };
    let is_result = value.range == found.expr.range
        // `TokenPayload(**jwt.decode(…))` keeps the names of the claims.
        || value.as_call().is_some_and(|(_, args)| args.len() == 1 && args[0].value.range == found.expr.range);
    target.as_name().filter(|_| is_result)
}

/// Whether an expression is the claims that a call gives, which that variable holds.
pub(super) fn is_result(found: &Found<'_>, variable: Option<&SmolStr>, expr: &Expr) -> bool {
    expr.range == found.expr.range
        || matches!(expr.kind, ExprKind::Await(ref inner) if inner.range == found.expr.range)
        || expr.as_name().is_some_and(|name| Some(name) == variable)
        // joserfc and `decode_complete` give an object around the claims.
        || matches!(&expr.kind, ExprKind::Attribute { value, name }
            if matches!(name.name.as_str(), "claims" | "payload")
                && value.as_name().is_some_and(|name| Some(name) == variable))
}

/// Claims that are read from the result of a call, each where that is done.
pub(super) fn reads(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Vec<(SmolStr, TextRange)> {
    let variable = variable(found);
    let is_result = |expr: &Expr| is_result(found, variable, expr);
    let mut claims = Vec::new();
    let everything = body.find(&|_| true);
    for found in &everything {
        let expr = found.expr;
        if let Some(variable) = variable
            && let Some(fields) = filled_model(body, expr, variable)
        {
            // A model that takes any text for a mark looks at none.
            let looked_at = fields.into_iter().filter(|field| {
                !field.takes_any || !MARKS.contains(&field.name.as_str()) || is_read_from(&everything, &field.name)
            });
            claims.extend(looked_at.map(|field| (field.name, expr.range)));
            continue;
        }
        let claim = match &expr.kind {
            ExprKind::Subscript { value, index } if is_result(value) => index.as_str().cloned(),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name }
                    if matches!(name.name.as_str(), "get" | "pop") && is_result(value) =>
                {
                    positional(args, 0).and_then(Expr::as_str).cloned()
                }
                _ => None,
            },
            ExprKind::Attribute { value, name }
                if is_result(value) && !matches!(name.name.as_str(), "get" | "claims" | "payload" | "validate") =>
            {
                Some(name.name.clone())
            }
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] if matches!(op.as_str(), "in" | "not in") && is_result(second) => {
                    let names = first.as_name().map(|name| gone_through(body, &everything, name)).unwrap_or_default();
                    claims.extend(names.into_iter().map(|claim| (claim, expr.range)));
                    first.as_str().cloned()
                }
                _ => None,
            },
            _ => None,
        };
        claims.extend(claim.map(|claim| (claim, expr.range)));
    }
    claims
}

/// The texts that a variable goes through: `for name in ["sub", "type"]`, as a statement or in an expression.
fn gone_through(body: &Body<'_, '_, '_>, everything: &[Found<'_>], name: &str) -> Vec<SmolStr> {
    let is_it = |target: &Expr| target.as_name().is_some_and(|found| found == name);
    let of_expressions = everything.iter().filter_map(|found| match &found.expr.kind {
        ExprKind::Comprehension(comprehension) => Some(&comprehension.clauses),
        _ => None,
    });
    let of_expressions = of_expressions.flatten().filter(|clause| is_it(&clause.target)).map(|clause| &clause.iter);
    let of_statements = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::For { target, iter, .. } if is_it(target) => Some(&**iter),
        _ => None,
    });
    let mut iterated = of_expressions.chain(of_statements);
    // Of two loops it can't be told which one it is.
    let Some(iter) = iterated.next().filter(|_| iterated.next().is_none()) else { return Vec::new() };
    match &body.traced(iter).kind {
        ExprKind::List(names) | ExprKind::Tuple(names) | ExprKind::Set(names) => {
            names.iter().filter_map(Expr::as_str).cloned().collect()
        }
        _ => match body.eval(iter) {
            Value::List(names) => names
                .iter()
                .filter_map(|name| match name {
                    Value::Str(name) => Some(name.clone()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
    }
}

/// A field of a model that claims fill.
struct Field {
    name: SmolStr,
    /// Whether it takes any text, or none.
    takes_any: bool,
}

/// Whether something reads an attribute of that name.
fn is_read_from(everything: &[Found<'_>], attribute: &str) -> bool {
    everything
        .iter()
        .any(|found| matches!(&found.expr.kind, ExprKind::Attribute { name, .. } if name.name == attribute))
}

/// Whether an annotation lets any text in: `str`, `str | None`, `Optional[str]`.
fn takes_any_text(annotation: &Expr) -> bool {
    let is_plain = |name: &str| matches!(name, "str" | "Optional" | "Union" | "Any" | "None");
    match &annotation.kind {
        ExprKind::Name(name) => is_plain(name),
        ExprKind::Attribute { name, .. } => is_plain(&name.name),
        ExprKind::None => true,
        _ => {
            let children = annotation.children();
            !children.is_empty() && children.into_iter().all(takes_any_text)
        }
    }
}

/// The fields of a model that the claims fill: `TokenPayload(**claims)`.
fn filled_model(body: &Body<'_, '_, '_>, expr: &Expr, variable: &SmolStr) -> Option<Vec<Field>> {
    let (func, args) = expr.as_call()?;
    let [Arg { spread: Spread::Mapping, value, .. }] = args else { return None };
    if value.as_name() != Some(variable) {
        return None;
    }
    let Value::Class(class) = body.eval(func) else { return None };
    if !body.interpreter.package_bases(&class).iter().any(|base| base == "pydantic.BaseModel") {
        return None;
    }
    let mut fields = Vec::new();
    for class in body.interpreter.linearised(&class) {
        body.interpreter.count_outline(class.site);
        for stmt in &class.def.body {
            match &stmt.kind {
                StmtKind::Assign(assign) => {
                    let takes_any = assign.annotation.as_ref().is_some_and(takes_any_text)
                        && assign
                            .value
                            .as_ref()
                            .is_none_or(|value| matches!(value.kind, ExprKind::None | ExprKind::Str(_)));
                    let names = assign.targets.iter().filter_map(Expr::as_name).cloned();
                    fields.extend(names.map(|name| Field { name, takes_any }));
                }
                // Whatever it does with what it is given.
                StmtKind::Function(_) => return None,
                _ => {}
            }
        }
    }
    Some(fields)
}

/// What becomes of the result of a call as a whole.
pub(super) fn handing_on(body: &Body<'_, '_, '_>, found: &Found<'_>) -> HandedOn {
    match (is_given_away(body, found, variable(found)), is_returned(body, found)) {
        (true, _) => HandedOn::ToOthers,
        (false, true) => HandedOn::ToCallers,
        (false, false) => HandedOn::Not,
    }
}

/// Whether the result of a call is returned, whole or as a part of something.
fn is_returned(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let variable = variable(found);
    // `data = TokenPayload(**claims)` holds them, too.
    let models = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) => {
            let filled =
                assign.value.as_ref().zip(variable).is_some_and(|(made, of)| filled_model(body, made, of).is_some());
            assign.targets.first().and_then(Expr::as_name).filter(|_| filled)
        }
        _ => None,
    });
    let holders: Vec<&SmolStr> = variable.into_iter().chain(models).collect();
    let holds = |value: &Expr| {
        let mut pending = vec![value];
        while let Some(expr) = pending.pop() {
            if expr.range == found.expr.range || expr.as_name().is_some_and(|name| holders.contains(&name)) {
                return true;
            }
            match &expr.kind {
                // A part of the claims is not the claims.
                ExprKind::Subscript { .. } => {}
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "claims" | "payload") => {
                    pending.push(value);
                }
                ExprKind::Attribute { .. } => {}
                ExprKind::Call { args, .. } => pending.extend(args.iter().map(|arg| &arg.value)),
                _ => pending.extend(expr.children()),
            }
        }
        false
    };
    body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => holds(value),
        _ => false,
    })
}

/// Whether the claims are handed to another function, which may read any.
fn is_given_away(body: &Body<'_, '_, '_>, found: &Found<'_>, variable: Option<&SmolStr>) -> bool {
    let Some(variable) = variable else { return false };
    body.calls().iter().filter(|call| call.expr.range != found.expr.range).any(|call| {
        let Some((_, args)) = call.call() else { return false };
        filled_model(body, call.expr, variable).is_none()
            && args.iter().any(|arg| {
                let whole = match &arg.value.kind {
                    ExprKind::Starred(inner) => inner,
                    _ => &arg.value,
                };
                whole.as_name() == Some(variable)
            })
    })
}

/// What becomes of a token that a call reads without verifying it.
pub(super) fn purpose(body: &Body<'_, '_, '_>, found: &Found<'_>, token: Option<&Expr>) -> Purpose {
    if token.is_some_and(|token| comes_from_issuer(body, token)) {
        return Purpose::FromIssuer;
    }
    if token.and_then(Expr::as_name).is_some_and(|token| is_verified_too(body, found, token)) {
        return Purpose::VerifiedToo;
    }
    let reads = reads(body, found);
    let logs: Vec<TextRange> = body
        .calls()
        .iter()
        .filter(|call| call.call().is_some_and(|(func, _)| super::leaks::sink(body, func).is_some()))
        .map(|call| call.expr.range)
        .collect();
    let told = |range: TextRange| logs.iter().any(|log| log.contains_range(range));
    let mut others = reads.iter().filter(|(claim, range)| !OF_THE_TOKEN.contains(&claim.as_str()) && !told(*range));
    if let Some((_, range)) = others.next() {
        return Purpose::Believed(body.site(*range));
    }
    let variable = variable(found);
    let handed_on = match (&found.stmt.kind, variable) {
        (StmtKind::Return(_), _) => true,
        (StmtKind::Expr(_), _) => return Purpose::Peek,
        (_, Some(variable)) => body.statements().iter().any(|(stmt, _)| match &stmt.kind {
            StmtKind::Return(Some(value)) => value.as_name() == Some(variable),
            _ => false,
        }),
        _ => true,
    };
    if handed_on { Purpose::Unknown } else { Purpose::Peek }
}

/// Whether all that becomes of the claims that a call gives is written to a log, and whoever calls the function gets
/// nothing of them, not even a refusal.
pub(super) fn is_only_logged(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let Some(variable) = variable(found) else { return false };
    let tells = |stmt: &StmtKind| matches!(stmt, StmtKind::Return(Some(_)) | StmtKind::Raise { .. });
    let is_caught = found.around.iter().any(|(stmt, _)| matches!(stmt.kind, StmtKind::Try { .. }));
    if !is_caught || body.statements().iter().any(|(stmt, _)| tells(&stmt.kind)) {
        return false;
    }
    let told = |name: &SmolStr, through: &dyn Fn(&Found<'_>) -> bool| {
        let uses = body.find(&|expr| expr.as_name() == Some(name));
        let mut used = uses.iter().filter(|used| !is_target(used)).peekable();
        used.peek().is_some() && used.all(|used| is_logged(body, used) || through(used))
    };
    told(variable, &|used| assigned(used).is_some_and(|name| told(name, &|_| false)))
}

/// The variable that a statement assigns.
fn assigned<'b>(found: &Found<'b>) -> Option<&'b SmolStr> {
    match &found.stmt.kind {
        StmtKind::Assign(assign) => assign.targets.first().and_then(Expr::as_name),
        _ => None,
    }
}

/// Whether an expression is what a statement assigns to.
fn is_target(found: &Found<'_>) -> bool {
    matches!(&found.stmt.kind, StmtKind::Assign(assign) if assign.targets.iter().any(|target| target.range == found.expr.range))
}

/// Whether something stands in a call that writes to a log, or in the condition of one.
fn is_logged(body: &Body<'_, '_, '_>, used: &Found<'_>) -> bool {
    let writes = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Expr(expr) => expr.as_call().is_some_and(|(func, _)| super::leaks::sink(body, func).is_some()),
        _ => false,
    };
    match &used.stmt.kind {
        StmtKind::If { .. } => used.stmt.blocks().iter().all(|block| block.iter().all(writes)),
        _ => writes(used.stmt),
    }
}

/// Whether a token is what an issuer answered: OpenID Connect (Core, 3.1.3.7) lets a client
/// that got an ID token over TLS from the issuer leave its signature alone.
pub(super) fn comes_from_issuer(body: &Body<'_, '_, '_>, token: &Expr) -> bool {
    let mut pending = vec![token, body.traced(token)];
    while let Some(expr) = pending.pop() {
        let named = match &expr.kind {
            ExprKind::Name(name) | ExprKind::Str(name) => name.contains("id_token"),
            ExprKind::Attribute { name, .. } => name.name.contains("id_token"),
            _ => false,
        };
        if named {
            return true;
        }
        pending.extend(expr.children());
    }
    is_answered(body, token)
}

/// Whether a token is a part of what a server said that the function has asked.
fn is_answered(body: &Body<'_, '_, '_>, token: &Expr) -> bool {
    let mut expr = body.traced(token);
    for _ in 0..MAX_PARTS {
        if is_answer(body, expr) {
            return true;
        }
        expr = match &expr.kind {
            ExprKind::Subscript { value, .. } => body.traced(value),
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "get" => body.traced(value),
                _ => return false,
            },
            _ => return false,
        };
    }
    false
}

/// Whether an expression is what a server said that the function has asked: `response.json()`, of
/// `response = await client.post(…)`.
fn is_answer(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let Some((Expr { kind: ExprKind::Attribute { value, name }, .. }, [])) = expr.as_call() else { return false };
    let asked = match &body.traced(value).kind {
        ExprKind::Await(asked) => asked,
        _ => body.traced(value),
    };
    let asks = |func: &Expr| matches!(&func.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "post" | "get" | "request"));
    name.name == "json" && asked.as_call().is_some_and(|(func, args)| asks(func) && !args.is_empty())
}

/// Whether the same token is verified elsewhere in the function, by a library
/// or by something that its name says it of.
fn is_verified_too(body: &Body<'_, '_, '_>, found: &Found<'_>, token: &str) -> bool {
    body.calls().iter().filter(|call| call.expr.range != found.expr.range).any(|call| {
        let Some((func, args)) = call.call() else { return false };
        if !args.iter().any(|arg| mentions(&arg.value, token)) || is_elsewhere(call, found) {
            return false;
        }
        match does(body, func) {
            Some((_, Does::Decodes | Does::VerifiesSignature)) => {
                super::decode::switched_off(body, args, "verify_signature").is_none()
            }
            Some(_) => false,
            None => last_name(func).is_some_and(|name| {
                ["verify", "validate", "authenticate", "decode", "get_signing_key"]
                    .iter()
                    .any(|word| name.contains(word))
            }),
        }
    })
}

/// Whether a call stands on a way that whoever gets to a place does not take: in another branch of the same `if`, or
/// in one before it that leaves the function.
fn is_elsewhere(call: &Found<'_>, place: &Found<'_>) -> bool {
    call.around.iter().any(|(stmt, block)| {
        let taken = place.around.iter().find(|(around, _)| around.range == stmt.range).map(|(_, taken)| taken);
        match (&stmt.kind, taken) {
            (StmtKind::If { .. }, Some(taken)) => taken != block,
            (StmtKind::If { .. }, None) => {
                stmt.range.end <= place.expr.range.start && stmt.blocks().get(*block).is_some_and(|block| leaves(block))
            }
            _ => false,
        }
    })
}

/// Whether a block always ends by leaving the function.
fn leaves(block: &[Stmt]) -> bool {
    let Some(last) = block.last() else { return false };
    match &last.kind {
        StmtKind::Return(_) | StmtKind::Raise { .. } => true,
        StmtKind::If { body, or_else, .. } => leaves(body) && leaves(or_else),
        StmtKind::Try { body, handlers, .. } => leaves(body) && handlers.iter().all(|handler| leaves(&handler.body)),
        StmtKind::With { body, .. } => leaves(body),
        _ => false,
    }
}
