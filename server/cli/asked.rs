//! What of a project was asked for on the command line.

use std::collections::BTreeSet;

use authlens_analysis::ide::{Analysis, AppView, CallView, Location, Summary};

use super::load::Loaded;

/// The applications that were asked for, with all of their routes where they are made in what was named, else with
/// those that are written there.
pub(super) fn applications(loaded: &Loaded, analysis: &Analysis) -> Vec<AppView> {
    let is_named = |at: Location| loaded.is_named(analysis.path(at.file));
    let mut all = analysis.apps();
    for app in all.iter_mut().filter(|app| !is_named(app.location)) {
        app.routes.retain(|route| is_named(route.anchor) || is_named(route.registration));
        app.unresolved.retain(|unresolved| is_named(unresolved.location));
    }
    // What mounts one of them stays: it decides about the paths.
    let has_own = |app: &AppView| is_named(app.location) || !app.routes.is_empty() || !app.unresolved.is_empty();
    let mut kept: BTreeSet<Location> = all.iter().filter(|app| has_own(app)).map(|app| app.location).collect();
    loop {
        let mounts_kept = |app: &&AppView| {
            !kept.contains(&app.location) && app.mounts.iter().any(|(_, mounted)| kept.contains(mounted))
        };
        let above: Vec<Location> = all.iter().filter(mounts_kept).map(|app| app.location).collect();
        if above.is_empty() {
            break;
        }
        kept.extend(above);
    }
    all.retain(|app| kept.contains(&app.location));
    all
}

/// What is counted of what was named, and of these applications.
pub(super) fn summary(loaded: &Loaded, analysis: &Analysis, apps: &[AppView]) -> Summary {
    let routes = apps.iter().flat_map(|app| &app.routes);
    let written: BTreeSet<&str> = routes.map(|route| analysis.path(route.anchor.file)).collect();
    analysis.summary_of(&|path| loaded.is_named(path) || written.contains(path))
}

/// The requests that were asked for: those that are sent in what was named, and those that reach a route there.
pub(super) fn calls(loaded: &Loaded, analysis: &Analysis) -> Vec<CallView> {
    let is_named = |at: Location| loaded.is_named(analysis.path(at.file));
    let mut calls = analysis.calls();
    calls.retain(|call| is_named(call.location) || call.route.as_ref().is_some_and(|route| is_named(route.handler)));
    calls
}
