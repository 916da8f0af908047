//! Exceptions around verifications: who catches them, and what callers are told of them.

use smol_str::SmolStr;

use super::super::code::{Body, Found, last_name, mentions};
use super::libraries::{Does, Library, does};
use super::{Caught, ItemTokens, Raised, Telling, Told, secrets, wrapped};
use crate::facts::python::idioms::calls;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Handler, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, Resolve, Site, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// The `except` clauses around an expression, innermost first.
pub(super) fn caught(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Vec<Caught> {
    caught_around(body, &found.around)
}

/// The `except` clauses around a place that is inside of these blocks, innermost first.
pub(super) fn caught_around(body: &Body<'_, '_, '_>, around: &[(&Stmt, usize)]) -> Vec<Caught> {
    let mut caught = Vec::new();
    for (stmt, block) in around.iter().rev() {
        if let StmtKind::Try { handlers, .. } = &stmt.kind
            && *block == 0
        {
            let attempt = body.site(stmt.range);
            caught.extend(handlers.iter().map(|handler| caught_by(body, attempt, handler)));
        }
    }
    caught
}

fn caught_by(body: &Body<'_, '_, '_>, attempt: Site, handler: &Handler) -> Caught {
    let types = types(body, handler);
    let raises_again = raises_again(body, handler, &types);
    Caught { site: body.site(handler.range), attempt, types, raises_again }
}

/// What a clause always ends by raising, if that is what it caught, itself or as a new one of the same or a library's
/// widest kind.
fn raises_again(body: &Body<'_, '_, '_>, handler: &Handler, caught: &[SmolStr]) -> Option<Raised> {
    const WIDEST: &[&str] = &["PyJWTError", "InvalidTokenError", "JWTError", "JOSEError", "JoseError"];
    let (last, before) = handler.body.split_last()?;
    let StmtKind::Raise { exc, .. } = &last.kind else { return None };
    let may_end = |stmt: &Stmt| !matches!(stmt.kind, StmtKind::Expr(_) | StmtKind::Assign(_));
    if before.iter().any(may_end) {
        return None;
    }
    let Some(exc) = exc else { return Some(Raised::Same) };
    if exc.as_name().is_some_and(|name| handler.name.as_ref() == Some(name)) {
        return Some(Raised::Same);
    }
    let Value::Package(path) = body.eval(exc.as_call().map_or(exc, |(func, _)| func)) else { return None };
    let name = path.rsplit('.').next().unwrap_or(&path);
    let is_caught = || caught.iter().any(|known| known.rsplit('.').next() == Some(name));
    let library = Library::of(&path)?;
    (WIDEST.contains(&name) || is_caught()).then_some(Raised::Of(library))
}

/// What a clause is said to catch that names its exceptions in a list: nothing, as Python wants a tuple.
pub const LIST: SmolStr = SmolStr::new_static("builtins.list");

/// Dotted paths of the exceptions that a clause catches.
pub(super) fn types(body: &Body<'_, '_, '_>, handler: &Handler) -> Vec<SmolStr> {
    let mut types = Vec::new();
    for ty in &handler.types {
        if matches!(ty.kind, ExprKind::List(_)) {
            types.push(LIST);
            continue;
        }
        let values = match body.eval(ty) {
            Value::List(values) => values.to_vec(),
            value => vec![value],
        };
        types.extend(values.into_iter().map(|value| match value {
            Value::Package(path) => path,
            _ => SmolStr::new_static("?"),
        }));
    }
    types
}

/// Whether an item has exceptions of a library for tokens answered for the
/// whole application: `@app.exception_handler(JWTError)`.
pub(super) fn answers_errors(interpreter: &Interpreter<'_>, file: FileId, index: u32, item: &Stmt) -> bool {
    let in_module = |expr: &Expr| interpreter.eval_in_module(file, index, expr);
    match &item.kind {
        StmtKind::Function(def) => def.decorators.iter().any(|decorator| registers_answer(decorator, &in_module)),
        _ => false,
    }
}

/// Whether a call has exceptions of a library for tokens answered.
pub(super) fn registers_answer(call: &Expr, eval: &dyn Fn(&Expr) -> Value) -> bool {
    let Some((func, args)) = call.as_call() else { return false };
    let registers =
        last_name(func).is_some_and(|name| matches!(name.as_str(), "exception_handler" | "add_exception_handler"));
    let is_ours = |error: &Expr| matches!(eval(error), Value::Package(path) if is_token_error(&path));
    registers && positional(args, 0).is_some_and(is_ours)
}

/// Whether an exception of that path is raised by a library for tokens.
pub(super) fn is_token_error(path: &str) -> bool {
    Library::of(path).is_some()
}

/// Whether a library has no exception of that name, so that a clause which names it catches nothing: PyJWT's is
/// `PyJWTError` (2.10), `JWTError` is python-jose's.
fn is_of_none(path: &str) -> bool {
    matches!(path, "jwt.JWTError" | "jwt.exceptions.JWTError")
}

/// Whether a clause catches what a verification raises: it names a library's
/// exceptions, or it catches all, and its `try` holds a verification.
pub(super) fn catches_verification(body: &Body<'_, '_, '_>, guarded: &[Stmt], handler: &Handler) -> Option<TextRange> {
    let types = types(body, handler);
    let named = types.iter().any(|path| is_token_error(path) && !is_of_none(path));
    if !named && !catches_all(&types) {
        return None;
    }
    let inside = TextRange {
        start: guarded.first().map_or(0, |stmt| stmt.range.start),
        end: guarded.last().map_or(0, |stmt| stmt.range.end),
    };
    let answered_inside = |found: &Found<'_>| {
        found.around.iter().any(|(stmt, block)| match &stmt.kind {
            StmtKind::Try { handlers, .. } if *block == 0 && inside.contains_range(stmt.range) => {
                handlers.iter().any(|handler| catches_all_refusals(body, handler))
            }
            _ => false,
        })
    };
    let verifies = body.calls().iter().find(|found| {
        inside.contains_range(found.expr.range)
            && found.call().is_some_and(|(func, _)| matches!(does(body, func), Some((_, Does::Decodes))))
            && !answered_inside(found)
    });
    match verifies {
        Some(found) => Some(found.expr.range),
        None => (named && types.iter().all(|path| is_token_error(path))).then_some(handler.range),
    }
}

/// Whether a clause leaves none of a library's refusals to the clauses around it.
fn catches_all_refusals(body: &Body<'_, '_, '_>, handler: &Handler) -> bool {
    const ALL: &[&str] =
        &["PyJWTError", "InvalidTokenError", "JWTError", "JOSEError", "JoseError", "Exception", "BaseException"];
    let raises_again = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Raise { exc: None, .. });
    if handler.body.iter().any(raises_again) {
        return false;
    }
    let types = types(body, handler);
    types.is_empty() || types.iter().any(|path| ALL.contains(&path.rsplit('.').next().unwrap_or(path)))
}

/// The clause without what stands in it.
pub(super) fn clause(handler: &Handler) -> TextRange {
    let end = handler.types.last().map_or(handler.range.start + "except".len() as u32, |last| last.range.end);
    TextRange { start: handler.range.start, end }
}

/// An answer that a statement gives: `HTTPException(…)` or a response.
pub(super) struct Answer<'b> {
    /// Its status, where it is known, and where it stands.
    pub(super) status: Option<(u16, TextRange)>,
    /// What it says.
    pub(super) says: Option<&'b Expr>,
}

/// The answer that a statement raises or returns.
pub(super) fn answer<'b>(body: &Body<'_, '_, '_>, stmt: &'b Stmt) -> Option<Answer<'b>> {
    let (call, raised) = match &stmt.kind {
        StmtKind::Raise { exc: Some(exc), .. } => (exc, true),
        StmtKind::Return(Some(value)) => (value, false),
        _ => return None,
    };
    let (func, args) = call.as_call()?;
    if raised && let Value::Class(class) = body.eval(func) {
        return own_answer(body, &class, args);
    }
    let path = body.package(func)?;
    let class = path.rsplit('.').next()?;
    let framework = path.starts_with("fastapi") || path.starts_with("starlette");
    match (class, raised) {
        ("HTTPException", true) if framework => Some(Answer {
            status: status(body, keyword(args, "status_code").or_else(|| positional(args, 0))),
            says: keyword(args, "detail").or_else(|| positional(args, 1)),
        }),
        ("JSONResponse" | "ORJSONResponse" | "PlainTextResponse" | "Response", false) if framework => {
            let given = keyword(args, "status_code").or_else(|| positional(args, 1));
            let status = match given {
                Some(given) => status(body, Some(given)),
                None if is_plain(args) => Some((200, call.range)),
                None => None,
            };
            Some(Answer { status, says: keyword(args, "content").or_else(|| positional(args, 0)) })
        }
        _ => None,
    }
}

/// The answer that an exception of the project is, where it continues FastAPI's and hands on what it is told as `detail`.
fn own_answer<'b>(body: &Body<'_, '_, '_>, class: &ClassRef, args: &'b [Arg]) -> Option<Answer<'b>> {
    let bases = body.interpreter.package_bases(class);
    let framework = |base: &SmolStr| base.starts_with("fastapi") || base.starts_with("starlette");
    if !bases.iter().any(|base| framework(base) && base.ends_with(".HTTPException")) {
        return None;
    }
    let Some(init) = body.interpreter.method(class, "__init__") else {
        return Some(Answer { status: None, says: keyword(args, "detail").or_else(|| positional(args, 1)) });
    };
    let init = body.interpreter.current(&init);
    let handed = calls(&init.def.body).into_iter().find_map(|(func, args)| match &func.kind {
        ExprKind::Attribute { name, .. } if name.name == "__init__" => {
            keyword(args, "detail").or_else(|| positional(args, 1))
        }
        _ => None,
    })?;
    let at = init.def.params.iter().position(|param| handed.as_name() == Some(&param.name.name))?;
    let name = &init.def.params[at].name.name;
    let says = keyword(args, name).or_else(|| positional(args, at.checked_sub(1)?));
    Some(Answer { status: None, says })
}

fn is_plain(args: &[Arg]) -> bool {
    args.iter().all(|arg| arg.spread == crate::facts::python::tree::Spread::No)
}

/// The number of a status: `401`, or `status.HTTP_401_UNAUTHORIZED`.
pub(super) fn status(body: &Body<'_, '_, '_>, given: Option<&Expr>) -> Option<(u16, TextRange)> {
    let given = given?;
    let number = match body.eval(body.traced(given)) {
        Value::Int(number) => u16::try_from(number).ok()?,
        Value::Package(path) => path.rsplit('.').next()?.strip_prefix("HTTP_")?.get(..3)?.parse().ok()?,
        _ => match &given.kind {
            // `http.HTTPStatus.UNAUTHORIZED` has no number in it.
            ExprKind::Attribute { name, .. } => name.name.strip_prefix("HTTP_")?.get(..3)?.parse().ok()?,
            _ => return None,
        },
    };
    Some((number, given.range))
}

/// Whether a clause for exceptions of these types catches whatever fails.
fn catches_all(types: &[SmolStr]) -> bool {
    types.is_empty() || types.iter().any(|path| path == "builtins.Exception" || path == "builtins.BaseException")
}

/// Finds answers that tell what the verification raised, or whom the token names.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let is_handler = body.def.is_some_and(|def| !def.decorators.is_empty()) && !body.is_nested();
    for (stmt, around) in body.statements() {
        if let StmtKind::Try { body: guarded, handlers, .. } = &stmt.kind {
            for handler in handlers {
                let Some(name) = &handler.name else { continue };
                if let Some(about) = catches_verification(body, guarded, handler) {
                    tokens.told.extend(told_in(body, handler, name).into_iter().map(|range| Told {
                        site: body.site(range),
                        about: body.site(about),
                        what: Telling::Error,
                    }));
                } else if is_handler && catches_all(&types(body, handler)) {
                    tokens.told.extend(told_in(body, handler, name).into_iter().map(|range| Told {
                        site: body.site(range),
                        about: body.site(handler.range),
                        what: Telling::Fault,
                    }));
                }
            }
            wrapped::look(body, guarded, handlers, tokens);
        }
        if let Some(answer) = answer(body, stmt)
            && let Some((401 | 403, _)) = answer.status
            && let Some(says) = answer.says
        {
            tokens.told.extend(identity(body, says, around));
        }
    }
}

/// Where the answers of a clause say the text of the exception that it caught under that name.
pub(super) fn told_in(body: &Body<'_, '_, '_>, handler: &Handler, name: &str) -> Vec<TextRange> {
    let mut told = Vec::new();
    let mut blocks: Vec<&[Stmt]> = vec![&handler.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            let says = answer(body, stmt).and_then(|answer| answer.says);
            told.extend(says.and_then(|says| text_of(body, says, name)));
            blocks.extend(stmt.blocks());
        }
    }
    told
}

/// Where an expression says the text of the exception of that name.
pub(super) fn text_of(body: &Body<'_, '_, '_>, says: &Expr, name: &str) -> Option<TextRange> {
    let mut pending = vec![body.traced(says)];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::FString(parts) if parts.iter().any(|part| is_text_of(part, name)) => return Some(expr.range),
            // OAuth has a place for what its clients are told (RFC 6749, 5.2).
            ExprKind::Dict(entries) => pending.extend(entries.iter().filter_map(|(key, value)| {
                let for_clients = key.as_ref().and_then(Expr::as_str).is_some_and(|key| key == "error_description");
                (!for_clients).then_some(value)
            })),
            ExprKind::Binary { left, right, .. } => pending.extend([&**left, &**right]),
            ExprKind::Call { func, args } => {
                let formats = last_name(func).is_some_and(|name| name == "format");
                if formats {
                    pending.extend(args.iter().map(|arg| &arg.value));
                } else if is_text_of(expr, name) {
                    return Some(expr.range);
                }
            }
            _ => {}
        }
    }
    None
}

/// `e` in a text, `str(e)`, `repr(e)`, `e.args[0]`.
fn is_text_of(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(found) => found == name,
        ExprKind::Call { func, args } => {
            func.as_name().is_some_and(|func| func == "str" || func == "repr")
                && args.first().is_some_and(|arg| arg.value.as_name().is_some_and(|found| found == name))
        }
        ExprKind::Attribute { value, name: attribute } => {
            attribute.name == "args" && value.as_name().is_some_and(|found| found == name)
        }
        ExprKind::Subscript { value, .. } => is_text_of(value, name),
        _ => false,
    }
}

/// An identity that an answer tells to somebody whose token names it, where
/// the answer is given because it is not the one that was asked for.
fn identity(body: &Body<'_, '_, '_>, says: &Expr, around: &[(&Stmt, usize)]) -> Option<Told> {
    let ExprKind::FString(parts) = &body.traced(says).kind else { return None };
    let (test, _) = around.iter().rev().find_map(|(stmt, block)| match &stmt.kind {
        StmtKind::If { test, .. } if *block == 0 => Some((test, block)),
        _ => None,
    })?;
    let ExprKind::Compare { rest, .. } = &test.kind else { return None };
    if !rest.iter().any(|(op, _)| op == "!=") {
        return None;
    }
    parts.iter().find_map(|part| {
        part.as_name().filter(|name| mentions(test, name))?;
        let origin = secrets::identity(body, part)?;
        Some(Told { site: body.site(part.range), about: body.site(origin), what: Telling::Identity })
    })
}
