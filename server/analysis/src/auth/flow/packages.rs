//! Calls of packages: those that verify, and those that hand on what they are given.

use smol_str::SmolStr;

use super::super::Proof;
use super::super::code::plain_text;
use super::super::evidence::Evidence;
use super::super::sinks::{Sink, classify, is_http_client, is_lookup, is_of_sender, raises_for_status, takes_message};
use super::super::sources::{Worth, is_scheme, jwt_auth_method, only_wraps, package_instance, worth_of};
use super::queries::TOKEN_LOOKED_UP;
use super::statements::NEVER;
use super::{Abs, Flow, Path};
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, keyword, positional};
use crate::index::value::{Instance, Value};

/// Variables that are followed to what a text was decoded from.
const MAX_NAMES: u32 = 3;

/// Under what it is noted beside `request.state` that a variable of the context says who is calling.
const CONTEXT: &str = "contextvars.ContextVar";

impl Flow<'_, '_> {
    /// What a package's dependency gives that is called by hand, with the request or a credential: whom it verified,
    /// or it raises (`FastAPIUsers.current_user()`, where nothing else is asked for). Where it may give nobody, that is `None`.
    pub(super) fn asked_by_hand(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        made: &Instance,
        values: &[Abs],
    ) -> Option<Abs> {
        let Value::Package(package) = &made.class else { return None };
        if is_scheme(package) || !values.iter().any(Abs::is_tainted) {
            return None;
        }
        let checked = match package_instance(package, &made.args) {
            Proof::Verifies => true,
            Proof::Optional => false,
            _ => return None,
        };
        self.found.credential = true;
        self.decides(expr, format!("`{package}` verifies the credential"));
        path.verified |= checked;
        Some(Abs::Verified { checked })
    }

    pub(super) fn package(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        package: &SmolStr,
        args: &[Arg],
        values: Vec<Abs>,
    ) -> Abs {
        if let Some(value) = self.of_request(path, expr, package, args, &values) {
            return value;
        }
        if only_wraps(package) {
            return values.into_iter().next().unwrap_or(Abs::Nothing);
        }
        self.note_package(path, package, args);
        if let Some(value) = self.granted(path, package, args) {
            return value;
        }
        if package.strip_suffix(".__call__").is_some_and(is_scheme) && values.iter().any(Abs::is_tainted) {
            self.found.credential = true;
            self.note(expr, "FastAPI's security scheme reads the credential");
            return Abs::Credential;
        }
        if let Some(method) = jwt_auth_method(package) {
            return self.jwt_auth(path, expr, package, method);
        }
        if package == "contextvars.ContextVar.get" && holds_credential(expr) {
            self.found.credential = true;
            self.note(expr, "the credential is kept in a variable of the context");
            return Abs::Credential;
        }
        if package == "contextvars.ContextVar.set"
            && let Some(value @ (Abs::Credential | Abs::Identity | Abs::Named(_) | Abs::Verified { .. })) =
                values.first()
        {
            path.state.insert(SmolStr::new_static(CONTEXT), value.clone());
        }
        let is_empty = values.first() == Some(&Abs::Nothing);
        let of_interest = values.iter().any(|value| !matches!(value, Abs::Constant | Abs::Nothing));
        let for_caller = takes_access_token(package, args, &values);
        if is_made_again(package, args, &values) {
            return Abs::Request(SmolStr::default());
        }
        let signed = values.iter().any(is_keyed_signature)
            && args.iter().any(|arg| self.signed_by_client(path, &arg.value) == Some(false));
        let derived = values.into_iter().fold(Abs::Constant, Abs::join);
        let what = match classify(package) {
            Sink::Forwards if for_caller => Sink::Raises,
            Sink::Forwards if self.inserts(args) => Sink::Passes,
            Sink::SignsIn if !signs_in_with(args, &derived) => Sink::Passes,
            what => what,
        };
        if what == Sink::Forwards
            && let Some(row) = self.row_by_name(path, expr, args, &derived)
        {
            return row;
        }
        match what {
            Sink::Raises if package.starts_with("jwcrypto.") && !is_given_a_key(package, args) => Abs::Credential,
            // Nothing is no token, whatever it is verified with.
            Sink::Raises if is_empty => {
                path.set(&SmolStr::new_static(NEVER), Abs::Nothing);
                Abs::Nothing
            }
            Sink::Raises if of_interest && self.verification_is_off(args) => {
                self.note(expr, format!("`{package}` is told not to verify the signature"));
                Abs::Identity
            }
            Sink::Raises if of_interest => {
                path.verified = true;
                let evidence = if takes_message(package) { Evidence::Signed } else { Evidence::Decides };
                self.step(expr, evidence, format!("`{package}` verifies the credential"));
                Abs::Verified { checked: true }
            }
            // What is compared was not seen to come from a credential: it may be a CSRF token.
            Sink::SignsIn if of_interest => {
                path.verified = true;
                self.decides(expr, format!("`{package}` signs in with what the caller knows"));
                Abs::Verified { checked: true }
            }
            Sink::Answers
                if !signed && matches!(derived, Abs::Constant | Abs::Nothing | Abs::Other | Abs::Object(_)) =>
            {
                let reason: SmolStr = format!("it is not known whose secret `{package}` compares").into();
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
            // Whoever sends the key makes the signature, too.
            Sink::Answers if args.iter().any(|arg| self.signed_by_client(path, &arg.value) == Some(true)) => Abs::Other,
            Sink::Answers => {
                // What a service signs says that it is the service, and not for whom it sends.
                let evidence = match package.ends_with(".compare_digest") || is_of_sender(package) {
                    true => Evidence::Compares,
                    false => Evidence::Decides,
                };
                self.step(expr, evidence, format!("`{package}` compares the credential"));
                Abs::Check
            }
            Sink::Forwards if derived.is_tainted() => {
                self.decides(expr, format!("`{package}` sends the credential to somebody who can verify it"));
                let checked = raises_for_status(package);
                path.verified |= checked;
                Abs::Verified { checked }
            }
            Sink::Forwards
                if derived == Abs::Secret
                    && is_lookup(package.rsplit('.').next().unwrap_or_default())
                    && self.is_asked_by_token(path, args, package.starts_with("redis.")) =>
            {
                self.decides(expr, TOKEN_LOOKED_UP);
                Abs::Verified { checked: false }
            }
            Sink::Reads if derived.is_tainted() => {
                self.note(expr, format!("`{package}` reads the credential without verifying it"));
                Abs::Identity
            }
            Sink::Unknown if derived.is_tainted() => {
                let reason: SmolStr =
                    format!("`{package}` is given the credential and authlens does not know it").into();
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
            Sink::Passes if package.starts_with("builtins.") => builtin(package, derived),
            Sink::Passes if derived == Abs::Credential && self.reads_claims(package, args) => {
                self.note(expr, "the credential is taken apart here, and not verified");
                Abs::Identity
            }
            // A query with the credential in it: what it gives may still be nothing.
            _ if derived == (Abs::Verified { checked: false })
                && is_lookup(package.rsplit('.').next().unwrap_or_default()) =>
            {
                Abs::Verified { checked: false }
            }
            _ => match derived {
                Abs::Constant | Abs::Nothing | Abs::Object(_) | Abs::Other | Abs::Request(_) => {
                    Abs::Object(Box::new(Value::Package(package.clone())))
                }
                Abs::Verified { .. } => Abs::Verified { checked: true },
                derived => derived,
            },
        }
    }

    /// What comparing a signature tells that `hmac` made: whose it is, where the function at hand makes it with a key that is
    /// not the client's. Which key another function makes it with is not known.
    pub(super) fn signature_compared(&mut self, path: &mut Path, sides: [&Expr; 2]) -> Abs {
        match sides.into_iter().find_map(|side| self.signed_by_client(path, side)) {
            Some(true) => Abs::Other,
            Some(false) => Abs::Check,
            None => {
                let reason =
                    SmolStr::new_static("it is not known with whose key the signature is made that is compared");
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            }
        }
    }

    /// Whether a signature that the function at hand makes is made with a key of the client's:
    /// `hmac.new(secret.encode(), body, sha256)`, where `secret` stands in the path. None where it makes none.
    fn signed_by_client(&mut self, path: &Path, value: &Expr) -> Option<bool> {
        let body = self.function().def.clone();
        let made = match value.as_name() {
            Some(name) => assigned(&body.body, name),
            None => vec![value],
        };
        let mut pending = made;
        while let Some(expr) = pending.pop() {
            if let Some((func, args)) = expr.as_call()
                && matches!(self.outer(func), Value::Package(package) if matches!(package.as_str(), "hmac.new" | "hmac.digest"))
            {
                let key = positional(args, 0).or_else(|| keyword(args, "key"))?;
                return Some(
                    self.is_of_client(plain_text(key)) || self.eval(&mut path.clone(), key) == Abs::Credential,
                );
            }
            pending.extend(expr.children());
        }
        None
    }

    /// Whether a call reads the JSON that a part of a token holds (RFC 7515, section 3.1): `json.loads(b64decode(part))`.
    fn reads_claims(&self, package: &str, args: &[Arg]) -> bool {
        let reads = matches!(package, "json.loads" | "orjson.loads");
        reads && args.first().is_some_and(|text| self.is_decoded(&text.value, MAX_NAMES))
    }

    /// Whether a text was decoded from base64.
    fn is_decoded(&self, text: &Expr, names: u32) -> bool {
        match &text.kind {
            ExprKind::Name(name) if names > 0 => {
                let values = assigned(&self.function().def.body, name);
                values.into_iter().any(|value| self.is_decoded(value, names - 1))
            }
            ExprKind::Call { func, .. } => match (self.outer(func), &func.kind) {
                (Value::Package(path), _) if path.starts_with("base64.") || path.ends_with(".base64url_decode") => true,
                (_, ExprKind::Attribute { value, name }) => name.name == "decode" && self.is_decoded(value, names),
                _ => false,
            },
            _ => false,
        }
    }

    /// A method of `AuthJWT`, which holds the request.
    fn jwt_auth(&mut self, path: &mut Path, expr: &Expr, package: &SmolStr, method: &str) -> Abs {
        match method {
            "" => Abs::Object(Box::new(Value::Package(package.clone()))),
            "jwt_required" | "fresh_jwt_required" | "jwt_refresh_token_required" => {
                path.verified = true;
                self.found.credential = true;
                self.decides(expr, format!("`{method}` verifies the credential"));
                Abs::Verified { checked: true }
            }
            "jwt_optional" => {
                self.found.credential = true;
                self.decides(expr, format!("`{method}` verifies the credential, if there is one"));
                Abs::Other
            }
            "get_jwt_subject" | "get_raw_jwt" => Abs::Verified { checked: false },
            _ => Abs::Other,
        }
    }

    /// `options={"verify_signature": False}` (PyJWT 2, python-jose 3) or `verify=False` (PyJWT 1),
    /// `validate=False` (python-keycloak 5).
    pub(super) fn verification_is_off(&self, args: &[Arg]) -> bool {
        let is_off = |name| keyword(args, name).is_some_and(|value| matches!(value.kind, ExprKind::Bool(false)));
        if is_off("verify") || is_off("validate") {
            return true;
        }
        let Some(options) = keyword(args, "options") else { return false };
        let entries = match &options.kind {
            ExprKind::Dict(entries) => entries
                .iter()
                .filter_map(|(key, value)| {
                    Some((key.as_ref()?.as_str()?.clone(), matches!(value.kind, ExprKind::Bool(false))))
                })
                .collect(),
            _ => match self.outer(options) {
                Value::Dict(entries) => entries
                    .iter()
                    .filter_map(|(key, value)| match key {
                        Value::Str(key) => Some((key.clone(), matches!(value, Value::Bool(false)))),
                        _ => None,
                    })
                    .collect(),
                _ => Vec::new(),
            },
        };
        entries.iter().any(|(key, off)| key == "verify_signature" && *off)
    }
}

/// Whether an operation of Amazon Cognito is given the access token of whom it acts for, and raises where that is bad
/// (boto3 1, `CognitoIdentityProvider.Client`): `client.get_user(AccessToken=token)`.
fn takes_access_token(package: &str, args: &[Arg], values: &[Abs]) -> bool {
    let is_token = |arg: &Arg| arg.name.as_ref().is_some_and(|name| name.name == "AccessToken");
    let of_caller = |value: &Abs| matches!(value, Abs::Credential | Abs::Secret | Abs::Unknown(_));
    matches!(package.split('.').next(), Some("boto3" | "aioboto3"))
        && args.iter().zip(values).any(|(arg, value)| is_token(arg) && of_caller(value))
}

/// Whether the request is put together again as one of a client of HTTP, with the headers that it came with (httpx 0.28,
/// requests 2): `httpx.Request(method=…, url=…, headers=dict(request.headers))`.
fn is_made_again(package: &str, args: &[Arg], values: &[Abs]) -> bool {
    let are_headers = |arg: &Arg| arg.name.as_ref().is_some_and(|name| name.name == "headers");
    let of_request = |value: &Abs| matches!(value, Abs::Request(part) if part == "headers");
    is_http_client(package)
        && package.ends_with(".Request")
        && args.iter().zip(values).any(|(arg, value)| are_headers(arg) && of_request(value))
}

/// Whether a sign-in is given something that only its owner knows: a password or token of the client's, or the code
/// that was sent to it (`confirm_sign_up(ConfirmationCode=code)`).
fn signs_in_with(args: &[Arg], derived: &Abs) -> bool {
    let is_code = |arg: &Arg| arg.name.as_ref().is_some_and(|name| name.name == "ConfirmationCode");
    matches!(derived, Abs::Credential | Abs::Secret) || args.iter().any(is_code)
}

/// Whether jwcrypto is given a key beside the token: it verifies nothing without.
fn is_given_a_key(package: &str, args: &[Arg]) -> bool {
    let makes = package.ends_with(".JWT");
    let token = if makes { keyword(args, "jwt").is_some() } else { !args.is_empty() };
    let key = keyword(args, "key").is_some() || (!makes && args.get(1).is_some_and(|arg| arg.name.is_none()));
    token && key
}

/// Whether a value is a signature that `hmac` made with a key (RFC 2104): who sends the same has been given it by
/// somebody who has the key.
pub(super) fn is_keyed_signature(value: &Abs) -> bool {
    let Abs::Object(object) = value else { return false };
    matches!(&**object, Value::Package(path) if path.starts_with("hmac.new") || path.starts_with("hmac.digest"))
}

fn builtin(path: &str, derived: Abs) -> Abs {
    match path {
        "builtins.len" | "builtins.isinstance" | "builtins.hasattr" | "builtins.type" | "builtins.print" => Abs::Other,
        _ => derived,
    }
}

/// Whether the variable whose method an expression calls holds a credential of the request, by its name: a middleware
/// has put it there.
fn holds_credential(expr: &Expr) -> bool {
    let Some((Expr { kind: ExprKind::Attribute { value, .. }, .. }, _)) = expr.as_call() else { return false };
    let name = match &value.kind {
        ExprKind::Name(name) => name,
        ExprKind::Attribute { name, .. } => &name.name,
        _ => return false,
    };
    worth_of(name) == Worth::Credential
}
