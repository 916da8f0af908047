//! Handlers that are not written yet, or only put what the caller sent into another form: they read nothing and change
//! nothing, and answer with constants and with what the caller sent. Nobody is harmed by whoever calls one.

use smol_str::SmolStr;

use super::code::is_settings;
use super::constant::{is_constant, is_logged, is_model, is_response};
use super::keys::gives_settings;
use crate::facts::python::idioms::is_pass;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Param, Spread, Stmt, StmtKind, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Site, Unknown, Value};

/// Expressions that are looked at in one handler.
const MAX_STEPS: usize = 1200;

/// Functions of the project inside each other that are looked into.
const MAX_DEPTH: usize = 3;

/// Methods of a pydantic model that only write it down.
const WRITTEN_DOWN: &[&str] = &["model_dump", "model_dump_json", "dict", "json"];

/// Methods of texts, lists and dictionaries that give a part or another form of them.
const PARTS: &[&str] = &[
    "get",
    "keys",
    "values",
    "items",
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "title",
    "capitalize",
    "casefold",
    "count",
    "zfill",
    "split",
    "splitlines",
    "join",
    "replace",
    "startswith",
    "endswith",
    "encode",
    "decode",
    "format",
    "removeprefix",
    "removesuffix",
    "copy",
    "isoformat",
    "getvalue",
    "getbuffer",
    "read",
];

/// What makes another form of what it is given.
const FORMS: &[&str] = &[
    "builtins.str",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "builtins.len",
    "builtins.abs",
    "builtins.all",
    "builtins.any",
    "builtins.divmod",
    "builtins.range",
    "builtins.reversed",
    "builtins.list",
    "builtins.dict",
    "builtins.tuple",
    "builtins.set",
    "builtins.sorted",
    "builtins.sum",
    "builtins.min",
    "builtins.max",
    "builtins.round",
    "builtins.enumerate",
    "builtins.zip",
    "builtins.isinstance",
    "builtins.iter",
    "json.dumps",
    "json.loads",
    "uuid.uuid4",
];

/// Modules of Python of which every function only calculates, or draws what means nothing.
const CALCULATE: &[&str] = &["math", "random", "statistics"];

/// What is written to: files in memory, and writers of what they are given.
const FILES: &[&str] = &["io.StringIO", "io.BytesIO", "csv.writer", "csv.DictWriter"];

/// What waits, and does nothing else.
const WAITS: &[&str] = &["asyncio.sleep", "anyio.sleep"];

/// Methods that put something into a list, dictionary, set or file in memory.
const FILL: &[&str] = &[
    "append",
    "extend",
    "add",
    "update",
    "insert",
    "setdefault",
    "sort",
    "reverse",
    "write",
    "writerow",
    "writerows",
    "writeheader",
    "seek",
];

/// Whether a handler reads nothing and changes nothing.
pub(super) fn touches_nothing(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let given = handler.def.params.iter().skip(usize::from(handler.takes_receiver()));
    let given = given.filter(|param| is_of_client(interpreter, handler, param)).map(|param| param.name.name.clone());
    let requests = handler.def.params.iter().filter(|param| is_request(interpreter, handler, param));
    let requests = requests.map(|param| param.name.name.clone()).collect();
    let mut look = Look { requests, ..Look::into(interpreter, handler, given.collect()) };
    !handler.def.is_generator && !is_left_out(&handler.def.body) && look.block(&handler.def.body)
}

/// Whether a dependency is a lambda among the handler's parameters that gives a constant: `Depends(lambda: None)`.
pub(super) fn gives_constant(interpreter: &Interpreter<'_>, handler: &FunctionRef, lambda: Site) -> bool {
    if lambda.file != handler.site.file || lambda.item != handler.site.item {
        return false;
    }
    let roots = handler.def.params.iter().flat_map(|param| param.default.iter().chain(&param.annotation));
    let mut pending: Vec<&Expr> = roots.collect();
    while let Some(expr) = pending.pop() {
        if let ExprKind::Lambda { params, body } = &expr.kind
            && expr.range == lambda.range
        {
            return params.is_empty() && is_constant(interpreter, handler, body, &mut MAX_STEPS.clone());
        }
        pending.extend(expr.children());
    }
    false
}

/// Whether a handler asks FastAPI for the request itself.
pub(super) fn takes_request(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    handler.def.params.iter().any(|param| is_request(interpreter, handler, param))
}

/// Whether a handler looks at anything of what FastAPI gives it of the request, but for its own addresses and for what it
/// keeps of whom it has sent a cookie.
pub(super) fn reads_request(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let is_of_request = |param: &&Param| {
        let ty = param.annotation.as_ref().map(|expr| interpreter.eval_signature(handler, expr));
        let Some(Value::Package(path)) = ty else { return false };
        let answers = [".Response", ".BackgroundTasks"].iter().any(|class| path.ends_with(class));
        ["fastapi.", "starlette."].iter().any(|package| path.starts_with(package)) && !answers
    };
    let given: Vec<&SmolStr> = handler.def.params.iter().filter(is_of_request).map(|param| &param.name.name).collect();
    let is_given = |expr: &Expr| expr.as_name().is_some_and(|name| given.contains(&name));
    let is_own = |expr: &Expr| match &expr.kind {
        ExprKind::Attribute { value, name } => matches!(name.name.as_str(), "url_for" | "session") && is_given(value),
        _ => false,
    };
    let handler = interpreter.current(handler);
    let exprs: Vec<&Expr> = handler.def.body.iter().flat_map(Stmt::all_exprs).collect();
    let count = |is: &dyn Fn(&Expr) -> bool| exprs.iter().filter(|expr| is(expr)).count();
    count(&is_given) != count(&is_own)
}

/// Whether FastAPI fills a parameter with the request itself.
fn is_request(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let ty = param.annotation.as_ref().map(|expr| interpreter.eval_signature(handler, expr));
    matches!(ty, Some(Value::Package(path)) if path.ends_with("requests.Request") || path == "fastapi.Request")
}

/// Whether nothing stands in a body: `...` says nothing of what will, while `pass` answers everybody with `null`.
fn is_left_out(body: &[Stmt]) -> bool {
    body.iter().all(|stmt| match &stmt.kind {
        StmtKind::Pass => !is_pass(stmt),
        StmtKind::Expr(expr) => matches!(expr.kind, ExprKind::Str(_)),
        _ => false,
    })
}

/// Whether FastAPI fills a parameter with a value that the caller sends, and nothing else.
fn is_of_client(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let eval = |expr: &Option<Expr>| expr.as_ref().map(|expr| interpreter.eval_signature(handler, expr));
    let is_plain = |ty: &Value| match ty {
        Value::Package(path) => !path.starts_with("fastapi.") && !path.starts_with("starlette."),
        Value::Class(class) => is_model(interpreter, class),
        Value::Depends(_) | Value::Function(_) => false,
        _ => true,
    };
    let injects = |marker: &Value| matches!(marker, Value::Depends(_));
    let by_type = match eval(&param.annotation) {
        Some(Value::Annotated(annotated)) => is_plain(&annotated.ty) && !annotated.metadata.iter().any(injects),
        Some(ty) => is_plain(&ty),
        None => true,
    };
    by_type && !eval(&param.default).is_some_and(|default| injects(&default))
}

/// Whether a setting may be one that nobody should see, by what it is called: names decide how loud a finding is, and
/// nothing else.
fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_shown = ["public", "publishable", "client_id"].iter().any(|word| name.contains(word));
    let words = ["secret", "key", "token", "password", "passwd", "private", "credential", "dsn", "database", "salt"];
    !is_shown && words.iter().any(|word| name.contains(word))
}

/// Whether a function of Python only calculates.
fn calculates(path: &str) -> bool {
    path.split_once('.').is_some_and(|(module, _)| CALCULATE.contains(&module))
}

/// Whether an expression writes a list, dictionary or set out.
fn is_display(value: &Expr) -> bool {
    matches!(value.kind, ExprKind::List(_) | ExprKind::Dict(_) | ExprKind::Set(_))
}

/// Whether a default is a literal.
fn is_plain_default(default: &Expr) -> bool {
    matches!(default.kind, ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Number | ExprKind::Bool(_) | ExprKind::None)
}

/// A look through one handler.
struct Look<'l, 'i> {
    interpreter: &'l Interpreter<'i>,
    handler: &'l FunctionRef,
    /// Parameters that the caller fills, and variables that hold nothing else.
    given: Vec<SmolStr>,
    /// Parameters that are the request.
    requests: Vec<SmolStr>,
    /// Variables that hold a list or dictionary that is written out where they are assigned.
    made: Vec<SmolStr>,
    /// Variables that hold the settings.
    settings: Vec<SmolStr>,
    /// How many functions are being looked into.
    depth: usize,
    steps: usize,
}

impl<'l, 'i> Look<'l, 'i> {
    /// A look into a function of which these variables hold nothing but what the caller gave.
    fn into(interpreter: &'l Interpreter<'i>, handler: &'l FunctionRef, given: Vec<SmolStr>) -> Self {
        let (requests, made, settings) = (Vec::new(), Vec::new(), Vec::new());
        Self { interpreter, handler, given, requests, made, settings, depth: 0, steps: MAX_STEPS }
    }
}

impl Look<'_, '_> {
    /// Whether all statements of a block touch nothing.
    fn block(&mut self, block: &[Stmt]) -> bool {
        block.iter().all(|stmt| match &stmt.kind {
            StmtKind::Pass | StmtKind::Return(None) | StmtKind::Import(_) | StmtKind::ImportFrom(_) => true,
            StmtKind::Break | StmtKind::Continue => true,
            StmtKind::Return(Some(value)) => self.is_given(value),
            StmtKind::Raise { exc: Some(raised), .. } => self.refuses(raised),
            StmtKind::Expr(expr) => self.says(expr),
            StmtKind::If { test, body, or_else } => self.is_given(test) && self.block(body) && self.block(or_else),
            StmtKind::For { target, iter, body, or_else, .. } => {
                self.is_given(iter) && self.takes(target) && self.block(body) && self.block(or_else)
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                // What an exception says is made of what the block was given.
                let caught = |look: &mut Self, handler: &Handler| {
                    look.given.extend(handler.name.clone());
                    look.block(&handler.body)
                };
                self.block(body)
                    && handlers.iter().all(|handler| caught(self, handler))
                    && self.block(or_else)
                    && self.block(finally)
            }
            StmtKind::AugAssign(assign) => self.is_own(&assign.target) && self.is_given(&assign.value),
            StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
                ([target @ Expr { kind: ExprKind::Subscript { .. }, .. }], Some(value)) => {
                    self.is_own(target) && self.is_given(value)
                }
                ([Expr { kind: ExprKind::Name(name), .. }], Some(value)) if self.is_of_settings(value) => {
                    self.settings.push(name.clone());
                    true
                }
                ([Expr { kind: ExprKind::Name(name), .. }], Some(value)) if self.is_given(value) => {
                    self.given.push(name.clone());
                    let is_made = is_display(value) || self.makes_file(value);
                    self.made.extend(is_made.then(|| name.clone()));
                    true
                }
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether what is assigned to is a variable that holds what the caller sent, or an entry of a list or dictionary that
    /// the function made itself.
    fn is_own(&mut self, target: &Expr) -> bool {
        match &target.kind {
            ExprKind::Name(name) => self.given.contains(name),
            ExprKind::Subscript { value, index } => {
                value.as_name().is_some_and(|name| self.made.contains(name)) && self.is_given(index)
            }
            _ => false,
        }
    }

    /// Whether the target of a loop is plain variables, which hold what the caller sent then.
    fn takes(&mut self, target: &Expr) -> bool {
        match &target.kind {
            ExprKind::Name(name) => {
                self.given.push(name.clone());
                true
            }
            ExprKind::Tuple(parts) => parts.iter().all(|part| self.takes(part)),
            _ => false,
        }
    }

    /// Whether a statement is a word to the reader, or to a log, or waits.
    fn says(&mut self, expr: &Expr) -> bool {
        let (expr, is_awaited) = match &expr.kind {
            ExprKind::Str(_) => return true,
            ExprKind::Await(awaited) => (&**awaited, true),
            _ => (expr, false),
        };
        let Some((func, args)) = expr.as_call() else { return false };
        if is_awaited {
            let waits = matches!(self.interpreter.eval(self.handler, func), Value::Package(path) if WAITS.contains(&path.as_str()));
            return waits && args.iter().all(|arg| self.is_given(&arg.value)) || self.follows(func, args, true);
        }
        let is_harmless = match self.interpreter.eval(self.handler, func) {
            Value::Package(path) => path == "builtins.print" || calculates(&path),
            _ => false,
        };
        let says = is_harmless || self.fills(func) || is_logged(self.interpreter, self.handler, expr);
        says && args.iter().all(|arg| self.is_given(&arg.value)) || self.follows(func, args, false)
    }

    /// Whether an expression makes a file in memory, or what writes to one.
    fn makes_file(&self, value: &Expr) -> bool {
        let makes = |path: &str| FILES.contains(&path);
        value.as_call().is_some_and(
            |(func, _)| matches!(self.interpreter.eval(self.handler, func), Value::Package(path) if makes(&path)),
        )
    }

    /// Whether what is called puts something into a list or dictionary that the function made itself.
    fn fills(&self, func: &Expr) -> bool {
        let ExprKind::Attribute { value, name } = &func.kind else { return false };
        FILL.contains(&name.name.as_str()) && value.as_name().is_some_and(|name| self.made.contains(name))
    }

    /// Whether an exception is made of constants and what the caller sent.
    fn refuses(&mut self, raised: &Expr) -> bool {
        let (func, args) = raised.as_call().unwrap_or((raised, &[]));
        let is_known = match self.interpreter.eval(self.handler, func) {
            Value::Package(path) => path.ends_with(".HTTPException") || path.starts_with("builtins."),
            _ => false,
        };
        is_known && args.iter().all(|arg| arg.spread == Spread::No && self.is_given(&arg.value))
    }

    /// Whether an expression is put together of constants and of what the caller sent.
    fn is_given(&mut self, expr: &Expr) -> bool {
        let Some(left) = self.steps.checked_sub(1) else { return false };
        self.steps = left;
        match &expr.kind {
            ExprKind::Name(name) if self.given.contains(name) => true,
            ExprKind::Attribute { value, name } if !may_be_secret(&name.name) && self.is_of_settings(value) => true,
            ExprKind::Attribute { value, name } if self.is_asked(value, &name.name) => true,
            ExprKind::Attribute { value, .. } if self.is_given(value) => true,
            ExprKind::Subscript { value, index } => self.is_given(value) && self.is_given(index),
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) | ExprKind::FString(parts) => {
                parts.iter().all(|part| self.is_given(part))
            }
            ExprKind::Dict(entries) => {
                entries.iter().all(|(key, value)| key.iter().all(|key| self.is_given(key)) && self.is_given(value))
            }
            ExprKind::BoolOp { values, .. } => values.iter().all(|value| self.is_given(value)),
            ExprKind::Unary(inner) | ExprKind::Not(inner) => self.is_given(inner),
            ExprKind::Binary { left, right, .. } => self.is_given(left) && self.is_given(right),
            ExprKind::IfExp { test, body, or_else } => {
                self.is_given(test) && self.is_given(body) && self.is_given(or_else)
            }
            ExprKind::Compare { first, rest } => {
                self.is_given(first) && rest.iter().all(|(_, value)| self.is_given(value))
            }
            ExprKind::Await(inner) => {
                self.is_sent(inner) || inner.as_call().is_some_and(|(func, args)| self.follows(func, args, true))
            }
            ExprKind::Comprehension(parts) => {
                let clauses =
                    parts.clauses.iter().all(|clause| self.is_given(&clause.iter) && self.takes(&clause.target));
                let clauses = clauses
                    && parts.clauses.iter().flat_map(|clause| &clause.conditions).all(|test| self.is_given(test));
                clauses && std::iter::once(&parts.element).chain(&parts.value).all(|value| self.is_given(value))
            }
            ExprKind::Call { func, args } => {
                self.tells_whether_set(func, args)
                    || self.is_published_setting(func, args)
                    || is_constant(self.interpreter, self.handler, expr, &mut self.steps)
                    || ((self.only_holds(func) || self.only_forms(func) || self.makes_file(expr))
                        && args.iter().all(|arg| self.is_given(&arg.value)))
                    || self.follows(func, args, false)
            }
            _ => is_constant(self.interpreter, self.handler, expr, &mut self.steps),
        }
    }

    /// Whether an expression is the object of the settings, which says the same to everybody.
    fn is_of_settings(&self, expr: &Expr) -> bool {
        if expr.as_name().is_some_and(|name| self.settings.contains(name)) {
            return true;
        }
        match self.interpreter.eval(self.handler, expr) {
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => is_settings(self.interpreter, class) || gives_settings(self.interpreter, class),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a call only tells whether something is there, in the environment perhaps: `bool(os.getenv("PAYMENT_KEY"))`.
    fn tells_whether_set(&mut self, func: &Expr, args: &[Arg]) -> bool {
        let is_bool =
            matches!(self.interpreter.eval(self.handler, func), Value::Package(path) if path == "builtins.bool");
        let [only] = args else { return false };
        is_bool && self.is_there(&only.value, &[], 0)
    }

    /// Whether all that decides the truth of an expression is whether something is there: settings, variables of the
    /// environment or of the module, and variables that are `known` to hold such. What is compared with what the caller
    /// sent would tell more.
    fn is_there(&self, expr: &Expr, known: &[SmolStr], depth: usize) -> bool {
        match &expr.kind {
            ExprKind::Str(_) | ExprKind::None => true,
            ExprKind::BoolOp { values, .. } => values.iter().all(|value| self.is_there(value, known, depth)),
            ExprKind::Not(inner) => self.is_there(inner, known, depth),
            ExprKind::Name(name) => known.contains(name) || !self.is_local(expr),
            ExprKind::Attribute { value, .. } => self.is_of_settings(value),
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name } if name.name == "strip" && args.is_empty() => {
                    self.is_there(value, known, depth)
                }
                _ if self.is_environment(func) => args.iter().all(|arg| matches!(arg.value.kind, ExprKind::Str(_))),
                _ => args.is_empty() && depth < MAX_DEPTH && self.gives_what_is_there(func, depth),
            },
            _ => false,
        }
    }

    /// Whether a function does nothing but to give what is there.
    fn gives_what_is_there(&self, func: &Expr, depth: usize) -> bool {
        let Value::Function(function) = self.interpreter.eval(self.handler, func) else { return false };
        let function = self.interpreter.current(&function);
        let def = &function.def;
        if !def.decorators.is_empty() || def.is_generator || def.is_async || !def.params.is_empty() {
            return false;
        }
        let look = Look::into(self.interpreter, &function, Vec::new());
        let mut known = Vec::new();
        for stmt in &*def.body {
            match &stmt.kind {
                StmtKind::Return(Some(value)) => return look.is_there(value, &known, depth + 1),
                StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
                    ([Expr { kind: ExprKind::Name(name), .. }], Some(value))
                        if look.is_there(value, &known, depth + 1) =>
                    {
                        known.push(name.clone());
                    }
                    _ => return false,
                },
                _ => return false,
            }
        }
        false
    }

    /// Whether a call looks up a setting that services have their clients publish:
    /// `os.getenv("STRIPE_PUBLISHABLE_KEY", "")`.
    fn is_published_setting(&mut self, func: &Expr, args: &[Arg]) -> bool {
        const PUBLISHED: &[&str] = &["PUBLISHABLE", "SITE_KEY", "VAPID_PUBLIC"];
        let name = positional(args, 0).and_then(Expr::as_str);
        let is_published = |name: &str| {
            PUBLISHED.iter().any(|word| name.contains(word)) || name.ends_with("CLIENT_ID") && !name.contains("SECRET")
        };
        name.is_some_and(|name| is_published(name)) && self.is_environment(func)
    }

    /// Whether a name is a variable of the function, or one that nobody knows.
    fn is_local(&self, name: &Expr) -> bool {
        matches!(self.interpreter.eval(self.handler, name), Value::Unknown(Unknown::Local | Unknown::Unbound(_)))
    }

    fn is_environment(&self, func: &Expr) -> bool {
        matches!(self.interpreter.eval(self.handler, func), Value::Package(path) if matches!(path.as_str(), "os.getenv" | "os.environ.get"))
    }

    /// Whether an attribute of the request is what the caller asked for: `request.url`, `request.query_params`.
    fn is_asked(&self, value: &Expr, attribute: &str) -> bool {
        matches!(attribute, "url" | "query_params" | "path_params" | "method")
            && value.as_name().is_some_and(|name| self.requests.contains(name))
    }

    /// What the request holds, as soon as it is there: `await request.json()`.
    fn is_sent(&self, expr: &Expr) -> bool {
        let Some((func, [])) = expr.as_call() else { return false };
        let ExprKind::Attribute { value, name } = &func.kind else { return false };
        matches!(name.name.as_str(), "json" | "body" | "form")
            && value.as_name().is_some_and(|name| self.requests.contains(name))
    }

    /// Whether what is called makes another form of what it is given, or takes a part out.
    fn only_forms(&mut self, func: &Expr) -> bool {
        if let ExprKind::Attribute { value, name } = &func.kind
            && PARTS.contains(&name.name.as_str())
        {
            return self.is_given(value);
        }
        match self.interpreter.eval(self.handler, func) {
            Value::Package(path) => FORMS.contains(&path.as_str()) || calculates(&path),
            _ => false,
        }
    }

    /// Whether a function of the project that is called touches nothing either. What it is given besides of what the
    /// caller sent, it leaves alone: a connection that is not asked for anything.
    fn follows(&mut self, func: &Expr, args: &[Arg], is_async: bool) -> bool {
        let function = match self.interpreter.eval(self.handler, func) {
            Value::Function(function) if self.depth < MAX_DEPTH && function.class.is_none() => function,
            _ => return false,
        };
        let function = self.interpreter.current(&function);
        let def = &function.def;
        let is_plain = def.decorators.is_empty() && !def.is_generator && def.is_async == is_async;
        if !is_plain || is_left_out(&def.body) || args.iter().any(|arg| arg.spread != Spread::No) {
            return false;
        }
        let mut given = Vec::new();
        for (at, param) in def.params.iter().enumerate() {
            let is_named = |arg: &&Arg| arg.name.as_ref().is_some_and(|name| name.name == param.name.name);
            let passed = args.iter().find(is_named).map(|arg| &arg.value).or_else(|| positional(args, at));
            let is_given = match passed {
                Some(value) => self.is_given(value),
                // What a default holds is not the caller's.
                None => param.default.as_ref().is_none_or(is_plain_default),
            };
            given.extend(is_given.then(|| param.name.name.clone()));
        }
        // What is only looked at by the call itself (`f(open(x))`) was done all the same.
        if !args.iter().all(|arg| arg.value.as_name().is_some() || self.is_given(&arg.value)) {
            return false;
        }
        let inner = Look::into(self.interpreter, &function, given);
        let mut look = Look { depth: self.depth + 1, steps: self.steps, ..inner };
        let touches_nothing = look.block(&function.def.body);
        self.steps = look.steps;
        touches_nothing
    }

    /// Whether what is called only holds what it is given: a model or a response, or a model that is written down.
    fn only_holds(&mut self, func: &Expr) -> bool {
        if let ExprKind::Attribute { value, name } = &func.kind
            && WRITTEN_DOWN.contains(&name.name.as_str())
        {
            return self.is_given(value);
        }
        match self.interpreter.eval(self.handler, func) {
            Value::Class(class) => is_model(self.interpreter, &class),
            Value::Package(path) => {
                is_response(&path) || path.ends_with(".RedirectResponse") || path.ends_with(".StreamingResponse")
            }
            _ => false,
        }
    }
}
