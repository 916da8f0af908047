//! Claims that code reads after a verification, against those that tokens have.

use smol_str::SmolStr;

use crate::auth::tokens::{Claim, Decode, VerifierCall};
use crate::index::value::Site;

/// Claims by which code names the caller.
const IDENTITIES: &[&str] = &["sub", "id", "user_id", "userId", "userid", "uid", "user"];
/// Those of them that tokens have, the best first.
const BEST: &[&str] = &["sub", "id", "user_id", "userId", "user"];
/// Calls that results are followed up through.
const MAX_CALLS: usize = 3;

/// A claim that is read as the caller's identity and that the tokens lack, where
/// no other such claim is read that they have: where, which, and what they have.
pub(super) fn lacking(decode: &Decode, calls: &[&VerifierCall], names: &[SmolStr]) -> Option<(Site, SmolStr, SmolStr)> {
    let mut reads: Vec<&Claim> = decode.reads.iter().collect();
    let mut functions: Vec<Site> = decode.function.filter(|_| decode.handed_on.is_any()).into_iter().collect();
    for _ in 0..MAX_CALLS {
        let mut above = Vec::new();
        for call in calls.iter().filter(|call| functions.contains(&call.callee)) {
            reads.extend(&call.reads);
            if call.handed_on.is_any() {
                above.push(call.function);
            }
        }
        functions = above;
    }
    let is_identity = |claim: &&&Claim| IDENTITIES.contains(&claim.name.as_str());
    let (has, lacks): (Vec<&Claim>, Vec<&Claim>) =
        reads.iter().filter(is_identity).copied().partition(|claim| names.contains(&claim.name));
    let instead = BEST.iter().find(|best| names.iter().any(|name| name == *best))?;
    let first = lacks.first().filter(|_| has.is_empty())?;
    Some((first.site, first.name.clone(), SmolStr::new_static(instead)))
}
