//! No further try where the backend refuses the caller.

use tree_sitter::Node;

use super::requests::{first_in, property};
use super::{marked, text_of, unreadable};
use crate::fix::layout::replacement;
use crate::fix::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};

/// How often React Query tries again when nothing is said.
const DEFAULT_RETRIES: &str = "3";

/// The fix of a library that asks again.
pub(super) fn retries(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let callee = marked(&source, diagnostic)?;
    let call = callee.parent().ok_or_else(unreadable)?;
    let edit = match call.kind() {
        "new_expression" => of_client(fixer, &source, call)?,
        "call_expression" if text_of(&source, callee).starts_with("useSWR") => of_swr(fixer, &source, call)?,
        _ => return Err(Refusal("what is made again does not stand here".into())),
    };
    let title = "Try no further after 401 and 403".to_owned();
    fixer.checked_script(vec![(file, vec![edit])], title, Applicability::Unsafe)
}

/// The status of an error, as axios and most clients keep it.
fn refused(fixer: &Fixer<'_>, source: &Source) -> String {
    let path = fixer.state.sources.file(source.file).map_or("", |source| source.path.as_str());
    let error = match path.ends_with(".ts") || path.ends_with(".tsx") {
        true => "const { status, response } = error as { status?: number; response?: { status?: number } };",
        false => "const { status, response } = error;",
    };
    format!("{{ {error} return ![401, 403].includes(response?.status ?? status ?? 0)")
}

/// `new QueryClient({ defaultOptions: { queries: { retry } } })`.
fn of_client(fixer: &Fixer<'_>, source: &Source, call: Node<'_>) -> Result<TextEdit, Refusal> {
    let refused = refused(fixer, source);
    let retry = |times: &str| format!("(count, error) => {refused} && count < {times}; }}");
    let written = format!("retry: {}", retry(DEFAULT_RETRIES));
    let elsewhere = || Refusal("the options are made elsewhere".into());
    let Some(list) = call.child_by_field_name("arguments") else {
        let at = call.end_byte();
        return Ok(replacement(at..at, format!("({{ defaultOptions: {{ queries: {{ {written} }} }} }})")));
    };
    let Some(options) = list.named_child(0) else {
        return Ok(replacement(list.byte_range(), format!("({{ defaultOptions: {{ queries: {{ {written} }} }} }})")));
    };
    let mut holder = options;
    let mut missing: Vec<&str> = vec!["queries", "defaultOptions"];
    while let Some(name) = missing.last() {
        if holder.kind() != "object" {
            return Err(elsewhere());
        }
        let Some(inner) = property(source, holder, name) else { break };
        holder = inner;
        missing.pop();
    }
    if holder.kind() != "object" {
        return Err(elsewhere());
    }
    if missing.is_empty()
        && let Some(value) = property(source, holder, "retry")
    {
        let times = match value.kind() {
            "number" => text_of(source, value),
            _ => DEFAULT_RETRIES,
        };
        return Ok(replacement(value.byte_range(), retry(times)));
    }
    let whole = missing.iter().fold(written, |inner, name| format!("{name}: {{ {inner} }}"));
    Ok(first_in(source, holder, &whole))
}

/// `useSWR(key, fetcher, { shouldRetryOnError })`.
fn of_swr(fixer: &Fixer<'_>, source: &Source, call: Node<'_>) -> Result<TextEdit, Refusal> {
    let written = format!("shouldRetryOnError: (error) => {}; }}", refused(fixer, source));
    let list = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
    let mut cursor = list.walk();
    let arguments: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    match arguments.as_slice() {
        [_, fetcher] => Ok(replacement(fetcher.end_byte()..fetcher.end_byte(), format!(", {{ {written} }}"))),
        [_, _, options] if options.kind() == "object" => Ok(first_in(source, *options, &written)),
        _ => Err(Refusal("the options are made elsewhere".into())),
    }
}
