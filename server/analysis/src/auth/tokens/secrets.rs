//! Where the value of an expression comes from, as far as it is a secret.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{Body, is_settings, last_name, mentions};
use super::super::keys;
use super::super::sources::{Worth, is_scheme, worth_of};
use super::callees::callee;
use super::holders::{self, holds_password, is_password, is_taken_out};
use super::key_source::{environment, reads_environment};
use super::libraries::{Does, does};
use super::schemes::{Asked, asked_for};
use super::{Secret, claims, codes, containers, handed_on, loops};
use crate::facts::python::idioms::is_table;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Value};
use crate::text::TextRange;

/// Assignments and calls that a value is followed through.
const MAX_DEPTH: u32 = 8;

/// Expressions that are looked at for one value: a variable may be assigned many times.
const MAX_STEPS: u32 = 200;

/// Functions through which one hands on a token that another issues for it.
const ISSUED_THROUGH: u32 = 2;

/// A secret value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// What it is.
    pub(super) what: Secret,
    /// Where it comes from.
    pub(super) range: TextRange,
    /// Whether it is what the caller proves itself by: a token in the request,
    /// as opposed to a key of an API.
    pub(super) credential: bool,
}

/// Where the value of an expression comes from, if it is a secret.
pub(super) fn origin(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Origin> {
    body.steps.set(MAX_STEPS);
    follow(body, expr, 0)
}

/// Where the value of an expression comes from, if it is the caller's token in the request.
pub(super) fn credential(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<TextRange> {
    let is_one = |origin: &Origin| origin.credential && matches!(origin.what, Secret::Token | Secret::Claims);
    origin(body, expr).filter(is_one).map(|origin| origin.range)
}

/// Whether an expression is all that the caller sends as its token, up to the
/// scheme before it.
pub(super) fn is_whole(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let mut expr = body.traced(expr);
    for _ in 0..MAX_DEPTH {
        let inner = match &expr.kind {
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name } => match name.name.as_str() {
                    // `cookies.get("session")`, `unquote(token)`
                    "get" => None,
                    "unquote" => positional(args, 0),
                    "strip" | "removeprefix" | "replace" => Some(&**value),
                    _ => return false,
                },
                ExprKind::Name(name) if name == "unquote" => positional(args, 0),
                _ => return false,
            },
            // `header.split(" ")[1]`, `header[7:]`, `cookies["session"]`
            ExprKind::Subscript { value, index } => match &value.kind {
                ExprKind::Call { func, args } if last_name(func).is_some_and(|name| name == "split") => {
                    let by = positional(args, 0).and_then(Expr::as_str);
                    if by.is_some_and(|by| by != " ") {
                        return false;
                    }
                    None
                }
                _ if index.as_str().is_some() || matches!(index.kind, ExprKind::Slice { .. }) => None,
                _ => return false,
            },
            ExprKind::Name(_) | ExprKind::Attribute { .. } => None,
            _ => return false,
        };
        match inner {
            Some(inner) => expr = body.traced(inner),
            None => return credential(body, expr).is_some(),
        }
    }
    false
}

pub(super) fn follow(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> Option<Origin> {
    let left = body.steps.get();
    if depth > MAX_DEPTH || left == 0 {
        return None;
    }
    body.steps.set(left - 1);
    match &expr.kind {
        ExprKind::Name(name) => variable(body, expr, name, depth),
        ExprKind::Attribute { value, name } => attribute(body, expr, value, &name.name, depth),
        ExprKind::Subscript { value, index } => subscript(body, expr, value, index, depth),
        ExprKind::Call { func, args } => call(body, expr, func, args, depth),
        ExprKind::Await(value) | ExprKind::Starred(value) => follow(body, value, depth + 1),
        ExprKind::Walrus { value, .. } => follow(body, value, depth + 1),
        ExprKind::BoolOp { values, .. } => values.iter().find_map(|value| follow(body, value, depth + 1)),
        ExprKind::IfExp { body: yes, or_else, .. } => {
            follow(body, yes, depth + 1).or_else(|| follow(body, or_else, depth + 1))
        }
        _ => None,
    }
}

fn variable(body: &Body<'_, '_, '_>, expr: &Expr, name: &SmolStr, depth: u32) -> Option<Origin> {
    if let Some(param) = body.param(name) {
        return parameter(body, param).or_else(|| handed_on::replaced(body, name, depth));
    }
    if let Some(origin) = unpacked(body, name, depth).or_else(|| loops::each(body, expr, name, depth)) {
        return Some(origin);
    }
    let bound = body.bindings(name);
    if bound.is_empty() {
        return setting(body, expr, name);
    }
    let generated = |value: &Expr| match () {
        () if is_called_token(name) && is_generated(body, value) => Some(issued(value)),
        () if codes::is_drawn(body, name, value) => {
            Some(Origin { what: Secret::Code, range: value.range, credential: false })
        }
        () => None,
    };
    let found =
        bound.into_iter().flatten().find_map(|value| generated(value).or_else(|| follow(body, value, depth + 1)));
    found.filter(|origin| origin.what != Secret::PasswordHolder || !is_taken_out(body, expr, name))
}

/// Whether a name is one of a token that somebody gets in with: what protects forms has to be read by scripts.
fn is_called_token(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("token") && !lower.contains("csrf") && !lower.contains("xsrf")
}

/// Whether a value is drawn at random, so that nobody guesses it: a token, where it is called one.
fn is_generated(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let Some((func, _)) = value.as_call() else { return false };
    body.package(func).is_some_and(|path| draws(&path))
}

/// Whether a value is what a function of that kind gave when the module was run.
fn is_drawn(class: &Value) -> bool {
    matches!(class, Value::Package(path) if draws(path))
}

fn draws(path: &str) -> bool {
    matches!(path, "secrets.token_urlsafe" | "secrets.token_hex")
}

/// The second of `scheme, token = header.split()`.
fn unpacked(body: &Body<'_, '_, '_>, name: &str, depth: u32) -> Option<Origin> {
    body.statements().iter().find_map(|(stmt, _)| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let [target] = assign.targets.as_slice() else { return None };
        let ExprKind::Tuple(parts) = &target.kind else { return None };
        let at = parts.iter().position(|part| part.as_name().is_some_and(|part| part == name))?;
        let given = assign.value.as_ref()?;
        if let Some(origin) = containers::unpacked(body, given, at) {
            return Some(origin);
        }
        let (func, _) = given.as_call()?;
        let ExprKind::Attribute { value, name: method } = &func.kind else { return None };
        let splits = matches!(method.name.as_str(), "split" | "partition" | "rpartition");
        if splits && at > 0 { follow(body, value, depth + 1) } else { None }
    })
}

/// The value of a module's variable or of a setting that is a key by what it is read from.
fn setting(body: &Body<'_, '_, '_>, expr: &Expr, name: &str) -> Option<Origin> {
    // `API_KEY_ENV = "API_KEY"` says where the key is to be had.
    let is_name = |text: &str| name.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
    let is_set = |expr: &Expr| match body.eval(expr) {
        Value::Str(text) => !is_name(&text),
        Value::None => false,
        // What a process draws for itself is its key as well, if not what it tells its operator to sign in with.
        Value::Instance(instance) if is_drawn(&instance.class) => name.to_ascii_uppercase().contains("SECRET"),
        _ => environment(body, expr).is_some(),
    };
    (names_secret(name) && is_set(expr)).then_some(Origin { what: Secret::Key, range: expr.range, credential: false })
}

/// Whether a name of the environment or of a setting is a secret's.
pub(super) fn names_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').collect();
    let has = |word: &str| words.contains(&word);
    const ABOUT_ONE: &[&str] = &[
        "NAME", "ID", "PATH", "FILE", "LENGTH", "TTL", "URL", "POLICY", "RULE", "RULES", "VERSION", "MIN", "MAX",
        "REGEX", "PATTERN", "HINT",
    ];
    let about_one = ABOUT_ONE.iter().any(|word| has(word));
    !about_one && (has("SECRET") || has("PASSWORD") || (has("PRIVATE") && has("KEY")) || (has("API") && has("KEY")))
}

fn parameter(body: &Body<'_, '_, '_>, param: &Param) -> Option<Origin> {
    let token = Origin { what: Secret::Token, range: param.range, credential: true };
    match asked_for(body, param) {
        // A scheme's value is the token itself, or an object around it.
        Some(Asked::Scheme { credential }) => return Some(Origin { credential, ..token }),
        Some(Asked::Claims) => return Some(Origin { what: Secret::Claims, ..token }),
        Some(Asked::Other) => return None,
        None => {}
    }
    let name = param.name.name.as_str();
    if read_from(body, param).is_some_and(|from| matches!(from.as_str(), "Header" | "Cookie")) {
        // Which delivery it is, and when it was sent, is no secret.
        let is_of_delivery = name.ends_with("_id") || name.ends_with("timestamp");
        let worth = worth_of(name) == Worth::Credential && !(is_of_delivery && name.contains("svix"));
        let credential = !name.contains("key") && !name.contains("signature") && !name.contains("secret");
        return worth.then_some(Origin { credential, ..token });
    }
    if is_users_token(body, name) || is_used_as_token(body, name) {
        return Some(Origin { credential: false, ..token });
    }
    if name.contains("password") && is_used_as_password(body, name) {
        return Some(Origin { what: Secret::Password, range: param.range, credential: false });
    }
    if let Some(class) = annotated_class(body, param)
        && holds_password(body, &class)
    {
        return Some(Origin { what: Secret::PasswordHolder, range: param.range, credential: false });
    }
    None
}

/// The value of a default or annotation of the function's signature.
pub(super) fn signature(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Value> {
    match body.scope {
        super::super::code::Scope::Function(function) => Some(body.interpreter.eval_signature(function, expr)),
        _ => None,
    }
}

/// `Header` for `x = Header(…)` and for `x: Annotated[str, Header()]`.
pub(super) fn read_from(body: &Body<'_, '_, '_>, param: &Param) -> Option<SmolStr> {
    let by_call = |expr: &Expr| {
        let (func, _) = expr.as_call()?;
        let Some(Value::Package(path)) = signature(body, func) else { return None };
        path.starts_with("fastapi").then(|| SmolStr::new(path.rsplit('.').next().unwrap_or_default()))
    };
    if let Some(from) = param.default.as_ref().and_then(by_call) {
        return Some(from);
    }
    let ExprKind::Subscript { index, .. } = &param.annotation.as_ref()?.kind else { return None };
    match &index.kind {
        ExprKind::Tuple(parts) => parts.iter().find_map(by_call),
        _ => None,
    }
}

/// The class of the project that a parameter is annotated with.
fn annotated_class(body: &Body<'_, '_, '_>, param: &Param) -> Option<Arc<ClassRef>> {
    let annotation = param.annotation.as_ref()?;
    match signature(body, annotation)? {
        Value::Class(class) => Some(class),
        Value::Annotated(annotated) => match &annotated.ty {
            Value::Class(class) => Some(Arc::clone(class)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a parameter is the token that fastapi-users hands to its user manager.
fn is_users_token(body: &Body<'_, '_, '_>, name: &str) -> bool {
    let super::super::code::Scope::Function(FunctionRef { class: Some(class), def, .. }) = body.scope else {
        return false;
    };
    let hook = def.name.name.starts_with("on_after_") && name == "token";
    hook && body.interpreter.package_bases(class).iter().any(|base| base.ends_with("BaseUserManager"))
}

/// Whether a variable is given to a library as a token.
pub(super) fn is_used_as_token(body: &Body<'_, '_, '_>, name: &str) -> bool {
    body.calls().iter().any(|found| {
        let Some((func, args)) = found.call() else { return false };
        let first = args.first().is_some_and(|arg| arg.value.as_name().is_some_and(|found| found == name));
        let takes = || {
            matches!(does(body, func), Some((_, does)) if does != Does::Encodes)
                || last_name(func).is_some_and(|name| {
                    matches!(name.as_str(), "get_signing_key_from_jwt" | "verify_id_token" | "decode_token")
                })
        };
        first && takes()
    })
}

/// Whether a variable is given to a library that hashes or checks passwords.
fn is_used_as_password(body: &Body<'_, '_, '_>, name: &str) -> bool {
    body.calls().iter().any(|found| {
        let Some((func, args)) = found.call() else { return false };
        if !args.iter().any(|arg| mentions(&arg.value, name)) {
            return false;
        }
        last_name(func).is_some_and(|name| {
            matches!(
                name.as_str(),
                "hash"
                    | "verify"
                    | "checkpw"
                    | "hashpw"
                    | "check_password_hash"
                    | "verify_password"
                    | "get_password_hash"
                    | "hash_password"
            )
        })
    })
}

fn attribute(body: &Body<'_, '_, '_>, expr: &Expr, value: &Expr, name: &str, depth: u32) -> Option<Origin> {
    if name == "headers" && is_request(body, value) {
        return Some(Origin { what: Secret::Headers, range: expr.range, credential: false });
    }
    if name == "cookies" && is_request(body, value) {
        return Some(Origin { what: Secret::Cookies, range: expr.range, credential: false });
    }
    let inner = follow(body, value, depth + 1);
    match inner {
        // The object that `HTTPBearer` gives; its scheme is no secret.
        Some(origin) if origin.what == Secret::Token => return (name == "credentials").then_some(origin),
        Some(origin) if origin.what == Secret::PasswordHolder => {
            return is_password(name).then_some(Origin { what: Secret::Password, ..origin });
        }
        Some(_) => return None,
        None => {}
    }
    if name == "credentials"
        && let Some(param) = value.as_name().and_then(|name| body.param(name))
        && let Some(annotation) = &param.annotation
        && matches!(signature(body, annotation), Some(Value::Package(path)) if path.ends_with("HTTPAuthorizationCredentials"))
    {
        return Some(Origin { what: Secret::Token, range: param.range, credential: true });
    }
    if name == "password"
        && let Some(param) = value.as_name().and_then(|name| body.param(name))
        && takes_form_of_password(body, param)
    {
        return Some(Origin { what: Secret::Password, range: param.range, credential: false });
    }
    // A token in the body of a request.
    if is_called_token(name)
        && let Some(param) = value.as_name().and_then(|name| body.param(name))
        && annotated_class(body, param).is_some_and(|class| is_sent(body, &class))
        && handed_on::field_reaches_library(body, &param.name.name, name)
    {
        return Some(Origin { what: Secret::Token, range: param.range, credential: false });
    }
    // `settings.secret`, and `self.secret` in the settings themselves.
    if names_secret(name)
        && let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value)
        && (is_settings(body.interpreter, &class) || reads_environment(body.interpreter, &class, name))
    {
        return Some(Origin { what: Secret::Key, range: expr.range, credential: false });
    }
    containers::held(body, value, name, depth)
}

/// Whether a class is a model of what callers send.
fn is_sent(body: &Body<'_, '_, '_>, class: &Arc<ClassRef>) -> bool {
    let is_table = body.interpreter.linearised(class).iter().any(|class| is_table(&class.def));
    !is_table
        && body
            .interpreter
            .package_bases(class)
            .iter()
            .any(|base| base == "pydantic.BaseModel" || base == "sqlmodel.SQLModel")
}

/// Whether a parameter takes the form with which somebody signs in (RFC 6749, section 4.3.2).
fn takes_form_of_password(body: &Body<'_, '_, '_>, param: &Param) -> bool {
    let is_form = |value: &Value| matches!(value, Value::Package(path) if path.starts_with("fastapi.security") && path.contains("OAuth2PasswordRequestForm"));
    match param.annotation.as_ref().and_then(|annotation| signature(body, annotation)) {
        Some(Value::Annotated(annotated)) => is_form(&annotated.ty),
        Some(value) => is_form(&value),
        None => false,
    }
}

/// Whether an expression is the request: a parameter that is annotated so, or
/// the one that a middleware is given.
pub(super) fn is_request(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    let Some(param) = expr.as_name().and_then(|name| body.param(name)) else { return false };
    match &param.annotation {
        Some(annotation) => matches!(signature(body, annotation), Some(Value::Package(path))
            if path.ends_with(".Request") && (path.starts_with("fastapi") || path.starts_with("starlette"))
                || path.ends_with(".HTTPConnection") || path.ends_with(".WebSocket")),
        None => param.name.name == "request" && body.param("call_next").is_some(),
    }
}

fn subscript(body: &Body<'_, '_, '_>, expr: &Expr, value: &Expr, index: &Expr, depth: u32) -> Option<Origin> {
    if let Some(key) = index.as_str()
        && let Some(origin) = entry(body, expr, value, key, depth).or_else(|| containers::held(body, value, key, depth))
    {
        return Some(origin);
    }
    // A part of the token: `header.split(" ")[1]`, `token[7:]`.
    let origin = follow(body, value, depth + 1).filter(|origin| !is_all_sent(origin))?;
    let origin = holders::entry(origin, index.as_str().map(SmolStr::as_str))?;
    let first = matches!(index.kind, ExprKind::Int(0));
    let splits = value.as_call().and_then(|(func, _)| last_name(func)).is_some_and(|name| name == "split");
    // The first word of `Bearer …` is the scheme; of a signed cookie it is the token.
    let scheme = first
        && splits
        && value.as_call().is_some_and(|(_, args)| {
            args.is_empty() || positional(args, 0).and_then(Expr::as_str).is_some_and(|by| by == " ")
        });
    (!scheme).then_some(origin)
}

/// A header or cookie by its name: `request.headers["Authorization"]`.
fn entry(body: &Body<'_, '_, '_>, expr: &Expr, map: &Expr, key: &str, depth: u32) -> Option<Origin> {
    if depth > MAX_DEPTH {
        return None;
    }
    let map = body.traced(map);
    let ExprKind::Attribute { value, name } = &map.kind else {
        let reads = matches!(body.package(map)?.as_str(), "os.environ");
        return (reads && names_secret(key)).then_some(Origin {
            what: Secret::Key,
            range: expr.range,
            credential: false,
        });
    };
    if name.name == "environ" && names_secret(key) && body.package(map)? == "os.environ" {
        return Some(Origin { what: Secret::Key, range: expr.range, credential: false });
    }
    let lower = key.to_ascii_lowercase();
    let of_request = matches!(name.name.as_str(), "headers" | "cookies" | "query_params") && is_request(body, value);
    let worth = worth_of(&lower.replace(['.'], "_")) == Worth::Credential;
    let credential = !lower.contains("key") && !lower.contains("signature") && name.name != "query_params";
    (of_request && worth).then_some(Origin { what: Secret::Token, range: expr.range, credential })
}

/// `super()` in a scheme of the project's own: what it gives when it is called is what the caller sent.
fn is_own_scheme(body: &Body<'_, '_, '_>, value: &Expr) -> bool {
    let is_super = value.as_call().is_some_and(|(func, _)| func.as_name().is_some_and(|name| name == "super"));
    let super::super::code::Scope::Function(FunctionRef { class: Some(class), .. }) = body.scope else { return false };
    let gives_token = |base: &SmolStr| is_scheme(base) && !base.contains("APIKey");
    is_super && body.interpreter.package_bases(class).iter().any(gives_token)
}

fn call(body: &Body<'_, '_, '_>, expr: &Expr, func: &Expr, args: &[Arg], depth: u32) -> Option<Origin> {
    match does(body, func) {
        Some((_, Does::Encodes)) => {
            return Some(issued(expr));
        }
        Some((_, Does::Decodes | Does::Peeks)) => {
            return Some(Origin { what: Secret::Claims, range: expr.range, credential: false });
        }
        Some(_) => return None,
        None => {}
    }
    if let ExprKind::Attribute { value, name } = &func.kind {
        match name.name.as_str() {
            "get" => {
                let key = positional(args, 0)?.as_str()?;
                let password = || {
                    let origin = follow(body, value, depth + 1)?;
                    holders::entry(origin, Some(key)).filter(|origin| origin.what == Secret::Password)
                };
                return entry(body, expr, value, key, depth + 1)
                    .or_else(|| containers::held(body, value, key, depth + 1))
                    .or_else(password);
            }
            "split" | "strip" | "lstrip" | "rstrip" | "replace" | "removeprefix" | "removesuffix" | "partition"
            | "rpartition" | "decode" | "encode" | "get_secret_value" => return follow(body, value, depth + 1),
            "__call__" if is_own_scheme(body, value) => {
                return Some(Origin { what: Secret::Token, range: expr.range, credential: true });
            }
            "model_dump" | "dict" | "model_dump_json" | "json" | "items" => {
                let shows_it = |origin: &Origin| origin.what == Secret::PasswordHolder || is_all_sent(origin);
                let origin = follow(body, value, depth + 1).filter(shows_it)?;
                return (keyword(args, "exclude").is_none() && keyword(args, "include").is_none()).then_some(origin);
            }
            _ => {}
        }
    }
    match body.eval(func) {
        Value::Package(path) => match path.as_str() {
            "os.getenv" | "os.environ.get" => {
                let name = positional(args, 0)?.as_str()?;
                names_secret(name).then_some(Origin { what: Secret::Key, range: expr.range, credential: false })
            }
            "builtins.str" | "builtins.repr" | "builtins.dict" => follow(body, positional(args, 0)?, depth + 1),
            // A list of them holds their names only.
            "builtins.list" => {
                let given = positional(args, 0)?;
                follow(body, given, depth + 1).and_then(|origin| holders::listed(origin, given))
            }
            "urllib.parse.unquote" => follow(body, positional(args, 0)?, depth + 1),
            _ => None,
        },
        value if depth < 2 => {
            // What a method is called on of which the class is known may be any of its kin: its name says less.
            let by_name = !matches!(value, Value::Unknown(_));
            callee(body, func).filter(|function| issues(body, function, by_name)).map(|_| issued(expr))
        }
        _ => None,
    }
}

/// Whether a value is all that a request has in its headers or cookies, by their names.
pub(super) fn is_all_sent(origin: &Origin) -> bool {
    matches!(origin.what, Secret::Headers | Secret::Cookies)
}

pub(super) fn issued(call: &Expr) -> Origin {
    Origin { what: Secret::Issued, range: call.range, credential: false }
}

/// Whether a function of the project returns a token that it issues, or draws at random where its name may say it.
pub(super) fn issues(body: &Body<'_, '_, '_>, function: &FunctionRef, by_name: bool) -> bool {
    issues_by(body, function, by_name, 0)
}

fn issues_by(body: &Body<'_, '_, '_>, function: &FunctionRef, by_name: bool, depth: u32) -> bool {
    if function.def.is_generator || depth > ISSUED_THROUGH {
        return false;
    }
    let function = body.interpreter.current(function);
    let inner = Body::new(body.interpreter, super::super::code::Scope::Function(&function), &function.def.body);
    inner.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => {
            let value = inner.traced(value);
            let is_token = by_name && is_called_token(&function.def.name.name) && is_generated(&inner, value);
            let is_made = |func: &Expr| {
                matches!(does(&inner, func), Some((_, Does::Encodes)))
                    || callee(&inner, func).is_some_and(|other| issues_by(&inner, &other, false, depth + 1))
            };
            is_token || value.as_call().is_some_and(|(func, _)| is_made(func))
        }
        _ => false,
    })
}

/// Where an identity comes from that the token names: `request.state`, or claims.
pub(super) fn identity(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<TextRange> {
    let value = body.traced(expr);
    body.steps.set(MAX_STEPS);
    let on_state = |value: &Expr| matches!(&value.kind, ExprKind::Attribute { value, name } if name.name == "state" && is_request(body, value));
    match &value.kind {
        ExprKind::Attribute { value: object, .. } if on_state(object) => Some(value.range),
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Name(name) if name == "getattr" => {
                args.first().is_some_and(|arg| on_state(&arg.value)).then_some(value.range)
            }
            ExprKind::Attribute { value: object, name }
                if name.name == "get" && names_somebody(positional(args, 0)) =>
            {
                follow(body, object, 0).filter(|origin| origin.what == Secret::Claims).map(|_| value.range)
            }
            _ => None,
        },
        ExprKind::Subscript { value: object, index } if names_somebody(Some(index)) => {
            follow(body, object, 0).filter(|origin| origin.what == Secret::Claims).map(|_| value.range)
        }
        _ => None,
    }
}

/// Whether a claim is about the owner of a token, and not about the token: `purpose`, `type`, `exp`.
fn names_somebody(claim: Option<&Expr>) -> bool {
    let about_token = |name: &str| claims::OF_THE_TOKEN.contains(&name) || super::MARKS.contains(&name);
    claim.and_then(Expr::as_str).is_none_or(|name| !about_token(name))
}
