//! Calls that read tokens, and what they are told to check.

use smol_str::SmolStr;

use super::super::code::{Body, Found, Scope, last_name, mentions};
use super::callees::callee;
use super::key_source::{environment, key, plain_field};
use super::libraries::{Does, Library, does};
use super::registry::registry;
use super::{
    Algorithms, Check, Claim, Decode, Expected, ItemTokens, Purpose, Secret, VerifierCall, claims, errors, handed_on,
    identity, needed, optional, secrets, subjects,
};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, StmtKind, keyword, positional};
use crate::index::value::{Resolve, Site, Value};
use crate::text::TextRange;

/// A `PyJWKClient(…)` that every call of a function makes anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeClient {
    /// Where.
    pub site: Site,
    /// In which function.
    pub function: SmolStr,
    /// Whether the function is given the address.
    pub is_given: bool,
}

/// Where Better Auth serves its public keys, unless it is told otherwise.
const KEY_ADDRESS: &str = "/api/auth/jwks";
/// Variables that an address is followed through.
const MAX_STEPS: u32 = 3;
/// Seconds of tolerance that are worth a note.
const SHORT_LEEWAY: i64 = 60;

/// Finds the calls of a body that read tokens, and JWKS clients that it makes.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let addresses = body.find(&|expr| expr.as_str().is_some_and(|text| text.ends_with(KEY_ADDRESS)));
    tokens.key_addresses.extend(addresses.iter().map(|found| body.site(found.expr.range)));
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        if let Some(name) = last_name(func)
            && name == "PyJWKClient"
        {
            tokens.clients.extend(made_for_each_call(body, found));
            continue;
        }
        tokens.answers_errors |= errors::registers_answer(found.expr, &|expr| body.eval(expr));
        let is_own = is_own(body, positional(args, 0));
        tokens.calls.extend(verifier_call(body, found, func).filter(|_| !is_own));
        if decrypts(body, func) {
            tokens.decryptions.push(body.site(found.expr.range));
        }
        match does(body, func) {
            Some((library, does @ (Does::Decodes | Does::Peeks))) if !is_own => {
                tokens.decodes.push(decode(body, found, library, does, args));
            }
            _ => tokens.decodes.extend(bound(body, found, func, args)),
        }
    }
}

/// A call that reads tokens, which is made ready for whoever has one: `partial(jwt.decode, key=KEY, algorithms=[…])`.
/// Where it says nothing of the algorithms, it is not ready.
fn bound(body: &Body<'_, '_, '_>, found: &Found<'_>, func: &Expr, args: &[Arg]) -> Option<Decode> {
    let (callee, args) = args.split_first().filter(|_| last_name(func).is_some_and(|name| name == "partial"))?;
    let (library, does) = does(body, &callee.value).filter(|(_, does)| matches!(does, Does::Decodes))?;
    if body.package(func).is_none_or(|path| path != "functools.partial") {
        return None;
    }
    let decode = decode(body, found, library, does, args);
    (decode.algorithms != Algorithms::Missing || decode.unverified.is_some()).then_some(decode)
}

/// Whether a call takes an encrypted token apart (JWE, RFC 7516).
fn decrypts(body: &Body<'_, '_, '_>, func: &Expr) -> bool {
    let named = last_name(func).is_some_and(|name| {
        matches!(name.as_str(), "decrypt_compact" | "decrypt" | "deserialize_compact" | "decrypt_json")
    });
    named && body.package(func).is_some_and(|path| Library::of(&path).is_some() && path.contains("jwe"))
}

/// Whether a name says that a function is about tokens.
pub fn is_about_tokens(name: &str) -> bool {
    const WORDS: &[&str] = &["decode", "verify", "validate", "token", "jwt", "claims", "payload", "authenticate"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// A call of a function of the project, where tokens are handled.
fn verifier_call(body: &Body<'_, '_, '_>, found: &Found<'_>, func: &Expr) -> Option<VerifierCall> {
    let function = body.site(body.def?.name.range);
    let called = callee(body, func)?;
    let args = found.call().map(|(_, args)| args).unwrap_or_default();
    Some(VerifierCall {
        is_whole: args.iter().any(|arg| secrets::is_whole(body, &arg.value)),
        is_credential: args.iter().any(|arg| secrets::credential(body, &arg.value).is_some()),
        by_dependency: args.iter().any(|arg| handed_on::is_by_dependency(body, &arg.value)),
        is_about_own: is_about_own(body, args),
        site: body.site(found.expr.range),
        function,
        callee: called.site,
        asked: optional::asked(body, &called, args),
        caught: errors::caught(body, found),
        reads: sited(body, claims::reads(body, found)),
        takes: subjects::taken_for(body, found),
        handed_on: claims::handing_on(body, found),
        identity: identity::identity_use(body, found),
    })
}

/// Claims with their places.
fn sited(body: &Body<'_, '_, '_>, reads: Vec<(SmolStr, TextRange)>) -> Vec<Claim> {
    reads
        .into_iter()
        .map(|(name, range)| Claim {
            name,
            site: body.site(range),
            only_if: optional::only_if(body, range),
            is_needed: needed::is_needed(body, range),
        })
        .collect()
}

/// Whether a call is given a token that the function has just issued itself, among other things of which none may be
/// somebody's token: `keep(store, user, refresh_token)`.
fn is_about_own(body: &Body<'_, '_, '_>, args: &[Arg]) -> bool {
    let (own, others): (Vec<&Arg>, Vec<&Arg>) = args.iter().partition(|arg| is_own(body, Some(&arg.value)));
    let may_be_token = |arg: &Arg| {
        let is_called_so =
            last_name(&arg.value).is_some_and(|name| is_about_tokens(name) || name.contains("credential"));
        arg.spread != Spread::No || is_called_so || secrets::origin(body, &arg.value).is_some()
    };
    !own.is_empty() && !others.into_iter().any(may_be_token)
}

/// Whether what a call is given is a token that the function has just issued itself: it is no caller's.
fn is_own(body: &Body<'_, '_, '_>, given: Option<&Expr>) -> bool {
    let Some(given) = given else { return false };
    // `token, jti = issue(user)`
    let is_unpacked = given.as_name().is_some_and(|name| matches!(body.bindings(name).as_slice(), [None]));
    if is_unpacked && secrets::origin(body, given).is_some_and(|origin| origin.what == Secret::Issued) {
        return true;
    }
    let is_issued = |value: &Expr| {
        value.as_call().is_some_and(|(func, _)| {
            matches!(does(body, func), Some((_, Does::Encodes)))
                || callee(body, func).is_some_and(|function| secrets::issues(body, &function, false))
        })
    };
    // A variable may be assigned on several ways.
    let bound = given.as_name().map(|name| body.bindings(name)).unwrap_or_default();
    let is_always = !bound.is_empty() && bound.into_iter().all(|value| value.is_some_and(is_issued));
    is_always || is_issued(body.traced(given))
}

fn decode(body: &Body<'_, '_, '_>, found: &Found<'_>, library: Library, does: Does, args: &[Arg]) -> Decode {
    let token = positional(args, 0).or_else(|| keyword(args, "token")).or_else(|| keyword(args, "jwt"));
    let unverified = match does {
        Does::Peeks => Some(body.site(found.expr.range)),
        _ => switched_off(body, args, "verify_signature"),
    };
    let receiver = found.call().and_then(|(func, _)| match &func.kind {
        ExprKind::Attribute { value, .. } => Some(&**value),
        _ => None,
    });
    let given_key = positional(args, 1).or_else(|| keyword(args, "key"));
    let open_ended = args.iter().any(|arg| arg.spread != Spread::No);
    let reads = claims::reads(body, found);
    // Libraries that validate claims in a call of its own are told there what to expect.
    let registry = registry(body, found, args, library);
    let mut required = requires(body, args);
    required.extend(registry.iter().flat_map(|registry| registry.requires.iter().cloned()));
    let registered = registry.map(|registry| (registry.audience, registry.issuer));
    let (audience, issuer) = registered
        .unwrap_or_else(|| (expected(body, args, "audience", open_ended), expected(body, args, "issuer", open_ended)));
    let checks = [
        ("verify_exp", Check::Expiry),
        ("verify_aud", Check::Audience),
        ("verify_iss", Check::Issuer),
        ("verify_sub", Check::Subject),
    ];
    let skips = checks.into_iter().filter_map(|(name, check)| Some((check, switched_off(body, args, name)?)));
    Decode {
        site: body.site(found.expr.range),
        function: body.def.map(|def| body.site(def.name.range)),
        library,
        is_credential: token.is_some_and(|token| secrets::credential(body, token).is_some()),
        by_dependency: token.is_some_and(|token| handed_on::is_by_dependency(body, token)),
        key: key(body, given_key),
        field: plain_field(body, given_key),
        algorithms: algorithms(body, receiver, args, library, open_ended),
        by_key_pair: is_by_key_pair(body, args, library),
        audience,
        issuer,
        skips: if unverified.is_some() { Vec::new() } else { skips.collect() },
        requires: required,
        leeway: leeway(body, args),
        validated: !library.validates_apart() || is_validated(body, found),
        purpose: match unverified {
            Some(_) => claims::purpose(body, found, token),
            None if claims::is_only_logged(body, found) => Purpose::Peek,
            None => Purpose::VerifiedToo,
        },
        unverified,
        takes: subjects::taken_for(body, found),
        reads: sited(body, reads),
        handed_on: claims::handing_on(body, found),
        identity: identity::identity_use(body, found),
        caught: errors::caught(body, found),
    }
}

/// Where one of the checks is switched off in the options of a call.
pub(super) fn switched_off(body: &Body<'_, '_, '_>, args: &[Arg], name: &str) -> Option<Site> {
    let (value, range) = option(body, args, name)?;
    matches!(value, Value::Bool(false)).then(|| body.site(range))
}

/// The value of an option, and where it stands.
fn option(body: &Body<'_, '_, '_>, args: &[Arg], name: &str) -> Option<(Value, TextRange)> {
    let given = keyword(args, "options")?;
    let traced = body.traced(given);
    if given.as_name().is_some_and(|variable| body.is_changed(variable)) {
        return None;
    }
    if let ExprKind::Dict(entries) = &traced.kind {
        let own =
            entries.iter().rev().find(|(key, _)| key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == name));
        if let Some((key, value)) = own {
            let start = key.as_ref().map_or(value.range.start, |key| key.range.start);
            let range = TextRange { start, end: value.range.end };
            return Some((body.eval(body.traced(value)), range));
        }
        let spread = entries.iter().filter(|(key, _)| key.is_none()).map(|(_, value)| value);
        return spread.rev().find_map(|value| Some((in_dict(&body.eval(value), name)?, value.range)));
    }
    Some((in_dict(&body.eval(traced), name)?, given.range))
}

fn in_dict(value: &Value, name: &str) -> Option<Value> {
    let Value::Dict(entries) = value else { return None };
    entries.iter().find(|(key, _)| matches!(key, Value::Str(key) if key == name)).map(|(_, value)| value.clone())
}

fn requires(body: &Body<'_, '_, '_>, args: &[Arg]) -> Vec<SmolStr> {
    let mut required = Vec::new();
    match option(body, args, "require") {
        Some((Value::List(names), _)) => {
            required.extend(names.iter().filter_map(|name| match name {
                Value::Str(name) => Some(name.clone()),
                _ => None,
            }));
        }
        Some((Value::Str(name), _)) => required.push(name),
        _ => {}
    }
    for claim in ["exp", "sub", "aud", "iss", "iat"] {
        if let Some((Value::Bool(true), _)) = option(body, args, &format!("require_{claim}")) {
            required.push(claim.into());
        }
    }
    required
}

/// What a call is told to expect of a claim.
fn expected(body: &Body<'_, '_, '_>, args: &[Arg], name: &str, open_ended: bool) -> Expected {
    match keyword(args, name) {
        None if open_ended => Expected::Unknown,
        None => Expected::Nothing,
        Some(given) => match body.eval(body.traced(given)) {
            Value::None => Expected::Nothing,
            Value::Str(text) => Expected::Value(Some(text)),
            _ => match environment(body, body.traced(given)) {
                Some(name) => Expected::Environment(name),
                None => Expected::Value(None),
            },
        },
    }
}

/// The algorithms that an object was made for: `JsonWebToken(["EdDSA"])`.
fn known_to(body: &Body<'_, '_, '_>, receiver: Option<&Expr>) -> Algorithms {
    let made = receiver.map(|receiver| body.eval(body.traced(receiver)));
    let Some(Value::Instance(instance)) = made else { return Algorithms::Unknown };
    match instance.args.get("algorithms", Some(0)) {
        Some(Value::List(names)) => {
            let names = names.iter().map(|name| match name {
                Value::Str(name) => Some((name.clone(), instance.site)),
                _ => None,
            });
            names.collect::<Option<Vec<_>>>().map_or(Algorithms::Unknown, Algorithms::Known)
        }
        _ => Algorithms::Unknown,
    }
}

fn algorithms(
    body: &Body<'_, '_, '_>,
    receiver: Option<&Expr>,
    args: &[Arg],
    library: Library,
    open_ended: bool,
) -> Algorithms {
    let given = match given_algorithms(args, library) {
        Some(given) => given,
        None if library.validates_apart() => return known_to(body, receiver),
        None if open_ended => return Algorithms::Unknown,
        None => return Algorithms::Missing,
    };
    if given.as_name().is_some_and(|name| body.is_changed(name)) {
        return Algorithms::Unknown;
    }
    let list = body.traced(given);
    if matches!(list.kind, ExprKind::None) {
        return Algorithms::Missing;
    }
    let elements = elements(list);
    let mut known = Vec::new();
    for element in elements {
        if let Some(read) = header_read(body, element, 0) {
            let name = element.as_name();
            let is_chosen_before = name.is_some_and(|name| is_compared(body, name, given.range));
            return match is_chosen_before || is_of_one_kind(body, args) {
                true => Algorithms::Unknown,
                false => Algorithms::FromToken { read: body.site(read), given: body.site(element.range) },
            };
        }
        match body.eval(body.traced(element)) {
            Value::Str(name) => known.push((name, body.site(element.range))),
            Value::List(names) => {
                for name in names.iter() {
                    let Value::Str(name) = name else { return Algorithms::Unknown };
                    known.push((name.clone(), body.site(element.range)));
                }
            }
            Value::None if given.range == element.range => return Algorithms::Missing,
            _ => return Algorithms::Unknown,
        }
    }
    Algorithms::Known(known)
}

/// What a call is given for the algorithms.
fn given_algorithms(args: &[Arg], library: Library) -> Option<&Expr> {
    let position = if library == Library::PyJwt || library == Library::Jose { 2 } else { usize::MAX };
    keyword(args, "algorithms").or_else(|| positional(args, position))
}

/// The elements of a list that is written out, or else the expression itself.
fn elements(list: &Expr) -> &[Expr] {
    match &list.kind {
        ExprKind::List(elements) | ExprKind::Tuple(elements) | ExprKind::Set(elements) => elements,
        _ => std::slice::from_ref(list),
    }
}

/// Whether all algorithms that a call is given are those of key pairs (RFC 7518, section 3.1; RFC 8037), where nothing
/// sets the settings among them.
fn is_by_key_pair(body: &Body<'_, '_, '_>, args: &[Arg], library: Library) -> bool {
    let Some(given) = given_algorithms(args, library) else { return false };
    let of_key_pair = |name: &Value| matches!(name, Value::Str(name) if name == "EdDSA" || ["RS", "ES", "PS"].iter().any(|family| name.starts_with(family)));
    let is_one = |element: &Expr| {
        let element = body.traced(element);
        let value = match body.scope {
            Scope::Function(function) => body.interpreter.eval_by_default(function, element, &[]),
            _ => body.eval(element),
        };
        match value {
            Value::List(names) => !names.is_empty() && names.iter().all(|name| of_key_pair(name.by_default())),
            name => of_key_pair(&name),
        }
    };
    let elements = elements(body.traced(given));
    !elements.is_empty() && elements.iter().all(is_one)
}

/// Whether the key is an object of a class of python-jose's that refuses algorithms of other kinds when it is made (3.5,
/// `RSAKey.__init__`): `RSAKey(key, algorithm=header["alg"])`.
fn is_of_one_kind(body: &Body<'_, '_, '_>, args: &[Arg]) -> bool {
    let key = positional(args, 1).or_else(|| keyword(args, "key"));
    let made = key.and_then(|key| body.traced(key).as_call()).and_then(|(func, _)| body.package(func));
    made.is_some_and(|path| path.starts_with("jose.") && (path.ends_with(".RSAKey") || path.ends_with(".ECKey")))
}

/// Where an expression reads the algorithm out of a token's header.
fn header_read(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> Option<TextRange> {
    let of_header = |value: &Expr| {
        let value = body.traced(value);
        value.as_call().is_some_and(|(func, _)| matches!(does(body, func), Some((_, Does::ReadsHeader))))
    };
    match &expr.kind {
        ExprKind::Subscript { value, index } => {
            (index.as_str().is_some_and(|key| key == "alg") && of_header(value)).then_some(expr.range)
        }
        ExprKind::Call { func, args } => match &func.kind {
            ExprKind::Attribute { value, name } if name.name == "get" => {
                let alg = positional(args, 0).and_then(Expr::as_str).is_some_and(|key| key == "alg");
                (alg && of_header(value)).then_some(expr.range)
            }
            _ => None,
        },
        ExprKind::BoolOp { and: false, values } => values.first().and_then(|first| header_read(body, first, depth + 1)),
        ExprKind::Name(_) if depth < 4 => {
            let traced = body.traced(expr);
            if traced.range == expr.range { None } else { header_read(body, traced, depth + 1) }
        }
        _ => None,
    }
}

/// Whether a variable is compared with constants on the way to a place: in a
/// condition around it, or in one before it whose branch leaves.
fn is_compared(body: &Body<'_, '_, '_>, name: &str, place: TextRange) -> bool {
    let compares = |test: &Expr, ops: &[&str]| {
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::Compare { first, rest } => {
                    if let [(op, _)] = rest.as_slice()
                        && ops.contains(&op.as_str())
                        && mentions(first, name)
                    {
                        return true;
                    }
                }
                ExprKind::BoolOp { values, .. } => pending.extend(values),
                _ => {}
            }
        }
        false
    };
    body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, body, .. } => {
            let holds =
                |block: &[crate::facts::python::tree::Stmt]| block.iter().any(|stmt| stmt.range.contains_range(place));
            let leaves = body.iter().any(|stmt| matches!(stmt.kind, StmtKind::Raise { .. } | StmtKind::Return(_)));
            (holds(body) && (compares(test, &["in", "=="]) || is_of_key_pairs(test, name)))
                || matches!(&test.kind, ExprKind::Not(inner) if stmt.range.end <= place.start && leaves && is_of_key_pairs(inner, name))
                || (stmt.range.end <= place.start && leaves && compares(test, &["not in", "!="]))
        }
        _ => false,
    })
}

/// Whether a condition holds only where a variable begins as the algorithms of key pairs do, and neither as those of shared
/// secrets nor as `none` does (RFC 7518, section 3.1): `alg.startswith("RS") or alg.startswith("ES")`.
fn is_of_key_pairs(test: &Expr, name: &str) -> bool {
    match &test.kind {
        ExprKind::BoolOp { and: false, values } => values.iter().all(|value| is_of_key_pairs(value, name)),
        ExprKind::BoolOp { and: true, values } => values.iter().any(|value| is_of_key_pairs(value, name)),
        ExprKind::Call { func, args } => {
            let ExprKind::Attribute { value, name: method } = &func.kind else { return false };
            let is_family = |start: &Expr| {
                start
                    .as_str()
                    .is_some_and(|start| ["RS", "ES", "PS", "Ed"].iter().any(|family| start.starts_with(family)))
            };
            let starts = positional(args, 0).map(elements);
            method.name == "startswith"
                && mentions(value, name)
                && starts.is_some_and(|starts| !starts.is_empty() && starts.iter().all(is_family))
        }
        _ => false,
    }
}

/// Seconds of tolerance, where they are worth a note.
fn leeway(body: &Body<'_, '_, '_>, args: &[Arg]) -> Option<(i64, Site)> {
    let (seconds, range) = match keyword(args, "leeway") {
        Some(given) => (super::encode::seconds(body, given)?, given.range),
        None => match option(body, args, "leeway")? {
            (Value::Int(seconds), range) => (seconds, range),
            _ => return None,
        },
    };
    (seconds >= SHORT_LEEWAY).then(|| (seconds, body.site(range)))
}

/// Whether the claims that a call gives are validated in the same function,
/// by the library or by hand; a result that is handed on may be.
fn is_validated(body: &Body<'_, '_, '_>, found: &Found<'_>) -> bool {
    let Some(variable) = claims::variable(found) else { return true };
    let by_call = body.calls().iter().any(|call| {
        call.call().is_some_and(|(func, args)| {
            let validates = last_name(func).is_some_and(|name| name.contains("valid") || name.contains("check"));
            let on_it = mentions(func, variable) || args.iter().any(|arg| mentions(&arg.value, variable));
            validates && on_it
        })
    });
    let by_hand = claims::reads(body, found).iter().any(|(claim, _)| claim == "exp");
    let handed_on = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => {
            let plain = match &value.kind {
                ExprKind::Attribute { value, .. } => value,
                _ => value,
            };
            plain.as_name() == Some(variable)
                || matches!(&value.kind, ExprKind::Tuple(parts) if parts.iter().any(|part| mentions(part, variable)))
        }
        _ => false,
    });
    by_call || by_hand || handed_on
}

/// A JWKS client that every call of a function makes anew: it is used in the
/// function, and kept nowhere.
fn made_for_each_call(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Option<MadeClient> {
    let def = body.def?;
    let (func, args) = found.call()?;
    if !body.package(func)?.ends_with("PyJWKClient") {
        return None;
    }
    let caches = |decorator: &Expr| {
        let callee = decorator.as_call().map_or(decorator, |(func, _)| func);
        last_name(callee).is_some_and(|name| name.contains("cache"))
    };
    if def.decorators.iter().any(caches) || def.name.name.starts_with("__") {
        return None;
    }
    let fetches = |value: &Expr| {
        body.calls().iter().any(|call| {
            let Some((func, _)) = call.call() else { return false };
            let ExprKind::Attribute { value: receiver, name } = &func.kind else { return false };
            name.name.starts_with("get_signing_key") && receiver.range == value.range
        })
    };
    let used = match &found.stmt.kind {
        StmtKind::Assign(assign) => match assign.targets.as_slice() {
            [target] => {
                let name = target.as_name()?;
                let is_global = body
                    .statements()
                    .iter()
                    .any(|(stmt, _)| matches!(&stmt.kind, StmtKind::Global(names) if names.contains(name)));
                let kept = body.statements().iter().any(|(stmt, _)| match &stmt.kind {
                    StmtKind::Return(Some(value)) => value.as_name() == Some(name),
                    StmtKind::Assign(assign) => assign.value.as_ref().and_then(Expr::as_name) == Some(name),
                    _ => false,
                });
                let used = body.calls().iter().any(|call| {
                    let Some((func, _)) = call.call() else { return false };
                    matches!(&func.kind, ExprKind::Attribute { value, name: method }
                        if method.name.starts_with("get_signing_key") && value.as_name() == Some(name))
                });
                used && !is_global && !kept
            }
            _ => false,
        },
        _ => fetches(found.expr),
    };
    let address = keyword(args, "uri").or_else(|| positional(args, 0));
    let is_given = address.is_some_and(|address| is_of_call(body, address, 0));
    used.then(|| MadeClient { site: body.site(found.expr.range), function: def.name.name.clone(), is_given })
}

/// Whether a value is made of what the function is called with, other than the object that it is a method of.
fn is_of_call(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    let Some(def) = body.def.filter(|_| depth < MAX_STEPS) else { return false };
    let receiver = usize::from(function.takes_receiver() && !body.is_nested());
    let is_given = |name: &SmolStr| def.params.iter().skip(receiver).any(|param| param.name.name == *name);
    let mut pending = vec![value];
    while let Some(expr) = pending.pop() {
        if let Some(name) = expr.as_name() {
            let mut made = body.bindings(name).into_iter().flatten();
            if is_given(name) || made.any(|made| is_of_call(body, made, depth + 1)) {
                return true;
            }
        }
        pending.extend(expr.children());
    }
    false
}
