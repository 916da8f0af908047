//! A claim that names the caller and that a token may not have: required where
//! the token is verified, or asked about where it is read.

use tree_sitter::Node;

use super::algorithms::decode_of;
use super::guard::keep;
use super::imports::Imports;
use super::layout::{insertion, replacement};
use super::verifier::{argument, give};
use super::{Fixer, Source};
use crate::auth::tokens::{Decode, Library};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal};
use crate::rules::identity_claim_not_required::VERIFIED;

/// Appends the fix of a claim that is not required.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let state = fixer.state;
    // The finding itself stands at the verification where the claim is read from its result at once.
    let verified = diagnostic.related.iter().find(|step| step.message == VERIFIED).map(|step| step.location);
    let at = verified.unwrap_or(diagnostic.location);
    let at_once = |decode: &Decode| {
        let location = state.sources.locate(decode.site);
        location.file == at.file && at.range.contains_range(location.range)
    };
    let mut decodes = state.tokens.items().flat_map(|(_, tokens)| &tokens.decodes);
    let Some(decode) = decodes.find(|decode| at_once(decode)) else { return };
    let Some(claim) = diagnostic.message.split('`').nth(1) else { return };
    let by_options = match decode.library {
        Library::PyJwt => true,
        Library::Jose => claim == "sub",
        Library::Authlib | Library::Joserfc => false,
    };
    let fix = if by_options { required(fixer, decode, claim) } else { asked(fixer, diagnostic) };
    keep(fix, fixes, refusals);
}

/// Appends the fix of an expiry that is not required.
pub(super) fn expiry(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    if let Some(decode) = decode_of(fixer.state, diagnostic) {
        keep(required(fixer, decode, "exp"), fixes, refusals);
    }
}

/// The claim among those that the verification requires.
fn required(fixer: &Fixer<'_>, decode: &Decode, claim: &str) -> Result<Fix, Refusal> {
    let refused = || Refusal("the options of the verification are not written there".into());
    let source = fixer.source(decode.site.file)?;
    let at = fixer.state.sources.locate(decode.site).range;
    let call = source.root().named_descendant_for_byte_range(at.start as usize, at.end as usize);
    let call = call.filter(|node| node.kind() == "call").ok_or_else(refused)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(refused)?;
    let text = &*source.text;
    let entry = match decode.library {
        Library::Jose => format!("\"require_{claim}\": True"),
        _ if claim == "exp" => "\"require\": [\"exp\"]".to_owned(),
        _ => format!("\"require\": [\"exp\", \"{claim}\"]"),
    };
    let mut edits = Vec::new();
    match argument(text, arguments, "options", None) {
        None => give(&source, arguments, &[("options", None, format!("{{{entry}}}"))], &mut edits)?,
        Some(options) if options.kind() == "dictionary" => {
            let last = last_child(options);
            let list = value_of(text, options, "require");
            match (list, last) {
                (Some(list), _) if matches!(list.kind(), "list" | "tuple") => {
                    let last = last_child(list).ok_or_else(refused)?;
                    edits.push(insertion(last.end_byte(), format!(", \"{claim}\"")));
                }
                (Some(_), _) => return Err(refused()),
                (None, Some(last)) => edits.push(insertion(last.end_byte(), format!(", {entry}"))),
                (None, None) => edits.push(replacement(options.byte_range(), format!("{{{entry}}}"))),
            }
        }
        Some(_) => return Err(refused()),
    }
    let title = format!("Require `{claim}`");
    fixer.checked(vec![(decode.site.file, edits)], Vec::new(), title, Applicability::Safe)
}

fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|node| node.kind() != "comment").last()
}

/// The value of a key of a dictionary.
fn value_of<'t>(text: &str, dictionary: Node<'t>, wanted: &str) -> Option<Node<'t>> {
    let mut cursor = dictionary.walk();
    let pairs: Vec<Node<'t>> = dictionary.named_children(&mut cursor).collect();
    pairs.into_iter().filter(|node| node.kind() == "pair").find_map(|pair| {
        let key = text.get(pair.child_by_field_name("key")?.byte_range())?;
        (key.trim_matches(['"', '\'']) == wanted).then(|| pair.child_by_field_name("value"))?
    })
}

/// A refusal behind the statement that reads the claim.
fn asked(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let refused = || Refusal("the claim is not read into a variable of its own".into());
    let source = fixer.source(diagnostic.location.file)?;
    let range = diagnostic.location.range;
    let read = source.root().named_descendant_for_byte_range(range.start as usize, range.end as usize);
    let assignment =
        read.and_then(|node| node.parent()).filter(|node| node.kind() == "assignment").ok_or_else(refused)?;
    let target =
        assignment.child_by_field_name("left").filter(|node| node.kind() == "identifier").ok_or_else(refused)?;
    let by_get = read.is_some_and(|node| node.kind() == "call");
    let statement =
        assignment.parent().filter(|node| node.kind() == "expression_statement" && by_get).ok_or_else(refused)?;
    let (edit, imports) = refusal(fixer, &source, statement, target)?;
    let mut edits = vec![edit];
    edits.extend(imports.edits());
    let title = "Answer 401 where the claim is missing".to_owned();
    fixer.checked(vec![(source.file, edits)], Vec::new(), title, Applicability::Safe)
}

fn refusal<'f, 's>(
    fixer: &'f Fixer<'s>,
    source: &std::rc::Rc<Source>,
    statement: Node<'_>,
    target: Node<'_>,
) -> Result<(crate::ide::TextEdit, Imports<'f, 's>), Refusal> {
    let text = &*source.text;
    let name = text.get(target.byte_range()).unwrap_or_default();
    let start = statement.start_byte();
    let line = text.get(..start).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    let indent = text.get(line..start).unwrap_or_default();
    let (unit, ending) = (&source.layout.unit, source.layout.ending);
    let mut imports = Imports::new(fixer, source, None)?;
    let exception = imports.of_package(&["fastapi", "fastapi.exceptions"], "HTTPException")?;
    let written = format!(
        "{ending}{indent}if {name} is None:{ending}{indent}{unit}raise {exception}(status_code=401, detail=\"Not authenticated\", headers={{\"WWW-Authenticate\": \"Bearer\"}})"
    );
    Ok((insertion(statement.end_byte(), written), imports))
}
