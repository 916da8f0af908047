//! `middleware-guard-gap`: a middleware that lets more through than its list says.

use super::shared::frontend;
use super::{RuleInfo, State, for_each_note, related, report};
use crate::frontend::placement::Entry;
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "middleware-guard-gap",
    summary: "a guarding middleware that compares paths by their beginning",
    cwe: "CWE-288",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/middleware-guard-gap.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_note(state, |note| {
        let Some(first) = note.prefixes.first().filter(|prefix| wanted(prefix.site.file)) else { return };
        let name = &note.name;
        let added = related(state, note.site, format!("`{name}` is added here"));
        if let Some(everything) = note.prefixes.iter().find(|prefix| prefix.everything) {
            let message = format!(
                "`{name}` guards nothing: every path begins with `/`, which it lets through; compare whole paths."
            );
            found.push(report(state, &INFO, Severity::Error, everything.site, message, vec![added]));
            return;
        }
        let paths: Vec<String> = note.prefixes.iter().map(|prefix| format!("`{}`", prefix.path)).collect();
        let message = format!(
            "`{name}` lets through every path that begins with {}, such as `{}-anything`: compare whole paths, or end them with `/`.",
            paths.join(", "),
            first.path
        );
        let mut steps = vec![added];
        steps.extend(
            note.prefixes.iter().skip(1).map(|prefix| {
                related(state, prefix.site, format!("`{}` is compared by its beginning too", prefix.path))
            }),
        );
        found.push(report(state, &INFO, Severity::Info, first.site, message, steps));
    });
}

/// Middlewares of Next.js: the pages behind one are open, and what the backend gives them is its own matter.
pub(super) fn check_frontend(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let is_middleware = |file: FileId| state.frontend.placement.entry(file) == Some(Entry::Middleware);
    for (_, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file) && is_middleware(*file)) {
        for endpoint in &outcome.observed.endpoints {
            let Some(place) = endpoint.lets_through.filter(|place| wanted(place.file)) else { continue };
            let name = match endpoint.name.as_str() {
                "default" => "This middleware".to_owned(),
                name => format!("`{name}`"),
            };
            let message = format!(
                "{name} turns nobody away: every path begins with `/`, which it lets through, so that no page asks who comes; compare whole paths, or leave `/` out and compare it by itself."
            );
            let guard =
                frontend::related(state, endpoint.place, "this looks at the credential, and lets everybody through");
            found.extend(frontend::report(
                state,
                &INFO,
                Severity::Warning,
                place,
                message,
                guard.into_iter().collect(),
            ));
        }
    }
}
