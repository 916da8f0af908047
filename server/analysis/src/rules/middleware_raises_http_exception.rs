//! `middleware-raises-http-exception`: a rejection that becomes a 500.

use super::{RuleInfo, State, for_each_note, related, report};
use crate::ide::{Diagnostic, Severity};
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "middleware-raises-http-exception",
    summary: "HTTPException raised in a middleware, where nothing answers it",
    cwe: "CWE-755",
    owasp: "API8:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/middleware-raises-http-exception.md"),
};

/// What is said of the other places in the same middleware.
pub(crate) const ALSO: &str = "so does this one";

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for_each_note(state, |note| {
        // One mistake, however often it is made: it is mended in the same way.
        let Some((first, others)) = note.raises.split_first().filter(|(one, _)| wanted(one.site.file)) else { return };
        let message = match first.raised {
            None => format!(
                "`HTTPException` raised in the middleware `{}` reaches no exception handler, so the client gets a 500: return a `JSONResponse` with the status instead.",
                note.name
            ),
            Some(_) => format!(
                "What is called here raises `HTTPException`, which reaches no exception handler from the middleware `{}`, so the client gets a 500: catch it, and return a `JSONResponse` with its status.",
                note.name
            ),
        };
        let mut steps = vec![related(state, note.site, format!("`{}` is added here", note.name))];
        let raised = first.raised.filter(|raised| !state.sources.is_ghost(*raised));
        steps.extend(raised.map(|raised| related(state, raised, "it is raised here".to_owned())));
        steps.extend(others.iter().map(|one| related(state, one.site, ALSO.to_owned())));
        found.push(report(state, &INFO, Severity::Error, first.site, message, steps));
    });
}
