//! Credentials that are compared with a key whose value stands in the code.

use super::super::code::Body;
use super::super::keys::{self, Key, Purpose, Source, What};
use super::super::sinks::is_scheme_word;
use super::super::sources::{Worth, worth_of_parameter};
use super::errors;
use super::schemes::{self, Asked};
use super::secrets;
use super::unset::in_constant_time;
use super::{ItemTokens, Secret};
use crate::facts::python::idioms::raises;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, keyword, positional};
use crate::index::value::Value;

/// Finds comparisons that tell callers apart: by what is raised, or answered with 401 or 403, where they differ, or by
/// what is returned where they are equal.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    if body.def.is_none() {
        return;
    }
    for (stmt, _) in body.statements() {
        let mut pairs = Vec::new();
        let mut refused = false;
        match &stmt.kind {
            StmtKind::If { test, body: branch, .. } => {
                refused = refuses(body, branch);
                if refused || raises(branch) {
                    pairs.extend(differing_by(body, test));
                }
                if gives(branch) {
                    pairs.extend(equal_by(body, test));
                }
            }
            StmtKind::Return(Some(value)) => pairs = equal_by(body, value),
            _ => {}
        }
        for (one, other) in pairs {
            let beside =
                |given, key| key_beside(body, given, key).or_else(|| key_of_body(body, given, key).filter(|_| refused));
            tokens.compared_keys.extend(beside(one, other).or_else(|| beside(other, one)));
        }
    }
}

/// The key that a credential is compared with, where its value stands in the code.
fn key_beside(body: &Body<'_, '_, '_>, given: &Expr, key: &Expr) -> Option<Key> {
    // What only says how a credential is sent, or that there is none.
    let is_mark = matches!(body.eval(key), Value::Str(text) if is_scheme_word(&text) || says_nothing(&text));
    if is_mark || !is_credential(body, body.traced(given)) && !is_sent_as_bearer(body, given, key) {
        return None;
    }
    match &key.kind {
        // `f"Bearer {key}"`
        ExprKind::FString(parts) => {
            let [scheme, key] = parts.as_slice() else { return None };
            let is_scheme = scheme.as_str().is_some_and(|text| is_scheme_word(text));
            is_scheme.then(|| keys::letting_in(body.interpreter, body.scope, key))?
        }
        // One decision, and one place: what stands beside a key is another one.
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
            let origin = body.site(key.range);
            let is_key = |part: &Expr| part.as_str().is_some_and(|text| !is_scheme_word(text) && !says_nothing(text));
            (!parts.is_empty() && parts.iter().all(is_key)).then_some(Key {
                used: origin,
                purpose: Purpose::LetsIn,
                origin,
                source: Source::Literal,
                what: What::Text,
            })
        }
        _ => keys::letting_in(body.interpreter, body.scope, key),
    }
}

/// The key that a part of the body or the query is compared with: `body.secret != SECRET`. What such a part is called says that callers may prove something by it, and that they are refused, that they do.
fn key_of_body(body: &Body<'_, '_, '_>, given: &Expr, key: &Expr) -> Option<Key> {
    let (param, name) = match &given.kind {
        ExprKind::Name(name) => (name, name),
        ExprKind::Attribute { value, name } => (value.as_name()?, &name.name),
        _ => return None,
    };
    let is_of_request = match secrets::read_from(body, body.param(param)?) {
        Some(from) => matches!(from.as_str(), "Query" | "Body" | "Form"),
        None => body.takes_requests(),
    };
    let is_credential = is_of_request && is_called_key(name) && worth_of_parameter(name) == Worth::Credential;
    is_credential.then(|| keys::letting_in(body.interpreter, body.scope, key))?
}

/// Whether a name is that of a key: `admin_secret`, and not `token_use`, of which a few words tell kinds.
fn is_called_key(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["secret", "token", "key", "password", "passcode", "passphrase", "pin"].iter().any(|word| lower.ends_with(word))
}

/// Whether a function compares what it is given with a key behind `Bearer`: nothing else than a credential is sent so (RFC
/// 6750, section 2.1), whoever reads the header.
fn is_sent_as_bearer(body: &Body<'_, '_, '_>, given: &Expr, key: &Expr) -> bool {
    let is_parameter = given.as_name().is_some_and(|name| body.param(name).is_some());
    let ExprKind::FString(parts) = &key.kind else { return false };
    let scheme = parts.first().and_then(Expr::as_str);
    is_parameter && scheme.is_some_and(|text| text.trim().eq_ignore_ascii_case("bearer"))
}

/// Whether an expression is what callers prove with who they are, as they sent it.
fn is_credential(body: &Body<'_, '_, '_>, given: &Expr) -> bool {
    // `credentials.password.encode()`
    let given = match given.as_call().map(|(func, _)| &func.kind) {
        Some(ExprKind::Attribute { value, name }) if name.name == "encode" => body.traced(value),
        _ => given,
    };
    // What `HTTPBasic` gives.
    if let ExprKind::Attribute { value, name } = &given.kind
        && name.name == "password"
        && let Some(param) = value.as_name().and_then(|name| body.param(name))
    {
        return matches!(schemes::asked_for(body, param), Some(Asked::Scheme { .. }));
    }
    match secrets::origin(body, given) {
        // A part of a token says something else than who sends it: a version, a kind.
        Some(origin) if origin.what == Secret::Token => !origin.credential || secrets::is_whole(body, given),
        origin => origin.is_some_and(|origin| origin.what == Secret::Password),
    }
}

/// Whether a text is what a frontend sends that has no token: `Bearer null`.
fn says_nothing(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or(text);
    matches!(last, "null" | "undefined" | "None")
}

/// What an expression compares that is true only where a credential is the key that it is compared with.
fn equal_by<'e>(body: &Body<'e, '_, '_>, test: &'e Expr) -> Vec<(&'e Expr, &'e Expr)> {
    let test = body.traced(test);
    match &test.kind {
        ExprKind::BoolOp { and: true, values } => values.iter().flat_map(|value| equal_by(body, value)).collect(),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if matches!(op.as_str(), "==" | "in") => vec![(first, second)],
            _ => Vec::new(),
        },
        _ => in_constant_time(test).into_iter().collect(),
    }
}

/// The same of an expression that is true wherever it is another one.
fn differing_by<'e>(body: &Body<'e, '_, '_>, test: &'e Expr) -> Vec<(&'e Expr, &'e Expr)> {
    match &test.kind {
        ExprKind::BoolOp { and: false, values } => values.iter().flat_map(|value| differing_by(body, value)).collect(),
        ExprKind::Not(inner) => equal_by(body, inner),
        ExprKind::Compare { first, rest } => match rest.as_slice() {
            [(op, second)] if matches!(op.as_str(), "!=" | "not in") => vec![(first, second)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether a branch ends with a value that is something, or what it does under a condition ends so.
fn gives(branch: &[Stmt]) -> bool {
    let is_something = |value: &Expr| !matches!(value.kind, ExprKind::None | ExprKind::Bool(false));
    let mut pending = vec![branch];
    while let Some(block) = pending.pop() {
        match block.last().map(|stmt| &stmt.kind) {
            Some(StmtKind::Return(Some(value))) if is_something(value) => return true,
            _ => pending.extend(block.iter().flat_map(Stmt::blocks)),
        }
    }
    false
}

/// Whether a branch ends with 401 or 403, answered or raised.
fn refuses(body: &Body<'_, '_, '_>, branch: &[Stmt]) -> bool {
    let (answer, first) = match branch.last().map(|stmt| &stmt.kind) {
        Some(StmtKind::Return(Some(answer))) => (answer, None),
        Some(StmtKind::Raise { exc: Some(raised), .. }) => (raised, Some(0)),
        _ => return false,
    };
    let Some((_, args)) = answer.as_call() else { return false };
    let given = keyword(args, "status_code").or_else(|| positional(args, first?));
    matches!(errors::status(body, given), Some((401 | 403, _)))
}
