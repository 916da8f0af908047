//! The dependencies of a route, each behind those that FastAPI calls before it: what one leaves on `request.state`, the
//! next ones and the handler find there (FastAPI 0.165, `fastapi.dependencies.utils.solve_dependencies`).

use std::sync::Arc;

use super::flow::RequestState;
use super::{Judge, Verdict};
use crate::index::dependencies::Node;

/// The verdicts on the dependencies of a route.
pub(super) struct InOrder {
    /// One for each node.
    pub(super) verdicts: Vec<Arc<Verdict>>,
    /// What is on `request.state` when the handler is called.
    state: RequestState,
}

impl Judge<'_> {
    /// What the dependencies of a route prove.
    pub fn dependencies(&self, nodes: &[Node]) -> Vec<Arc<Verdict>> {
        self.in_order(nodes, &|node| self.dependency(&node.callable)).verdicts
    }

    /// The same, where `of` says what one of them proves.
    pub(super) fn in_order(&self, nodes: &[Node], of: &dyn Fn(&Node) -> Arc<Verdict>) -> InOrder {
        let before = self.state.borrow().clone();
        let mut state = before.clone();
        let mut verdicts: Vec<Option<Arc<Verdict>>> = vec![None; nodes.len()];
        for at in order(nodes) {
            let verdict = of(&nodes[at]);
            if !verdict.left.is_empty() {
                state.merge(verdict.left.clone());
                self.enter(state.clone());
            }
            verdicts[at] = Some(verdict);
        }
        self.enter(before);
        InOrder { verdicts: verdicts.into_iter().flatten().collect(), state }
    }

    /// Does something where the request is as the handler finds it.
    pub(super) fn behind<T>(&self, called: &InOrder, work: impl FnOnce() -> T) -> T {
        let before = self.state.borrow().clone();
        self.enter(called.state.clone());
        let result = work();
        self.enter(before);
        result
    }
}

/// The order in which dependencies are called: those that one asks for come before it.
fn order(nodes: &[Node]) -> Vec<usize> {
    let mut called = Vec::with_capacity(nodes.len());
    let mut waiting: Vec<usize> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        while let Some(last) = waiting.pop_if(|last| Some(*last) != node.parent) {
            called.push(last);
        }
        waiting.push(at);
    }
    called.extend(waiting.into_iter().rev());
    called
}
