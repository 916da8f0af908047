//! Whether a cookie lets anybody into an application.

use crate::auth::Judge;
use crate::auth::evidence::{Part, Step};
use crate::auth::guard::Guard;
use crate::facts::python::tree::{Expr, ExprKind, Function, Param, Stmt, StmtKind};
use crate::ide::Judged;
use crate::index::routes::{Application, Route};
use crate::index::value::{Resolve, Value};
use crate::rules::State;
use crate::verdicts::calls::Reached;
use crate::verdicts::carried::{may_take_cookies, reads_header_only};
use crate::verdicts::{enter, with_interpreter};

/// Whether some route of an application may take a cookie for a credential, as far as is known.
pub(in crate::rules) fn may_let_in(state: &State, application: &Application) -> bool {
    let Some(at) = state.table.applications.iter().position(|app| app.router == application.router) else {
        return true;
    };
    let Some(judged) = state.guards.applications.get(at) else { return true };
    application.middleware.iter().any(|middleware| may_read(state, &middleware.what))
        || application.routes.iter().zip(judged.iter()).enumerate().any(|(index, (route, judged))| {
            takes_cookie(state, &Reached { application, route, judged, at: (at, index) })
        })
}

/// Whether a middleware may look at cookies: all but some of the framework's own may, and those of the project in whose
/// code none is spoken of, and which hand the request to nothing but the application.
fn may_read(state: &State, middleware: &Value) -> bool {
    const OTHERS: &[&str] =
        &["CORSMiddleware", "GZipMiddleware", "TrustedHostMiddleware", "HTTPSRedirectMiddleware", "SlowAPIMiddleware"];
    match middleware {
        Value::Package(path) => !path.rsplit('.').next().is_some_and(|name| OTHERS.contains(&name)),
        Value::Function(function) => {
            with_interpreter(state, |interpreter| may_speak_of_cookies(&interpreter.current(function).def, false))
        }
        Value::Class(class) => with_interpreter(state, |interpreter| {
            let is_plain = |base: &Value| matches!(base, Value::Package(path) if path.ends_with("BaseHTTPMiddleware"));
            let methods = class.def.body.iter().filter_map(|stmt| match &stmt.kind {
                StmtKind::Function(def) => Some(&def.name.name),
                _ => None,
            });
            let mut methods = methods.map(|name| interpreter.method(class, name));
            !class.bases.iter().all(is_plain)
                || methods.any(|method| {
                    method.is_none_or(|method| may_speak_of_cookies(&interpreter.current(&method).def, true))
                })
        }),
        _ => true,
    }
}

/// Whether a function reads a cookie in plain words, or hands what it was given to something else than what it wraps.
fn may_speak_of_cookies(function: &Function, is_method: bool) -> bool {
    let params = || function.params.iter().skip(usize::from(is_method)).map(|param| &param.name.name);
    let is_given = |expr: &Expr| expr.as_name().is_some_and(|name| params().any(|param| param == name));
    let goes_on = |func: &Expr| match &func.kind {
        ExprKind::Name(name) => params().any(|param| param == name),
        // `self.app(scope, receive, send)`, `super().__init__(app)`
        ExprKind::Attribute { value, name } => {
            name.name == "app" || value.as_call().is_some_and(|(func, _)| is_super(func))
        }
        _ => false,
    };
    let mut blocks: Vec<&[Stmt]> = vec![&function.body];
    while let Some(block) = blocks.pop() {
        for stmt in block {
            let speaks = stmt.all_exprs().into_iter().any(|expr| match &expr.kind {
                ExprKind::Attribute { name, .. } => name.name == "cookies",
                ExprKind::Bytes => true,
                ExprKind::Str(text) => text.to_ascii_lowercase().contains("cookie"),
                ExprKind::Call { func, args } => !goes_on(func) && args.iter().any(|arg| is_given(&arg.value)),
                _ => false,
            });
            if speaks {
                return true;
            }
            if let StmtKind::Function(inner) = &stmt.kind {
                blocks.push(&inner.body);
            }
        }
    }
    false
}

fn is_super(func: &Expr) -> bool {
    func.as_name().is_some_and(|name| name == "super")
}

fn takes_cookie(state: &State, reached: &Reached<'_>) -> bool {
    let Judged { guard, .. } = reached.judged;
    if reached.route.kind.is_mounted() {
        return !matches!(guard, Guard::Public(_));
    }
    match guard {
        Guard::Unknown(_) if asks_for_unseen(state, reached) => true,
        _ if may_take_cookies(state, reached) => true,
        guard if guard.is_guarded() => !reads_header_only(state, reached) && !is_handed_headers(state, reached),
        _ => handler_takes_cookie(state, reached.route, reached.at.0),
    }
}

/// Whether a route asks for something that may look at cookies, as far as is seen: for other than functions of the project in
/// whose code none is spoken of.
fn asks_for_unseen(state: &State, reached: &Reached<'_>) -> bool {
    let route = reached.route;
    let is_plain = |callable: &Value| match callable {
        Value::Function(function) => {
            with_interpreter(state, |interpreter| !may_speak_of_cookies(&interpreter.current(function).def, false))
        }
        Value::Instance(instance) => matches!(&instance.class, Value::Package(path) if !path.ends_with("APIKeyCookie")),
        _ => false,
    };
    route.more.is_some() || !route.dependencies.iter().all(|node| is_plain(&node.callable))
}

/// Whether all that a guarding function takes for a credential comes in headers, whatever these are called.
fn is_handed_headers(state: &State, reached: &Reached<'_>) -> bool {
    let Guard::Guarded(index) = &reached.judged.guard else { return false };
    let Some(node) = reached.route.dependencies.get(*index) else { return false };
    let Value::Function(function) = &node.callable else { return false };
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        enter(state, &judge, reached.at.0);
        let verdict = judge.dependency(&node.callable);
        let is_header = |name: &str| {
            let mut params = function.def.params.iter().filter(|param| param.name.name == name);
            params.next().is_some_and(|param| asks_for(param, "Header"))
        };
        let mut taken = verdict.steps.iter().filter_map(Step::takes).peekable();
        let reads = |step: &Step| [Part::Cookies, Part::Query, Part::Path].iter().any(|part| step.reads(*part));
        taken.peek().is_some() && taken.all(is_header) && !verdict.steps.iter().any(reads)
    })
}

/// Whether the handler itself takes a cookie, or reads one for a credential.
fn handler_takes_cookie(state: &State, route: &Route, application: usize) -> bool {
    let Some(handler) = route.function() else { return false };
    handler.def.params.iter().any(|param| asks_for(param, "Cookie"))
        || with_interpreter(state, |interpreter| {
            if reads_all_cookies(&interpreter.current(handler).def) {
                return true;
            }
            let judge = Judge::new(interpreter, &state.memo);
            enter(state, &judge, application);
            judge.handler(route).is_some_and(|verdict| verdict.steps.iter().any(|step| step.reads(Part::Cookies)))
        })
}

/// Whether code takes whatever cookies there are: `request.cookies.items()`, and not `request.cookies.get("theme")`.
fn reads_all_cookies(handler: &Function) -> bool {
    let is_given =
        |expr: &Expr| expr.as_name().is_some_and(|name| handler.params.iter().any(|param| param.name.name == *name));
    let is_jar = |expr: &Expr| matches!(&expr.kind, ExprKind::Attribute { value, name } if name.name == "cookies" && is_given(value));
    let is_one = |expr: &&Expr| match &expr.kind {
        ExprKind::Subscript { value, .. } => is_jar(value),
        ExprKind::Attribute { value, name } => name.name == "get" && is_jar(value),
        ExprKind::Compare { rest, .. } => rest.iter().any(|(op, second)| op.ends_with("in") && is_jar(second)),
        _ => false,
    };
    let all: Vec<&Expr> = handler.body.iter().flat_map(Stmt::all_exprs).collect();
    let jars = all.iter().filter(|expr| is_jar(expr)).count();
    jars > all.iter().copied().filter(is_one).count()
}

/// `x: str = Cookie()`, `x: Annotated[str, Cookie()]`; the same for headers.
fn asks_for(param: &Param, what: &str) -> bool {
    let mut pending: Vec<&Expr> = param.default.iter().chain(&param.annotation).collect();
    while let Some(expr) = pending.pop() {
        if expr.as_name().is_some_and(|name| name == what) {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}
