//! Passwords that are kept as they are, compared as they are, or hashed with
//! something that was made to be fast (OWASP ASVS 5.0, section 11.4).

use super::super::code::{Body, Scope, each_body, last_name, mentions, parts};
use super::{GivenPassword, ItemTokens, KeptPassword, Password, PasswordCall, written};
use crate::facts::python::idioms::{callees, is_table};
use crate::facts::python::tree::{Arg, Class, Expr, ExprKind, Spread, StmtKind};
use crate::index::value::{Resolve, Site, Value};
use smol_str::SmolStr;

/// Finds such code in a body.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    if body.def.is_none() {
        written::look_in_module(body, tokens);
    }
    let Some(def) = body.def.filter(|_| !is_a_stand_in(body)) else { return };
    tokens.rehashed.extend(rehashed(body));
    let function = body.site(def.name.range);
    let mut found = Vec::new();
    written::look(body, tokens);
    for call in body.calls() {
        let Some((func, args)) = call.call() else { continue };
        tokens.password_calls.extend(password_call(body, function, func, args));
        if let Some(kept) = kept_as_it_is(body, func, args) {
            let of_callers = given(body, kept) == Some(GivenPassword::OfCallers);
            let attribute = match &body.traced(kept).kind {
                ExprKind::Attribute { name, .. } => Some(name.name.clone()),
                _ => None,
            };
            tokens.passwords.push(KeptPassword {
                site: body.site(kept.range),
                function,
                how: Password::Kept,
                attribute,
                of_callers,
            });
        } else if is_fast_hash(body, func, args) && !knows_better(body) && !is_prepared(body) {
            found.push((call.expr.range, Password::HashedFast));
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(range, how)| (range, how, false)).collect();
    for one in body.find(&|expr| matches!(expr.kind, ExprKind::Compare { .. })) {
        found.extend(compared(body, one.expr).map(|of_callers| (one.expr.range, Password::Compared, of_callers)));
    }
    tokens.passwords.extend(found.into_iter().map(|(range, how, of_callers)| KeptPassword {
        site: body.site(range),
        function,
        how,
        attribute: None,
        of_callers,
    }));
}

/// A call of a function of the project that is handed a password or the hash of one.
fn password_call(body: &Body<'_, '_, '_>, function: Site, func: &Expr, args: &[Arg]) -> Option<PasswordCall> {
    let given = args.iter().filter(|arg| arg.spread == Spread::No).find_map(|arg| {
        let called = arg.name.as_ref().is_some_and(|name| is_password(&name.name) || is_hash(&name.name));
        given(body, &arg.value).or_else(|| {
            let is_made = || body.traced(&arg.value).as_call().is_some();
            (called && is_made()).then_some(GivenPassword::Hash)
        })
    })?;
    let callee = match body.eval(func) {
        Value::Function(function) => function.site,
        Value::Bound(bound) => bound.1.site,
        _ => return None,
    };
    Some(PasswordCall { callee, function, given })
}

/// What is given where a password may be; nothing where it is about something else.
fn given(body: &Body<'_, '_, '_>, value: &Expr) -> Option<GivenPassword> {
    let traced = body.traced(value);
    let made_by = traced.as_call().and_then(|(func, _)| last_name(func));
    if last_name(value).is_some_and(|name| is_hash(name)) || made_by.is_some_and(|name| name.contains("hash")) {
        return Some(GivenPassword::Hash);
    }
    if !last_name(traced).is_some_and(|name| is_password(name)) || !comes_from_caller(body, traced) {
        return None;
    }
    Some(match !body.takes_requests() && (traced.as_name().is_some() || is_of_entity(body, traced)) {
        true => GivenPassword::OfCallers,
        false => GivenPassword::Plain,
    })
}

/// Whether a value is an attribute of a parameter that is no model of a request, by its
/// annotation: what is in it was decided where that was made.
fn is_of_entity(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let ExprKind::Attribute { value: object, .. } = &value.kind else { return false };
    let param = object.as_name().and_then(|name| body.param(name));
    let annotation = param.and_then(|param| param.annotation.as_ref());
    match annotation.map(|annotation| body.eval(annotation)) {
        Some(Value::Class(class)) => {
            let bases = body.interpreter.package_bases(&class);
            !bases.iter().any(|base| base == "?" || base.starts_with("pydantic") || base.starts_with("sqlmodel"))
        }
        _ => false,
    }
}

/// Attributes that something slow fills: `body.password = bcrypt.hashpw(…)`.
fn rehashed(body: &Body<'_, '_, '_>) -> Vec<SmolStr> {
    let filled = body.statements().iter().filter_map(|(stmt, _)| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let [Expr { kind: ExprKind::Attribute { name, .. }, .. }] = assign.targets.as_slice() else { return None };
        let is_made = assign.value.as_ref().is_some_and(|value| body.traced(value).as_call().is_some());
        (is_made && (is_password(&name.name) || is_hash(&name.name))).then(|| name.name.clone())
    });
    filled.collect()
}

/// Whether a function says of itself that it is there for tests only.
fn is_a_stand_in(body: &Body<'_, '_, '_>) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    let name = function.qualname.to_ascii_lowercase();
    ["fake", "mock", "dummy", "stub", "test"].iter().any(|word| name.contains(word))
}

/// The password that a row is made with, untouched: `User(password=body.password)`.
fn kept_as_it_is<'e>(body: &Body<'_, '_, '_>, func: &Expr, args: &'e [Arg]) -> Option<&'e Expr> {
    let arg = args.iter().find(|arg| {
        arg.spread == Spread::No && arg.name.as_ref().is_some_and(|name| is_password(&name.name) || is_hash(&name.name))
    })?;
    let value = body.traced(&arg.value);
    let name = arg.name.as_ref()?;
    if !last_name(value).is_some_and(|name| is_password(name)) || !comes_from_caller(body, value) {
        return None;
    }
    let Value::Class(class) = body.eval(func) else { return None };
    let classes = body.interpreter.linearised(&class);
    // A descriptor, a validator or the class itself may hash it.
    let handles = |class: &Class| {
        class.body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Function(def) => {
                let called = &def.name.name;
                called == "__init__"
                    || called == "__setattr__"
                    || called.contains("password")
                    || called.contains("hash")
            }
            StmtKind::Assign(assign) => {
                let is_it = assign.targets.iter().any(|target| target.as_name() == Some(&name.name));
                is_it && assign.value.as_ref().is_some_and(|value| mentions_type(value, "Password"))
            }
            _ => false,
        })
    };
    let table = classes.iter().any(|class| is_table(&class.def));
    (table && !classes.iter().any(|class| handles(&class.def))).then_some(&arg.value)
}

/// Whether the value is the caller's: a parameter, a part of one, or what came out of it.
fn comes_from_caller(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let mut root = value;
    loop {
        root = match &root.kind {
            ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => value,
            _ => break,
        };
    }
    root.as_name().is_some_and(|name| body.param(name).is_some())
}

/// Whether a call hashes a password with a hash that was made to be fast.
fn is_fast_hash(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg]) -> bool {
    const FAST: &[&str] = &["hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512", "hashlib.sha3_256"];
    let given = args.first().is_some_and(|arg| {
        let mut pending = vec![body.traced(&arg.value)];
        while let Some(part) = pending.pop() {
            if last_name(part).is_some_and(|name| is_password(name)) {
                return true;
            }
            pending.extend(parts(part));
        }
        false
    });
    given && body.package(func).is_some_and(|path| FAST.contains(&path.as_str()))
}

/// Whether a function hands the hash on to something slow, or only asks
/// whether the password is known to be stolen.
fn knows_better(body: &Body<'_, '_, '_>) -> bool {
    body.calls().iter().any(|found| {
        let Some((func, args)) = found.call() else { return false };
        let slow = body.package(func).is_some_and(|path| {
            ["bcrypt", "argon2", "passlib", "pwdlib", "scrypt", "pbkdf2"].iter().any(|slow| path.contains(slow))
        });
        slow || args.iter().any(|arg| mentions_text(&arg.value, "pwned"))
    })
}

/// Whether every function of the file that calls this one hands on what it gives
/// to something slow: `bcrypt` takes 72 bytes, a hash of the password fits.
fn is_prepared(body: &Body<'_, '_, '_>) -> bool {
    let Some(def) = body.def.filter(|_| !body.is_nested()) else { return false };
    let file = body.scope.file();
    let Some(facts) = body.interpreter.sources().facts(file) else { return false };
    let (mut calls, mut slow) = (0, 0);
    body.interpreter.count_items(file);
    for item in &facts.items {
        each_body(body.interpreter, file, item.number, &item.placed.item.stmt, &|_| true, &mut |scope, block| {
            let is_own = |callee: &Expr| last_name(callee) == Some(&def.name.name);
            if callees(block).any(is_own) {
                calls += 1;
                slow += usize::from(knows_better(&Body::new(body.interpreter, scope, block)));
            }
        });
    }
    calls > 0 && calls == slow
}

/// Whether a password is compared with what is kept of it, as it is or put
/// into a text: `user.password == password`, `hashed == f"hashed_{password}"`. Says whether callers decide what it is:
/// what a database compares may be a hash that they made of it.
fn compared(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<bool> {
    let ExprKind::Compare { first, rest } = &expr.kind else { return None };
    let [(op, second)] = rest.as_slice() else { return None };
    if op != "==" && op != "!=" {
        return None;
    }
    let pairs = [(&**first, second), (second, &**first)];
    let is_it =
        |(kept, given): &(&Expr, &Expr)| is_kept(body, kept) && is_given(body, given) && !same_root(kept, given);
    let (kept, value) = pairs.into_iter().find(is_it)?;
    let by_database = matches!(&kept.kind, ExprKind::Attribute { value, .. } if is_of_table(body, value));
    Some(by_database && given(body, value) == Some(GivenPassword::OfCallers))
}

/// `user.password` of something that was looked up, or a parameter that is a hash by its name.
fn is_kept(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Attribute { value, name } if is_password(&name.name) || is_hash(&name.name) => {
            let Some(root) = value.as_name() else { return false };
            // What a call gave: a row. A setting is no row.
            let looked_up = || body.bindings(root).into_iter().flatten().any(is_looked_up);
            body.param(root).is_none() && (looked_up() || is_of_table(body, value))
        }
        ExprKind::Name(name) => body.param(name).is_some() && is_hash(name),
        _ => false,
    }
}

/// Whether an expression is the class of a table: `User.password == password` is what the database compares.
fn is_of_table(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let Value::Class(class) = body.eval(expr) else { return false };
    body.interpreter.linearised(&class).iter().any(|class| is_table(&class.def))
}

fn is_looked_up(value: &Expr) -> bool {
    let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
    value.as_call().is_some_and(|(func, _)| matches!(func.kind, ExprKind::Attribute { .. }))
}

/// A password of the caller, untouched or in a text with constants.
fn is_given(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(name) if body.param(name).is_some() => {
            let is_tidied = |value: &Option<&Expr>| value.is_some_and(|value| is_tidied(value, name));
            is_password(name) && body.bindings(name).iter().all(is_tidied)
        }
        ExprKind::Name(_) => is_entry_sent(body, body.traced(expr)),
        ExprKind::Attribute { name, .. } => is_password(&name.name) && comes_from_caller(body, expr),
        ExprKind::FString(parts) => {
            parts.iter().all(|part| matches!(part.kind, ExprKind::Str(_)) || is_given(body, part))
                && parts.iter().any(|part| is_given(body, part))
        }
        ExprKind::Binary { left, right, .. } => {
            let constant = |part: &Expr| matches!(part.kind, ExprKind::Str(_));
            (constant(left) && is_given(body, right)) || (is_given(body, left) && constant(right))
        }
        _ => false,
    }
}

/// Whether a value is a variable without what stands around its text: `password.strip()`, `password or ""`.
fn is_tidied(value: &Expr, name: &str) -> bool {
    match &value.kind {
        ExprKind::Name(own) => own == name,
        ExprKind::Call { func, .. } => match &func.kind {
            ExprKind::Attribute { value, name: method } => {
                matches!(method.name.as_str(), "strip" | "lstrip" | "rstrip") && is_tidied(value, name)
            }
            _ => false,
        },
        ExprKind::BoolOp { and: false, values } => match values.as_slice() {
            [first, Expr { kind: ExprKind::Str(_), .. }] => is_tidied(first, name),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a value is the password out of a dictionary that was sent: `body.get("password", "").strip()`.
fn is_entry_sent(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let is_key = |key: Option<&Expr>| matches!(key.map(|key| &key.kind), Some(ExprKind::Str(key)) if is_password(key));
    match &value.kind {
        ExprKind::Subscript { value, index } => is_key(Some(index)) && is_body(body, value),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "strip" => is_entry_sent(body, value),
            ExprKind::Attribute { value, name } if name.name == "get" => {
                is_key(args.first().map(|arg| &arg.value)) && is_body(body, value)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether an expression is what came with the request: a parameter of a handler, or `await request.json()`.
fn is_body(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let Some(name) = expr.as_name() else { return false };
    if body.param(name).is_some() {
        let is_handler = matches!(body.scope, Scope::Function(function) if !function.def.decorators.is_empty());
        return is_handler && body.bindings(name).is_empty();
    }
    let ExprKind::Await(sent) = &body.traced(expr).kind else { return false };
    let method = sent.as_call().and_then(|(func, _)| last_name(func));
    let of_param = || sent.as_call().is_some_and(|(func, _)| comes_from_caller(body, func));
    matches!(method.map(SmolStr::as_str), Some("json" | "form")) && of_param()
}

fn same_root(a: &Expr, b: &Expr) -> bool {
    let root = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, .. } => value.as_name().cloned(),
        _ => expr.as_name().cloned(),
    };
    root(a).is_some_and(|name| mentions(b, &name))
}

fn mentions_type(expr: &Expr, word: &str) -> bool {
    let mut pending = vec![expr];
    while let Some(part) = pending.pop() {
        if last_name(part).is_some_and(|name| name.contains(word)) {
            return true;
        }
        pending.extend(parts(part));
    }
    false
}

fn mentions_text(expr: &Expr, word: &str) -> bool {
    let mut pending = vec![expr];
    while let Some(part) = pending.pop() {
        if matches!(&part.kind, ExprKind::Str(text) if text.contains(word)) {
            return true;
        }
        pending.extend(parts(part));
    }
    false
}

/// Whether a name is that of a password as its owner types it.
pub(super) fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(
        name.as_str(),
        "password" | "plain_password" | "raw_password" | "passwd" | "pwd" | "pass_word" | "user_password"
    )
}

/// Whether a name says that a password was hashed.
pub(super) fn is_hash(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("hash")
        && (name.contains("pass") || name.contains("pwd") || matches!(name.as_str(), "hashed" | "stored_hash"))
        || name == "stored_password"
}
