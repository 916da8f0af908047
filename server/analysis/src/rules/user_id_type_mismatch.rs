//! `user-id-type-mismatch`: paths and code that take no id of Better Auth for what it is.

use super::shared::frontend;
use super::{RuleInfo, State, for_each_served, report};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::{Site, Value};
use crate::verdicts::agreement::ids::made;
use crate::verdicts::with_interpreter;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "user-id-type-mismatch",
    summary: "a parameter or number for the user's id that no id of Better Auth fits",
    cwe: "CWE-704",
    owasp: "",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/user-id-type-mismatch.md"),
};

/// Names of parameters in a path that hold a user's id.
const NAMES: &[&str] = &["user_id", "userId", "userid"];

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let Some(issuer) = state.agreement.random_ids else { return };
    with_interpreter(state, |interpreter| {
        let mut seen: Vec<Site> = Vec::new();
        for_each_served(state, |_, route, judged| {
            let Some(handler) = route.function() else { return };
            if !wanted(handler.site.file) || !judged.guard.is_guarded() || seen.contains(&handler.site) {
                return;
            }
            seen.push(handler.site);
            for param in handler.def.params.iter().filter(|param| NAMES.contains(&param.name.name.as_str())) {
                let in_path = route.path.contains(&format!("{{{}}}", param.name.name));
                let Some(annotation) = param.annotation.as_ref().filter(|_| in_path) else { continue };
                let ty = match interpreter.eval_signature(handler, annotation) {
                    Value::Annotated(annotated) => annotated.ty.clone(),
                    other => other,
                };
                let Value::Package(path) = ty else { continue };
                let name = match path.as_str() {
                    "builtins.int" => "a number",
                    "uuid.UUID" => "a UUID",
                    _ => continue,
                };
                let site = Site { range: annotation.range, ..handler.site };
                if state.sources.is_ghost(site) {
                    continue;
                }
                let message = format!(
                    "The ids of Better Auth's users are 32 letters and digits, and this parameter takes {name}: every request gets 422. Take a `str`."
                );
                let steps =
                    frontend::related(state, issuer, "ids are made by this configuration").into_iter().collect();
                found.push(report(state, &INFO, Severity::Warning, site, message, steps));
            }
        });
    });
}

/// Numbers that the frontend makes of ids.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let numbered = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.observed.numbered);
    for place in numbered.filter(|place| wanted(place.file)) {
        let Some(issuer) = made(state) else { return };
        let message = "The ids of Better Auth's users are 32 letters and digits: the number that this makes of one is `NaN`, or one that several users share, made of the digits that an id begins with. Leave it a text.".to_owned();
        let steps = frontend::related(state, issuer, "ids are made by this configuration").into_iter().collect();
        found.extend(frontend::report(state, &INFO, Severity::Warning, *place, message, steps));
    }
}
