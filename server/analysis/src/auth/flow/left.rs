//! What dependencies leave on `request.state`, for those that ask for them and for whatever FastAPI calls later.

use super::follow::either;
use super::{Abs, Exit, Flow, Path, RequestState};
use crate::facts::python::tree::{Expr, ExprKind, Param, Stmt, StmtKind};
use crate::index::value::FunctionRef;

impl Flow<'_, '_> {
    /// Whether the function being executed puts something on `request.state`, as may happen behind a verification.
    pub(super) fn keeps_state(&self) -> bool {
        writes_state(&self.function().def.body)
    }

    /// What the ends of a function leave on `request.state` that says who is calling.
    pub(super) fn left(&self, exits: &[Exit]) -> RequestState {
        let mut left = RequestState::default();
        let bypassed = super::bypass(exits).is_some();
        let counting: Vec<&Exit> = exits.iter().filter(|exit| exit.verified || !bypassed).collect();
        for name in counting.iter().flat_map(|exit| exit.state.keys()) {
            if left.values.contains_key(name) {
                continue;
            }
            // Whom it believes on one path, it believes, whatever it does on the others.
            let believed = counting.iter().find_map(|exit| {
                let value = exit.state.get(name).filter(|value| value.is_claimed())?;
                (!exit.verified && exit.unknown.is_none()).then(|| value.clone())
            });
            let joined = || {
                let values = counting.iter().map(|exit| exit.state.get(name).cloned().unwrap_or(Abs::Nothing));
                values.reduce(either)
            };
            let value = believed.or_else(joined);
            if let Some(value @ (Abs::Verified { .. } | Abs::Credential | Abs::Identity | Abs::Named(_))) = value {
                left.values.insert(name.clone(), value);
            }
        }
        left
    }

    /// What the dependency of a parameter left, which was called before.
    pub(super) fn find_left(&self, path: &mut Path, function: &FunctionRef, param: &Param) {
        if let Some(callable) = self.asked_for(function, param) {
            path.state.extend(self.judge.dependency(&callable).left.values.clone());
        }
    }
}

/// Whether a body, nested functions left out, assigns to an attribute or entry of something called `state`, or `scope`.
fn writes_state(body: &[Stmt]) -> bool {
    let mut pending: Vec<&Stmt> = body.iter().collect();
    while let Some(stmt) = pending.pop() {
        let writes = match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().any(|target| match &target.kind {
                ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => is_state(value),
                _ => false,
            }),
            StmtKind::Expr(expr) => expr.as_call().is_some_and(|(func, args)| {
                func.as_name().is_some_and(|name| name == "setattr")
                    && args.first().is_some_and(|object| is_state(&object.value))
            }),
            _ => false,
        };
        if writes {
            return true;
        }
        pending.extend(stmt.blocks().into_iter().flatten());
    }
    false
}

/// `request.state`, `request.scope`.
fn is_state(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Attribute { name, .. } if matches!(name.name.as_str(), "state" | "scope"))
}
