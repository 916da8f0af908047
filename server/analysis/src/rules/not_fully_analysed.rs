//! `not-fully-analysed`: a file about which authlens can't say everything.

use super::{RuleInfo, State};
use crate::ide::{Confidence, Diagnostic, Location, Related, Severity};
use crate::index::routes::Application;
use crate::text::TextRange;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "not-fully-analysed",
    summary: "a file or an application that could not be read as a whole",
    cwe: "",
    owasp: "",
    severity: Severity::Info,
    page: include_str!("../../../../specs/rules/not-fully-analysed.md"),
};

/// Places named in a finding; the rest is counted.
const SHOWN_PLACES: usize = 5;

pub(super) fn check(state: &State, file: FileId, found: &mut Vec<Diagnostic>) {
    let Some(source) = state.sources.file(file).filter(|source| !source.test) else { return };
    let (range, problem) = match (state.parsed(file), state.unreadable(file)) {
        (Some(parsed), _) if parsed.never_parsed && source.relevant => {
            // There is code that the grammar of TypeScript does not take, and a compiler does.
            let problem =
                if state.is_script(file) { "it can't be parsed from here on" } else { "it has a syntax error here" };
            (parsed.errors.first().copied().unwrap_or_default(), problem)
        }
        (None, Some(problem)) if source.relevant || !state.has_text(file) || state.is_script(file) => {
            (TextRange::default(), problem)
        }
        _ => return,
    };
    found.push(Diagnostic {
        rule: INFO.code,
        severity: Severity::Info,
        confidence: Confidence::High,
        location: Location { file, range },
        message: match (source.path.ends_with(".py"), state.is_script(file)) {
            (true, _) => format!("This file is not fully analysed: {problem}; routes that rest on it stay unknown."),
            (_, true) => format!("This file is not fully analysed: {problem}; what it sends may be missed."),
            _ => format!("What is here does not count: {problem}."),
        },
        related: Vec::new(),
        unnecessary: false,
    });
}

/// Applications that include routers which could not be followed: silence about their
/// routes would look like safety. One finding for each, at the first such place.
pub(super) fn check_applications(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for application in state.table.applications.iter().filter(|application| !application.test) {
        let mut lost = lost_in(state, application);
        lost.sort_by_key(|location| (location.file, location.range.start));
        lost.dedup();
        let Some(first) = lost.first().copied().filter(|first| wanted(first.file)) else { continue };
        if state.sources.file(first.file).is_some_and(|file| file.test) {
            continue;
        }
        let others = match lost.len() - 1 {
            0 => String::new(),
            1 => ", and in one other place".to_owned(),
            others => format!(", and in {others} other places"),
        };
        let related = lost[1..]
            .iter()
            .take(SHOWN_PLACES)
            .map(|location| Related { location: *location, message: "this could not be followed either".to_owned() });
        found.push(Diagnostic {
            rule: INFO.code,
            severity: Severity::Info,
            confidence: Confidence::High,
            location: first,
            message: format!(
                "What `{}` serves by this could not be followed{others}: nothing is said of the routes behind it. Import the router by its name where it is included.",
                application.name
            ),
            related: related.collect(),
            unnecessary: false,
        });
    }
}

/// Where an application includes routers which could not be followed.
fn lost_in(state: &State, application: &Application) -> Vec<Location> {
    // A package's own router is its own affair, unless all that is included seems to be one.
    let foreign = application.unresolved.iter().filter(|(_, reason, _)| *reason == "library-router").count();
    let nothing_else = application.routes.iter().all(|route| route.included_at.is_none());
    let is_lost = |reason: &str| match reason {
        "unknown-router" | "unknown-routes" | "loop" => true,
        "library-router" => nothing_else && (foreign > 1 || application.routes.is_empty()),
        _ => false,
    };
    let lost =
        application.unresolved.iter().filter(|(site, reason, _)| is_lost(reason) && !state.sources.is_ghost(*site));
    lost.map(|(site, ..)| state.sources.locate(*site)).collect()
}

/// Whether something of the projects could not be read or followed: what is found elsewhere may rest on it.
pub(crate) fn has_gaps(state: &State) -> bool {
    let mut judged = state.table.applications.iter().filter(|application| !application.test);
    state.speaking.iter().any(|file| applies(state, *file))
        || judged.any(|application| !lost_in(state, application).is_empty())
}

/// Whether a file is counted as not fully analysed.
pub(crate) fn applies(state: &State, file: FileId) -> bool {
    let mut found = Vec::new();
    check(state, file, &mut found);
    !found.is_empty()
}
