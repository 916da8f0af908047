//! What routes do with owned data, found out by several threads: that is most of what a check costs.

use std::sync::Arc;

use super::side_by_side::each_piece;
use super::{Around, Begun, Work};
use crate::auth::Judge;
use crate::auth::guard::Guard;
use crate::data::{self, RouteData, Runs};
use crate::ide::Judged;
use crate::index::routes::Route;

impl Work<'_, '_> {
    /// Finds out what routes do of which only the guard is known.
    pub(super) fn complete(&self, routes: &[Route], around: Option<Around<'_>>, begun: Vec<Begun>) -> Vec<Judged> {
        let open = routes.iter().zip(&begun).filter_map(|(route, begun)| match begun {
            Begun::Guard(waiting) if waiting.data.is_none() => Some((route, &waiting.guard)),
            _ => None,
        });
        let open: Vec<(&Route, &Guard)> = open.collect();
        let mut found = self.owned_data(around, &open).into_iter();
        let complete = |begun| match begun {
            Begun::Known(judged) => judged,
            Begun::Guard(mut waiting) => {
                let data = waiting.data.take().or_else(|| found.next().map(Arc::new)).unwrap_or_default();
                self.end(*waiting, data)
            }
        };
        begun.into_iter().map(complete).collect()
    }

    /// What routes behind the same middlewares do with owned data.
    fn owned_data(&self, around: Option<Around<'_>>, routes: &[(&Route, &Guard)]) -> Vec<RouteData> {
        let runs = Runs::default();
        let one = |at: usize| {
            let (route, guard) = routes[at];
            data::judge(self.interpreter, self.judge, route, guard, &runs)
        };
        let rest = |from: usize, threads: usize| {
            let known = self.judge.all_verdicts();
            each_piece((self.state, self.interpreter), threads, from..routes.len(), |interpreter, pieces| {
                let judge = Judge::new(interpreter, &known);
                if let Some(around) = around {
                    around.middlewares.enter(&judge);
                }
                let runs = Runs::default();
                let data = |at: usize| {
                    let (route, guard) = routes[at];
                    (at, data::judge(interpreter, &judge, route, guard, &runs))
                };
                pieces.taken().map(data).collect()
            })
        };
        self.state.threads.patiently(routes.len(), one, rest)
    }
}
