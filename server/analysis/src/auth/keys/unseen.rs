//! Keys of which the value stands in no code: the variable of the environment, or the field of settings, that is read.

use smol_str::SmolStr;

use super::super::code::{bindings_of, is_settings};
use super::super::tokens::variable;
use super::{Key, Purpose, Scope, Search, Source, What};
use crate::facts::python::tree::{Expr, ExprKind, positional};
use crate::index::value::Value;

/// Variables that a key is followed through.
const MAX_DEPTH: u32 = 4;

impl Search<'_, '_, '_> {
    /// The key that an expression reads, of those that no verification of a token tells.
    pub(super) fn unseen(&self, used: &Expr, argument: &Expr, purpose: Purpose) -> Option<Key> {
        if !matches!(purpose, Purpose::Encrypts | Purpose::SignsValues | Purpose::LetsIn) {
            return None;
        }
        let name = self.read_by(argument, 0)?;
        let site = self.scope.site(used.range);
        Some(Key { used: site, purpose, origin: site, source: Source::Setting(name), what: What::Unseen })
    }

    /// What an expression reads.
    fn read_by(&self, expr: &Expr, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match &expr.kind {
            ExprKind::Call { func, args } => match &func.kind {
                ExprKind::Attribute { value, name }
                    if matches!(name.name.as_str(), "get_secret_value" | "encode" | "strip") =>
                {
                    return self.read_by(value, depth + 1);
                }
                ExprKind::Name(name) if matches!(name.as_str(), "str" | "bytes") => {
                    return self.read_by(positional(args, 0)?, depth + 1);
                }
                _ => {}
            },
            ExprKind::Name(name) => {
                if let Scope::Function(function) = self.scope
                    && let [Some(value)] = bindings_of(&function.def.body, name).as_slice()
                {
                    return self.read_by(value, depth + 1);
                }
            }
            // `self.settings.key`, `settings.key` of a parameter or variable.
            ExprKind::Attribute { value, name } => {
                if let Value::Class(class) = self.object(value, depth)
                    && is_settings(self.interpreter, &class)
                {
                    return variable(self.interpreter, self.scope, expr, 0).or_else(|| Some(name.name.clone()));
                }
            }
            _ => {}
        }
        variable(self.interpreter, self.scope, expr, 0)
    }
}
