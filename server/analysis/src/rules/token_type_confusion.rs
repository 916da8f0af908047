//! `token-type-confusion`: a verification that takes tokens of another purpose for a caller's.

use std::cell::LazyCell;

use smol_str::SmolStr;

use super::missing_auth_dependency::is_test;
use super::shared::tokens::{for_each_item, is_rested_on, is_verified_beside};
use super::{RuleInfo, State, related, report};
use crate::auth::tokens::{
    Asked, Claim, Decode, Encode, Expected, GivenClaims, HandedOn, IssuerCall, KeySource, MARKS, Subject, VerifierCall,
    is_about_tokens,
};
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
    let encodes: LazyCell<Vec<&Encode>, _> = LazyCell::new(|| state.tokens.encodes().collect());
    let calls: LazyCell<Vec<&VerifierCall>, _> = LazyCell::new(|| state.tokens.calls().collect());
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| may_confuse(decode)) {
            if is_verified_beside(state, decode) {
                continue;
            }
            let others = other_purposes(state, decode, &encodes);
            let others = others.into_iter().filter(|marked| !is_never_called(state, marked.function, &calls));
            let mut let_in = others.filter_map(|marked| {
                let verification = Verification { state, decode, marked: &marked, encodes: &encodes, calls: &calls };
                let reader = verification.lets_in()?;
                Some((marked, reader))
            });
            let Some((marked, reader)) = let_in.next() else { continue };
            let Marked { name, value, .. } = marked;
            let message = format!(
                "Tokens with `{name}` = `{value}` are signed with the same key and pass here, too: whoever has one gets in with it. Compare `{name}` with what a caller's token says, or give the others an audience of their own."
            );
            let mut steps = vec![related(state, marked.site, "such a token is issued here".to_owned())];
            steps.extend(reader.map(|call| related(state, call, format!("nobody looks at `{name}` here"))));
            found.push(report(state, &INFO, Severity::Warning, decode.site, message, steps));
        }
        for twins in &tokens.twins {
            let of = |issuer, call| {
                let here = encodes.iter().copied().find(|encode| encode.site == call);
                here.or_else(|| encodes.iter().copied().find(|encode| encode.function == Some(issuer)))
            };
            let issued = (of(twins.issuer, twins.access), of(twins.other, twins.refresh));
            let (Some(encode), Some(other)) = issued else { continue };
            // A payload that is made elsewhere may say it, if somebody looks for that.
            let is_read = twins.issuer != twins.other && reads_mark(state.tokens.decodes(), &calls);
            if is_read || !are_alike(encode, other) {
                continue;
            }
            let from = match twins.issuer == twins.other {
                true => "The access token and the refresh token come from here",
                false => "The refresh token is signed with the same key as this access token",
            };
            let message = format!(
                "{from}, and nothing in them tells which is which: each passes for the other, so that a refresh token is an access token of its longer life. Give them a claim that says what they are for, and compare it."
            );
            let steps = vec![
                related(state, twins.access, "the access token is issued here".to_owned()),
                related(state, twins.refresh, "the refresh token is issued here".to_owned()),
            ];
            found.push(report(state, &INFO, Severity::Warning, encode.site, message, steps));
        }
    });
}

/// Whether any verification looks at what a token is for.
fn reads_mark<'d>(mut decodes: impl Iterator<Item = &'d Decode>, calls: &[&VerifierCall]) -> bool {
    let is_mark = |claim: &Claim| MARKS.contains(&claim.name.as_str());
    decodes.any(|decode| decode.reads.iter().any(is_mark)) || calls.iter().any(|call| call.reads.iter().any(is_mark))
}

/// Whether nothing tells an access token from a refresh token: of one key, and
/// without a claim that only one of them has.
fn are_alike(access: &Encode, refresh: &Encode) -> bool {
    let one_key = match (&access.key, &refresh.key) {
        (KeySource::Secret(Some(one)), KeySource::Secret(Some(other))) => one == other,
        _ => access.function == refresh.function,
    };
    let has_own = |one: &Encode, other: &Encode| {
        one.claims.iter().any(|claim| claim == "aud" || !is_of_the_token(claim) && !other.claims.contains(claim))
    };
    let is_same = access.function == refresh.function;
    one_key && says_nothing(access) && says_nothing(refresh) && (is_same || !has_own(refresh, access))
}

/// Whether no claim of a token says what it is for.
fn says_nothing(encode: &Encode) -> bool {
    encode.marks.is_empty() && encode.marked_by.is_empty() && !encode.marked_elsewhere
}

/// Whether a verification is told of nothing that tells tokens of one key apart.
fn may_confuse(decode: &Decode) -> bool {
    decode.unverified.is_none() && decode.audience == Expected::Nothing && decode.issuer == Expected::Nothing
}

/// A token that says what it is for.
#[derive(Clone)]
struct Marked<'s> {
    /// The claim that says it.
    name: &'s SmolStr,
    /// What it says.
    value: &'s SmolStr,
    /// Where it is issued.
    site: Site,
    /// The function that does it.
    function: Option<Site>,
    /// Claims that it is seen to have.
    claims: [&'s [SmolStr]; 2],
    /// Claims that it may have, where those are known that it can't have.
    possible: Option<Vec<&'s [SmolStr]>>,
    /// Whom it is for.
    subject: Subject,
}

impl<'s> Marked<'s> {
    /// The tokens that a call issues: by what it signs itself, and by the claims that each call of its function hands over.
    fn of(state: &'s State, encode: &'s Encode) -> Vec<Self> {
        let own = encode.marks.first().map(|(name, value)| Self {
            name,
            value,
            site: encode.site,
            function: encode.function,
            claims: [&encode.claims, &[]],
            possible: possible_claims(state, encode),
            subject: encode.subject,
        });
        let handed = encode.handed.as_ref().map(|handed| &handed.parameter).zip(encode.function);
        let given = handed.into_iter().flat_map(move |(parameter, function)| {
            let calls = calls_of(state, function).filter(|call| !is_test(state, call.site.file));
            calls.flat_map(move |call| {
                let given = call.given.iter().filter(move |given| given.parameter == *parameter);
                given.filter_map(move |given| {
                    let (name, value) = given.marks.first()?;
                    let claims: [&[SmolStr]; 2] = [&encode.claims, &given.claims];
                    let subject = encode.subject.or(given.subject);
                    let is_closed = given.is_whole && encode.handed.as_ref().is_some_and(|handed| handed.is_closed);
                    let possible = is_closed.then(|| claims.to_vec());
                    Some(Self { name, value, site: call.site, function: call.function, claims, possible, subject })
                })
            })
        });
        // What the function adds itself is what the token says.
        let given = given.filter(|given| !encode.claims.contains(given.name));
        own.into_iter().chain(given).chain(Self::told(state, encode)).collect()
    }

    /// The tokens that a call issues whose purpose the callers of its function say.
    fn told(state: &'s State, encode: &'s Encode) -> impl Iterator<Item = Self> {
        let by = encode.marked_by.iter().filter_map(|(name, parameter)| Some((name, parameter, encode.function?)));
        by.flat_map(move |(name, parameter, function)| {
            let calls = calls_of(state, function).filter(|call| !is_test(state, call.site.file));
            calls.filter_map(move |call| {
                let (_, value) = call.texts.iter().find(|(given, _)| given == parameter)?;
                let claims: [&[SmolStr]; 2] = [&encode.claims, &[]];
                let possible = possible_claims(state, encode);
                let (site, function, subject) = (call.site, call.function, encode.subject);
                Some(Self { name, value, site, function, claims, possible, subject })
            })
        })
    }

    /// Whether it is known to have no claim of that name.
    fn lacks(&self, claim: &SmolStr) -> bool {
        self.possible.as_ref().is_some_and(|possible| !possible.iter().any(|claims| claims.contains(claim)))
    }

    fn has(&self, claim: &SmolStr) -> bool {
        self.claims.iter().any(|claims| claims.contains(claim))
    }
}

/// The calls of a function that issues tokens.
fn calls_of(state: &State, function: Site) -> impl Iterator<Item = &IssuerCall> {
    let calls = state.tokens.items().flat_map(|(_, tokens)| &tokens.issuer_calls);
    calls.filter(move |call| call.callee == function)
}

/// All claims that a token may have which a call issues: what its function adds, and what every call of that is seen to
/// hand over.
fn possible_claims<'s>(state: &'s State, encode: &'s Encode) -> Option<Vec<&'s [SmolStr]>> {
    let Some(handed) = &encode.handed else { return encode.whole.then(|| vec![encode.claims.as_slice()]) };
    let is_it = |given: &&GivenClaims| given.parameter == handed.parameter && given.is_whole;
    let given = calls_of(state, encode.function?).map(|call| Some(call.given.iter().find(is_it)?.claims.as_slice()));
    let given: Vec<&[SmolStr]> = given.collect::<Option<_>>()?;
    (handed.is_closed && !given.is_empty()).then(|| given.into_iter().chain([encode.claims.as_slice()]).collect())
}

/// Tokens of the same key that say what they are for, if that is something else than access.
fn other_purposes<'s>(state: &'s State, decode: &Decode, encodes: &[&'s Encode]) -> Vec<Marked<'s>> {
    const OTHERS: &[&str] = &[
        "refresh",
        "reset",
        "verif",
        "confirm",
        "invit",
        "email",
        "mail",
        "unsubscribe",
        "download",
        "activat",
        "recover",
        "magic",
        "mfa",
        "2fa",
        "otp",
        "pending",
        "preauth",
        "pre_auth",
    ];
    let KeySource::Secret(Some(key)) = &decode.key else { return Vec::new() };
    let has_key = |encode: &&Encode| matches!(&encode.key, KeySource::Secret(Some(own)) if own == key);
    // A project that issues its own tokens has its own key, whatever others of the workspace call theirs.
    let manifest = |file: FileId| state.sources.fastapi(file).map(|(_, manifest)| manifest);
    let own = manifest(decode.site.file);
    let is_own = |encode: &&Encode| manifest(encode.site.file) == own;
    let issues = encodes.iter().copied().filter(has_key).any(|encode| is_own(&encode));
    let same = encodes.iter().copied().filter(has_key).filter(|encode| encode.library == decode.library);
    let same = same.filter(|encode| !issues || is_own(encode)).flat_map(|encode| Marked::of(state, encode));
    let is_other = |marked: &Marked<'_>| {
        // A flag says it by its name.
        let said = if marked.value == "True" { marked.name } else { marked.value };
        let lower = said.to_ascii_lowercase();
        let words = || lower.split(|letter: char| !letter.is_ascii_alphanumeric());
        let is_named = OTHERS.iter().any(|word| lower.contains(word)) || words().any(|word| word == "share");
        !marked.has(&SmolStr::new_static("aud")) && is_named
    };
    same.filter(is_other).collect()
}

/// Whether a claim is about a token, and not about its owner (RFC 7519, section 4.1).
pub(super) fn is_of_the_token(claim: &str) -> bool {
    matches!(claim, "iss" | "aud" | "exp" | "nbf" | "iat" | "jti" | "typ")
}

/// Whether nothing calls the function that issues a token: its tokens are none yet.
fn is_never_called(state: &State, issuer: Option<Site>, calls: &[&VerifierCall]) -> bool {
    let Some(function) = issuer.filter(|function| !state.in_use.is_used(*function)) else { return false };
    let facts = state.sources.facts(function.file);
    // A method may be called on something that could not be followed.
    let item = facts.and_then(|facts| facts.stmt(function.item));
    let Some(StmtKind::Function(def)) = item.map(|stmt| &stmt.kind) else { return false };
    is_about_tokens(&def.name.name) && !calls.iter().any(|call| call.callee == function)
}

/// A verification, and those who may be let in by it.
struct Verification<'a, 's> {
    state: &'s State,
    decode: &'a Decode,
    /// A token for something else.
    marked: &'a Marked<'s>,
    encodes: &'a [&'s Encode],
    calls: &'a [&'s VerifierCall],
}

impl Verification<'_, '_> {
    /// Whether somebody is let in by what it gives, although nobody on the way
    /// looks what the token is for: in its own function, or at a call.
    fn lets_in(&self) -> Option<Option<Site>> {
        let function = self.decode.function?;
        let is_callers = self.decode.is_credential || self.decode.by_dependency;
        let refuses = self.marked.subject.is_other_than(self.decode.takes);
        let looks = self.looks(&self.decode.reads);
        if self.decode.handed_on == HandedOn::ToOthers || refuses || looks == Looks::Always {
            return None;
        }
        if self.decode.handed_on == HandedOn::ToCallers {
            return self.caller_that_lets_in(function, is_callers, &looks, 0).map(Some);
        }
        // A verifier that gives its callers something else leaves them nothing to look at.
        let is_callers = is_callers || self.is_given_credential(function, &looks);
        let lets_in = names_owner(&self.decode.reads) && is_callers && !self.exchanges(function);
        (lets_in && is_rested_on(self.state, function)).then_some(None)
    }

    /// Whether a call hands the caller's token to a function, and has it look at nothing more.
    fn is_given_credential(&self, function: Site, looks: &Looks<'_>) -> bool {
        let mut given = self.calls.iter().filter(|call| call.callee == function);
        given.any(|call| (call.is_credential || call.by_dependency) && looks.at(call) != Looks::Always)
    }

    /// A call whose function reads from the claims who is calling, and not what the token is for. What is `behind` the
    /// call may look at that.
    fn caller_that_lets_in(
        &self,
        function: Site,
        is_credential: bool,
        behind: &Looks<'_>,
        depth: usize,
    ) -> Option<Site> {
        let calls = self.calls.iter().filter(|call| call.callee == function && depth < MAX_CALLS);
        let calls = calls.filter(|call| !self.marked.subject.is_other_than(call.takes));
        calls.filter(|call| call.handed_on != HandedOn::ToOthers).find_map(|call| {
            let looks = behind.at(call).or(self.looks(&call.reads));
            if looks == Looks::Always {
                return None;
            }
            let is_credential = is_credential || call.is_credential || call.by_dependency;
            if call.handed_on == HandedOn::ToCallers {
                return self.caller_that_lets_in(call.function, is_credential, &looks, depth + 1);
            }
            let is_credential = is_credential || self.is_given_credential(call.function, &looks);
            let lets_in = is_credential && names_owner(&call.reads) && !self.exchanges(call.function);
            (lets_in && is_rested_on(self.state, call.function)).then_some(call.site)
        })
    }

    /// Whether somebody looks at what the token is for, or at a claim like that which it does not have.
    fn looks<'r>(&self, reads: &'r [Claim]) -> Looks<'r> {
        let is_missing = |name: &SmolStr| MARKS.contains(&name.as_str()) && !self.marked.has(name);
        let is_needed = |read: &Claim| read.is_needed && self.marked.lacks(&read.name);
        let is_mark = |read: &&Claim| read.name == *self.marked.name || is_missing(&read.name) || is_needed(read);
        let looks = reads.iter().filter(is_mark).map(|read| match &read.only_if {
            Some(parameter) => Looks::If(parameter),
            None => Looks::Always,
        });
        looks.fold(Looks::Never, Looks::or)
    }

    /// Whether a function gives a token for a token: what it takes is no caller's access.
    fn exchanges(&self, function: Site) -> bool {
        let issues = |callee: Site| self.encodes.iter().any(|encode| encode.function == Some(callee));
        issues(function) || self.calls.iter().any(|call| call.function == function && issues(call.callee))
    }
}

/// Whether a function looks what a token is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks<'r> {
    /// It does not.
    Never,
    /// Where it is given a parameter that is nothing otherwise.
    If(&'r SmolStr),
    /// It does.
    Always,
}

impl<'r> Looks<'r> {
    /// The same of a function in which that one is called.
    fn at<'c>(&self, call: &'c VerifierCall) -> Looks<'c> {
        let Self::If(parameter) = *self else {
            return if *self == Self::Always { Looks::Always } else { Looks::Never };
        };
        match call.asked.iter().find(|asked| asked.parameter == *parameter) {
            Some(Asked { handed_on: Some(own), .. }) => Looks::If(own),
            Some(_) => Looks::Always,
            None => Looks::Never,
        }
    }

    /// One or the other does.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Looks::Never, looks) | (looks, Looks::Never) => looks,
            (Looks::If(one), Looks::If(other)) if one == other => Looks::If(one),
            _ => Looks::Always,
        }
    }
}

/// Whether something is read that is about the owner of a token. Who asks it
/// nothing of the kind, to revoke it, lets nobody in.
fn names_owner(reads: &[Claim]) -> bool {
    reads.iter().any(|read| !is_of_the_token(&read.name))
}
