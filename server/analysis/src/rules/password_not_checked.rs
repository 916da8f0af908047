//! `password-not-checked`: a sign-in that asks for a password and never looks at it.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::{is_test, shown};
use super::server_endpoint_without_session::is_behind_middleware;
use super::shared::frontend;
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::{Guard, may_sign_in, may_sign_up, signs_by_hand};
use crate::auth::{Judge, Proof, accounts};
use crate::facts::python::idioms::{
    assigned, calls, escapes, escapes_unless, is_stub, raises, returned, spelled_alike, unused_entry,
};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, ParamKind, Spread, Stmt, StmtKind};
use crate::frontend::observed::Endpoint;
use crate::ide::{Diagnostic, Severity};
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{FunctionRef, Resolve, Site, Value};
use crate::verdicts::{enter, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "password-not-checked",
    summary: "a sign-in that asks for a password and never looks at it",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/password-not-checked.md"),
};

/// Functions that hand what was sent to each other are followed this far.
const MAX_DEPTH: usize = 4;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        for_each_served(state, |application, route, judged| {
            let Some(handler) = route.function() else { return };
            let site = handler.site;
            // Whoever is signed in already was asked for something else.
            let is_open = match &judged.guard {
                // A new account has no password yet that could be compared.
                Guard::Public(reason) => reason != "signing up",
                guard => matches!(guard, Guard::Open(_)),
            };
            if !is_open || !wanted(site.file) || is_test(state, site.file) || state.sources.is_ghost(site) {
                return;
            }
            // What open handlers do was found out with the verdict.
            let (signs_in, signs_up) = match &judged.guard {
                Guard::Open(_) => (judged.conduct.may_sign_in, judged.conduct.may_sign_up),
                _ => (may_sign_in(interpreter, route), may_sign_up(interpreter, route)),
            };
            if !seen.insert(site) || signs_up || !(signs_in || signs_by_hand(interpreter, route)) {
                return;
            }
            let handler = interpreter.current(handler);
            if asks_elsewhere(interpreter, route) {
                return;
            }
            let verdict = || {
                let at = state.table.applications.iter().position(|one| std::ptr::eq(one, application));
                enter(state, &judge, at.unwrap_or_default());
                judge.handler(route)
            };
            let mut steps = vec![related(state, route.registration, format!("{} is registered here", shown(route)))];
            let password = ignored(interpreter, &handler).or_else(|| ignored_entry(interpreter, &handler));
            let message = match password {
                // Who it is may be proven by something else: a token of an identity provider.
                Some(_) if verdict().is_some_and(|verdict| verdict.decides()) => return,
                Some(password) => format!(
                    "{} hands out a token and never looks at `{password}`: whoever names an account is signed in to it. Compare the password with the hash that is kept, and answer with 401 when it is wrong.",
                    shown(route)
                ),
                None => {
                    let is_left_out = verdict()
                        .is_some_and(|verdict| verdict.proof == Proof::Optional && !verdict.strangers_get_nothing);
                    let condition = is_left_out.then(|| only_perhaps(interpreter, &handler)).flatten();
                    let Some(condition) = condition else { return };
                    steps.push(related(state, condition, "this decides whether it is looked at".to_owned()));
                    format!(
                        "{} looks at the password only under a condition, and hands out a token where that does not hold: whoever names such an account is signed in to it. Answer with 401 there, too.",
                        shown(route)
                    )
                }
            };
            found.push(report(state, &INFO, Severity::Error, site, message, steps));
        });
    });
}

/// The condition beside the comparison of a password, or around it, where a wrong one is refused under that alone: `if kept
/// and not matches(password, kept): raise`. Behind it stands the only answer, and nothing else asks for what it asks for.
fn only_perhaps(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<Site> {
    let refuses = |test: &Expr| match &test.kind {
        ExprKind::Not(check) => compares(interpreter, handler, check),
        _ => false,
    };
    let body = &handler.def.body;
    let block = answering(body).filter(|_| returned(body).len() == 1)?;
    block.iter().find_map(|stmt| {
        let StmtKind::If { test, body: inside, or_else } = &stmt.kind else { return None };
        let condition = match (&test.kind, inside.as_slice()) {
            (ExprKind::BoolOp { and: true, values }, _) if values.iter().any(refuses) => {
                values.iter().find(|value| !refuses(value))
            }
            (_, [Stmt { kind: StmtKind::If { test: inner, .. }, .. }]) if refuses(inner) => Some(&**test),
            _ => None,
        };
        let asked = present(condition.filter(|_| or_else.is_empty())?);
        let is_open = !is_asked_elsewhere(body, stmt, asked) && !may_be_settled(interpreter, handler, stmt, asked);
        is_open.then_some(Site { range: test.range, ..handler.site })
    })
}

/// The block that ends with an answer.
fn answering(body: &[Stmt]) -> Option<&[Stmt]> {
    match &body.last()?.kind {
        StmtKind::Return(Some(_)) => Some(body),
        StmtKind::With { body, .. } => answering(body),
        _ => None,
    }
}

/// Whether a body mentions what a condition asks for outside of that, and does not only say what it is.
fn is_asked_elsewhere(body: &[Stmt], check: &Stmt, asked: &Expr) -> bool {
    let others = body.iter().filter(|stmt| !std::ptr::eq(*stmt, check));
    others.into_iter().any(|stmt| {
        let exprs = match &stmt.kind {
            StmtKind::Assign(assign) => assign.value.iter().collect(),
            _ => stmt.exprs(),
        };
        exprs.into_iter().any(|expr| mentions(expr, asked))
            || stmt.blocks().into_iter().any(|block| is_asked_elsewhere(block, check, asked))
    })
}

/// Whether a function of the project that is called may have seen to it that there is what a condition asks for.
fn may_be_settled(interpreter: &Interpreter<'_>, handler: &FunctionRef, check: &Stmt, asked: &Expr) -> bool {
    let called = |callee: &Expr| {
        accounts::called_function(interpreter, handler, callee).map(|called| interpreter.current(&called))
    };
    match &asked.kind {
        ExprKind::Name(name) => {
            let made = assigned(&handler.def.body, name);
            made.is_empty()
                || made.into_iter().any(|value| {
                    let call = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
                    let maker = call.as_call().and_then(|(callee, _)| called(callee));
                    maker.is_none_or(|maker| raises(&maker.def.body))
                })
        }
        ExprKind::Attribute { value, name } => {
            let is_it =
                |expr: &Expr| matches!(&expr.kind, ExprKind::Attribute { name: other, .. } if other.name == name.name);
            let is_given = value.as_name().is_none_or(|root| assigned(&handler.def.body, root).is_empty());
            is_given && !is_password(&name.name)
                || calls(&handler.def.body).into_iter().any(|(callee, _)| {
                    !check.range.contains_range(callee.range)
                        && called(callee)
                            .is_some_and(|called| called.def.body.iter().flat_map(Stmt::all_exprs).any(is_it))
                })
        }
        _ => true,
    }
}

/// What a condition asks to be there: `kept`, `kept is not None`.
fn present(condition: &Expr) -> &Expr {
    match &condition.kind {
        ExprKind::Compare { first, .. } => first,
        _ => condition,
    }
}

/// Whether an expression, or a part of it, is written like that.
fn mentions(expr: &Expr, wanted: &Expr) -> bool {
    spelled_alike(expr, wanted) || expr.children().into_iter().any(|part| mentions(part, wanted))
}

/// Whether an expression compares a password with what is kept of it, perhaps by a function of the project.
fn compares(interpreter: &Interpreter<'_>, function: &FunctionRef, check: &Expr) -> bool {
    let check = if let ExprKind::Await(inner) = &check.kind { inner } else { check };
    check.as_call().is_some_and(|(callee, _)| match interpreter.eval(function, callee) {
        Value::Package(path) => accounts::is_password_check(&path),
        _ => accounts::called_function(interpreter, function, callee)
            .is_some_and(|called| accounts::verifies_password(interpreter, &called)),
    })
}

/// The same of route handlers and server actions of Next.js.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, outcome) in state.frontend.outcomes() {
        for endpoint in outcome.observed.endpoints.iter().filter(|endpoint| wanted(endpoint.place.file)) {
            let Some(unchecked) = endpoint.unchecked.first() else { continue };
            if makes_accounts(state, file, endpoint) || is_behind_middleware(state, file, endpoint) {
                continue;
            }
            let message = format!(
                "Whoever asks is handed a token here, and nothing looks at the `{}` that is sent: whoever names an account is signed in to it. Compare the password with the hash that is kept, and answer with 401 when it is wrong.",
                unchecked.name
            );
            let steps = frontend::related(state, unchecked.signed, "the token is signed here");
            let steps = steps.into_iter().collect();
            found.extend(frontend::report(state, &INFO, Severity::Error, endpoint.place, message, steps));
        }
    }
}

/// Whether an endpoint is one that people sign up at, by its path or its name: a new account has no password yet.
fn makes_accounts(state: &State, file: FileId, endpoint: &Endpoint) -> bool {
    const WORDS: &[&str] = &["signup", "register", "registration", "createaccount", "createuser"];
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    path.split('/').chain([endpoint.name.as_str()]).any(|part| {
        let plain: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
        WORDS.iter().any(|word| plain.to_ascii_lowercase().contains(word))
    })
}

/// Names of fields that hold a password.
fn is_password(name: &str) -> bool {
    matches!(name, "password" | "passwd" | "pwd" | "passcode")
}

/// Whether a dependency of the route takes what the client sends, and may look at the password.
fn asks_elsewhere(interpreter: &Interpreter<'_>, route: &Route) -> bool {
    route.dependencies.iter().any(|node| {
        let Some((function, skip)) = called(interpreter, &node.callable) else { return false };
        function.def.params.iter().skip(skip).any(|param| {
            is_password(&param.name.name)
                || param.annotation.as_ref().is_some_and(|ty| {
                    matches!(interpreter.eval_signature(&function, ty), Value::Class(class)
                        if interpreter.fields_of(&class).iter().any(|field| is_password(field)))
                })
        })
    })
}

/// The password that a handler takes from the client and never looks at.
fn ignored(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<String> {
    handler.def.params.iter().find_map(|param| {
        let name = &param.name.name;
        let class = param.annotation.as_ref().map(|ty| match interpreter.eval_signature(handler, ty) {
            Value::Annotated(annotated) => annotated.ty.clone(),
            ty => ty,
        });
        match class {
            Some(Value::Class(class)) => {
                let fields = interpreter.fields_of(&class);
                let password = fields.iter().find(|field| is_password(field))?;
                let read = |field: &str| field == password || !fields.iter().any(|own| own == field);
                (!looks_at(interpreter, handler, name, &read, 0)).then(|| format!("{name}.{password}"))
            }
            _ if is_password_form(interpreter, handler, param) => {
                let is_read = looks_at(interpreter, handler, name, &|field| field == "password", 0);
                (!is_read).then(|| format!("{name}.password"))
            }
            _ if is_password(name) => (!looks_at(interpreter, handler, name, &|_| true, 0)).then(|| name.to_string()),
            _ => None,
        }
    })
}

/// Whether a parameter takes FastAPI's form of a sign-in: `form: OAuth2PasswordRequestForm = Depends()`.
fn is_password_form(interpreter: &Interpreter<'_>, handler: &FunctionRef, param: &Param) -> bool {
    let is_form = |value: &Value| {
        let Value::Package(path) = value else { return false };
        path.ends_with(".OAuth2PasswordRequestForm") || path.ends_with(".OAuth2PasswordRequestFormStrict")
    };
    let given = |expr: &Option<Expr>| expr.as_ref().map(|expr| interpreter.eval_signature(handler, expr));
    let ty = match given(&param.annotation) {
        Some(Value::Annotated(annotated)) => Some(annotated.ty.clone()),
        ty => ty,
    };
    ty.as_ref().is_some_and(is_form)
        || match given(&param.default) {
            Some(Value::Depends(depends)) => depends.dependency.as_ref().is_some_and(is_form),
            _ => false,
        }
}

/// Whether a function reads such a field of a parameter, or hands the parameter to something that may: functions of the
/// project are looked into.
fn looks_at(
    interpreter: &Interpreter<'_>,
    function: &FunctionRef,
    name: &str,
    read: &dyn Fn(&str) -> bool,
    depth: usize,
) -> bool {
    escapes_unless(&function.def.body, name, read, &|callee, args, at| {
        let called = accounts::called_function(interpreter, function, callee).filter(|_| depth < MAX_DEPTH);
        let Some(called) = called.map(|called| interpreter.current(&called)) else { return false };
        let is_plain = called.def.decorators.is_empty() && !is_stub(&called.def);
        let param = parameter(&called, args, at).filter(|_| is_plain);
        param.is_some_and(|param| !looks_at(interpreter, &called, param, read, depth + 1))
    })
}

/// The parameter of a function that an argument of a call of it fills.
fn parameter<'f>(function: &'f FunctionRef, args: &[Arg], at: usize) -> Option<&'f str> {
    let mut params = function.def.params.iter().skip(usize::from(function.takes_receiver()));
    let param = match &args[at].name {
        Some(name) => params.find(|param| param.name.name == name.name),
        None if args[..at].iter().all(|arg| arg.name.is_none() && arg.spread == Spread::No) => params.nth(at),
        None => None,
    };
    let is_one = |param: &&Param| !matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs);
    param.filter(is_one).map(|param| param.name.name.as_str())
}

/// The password that a handler takes out of a table which the client sent (the body as it is, a form), and never looks at.
fn ignored_entry(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<String> {
    let (table, key) = unused_entry(&handler.def.body, &is_password)?;
    let is_param = |name: &str| handler.def.params.iter().any(|param| param.name.name == name);
    let reads_request = |value: &Expr| {
        let value = if let ExprKind::Await(inner) = &value.kind { inner } else { value };
        let (func, _) = value.as_call()?;
        let ExprKind::Attribute { value, name } = &func.kind else { return None };
        let request = value.as_name().filter(|name| is_param(name))?;
        matches!(name.name.as_str(), "json" | "form").then(|| request.clone())
    };
    let is_sent = match is_param(table) {
        true => true,
        // Nothing else gets the request, and could read it for itself.
        false => assigned(&handler.def.body, table)
            .into_iter()
            .any(|value| reads_request(value).is_some_and(|request| !escapes(&handler.def.body, &request, &|_| false))),
    };
    let by_dependency = handler.def.params.iter().filter(|param| param.name.name == *table).any(|param| {
        param.default.as_ref().is_some_and(|default| {
            matches!(interpreter.eval_signature(handler, default), Value::Instance(instance)
                if matches!(&instance.class, Value::Package(path) if path.ends_with(".Depends")))
        })
    });
    (is_sent && !by_dependency).then(|| format!("{table}[\"{key}\"]"))
}
