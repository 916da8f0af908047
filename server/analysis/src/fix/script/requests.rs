//! The token for a request that carries none, in the project's own way; and
//! the rewrite that comes too early.

use tree_sitter::Node;

use super::central;
use super::imports::{Spelled, of_module};
use super::{async_around, bearer, free_name, insert_before, marked, semicolon, statement_around, text_of, unreadable};
use crate::facts::typescript::file::Export;
use crate::fix::guard::keep;
use crate::fix::layout::replacement;
use crate::fix::{Fixer, Source};
use crate::frontend::locate;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::vfs::FileId;

/// A function of the project that gives a token.
struct Giver {
    module: FileId,
    name: String,
    /// Whether it is waited for.
    is_async: bool,
}

/// Appends the fix of a request without a token.
pub(in crate::fix) fn missing(
    fixer: &Fixer<'_>,
    diagnostic: &Diagnostic,
    fixes: &mut Vec<Fix>,
    refusals: &mut Vec<Refusal>,
) {
    keep(attached(fixer, diagnostic), fixes, refusals);
    // The other way is not missed where there is one.
    fixes.extend(central::created(fixer, diagnostic));
}

fn attached(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let callee = marked(&source, diagnostic)?;
    let call = callee.parent().filter(|call| call.kind() == "call_expression").ok_or_else(unreadable)?;
    if text_of(&source, callee) != "fetch" {
        return Err(Refusal("the request is not made here by `fetch`".into()));
    }
    let mut edits = Vec::new();
    let giver = givers(fixer).into_iter().find_map(|giver| {
        let spelled = of_module(fixer, &source, giver.module, &giver.name).ok()?;
        Some((giver, spelled))
    });
    let end = semicolon(&source);
    let quote = super::quote(&source.text);
    let leave = |missing: &str| format!("if (!{missing}) throw new Error({quote}not signed in{quote}){end}");
    let (token, title) = if let Some((giver, Spelled { name, edits: imported })) = giver {
        if giver.is_async {
            async_around(call)?;
        }
        edits.extend(imported);
        let given = if giver.is_async { format!("await {name}()") } else { format!("{name}()") };
        (given, format!("Send the token that `{name}` gives"))
    } else if let Some((area, key)) = stored(fixer) {
        let name = free_name(&source, call, &["token", "accessToken", "bearerToken"])?;
        let lines = [format!("const {name} = {area}.getItem({quote}{key}{quote}){end}"), leave(&name)];
        edits.push(insert_before(&source, statement_around(call)?, &lines));
        (name, format!("Send the token that `{area}` holds under `{key}`"))
    } else {
        async_around(call)?;
        let (module, name) = client(fixer)?;
        let Spelled { name, edits: imported } = of_module(fixer, &source, module, &name)?;
        edits.extend(imported);
        let data = free_name(&source, call, &["session", "issued", "tokenData"])?;
        let lines = [format!("const {{ data: {data} }} = await {name}.token(){end}"), leave(&data)];
        edits.push(insert_before(&source, statement_around(call)?, &lines));
        (format!("{data}.token"), format!("Send the token that `{name}` gives"))
    };
    edits.push(with_header(&source, call, &format!("Authorization: `Bearer ${{{token}}}`"))?);
    fixer.checked_script(vec![(file, edits)], title, Applicability::Unsafe)
}

/// One more header of a call of `fetch`.
fn with_header(source: &Source, call: Node<'_>, header: &str) -> Result<TextEdit, Refusal> {
    let list = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let mut cursor = list.walk();
    let arguments: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    let headers = format!("headers: {{ {header} }}");
    match arguments.as_slice() {
        [url] => Ok(replacement(url.end_byte()..url.end_byte(), format!(", {{ {headers} }}"))),
        [_, options] if options.kind() == "object" => match property(source, *options, "headers") {
            None => Ok(first_in(source, *options, &headers)),
            Some(value) if value.kind() == "object" => Ok(first_in(source, value, header)),
            Some(_) => Err(Refusal("the headers are made elsewhere".into())),
        },
        _ => Err(Refusal("the options of the request are made elsewhere".into())),
    }
}

/// The value of a property of an object.
pub(super) fn property<'t>(source: &Source, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    let mut cursor = object.walk();
    object.named_children(&mut cursor).find_map(|pair| match pair.kind() {
        "pair" => {
            let key = pair.child_by_field_name("key")?;
            let is_it = text_of(source, key).trim_matches(['"', '\'']) == name;
            if is_it { pair.child_by_field_name("value") } else { None }
        }
        "shorthand_property_identifier" if text_of(source, pair) == name => Some(pair),
        _ => None,
    })
}

/// A property before the first of an object.
pub(super) fn first_in(source: &Source, object: Node<'_>, written: &str) -> TextEdit {
    let mut cursor = object.walk();
    match object.named_children(&mut cursor).next() {
        Some(first) => {
            let at = first.start_byte();
            let line = crate::fix::layout::line_start(&source.text, at);
            let own_line = source.text[line..at].trim().is_empty();
            let between = match own_line {
                true => format!("{}{}", source.layout.ending, crate::fix::layout::indentation(&source.text, at)),
                false => " ".to_owned(),
            };
            replacement(at..at, format!("{written},{between}"))
        }
        None => replacement(object.byte_range(), format!("{{ {written} }}")),
    }
}

/// Functions without parameters whose result the project sends as a token, those
/// that most requests use first.
fn givers(fixer: &Fixer<'_>) -> Vec<Giver> {
    let state = fixer.state;
    let mut found: Vec<Giver> = Vec::new();
    let mut places: Vec<_> = state
        .frontend
        .outcomes()
        .flat_map(|(file, outcome)| outcome.bearers.iter().filter(move |bearer| bearer.place.file == file))
        .filter_map(|bearer| Some((locate(&state.sources, bearer.place)?, bearer.fault)))
        .collect();
    places.sort_by_key(|(location, _)| *location);
    for (location, fault) in places {
        let Ok(source) = fixer.source(location.file) else { continue };
        let Ok(node) = super::node_at(&source, location.range.start as usize..location.range.end as usize) else {
            continue;
        };
        let Ok(value) = bearer::spelled(&source, node) else { continue };
        let (is_waited, call) = match value.strip_prefix("await ") {
            Some(call) => (true, call.trim()),
            None => (false, value),
        };
        let Some(name) = call.strip_suffix("()") else { continue };
        // One that is sent without being waited for gives a promise.
        let is_async = is_waited || fault == Some(crate::frontend::outcome::Fault::Promise);
        if fault.is_some() && !is_async {
            continue;
        }
        let facts = state.sources.file(location.file).and_then(|file| file.script.as_ref());
        let Some(facts) = facts else { continue };
        let exported = facts.exports.iter().find(|(_, export)| matches!(export, Export::Local(own) if own == name));
        let giver = match (exported, facts.imports.get(name)) {
            (Some((exported, _)), _) => Giver { module: location.file, name: exported.to_string(), is_async },
            (None, Some((module, there))) => match state.frontend.resolve(&state.sources, location.file, module) {
                crate::frontend::modules::Resolved::File(module) => Giver { module, name: there.to_string(), is_async },
                crate::frontend::modules::Resolved::Package(_) => continue,
            },
            _ => continue,
        };
        if !found.iter().any(|other| other.module == giver.module && other.name == giver.name) {
            found.push(giver);
        }
    }
    found
}

/// Where the browser keeps the token that most requests of the project send.
pub(super) fn stored(fixer: &Fixer<'_>) -> Option<(&'static str, String)> {
    use crate::frontend::outcome::{Area, TokenSource};
    let mut counts: std::collections::BTreeMap<(Area, &str), usize> = std::collections::BTreeMap::new();
    for bearer in fixer.state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.bearers) {
        if let TokenSource::Storage(area @ (Area::Local | Area::Session), Some(key)) = &bearer.source {
            *counts.entry((*area, key)).or_default() += 1;
        }
    }
    let ((area, key), _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let is_plain = !key.contains(['"', '\'', '\\']);
    is_plain.then(|| (if area == Area::Local { "localStorage" } else { "sessionStorage" }, key.to_owned()))
}

/// What the project calls its client of Better Auth that gives tokens.
pub(super) fn client(fixer: &Fixer<'_>) -> Result<(FileId, String), Refusal> {
    use crate::facts::typescript::tree::{Declarator, ExprKind, Pattern, StmtKind};
    let state = fixer.state;
    for (file, _) in state.frontend.outcomes() {
        let Some(facts) = state.sources.file(file).and_then(|file| file.script.as_ref()) else { continue };
        let makes = facts.imports.get("createAuthClient").is_some_and(|(module, _)| module.starts_with("better-auth"));
        // Without it TypeScript knows of no `token()`.
        if !makes || !facts.imports.values().any(|(_, there)| there == "jwtClient") {
            continue;
        }
        for stmt in &*facts.stmts() {
            let StmtKind::Export(declared) = &stmt.kind else { continue };
            let StmtKind::Declare(declared) = &declared.kind else { continue };
            for Declarator { target, value } in declared {
                if let (Pattern::Name(name, _), Some(ExprKind::Call(call))) = (target, value.as_ref().map(|v| &v.kind))
                    && matches!(&call.callee.kind, ExprKind::Name(callee) if callee == "createAuthClient")
                {
                    return Ok((file, name.to_string()));
                }
            }
        }
    }
    Err(Refusal(
        "the project has no function that gives a token, and no client of Better Auth with `jwtClient()`".into(),
    ))
}

/// The fix of a rewrite that comes before the handler of Better Auth.
pub(super) fn rewrite(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let entry = marked(&source, diagnostic)?;
    let refused = || Refusal("the rewrites do not stand in one list that is returned".into());
    let list = entry.parent().filter(|list| list.kind() == "array" && entry.kind() == "object").ok_or_else(refused)?;
    let holder = list.parent().map(|parent| match parent.kind() {
        "parenthesized_expression" => parent.parent().unwrap_or(parent),
        _ => parent,
    });
    let holder = holder.filter(|holder| matches!(holder.kind(), "return_statement" | "arrow_function"));
    let is_value = holder.ok_or_else(refused)?.kind() == "arrow_function";
    let mut cursor = list.walk();
    let entries: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    let text = &*source.text;
    let written = text_of(&source, entry);
    let (after, has_others) = match entries.as_slice() {
        [_] => (String::new(), false),
        _ => {
            let at = entries.iter().position(|other| other.id() == entry.id()).ok_or_else(refused)?;
            let taken = match entries.get(at + 1) {
                Some(next) => entry.start_byte()..next.start_byte(),
                None => entries[at - 1].end_byte()..entry.end_byte(),
            };
            let rest = format!("{}{}", &text[list.start_byte()..taken.start], &text[taken.end..list.end_byte()]);
            (format!("afterFiles: {rest}, "), true)
        }
    };
    let fallback = if has_others { format!("[{written}]") } else { text_of(&source, list).to_owned() };
    let object = format!("{{ {after}fallback: {fallback} }}");
    let in_braces = list.parent().is_some_and(|parent| parent.kind() == "parenthesized_expression");
    let object = if is_value && !in_braces { format!("({object})") } else { object };
    let edits = vec![replacement(list.byte_range(), object)];
    fixer.checked_script(vec![(file, edits)], "Move the rewrite to `fallback`".to_owned(), Applicability::Unsafe)
}
