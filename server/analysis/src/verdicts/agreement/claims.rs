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

/// The calls through which claims go that a call decodes: of its function, and of those that return them in turn.
pub(crate) fn followed<'d>(decode: &'d Decode, calls: &[&'d VerifierCall]) -> Vec<&'d VerifierCall> {
    let mut followed = Vec::new();
    let mut functions: Vec<Site> = decode.function.filter(|_| decode.handed_on.is_any()).into_iter().collect();
    for _ in 0..MAX_CALLS {
        let mut above = Vec::new();
        for call in calls.iter().filter(|call| functions.contains(&call.callee)) {
            followed.push(*call);
            if call.handed_on.is_any() {
                above.push(call.function);
            }
        }
        functions = above;
    }
    followed
}

/// The claims that are read of the tokens that a call decodes, in its function and in those that are handed them.
pub(crate) fn reads<'d>(decode: &'d Decode, calls: &[&'d VerifierCall]) -> Vec<&'d Claim> {
    decode.reads.iter().chain(followed(decode, calls).into_iter().flat_map(|call| &call.reads)).collect()
}

/// A claim that is read as the caller's identity and that the tokens lack, where
/// no other such claim is read that they have: where, which, and what they have.
pub(crate) fn lacking(decode: &Decode, calls: &[&VerifierCall], names: &[SmolStr]) -> Option<(Site, SmolStr, SmolStr)> {
    let reads = reads(decode, calls);
    let is_identity = |claim: &&&Claim| IDENTITIES.contains(&claim.name.as_str());
    let (has, lacks): (Vec<&Claim>, Vec<&Claim>) =
        reads.iter().filter(is_identity).copied().partition(|claim| names.contains(&claim.name));
    let instead = BEST.iter().find(|best| names.iter().any(|name| name == *best))?;
    let first = lacks.first().filter(|_| has.is_empty())?;
    Some((first.site, first.name.clone(), SmolStr::new_static(instead)))
}
