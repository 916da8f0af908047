//! Keys that code signs and verifies with, and where their values come from.

mod derived;
mod fallbacks;
mod given;
mod origin;
mod parts;
mod readers;
mod refusals;
mod unseen;
mod wrapped;

pub(in crate::auth) use given::gives_settings;
pub(in crate::auth) use origin::{assigned_attribute, may_be_unset, object_of, own_initialiser};
pub(in crate::auth) use readers::look_up;

use std::sync::Arc;

use smol_str::SmolStr;

use self::wrapped::Handed;
use super::code::{Scope, each_body, last_name, mentions};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind, keyword, positional};
use crate::facts::words::Words;
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, Resolve, Site, Value};
use crate::vfs::FileId;

/// A key of which the value stands in the code, or that is read from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The call that is given the key.
    pub used: Site,
    /// What that call does with it.
    pub purpose: Purpose,
    /// Where the value stands.
    pub origin: Site,
    /// When the value counts.
    pub source: Source,
    /// What the value is.
    pub what: What,
}

/// What a value in the code is, as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A text.
    Text,
    /// The empty text.
    Empty,
    /// `None`: nothing can be signed or verified with it.
    Nothing,
    /// The text `None`, which `str(None)` gives.
    NothingAsText,
    /// It is read from the environment or from settings, and no value stands in the code.
    Unseen,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens are signed with it.
    SignsTokens,
    /// Tokens are verified with it.
    VerifiesTokens,
    /// Session cookies or other values for clients are signed with it.
    SignsValues,
    /// Something is signed with HMAC. What that is for can't be seen: some
    /// protocols publish the key.
    Hmac,
    /// Values are encrypted with it.
    Encrypts,
    /// Callers who send it are let in.
    LetsIn,
}

impl Purpose {
    /// The purpose as a verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::SignsTokens => "signs tokens",
            Self::VerifiesTokens => "verifies tokens",
            Self::SignsValues => "signs values for clients",
            Self::Hmac => "signs with HMAC",
            Self::Encrypts => "encrypts values",
            Self::LetsIn => "lets callers in",
        }
    }
}

/// When a value in the code is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Always.
    Literal,
    /// When this variable of the environment is not set.
    Environment(SmolStr),
    /// When nothing sets this field of a settings class.
    Setting(SmolStr),
}

/// Whether a text can hold a call that is given a key.
pub fn may_use_keys(words: &mut Words) -> bool {
    const NAMES: &[&str] = &[
        "jwt",
        "jose",
        "hmac",
        "itsdangerous",
        "SessionMiddleware",
        "JWTStrategy",
        "BaseUserManager",
        "Fernet",
        // What hands a key to something of the project.
        "secret=",
        "secret_key=",
    ];
    words.hold_any(NAMES)
}

/// The keys that calls in an item of a module are given, as far as their values stand in the code.
pub fn keys_of(interpreter: &Interpreter<'_>, file: FileId, index: u32, item: &Stmt) -> Vec<Key> {
    let mut keys = Vec::new();
    each_body(interpreter, file, index, item, &|_| true, &mut |scope, block| {
        Search::new(interpreter, scope).block(block, &mut keys);
    });
    if let StmtKind::Class(def) = &item.kind
        && def.body.iter().any(|stmt| mailed_secret(stmt).is_some())
        && let Value::Class(class) = interpreter.lookup(file, &def.name.name)
        && class.site.item == index
    {
        keys.extend(mailed_keys(interpreter, &class));
    }
    keys
}

/// What one of the secrets for mailed tokens is assigned in the body of a class.
fn mailed_secret(stmt: &Stmt) -> Option<&Expr> {
    const FIELDS: &[&str] = &["reset_password_token_secret", "verification_token_secret"];
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let mut names = assign.targets.iter().filter_map(Expr::as_name);
    assign.value.as_ref().filter(|_| names.any(|name| FIELDS.contains(&name.as_str())))
}

/// The keys with which a manager of fastapi-users signs the tokens that it mails
/// (fastapi-users 15, `BaseUserManager`).
fn mailed_keys(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>) -> Vec<Key> {
    if !interpreter.package_bases(class).iter().any(|base| base.ends_with(".BaseUserManager")) {
        return Vec::new();
    }
    let search = Search::new(interpreter, Scope::Class(class));
    let secrets = class.def.body.iter().filter_map(mailed_secret);
    secrets.filter_map(|secret| search.key_at(secret, secret, Purpose::SignsTokens)).collect()
}

/// The key that an expression is, if its value stands in the code as a text.
pub(in crate::auth) fn standing(
    interpreter: &Interpreter<'_>,
    scope: Scope<'_>,
    key: &Expr,
    purpose: Purpose,
) -> Option<Key> {
    Search::new(interpreter, scope).key_at(key, key, purpose).filter(|key| key.what == What::Text)
}

/// The key that callers are compared with who are let in by it: where its value stands in the code, or what it is read from.
pub(in crate::auth) fn letting_in(interpreter: &Interpreter<'_>, scope: Scope<'_>, key: &Expr) -> Option<Key> {
    let unseen = || Search::new(interpreter, scope).unseen(key, key, Purpose::LetsIn);
    standing(interpreter, scope, key, Purpose::LetsIn).or_else(unseen)
}

/// The text that an expression is, if that stands in the code: where, and when it counts.
pub(in crate::auth) fn standing_text(
    interpreter: &Interpreter<'_>,
    scope: Scope<'_>,
    expr: &Expr,
) -> Option<(SmolStr, Site, Source)> {
    let origin = Search::new(interpreter, scope).origin(expr, 0)?;
    interpreter.count_body(origin.site);
    Some((origin.text?, origin.site, origin.source))
}

/// A look for calls that are given keys.
#[derive(Clone, Copy)]
struct Search<'s, 'i, 'a> {
    interpreter: &'i Interpreter<'a>,
    scope: Scope<'s>,
    /// Whether this is about what a function does with a key that it is handed.
    nested: bool,
    /// What the function is handed that is looked into, if it is known who calls it.
    handed: Option<Handed<'s>>,
}

impl<'s, 'i, 'a> Search<'s, 'i, 'a> {
    fn new(interpreter: &'i Interpreter<'a>, scope: Scope<'s>) -> Self {
        Self { interpreter, scope, nested: false, handed: None }
    }
}

impl Search<'_, '_, '_> {
    fn block(&self, block: &[Stmt], keys: &mut Vec<Key>) {
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                let mut exprs = stmt.exprs();
                while let Some(expr) = exprs.pop() {
                    if let Some((func, args)) = expr.as_call() {
                        keys.extend(self.key(expr, func, args));
                    }
                    exprs.extend(expr.children());
                }
                blocks.extend(stmt.blocks());
                if let StmtKind::Function(nested) = &stmt.kind {
                    blocks.push(&nested.body);
                }
            }
        }
    }

    /// The key that a call is given, when its value stands in the code.
    fn key(&self, call: &Expr, func: &Expr, args: &[Arg]) -> Option<Key> {
        let (argument, purpose) = self.key_argument(func, args).or_else(|| self.handed_on(func, args))?;
        if purpose == Purpose::Hmac && self.derives_a_key(call, args) {
            return None;
        }
        self.key_at(call, argument, purpose).or_else(|| self.unseen(call, argument, purpose))
    }

    /// The key that an expression is, where `used` stands, when its value stands in the code.
    fn key_at(&self, used: &Expr, argument: &Expr, purpose: Purpose) -> Option<Key> {
        let origin = self.origin(argument, 0)?;
        let is_missing = origin.what != What::Text;
        if is_missing && (matches!(argument.kind, ExprKind::None) || self.is_questioned(argument, &origin, &|_| true)) {
            return None;
        }
        // Not only what it is counts, but also where it stands.
        self.interpreter.count_body(origin.site);
        Some(Key {
            used: self.scope.site(used.range),
            purpose,
            origin: origin.site,
            source: origin.source,
            what: origin.what,
        })
    }

    /// The argument that is the key of a call, and what the call does with it:
    /// PyJWT 2, python-jose 3, authlib 1, joserfc 1, itsdangerous 2,
    /// fastapi-users 15, cryptography 40, Starlette; in `kept_on`, sqladmin 0.32.
    fn key_argument<'e>(&self, func: &'e Expr, args: &'e [Arg]) -> Option<(&'e Expr, Purpose)> {
        if !args.iter().any(|arg| arg.name.is_some() || !matches!(arg.value.kind, ExprKind::Int(_))) {
            return None;
        }
        let at = |position: usize, name: &str| keyword(args, name).or_else(|| positional(args, position));
        if let ExprKind::Attribute { name, .. } = &func.kind
            && name.name == "add_middleware"
        {
            return self.session_key(args);
        }
        if !may_be_sink(func) {
            return None;
        }
        let Value::Package(path) = self.eval(func) else { return None };
        let package = path.split('.').next().unwrap_or_default();
        let method = path.rsplit('.').next().unwrap_or_default();
        match (package, method) {
            ("jwt" | "jose", "encode") => Some((at(1, "key")?, Purpose::SignsTokens)),
            ("jwt" | "jose", "decode" | "decode_complete") if verifies(args) => {
                Some((at(1, "key")?, Purpose::VerifiesTokens))
            }
            ("jose", "sign") => Some((at(1, "key")?, Purpose::SignsTokens)),
            ("jose", "verify") => Some((at(1, "key")?, Purpose::VerifiesTokens)),
            ("authlib", "encode") => Some((at(2, "key")?, Purpose::SignsTokens)),
            ("authlib", "decode") => Some((at(1, "key")?, Purpose::VerifiesTokens)),
            ("joserfc", "import_key") if path.contains("OctKey") => Some((at(0, "value")?, Purpose::VerifiesTokens)),
            ("hmac", "new" | "digest") => Some((at(0, "key")?, Purpose::Hmac)),
            ("itsdangerous", "Signer" | "TimestampSigner")
            | ("itsdangerous", "Serializer" | "URLSafeSerializer" | "URLSafeTimedSerializer" | "TimedSerializer") => {
                Some((at(0, "secret_key")?, Purpose::SignsValues))
            }
            ("fastapi_users", "JWTStrategy") => Some((at(0, "secret")?, Purpose::SignsTokens)),
            ("cryptography", "Fernet") => Some((at(0, "key")?, Purpose::Encrypts)),
            ("starlette" | "fastapi", "Middleware") => self.session_key(args),
            _ => None,
        }
    }

    /// The argument that a function of the project uses as a key, by what its
    /// body does with that parameter.
    fn handed_on<'e>(&self, func: &'e Expr, args: &'e [Arg]) -> Option<(&'e Expr, Purpose)> {
        let names_key = |name: &str| ["key", "secret"].iter().any(|word| name.to_ascii_lowercase().contains(word));
        let may_be = |arg: &Arg| {
            arg.name.as_ref().is_some_and(|name| names_key(&name.name))
                || last_name(&arg.value).is_some_and(|name| names_key(name))
        };
        if !args.iter().any(may_be) || self.nested {
            return None;
        }
        let function = match self.scope.eval(self.interpreter, func) {
            Value::Function(function) => self.interpreter.current(&function),
            Value::Class(class) => return self.kept_on(&class, args),
            _ => return None,
        };
        let inner = Search { nested: true, ..Search::new(self.interpreter, Scope::Function(&function)) };
        function.def.params.iter().enumerate().find_map(|(position, param)| {
            let name = &param.name.name;
            let given = keyword(args, name).or_else(|| positional(args, position))?;
            let purpose = inner.purpose_of(&function.def.body, &|key| mentions(key, name))?;
            Some((given, purpose))
        })
    }

    /// The argument that an object of the project keeps and its methods use as a key: `AuthService(secret=…)`.
    fn kept_on<'e>(&self, class: &Arc<ClassRef>, args: &'e [Arg]) -> Option<(&'e Expr, Purpose)> {
        // sqladmin's back end keeps the key that its sessions are signed with.
        let bases = self.interpreter.package_bases(class);
        if bases.iter().any(|base| base.starts_with("sqladmin.") && base.ends_with(".AuthenticationBackend")) {
            let given = keyword(args, "secret_key").or_else(|| positional(args, 0))?;
            return Some((given, Purpose::SignsValues));
        }
        let init = own_initialiser(self.interpreter, class)?;
        init.def.params.iter().skip(1).enumerate().find_map(|(position, param)| {
            let name = &param.name.name;
            let given = keyword(args, name).or_else(|| positional(args, position))?;
            let attribute = attribute_of(&init.def, name)?;
            let purposes = class.def.body.iter().filter_map(|stmt| match &stmt.kind {
                StmtKind::Function(def) => self.interpreter.method(class, &def.name.name),
                _ => None,
            });
            let purpose = purposes.into_iter().find_map(|method| {
                let method = self.interpreter.current(&method);
                let inner = Search { nested: true, ..Search::new(self.interpreter, Scope::Function(&method)) };
                inner.purpose_of(&method.def.body, &|key| is_own(key, attribute))
            })?;
            Some((given, purpose))
        })
    }

    /// What the calls of a block use something for, as a key.
    fn purpose_of(&self, block: &[Stmt], is_it: &dyn Fn(&Expr) -> bool) -> Option<Purpose> {
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                let mut exprs = stmt.exprs();
                while let Some(expr) = exprs.pop() {
                    if let Some((func, args)) = expr.as_call()
                        && let Some((key, purpose)) = self.key_argument(func, args)
                        && is_it(key)
                    {
                        return Some(purpose);
                    }
                    exprs.extend(expr.children());
                }
                blocks.extend(stmt.blocks());
            }
        }
        None
    }

    /// The key of `SessionMiddleware`, given to what adds it.
    fn session_key<'e>(&self, args: &'e [Arg]) -> Option<(&'e Expr, Purpose)> {
        let class = positional(args, 0)?;
        let is_session = matches!(self.eval(class), Value::Package(path) if path.ends_with(".SessionMiddleware"));
        is_session.then_some((keyword(args, "secret_key")?, Purpose::SignsValues))
    }

    fn eval(&self, expr: &Expr) -> Value {
        self.scope.eval(self.interpreter, expr)
    }
}

/// The attribute of `self` that a parameter of `__init__` is kept on.
fn attribute_of<'f>(init: &'f Function, parameter: &str) -> Option<&'f SmolStr> {
    init.body.iter().find_map(|stmt| {
        let StmtKind::Assign(assign) = &stmt.kind else { return None };
        let value = assign.value.as_ref()?;
        let ExprKind::Attribute { value: of, name } = &assign.targets.first()?.kind else { return None };
        (value.as_name()? == parameter && of.as_name()? == "self").then_some(&name.name)
    })
}

/// `self.name`.
fn is_own(expr: &Expr, name: &str) -> bool {
    let ExprKind::Attribute { value, name: attribute } = &expr.kind else { return false };
    attribute.name == name && value.as_name().is_some_and(|of| of == "self")
}

/// A cheap look whether the last name of a callee is one of those that take keys.
fn may_be_sink(func: &Expr) -> bool {
    let name = match &func.kind {
        ExprKind::Name(name) => name,
        ExprKind::Attribute { name, .. } => &name.name,
        _ => return false,
    };
    const NAMES: &[&str] = &[
        "encode",
        "decode",
        "decode_complete",
        "sign",
        "verify",
        "import_key",
        "new",
        "digest",
        "JWTStrategy",
        "Fernet",
        "Middleware",
    ];
    NAMES.contains(&name.as_str()) || name.ends_with("Signer") || name.ends_with("Serializer")
}

/// Whether a call that decodes looks at the signature.
fn verifies(args: &[Arg]) -> bool {
    let is_false = |value: &Expr| matches!(value.kind, ExprKind::Bool(false));
    let switched_off = keyword(args, "options").is_some_and(|options| match &options.kind {
        ExprKind::Dict(entries) => entries.iter().any(|(key, value)| {
            key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == "verify_signature") && is_false(value)
        }),
        _ => false,
    });
    !switched_off && !keyword(args, "verify").is_some_and(is_false)
}
