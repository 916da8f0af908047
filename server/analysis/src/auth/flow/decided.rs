//! Ends of a function that are told apart by what they give: what says whether something verified is two ends, and
//! a setting may have one say so that nothing verified on.

use super::super::{Bypass, DecidedBy};
use super::proof::believes;
use super::{Abs, Exit, outcome};

/// Why it is not known what a call came to that verifies on some of its ways.
pub(super) const CAN_RETURN: &str = "can return without having verified";

/// The ends of a function where one that says whether it verified stands beside others that say so by themselves:
/// `return True`, and `return key == KEY` further down, which is true or false.
pub(super) fn told_apart(exits: &[Exit]) -> Option<Vec<Exit>> {
    let plain = |exit: &Exit| !exit.verified && (says_by_itself(exit) || exit.value == Abs::Nothing);
    // Of what another function gave, parts tell; that matters where a setting leads around that one.
    let switched = exits.iter().any(|exit| !exit.verified && !exit.switches.is_empty());
    let told = |exit: &Exit| says_by_itself(exit) || switched && is_outcome(exit);
    if exits.iter().all(plain) || !exits.iter().any(told) {
        return None;
    }
    Some(exits.iter().flat_map(|exit| if told(exit) { both_ways(exit) } else { vec![exit.clone()] }).collect())
}

/// Whether an end gives what tells by being true or false whether somebody was verified.
fn says_by_itself(exit: &Exit) -> bool {
    !exit.verified && matches!(exit.value, Abs::Check | Abs::Failure | Abs::Verified { checked: false })
}

/// Whether an end gives what another function gave that says in a part of it whether it verified.
fn is_outcome(exit: &Exit) -> bool {
    let is_that = exit.unknown.as_ref().is_none_or(|reason| reason.ends_with(CAN_RETURN));
    !exit.verified && is_that && matches!(exit.value, Abs::Outcome(_))
}

/// An end where somebody was verified, and where nobody was.
fn both_ways(exit: &Exit) -> Vec<Exit> {
    let verified = Exit { verified: true, value: Abs::Verified { checked: true }, unknown: None, ..exit.clone() };
    match &exit.value {
        Abs::Check | Abs::Verified { checked: false } => {
            vec![verified, Exit { value: Abs::Nothing, ..exit.clone() }]
        }
        Abs::Failure => {
            let good = Exit { value: Abs::Nothing, ..verified };
            vec![good, Exit { value: Abs::Constant, ..exit.clone() }]
        }
        Abs::Outcome(outcome) => {
            let told = outcome.told.iter().map(|(name, part)| match part {
                Abs::Failure => (name.clone(), Abs::Constant),
                _ => (name.clone(), Abs::Nothing),
            });
            let bad = Exit { parts: told.collect(), value: Abs::Other, unknown: None, ..exit.clone() };
            vec![verified, bad]
        }
        _ => vec![exit.clone()],
    }
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

/// The setting on which a dependency gives somebody whom it did not verify, where it otherwise verifies, or gives
/// `None`: a user who stands in where authentication is off.
pub(super) fn switched_login(exits: &[Exit]) -> Option<Bypass> {
    let told = told_apart(exits);
    let exits = told.as_deref().unwrap_or(exits);
    let (good, bad): (Vec<&Exit>, Vec<&Exit>) = exits.iter().partition(|exit| exit.verified);
    let (setting, given) = switched(&good, &bad)?;
    (given == Abs::Verified { checked: false }).then_some(setting)
}

/// What a call gives of which these ends did not verify, where they can be told from the others.
fn turned_away(bad: &[&Exit]) -> Option<Abs> {
    if bad.iter().all(|exit| exit.value == Abs::Nothing) {
        return Some(Abs::Verified { checked: false });
    }
    bad.iter().all(|exit| exit.unknown.is_none()).then(|| outcome::outcome(bad))?
}
