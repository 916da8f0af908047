//! Verifications that refuse what the frontend issues: passing what they lack,
//! or verifying with the public keys that Better Auth serves.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::{insertion, replacement};
use super::{Fixer, Source};
use crate::auth::tokens::{KeySource, Library};
use crate::frontend::issuers::Claim;
use crate::frontend::locate;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};

/// The variable from which a new verifier reads where public keys are served.
const KEYS_VARIABLE: &str = "BETTER_AUTH_JWKS_URL";
/// The variable that holds the origin of Better Auth, which it issues tokens by and for.
const ORIGIN_VARIABLE: &str = "BETTER_AUTH_URL";
/// The client for public keys.
const CLIENT: &str = "jwks_client";

/// Appends the fix of a verification that refuses the frontend's tokens.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let state = fixer.state;
    let is_it = |refused: &&Refused| {
        state.sources.locate(refused.site) == diagnostic.location
            || locate(&state.sources, refused.issued) == Some(diagnostic.location)
    };
    let all: Vec<&Refused> = state.agreement.refused.iter().filter(is_it).collect();
    let Some(refused) = all.first() else { return };
    // One that suits some tokens does not suit others.
    if all.iter().any(|other| other.refusal.why != refused.refusal.why) {
        refusals.push(Refusal("the verification refuses several tokens for several reasons".into()));
        return;
    }
    keep(repaired(fixer, refused), fixes, refusals);
}

fn repaired(fixer: &Fixer<'_>, refused: &Refused) -> Result<Fix, Refusal> {
    let source = fixer.source(refused.site.file)?;
    let at = fixer.state.sources.locate(refused.site).range;
    let root = source.tree.root_node();
    let call = root.named_descendant_for_byte_range(at.start as usize, at.end as usize);
    let call = call.filter(|node| node.kind() == "call").ok_or_else(unreadable)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let signed = refused.signed.as_ref().ok_or_else(|| Refusal("what is sent is no JWT".into()))?;
    match (&refused.refusal.why, &refused.key) {
        (Why::OtherIssuer | Why::OtherAudience, _) => {
            let known = |claim: &Claim| match claim {
                Claim::Text(text) => Some(text.clone()),
                _ => None,
            };
            let mut wanted: Vec<(&str, Option<usize>, String)> = Vec::new();
            let (audience, issuer) = (known(&signed.audience), known(&signed.issuer));
            // Either may be the next that is refused.
            wanted.extend(audience.iter().map(|text| ("audience", None, format!("\"{text}\""))));
            wanted.extend(issuer.iter().map(|text| ("issuer", None, format!("\"{text}\""))));
            let mut edits = Vec::new();
            give(&source, arguments, &wanted, &mut edits)?;
            let title = match (&audience, &issuer) {
                (Some(audience), Some(issuer)) => format!("Expect the audience `{audience}` and the issuer `{issuer}`"),
                (Some(audience), None) => format!("Expect the audience `{audience}`"),
                (None, Some(issuer)) => format!("Expect the issuer `{issuer}`"),
                (None, None) => return Err(Refusal("what the tokens name is not known before run time".into())),
            };
            // What a variable says may be other elsewhere.
            fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, Applicability::Unsafe)
        }
        (Why::UnexpectedAudience, _) => {
            let Claim::Text(audience) = &signed.audience else {
                return Err(Refusal("the audience of the tokens is not known before run time".into()));
            };
            let mut edits = Vec::new();
            give(&source, arguments, &[("audience", None, format!("\"{audience}\""))], &mut edits)?;
            fixer.checked(
                vec![(refused.site.file, edits)],
                Vec::new(),
                format!("Expect the audience `{audience}`"),
                Applicability::Safe,
            )
        }
        (Why::Algorithm(name), Some(KeySource::Jwks { .. })) => {
            let mut edits = Vec::new();
            give(&source, arguments, &[("algorithms", Some(2), format!("[\"{name}\"]"))], &mut edits)?;
            let title = format!("Take {name} only");
            fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, Applicability::Safe)
        }
        (Why::Algorithm(name), Some(KeySource::Secret(_))) if refused.kind == Kind::Jwt => {
            rewritten(fixer, refused, &source, call, arguments, name)
        }
        _ => Err(Refusal("what is to be verified in its place is not known".into())),
    }
}

/// The verification with the public keys that Better Auth serves.
fn rewritten(
    fixer: &Fixer<'_>,
    refused: &Refused,
    source: &std::rc::Rc<Source>,
    call: Node<'_>,
    arguments: Node<'_>,
    algorithm: &str,
) -> Result<Fix, Refusal> {
    let is_jose = refused.library == Some(Library::Jose);
    if refused.library != Some(Library::PyJwt) && !is_jose {
        return Err(Refusal("only verifications with PyJWT and python-jose are rewritten".into()));
    }
    let text = &*source.text;
    let signed = refused.signed.as_ref().ok_or_else(unreadable)?;
    let token = argument(text, arguments, "jwt", Some(0)).ok_or_else(unreadable)?;
    let token = text.get(token.byte_range()).ok_or_else(unreadable)?;
    if fixer.state.sources.facts(source.file).is_some_and(|facts| facts.bindings.contains_key(CLIENT)) {
        return Err(Refusal(format!("`{CLIENT}` is bound already")));
    }
    let mut imports = Imports::new(fixer, source, None)?;
    let environ = imports.of_package(&["os"], "environ")?;
    let client = imports.of_package(&["jwt"], "PyJWKClient")?;
    let root_error = imports.of_package(&["jwt", "jwt.exceptions"], "PyJWTError")?;
    let expected = |claim: &Claim| match claim {
        Claim::Text(text) => format!("\"{text}\""),
        _ => format!("{environ}[\"{ORIGIN_VARIABLE}\"]"),
    };
    let mut edits = Vec::new();
    let wanted = [
        ("key", Some(1), format!("{CLIENT}.get_signing_key_from_jwt({token}).key")),
        ("algorithms", Some(2), format!("[\"{algorithm}\"]")),
        ("audience", None, expected(&signed.audience)),
        ("issuer", None, expected(&signed.issuer)),
        ("options", None, "{\"require\": [\"exp\", \"sub\"]}".to_owned()),
    ];
    give(source, arguments, &wanted, &mut edits)?;
    if is_jose {
        // python-jose is told more: a token that belongs to another one, leeway in its options.
        let others = ["access_token", "subject"].iter().any(|name| argument(text, arguments, name, None).is_some());
        if others || argument(text, arguments, "jwt", Some(0)).is_some_and(|given| given.kind() == "list_splat") {
            return Err(Refusal("the call has arguments that PyJWT does not know".into()));
        }
        let callee = call.child_by_field_name("function").ok_or_else(unreadable)?;
        edits.push(replacement(callee.byte_range(), imports.of_package(&["jwt"], "decode")?));
    }
    // Keys that can't be fetched are no invalid tokens: only the root of all errors is both.
    widen(text, call, &root_error, &mut edits)?;
    let top = std::iter::successors(Some(call), Node::parent)
        .take_while(|node| node.kind() != "module")
        .last()
        .ok_or_else(unreadable)?;
    let ending = source.layout.ending;
    edits.push(insertion(
        top.start_byte(),
        format!("{CLIENT} = {client}({environ}[\"{KEYS_VARIABLE}\"]){ending}{ending}{ending}"),
    ));
    // The client waits for an answer: FastAPI runs a plain function beside its loop.
    if let Some(function) = enclosing(call, "function_definition")
        && let Some(first) = function.child(0).filter(|first| first.kind() == "async")
    {
        let body = text.get(function.byte_range()).unwrap_or_default();
        if !refused.is_dependency || body.contains("await ") || body.contains("async with") {
            return Err(Refusal("the function waits for others, and the client for keys would block them".into()));
        }
        let next = function.child(1).ok_or_else(unreadable)?;
        edits.push(replacement(first.start_byte()..next.start_byte(), String::new()));
    }
    edits.extend(imports.edits());
    let title = "Verify with the public keys that Better Auth serves".to_owned();
    fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Has the clause around a call that catches invalid tokens catch all errors of the library.
fn widen(text: &str, call: Node<'_>, root_error: &str, edits: &mut Vec<TextEdit>) -> Result<(), Refusal> {
    let none = || Refusal("no `except` clause catches what the library raises".into());
    let tried = enclosing(call, "try_statement").ok_or_else(none)?;
    let mut cursor = tried.walk();
    let clauses = tried.named_children(&mut cursor).filter(|node| node.kind() == "except_clause");
    let mut narrow: Option<Node<'_>> = None;
    for clause in clauses {
        let mut cursor = clause.walk();
        let Some(caught) = clause.named_children(&mut cursor).find(|node| node.kind() != "comment") else {
            return Ok(());
        };
        let caught = if caught.kind() == "as_pattern" { caught.named_child(0).ok_or_else(unreadable)? } else { caught };
        let name = text.get(caught.byte_range()).unwrap_or_default();
        match name.rsplit('.').next() {
            Some("PyJWTError" | "Exception" | "BaseException") => return Ok(()),
            Some("InvalidTokenError" | "JWTError" | "JOSEError") => narrow = Some(caught),
            _ => {}
        }
    }
    let narrow = narrow.ok_or_else(none)?;
    edits.push(replacement(narrow.byte_range(), root_error.to_owned()));
    Ok(())
}

/// The nearest node of a kind around another one, in the same function.
fn enclosing<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut above = node.parent();
    while let Some(parent) = above {
        if parent.kind() == kind {
            return Some(parent);
        }
        if parent.kind() == "function_definition" {
            return None;
        }
        above = parent.parent();
    }
    None
}

/// Gives arguments to a call: in the place of those that are there, and behind
/// the last one.
pub(super) fn give(
    source: &Source,
    arguments: Node<'_>,
    wanted: &[(&str, Option<usize>, String)],
    edits: &mut Vec<TextEdit>,
) -> Result<(), Refusal> {
    let text = &*source.text;
    let mut cursor = arguments.walk();
    let given: Vec<Node<'_>> = arguments.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    if given.iter().any(|node| matches!(node.kind(), "dictionary_splat" | "list_splat")) {
        return Err(Refusal("the arguments of the verification are not all written there".into()));
    }
    let last = given.last().ok_or_else(unreadable)?;
    let closing = text.get(last.end_byte()..arguments.end_byte()).unwrap_or_default();
    let line = text.get(..last.start_byte()).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let indent: String = text.get(line..).unwrap_or_default().chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let between = match closing.contains('\n') {
        true => format!(",{}{indent}", source.layout.ending),
        false => ", ".to_owned(),
    };
    let mut more = String::new();
    for (name, position, value) in wanted {
        match argument(text, arguments, name, *position) {
            Some(there) => edits.push(replacement(there.byte_range(), value.clone())),
            None => more.push_str(&format!("{between}{name}={value}")),
        }
    }
    if !more.is_empty() {
        edits.push(insertion(last.end_byte(), more));
    }
    Ok(())
}

/// The value of an argument, by name or by position.
pub(super) fn argument<'t>(text: &str, arguments: Node<'t>, name: &str, position: Option<usize>) -> Option<Node<'t>> {
    let mut cursor = arguments.walk();
    let given: Vec<Node<'_>> = arguments.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let named = given.iter().find(|node| {
        let of = node.child_by_field_name("name").and_then(|found| text.get(found.byte_range()));
        node.kind() == "keyword_argument" && of == Some(name)
    });
    if let Some(named) = named {
        return named.child_by_field_name("value");
    }
    let mut positional = given.into_iter().take_while(|node| node.kind() != "keyword_argument");
    positional.nth(position?)
}

fn unreadable() -> Refusal {
    Refusal("the code can't be read".into())
}
