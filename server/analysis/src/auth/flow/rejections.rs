//! Where code turns callers away: statuses 401 and 403.
//!
//! A rejection is no proof of verification. It is a reason to say `unknown`
//! instead of `open` where what leads to it could not be followed.

use super::super::evidence::Evidence;
use super::{Abs, Flow, Path};
use crate::facts::python::idioms::{http_status, raised, returned};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Function, Stmt, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value};

/// Classes of an exception's ancestry that are looked at.
const MAX_CLASSES: usize = 8;

impl Flow<'_, '_> {
    /// Notes a `raise` that turns a caller away.
    pub(super) fn note_rejection(&mut self, raised: &Expr) {
        if self.found.rejection.is_none() && turns_away(self.judge.resolve, self.function(), raised) {
            self.found.rejection = Some(self.site(raised));
        }
    }

    /// Notes a call of a helper that raises, where it is told to turn a caller away.
    pub(super) fn note_rejection_by(&mut self, call: &Expr, args: &[Arg]) {
        if self.found.rejection.is_none() && args.iter().any(|arg| is_status(&arg.value)) {
            self.found.rejection = Some(self.site(call));
        }
    }

    /// Notes an answer of a middleware that turns a caller away.
    pub(super) fn note_answer(&mut self, answer: &Expr) {
        let Some((_, args)) = answer.as_call() else { return };
        if self.around.is_some() && self.found.rejection.is_none() && args.iter().any(|arg| is_status(&arg.value)) {
            self.found.rejection = Some(self.site(answer));
        }
    }

    /// Whether an answer is a response of the framework with a status that says
    /// that the request failed (RFC 9110, sections 15.5 and 15.6), made here or by a function that makes nothing else.
    pub(super) fn refuses(&self, answer: &Expr) -> bool {
        let Some((func, args)) = answer.as_call() else { return false };
        match self.outer(func) {
            Value::Package(path) => is_refusal(&path, args, &http_status),
            Value::Function(function) => self.makes_refusal(&function, args),
            _ => false,
        }
    }

    /// Whether a function gives nothing but refusals, if it ends, each with the status that it is given or has itself.
    fn makes_refusal(&self, function: &FunctionRef, args: &[Arg]) -> bool {
        let function = self.judge.resolve.current(function);
        let ends = matches!(function.def.body.last(), Some(Stmt { kind: StmtKind::Return(Some(_)), .. }));
        ends && returned(&function.def.body).into_iter().all(|made| self.is_refusal_of(&function, args, made))
    }

    /// Whether an expression of a function that is called is a refusal.
    fn is_refusal_of(&self, function: &FunctionRef, args: &[Arg], made: &Expr) -> bool {
        let Some((class, given)) = made.as_call() else { return false };
        let status_of = |status: &Expr| {
            let parameter = status.as_name().and_then(|name| Some((name, position_of(function, 0, name)?)));
            match parameter {
                Some((name, at)) => keyword(args, name).or_else(|| positional(args, at)).and_then(http_status),
                None => http_status(status),
            }
        };
        matches!(self.judge.resolve.eval(function, class), Value::Package(path) if is_refusal(&path, given, &status_of))
    }

    /// Whether an answer is a response of the framework that says the same to everybody.
    pub(super) fn answers_the_same(&mut self, path: &Path, answer: &Expr) -> bool {
        let Some((func, args)) = answer.as_call() else { return false };
        let is_same = |value: Abs| matches!(value, Abs::Constant | Abs::Nothing);
        matches!(self.outer(func), Value::Package(made) if made.ends_with("Response"))
            && args.iter().all(|arg| is_same(self.eval(&mut path.clone(), &arg.value)))
    }

    /// Whether a function of the project only makes a response of what it is given.
    pub(super) fn only_answers(&self, function: &FunctionRef) -> bool {
        let function = self.judge.resolve.current(function);
        let Some(made) = only_made(&function.def) else { return false };
        let is_response = |path: &str| path.ends_with("Response");
        let is_plain = |expr: &Expr| {
            expr.as_call().is_none_or(|(func, _)| match self.judge.resolve.eval(&function, func) {
                Value::Package(path) => is_response(&path) || path.starts_with("builtins."),
                _ => false,
            })
        };
        let is_made = made.as_call().is_some_and(
            |(func, _)| matches!(self.judge.resolve.eval(&function, func), Value::Package(path) if is_response(&path)),
        );
        let mut pending = vec![made];
        while let Some(expr) = pending.pop() {
            if !is_plain(expr) {
                return false;
            }
            pending.extend(expr.children());
        }
        is_made
    }

    /// Notes a refusal that a dependency returns for whom nothing has verified: FastAPI hands it to whoever asks
    /// for the dependency, and goes on.
    pub(super) fn note_returned_refusal(&mut self, path: &Path, returned: &Expr) {
        let is_value = !self.answers && self.around.is_none() && self.stack.len() == 1;
        if is_value && !path.verified && (self.refuses(returned) || self.is_exception(returned)) {
            self.step(returned, Evidence::ReturnsRefusal, "what is returned here is only the dependency's value");
        }
    }

    /// Whether an expression makes an `HTTPException`.
    fn is_exception(&self, made: &Expr) -> bool {
        let made = made.as_call().map(|(func, _)| self.outer(func));
        matches!(made, Some(Value::Package(path)) if path.ends_with(".HTTPException"))
    }

    /// Notes that a function which is not executed here turns callers away.
    pub(super) fn note_rejections_of(&mut self, function: &FunctionRef) {
        if self.found.rejection.is_some() {
            return;
        }
        let function = self.judge.resolve.current(function);
        let turns_away = |raised: &&Expr| turns_away(self.judge.resolve, &function, raised);
        let first = raised(&function.def.body).into_iter().filter(turns_away).min_by_key(|raised| raised.range.start);
        if let Some(first) = first {
            self.found.rejection = Some(Site { range: first.range, ..function.site });
        }
    }
}

impl Flow<'_, '_> {
    /// Whether a condition compares nothing but what the client says of itself with values that stand in the code.
    pub(super) fn asks_claims(&mut self, path: &Path, test: &Expr) -> bool {
        let mut claims = false;
        let mut pending = vec![test];
        while let Some(expr) = pending.pop() {
            match &expr.kind {
                ExprKind::BoolOp { values, .. } => pending.extend(values),
                ExprKind::Not(inner) => pending.push(inner),
                ExprKind::Compare { first, rest } => {
                    pending.push(first);
                    pending.extend(rest.iter().map(|(_, value)| value));
                }
                ExprKind::Name(name) if path.get(name) == Some(&Abs::Identity) => claims = true,
                _ if is_plain(&self.outer(expr)) => {}
                _ => return false,
            }
        }
        claims
    }

    /// Whether a socket is closed with a code that turns the caller away: policy
    /// violation (RFC 6455, section 7.4.1), or one of the application's own.
    pub(super) fn refuses_socket(&self, args: &[Arg]) -> bool {
        let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.name == "code"));
        let Some(code) = named.or_else(|| args.first().filter(|arg| arg.name.is_none())) else { return false };
        match &code.value.kind {
            ExprKind::Int(code) => *code == 1008 || (4000..5000).contains(code),
            _ => match self.outer(&code.value) {
                Value::Int(code) => code == 1008 || (4000..5000).contains(&code),
                Value::Package(path) => path.ends_with(".WS_1008_POLICY_VIOLATION"),
                _ => false,
            },
        }
    }
}

/// Whether statements only raise.
pub(super) fn raises_at_once(body: &[Stmt]) -> bool {
    matches!(body, [Stmt { kind: StmtKind::Raise { .. }, .. }])
}

/// Whether a value is a text, a number or a truth value that stands in the code, or a list of such.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_) => true,
        Value::List(values) => values.iter().all(is_plain),
        _ => false,
    }
}

/// What a function returns that does nothing else, but for what it writes to a log.
pub(super) fn only_made(def: &Function) -> Option<&Expr> {
    const LOGS: &[&str] = &["debug", "info", "warning", "error", "exception", "critical"];
    let (last, before) = def.body.split_last()?;
    let does_nothing = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Expr(expr) => match expr.as_call() {
            Some((func, _)) => {
                matches!(&func.kind, ExprKind::Attribute { name, .. } if LOGS.contains(&name.name.as_str()))
            }
            None => expr.as_str().is_some(),
        },
        _ => false,
    };
    match &last.kind {
        StmtKind::Return(Some(made)) if before.iter().all(does_nothing) => Some(made),
        _ => None,
    }
}

/// Where a function's parameter stands among the positional arguments of its calls, which leave out the first `skipped`.
pub(super) fn position_of(function: &FunctionRef, skipped: usize, name: &str) -> Option<usize> {
    function.def.params.iter().skip(skipped).position(|param| param.name.name == name)
}

/// Whether a call makes a response that says that the request failed.
fn is_refusal(path: &str, args: &[Arg], status: &dyn Fn(&Expr) -> Option<i64>) -> bool {
    let status = keyword(args, "status_code").or_else(|| positional(args, 1)).and_then(status);
    path.ends_with("Response") && status.is_some_and(|status| (400..600).contains(&status))
}

/// Whether raising this answers 401 or 403.
fn turns_away(resolve: &dyn Resolve, function: &FunctionRef, raised: &Expr) -> bool {
    let (class, args) = raised.as_call().unwrap_or((raised, &[]));
    if args.iter().any(|arg| is_status(&arg.value)) || class.as_name().is_some_and(|name| speaks_of_access(name)) {
        return true;
    }
    match resolve.eval(function, class) {
        Value::Class(class) => {
            let mut pending = vec![class];
            let mut seen = 0;
            while let Some(class) = pending.pop() {
                seen += 1;
                if seen > MAX_CLASSES {
                    return false;
                }
                if speaks_of_access(&class.def.name.name) || class_has_status(resolve, &class) {
                    return true;
                }
                pending.extend(class.bases.iter().filter_map(|base| match base {
                    Value::Class(base) => Some(base.clone()),
                    _ => None,
                }));
            }
            false
        }
        Value::Package(path) => speaks_of_access(path.rsplit('.').next().unwrap_or_default()),
        _ => false,
    }
}

/// `status_code = 401` in a class, or `super().__init__(401, …)` in its `__init__`.
fn class_has_status(resolve: &dyn Resolve, class: &ClassRef) -> bool {
    let says =
        |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Assign(assign) if assign.value.as_ref().is_some_and(is_status));
    let gives = |init: &Function| {
        let in_defaults = init.params.iter().any(|param| param.default.as_ref().is_some_and(is_status));
        let in_calls = init.body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Expr(expr) => {
                expr.as_call().is_some_and(|(_, args)| args.iter().any(|arg: &Arg| is_status(&arg.value)))
            }
            _ => says(stmt),
        });
        in_defaults || in_calls
    };
    let init = resolve.method(class, "__init__").map(|init| resolve.current(&init));
    class.def.body.iter().any(says) || init.is_some_and(|init| gives(&init.def))
}

/// `401`, `status.HTTP_401_UNAUTHORIZED`, `HTTPStatus.FORBIDDEN`.
fn is_status(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int(status) => matches!(status, 401 | 403),
        ExprKind::Attribute { name, .. } => is_status_name(&name.name),
        ExprKind::Name(name) => is_status_name(name),
        _ => false,
    }
}

fn is_status_name(name: &str) -> bool {
    name.starts_with("HTTP_401") || name.starts_with("HTTP_403") || matches!(name, "UNAUTHORIZED" | "FORBIDDEN")
}

/// Whether the name of an exception says that somebody may not do something.
fn speaks_of_access(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "");
    const WORDS: &[&str] = &[
        "unauthor",
        "unauthent",
        "forbidden",
        "notpermitted",
        "permission",
        "credential",
        "notauth",
        "authentic",
        "accessdenied",
        "invalidtoken",
        "notallowed",
        "autherror",
        "authexception",
    ];
    WORDS.iter().any(|word| name.contains(word))
}
