//! Algorithms that a verification does not name, or names too many of, and
//! checks that it was told to leave out.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::replacement;
use super::verifier::{expected, give, unreadable};
use super::{Fixer, Source};
use crate::auth::tokens::{Check, Decode, KeySource};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, State};
use crate::verdicts::agreement::issued::{Form, Signed, Token};

/// What tokens are signed with where a secret is the key and nothing else is said.
const WITH_SECRET: &str = "HS256";

/// Appends the fix of a verification that names no algorithms, or those of the token.
pub(super) fn pinned(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let state = fixer.state;
    let Some(decode) = decode_of(state, diagnostic) else { return };
    let fix = algorithm_of(state, decode).and_then(|algorithm| {
        let source = fixer.source(decode.site.file)?;
        let call = call_at(&source, state.sources.locate(decode.site))?;
        let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
        let mut edits = Vec::new();
        give(&source, arguments, &[("algorithms", Some(2), format!("[\"{algorithm}\"]"))], &mut edits)?;
        let title = format!("Take {algorithm} only");
        fixer.checked(vec![(source.file, edits)], Vec::new(), title, Applicability::Unsafe)
    });
    keep(fix, fixes, refusals);
}

/// Appends the fix of a verification that takes algorithms of both families.
pub(super) fn mixed(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(one_family(fixer, diagnostic), fixes, refusals);
}

fn one_family(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let decode = decode_of(fixer.state, diagnostic).ok_or_else(unreadable)?;
    let by_secret = match decode.key {
        KeySource::Secret(_) => true,
        KeySource::Jwks { .. } => false,
        KeySource::Unknown => return Err(Refusal("where the key comes from is not known".into())),
    };
    let refused = || Refusal("the algorithms are not listed there".into());
    let source = fixer.source(diagnostic.location.file)?;
    let range = diagnostic.location.range;
    let node = source.root().named_descendant_for_byte_range(range.start as usize, range.end as usize);
    let list = node.and_then(|node| node.parent()).filter(|list| matches!(list.kind(), "list" | "tuple" | "set"));
    let list = list.ok_or_else(refused)?;
    let mut cursor = list.walk();
    let written = list.named_children(&mut cursor).filter(|node| node.kind() != "comment");
    let written: Vec<&str> = written.filter_map(|node| source.text.get(node.byte_range())).collect();
    let kept: Vec<&str> =
        written.into_iter().filter(|name| name.trim_matches(['"', '\'']).starts_with("HS") == by_secret).collect();
    let Some(first) = kept.first() else { return Err(refused()) };
    // A setting that holds a public key looks like one that holds a secret.
    let title = if by_secret {
        "Take the algorithms of shared secrets only"
    } else {
        "Take the algorithms of public keys only"
    };
    let text = if kept.len() == 1 { (*first).to_owned() } else { kept.join(", ") };
    let edits = vec![replacement(list.start_byte() + 1..list.end_byte() - 1, text)];
    fixer.checked(vec![(source.file, edits)], Vec::new(), title.to_owned(), Applicability::Unsafe)
}

/// Appends the fix of an audience or issuer that nothing looks at.
pub(super) fn checked(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(looked_at(fixer, diagnostic), fixes, refusals);
}

fn looked_at(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let state = fixer.state;
    let decode = decode_of(state, diagnostic).ok_or_else(unreadable)?;
    let signed = signed_for(state, decode).ok_or_else(|| Refusal("what the issuer names is not known".into()))?;
    let (_, site) = decode
        .skips
        .iter()
        .find(|(_, site)| state.sources.locate(*site) == diagnostic.location)
        .ok_or_else(unreadable)?;
    let is_audience = decode.skips.iter().any(|(check, at)| at == site && *check == Check::Audience);
    let source = fixer.source(decode.site.file)?;
    let range = diagnostic.location.range;
    let written = source.text.get(range.start as usize..range.end as usize).unwrap_or_default();
    let switched = written.strip_suffix("False").filter(|_| diagnostic.location.file == source.file);
    let switched = switched.ok_or_else(|| Refusal("the check is not switched off where it is given".into()))?;
    let call = call_at(&source, state.sources.locate(decode.site))?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let mut imports = Imports::new(fixer, &source, None)?;
    let (name, claim) = if is_audience { ("audience", &signed.audience) } else { ("issuer", &signed.issuer) };
    let value = expected(claim, &source, &mut imports)?;
    let start = range.start as usize + switched.len();
    let mut edits = vec![replacement(start..range.end as usize, "True".to_owned())];
    let title = format!("Expect the {name} `{}`", value.trim_matches('"'));
    give(&source, arguments, &[(name, None, value)], &mut edits)?;
    edits.extend(imports.edits());
    fixer.checked(vec![(source.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// The verification that a finding is about: at its place or at one of its steps.
pub(super) fn decode_of<'s>(state: &'s State, diagnostic: &Diagnostic) -> Option<&'s Decode> {
    let places: Vec<Location> =
        std::iter::once(diagnostic.location).chain(diagnostic.related.iter().map(|step| step.location)).collect();
    let mut decodes = state.tokens.items().flat_map(|(_, tokens)| &tokens.decodes);
    decodes.find(|decode| places.contains(&state.sources.locate(decode.site)))
}

/// The algorithm that the tokens are signed with which a verification is for.
fn algorithm_of(state: &State, decode: &Decode) -> Result<String, Refusal> {
    match (&decode.key, signed_for(state, decode)) {
        (KeySource::Secret(_), _) => Ok(WITH_SECRET.to_owned()),
        (_, Some(Signed { algorithm: Some(name), .. })) => Ok(name.to_string()),
        _ => Err(Refusal("which algorithm the issuer signs with is not known".into())),
    }
}

/// The token of Better Auth's `jwt()` that a verification accepts.
fn signed_for(state: &State, decode: &Decode) -> Option<Signed> {
    let (_, place) = state.agreement.accepted.iter().find(|(site, _)| *site == decode.site)?;
    let mut issuers = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.issuers);
    let issuer = issuers.find(|issuer| issuer.place == *place)?;
    match Token::Jwt(issuer, issuer.plugin("jwt")?).form(&[]) {
        Form::Signed(signed) => Some(signed),
        _ => None,
    }
}

/// The call at a place.
pub(super) fn call_at(source: &Source, at: Location) -> Result<Node<'_>, Refusal> {
    let (start, end) = (at.range.start as usize, at.range.end as usize);
    let node = source.root().named_descendant_for_byte_range(start, end);
    node.filter(|node| node.kind() == "call").ok_or_else(unreadable)
}
