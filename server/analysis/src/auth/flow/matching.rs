//! `match` statements on what a sink gave.

use super::{Abs, Exit, Flow, Path};
use crate::facts::python::tree::{Expr, MatchCase};

impl Flow<'_, '_> {
    /// `match`, case by case. Where what a sink gave is told apart by its classes (`case Ok(user)`, `case Err(error)`), and
    /// some of the cases turn the caller away, the others are those in which it verified.
    pub(super) fn cases(
        &mut self,
        mut path: Path,
        subject: &Expr,
        cases: &[MatchCase],
        exits: &mut Vec<Exit>,
    ) -> Vec<Path> {
        let place = subject;
        let subject = self.eval(&mut path, place);
        let inside = |case: &MatchCase, subject: &Abs| {
            let mut inside = path.clone();
            for name in &case.binds {
                inside.set(name, subject.clone());
            }
            inside
        };
        let by_class = |case: &MatchCase| case.value.is_none() && !case.irrefutable;
        let turns_away: Vec<bool> = match subject {
            Abs::Verified { checked: false } => {
                let each = cases.iter().map(|case| {
                    let mut ends = Vec::new();
                    let after = self.block(vec![inside(case, &subject)], &case.body, &mut ends);
                    by_class(case) && after.is_empty() && ends.is_empty()
                });
                each.collect()
            }
            _ => vec![false; cases.len()],
        };
        let told_apart = turns_away.iter().any(|away| *away) && cases.iter().all(by_class);
        if told_apart {
            self.note(place, "a caller who fails this check gets no further");
        }
        let mut after = Vec::new();
        let mut exhaustive = told_apart;
        for (case, away) in cases.iter().zip(turns_away) {
            let mut inside = inside(case, &subject);
            if told_apart && !away {
                inside = verified(inside, case);
            }
            after.extend(self.block(vec![inside], &case.body, exits));
            exhaustive |= case.irrefutable;
        }
        if !exhaustive {
            after.push(path);
        }
        after
    }
}

/// The path into a case in which a sink has verified.
fn verified(mut path: Path, case: &MatchCase) -> Path {
    path.verified = true;
    for name in &case.binds {
        path.set(name, Abs::Verified { checked: true });
    }
    path
}
