//! Middlewares that turn away what another site made a browser send. Whoever sends a request by hand says what they like
//! in `Origin`, so that these guard nothing, and pretend nothing either.

use super::code::parts;
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, positional};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Functions that are looked into for one middleware.
const MAX_FUNCTIONS: usize = 24;

/// Expressions that are looked at for one condition.
const MAX_STEPS: usize = 400;

/// Whether all refusals of a function, and of those that it calls, hang on where a request comes from or on a token
/// against forged ones (OWASP, "Cross-Site Request Forgery Prevention").
pub(super) fn only_turns_away_forged(resolve: &dyn Resolve, function: &FunctionRef) -> bool {
    let mut look = Look { resolve, seen: Vec::new(), refusals: 0 };
    look.function(&resolve.current(function), false) && look.refusals > 0
}

/// A look through a middleware.
struct Look<'r> {
    resolve: &'r dyn Resolve,
    seen: Vec<(Site, bool)>,
    refusals: usize,
}

impl Look<'_> {
    /// Whether all refusals of a function hang on that; `asked` tells that the call of it does.
    fn function(&mut self, function: &FunctionRef, asked: bool) -> bool {
        if self.seen.contains(&(function.site, asked)) {
            return true;
        }
        self.seen.push((function.site, asked));
        self.seen.len() <= MAX_FUNCTIONS && self.block(function, &function.def.body, asked)
    }

    fn block(&mut self, function: &FunctionRef, block: &[Stmt], asked: bool) -> bool {
        block.iter().all(|stmt| {
            let own = match &stmt.kind {
                StmtKind::If { test, .. } => asked || self.asks_for_origin(function, test),
                _ => asked,
            };
            self.statement(function, stmt, own)
                && stmt.blocks().into_iter().all(|block| self.block(function, block, own))
        })
    }

    /// Whether what a statement itself refuses is refused for that reason.
    fn statement(&mut self, function: &FunctionRef, stmt: &Stmt, asked: bool) -> bool {
        if matches!(&stmt.kind, StmtKind::Raise { exc: Some(_), .. }) {
            self.refusals += 1;
            return asked;
        }
        let mut pending = stmt.exprs();
        while let Some(expr) = pending.pop() {
            if let Some((callee, _)) = expr.as_call() {
                match self.resolve.eval(function, callee) {
                    Value::Package(path) if path.ends_with("Response") => {
                        self.refusals += 1;
                        if !asked {
                            return false;
                        }
                    }
                    _ => {
                        if let Some(called) = self.called(function, callee)
                            && !self.function(&called, asked)
                        {
                            return false;
                        }
                    }
                }
            }
            pending.extend(parts(expr));
        }
        true
    }

    /// The function of the project that is called.
    fn called(&self, function: &FunctionRef, callee: &Expr) -> Option<FunctionRef> {
        match self.resolve.eval(function, callee) {
            Value::Function(called) => Some(self.resolve.current(&called)),
            Value::Bound(bound) => Some(self.resolve.current(&bound.1)),
            _ => {
                let ExprKind::Attribute { value, name } = &callee.kind else { return None };
                let class = function.class.as_ref()?;
                let own = &function.def.params.first()?.name.name;
                let is_own = value.as_name().is_some_and(|receiver| receiver == own);
                let method = is_own.then(|| self.resolve.method(class, &name.name)).flatten();
                method.map(|method| self.resolve.current(&method))
            }
        }
    }

    /// Whether a condition looks at where a request comes from, or at a token against forged ones, and at nothing else
    /// that the request holds.
    fn asks_for_origin(&self, function: &FunctionRef, test: &Expr) -> bool {
        let (mut found, mut steps) = (Vec::new(), MAX_STEPS);
        self.keys(function, test, &mut found, &mut steps, 0);
        steps > 0 && !found.is_empty() && found.iter().all(|key| tells_origin(key))
    }

    /// The headers and cookies that an expression looks at, by way of variables and functions, too.
    fn keys(&self, function: &FunctionRef, expr: &Expr, found: &mut Vec<String>, steps: &mut usize, depth: usize) {
        let mut pending = vec![(expr, Vec::new())];
        while let Some((expr, names)) = pending.pop() {
            let Some(left) = steps.checked_sub(1) else { return };
            *steps = left;
            let key = match &expr.kind {
                ExprKind::Subscript { value, index } if holds_keys(value) => Some(&**index),
                ExprKind::Call { func, args } => match &func.kind {
                    ExprKind::Attribute { value, name } if name.name == "get" && holds_keys(value) => {
                        positional(args, 0)
                    }
                    _ => None,
                },
                _ => None,
            };
            if let Some(key) = key {
                let name = match self.resolve.eval(function, key) {
                    Value::Str(name) => name.to_ascii_lowercase(),
                    // What it is configured to be called stands in the name of that: `CSRF_HEADER`.
                    _ => super::code::last_name(key).map(|name| name.to_ascii_lowercase()).unwrap_or_default(),
                };
                found.push(name);
                continue;
            }
            if let ExprKind::Name(name) = &expr.kind
                && !names.contains(name)
            {
                let names = [names.clone(), vec![name.clone()]].concat();
                pending.extend(assigned(&function.def.body, name).into_iter().map(|value| (value, names.clone())));
            }
            if let Some((callee, _)) = expr.as_call()
                && depth < 2
                && let Some(called) = self.called(function, callee)
            {
                let mut blocks = vec![&called.def.body[..]];
                while let Some(block) = blocks.pop() {
                    for stmt in block {
                        blocks.extend(stmt.blocks());
                        stmt.exprs().into_iter().for_each(|expr| self.keys(&called, expr, found, steps, depth + 1));
                    }
                }
            }
            pending.extend(parts(expr).into_iter().map(|part| (part, names.clone())));
        }
    }
}

/// Whether an expression is the headers or cookies of a request.
fn holds_keys(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "headers" | "cookies"))
}

/// Whether a header or cookie says where a request comes from, or is a token against forged ones.
fn tells_origin(key: &str) -> bool {
    let is_token = key.contains("csrf") || key.contains("xsrf");
    is_token || matches!(key, "origin" | "referer" | "host" | "sec-fetch-site" | "sec-fetch-mode" | "x-requested-with")
}
