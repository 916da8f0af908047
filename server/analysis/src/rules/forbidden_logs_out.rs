//! `forbidden-logs-out`: a session that ends because one thing was not allowed.

use super::shared::frontend;
use super::shared::tokens::for_each_item;
use super::{RuleInfo, State};
use crate::auth::guard::Guard;
use crate::facts::manifests::Version;
use crate::frontend::observed::{Dismissal, Ending};
use crate::frontend::outcome::Area;
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::carried::asks_for_bearer;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "forbidden-logs-out",
    summary: "a session that ends because the backend answered 403",
    cwe: "CWE-280",
    owasp: "API5:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/forbidden-logs-out.md"),
};

/// The first FastAPI whose schemes answer a missing token with 401; before it was 403.
const ANSWERS_401: Version = Version(0, 122, 0);

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if !state.frontend.dismisses() || means_both(state) {
        return;
    }
    for (file, outcome) in state.frontend.outcomes().filter(|(file, _)| wanted(*file)) {
        let mut seen = None;
        for dismissal in outcome.observed.dismissals.iter().filter(|one| one.place.file == file) {
            if seen != Some(dismissal.place)
                && let Some(diagnostic) = finding(state, dismissal)
            {
                seen = Some(dismissal.place);
                found.push(diagnostic);
            }
        }
    }
}

/// Whether a backend of the workspace may say 403 to callers without a token:
/// old schemes of FastAPI, decorators and middlewares of Starlette, and code that does.
fn means_both(state: &State) -> bool {
    let mut served = state.table.applications.iter().filter(|served| !served.test).peekable();
    served.peek().is_none()
        || served.any(|served| {
            let is_new = state.sources.fastapi(served.site.file).is_some_and(|(version, _)| version >= ANSWERS_401);
            !is_new && served.routes.iter().any(asks_for_bearer)
        })
        || state.guards.applications.iter().any(|judged| {
            judged.iter().any(|judged| matches!(judged.guard, Guard::Around(_) | Guard::InBody(_) | Guard::Unknown(..)))
        })
        || says_forbidden(state)
}

/// Whether code of a backend answers 403 where there is no credential, or a bad one.
fn says_forbidden(state: &State) -> bool {
    let mut says = false;
    for_each_item(state, &|_| true, |tokens| says |= tokens.statuses.iter().any(|wrong| wrong.status == 403));
    says
}

fn finding(state: &State, dismissal: &Dismissal) -> Option<Diagnostic> {
    let what = match &dismissal.ending {
        Ending::SignedOut => "ends the session".to_owned(),
        Ending::Removed(area, key) => {
            let is_token = match key {
                Some(key) => frontend::is_sent(state, dismissal.place.file, *area, key),
                None => *area != Area::Cookie,
            };
            let key = key.as_ref().map(|key| format!(" (`{key}`)")).unwrap_or_default();
            is_token.then(|| format!("throws the token away{key}"))?
        }
        Ending::Elsewhere => "leads to the same page as 401 does".to_owned(),
    };
    let message = format!(
        "This takes 403 for the end of the session and {what}: 403 says that a caller who is known may not do this, a new sign-in changes nothing about it, and the page that asked is lost. Say that it is not allowed, and keep this for 401."
    );
    frontend::report_where_run(state, &INFO, Severity::Warning, dismissal.place, message, Vec::new())
}
