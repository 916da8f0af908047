//! `shadowed-guarded-route`: a guarded route that another one answers for.

use super::missing_auth_dependency::{is_test, shown};
use super::{RuleInfo, State, related, report};
use crate::auth::guard::Guard;
use crate::ide::{Diagnostic, Judged, RouteKind, Severity};
use crate::index::routes::Route;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "shadowed-guarded-route",
    summary: "a guarded route behind an earlier open one that matches its path",
    cwe: "CWE-288",
    owasp: "API2:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/shadowed-guarded-route.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if application.test {
            continue;
        }
        let routes: Vec<(&Route, &Judged)> = application
            .routes
            .iter()
            .zip(judged.iter())
            .filter(|(route, _)| route.kind == RouteKind::Http && route.path_known && !route.conditional)
            .collect();
        for (at, (late, guard)) in routes.iter().enumerate() {
            let site = handler_site(&late.handler).unwrap_or(late.registration);
            if late.path.contains('{') || !is_guarded(guard) || !wanted(site.file) || is_test(state, site.file) {
                continue;
            }
            let earlier = routes[..at].iter().find(|(early, guard)| {
                matches!(guard.guard, Guard::Open(_) | Guard::Public(_))
                    && early.methods.iter().any(|method| late.methods.contains(method))
                    && early.path.contains('{')
                    && matches(&early.path, &late.path)
            });
            let Some((early, _)) = earlier else { continue };
            let message = format!(
                "{} is never reached: {} is registered before it, matches the same path and is not guarded; register this route first.",
                shown(late),
                shown(early)
            );
            let steps = vec![related(state, early.registration, format!("{} is registered here", shown(early)))];
            found.push(report(state, &INFO, Severity::Warning, site, message, steps));
        }
    }
}

fn is_guarded(judged: &Judged) -> bool {
    matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_) | Guard::InBody(_))
}

/// Whether a template matches a literal path (Starlette 1.0, `compile_path`):
/// a plain parameter takes one segment, converters take what they convert.
fn matches(template: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) => {
                let parameter = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
                let fits = match parameter.map(|name| name.split_once(':').map_or("str", |(_, converter)| converter)) {
                    None => part == segment,
                    Some("path") => return true,
                    Some("int") => !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()),
                    Some("str") => !segment.is_empty(),
                    Some(_) => false,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn templates_match_as_starlette_does() {
        assert!(matches("/u/{id}", "/u/me"));
        assert!(matches("/files/{rest:path}", "/files/a/b"));
        assert!(matches("/{a}/{b}", "/u/me"));
        assert!(!matches("/u/{id:int}", "/u/me"));
        assert!(!matches("/u/{id}", "/u/me/tasks"));
        assert!(!matches("/u/{id}", "/u/"));
    }
}
