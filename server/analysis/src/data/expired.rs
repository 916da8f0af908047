//! Rows of which nothing is left when FastAPI answers with them: a commit expires what its session holds, and what an
//! answer is made of is `vars(row)`, which has nothing in it until an attribute is read (SQLAlchemy 2, FastAPI 0.115).

use smol_str::SmolStr;

use super::engine::Engine;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, Stmt, StmtKind};
use crate::index::dependencies::called;
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Dependencies of dependencies that are looked at for the session of a row.
const MAX_DEPTH: u32 = 6;

impl Engine<'_, '_> {
    /// Whether the only rows that a handler gives out are those of a session that it has committed, and that nothing
    /// was asked for since.
    pub(super) fn gives_expired(&self, handler: &FunctionRef) -> bool {
        let Some(end) = committed(&handler.def.body) else { return false };
        let Some((at, made_by)) = self.session_of(None, end.session) else { return false };
        let rows: Vec<&SmolStr> =
            bare_names(end.given).into_iter().filter(|name| !self.is_made_here(handler, name)).collect();
        let touched = |expr: &Expr, row: &str| touches(expr, row) || touches(expr, end.session);
        let is_read = |row: &str| {
            let mut since = end.between.iter().flat_map(Stmt::all_exprs);
            touched(end.given, row) || since.any(|expr| touched(expr, row))
        };
        self.expires(at)
            && !rows.is_empty()
            && rows.iter().all(|row| !is_read(row) && self.is_of_session(handler, row, end.session, made_by))
    }

    /// Whether a variable holds what the client sent, or what the handler puts together itself: no row.
    fn is_made_here(&self, handler: &FunctionRef, name: &str) -> bool {
        if handler.def.params.iter().any(|param| param.name.name == name) {
            return self.session_of(None, name).is_none();
        }
        let bound = bindings_of(&handler.def.body, name);
        !bound.is_empty()
            && bound.into_iter().all(|value| match &value.kind {
                ExprKind::Dict(_) | ExprKind::List(_) | ExprKind::Tuple(_) => bare_names(value).is_empty(),
                ExprKind::Str(_) | ExprKind::FString(_) | ExprKind::Int(_) | ExprKind::Bool(_) => true,
                // `random.randint(0, 9)`
                ExprKind::Call { func, .. } => {
                    matches!(self.interpreter.eval(handler, func), Value::Package(path) if !path.starts_with("sql"))
                }
                _ => false,
            })
    }

    /// The dependency that fills a parameter, and the function that it calls.
    fn session_of(&self, parent: Option<usize>, name: &str) -> Option<(usize, Site)> {
        let nodes = &self.route.dependencies;
        let at = nodes.iter().position(|node| node.parent == parent && node.parameter.as_deref() == Some(name))?;
        Some((at, called(self.interpreter, &nodes[at].callable)?.0.site))
    }

    /// Whether what a dependency opens is a session that expires its rows when it commits, as it does unless told not to.
    fn expires(&self, at: usize) -> bool {
        let Some((function, _)) = called(self.interpreter, &self.route.dependencies[at].callable) else { return false };
        self.interpreter.count_body(function.site);
        let function = self.interpreter.current(&function);
        let opened: Vec<bool> =
            function.def.body.iter().flat_map(Stmt::all_exprs).filter_map(|expr| self.opens(&function, expr)).collect();
        !opened.is_empty() && opened.iter().all(|expires| *expires)
    }

    /// Whether the session that a call opens expires its rows, if it opens one.
    fn opens(&self, function: &FunctionRef, call: &Expr) -> Option<bool> {
        let (func, args) = call.as_call()?;
        let is_told = |args: &[Arg]| args.iter().any(|arg| says_when(arg.name.as_ref().map(|name| name.name.as_str())));
        match self.interpreter.eval(function, func) {
            Value::Package(path) => {
                let is_session = matches!(path.rsplit('.').next(), Some("Session" | "AsyncSession"))
                    && (path.starts_with("sqlalchemy.") || path.starts_with("sqlmodel."));
                is_session.then(|| !is_told(args) && args.iter().all(|arg| arg.spread == Spread::No))
            }
            Value::Instance(made) => {
                let Value::Package(path) = &made.class else { return None };
                let is_maker = matches!(path.rsplit('.').next(), Some("sessionmaker" | "async_sessionmaker"));
                let named = made.args.named.iter().any(|(name, _)| says_when(Some(name)));
                is_maker.then(|| !named && !made.args.open_ended && !is_told(args))
            }
            _ => None,
        }
    }

    /// Whether a row was fetched with the handler's session: by the dependency that gives it, or by what it is assigned.
    fn is_of_session(&self, handler: &FunctionRef, row: &str, session: &str, made_by: Site) -> bool {
        if handler.def.params.iter().any(|param| param.name.name == row) {
            return self.session_of(None, row).is_some_and(|(at, _)| self.asks_for(at, made_by, 0));
        }
        let bound = bindings_of(&handler.def.body, row);
        handler.def.body.iter().flat_map(Stmt::all_exprs).any(|expr| hands(expr, session, row))
            || !bound.is_empty() && bound.into_iter().all(|value| mentions(value, session))
    }

    /// Whether a dependency asks for another one, itself or through others.
    fn asks_for(&self, at: usize, wanted: Site, depth: u32) -> bool {
        depth < MAX_DEPTH
            && self.route.dependencies.iter().enumerate().filter(|(_, node)| node.parent == Some(at)).any(
                |(child, node)| {
                    called(self.interpreter, &node.callable).is_some_and(|(function, _)| function.site == wanted)
                        || self.asks_for(child, wanted, depth + 1)
                },
            )
    }
}

fn says_when(argument: Option<&str>) -> bool {
    argument == Some("expire_on_commit")
}

/// How a handler ends that commits before.
struct End<'f> {
    session: &'f SmolStr,
    between: &'f [Stmt],
    given: &'f Expr,
}

/// The only end of a body that gives rows out, and what was committed before it.
fn committed(body: &[Stmt]) -> Option<End<'_>> {
    let mut ends = Vec::new();
    let mut pending = vec![body];
    while let Some(block) = pending.pop() {
        for (at, stmt) in block.iter().enumerate() {
            if let StmtKind::Return(Some(given)) = &stmt.kind
                && (!bare_names(given).is_empty() || given.as_call().is_some())
            {
                ends.push((&block[..at], given));
            }
            pending.extend(stmt.blocks());
        }
    }
    let [(before, given)] = ends.as_slice() else { return None };
    let (at, session) = before.iter().enumerate().rev().find_map(|(at, stmt)| Some((at, commits(stmt)?)))?;
    Some(End { session, between: &before[at + 1..], given })
}

/// `session.commit()`, `await session.commit()`.
fn commits(stmt: &Stmt) -> Option<&SmolStr> {
    let StmtKind::Expr(expr) = &stmt.kind else { return None };
    let call = if let ExprKind::Await(inner) = &expr.kind { inner } else { expr };
    let ExprKind::Attribute { value, name } = &call.as_call()?.0.kind else { return None };
    value.as_name().filter(|_| name.name == "commit")
}

/// The names that an answer holds as they are: alone, in a dictionary or in a list.
fn bare_names(given: &Expr) -> Vec<&SmolStr> {
    match &given.kind {
        ExprKind::Name(name) => vec![name],
        ExprKind::Dict(entries) => entries.iter().flat_map(|(_, value)| bare_names(value)).collect(),
        ExprKind::List(items) | ExprKind::Tuple(items) => items.iter().flat_map(bare_names).collect(),
        _ => Vec::new(),
    }
}

/// Whether an expression does anything with a variable but hold it.
fn touches(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => false,
        ExprKind::Dict(entries) => entries.iter().any(|(_, value)| touches(value, name)),
        ExprKind::List(items) | ExprKind::Tuple(items) => items.iter().any(|item| touches(item, name)),
        _ => mentions(expr, name),
    }
}

fn mentions(expr: &Expr, name: &str) -> bool {
    expr.as_name().is_some_and(|found| found == name) || expr.children().iter().any(|part| mentions(part, name))
}

/// `session.add(row)`.
fn hands(expr: &Expr, session: &str, row: &str) -> bool {
    let Some((func, args)) = expr.as_call() else { return false };
    let ExprKind::Attribute { value, name } = &func.kind else { return false };
    value.as_name().is_some_and(|found| found == session)
        && name.name == "add"
        && args.iter().any(|arg| arg.value.as_name().is_some_and(|found| found == row))
}

/// What a variable is assigned in a block, wherever that stands.
fn bindings_of<'f>(block: &'f [Stmt], name: &str) -> Vec<&'f Expr> {
    let mut found = Vec::new();
    for stmt in block {
        if let StmtKind::Assign(assign) = &stmt.kind
            && assign.targets.iter().any(|target| target.as_name().is_some_and(|found| found == name))
        {
            found.extend(assign.value.as_ref());
        }
        found.extend(stmt.blocks().into_iter().flat_map(|block| bindings_of(block, name)));
    }
    found
}
