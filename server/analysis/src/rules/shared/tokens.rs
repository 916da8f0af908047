//! What rules about tokens have in common.

use rustc_hash::FxHashSet;

use crate::auth::Judge;
use crate::auth::guard::{Guard, Weak};
use crate::auth::tokens::{Check, Decode, ItemTokens, Library, VerifierCall};
use crate::index::dependencies::called;
use crate::index::value::Site;
use crate::rules::State;
use crate::rules::missing_auth_dependency::is_test;
use crate::verdicts::with_interpreter;
use crate::vfs::FileId;

/// Calls `look` with what every item of the wanted files does with tokens.
pub(in crate::rules) fn for_each_item<'s>(
    state: &'s State,
    wanted: &dyn Fn(FileId) -> bool,
    mut look: impl FnMut(&'s ItemTokens),
) {
    let items = state.tokens.items_of(|file| wanted(file) && !is_test(state, file));
    items.for_each(|(_, tokens)| look(tokens));
}

/// Whether the project issues tokens of its own with a library, none of which
/// is seen to have that claim.
pub(in crate::rules) fn issues_own(state: &State, library: Library, claim: &str) -> bool {
    let mut own = state.tokens.encodes().filter(|encode| encode.library == library);
    own.next().is_some_and(|first| {
        let has = |claims: &[smol_str::SmolStr]| claims.iter().any(|known| known == claim);
        !has(&first.claims) && !own.any(|encode| has(&encode.claims))
    })
}

/// Whether a token may be expired that is verified, and another one is verified beside it whole: what it says of its
/// owner is only compared, as where tokens are refreshed.
pub(in crate::rules) fn is_verified_beside(state: &State, decode: &Decode) -> bool {
    let Some(function) = decode.function.filter(|_| may_be_expired(decode)) else { return false };
    let by_call = state.tokens.calls().any(|call| call.function == function && call.callee != function);
    by_call
        || state.tokens.decodes().any(|other| {
            other.function == Some(function)
                && other.site != decode.site
                && other.unverified.is_none()
                && !may_be_expired(other)
        })
}

/// Whether a verification leaves out whether the token has expired.
fn may_be_expired(decode: &Decode) -> bool {
    decode.skips.iter().any(|(check, _)| *check == Check::Expiry)
}

/// Whether a file is a script, which tells the person who runs it what it found.
pub(in crate::rules) fn is_script(state: &State, file: FileId) -> bool {
    const FOLDERS: &[&str] = &["scripts", "script", "cli", "bin", "tools", "examples", "debugging", "dev"];
    let Some(source) = state.sources.file(file) else { return false };
    let root = state.roots.iter().filter(|root| source.path.starts_with(root.as_str())).map(String::len).max();
    let below = source.path.get(root.unwrap_or(0)..).unwrap_or_default();
    let (folders, name) = below.rsplit_once('/').unwrap_or(("", below));
    folders.split('/').any(|folder| FOLDERS.contains(&folder)) || matches!(name, "cli.py" | "__main__.py" | "manage.py")
}

/// Calls that what leaves a function is followed up through.
const MAX_CALLS: usize = 4;

/// The calls through which something gets from a function to one that
/// `is_end` picks: none of them when that is the function itself. `leaves`
/// tells whether it leaves the function of a call, on the way so far.
pub(in crate::rules) fn way_out<'s>(
    state: &'s State,
    function: Site,
    is_end: &mut dyn FnMut(Site) -> bool,
    leaves: &dyn Fn(&VerifierCall, &[&VerifierCall]) -> bool,
) -> Option<Vec<&'s VerifierCall>> {
    let mut pending: Vec<(Site, Vec<&VerifierCall>)> = vec![(function, Vec::new())];
    while let Some((function, way)) = pending.pop() {
        if is_end(function) {
            return Some(way);
        }
        if way.len() >= MAX_CALLS {
            continue;
        }
        for call in state.tokens.calls().filter(|call| call.callee == function) {
            if leaves(call, &way) && !way.iter().any(|step| step.site == call.site) {
                pending.push((call.function, way.iter().copied().chain([call]).collect()));
            }
        }
    }
    None
}

/// Seconds in words.
pub(in crate::rules) fn duration(seconds: i64) -> String {
    let (count, unit) = match seconds {
        86_400.. => (seconds / 86_400, "day"),
        3_600.. => (seconds / 3_600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Seconds as Better Auth writes spans: `15m`.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Functions that `unverified-auth-dependency` reports, and the places in
/// their proofs.
pub(in crate::rules) fn pretenders(state: &State) -> FxHashSet<Site> {
    let mut sites = FxHashSet::default();
    with_interpreter(state, |interpreter| {
        let judge = Judge::new(interpreter, &state.memo);
        crate::rules::for_each_served(state, |_, route, judged| {
            let Guard::Open(Some(weak)) = &judged.guard else { return };
            let verdict = match weak {
                Weak::Dependency(index, _) => {
                    let callable = &route.dependencies[*index].callable;
                    sites.extend(called(interpreter, callable).map(|(function, _)| function.site));
                    judge.dependency(callable)
                }
                Weak::Around(wrapped) => {
                    sites.insert(wrapped.site);
                    std::sync::Arc::clone(&wrapped.verdict)
                }
                Weak::Unapplied(_) => return,
            };
            sites.extend(verdict.steps.iter().map(|step| step.site));
        });
    });
    sites
}

/// Whether a route rests on a function: it is a handler or a dependency, or one of these calls it for a token.
pub(in crate::rules) fn is_rested_on(state: &State, function: Site) -> bool {
    let mut callers = vec![function];
    for _ in 0..=MAX_CALLS {
        if callers.iter().any(|caller| state.in_use.is_used(*caller)) {
            return true;
        }
        let calls = state.tokens.calls().filter(|call| callers.contains(&call.callee));
        callers = calls.map(|call| call.function).collect();
        callers.sort_unstable();
        callers.dedup();
    }
    false
}
