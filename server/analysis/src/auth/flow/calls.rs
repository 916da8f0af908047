//! Expressions and calls.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::evidence::Evidence;
use super::super::sinks::is_scheme_word;
use super::super::sources::{Worth, worth_of};
use super::backend::Required;
use super::follow::Inherited;
use super::holding::class_of;
use super::named::{is_name_again, is_of_users};
use super::outcome;
use super::packages::is_keyed_signature;
use super::partial::PARTIAL;
use super::requests::{MESSAGE, SERVED, STATE_OF_APPLICATION, receives, serves};
use super::statements::NEVER;
use super::unresolved::callee_name;
use super::{Abs, Flow, Path, TOO_LARGE, root_name};
use crate::facts::python::idioms::{copied_from, is_stub};
use crate::facts::python::tree::{Arg, Expr, ExprKind};
use crate::index::value::{Unknown, Value};

/// The step of a proof at which the process looks into its own memory.
pub(super) const IN_MEMORY: &str = "the credential is looked up in the memory of the process here";

/// What tests put in place of dependencies (FastAPI 0.136, `FastAPI.dependency_overrides`): nothing, where none runs.
const OVERRIDES: &str = "dependency_overrides";

impl Flow<'_, '_> {
    /// The abstract value of an expression.
    pub(super) fn eval(&mut self, path: &mut Path, expr: &Expr) -> Abs {
        if !self.spend() {
            return Abs::Unknown(TOO_LARGE.into());
        }
        match &expr.kind {
            ExprKind::Name(name) => match path.get(name) {
                Some(value) => value.clone(),
                None => {
                    let value = self.outer(expr);
                    self.found.unbound |= matches!(value, Value::Unknown(Unknown::Unbound(_)));
                    from_value(value)
                }
            },
            ExprKind::Attribute { value, name } => self.attribute(path, expr, value, &name.name),
            ExprKind::Subscript { value, index } => self.subscript(path, expr, value, index),
            ExprKind::Call { func, args } => self.call(path, expr, func, args),
            ExprKind::Await(inner) | ExprKind::Starred(inner) | ExprKind::Unary(inner) => self.eval(path, inner),
            ExprKind::Walrus { name, value } => {
                let value = self.eval(path, value);
                path.set(&name.name, value.clone());
                value
            }
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] if matches!(second.kind, ExprKind::None) => {
                    let value = self.eval(path, first);
                    if value == (Abs::Verified { checked: false }) && self.gives_other_than_none(first) {
                        return Abs::Other;
                    }
                    if matches!(op.as_str(), "is not" | "!=") { value.presence() } else { value.presence().negated() }
                }
                [(op, second)] => match self.comparison(path, first, op, second) {
                    Abs::Check if matches!(op.as_str(), "==" | "in") => Abs::Check,
                    Abs::Failure if op == "in" => Abs::Failure,
                    Abs::Failure => Abs::Check,
                    _ => Abs::Other,
                },
                _ => Abs::Other,
            },
            ExprKind::BoolOp { and, values } => self.operands(path, *and, values),
            ExprKind::FString(parts)
            | ExprKind::List(parts)
            | ExprKind::Tuple(parts)
            | ExprKind::Set(parts)
            | ExprKind::Slice(parts) => self.joined(path, parts),
            ExprKind::Dict(entries) => {
                let values = entries.iter().map(|(_, value)| self.eval(path, value));
                values.fold(if entries.is_empty() { Abs::Nothing } else { Abs::Constant }, Abs::join)
            }
            ExprKind::Binary { left, right, .. } => {
                let left = self.eval(path, left);
                left.join(self.eval(path, right))
            }
            ExprKind::IfExp { test, body, or_else } => match self.eval(path, test) {
                Abs::Nothing if !self.is_configuration(path, test) => self.eval(path, or_else),
                asked => match self.one_or_other(path, body, or_else) {
                    // `shown(user) if user else None`: nothing, for strangers.
                    _ if asked == (Abs::Verified { checked: false }) && self.eval(path, or_else) == Abs::Nothing => {
                        asked
                    }
                    value => value,
                },
            },
            ExprKind::Comprehension(comprehension) => {
                if let Some(copied) = copied_from(comprehension)
                    && let Abs::Request(part) = self.eval(path, copied)
                    && part == "headers"
                {
                    return Abs::Request(part);
                }
                let mut inner = path.clone();
                for clause in &comprehension.clauses {
                    let value = self.eval(&mut inner, &clause.iter);
                    self.assign(&mut inner, &clause.target, &value);
                }
                let element = self.eval(&mut inner, &comprehension.element);
                // `any(hmac.compare_digest(token, key) for key in keys)`
                let conditions = comprehension.clauses.iter().flat_map(|clause| &clause.conditions);
                conditions.fold(element, |value, test| match self.eval(&mut inner, test) {
                    Abs::Check => Abs::Check,
                    _ => value,
                })
            }
            ExprKind::None | ExprKind::Bool(false) | ExprKind::Int(0) => Abs::Nothing,
            ExprKind::Str(text) if text.is_empty() => Abs::Nothing,
            ExprKind::Str(_) | ExprKind::Bytes | ExprKind::Int(_) | ExprKind::Number | ExprKind::Bool(true) => {
                Abs::Constant
            }
            ExprKind::Not(inner) => self.eval(path, inner).presence().negated(),
            ExprKind::Lambda { .. } | ExprKind::Yield(_) | ExprKind::Ellipsis | ExprKind::Unknown => Abs::Other,
        }
    }

    fn joined(&mut self, path: &mut Path, parts: &[Expr]) -> Abs {
        let values = parts.iter().map(|part| self.eval(path, part));
        // An empty display is false.
        values.reduce(Abs::join).unwrap_or(Abs::Nothing)
    }

    fn attribute(&mut self, path: &mut Path, expr: &Expr, value: &Expr, name: &SmolStr) -> Abs {
        if root_name(expr).is_some_and(|root| path.get(root).is_none()) {
            let value = self.outer(expr);
            if !matches!(value, Value::Unknown(_)) {
                return from_value(value);
            }
            if let Some(name) = self.asked_of_application(self.function(), expr) {
                return self.kept_on_state(name);
            }
        }
        match self.eval(path, value) {
            Abs::Request(part) if part.is_empty() => {
                self.found.asks_route |=
                    !matches!(name.as_str(), "headers" | "cookies" | "state" | "session" | "query_params");
                // How somebody asks says nothing of who that is.
                if name == "method" { Abs::Other } else { Abs::Request(name.clone()) }
            }
            Abs::Request(part) if part == "state" => {
                let value = self.request_state(path, expr, name);
                // Where nothing sets it, this raises.
                if let Abs::Unknown(reason) = &value {
                    path.unknown.get_or_insert_with(|| reason.clone());
                }
                value
            }
            Abs::Request(part) if part == "user" && name == "is_authenticated" => {
                self.authenticated(expr, Required::User)
            }
            Abs::Request(part) if part == "auth" && name == "scopes" => Abs::Request("auth.scopes".into()),
            Abs::Request(part) if part == "client" && name == "host" => Abs::Peer,
            Abs::Request(part) if part == "app" && name == OVERRIDES => Abs::Request(OVERRIDES.into()),
            Abs::Request(part) if part == "app" && name == "state" => Abs::Request(STATE_OF_APPLICATION.into()),
            Abs::Request(part) if part == STATE_OF_APPLICATION => self.kept_on_state(name),
            Abs::Request(_) => Abs::Other,
            Abs::Verified { checked: false } if matches!(name.as_str(), "status_code" | "status") => Abs::Status,
            Abs::Verified { checked: false } if matches!(name.as_str(), "ok" | "is_success") => Abs::Check,
            Abs::Object(object) => match *object {
                Value::Package(package) => Abs::Object(Box::new(Value::Package(join_path(&package, name)))),
                Value::Instance(instance) => match &instance.class {
                    Value::Package(package) => Abs::Object(Box::new(Value::Package(join_path(package, name)))),
                    // What `__init__` assigned.
                    class => match (instance.attributes.get(name), class) {
                        (Some(value @ (Value::Instance(_) | Value::Package(_))), _) => from_value(value),
                        (_, Value::Class(class)) => match self.held(class, name) {
                            // A service that is made where it is asked for first.
                            Abs::Other => self.property(class, name).unwrap_or(Abs::Other),
                            held => held,
                        },
                        _ => Abs::Other,
                    },
                },
                Value::Class(class) => match self.held(&class, name) {
                    Abs::Other => match self.property(&class, name).or_else(|| self.of_class(&class, value, expr)) {
                        Some(object) => object,
                        None if worth_of(name) == Worth::Credential || self.is_checked_part(expr) => Abs::Secret,
                        None => Abs::Other,
                    },
                    held => held,
                },
                _ => Abs::Other,
            },
            outcome @ Abs::Outcome(_) => outcome.part(name).unwrap_or(Abs::Other),
            derived @ (Abs::Credential | Abs::Identity | Abs::Named(_) | Abs::Verified { .. } | Abs::Unknown(_)) => {
                derived
            }
            _ => Abs::Other,
        }
    }

    fn subscript(&mut self, path: &mut Path, expr: &Expr, value: &Expr, index: &Expr) -> Abs {
        let outer = root_name(value).is_some_and(|root| path.get(root).is_none());
        let container = self.eval(path, value);
        match container {
            Abs::Request(part) => self.request_item(path, expr, &part, Some(index)),
            Abs::Outcome(outcome) => outcome::key(index).map_or(Abs::Other, |key| outcome.entry(&key)),
            Abs::Identity => carried_token(index),
            Abs::Credential | Abs::Named(_) | Abs::Verified { .. } | Abs::Unknown(_) => container,
            Abs::Users => self.entry_of_users(path, index),
            _ if outer && self.eval(path, index) == Abs::Credential => {
                path.verified = true;
                match self.is_kept_in_memory(path, value) {
                    true => self.step(expr, Evidence::DecidesInMemory, IN_MEMORY),
                    false => self.decides(expr, "the credential must be a known key here"),
                }
                Abs::Verified { checked: true }
            }
            _ => match self.eval(path, index) {
                entry @ Abs::Unknown(_) => entry,
                _ => Abs::Other,
            },
        }
    }

    /// `first op second`: `Check` when it tells good credentials from bad
    /// ones, `Status` when it looks at the status of a sink's response.
    pub(super) fn comparison(&mut self, path: &mut Path, first: &Expr, op: &str, second: &Expr) -> Abs {
        let (a, b) = (self.eval(path, first), self.eval(path, second));
        match (&a, &b) {
            (Abs::Status, _) | (_, Abs::Status) => Abs::Status,
            (_, Abs::Request(part)) if op.ends_with("in") && part == "auth.scopes" => {
                let scopes = self.scopes_of(path, first);
                self.authenticated(second, Required::from(&scopes))
            }
            (Abs::Credential, Abs::Credential) => Abs::Other,
            (Abs::Peer, _) if self.is_loopback(second) => Abs::Check,
            (_, Abs::Outcome(outcome)) if op.ends_with("in") => {
                outcome::key(first).map_or(Abs::Other, |key| outcome.has(&key))
            }
            (Abs::Verified { checked: false }, _) if self.is_something(second) => Abs::Check,
            (_, Abs::Verified { checked: false }) if !op.ends_with("in") && self.is_something(first) => Abs::Check,
            // `body.password != body.confirm_password`
            (Abs::Secret, _) if self.is_of_client(first) && self.is_of_client(second) => Abs::Other,
            // Whoever sends both makes them equal.
            (Abs::Credential, Abs::Other) if self.is_of_client(second) => Abs::Other,
            (Abs::Other, Abs::Credential) if self.is_of_client(first) => Abs::Other,
            (Abs::Credential | Abs::Secret, other) if self.tells_apart(second, other) => {
                if op.ends_with("in") && self.is_kept_in_memory(path, second) {
                    self.step(second, Evidence::DecidesInMemory, IN_MEMORY);
                }
                Abs::Check
            }
            (other, Abs::Credential) if !op.ends_with("in") && self.tells_apart(first, other) => Abs::Check,
            // Who sends a key among other words has it: `os.environ["ADMIN_KEY"] in authorization`.
            (_, Abs::Credential) if op.ends_with("in") && self.is_key_of_environment(first) => Abs::Check,
            (made, given) | (given, made)
                if !op.ends_with("in")
                    && is_keyed_signature(made)
                    && !matches!(given, Abs::Constant | Abs::Nothing)
                    && !is_keyed_signature(given) =>
            {
                self.signature_compared(path, [first, second])
            }
            _ => Abs::Other,
        }
    }

    /// Whether `d.get(key, default)` gives something where there is no such entry.
    fn stands_in(&mut self, path: &Path, args: &[Arg]) -> bool {
        args.get(1).is_some_and(|default| self.eval(&mut path.clone(), &default.value) != Abs::Nothing)
    }

    /// Whether this is a text or number that is not empty, or a list of such: what is equal to it is there.
    fn is_something(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Str(text) => !text.is_empty(),
            ExprKind::Int(number) => *number != 0,
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                !parts.is_empty() && parts.iter().all(|part| self.is_something(part))
            }
            ExprKind::Name(_) | ExprKind::Attribute { .. } => {
                matches!(self.outer(expr), Value::Str(text) if !text.is_empty())
            }
            _ => false,
        }
    }

    /// Whether this names nothing but the machine that the application runs on (RFC 6890): whoever sends from there is
    /// in. Starlette's client for tests calls itself so, too.
    fn is_loopback(&self, expr: &Expr) -> bool {
        let is_it = |value: &Value| {
            matches!(value, Value::Str(host)
                if matches!(host.as_str(), "127.0.0.1" | "::1" | "::ffff:127.0.0.1" | "localhost" | "testclient"))
        };
        match self.outer(expr) {
            Value::List(hosts) => !hosts.is_empty() && hosts.iter().all(is_it),
            host => is_it(&host),
        }
    }

    /// Whether this is a key that the environment sets: no scheme's name, and nothing that is empty by default, which every
    /// text holds.
    fn is_key_of_environment(&self, expr: &Expr) -> bool {
        let function = self.function();
        let by_default = self.judge.resolve.eval_by_default(function, expr, &[]);
        let is_word = matches!(&by_default, Value::Str(text) if text.is_empty() || is_scheme_word(text));
        !is_word && self.judge.resolve.names_environment(function, expr)
    }

    /// Whether comparing a credential with this verifies it: not with a
    /// scheme's name, a length or `None`.
    fn tells_apart(&self, expr: &Expr, value: &Abs) -> bool {
        match value {
            Abs::Named(_) => return !is_name_again(expr),
            Abs::Users => return false,
            _ => {}
        }
        match &expr.kind {
            ExprKind::Str(literal) => !is_scheme_word(literal),
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                parts.iter().any(|part| self.tells_apart(part, &Abs::Constant))
            }
            ExprKind::Int(_) | ExprKind::Number | ExprKind::None | ExprKind::Bool(_) => false,
            ExprKind::Name(_) | ExprKind::Attribute { .. } => match self.outer(expr) {
                Value::Str(literal) => !is_scheme_word(&literal) || literal.is_empty(),
                Value::Int(_) | Value::None => false,
                _ => !matches!(value, Abs::Identity),
            },
            _ => !matches!(value, Abs::Identity | Abs::Nothing),
        }
    }

    fn call(&mut self, path: &mut Path, expr: &Expr, func: &Expr, args: &[Arg]) -> Abs {
        if self.passes_on(path, expr, func, args) {
            return Abs::Other;
        }
        let values: Vec<Abs> = args.iter().map(|arg| self.argument(path, &arg.value)).collect();
        self.note_filled(path, func, &values);
        let (mut callee, mut receiver) = (None, None);
        if let ExprKind::Attribute { value, name } = &func.kind
            && let Some(class) = self.class_of_super(value)
        {
            match self.inherited(&class, &name.name) {
                Inherited::Method(method) => {
                    receiver = self.own_receiver(path);
                    callee = Some(Value::Function(method));
                }
                Inherited::Scheme => {
                    self.found.credential = true;
                    self.note(expr, "FastAPI's security scheme reads the credential");
                    return Abs::Credential;
                }
                Inherited::Elsewhere => {}
            }
        } else if let ExprKind::Attribute { value, name } = &func.kind {
            let local = root_name(value).is_none_or(|root| path.get(root).is_some());
            if !local {
                callee = Some(self.outer(func)).filter(|value| !matches!(value, Value::Unknown(_)));
            }
            if callee.is_none() {
                match self.eval(path, value) {
                    Abs::Request(part) if part.is_empty() => {
                        if name.name == "close" && self.refuses_socket(args) {
                            self.found.rejection.get_or_insert(self.site(expr));
                            path.set(&SmolStr::new_static(NEVER), Abs::Nothing);
                        }
                        if serves(&name.name) {
                            path.set(&SmolStr::new_static(SERVED), Abs::Nothing);
                        }
                        if receives(&name.name) {
                            return Abs::Request(MESSAGE.into());
                        }
                        return Abs::Other;
                    }
                    Abs::Request(part) if part == OVERRIDES && name.name == "get" => return Abs::Nothing,
                    Abs::Request(part) => {
                        return match name.name.as_str() {
                            "get" | "getlist" | "pop" => {
                                self.request_item(path, expr, &part, args.first().map(|arg| &arg.value))
                            }
                            _ => Abs::Other,
                        };
                    }
                    Abs::Credential => return credential_method(&name.name),
                    Abs::Secret
                        if matches!(
                            name.name.as_str(),
                            "encode" | "decode" | "strip" | "hexdigest" | "digest" | "get_secret_value"
                        ) =>
                    {
                        return Abs::Secret;
                    }
                    Abs::Outcome(outcome) => {
                        let stands_in = self.stands_in(path, args);
                        let key = args.first().filter(|_| name.name == "get" && !stands_in);
                        let key = key.and_then(|arg| outcome::key(&arg.value));
                        return key.map_or(Abs::Other, |key| outcome.entry(&key));
                    }
                    // An empty dictionary may say that nobody was verified.
                    Abs::Verified { checked: false } if name.name == "get" && self.stands_in(path, args) => {
                        return Abs::Other;
                    }
                    Abs::Identity if name.name == "get" && !args.is_empty() => return carried_token(&args[0].value),
                    derived @ (Abs::Identity | Abs::Verified { .. } | Abs::Unknown(_)) => return derived,
                    Abs::Users if name.name == "get" => {
                        return args.first().map_or(Abs::Other, |key| self.entry_of_users(path, &key.value));
                    }
                    row @ Abs::Named(_) if !values.iter().any(|v| matches!(v, Abs::Credential | Abs::Secret)) => {
                        return row;
                    }
                    // `user.verify_password(password)`
                    Abs::Named(Some(class)) => {
                        callee = self.judge.resolve.method(&class, &name.name).map(Value::Function);
                        receiver = Some(Abs::Object(Box::new(Value::Class(class))));
                    }
                    Abs::Object(object) => match *object.clone() {
                        Value::Package(package) => callee = Some(Value::Package(join_path(&package, &name.name))),
                        Value::Instance(instance) => match &instance.class {
                            Value::Package(package) => {
                                callee = Some(Value::Package(join_path(package, &name.name)));
                            }
                            Value::Class(class) => {
                                callee = self.judge.resolve.method(class, &name.name).map(Value::Function);
                                receiver = Some(Abs::Object(object));
                            }
                            _ => {}
                        },
                        Value::Class(class) => {
                            callee = self.judge.resolve.method(&class, &name.name).map(Value::Function);
                            receiver = Some(Abs::Object(object));
                        }
                        _ => {}
                    },
                    _ => {}
                }
            }
        } else {
            callee = match func.as_name().and_then(|name| path.get(name)) {
                // A function that was handed over.
                Some(Abs::Object(object)) if matches!(**object, Value::Function(_)) => Some(Value::clone(object)),
                // `await use_case(request)`, or a class that was chosen: `kind = AccessToken`.
                Some(object) => {
                    let call = class_of(object).and_then(|class| self.judge.resolve.method(class, "__call__"));
                    receiver = call.is_some().then(|| object.clone());
                    match (call, object) {
                        (None, Abs::Object(class)) if matches!(**class, Value::Class(_) | Value::Package(_)) => {
                            Some(Value::clone(class))
                        }
                        (call, _) => call.map(Value::Function),
                    }
                }
                None => Some(self.outer(func)),
            };
        }
        if let Some(Value::Function(method)) = callee.clone()
            && method.class.is_some()
            && is_stub(&self.judge.resolve.current(&method).def)
        {
            // Some other class has the body.
            callee = None;
            if let Some(value) = self.implemented(path, expr, &method, receiver.as_ref(), args, &values) {
                return value;
            }
        }
        if callee.as_ref().is_some_and(|callee| self.judge.is_vouched(callee)) {
            path.verified = true;
            self.decides(expr, format!("`{}` verifies, by the configuration", callee_name(func)));
            return Abs::Verified { checked: true };
        }
        match callee {
            Some(Value::Package(package)) => self.package(path, expr, &package, args, values),
            Some(Value::Function(function)) => self.follow(path, expr, &function, receiver, args, values),
            Some(Value::Bound(bound)) => {
                let receiver = Abs::Object(Box::new(bound.0.clone()));
                self.follow(path, expr, &bound.1, Some(receiver), args, values)
            }
            Some(Value::Class(class)) => self.made(path, expr, &class, args, values),
            Some(Value::Instance(instance)) => match &instance.class {
                Value::Class(class) => match self.judge.resolve.method(class, "__call__") {
                    Some(call) => {
                        let receiver = Abs::Object(Box::new(Value::Instance(Arc::clone(&instance))));
                        self.follow(path, expr, &call, Some(receiver), args, values)
                    }
                    None => self.unresolved(path, expr, func, args, values),
                },
                Value::Package(package) if package == PARTIAL => {
                    self.partial(path, expr, &instance, func, args, values)
                }
                Value::Package(package) => match self.asked_by_hand(path, expr, &instance, &values) {
                    Some(user) => user,
                    None => self.package(path, expr, &package.clone(), args, values),
                },
                _ => self.unresolved(path, expr, func, args, values),
            },
            _ => self.unresolved(path, expr, func, args, values),
        }
    }

    /// An argument. `Model.token == token` there is a condition for a query,
    /// which carries what it compares.
    pub(super) fn argument(&mut self, path: &mut Path, expr: &Expr) -> Abs {
        if let ExprKind::Compare { first, rest } = &expr.kind
            && let [(_, second)] = rest.as_slice()
        {
            let first = self.eval(path, first);
            return first.join(self.eval(path, second));
        }
        self.eval(path, expr)
    }
}

pub(super) fn from_value(value: Value) -> Abs {
    match value {
        Value::None | Value::Bool(false) => Abs::Nothing,
        Value::Str(_) | Value::Int(_) | Value::Bool(true) => Abs::Constant,
        Value::Instance(_) | Value::Class(_) | Value::Package(_) | Value::Function(_) => Abs::Object(Box::new(value)),
        Value::Dict(entries) if is_of_users(&entries) => Abs::Users,
        // A name that nothing binds: using it raises, and it carries no credential.
        Value::Unknown(Unknown::Unbound(_)) => Abs::Nothing,
        _ => Abs::Other,
    }
}

/// Methods of a token or of the object that carries it. Those that answer yes
/// or no look at its form, not at its truth.
fn credential_method(method: &str) -> Abs {
    match method {
        "startswith" | "endswith" | "isalnum" | "isdigit" | "count" | "find" | "index" => Abs::Other,
        _ => Abs::Credential,
    }
}

/// A part of what a client says of itself: a token in it may be verified yet.
fn carried_token(key: &Expr) -> Abs {
    let is_token = key.as_str().is_some_and(|key| key.ends_with("token") || key.ends_with("Token"));
    if is_token { Abs::Credential } else { Abs::Identity }
}

fn join_path(package: &str, name: &str) -> SmolStr {
    SmolStr::new(format!("{package}.{name}"))
}
