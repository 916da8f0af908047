//! `insecure-transport`: tokens, keys and cookies that others can read or change on their way.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::shared::frontend;
use super::shared::tokens::{for_each_item, is_script};
use super::{RuleInfo, State, report};
use crate::auth::tokens::{Insecure, Transport, is_plain_and_far};
use crate::frontend::outcome::{Attached, Literal, Place, UrlPart};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "insecure-transport",
    summary: "a token, key or cookie that goes over plain HTTP, or past a certificate",
    cwe: "CWE-319",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/insecure-transport.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_item(state, wanted, |tokens| {
        let counts = |one: &&Insecure| {
            let is_called = |helper| state.tokens.calls().any(|call| call.callee == helper && call.function != helper);
            !is_script(state, one.site.file) && one.helper.is_none_or(is_called)
        };
        for insecure in tokens.insecure.iter().filter(counts) {
            let message = match insecure.how {
                Transport::Keys => {
                    "Public keys are fetched over plain HTTP: whoever is on the way can put in their own, and sign a token for any user. Use `https://`."
                }
                Transport::Token => {
                    "The caller's token is sent over plain HTTP: whoever is on the way can read it and act as that user. Use `https://`."
                }
                Transport::Unchecked => {
                    "Nobody checks whose certificate it is (`verify=False`): whoever is on the way can read what is sent and answer in the other's place. Leave the check on, and name the authority that you trust."
                }
                Transport::Cookie => {
                    "The token in this cookie goes over plain HTTP, too: whoever is on the way can read it and act as that user. Pass `secure=True`, or have a setting say so where it is not for production."
                }
            };
            found.push(report(state, &INFO, Severity::Warning, insecure.site, message.to_owned(), Vec::new()));
        }
    });
}

/// Requests of the frontend.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut told: FxHashSet<Place> = FxHashSet::default();
    for (file, outcome) in state.frontend.outcomes() {
        for request in outcome.requests.iter().filter(|request| request.authorization == Attached::Given) {
            let (place, when) = match request.url.as_slice() {
                // A host that goes on in what is not known may be another one.
                [UrlPart::Text(text)] if is_plain_and_far(text) => (request.place, String::new()),
                [UrlPart::Text(text), ..] if text.matches('/').count() > 2 && is_plain_and_far(text) => {
                    (request.place, String::new())
                }
                [UrlPart::Environment(variable), ..] => {
                    let Some(place) = stands_in(state, file, variable) else { continue };
                    (place, format!(" where `{variable}` is not set"))
                }
                _ => continue,
            };
            if !wanted(place.file) || !told.insert(place) {
                continue;
            }
            let message = format!(
                "The token is sent over plain HTTP{when}: whoever is on the way can read it and act as that user. Use `https://`."
            );
            let steps = frontend::related(state, request.place, "the request is made here");
            let steps = steps.into_iter().collect();
            found.extend(frontend::report_where_run(state, &INFO, Severity::Warning, place, message, steps));
        }
    }
}

/// The address that a module, or one that it rests on, takes in the place of a variable of the environment, where that
/// is of plain HTTP and of another machine.
fn stands_in(state: &State, file: FileId, variable: &SmolStr) -> Option<Place> {
    let outcome = state.frontend.outcome(file)?;
    let others = outcome.modules.keys().filter(|other| **other != file);
    let mut others: Vec<FileId> = others.copied().collect();
    others.sort_unstable();
    let outcomes = std::iter::once(file).chain(others).filter_map(|file| state.frontend.outcome(file));
    let mut literals = outcomes.flat_map(|outcome| &outcome.literals);
    let is_it = |literal: &&Literal| {
        literal.variable.as_ref() == Some(variable) && literal.address.as_deref().is_some_and(is_plain_and_far)
    };
    literals.find(is_it).map(|literal| literal.place)
}
