//! Applications that a frontend sends its users' tokens to, and that look at none of them.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::frontend;
use crate::auth::guard::Guard;
use crate::frontend::locate;
use crate::frontend::matching::{Address, Base, Segment};
use crate::frontend::outcome::{Attached, Place, Request};
use crate::ide::{Diagnostic, Related, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::Site;
use crate::rules::missing_auth_dependency::{INFO, shown};
use crate::rules::{State, path_below_root, related};
use crate::verdicts::calls::{Origins, Reached};
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// Routes that an application answers with a token in the request, from which on it is told of.
const ENOUGH_ROUTES: usize = 3;

/// Routes named in a finding.
const SHOWN_ROUTES: usize = 5;

/// An application, and what it is asked with a token.
struct Asked<'s> {
    application: &'s Application,
    /// Open routes.
    open: BTreeMap<Site, &'s Route>,
    /// The first request to one of them.
    first: Place,
    /// Where requests to them go.
    servers: FxHashSet<Server>,
}

/// What tells the server of a request from others: the base of its address, and the first part of the path on the page's own.
type Server = (Base, Option<SmolStr>);

/// Applications none of whose routes is guarded, while requests to them carry a token, and other ones that the same
/// frontend asks verify it.
pub(in crate::rules) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let origins = Origins::new(state);
    let mut asked: BTreeMap<(&str, usize), Asked<'_>> = BTreeMap::new();
    let mut verified: BTreeMap<&str, Reached<'_>> = BTreeMap::new();
    let mut others: FxHashSet<(&str, Server)> = FxHashSet::default();
    for (file, request) in with_token(state) {
        let Some(reached) = origins.reached(file, request).filter(|reached| !reached.application.test) else {
            continue;
        };
        let Some(server) = server_of(&origins, file, request) else { continue };
        let package = package_of(state, file);
        match reached.judged.guard {
            Guard::Open(None) => {
                let (application, place) = (reached.application, request.place);
                let new = || Asked { application, open: BTreeMap::new(), first: place, servers: FxHashSet::default() };
                let one = asked.entry((package, reached.at.0)).or_insert_with(new);
                one.open.insert(reached.route.registration, reached.route);
                one.servers.insert(server);
                let at = |place: &Place| {
                    let start = locate(&state.sources, *place).map(|location| location.range.start);
                    (state.sources.file(place.file).map(|file| file.path.as_str()), start)
                };
                one.first = std::cmp::min_by_key(one.first, place, at);
            }
            ref guard if guard.is_guarded() => {
                let at = reached.route.registration;
                others.insert((package, server));
                if verified.get(package).is_none_or(|known| at < known.route.registration) {
                    verified.insert(package, reached);
                }
            }
            _ => {}
        }
    }
    for ((package, at), asked) in asked {
        let Some(verified) = verified.get(package) else { continue };
        let judged = state.guards.applications.get(at);
        let guards_any = judged.is_none_or(|judged| judged.iter().any(|judged| judged.guard.is_guarded()));
        // One server is one application: the other one stands in for it somewhere, or is what it was.
        let is_apart = !asked.servers.iter().any(|server| others.contains(&(package, server.clone())));
        if !guards_any && is_apart && asked.open.len() >= ENOUGH_ROUTES && wanted(asked.first.file) {
            found.extend(report(state, &asked, verified));
        }
    }
}

/// Where a request goes; none where that is not known.
fn server_of(origins: &Origins<'_>, file: FileId, request: &Request) -> Option<Server> {
    let Address { base, segments } = origins.address(file, request)?;
    let first = match (&base, segments.first()) {
        (Base::Unknown, _) => return None,
        (Base::Page, Some(Segment::Text(first))) => Some(first.clone()),
        (Base::Page, _) => return None,
        _ => None,
    };
    Some((base, first))
}

/// The folder of the package that a module of the frontend belongs to; empty where there is none.
fn package_of(state: &State, file: FileId) -> &str {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let above = std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
    let mut above = above.map(|(folder, _)| folder);
    above.find(|folder| state.sources.id(&format!("{folder}/package.json")).is_some()).unwrap_or_default()
}

/// Requests of the frontend that carry a token.
fn with_token(state: &State) -> impl Iterator<Item = (FileId, &Request)> {
    let is_test = |file: FileId| state.sources.file(file).is_some_and(|source| source.test);
    let outcomes = state.frontend.outcomes().filter(move |(file, _)| !is_test(*file));
    let requests = outcomes.flat_map(|(file, outcome)| outcome.requests.iter().map(move |request| (file, request)));
    requests.filter(|(_, request)| request.authorization == Attached::Given && !request.sent.is_empty())
}

fn report(state: &State, asked: &Asked<'_>, verified: &Reached<'_>) -> Option<Diagnostic> {
    let own = path_below_root(state, asked.application.site.file);
    let other = path_below_root(state, verified.application.site.file);
    let message = format!(
        "This request carries its user's token, and nothing in the application that `{own}` makes looks at it, while other requests go with it to the one of `{other}`, which verifies it: {} of its routes that this frontend asks are open to everybody. Have them verify the token, too, or say which are public with `# authlens: public <reason>`.",
        asked.open.len(),
    );
    let place = |route: &Route| handler_site(&route.handler).unwrap_or(route.registration);
    let open = asked.open.values().take(SHOWN_ROUTES);
    let mut steps: Vec<Related> =
        open.map(|route| related(state, place(route), format!("{} is open", shown(route)))).collect();
    steps.push(related(state, place(verified.route), format!("{} is guarded", shown(verified.route))));
    frontend::report_where_run(state, &INFO, Severity::Error, asked.first, message, steps)
}
