//! What the rules on the frontend share.

use smol_str::SmolStr;

use crate::frontend::locate;
use crate::frontend::outcome::{Area, Attached, Bearer, Place, Request, TokenSource};
use crate::ide::{Confidence, Diagnostic, Location, Related, Severity};
use crate::rules::{RuleInfo, State};
use crate::text::TextRange;
use crate::vfs::FileId;

/// Places of one kind that a finding shows.
const SHOWN_PLACES: usize = 3;

/// A finding at a place of a script; none if the place is gone, or does not parse.
pub(in crate::rules) fn report(
    state: &State,
    info: &RuleInfo,
    severity: Severity,
    place: Place,
    message: String,
    related: Vec<Related>,
) -> Option<Diagnostic> {
    let facts = state.sources.file(place.file)?.script.as_ref()?;
    if facts.index(place.item).and_then(|at| facts.items.get(at)).is_some_and(|item| item.broken) {
        return None;
    }
    let location = locate(&state.sources, place)?;
    Some(Diagnostic {
        rule: info.code,
        severity,
        confidence: Confidence::High,
        location,
        message,
        related: related.into_iter().filter(|step| step.location != location).collect(),
        unnecessary: false,
    })
}

/// Whether a request that was refused is made once more, with something that says who is calling: `apiFetch` renews the
/// session and asks again with the new token.
pub(in crate::rules) fn is_made_again(state: &State, request: &Request) -> bool {
    let is_same =
        |other: &Request| (other.call, &other.method, &other.url) == (request.call, &request.method, &request.url);
    let again = |other: &Request| other.after_refusal && other.authorization != Attached::Never && is_same(other);
    let mut made = state.frontend.outcome(request.call.file).into_iter().flat_map(|outcome| &outcome.requests);
    !request.after_refusal && made.any(again)
}

/// The same of what harms only where its module runs: less is said where nothing leads to that.
pub(in crate::rules) fn report_where_run(
    state: &State,
    info: &RuleInfo,
    severity: Severity,
    place: Place,
    message: String,
    related: Vec<Related>,
) -> Option<Diagnostic> {
    const UNUSED: &str = "No page leads to this module, so that it does not run for now.";
    let (severity, message) = unless_unused(state, [place.file], severity, message, UNUSED);
    report(state, info, severity, place, message, related)
}

/// What is said of some modules: less, and `unused` before it, where no module that runs imports one of them.
pub(in crate::rules) fn unless_unused(
    state: &State,
    modules: impl IntoIterator<Item = FileId>,
    severity: Severity,
    message: String,
    unused: &str,
) -> (Severity, String) {
    let modules: Vec<FileId> = modules.into_iter().collect();
    let placement = &state.frontend.placement;
    if modules.iter().all(|file| placement.is_unused(*file)) {
        return (Severity::Info, format!("{unused} {message}"));
    }
    match severity {
        Severity::Error if modules.iter().all(|file| placement.is_likely_unused(*file)) => (Severity::Warning, message),
        severity => (severity, message),
    }
}

/// A step of a proof at a place of a script.
pub(in crate::rules) fn related(state: &State, place: Place, message: &str) -> Option<Related> {
    Some(Related { location: locate(&state.sources, place)?, message: message.to_owned() })
}

/// Whether what a file keeps under a key is sent as a bearer token, wherever that
/// stands now.
pub(in crate::rules) fn is_sent(state: &State, file: FileId, area: Area, key: &SmolStr) -> bool {
    bearers_of(state, file, area, key).next().is_some()
}

/// The bearer tokens that are what a file keeps under a key: of its own workspace, for another copy of an
/// application has a browser's storage of its own.
fn bearers_of<'s>(state: &'s State, file: FileId, area: Area, key: &SmolStr) -> impl Iterator<Item = &'s Bearer> {
    let source = TokenSource::Storage(area, Some(key.clone()));
    let own = workspace_of(state, file);
    let bearers = state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.bearers);
    bearers.filter(move |bearer| bearer.source == source && workspace_of(state, bearer.place.file) == own)
}

/// The outermost folder around a file that holds a `package.json`: packages of one workspace share it.
pub(in crate::rules) fn workspace_of(state: &State, file: FileId) -> &str {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let folders = std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
    let folders = folders.map(|(folder, _)| folder);
    let packages = folders.filter(|folder| state.sources.id(&format!("{folder}/package.json")).is_some());
    packages.last().unwrap_or_default()
}

/// The places at which what a file keeps under a key is sent as a bearer token.
pub(in crate::rules) fn sent_from(state: &State, file: FileId, area: Area, key: &SmolStr) -> Vec<Related> {
    let mut sent: Vec<Related> = bearers_of(state, file, area, key)
        .filter_map(|bearer| related(state, bearer.place, "it is sent as the bearer token here"))
        .collect();
    sent.sort_by_key(|step| step.location);
    sent.dedup_by_key(|step| step.location);
    sent.truncate(SHOWN_PLACES);
    sent
}

/// The way of a module to the browser, as steps of a proof.
pub(in crate::rules) fn way_to_browser(state: &State, file: FileId) -> Vec<Related> {
    let way = state.frontend.placement.way_to_browser(file);
    let steps = way.windows(2).map(|pair| {
        let what = format!("this module imports `{}`", name_of(state, pair[1]));
        Related { location: top(pair[0]), message: what }
    });
    let mut steps: Vec<Related> = steps.collect();
    if let (Some(first), Some(step)) = (way.first(), steps.first_mut())
        && state.frontend.placement.is_client_boundary(*first)
    {
        step.message = format!("`use client`: {}", step.message);
    }
    steps
}

/// The name of a file without its folders.
pub(in crate::rules) fn name_of(state: &State, file: FileId) -> &str {
    let path = state.sources.file(file).map_or("", |source| &source.path);
    path.rsplit('/').next().unwrap_or(path)
}

/// A path below the folder of a project.
pub(in crate::rules) fn below<'s>(state: &'s State, file: FileId, folder: &str) -> &'s str {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    path.strip_prefix(folder).map_or(path, |rest| rest.trim_start_matches('/'))
}

/// The beginning of a file.
pub(in crate::rules) fn top(file: FileId) -> Location {
    Location { file, range: TextRange::empty(0) }
}
