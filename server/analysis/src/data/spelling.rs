//! How the project writes the identity of the caller: fixes write it the same way.

use super::engine::Engine;
use super::expressions::root_name;
use super::names;
use super::tenants::{may_be_tenant, may_hold_tenant};
use super::value::Abs;
use crate::facts::python::tree::{Expr, ExprKind};

impl Engine<'_, '_> {
    /// An owner is compared with the principal: how does the handler write that?
    pub(super) fn note_spelling(&mut self, owner: &Abs, expr: &Expr, value: &Abs) {
        let Abs::Principal(part) = value else { return };
        let of_owner = match owner {
            Abs::Column(model, column) => model.is_owner(column),
            Abs::Part(_, column) => self.is_owner_name(column),
            Abs::Client(_) => true,
            _ => false,
        };
        let of_tenant = match owner {
            Abs::Column(model, column) if may_be_tenant(part) && may_hold_tenant(model, column) => Some(column),
            Abs::Part(_, column) if may_be_tenant(part) && !of_owner && names::is_key_name(column) => Some(column),
            _ => None,
        };
        if !of_owner && of_tenant.is_none() || self.stack.len() != 1 + self.wrappers {
            return;
        }
        let Some(root) = root_name(expr) else { return };
        if let (Some(site), Some(suffix)) = (self.principals.get(root), suffix(expr)) {
            match of_tenant {
                Some(column) => self.data.tenants.spelled.push((column.clone(), *site, suffix.into())),
                None => self.data.spelled.push((*site, suffix.into())),
            }
        }
    }
}

/// What follows the variable in `me.id`, `me["sub"]`, `str(me.id)`.
fn suffix(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(_) => Some(String::new()),
        ExprKind::Attribute { value, name } => Some(format!("{}.{}", suffix(value)?, name.name)),
        ExprKind::Subscript { value, index } => Some(format!("{}[\"{}\"]", suffix(value)?, index.as_str()?)),
        _ => None,
    }
}
