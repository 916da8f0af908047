//! Ends of a function that are told apart by what they give: what says whether something verified is two ends, and
//! a setting may have one say so that nothing verified on.

use super::super::{Bypass, DecidedBy};
use super::proof::believes;
use super::{Abs, Exit, outcome};

/// The ends of a function where one that says whether it verified stands beside others that say so by themselves:
/// `return True`, and `return key == KEY` further down, which is true or false.
pub(super) fn told_apart(exits: &[Exit]) -> Option<Vec<Exit>> {
    let says = |exit: &Exit| !exit.verified && matches!(exit.value, Abs::Check | Abs::Failure);
    let plain = |exit: &Exit| !exit.verified && (says(exit) || exit.value == Abs::Nothing);
    if exits.iter().all(plain) || !exits.iter().any(says) {
        return None;
    }
    let ends = exits.iter().flat_map(|exit| {
        let (good, bad) = match exit.value {
            Abs::Check if !exit.verified => (Abs::Constant, Abs::Nothing),
            Abs::Failure if !exit.verified => (Abs::Nothing, Abs::Constant),
            _ => return vec![exit.clone()],
        };
        vec![Exit { verified: true, value: good, ..exit.clone() }, Exit { value: bad, ..exit.clone() }]
    });
    Some(ends.collect())
}

/// The setting on which a function says of callers whom it did not verify what it says of the others, where its other
/// ends without verification can be told from these; and what it gives then.
pub(super) fn switched(good: &[&Exit], bad: &[&Exit]) -> Option<(Bypass, Abs)> {
    bad.iter().flat_map(|exit| &exit.switches).find_map(|switch| {
        let lies_there = |exit: &&Exit| exit.switches.contains(switch);
        let (around, rest): (Vec<&Exit>, Vec<&Exit>) = bad.iter().copied().partition(lies_there);
        let told = switch.0.decided_by != DecidedBy::Form || around.iter().copied().all(believes);
        let followed = around.iter().all(|exit| exit.unknown.is_none());
        if !told || !followed || rest.is_empty() || good.iter().all(lies_there) {
            return None;
        }
        Some((switch.0, turned_away(&rest)?))
    })
}

/// What a call gives of which these ends did not verify, where they can be told from the others.
fn turned_away(bad: &[&Exit]) -> Option<Abs> {
    if bad.iter().all(|exit| exit.value == Abs::Nothing) {
        return Some(Abs::Verified { checked: false });
    }
    bad.iter().all(|exit| exit.unknown.is_none()).then(|| outcome::outcome(bad))?
}
