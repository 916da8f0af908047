//! `auth-dependency-not-applied`: a guard that is written where FastAPI does not see it.

use super::missing_auth_dependency::{is_test, shown};
use super::{RuleInfo, State};
use crate::auth::guard::{Guard, Weak};
use crate::auth::unapplied::{Form, Unapplied};
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::routes::Route;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "auth-dependency-not-applied",
    summary: "a guard that is written where FastAPI does not see it",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/auth-dependency-not-applied.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if application.test {
            continue;
        }
        for (route, judged) in application.routes.iter().zip(judged.iter()) {
            let Guard::Open(Some(Weak::Unapplied(unapplied))) = &judged.guard else { continue };
            let file = unapplied.site.file;
            if wanted(file) && !is_test(state, file) && !state.sources.is_ghost(unapplied.site) {
                found.push(finding(state, route, unapplied));
            }
        }
    }
}

fn finding(state: &State, route: &Route, unapplied: &Unapplied) -> Diagnostic {
    let Unapplied { form, site, name } = unapplied;
    let (why, advice) = match form {
        Form::InUnion => (
            format!(
                "FastAPI looks for `Depends` at the top of an annotation only, and here `{name}` is inside a union"
            ),
            "ask for it without `| None`, or write a dependency that returns `None` itself".to_owned(),
        ),
        Form::BareDefault => (
            format!("`{name}` is the default value, not a dependency, and the client fills the parameter"),
            format!("write `Depends({name})`"),
        ),
        Form::BareMetadata => (
            format!("`{name}` in `Annotated` is no dependency without `Depends`, and the client fills the parameter"),
            format!("write `Depends({name})`"),
        ),
        Form::TypeCheckingOnly => (
            format!(
                "the alias that asks for `{name}` is imported under `TYPE_CHECKING`, so it does not exist at run time"
            ),
            "import it outside of that block".to_owned(),
        ),
        Form::DecoratorAbove => (
            format!("FastAPI has registered the handler before `{name}` is put around it"),
            "move it below the route's decorator".to_owned(),
        ),
    };
    let location = state.sources.locate(*site);
    let mut related = vec![Related {
        location: state.sources.locate(route.registration),
        message: format!("{} is registered here", shown(route)),
    }];
    if let Some(handler) = handler_site(&route.handler) {
        related.push(Related { location: state.sources.locate(handler), message: "its handler".to_owned() });
    }
    related.retain(|step| step.location != location);
    Diagnostic {
        rule: INFO.code,
        severity: if route.conditional { Severity::Info } else { Severity::Error },
        confidence: Confidence::High,
        location,
        message: format!("{} is open to everybody: {why}; {advice}.", shown(route)),
        related,
        unnecessary: false,
    }
}
