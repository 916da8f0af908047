//! Functions of the project that look a variable of the environment up for whoever calls them: `env("KEY", "…")`.

use smol_str::SmolStr;

use super::super::code::Scope;
use super::origin::{Origin, first_of};
use super::{Search, Source, What, fallbacks};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Param, Spread, Stmt, StmtKind, keyword, positional};
use crate::index::value::{Resolve, Value};

/// The arguments that a function is called with, and where they stand.
#[derive(Clone, Copy)]
pub(super) struct Handed<'s> {
    args: &'s [Arg],
    scope: Scope<'s>,
}

impl Search<'_, '_, '_> {
    /// Where the value stands that a function of the project gives which looks up what it is told to.
    pub(super) fn of_wrapper(&self, func: &Expr, args: &[Arg], depth: u32) -> Option<Origin> {
        if self.handed.is_some() || self.nested || args.iter().any(|arg| arg.spread != Spread::No) {
            return None;
        }
        let Value::Function(function) = self.eval(func) else { return None };
        if function.class.is_some() {
            return None;
        }
        self.interpreter.count_body(function.site);
        let function = self.interpreter.current(&function);
        let handed = Some(Handed { args, scope: self.scope });
        let inner = Search { handed, ..Search::new(self.interpreter, Scope::Function(&function)) };
        if let Some(ends) = fallbacks::of_ends(&function.def.body) {
            let ends: Vec<_> = ends.into_iter().map(|given| (inner, given)).collect();
            return first_of(&ends, depth + 1).filter(|origin| origin.what == What::Text);
        }
        let end = only_end(&function.def.body)?;
        let origin = inner.origin(end.given, depth + 1).filter(|origin| origin.source != Source::Literal)?;
        (origin.what == What::Text || !end.is_asked).then_some(origin)
    }

    /// Where the value of a parameter stands: what the caller hands over, or the default.
    pub(super) fn handed_value(&self, param: &Param, depth: u32) -> Option<Origin> {
        let (value, scope) = self.handed(param)?;
        Search::new(self.interpreter, scope).origin(value, depth + 1)
    }

    /// A text that stands there, or that a parameter is handed.
    pub(super) fn text(&self, expr: &Expr) -> Option<SmolStr> {
        let Scope::Function(function) = self.scope else { return expr.as_str().cloned() };
        let param = function.def.params.iter().find(|param| expr.as_name() == Some(&param.name.name));
        let Some(param) = param else { return expr.as_str().cloned() };
        self.handed(param)?.0.as_str().cloned()
    }

    /// What a parameter is handed, and where that stands.
    fn handed<'e>(&'e self, param: &'e Param) -> Option<(&'e Expr, Scope<'e>)> {
        let Scope::Function(function) = self.scope else { return None };
        let handed = self.handed?;
        let position = function.def.params.iter().position(|other| other.name.name == param.name.name)?;
        let given = keyword(handed.args, &param.name.name).or_else(|| positional(handed.args, position));
        given.map(|given| (given, handed.scope)).or_else(|| Some((param.default.as_ref()?, self.scope)))
    }
}

/// The only value that a function gives.
struct End<'f> {
    given: &'f Expr,
    /// Whether something is asked on the way, which may refuse what is missing.
    is_asked: bool,
}

/// The only value that a body gives, where it refuses none but one that is missing.
fn only_end(body: &[Stmt]) -> Option<End<'_>> {
    let mut given = Vec::new();
    let mut is_asked = false;
    let mut pending: Vec<(&Stmt, bool)> = body.iter().map(|stmt| (stmt, false)).collect();
    while let Some((stmt, is_missing)) = pending.pop() {
        match &stmt.kind {
            StmtKind::Return(value) => given.push(value.as_ref()),
            StmtKind::Raise { .. } if !is_missing => return None,
            StmtKind::If { test, body, or_else } => {
                is_asked = true;
                pending.extend(body.iter().map(|stmt| (stmt, is_missing || asks_for_nothing(test))));
                pending.extend(or_else.iter().map(|stmt| (stmt, is_missing)));
            }
            _ => pending.extend(stmt.blocks().into_iter().flatten().map(|stmt| (stmt, is_missing))),
        }
    }
    let [Some(given)] = given.as_slice() else { return None };
    Some(End { given, is_asked })
}

/// `not value`, `value is None`.
fn asks_for_nothing(test: &Expr) -> bool {
    match &test.kind {
        ExprKind::Not(inner) => inner.as_name().is_some(),
        ExprKind::Compare { first, rest } => {
            let is_none = |(op, second): &(_, Expr)| *op == "is" && matches!(second.kind, ExprKind::None);
            first.as_name().is_some() && matches!(rest.as_slice(), [only] if is_none(only))
        }
        _ => false,
    }
}
