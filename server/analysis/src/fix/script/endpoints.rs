//! A session check for an endpoint that acts for whoever calls it.

use tree_sitter::Node;

use super::imports::{Spelled, of_module, of_package};
use super::{FUNCTIONS, around, free_name, insert_before, is_async, marked, semicolon, text_of};
use crate::facts::typescript::tree::{Declarator, ExprKind, Pattern, StmtKind};
use crate::fix::{Fixer, Source};
use crate::ide::{Applicability, Diagnostic, Fix, Refusal};
use crate::rules::server_endpoint_without_session::is_delivered_to;
use crate::vfs::FileId;

/// The fix of an endpoint without a session.
pub(super) fn session(fixer: &Fixer<'_>, diagnostic: &Diagnostic) -> Result<Fix, Refusal> {
    let file = diagnostic.location.file;
    let source = fixer.source(file)?;
    let path = fixer.state.sources.file(file).map_or("", |source| source.path.as_str());
    let name = marked(&source, diagnostic)?;
    if is_delivered_to(path, text_of(&source, name)) {
        return Err(Refusal("whoever delivers there has no session: verify what it signs its requests with".into()));
    }
    let (auth_module, auth) = server(fixer)?;
    let function = function_of(name)?;
    if !is_async(function) {
        return Err(Refusal("the function is not `async`, so that it can't wait for the session".into()));
    }
    let body = function.child_by_field_name("body").filter(|body| body.kind() == "statement_block");
    let first = body.and_then(first_statement).ok_or_else(|| Refusal("the function has no statements".into()))?;
    let is_action = is_action(&source, function);
    if !is_action && path.contains("/pages/") {
        return Err(Refusal("what answers in `pages/api` is written in another way".into()));
    }
    let Spelled { name: auth, mut edits } = of_module(fixer, &source, auth_module, &auth)?;
    let Spelled { name: headers, edits: imported } = of_package(&source, "next/headers", "headers")?;
    edits.extend(imported);
    let session = free_name(&source, first, &["session", "currentSession", "signedIn"])?;
    let (end, quote) = (semicolon(&source), super::quote(&source.text));
    let refusal = match is_action {
        true => format!("throw new Error({quote}not signed in{quote})"),
        false if source.text.contains("NextResponse.json(") => {
            format!("return NextResponse.json({{ detail: {quote}not signed in{quote} }}, {{ status: 401 }})")
        }
        false => "return new Response(null, { status: 401 })".to_owned(),
    };
    let lines = [
        format!("const {session} = await {auth}.api.getSession({{ headers: await {headers}() }}){end}"),
        format!("if (!{session}) {refusal}{end}"),
    ];
    edits.push(insert_before(&source, first, &lines));
    fixer.checked_script(vec![(file, edits)], "Ask for the session first".to_owned(), Applicability::Unsafe)
}

/// The function that a name is declared with.
fn function_of(name: Node<'_>) -> Result<Node<'_>, Refusal> {
    let declared = around(name).find_map(|node| match node.kind() {
        kind if FUNCTIONS.contains(&kind) => Some(node),
        "variable_declarator" => node.child_by_field_name("value").filter(|value| FUNCTIONS.contains(&value.kind())),
        _ => None,
    });
    let own = Some(name).filter(|node| FUNCTIONS.contains(&node.kind()));
    own.or(declared).ok_or_else(|| Refusal("the function is made by another one".into()))
}

/// The first statement of a body that is no directive.
fn first_statement(body: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = body.walk();
    body.named_children(&mut cursor).find(|statement| {
        let is_directive = statement.kind() == "expression_statement"
            && statement.named_child(0).is_some_and(|value| value.kind() == "string");
        statement.kind() != "comment" && !is_directive
    })
}

/// Whether a function is a server action: the file says so, or it does itself.
fn is_action(source: &Source, function: Node<'_>) -> bool {
    let says = |node: Node<'_>| {
        let mut cursor = node.walk();
        node.named_children(&mut cursor)
            .any(|child| text_of(source, child).trim_end_matches(';').trim_matches(['"', '\'']) == "use server")
    };
    says(source.root()) || function.child_by_field_name("body").is_some_and(says)
}

/// What the project exports its Better Auth as.
fn server(fixer: &Fixer<'_>) -> Result<(FileId, String), Refusal> {
    let state = fixer.state;
    for (file, outcome) in state.frontend.outcomes() {
        if outcome.issuers.is_empty() {
            continue;
        }
        let Some(facts) = state.sources.file(file).and_then(|file| file.script.as_ref()) else { continue };
        for stmt in &*facts.stmts() {
            let StmtKind::Export(declared) = &stmt.kind else { continue };
            let StmtKind::Declare(declared) = &declared.kind else { continue };
            for Declarator { target, value } in declared {
                if let (Pattern::Name(name, _), Some(ExprKind::Call(call))) = (target, value.as_ref().map(|v| &v.kind))
                    && matches!(&call.callee.kind, ExprKind::Name(callee) if facts.imports.get(callee).is_some_and(|(module, there)| module == "better-auth" && there == "betterAuth"))
                {
                    return Ok((file, name.to_string()));
                }
            }
        }
    }
    Err(Refusal("the project exports no configuration of Better Auth that could be asked".into()))
}
