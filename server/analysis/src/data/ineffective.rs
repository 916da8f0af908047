//! Conditions that look as if they narrowed a query, and have no effect.

use std::sync::Arc;

use super::engine::Engine;
use super::value::{Abs, Path, Statement};
use super::{Fault, Use};
use crate::facts::python::tree::{Expr, ExprKind};

impl Engine<'_, '_> {
    /// `.where(user_id == current_user.id)` compares two values of Python.
    pub(super) fn note_python_comparison(&mut self, path: &mut Path, statement: &Statement, expr: &Expr) -> bool {
        let ExprKind::Compare { first, rest } = &expr.kind else { return false };
        let [(op, second)] = rest.as_slice() else { return false };
        let (a, b) = (self.eval(path, first), self.eval(path, second));
        let principal = |value: &Abs| matches!(value, Abs::Principal(_));
        let plain = |value: &Abs| matches!(value, Abs::Principal(_) | Abs::Client(_));
        if op == "=="
            && plain(&a)
            && plain(&b)
            && (principal(&a) || principal(&b))
            && let Some(model) = statement.model.clone().filter(|model| !model.owners.is_empty())
        {
            let site = self.site(expr);
            self.fault(path, Fault::Ineffective, Use::Reads, site, &model, None, "a comparison of two Python values");
            return true;
        }
        false
    }

    /// A query that is narrowed, and the narrower one thrown away.
    pub(super) fn note_discarded(&mut self, path: &mut Path, expr: &Expr) {
        let Some((func, args)) = expr.as_call() else { return };
        let ExprKind::Attribute { value, name } = &func.kind else { return };
        if !matches!(name.name.as_str(), "where" | "filter" | "filter_by") || value.as_name().is_none() {
            return;
        }
        let mut probe = path.clone();
        let Abs::Statement(statement) = self.eval(&mut probe, value) else { return };
        let Some(model) = statement.model.clone().filter(|model| !model.owners.is_empty()) else { return };
        let by_owner = args.iter().any(|arg| match (&arg.name, self.eval(&mut probe, &arg.value)) {
            (Some(name), value) => model.is_owner(&name.name) && value.parts(&probe).principal,
            (None, Abs::Predicates(predicates)) => predicates.iter().any(|predicate| {
                predicate.column.as_ref().is_some_and(|(_, column)| model.is_owner(column))
                    && predicate.value.parts(&probe).principal
            }),
            _ => false,
        });
        if by_owner {
            let site = self.site(expr);
            self.fault(
                &probe,
                Fault::Ineffective,
                Use::Reads,
                site,
                &model,
                None,
                "a narrowed query that is thrown away",
            );
            if let Some(variable) = value.as_name() {
                let unclear = Statement { unclear: true, ..Statement::clone(&statement) };
                path.vars.insert(variable.clone(), Abs::Statement(Arc::new(unclear)));
            }
        }
    }
}
