//! Verifications that refuse what the frontend issues, and what they lack.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::{insertion, replacement};
use super::registry::expect;
use super::rewritten::rewritten;
use super::{Fixer, Source};
use crate::auth::tokens::{KeySource, Library};
use crate::frontend::issuers::Claim;
use crate::frontend::locate;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::verdicts::agreement::judgement::Why;
use crate::verdicts::agreement::{Kind, Refused};

/// The variable that holds the origin of Better Auth, which it issues tokens by and for.
const ORIGIN_VARIABLE: &str = "BETTER_AUTH_URL";

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
    let root = source.root();
    let call = root.named_descendant_for_byte_range(at.start as usize, at.end as usize);
    let call = call.filter(|node| node.kind() == "call").ok_or_else(unreadable)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let signed = refused.signed.as_ref().ok_or_else(|| Refusal("what is sent is no JWT".into()))?;
    let text = &*source.text;
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
            if refused.library.is_some_and(Library::validates_apart) {
                let claims = [("aud", &audience), ("iss", &issuer)];
                let claims = claims.into_iter().filter_map(|(claim, text)| Some((claim, text.as_ref()?)));
                edits.extend(claims.map(|(claim, text)| expect(&source, claim, text)).collect::<Result<Vec<_>, _>>()?);
            } else {
                give(&source, arguments, &wanted, &mut edits)?;
            }
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
            let mut imports = Imports::new(fixer, &source, None)?;
            let audience = expected(&signed.audience, &source, &mut imports)?;
            let mut wanted = vec![("audience", None, audience.clone())];
            // What is read from a setting serves for both.
            let is_known = matches!(signed.audience, Claim::Text(_));
            if !is_known
                && matches!(refused.key, Some(KeySource::Jwks { .. }))
                && argument(text, arguments, "issuer", None).is_none()
            {
                wanted.push(("issuer", None, expected(&signed.issuer, &source, &mut imports)?));
            }
            let mut edits = Vec::new();
            give(&source, arguments, &wanted, &mut edits)?;
            edits.extend(imports.edits());
            let applicability = if is_known { Applicability::Safe } else { Applicability::Unsafe };
            let title = format!("Expect the audience `{}`", audience.trim_matches('"'));
            fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, applicability)
        }
        (Why::Algorithm(name), Some(KeySource::Jwks { .. })) => {
            let mut edits = Vec::new();
            give(&source, arguments, &[("algorithms", Some(2), format!("[\"{name}\"]"))], &mut edits)?;
            let title = format!("Take {name} only");
            fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, Applicability::Safe)
        }
        (Why::Algorithm(name), Some(KeySource::Secret(_))) | (Why::Unsupported(name), _)
            if refused.kind == Kind::Jwt =>
        {
            rewritten(fixer, refused, &source, call, name)
        }
        _ => Err(Refusal("what is to be verified in its place is not known".into())),
    }
}

/// What a claim has to be, as an expression: a text, or what holds the origin of Better Auth.
pub(super) fn expected(claim: &Claim, source: &Source, imports: &mut Imports<'_, '_>) -> Result<String, Refusal> {
    match claim {
        Claim::Text(text) => Ok(format!("\"{text}\"")),
        _ => match holder_of(source, ORIGIN_VARIABLE) {
            Some(name) => Ok(name),
            None => Ok(format!("{}[\"{ORIGIN_VARIABLE}\"]", imports.of_package(&["os"], "environ")?)),
        },
    }
}

/// The variable of a module that holds a variable of the environment.
fn holder_of(source: &Source, variable: &str) -> Option<String> {
    let text = &*source.text;
    let root = source.root();
    let mut cursor = root.walk();
    let assignments = root.named_children(&mut cursor).filter_map(|statement| {
        statement
            .named_child(0)
            .filter(|node| statement.kind() == "expression_statement" && node.kind() == "assignment")
    });
    assignments
        .filter_map(|assignment| {
            let name = assignment.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
            let value = text.get(assignment.child_by_field_name("right")?.byte_range())?;
            let reads = ["os.environ[", "environ[", "os.getenv(", "getenv(", "os.environ.get("].iter().any(|read| {
                value.strip_prefix(read).is_some_and(|rest| {
                    let key = rest.trim_start_matches(['"', '\'']);
                    key.strip_prefix(variable).is_some_and(|rest| matches!(rest, "\"]" | "']" | "\")" | "')"))
                })
            });
            reads.then(|| text.get(name.byte_range()).map(str::to_owned))?
        })
        .next()
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

pub(super) fn unreadable() -> Refusal {
    Refusal("the code can't be read".into())
}
