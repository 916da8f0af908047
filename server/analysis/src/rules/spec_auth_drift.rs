//! `spec-auth-drift`: the specification and the code disagree about who may call.

use super::missing_auth_dependency::{guard_name, intends_auth, is_test, shown};
use super::{RuleInfo, State, router_included_unguarded_twice};
use crate::auth::guard::{Guard, answers_constant, exchanges_code, may_sign_in, sends_away};
use crate::auth::policy::{Authority, Basis, Expectation};
use crate::auth::public;
use crate::facts::roles::{Role, role};
use crate::ide::{Confidence, Diagnostic, Judged, Related, Severity};
use crate::index::routes::{Application, Route};
use crate::verdicts::{handler_site, with_interpreter};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "spec-auth-drift",
    summary: "a route whose guard is not what the specification says",
    cwe: "CWE-306",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/spec-auth-drift.md"),
};

/// Characters of a quoted line.
const MAX_QUOTE: usize = 120;

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        // An application without any authentication is reported once, as a whole.
        if application.test || !judged.iter().any(|judged| drift(judged).is_some()) {
            continue;
        }
        let intends = intends_auth(state, application);
        let all = judged;
        let mut guarded: Vec<(&Basis, Vec<(&Route, &Judged)>)> = Vec::new();
        for (index, (route, judged)) in application.routes.iter().zip(judged.iter()).enumerate() {
            let Some((drift, basis)) = drift(judged) else { continue };
            if drift == Drift::Open && router_included_unguarded_twice::speaks_of(application, all, index) {
                continue;
            }
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            if is_test(state, site.file) || state.sources.is_ghost(site) || state.sources.is_ghost(route.registration) {
                continue;
            }
            match drift {
                Drift::Open if intends && wanted(site.file) => {
                    found.push(finding(state, application, route, judged, drift, basis, &[]));
                }
                Drift::Open => {}
                Drift::Guarded => match guarded.iter_mut().find(|(other, _)| other.place == basis.place) {
                    Some((_, routes)) => routes.push((route, judged)),
                    None => guarded.push((basis, vec![(route, judged)])),
                },
            }
        }
        // One line about several routes is one thing to correct.
        for (basis, routes) in guarded {
            let [(route, judged), others @ ..] = routes.as_slice() else { continue };
            if wanted(handler_site(&route.handler).unwrap_or(route.registration).file) {
                found.push(finding(state, application, route, judged, Drift::Guarded, basis, others));
            }
        }
    }
}

/// In which direction the code differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drift {
    Open,
    Guarded,
}

fn drift(judged: &Judged) -> Option<(Drift, &Basis)> {
    let (drift, basis) = match (&judged.expected, &judged.guard) {
        (Expectation::Required(basis), Guard::Open(None)) => (Drift::Open, basis),
        // A handler that checks the caller itself, a password at signing in, say, may well be
        // what "public" means: a route that needs nobody to be signed in.
        (Expectation::Public(basis), Guard::Guarded(_) | Guard::Around(_)) => (Drift::Guarded, basis),
        _ => return None,
    };
    matches!(basis.authority, Authority::Specified | Authority::Grouped).then_some((drift, basis))
}

/// Whether this rule speaks of an open route, so that no other has to.
pub(super) fn speaks_of(state: &State, file: FileId, judged: &Judged) -> bool {
    let path = state.sources.file(file).map(|file| file.path.as_str()).unwrap_or_default();
    drift(judged).is_some_and(|(drift, _)| drift == Drift::Open) && state.policy.level(path, INFO.code) != Some("off")
}

/// Whether a finding of this rule is about an open route, which can be guarded.
pub(crate) fn is_about_open_route(state: &State, diagnostic: &Diagnostic) -> bool {
    let applications = state.table.applications.iter().zip(&state.guards.applications);
    applications.flat_map(|(application, judged)| application.routes.iter().zip(judged.iter())).any(
        |(route, judged)| {
            let site = handler_site(&route.handler).unwrap_or(route.registration);
            site.file == diagnostic.location.file
                && speaks_of(state, site.file, judged)
                && state.sources.locate(site) == diagnostic.location
        },
    )
}

fn finding(
    state: &State,
    application: &Application,
    route: &Route,
    judged: &Judged,
    drift: Drift,
    basis: &Basis,
    others: &[(&Route, &Judged)],
) -> Diagnostic {
    let site = handler_site(&route.handler).unwrap_or(route.registration);
    let location = state.sources.locate(site);
    let name = shown(route);
    let quoted = quote(state, basis);
    let (severity, message) = match drift {
        Drift::Open => {
            let advice = match crate::verdicts::candidates(state, application, route).first() {
                Some(verifier) => format!("add `Depends({})`", verifier.name),
                None => "add a dependency that verifies the token".to_owned(),
            };
            let message = format!(
                "{name} is open to everybody, but the specification requires authentication ({quoted}); {advice}, or correct the specification."
            );
            (open_severity(state, route, basis), message)
        }
        Drift::Guarded => {
            let by =
                guard_name(route, &judged.guard).map_or("by its handler".to_owned(), |name| format!("by `{name}`"));
            let (more, they) = match others.len() {
                0 => (String::new(), "it is"),
                1 => (", and 1 more route is, too".to_owned(), "they are"),
                more => (format!(", and {more} more routes are, too"), "they are"),
            };
            let message = format!(
                "{name} is guarded {by}{more}, but the specification says that {they} public ({quoted}); correct one of them."
            );
            (Severity::Warning, message)
        }
    };
    let mut related = vec![
        Related { location: state.sources.locate(route.registration), message: format!("{name} is registered here") },
        Related {
            location: state.sources.locate(application.site),
            message: format!("served by `{}`", application.name),
        },
    ];
    for (other, judged) in others {
        let site = handler_site(&other.handler).unwrap_or(other.registration);
        let by = guard_name(other, &judged.guard).map_or("by its handler".to_owned(), |name| format!("by `{name}`"));
        let message = format!("{} is guarded {by}", shown(other));
        related.push(Related { location: state.sources.locate(site), message });
    }
    related.retain(|step| step.location != location);
    related.push(said(state, basis));
    Diagnostic {
        rule: INFO.code,
        severity,
        confidence: Confidence::High,
        location,
        message,
        related,
        unnecessary: false,
    }
}

/// How bad it is that a route is open. A path that is public by nature, such as
/// signing out, whose handler provably gives away nothing, harms nobody. Where callers get their tokens, or are sent to
/// by a link, a sentence about a group of endpoints may not mean.
fn open_severity(state: &State, route: &Route, basis: &Basis) -> Severity {
    let (harmless, is_entrance) = with_interpreter(state, |interpreter| {
        let harmless = public::by_nature(route).is_some() && answers_constant(interpreter, route);
        let signs_in = may_sign_in(interpreter, route) || exchanges_code(interpreter, route);
        (harmless, signs_in || sends_away(interpreter, route))
    });
    let may_be_meant = is_entrance && basis.authority.speaks_of_several();
    match (harmless, route.conditional || may_be_meant) {
        (true, _) => Severity::Info,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Error,
    }
}

/// The line that says what is expected, as a step of a proof.
pub(crate) fn said(state: &State, basis: &Basis) -> Related {
    let who = match basis.authority {
        Authority::Configured(_) => "the configuration",
        _ => "the specification",
    };
    Related { location: basis.place, message: format!("{who} says: {}", quote(state, basis)) }
}

/// The line that says what is expected, in quotes.
fn quote(state: &State, basis: &Basis) -> String {
    let path = state.sources.file(basis.place.file).map(|file| file.path.as_str()).unwrap_or_default();
    if role(path) == Some(Role::Contract) {
        // The line is only the key of a list.
        return format!("`security` in {}", path.rsplit('/').next().unwrap_or(path));
    }
    let text = state.documents.get(basis.place.file).and_then(|document| document.text());
    let text = text.unwrap_or_default();
    let line = basis.place.range.slice(&text);
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_matches(['|', ' ', '"']);
    match line.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("\"{}…\"", &line[..end]),
        None => format!("\"{line}\""),
    }
}
