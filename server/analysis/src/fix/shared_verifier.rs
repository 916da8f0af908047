//! A verification that is written twice: the function that has the claims already.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::algorithms::call_at;
use super::calls::depends;
use super::guard::keep;
use super::imports::Imports;
use super::layout::replacement;
use super::rewritten::{enclosing, lines_of};
use super::signature::{Parameter, add_parameter};
use super::verifier::{argument, unreadable};
use super::{Fixer, Source};
use crate::auth::tokens::{Algorithms, Decode};
use crate::facts::python::tree::Param;
use crate::ide::{Applicability, Diagnostic, Fix, Refusal, TextEdit};
use crate::index::value::{FunctionRef, Value};
use crate::rules::missing_auth_dependency::is_test;

/// Appends the fix of a verification that another function makes, too.
pub(super) fn fixes(fixer: &Fixer<'_>, diagnostic: &Diagnostic, fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let state = fixer.state;
    let mut decodes = state.tokens.items().flat_map(|(_, tokens)| &tokens.decodes);
    let Some(decode) = decodes.find(|decode| state.sources.locate(decode.site) == diagnostic.location) else { return };
    keep(by_other(fixer, decode), fixes, refusals);
}

fn by_other(fixer: &Fixer<'_>, decode: &Decode) -> Result<Fix, Refusal> {
    let none = || Refusal("no function of the project returns the claims of such a token".into());
    let state = fixer.state;
    let gives_them = |(file, other): &(crate::vfs::FileId, &Decode)| {
        other.site != decode.site && other.identity.returns_claims && is_same(decode, other) && !is_test(state, *file)
    };
    let mut all: Vec<_> = state
        .tokens
        .items()
        .flat_map(|(file, tokens)| tokens.decodes.iter().map(move |decode| (file, decode)))
        .filter(gives_them)
        .collect();
    all.sort_by_key(|(_, other)| other.site);
    let mut found = all.into_iter().filter_map(|(_, other)| function_of(fixer, other));
    let function = found.next().ok_or_else(none)?;
    let asks = |param: &&Param| {
        let is_asked = |value: Value| match value {
            Value::Depends(_) => true,
            Value::Annotated(annotated) => annotated.metadata.iter().any(|one| matches!(one, Value::Depends(_))),
            _ => false,
        };
        let written = param.default.iter().chain(&param.annotation);
        written.into_iter().any(|expr| is_asked(fixer.interpreter.eval_signature(&function, expr)))
    };
    let params = &function.def.params;
    let asked = params.iter().filter(asks).count();
    let source = fixer.source(decode.site.file)?;
    let call = call_at(&source, state.sources.locate(decode.site))?;
    let mut imports = Imports::new(fixer, &source, None)?;
    let name = &function.def.name.name;
    let is_it = |value: &Value| matches!(value, Value::Function(other) if other.site == function.site);
    let local = imports.of_project(name, function.site.file, &is_it)?;
    let mut edits = match (params.len(), asked) {
        (1, 0) if !function.def.is_async => {
            let arguments = call.child_by_field_name("arguments").ok_or_else(unreadable)?;
            let token = argument(&source.text, arguments, "jwt", Some(0)).ok_or_else(unreadable)?;
            let token = source.text.get(token.byte_range()).unwrap_or_default();
            vec![replacement(call.byte_range(), format!("{local}({token})"))]
        }
        (all, asked) if all == asked && asked > 0 => {
            if !decode.function.is_some_and(|function| state.in_use.is_used(function)) {
                return Err(Refusal("FastAPI does not call the function, and can't give it a dependency".into()));
            }
            let depends = depends(&mut imports)?;
            asked_for(&source, call, &format!("{depends}({local})"))?
        }
        _ => return Err(none()),
    };
    edits.extend(imports.edits());
    let title = format!("Have `{name}` verify the token");
    // It may answer a bad token in another way.
    fixer.checked(vec![(source.file, edits)], Vec::new(), title, Applicability::Unsafe)
}

/// Whether two verifications accept the same tokens.
fn is_same(one: &Decode, other: &Decode) -> bool {
    let names = |decode: &Decode| match &decode.algorithms {
        Algorithms::Known(known) => Some(known.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()),
        _ => None,
    };
    one.library == other.library
        && one.key == other.key
        && names(one).is_some()
        && names(one) == names(other)
        && (&one.audience, &one.issuer) == (&other.audience, &other.issuer)
        && other.unverified.is_none()
        && other.skips.is_empty()
}

fn function_of(fixer: &Fixer<'_>, decode: &Decode) -> Option<std::sync::Arc<FunctionRef>> {
    let site = decode.function?;
    let at = fixer.state.sources.locate(site);
    let source = fixer.source(site.file).ok()?;
    let name = source.text.get(at.range.start as usize..at.range.end as usize)?;
    match fixer.interpreter.lookup(site.file, &SmolStr::new(name)) {
        Value::Function(function) if function.site == site => Some(function),
        _ => None,
    }
}

/// The claims as a parameter, in the place of the statement that verifies.
fn asked_for(source: &Source, call: Node<'_>, default: &str) -> Result<Vec<TextEdit>, Refusal> {
    let text = &*source.text;
    let elsewhere = || Refusal("the claims are not kept in a variable of their own".into());
    let assignment = call.parent().filter(|node| node.kind() == "assignment").ok_or_else(elsewhere)?;
    let variable =
        assignment.child_by_field_name("left").filter(|node| node.kind() == "identifier").ok_or_else(elsewhere)?;
    let variable = text.get(variable.byte_range()).ok_or_else(unreadable)?;
    let mut statement = assignment.parent().ok_or_else(unreadable)?;
    if let Some(tried) = enclosing(statement, "try_statement") {
        let body = tried.child_by_field_name("body").ok_or_else(unreadable)?;
        if statement.parent().is_none_or(|block| block.id() != body.id()) || body.named_child_count() > 1 {
            return Err(Refusal("more is tried there than the verification".into()));
        }
        statement = tried;
    }
    let function = enclosing(statement, "function_definition").ok_or_else(unreadable)?;
    let body = function.child_by_field_name("body").ok_or_else(unreadable)?;
    if statement.parent().is_none_or(|block| block.id() != body.id()) || body.named_child_count() < 2 {
        return Err(Refusal("the verification is not a step of the function by itself".into()));
    }
    let parameter = Parameter::Default(None, default.to_owned());
    let mut edits = add_parameter(text, &source.layout, function, variable, &parameter)?;
    edits.push(replacement(lines_of(text, statement), String::new()));
    Ok(edits)
}
