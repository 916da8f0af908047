//! `scopes-not-enforced`: scopes that nobody compares.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::{callable_name, shown};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::facts::python::tree::ParamKind;
use crate::ide::{Diagnostic, Severity};
use crate::index::dependencies::called;
use crate::index::interpreter::Interpreter;
use crate::index::routes::Route;
use crate::index::value::{Site, Value};
use crate::verdicts::with_interpreter;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "scopes-not-enforced",
    summary: "scopes asked for with Security that no dependency compares",
    cwe: "CWE-862",
    owasp: "API5:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/scopes-not-enforced.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    with_interpreter(state, |interpreter| {
        for_each_served(state, |_, route, _| {
            for (index, node) in route.dependencies.iter().enumerate() {
                let own = node.parent.is_none_or(|parent| route.dependencies[parent].scopes != node.scopes);
                if node.scopes.is_empty() || !own || !wanted(node.site.file) || !seen.insert(node.site) {
                    continue;
                }
                if reads_scopes(interpreter, route, index) {
                    continue;
                }
                let name = callable_name(&node.callable).unwrap_or("this dependency");
                let message = format!(
                    "The scopes {} are never compared: neither `{name}` nor what it depends on takes `SecurityScopes`; take it there and check the token's scopes.",
                    node.scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(", ")
                );
                let steps = vec![related(state, route.registration, format!("{} asks for them", shown(route)))];
                found.push(report(state, &INFO, Severity::Warning, node.site, message, steps));
            }
        });
    });
}

/// Whether a dependency or one below it takes `SecurityScopes`, or could: what
/// can't be followed may.
fn reads_scopes(interpreter: &Interpreter<'_>, route: &Route, at: usize) -> bool {
    route.dependencies.iter().enumerate().any(|(index, node)| {
        let below = std::iter::successors(Some(index), |at| route.dependencies[*at].parent).any(|above| above == at);
        if !below {
            return false;
        }
        let Some((function, skip)) = called(interpreter, &node.callable) else {
            // A scheme of FastAPI compares nothing.
            return !matches!(&node.callable, Value::Instance(instance) if is_scheme(&instance.class));
        };
        function.def.params.iter().skip(skip).any(|param| {
            let annotation = param.annotation.as_ref().map(|ty| interpreter.eval_signature(&function, ty));
            matches!(annotation, Some(Value::Package(path)) if path.ends_with(".SecurityScopes"))
                || matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs)
        })
    })
}

fn is_scheme(class: &Value) -> bool {
    matches!(class, Value::Package(path) if path.starts_with("fastapi.security"))
}
