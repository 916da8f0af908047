//! Bodies of requests as they came, where code sees those of all routes: what answers requests that do not validate,
//! and middlewares. Among them are the passwords of those who sign in.

use super::super::code::{Body, last_name};
use super::Secret;
use super::secrets::Origin;
use crate::facts::python::tree::{Expr, ExprKind, Function, positional};

/// Parts of parts that a value is followed through.
const MAX_PARTS: usize = 6;

/// The parameter whose body an expression is: `await request.body()`, `error.body`.
pub(super) fn origin(body: &Body<'_, '_, '_>, expr: &Expr) -> Option<Origin> {
    let def = body.def.filter(|def| sees_all_requests(body, def))?;
    let mut expr = body.traced(expr);
    for _ in 0..MAX_PARTS {
        expr = match &expr.kind {
            ExprKind::Await(inner) => body.traced(inner),
            ExprKind::Call { func, .. } => {
                let ExprKind::Attribute { value, name } = &func.kind else { return None };
                match name.name.as_str() {
                    "body" | "json" | "form" => return of_parameter(def, value, 0),
                    "decode" => body.traced(value),
                    _ => return None,
                }
            }
            ExprKind::Attribute { value, name } if name.name == "body" => return of_parameter(def, value, 1),
            _ => return None,
        };
    }
    None
}

/// `@app.exception_handler(RequestValidationError)`, `@app.middleware("http")`.
fn sees_all_requests(body: &Body<'_, '_, '_>, def: &Function) -> bool {
    def.decorators.iter().filter_map(Expr::as_call).any(|(func, args)| {
        let about = positional(args, 0);
        match last_name(func).map(|name| name.as_str()) {
            Some("exception_handler") => about
                .and_then(|about| body.package(about))
                .is_some_and(|path| path.ends_with(".RequestValidationError")),
            Some("middleware") => about.and_then(Expr::as_str).is_some_and(|kind| kind == "http"),
            _ => false,
        }
    })
}

/// The parameter at that position, if an expression is it.
fn of_parameter(def: &Function, expr: &Expr, position: usize) -> Option<Origin> {
    let param = def.params.get(position)?;
    let is_it = expr.as_name().is_some_and(|name| *name == param.name.name);
    is_it.then_some(Origin { what: Secret::Bodies, range: param.range, credential: false })
}
