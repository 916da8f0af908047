//! `unused-ignore`: a comment to authlens that has no effect, or doesn't say why.

use super::missing_auth_dependency::shown;
use super::{RuleInfo, State};
use crate::auth::guard::Guard;
use crate::facts::comments::{Comment, CommentKind};
use crate::ide::{Confidence, Diagnostic, Location, Severity};
use crate::index::routes::Route;
use crate::index::value::Site;
use crate::suppress::Unused;
use crate::text::TextRange;
use crate::verdicts;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unused-ignore",
    summary: "a comment to authlens that has no effect, does not say why, or can't be understood",
    cwe: "",
    owasp: "",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/unused-ignore.md"),
};

/// Says which comments of a file have no effect. What accepts nothing now may accept something when all of the
/// project is known: until then (`knows_all`) it is only said of rules that there are not.
pub(super) fn check(
    file: FileId,
    comments: &[Comment],
    unused: &[Unused],
    knows_all: bool,
    found: &mut Vec<Diagnostic>,
) {
    for unused in unused {
        let unknown = unused.rule.as_ref().is_some_and(|rule| super::find(rule).is_none());
        if !unknown && !knows_all {
            continue;
        }
        let message = match &unused.rule {
            Some(rule) if unknown => format!("authlens has no rule `{rule}`: remove it from the comment."),
            Some(rule) => format!("`{rule}` finds nothing here: remove it from the comment."),
            None => "This comment accepts no finding: remove it, or it will hide the next one.".to_owned(),
        };
        found.push(finding(file, unused.range, message, true));
    }
    let is_unused = |comment: &Comment| unused.iter().any(|unused| unused.range == comment.range);
    for comment in comments {
        match &comment.kind {
            CommentKind::Malformed { problem } => {
                let message = format!(
                    "authlens can't understand this comment: {problem}; write `# authlens: ignore[rule] reason` or `# authlens: public reason`."
                );
                found.push(finding(file, comment.range, message, false));
            }
            CommentKind::Ignore { rules, reason } if !is_unused(comment) => {
                let said = match (rules.is_empty(), reason.is_empty()) {
                    (true, true) => "does not say what it accepts, nor why",
                    (true, false) => "accepts whatever is found here, and what will be",
                    (false, true) => "does not say why",
                    (false, false) => continue,
                };
                let message = format!("This comment {said}: write `authlens: ignore[rule] reason`.");
                let severity = Severity::Info;
                found.push(Diagnostic { severity, ..finding(file, comment.range, message, false) });
            }
            _ => {}
        }
    }
}

/// Says which comments declare open what is guarded, or stand where no route is.
pub(super) fn check_public(state: &State, file: FileId, found: &mut Vec<Diagnostic>) {
    let Some(parsed) = state.parsed(file).filter(|parsed| parsed.facts.python().is_some()) else { return };
    let mut read = None;
    for comment in &parsed.comments {
        if !matches!(comment.kind, CommentKind::Public { .. }) {
            continue;
        }
        let (text, lines) = read.get_or_insert_with(|| (parsed.text(), parsed.line_index()));
        let (first, last) = comment.covered_lines(text, lines);
        let covered = TextRange::new(lines.line_range(first, text).start, lines.line_range(last, text).end);
        let routes = routes_at(state, Location { file, range: covered });
        // A handler may verify what it is about, and not who is calling: the link of a mail.
        let is_guarded = |guard: &Guard| matches!(guard, Guard::Guarded(_) | Guard::Around(_));
        let message = if routes.is_empty() {
            // What registers routes in ways that were not followed may still be one.
            let code = TextRange::new(lines.line_range(first, text).end, covered.end).slice(text);
            let code =
                if comment.own_line { code } else { &text[covered.start as usize..comment.range.start as usize] };
            if ["@", "(", "def ", "class "].iter().any(|sign| code.contains(sign)) {
                continue;
            }
            "No route is here that this comment could declare public: remove it.".to_owned()
        } else if routes.iter().all(|(_, guard)| is_guarded(guard)) {
            let (route, _) = routes[0];
            format!(
                "{} is guarded, whatever this comment says: remove it, or it will hide that the guard is gone one day.",
                shown(route)
            )
        } else {
            continue;
        };
        found.push(finding(file, comment.range, message, true));
    }
}

/// Routes of applications that are registered, or whose handlers stand, in a place.
fn routes_at(state: &State, place: Location) -> Vec<(&Route, &Guard)> {
    let applications = state.table.applications.iter().zip(&state.guards.applications);
    let routes = applications.flat_map(|(application, judged)| application.routes.iter().zip(judged.iter()));
    let is_here = |site: Site| {
        site.file == place.file && !state.sources.is_ghost(site) && {
            let at = state.sources.locate(site).range.start;
            place.range.start <= at && at <= place.range.end
        }
    };
    let here = routes.filter(|(route, _)| {
        let places = [Some(route.registration), verdicts::handler_site(&route.handler)];
        places.into_iter().flatten().any(is_here)
    });
    here.map(|(route, judged)| (route, &judged.guard)).collect()
}

fn finding(file: FileId, range: TextRange, message: String, unnecessary: bool) -> Diagnostic {
    Diagnostic {
        rule: INFO.code,
        severity: Severity::Warning,
        confidence: Confidence::High,
        location: Location { file, range },
        message,
        related: Vec::new(),
        unnecessary,
    }
}
