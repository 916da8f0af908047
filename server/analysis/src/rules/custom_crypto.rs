//! `custom-crypto`: a token that code takes apart without a library, passwords
//! without a hash that was made for them, and codes that others compute.

use super::shared::tokens::{for_each_item, is_script};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Computed, GivenPassword, KeptPassword, Made, Password, PasswordCall};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "custom-crypto",
    summary: "a JWT that code takes apart itself, a password that is kept without a slow hash, or a code, token or password that is drawn with `random`",
    cwe: "CWE-347",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/custom-crypto.md"),
};

/// Calls that a password is followed up through.
const MAX_CALLS: usize = 4;

/// What is said of something that is drawn with `random`.
fn said_of_computable(what: Computed) -> String {
    let (what, all) = match what {
        Computed::Code => ("A code for one time", "codes"),
        Computed::Token => ("A token", "tokens"),
        Computed::Password => ("A password", "passwords"),
    };
    format!(
        "{what} is drawn with `random` here: who has seen enough of its numbers computes the next ones, and so the {all} of others. Draw it with `secrets`."
    )
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        let standing = |kept: &&KeptPassword| {
            !state.sources.is_ghost(kept.site) && !is_rehashed(state, kept) && is_plain(state, kept)
        };
        for kept in tokens.passwords.iter().filter(standing) {
            let (severity, message) = match kept.how {
                Password::Kept => (
                    Severity::Error,
                    "The password is stored as it is: whoever reads the table can sign in as everybody, here and wherever they use it again. Store what `argon2` or `bcrypt` makes of it.",
                ),
                Password::Compared => (
                    Severity::Error,
                    "The password is compared as it is with what is stored, so it is stored as it is: whoever reads the table can sign in as everybody. Store what `argon2` or `bcrypt` makes of it, and let that library compare.",
                ),
                Password::HashedFast => (
                    Severity::Warning,
                    "This hash was made to be fast, so a stolen table of passwords is tried out in hours. Use one that was made for passwords: `argon2` or `bcrypt`.",
                ),
            };
            found.push(report(state, &INFO, severity, kept.site, message.to_owned(), Vec::new()));
        }
        for handmade in &tokens.handmade {
            let (severity, site, message, proof) = match &handmade.made {
                Made::Compared(compared) => (
                    Severity::Warning,
                    *compared,
                    "A signature is compared with an operator that stops at the first difference: how long it takes tells how much of a forged one was right. Use `hmac.compare_digest`, or better a library for JWTs.",
                    Some("the token is taken apart here"),
                ),
                Made::Signed(_) => (
                    Severity::Info,
                    handmade.site,
                    "This takes a signed token apart by hand: algorithms, expiry, audience and malformed input are yours to get right then. A library for JWTs does that (`jwt.decode`).",
                    None,
                ),
                Made::Unverified if state.in_use.is_used(handmade.function) => (
                    Severity::Warning,
                    handmade.site,
                    "The claims of a token are read here, and its signature is not looked at: anybody can write such a token. Verify it with a library for JWTs (`jwt.decode`).",
                    None,
                ),
                Made::Unverified => continue,
            };
            let steps = proof.map(|proof| related(state, handmade.site, proof.to_owned()));
            found.push(report(state, &INFO, severity, site, message.to_owned(), steps.into_iter().collect()));
        }
        for computable in tokens.computable.iter().filter(|computable| !state.sources.is_ghost(computable.site)) {
            // Who fills a database by hand has no others to take part.
            if computable.what == Computed::Password && is_script(state, computable.site.file) {
                continue;
            }
            let message = said_of_computable(computable.what);
            found.push(report(state, &INFO, Severity::Warning, computable.site, message, Vec::new()));
        }
    });
}

/// Whether some code hashes what an attribute of that name holds before others
/// store it.
fn is_rehashed(state: &State, kept: &KeptPassword) -> bool {
    let rehashed = || state.tokens.items().flat_map(|(_, tokens)| &tokens.rehashed);
    kept.attribute.as_ref().is_some_and(|attribute| rehashed().any(|name| name == attribute))
}

/// Whether it is a password as its owner types it: one that callers hand over
/// on its own is what they make of it.
fn is_plain(state: &State, kept: &KeptPassword) -> bool {
    let calls: Vec<&PasswordCall> = match kept.of_callers {
        true => state.tokens.items().flat_map(|(_, tokens)| &tokens.password_calls).collect(),
        false => return true,
    };
    hands_over_plain(&calls, kept.function, 0)
}

/// Whether a caller of a function hands over a password as it was sent, and none a hash.
fn hands_over_plain(calls: &[&PasswordCall], callee: Site, depth: usize) -> bool {
    let own = || calls.iter().filter(|call| call.callee == callee && depth < MAX_CALLS);
    let is_plain = |call: &&PasswordCall| match call.given {
        GivenPassword::Plain => true,
        GivenPassword::OfCallers => hands_over_plain(calls, call.function, depth + 1),
        GivenPassword::Hash => false,
    };
    !own().any(|call| call.given == GivenPassword::Hash) && own().any(is_plain)
}
