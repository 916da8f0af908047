//! `raise HTTPException(…)` in a middleware: the response that was meant.

use tree_sitter::Node;

use super::guard::keep;
use super::imports::Imports;
use super::layout::{Layout, indentation, line_start, replacement};
use super::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Location, Refusal, TextEdit};
use crate::rules::middleware_raises_http_exception::ALSO;

/// Parameters of `HTTPException`, in their order.
const PARAMETERS: [&str; 3] = ["status_code", "detail", "headers"];

/// What `HTTPException` takes for its detail where it is given none: the
/// phrases of `http.HTTPStatus`.
const PHRASES: &[(u32, &str)] = &[
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];

/// Appends the fix of a rejection that becomes a 500.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    keep(response(fixer, diagnostic), fixes, refusals);
}

fn response(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let mut imports = Imports::new(fixer, &source, None)?;
    let (edit, status) = returned(&source, diagnostic.location, &mut imports)?;
    let mut edits = vec![edit];
    let others = diagnostic.related.iter().filter(|step| step.message == ALSO && step.location.file == file);
    // Those that can't be written otherwise are found again by themselves.
    edits.extend(others.filter_map(|step| returned(&source, step.location, &mut imports).ok()).map(|(edit, _)| edit));
    let title = match edits.len() {
        1 => format!("Return a `JSONResponse` with status {status}"),
        count => format!("Return a `JSONResponse` in the place of each of {count} exceptions"),
    };
    edits.extend(imports.edits());
    fixer.checked(vec![(file, edits)], Vec::new(), title, Applicability::Safe)
}

/// The response in the place of one exception, and its status.
fn returned(source: &Source, at: Location, imports: &mut Imports<'_, '_>) -> Result<(TextEdit, String), Refusal> {
    let text = &*source.text;
    let range = at.range;
    let node = source.root().named_descendant_for_byte_range(range.start as usize, range.end as usize);
    let raise = node.filter(|node| node.kind() == "raise_statement");
    let raise =
        raise.ok_or_else(|| Refusal("it is raised by what is called here, which others may call, too".into()))?;
    if !in_middleware(raise, text) {
        return Err(Refusal("the `raise` stands in a helper, whose caller would have to hand the response on".into()));
    }
    let [status, detail, headers] = arguments(raise, text)?;
    let status = status.ok_or_else(|| Refusal("the exception is given no status".into()))?;
    let code = code(&status);
    let detail = match detail.filter(|detail| detail != "None") {
        Some(detail) => detail,
        None => {
            let phrase =
                PHRASES.iter().find(|(known, _)| Some(*known) == code).map(|(_, phrase)| format!("\"{phrase}\""));
            phrase.ok_or_else(|| Refusal("the exception is given no detail".into()))?
        }
    };
    let response = imports.of_package(&["fastapi.responses", "starlette.responses"], "JSONResponse")?;
    let mut written = vec![format!("{{\"detail\": {detail}}}"), format!("status_code={status}")];
    match headers.filter(|headers| headers != "None") {
        Some(headers) => written.push(format!("headers={headers}")),
        // A 401 has to say how to authenticate (RFC 9110, 15.5.2).
        None if code == Some(401) => written.push("headers={\"WWW-Authenticate\": \"Bearer\"}".to_owned()),
        None => {}
    }
    let statement = laid_out(text, &source.layout, raise.start_byte(), &response, &written);
    Ok((replacement(raise.byte_range(), statement), code.map_or(status, |code| code.to_string())))
}

/// Whether a statement stands in the function itself that answers requests:
/// the one that is given what comes next.
fn in_middleware(statement: Node<'_>, text: &str) -> bool {
    let mut functions = std::iter::successors(Some(statement), Node::parent)
        .filter(|node| matches!(node.kind(), "function_definition" | "lambda"));
    let Some(function) = functions.next().filter(|node| node.kind() == "function_definition") else { return false };
    let Some(parameters) = function.child_by_field_name("parameters") else { return false };
    let mut cursor = parameters.walk();
    let names = parameters.named_children(&mut cursor).filter(|node| node.kind() != "comment");
    let own = names.filter(|node| !matches!(text.get(node.byte_range()), Some("self" | "cls")));
    own.count() == 2
}

/// The arguments of the raised exception as they are written: status, detail, headers.
fn arguments(raise: Node<'_>, text: &str) -> Result<[Option<String>; 3], Refusal> {
    let not_plain = || Refusal("the exception is not given its status in a plain way".into());
    let call = raise.named_child(0).filter(|node| node.kind() == "call").ok_or_else(not_plain)?;
    let list = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list");
    let list = list.ok_or_else(not_plain)?;
    let mut found = [const { None }; 3];
    let mut cursor = list.walk();
    for (index, argument) in list.named_children(&mut cursor).enumerate() {
        let (at, value) = match argument.kind() {
            "comment" | "list_splat" | "dictionary_splat" => return Err(not_plain()),
            "keyword_argument" => {
                let name = argument.child_by_field_name("name").and_then(|name| text.get(name.byte_range()));
                (PARAMETERS.iter().position(|known| Some(*known) == name), argument.child_by_field_name("value"))
            }
            _ => (Some(index), Some(argument)),
        };
        let place = at.and_then(|at| found.get_mut(at)).ok_or_else(not_plain)?;
        let value = value.and_then(|value| text.get(value.byte_range())).ok_or_else(not_plain)?;
        *place = Some(value.to_owned());
    }
    Ok(found)
}

/// The number of a status: `401`, or `status.HTTP_401_UNAUTHORIZED`.
fn code(status: &str) -> Option<u32> {
    let name = status.rsplit('.').next()?;
    let digits = name.strip_prefix("HTTP_").map_or(name, |rest| rest.get(..3).unwrap_or_default());
    digits.parse().ok()
}

/// The `return` statement, on one line where it fits.
fn laid_out(text: &str, layout: &Layout, at: usize, response: &str, arguments: &[String]) -> String {
    let line = format!("return {response}({})", arguments.join(", "));
    let column = text[line_start(text, at)..at].chars().count();
    if column + line.chars().count() <= layout.limit || arguments.iter().any(|argument| argument.contains('\n')) {
        return line;
    }
    let Layout { ending, unit, .. } = layout;
    let outer = indentation(text, at);
    let lines: String = arguments.iter().map(|argument| format!("{ending}{outer}{unit}{argument},")).collect();
    format!("return {response}({lines}{ending}{outer})")
}
