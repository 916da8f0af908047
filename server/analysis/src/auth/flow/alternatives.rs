//! Expressions that are one of several: `a if x else b`, `a or b`.

use super::statements::NEVER;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Expr, ExprKind};

/// Why it is not known what a value says of the caller that is one of several.
pub(super) const DECIDE_TOGETHER: &str = "a check and something else decide together, which could not be told apart";

impl Flow<'_, '_> {
    /// The expressions of which one gives the value of another, each with the path on which it does. Where none of them
    /// verifies anything, the whole gives it, unless all are wanted.
    pub(super) fn alternatives<'e>(&mut self, path: Path, expr: &'e Expr, all: bool) -> Vec<(Path, &'e Expr)> {
        match &expr.kind {
            ExprKind::IfExp { test, body, or_else } if all || self.may_verify(&path, expr) => {
                let (taken, skipped) = self.split(path, test);
                let taken = taken.into_iter().map(|path| (path, &**body));
                let ways: Vec<(Path, &Expr)> =
                    taken.chain(skipped.into_iter().map(|path| (path, &**or_else))).collect();
                ways.into_iter().flat_map(|(path, part)| self.alternatives(path, part, all)).collect()
            }
            ExprKind::BoolOp { and: false, values } if self.may_verify(&path, expr) => {
                let Some((last, first)) = values.split_last() else { return vec![(path, expr)] };
                let (mut ways, mut paths) = (Vec::new(), vec![path]);
                for value in first {
                    let mut next = Vec::new();
                    for path in paths {
                        let (yes, no) = self.split(path, value);
                        ways.extend(yes.into_iter().map(|path| (path, value)));
                        next.extend(no);
                    }
                    paths = next;
                }
                ways.extend(paths.into_iter().map(|path| (path, last)));
                ways
            }
            _ => vec![(path, expr)],
        }
    }

    /// The value of `a if x else b`: what one of them verifies, only that one does.
    pub(super) fn one_or_other(&mut self, path: &mut Path, body: &Expr, or_else: &Expr) -> Abs {
        let (mut first, mut second) = (path.clone(), path.clone());
        let (a, b) = (self.eval(&mut first, body), self.eval(&mut second, or_else));
        match (first.vars.contains_key(NEVER), second.vars.contains_key(NEVER)) {
            (false, true) => {
                *path = first;
                return a;
            }
            (true, _) => {
                *path = second;
                return b;
            }
            (false, false) => {}
        }
        let values = match (first.verified, second.verified) {
            (true, false) => vec![Abs::Verified { checked: false }, b],
            (false, true) => vec![a, Abs::Verified { checked: false }],
            _ => vec![a, b],
        };
        path.verified |= first.verified && second.verified;
        path.acts |= first.acts || second.acts;
        path.unknown = path.unknown.take().or(first.unknown).or(second.unknown);
        one_of(values)
    }

    /// The value of `a and b` or `a or b`: what comes after the first may not happen.
    pub(super) fn operands(&mut self, path: &mut Path, and: bool, values: &[Expr]) -> Abs {
        let Some((first, rest)) = values.split_first() else { return Abs::Nothing };
        let mut given = vec![self.eval(path, first)];
        let mut further = path.clone();
        for value in rest {
            let before = further.verified;
            let value = self.eval(&mut further, value);
            if further.vars.contains_key(NEVER) {
                break;
            }
            given.push(if further.verified && !before { Abs::Verified { checked: false } } else { value });
        }
        path.acts |= further.acts;
        path.unknown = path.unknown.take().or(further.unknown);
        match and {
            true if given.iter().any(|value| matches!(value, Abs::Unknown(_))) => {
                given.into_iter().reduce(Abs::join).unwrap_or(Abs::Nothing)
            }
            // Whichever is false, so is the whole.
            true if given.contains(&Abs::Verified { checked: false }) => Abs::Verified { checked: false },
            true if given.contains(&Abs::Check) => Abs::Check,
            true => given.into_iter().reduce(Abs::join).unwrap_or(Abs::Nothing),
            false => one_of(given),
        }
    }

    /// Whether a part of an expression verifies something, or says whether somebody did.
    fn may_verify(&mut self, path: &Path, expr: &Expr) -> bool {
        let mut seen = path.clone();
        let value = self.eval(&mut seen, expr);
        let tells = matches!(value, Abs::Check | Abs::Verified { checked: false } | Abs::Unknown(_));
        tells || seen.verified != path.verified
    }
}

/// What a value is that is one of these: whether somebody verified can be told by it where each of them tells that, or
/// is false.
fn one_of(values: Vec<Abs>) -> Abs {
    let tells = |value: &Abs| matches!(value, Abs::Check | Abs::Verified { .. } | Abs::Unknown(_) | Abs::Nothing);
    let asked = |value: &Abs| matches!(value, Abs::Check | Abs::Verified { checked: false });
    match values.iter().all(tells) || !values.iter().any(asked) {
        true => values.into_iter().reduce(Abs::join).unwrap_or(Abs::Nothing),
        false => Abs::Unknown(DECIDE_TOGETHER.into()),
    }
}
