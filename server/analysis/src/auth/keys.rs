//! Keys that code signs and verifies with, and where their values come from.

use smol_str::SmolStr;

use super::code::{Scope, bindings_of, each_body, last_name, mentions};
use super::questioned::{asks_for, rejects, validates};
use crate::facts::python::file::Binding;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind, keyword, positional};
use crate::facts::words::Words;
use crate::index::interpreter::Interpreter;
use crate::index::modules::Module;
use crate::index::value::{ClassRef, Resolve, Site, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Variables and attributes that a key is followed through.
const MAX_DEPTH: u32 = 12;

/// A key of which the value stands in the code.
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
    const NAMES: &[&str] = &["jwt", "jose", "hmac", "itsdangerous", "SessionMiddleware", "JWTStrategy", "Fernet"];
    words.hold_any(NAMES)
}

/// The keys that calls in an item of a module are given, as far as their values stand in the code.
pub fn keys_of(interpreter: &Interpreter<'_>, file: FileId, index: u32, item: &Stmt) -> Vec<Key> {
    let mut keys = Vec::new();
    each_body(interpreter, file, index, item, &|_| true, &mut |scope, block| {
        Search::new(interpreter, scope).block(block, &mut keys);
    });
    keys
}

/// A look for calls that are given keys.
#[derive(Clone, Copy)]
struct Search<'s, 'i, 'a> {
    interpreter: &'i Interpreter<'a>,
    scope: Scope<'s>,
    /// Whether this is about what a function does with a key that it is handed.
    nested: bool,
}

impl<'s, 'i, 'a> Search<'s, 'i, 'a> {
    fn new(interpreter: &'i Interpreter<'a>, scope: Scope<'s>) -> Self {
        Self { interpreter, scope, nested: false }
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
        let origin = self.origin(argument, 0)?;
        let is_missing = matches!(origin.what, What::Nothing | What::NothingAsText);
        if is_missing && (matches!(argument.kind, ExprKind::None) || self.is_questioned(argument, &origin)) {
            return None;
        }
        // Not only what it is counts, but also where it stands.
        self.interpreter.count_body(origin.site);
        Some(Key {
            used: self.scope.site(call.range),
            purpose,
            origin: origin.site,
            source: origin.source,
            what: origin.what,
        })
    }

    /// The argument that is the key of a call, and what the call does with it:
    /// PyJWT 2, python-jose 3, authlib 1, joserfc 1, itsdangerous 2,
    /// fastapi-users 15, cryptography 40, Starlette.
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
        let Value::Function(function) = self.scope.eval(self.interpreter, func) else { return None };
        let function = self.interpreter.current(&function);
        let inner = Search { interpreter: self.interpreter, scope: Scope::Function(&function), nested: true };
        function.def.params.iter().enumerate().find_map(|(position, param)| {
            let name = &param.name.name;
            let given = keyword(args, name).or_else(|| positional(args, position))?;
            let purpose = inner.purpose_of(&function.def.body, name)?;
            Some((given, purpose))
        })
    }

    /// What the calls of a block use a parameter for, as a key.
    fn purpose_of(&self, block: &[Stmt], parameter: &str) -> Option<Purpose> {
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                let mut exprs = stmt.exprs();
                while let Some(expr) = exprs.pop() {
                    if let Some((func, args)) = expr.as_call()
                        && let Some((key, purpose)) = self.key_argument(func, args)
                        && mentions(key, parameter)
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

    /// Where the value of an expression stands in the code, if it does.
    fn origin(&self, expr: &Expr, depth: u32) -> Option<Origin> {
        if depth > MAX_DEPTH {
            return None;
        }
        match &expr.kind {
            ExprKind::Str(text) => {
                let public = ["BEGIN PUBLIC KEY", "BEGIN CERTIFICATE", "BEGIN RSA PUBLIC KEY", "://"];
                let secret = !public.iter().any(|mark| text.contains(mark));
                let site = self.scope.site(expr.range);
                let what = if text.is_empty() { What::Empty } else { What::Text };
                secret.then_some(Origin { site, source: Source::Literal, what })
            }
            ExprKind::Bytes => {
                Some(Origin { site: self.scope.site(expr.range), source: Source::Literal, what: What::Text })
            }
            ExprKind::None => {
                Some(Origin { site: self.scope.site(expr.range), source: Source::Literal, what: What::Nothing })
            }
            ExprKind::Name(name) => self.variable(name, depth),
            ExprKind::Attribute { value, name } => match self.eval(value) {
                Value::Module(file) => module_variable(self.interpreter, file, &name.name, depth + 1),
                Value::Class(class) => class_variable(self.interpreter, &class, &name.name, depth + 1),
                Value::Instance(instance) => match &instance.class {
                    Value::Class(class) => class_variable(self.interpreter, class, &name.name, depth + 1),
                    _ => None,
                },
                _ => None,
            },
            // `os.getenv("KEY") or "…"`
            ExprKind::BoolOp { and: false, values } => {
                let (last, first) = values.split_last()?;
                let variable = first.iter().find_map(|value| self.environment_variable(value))?;
                let origin = self.origin(last, depth + 1).filter(|origin| origin.what != What::Nothing)?;
                Some(Origin { source: Source::Environment(variable), ..origin })
            }
            ExprKind::Call { func, args } => self.of_call(expr, func, args, depth),
            _ => None,
        }
    }

    /// The value that a call makes of a text or of the environment.
    fn of_call(&self, call: &Expr, func: &Expr, args: &[Arg], depth: u32) -> Option<Origin> {
        if let Value::Package(path) = self.eval(func) {
            let passed = match path.as_str() {
                "os.getenv" | "os.environ.get" | "decouple.config" => {
                    let variable = positional(args, 0).and_then(Expr::as_str).cloned().unwrap_or_default();
                    let Some(default) = keyword(args, "default").or_else(|| positional(args, 1)) else {
                        // `decouple` refuses to go on.
                        let site = self.scope.site(call.range);
                        let what = What::Nothing;
                        let is_none = path.starts_with("os.") && !variable.is_empty();
                        return is_none.then_some(Origin { site, source: Source::Environment(variable), what });
                    };
                    let origin = self.origin(default, depth + 1)?;
                    return Some(Origin { source: Source::Environment(variable), ..origin });
                }
                "pydantic.Field" | "pydantic.fields.Field" => {
                    keyword(args, "default").or_else(|| positional(args, 0))?
                }
                "builtins.str" => {
                    let origin = self.origin(positional(args, 0)?, depth + 1)?;
                    let what = if origin.what == What::Nothing { What::NothingAsText } else { origin.what };
                    return Some(Origin { what, ..origin });
                }
                "pydantic.SecretStr" | "starlette.datastructures.Secret" | "builtins.bytes" => positional(args, 0)?,
                "typing.cast" => positional(args, 1)?,
                _ => return None,
            };
            return self.origin(passed, depth + 1);
        }
        match &func.kind {
            ExprKind::Attribute { value, name }
                if matches!(name.name.as_str(), "encode" | "strip" | "get_secret_value") =>
            {
                // `None` has no such methods: the application does not start.
                self.origin(value, depth + 1).filter(|origin| origin.what != What::Nothing)
            }
            _ => None,
        }
    }

    /// Whether code asks whether a key is there: where it is used, or where it is read.
    fn is_questioned(&self, argument: &Expr, origin: &Origin) -> bool {
        let mut names: Vec<SmolStr> = last_name(argument).cloned().into_iter().collect();
        if let Source::Environment(name) | Source::Setting(name) = &origin.source {
            names.push(name.clone());
        }
        let own = self.scope.file();
        asks_for(self.interpreter, own, &names)
            || (origin.site.file != own && asks_for(self.interpreter, origin.site.file, &names))
    }

    /// The variable of the environment that an expression reads, without a default.
    fn environment_variable(&self, expr: &Expr) -> Option<SmolStr> {
        let (func, args) = expr.as_call()?;
        let Value::Package(path) = self.eval(func) else { return None };
        let reads = matches!(path.as_str(), "os.getenv" | "os.environ.get");
        positional(args, 0).and_then(Expr::as_str).cloned().filter(|_| reads)
    }

    fn variable(&self, name: &SmolStr, depth: u32) -> Option<Origin> {
        if let Scope::Function(function) = self.scope {
            if function.def.params.iter().any(|param| param.name.name == *name) {
                return None;
            }
            let bound = bindings_of(&function.def.body, name);
            match bound.as_slice() {
                [] => {}
                [Some(value)] => return self.origin(value, depth + 1),
                _ => return None,
            }
        }
        module_variable(self.interpreter, self.scope.file(), name, depth + 1)
    }
}

/// Where a value stands.
struct Origin {
    site: Site,
    source: Source,
    what: What,
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

/// The value of a module's variable that is assigned once, and never questioned.
fn module_variable(interpreter: &Interpreter<'_>, file: FileId, name: &SmolStr, depth: u32) -> Option<Origin> {
    if depth > MAX_DEPTH {
        return None;
    }
    // Makes an answer rest on what the name means.
    interpreter.lookup(file, name);
    let facts = interpreter.sources().facts(file)?;
    match facts.bindings.get(name)? {
        Binding::Computed => {
            let mut values = facts.plain_statements().flat_map(|(item, stmt)| {
                bindings_of(std::slice::from_ref(stmt), name).into_iter().map(move |value| (item, value))
            });
            let (index, value) = values.next()?;
            let only = values.next().is_none();
            // Any item may assign to it, or ask about it, after an edit.
            for item in 0..facts.items.len() as u32 {
                interpreter.count_body(Site { file, item, range: TextRange::default() });
            }
            let conditions = || facts.plain_statements().filter(|(_, stmt)| matches!(stmt.kind, StmtKind::If { .. }));
            let questioned = conditions().any(|(_, stmt)| rejects(stmt, name));
            let search = Search::new(interpreter, Scope::Module(file, index));
            search.origin(value.filter(|_| only && !questioned)?, depth + 1)
        }
        Binding::ImportFrom(item, at) => {
            let import = facts.import_from(*item)?;
            let name = &import.names.get(*at as usize)?.name;
            match interpreter.sources().resolve(file, import.level, &import.module) {
                Module::File(target) => module_variable(interpreter, target, name, depth + 1),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The value of a field of a class: its default, or what `__init__` assigns.
/// A class that validates itself may refuse the default.
fn class_variable(
    interpreter: &Interpreter<'_>,
    class: &std::sync::Arc<ClassRef>,
    name: &SmolStr,
    depth: u32,
) -> Option<Origin> {
    let settings = interpreter.package_bases(class).iter().any(|base| base.ends_with("BaseSettings"));
    let classes = interpreter.linearised(class);
    classes.iter().for_each(|class| interpreter.count_body(class.site));
    if classes.iter().any(|class| class.def.body.iter().any(|stmt| validates(stmt, name))) {
        return None;
    }
    for class in &classes {
        let bound = bindings_of(&class.def.body, name);
        match bound.as_slice() {
            [] => {}
            [Some(value)] => {
                let origin = Search::new(interpreter, Scope::Class(class)).origin(value, depth + 1)?;
                let is_default = settings && origin.source == Source::Literal;
                let source = if is_default { Source::Setting(name.clone()) } else { origin.source };
                return Some(Origin { source, ..origin });
            }
            _ => return None,
        }
        let init = interpreter.method(class, "__init__").filter(|init| init.site.item == class.site.item);
        if let Some(init) = init {
            let function = interpreter.current(&init);
            let value = assigned_attribute(&function.def, name);
            if let Some(value) = value {
                return Search::new(interpreter, Scope::Function(&function)).origin(value, depth + 1);
            }
        }
    }
    None
}

/// What `self.name` is assigned in a function, if that happens once.
fn assigned_attribute<'f>(function: &'f Function, name: &str) -> Option<&'f Expr> {
    let own = &function.params.first()?.name.name;
    let mut values = function.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => match assign.targets.as_slice() {
            [Expr { kind: ExprKind::Attribute { value, name: attribute }, .. }]
                if attribute.name == name && value.as_name() == Some(own) =>
            {
                assign.value.as_ref()
            }
            _ => None,
        },
        _ => None,
    });
    values.next().filter(|_| values.next().is_none())
}
