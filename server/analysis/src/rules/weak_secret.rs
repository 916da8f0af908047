//! `weak-secret`: a key that can be guessed, or that everybody knows.

use super::shared::keys::{copies_in_file, is_given_on, used_near, used_variables};
use super::{RuleInfo, State};
use crate::facts::environment::{Form, Looks, Variable, When, form};
use crate::ide::{Confidence, Diagnostic, Severity};
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "weak-secret",
    summary: "a key that is short, a placeholder or made of words that keys are named by",
    cwe: "CWE-521",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/weak-secret.md"),
};

/// Bytes that a key of HS256 has at least (RFC 7518, section 3.2).
const ENOUGH: u32 = 32;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut used = None;
    for (file, environment) in state.environments.iter().filter(|(file, _)| wanted(**file)) {
        let Some(form) = state.sources.file(*file).and_then(|source| form(&source.path)) else { continue };
        for variable in &environment.variables {
            let Some(why) = why(variable, form, environment.is_committed) else { continue };
            if form == Form::Values && !is_given_on(state, *file, variable) {
                continue;
            }
            let used = used.get_or_insert_with(|| used_variables(state));
            let usage = used_near(state, used, &variable.name, *file, variable.to_frontend);
            let Some(usage) = usage else { continue };
            let (is_for_tokens, verb) = usage.verb();
            if is_short(variable) && !is_for_tokens {
                continue;
            }
            // Services of a file that share a key are one finding.
            let Some(others) = copies_in_file(*file, &environment.variables, variable) else { continue };
            let mut steps = usage.related(state);
            steps.extend(others);
            let message = format!(
                "`{}` {verb} and {why}: whoever guesses it {}. Set 32 random bytes, as `openssl rand -base64 32` makes them.",
                variable.name,
                usage.power()
            );
            found.push(Diagnostic {
                rule: INFO.code,
                severity: Severity::Warning,
                confidence: Confidence::High,
                location: Location { file: *file, range: variable.range },
                message,
                related: steps,
                unnecessary: false,
            });
        }
    }
}

/// Whether a value is shorter than HS256 needs, and nothing else is wrong with it.
fn is_short(variable: &Variable) -> bool {
    variable.value.looks == Looks::Own && variable.value.bytes < ENOUGH
}

/// What makes a value weak. Of committed ones that are no placeholders
/// `hardcoded-secret` says more.
fn why(variable: &Variable, form: Form, is_committed: bool) -> Option<String> {
    let value = &variable.value;
    match value.looks {
        _ if is_committed && matches!(variable.when, When::Unset(_)) => None,
        // Another rule says who else has it.
        _ if value.holds.is_some() => None,
        // Such a file shows what has to be set.
        Looks::Placeholder if is_committed && form == Form::Lines => None,
        Looks::Placeholder => Some("its value is a placeholder".to_owned()),
        _ if is_committed => None,
        Looks::Blank => Some("its value is a placeholder".to_owned()),
        Looks::Guessable => Some("its value is made of words that keys are named by".to_owned()),
        Looks::Own if is_short(variable) => {
            Some(format!("has {} bytes, where HS256 needs {ENOUGH} (RFC 7518, 3.2)", value.bytes))
        }
        Looks::Own => None,
    }
}
