//! Functions that say in a part of their result whether they verified.
//!
//! `return payload, None` against `return None, "expired"`; `{"valid": False}`;
//! `Result(ok=False)`. What all ends without verification agree on tells them
//! from the others: a part that is false on all of them is true only behind a
//! verification, one that is true on all of them is false only there.

use std::sync::Arc;

use smol_str::{SmolStr, ToSmolStr};

use super::{Abs, Exit, Flow, Path};
use crate::facts::python::tree::{Expr, ExprKind, Spread, StmtKind};
use crate::index::value::{ClassRef, Value};

impl Flow<'_, '_> {
    /// The parts of what a `return` puts together: those of a tuple by index,
    /// of a dictionary by key, of an object of the project by keyword.
    pub(super) fn parts(&mut self, path: &Path, expr: &Expr) -> Vec<(SmolStr, Abs)> {
        let named: Vec<(SmolStr, &Expr)> = match &expr.kind {
            ExprKind::Tuple(parts) => parts.iter().enumerate().map(|(at, part)| (at.to_smolstr(), part)).collect(),
            ExprKind::Dict(entries) => {
                let entries = entries.iter().map(|(key, value)| Some((key.as_ref().and_then(self::key)?, value)));
                entries.collect::<Option<_>>().unwrap_or_default()
            }
            ExprKind::Call { func, args } => {
                let keywords = args.iter().filter(|arg| arg.spread == Spread::No);
                let keywords = keywords.filter_map(|arg| Some((arg.name.as_ref()?.name.clone(), &arg.value)));
                match keywords.collect::<Vec<_>>() {
                    keywords if keywords.is_empty() => Vec::new(),
                    keywords if matches!(self.outer(func), Value::Class(_)) => keywords,
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        // What evaluation does to the path, the evaluation of the whole does.
        named.into_iter().map(|(name, part)| (name, self.eval(&mut path.clone(), part))).collect()
    }
}

impl Flow<'_, '_> {
    /// Whether an end gives nothing but constants, in a model of the answer perhaps: `Result(valid=False)`.
    pub(super) fn gives_nothing(&self, exit: &Exit) -> bool {
        let is_plain = |value: &Abs| matches!(value, Abs::Nothing | Abs::Constant);
        is_plain(&exit.value)
            || match &exit.value {
                Abs::Object(made) => match &**made {
                    Value::Class(class) if !exit.parts.is_empty() => {
                        exit.parts.iter().all(|(_, part)| is_plain(part)) && self.only_holds(class)
                    }
                    _ => false,
                },
                _ => false,
            }
    }

    /// Whether a class is a pydantic model that does nothing of its own when it is made.
    fn only_holds(&self, class: &ClassRef) -> bool {
        let plain = |class: &ClassRef| {
            !class.def.body.iter().any(|stmt| match &stmt.kind {
                StmtKind::Function(_) => true,
                StmtKind::Assign(assign) => assign.value.as_ref().is_some_and(|value| value.as_call().is_some()),
                _ => false,
            })
        };
        let bases = self.judge.resolve.package_bases(class);
        let of_project = class.bases.iter().all(|base| match base {
            Value::Class(base) => plain(base) && !base.bases.iter().any(|base| matches!(base, Value::Class(_))),
            _ => true,
        });
        bases.iter().any(|base| base == "pydantic.BaseModel") && plain(class) && of_project
    }
}

/// The result of a call of which these ends did not verify, when a part of it tells.
pub(super) fn outcome(unverified: &[&Exit]) -> Option<Abs> {
    let (first, rest) = unverified.split_first()?;
    let tells = |(name, value): &(SmolStr, Abs)| {
        let same = |exit: &&Exit| exit.parts.iter().any(|(other, part)| other == name && part == value);
        let meaning = match value {
            Abs::Nothing => Abs::Verified { checked: false },
            Abs::Constant => Abs::Failure,
            _ => return None,
        };
        rest.iter().all(same).then(|| (name.clone(), meaning))
    };
    let parts: Vec<(SmolStr, Abs)> = first.parts.iter().filter_map(tells).collect();
    (!parts.is_empty()).then(|| Abs::Outcome(Arc::new(parts)))
}

/// A literal index or key as the name of a part.
pub(super) fn key(key: &Expr) -> Option<SmolStr> {
    match &key.kind {
        ExprKind::Str(key) => Some(key.clone()),
        ExprKind::Int(index) => Some(index.to_smolstr()),
        _ => None,
    }
}

impl Abs {
    /// A part of an outcome. Those that do not tell are nothing special.
    pub(super) fn part(&self, name: &str) -> Option<Abs> {
        let Abs::Outcome(parts) = self else { return None };
        let told = parts.iter().find(|(part, _)| part == name).map(|(_, value)| value.clone());
        Some(told.unwrap_or(Abs::Other))
    }
}
