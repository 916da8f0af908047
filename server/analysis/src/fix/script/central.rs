//! One client module for requests that carry the token, where the project has none.

use super::imports::of_new_module;
use super::requests::{client, stored};
use super::{marked, quote, semicolon, text_of};
use crate::fix::Fixer;
use crate::fix::layout::replacement;
use crate::frontend::outcome::Client;
use crate::ide::{Applicability, Diagnostic, Fix, NewFile, Refusal};
use crate::vfs::FileId;

/// The name of the module, and of the function in it.
const MODULE: &str = "api-client";
const FUNCTION: &str = "apiFetch";

/// Makes the module, and has the request go through it.
pub(super) fn created(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let state = fixer.state;
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let callee = marked(&source, diagnostic)?;
    if text_of(&source, callee) != "fetch" {
        return Err(Refusal("the request is not made here by `fetch`".into()));
    }
    let is_there = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.requests).any(|request| {
        // One that other modules call already is the client.
        request.client == Client::Fetch && request.place.file != request.call.file
    });
    if is_there {
        return Err(Refusal("requests of the project go through functions of its own already".into()));
    }
    let (end, quote) = (semicolon(&source), quote(&source.text));
    let leave = format!("throw new Error({quote}not signed in{quote}){end}");
    let (beside, imported, token): (FileId, String, Vec<String>) = match stored(fixer) {
        Some((area, key)) => {
            let take = format!("  const token = {area}.getItem({quote}{key}{quote}){end}");
            (file, String::new(), vec![take, format!("  if (!token) {leave}")])
        }
        None => {
            let (module, name) = client(fixer)?;
            let path = state.sources.file(module).map_or("", |source| source.path.as_str());
            let stem = path.rsplit_once('/').map_or(path, |(_, name)| name);
            let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
            let import = format!("import {{ {name} }} from {quote}./{stem}{quote}{end}");
            let take = format!("  const {{ data }} = await {name}.token(){end}");
            (module, import, vec![take, format!("  if (!data) {leave}"), format!("  const {{ token }} = data{end}")])
        }
    };
    let spelled = of_new_module(fixer, &source, beside, MODULE, FUNCTION)?;
    let path = state.sources.file(beside).map_or("", |source| source.path.as_str());
    let (folder, name) = path.rsplit_once('/').ok_or_else(super::unreadable)?;
    let is_typed = name.ends_with(".ts") || name.ends_with(".tsx");
    let path = format!("{folder}/{MODULE}.{}", if is_typed { "ts" } else { "js" });
    if state.sources.id(&path).is_some() {
        return Err(Refusal(format!("there is a `{MODULE}` already")));
    }
    let signature = match is_typed {
        true => format!(
            "export async function {FUNCTION}(input: string | URL, init: RequestInit = {{}}): Promise<Response> {{"
        ),
        false => format!("export async function {FUNCTION}(input, init = {{}}) {{"),
    };
    let mut lines: Vec<String> = Vec::new();
    if !imported.is_empty() {
        lines.extend([imported, String::new()]);
    }
    lines.push(
        "/** Sends a request with the token of whoever is signed in. After a refusal nothing is sent again. */".into(),
    );
    lines.push(signature);
    lines.extend(token);
    lines.push(format!("  const headers = new Headers(init.headers){end}"));
    lines.push(format!("  headers.set({quote}Authorization{quote}, `Bearer ${{token}}`){end}"));
    lines.push(format!("  const response = await fetch(input, {{ ...init, headers }}){end}"));
    lines.push(format!("  if (response.status === 401) {leave}"));
    lines.push(format!("  return response{end}"));
    lines.push("}".into());
    let text: String = lines.iter().flat_map(|line| [line.as_str(), source.layout.ending]).collect();
    let mut edits = spelled.edits;
    edits.push(replacement(callee.byte_range(), spelled.name));
    let title = format!("Create `{MODULE}`, which sends the token");
    let mut fix = fixer.checked_script(vec![(file, edits)], title, Applicability::Unsafe)?;
    fix.change.created.push(NewFile { path, text });
    Ok(fix)
}
