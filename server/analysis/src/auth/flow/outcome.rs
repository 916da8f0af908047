//! Functions that say in a part of their result whether they verified.
//!
//! `return payload, None` against `return None, "expired"`; `{"valid": False}`;
//! `Result(ok=False)`. What all ends without verification agree on tells them
//! from the others: a part that is false on all of them is true only behind a
//! verification, one that is true on all of them is false only there. So does a part that is a check itself. Where all of them give dictionaries that are
//! written down there, or `None`, an entry that none of these has is there only behind a verification, too.

use std::sync::Arc;

use smol_str::{SmolStr, ToSmolStr};

use super::rejections::{only_made, position_of};
use super::{Abs, Exit, Flow, Path};
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, StmtKind, keyword, positional};
use crate::index::value::{ClassRef, FunctionRef, Value};

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
                match (keywords.collect::<Vec<_>>(), self.outer(func)) {
                    (keywords, Value::Class(_)) => keywords,
                    (_, Value::Function(function)) => return self.parts_of_made(path, &function, args),
                    (_, Value::Bound(bound)) => return self.parts_of_made(path, &bound.1, args),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        // What evaluation does to the path, the evaluation of the whole does.
        named.into_iter().map(|(name, part)| (name, self.eval(&mut path.clone(), part))).collect()
    }

    /// The parts of an object that a function only puts together, of constants and of what it is given:
    /// `def failed(why): return Result(ok=False, error=why)`, `return cls(ok=False)`.
    fn parts_of_made(&mut self, path: &Path, function: &FunctionRef, args: &[Arg]) -> Vec<(SmolStr, Abs)> {
        let function = self.judge.resolve.current(function);
        let Some((func, keywords)) = only_made(&function.def).and_then(Expr::as_call) else { return Vec::new() };
        let skipped = usize::from(function.takes_receiver());
        let receiver = function.def.params.first().map(|param| &param.name.name);
        let makes_own = function.class.is_some() && receiver.is_some() && func.as_name() == receiver;
        if !makes_own && !matches!(self.judge.resolve.eval(&function, func), Value::Class(_)) {
            return Vec::new();
        }
        let mut parts = Vec::new();
        for (name, value) in keywords.iter().filter_map(|arg| Some((arg.name.as_ref()?.name.clone(), &arg.value))) {
            let value = match value.as_name() {
                Some(own) => {
                    let given = position_of(&function, skipped, own)
                        .and_then(|at| keyword(args, own).or_else(|| positional(args, at)));
                    given.map_or(Abs::Other, |given| self.eval(&mut path.clone(), given))
                }
                None => self.eval(&mut Path::default(), value),
            };
            parts.push((name, value));
        }
        parts
    }
}

impl Flow<'_, '_> {
    /// Whether an end gives nothing but constants, in a model of the answer perhaps: `Result(valid=False)`.
    pub(super) fn gives_nothing(&self, exit: &Exit) -> bool {
        let is_plain = |value: &Abs| matches!(value, Abs::Nothing | Abs::Constant);
        // Who is calling is nobody, for strangers: `{"user": get_user_or_none(request)}`.
        let is_nothing = |part: &Abs| is_plain(part) || *part == Abs::Verified { checked: false };
        let all_nothing = || exit.parts.iter().all(|(_, part)| is_nothing(part));
        match &exit.value {
            value if is_plain(value) => true,
            Abs::Object(made) => match &**made {
                Value::Class(class) => all_nothing() && self.only_holds(class),
                // Sent away to sign in.
                Value::Package(path) => path.ends_with(".RedirectResponse") && !exit.acts,
                _ => false,
            },
            Abs::Verified { checked: false } => matches!(exit.shape, Shape::Entries | Shape::Fields) && all_nothing(),
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

impl Exit {
    /// Whether a part of what it gives is who is calling, or nothing where that is nobody.
    pub(super) fn tells_who_calls(&self) -> bool {
        matches!(self.shape, Shape::Entries | Shape::Fields)
            && self.parts.iter().any(|(_, part)| *part == Abs::Verified { checked: false })
    }
}

/// What an end gives, as far as that says which entries it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `None`: to ask that for an entry raises.
    None,
    /// A dictionary with the parts of the end, and no other entries.
    Entries,
    /// An object of the project that is made of the parts of the end, and of nothing else.
    Fields,
    /// Anything.
    Any,
}

impl Shape {
    /// What a `return` gives that puts these parts together.
    pub(super) fn of(expr: &Expr, parts: &[(SmolStr, Abs)]) -> Self {
        match &expr.kind {
            ExprKind::None => Self::None,
            ExprKind::Dict(entries) if entries.len() == parts.len() => Self::Entries,
            ExprKind::Call { args, .. } if !args.is_empty() && args.len() == parts.len() => Self::Fields,
            _ => Self::Any,
        }
    }
}

/// What the parts of a result say of whether a function verified.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// The parts that tell, by index, key or attribute.
    pub(super) told: Vec<(SmolStr, Abs)>,
    /// The entries of results without verification, where these are dictionaries that have no others, and whether
    /// all of them have it.
    pub(super) entries: Option<Vec<(SmolStr, bool)>>,
}

/// The result of a call of which these ends did not verify, when a part of it tells.
pub(super) fn outcome(unverified: &[&Exit]) -> Option<Abs> {
    let given: Vec<&Exit> = unverified.iter().copied().filter(|exit| exit.shape != Shape::None).collect();
    let (first, rest) = given.split_first()?;
    let tells = |(name, value): &(SmolStr, Abs)| {
        let meaning = meaning(value)?;
        let same = |exit: &&Exit| {
            exit.parts.iter().any(|(other, part)| other == name && self::meaning(part).as_ref() == Some(&meaning))
        };
        rest.iter().all(same).then(|| (name.clone(), meaning.clone()))
    };
    let told: Vec<(SmolStr, Abs)> = first.parts.iter().filter_map(tells).collect();
    let entries = given.iter().all(|exit| exit.shape == Shape::Entries).then(|| entries(&given));
    (!told.is_empty() || entries.is_some()).then(|| Abs::Outcome(Arc::new(Outcome { told, entries })))
}

/// What a part tells that has this value without a verification: it is false, or true only where the check that it is was
/// passed (`Result(valid=hmac.compare_digest(made, given))`); or it is true.
fn meaning(value: &Abs) -> Option<Abs> {
    match value {
        Abs::Nothing | Abs::Check => Some(Abs::Verified { checked: false }),
        Abs::Constant | Abs::Failure => Some(Abs::Failure),
        _ => None,
    }
}

/// The entries of dictionaries, by name, and whether all of them have it.
fn entries(given: &[&Exit]) -> Vec<(SmolStr, bool)> {
    let has = |exit: &Exit, name: &str| exit.parts.iter().any(|(part, _)| part == name);
    let mut names: Vec<&SmolStr> = given.iter().flat_map(|exit| exit.parts.iter().map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| (name.clone(), given.iter().all(|exit| has(exit, name)))).collect()
}

/// A literal index or key as the name of a part.
pub(super) fn key(key: &Expr) -> Option<SmolStr> {
    match &key.kind {
        ExprKind::Str(key) => Some(key.clone()),
        ExprKind::Int(index) => Some(index.to_smolstr()),
        _ => None,
    }
}

impl Outcome {
    /// A part. Those that do not tell are nothing special.
    fn part(&self, name: &str) -> Abs {
        self.told.iter().find(|(part, _)| part == name).map_or(Abs::Other, |(_, value)| value.clone())
    }

    /// An entry, as a dictionary is asked for it.
    pub(super) fn entry(&self, name: &str) -> Abs {
        match &self.entries {
            Some(entries) if entries.iter().all(|(entry, _)| entry != name) => Abs::Verified { checked: false },
            _ => self.part(name),
        }
    }

    /// Whether there is an entry.
    pub(super) fn has(&self, name: &str) -> Abs {
        let Some(entries) = &self.entries else { return Abs::Other };
        match entries.iter().find(|(entry, _)| entry == name) {
            None => Abs::Check,
            Some((_, true)) => Abs::Failure,
            Some((_, false)) => Abs::Other,
        }
    }

    /// What two results say alike: a part that tells in the one has to tell the same in the other.
    pub(super) fn agreed(&self, other: &Self) -> Option<Self> {
        let told: Vec<_> = self.told.iter().filter(|part| other.told.contains(part)).cloned().collect();
        let entries = (self.entries == other.entries).then(|| self.entries.clone()).flatten();
        (!told.is_empty() || entries.is_some()).then_some(Self { told, entries })
    }
}

impl Abs {
    /// A part of an outcome.
    pub(super) fn part(&self, name: &str) -> Option<Abs> {
        let Abs::Outcome(outcome) = self else { return None };
        Some(outcome.part(name))
    }
}
