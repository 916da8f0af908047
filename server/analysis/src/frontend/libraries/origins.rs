//! Functions that tell Better Auth which origins to trust for a request: whether they trust the request's own.
//!
//! Only what is written out is understood: `[origin]`, where nothing is asked but how that begins.

use smol_str::SmolStr;

use crate::facts::typescript::tree::{Call, Element, Expr, ExprKind, Function, Operator, Pattern, Stmt, StmtKind};

/// What the request's own origin has to begin with to be trusted, where other hosts begin so, too; empty where any is
/// trusted.
pub(super) fn trusted_beginning(function: &Function) -> Option<SmolStr> {
    let Pattern::Name(request, _) = &function.parameters.first()?.target else { return None };
    let mut look = Look { request, names: Vec::new(), is_free: true };
    function.body.iter().find_map(|stmt| look.stmt(stmt))
}

struct Look<'f> {
    /// The parameter that holds the request.
    request: &'f str,
    /// Variables that hold its origin.
    names: Vec<&'f str>,
    /// Whether nothing but that there is an origin was asked on the way.
    is_free: bool,
}

impl<'f> Look<'f> {
    fn stmt(&mut self, stmt: &'f Stmt) -> Option<SmolStr> {
        match &stmt.kind {
            StmtKind::Declare(declared) => {
                for one in declared {
                    if let (Pattern::Name(name, _), Some(value)) = (&one.target, &one.value)
                        && self.is_origin(value)
                    {
                        self.names.push(name);
                    }
                }
                None
            }
            StmtKind::Return(Some(value)) => self.given(value),
            StmtKind::Block(stmts) => stmts.iter().find_map(|stmt| self.stmt(stmt)),
            StmtKind::If(branch) => {
                let then = || branch.then.iter();
                let gives = |stmt: &Stmt| match &stmt.kind {
                    StmtKind::Return(Some(value)) => self.holds(value),
                    _ => false,
                };
                if then().any(gives)
                    && let Some(beginning) = self.beginning(&branch.test)
                {
                    return Some(beginning);
                }
                // `if (!origin) return []` tells nothing of an origin that is there.
                let asks_nothing = match &branch.test.kind {
                    ExprKind::Not(inner) => self.is_origin(inner),
                    _ => false,
                };
                self.is_free &= asks_nothing;
                None
            }
            StmtKind::Nothing | StmtKind::Expr(_) => None,
            _ => {
                self.is_free = false;
                None
            }
        }
    }

    /// A value that the function gives.
    fn given(&self, value: &Expr) -> Option<SmolStr> {
        match &value.kind {
            ExprKind::Conditional(either) => {
                let beginning = self.beginning(&either.test).filter(|_| self.holds(&either.then));
                beginning.or_else(|| self.given(&either.otherwise).filter(|beginning| !beginning.is_empty()))
            }
            ExprKind::Array(elements) => {
                let spread = elements.iter().filter(|element| element.spread);
                let own = (self.is_free && self.holds(value)).then(SmolStr::default);
                own.or_else(|| spread.map(|element| &element.value).find_map(|inner| self.given(inner)))
            }
            _ => None,
        }
    }

    /// Whether a list holds the origin itself.
    fn holds(&self, list: &Expr) -> bool {
        let is_own = |element: &Element| !element.spread && self.is_origin(&element.value);
        matches!(&list.kind, ExprKind::Array(elements) if elements.iter().any(is_own))
    }

    /// What an origin begins with for which a test holds, whatever comes behind.
    fn beginning(&self, test: &Expr) -> Option<SmolStr> {
        match &test.kind {
            ExprKind::Binary(both) => match both.operator {
                Operator::Or => self.beginning(&both.left).or_else(|| self.beginning(&both.right)),
                Operator::And if self.is_origin(&both.left) => self.beginning(&both.right),
                _ => None,
            },
            ExprKind::Call(call) => self.begins_with(call).filter(|text| is_open(text)).cloned(),
            _ if self.is_free && self.is_origin(test) => Some(SmolStr::default()),
            _ => None,
        }
    }

    /// `origin.startsWith("…")`.
    fn begins_with<'e>(&self, call: &'e Call) -> Option<&'e SmolStr> {
        let ExprKind::Member(member) = &call.callee.kind else { return None };
        let ExprKind::Text(text) = &call.arguments.first()?.value.kind else { return None };
        (member.property == "startsWith" && self.is_origin(&member.object)).then_some(text)
    }

    /// `request.headers.get("origin")`, whatever stands in for it, or a variable that holds it.
    fn is_origin(&self, value: &Expr) -> bool {
        match &value.kind {
            ExprKind::Name(name) => self.names.contains(&name.as_str()),
            ExprKind::Binary(both) if matches!(both.operator, Operator::Or | Operator::Coalesce) => {
                self.is_origin(&both.left)
            }
            ExprKind::Call(call) => {
                let ExprKind::Member(get) = &call.callee.kind else { return false };
                let ExprKind::Member(headers) = &get.object.kind else { return false };
                let is_named = |argument: &Element| match &argument.value.kind {
                    ExprKind::Text(name) => name.eq_ignore_ascii_case("origin"),
                    _ => false,
                };
                get.property == "get"
                    && headers.property == "headers"
                    && matches!(&headers.object.kind, ExprKind::Name(name) if name == self.request)
                    && call.arguments.first().is_some_and(is_named)
            }
            _ => false,
        }
    }
}

/// Whether the name of a host may go on behind a text: `http://localhost`, and not `http://localhost:`.
fn is_open(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.contains([':', '/']))
}
