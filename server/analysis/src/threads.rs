//! Work that is spread over threads.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of stack of a thread: nested code is executed by functions that call themselves.
const STACK: usize = 64 << 20;

/// How many threads may work at once; as many as can run, where it is not said.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Threads(Option<NonZeroUsize>);

/// So long pieces of work are done one after another before threads are asked for: what they find out about names, each finds
/// out for itself.
const PATIENCE: Duration = Duration::from_millis(4);

/// So few pieces that are left are not worth threads.
const FEW: usize = 8;

/// So many pieces there are for each thread at least.
const LEAST: usize = 3;

/// More threads would cost more memory than they save time.
const MOST: usize = 8;

impl Threads {
    /// At most so many, and these from the first piece of work on.
    pub(crate) fn at_most(count: NonZeroUsize) -> Self {
        Self(Some(count))
    }

    /// How many are worth it for so many pieces of work, where fewer than `from` are done by one.
    pub(crate) fn for_pieces(self, pieces: usize, from: usize) -> usize {
        if pieces < from { 1 } else { self.0.map_or_else(can_run, NonZeroUsize::get).min(pieces.div_ceil(LEAST)) }
    }

    /// Does pieces of work here. When that has taken a while, `rest` does those that are left, from a number on by so many
    /// threads.
    pub(crate) fn patiently<T>(
        self,
        count: usize,
        mut one: impl FnMut(usize) -> T,
        rest: impl FnOnce(usize, usize) -> Vec<T>,
    ) -> Vec<T> {
        let (since, mut done) = (Instant::now(), Vec::with_capacity(count));
        for at in 0..count {
            if self.0.is_some() || since.elapsed() > PATIENCE {
                let threads = self.for_pieces(count - at, FEW);
                if threads > 1 {
                    done.extend(rest(at, threads));
                    break;
                }
            }
            done.push(one(at));
        }
        done
    }
}

/// How many threads can run at once.
fn can_run() -> usize {
    // To find that out costs the reading of files.
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).min(MOST))
}

/// Pieces of work, of which each thread takes one after another.
#[derive(Debug)]
pub(crate) struct Pieces {
    next: AtomicUsize,
    end: usize,
}

impl Pieces {
    /// Those that nobody else takes.
    pub(crate) fn taken(&self) -> impl Iterator<Item = usize> {
        std::iter::from_fn(|| Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < self.end))
    }
}

/// Spreads numbered pieces of work: for each of `seeds` there is a thread that does `work` with it, the first one is done here.
/// Gives what they gave.
pub(crate) fn spread<S: Send, T: Send>(
    pieces: Range<usize>,
    seeds: impl IntoIterator<Item = S>,
    work: impl Fn(S, &Pieces) -> T + Sync,
) -> Vec<T> {
    let pieces = Pieces { next: AtomicUsize::new(pieces.start), end: pieces.end };
    let (pieces, work) = (&pieces, &work);
    let mut seeds = seeds.into_iter();
    let first = seeds.next();
    thread::scope(|scope| {
        // Where no thread can be had, the others take its pieces.
        let begin =
            |seed| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || work(seed, pieces)).ok();
        let others: Vec<_> = seeds.filter_map(begin).collect();
        let mut done: Vec<T> = first.map(|seed| work(seed, pieces)).into_iter().collect();
        // A panic is the caller's to catch: nothing is left out silently.
        done.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))));
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_taken_once() {
        let done = spread(10..1010, ["a", "b", "c"], |name, pieces| (name, pieces.taken().collect::<Vec<_>>()));
        assert_eq!(done.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a", "b", "c"]);
        let mut taken: Vec<usize> = done.into_iter().flat_map(|(_, pieces)| pieces).collect();
        taken.sort_unstable();
        assert_eq!(taken, (10..1010).collect::<Vec<_>>());
    }

    #[test]
    fn short_work_is_done_here() {
        let here =
            |threads: Threads| threads.patiently(20, |at| (at, 1), |from, threads| vec![(from, threads); 20 - from]);
        assert_eq!(here(Threads::default()), (0..20).map(|at| (at, 1)).collect::<Vec<_>>());
        assert_eq!(here(Threads::at_most(NonZeroUsize::MIN.saturating_add(2))), [(0, 3); 20]);
        assert_eq!(here(Threads::at_most(NonZeroUsize::MIN)).last(), Some(&(19, 1)));
    }

    #[test]
    #[should_panic(expected = "piece 7")]
    fn a_panic_comes_back() {
        spread(0..100, [(), ()], |(), pieces| pieces.taken().for_each(|at| assert_ne!(at, 7, "piece {at}")));
    }
}
