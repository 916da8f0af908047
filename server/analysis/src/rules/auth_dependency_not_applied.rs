//! `auth-dependency-not-applied`: a guard that is written where FastAPI does not see it.

use rustc_hash::FxHashSet;

use super::missing_auth_dependency::{is_test, shown};
use super::{RuleInfo, State, for_each_served, report};
use crate::auth::guard::{Guard, Weak};
use crate::auth::unapplied::{Filled, Form, Unapplied};
use crate::ide::{Confidence, Diagnostic, Related, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
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
    check_filled(state, wanted, found);
}

/// Parameters that the client fills on routes which are not open: who they say it is, or with which token they come.
fn check_filled(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_wanted = |site: Site| wanted(site.file) && !is_test(state, site.file) && !state.sources.is_ghost(site);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        let Some(by_client) = &judged.by_client else { return };
        let is_open = matches!(judged.guard, Guard::Open(_));
        if let Some(filled) = by_client.caller.as_ref().filter(|filled| !is_open && is_wanted(filled.unapplied.site))
            && seen.insert(filled.unapplied.site)
        {
            found.push(named_by_client(state, route, filled));
        }
        for filled in by_client.schemes.iter().filter(|filled| is_wanted(filled.unapplied.site)) {
            if seen.insert(filled.unapplied.site) {
                found.push(token_by_client(state, filled));
            }
        }
    });
}

/// Who the client says it is, where a handler takes a parameter for the caller.
fn named_by_client(state: &State, route: &Route, filled: &Filled) -> Diagnostic {
    let Filled { unapplied, parameter } = filled;
    let (why, advice) = reason(unapplied);
    let message = format!(
        "On {} the client says who `{parameter}` is, and nothing verifies that: {why}; {advice}.",
        shown(route)
    );
    report(state, &INFO, Severity::Warning, unapplied.site, message, Vec::new())
}

/// A token that is taken from the address, where a scheme was meant to take it from a header.
fn token_by_client(state: &State, filled: &Filled) -> Diagnostic {
    let Filled { unapplied: Unapplied { name, site, .. }, parameter } = filled;
    let message = format!(
        "`{name}` in `Annotated` is no dependency without `Depends`: FastAPI takes `{parameter}` from the query of the address, which stands in logs and histories, and never from the header; write `Depends(…)` around it."
    );
    report(state, &INFO, Severity::Warning, *site, message, Vec::new())
}

fn finding(state: &State, route: &Route, unapplied: &Unapplied) -> Diagnostic {
    let (why, advice) = reason(unapplied);
    let location = state.sources.locate(unapplied.site);
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

/// Why a guard is not applied, and what to write.
fn reason(unapplied: &Unapplied) -> (String, String) {
    let Unapplied { form, name, .. } = unapplied;
    match form {
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
    }
}
