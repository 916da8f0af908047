//! Keys that parts of settings hold: `settings.security.secret_key`, where a field declares the class of the part
//! (`security: Security = Field(default_factory=Security)`).

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::code::{bindings_of, is_settings, last_name};
use super::super::questioned::validates;
use super::origin::{Origin, class_variable};
use super::refusals::never_refuses;
use super::{Search, Source};
use crate::facts::python::idioms::without_none;
use crate::facts::python::tree::{Expr, ExprKind, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{ClassRef, Resolve, Value};

/// A part of settings.
pub(super) struct Part {
    /// The class of the settings.
    settings: Arc<ClassRef>,
    /// The field that holds the part.
    field: SmolStr,
    /// The class of the part.
    class: Arc<ClassRef>,
}

impl Search<'_, '_, '_> {
    /// The part of settings that an expression is.
    pub(super) fn part(&self, expr: &Expr, depth: u32) -> Option<Part> {
        let ExprKind::Attribute { value, name } = &expr.kind else { return None };
        let Value::Class(settings) = self.object(value, depth) else { return None };
        if !is_settings(self.interpreter, &settings) {
            return None;
        }
        let class = declared(self.interpreter, &settings, &name.name)?;
        Some(Part { settings, field: name.name.clone(), class })
    }

    /// Where the value of a field stands that a part of the settings has: the environment fills parts as well, and the
    /// settings may refuse what their parts would take.
    pub(super) fn part_variable(&self, part: &Part, name: &SmolStr, depth: u32) -> Option<Origin> {
        if !is_made_of(self.interpreter, part, name) {
            return None;
        }
        let origin = class_variable(self.interpreter, &part.class, name, depth)?;
        let refused = self.interpreter.linearised(&part.settings).iter().any(|class| {
            let body = &class.def.body;
            body.iter().any(|stmt| validates(stmt, &part.field) && !never_refuses(body, stmt, &part.field, None))
        });
        let is_default = origin.source == Source::Literal;
        let source = if is_default { Source::Setting(name.clone()) } else { origin.source.clone() };
        (!refused).then_some(Origin { source, ..origin })
    }
}

/// Whether the settings make a part of nothing but the defaults of its class, as far as that field goes.
fn is_made_of(interpreter: &Interpreter<'_>, part: &Part, name: &SmolStr) -> bool {
    let classes = interpreter.linearised(&part.settings);
    let bound = classes.iter().map(|class| (class, bindings_of(&class.def.body, &part.field)));
    match bound.into_iter().find(|(_, values)| !values.is_empty()) {
        Some((class, values)) => values.iter().all(|value| {
            value.is_none_or(|value| {
                let is_part = |made: &Expr| {
                    matches!(interpreter.eval_in_class(class, made), Value::Class(made) if made.site == part.class.site)
                };
                makes_default(value, &is_part, name)
            })
        }),
        None => true,
    }
}

/// Whether a default is an object of a class that is told nothing of a field: `Part()`, `Field(default_factory=Part)`.
fn makes_default(value: &Expr, is_part: &dyn Fn(&Expr) -> bool, field: &SmolStr) -> bool {
    let ExprKind::Call { func, args } = &value.kind else { return matches!(value.kind, ExprKind::Ellipsis) };
    if last_name(func).is_some_and(|name| name == "Field") {
        let default = keyword(args, "default").or_else(|| positional(args, 0));
        return match keyword(args, "default_factory") {
            Some(Expr { kind: ExprKind::Lambda { body, .. }, .. }) => makes_default(body, is_part, field),
            Some(made) => is_part(made),
            None => default.is_none_or(|default| makes_default(default, is_part, field)),
        };
    }
    is_part(func) && args.iter().all(|arg| arg.name.as_ref().is_some_and(|name| name.name != *field))
}

/// The class that a field of a class is declared to hold an object of.
fn declared(interpreter: &Interpreter<'_>, class: &Arc<ClassRef>, field: &str) -> Option<Arc<ClassRef>> {
    interpreter.linearised(class).iter().find_map(|class| {
        interpreter.count_body(class.site);
        let annotation = class.def.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(assign) if assign.targets.first()?.as_name()? == field => assign.annotation.as_ref(),
            _ => None,
        })?;
        match interpreter.eval_in_class(class, without_none(annotation)) {
            Value::Class(inner) => Some(inner),
            Value::Annotated(annotated) => match &annotated.ty {
                Value::Class(inner) => Some(Arc::clone(inner)),
                _ => None,
            },
            _ => None,
        }
    })
}
