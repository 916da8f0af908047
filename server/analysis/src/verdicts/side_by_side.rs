//! Interpreters that work side by side, each on a thread of its own.

use std::ops::Range;

use crate::ide::State;
use crate::index::interpreter::Interpreter;
use crate::threads::{Pieces, spread};

/// Spreads pieces of work over as many interpreters as there are `threads`. They know what this one knows, and it takes over
/// what they find out: runs of modules, and what is to be read. Gives what `work` gave for the pieces, in their order.
pub(super) fn each_piece<T: Send>(
    (state, interpreter): (&State, &Interpreter<'_>),
    threads: usize,
    pieces: Range<usize>,
    work: impl Fn(&Interpreter<'_>, &Pieces) -> Vec<(usize, T)> + Sync,
) -> Vec<T> {
    let known = interpreter.all_runs();
    let seeds: Vec<_> = (0..threads).map(|_| interpreter.remembered()).collect();
    let found = spread(pieces.clone(), seeds, |remembered, pieces| {
        let own = Interpreter::remembering(&state.sources, &known, remembered);
        let found = work(&own, pieces);
        (found, own.finish())
    });
    let mut all: Vec<(usize, T)> = Vec::with_capacity(pieces.len());
    for (found, session) in found {
        all.extend(found);
        interpreter.absorb(session);
    }
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, found)| found).collect()
}
