//! A verification with the public keys that Better Auth serves, in the place of one with a secret.

use std::ops::Range;

use tree_sitter::Node;

use super::imports::Imports;
use super::layout::{insertion, line_start, replacement};
use super::verifier::{argument, expected, give, unreadable};
use super::{Fixer, Source};
use crate::auth::tokens::Library;
use crate::ide::{Applicability, Fix, Refusal, TextEdit};
use crate::verdicts::agreement::Refused;

/// The variable from which a new verifier reads where public keys are served.
const KEYS_VARIABLE: &str = "BETTER_AUTH_JWKS_URL";
/// Where they are served, behind an origin.
const KEYS_PATH: &str = "/api/auth/jwks";
/// The client for public keys.
const CLIENT: &str = "jwks_client";

/// The verification with PyJWT and the public keys that Better Auth serves.
pub(super) fn rewritten(
    fixer: &Fixer<'_>,
    refused: &Refused,
    source: &std::rc::Rc<Source>,
    call: Node<'_>,
    algorithm: &str,
) -> Result<Fix, Refusal> {
    let library = refused.library.ok_or_else(unreadable)?;
    let text = &*source.text;
    let signed = refused.signed.as_ref().ok_or_else(unreadable)?;
    let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let named = match library {
        Library::PyJwt | Library::Jose => "jwt",
        Library::Authlib => "s",
        Library::Joserfc => "value",
    };
    let token = argument(text, arguments, named, Some(0)).or_else(|| argument(text, arguments, "token", None));
    let token = token.filter(|token| token.kind() != "list_splat").ok_or_else(unreadable)?;
    let token = text.get(token.byte_range()).ok_or_else(unreadable)?;
    if fixer.state.sources.facts(source.file).is_some_and(|facts| facts.bindings.contains_key(CLIENT)) {
        return Err(Refusal(format!("`{CLIENT}` is bound already")));
    }
    let top = std::iter::successors(Some(call), Node::parent)
        .take_while(|node| node.kind() != "module")
        .last()
        .ok_or_else(unreadable)?;
    let mut imports = Imports::new(fixer, source, None)?;
    let client = imports.of_package(&["jwt"], "PyJWKClient")?;
    let root_error = imports.of_package(&["jwt", "jwt.exceptions"], "PyJWTError")?;
    let address = match address(source, top) {
        Some(address) => address,
        None => format!("{}[\"{KEYS_VARIABLE}\"]", imports.of_package(&["os"], "environ")?),
    };
    let mut edits = Vec::new();
    let wanted = [
        ("key", Some(1), format!("{CLIENT}.get_signing_key_from_jwt({token}).key")),
        ("algorithms", Some(2), format!("[\"{algorithm}\"]")),
        ("audience", None, expected(&signed.audience, source, &mut imports)?),
        ("issuer", None, expected(&signed.issuer, source, &mut imports)?),
        ("options", None, "{\"require\": [\"exp\", \"sub\"]}".to_owned()),
    ];
    // python-jose is told more: a token that belongs to another one, leeway in its options.
    if ["access_token", "subject"].iter().any(|name| argument(text, arguments, name, None).is_some()) {
        return Err(Refusal("the call has arguments that PyJWT does not know".into()));
    }
    // Keys that nobody looks at any more need not be fetched.
    if let Some(key) = argument(text, arguments, "key", Some(1)) {
        edits.extend(last_use(text, key).map(|range| replacement(range, String::new())));
    }
    match library {
        Library::PyJwt => give(source, arguments, &wanted, &mut edits)?,
        Library::Jose => {
            give(source, arguments, &wanted, &mut edits)?;
            let callee = call.child_by_field_name("function").ok_or_else(unreadable)?;
            edits.push(replacement(callee.byte_range(), imports.of_package(&["jwt"], "decode")?));
        }
        Library::Authlib | Library::Joserfc => {
            let decode = imports.of_package(&["jwt"], "decode")?;
            edits.push(replacement(call.byte_range(), whole_call(source, call, &decode, token, &wanted)));
            without_validation(source, call, library, &mut edits)?;
        }
    }
    // Keys that can't be fetched are no invalid tokens: only the root of all errors is both.
    widen(text, call, &root_error, &mut edits)?;
    let ending = source.layout.ending;
    edits.push(insertion(top.start_byte(), format!("{CLIENT} = {client}({address}){ending}{ending}{ending}")));
    // The client waits for an answer: FastAPI runs a plain function beside its loop.
    if let Some(function) = enclosing(call, "function_definition")
        && let Some(first) = function.child(0).filter(|first| first.kind() == "async")
    {
        let body = text.get(function.byte_range()).unwrap_or_default();
        let is_deleted = |at: usize| {
            let inside = |edit: &TextEdit| {
                edit.text.is_empty() && (edit.range.start as usize..edit.range.end as usize).contains(&at)
            };
            edits.iter().any(inside)
        };
        let waits = ["await ", "async with"]
            .iter()
            .any(|word| body.match_indices(word).any(|(at, _)| !is_deleted(function.start_byte() + at)));
        if !refused.is_dependency || waits {
            return Err(Refusal("the function waits for others, and the client for keys would block them".into()));
        }
        let next = function.child(1).ok_or_else(unreadable)?;
        edits.push(replacement(first.start_byte()..next.start_byte(), String::new()));
    }
    edits.extend(imports.edits());
    let title = "Verify with the public keys that Better Auth serves".to_owned();
    fixer.checked(vec![(refused.site.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// A call with a token and what is wanted of it, on one line or on several.
fn whole_call(
    source: &Source,
    call: Node<'_>,
    decode: &str,
    token: &str,
    wanted: &[(&str, Option<usize>, String)],
) -> String {
    let mut arguments = vec![token.to_owned()];
    arguments.extend(wanted.iter().map(|(name, position, value)| match position {
        Some(1) => value.clone(),
        _ => format!("{name}={value}"),
    }));
    let text = &*source.text;
    let line = text.get(line_start(text, call.start_byte())..).unwrap_or_default();
    let indent: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let (ending, unit) = (source.layout.ending, &source.layout.unit);
    let inner = format!(",{ending}{indent}{unit}");
    format!("{decode}({ending}{indent}{unit}{},{ending}{indent})", arguments.join(&inner))
}

/// The address of the public keys where the code knows it already: a text
/// before the function, or one made of variables that are bound there.
fn address(source: &Source, top: Node<'_>) -> Option<String> {
    let text = &*source.text;
    let mut open = vec![source.root()];
    while let Some(node) = open.pop() {
        if node.kind() == "string" {
            let written = text.get(node.byte_range())?;
            if written.trim_end_matches(['"', '\'']).ends_with(KEYS_PATH) && is_bound(source, node, top) {
                return Some(written.to_owned());
            }
            continue;
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    None
}

/// Whether all that a text is made of is a variable of the module, bound before a statement.
fn is_bound(source: &Source, string: Node<'_>, top: Node<'_>) -> bool {
    let text = &*source.text;
    let root = source.root();
    let mut cursor = string.walk();
    let parts: Vec<Node<'_>> =
        string.named_children(&mut cursor).filter(|part| part.kind() == "interpolation").collect();
    parts.iter().all(|part| {
        let name = part.named_child(0).filter(|inner| inner.kind() == "identifier");
        let name = name.and_then(|inner| text.get(inner.byte_range()));
        let mut cursor = root.walk();
        let mut statements =
            root.named_children(&mut cursor).take_while(|statement| statement.start_byte() < top.start_byte());
        name.is_some_and(|name| {
            statements.any(|statement| {
                let left = statement.named_child(0).and_then(|assignment| assignment.child_by_field_name("left"));
                left.and_then(|left| text.get(left.byte_range())) == Some(name)
            })
        })
    })
}

/// The lines of the statement that gives a variable of a function its value,
/// where one other place names it.
fn last_use(text: &str, key: Node<'_>) -> Option<Range<usize>> {
    let name = text.get(key.byte_range()).filter(|_| key.kind() == "identifier")?;
    let function = enclosing(key, "function_definition")?;
    let named = nodes(function, &|node| node.kind() == "identifier" && text.get(node.byte_range()) == Some(name));
    let [first, second] = named.as_slice() else { return None };
    let other = if first.id() == key.id() { second } else { first };
    let assignment = other.parent().filter(|node| {
        node.kind() == "assignment" && node.child_by_field_name("left").is_some_and(|left| left.id() == other.id())
    })?;
    let statement = assignment.parent().filter(|node| node.kind() == "expression_statement")?;
    (statement.parent()?.named_child_count() > 1).then(|| lines_of(text, statement))
}

/// The lines of a statement, up to the next one.
pub(super) fn lines_of(text: &str, statement: Node<'_>) -> Range<usize> {
    let end = text.get(statement.end_byte()..).and_then(|rest| rest.find('\n'));
    line_start(text, statement.start_byte())..end.map_or(text.len(), |at| statement.end_byte() + at + 1)
}

/// The nodes in another one that are picked.
pub(super) fn nodes<'t>(within: Node<'t>, picks: &dyn Fn(Node<'t>) -> bool) -> Vec<Node<'t>> {
    let (mut found, mut open) = (Vec::new(), vec![within]);
    while let Some(node) = open.pop() {
        if picks(node) {
            found.push(node);
        }
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor));
    }
    found
}

/// Takes away what authlib and joserfc validate apart: PyJWT has done it, and
/// gives the claims themselves.
fn without_validation(
    source: &Source,
    call: Node<'_>,
    library: Library,
    edits: &mut Vec<TextEdit>,
) -> Result<(), Refusal> {
    let text = &*source.text;
    let elsewhere = || Refusal("what is verified is not kept in a variable".into());
    let assignment = call.parent().filter(|node| node.kind() == "assignment").ok_or_else(elsewhere)?;
    let result =
        assignment.child_by_field_name("left").filter(|node| node.kind() == "identifier").ok_or_else(elsewhere)?;
    let name = text.get(result.byte_range()).ok_or_else(unreadable)?;
    let function = enclosing(call, "function_definition").ok_or_else(elsewhere)?;
    let is_name = |node: Node<'_>| node.kind() == "identifier" && text.get(node.byte_range()) == Some(name);
    let validates = |statement: Node<'_>| {
        let called =
            statement.named_child(0).filter(|node| statement.kind() == "expression_statement" && node.kind() == "call");
        called.is_some_and(|called| {
            let method =
                called.child_by_field_name("function").and_then(|callee| callee.child_by_field_name("attribute"));
            let is_validate = method.is_some_and(|method| text.get(method.byte_range()) == Some("validate"));
            is_validate && !nodes(called, &is_name).is_empty()
        })
    };
    let statements = nodes(function, &validates);
    edits.extend(statements.iter().map(|statement| replacement(lines_of(text, *statement), String::new())));
    let is_gone =
        |node: Node<'_>| statements.iter().any(|statement| statement.byte_range().contains(&node.start_byte()));
    for used in nodes(function, &is_name).into_iter().filter(|node| node.id() != result.id() && !is_gone(*node)) {
        let attribute = used.parent().filter(|parent| {
            parent.kind() == "attribute"
                && parent.child_by_field_name("object").is_some_and(|object| object.id() == used.id())
        });
        let Some(attribute) = attribute else { continue };
        let read = attribute.child_by_field_name("attribute").and_then(|read| text.get(read.byte_range()));
        match (library, read) {
            (Library::Joserfc, Some("claims")) => edits.push(replacement(attribute.byte_range(), name.to_owned())),
            (Library::Authlib, Some("get" | "items" | "keys" | "values" | "pop")) => {}
            _ => return Err(Refusal("more is read from the token than its claims".into())),
        }
    }
    Ok(())
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
        let mut cursor = caught.walk();
        let several: Vec<Node<'_>> = match caught.kind() {
            "tuple" => caught.named_children(&mut cursor).collect(),
            _ => vec![caught],
        };
        for caught in several {
            let name = text.get(caught.byte_range()).unwrap_or_default();
            match name.rsplit('.').next() {
                Some("PyJWTError" | "Exception" | "BaseException") => return Ok(()),
                Some("InvalidTokenError" | "JWTError" | "JOSEError" | "JoseError") => narrow = Some(caught),
                _ => {}
            }
        }
    }
    let narrow = narrow.ok_or_else(none)?;
    edits.push(replacement(narrow.byte_range(), root_error.to_owned()));
    Ok(())
}

/// The nearest node of a kind around another one, in the same function.
pub(super) fn enclosing<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
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
