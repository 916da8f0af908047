//! `token-type-confusion`: a verification that takes tokens of another purpose for a caller's.

use smol_str::SmolStr;

use super::shared::tokens::for_each_item;
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{Decode, Encode, Expected, KeySource, VerifierCall, is_about_tokens};
use crate::facts::python::tree::StmtKind;
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "token-type-confusion",
    summary: "a verification that takes refresh, reset or other tokens for a caller's",
    cwe: "CWE-287",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/token-type-confusion.md"),
};

/// Calls that a result is followed up through.
const MAX_CALLS: usize = 3;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let items = || state.tokens.items().map(|(_, tokens)| tokens);
    let encodes: Vec<&Encode> = items().flat_map(|tokens| &tokens.encodes).collect();
    let calls: Vec<&VerifierCall> = items().flat_map(|tokens| &tokens.calls).collect();
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| may_confuse(decode)) {
            let Some((marked, value)) = other_purpose(state, decode, &encodes) else { continue };
            if is_never_called(state, marked, &calls) {
                continue;
            }
            let reads = claims_read(decode, &calls);
            let is_given = |call: &&VerifierCall| Some(call.callee) == decode.function && call.is_credential;
            let is_callers = (decode.is_credential || calls.iter().copied().any(|call| is_given(&call)))
                && reads.is_used(state, decode);
            if !is_callers || marked.marks.iter().any(|(name, _)| reads.names.contains(name)) || reads.is_open {
                continue;
            }
            let (name, _) = &marked.marks[0];
            let message = format!(
                "Tokens with `{name}` = `{value}` are signed with the same key and pass here, too: whoever has one gets in with it. Compare `{name}` with what a caller's token says, or give the others an audience of their own."
            );
            let steps = vec![related(state, marked.site, "such a token is issued here".to_owned())];
            found.push(report(state, &INFO, Severity::Warning, decode.site, message, steps));
        }
        for twins in &tokens.twins {
            let own = encodes.iter().find(|encode| encode.function == Some(twins.issuer));
            let Some(encode) = own.filter(|encode| encode.marks.is_empty()) else { continue };
            let message = "The access token and the refresh token come from here, and nothing in them tells which is which: each passes for the other, so that a refresh token is an access token of its longer life. Give them a claim that says what they are for, and compare it.".to_owned();
            let steps = vec![
                related(state, twins.access, "the access token is issued here".to_owned()),
                related(state, twins.refresh, "the refresh token is issued here".to_owned()),
            ];
            found.push(report(state, &INFO, Severity::Warning, encode.site, message, steps));
        }
    });
}

/// Whether a verification is told of nothing that tells tokens of one key apart.
fn may_confuse(decode: &Decode) -> bool {
    decode.unverified.is_none() && decode.audience == Expected::Nothing && decode.issuer == Expected::Nothing
}

/// A token of the same key that says what it is for, if it is for something else than access.
fn other_purpose<'s>(state: &State, decode: &Decode, encodes: &[&'s Encode]) -> Option<(&'s Encode, &'s SmolStr)> {
    const OTHERS: &[&str] =
        &["refresh", "reset", "verif", "confirm", "invit", "email", "mail", "unsubscribe", "download", "mfa", "2fa"];
    let KeySource::Secret(Some(key)) = &decode.key else { return None };
    let has_key = |encode: &&Encode| matches!(&encode.key, KeySource::Secret(Some(own)) if own == key);
    // A project that issues its own tokens has its own key, whatever others of the workspace call theirs.
    let manifest = |file: FileId| state.sources.fastapi(file).map(|(_, manifest)| manifest);
    let own = manifest(decode.site.file);
    let is_own = |encode: &&Encode| manifest(encode.site.file) == own;
    let issues = encodes.iter().copied().filter(has_key).any(|encode| is_own(&encode));
    let same = encodes.iter().copied().filter(has_key).filter(|encode| encode.library == decode.library);
    same.filter(|encode| !issues || is_own(encode)).find_map(|encode| {
        let is_bounded = encode.claims.iter().any(|claim| claim == "aud");
        let (_, value) = encode.marks.first().filter(|_| !is_bounded)?;
        let lower = value.to_ascii_lowercase();
        OTHERS.iter().any(|word| lower.contains(word)).then_some((encode, value))
    })
}

/// Whether a claim is about a token, and not about its owner (RFC 7519, section 4.1).
fn is_of_the_token(claim: &str) -> bool {
    matches!(claim, "iss" | "aud" | "exp" | "nbf" | "iat" | "jti" | "typ")
}

/// Whether nothing calls the function that issues a token: its tokens are none yet.
fn is_never_called(state: &State, encode: &Encode, calls: &[&VerifierCall]) -> bool {
    let Some(function) = encode.function.filter(|function| !state.in_use.is_used(*function)) else { return false };
    let facts = state.sources.facts(function.file);
    // A method may be called on something that could not be followed.
    let item = facts.and_then(|facts| facts.stmt(function.item));
    let Some(StmtKind::Function(def)) = item.map(|stmt| &stmt.kind) else { return false };
    is_about_tokens(&def.name.name) && !calls.iter().any(|call| call.callee == function)
}

/// What is read from the result of a verification, in its function and in those that call it.
struct Reads {
    names: Vec<SmolStr>,
    functions: Vec<Site>,
    /// Whether somebody out of sight may read more.
    is_open: bool,
}

impl Reads {
    /// Whether a route rests on one of the functions.
    fn is_used(&self, state: &State, decode: &Decode) -> bool {
        decode.function.into_iter().chain(self.functions.iter().copied()).any(|function| state.in_use.is_used(function))
    }
}

fn claims_read(decode: &Decode, calls: &[&VerifierCall]) -> Reads {
    let mut names: Vec<SmolStr> = decode.reads.iter().map(|read| read.name.clone()).collect();
    // A verifier that gives a model of its own gives its callers no other claims to read. One
    // that asks the token nothing of its owner, to revoke it, lets nobody in.
    let names_owner = decode.reads.iter().any(|read| !is_of_the_token(&read.name));
    let mut functions: Vec<Site> = decode.function.filter(|_| decode.returned || names_owner).into_iter().collect();
    let mut all = functions.clone();
    let mut is_open = false;
    for _ in 0..MAX_CALLS {
        let mut above = Vec::new();
        for call in calls.iter().filter(|call| functions.contains(&call.callee)) {
            if decode.returned {
                names.extend(call.reads.iter().map(|read| read.name.clone()));
            }
            all.push(call.function);
            if call.returned {
                above.push(call.function);
            }
        }
        functions = above;
    }
    // A result that is handed on and of which nobody is seen to read anything.
    is_open |= decode.returned && names.is_empty();
    Reads { names, functions: all, is_open }
}
